"""Tests of `radiusmfa.server.ringing`: one phone, one call, one login that it lets in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from zope.interface import provider

from radiusmfa.config.service_model import Limits, Questions, Service
from radiusmfa.login import calls as rules
from radiusmfa.login.calls import Call, Result
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import BROKEN, PASSED, Failed, Reason
from radiusmfa.server.ringing import Ringing
from radiusmfa.service.dialogue import Opened, Ring, Rung, Watch
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.vault import Vault
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from twisted.logger import LogEvent

    from radiusmfa.service.dialogue import Dialogue, Request

ALICE: Final = AskService(service="duo", user="alice", number=7, place=b"vpn", client="vpn")
ELSEWHERE: Final = replace(ALICE, place=b"wifi", client="wifi")
BOB: Final = AskService(service="duo", user="bob", number=8, place=b"bob", client="vpn")
PUSH: Final = Ring(way="push", device="***0100", is_open=True)
REFUSED: Final = Served(outcome=Failed(Reason.PERSON_REFUSED))
FRAUD: Final = Served(outcome=Failed(Reason.FRAUD_REPORTED))
LET_IN: Final = Served(outcome=PASSED)


def _nothing() -> Dialogue:
    def never() -> Generator[Request, None, Served]:
        yield from ()
        return LET_IN

    return never()


WATCHING: Final = Watch(key="tx1", dialogue=_nothing(), seconds=60)


class Phone:
    """One service's calls, and what the person says when a test wants it."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        """Let nobody have been called yet."""
        self.clock = FakeClock()
        self.calls = Calls(Vault.create(folder / "keys"))
        self.flushed = 0
        self.alarms: list[Served] = []
        self.said: Deferred[Served] = Deferred()
        self.begun = 0
        self.drawn = 0
        self.is_full = False
        self.service = Service(name="duo", settings=Questions(), limits=limits or Limits())
        self.ringing = self.made()

    def made(self, before: Ringing | None = None) -> Ringing:
        """Return what a start, or a reload, makes anew on the same calls."""
        return Ringing(
            self.clock.timers,
            self.clock,
            self.service,
            self.calls,
            pepper=b"pepper",
            entropy=self._draw,
            flush=self._flush,
            alarm=self._alarm,
            before=before,
        )

    def _draw(self, octets: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(octets, "big")

    def _flush(self) -> None:
        self.flushed += 1
        if not self.is_full:
            self.calls.written()

    def _alarm(self, asked: AskService, served: Served) -> str:
        assert asked.user == "alice"
        self.alarms.append(served)
        return "a line"

    def begin(self) -> Deferred[Served]:
        """Begin to watch what the person says."""
        self.begun += 1
        return self.said

    def open(self, asked: AskService = ALICE) -> Call:
        """Have a push go out, and be open."""
        rung, call = self.ringing.ring(asked, PUSH)
        assert rung == Rung()
        assert call is not None
        self.ringing.opened(call, Opened(state=b"tx1", seconds=60))
        return call

    def watch(self, call: Call | None, seconds: float = 20.0) -> list[Served | None]:
        """Let a login wait for the person for *seconds*; the list gets what it hears."""
        ends = self.clock.monotonic() + seconds
        heard: list[Served | None] = []
        waiting = self.ringing.watch(
            ALICE, call, WATCHING, self.begin, lambda: ends - self.clock.monotonic()
        )
        Deferred.fromCoroutine(waiting).addCallback(heard.append)
        return heard


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Return what is logged as critical, as text."""
    lines: list[str] = []

    @provider(ILogObserver)
    def keep(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.critical:
            lines.append(formatEvent(event))

    globalLogPublisher.addObserver(keep)
    yield lines
    globalLogPublisher.removeObserver(keep)


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    """Return the phone of a service with the usual limits."""
    return Phone(tmp_path)


def test_second_call_of_another_login_is_refused(phone: Phone) -> None:
    """While one push is open, another login of that person rings nothing."""
    phone.open()
    assert phone.ringing.ring(ELSEWHERE, PUSH) == (Rung(refused=Reason.CALL_OPEN), None)


def test_telephone_of_two_accounts_rings_once(phone: Phone) -> None:
    """Another account, or another name of the same person: it is the same telephone."""
    known = replace(PUSH, to="the telephone")
    _, call = phone.ringing.ring(ALICE, known)
    assert phone.ringing.ring(BOB, known)[0] == Rung(refused=Reason.CALL_OPEN)
    phone.watch(call)
    phone.said.callback(REFUSED)
    assert phone.ringing.ring(BOB, known)[0] == Rung(refused=Reason.COOLING_DOWN)
    assert phone.ringing.ring(BOB, PUSH)[0] == Rung()


def test_same_login_goes_on_with_its_call(phone: Phone) -> None:
    """Whoever repeats a login gets the open call instead of a second one."""
    call = phone.open()
    assert phone.ringing.ring(ALICE, PUSH) == (Rung(state=b"tx1"), call)


def test_call_that_is_not_open_yet_is_not_gone_on_with(phone: Phone) -> None:
    """Between ringing and knowing the call, the same login is refused rather than rung twice."""
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung()
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung(refused=Reason.CALL_OPEN)


def test_round_that_opened_nothing_frees_the_person(phone: Phone) -> None:
    """Where the service did not take the push, the next login may try."""
    _, call = phone.ringing.ring(ALICE, PUSH)
    phone.ringing.ended(call)
    assert call is not None
    assert call.result is Result.ENDED
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung()


def test_end_of_a_round_leaves_an_open_call(phone: Phone) -> None:
    """A login that cannot wait any longer does not end the call."""
    call = phone.open()
    phone.ringing.ended(call)
    phone.ringing.ended(None)
    assert call.result is Result.OPEN


def test_open_call_is_written_down_at_once(phone: Phone) -> None:
    """A restart must not ring again, so the store knows of the call before anybody answers."""
    call = phone.open()
    assert phone.flushed == 1
    assert (call.state, call.expires) == (b"tx1", phone.clock.wall() + 60)
    phone.ringing.opened(None, Opened(state=b"tx2", seconds=60))
    assert phone.flushed == 1


def test_call_that_nobody_answered_ends_by_itself(phone: Phone) -> None:
    """After its time a call is not open any more, though nobody was there to see its end."""
    phone.open()
    phone.clock.advance(61)
    assert phone.ringing.ring(ELSEWHERE, PUSH)[0] == Rung()


def test_message_needs_no_answer(phone: Phone) -> None:
    """A text message is counted, and does not bar the next one."""
    text = Ring(way="sms", device="***1234", to="+15551234")
    for _ in range(2):
        rung, call = phone.ringing.ring(ALICE, text)
        assert rung == Rung()
        assert call is not None
        assert call.result is Result.SENT


def test_destination_is_no_clear_text(phone: Phone) -> None:
    """The store keeps a keyed digest: the same for the same number, and nobody reads it."""
    text = Ring(way="sms", device="***1234", to="+15551234")
    digests = [phone.ringing.ring(asked, text)[1] for asked in (ALICE, ELSEWHERE)]
    first, second = [call.target for call in digests if call is not None]
    assert first == second
    assert b"1234" not in first


TEXT: Final = Ring(way="sms", to="+15551234")
OTHER_TEXT: Final = Ring(way="sms", to="+15559876")
_TWO_HOURS: Final = 7200.0


@pytest.mark.parametrize(
    ("limits", "who", "wanted", "later"),
    [
        pytest.param(Limits(per_hour=1), ALICE, OTHER_TEXT, 0.0, id="a-person-in-an-hour"),
        pytest.param(Limits(per_hour=1), BOB, TEXT, 0.0, id="a-number-in-an-hour"),
        pytest.param(Limits(per_day=1), ALICE, TEXT, _TWO_HOURS, id="a-person-in-a-day"),
        pytest.param(Limits(site_per_hour=1), BOB, OTHER_TEXT, 0.0, id="everybody-in-an-hour"),
        pytest.param(Limits(per_hour=1), ALICE, PUSH, 0.0, id="a-push-after-a-message"),
    ],
)
def test_limit_is_refused(
    tmp_path: Path, limits: Limits, who: AskService, wanted: Ring, later: float
) -> None:
    """One more than the limit is not sent: to a person, to a number, to everybody."""
    phone = Phone(tmp_path, limits)
    assert phone.ringing.ring(ALICE, TEXT)[0] == Rung()
    phone.clock.advance(later)
    assert phone.ringing.ring(who, wanted)[0] == Rung(refused=Reason.CALL_LIMIT)


@pytest.mark.parametrize(
    "limits", [Limits(per_hour=1), Limits(site_per_hour=1)], ids=["a-person", "everybody"]
)
def test_limit_of_an_hour_ends_with_it(tmp_path: Path, limits: Limits) -> None:
    """Then the next one is sent."""
    phone = Phone(tmp_path, limits)
    assert phone.ringing.ring(ALICE, TEXT)[0] == Rung()
    phone.clock.advance(_TWO_HOURS)
    assert phone.ringing.ring(ALICE, TEXT)[0] == Rung()


@pytest.mark.parametrize(
    ("ring", "refused"),
    [
        pytest.param(Ring(way="sms", to="+15551234"), Reason.CALL_LIMIT, id="one number"),
        pytest.param(Ring(way="sms", device="***1234"), None, id="numbers that end alike"),
        pytest.param(Ring(way="push"), None, id="devices without a name"),
    ],
)
def test_destination_is_one_for_all_where_it_is_known(
    tmp_path: Path, ring: Ring, refused: Reason | None
) -> None:
    """One telephone of two people is called as often as one; two that look alike are two."""
    phone = Phone(tmp_path, Limits(per_hour=1))
    bob = replace(ALICE, user="bob", number=ALICE.number + 1)
    assert phone.ringing.ring(ALICE, ring)[0] == Rung()
    assert phone.ringing.ring(bob, ring)[0] == Rung(refused=refused)


def test_login_hears_what_the_person_says(phone: Phone) -> None:
    """The call is watched once, and its end is known to login and store."""
    call = phone.open()
    heard = phone.watch(call)
    assert (heard, phone.ringing.open) == ([], 1)
    phone.said.callback(LET_IN)
    assert heard == [LET_IN]
    assert (call.result, call.state, phone.ringing.open) == (Result.PASSED, b"tx1", 0)
    assert (
        rules.to_go_on(phone.calls.of("duo"), ALICE.number, ALICE.place, phone.clock.wall()) is None
    )


def test_login_that_cannot_wait_is_told_in_time(phone: Phone) -> None:
    """At its deadline a login hears nothing, and the call goes on being watched."""
    heard = phone.watch(phone.open(), seconds=20)
    phone.clock.advance(19.9)
    assert heard == []
    phone.clock.advance(0.2)
    assert heard == [None]
    assert phone.ringing.open == 1


def test_deadline_may_move_while_a_login_waits(phone: Phone) -> None:
    """Where the client turns out to wait longer, so does the login."""
    ends, heard = [phone.clock.monotonic() + 5], list[Served | None]()
    waiting = phone.ringing.watch(
        ALICE, phone.open(), WATCHING, phone.begin, lambda: ends[0] - phone.clock.monotonic()
    )
    Deferred.fromCoroutine(waiting).addCallback(heard.append)
    phone.clock.advance(4)
    ends[0] += 5
    phone.clock.advance(2)
    assert heard == []
    phone.clock.advance(5)
    assert heard == [None]


def test_next_round_shares_the_call(phone: Phone) -> None:
    """Approve, then Enter: the second round hears what was said meanwhile; nobody asks again."""
    call = phone.open()
    assert phone.watch(call, seconds=1) == []
    phone.clock.advance(1)
    phone.said.callback(LET_IN)
    assert phone.watch(None) == [LET_IN]
    assert phone.begun == 1


def test_one_approval_lets_one_login_in(phone: Phone) -> None:
    """Two that wait for the same call: only one of them gets in."""
    call = phone.open()
    first, second = phone.watch(call), phone.watch(call)
    phone.said.callback(LET_IN)
    assert first == [LET_IN]
    assert second == [Served(outcome=Failed(Reason.DIALOGUE_LOST))]
    assert phone.watch(None) == [Served(outcome=Failed(Reason.DIALOGUE_LOST))]


@pytest.mark.parametrize("is_meanwhile", [True, False], ids=["reload", "restart"])
def test_approval_that_was_taken_is_taken_for_others_too(
    phone: Phone, *, is_meanwhile: bool
) -> None:
    """A service whose settings have changed, or a new process, lets nobody else in by it."""
    call = phone.open()
    first = phone.watch(call)
    before, second = phone.ringing, list[Served | None]()
    phone.ringing = phone.made()
    if is_meanwhile:
        said, phone.said = phone.said, Deferred()
        second = phone.watch(None)
        said.callback(LET_IN)
        phone.said.callback(LET_IN)
    else:
        phone.said.callback(LET_IN)
        second = phone.watch(None)
    assert first == [LET_IN]
    assert second == [Served(outcome=Failed(Reason.DIALOGUE_LOST))]
    assert phone.begun == (2 if is_meanwhile else 1)
    before.close()


def test_approval_of_another_person_is_not_theirs(phone: Phone) -> None:
    """Whoever has taken one keeps nobody else from theirs."""
    phone.watch(phone.open())
    phone.said.callback(LET_IN)
    phone.ringing, phone.said = phone.made(), Deferred()
    heard: list[Served | None] = []
    waiting = phone.ringing.watch(BOB, None, WATCHING, phone.begin, lambda: 20.0)
    Deferred.fromCoroutine(waiting).addCallback(heard.append)
    phone.said.callback(LET_IN)
    assert heard == [LET_IN]


def test_approval_is_not_kept_for_ever(phone: Phone) -> None:
    """What nobody came back for is forgotten; the call would have to be looked at anew."""
    phone.watch(phone.open(), seconds=1)
    phone.clock.advance(1)
    phone.said.callback(LET_IN)
    phone.ringing.tidy()
    phone.clock.advance(301)
    phone.ringing.tidy()
    phone.said = Deferred()
    assert phone.watch(None) == []
    assert phone.begun == 2


def test_no_is_followed_by_silence(phone: Phone) -> None:
    """After a no the person is left alone for the cool-down."""
    call = phone.open()
    heard = phone.watch(call)
    phone.said.callback(REFUSED)
    assert heard == [REFUSED]
    assert call.result is Result.REFUSED
    assert phone.ringing.ring(ELSEWHERE, PUSH)[0] == Rung(refused=Reason.COOLING_DOWN)
    phone.clock.advance(61)
    assert phone.ringing.ring(ELSEWHERE, PUSH)[0] == Rung()


def test_fraud_raises_an_alarm(phone: Phone, logged: list[str]) -> None:
    """Somebody else knows the password: log and audit say so, and silence is longer."""
    phone.watch(phone.open())
    phone.said.callback(FRAUD)
    assert logged == ["ALARM: alice reports that a login at vpn was not theirs (duo)"]
    assert phone.alarms == [FRAUD]
    phone.clock.advance(61)
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung(refused=Reason.COOLING_DOWN)
    phone.clock.advance(60)
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung()


def test_late_fraud_is_heard_too(phone: Phone, logged: list[str]) -> None:
    """The login has long been answered; the alarm is raised, and written at once."""
    heard = phone.watch(phone.open(), seconds=1)
    phone.clock.advance(1)
    flushed = phone.flushed
    phone.said.callback(FRAUD)
    assert heard == [None]
    assert len(logged) == len(phone.alarms) == 1
    assert phone.flushed == flushed + 1


def test_after_a_restart_the_call_is_gone_on_with(phone: Phone) -> None:
    """A round that comes back for a call of before the start finds it, and settles it."""
    call = phone.open()
    heard = phone.watch(None)
    phone.said.callback(LET_IN)
    assert heard == [LET_IN]
    assert call.result is Result.PASSED


def test_watching_that_breaks_lets_nobody_in(phone: Phone, logged: list[str]) -> None:
    """A fault of ours is Broken; its text, which may hold what was sent, is not logged."""
    heard = phone.watch(phone.open())
    phone.said.errback(ValueError("a secret"))
    assert heard == [Served(outcome=BROKEN)]
    (line,) = logged
    assert "ValueError" in line
    assert "a secret" not in line


def test_end_of_the_server_leaves_the_call_open(phone: Phone) -> None:
    """Whoever waits is told; the store still knows how to go on with the call."""
    call = phone.open()
    heard = phone.watch(call)
    flushed = phone.flushed
    phone.ringing.close()
    assert heard == [Served(outcome=BROKEN)]
    assert (call.result, call.state) == (Result.OPEN, b"tx1")
    assert phone.flushed == flushed


# -- what outlives a reload, a full disk --


@pytest.mark.parametrize("knows_before", [True, False])
def test_one_approval_is_one_login_over_a_reload(phone: Phone, *, knows_before: bool) -> None:
    """Two that share a push, one from before and one from after: one of them gets in."""
    old, call = phone.ringing, phone.open()
    first, said = phone.watch(call), phone.said
    phone.ringing = phone.made(old if knows_before else None)
    phone.said = Deferred()
    second = phone.watch(None)
    said.callback(LET_IN)
    if not knows_before:
        phone.said.callback(LET_IN)
    assert first == [LET_IN]
    assert second == [Served(outcome=Failed(Reason.DIALOGUE_LOST))]
    assert phone.begun == (1 if knows_before else 2)
    assert (old.open, phone.ringing.open) == (0, 0)


def test_late_approval_opens_nothing_for_another_login(phone: Phone) -> None:
    """Where no login waits any more and no challenge is out: whoever begins anew rings anew."""
    assert phone.watch(phone.open(), seconds=1) == []
    phone.clock.advance(1)
    phone.said.callback(LET_IN)
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung()


def test_approval_that_was_not_written_is_there_for_the_next_try(phone: Phone) -> None:
    """The login that took it got no answer, for the disk was full."""
    heard = phone.watch(phone.open())
    phone.said.callback(LET_IN)
    assert heard == [LET_IN]
    phone.calls.lost()
    assert phone.ringing.ring(ALICE, PUSH)[0] == Rung(state=b"tx1")
    assert phone.watch(None) == [LET_IN]
    phone.calls.written()
    phone.calls.lost()
    assert phone.watch(None) == [Served(outcome=Failed(Reason.DIALOGUE_LOST))]


@pytest.mark.parametrize(("seconds", "is_written"), [(1, True), (3, False)])
def test_nothing_rings_before_it_is_written(
    phone: Phone, seconds: int, *, is_written: bool
) -> None:
    """A store that is busy is waited for; one that is full is not."""
    phone.is_full = True
    _, call = phone.ringing.ring(ALICE, PUSH)
    assert call is not None
    known: list[bool] = []
    Deferred.fromCoroutine(phone.ringing.is_written(call, lambda: 20.0)).addCallback(known.append)
    for _ in range(seconds * 50):
        phone.clock.advance(0.02)
    assert known == ([] if is_written else [False])
    phone.is_full = False
    phone.clock.advance(0.02)
    assert known == [is_written]


def test_login_that_cannot_wait_for_the_store_rings_nothing(phone: Phone) -> None:
    """It is told in time."""
    phone.is_full = True
    _, call = phone.ringing.ring(ALICE, PUSH)
    assert call is not None
    known: list[bool] = []
    Deferred.fromCoroutine(phone.ringing.is_written(call, lambda: 0.0)).addCallback(known.append)
    assert known == [False]
