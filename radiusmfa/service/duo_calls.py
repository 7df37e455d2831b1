"""
Calling Duo's Auth API: signed, by Duo's clock, no faster than Duo wants.

What may be repeated is repeated here: after a wrong clock, and after "too many", both of
which say that nothing was done. Nothing else is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, final

from radiusmfa.service import duo_answers, duo_signing
from radiusmfa.service.dialogue import Lost, Pause, Query, done, exchange
from radiusmfa.service.duo_answers import MalformedError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from radiusmfa.config.service_model import Duo
    from radiusmfa.service.dialogue import Reply, Request, Tools

    _Read = TypeVar("_Read")
    Calling: TypeAlias = Generator[Request, Any, _Read]

_PATH: Final = "/auth/v2/"
_CODES: Final = {
    40001: "a parameter is missing: this is a fault of radiusmfa",
    40101: "it has seen no credentials: this is a fault of radiusmfa, or of a proxy in between",
    40102: "it does not know the integration key: copy integration_key and host again",
    40103: "the signature is wrong: copy secret_key again, from where integration_key is",
    40104: "it has seen no time: a proxy in between takes the header Date away",
    40105: "the clocks differ, and asking for its time has not helped: set this machine's clock",
    40106: "it does not take JSON: is host really Duo's?",
    40301: "the application is of another type: protect one of the type Auth API in Duo's console",
    40401: "it does not know the Auth API: is host really Duo's?",
}
"""What the settings, or this machine, have to do with an error, and what to do."""
_WRONG_CLOCK: Final = 40105
_UNAUTHORIZED: Final = range(401, 405)
_TOO_MANY: Final = 429
_BROKEN: Final = 500
_TRIES: Final = 6  # after too many; 1, 2, 4 ... seconds apart
_LONGEST_PAUSE: Final = 60.0
_LEAST_LEFT: Final = 1.0  # seconds that a call needs at least
_LARGEST_OFFSET: Final = 366 * 86_400
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
NOTABLE_OFFSET: Final = 5.0
"""Seconds between the clocks from which on somebody should know."""


@unique
class Why(Enum):
    """Why a call has no answer."""

    OVER = auto()
    """The login cannot wait any longer."""
    UNREACHABLE = auto()
    """Nothing was sent."""
    SILENT = auto()
    """Something may have been sent."""
    BROKEN = auto()
    """Duo says that it has a fault."""
    MALFORMED = auto()
    BUSY = auto()
    """It wants fewer calls, for longer than the login can wait."""
    MISCONFIGURED = auto()
    """It does not take us."""
    REFUSED = auto()
    """It does not take what was asked."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    No answer.

    Attributes:
        why: Which way.
        text: For the log.
    """

    why: Why
    text: str = ""


@final
class Calls:
    """
    The calls of one dialogue.

    Attributes:
        now: Seconds since 1970, as far as is known.
        ends: Until when the login can wait.
        server: Host, once it has answered.
    """

    __slots__ = ("_entropy", "_memory", "_settings", "ends", "now", "server")

    def __init__(self, settings: Duo, tools: Tools, ends: float | None = None) -> None:
        """
        Call nobody yet.

        Args:
            settings: Checked.
            tools: See there.
            ends: Until when there is time; None: the login's.
        """
        self._settings = settings
        self._memory = tools.memory
        self._entropy = tools.entropy
        self.now = tools.now
        self.ends = tools.now + tools.seconds if ends is None else ends
        self.server = ""

    @property
    def left(self) -> float:
        """Seconds that the login can wait."""
        return self.ends - self.now

    @property
    def clock(self) -> str:
        """What is to be said of the clocks; empty: they agree."""
        offset = self._memory.offset
        if abs(offset) <= NOTABLE_OFFSET:
            return ""
        which = "behind" if offset > 0 else "ahead of"
        return f"this machine's clock is {abs(offset):.0f} s {which} Duo's"

    def call(  # noqa: PLR0913 - what is called, and how what comes is read
        self,
        method: str,
        name: str,
        parameters: dict[str, str],
        read: Callable[[object], _Read],
        *,
        seconds: float = 0.0,
        is_safe: bool = True,
    ) -> Calling[_Read | Trouble]:
        """
        Return what *name* answers, or why there is no answer.

        Args:
            method: `GET` or `POST`.
            name: Last part of the path.
            parameters: All of them.
            read: Takes the response apart; raises MalformedError.
            seconds: How long it may take; 0: as the service's settings say.
            is_safe: It may be sent twice.
        """
        pauses, is_corrected = 0, False
        while True:
            query = self._query(method, name, parameters, seconds, is_safe=is_safe)
            reply = yield from exchange(query)
            self.now = reply.now or self.now
            if isinstance(reply, Lost):
                return _lost(reply)
            self.server = self._settings.host
            try:
                found = duo_answers.response(reply)
                if not isinstance(found, Refusal):
                    return read(found)
            except MalformedError:
                return Trouble(Why.MALFORMED, f"{name}: what came is no answer of Duo")
            if found.code == _WRONG_CLOCK and not is_corrected:
                is_corrected = True
                trouble = yield from self.correct()
                if trouble is None:
                    continue
                return trouble if trouble.why is Why.OVER else _refused(name, found)
            if found.status == _TOO_MANY and (pause := self._pause(reply, pauses)):
                pauses += 1
                self.now = (yield from done(Pause(pause))).now or self.now + pause
                continue
            return _refused(name, found)

    def correct(self) -> Calling[Trouble | None]:
        """Ask Duo what time it is, and remember it; return why that could not be."""
        reply = yield from exchange(
            Query(method="GET", path=f"{_PATH}ping", seconds=0.0, is_safe=True)
        )
        self.now = reply.now or self.now
        if isinstance(reply, Lost):
            return _lost(reply)
        self.server = self._settings.host
        try:
            found = duo_answers.response(reply)
            if isinstance(found, Refusal):
                return _refused("ping", found)
            offset = duo_answers.time(found) - self.now
        except MalformedError:
            return Trouble(Why.MALFORMED, "ping: what came is no answer of Duo")
        if abs(offset) > _LARGEST_OFFSET:
            return Trouble(Why.MISCONFIGURED, "this machine's clock is more than a year off")
        # Its time has no fractions: what is less than a second is no difference.
        self._memory.offset = offset if abs(offset) > 1 else 0.0
        self._memory.is_known = True
        return None

    def _query(
        self, method: str, name: str, parameters: dict[str, str], seconds: float, *, is_safe: bool
    ) -> Query:
        path, moment = _PATH + name, self.now + self._memory.offset
        pairs = tuple(sorted(parameters.items())) if method == "GET" else ()
        body = b"" if method == "GET" else _body(parameters)
        return Query(
            method=method,
            path=path,
            parameters=pairs,
            body=body,
            headers=duo_signing.headers(self._settings, method, path, pairs, body, moment),
            seconds=seconds,
            is_safe=is_safe,
        )

    def _pause(self, reply: Reply, pauses: int) -> float:
        """Return how long to wait after "too many"; 0: for longer than there is time."""
        wanted = _said(reply.retry_after, self.now)
        if wanted is None:
            # At random, so that all who were told so do not come back together.
            wanted = 2.0**pauses + int.from_bytes(self._entropy(2), "big") / 65_536
        is_possible = pauses < _TRIES and wanted <= _LONGEST_PAUSE
        return wanted if is_possible and self.now + wanted + _LEAST_LEFT <= self.ends else 0.0


def _body(parameters: dict[str, str]) -> bytes:
    return json.dumps(parameters, sort_keys=True, separators=(",", ":")).encode()


def _lost(lost: Lost) -> Trouble:
    if lost.is_over:
        return Trouble(Why.OVER, lost.why)
    return Trouble(Why.UNREACHABLE if lost.is_unsent else Why.SILENT, lost.why)


def _refused(name: str, refusal: Refusal) -> Trouble:
    code, status = refusal.code, refusal.status
    if status == _TOO_MANY:
        return Trouble(Why.BUSY, f"{name}: wants fewer requests ({code})")
    if status >= _BROKEN:
        return Trouble(Why.BROKEN, f"{name}: has a fault ({code})")
    if code in _CODES:
        return Trouble(Why.MISCONFIGURED, f"{name}: {_CODES[code]} ({code})")
    if status in _UNAUTHORIZED:
        return Trouble(
            Why.MISCONFIGURED, f"{name}: does not take us; is host really Duo's? ({code})"
        )
    what = f" {refusal.detail}" if refusal.detail else ""
    return Trouble(Why.REFUSED, f"{name}: does not take{what or ' the request'} ({code})")


def _said(written: str, now: float) -> float | None:
    """Return the seconds of a Retry-After, at least 1; None: it does not say."""
    if _SECONDS.fullmatch(written):
        return max(1.0, float(written))
    try:
        return max(1.0, parsedate_to_datetime(written).timestamp() - now) if written else None
    except (ValueError, TypeError, OverflowError):
        return None
