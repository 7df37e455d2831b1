"""The setting `time_budget`: seconds, or `learn`, with the seconds that count until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.fields import Fields, whole
from radiusmfa.config.nodes import Mapping, Scalar

if TYPE_CHECKING:
    from radiusmfa.config.fields import Found

NAME: Final = "time_budget"
LEARN: Final = "learn"
LOW: Final = 1
HIGH: Final = 300
_LEAST_LEARNED: Final = 2
_WHAT: Final = f"must be a whole number from {LOW} to {HIGH}, {LEARN}, or {{{LEARN}: SECONDS}}"


def read(fields: Fields, default: int) -> tuple[int, bool]:
    """
    Return seconds, and whether they count only until the client's tries have taught others.

    Where only `learn` is said, they are what would count without: the profile's, or those of
    `defaults`.

    Args:
        fields: All layers of the settings.
        default: Where none of them says any.
    """
    learns = False
    for found in fields.every(NAME):
        if isinstance(found.node, Mapping):
            return _told(found, fields, default), True
        if isinstance(found.node, Scalar) and found.node.text == LEARN and not found.node.quoted:
            learns = True
            continue
        seconds = whole(found, LOW, HIGH)
        if seconds is None:
            fields.report.add(found.place, found.where, _WHAT)
        return seconds or default, learns
    return default, learns


def _told(found: Found, fields: Fields, default: int) -> int:
    inner = Fields(found.node, found.where, fields.report, known=(LEARN,))
    if inner.need(LEARN) is None:
        return default
    return inner.integer(LEARN, default, low=_LEAST_LEARNED, high=HIGH)
