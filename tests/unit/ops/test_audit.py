"""Tests of `radiusmfa.ops.audit`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.ops.audit import Lines, Ruled, Told
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.wire.codec import Packet

NOON = 1_767_355_200.0  # 2026-01-02T12:00:00Z
KEY = codec.SigningKey(Secret(b"0123456789abcdef"))
ACCEPTED = Told("a1", "accept", "factor-passed", "auto", "totp", "T-1", 1200, 900)

# What a hostile client may send as a name, and the text that the line has for it.
HOSTILE = [
    pytest.param(b'a","decision":"accept', 'a","decision":"accept', id="quote"),
    pytest.param(b'a"}\n{"decision":"accept', 'a"}\n{"decision":"accept', id="second line"),
    pytest.param(b"a\r\nb", "a\r\nb", id="carriage return"),
    pytest.param(b"a\0b", "a\0b", id="NUL"),
    pytest.param(b"\\", "\\", id="backslash at the end"),
    pytest.param(b"\x1b[2J\x07", "\x1b[2J\x07", id="terminal sequence"),
    pytest.param(b"\x7f", "\x7f", id="delete"),
    pytest.param("a\u2028b\u2029c\x85d".encode(), "a\u2028b\u2029c\x85d", id="line separators"),
    pytest.param("\u202egro.live".encode(), "\u202egro.live", id="right to left"),
    pytest.param(b"\xff\xfe", r"\xff\xfe", id="no UTF-8"),
    pytest.param(b"\xed\xa0\x80", r"\xed\xa0\x80", id="surrogate"),
    pytest.param(b"\xc0\x80", r"\xc0\x80", id="overlong NUL"),
    pytest.param(b"\xf4\x90\x80\x80", r"\xf4\x90\x80\x80", id="beyond Unicode"),
    pytest.param(b"", "", id="empty"),
    pytest.param(b"\0" * 253, "\0" * 253, id="253 NULs"),
    pytest.param("Jürgen Müller 🙂".encode(), "Jürgen Müller 🙂", id="Unicode"),
]


def _packet(*attributes: tuple[int, bytes], code: int = numbers.ACCESS_REQUEST) -> Packet:
    body = b"".join(codec.attribute(kind, value) for kind, value in attributes)
    return codec.decode(codec.request(code, 7, bytes(16), body, KEY))


def _only_line(line: str) -> dict[str, Any]:
    """Return the object that *line* holds, after looking for what would break a log."""
    assert line.isascii()
    assert line.isprintable()
    pairs = json.loads(line, object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), "a name stands twice"
    found: dict[str, Any] = json.loads(line)
    return found


def _login(user: bytes, *attributes: tuple[int, bytes], told: Told = ACCEPTED) -> dict[str, Any]:
    packet = _packet((numbers.USER_NAME, user), *attributes)
    return _only_line(Lines().login(NOON, user, "vpn", "192.0.2.1", packet, told))


def _accounting(*attributes: tuple[int, bytes]) -> dict[str, Any] | None:
    packet = _packet(*attributes, code=numbers.ACCOUNTING_REQUEST)
    line = Lines().accounting(NOON, "vpn", "192.0.2.1", packet)
    return None if line is None else _only_line(line)


@pytest.mark.parametrize(("octets", "text"), HOSTILE)
def test_user_name_cannot_forge_a_line(octets: bytes, text: str) -> None:
    """Whatever a client sends as a name is one text of the line, and changes nothing else."""
    found = _login(octets)
    assert found["user"] == text
    assert {name: value for name, value in found.items() if name != "user"} == {
        name: value for name, value in _login(b"alice").items() if name != "user"
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(numbers.NAS_IDENTIFIER, "nas", id="NAS-Identifier"),
        pytest.param(numbers.CALLING_STATION_ID, "station", id="Calling-Station-Id"),
    ],
)
@pytest.mark.parametrize(("octets", "text"), HOSTILE)
def test_place_cannot_forge_a_line(kind: int, name: str, octets: bytes, text: str) -> None:
    """The NAS's name and the caller's number are texts of the line, whatever they hold."""
    found = _login(b"alice", (kind, octets))
    assert found[name] == text
    assert found["decision"] == "accept"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(numbers.USER_NAME, "user", id="User-Name"),
        pytest.param(numbers.CLASS, "id", id="Class"),
        pytest.param(numbers.ACCT_SESSION_ID, "session", id="Acct-Session-Id"),
        pytest.param(numbers.NAS_IDENTIFIER, "nas", id="NAS-Identifier"),
        pytest.param(numbers.CALLING_STATION_ID, "station", id="Calling-Station-Id"),
    ],
)
@pytest.mark.parametrize(("octets", "text"), HOSTILE)
def test_accounting_cannot_forge_a_line(kind: int, name: str, octets: bytes, text: str) -> None:
    """Texts of an Accounting-Request are texts of the line, whatever they hold."""
    found = _accounting((numbers.ACCT_STATUS_TYPE, bytes((0, 0, 0, 1))), (kind, octets))
    assert found is not None
    assert found[name] == text
    assert (found["kind"], found["status"]) == ("accounting", "start")


@given(st.binary(max_size=253), st.binary(max_size=253), st.binary(max_size=253))
def test_any_octets_make_one_line(user: bytes, nas: bytes, station: bytes) -> None:
    """Any octets in any place: one line of printable ASCII, with every field once."""
    found = _login(user, (numbers.NAS_IDENTIFIER, nas), (numbers.CALLING_STATION_ID, station))
    assert (found["kind"], found["decision"], found["client"]) == ("login", "accept", "vpn")


@pytest.mark.parametrize("told", [ACCEPTED, Told("a1", "reject", "bad-password", "append")])
def test_line_holds_no_secret(told: Told) -> None:
    """User-Password, State and the secret have no place in a line, hidden or not."""
    hidden = b"hunter2-123456-x"
    line = Lines().login(
        NOON,
        b"alice",
        "vpn",
        "192.0.2.1",
        _packet(
            (numbers.USER_NAME, b"alice"),
            (numbers.USER_PASSWORD, hidden),
            (numbers.STATE, b"the-state-of-it"),
        ),
        told,
    )
    for secret in (hidden, b"the-state-of-it", KEY.secret):
        assert secret.decode() not in line
        assert secret.hex() not in line


def test_line_of_a_login_has_every_field() -> None:
    """A decision's line says when, who, from where, what, why, by which proof, and how long."""
    found = _login(
        b"alice",
        (numbers.NAS_IDENTIFIER, b"gate"),
        (numbers.NAS_IP_ADDRESS, bytes((10, 0, 0, 1))),
        (numbers.CALLING_STATION_ID, b"198.51.100.7"),
    )
    assert found == {
        "time": "2026-01-02T12:00:00.000Z",
        "kind": "login",
        "id": "a1",
        "decision": "accept",
        "reason": "factor-passed",
        "user": "alice",
        "client": "vpn",
        "source": "192.0.2.1",
        "nas": "gate",
        "station": "198.51.100.7",
        "mode": "auto",
        "factor": "totp",
        "token": "T-1",
        "us": {"total": 1200, "password": 900},
    }


