"""Tests of `radiusmfa.enrol.migration`."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import migration
from radiusmfa.enrol.records import Algorithm, Kind

SEED: Final = b"12345678901234567890"
# Two tokens in one QR code, as the application writes it.
EXPORT: Final = (
    "otpauth-migration://offline?data=CjYKCkhlbGxvId6tvu8SGUV4YW1wbGU6YWxpY2VAZXhhbXBsZS5jb20aB0V4"
    "YW1wbGUgASgBMAIKIwoUMTIzNDU2Nzg5MDEyMzQ1Njc4OTASA2JvYiACKAIwATgqEAEYASAAKMDEBw%3D%3D"
)


def _varint(number: int) -> bytes:
    octets = b""
    while number > 127:
        octets += bytes((number & 127 | 128,))
        number >>= 7
    return octets + bytes((number,))


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    octets = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(octets)) + octets


def _token(**fields: int | bytes | str) -> bytes:
    """Return one token; the names are those of the format."""
    numbers = {"secret": 1, "name": 2, "issuer": 3, "algorithm": 4, "digits": 5, "type": 6}
    usual: dict[str, int | bytes | str] = {"secret": SEED, "name": "alice", "type": 2}
    return b"".join(
        _field({**numbers, "counter": 7}[name], value)
        for name, value in {**usual, **fields}.items()
    )


def _line(*tokens: bytes, size: int = 1, index: int = 0, batch: int = 77, version: int = 1) -> str:
    payload = b"".join(_field(1, token) for token in tokens)
    payload += _field(2, version) + _field(3, size) + _field(4, index) + _field(5, batch)
    return _text(payload)


def _text(payload: bytes) -> str:
    return f"{migration.PREFIX}offline?data={quote(base64.b64encode(payload), safe='')}"


def _faults(*lines: str) -> list[str]:
    return [str(fault) for fault in migration.read("\n".join(lines)).faults]


def test_export_of_the_application_is_read() -> None:
    """Two tokens of one QR text, with all that it says of them."""
    parsed = migration.read(EXPORT)
    assert not parsed.faults
    first, second = parsed.records
    assert first.seed.reveal().hex() == "48656c6c6f21deadbeef"
    assert (first.kind, first.issuer, first.user) == (Kind.TOTP, "Example", "alice@example.com")
    assert (first.algorithm, first.digits, first.period) == (Algorithm.SHA1, 6, 30)
    assert "80 bits" in first.warnings[0]
    assert second.seed.reveal() == SEED
    assert (second.kind, second.issuer, second.user) == (Kind.HOTP, "", "bob")
    assert (second.algorithm, second.digits, second.counter) == (Algorithm.SHA256, 8, 42)
    assert [record.where for record in parsed.records] == ["line 1, token 1", "line 1, token 2"]


# Batches


def test_batch_of_several_codes_is_read_in_any_order() -> None:
    """An export that needs three QR codes is whole with all three, however they were scanned."""
    lines = [_line(_token(name=f"user{at}"), size=3, index=at) for at in (2, 0, 1)]
    parsed = migration.read("\n".join(["# my phone", *lines, ""]))
    assert not parsed.faults
    assert [record.user for record in parsed.records] == ["user2", "user0", "user1"]


def test_missing_code_of_a_batch_is_a_fault() -> None:
    """A batch without one of its QR codes is not imported in part."""
    lines = [_line(_token(), size=4, index=at) for at in (0, 2)]
    assert _faults(*lines) == ["line 1: of its 4 QR codes these are missing: 2, 4"]


def test_two_batches_are_kept_apart() -> None:
    """Exports of two phones may be in one file; only the cut one is a fault."""
    whole = [_line(_token(name="a"), size=2, index=at, batch=1) for at in (0, 1)]
    cut = _line(_token(name="b"), size=2, index=1, batch=2)
    assert _faults(*whole, cut) == ["line 3: of its 2 QR codes these are missing: 1"]


def test_same_code_twice_is_a_fault() -> None:
    """A QR code that was scanned twice would make two tokens of each."""
    assert _faults(EXPORT, EXPORT) == ["line 2: the same QR code as on line 1"]


@pytest.mark.parametrize(
    ("size", "index"),
    [(2, 2), (1, 1), (0, 1), (1001, 0), (2**64 - 1, 0), (2, 2**64 - 1)],
)
def test_impossible_number_of_a_code_is_a_fault(size: int, index: int) -> None:
    """A forged number of QR codes costs neither time nor memory."""
    assert _faults(_line(_token(), size=size, index=index)) == [
        "line 1: the number of this QR code is out of range"
    ]


def test_codes_of_a_batch_agree_about_its_size() -> None:
    """Two QR codes of one batch that tell different sizes do not belong together."""
    lines = _line(_token(), size=2), _line(_token(), size=3, index=1)
    assert "line 2: this QR code tells another number of codes than the one before" in _faults(
        *lines
    )


def test_message_names_few_of_many_missing_codes() -> None:
    """A file that claims a thousand QR codes does not get a thousand numbers for an answer."""
    (fault,) = _faults(_line(_token(), size=1000))
    assert fault == (
        "line 1: of its 1000 QR codes these are missing: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."
    )


# What must not be imported


@pytest.mark.parametrize(
    ("token", "message"),
    [
        pytest.param(_token(type=0), "neither HOTP nor TOTP", id="no kind"),
        pytest.param(_token(type=3), "neither HOTP nor TOTP", id="another kind"),
        pytest.param(_token(algorithm=4), "an algorithm", id="MD5"),
        pytest.param(_token(digits=3), "a number of digits", id="other digits"),
        pytest.param(_token(secret=b""), "the seed has 0 bits", id="no seed"),
        pytest.param(_token(secret=b"short"), "the seed has 40 bits", id="a short seed"),
        pytest.param(_token(secret=7), "octets are expected", id="a number for the seed"),
        pytest.param(_token(type=b"2"), "a number is expected", id="octets for the kind"),
        pytest.param(_token(name=b"\xff"), "the account is not UTF-8", id="no UTF-8"),
        pytest.param(_token(name="a\x1b[2J"), "control characters", id="an escape sequence"),
        pytest.param(_token(issuer="a\nb"), "control characters", id="two lines"),
        pytest.param(_token(type=1, counter=2**63), "the counter", id="a counter too large"),
        pytest.param(_token() + b"\x0a", "a number has no end", id="cut after a key"),
        pytest.param(_token() + b"\x0a\x05ab", "runs past the end", id="cut in a field"),
        pytest.param(_token() + b"\xff" * 11, "has no end", id="an endless number"),
        pytest.param(_token() + b"\x0b", "unknown type", id="a group"),
        pytest.param(_token() + b"\x0e", "unknown type", id="a type nobody knows"),
        pytest.param(_token() + b"\x09abc", "runs past the end", id="a cut fixed number"),
    ],
)
def test_doubtful_token_is_a_fault_with_its_place(token: bytes, message: str) -> None:
    """A token that cannot be used is named; the others of its QR code are still read."""
    parsed = migration.read(_line(_token(), token))
    (fault,) = parsed.faults
    assert fault.where == "line 1, token 2"
    assert message in fault.message
    assert len(parsed.records) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("otpauth://totp/a?secret=AA", "not an otpauth-migration", id="another URI"),
        pytest.param(EXPORT.replace("offline", "online"), "not an otpauth-migration", id="host"),
        pytest.param(EXPORT.partition("data=")[0], "not an otpauth-migration", id="no data"),
        pytest.param(EXPORT + "&x=y", "not an otpauth-migration", id="more parameters"),
        pytest.param(f"{migration.PREFIX}offline?data=C", "not base64", id="cut base64"),
        pytest.param(f"{migration.PREFIX}offline?data=A%FFA", "not base64", id="no ASCII"),
        pytest.param(f"{migration.PREFIX}offline?data=A%3DAA", "not base64", id="padding inside"),
        pytest.param(_text(bytes(1)), "unknown type|no end|damaged", id="one octet"),
        pytest.param(_line(_token(), version=3), "a version of the export", id="version"),
        pytest.param("x" * 70_000, "not an otpauth-migration", id="over-long"),
    ],
)
def test_doubtful_text_is_a_fault_with_its_line(line: str, message: str) -> None:
    """What is no QR text of an export, or a cut one, is refused."""
    parsed = migration.read(f"\n{line}")
    assert not parsed.records
    (fault,) = parsed.faults
    assert fault.where == "line 2"
    assert any(word in fault.message for word in message.split("|"))


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff", b"a\0"])
def test_file_without_codes_is_refused(content: bytes) -> None:
    """An empty file, and one that is no text, is a fault and no exception."""
    parsed = migration.read(content)
    assert not parsed.records
    assert len(parsed.faults) == 1


def test_code_without_tokens_is_no_import() -> None:
    """A QR code that holds no token does not pass for a good one."""
    assert _faults(_line()) == ["the file: no token in it"]


def test_cut_text_is_always_noticed() -> None:
    """A text that was cut anywhere is a fault, or has all its tokens: none is lost unseen."""
    for end in range(len(EXPORT)):
        parsed = migration.read(EXPORT[:end])
        assert parsed.faults or len(parsed.records) == 2


# What is read


def test_unknown_fields_are_passed_over() -> None:
    """A newer application may add fields of any type; the token stays the same."""
    more = _field(8, "later") + _field(9, 2**64 - 1) + b"\x51" + bytes(8) + b"\x5d" + bytes(4)
    parsed = migration.read(_line(_token() + more))
    assert not parsed.faults
    assert parsed.records[0].seed.reveal() == SEED


@pytest.mark.parametrize(
    ("token", "issuer", "user"),
    [
        pytest.param(_token(name="Example:bob"), "Example", "bob", id="issuer in the name"),
        pytest.param(_token(name="A:bob", issuer="B"), "B", "bob", id="both"),
        pytest.param(_token(name=""), "", None, id="no name"),
        pytest.param(_token(name="b\u00fcro:j\u00fcrgen"), "b\u00fcro", "j\u00fcrgen", id="UTF-8"),
    ],
)
def test_names_are_read(token: bytes, issuer: str, user: str | None) -> None:
    """The issuer stands in its own field, or before the account."""
    (record,) = migration.read(_line(token)).records
    assert (record.issuer, record.user) == (issuer, user)


@pytest.mark.parametrize("data", [EXPORT.replace("%3D", "="), EXPORT.replace("%3D", "")])
def test_padding_may_be_plain_or_missing(data: str) -> None:
    """QR readers undo the escapes, or lose the padding."""
    assert len(migration.read(data).records) == 2


_PAYLOADS: Final = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.builds(_field, st.integers(0, 9), st.integers(0, 2**64) | st.binary(max_size=12)),
        max_size=8,
    ).map(b"".join),
)


@given(st.one_of(_PAYLOADS, _PAYLOADS.map(lambda token: _field(1, token) + _field(3, 1))))
def test_any_payload_is_tokens_or_faults(payload: bytes) -> None:
    """Whatever a QR code holds: tokens that can be used, or faults."""
    parsed = migration.read(_text(payload))
    assert parsed.records or parsed.faults
    assert all(10 <= len(record.seed) <= 128 for record in parsed.records)
