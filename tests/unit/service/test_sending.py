"""Tests of `service.sending`: what was sent is good once, for one login, for a while."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.service import sending
from radiusmfa.service.dialogue import Lost, Query, Reply, Rung, exchange
from radiusmfa.service.sending import Checked, Open, Sent, Way, converse
from tests.unit.service.player import NOW, NUMBER, Player, asked, phone

if TYPE_CHECKING:
    from radiusmfa.login.errands import AskService, Served
    from radiusmfa.service.destinations import Destination
    from radiusmfa.service.sending import Checking, Sending

WRONG = Failed(Reason.BAD_PASSCODE)
EXPIRED = Failed(Reason.CODE_EXPIRED)


class World:
    """A way whose right answer is `right`, and who talks to it."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - of Way
        self.player = Player()
        self.sent = Sent(name="first")
        self.checked: Checked | None = None
        self.to: list[str] = []
        self.way = Way(
            **{
                "name": "sms", "words": ("sms",), "lifetime": 180, "tries": 3,
                "send": self._send, "check": self._check, **settings,
            }
        )  # fmt: skip

    def ask(self, typed: bytes = b"", state: bytes = b"", **settings: object) -> Served:
        """Return what comes of one round."""
        return self.play(asked(typed=typed, state=state, **settings))

    def play(self, question: AskService) -> Served:
        """Return what comes of a question."""
        return self.player.play(converse(self.way, question, self.player.tools))

    def _send(self, place: Destination) -> Sending:
        yield from ()
        self.to.append(place.to)
        name = f"{self.sent.name}{len(self.to)}" if self.sent.name else ""
        return replace(self.sent, name=name)

    def _check(self, _: Open, typed: bytes) -> Checking:
        yield from ()
        if self.checked is not None:
            return self.checked
        return Checked(outcome=PASSED if typed == b"right" else WRONG)


@pytest.mark.parametrize("reason", [Reason.CALL_LIMIT, Reason.COOLING_DOWN])
def test_nothing_is_sent_that_may_not_be(reason: Reason) -> None:
    """The guard of calls is asked first, and what it says counts."""
    world = World()
    world.player.rung = Rung(refused=reason)

    served = world.ask()

    assert served.outcome == Failed(reason)
    assert (world.to, served.device) == ([], "***5678")


@pytest.mark.parametrize("typed", [b"", b"sms", b"sms2"])
def test_nobody_without_a_number_is_sent_anything(typed: bytes) -> None:
    """No device, a number of no country, a second one that is not there."""
    world = World()
    devices = (phone("0151 1"),) if typed != b"sms2" else (phone(),)
    assert world.ask(typed, devices=devices).outcome == Failed(Reason.NO_USABLE_DEVICE)
    assert world.player.rings == []


@pytest.mark.parametrize(
    "problem",
    [Unavailable(Reason.UPSTREAM_BUSY), Failed(Reason.UPSTREAM_MISCONFIGURED)],
)
def test_what_could_not_be_sent_is_not_asked_for(problem: Any) -> None:  # noqa: ANN401
    """The login ends with the reason."""
    world = World()
    world.sent = Sent(problem=problem, trouble="no credit")

    served = world.ask()

    assert (served.outcome, served.trouble, served.state) == (problem, "no credit", b"")
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


@pytest.mark.parametrize("is_late", [False, True])
def test_a_code_is_sent_and_asked_for(is_late: bool) -> None:  # noqa: FBT001 - a parameter
    """With the last digits of the number, and no others."""
    world = World()
    world.sent = Sent(name="first", is_late=is_late)

    served = world.ask()

    assert served.outcome == UPSTREAM_ASKS
    assert served.text.endswith("Enter the code sent to ***5678: ")
    assert ("may take" in served.text) is is_late
    assert (served.event, served.way, served.limit) == (Event.CODE_SENT, "sms", 180)
    assert (served.device, served.serial) == ("***5678", "SMS-1")
    assert NUMBER.encode() not in served.state
    (ring,) = world.player.rings
    assert (ring.way, ring.device, ring.to, ring.is_open) == ("sms", "***5678", NUMBER, False)
    assert NUMBER not in repr(ring)