@pytest.mark.parametrize(
    ("user", "person", "told"),
    [
        pytest.param(b"a.smith@example.com", "alice", "alice", id="another name"),
        pytest.param(b"ALICE", "alice", "alice", id="another case"),
        pytest.param(b"alice", "alice", None, id="the same"),
        pytest.param("z\u00fc".encode(), "z\u00fc", None, id="the same, Unicode"),
        pytest.param(b"alice", "", None, id="not known"),
    ],
)
def test_line_names_the_person_behind_the_name(user: bytes, person: str, told: str | None) -> None:
    """Where what was typed is not the person's one name, that stands in the line, too."""
    found = _login(user, told=ACCEPTED._replace(person=person))
    assert found.get("person") == told
    assert _login(user, told=ACCEPTED).keys() == found.keys() - {"person"}


def test_line_names_the_attribute_that_failed() -> None:
    """Whoever reads `attribute-failed` reads which attribute, and why."""
    detail = 'Class: {directory.mail:"} has no value'
    found = _login(b"alice", told=RULED._replace(detail=detail))
    assert found["detail"] == detail
    assert list(found)[-2:] == ["detail", "us"]


def test_line_leaves_out_what_was_not_there() -> None:
    """Without factor, token, password and place there are no empty fields."""
    found = _login(b"alice", told=Told("a2", "reject", "unknown-user", "step-up", total=30))
    assert not found.keys() & {"factor", "token", "nas", "station"}
    assert found["us"] == {"total": 30}


def test_factor_without_a_token_is_named() -> None:
    """A recovery code has no serial; the factor still stands there."""
    found = _login(b"alice", told=Told("a2", "accept", "factor-passed", "auto", "recovery"))
    assert found["factor"] == "recovery"
    assert "token" not in found


def test_factor_that_stood_in_names_the_one_that_was_gone() -> None:
    """Whoever reads the audit sees which servers were gone when another factor counted."""
    told = Told(
        "a3", "accept", "passed-instead", "challenge", "recovery", total=9, missing="securid"
    )
    found = _login(b"alice", told=told)
    assert (found["factor"], found["instead_of"]) == ("recovery", "securid")
    assert "token" not in found


