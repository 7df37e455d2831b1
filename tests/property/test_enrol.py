"""Readers of seed files and user lists: whatever happens to a good file, nothing slips in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radiusmfa.enrol import detect, pskc
from radiusmfa.enrol.detect import Format
from radiusmfa.enrol.records import Fault
from radiusmfa.enrol.userlist import UserList
from radiusmfa.enrol.xmlenc import Unlocking
from radiusmfa.secret import Secret
from tests.families import FOLDER

if TYPE_CHECKING:
    from radiusmfa.enrol.records import Parsed

pytestmark = pytest.mark.property

_SEED: Final = b"12345678901234567890"
_BASE32: Final = b"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
# The pre-shared key that `pskc.json` names for this file.
_KEY: Final = Unlocking(
    key=Secret(bytes.fromhex("33161435bc4bb4cba5b79e5a384f5b53973c7fcf0fc729d771b3ceae31fc17f3"))
)
_SEALED: Final = (FOLDER / "pskc" / "own-aes256-sha256.xml").read_bytes()
_URIS: Final = (
    b"otpauth://totp/Example:alice?secret=" + _BASE32 + b"&issuer=Example&serial=T-1\n"
    b"otpauth://hotp/bob?secret=" + _BASE32 + b"&counter=5\n"
)
_MIGRATION: Final = (
    b"otpauth-migration://offline?data="
    b"CiMKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEgNib2IgAigCMAE4KhABGAEgACjAxAc%3D\n"
)
_TABLE: Final = (
    b"serial,seed,kind,digits\nT-1," + _SEED.hex().encode() + b",totp,6\n"
    b"T-2," + _BASE32 + b',hotp,8\n"T-3",' + _BASE32 + b",totp,8\n"
)
_VERSION_2: Final = b"# version: 2\nalice,res,realm,T-1," + _SEED.hex().encode() + b",totp,8,30\n"
_PLAIN: Final = (FOLDER / "pskc" / "own-totp-60-8.xml").read_bytes()
_FILES: Final = (_URIS, _MIGRATION, _TABLE, _VERSION_2, _PLAIN, _SEALED)
_USERS: Final = (
    b"name,password,seed,serial,disabled\nalice,hunter2," + _BASE32 + b",T-1,no\n"
    b'bob,"a ""b"", c",,,yes\n'
)
_CHANGES: Final = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "add", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=3),
            st.sampled_from([b"\n", b'"', b"<", b"&", b"%", b"=", b"\0", b"\xff", b",", b"-->"]),
        ),
    ),
    min_size=1,
    max_size=4,
)


def _changed(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for kind, place, octets in changes:
        at = int(place * len(content))
        match kind:
            case "put":
                content = content[:at] + octets + content[at + len(octets) :]
            case "cut":
                content = content[:at]
            case "add":
                content = content[:at] + octets + content[at:]
            case _:
                content = content[at:] + content[:at]
    return content


def _check(parsed: Parsed) -> None:
    """Assert what holds of every answer of a reader."""
    assert parsed.records or parsed.faults
    serials = [record.serial for record in parsed.records if record.serial is not None]
    assert len(serials) == len(set(serials))
    for record in parsed.records:
        assert 10 <= len(record.seed) <= 128
        assert record.digits in {6, 7, 8}
        assert 15 <= record.period <= 300
        assert 0 <= record.counter < 2**63
        assert (record.user or "").isprintable()
        assert record.label.isprintable()
        assert record.issuer.isprintable()
        assert all(warning.isprintable() for warning in record.warnings)
    for told in (*parsed.faults, *parsed.notes):
        assert str(told).isprintable()
        assert _BASE32.decode() not in str(told)
        assert _SEED.hex() not in str(told)


@given(st.binary(max_size=200), st.none() | st.sampled_from(Format), st.booleans())
def test_any_octets_are_tokens_or_faults(
    content: bytes,
    format_: Format | None,
    lenient: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    """Whatever a file holds and however it is called: tokens that can be used, or faults."""
    unlocking = Unlocking(key=Secret(bytes(16)), lenient=lenient)
    _check(detect.read_any(content, format_, unlocking=unlocking))


@given(st.sampled_from(_FILES), _CHANGES, st.none() | st.sampled_from(Format))
def test_damaged_file_is_tokens_or_faults(
    content: bytes, changes: list[tuple[str, float, bytes]], format_: Format | None
) -> None:
    """A good file that was changed anywhere: tokens that can be used, or faults."""
    _check(detect.read_any(_changed(content, changes), format_, unlocking=_KEY))


@pytest.mark.parametrize("content", _FILES, ids=range(len(_FILES)))
def test_undamaged_files_are_read(content: bytes) -> None:
    """The files that are damaged here are good before."""
    parsed = detect.read_any(content, unlocking=_KEY)
    assert not parsed.faults
    _check(parsed)


@given(_CHANGES)
@example([("put", 0.5, b"A")])
def test_changed_encrypted_file_gives_no_other_seed(
    changes: list[tuple[str, float, bytes]],
) -> None:
    """No change of an encrypted file makes it give a seed that its maker did not put there."""
    right = pskc.read(_SEALED, _KEY).records[0].seed
    parsed = pskc.read(_changed(_SEALED, changes), _KEY)
    assert all(record.seed == right for record in parsed.records)


@given(st.one_of(st.binary(max_size=80), _CHANGES.map(lambda rows: _changed(_USERS, rows))))
def test_damaged_user_list_is_users_or_faults(content: bytes) -> None:
    """A list that was changed anywhere: users with names, each once, or faults."""
    users = UserList(content)
    found = list(users.rows())
    faults = [row for row in found if isinstance(row, Fault)]
    names = [row.name for row in found if not isinstance(row, Fault)]
    assert len(names) == len(set(names))
    assert all(name and name == name.strip() for name in names)
    for fault in (*users.faults, *faults):
        assert str(fault).isprintable()
        assert "hunter2" not in str(fault)
