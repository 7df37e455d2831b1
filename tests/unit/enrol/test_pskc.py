"""Tests of `radiusmfa.enrol.pskc`."""

from __future__ import annotations

import hashlib
import io
from typing import Any, Final

import pskc as others
import pytest

from radiusmfa.enrol import pskc
from radiusmfa.enrol.records import Algorithm, Kind, Parsed, SeedRecord
from radiusmfa.enrol.xmlenc import Unlocking
from radiusmfa.secret import Secret
from tests.families import FOLDER, family
from tests.unit.enrol.containers import (
    FORMAT,
    HOTP,
    SEED,
    TOTP,
    Sealed,
    container,
    derivation,
    package,
    plain,
)

USUAL: Final = Sealed()
UNLOCKING: Final = Unlocking(key=Secret(USUAL.key))


def _only(*parts: str, unlocking: Unlocking | None = None) -> SeedRecord:
    parsed = pskc.read(container(*parts), unlocking)
    assert not parsed.faults
    (record,) = parsed.records
    return record


def _faults(*parts: str, unlocking: Unlocking | None = None) -> list[str]:
    parsed = pskc.read(container(*parts), unlocking)
    return [str(fault) for fault in parsed.faults]


def _unlocking(inputs: dict[str, str]) -> Unlocking:
    key, password = inputs.get("pre_shared_key_hex"), inputs.get("password_text")
    return Unlocking(
        key=None if key is None else Secret(bytes.fromhex(key)),
        password=None if password is None else Secret(password.encode()),
    )


@pytest.mark.parametrize(
    ("inputs", "expected"), family("pskc", lambda row: row["id"].startswith("own-"))
)
def test_vectors(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """Each file gives its keys, or is refused as a whole."""
    parsed = pskc.read((FOLDER / inputs["file"]).read_bytes(), _unlocking(inputs))
    if not expected["valid"]:
        assert parsed.faults
        return
    assert not parsed.faults
    for record, wanted in zip(parsed.records, expected["keys"], strict=True):
        assert record.seed.reveal().hex() == wanted["secret_hex"]
        assert (record.kind, record.serial) == (wanted["algorithm"], wanted["serial"])
        assert (record.issuer, record.digits) == (wanted["issuer"], wanted["digits"])
        assert record.period == wanted.get("time_step", 30)
        assert record.counter == int(wanted.get("counter", 0))
        assert record.drift == wanted.get("time_drift", 0)
        suite = wanted.get("suite", "HMAC-SHA1")
        assert record.algorithm == suite.removeprefix("HMAC-").lower()
        assert wanted["manufacturer"] in record.label


# What must not be imported


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", "not well-formed", id="nothing"),
        pytest.param("serial,seed", "not well-formed", id="no XML"),
        pytest.param("<KeyContainer/>", "not a PSKC file", id="no namespace"),
        pytest.param(
            container(package(plain())).replace(":pskc", ":other"), "not a PSKC file", id="another"
        ),
        pytest.param(
            container(package(plain())).replace("KeyContainer", "Keys"), "not a PSKC", id="root"
        ),
        pytest.param(
            container(package(plain())).replace('"1.0"', '"2.0"'), "version", id="version"
        ),
        pytest.param("<!DOCTYPE a>" + container(package(plain())), "DOCTYPE", id="DOCTYPE"),
        pytest.param("\ud800", "not UTF-8", id="a lone surrogate"),
        pytest.param(container(), "no token in it", id="no package"),
    ],
)
def test_file_that_is_no_container_is_refused(content: str, message: str) -> None:
    """What is no PSKC file is refused as a whole, with one clear reason."""
    parsed = pskc.read(content)
    assert not parsed.records
    (fault,) = parsed.faults
    assert fault.where == "the file"
    assert message in fault.message