def test_gone_servers_are_named_without_a_factor() -> None:
    """Where nothing counted in the end, the line still says whose servers were gone."""
    told = Told("a3", "reject", "bad-passcode", "challenge", total=9, missing="securid")
    found = _login(b"alice", told=told)
    assert found["instead_of"] == "securid"
    assert "factor" not in found


@pytest.mark.parametrize(
    "upstreams",
    [
        pytest.param(['{"name":"rsa","answer":"accept","us":7}'], id="one"),
        pytest.param(
            [
                '{"name":"ad","server":"192.0.2.7:1812","answer":"accept","sent":1,"us":900}',
                '{"name":"rsa","answer":"upstream-silent","sent":0,"us":4,"ignored":{"x":1}}',
            ],
            id="two in order",
        ),
    ],
)
@pytest.mark.parametrize("token", ["", "T-1"], ids=["no token", "token"])
@pytest.mark.parametrize("missing", ["", "vip"], ids=["", "instead"])
def test_line_tells_each_upstream_that_was_asked(
    upstreams: list[str], token: str, missing: str
) -> None:
    """Every server's part in a login stands in its line, one object each, in order."""
    told = Told(
        "a4", "accept", "passed", "proxy", "securid", token, 1200, 900, missing, tuple(upstreams)
    )
    found = _login(b"alice", told=told)
    assert found["upstreams"] == [json.loads(one) for one in upstreams]
    assert (found.get("token", ""), found.get("instead_of", "")) == (token, missing)
    assert (found["mode"], found["us"]) == ("proxy", {"total": 1200, "password": 900})


def test_line_without_upstreams_has_no_such_field() -> None:
    """Where nobody else was asked, nothing is said of it, and nothing stood in."""
    assert not _login(b"alice").keys() & {"upstreams", "instead_of"}


RULED: Final = Told(
    "a5", "accept", "passed", "step-up", "securid", "T-1", 1200, 30, upstreams=['{"name":"rsa"}'],
    ruled=Ruled("aws-root", 'AWS "root" owners', "10.1.2.3", "CHG0030001", 400, 700),
)  # fmt: skip


def test_line_tells_what_a_policy_went_by() -> None:
    """Policy, group, address, approval and their times stand in the line, in one order."""
    found = _login(b"alice", told=RULED)
    assert list(found)[7:] == [
        "source", "mode", "factor", "token", "policy", "group", "address", "approval",
        "upstreams", "us",
    ]  # fmt: skip
    assert {name: found[name] for name in ("policy", "group", "address", "approval")} == {
        "policy": "aws-root",
        "group": 'AWS "root" owners',
        "address": "10.1.2.3",
        "approval": "CHG0030001",
    }
    assert list(found["us"].items()) == [
        ("total", 1200),
        ("password", 30),
        ("directory", 400),
        ("approval", 700),
    ]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("policy", "policy"),
        ("group", "group"),
        ("address", "address"),
        ("evidence", "approval"),
    ],
)
@pytest.mark.parametrize(("octets", "text"), HOSTILE)
def test_what_a_policy_went_by_cannot_forge_a_line(
    field: str, name: str, octets: bytes, text: str
) -> None:
    """Texts of a directory or a service are texts of the line, each alone, or are left out."""
    value = octets.decode("utf-8", "backslashreplace")
    policed: dict[str, Any] = {field: value}
    found = _login(b"alice", told=ACCEPTED._replace(ruled=Ruled(**policed)))
    assert found.get(name, "") == text
    plain = _login(b"alice")
    assert {**plain, **({name: text} if text else {})} == found


@pytest.mark.parametrize("name", ["directory", "approval"])
def test_time_of_an_errand_stands_alone(name: str) -> None:
    """Only what was waited for is among the times."""
    spent: dict[str, Any] = {name: 7}
    told = Told("a5", "reject", "passed", "auto", total=9, ruled=Ruled(**spent))
    assert _login(b"alice", told=told)["us"] == {"total": 9, name: 7}


def test_plain_line_is_as_it_was() -> None:
    """A login without policies has the line that it always had, to the octet."""
    packet = _packet((numbers.USER_NAME, b"alice"))
    assert Lines().login(NOON, b"alice", "vpn", "192.0.2.1", packet, ACCEPTED) == (
        '{"time":"2026-01-02T12:00:00.000Z","kind":"login","id":"a1","decision":"accept",'
        '"reason":"factor-passed","user":"alice","client":"vpn","source":"192.0.2.1",'
        '"mode":"auto","factor":"totp","token":"T-1","us":{"total":1200,"password":900}}'
    )


