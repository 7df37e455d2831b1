"""What every reader of seed files answers with: records, faults, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.enrol.yubikeys import YubikeyRecord

LEAST_SEED_OCTETS: Final = 10  # 80 bits: old applications and exports
GOOD_SEED_OCTETS: Final = 16  # "MUST be at least 128 bits", RFC 4226 section 4, R6
MOST_SEED_OCTETS: Final = 128  # a block of SHA-512; a longer key is hashed to less
DEFAULT_DIGITS: Final = 6
DEFAULT_PERIOD: Final = 30
LEAST_PERIOD: Final = 15
MOST_PERIOD: Final = 300
MOST_COUNTER: Final = 2**63 - 1  # what the store holds
LARGEST_FILE: Final = 16 * 1024 * 1024  # octets; a seed takes about 100
MOST_FAULTS: Final = 1000  # told one by one; a file of noise has millions
_LARGEST_TEXT: Final = 253  # characters of a label, issuer or account
_LARGEST_SERIAL: Final = 64
_DRIFT_LIMIT: Final = 1000  # steps


@unique
class Kind(StrEnum):
    """What a passcode is computed from."""

    TOTP = "totp"
    HOTP = "hotp"


@unique
class Algorithm(StrEnum):
    """The hash inside the HMAC."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecord:
    """
    One token as a file describes it.

    Attributes:
        kind: Time or counter.
        seed: The key.
        serial: The device's number; None if the file has none.
        algorithm: SHA-1 unless the file says otherwise.
        digits: 6 to 8.
        period: Seconds in a time step; 30 where it means nothing (HOTP).
        counter: Next counter of an HOTP token.
        drift: Time steps that the token is ahead of the clock, if the file knows.
        user: Account or user principal name, as the file has it.
        issuer: Who the account belongs to.
        label: Free text for a person.
        warnings: What an administrator should hear, without secrets.
        where: The place in the file.
    """

    kind: Kind
    seed: Secret
    serial: str | None = None
    algorithm: Algorithm = Algorithm.SHA1
    digits: int = DEFAULT_DIGITS
    period: int = DEFAULT_PERIOD
    counter: int = 0
    drift: int = 0
    user: str | None = None
    issuer: str = ""
    label: str = ""
    warnings: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Why a file is refused.

    Attributes:
        where: The place: `line 7`, `key 2`, `the file`.
        message: What is wrong there; it never repeats a value that may be secret.
    """

    where: str
    message: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """
    A file, read.

    Attributes:
        records: The tokens, in the file's order.
        yubikeys: YubiKeys, in the file's order.
        faults: Every fault; with one or more, nothing may be imported.
        notes: Entries left out because they are no OATH tokens (PINs, static passwords).
    """

    records: tuple[SeedRecord, ...] = ()
    yubikeys: tuple[YubikeyRecord, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()


class FieldError(ValueError):
    """A value that cannot be used; the text says why, without the value."""


@dataclass(slots=True)
class Collector:
    """Gathers a file's records and faults, and what only shows between records."""

    records: list[SeedRecord] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    yubikeys: list[YubikeyRecord] = field(default_factory=list)
    _serials: dict[str, str] = field(default_factory=dict)
    _untold: int = 0

    def add(self, record: SeedRecord) -> None:
        """Keep *record*, unless its serial number came before."""
        if record.serial is None or self._is_new(record.serial, record.where):
            self.records.append(record)

    def add_yubikey(self, record: YubikeyRecord) -> None:
        """Keep *record*, unless its public id came before."""
        if self._is_new(record.public_id, record.where):
            self.yubikeys.append(record)

    def fault(self, where: str, message: str) -> None:
        """Keep a fault, or count it where a person has enough to mend."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(where, message))
        else:
            self._untold += 1

    def note(self, where: str, message: str) -> None:
        """Keep a note on an entry that is left out."""
        self.notes.append(Fault(where, message))

    def parsed(self) -> Parsed:
        """Return everything; a file without any token is a fault of its own."""
        if not (self.records or self.yubikeys or self.faults):
            self.fault("the file", "no token in it")
        faults = tuple(self.faults)
        if self._untold:
            faults += (Fault("the file", f"{self._untold} more faults"),)
        return Parsed(
            records=tuple(self.records),
            yubikeys=tuple(self.yubikeys),
            faults=faults,
            notes=tuple(self.notes),
        )

    def _is_new(self, serial: str, where: str) -> bool:
        before = self._serials.get(serial)
        if before is None:
            self._serials[serial] = where
            return True
        self.fault(where, f"the serial number of {before} again")
        return False


def refused(message: str) -> Parsed:
    """Return the answer for a file that is refused as a whole."""
    return Parsed(faults=(Fault("the file", message),))


def text_of(content: str | bytes, most: int = LARGEST_FILE) -> str:
    """
    Return *content* as text without a byte order mark.

    Raises:
        FieldError: More than *most* octets, not UTF-8, or with NULs.
    """
    if len(content) > most:
        msg = f"larger than {most // 2**20} MiB"
        raise FieldError(msg)
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        raise FieldError("not UTF-8 text; save it as UTF-8") from None
    if "\0" in text:
        raise FieldError("not a text file: it holds NUL")
    return text.removeprefix("\ufeff")


def seed_of(octets: bytes) -> tuple[Secret, tuple[str, ...]]:
    """
    Return a seed and what to warn of.

    Raises:
        FieldError: Fewer than 10 or more than 128 octets.
    """
    size = len(octets)
    if not LEAST_SEED_OCTETS <= size <= MOST_SEED_OCTETS:
        msg = (
            f"the seed has {size * 8} bits; "
            f"{LEAST_SEED_OCTETS * 8} to {MOST_SEED_OCTETS * 8} can be used"
        )
        raise FieldError(msg)
    if size < GOOD_SEED_OCTETS:
        return Secret(octets), (f"the seed has only {size * 8} bits; RFC 4226 wants 128",)
    return Secret(octets), ()


def whole_number(text: str, least: int, most: int, name: str) -> int:
    """
    Return *text* as a number from *least* to *most*, both of at most 19 digits.

    Raises:
        FieldError: It is not plain decimal digits, or out of range.
    """
    digits = text.lstrip("0") or "0"
    plain = text.isascii() and text.isdigit() and len(digits) <= len(str(most))
    if not plain or not least <= int(digits) <= most:
        msg = f"{name} must be a number from {least} to {most}"
        raise FieldError(msg)
    return int(digits)


def algorithm_of(text: str) -> Algorithm:
    """
    Return the algorithm that *text* names: `SHA1`, `sha-256`, `HmacSHA512`.

    Raises:
        FieldError: Any other, MD5 among them.
    """
    name = text.strip().lower().replace("-", "").replace("_", "").removeprefix("hmac")
    try:
        return Algorithm(name)
    except ValueError:
        raise FieldError("the algorithm must be SHA1, SHA256 or SHA512") from None


def kind_of(text: str) -> Kind:
    """
    Return the kind that *text* names.

    Raises:
        FieldError: Neither totp nor hotp.
    """
    try:
        return Kind(text.strip().lower())
    except ValueError:
        raise FieldError("the kind must be totp or hotp") from None


def digits_of(text: str) -> int:
    """Return the length of a passcode, 6 to 8, or raise FieldError."""
    return whole_number(text, 6, 8, "digits")


def period_of(text: str) -> int:
    """Return a time step in seconds, 15 to 300, or raise FieldError."""
    return whole_number(text, LEAST_PERIOD, MOST_PERIOD, "the period")


def counter_of(text: str) -> int:
    """Return a counter that the store can hold, or raise FieldError."""
    return whole_number(text, 0, MOST_COUNTER, "the counter")


def drift_of(steps: int) -> int:
    """Return *steps* if a token may drift so far, or raise FieldError."""
    if not -_DRIFT_LIMIT <= steps <= _DRIFT_LIMIT:
        msg = f"the drift must be at most {_DRIFT_LIMIT} steps"
        raise FieldError(msg)
    return steps


def serial_of(text: str) -> str | None:
    """
    Return a serial number, None for an empty one.

    Raises:
        FieldError: Longer than 64 characters, or with anything but visible ASCII.
    """
    serial = text.strip()
    if not serial:
        return None
    if len(serial) > _LARGEST_SERIAL or not serial.isascii():
        msg = f"a serial number has at most {_LARGEST_SERIAL} ASCII characters"
        raise FieldError(msg)
    if not serial.isprintable() or " " in serial:
        raise FieldError("a serial number holds no blanks and no control characters")
    return serial


def words(text: str, name: str) -> str:
    """
    Return free text for a label, trimmed.

    Raises:
        FieldError: Longer than 253 characters, or not printable: it will be shown
            on terminals.
    """
    trimmed = text.strip()
    if len(trimmed) > _LARGEST_TEXT:
        msg = f"{name} has more than {_LARGEST_TEXT} characters"
        raise FieldError(msg)
    if not trimmed.isprintable():
        msg = f"{name} holds control characters"
        raise FieldError(msg)
    return trimmed
