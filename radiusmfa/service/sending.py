"""
A login by something that is sent: where to, by whom, what is asked then, and how often.

What was sent is remembered in the login's own State, sealed, and is good there alone. A
client that cannot ask gets no State: there the person logs in again with password and code.
For that the code's keyed digest, never the code, is kept in memory, for this person at this
client and place; a restart forgets it, and another code is sent.

Whatever is sent anew makes void what was sent before to the same person at the same place.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import UPSTREAM_ASKS, Failed, Outcome, Passed, Reason, Unavailable
from radiusmfa.service import destinations
from radiusmfa.service.dialogue import Lost, Reply, Request, Ring, ring

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from radiusmfa.login.errands import AskService
    from radiusmfa.service.destinations import Destination
    from radiusmfa.service.dialogue import Dialogue, Tools

_VERSION: Final = 1
_AGAIN: Final = b"new"
_MOST_KEPT: Final = 10_000
_LONGEST_TYPED: Final = 64
_NEVER: Final = 1e11  # seconds since 1970
_WRONG: Final = Failed(Reason.BAD_PASSCODE)
_EXPIRED: Final = Failed(Reason.CODE_EXPIRED)
_LOST: Final = Failed(Reason.DIALOGUE_LOST)
_BUSY: Final = frozenset({429, 503})
_NOT_OURS: Final = frozenset({401, 403})
_BROKEN: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """
    What was sent, and waits for its answer.

    Attributes:
        name: By chance, or the service's own name of it.
        proof: Keyed digest of the code; empty: the service knows it.
        number: Which of the person's destinations, from 1 on.
        device: It, masked.
        serial: Of the device.
        expires: Until when it is good, seconds since 1970.
        began: When it was sent, the same way.
        tries: How many more answers are looked at.
    """

    name: str
    proof: str = ""
    number: int = 1
    device: str = ""
    serial: str = ""
    expires: float
    began: float
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """
    What came of sending.

    Attributes:
        name: As in `Open`.
        proof: As in `Open`.
        problem: Why nothing was sent; None: it is on its way.
        trouble: What is wrong with the service or its settings, for the log.
        is_late: The login cannot wait any longer; it may be on its way.
    """

    name: str = ""
    proof: str = ""
    problem: Outcome | None = None
    trouble: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """
    What came of looking at an answer.

    Attributes:
        outcome: Passed; BAD_PASSCODE: wrong; another Failed: it is over. None: nobody could
            look at it.
        trouble: As in `Sent`.
        is_last: Wrong, and no other answer is looked at any more.
    """

    outcome: Outcome | None
    trouble: str = ""
    is_last: bool = False


Sending: TypeAlias = "Generator[Request, Any, Sent]"
Checking: TypeAlias = "Generator[Request, Any, Checked]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    One way to send something.

    Attributes:
        name: `sms`, `voice` or `email`.
        words: Those that choose it.
        attribute: Of the directory, for people without a device; empty: none.
        prefixes: Numbers begin with one of these; empty: any.
        lifetime: Seconds that what was sent is good.
        tries: Answers that are looked at.
        send: Sends to one destination.
        check: Looks at an answer.
    """

    name: str
    words: tuple[str, ...]
    attribute: str = ""
    prefixes: tuple[str, ...] = ()
    lifetime: int
    tries: int
    send: Callable[[Destination], Sending]
    check: Callable[[Open, bytes], Checking]


def converse(way: Way, asked: AskService, tools: Tools) -> Dialogue:
    """Send something to the person of *asked*, or look at the answer to what was sent."""
    round_ = _Round(way, asked, tools)
    if not asked.state:
        served = yield from round_.begin()
    else:
        served = yield from round_.go_on()
    return replace(served, way=way.name)


def dump(sent: Open) -> bytes:
    """Return *sent* for the State."""
    return json.dumps({"v": _VERSION} | asdict(sent), separators=(",", ":")).encode()


def load(octets: bytes) -> Open | None:
    """Return what `dump` made *octets* of; None: it made no such octets."""
    try:
        found = json.loads(octets)
    except (RecursionError, ValueError):
        return None
    if not isinstance(found, dict) or found.pop("v", None) != _VERSION:
        return None
    try:
        sent = Open(**found)
    except TypeError:
        return None
    texts = (sent.name, sent.proof, sent.device, sent.serial)
    is_typed = all(isinstance(one, str) for one in texts)
    is_typed &= type(sent.number) is int and type(sent.tries) is int
    moments = (sent.began, sent.expires)
    is_typed &= all(type(one) in (int, float) for one in moments)
    return sent if is_typed and all(0 <= one < _NEVER for one in moments) else None


def problem(answer: Reply | Lost) -> Sent | None:
    """Return why *answer* of a web server says that nothing was sent; None: it says nothing."""
    if isinstance(answer, Lost):
        if answer.is_over:
            return Sent(is_late=True)
        gone = Reason.UPSTREAM_UNREACHABLE if answer.is_unsent else Reason.UPSTREAM_SILENT
        return Sent(problem=Unavailable(gone), trouble=answer.why)
    if answer.status in _BUSY:
        return Sent(
            problem=Unavailable(Reason.UPSTREAM_BUSY),
            trouble=f"asks us to wait ({answer.status})",
        )
    if answer.status >= _BROKEN:
        return Sent(
            problem=Unavailable(Reason.UPSTREAM_UNREACHABLE),
            trouble=f"has a fault ({answer.status})",
        )
    if answer.status in _NOT_OURS:
        return Sent(
            problem=Failed(Reason.UPSTREAM_MISCONFIGURED),
            trouble=f"does not take our account ({answer.status})",
        )
    return None