@pytest.mark.parametrize(
    ("octets", "nas"),
    [
        pytest.param(bytes((10, 0, 0, 1)), "10.0.0.1", id="address"),
        pytest.param(b"\x0a\0\0", None, id="too short"),
    ],
)
def test_address_of_the_nas_stands_in_for_its_name(octets: bytes, nas: str | None) -> None:
    """Without NAS-Identifier its address is shown, if it is one."""
    assert _login(b"alice", (numbers.NAS_IP_ADDRESS, octets)).get("nas") == nas


@pytest.mark.parametrize(
    ("now", "time"),
    [
        pytest.param(0.0, "1970-01-01T00:00:00.000Z", id="1970"),
        pytest.param(NOON + 0.9999, "2026-01-02T12:00:00.999Z", id="never rounded up"),
        pytest.param(2_147_483_648.5, "2038-01-19T03:14:08.500Z", id="beyond 2038"),
    ],
)
def test_time_is_in_utc_with_milliseconds(now: float, time: str) -> None:
    """Times are UTC, to the millisecond."""
    line = Lines().login(now, b"a", "vpn", "192.0.2.1", _packet((1, b"a")), ACCEPTED)
    assert _only_line(line)["time"] == time


def test_lines_follow_the_clock_back_and_forth() -> None:
    """A line has its own time, also when the clock jumps back."""
    lines = Lines()
    times = [
        _only_line(lines.login(now, b"a", "vpn", "::1", _packet((1, b"a")), ACCEPTED))["time"]
        for now in (NOON, NOON + 1, NOON)
    ]
    assert times == [
        "2026-01-02T12:00:00.000Z",
        "2026-01-02T12:00:01.000Z",
        "2026-01-02T12:00:00.000Z",
    ]


def test_what_is_remembered_is_bounded_and_right() -> None:
    """Names of tens of thousands of strangers fill no memory, and each line has its own."""
    lines = Lines()
    for number in range(10_050):
        user, source = f"user{number}".encode(), f"192.0.{number >> 8}.{number & 255}"
        found = json.loads(lines.login(NOON, user, "vpn", source, _packet((1, user)), ACCEPTED))
        assert (found["user"], found["source"]) == (user.decode(), source)
    assert len(lines._texts) <= 10_000
    assert len(lines._sources) <= 10_000


@pytest.mark.parametrize(
    ("number", "status"),
    [(1, "start"), (2, "stop"), (3, "interim"), (7, "on"), (8, "off"), (15, "failed")],
)
def test_accounting_names_its_status(number: int, status: str) -> None:
    """Start, Stop and Interim have their names."""
    found = _accounting((numbers.ACCT_STATUS_TYPE, number.to_bytes(4, "big")))
    assert found is not None
    assert found["status"] == status


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(None, id="absent"),
        pytest.param(bytes(4), id="zero"),
        pytest.param((99).to_bytes(4, "big"), id="unknown"),
        pytest.param(b"\1", id="one octet"),
        pytest.param(b"", id="empty"),
    ],
)
def test_accounting_without_a_status_is_not_recorded(octets: bytes | None) -> None:
    """What cannot be recorded is not answered (RFC 2866 section 4.2): there is no line."""
    told = [] if octets is None else [(numbers.ACCT_STATUS_TYPE, octets)]
    assert _accounting((numbers.USER_NAME, b"alice"), *told) is None


def test_accounting_line_has_every_number() -> None:
    """Times and volumes of a session stand in its line; a number of a wrong size does not."""
    found = _accounting(
        (numbers.ACCT_STATUS_TYPE, (2).to_bytes(4, "big")),
        (numbers.CLASS, b"a1"),
        (46, (61).to_bytes(4, "big")),
        (42, (2**32 - 1).to_bytes(4, "big")),
        (43, b"\1\2\3"),
        (49, (1).to_bytes(4, "big")),
    )
    assert found == {
        "time": "2026-01-02T12:00:00.000Z",
        "kind": "accounting",
        "status": "stop",
        "id": "a1",
        "client": "vpn",
        "source": "192.0.2.1",
        "seconds": 61,
        "input": 2**32 - 1,
        "cause": 1,
    }


def test_accounting_never_tells_a_password() -> None:
    """A password in an Accounting-Request has no place there, and none in the line."""
    found = _accounting(
        (numbers.ACCT_STATUS_TYPE, bytes((0, 0, 0, 1))),
        (numbers.USER_PASSWORD, b"hunter2-hunter2-"),
    )
    assert "hunter2" not in json.dumps(found)
