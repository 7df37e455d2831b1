"""
Lists of users as comma-separated values, for `user import`.

The first row names the columns: `name`, and any of `password` or `hash`, `disabled`,
`password_only`, and for a token `seed` (or `seed_hex`, `seed_base32`), `serial`,
`kind`, `algorithm`, `digits`, `period`, `counter`, `label`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import columns, records
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.records import Fault, FieldError, Kind, SeedRecord
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.primary import hashing
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_LIST: Final = 256 * 1024 * 1024  # octets; a row takes about 150

_MEANINGS: Final = {
    "name": ("name", "user", "username", "user name"),
    "password": ("password",),
    "hash": ("hash", "password hash"),
    "disabled": ("disabled",),
    "password_only": ("password only",),
    "serial": ("serial", "serial number"),
    "kind": ("kind", "type"),
    "algorithm": ("algorithm",),
    "digits": ("digits",),
    "period": ("period",),
    "counter": ("counter",),
    "label": ("label",),
    "seed": ("seed", "secret"),
    "seed_hex": ("seed hex",),
    "seed_base32": ("seed base32",),
}
_NAMES: Final = {name: meaning for meaning, names in _MEANINGS.items() for name in names}
_SEEDS: Final = {"seed": None, "seed_hex": Encoding.HEX, "seed_base32": Encoding.BASE32}
_OF_A_TOKEN: Final = ("serial", "kind", "algorithm", "digits", "period", "counter", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """
    One user as a list describes them.

    Attributes:
        where: The place in the file.
        name: Normal form of the user name.
        password: Plain, as octets; None if there is none.
        password_hash: In a form that `primary.hashing` knows; None if there is none.
        disabled: May not log in.
        password_only: Is exempt from the second factor.
        token: A token of theirs.
    """

    where: str
    name: str
    password: Secret | None = None
    password_hash: str | None = field(default=None, repr=False)
    disabled: bool = False
    password_only: bool = False
    token: SeedRecord | None = None


class UserList:
    """
    A list whose header was read; the rows follow one by one.

    Attributes:
        total: About how many rows there are, for a progress bar.
        faults: What is wrong with the file or its header; then `rows` is empty.
    """

    def __init__(self, content: str | bytes) -> None:
        self.total = 0
        self.faults: tuple[Fault, ...] = ()
        self._places: dict[str, int] = {}
        self._rows: Iterator[tuple[int, list[str]]] = iter(())
        try:
            text = records.text_of(content, LARGEST_LIST)
            self._rows = columns.rows(text)
            self._places = _header(self._rows)
            self.total = max(text.rstrip().count("\n"), 0)
        except FieldError as error:
            self.faults = (Fault("the file", str(error)),)
            self._rows = iter(())

    def rows(self) -> Iterator[UserRow | Fault]:
        """
        Yield each user, or what is wrong with a row; never raises. Only once.

        A name or a serial number that came before is a fault of the later row.
        """
        seen: dict[str, str] = {}
        try:
            for number, cells in self._rows:
                yield self._checked(cells, f"line {number}", seen)
        except FieldError as error:  # a quote that is not closed
            yield Fault("the file", str(error))

    def _checked(self, cells: list[str], where: str, seen: dict[str, str]) -> UserRow | Fault:
        try:
            row = _user(_named(cells, self._places), where)
            _claim(seen, f"user {row.name}", where, "the user of")
            if row.token is not None and row.token.serial is not None:
                _claim(seen, f"serial {row.token.serial}", where, "the serial number of")
        except (FieldError, UserNameError) as error:
            return Fault(where, str(error))
        return row


def _header(rows: Iterator[tuple[int, list[str]]]) -> dict[str, int]:
    first = next(rows, None)
    if first is None:
        raise FieldError("empty; the first row must name the columns")
    try:
        places = columns.header(first[1], _NAMES)
    except FieldError as error:
        msg = f"line {first[0]}: {error}; the first row must name the columns"
        raise FieldError(msg) from None
    if "name" not in places:
        raise FieldError("the header must name a column name")
    seeds = [name for name in _SEEDS if name in places]
    if len(seeds) > 1:
        raise FieldError("the header names more than one column of seeds")
    if not seeds and any(name in places for name in _OF_A_TOKEN):
        raise FieldError("the header names columns of a token, but none of its seed")
    return places


def _named(cells: list[str], places: dict[str, int]) -> dict[str, str]:
    if any(cell.strip() for cell in cells[max(places.values()) + 1 :]):
        raise FieldError("more cells than the header names; one that holds a comma needs quotes")
    return {name: cells[at] for name, at in places.items() if at < len(cells) and cells[at]}


def _user(row: dict[str, str], where: str) -> UserRow:
    name = user_name(row.get("name", "").strip(" \t\r"))
    password, stored = row.get("password"), row.get("hash", "").strip()
    if password is not None and stored:
        raise FieldError("a password and a hash: only one of them can be meant")
    fault = hashing.fault_in(stored) if stored else None
    if fault is not None:
        msg = f"the hash is {fault}"
        raise FieldError(msg)
    return UserRow(
        where=where,
        name=name,
        password=None if password is None else _password(password),
        password_hash=stored or None,
        disabled=columns.flag(row.get("disabled", ""), "disabled"),
        password_only=columns.flag(row.get("password_only", ""), "password_only"),
        token=_token(row, name, where),
    )


def _password(text: str) -> Secret:
    try:
        octets = text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        raise FieldError("the password is not UTF-8") from None
    if len(octets) > hashing.LARGEST_PASSWORD:
        msg = f"the password has more than {hashing.LARGEST_PASSWORD} octets"
        raise FieldError(msg)
    return Secret(octets)


def _token(row: dict[str, str], name: str, where: str) -> SeedRecord | None:
    column = next((name for name in _SEEDS if row.get(name, "").strip()), None)
    if column is None:
        if any(row.get(name, "").strip() for name in _OF_A_TOKEN):
            raise FieldError("a token without a seed")
        return None
    kind = records.kind_of(row.get("kind", "totp"))
    seed, warnings = records.seed_of(columns.seed_octets(row[column].strip(), _SEEDS[column]))
    totp = kind is Kind.TOTP
    return SeedRecord(
        kind=kind,
        seed=seed,
        serial=records.serial_of(row.get("serial", "")),
        algorithm=records.algorithm_of(row.get("algorithm", "sha1")),
        digits=records.digits_of(row.get("digits", "6").strip()),
        period=records.period_of(row.get("period", "30").strip()) if totp else 30,
        counter=0 if totp else records.counter_of(row.get("counter", "0").strip()),
        user=name,
        label=records.words(row.get("label", ""), "the label"),
        warnings=warnings,
        where=where,
    )


def _claim(seen: dict[str, str], what: str, where: str, words: str) -> None:
    before = seen.setdefault(what, where)
    if before != where:
        msg = f"{words} {before} again"
        raise FieldError(msg)
