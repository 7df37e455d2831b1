"""
Lists of numbers, addresses and questions as comma-separated values, for `token import`.

The first row names the columns: `user` and `type` (`sms`, `voice`, `email`, `question`), and
any of `to`, `question`, `answer`, `serial`, `label`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import columns, records
from radiusmfa.enrol.records import Fault, FieldError
from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEANINGS: Final = {
    "user": ("user", "name", "username", "user name"),
    "type": ("type", "kind", "channel"),
    "to": ("to", "destination", "number", "phone", "mobile", "address", "email", "mail"),
    "question": ("question",),
    "answer": ("answer",),
    "serial": ("serial", "serial number"),
    "label": ("label",),
}
_NAMES: Final = {name: meaning for meaning, names in _MEANINGS.items() for name in names}
_TELLING: Final = frozenset({*_MEANINGS["to"], "question"})
"""Columns that no table of seeds has."""
_LOOKED_AT: Final = 64 * 1024  # octets in which the first row ends


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """
    One device as a list describes it.

    Attributes:
        where: The place in the file.
        user: Normal form of the name of whose it is.
        kind: `sms`, `voice`, `email` or `question`.
        to: Number or address in its one form; empty: it is a question.
        question: As it is asked; empty: it is none.
        answer: To the question, in its normal form; None: it is none.
        serial: Its name; None: the list has none.
        label: Free text for a person.
    """

    where: str
    user: str
    kind: str
    to: str = field(default="", repr=False)
    question: str = field(default="", repr=False)
    answer: Secret | None = None
    serial: str | None = None
    label: str = ""


def is_one(octets: bytes) -> bool:
    """Say whether a file looks like such a list: its first row names a user and a destination."""
    lines = octets[:_LOOKED_AT].decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    try:
        _, cells = next(columns.rows(first), (0, []))
    except FieldError:
        return False
    names = {" ".join(cell.lower().replace("_", " ").split()) for cell in cells}
    return not names.isdisjoint(_MEANINGS["user"]) and not names.isdisjoint(_TELLING)


class DeviceList:
    """
    A list whose header was read; the rows follow one by one.

    Attributes:
        total: About how many rows there are, for a progress bar.
        faults: What is wrong with the file or its header; then `rows` is empty.
    """

    def __init__(self, content: str | bytes) -> None:
        """Read the header of *content*."""
        self.total = 0
        self.faults: tuple[Fault, ...] = ()
        self._places: dict[str, int] = {}
        self._rows: Iterator[tuple[int, list[str]]] = iter(())
        try:
            text = records.text_of(content)
            self._rows = columns.rows(text)
            self._places = _header(self._rows)
            self.total = max(text.rstrip().count("\n"), 0)
        except FieldError as error:
            self.faults = (Fault("the file", str(error)),)
            self._rows = iter(())

    def rows(self) -> Iterator[DeviceRow | Fault]:
        """
        Yield each device, or what is wrong with a row; never raises. Only once.

        What the same person had in a row before, or a serial number, is a fault of the later.
        """
        seen: dict[tuple[str, ...], str] = {}
        try:
            for number, cells in self._rows:
                yield self._checked(cells, f"line {number}", seen)
        except FieldError as error:  # a quote that is not closed
            yield Fault("the file", str(error))

    def _checked(
        self, cells: list[str], where: str, seen: dict[tuple[str, ...], str]
    ) -> DeviceRow | Fault:
        try:
            row = _device(_named(cells, self._places), where)
            thing = devices.thing(row.kind)
            own = (row.kind, row.user, row.to or row.question.casefold())
            _claim(seen, own, where, f"the {thing} of")
            if row.serial is not None:
                _claim(seen, ("serial", row.serial), where, "the serial number of")
        except (FieldError, UserNameError, DeviceError) as error:
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
    for name in ("user", "type"):
        if name not in places:
            msg = f"the header must name a column {name}"
            raise FieldError(msg)
    return places


def _named(cells: list[str], places: dict[str, int]) -> dict[str, str]:
    if any(cell.strip() for cell in cells[max(places.values()) + 1 :]):
        raise FieldError("more cells than the header names; one that holds a comma needs quotes")
    found = {name: cells[at].strip() for name, at in places.items() if at < len(cells)}
    return {name: text for name, text in found.items() if text}


def _device(row: dict[str, str], where: str) -> DeviceRow:
    user = user_name(row.get("user", ""))
    kind = row.get("type", "").lower()
    if kind not in devices.PERSONAL:
        msg = f"the type must be {', '.join(devices.PERSONAL[:-1])} or {devices.PERSONAL[-1]}"
        raise FieldError(msg)
    _refuse_others(row, kind)
    is_question = kind == "question"
    return DeviceRow(
        where=where,
        user=user,
        kind=kind,
        to="" if is_question else devices.destination(kind, row.get("to", "")),
        question=devices.question(row.get("question", "")) if is_question else "",
        answer=_answer(row.get("answer", "")) if is_question else None,
        serial=records.serial_of(row.get("serial", "")),
        label=records.words(row.get("label", ""), "the label"),
    )


def _refuse_others(row: dict[str, str], kind: str) -> None:
    for name in ("to",) if kind == "question" else ("question", "answer"):
        if name in row:
            msg = f"{kind} has no use for the column {name}"
            raise FieldError(msg)


def _answer(text: str) -> Secret:
    return Secret(devices.answer(text.encode("utf-8", "surrogatepass")))


def _claim(seen: dict[tuple[str, ...], str], what: tuple[str, ...], where: str, words: str) -> None:
    before = seen.setdefault(what, where)
    if before != where:
        msg = f"{words} {before} again"
        raise FieldError(msg)
