"""
Google Authenticator's export: `otpauth-migration://offline?data=...`, one QR text a line.

The data is a protocol buffer of two small messages; this reads just those, bounded.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar
from urllib.parse import unquote

from radiusmfa.enrol import records
from radiusmfa.enrol.otpauth import split_label
from radiusmfa.enrol.records import Algorithm, Collector, FieldError, Kind, Parsed, SeedRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX: Final = "otpauth-migration://"
_LARGEST_DATA: Final = 64 * 1024  # octets; a QR code holds under 3 KiB
_MOST_BATCH: Final = 1000
_MOST_NAMED: Final = 10  # missing QR codes that one message names
_URI: Final = re.compile(
    r"(?i:otpauth-migration)://offline/?\?data=(?P<data>(?:[A-Za-z0-9+/=]|%[0-9A-Fa-f]{2})+)"
)
_ALGORITHMS: Final = {
    0: Algorithm.SHA1,
    1: Algorithm.SHA1,
    2: Algorithm.SHA256,
    3: Algorithm.SHA512,
}
_DIGITS: Final = {0: 6, 1: 6, 2: 8}
_KINDS: Final = {1: Kind.HOTP, 2: Kind.TOTP}

# Wire types of protocol buffers.
_VARINT: Final = 0
_OCTETS: Final = 2
_FIXED_SIZES: Final = {1: 8, 5: 4}
_MORE: Final = 128  # the high bit of an octet: the number goes on
_LONGEST_VARINT: Final = 10  # 64 bits in groups of seven

_Choice = TypeVar("_Choice")
_Fields: TypeAlias = "dict[int, int | bytes]"


@dataclass(slots=True)
class _Batch:
    """One export that came in several QR codes."""

    size: int
    places: dict[int, str] = field(default_factory=dict)


def read(content: str | bytes) -> Parsed:
    """
    Read QR texts, one a line; blank lines and lines that begin with `#` pass.

    Returns:
        Records and faults with their lines; a batch that lacks one of its QR codes
        is a fault. It never raises.
    """
    try:
        text = records.text_of(content)
    except FieldError as error:
        return records.refused(str(error))
    found, batches = Collector(), dict[int, _Batch]()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            _read_payload(_payload(stripped), f"line {number}", found, batches)
        except FieldError as error:
            found.fault(f"line {number}", str(error))
    _check_batches(found, batches)
    return found.parsed()


def _payload(line: str) -> bytes:
    parts = _URI.fullmatch(line) if len(line) <= _LARGEST_DATA else None
    if parts is None:
        raise FieldError("not an otpauth-migration:// text")
    encoded = unquote(parts["data"]).rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:  # binascii.Error, or letters that are not ASCII
        raise FieldError("the data is not base64; the text may be cut") from None


def _read_payload(payload: bytes, where: str, found: Collector, batches: dict[int, _Batch]) -> None:
    tokens: list[bytes] = []
    head: dict[int, int] = {}
    for number, value in _fields(payload):
        if number == 1 and isinstance(value, bytes):
            tokens.append(value)
        elif isinstance(value, int):
            head[number] = value
    if head.get(2, 1) not in {1, 2}:
        raise FieldError("a version of the export that is not known here")
    _note_batch(head, where, batches)
    for count, token in enumerate(tokens, 1):
        place = f"{where}, token {count}"
        try:
            found.add(_record(dict(_fields(token)), place))
        except FieldError as error:
            found.fault(place, str(error))


def _record(fields: _Fields, where: str) -> SeedRecord:
    kind = _choice(fields, 6, _KINDS, "a kind that is neither HOTP nor TOTP")
    seed, warnings = records.seed_of(_octets(fields, 1))
    prefix, account = split_label(_text(fields, 2, "the account"))
    issuer = _text(fields, 3, "the issuer") or prefix
    counter = _integer(fields, 7)
    if not 0 <= counter <= records.MOST_COUNTER:
        raise FieldError("the counter is out of range")
    return SeedRecord(
        kind=kind,
        seed=seed,
        algorithm=_choice(fields, 4, _ALGORITHMS, "an algorithm that is not SHA1, 256 or 512"),
        digits=_choice(fields, 5, _DIGITS, "a number of digits that is neither six nor eight"),
        counter=counter if kind is Kind.HOTP else 0,
        user=account or None,
        issuer=issuer,
        label=account,
        warnings=warnings,
        where=where,
    )


def _note_batch(head: dict[int, int], where: str, batches: dict[int, _Batch]) -> None:
    if 3 not in head:  # noqa: PLR2004 - it follows the tokens: without it some may be cut off
        raise FieldError("it does not say of how many QR codes it is one; the text may be cut")
    size, index, name = head[3], head.get(4, 0), head.get(5, 0)
    if not 0 <= index < max(size, 1) <= _MOST_BATCH:
        raise FieldError("the number of this QR code is out of range")
    batch = batches.setdefault(name, _Batch(max(size, 1)))
    if batch.size != max(size, 1):
        raise FieldError("this QR code tells another number of codes than the one before")
    if index in batch.places:
        msg = f"the same QR code as on {batch.places[index]}"
        raise FieldError(msg)
    batch.places[index] = where


def _check_batches(found: Collector, batches: dict[int, _Batch]) -> None:
    for batch in batches.values():
        absent = (str(at + 1) for at in range(batch.size) if at not in batch.places)
        missing = list(islice(absent, _MOST_NAMED + 1))  # a forged file may claim many
        if missing:
            where = next(iter(batch.places.values()))
            numbers = ", ".join(missing[:_MOST_NAMED]) + ", ..." * (len(missing) > _MOST_NAMED)
            found.fault(where, f"of its {batch.size} QR codes these are missing: {numbers}")


def _choice(fields: _Fields, number: int, choices: Mapping[int, _Choice], message: str) -> _Choice:
    value = _integer(fields, number)
    if value not in choices:
        raise FieldError(message)
    return choices[value]


def _integer(fields: _Fields, number: int) -> int:
    value = fields.get(number, 0)
    if isinstance(value, bytes):
        raise FieldError("damaged: a number is expected")
    return value


def _octets(fields: _Fields, number: int) -> bytes:
    value = fields.get(number, b"")
    if isinstance(value, int):
        raise FieldError("damaged: octets are expected")
    return value


def _text(fields: _Fields, number: int, name: str) -> str:
    try:
        return records.words(_octets(fields, number).decode("utf-8"), name)
    except UnicodeDecodeError:
        msg = f"{name} is not UTF-8"
        raise FieldError(msg) from None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size, at = _size(kind, message, at)
        if size > len(message) - at:
            raise FieldError("damaged or cut: a field runs past the end")
        if kind == _OCTETS:
            yield key >> 3, message[at : at + size]
        at += size


def _size(kind: int, message: bytes, at: int) -> tuple[int, int]:
    if kind == _OCTETS:
        return _varint(message, at)
    if kind in _FIXED_SIZES:
        return _FIXED_SIZES[kind], at
    raise FieldError("damaged: a field of an unknown type")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, octet in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (octet % _MORE) << 7 * place
        if octet < _MORE:
            return value & 0xFFFFFFFFFFFFFFFF, at + place + 1
    raise FieldError("damaged or cut: a number has no end")