@pytest.mark.parametrize(
    ("part", "message"),
    [
        pytest.param("<KeyPackage/>", "a package without a key", id="no key"),
        pytest.param(
            package(plain(), algorithm="urn:ietf:params:xml:ns:keyprov:pskc:ocra"),
            "algorithm that radiusmfa cannot use",
            id="OCRA",
        ),
        pytest.param(package(plain(), algorithm=""), "cannot use", id="no algorithm"),
        pytest.param(package(""), "no seed in it", id="no seed"),
        pytest.param(package("<Secret/>"), "the seed has no value", id="an empty seed"),
        pytest.param(
            package("<Secret><PlainValue>!</PlainValue></Secret>"), "not base64", id="no base64"
        ),
        pytest.param(package(plain(b"short")), "the seed has 40 bits", id="a short seed"),
        pytest.param(package(plain(bytes(200))), "the seed has 1600 bits", id="a vast seed"),
        pytest.param(
            package(plain(), parameters=FORMAT.replace('"6"', '"5"')), "digits", id="five digits"
        ),
        pytest.param(
            package(plain(), parameters=FORMAT.replace(' Length="6"', "")), "digits", id="no length"
        ),
        pytest.param(
            package(plain(), parameters=FORMAT.replace("DECIMAL", "HEXADECIMAL")),
            "not decimal",
            id="hexadecimal codes",
        ),
        pytest.param(
            package(plain(), parameters=FORMAT.replace(" Enc", ' CheckDigits="true" Enc')),
            "check digit",
            id="a check digit",
        ),
        pytest.param(
            package(plain(), parameters=FORMAT + "<Suite>HMAC-MD5</Suite>"), "Suite", id="MD5"
        ),
        pytest.param(
            package(plain() + "<TimeInterval><PlainValue>0</PlainValue></TimeInterval>"),
            "the period must be",
            id="no period",
        ),
        pytest.param(
            package(plain() + "<TimeInterval><PlainValue>x</PlainValue></TimeInterval>"),
            "TimeInterval must be",
            id="a period that is no number",
        ),
        pytest.param(
            package(plain() + "<Time><PlainValue>100</PlainValue></Time>"), "1970", id="another T0"
        ),
        pytest.param(
            package(plain() + "<TimeDrift><PlainValue>1001</PlainValue></TimeDrift>"),
            "the drift",
            id="a vast drift",
        ),
        pytest.param(
            package(plain() + "<Counter><PlainValue>-1</PlainValue></Counter>", algorithm=HOTP),
            "the counter must be",
            id="a negative counter",
        ),
        pytest.param(
            package(plain() + "<Counter/>", algorithm=HOTP), "Counter has no value", id="no counter"
        ),
        pytest.param(package(plain(), serial="a b"), "serial number", id="a serial with a blank"),
        pytest.param(
            package(plain(), more="<UserId>a&#x9b;b</UserId>"), "the user", id="a control character"
        ),
        pytest.param(
            package(plain(), more="<Policy><KeyUsage>CR</KeyUsage></Policy>"),
            "its policy does not allow it",
            id="a key for something else",
        ),
    ],
)
def test_key_that_cannot_be_used_is_a_fault_with_its_line(part: str, message: str) -> None:
    """One bad key makes the file be refused, and its line is told; the others are still read."""
    parsed = pskc.read(container(package(plain(), serial="T-0"), part))
    (fault,) = parsed.faults
    assert fault.where == "line 3"
    assert message in fault.message
    assert len(parsed.records) == 1


def test_serial_number_that_comes_again_is_a_fault_even_on_one_line() -> None:
    """Many vendors write one long line: its keys are told apart by their number."""
    line = package(plain()) + package(plain(), serial="T-2") + package(plain())
    assert _faults(line) == ["line 2, key 3: the serial number of line 2 again"]


def test_keys_of_one_device_are_told_apart() -> None:
    """A device may hold several keys (RFC 6030 figure 10): the second one's name tells it apart."""
    second, third = (package(plain()).replace('Id="k"', f'Id="{name}"') for name in ("4", "k 5"))
    parsed = pskc.read(container(package(plain()), second, second, third))
    assert [record.serial for record in parsed.records] == ["T-1", "T-1:4"]
    assert "several keys" in parsed.records[1].warnings[0]
    assert [fault.where for fault in parsed.faults] == ["line 4", "line 5"]


def test_pin_is_left_out_with_a_note() -> None:
    """A PIN is no token; the file's tokens are taken, and the administrator hears of it."""
    pin = package(plain(b"1234"), algorithm=TOTP.replace("totp", "pin"), serial="P-1")
    parsed = pskc.read(container(package(plain()), pin))
    assert not parsed.faults
    assert [record.serial for record in parsed.records] == ["T-1"]
    assert [str(note) for note in parsed.notes] == ["line 3: left out: a PIN, not a token"]


# What is read


