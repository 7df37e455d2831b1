"""Directories asked in threads: bounded, never longer than a login waits, and never for nothing."""

from __future__ import annotations

import ipaddress
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, final

import pytest
import trustme
from twisted.logger import LogLevel, capturedLogs

from radiusmfa.clients import Peer
from radiusmfa.config.directory_model import Directory as Settings
from radiusmfa.config.directory_model import DirectoryServer, Groups, Tls
from radiusmfa.config.model import Client, Factors
from radiusmfa.interfaces import ConfigError
from radiusmfa.login.errands import Bind, LookUp, Told
from radiusmfa.login.person import Person
from radiusmfa.login.plan import Plan
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server.directories import Directories
from radiusmfa.server.parts import Site
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec
from tests.fakes import FakeClock, FakePort
from tests.unit.primary.responder import (
    ALICE,
    BASE,
    SILENCE,
    Request,
    Responder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from twisted.internet.task import Clock as Timers

PATIENCE: Final = 20.0  # seconds until a thread that never answers fails a test
PERSON: Final = Person(directory="corp", name="alice", dn=ALICE)
ROOM: Final = 17  # errands for one thread: one is done, sixteen wait


@final
class FakeReactor:
    """Timers that a test turns, and calls of threads that it lets happen."""

    def __init__(self, timers: Timers) -> None:
        """Keep nothing yet."""
        self._timers = timers
        self._calls: queue.Queue[tuple[Callable[..., object], tuple[object, ...]]] = queue.Queue()

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> None:  # noqa: N802
        """Keep a call."""
        self._calls.put((call, args))

    def callLater(self, delay: float, call: Callable[..., object], /, *args: object) -> Any:  # noqa: ANN401, N802
        """Do *call* when a test has let *delay* seconds pass."""
        return self._timers.callLater(delay, call, *args)

    def do_next(self) -> None:
        """Wait for a call, and do it."""
        call, args = self._calls.get(timeout=PATIENCE)
        call(*args)

    @property
    def timers(self) -> int:
        """How many timers run."""
        return len(self._timers.getDelayedCalls())


@final
class Office:
    """
    Directories under test, and what they told.

    Attributes:
        responder: The server of `corp`.
        clock: Turned by a test; directories see it too.
        reactor: Where answers arrive.
        directories: Under test.
        told: What came of each errand.
    """

    def __init__(self, **changes: Any) -> None:  # noqa: ANN401
        """Configure `corp`."""
        self.responder = Responder()
        self.clock = FakeClock()
        self.reactor = FakeReactor(self.clock.timers)
        self.directories = Directories(self.reactor, self.clock)
        self.told: list[tuple[Received, Told]] = []
        self.directories.answered = self.told.extend
        self.settings = Settings(
            name="corp",
            servers=(DirectoryServer(host="127.0.0.1", port=self.responder.port, tls=Tls.NONE),),
            base=BASE,
            bind_dn="cn=radiusmfa",
            bind_password=Secret(b"service-password"),
            groups=Groups.NONE,
        )
        self.settings = replace(self.settings, **changes)
        self.directories.configure([self.settings])

    def __enter__(self) -> Self:
        """Stop with the block: threads that nobody stops keep the whole run from ending."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.directories.close()
        self.responder.close()

    def look_up(self, one: Received, name: str = "alice", patience: float = 10) -> LookUp:
        """Ask who *name* is."""
        deadline = self.clock.monotonic() + patience
        errand = LookUp(directory="corp", name=name, deadline=deadline)
        self.directories.ask([(one, errand)])
        return errand

    def reasons(self) -> list[Reason | None]:
        """Return what was told, without persons."""
        return [told.reason for _, told in self.told]

    def hold(self) -> threading.Event:
        """Have the server wait before its next answers; return what lets it go on."""
        go_on = threading.Event()
        rule = self.responder.rules["searchRequest"]

        def wait(request: Request) -> Sequence[bytes]:
            assert go_on.wait(PATIENCE)
            return rule(request)

        self.responder.rules["searchRequest"] = wait
        return go_on


@pytest.fixture
def office() -> Iterator[Office]:
    """A directory that is asked by one thread."""
    with Office(threads=1) as made:
        yield made


def received(name: str = "vpn") -> Received:
    """Return a request that waits, of the client called *name*."""
    secret = Secret(b"a shared secret of 30 octets..")
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name=name, networks=networks, secret=secret)
    key = codec.SigningKey(secret)
    packet = codec.decode(codec.request(1, 0, bytes(16), b"", key))
    site = Site(Rule(client, Plan(client, Factors(), b"pepper"), Replies(client, Factors(), bytes)))
    return Received(FakePort(), "address", packet, Peer("192.0.2.1", client, key), site, 0.0)


def test_unknown_directory_is_unreachable(office: Office) -> None:
    """What a reload has taken away is not asked, and not waited for."""
    one = received()
    errand = LookUp(directory="gone", name="alice", deadline=office.clock.monotonic() + 10)
    office.directories.ask([(one, errand)])
    told = Told(directory="gone", reason=Reason.DIRECTORY_UNREACHABLE)
    assert office.told == [(one, told)]
    assert office.directories.is_dead("gone")


def test_full_directory_is_busy_at_once(office: Office) -> None:
    """More than can be answered in time is not taken; an answer makes room."""
    go_on = office.hold()
    for at in range(ROOM + 2):
        office.look_up(received(f"client{at}"))
    assert office.reasons() == [Reason.DIRECTORY_BUSY] * 2
    go_on.set()
    office.reactor.do_next()
    office.look_up(received("another"))
    for _ in range(ROOM):
        office.reactor.do_next()
    assert office.reasons()[2:] == [None] * (ROOM + 1)
    assert office.reactor.timers == 0


def test_one_client_cannot_fill_a_directory(office: Office) -> None:
    """A client that floods us is refused while there still is room for others."""
    go_on = office.hold()
    for _ in range(ROOM):
        office.look_up(received("flood"))
    flooded = len(office.told)
    office.look_up(received("vpn"))
    assert flooded == ROOM // 4
    assert len(office.told) == flooded
    go_on.set()
    for _ in range(ROOM - flooded + 1):
        office.reactor.do_next()


def test_silent_directory_is_given_up_at_the_deadline(office: Office) -> None:
    """The login is answered though its thread still hangs, and the late answer is dropped."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(request: Request) -> Sequence[bytes]:
        begun.set()
        assert go_on.wait(PATIENCE)
        return [request.entry(ALICE, {"uid": [b"alice"]}), request.result()]

    office.responder.rules["searchRequest"] = wait
    office.look_up(received())
    assert begun.wait(PATIENCE)
    office.clock.advance(9.9)
    assert office.told == []
    office.clock.advance(0.1)
    assert office.reasons() == [Reason.DIRECTORY_SILENT]
    assert office.told[0][1].seconds == 10
    go_on.set()
    office.reactor.do_next()
    assert office.reasons() == [Reason.DIRECTORY_SILENT]


def test_what_never_had_its_turn_was_busy(office: Office) -> None:
    """A login that waited for a thread until its end is not asked about any more."""
    go_on = office.hold()
    office.look_up(received(), patience=30)
    office.look_up(received(), "bob", patience=5)
    office.clock.advance(5)
    assert office.reasons() == [Reason.DIRECTORY_BUSY]
    go_on.set()
    for _ in range(2):
        office.reactor.do_next()
    assert office.reasons() == [Reason.DIRECTORY_BUSY, None]
    assert len(office.responder.searches) == 1


def test_thread_that_breaks_is_a_refusal(office: Office) -> None:
    """A fault of ours is nobody's success, is said without what was typed, and frees its place."""
    nothing: Any = None
    errand = Bind(directory="corp", name="horse", person=PERSON, password=nothing, deadline=99.0)
    with capturedLogs() as events:
        for _ in range(ROOM * 2):
            office.directories.ask([(received(), errand)])
            office.reactor.do_next()
    assert office.reasons() == [Reason.DIRECTORY_REFUSED] * ROOM * 2
    assert {event["log_level"] for event in events} == {LogLevel.critical}
    assert "horse" not in str(events)


def test_person_is_told_on_the_reactors_thread(office: Office) -> None:
    """What a thread finds is told where everything else happens, with the time it took."""
    one = received()
    office.look_up(one)
    assert office.told == []
    office.clock.advance(2)
    office.reactor.do_next()
    ((whose, told),) = office.told
    assert whose is one
    assert (told.reason, told.person, told.seconds) == (None, PERSON, 2)
    assert told.server == f"127.0.0.1:{office.responder.port}"
    assert office.reactor.timers == 0
    assert not office.directories.is_dead("corp")


@pytest.mark.parametrize(
    ("password", "expected"), [(b"right", None), (b"wrong", Reason.BAD_PASSWORD)]
)
def test_password_is_checked(office: Office, password: bytes, expected: Reason | None) -> None:
    """A bind is done in a thread like a search."""
    errand = Bind(directory="corp", name="alice", person=PERSON, password=password, deadline=9.0)
    office.directories.ask([(received(), errand)])
    office.reactor.do_next()
    assert office.reasons() == [expected]
    assert office.responder.binds == [(ALICE, password)]


def test_faults_of_a_directory_are_in_the_log(office: Office) -> None:
    """Who runs the server reads which directory, which of its servers, and what is wrong."""
    office.responder.rules["bindRequest"] = lambda request: [request.result(49)]
    office.look_up(received())
    with capturedLogs() as events:
        office.reactor.do_next()
    (event,) = events
    assert event["log_level"] is LogLevel.warn
    assert event["directory"] == "corp"
    assert event["line"].endswith("it refuses bind_dn: bad-password, result code 49")
    assert office.directories.is_dead("corp")


def test_reload_keeps_what_has_not_changed(office: Office) -> None:
    """Connections and what is known of servers survive a reload that does not concern them."""
    office.look_up(received())
    office.reactor.do_next()
    office.directories.configure([replace(office.settings)])
    office.look_up(received())
    office.reactor.do_next()
    assert office.reasons() == [None, None]
    assert office.responder.connections == 1


def test_reload_ends_nobodys_wait(office: Office) -> None:
    """Who waits for a directory that a reload takes away is answered by it, and then it goes."""
    go_on = office.hold()
    office.look_up(received())
    office.directories.configure([replace(office.settings, timeout=9)])
    office.look_up(received())
    go_on.set()
    for _ in range(2):
        office.reactor.do_next()
    office.directories.tidy()
    assert office.reasons() == [None, None]
    office.directories.configure([])
    office.look_up(received())
    assert office.reasons()[2:] == [Reason.DIRECTORY_UNREACHABLE]


def test_reload_that_cannot_be_changes_nothing(office: Office, tmp_path: Path) -> None:
    """A directory that cannot be asked is told to who reloads; the one before stays."""
    with pytest.raises(ConfigError):
        office.directories.configure([replace(office.settings, ca_file=tmp_path / "none")])
    office.look_up(received())
    office.reactor.do_next()
    assert office.reasons() == [None]


def test_silent_directory_does_not_hold_another(office: Office) -> None:
    """Each directory has threads of its own."""
    with Responder() as other:
        server = DirectoryServer(host="127.0.0.1", port=other.port, tls=Tls.NONE)
        settings = replace(office.settings, name="other", servers=(server,))
        office.directories.configure([office.settings, settings])
        office.responder.rules["bindRequest"] = lambda _: [SILENCE]
        for _ in range(ROOM // 2):
            office.look_up(received())
        errand = LookUp(directory="other", name="alice", deadline=10.0)
        office.directories.ask([(received(), errand)])
        office.reactor.do_next()
        assert [told.directory for _, told in office.told] == ["other"]
        assert office.reasons() == [None]
        office.directories.close()


def test_closing_does_not_wait_for_a_silent_directory() -> None:
    """The server ends though a directory says nothing."""
    begun = threading.Event()

    def be_silent(_: Request) -> Sequence[bytes]:
        begun.set()
        return [SILENCE]

    with Office() as office:
        office.responder.rules["bindRequest"] = be_silent
        office.look_up(received(), patience=1000)
        assert begun.wait(PATIENCE)
        office.directories.close()
        office.reactor.do_next()
        assert office.reasons() == [Reason.DIRECTORY_UNREACHABLE]


def test_closing_tells_who_waits(office: Office) -> None:
    """At the end everybody is answered once: who is asked about, and who waits for a thread."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(request: Request) -> Sequence[bytes]:
        begun.set()
        assert go_on.wait(PATIENCE)
        return [request.result()]

    office.responder.rules["searchRequest"] = wait
    waiting = [received(), received()]
    for one in waiting:
        office.look_up(one)
    assert begun.wait(PATIENCE)
    office.directories.close()
    assert {id(one) for one, _ in office.told} == {id(one) for one in waiting}
    assert office.reasons() == [Reason.DIRECTORY_UNREACHABLE] * 2
    assert office.reactor.timers == 0
    go_on.set()
    for _ in waiting:
        office.reactor.do_next()
    assert len(office.told) == 2
    assert len(office.responder.searches) == 1


def test_reload_takes_other_certificates(office: Office, tmp_path: Path) -> None:
    """The file is called the same, and what is in it is trusted from now on."""
    path = tmp_path / "ca.pem"
    settings = replace(office.settings, ca_file=path)
    for is_new, expected in ((True, 1), (False, 1), (True, 2)):
        if is_new:
            trustme.CA().cert_pem.write_to_path(str(path))
        office.directories.configure([settings])
        office.look_up(received())
        office.reactor.do_next()
        assert office.responder.connections == expected