def test_the_right_answer_lets_in() -> None:
    """Once; the device stands in the audit."""
    world = World()
    state = world.ask().state

    served = world.ask(b"right", state)

    assert (served.outcome, served.serial, served.way) == (PASSED, "SMS-1", "sms")


@pytest.mark.parametrize("can_show", [True, False])
def test_how_long_the_person_took_is_told(can_show: bool) -> None:  # noqa: FBT001
    """From sending on, whether the answer was right or wrong; before there is one, nothing."""
    world = World()
    asks = world.ask(b"sms", can_show=can_show)
    assert asks.person is None
    world.player.now += 7
    wrong = world.ask(b"wrong", asks.state, can_show=can_show)
    world.player.now += 5
    right = world.ask(b"right", wrong.state, can_show=can_show)
    assert (wrong.person, right.person) == (7.0, 12.0)
    assert right.outcome == PASSED


def test_clock_that_was_set_back_makes_nobody_quick() -> None:
    """Less than no time is none."""
    world = World()
    state = world.ask().state
    world.player.now -= 60
    assert world.ask(b"right", state).person == 0.0


def test_wrong_answers_are_counted_and_end_it() -> None:
    """Each counts for the lock; the last one ends the login."""
    world = World()
    state = world.ask().state

    for _ in range(2):
        served = world.ask(b"wrong", state)
        assert (served.outcome, served.is_wrong) == (UPSTREAM_ASKS, True)
        assert served.text == "Wrong code. Enter the code sent to ***5678: "
        state = served.state

    served = world.ask(b"wrong", state)
    assert (served.outcome, served.state) == (WRONG, b"")
    assert world.to == [NUMBER]


def test_an_old_answer_is_none() -> None:
    """Even the right one."""
    world = World()
    state = world.ask().state
    world.player.now += 179
    assert world.ask(b"wrong", state).limit == 1
    world.player.now += 1
    assert world.ask(b"right", state).outcome == EXPIRED


@pytest.mark.parametrize("typed", [b"new", b" NEW ", b"sms", b"sms1"])
def test_another_one_makes_the_first_void(typed: bytes) -> None:
    """A newer login makes void what an older one waits for, too."""
    world = World()
    first = world.ask().state

    again = world.ask(typed, first)

    assert (again.outcome, again.event, world.to) == (UPSTREAM_ASKS, Event.CODE_SENT, 2 * [NUMBER])
    assert world.ask(b"right", first).outcome == EXPIRED
    assert world.ask(b"right", again.state).outcome == PASSED


def test_logins_elsewhere_are_not_disturbed() -> None:
    """Another client, another place, another person: another login."""
    world = World()
    first = world.ask().state
    for other in ({"client": "wifi"}, {"place": 16 * b"x"}, {"user": "bob"}):
        world.ask(**other)
    assert world.ask(b"right", first).outcome == PASSED


def test_another_destination_is_chosen_by_its_number() -> None:
    """And stays the chosen one when another code is wanted."""
    world = World()
    devices = (phone(), phone("+4915199999999", serial="SMS-2"))

    served = world.ask(b"sms2", devices=devices)
    again = world.ask(b"new", served.state, devices=devices)

    assert (served.device, served.serial) == ("***9999", "SMS-2")
    assert world.to == ["+4915199999999"] * 2
    back = world.ask(b"sms1", again.state, devices=devices)
    assert back.device == "***5678"


def test_enter_asks_again_and_costs_nothing() -> None:
    """Whoever presses Enter has not answered."""
    world = World()
    state = world.ask().state
    served = world.ask(b" ", state)
    assert (served.outcome, served.state, served.is_wrong) == (UPSTREAM_ASKS, state, False)


