"""Tests of `radiusmfa.enrol.records`."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import records
from radiusmfa.enrol.records import Algorithm, Collector, Fault, FieldError, Kind, SeedRecord
from radiusmfa.enrol.yubikeys import YubikeyRecord
from radiusmfa.secret import Secret

SEED = Secret(b"12345678901234567890")


def _record(where: str, serial: str | None) -> SeedRecord:
    return SeedRecord(kind=Kind.TOTP, seed=SEED, serial=serial, where=where)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff", "not UTF-8", id="no UTF-8"),
        pytest.param(b"\xff\xfea\0", "not UTF-8", id="UTF-16"),
        pytest.param(b"a\0b", "NUL", id="NUL"),
        pytest.param("a\0b", "NUL", id="NUL in text"),
        pytest.param(b"a" * (2**20 + 1), "larger than 1 MiB", id="too large"),
    ],
)
def test_file_that_is_no_text_is_refused(content: str | bytes, message: str) -> None:
    """A file must be UTF-8 text of a reasonable size."""
    with pytest.raises(FieldError, match=message):
        records.text_of(content, 2**20)


def test_byte_order_mark_is_no_part_of_the_text() -> None:
    """A mark that some editors put in front is taken off, once."""
    assert records.text_of("\ufeffa".encode()) == "a"
    assert records.text_of("\ufeffa") == "a"


@pytest.mark.parametrize("size", [0, 9, 129, 4096])
def test_seed_of_no_use_is_refused(size: int) -> None:
    """A seed of fewer than 80 bits, or longer than a hash looks at, is refused."""
    with pytest.raises(FieldError, match=f"the seed has {size * 8} bits"):
        records.seed_of(b"s" * size)


@pytest.mark.parametrize(("size", "warned"), [(10, True), (15, True), (16, False), (128, False)])
def test_short_seed_is_taken_with_a_warning(size: int, *, warned: bool) -> None:
    """80 bits, as old applications made them, are taken, and said to be few."""
    seed, warnings = records.seed_of(b"s" * size)
    assert seed.reveal() == b"s" * size
    assert bool(warnings) is warned


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "1_0", "\u0661", "\u00b2", "11", "9" * 5000],
)
def test_what_is_no_number_in_range_is_refused(text: str) -> None:
    """Only plain decimal digits in range are a number, and they are not repeated."""
    with pytest.raises(FieldError) as caught:
        records.whole_number(text, 1, 10, "the count")
    assert str(caught.value) == "the count must be a number from 1 to 10"


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("10", 10), ("007", 7)])
def test_number_in_range_is_taken(text: str, number: int) -> None:
    """Leading zeros do no harm: spreadsheets add them."""
    assert records.whole_number(text, 1, 10, "the count") == number


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("SHA1", Algorithm.SHA1),
        ("sha-256", Algorithm.SHA256),
        ("HmacSHA512", Algorithm.SHA512),
        (" hmac-sha_1 ", Algorithm.SHA1),
    ],
)
def test_algorithm_is_known_by_its_usual_names(text: str, algorithm: Algorithm) -> None:
    """The spellings of applications and vendors mean the same."""
    assert records.algorithm_of(text) is algorithm


@pytest.mark.parametrize("text", ["", "MD5", "SHA", "SHA224", "SHA3-256", "SHA256x"])
def test_other_algorithms_are_refused(text: str) -> None:
    """MD5 and whatever else is not one of the three is refused."""
    with pytest.raises(FieldError):
        records.algorithm_of(text)


def test_kinds_are_two() -> None:
    """Time and counter, in any case; nothing else."""
    assert records.kind_of(" TOTP ") is Kind.TOTP
    assert records.kind_of("hotp") is Kind.HOTP
    for text in ("", "steam", "ocra"):
        with pytest.raises(FieldError):
            records.kind_of(text)


def test_numbers_of_a_token_have_limits() -> None:
    """Digits, period, counter and drift are taken to their limits and no further."""
    assert [records.digits_of(text) for text in "678"] == [6, 7, 8]
    assert [records.period_of(text) for text in ("15", "300")] == [15, 300]
    assert records.counter_of(str(2**63 - 1)) == 2**63 - 1
    assert [records.drift_of(steps) for steps in (-1000, 1000)] == [-1000, 1000]
    for convert, text in (
        (records.digits_of, "5"), (records.digits_of, "9"), (records.period_of, "14"),
        (records.period_of, "301"), (records.counter_of, str(2**63)),
    ):  # fmt: skip
        with pytest.raises(FieldError):
            convert(text)
    for steps in (-1001, 1001):
        with pytest.raises(FieldError):
            records.drift_of(steps)


@pytest.mark.parametrize("text", ["a b", "a\tb", "a\x1b[2J", "\u00e9", "a" * 65, "a\u200bb"])
def test_doubtful_serial_number_is_refused(text: str) -> None:
    """A serial number is short visible ASCII: it is typed and printed."""
    with pytest.raises(FieldError):
        records.serial_of(text)


def test_serial_number_is_trimmed() -> None:
    """Blanks around it are none of it, and nothing is no serial number."""
    assert records.serial_of(" 1000133508267 ") == "1000133508267"
    assert records.serial_of("  ") is None


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\ud800", "a" * 254])
def test_text_that_a_terminal_would_obey_is_refused(text: str) -> None:
    """Labels hold no control characters, no reversed writing, and have an end."""
    with pytest.raises(FieldError, match=r"^the label (holds|has)"):
        records.words(text, "the label")


def test_label_is_trimmed_text() -> None:
    """Letters of any script are fine."""
    assert records.words("  B\u00fcro 7 \u96fb\u8a71 ", "the label") == "B\u00fcro 7 \u96fb\u8a71"


@pytest.mark.parametrize("places", [("line 1", "line 2"), ("line 1", "line 1")])
def test_serial_number_that_comes_again_is_a_fault(places: tuple[str, str]) -> None:
    """Two tokens with one number are a fault of the second, wherever it stands."""
    found = Collector()
    for where in places:
        found.add(_record(where, "T-1"))
        found.add(_record(where, None))
    parsed = found.parsed()
    assert len(parsed.records) == 3
    assert parsed.faults == (Fault(places[1], "the serial number of line 1 again"),)
    assert str(parsed.faults[0]) == f"{places[1]}: the serial number of line 1 again"


def test_endless_faults_are_counted_not_kept() -> None:
    """A file of noise takes no memory for its report, and is still refused."""
    found = Collector()
    for at in range(records.MOST_FAULTS + 5):
        found.fault(f"line {at}", "bad")
    faults = found.parsed().faults
    assert len(faults) == records.MOST_FAULTS + 1
    assert str(faults[-1]) == "the file: 5 more faults"


def test_file_without_tokens_is_a_fault() -> None:
    """An empty file, or one of nothing but notes, does not pass for a good one."""
    found = Collector()
    found.note("line 1", "left out")
    parsed = found.parsed()
    assert [str(fault) for fault in parsed.faults] == ["the file: no token in it"]
    assert len(parsed.notes) == 1
    assert records.refused("no").faults == (Fault("the file", "no"),)


def test_record_does_not_show_its_seed() -> None:
    """A record may be printed."""
    assert "1234567890" not in repr(_record("line 1", None))


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_field_error(text: str) -> None:
    """No text makes a converter raise anything but its documented error."""
    for convert in (
        records.algorithm_of, records.kind_of, records.digits_of, records.period_of,
        records.counter_of, records.serial_of, lambda text: records.words(text, "it"),
    ):  # fmt: skip
        with contextlib.suppress(FieldError):
            convert(text)


def test_public_id_that_comes_again_is_a_fault() -> None:
    """One key twice in a file, or a token that is called so: which of them counts nobody knows."""
    found = Collector()
    for where in ("line 1", "line 2"):
        found.add_yubikey(YubikeyRecord(public_id="vvcc", seed=Secret(bytes(22)), where=where))
    parsed = found.parsed()
    assert [key.where for key in parsed.yubikeys] == ["line 1"]
    assert [str(fault) for fault in parsed.faults] == ["line 2: the serial number of line 1 again"]
