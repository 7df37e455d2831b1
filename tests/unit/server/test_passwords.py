"""Password checks in threads: bounded, counted, and never an answer without a check."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import queue
from typing import TYPE_CHECKING, Any, Self, final

import pytest

from radiusmfa.clients import Peer
from radiusmfa.config.model import Client, Factors, Passwords
from radiusmfa.login.plan import Plan
from radiusmfa.primary import hashing
from radiusmfa.primary.local import Answer, Question
from radiusmfa.secret import Secret
from radiusmfa.server.parts import Site
from radiusmfa.server.passwords import PasswordThreads
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec
from tests.fakes import FakeClock, FakePort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A little more than what is checked on the spot.
SETTINGS = Passwords(memory_kib=128, passes=1, threads=1, queue=1)
QUICK = Passwords(memory_kib=8, passes=1, threads=1, queue=1)
KEEPING = Passwords(memory_kib=128, passes=1, threads=1, queue=1, upgrade=False)
PATIENCE = 60.0  # seconds until a thread that never answers fails a test


@final
class FakeReactor:
    """Keeps what threads want done on the reactor's own thread, until a test does it."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._calls: queue.Queue[tuple[Callable[..., object], tuple[object, ...]]] = queue.Queue()

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> None:  # noqa: N802
        """Keep a call."""
        self._calls.put((call, args))

    def do_next(self) -> None:
        """Wait for a call, and do it."""
        call, args = self._calls.get(timeout=PATIENCE)
        call(*args)


@final
class Desk:
    """
    The threads, and what they answered.

    Attributes:
        reactor: Where answers arrive.
        threads: Under test.
        answers: What came of each check.
    """

    def __init__(self, settings: Passwords) -> None:
        """Start."""
        self.clock = FakeClock()
        self.reactor = FakeReactor()
        self.threads = PasswordThreads(self.reactor, settings, b"pepper", self.clock)
        self.answers: list[tuple[Received, Answer | None, float]] = []
        self.threads.answer = lambda *answer: self.answers.append(answer)

    def __enter__(self) -> Self:
        """Stop with the block: threads that nobody stops keep the whole run from ending."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.threads.stop()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """One thread, and room for one more check."""
    with Desk(SETTINGS) as made:
        yield made


def received(name: str = "vpn") -> Received:
    """Return a request that waits, of the client called *name*."""
    secret = Secret(b"a shared secret of 30 octets..")
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name=name, networks=networks, secret=secret)
    key = codec.SigningKey(secret)
    packet = codec.decode(codec.request(1, 0, bytes(16), b"", key))
    plan = Plan(client, Factors(), b"pepper")
    site = Site(Rule(client, plan, Replies(client, Factors(), bytes)))
    return Received(FakePort(), "address", packet, Peer("192.0.2.1", client, key), site, 0.0)


def question(typed: bytes, settings: Passwords = SETTINGS, **changes: Any) -> Question:  # noqa: ANN401
    """Return a question about somebody whose password is `right`."""
    parameters = hashing.Parameters(memory_kib=settings.memory_kib, passes=settings.passes)
    stored = hashing.hash_password(b"right", parameters)
    return Question(stored=stored, is_decoy=False, typed=typed)._replace(**changes)


@pytest.mark.parametrize(("typed", "is_right"), [(b"right", True), (b"wrong", False), (b"", False)])
def test_answer_comes_on_the_reactors_thread(desk: Desk, typed: bytes, *, is_right: bool) -> None:
    """A check is done in a thread and answered where everything else happens."""
    one = received()

    assert desk.threads.ask(one, question(typed)) is True
    assert desk.answers == []
    desk.clock.advance(2)
    desk.reactor.do_next()

    assert desk.answers == [(one, Answer(is_right=is_right, better=None), 2.0)]


def test_decoy_is_never_right(desk: Desk) -> None:
    """For nobody's hash the answer is no, though it fits."""
    desk.threads.ask(received(), question(b"right", is_decoy=True))
    desk.reactor.do_next()

    assert [answer for _, answer, _ in desk.answers] == [Answer(is_right=False, better=None)]