@pytest.mark.parametrize("typed", [b"right", b"123456", b"push", b"\xff\0"])
def test_an_answer_to_nothing_is_none(typed: bytes) -> None:
    """Where nothing was sent nothing is right, and nothing is sent for guesses."""
    world = World()
    for can_show in (False, True):
        assert world.ask(typed, can_show=can_show).outcome == EXPIRED
    assert world.to == []


# -- clients that cannot ask --


def test_a_client_that_cannot_ask_gets_the_code_with_the_next_login() -> None:
    """Sent is not proved: that login ends, and no wrong proof is counted. The next one passes."""
    world = World()

    served = world.ask(b"sms", can_show=False)

    assert served.outcome == Failed(Reason.CHALLENGE_NOT_SHOWN)
    assert (served.event, served.device, served.state) == (Event.CODE_SENT, "***5678", b"")
    assert served.text == "A code was sent to ***5678. Log in again with it."
    assert world.ask(b"right", can_show=False).outcome == PASSED
    assert world.ask(b"right", can_show=False).outcome == EXPIRED  # once


@pytest.mark.parametrize("can_show", [True, False])
def test_a_code_for_a_device_that_is_gone_is_none(can_show: bool) -> None:  # noqa: FBT001
    """A telephone was stolen and taken away: what was sent to it opens nothing, others do."""
    world = World()
    served = world.ask(b"sms", can_show=can_show)
    state = served.state if can_show else b""
    other = phone(serial="SMS-9")

    gone = world.ask(b"right", state, can_show=can_show, devices=(other,))

    assert gone.outcome == EXPIRED


def test_a_kept_code_is_good_at_its_place_only() -> None:
    """Not for others, not elsewhere, not where the client asks, not after a while."""
    world = World()
    world.ask(b"sms", can_show=False)
    for other in ({"client": "wifi"}, {"place": 16 * b"x"}, {"user": "bob"}, {"can_show": True}):
        assert world.ask(b"right", **({"can_show": False} | other)).outcome == EXPIRED
    world.player.now += 180
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


def test_a_kept_code_has_few_tries() -> None:
    """Then it is void; the right one comes too late."""
    world = World()
    world.ask(b"sms", can_show=False)
    for _ in range(3):
        assert world.ask(b"wrong", can_show=False).outcome == WRONG
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


def test_a_kept_code_is_replaced_by_the_next() -> None:
    """There is one at a time; a login that is asked ends it, too."""
    world = World()
    world.ask(b"sms", can_show=False)
    world.ask()
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


def test_a_kept_code_does_not_survive() -> None:
    """Memory that is new knows none."""
    world = World()
    world.ask(b"sms", can_show=False)
    world.player.memory = Player().memory
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


def test_what_is_sent_late_is_kept_too() -> None:
    """The login could not wait any longer."""
    world = World()
    world.sent = Sent(name="first", is_late=True)
    assert world.ask(b"sms", can_show=False).outcome == Failed(Reason.UNANSWERED)
    assert world.ask(b"right", can_show=False).outcome == PASSED


def test_memory_is_bounded() -> None:
    """What was kept first is forgotten first."""
    world = World()
    world.player.memory.texts |= {f"old {at}": "" for at in range(20_000)}
    world.ask(b"sms", can_show=False)
    assert len(world.player.memory.texts) == 20_000
    assert "old 0" not in world.player.memory.texts


# -- answers that somebody else looks at --


@pytest.mark.parametrize("can_show", [False, True])
def test_an_answer_that_cannot_be_looked_at_is_no_yes(can_show: bool) -> None:  # noqa: FBT001
    """It is asked for again, where the client asks."""
    world = World()
    state = world.ask(can_show=can_show).state
    world.checked = Checked(outcome=None, trouble="is gone")

    served = world.ask(b"right", state, can_show=can_show)

    assert served.outcome == (UPSTREAM_ASKS if can_show else Failed(Reason.UNANSWERED))
    assert (served.trouble, served.is_wrong) == ("is gone", False)


