"""
Security questions: asked one after the other, and judged when all are answered.

A weak proof. Whoever answers does not learn which answer was wrong, nor before the last of
them that one was. Which questions somebody is asked is drawn once a day: who begins anew
gets the same ones, and cannot wait for those that are easy to find out.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from radiusmfa.config.upstream_model import Event
from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError, Question
from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason
from radiusmfa.service.dialogue import CheckHash, done

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from radiusmfa.config.service_model import Questions
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Dialogue, Request, Tools

_VERSION: Final = 1
_DAY: Final = 86_400
_WAY: Final = "question"
_NO_ANSWER: Final = b"\0"
"""What is checked instead of a text that is no answer to anything: it costs as much."""


@dataclass(frozen=True, slots=True)
class Asked:
    """
    How far a dialogue has come.

    Attributes:
        serials: Of the questions, in the order in which they are asked.
        at: Which of them is open.
        is_right: Every answer before was right.
        began: When the first was asked, seconds since 1970.
    """

    serials: tuple[str, ...]
    at: int
    is_right: bool
    began: float

    def dump(self) -> bytes:
        """Return the octets that lie behind the State."""
        row = [_VERSION, list(self.serials), self.at, self.is_right, self.began]
        return json.dumps(row).encode()

    @classmethod
    def load(cls, octets: bytes) -> Self | None:
        """Return what `dump` made; None: something else made it."""
        try:
            found = json.loads(octets)
        except ValueError:  # no UTF-8 either
            return None
        match found:
            case [
                int() as version,
                [*serials],
                int() as at,
                bool() as is_right,
                float() as began,
            ] if version == _VERSION and 0 <= at < len(serials):
                return cls(tuple(map(str, serials)), at, is_right, began)
        return None


def ask(settings: Questions, asked: AskService, tools: Tools) -> Dialogue:
    """
    Ask the person, or judge an answer and ask on.

    Args:
        settings: How many questions are asked.
        asked: Whom, and what was answered.
        tools: The shell's.

    Returns:
        UPSTREAM_ASKS with the next question; PASSED after the last, if every answer was right.
    """
    if not asked.state:
        return _first(settings, asked, tools)
    before = Asked.load(asked.state)
    open_ = None if before is None else _find(asked, before.serials[before.at])
    if before is None or open_ is None:  # somebody has taken the question away meanwhile
        return Served(outcome=Failed(Reason.DIALOGUE_LOST), way=_WAY)
    checked = yield from done(CheckHash(stored=open_.hashed, typed=_normal(asked.typed)))
    now = Asked(before.serials, before.at + 1, before.is_right and checked.is_right, before.began)
    if now.at < len(now.serials):
        return _asking(asked, now)
    return Served(
        outcome=PASSED if now.is_right else Failed(Reason.BAD_PASSCODE),
        way=_WAY,
        device=_count(now),
        serial=before.serials[before.at],
        person=max(0.0, tools.now - now.began),
    )


def examine(_settings: Questions, _tools: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Find nothing wrong: nobody outside is asked."""
    yield from ()
    return ()


def drawn(settings: Questions, asked: AskService, tools: Tools) -> tuple[str, ...]:
    """Return the serials of today's questions; fewer than are to be asked: there are no more."""
    day = int(tools.now // _DAY)
    place = f"question|{asked.service}|{asked.number}|{day}|"

    def lot(serial: str) -> bytes:
        return hmac.digest(tools.pepper, (place + serial).encode(), "sha256")

    usable = [one.serial for one in asked.devices if Question.load(one.secret) is not None]
    return tuple(sorted(usable, key=lot)[: settings.ask])


def _first(settings: Questions, asked: AskService, tools: Tools) -> Served:
    if asked.typed and asked.typed.decode("ascii", "replace").lower() not in settings.words:
        # A passcode that none of our tokens has made, for example: no question was open.
        return Served(outcome=Failed(Reason.BAD_PASSCODE), way=_WAY)
    if not asked.can_show:
        return Served(outcome=Failed(Reason.CHALLENGE_NOT_SHOWN), way=_WAY)
    serials = drawn(settings, asked, tools)
    if len(serials) < settings.ask:
        return Served(outcome=Failed(Reason.NO_USABLE_DEVICE), way=_WAY)
    return _asking(asked, Asked(serials, 0, is_right=True, began=tools.now))


def _asking(asked: AskService, now: Asked) -> Served:
    question = _find(asked, now.serials[now.at])
    if question is None:
        return Served(outcome=Failed(Reason.DIALOGUE_LOST), way=_WAY)
    return Served(
        outcome=UPSTREAM_ASKS,
        event=Event.RESPONSE_WANTED,
        text=f"{question.text} ({now.at + 1} of {len(now.serials)}) ",
        state=now.dump(),
        way=_WAY,
        device=_count(now),
        serial=now.serials[now.at],
    )


def _find(asked: AskService, serial: str) -> Question | None:
    held = next((one for one in asked.devices if one.serial == serial), None)
    return None if held is None else Question.load(held.secret)


def _normal(typed: bytes) -> bytes:
    try:
        return devices.answer(typed)
    except DeviceError:
        return _NO_ANSWER


def _count(now: Asked) -> str:
    return f"{len(now.serials)} {'question' if len(now.serials) == 1 else 'questions'}"
