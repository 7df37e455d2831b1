"""
Hardware tokens' seeds as comma-separated values, in the forms that vendors deliver.

- with a header: `serial,seed,kind,...` in any order, also Entra's
  `upn,serial number,secret key,time interval,manufacturer,model`;
- `serial,hex seed,hotp|totp,digits,counter or step` (privacyIDEA, NetIQ), where
  `# version: 2` on top puts user, resolver and realm before;
- Yubico's log, `OATH-HOTP,date,slot,public id,private id,key,...,digits`, or `Yubico OTP,...`;
- Yubico's `serial,public id,private id,key,access code,timestamp,`;
- `serial hexseed`, a blank or tab between (Feitian's text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import columns, records, yubikeys
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.records import Collector, FieldError, Kind, Parsed, SeedRecord
from radiusmfa.enrol.yubikeys import YubikeyRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MEANINGS: Final = {
    "serial": ("serial", "serial number", "serialnumber", "serialno", "serial no", "token"),
    "seed": ("seed", "secret", "key"),
    "seed_hex": ("seed hex", "hex", "hexkey", "hex key", "secret hex", "key hex"),
    "seed_base32": ("seed base32", "base32", "secret key", "secret base32", "key base32"),
    "encoding": ("encoding",),
    "kind": ("kind", "type"),
    "algorithm": ("algorithm", "hash"),
    "digits": ("digits", "length", "otplen"),
    "period": ("period", "time interval", "timeinterval", "interval", "time step", "step"),
    "counter": ("counter",),
    "user": ("user", "upn", "account", "username"),
    "issuer": ("issuer",),
    "label": ("label", "description"),
    "manufacturer": ("manufacturer",),
    "model": ("model",),
}
_NAMES: Final = {name: meaning for meaning, names in _MEANINGS.items() for name in names}
_VERSION_2: Final = re.compile(r"#\s*version:\s*2\s*")
_BLANK_SEPARATED: Final = re.compile(r"[^\s,;]+[ \t]+[0-9A-Fa-f]+")
_YUBICO_KINDS: Final = {"yubico otp", "static password", "challenge-response", "oath-hotp"}
# Modhex; or an OATH token identifier, whose last eight are digits unless asked otherwise.
_PUBLIC_ID: Final = re.compile(r"[cbdefghijklnrtuv0-9]{0,32}")
_YUBICO_FIRST: Final = "logging start"  # what the personalization tool writes when it begins
_YUBICO_COLUMNS: Final = 6
_LEFT_OUT: Final = "left out: neither a Yubico OTP nor an OATH-HOTP slot"
_YUBICO_DIGITS_COLUMN: Final = 11
_FEWEST_COLUMNS: Final = 2
_PLAIN_COLUMNS: Final = 5  # serial, seed, kind, digits, counter or step


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with a header over it."""

    cells: list[str]
    places: dict[str, int]

    def __getitem__(self, name: str) -> str:
        """Return the trimmed cell of a column, empty if there is none."""
        at = self.places.get(name)
        return "" if at is None or at >= len(self.cells) else self.cells[at].strip()


def read(content: str | bytes, *, encoding: Encoding | None = None) -> Parsed:
    """
    Read a file of seeds in any of the forms above.

    Args:
        content: The file.
        encoding: How seeds are written where the file does not say; None takes what
            can only be one of them and refuses the rest.

    Returns:
        Records, faults and notes with their lines; it never raises.
    """
    found = Collector()
    try:
        text = records.text_of(content)
        version_2 = _VERSION_2.match(text) is not None
        if _is_blank_separated(text):
            text = re.sub(r"(?m)^([ \t]*[^\s#]+)[ \t]+", r"\1,", text)
        _read_rows(columns.rows(text), found, encoding, version_2=version_2)
    except FieldError as error:
        found.fault("the file", str(error))
    return found.parsed()


def _read_rows(
    rows: Iterator[tuple[int, list[str]]],
    found: Collector,
    encoding: Encoding | None,
    *,
    version_2: bool,
) -> None:
    read_row: Callable[[list[str], str], SeedRecord | YubikeyRecord | str] | None = None
    for number, cells in rows:
        where = f"line {number}"
        try:
            if read_row is None:
                places = _header(cells)
                if places is not None:
                    read_row = _with_header(places, encoding)
                    continue
                read_row = _without_header(cells, version_2=version_2)
            record = read_row(cells, where)
            if isinstance(record, str):
                found.note(where, record)
            elif isinstance(record, YubikeyRecord):
                found.add_yubikey(record)
            else:
                found.add(record)
        except FieldError as error:
            found.fault(where, str(error))
            if read_row is None:  # the header itself: what follows has no meaning
                return