@pytest.mark.parametrize("can_show", [False, True])
@pytest.mark.parametrize(
    "checked",
    [
        Checked(outcome=WRONG, is_last=True),
        Checked(outcome=EXPIRED),
        Checked(outcome=Failed(Reason.UPSTREAM_MISCONFIGURED), trouble="no account"),
    ],
    ids=["void", "expired", "misconfigured"],
)
def test_an_answer_that_ends_it_ends_it(can_show: bool, checked: Checked) -> None:  # noqa: FBT001
    """Void, expired, a service that refuses us: no other try."""
    world = World()
    state = world.ask(can_show=can_show).state
    world.checked = checked

    served = world.ask(b"right", state, can_show=can_show)

    assert (served.outcome, served.state) == (checked.outcome, b"")
    assert served.trouble == checked.trouble
    world.checked = None
    assert world.ask(b"right", can_show=False).outcome == EXPIRED


# -- what is remembered --


def _open(**values: object) -> bytes:
    whole = {"v": 1, "name": "n", "proof": "", "number": 1, "device": "***1", "serial": "",
             "expires": NOW, "began": NOW, "tries": 3}  # fmt: skip
    return json.dumps(whole | values).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"{", b"[]", b"null", b"\xff", b"[" * 9999, _open(v=2), _open(v=None), _open(more=1),
        _open(name=1), _open(proof=None), _open(number=True), _open(number="1"), _open(tries=1.5),
        _open(expires="1"), _open(expires=float("nan")), _open(expires=1e300), _open(expires=-1),
        _open(began=None), _open(began=-1), _open(began=float("inf")), _open(device=[]), b'{"v":1}',
    ],
)  # fmt: skip
def test_state_that_nobody_wrote_is_lost(octets: bytes) -> None:
    """Whatever it is."""
    assert sending.load(octets) is None
    if octets:
        assert World().ask(b"right", octets).outcome == Failed(Reason.DIALOGUE_LOST)


def test_state_is_read_as_written() -> None:
    """All of it."""
    sent = Open(
        name="n", proof="p", number=2, device="***1", serial="S", expires=NOW + 1, began=NOW,
        tries=3,
    )  # fmt: skip
    assert sending.load(sending.dump(sent)) == sent


# -- what web servers say --

QUERY = Query(method="POST", path="/")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Lost(why="x", is_unsent=True), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x"), Unavailable(Reason.UPSTREAM_SILENT)),
        (Reply(status=429), Unavailable(Reason.UPSTREAM_BUSY)),
        (Reply(status=503), Unavailable(Reason.UPSTREAM_BUSY)),
        (Reply(status=500), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Reply(status=401), Failed(Reason.UPSTREAM_MISCONFIGURED)),
        (Reply(status=403), Failed(Reason.UPSTREAM_MISCONFIGURED)),
    ],
)
def test_what_was_not_sent_is_told_apart(answer: Reply | Lost, problem: object) -> None:
    """Only what could not be asked is unavailable."""
    sent = sending.problem(answer)
    assert sent is not None
    assert (sent.problem, bool(sent.trouble)) == (problem, True)


def test_what_may_have_been_sent_is_not_given_up() -> None:
    """A login that cannot wait asks for the code all the same; all else is no problem."""
    assert sending.problem(Lost(why="x", is_over=True)) == Sent(is_late=True)
    for status in (200, 201, 302, 400, 404):
        assert sending.problem(Reply(status=status)) is None


def test_dialogues_yield_what_they_ask() -> None:
    """The query of a way goes out as it is."""

    def send(_: Destination) -> Sending:
        answer = yield from exchange(QUERY)
        return Sent(problem=Unavailable()) if isinstance(answer, Lost) else Sent(name="n")

    world = World(send=send)
    question = asked()
    player = world.player
    served = player.play(converse(world.way, question, player.tools), Reply(status=200))
    assert (player.requests, served.outcome) == ([QUERY], UPSTREAM_ASKS)
