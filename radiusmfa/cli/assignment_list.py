"""
Lists of who is assigned to which upstream as comma-separated values, for `user upstream --import`.

The first row names the columns: `user`, `upstream`, and `name`, the name there; where
that is empty or missing, what the person types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import columns, records
from radiusmfa.enrol.records import FieldError
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.stores import assignments
from radiusmfa.stores.assignments import Assignment, NameThereError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LARGEST_LIST: Final = 64 * 1024 * 1024  # octets; a row takes about 30

_NAMES: Final = {
    "user": "user",
    "username": "user",
    "user name": "user",
    "upstream": "upstream",
    "name": "name",
    "as": "name",
    "name there": "name",
}


def read(
    content: bytes, why_unknown: Callable[[str], str | None]
) -> tuple[list[Assignment], list[str]]:
    """
    Return the assignments of a list and everything that is wrong with it, a line each.

    Args:
        content: The file.
        why_unknown: Says why an upstream cannot be named, or None.
    """
    found: list[Assignment] = []
    faults: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    try:
        rows = columns.rows(records.text_of(content, LARGEST_LIST))
        places = _header(rows)
        for number, cells in rows:
            where = f"line {number}"
            try:
                one = _assignment(cells, places, where, why_unknown)
                _claim(seen, one)
            except (FieldError, UserNameError, NameThereError) as error:
                faults.append(f"{where}: {error}")
            else:
                found.append(one)
    except FieldError as error:  # no header, or a quote that is not closed
        faults.append(f"the file: {error}")
    if not found and not faults:
        faults.append("the file: no assignment in it")
    return found, faults


def _header(rows: Iterator[tuple[int, list[str]]]) -> dict[str, int]:
    first = next(rows, None)
    if first is None:
        raise FieldError("empty; the first row must name the columns: user,upstream,name")
    try:
        places = columns.header(first[1], _NAMES)
    except FieldError as error:
        msg = f"line {first[0]}: {error}; the first row must name the columns: user,upstream,name"
        raise FieldError(msg) from None
    missing = [name for name in ("user", "upstream") if name not in places]
    if missing:
        msg = f"the header must name a column {' and a column '.join(missing)}"
        raise FieldError(msg)
    return places


def _assignment(
    cells: list[str],
    places: dict[str, int],
    where: str,
    why_unknown: Callable[[str], str | None],
) -> Assignment:
    if any(cell.strip() for cell in cells[max(places.values()) + 1 :]):
        raise FieldError("more cells than the header names; one that holds a comma needs quotes")
    row = {name: cells[at].strip(" \t\r") for name, at in places.items() if at < len(cells)}
    upstream = row.get("upstream", "")
    user = user_name(row.get("user", ""))
    why = why_unknown(upstream) if upstream else "no upstream is named"
    if why is not None:
        raise FieldError(why)
    name = row.get("name", "")
    return Assignment(
        user=user,
        upstream=upstream,
        name=assignments.name_there(name) if name else "",
        where=where,
    )


def _claim(seen: dict[tuple[str, str], str], one: Assignment) -> None:
    before = seen.setdefault((one.user, one.upstream), one.where)
    if before != one.where:
        msg = f"the user and upstream of {before} again"
        raise FieldError(msg)
