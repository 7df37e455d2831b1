"""Portable Symmetric Key Containers, RFC 6030: the XML in which vendors deliver seeds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import records, xmlenc, xmltree
from radiusmfa.enrol.records import Algorithm, Collector, FieldError, Kind, Parsed, SeedRecord
from radiusmfa.enrol.xmlenc import Opener, Unlocking

if TYPE_CHECKING:
    from radiusmfa.enrol.xmltree import Element

NAMESPACES: Final = frozenset(
    ("urn:ietf:params:xml:ns:keyprov:pskc", "urn:ietf:params:xml:ns:keyprov:pskc:1.0")
)
_ALGORITHM: Final = re.compile(
    r"(?:urn:ietf:params:xml:ns:keyprov:pskc[:#]|http://www\.ietf\.org/keyprov/pskc#)"
    r"(?P<name>hotp|totp|pin)"
)
_SUITE: Final = re.compile(r"(?:HMAC-)?SHA-?(?:1|256|512)", re.IGNORECASE)
_POLICIES: Final = frozenset(("StartDate", "ExpiryDate", "KeyUsage", "PINPolicy"))
_LARGEST_INTEGER_OCTETS: Final = 8


def read(content: str | bytes, unlocking: Unlocking | None = None) -> Parsed:
    """
    Read a container.

    Args:
        content: The file.
        unlocking: Password or key, if it is encrypted.

    Returns:
        Records, faults and notes with the lines of their keys; it never raises.
    """
    found = Collector()
    try:
        container = xmltree.read(content if isinstance(content, bytes) else content.encode())
        opener = _checked(container, unlocking or Unlocking())
    except UnicodeEncodeError:
        return records.refused("not UTF-8 text")
    except FieldError as error:
        return records.refused(str(error))
    signature = container.find("Signature")
    if signature is not None:
        found.note(f"line {signature.line}", "the signature was not checked")
    seen = _Seen()
    for package in container.all("KeyPackage"):
        _read_package(package, opener, found, seen)
    return found.parsed()


def _checked(container: Element, unlocking: Unlocking) -> Opener | None:
    if container.name != "KeyContainer" or container.namespace not in NAMESPACES:
        raise FieldError("not a PSKC file: the root must be a KeyContainer of RFC 6030")
    if container.attributes.get("Version", "1.0") not in {"1", "1.0"}:
        raise FieldError("a version of PSKC that is not known here")
    encrypted = container.find("MACMethod") is not None or any(
        element.find("EncryptedValue") is not None
        for package in container.all("KeyPackage")
        for key in package.all("Key")
        for part in key.all("Data")
        for element in part.children
    )
    return xmlenc.opener(container, unlocking) if encrypted else None


def _read_package(package: Element, opener: Opener | None, found: Collector, seen: _Seen) -> None:
    keys = list(package.all("Key"))
    if not keys:
        found.fault(f"line {package.line}", "a package without a key")
    for key in keys:
        where = seen.place_of(key)
        try:
            record = _record(key, package.find("DeviceInfo"), opener, where)
            record = record and seen.told_apart(record, key.attributes.get("Id", ""))
        except FieldError as error:
            found.fault(where, str(error))
            continue
        if record is None:
            found.note(where, "left out: a PIN, not a token")
        else:
            found.add(record)


@dataclass(slots=True)
class _Seen:
    """What came before in the file: keys by line, and by the serial number of their device."""

    _lines: Counter[int] = field(default_factory=Counter)
    _devices: dict[str, set[str]] = field(default_factory=dict)

    def place_of(self, key: Element) -> str:
        """Return where *key* is; some vendors write the whole file in one line."""
        self._lines[key.line] += 1
        count = self._lines[key.line]
        return f"line {key.line}" + f", key {count}" * (count > 1)

    def told_apart(self, record: SeedRecord, name: str) -> SeedRecord:
        """Return *record*, renamed if its device has brought another key, as RFC 6030 allows."""
        if record.serial is None:
            return record
        names = self._devices.setdefault(record.serial, set())
        is_another = bool(names) and name not in names
        names.add(name)
        if not is_another:
            return record
        warning = "its device holds several keys: the name of this one follows the serial number"
        return replace(
            record,
            serial=records.serial_of(f"{record.serial}:{name}"),
            warnings=(*record.warnings, warning),
        )


def _record(
    key: Element, device: Element | None, opener: Opener | None, where: str
) -> SeedRecord | None:
    algorithm = _ALGORITHM.fullmatch(key.attributes.get("Algorithm", ""))
    if algorithm is None:
        raise FieldError("an algorithm that radiusmfa cannot use")
    if algorithm["name"] == "pin":
        return None
    kind = Kind(algorithm["name"])
    values = _Values(key, opener)
    seed, warnings = records.seed_of(values.secret())
    digits, format_warnings = _digits(key.find("AlgorithmParameters/ResponseFormat"))
    period, drift = _timing(values, kind)
    return SeedRecord(
        kind=kind,
        seed=seed,
        serial=_serial(key, device),
        algorithm=_hash(key),
        digits=digits,
        period=period,
        counter=_counter(values, kind),
        drift=drift,
        user=_user(key, device),
        issuer=records.words(key.text_at("Issuer"), "the issuer"),
        label=_label(key, device),
        warnings=warnings + format_warnings + _policy_warnings(key.find("Policy")),
        where=where,
    )


class _Values:
    """The Data of one key, plain or encrypted."""

    def __init__(self, key: Element, opener: Opener | None) -> None:
        self._data = key.find("Data")
        self._opener = opener

    def secret(self) -> bytes:
        element = self._element("Secret")
        if element is None:
            raise FieldError("no seed in it (it may be derived on the device)")
        plain = element.find("PlainValue")
        if plain is not None:
            # Anyone could have put it there; the MAC covers encrypted values only.
            if self._opener is not None and not self._opener.lenient:
                raise FieldError("a seed in clear in an encrypted file")
            return xmlenc.base64_of(plain, "the seed")
        return self._opened(element, "the seed")

    def integer(self, name: str) -> int | None:
        """Return a number, None if there is none."""
        element = self._element(name)
        if element is None:
            return None
        plain = element.find("PlainValue")
        if plain is None:
            return _integer(self._opened(element, name), name)
        sign = -1 if plain.text.startswith("-") else 1
        digits = plain.text.removeprefix("-")
        return sign * records.whole_number(digits, 0, records.MOST_COUNTER, name)

    def _element(self, name: str) -> Element | None:
        return None if self._data is None else self._data.find(name)

    def _opened(self, element: Element, name: str) -> bytes:
        encrypted = element.find("EncryptedValue")
        if encrypted is None or self._opener is None:
            msg = f"{name} has no value"
            raise FieldError(msg)
        return self._opener.open(encrypted, element.find("ValueMAC"))


def _integer(octets: bytes, name: str) -> int:
    # RFC 6030 does not say how a number becomes octets; files have digits or big-endian.
    if octets.isdigit():
        return records.whole_number(octets.decode("ascii"), 0, records.MOST_COUNTER, name)
    if not 0 < len(octets) <= _LARGEST_INTEGER_OCTETS:
        msg = f"{name} is out of range"
        raise FieldError(msg)
    return int.from_bytes(octets, "big")


def _digits(wanted: Element | None) -> tuple[int, tuple[str, ...]]:
    if wanted is None:
        warning = f"the length of a code is not said; taken as {records.DEFAULT_DIGITS}"
        return records.DEFAULT_DIGITS, (warning,)
    if wanted.attributes.get("Encoding", "DECIMAL").upper() != "DECIMAL":
        raise FieldError("codes that are not decimal digits")
    if wanted.attributes.get("CheckDigits", "false").lower() not in {"false", "0"}:
        raise FieldError("codes with a check digit")
    return records.digits_of(wanted.attributes.get("Length", "")), ()


def _timing(values: _Values, kind: Kind) -> tuple[int, int]:
    interval, drift = values.integer("TimeInterval"), values.integer("TimeDrift") or 0
    if kind is Kind.HOTP:
        return records.DEFAULT_PERIOD, 0
    if values.integer("Time") not in {None, 0}:
        raise FieldError("time that does not begin in 1970")
    period = records.DEFAULT_PERIOD if interval is None else interval
    return records.period_of(str(period)), records.drift_of(drift)


def _counter(values: _Values, kind: Kind) -> int:
    counter = values.integer("Counter") or 0
    return records.counter_of(str(counter)) if kind is Kind.HOTP else 0


def _hash(key: Element) -> Algorithm:
    suite = key.text_at("AlgorithmParameters/Suite")
    if not suite:
        return Algorithm.SHA1
    if _SUITE.fullmatch(suite) is None:
        raise FieldError("a Suite that is not HMAC-SHA1, HMAC-SHA256 or HMAC-SHA512")
    return records.algorithm_of(suite)


def _serial(key: Element, device: Element | None) -> str | None:
    number = "" if device is None else device.text_at("SerialNo")
    return records.serial_of(number or key.attributes.get("Id", ""))


def _user(key: Element, device: Element | None) -> str | None:
    named = key.text_at("UserId") or ("" if device is None else device.text_at("UserId"))
    return records.words(named, "the user") or None


def _label(key: Element, device: Element | None) -> str:
    maker = device or key
    made_by = f"{maker.text_at('Manufacturer')} {maker.text_at('Model')}"
    return records.words(key.text_at("FriendlyName") or made_by, "the name")


def _policy_warnings(policy: Element | None) -> tuple[str, ...]:
    if policy is None:
        return ()
    usages = {usage.text.upper() for usage in policy.all("KeyUsage")}
    if usages and "OTP" not in usages:
        raise FieldError("its policy does not allow it for one-time passcodes")
    warnings: tuple[str, ...] = ()
    if any(child.name not in _POLICIES for child in policy.children):
        warnings += ("its policy holds rules that radiusmfa does not know",)
    if policy.find("PINPolicy") is not None:
        warnings += ("its policy asks for a PIN, which radiusmfa does not check",)
    if policy.find("ExpiryDate") is not None or policy.find("StartDate") is not None:
        warnings += ("its policy has a start or an end, which radiusmfa does not watch",)
    return warnings