def test_full_queue_takes_no_more(desk: Desk) -> None:
    """Beyond threads and queue a check is refused; an answer makes room."""
    asked = [desk.threads.ask(received(), question(b"right")) for _ in range(3)]

    assert asked == [True, True, False]
    desk.reactor.do_next()
    assert desk.threads.ask(received(), question(b"right")) is True
    for _ in range(2):
        desk.reactor.do_next()
    assert len(desk.answers) == 3


def test_one_client_cannot_fill_the_queue() -> None:
    """A client that floods the queue is refused while there still is room for others."""
    with Desk(Passwords(memory_kib=128, passes=1, threads=1, queue=7)) as desk:
        flood = [desk.threads.ask(received("vpn"), question(b"wrong")) for _ in range(8)]
        other = desk.threads.ask(received("wifi"), question(b"right"))
        for _ in range(7):
            desk.reactor.do_next()
        again = desk.threads.ask(received("vpn"), question(b"right"))

    assert flood == [True] * 6 + [False] * 2
    assert other is True
    assert again is True


def test_promise_3_check_that_breaks_is_no_answer(desk: Desk) -> None:
    """A check that raises ends without an answer, and frees its place."""
    nothing: Any = None
    impossible = question(b"right")._replace(typed=nothing)
    for _ in range(5):
        assert desk.threads.ask(received(), impossible) is True
        desk.reactor.do_next()

    assert [answer for _, answer, _ in desk.answers] == [None] * 5


def test_old_parameters_are_renewed(desk: Desk) -> None:
    """A right password whose hash is of old parameters comes with a better one."""
    desk.threads.ask(received(), question(b"right", QUICK))
    desk.reactor.do_next()

    ((_, answer, _),) = desk.answers
    assert answer is not None
    assert answer.better is not None
    assert "m=128" in answer.better


def test_other_settings_are_in_force_at_once(desk: Desk) -> None:
    """After a reload hashes, decoy and queue are those of the new configuration."""
    desk.threads.configure(Passwords(memory_kib=256, passes=1, threads=2, queue=2))

    assert "m=256" in desk.threads.decoy
    names = ("vpn", "vpn", "vpn", "wifi", "wifi")
    asked = [desk.threads.ask(received(name), question(b"right")) for name in names]
    assert asked == [True] * 4 + [False]
    for _ in range(4):
        desk.reactor.do_next()


def test_threads_are_as_many_as_processors_unless_said_otherwise() -> None:
    """`threads: 0` starts one a processor, and stops them."""
    with Desk(Passwords(memory_kib=128, passes=1, queue=1)) as made:
        made.threads.ask(received(), question(b"right"))
        made.reactor.do_next()

    assert len(made.answers) == 1


def quick(typed: bytes) -> Question:
    """Return a question about somebody whose hash was imported and costs next to nothing."""
    salted = hashlib.sha256(b"right" + b"salt").digest() + b"salt"
    stored = "{SSHA256}" + base64.b64encode(salted).decode()
    return Question(stored=stored, is_decoy=False, typed=typed)


def test_right_password_of_a_quick_hash_is_answered_at_once() -> None:
    """Where imported hashes stay, a right password costs no thread, and becomes no other hash."""
    with Desk(KEEPING) as made:
        answer = made.threads.ask(received(), quick(b"right"))

    assert answer == Answer(is_right=True, better=None)


def test_wrong_password_of_a_quick_hash_goes_the_long_way() -> None:
    """A wrong password is never told by its speed: it takes a thread and an Argon2 hash."""
    with Desk(KEEPING) as made:
        asked = [
            made.threads.ask(received(), quick(b"wrong")),
            made.threads.ask(received(), quick(b"right")._replace(is_decoy=True)),
        ]
        for _ in asked:
            made.reactor.do_next()

    assert asked == [True, True]
    assert [answer for _, answer, _ in made.answers] == [Answer(is_right=False, better=None)] * 2


def test_quick_hash_is_replaced_where_hashes_are_upgraded(desk: Desk) -> None:
    """By default an imported hash takes the long way once, and is Argon2id afterwards."""
    assert desk.threads.ask(received(), quick(b"right")) is True
    desk.reactor.do_next()

    ((_, answer, _),) = desk.answers
    assert answer is not None
    assert answer.is_right
    assert "m=128" in (answer.better or "")
