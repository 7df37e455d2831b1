"""Tests of `radiusmfa.server.services`: every login is answered once, whatever a service does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from zope.interface import provider

from radiusmfa.config.service_model import Questions, Service
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import (
    BROKEN,
    PASSED,
    UNAVAILABLE,
    UPSTREAM_ASKS,
    Failed,
    Reason,
    Unavailable,
)
from radiusmfa.server import services
from radiusmfa.server.services import Services, World
from radiusmfa.service import kinds
from radiusmfa.service.dialogue import CheckHash, Opened, Ring, Watch
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.vault import Vault
from tests.fakes import FakeClock, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from twisted.logger import LogEvent

    from radiusmfa.server.received import Received
    from radiusmfa.service.dialogue import Dialogue, Tools

SERVICE: Final = Service(name="q", settings=Questions())
ASKED: Final = AskService(service="q", user="alice", number=7, deadline=20.0)
GONE: Final = Served(outcome=Unavailable(Reason.UPSTREAM_UNREACHABLE), trouble="it is not there")


class Town:
    """Services whose one dialogue waits for a hash until the test has checked it."""

    def __init__(self, folder: Path) -> None:
        """Know one service."""
        self.clock = FakeClock()
        self.answers: list[tuple[Received, Served]] = []
        self.hashes: list[Deferred[bool]] = []
        self.ends_in: Callable[[bool], Served] = lambda _: Served(outcome=PASSED)
        self.tools: list[Tools] = []
        calls = Calls(Vault.create(folder / "keys"))
        self.services = Services(
            World(
                reactor=self.clock.timers,
                clock=self.clock,
                calls=calls,
                pepper=b"pepper",
                entropy=lambda octets: bytes(octets - 1) + bytes((len(self.hashes),)),
                flush=calls.written,
                agrees=self._check,
                alarm=lambda *_: "",
            )
        )
        self.services.answered = self.answers.extend
        self.configure(SERVICE)

    def configure(self, *found: Service) -> None:
        """Load a configuration with these services."""
        self.services.swap(self.services.prepared(found))

    def dialogue(self, settings: Questions, asked: AskService, tools: Tools) -> Dialogue:
        """Ask for one hash, and end as the test says."""
        assert (settings, asked.service) == (SERVICE.settings, asked.service)
        self.tools.append(tools)
        done = yield CheckHash(stored="", typed=asked.typed)
        return self.ends_in(done.is_right)

    def ask(self, asked: AskService = ASKED, client: str = "vpn") -> Received:
        """Let a login ask."""
        received = waiting(client)
        self.services.ask([(received, asked)])
        return received

    def _check(self, _stored: str, _typed: bytes) -> Deferred[bool]:
        self.hashes.append(Deferred())
        return self.hashes[-1]


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Return services with a dialogue of the test's own."""
    made = Town(tmp_path)
    monkeypatch.setitem(kinds.DIALOGUES, Questions, made.dialogue)
    return made


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Return what is logged, as text."""
    lines: list[str] = []

    @provider(ILogObserver)
    def keep(event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.info:
            lines.append(formatEvent(event))

    globalLogPublisher.addObserver(keep)
    yield lines
    globalLogPublisher.removeObserver(keep)


def test_service_that_is_gone_since_lets_nobody_in(town: Town) -> None:
    """A reload has taken it away: the login is told at once."""
    town.configure()
    received = town.ask()
    lost = Served(outcome=Failed(Reason.DIALOGUE_LOST), service="q")
    assert town.answers == [(received, lost)]


def test_login_is_answered_when_the_dialogue_ends(town: Town) -> None:
    """The answer says which service, and how long it took."""
    received = town.ask()
    assert town.answers == []
    town.clock.advance(3)
    town.hashes[0].callback(True)  # noqa: FBT003 - the check's answer
    assert town.answers == [(received, Served(outcome=PASSED, service="q", seconds=3.0))]


def test_dialogue_knows_its_time(town: Town) -> None:
    """It is told the time of day, and how long the login can wait."""
    town.clock.advance(5)
    town.ask()
    (tools,) = town.tools
    assert (tools.now, tools.seconds) == (town.clock.wall(), 15.0)


def test_memory_is_the_services_own(town: Town) -> None:
    """What one login has found out about the service, the next one knows; other settings forget."""
    town.ask()
    town.ask()
    assert town.tools[0].memory is town.tools[1].memory
    town.configure(replace(SERVICE, timeout=5))
    town.ask()
    assert town.tools[2].memory is not town.tools[0].memory


def test_dialogue_that_breaks_lets_nobody_in(town: Town, logged: list[str]) -> None:
    """It is Broken; the log says what kind of fault, and not its text."""

    def broken(_: bool) -> Served:  # noqa: FBT001 - the check's answer
        raise ValueError("a secret")

    town.ends_in = broken
    town.ask()
    town.hashes[0].callback(True)  # noqa: FBT003
    ((_, served),) = town.answers
    assert served.outcome == BROKEN
    (line,) = logged
    assert "q broke" in line
    assert "secret" not in line


def test_room_is_limited(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client may take three quarters, all together no more than there is room for."""
    monkeypatch.setattr(services, "MOST_WAITING", 4)
    monkeypatch.setattr(services, "MOST_OF_ONE", 3)
    for _ in range(4):
        town.ask()
    assert [one.outcome for _, one in town.answers] == [Unavailable(Reason.UPSTREAM_BUSY)]
    town.ask(client="wifi")
    town.ask(client="wifi")
    assert len(town.answers) == 2
    assert len(town.hashes) == 4
    town.hashes[0].callback(True)  # noqa: FBT003
    town.ask()
    assert len(town.hashes) == 5