def _is_blank_separated(text: str) -> bool:
    lines = (line.strip() for line in text.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _BLANK_SEPARATED.fullmatch(first) is not None


def _header(cells: list[str]) -> dict[str, int] | None:
    # A header names its first two columns; anything else is a row.
    first = [cell.strip().lower().replace("_", " ") for cell in cells[:2]]
    if not any(cell in _NAMES for cell in first):
        return None
    places = columns.header(cells, _NAMES)
    if sum(name in places for name in ("seed", "seed_hex", "seed_base32")) != 1:
        raise FieldError("the header must name one column seed, seed_hex or seed_base32")
    return places


def _with_header(
    places: dict[str, int], encoding: Encoding | None
) -> Callable[[list[str], str], SeedRecord]:
    column = next(name for name in ("seed", "seed_hex", "seed_base32") if name in places)
    declared = {"seed_hex": Encoding.HEX, "seed_base32": Encoding.BASE32}.get(column, encoding)

    def read_row(cells: list[str], where: str) -> SeedRecord:
        if any(cell.strip() for cell in cells[max(places.values()) + 1 :]):
            raise FieldError("more cells than the header names")
        row = _Row(cells, places)
        written = _encoding(row["encoding"]) if row["encoding"] else declared
        return _record(row, columns.seed_octets(row[column], written), where)

    return read_row


def _encoding(text: str) -> Encoding:
    try:
        return Encoding(text.lower())
    except ValueError:
        raise FieldError("the encoding must be hex or base32") from None


def _record(row: _Row, octets: bytes, where: str) -> SeedRecord:
    kind = records.kind_of(row["kind"] or "totp")
    seed, warnings = records.seed_of(octets)
    made_by = records.words(f"{row['manufacturer']} {row['model']}", "the model")
    return SeedRecord(
        kind=kind,
        seed=seed,
        serial=records.serial_of(row["serial"]),
        algorithm=records.algorithm_of(row["algorithm"] or "sha1"),
        digits=records.digits_of(row["digits"] or "6"),
        period=records.period_of(row["period"] or "30") if kind is Kind.TOTP else 30,
        counter=records.counter_of(row["counter"] or "0") if kind is Kind.HOTP else 0,
        user=records.words(row["user"], "the user") or None,
        issuer=records.words(row["issuer"], "the issuer"),
        label=records.words(row["label"], "the label") or made_by,
        warnings=warnings,
        where=where,
    )


def _without_header(
    cells: list[str], *, version_2: bool
) -> Callable[[list[str], str], SeedRecord | YubikeyRecord | str]:
    if version_2:
        return _plain_version_2
    if cells[0].strip().lower() in {*_YUBICO_KINDS, _YUBICO_FIRST}:
        return _yubico_log
    if len(cells) >= _YUBICO_COLUMNS and cells[2].strip().lower() not in set(Kind):
        return _yubico
    return _plain


def _yubico_log(cells: list[str], where: str) -> SeedRecord | YubikeyRecord | str:
    kind = cells[0].strip().lower()
    if kind == yubikeys.KIND:
        return yubikeys.of_log(cells, where)
    if kind != "oath-hotp":
        return _LEFT_OUT
    if len(cells) <= _YUBICO_DIGITS_COLUMN:
        raise FieldError("too few cells for a line of Yubico's log")
    row = _Row(cells, {"serial": 3, "digits": _YUBICO_DIGITS_COLUMN})
    if _PUBLIC_ID.fullmatch(row["serial"]) is None:
        raise FieldError("the public id is not modhex or digits")
    octets = columns.seed_octets(cells[5], Encoding.HEX)
    seed, warnings = records.seed_of(octets)
    if row["serial"]:
        warnings += ("if the key types its public id before the code, turn that off",)
    return SeedRecord(
        kind=Kind.HOTP,
        seed=seed,
        serial=row["serial"] or None,
        digits=records.digits_of(row["digits"]),
        label="YubiKey",
        warnings=warnings,
        where=where,
    )


def _yubico(cells: list[str], where: str) -> SeedRecord | YubikeyRecord | str:
    if len(cells) < _YUBICO_COLUMNS:
        raise FieldError("too few cells for a line in Yubico's form")
    private_id = cells[2].strip()
    if not private_id:  # a static password
        return _LEFT_OUT
    if private_id != "0":  # OATH-HOTP has the private id 0
        return yubikeys.of_form(cells, where)
    seed, warnings = records.seed_of(columns.seed_octets(cells[3], Encoding.HEX))
    return SeedRecord(
        kind=Kind.HOTP,
        seed=seed,
        serial=records.serial_of(cells[0]),
        label="YubiKey",
        warnings=warnings,
        where=where,
    )


def _plain_version_2(cells: list[str], where: str) -> SeedRecord:
    user = records.words(cells[0], "the user") or None
    return _plain(cells[3:], where, user)


def _plain(cells: list[str], where: str, user: str | None = None) -> SeedRecord:
    trimmed = [cell.strip() for cell in cells]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    if not _FEWEST_COLUMNS <= len(trimmed) <= _PLAIN_COLUMNS:
        raise FieldError("expected serial,seed,kind,digits,counter or step, or a header")
    serial, key, kind, digits, last = [*trimmed, "", "", ""][:_PLAIN_COLUMNS]
    row = _Row([serial, kind or "hotp", digits, last, user or ""], dict(_PLAIN_PLACES))
    return _record(row, columns.seed_octets(key, Encoding.HEX), where)


# The last cell is a counter or a time step; the kind decides which of them counts.
_PLAIN_PLACES: Final = {"serial": 0, "kind": 1, "digits": 2, "counter": 3, "period": 3, "user": 4}
