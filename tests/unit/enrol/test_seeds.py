"""Tests of `radiusmfa.enrol.seeds`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import seeds
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.records import Algorithm, Kind, SeedRecord
from radiusmfa.secret import Secret

SEED: Final = b"12345678901234567890"
HEX: Final = SEED.hex()
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LOG: Final = f"OATH-HOTP,21.11.2026 10:00,1,cccccccccccb,,{HEX},,,0,0,0,6,0,0,0"


def _only(content: str, encoding: Encoding | None = None) -> SeedRecord:
    parsed = seeds.read(content, encoding=encoding)
    assert not parsed.faults
    (record,) = parsed.records
    assert record.seed.reveal() == SEED
    return record


def _faults(content: str | bytes) -> list[str]:
    return [str(fault) for fault in seeds.read(content).faults]


# What must not be imported


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(f"T-1,{HEX[:-1]},totp", "the seed is not hex", id="half an octet"),
        pytest.param(f"T-1,{BASE32},totp", "the seed is not hex", id="base32 without a header"),
        pytest.param(f"T-1,{HEX[:16]},totp", "the seed has 64 bits", id="a short seed"),
        pytest.param("T-1,,totp", "the seed is not hex", id="no seed"),
        pytest.param(f"T-1,{HEX},ocra", "the kind", id="another kind"),
        pytest.param(f"T-1,{HEX},totp,5", "digits", id="five digits"),
        pytest.param(f"T-1,{HEX},totp,6,10", "the period", id="a short period"),
        pytest.param(f"T-1,{HEX},hotp,6,-1", "the counter", id="a negative counter"),
        pytest.param(f"T 1,{HEX},totp", "a serial number", id="a serial with a blank"),
        pytest.param(f"T-1,{HEX},totp,6,30,more", "expected serial,seed", id="too many cells"),
        pytest.param("T-2,", "expected serial,seed", id="a serial alone"),
    ],
)
def test_bad_row_is_a_fault_with_its_line(row: str, message: str) -> None:
    """A row that cannot be used is named, without its seed; the others are still read."""
    parsed = seeds.read(f"T-0,{HEX},totp,6,30\n{row}\n")
    assert [record.serial for record in parsed.records] == ["T-0"]
    (fault,) = parsed.faults
    assert fault.where == "line 2"
    assert message in fault.message
    assert HEX[:16] not in fault.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "the file: no token in it", id="nothing"),
        pytest.param("serial,seed\n", "the file: no token in it", id="a header alone"),
        pytest.param(b"\xff\xfea\0", "the file: not UTF-8", id="UTF-16"),
        pytest.param(f"serial,{HEX}", "line 1: column 2 of the header", id="half a header"),
        pytest.param("serial,kind\n", "line 1: the header must name one column", id="no seed"),
        pytest.param("seed,seed_hex\n", "line 1: the header must name one", id="two seeds"),
        pytest.param("serial,seed,serial number", "line 1: columns 1 and 3", id="twice"),
        pytest.param('serial;seed;"a\nT-1;31;x"', "the file: line 1: a quoted", id="a quote"),
        pytest.param("serial,seed,encoding\nT-1,31,morse", "line 2: the encoding", id="encoding"),
        pytest.param(f"serial,seed_hex\nT-1,{HEX},x", "line 2: more cells", id="more cells"),
        pytest.param(
            "serial,seed\nT-1,2222222222222222222222222222222222222222",
            "line 2: the seed could be hex or base32",
            id="either encoding",
        ),
        pytest.param(
            f"T-1,{HEX}\nT-1,{HEX}", "line 2: the serial number of line 1 again", id="again"
        ),
    ],
)
def test_bad_file_is_refused(content: str | bytes, message: str) -> None:
    """What is wrong with the file as a whole is told once, with its line."""
    faults = _faults(content)
    assert len(faults) == 1
    assert faults[0].startswith(message)


# With a header


@pytest.mark.parametrize(
    ("content", "field", "expected"),
    [
        pytest.param(f"serial,seed\nT-1,{HEX}", "kind", Kind.TOTP, id="the usual kind"),
        pytest.param(f"Seed Hex;SERIAL\n{HEX};T-1", "serial", "T-1", id="any order and case"),
        pytest.param(f"serial\tbase32\nT-1\t{BASE32}", "digits", 6, id="tabs and base32"),
        pytest.param(f"token,secret,otplen\nT-1,{HEX},8", "digits", 8, id="other names"),
        pytest.param(f"serial,seed,type,counter\nT-1,{HEX},hotp,9", "counter", 9, id="counter"),
        pytest.param(f"serial,seed,time step\nT-1,{HEX},60", "period", 60, id="a time step"),
        pytest.param(
            f"serial,seed,hash\nT-1,{HEX},SHA-256", "algorithm", Algorithm.SHA256, id="a hash"
        ),
        pytest.param(f"serial,seed,account\nT-1,{HEX}, bob ", "user", "bob", id="a user"),
        pytest.param(f"serial,seed,description\nT-1,{HEX},Desk", "label", "Desk", id="a label"),
        pytest.param(f"serial,seed,encoding\nT-1,{BASE32},base32", "serial", "T-1", id="encoding"),
        pytest.param(f"serial,seed,issuer\nT-1,{HEX}", "issuer", "", id="a cell missing"),
        pytest.param(f"serial,seed\n,{HEX}", "serial", None, id="no serial number"),
        pytest.param(f"\ufeffserial,seed\r\nT-1,{HEX}\r\n\r\n", "serial", "T-1", id="from Excel"),
    ],
)
def test_columns_are_read_by_their_names(content: str, field: str, expected: object) -> None:
    """A header puts the columns in any order and under their usual names."""
    assert getattr(_only(content), field) == expected


def test_table_for_entra_is_read() -> None:
    """The table that Entra takes: base32 seeds, users by their principal names."""
    record = _only(
        "upn,serial number,secret key,time interval,manufacturer,model\n"
        f"alice@example.com,1234567,{BASE32},60,Contoso,HardwareKey\n"
    )
    assert (record.user, record.serial, record.period) == ("alice@example.com", "1234567", 60)
    assert (record.kind, record.label) == (Kind.TOTP, "Contoso HardwareKey")


@pytest.mark.parametrize(
    ("encoding", "cell"), [(Encoding.HEX, HEX), (Encoding.BASE32, BASE32), (None, BASE32)]
)
def test_declared_encoding_is_used(encoding: Encoding | None, cell: str) -> None:
    """What the command line says of the seeds counts where the file says nothing."""
    assert _only(f"serial,seed\nT-1,{cell}", encoding).serial == "T-1"


# Without a header


@pytest.mark.parametrize(
    ("row", "kind", "digits", "number"),
    [
        pytest.param(f"T-1,{HEX}", Kind.HOTP, 6, 0, id="a counter, if nothing is said"),
        pytest.param(f"T-1,{HEX},hotp,8,42", Kind.HOTP, 8, 42, id="a counter"),
        pytest.param(f"T-1,{HEX},totp,6,60", Kind.TOTP, 6, 60, id="a time step"),
        pytest.param(f"T-1, {HEX}, totp, 8, 30", Kind.TOTP, 8, 30, id="with blanks"),
        pytest.param(f"T-1,{HEX},TOTP,,,", Kind.TOTP, 6, 30, id="empty cells at the end"),
        pytest.param(f"# serials\nT-1,{HEX},totp", Kind.TOTP, 6, 30, id="after a comment"),
    ],
)
def test_plain_rows_are_read(row: str, kind: Kind, digits: int, number: int) -> None:
    """Serial number, hexadecimal seed, kind, digits, and a counter or a time step."""
    record = _only(row)
    assert (record.serial, record.kind, record.digits) == ("T-1", kind, digits)
    assert (record.counter if kind is Kind.HOTP else record.period) == number


def test_second_version_brings_users() -> None:
    """`# version: 2` puts user, resolver and realm before the rest."""
    record = _only(f"# version: 2\nalice,res,realm,T-1,{HEX},totp,8,30")
    assert (record.user, record.serial, record.digits) == ("alice", "T-1", 8)
    assert _only(f"# version: 2\n,,,T-1,{HEX},totp,8,30").user is None


@pytest.mark.parametrize("gap", [" ", "\t", "   "])
def test_blank_separated_text_is_read(gap: str) -> None:
    """Serial number and seed with a blank or tab between, as one vendor delivers them."""
    content = f"# list\n1000133508267{gap}{HEX}\n1000133508268{gap}{HEX}\n"
    parsed = seeds.read(content)
    assert not parsed.faults
    assert [record.serial for record in parsed.records] == ["1000133508267", "1000133508268"]
    assert [record.where for record in parsed.records] == ["line 2", "line 3"]


# Yubico


def test_log_of_yubico_is_read() -> None:
    """OATH-HOTP and Yubico OTP are tokens, the others are left out with a note."""
    other = "Yubico OTP,21.11.2026 10:00,2,vvvvvvvvvvvv,0123456789ab," + "0" * 32 + ",,,0,0,0,0"
    parsed = seeds.read(f"{LOG}\n{other}\nStatic Password,x,1,,,00\n")
    assert not parsed.faults
    (record,) = parsed.records
    assert (record.kind, record.serial, record.digits) == (Kind.HOTP, "cccccccccccb", 6)
    assert "public id" in record.warnings[0]
    (key,) = parsed.yubikeys
    assert (key.public_id, key.where) == ("vvvvvvvvvvvv", "line 2")
    assert key.seed == Secret(bytes.fromhex("0123456789ab") + bytes(16))
    assert [note.where for note in parsed.notes] == ["line 3"]


def test_log_of_the_personalization_tool_is_read() -> None:
    """The line that starts a log is no token, and a token identifier may end in digits."""
    log = LOG.replace("cccccccccccb", "ubhe00336723")
    parsed = seeds.read(f"LOGGING START,21.11.2026 10:00\n{log}\n")
    assert not parsed.faults
    assert [record.serial for record in parsed.records] == ["ubhe00336723"]
    assert [note.where for note in parsed.notes] == ["line 1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(LOG.replace("cccccccccccb", "aaaa"), "not modhex", id="no modhex"),
        pytest.param(LOG.replace(",6,0,0,0", ",9,0,0,0"), "digits", id="nine digits"),
        pytest.param(LOG.replace(HEX, "xyz"), "not hex", id="no hex"),
        pytest.param("OATH-HOTP,a,1,,," + HEX, "too few cells", id="cut"),
        pytest.param("Yubico OTP,a,1,vvcc", "expected public id", id="cut-key"),
        pytest.param(f"Yubico OTP,a,1,vvcc,0,{HEX}", "private id must have", id="no-private-id"),
        pytest.param("Yubico OTP,a,1,,0123456789ab,00", "public id must have", id="no-public-id"),
    ],
)
def test_bad_line_of_the_log_is_a_fault(row: str, message: str) -> None:
    """A line of the log that cannot be used is told, whatever comes before."""
    (fault,) = _faults(f"{LOG}\n{row.replace('cccccccccccb', 'cccccccccccd')}")
    assert fault.startswith("line 2: ")
    assert message in fault


def test_log_without_public_id_has_no_serial() -> None:
    """A slot without public id is a token without serial number, and needs no warning."""
    record = _only(LOG.replace("cccccccccccb", "").replace(",6,0,0,0", ",8,0,0,0"))
    assert (record.serial, record.digits, record.warnings) == (None, 8, ())


def test_form_of_yubico_is_read() -> None:
    """Yubico's other form: a private id of 0 is OATH-HOTP; none is a static password."""
    rows = (
        f"1234567,,0,{HEX},,2026-11-21T10:00:00,",
        f"1234568,vvvvvvvvvvvv,0123456789ab,{HEX[:32]},,2026-11-21T10:00:00,",
        f"1234569,,,{HEX},,2026-11-21T10:00:00,",
    )
    parsed = seeds.read("\n".join(rows))
    assert not parsed.faults
    assert [record.serial for record in parsed.records] == ["1234567"]
    assert [key.public_id for key in parsed.yubikeys] == ["vvvvvvvvvvvv"]
    assert [note.where for note in parsed.notes] == ["line 3"]
    assert _faults(f"{rows[0]}\n7,8") == ["line 2: too few cells for a line in Yubico's form"]


# Anything


_CELLS: Final = st.sampled_from([
    "T-1", HEX, BASE32, "totp", "hotp", "6", "30", "", " ", "serial", "seed", "seed_hex", "kind",
    "OATH-HOTP", "Yubico OTP", "0", '"', "# version: 2", "cccc", "\x1b", "\r", "\u0661",
])  # fmt: skip
_TABLES: Final = st.lists(st.lists(_CELLS, max_size=8).map(",".join), max_size=6).map("\n".join)


@given(st.one_of(st.binary(max_size=80), st.text(max_size=60), _TABLES), st.sampled_from([
    None, *Encoding,
]))  # fmt: skip
def test_any_file_is_tokens_or_faults(content: str | bytes, encoding: Encoding | None) -> None:
    """Whatever a file holds: tokens that can be used, or faults, and never nothing."""
    parsed = seeds.read(content, encoding=encoding)
    assert parsed.records or parsed.yubikeys or parsed.faults
    for record in parsed.records:
        assert 10 <= len(record.seed) <= 128
        assert record.where.startswith("line ")
    for fault in parsed.faults:
        assert str(fault).isprintable()
        assert HEX not in str(fault)