def test_outage_is_one_line(town: Town, logged: list[str]) -> None:
    """What is wrong is logged once, and again when it has ended."""
    town.ends_in = lambda _: GONE
    for _ in range(3):
        town.ask()
        town.hashes[-1].callback(True)  # noqa: FBT003
    assert logged == ["service q: it is not there"]
    town.ends_in = lambda _: Served(outcome=PASSED)
    town.ask()
    town.hashes[-1].callback(True)  # noqa: FBT003
    assert logged[1:] == ["service q does as it should again"]


def test_wrong_code_is_no_sign_of_health(town: Town, logged: list[str]) -> None:
    """A refusal says nothing of a trouble that was told: the line does not flap."""
    town.ends_in = lambda right: GONE if right else Served(outcome=Failed(Reason.BAD_PASSCODE))
    for is_right in (True, False, True):
        town.ask()
        town.hashes[-1].callback(is_right)
    assert len(logged) == 1


def test_service_that_is_gone_is_known_to_be(town: Town) -> None:
    """After three in a row nobody waits for it, until one may try again; an answer ends that."""
    town.ends_in = lambda _: GONE
    for count in range(3):
        assert town.services.is_dead("q") is False, count
        town.ask()
        town.hashes[-1].callback(True)  # noqa: FBT003
    assert town.services.is_dead("q")
    town.clock.advance(30)
    assert not town.services.is_dead("q")
    town.ends_in = lambda _: Served(outcome=Failed(Reason.UPSTREAM_REFUSED))
    town.ask()
    town.hashes[-1].callback(True)  # noqa: FBT003
    assert not town.services.is_dead("q")


def test_busy_service_is_not_gone(town: Town) -> None:
    """It has answered: whoever makes it busy must not have it taken for gone."""
    town.ends_in = lambda _: Served(outcome=Unavailable(Reason.UPSTREAM_BUSY))
    for _ in range(5):
        town.ask()
        town.hashes[-1].callback(True)  # noqa: FBT003
    assert not town.services.is_dead("q")


def test_reload_with_the_same_settings_changes_nothing(town: Town) -> None:
    """Who waits goes on waiting, and connections stay."""
    received = town.ask()
    before = town.services.prepared([SERVICE])["q"]
    town.configure(SERVICE)
    assert town.services.prepared([SERVICE])["q"] is before
    town.hashes[0].callback(True)  # noqa: FBT003
    assert [one for one, _ in town.answers] == [received]


def test_who_waits_for_a_service_that_leaves_is_answered(town: Town) -> None:
    """A reload takes the service away; the login under way still hears of it."""
    received = town.ask()
    town.configure()
    town.services.tidy()
    town.hashes[0].callback(True)  # noqa: FBT003
    assert [(one, served.outcome) for one, served in town.answers] == [(received, PASSED)]
    town.services.tidy()


@pytest.mark.parametrize("goes", ["changed", "away and back"])
def test_what_rings_is_known_after_a_reload(town: Town, goes: str) -> None:
    """Another setting, or the service was gone for a moment: a push that is open stays one push."""
    town.ask()
    before = town.services.prepared([SERVICE])["q"]
    if goes == "away and back":
        town.configure()
    town.configure(replace(SERVICE, timeout=7))
    after = town.services.prepared([replace(SERVICE, timeout=7)])["q"]
    assert after is not before
    assert after.ringing.watched is before.ringing.watched
    town.hashes[0].callback(True)  # noqa: FBT003


def test_of_another_account_nothing_is_known(town: Town) -> None:
    """Its yes would not be that one's."""
    before = town.services.prepared([SERVICE])["q"]
    other = replace(SERVICE, settings=Questions(ask=3))
    after = town.services.prepared([other])["q"]
    assert after.ringing.watched is not before.ringing.watched


