"""The only fakes: a clock that tests turn, a socket that remembers, logins that wait, threads."""

from __future__ import annotations

import functools
import queue
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast, final

from twisted.internet.task import Clock as Timers

from radiusmfa.duplicates import Duplicates
from radiusmfa.login.errands import AskService
from radiusmfa.primary import local
from radiusmfa.upstream.inquiry import Inquiry
from radiusmfa.wire.codec import AUTHENTICATION_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReadDescriptor

    from radiusmfa.login.errands import Errand
    from radiusmfa.primary.hashing import Parameters
    from radiusmfa.primary.local import Answer, Question
    from radiusmfa.server.received import Address, Received

START = 1_800_000_000.0
"""Where every test's day begins: a whole step of 30 and of 60 seconds."""


@final
class FakeClock:
    """
    Fulfills `interfaces.Clock`; time passes when a test says so.

    Attributes:
        timers: Twisted's clock for tests; `advance` lets them run out.
    """

    def __init__(self, wall: float = START) -> None:
        """Begin at *wall*."""
        self._wall = wall
        self.timers = Timers()

    def wall(self) -> float:
        """Return the time of day."""
        return self._wall

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return self.timers.seconds()

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass on both clocks."""
        self._wall += seconds
        self.timers.advance(seconds)

    def set_back(self, seconds: float) -> None:
        """Set the time of day back, as a wrong time server would; monotonic time goes on."""
        self._wall -= seconds


def waiting(client: str = "vpn", deadline: Callable[[], float] = lambda: 20.0) -> Received:
    """
    Return a login that waits: whoever asks for it reads nothing else of it.

    Args:
        client: At which.
        deadline: Until when, as far as is known.
    """
    site = SimpleNamespace(client=SimpleNamespace(name=client))
    return cast("Received", SimpleNamespace(site=site, deadline=deadline))


@final
class FakePort:
    """
    Fulfills `server.pipeline.Port`; keeps what was sent.

    Attributes:
        served: Packet codes.
        duplicates: What was answered here.
        sent: Octets and their destination, oldest first.
    """

    def __init__(self, served: frozenset[int] = AUTHENTICATION_PORT, lifetime: float = 30) -> None:
        """Serve *served*, and keep replies for *lifetime* seconds."""
        self.served = served
        self.duplicates = Duplicates(lifetime, 1024)
        self.sent: list[tuple[bytes, Address]] = []

    def send(self, octets: bytes, address: Address) -> None:
        """Keep *octets*."""
        self.sent.append((octets, address))


@final
class HeldThreads:
    """
    Stands for `server.passwords.PasswordThreads`: real checks, done when a test says so.

    Attributes:
        asked: Every question ever taken.
        is_full: Whether the next question finds no room.
        is_broken: Whether checks end without an answer.
    """

    def __init__(self, pepper: bytes, parameters: Parameters) -> None:
        """Check as the server would."""
        self._pepper = pepper
        self._parameters = parameters
        self._waiting: list[tuple[Received, Question]] = []
        self.asked: list[Question] = []
        self.is_full = False
        self.is_broken = False

    def ask(self, received: Received, question: Question) -> bool:
        """Take *question*; False if there is no room."""
        if self.is_full:
            return False
        self.asked.append(question)
        self._waiting.append((received, question))
        return True

    def work(self, checked: Callable[[Received, Answer | None, float], None]) -> None:
        """Check everything that waits, and tell *checked*."""
        while self._waiting:
            received, question = self._waiting.pop(0)
            answer = None
            if not self.is_broken:
                answer = local.check(question, self._pepper, self._parameters)
            checked(received, answer, 0.001)


@final
class HeldUpstreams:
    """
    Stands for `server.outside.Outside`: what is asked waits until a test answers it.

    Attributes:
        asked: Every inquiry that was ever sent, oldest first.
        waiting: Those that nobody has answered, and whose they are.
        errands: What directories and approval services were asked and nobody has answered.
        services: What services of factors were asked and nobody has answered.
        asked_of_services: All that they were ever asked, oldest first.
        dead: Upstreams that nobody can ask.
    """

    def __init__(self) -> None:
        """Have been asked nothing yet."""
        self.asked: list[Inquiry] = []
        self.waiting: list[tuple[Received, Inquiry]] = []
        self.errands: list[tuple[Received, Errand]] = []
        self.services: list[tuple[Received, AskService]] = []
        self.asked_of_services: list[AskService] = []
        self.dead: set[str] = set()

    def ask(self, batch: list[tuple[Received, Inquiry | Errand | AskService]]) -> None:
        """Take inquiries and errands."""
        for received, one in batch:
            if isinstance(one, Inquiry):
                self.asked.append(one)
                self.waiting.append((received, one))
            elif isinstance(one, AskService):
                self.asked_of_services.append(one)
                self.services.append((received, one))
            else:
                self.errands.append((received, one))

    def is_dead(self, upstream: str) -> bool:
        """Say what a test has said."""
        return upstream in self.dead


class FakeReactor(Timers):
    """
    What `server.service` needs of Twisted's reactor; nothing happens by itself.

    Attributes:
        readers: What is read from.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        super().__init__()
        self.readers: list[IReadDescriptor] = []
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue()

    def addReader(self, reader: IReadDescriptor) -> None:  # noqa: N802 - Twisted's name
        """Read from *reader* too."""
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: IReadDescriptor) -> None:  # noqa: N802 - Twisted's name
        """Read no more from *reader*."""
        if reader in self.readers:
            self.readers.remove(reader)

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> None:  # noqa: N802 - Twisted's name
        """Keep *call* for `wait`."""
        self._calls.put(functools.partial(call, *args))

    def callInThread(self, call: Callable[..., object], /, *args: object) -> None:  # noqa: N802 - Twisted's name
        """Do *call* at once: what comes of it waits for `wait`."""
        call(*args)

    def wait(self) -> None:
        """Do the next call that a thread asks for; fail if none comes for long."""
        self._calls.get(timeout=30)()

    def read(self) -> None:
        """Let every reader take what has arrived."""
        for reader in list(self.readers):
            reader.doRead()
