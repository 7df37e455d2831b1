"""Tests of `radiusmfa.cli.examine_directory`, against an LDAP server of a few lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli import examine_directory
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.directory_model import (
    ANONYMOUS,
    Directory,
    DirectoryServer,
    Groups,
    Kind,
    Tls,
)
from radiusmfa.secret import Secret
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import BASE, HANG_UP, SERVICE, SILENCE, START_TLS, Responder

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import trustme

    from radiusmfa.cli.findings import Finding
    from tests.unit.primary.responder import Request

HERE: Final = "127.0.0.1"
PASSWORD: Final = b"service-password"
QUICK: Final = 0.5
PATIENT: Final = 20.0
POLICIES: Final = "(objectClass=pwdPolicy)"


@pytest.fixture
def tls(ca: trustme.CA) -> ssl.SSLContext:
    """What a server on 127.0.0.1 has."""
    return server_context(ca, HERE)


@pytest.fixture
def responder(tls: ssl.SSLContext) -> Iterator[Responder]:
    """A server with StartTLS that has nobody, and a good password policy."""
    with Responder(tls) as made:
        made.rules["searchRequest"] = _search
        yield made


def _search(request: Request) -> Sequence[bytes]:
    if request.filter == POLICIES:
        policy = {
            "pwdLockout": [b"TRUE"],
            "pwdMaxFailure": [b"5"],
            "pwdFailureCountInterval": [b"60"],
        }
        return [request.entry(f"cn=policy,{BASE}", policy), request.result()]
    return [request.result()]


def _server(port: int, tls: Tls = Tls.STARTTLS, host: str = HERE) -> DirectoryServer:
    return DirectoryServer(host=host, port=port, tls=tls)


def _directory(server: DirectoryServer, **more: Any) -> Directory:  # noqa: ANN401
    usual: dict[str, Any] = {"bind_dn": SERVICE, "bind_password": Secret(PASSWORD)}
    return Directory(name="corp", servers=(server,), base=BASE, **(usual | more))


def _look(server: DirectoryServer, timeout: float = PATIENT, **more: Any) -> list[Finding]:  # noqa: ANN401
    found = examine_directory.examine(_directory(server, **more), server, timeout)
    assert PASSWORD.decode() not in str(found)
    return found


def _causes(found: list[Finding]) -> list[Cause]:
    return [one.cause for one in found]


def _fault(found: list[Finding]) -> Finding:
    (one,) = [one for one in found if one.level is Level.FAULT]
    assert one.advice
    return one


# -- what is wrong --


def test_account_that_is_refused_is_asked_nothing_more(responder: Responder, ca_file: Path) -> None:
    """With a wrong password nobody searches; the password is sent once, and never shown."""
    wrong = Secret(b"another-password")
    found = _look(_server(responder.port), ca_file=ca_file, bind_password=wrong)

    assert _fault(found).cause is Cause.ACCOUNT_REFUSED
    assert "result code 49. The password was wrong." in _fault(found).text
    assert len(responder.binds) == 1
    assert responder.searches == []


def test_active_directory_says_why_the_account_is_refused(
    responder: Responder, ca_file: Path
) -> None:
    """What the directory knows of its own account is told."""
    responder.rules["bindRequest"] = lambda request: [request.result(49, "data 533, v1db1")]
    found = _look(_server(responder.port), ca_file=ca_file, kind=Kind.ACTIVE_DIRECTORY)

    assert "The directory has disabled the account." in _fault(found).text


@pytest.mark.parametrize(
    ("code", "cause", "hint"),
    [
        pytest.param(32, Cause.NO_BASE, "correct base", id="no such object"),
        pytest.param(50, Cause.SEARCH_REFUSED, "right", id="insufficient rights"),
        pytest.param(10, Cause.SEARCH_REFUSED, "correct base", id="referral"),
    ],
)
def test_search_that_is_refused_is_told(
    responder: Responder, ca_file: Path, code: int, cause: Cause, hint: str
) -> None:
    """A wrong base and missing rights are faults, each by its name."""
    responder.rules["searchRequest"] = lambda request: [request.result(code)]
    found = _look(_server(responder.port), ca_file=ca_file, groups=Groups.NONE)

    assert _fault(found).cause is cause
    assert hint in _fault(found).advice
    assert ("another server has it" in _fault(found).text) is (code == 10)


@pytest.mark.parametrize("code", [0, 4])
def test_directory_that_finds_anybody_is_a_fault(
    responder: Responder, ca_file: Path, code: int
) -> None:
    """Who finds somebody for a name made up by chance would log in the wrong person."""

    def search(request: Request) -> Sequence[bytes]:
        found = [request.entry(f"uid=x,{BASE}", {"uid": [b"x"]})] if code == 0 else []
        return [*found, request.result(code)]

    responder.rules["searchRequest"] = search
    found = _look(_server(responder.port), ca_file=ca_file, groups=Groups.NONE)

    assert _fault(found).cause is Cause.FINDS_ANYBODY


def test_group_base_that_is_not_there_is_told(responder: Responder, ca_file: Path) -> None:
    """People are found, groups are not: no rule about groups would ever fit."""
    base = f"ou=grops,{BASE}"

    def search(request: Request) -> Sequence[bytes]:
        return [request.result(32)] if request.base == base else _search(request)

    responder.rules["searchRequest"] = search
    found = _look(_server(responder.port), ca_file=ca_file, group_base=base)

    assert _fault(found).cause is Cause.NO_BASE
    assert _fault(found).advice.startswith("correct group_base")


def test_lockout_that_is_too_high_is_told(responder: Responder, ca_file: Path) -> None:
    """What the directory's policy says is compared with ours."""
    found = _look(_server(responder.port), ca_file=ca_file, lockout=5)

    assert _fault(found).cause is Cause.LOCKOUT_TOO_HIGH