def test_new_certificates_make_a_new_service(town: Town, ca_file: Path, tmp_path: Path) -> None:
    """A file of certificates that was replaced is read again on reload."""
    copy = tmp_path / "copy.pem"
    copy.write_bytes(ca_file.read_bytes())
    service = replace(SERVICE, ca_file=copy)
    town.configure(service)
    before = town.services.prepared([service])["q"]
    copy.write_bytes(ca_file.read_bytes() + b"\n")
    assert town.services.prepared([service])["q"] is not before


def test_end_of_the_server_answers_everybody(town: Town) -> None:
    """Nothing is decided of whoever waits: nobody is let in because we stop, nor refused."""
    first, second = town.ask(), town.ask(client="wifi")
    town.services.close()
    told = {id(one): served.outcome for one, served in town.answers}
    assert told == {id(first): UNAVAILABLE, id(second): UNAVAILABLE}


def test_what_happened_is_counted(town: Town) -> None:
    """Waiting, passed, failed, asked once more, and what the answers meant."""
    ends = [PASSED, Failed(Reason.BAD_PASSCODE), UPSTREAM_ASKS, Unavailable()]
    for outcome in ends:
        town.ends_in = lambda _, outcome=outcome: Served(outcome=outcome)  # type: ignore[misc]
        town.ask()
        town.hashes[-1].callback(True)  # noqa: FBT003
    town.services.heard("q", Event.PUSH_SENT)
    town.ask()
    assert town.services.read() == {
        "q": {
            "pending_requests": 1, "open_calls": 0, "logins": 5, "logins_passed": 1,
            "logins_failed": 1, "logins_asked_more": 1, "logins_unavailable": 1,
            "event:push-sent": 1,
        }
    }  # fmt: skip


def test_examination_has_its_own_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What doctor asks is performed by the same parts."""

    def examine(_settings: Questions, tools: Tools) -> Any:  # noqa: ANN401 - a generator of requests
        done = yield CheckHash(stored="", typed=b"")
        return (f"{tools.seconds:.0f} {done.is_right}",)

    monkeypatch.setitem(kinds.EXAMINATIONS, Questions, examine)
    found: list[tuple[str, ...]] = []
    town.services.prepared([SERVICE])["q"].examine(7.0).addCallback(found.append)
    town.hashes[0].callback(True)  # noqa: FBT003
    assert found == [("7 True",)]


def test_service_with_an_open_call_is_not_forgotten(town: Town) -> None:
    """The login has ended, the phone still shows the push: a late fraud is to be heard."""

    def watching() -> Dialogue:
        done = yield CheckHash(stored="", typed=b"")
        return Served(outcome=Failed(Reason.FRAUD_REPORTED if done.is_right else Reason.LOCKED))

    def push(_settings: Questions, _asked: AskService, _tools: Tools) -> Dialogue:
        yield Ring(way="push", is_open=True)
        yield Opened(state=b"tx", seconds=60)
        lost = yield Watch(key="tx", dialogue=watching(), seconds=60)
        return Served(outcome=Failed(Reason.UNANSWERED if lost.is_over else Reason.BROKEN))

    kinds.DIALOGUES[Questions] = push
    town.ask()
    town.clock.advance(20)
    assert [one.outcome for _, one in town.answers] == [Failed(Reason.UNANSWERED)]
    known = town.services.prepared([SERVICE])["q"]
    assert known.leave()
    town.hashes[0].callback(False)  # noqa: FBT003
    assert not known.leave()


def test_login_waits_as_long_as_its_client_asks(town: Town) -> None:
    """The end counts as it is known when it comes, not as it was in the beginning."""

    def watching() -> Dialogue:
        done = yield CheckHash(stored="", typed=b"")
        return Served(outcome=PASSED if done.is_right else BROKEN)

    def push(_settings: Questions, _asked: AskService, _tools: Tools) -> Dialogue:
        yield Ring(way="push", is_open=True)
        yield Opened(state=b"tx", seconds=60)
        served = yield Watch(key="tx", dialogue=watching(), seconds=60)
        return served if isinstance(served, Served) else Served(outcome=Failed(Reason.UNANSWERED))

    kinds.DIALOGUES[Questions] = push
    ends = [20.0]
    late, soon = waiting(deadline=lambda: ends[0]), waiting()
    town.services.ask([(late, ASKED), (soon, ASKED)])
    town.clock.advance(10)
    ends[0] = 45.0

    town.clock.advance(10)
    assert [received for received, _ in town.answers] == [soon]
    town.clock.advance(20)
    town.hashes[0].callback(True)  # noqa: FBT003

    assert [(received, served.outcome) for received, served in town.answers[1:]] == [(late, PASSED)]
