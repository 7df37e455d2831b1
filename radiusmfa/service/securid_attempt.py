"""What is kept of an attempt at RSA between two rounds of a login."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import astuple, dataclass, field, fields
from enum import StrEnum, unique
from typing import Any, Final

from radiusmfa.service.securid_message import Method

_VERSION: Final = 1
_KINDS: Final = tuple(type(one.default) for one in fields(Method)[1:])
_FIELDS: Final = 12


@unique
class Awaits(StrEnum):
    """What the person's next answer is."""

    VALUE = "value"
    """What the chosen method takes."""
    PIN = "pin"
    """A new PIN."""
    AGAIN = "again"
    """The same once more."""
    CHOICE = "choice"
    """Whether the new PIN is to be one's own."""
    SHOWN = "shown"
    """Whether the PIN that RSA has made is taken."""
    PUSH = "push"
    """Nothing: what counts is what the person says on the device."""
    NOTHING = "nothing"
    """No answer: a push was confirmed, and RSA wants something else besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    An attempt, open at one server.

    Attributes:
        url: The server: nobody else knows of it.
        id: Its id there.
        message: Id of the server's latest answer.
        ends: When it is over, seconds since 1970.
        awaits: What comes next.
        chosen: The method that this is for.
        offers: What else could be chosen, as in the server's latest answer that said so.
        done: Ids of the methods that were proved.
        steps: Questions to the person so far.
        wrong: Wrong values so far.
        pin: Keyed digest of the new PIN that has to be typed again.
        rang: When the person was called, or sent a code, seconds since 1970.
    """

    url: str
    id: str = field(repr=False)
    message: str = field(repr=False)
    ends: float
    awaits: Awaits = Awaits.VALUE
    chosen: Method | None = None
    offers: tuple[tuple[Method, ...], ...] = ()
    done: tuple[str, ...] = ()
    steps: int = 0
    wrong: int = 0
    pin: bytes = field(default=b"", repr=False)
    rang: float = 0.0


class StateError(ValueError):
    """Octets that no `dump` has made."""


def dump(attempt: Attempt) -> bytes:
    """Return *attempt* as octets, to be sealed: they may hold a PIN that RSA has made."""
    chosen = [] if attempt.chosen is None else [_written(attempt.chosen)]
    offers = [[_written(one) for one in some] for some in attempt.offers]
    row = [
        _VERSION, attempt.url, attempt.id, attempt.message, attempt.ends, attempt.awaits.value,
        chosen, offers, list(attempt.done), [attempt.steps, attempt.wrong],
        base64.b64encode(attempt.pin).decode(), attempt.rang,
    ]  # fmt: skip
    return json.dumps(row, separators=(",", ":")).encode()


def load(octets: bytes) -> Attempt:
    """Return what `dump` made *octets* of; raise StateError for any others."""
    try:
        row = json.loads(octets)
        if not isinstance(row, list) or len(row) != _FIELDS or row[0] != _VERSION:
            raise StateError
        chosen, offers, done, (steps, wrong) = row[6:10]
        return Attempt(
            url=_text(row[1]),
            id=_text(row[2]),
            message=_text(row[3]),
            ends=_moment(row[4]),
            awaits=Awaits(row[5]),
            chosen=_method(chosen[0]) if chosen else None,
            offers=tuple(tuple(map(_method, some)) for some in offers),
            done=tuple(map(_text, done)),
            steps=int(steps),
            wrong=int(wrong),
            pin=base64.b64decode(_text(row[10]), validate=True),
            rang=_moment(row[11]),
        )
    except (binascii.Error, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        msg = "the state of an attempt is damaged"
        raise StateError(msg) from None


def _written(method: Method) -> list[Any]:
    return list(astuple(method))


def _method(row: Any) -> Method:  # noqa: ANN401 - out of JSON
    name, *rest = row
    if [type(value) for value in rest] != list(_KINDS):
        raise StateError
    names = (one.name for one in fields(Method)[1:])
    return Method(id=_text(name), **dict(zip(names, rest, strict=True)))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise StateError
    return value


def _moment(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StateError
    return float(value)
