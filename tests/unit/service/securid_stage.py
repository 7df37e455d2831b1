"""Plays the shell for dialogues with RSA's simulators, without sockets and in no time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from radiusmfa.config.service_model import SecurId
from radiusmfa.login.errands import AskService
from radiusmfa.secret import Secret
from radiusmfa.service import securid
from radiusmfa.service.dialogue import (
    Done,
    Farewell,
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
from tests.fakes import START
from tests.securid import ACCESS_ID, KEY, Asked, Person, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from radiusmfa.login.errands import Served
    from radiusmfa.service.dialogue import Request

    _Ended = TypeVar("_Ended")

URLS: Final = ("https://am1.example.com:5555", "https://am2.example.com:5555")
PEPPER: Final = b"pepper"


@final
class Stage:
    """
    Two servers that know Alice, and a login of hers.

    Attributes:
        simulators: The servers; people and attempts are each one's own.
        alice: At the first server.
        settings: Both servers, by the key.
        now: Seconds since 1970.
        rung: What `Ring` is told.
        rings: What was asked for.
        opened: What was said to be open.
        watches: What was watched.
        queries: Every query, farewells included.
        lost: What a query gets instead of an answer, by server.
        spoil: Makes something else of an answer.
        is_over: Nobody can wait for a push: `Watch` gets `watched`.
        watched: What `Watch` gets then.
        memory: Of the service.
    """

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - see `Person`
        """Register Alice."""
        self.simulators = [Simulator(), Simulator()]
        self.alice: Person = self.simulators[0].person("alice", **values)
        self.settings = SecurId(urls=URLS[:1], access_key=Secret(KEY.encode()))
        self.now = START
        self.rung = Rung()
        self.rings: list[Ring] = []
        self.opened: list[Opened] = []
        self.watches: list[Watch] = []
        self.queries: list[Query] = []
        self.lost: dict[int, Lost] = {}
        self.spoil: Callable[[Reply], Reply | Lost] = lambda reply: reply
        self.is_over = False
        self.watched: Served | Lost = Lost(why="over", is_over=True)
        self.memory = Memory()
        self._random = random.Random(1)

    @property
    def simulator(self) -> Simulator:
        """Return the first server."""
        return self.simulators[0]

    def configure(self, **values: Any) -> None:  # noqa: ANN401 - see `SecurId`
        """Ask with other settings from now on."""
        usual: dict[str, Any] = {"urls": URLS[:1], "access_key": Secret(KEY.encode())}
        self.settings = SecurId(**(usual | values))

    def sign(self) -> None:
        """Ask with signatures."""
        self.configure(access_id=ACCESS_ID)
        for one in self.simulators:
            one.hmac = True

    def ask(
        self,
        typed: str | bytes,
        state: bytes = b"",
        *,
        can_show: bool = True,
        seconds: float = 30,
        user: str = "alice",
        alias: str = "",
    ) -> Served:
        """Return what comes of one round."""
        asked = AskService(
            service="rsa",
            user=user,
            alias=alias,
            typed=typed if isinstance(typed, bytes) else typed.encode(),
            state=state,
            client="vpn",
            can_show=can_show,
            has_password=True,
        )
        return self.play(securid.ask(self.settings, asked, self.tools(seconds)))

    def talk(self, *typed: str, can_show: bool = True) -> Served:
        """Return what comes of the last of several rounds; each but the last must ask."""
        return self.talk_on(b"", *typed, can_show=can_show)

    def talk_on(self, state: bytes, *typed: str, can_show: bool = True) -> Served:
        """Return what comes of the last of several rounds that go on from *state*."""
        served = None
        for word in typed:
            assert served is None or served.state, f"{served} before {word!r}"
            served = self.ask(word, state, can_show=can_show)
            state = served.state
        assert served is not None
        return served

    def examine(self) -> tuple[str, ...]:
        """Return what is wrong with the servers."""
        return self.play(securid.examine(self.settings, self.tools(30)))

    def tools(self, seconds: float) -> Tools:
        """Return what a dialogue gets."""
        return Tools(
            now=self.now,
            seconds=seconds,
            entropy=self._random.randbytes,
            pepper=PEPPER,
            memory=self.memory,
        )

    def play(self, dialogue: Generator[Request, Any, _Ended]) -> _Ended:
        """Return what a dialogue ends in."""
        answer: object = None
        while True:
            try:
                request = dialogue.send(answer)
            except StopIteration as ended:
                result: _Ended = ended.value
                return result
            answer = self._do(request)

    def _do(self, request: Request) -> object:
        match request:
            case Query():
                return self._exchange(request)
            case Farewell():
                self._exchange(request.query)
            case Ring():
                self.rings.append(request)
                return self.rung
            case Opened():
                self.opened.append(request)
            case Pause():
                self.advance(request.seconds)
            case Watch():
                self.watches.append(request)
                if self.is_over:
                    return self.watched
                return self.play(request.dialogue)
            case _:
                message = f"{request} was not to be asked for"
                raise AssertionError(message)
        return Done(now=self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, also at the servers."""
        self.now += seconds
        for one in self.simulators:
            one.later += seconds

    def _exchange(self, query: Query) -> Reply | Lost:
        self.queries.append(query)
        assert not query.parameters
        lost = self.lost.get(query.server)
        if lost is not None:
            return lost
        headers = {name.lower(): value for name, value in query.headers}
        asked = Asked(query.path, headers, query.body)
        status, octets = self.simulators[query.server].answer(asked)
        return self.spoil(Reply(status=status, octets=octets, server=query.server, now=self.now))
