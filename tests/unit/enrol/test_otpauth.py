"""Tests of `radiusmfa.enrol.otpauth`."""

from __future__ import annotations

import contextlib
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import otpauth
from radiusmfa.enrol.records import Algorithm, FieldError, Kind, SeedRecord
from radiusmfa.factors import oath
from radiusmfa.secret import Secret
from tests.families import family

SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SEED: Final = b"12345678901234567890"


@pytest.mark.parametrize(("inputs", "expected"), family("otpauth_uri"))
def test_vectors(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """Each URI gives its token, whose passcode is the one that applications show, or is refused."""
    if not expected["valid"]:
        with pytest.raises(FieldError):
            otpauth.read_uri(inputs["uri"])
        return
    record = otpauth.read_uri(inputs["uri"])
    assert record.kind == expected["type"]
    assert record.seed.reveal().hex() == expected["secret_hex"]
    assert (record.issuer, record.user) == (expected["issuer"] or "", expected["account"])
    assert record.algorithm == expected["algorithm"].lower()
    assert (record.digits, record.period) == (expected["digits"], expected["period"])
    step = 59 // record.period if record.kind is Kind.TOTP else record.counter
    code = oath.passcode(record.seed.reveal(), step, record.digits, record.algorithm)
    assert code == expected["code_at_59"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        pytest.param("https://totp/a?secret=x", "not an otpauth", id="another scheme"),
        pytest.param("otpauth://totp/a", "not an otpauth", id="no parameters"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}#x", "not an otpauth", id="a fragment"),
        pytest.param(f"otpauth://totp?secret={SECRET}", "not an otpauth", id="no label at all"),
        pytest.param(f"otpauth://totp/A:?secret={SECRET}", "no account", id="an issuer alone"),
        pytest.param(f"otpauth://totp/%?secret={SECRET}", "percent", id="half an escape"),
        pytest.param(f"otpauth://totp/%ff?secret={SECRET}", "percent", id="no UTF-8"),
        pytest.param(f"otpauth://totp/a%1b?secret={SECRET}", "control", id="an escape sequence"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&secret={SECRET}", "twice", id="two seeds"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&digits=6&digits=8", "twice", id="twice"),
        pytest.param("otpauth://totp/a?secret=GEZDGNBV", "40 bits", id="a seed too short"),
        pytest.param("otpauth://totp/a?secret=GEZDGNB1", "base32", id="no base32"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&period=0", "period", id="no period"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&digits=10", "digits", id="ten digits"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&issuer=%00", "control", id="NUL"),
        pytest.param(f"otpauth://totp/a?secret={SECRET}&serial=a%20b", "serial", id="serial"),
        pytest.param(f"otpauth://hotp/a?secret={SECRET}&counter=-1", "counter", id="counter"),
        pytest.param(
            f"otpauth://totp/{'a' * 5000}?secret={SECRET}", "not an otpauth", id="over-long"
        ),
    ],
)
def test_doubtful_uri_is_refused_without_its_seed(uri: str, message: str) -> None:
    """What is not clear is refused, in words that hold nothing of the seed."""
    with pytest.raises(FieldError, match=message) as caught:
        otpauth.read_uri(uri)
    assert "GEZDG" not in str(caught.value)


def test_list_tells_every_fault_with_its_line() -> None:
    """All faults of a list are told at once; comments and blank lines pass."""
    text = (
        "\ufeff# exported\r\n"
        f"otpauth://totp/a?secret={SECRET}&serial=T-1\r\n\r\n"
        "otpauth://totp/b\r\n"
        f"otpauth://totp/c?secret={SECRET}&serial=T-1\r\n"
        f"  otpauth://totp/d?secret=JBSWY3DPEHPK3PXP  \r\n"
    )
    parsed = otpauth.read(text.encode())
    assert [(record.user, record.where) for record in parsed.records] == [
        ("a", "line 2"), ("d", "line 6"),
    ]  # fmt: skip
    assert [str(fault) for fault in parsed.faults] == [
        "line 4: not an otpauth:// URI with a label and a secret",
        "line 5: the serial number of line 2 again",
    ]
    assert "80 bits" in parsed.records[1].warnings[0]


@pytest.mark.parametrize("content", [b"", b"\n\n# nothing\n", b"\xff\xfe", b"a\0"])
def test_file_without_uris_is_refused(content: bytes) -> None:
    """An empty file, and one that is no text, is a fault and no exception."""
    parsed = otpauth.read(content)
    assert not parsed.records
    assert len(parsed.faults) == 1


def test_issuers_that_differ_are_told() -> None:
    """The parameter counts, and the administrator hears of it."""
    record = otpauth.read_uri(f"otpauth://totp/Old:a?secret={SECRET}&issuer=New")
    assert record.issuer == "New"
    assert "another issuer" in record.warnings[0]


def test_plus_is_a_blank_in_parameters_only() -> None:
    """A plus in a parameter is a blank, as forms write it; in a label it is a plus."""
    record = otpauth.read_uri(f"otpauth://totp/a+b?secret={SECRET}&issuer=A+B")
    assert (record.user, record.issuer) == ("a+b", "A B")


_RECORD: Final = SeedRecord(kind=Kind.TOTP, seed=Secret(SEED), user="alice@example.com")


@pytest.mark.parametrize(
    ("record", "uri"),
    [
        pytest.param(
            _RECORD, f"otpauth://totp/alice@example.com?secret={SECRET}", id="nothing but defaults"
        ),
        pytest.param(
            SeedRecord(kind=Kind.TOTP, seed=Secret(SEED), user="a b", issuer="A & B", digits=8,
                       period=60, algorithm=Algorithm.SHA256),
            f"otpauth://totp/A%20%26%20B:a%20b?secret={SECRET}&issuer=A%20%26%20B"
            "&algorithm=SHA256&digits=8&period=60",
            id="everything",
        ),
        pytest.param(
            SeedRecord(kind=Kind.HOTP, seed=Secret(SEED), label="key", counter=5, period=60),
            f"otpauth://hotp/key?secret={SECRET}&counter=5",
            id="a counter",
        ),
        pytest.param(
            SeedRecord(kind=Kind.TOTP, seed=Secret(SEED), serial="T-1"),
            f"otpauth://totp/T-1?secret={SECRET}",
            id="a serial number for a name",
        ),
        pytest.param(
            SeedRecord(kind=Kind.TOTP, seed=Secret(SEED)),
            f"otpauth://totp/token?secret={SECRET}",
            id="no name at all",
        ),
    ],
)  # fmt: skip
def test_uri_is_written_small_and_plain(record: SeedRecord, uri: str) -> None:
    """Blanks are `%20`, and what applications assume anyway is left out."""
    assert otpauth.write_uri(record) == uri


def test_pyotp_reads_what_we_write() -> None:
    """Another implementation finds the same token in our URI."""
    record = SeedRecord(
        kind=Kind.TOTP, seed=Secret(SEED), user="j\u00fcrgen", issuer="B\u00fcro 7", digits=8,
        period=60, algorithm=Algorithm.SHA512,
    )  # fmt: skip
    theirs = pyotp.parse_uri(otpauth.write_uri(record))
    assert isinstance(theirs, pyotp.TOTP)
    assert (theirs.name, theirs.issuer) == ("j\u00fcrgen", "B\u00fcro 7")
    assert (theirs.digits, theirs.interval) == (8, 60)
    assert theirs.at(1234567890) == oath.passcode(SEED, 1234567890 // 60, 8, "sha512")


def test_we_read_what_pyotp_writes() -> None:
    """A URI of another implementation gives the same token."""
    uri = pyotp.HOTP(SECRET, digits=8).provisioning_uri(
        name="a b@c", issuer_name="Example Corp", initial_count=7
    )
    record = otpauth.read_uri(uri)
    assert (record.kind, record.user, record.issuer) == (Kind.HOTP, "a b@c", "Example Corp")
    assert (record.digits, record.counter, record.seed) == (8, 7, Secret(SEED))


def _words(least: int) -> st.SearchStrategy[str]:
    letters = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
    text = st.text(letters, min_size=least, max_size=20)
    return text.map(str.strip).filter(lambda words: len(words) >= least and words.isprintable())


@given(
    st.builds(
        SeedRecord,
        kind=st.sampled_from(Kind),
        seed=st.binary(min_size=16, max_size=64).map(Secret),
        serial=st.none() | st.text("AZ09-/:", min_size=1, max_size=10),
        algorithm=st.sampled_from(Algorithm),
        digits=st.integers(6, 8),
        period=st.integers(15, 300),
        counter=st.integers(0, 2**63 - 1),
        user=_words(1),
        issuer=_words(0),
    )
)
def test_every_token_comes_back(record: SeedRecord) -> None:
    """Any token that is exported can be imported again, whatever signs are in its names."""
    uri = otpauth.write_uri(record, with_serial=True)
    assert uri.isascii()
    assert not set(uri) & set(' "<>\\^`{|}+')
    back = otpauth.read_uri(uri)
    assert (back.kind, back.seed, back.serial) == (record.kind, record.seed, record.serial)
    assert (back.algorithm, back.digits) == (record.algorithm, record.digits)
    assert (back.user, back.issuer) == (record.user, record.issuer)
    if record.kind is Kind.TOTP:
        assert back.period == record.period
    else:
        assert back.counter == record.counter
    assert parse_qs(urlsplit(uri).query)["secret"]


@given(
    st.one_of(
        st.text(max_size=60),
        st.text("abAB%:=&?/#+ 0123456789", max_size=60).map("otpauth://totp/".__add__),
        st.text("abAB%:=&?/#+ 0123456789", max_size=60).map(
            f"otpauth://hotp/a?secret={SECRET}&".__add__
        ),
    )
)
def test_any_text_is_a_token_or_an_error(text: str) -> None:
    """Whatever a URI holds: a token, or the documented error."""
    with contextlib.suppress(FieldError):
        assert otpauth.read_uri(text).user


def test_new_seed_is_long_and_never_the_same() -> None:
    """Each new token gets 160 bits of its own (RFC 4226 section 4)."""
    seeds = {otpauth.new_seed().reveal() for _ in range(100)}
    assert len(seeds) == 100
    assert {len(seed) for seed in seeds} == {20}