@pytest.mark.parametrize(
    ("part", "field", "expected"),
    [
        pytest.param(package(plain()), "kind", Kind.TOTP, id="kind"),
        pytest.param(package(plain()), "period", 30, id="the usual period"),
        pytest.param(
            package(plain() + "<TimeInterval><PlainValue>60</PlainValue></TimeInterval>"),
            "period",
            60,
            id="a period",
        ),
        pytest.param(
            package(plain() + "<TimeDrift><PlainValue>-4</PlainValue></TimeDrift>"),
            "drift",
            -4,
            id="a token that is slow",
        ),
        pytest.param(
            package(plain() + "<Counter><PlainValue>7</PlainValue></Counter>", algorithm=HOTP),
            "counter",
            7,
            id="a counter",
        ),
        pytest.param(package(plain(), algorithm=HOTP), "counter", 0, id="no counter"),
        pytest.param(
            package(plain() + "<TimeInterval><PlainValue>60</PlainValue></TimeInterval>",
                    algorithm=HOTP), "period", 30, id="a period that means nothing",
        ),
        pytest.param(
            package(plain(), parameters=FORMAT + "<Suite>HMAC-SHA256</Suite>"),
            "algorithm",
            Algorithm.SHA256,
            id="a Suite",
        ),
        pytest.param(package(plain(), serial=""), "serial", "k", id="the key's own number"),
        pytest.param(
            package(plain(), more="<UserId>CN=alice</UserId>"), "user", "CN=alice", id="a user"
        ),
        pytest.param(
            package(plain(), more="<FriendlyName>Desk</FriendlyName>"), "label", "Desk", id="name"
        ),
        pytest.param(package(plain(), parameters=""), "digits", 6, id="digits not said"),
        pytest.param(
            package(plain(), algorithm="http://www.ietf.org/keyprov/pskc#totp"), "kind", Kind.TOTP,
            id="a name of the drafts",
        ),
    ],
)  # fmt: skip
def test_fields_are_read(part: str, field: str, expected: object) -> None:
    """What a vendor writes of a token comes with it."""
    assert getattr(_only(part), field) == expected


@pytest.mark.parametrize(
    ("part", "warning"),
    [
        pytest.param(package(plain(bytes(10))), "80 bits", id="a short seed"),
        pytest.param(package(plain(), parameters=""), "length of a code", id="no digits"),
        pytest.param(
            package(plain(), more="<Policy><PINPolicy/></Policy>"), "PIN", id="a PIN policy"
        ),
        pytest.param(
            package(plain(), more="<Policy><ExpiryDate>2030-01-01T00:00:00Z</ExpiryDate></Policy>"),
            "an end",
            id="an end",
        ),
        pytest.param(
            package(
                plain(), more="<Policy><NumberOfTransactions>9</NumberOfTransactions></Policy>"
            ),
            "rules that radiusmfa does not know",
            id="an unknown policy",
        ),
    ],
)
def test_what_is_not_enforced_is_told(part: str, warning: str) -> None:
    """A policy that nobody will watch is not passed over in silence."""
    assert any(warning in text for text in _only(part).warnings)


def test_policy_for_passcodes_needs_no_warning() -> None:
    """A key that may be used for one-time passcodes is just what is wanted."""
    record = _only(package(plain(), more="<Policy><KeyUsage>OTP</KeyUsage></Policy>"))
    assert record.warnings == ()


def test_signature_is_not_checked_and_that_is_told() -> None:
    """A signature that nobody checked must not look like one that was."""
    parsed = pskc.read(container(package(plain()), "<ds:Signature/>"))
    assert len(parsed.records) == 1
    assert [str(note) for note in parsed.notes] == ["line 3: the signature was not checked"]


# Encrypted


def test_encrypted_values_are_opened() -> None:
    """Seed, counter and time may all be encrypted, numbers as digits or octets."""
    for octets in (b"300", (300).to_bytes(2, "big")):
        data = USUAL.element("Secret", SEED) + USUAL.element("Counter", octets)
        record = _only(USUAL.method(), package(data, algorithm=HOTP), unlocking=UNLOCKING)
        assert (record.seed.reveal(), record.counter) == (SEED, 300)