@pytest.mark.parametrize(
    ("name", "octets", "cause"),
    [
        pytest.param("bindRequest", SILENCE, Cause.SILENT, id="silent at the bind"),
        pytest.param("bindRequest", HANG_UP, Cause.NO_LDAP, id="hangs up at the bind"),
        pytest.param("searchRequest", SILENCE, Cause.SILENT, id="silent at a search"),
        pytest.param("bindRequest", b"HTTP/1.1 400 Bad", Cause.NO_LDAP, id="no LDAP"),
    ],
)
def test_server_that_breaks_off_is_told(
    responder: Responder, ca_file: Path, name: str, octets: bytes, cause: Cause
) -> None:
    """Whoever has TLS and then says nothing, or something else, is named so; once waited for."""
    responder.rules[name] = lambda _: [octets, HANG_UP]
    began = time.monotonic()
    found = _look(_server(responder.port), QUICK, ca_file=ca_file)

    assert _fault(found).cause is cause
    assert time.monotonic() - began < PATIENT / 2


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(None, id="refuses"),
        pytest.param(HANG_UP, id="hangs up"),
        pytest.param(b"x" * 64, id="says something else"),
    ],
)
def test_refused_starttls_ends_it(
    responder: Responder, ca_file: Path, octets: bytes | None
) -> None:
    """Without TLS nothing more is said, least of all a password."""
    responder.rules["extendedReq"] = lambda request: [
        request.result(2) if octets is None else octets
    ]
    found = _look(_server(responder.port), ca_file=ca_file)

    assert _causes(found) == [Cause.NO_TLS]
    assert responder.binds == []


def test_stranger_is_told_nothing(tls: ssl.SSLContext) -> None:
    """A certificate that the system does not trust ends it: no password is sent."""
    with Responder(tls, is_ldaps=True) as responder:
        found = _look(_server(responder.port, Tls.LDAPS))
        assert responder.binds == []

    assert _causes(found) == [Cause.UNTRUSTED_CERTIFICATE]


def test_unusable_authority_is_told(tmp_path: Path) -> None:
    """A file that holds no certificate keeps nobody else from being tested."""
    empty = tmp_path / "ca.pem"
    empty.write_text("")
    found = _look(_server(1), ca_file=empty)

    assert _fault(found).cause is Cause.NOT_ASKED
    assert "no certificate in it" in _fault(found).text


# -- waivers --


def test_missing_tls_is_said_aloud() -> None:
    """Without TLS everything can be tested, and what that means is said."""
    with Responder() as responder:
        responder.rules["searchRequest"] = _search
        found = _look(_server(responder.port, Tls.NONE), starttls=False)

    assert all(one.level is not Level.FAULT for one in found)
    (note,) = [one for one in found if one.level is Level.NOTE]
    assert note.cause is Cause.UNPROTECTED
    assert "WITHOUT TLS" in note.text


def test_unchecked_certificate_is_said_aloud(responder: Responder) -> None:
    """With verify: no logins work, whoever answers; doctor looks all the same."""
    found = _look(_server(responder.port), verify=False)

    assert [one.cause for one in found if one.level is Level.NOTE] == [Cause.UNCHECKED_CERTIFICATE]
    assert all(one.level is not Level.FAULT for one in found)
    assert len(responder.binds) == 1


# -- what is right --


@pytest.mark.parametrize("way", [Tls.STARTTLS, Tls.LDAPS])
def test_good_server_is_told_step_by_step(tls: ssl.SSLContext, ca_file: Path, way: Tls) -> None:
    """Certificate, account, search, groups and lock-out, each with its time; the name by chance."""
    with Responder(tls, is_ldaps=way is Tls.LDAPS) as responder:
        responder.rules["searchRequest"] = _search
        found = _look(_server(responder.port, way), ca_file=ca_file)
        port, asked = responder.port, responder.requests

    assert [one.level for one in found] == [Level.OK] * 5
    assert {one.subject for one in found} == {f"directory corp 127.0.0.1:{port}"}
    assert [one.text.partition(",")[0] for one in found] == [
        "TLSv1.3",
        "takes the account that searches",
        "base is there",
        "searches groups",
        "locks an account after 5 wrong passwords within 60 s; we stop after 4 within 1800 s",
    ]
    assert all(one.seconds for one in found[:-1])
    assert all(one.is_encrypted or one.name == START_TLS for one in asked)


def test_everybody_may_search(responder: Responder, ca_file: Path) -> None:
    """Where nobody has to be bound, nobody is."""
    found = _look(_server(responder.port), ca_file=ca_file, bind_dn=ANONYMOUS, bind_password=None)

    assert all(one.level is Level.OK for one in found)
    assert responder.binds == []


def test_groups_of_the_entry_are_not_searched(responder: Responder, ca_file: Path) -> None:
    """Where people's own entries name their groups there is no search to be tested."""
    found = _look(_server(responder.port), ca_file=ca_file, groups=Groups.MEMBER_OF)

    assert all(one.level is Level.OK for one in found)
    assert "searches groups" not in [one.text for one in found]


def test_without_an_account_little_can_be_told(responder: Responder, ca_file: Path) -> None:
    """Where people bind by name, TLS and an answer are all there is; it is said how to go on."""
    more: dict[str, Any] = {"bind_dn": "", "bind_password": None, "bind_as": f"uid={{user}},{BASE}"}
    found = _look(_server(responder.port), ca_file=ca_file, **more)

    assert [(one.level, one.cause) for one in found] == [
        (Level.OK, Cause.WELL),
        (Level.OK, Cause.WELL),
        (Level.NOTE, Cause.NOT_ASKED),
    ]
    assert "radiusmfa try" in found[-1].advice
    assert responder.binds == []