class _Round:
    """One round of one login."""

    def __init__(self, way: Way, asked: AskService, tools: Tools) -> None:
        self._way = way
        self._asked = asked
        self._tools = tools
        place = f"{asked.client}|{asked.user}|{asked.place.hex()}"
        self._latest = f"latest|{place}"
        self._kept = f"kept|{place}"

    def begin(self) -> Dialogue:
        typed = self._asked.typed
        number = destinations.chosen(typed, self._way.words) if typed else 1
        if number:
            return (yield from self._send(number))
        kept = load(self._tools.memory.texts.get(self._kept, "").encode())
        if kept is None or self._asked.can_show:
            # Nothing was sent that this could be.
            return Served(outcome=_EXPIRED)
        return (yield from self._look(kept))

    def go_on(self) -> Dialogue:
        sent = load(self._asked.state)
        if sent is None:
            return Served(outcome=_LOST)
        typed = self._asked.typed
        if not typed.strip():
            return self._ask(sent, "", Event.CODE_WANTED)
        number = destinations.chosen(typed, self._way.words)
        if number or typed.strip().lower() == _AGAIN:
            return (yield from self._send(number or sent.number))
        latest = self._tools.memory.texts.get(self._latest)
        if latest is not None and latest != sent.name:
            return _of(sent, _EXPIRED)  # a newer one was sent
        return (yield from self._look(sent))

    def _send(self, number: int) -> Dialogue:
        way, asked = self._way, self._asked
        places = destinations.find(asked, way.name, attribute=way.attribute, prefixes=way.prefixes)
        if number > len(places):
            return Served(outcome=Failed(Reason.NO_USABLE_DEVICE))
        place = places[number - 1]
        about = Served(outcome=_LOST, device=place.masked, serial=place.serial)
        rung = yield from ring(Ring(way=way.name, device=place.masked, to=place.to))
        if rung.refused is not None:
            return replace(about, outcome=Failed(rung.refused))
        sent = yield from way.send(place)
        if sent.problem is not None:
            return replace(about, outcome=sent.problem, trouble=sent.trouble)
        opened = Open(
            name=sent.name,
            proof=sent.proof,
            number=number,
            device=place.masked,
            serial=place.serial,
            expires=self._tools.now + way.lifetime,
            began=self._tools.now,
            tries=way.tries,
        )
        self._put(self._latest, opened.name)
        if asked.can_show:
            self._tools.memory.texts.pop(self._kept, None)
            text = "It may take some time; type new for another one. " if sent.is_late else ""
            return self._ask(opened, text, Event.CODE_SENT)
        self._put(self._kept, dump(opened).decode())
        # Sent is not proved; and it is no wrong proof either.
        reason = Reason.UNANSWERED if sent.is_late else Reason.CHALLENGE_NOT_SHOWN
        text = f"A code was sent to {place.masked}. Log in again with it."
        return replace(about, outcome=Failed(reason), event=Event.CODE_SENT, text=text)

    def _look(self, sent: Open) -> Dialogue:
        served = yield from self._looked(sent)
        return replace(served, person=max(0.0, self._tools.now - sent.began))

    def _looked(self, sent: Open) -> Dialogue:  # noqa: PLR0911 - one return a meaning
        # Counted before it is looked at: many at once get no more tries than one after another.
        tries, asked = sent.tries - 1, self._asked
        is_gone = bool(sent.serial) and all(one.serial != sent.serial for one in asked.devices)
        if is_gone or self._tools.now >= sent.expires or tries < 0:  # or taken away meanwhile
            self._forget()
            return _of(sent, _EXPIRED)
        left = replace(sent, tries=tries)
        if not asked.can_show:
            self._put(self._kept, dump(left).decode())
        checked = yield from self._way.check(sent, asked.typed[:_LONGEST_TYPED])
        outcome = checked.outcome
        if isinstance(outcome, Passed):
            self._forget()
            return _of(sent, outcome)
        if outcome is not None and (outcome != _WRONG or checked.is_last):
            self._forget()
            return replace(_of(sent, outcome), trouble=checked.trouble)
        if not asked.can_show:
            outcome = Failed(Reason.UNANSWERED) if outcome is None else outcome
            return replace(_of(sent, outcome), trouble=checked.trouble)
        if outcome is None:
            text = "The code could not be checked. "
            return replace(self._ask(left, text, Event.CODE_WANTED), trouble=checked.trouble)
        if not tries:
            return _of(sent, _WRONG)
        return replace(self._ask(left, "Wrong code. ", Event.CODE_WANTED), is_wrong=True)

    def _ask(self, sent: Open, before: str, event: Event) -> Served:
        return replace(
            _of(sent, UPSTREAM_ASKS),
            event=event,
            text=f"{before}Enter the code sent to {sent.device}: ",
            state=dump(sent),
            limit=max(1, int(sent.expires - self._tools.now)),
        )

    def _put(self, key: str, text: str) -> None:
        texts = self._tools.memory.texts
        texts.pop(key, None)
        while len(texts) >= 2 * _MOST_KEPT:
            del texts[next(iter(texts))]
        texts[key] = text

    def _forget(self) -> None:
        self._tools.memory.texts.pop(self._kept, None)


def _of(sent: Open, outcome: Outcome) -> Served:
    return Served(outcome=outcome, device=sent.device, serial=sent.serial)