@pytest.mark.parametrize("octets", [b"", bytes(9), b"9" * 20])
def test_encrypted_number_out_of_range_is_refused(octets: bytes) -> None:
    """A number that has no octets, or too many, is not taken for nought."""
    data = USUAL.element("Secret", SEED) + USUAL.element("Counter", octets)
    (fault,) = _faults(USUAL.method(), package(data, algorithm=HOTP), unlocking=UNLOCKING)
    assert fault.startswith("line 3: Counter ")


@pytest.mark.parametrize(
    ("unlocking", "message"),
    [
        pytest.param(None, "give it", id="nothing given"),
        pytest.param(
            Unlocking(password=Secret(b"wrong")), "a pre-shared key", id="the other thing"
        ),
        pytest.param(Unlocking(key=Secret(bytes(16))), "a wrong password or key", id="wrong"),
        pytest.param(Unlocking(key=Secret(b"k")), "not of 8", id="no key at all"),
    ],
)
def test_encrypted_file_needs_its_key(unlocking: Unlocking | None, message: str) -> None:
    """Without the right key the file is refused as a whole, in words that tell what is wanted."""
    parts = USUAL.method(), package(USUAL.element("Secret", SEED))
    (fault,) = _faults(*parts, unlocking=unlocking)
    assert message in fault


def test_seed_in_clear_in_an_encrypted_file_is_refused() -> None:
    """Somebody on the way could have put it there: the MAC covers encrypted values only."""
    parts = (
        USUAL.method(),
        package(USUAL.element("Secret", SEED)),
        package(plain(b"a seed of the attacker"), serial="T-2"),
    )
    assert _faults(*parts, unlocking=UNLOCKING) == ["line 4: a seed in clear in an encrypted file"]
    lenient = Unlocking(key=Secret(USUAL.key), lenient=True)
    assert len(pskc.read(container(*parts), lenient).records) == 2


def test_faults_hold_no_seed() -> None:
    """Whatever is wrong with a key, no message holds octets of it."""
    shown = plain().partition("Value>")[2].partition("<")[0]
    broken = package(plain(), serial=shown * 3), package(plain(), algorithm=shown)
    for fault in _faults(*broken):
        assert shown not in fault


# Beside another implementation


def _written(*, password: str | None = None, **key: str | bytes | int) -> bytes:
    document = others.PSKC()
    document.add_key(**key)
    if password is not None:
        document.encryption.setup_pbkdf2(password, iterations=1000)
    file = io.BytesIO()
    document.write(file)
    return file.getvalue()


_TOKEN: Final[dict[str, str | bytes | int]] = {
    "id": "T-1", "serial": "T-1", "manufacturer": "Maker", "secret": SEED, "response_length": 8,
    "response_encoding": "DECIMAL",
}  # fmt: skip


@pytest.mark.parametrize("password", [None, "correct horse", "pässword"])
def test_file_of_another_implementation_is_read(password: str | None) -> None:
    """A file that python-pskc writes, plain or encrypted, gives the token that it was given."""
    content = _written(password=password, algorithm=TOTP, time_interval=60, **_TOKEN)
    unlocking = None if password is None else Unlocking(password=Secret(password.encode()))
    parsed = pskc.read(content, unlocking)
    assert not parsed.faults
    (record,) = parsed.records
    assert (record.seed.reveal(), record.serial) == (SEED, "T-1")
    assert (record.kind, record.period, record.digits) == (Kind.TOTP, 60, 8)


def test_file_of_another_implementation_needs_its_password() -> None:
    """The wrong password opens nothing."""
    content = _written(password="correct horse", algorithm=HOTP, counter=3, **_TOKEN)
    parsed = pskc.read(content, Unlocking(password=Secret(b"correct hors")))
    assert not parsed.records
    assert parsed.faults


def test_other_implementation_reads_our_test_files() -> None:
    """The containers of these tests mean to python-pskc what they mean to us."""
    key = hashlib.pbkdf2_hmac("sha1", b"correct horse", b"a salt..", 1000, 16)
    sealed = Sealed(key=key)
    content = container(derivation(), sealed.method(), package(sealed.element("Secret", SEED)))
    document = others.PSKC(io.BytesIO(content.encode()))
    document.encryption.derive_key("correct horse")
    assert document.keys[0].secret == SEED
    assert _read_with_password(content).records[0].seed.reveal() == SEED


def _read_with_password(content: str) -> Parsed:
    return pskc.read(content, Unlocking(password=Secret(b"correct horse")))
