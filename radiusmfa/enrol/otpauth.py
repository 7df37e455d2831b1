"""Key URIs, `otpauth://`, as authenticator applications read and write them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import pyotp

from radiusmfa.enrol import base32, records
from radiusmfa.enrol.records import Algorithm, Collector, FieldError, Kind, Parsed, SeedRecord
from radiusmfa.secret import Secret

_NEW_SEED_CHARACTERS: Final = 32  # of base32: 160 bits
_LARGEST_URI: Final = 4096  # characters
_URI: Final = re.compile(r"(?i:otpauth)://(?P<kind>[^/?#]*)/(?P<label>[^?#]*)\?(?P<query>[^#]*)")
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
_KNOWN: Final = frozenset(
    ("secret", "issuer", "algorithm", "digits", "period", "counter", "serial")
)


def read(content: str | bytes) -> Parsed:
    """
    Read a list of URIs, one a line; blank lines and lines that begin with `#` pass.

    Returns:
        Records and faults with their lines; it never raises.
    """
    try:
        text = records.text_of(content)
    except FieldError as error:
        return records.refused(str(error))
    found = Collector()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            found.add(read_uri(stripped, where=f"line {number}"))
        except FieldError as error:
            found.fault(f"line {number}", str(error))
    return found.parsed()


def read_uri(uri: str, *, where: str = "the URI") -> SeedRecord:
    """
    Return the token that one URI describes.

    Raises:
        FieldError: It cannot be used; the text says why and holds nothing of it.
    """
    parts = _URI.fullmatch(uri) if len(uri) <= _LARGEST_URI else None
    if parts is None:
        raise FieldError("not an otpauth:// URI with a label and a secret")
    kind = records.kind_of(parts["kind"])
    query = _query(parts["query"])
    prefix, account = _label(_decoded(parts["label"], "the label"))
    seed, warnings = _seed(query.get("secret", ""))
    issuer = records.words(query.get("issuer", ""), "the issuer")
    if issuer and prefix and issuer != prefix:
        warnings += ("the label names another issuer than the parameter, which counts",)
    return SeedRecord(
        kind=kind,
        seed=seed,
        serial=records.serial_of(query.get("serial", "")),
        algorithm=records.algorithm_of(query.get("algorithm", "SHA1")),
        digits=records.digits_of(query.get("digits", "6")),
        period=records.period_of(query.get("period", "30"))
        if kind is Kind.TOTP
        else records.DEFAULT_PERIOD,
        counter=_counter(query) if kind is Kind.HOTP else 0,
        user=account,
        issuer=issuer or prefix,
        label=account,
        warnings=warnings,
        where=where,
    )


def write_uri(record: SeedRecord, *, with_serial: bool = False) -> str:
    """
    Return the URI of *record*, with its seed in clear.

    Blanks become `%20` and never `+`, which some applications show; what an
    application assumes anyway is left out, so that the QR code stays small.

    Args:
        record: The token; `user` (else `label`) becomes the account.
        with_serial: Add the serial number, which `read` understands and
            applications ignore: for exports.
    """
    account = record.user or record.label or record.serial or "token"
    # The first colon ends the issuer, so an issuer with one stands in its parameter alone,
    # and an account with one comes after an empty issuer.
    prefix = quote(record.issuer, safe="") if ":" not in record.issuer else ""
    label = f"{prefix}:" * bool(prefix or ":" in account) + quote(account, safe="@")
    fields = [("secret", base32.encode(record.seed.reveal()))]
    fields += [("issuer", record.issuer)] if record.issuer else []
    if record.algorithm is not Algorithm.SHA1:
        fields.append(("algorithm", record.algorithm.upper()))
    if record.digits != records.DEFAULT_DIGITS:
        fields.append(("digits", str(record.digits)))
    if record.kind is Kind.HOTP:
        fields.append(("counter", str(record.counter)))
    elif record.period != records.DEFAULT_PERIOD:
        fields.append(("period", str(record.period)))
    if with_serial and record.serial:
        fields.append(("serial", record.serial))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields)
    return f"otpauth://{record.kind}/{label}?{query}"


def new_seed() -> Secret:
    """Return a new seed of 160 bits, as RFC 4226 section 4 wants it."""
    return Secret(base32.decode(pyotp.random_base32(_NEW_SEED_CHARACTERS)))


def split_label(label: str) -> tuple[str, str]:
    """Return issuer and account of a decoded label; the issuer may be empty."""
    prefix, colon, account = label.partition(":")
    return (prefix.strip(), account.strip()) if colon else ("", label.strip())


def _label(label: str) -> tuple[str, str]:
    prefix, account = split_label(label)
    if not account:
        raise FieldError("the label names no account")
    return records.words(prefix, "the issuer"), records.words(account, "the account")


def _query(text: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name not in _KNOWN:  # "image", "color" and the like
            continue
        if name in query:
            msg = f"the parameter {name} is there twice"
            raise FieldError(msg)
        query[name] = _decoded(value.replace("+", " "), f"the parameter {name}")
    return query


def _decoded(text: str, name: str) -> str:
    fault = FieldError(f"{name} is not percent-encoded UTF-8")
    if not _ESCAPES.fullmatch(text):
        raise fault
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        raise fault from None


def _seed(text: str) -> tuple[Secret, tuple[str, ...]]:
    if not text.strip():
        raise FieldError("the parameter secret is missing")
    try:
        return records.seed_of(base32.decode(text))
    except base32.Base32Error as error:
        msg = f"the parameter secret is {error}"
        raise FieldError(msg) from None


def _counter(query: dict[str, str]) -> int:
    if "counter" not in query:
        raise FieldError("a hotp token needs the parameter counter")
    return records.counter_of(query["counter"])
