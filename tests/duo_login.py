"""Logins with Duo without HTTP, threads and time: a test plays the shell, `tests.duo` Duo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final
from urllib.parse import urlencode

from radiusmfa.config.service_model import Duo
from radiusmfa.login.errands import AskService, Served
from radiusmfa.secret import Secret
from radiusmfa.service import duo
from radiusmfa.service.dialogue import (
    Done,
    Lost,
    Memory,
    Opened,
    Pause,
    Query,
    Reply,
    Ring,
    Rung,
    Tools,
    Watch,
)
from tests.duo import IKEY, SKEY, Answer, Asked, Hold, Simulator
from tests.fakes import START

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.outcome import Reason

USUAL_SECONDS: Final = 10.0


def settings(**others: Any) -> Duo:  # noqa: ANN401 - as the model has them
    """Return settings that differ from the defaults in *others*."""
    usual: dict[str, Any] = {
        "host": "api-XXXXXXXX.duosecurity.com:8443",
        "integration_key": IKEY,
        "secret_key": Secret(SKEY.encode()),
    }
    return Duo(**(usual | others))


@final
class Shell:
    """
    What performs dialogues, and the Duo that they talk to.

    Attributes:
        duo: It.
        settings: Of the service.
        now: Seconds since 1970; goes on when somebody waits.
        memory: The service's.
        queries: Every query.
        rings: Every ring.
        opened: Every call that can be gone on with.
        refused: Why nobody may be called; None: they may.
        is_down: Nothing can be reached.
        is_silent: Nothing is answered.
    """

    def __init__(self, **others: Any) -> None:  # noqa: ANN401 - settings
        """Talk to a Duo that knows nobody."""
        self.duo = Simulator()
        self.settings = settings(**others)
        self.now = START
        self.memory = Memory()
        self.queries: list[Query] = []
        self.rings: list[Ring] = []
        self.opened: list[Opened] = []
        self.refused: Reason | None = None
        self.is_down = False
        self.is_silent = False
        self.goes_on = b""
        self._seen: dict[str, tuple[float, Served]] = {}

    def ask(
        self,
        typed: str = "",
        *,
        after: Served | None = None,
        can_show: bool = True,
        seconds: float = 70.0,
        **asked: Any,  # noqa: ANN401 - of AskService
    ) -> Served:
        """Return what comes of one round: what is *typed*, *after* what was answered before."""
        usual: dict[str, Any] = {
            "service": "duo",
            "user": "alice",
            "typed": typed.encode(),
            "state": b"" if after is None else after.state,
            "can_show": can_show,
        }
        dialogue = duo.ask(self.settings, AskService(**(usual | asked)), self.tools(seconds))
        found: Served = self.perform(dialogue, self.now + seconds)
        return found

    def tools(self, seconds: float = 70.0) -> Tools:
        """Return what a dialogue needs."""
        return Tools(
            now=self.now, seconds=seconds, entropy=lambda size: b"\x80" * size, pepper=b"",
            memory=self.memory,
        )  # fmt: skip

    def perform(self, dialogue: Generator[Any, Any, Any], ends: float) -> Any:  # noqa: ANN401
        """Return what *dialogue* ends in, at the latest when *ends* has come."""
        answer: object = None
        while True:
            try:
                request = dialogue.send(answer)
            except StopIteration as ended:
                return ended.value
            answer = self._do(request, ends)

    def _do(self, request: object, ends: float) -> object:
        match request:
            case Query():
                self.queries.append(request)
                return self._exchange(request, ends)
            case Pause():
                self.now += min(request.seconds, max(0.0, ends - self.now))
                return Done(now=self.now)
            case Ring():
                self.rings.append(request)
                return Rung(refused=self.refused, state=self.goes_on)
            case Opened():
                self.opened.append(request)
                return Done(now=self.now)
            case Watch():
                return self._watch(request, ends)
            case _:
                raise AssertionError(request)

    def _exchange(self, query: Query, ends: float) -> Reply | Lost:
        limit = min(ends, self.now + (query.seconds or USUAL_SECONDS))
        if self.is_down:
            return Lost(why="cannot be reached", is_unsent=True, now=self.now)
        if self.now >= ends:
            return Lost(why="over", is_over=True, is_unsent=True, now=self.now)
        if self.is_silent:
            return self._late(limit, ends)
        headers = {name.lower(): value for name, value in query.headers}
        headers["host"] = self.settings.host
        asked = Asked(query.method, query.path, urlencode(query.parameters), headers, query.body)
        found = self.duo.answer(asked, self.now)
        while isinstance(found, Hold):
            if found.at > limit:
                return self._late(limit, ends)
            self.now = max(self.now, found.at)
            found = self.duo.resume(found, self.now)
        return self._reply(found, limit, ends)

    def _reply(self, answer: Answer, limit: float, ends: float) -> Reply | Lost:
        headers = {name.lower(): value for name, value in answer.headers}
        if not answer.status or headers.get("content-length") == "many":
            return Lost(why="breaks off", now=self.now)
        if self.now + answer.delay > limit:
            return self._late(limit, ends)
        self.now += answer.delay
        return Reply(
            status=answer.status,
            octets=answer.body,
            retry_after=headers.get("retry-after", headers.get("x-retry-after", "")),
            now=self.now,
        )

    def _late(self, limit: float, ends: float) -> Lost:
        self.now = limit
        return Lost(why="has not answered", is_over=limit >= ends, now=self.now)

    def _watch(self, wanted: Watch, ends: float) -> Served | Lost:
        if wanted.key not in self._seen:
            began = self.now
            served = self.perform(wanted.dialogue, self.now + wanted.seconds)
            self._seen[wanted.key] = (self.now, served)
            self.now = began
        known, served = self._seen[wanted.key]
        if known > ends or (not wanted.waits and known > self.now):
            self.now = ends if wanted.waits else self.now
            return Lost(why="over", is_over=True, now=self.now)
        self.now = max(self.now, known)
        return served
