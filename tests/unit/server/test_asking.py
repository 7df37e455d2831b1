"""What upstreams are asked, what their answers count for, and what is remembered of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.service_model import Duo, Service
from radiusmfa.config.upstream_model import Codec, Event, StartWith
from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.login.account import Kind, Token
from radiusmfa.login.challenges import Entry
from radiusmfa.login.errands import AskService, Served
from radiusmfa.login.flow import Step
from radiusmfa.login.plan import Plan
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import (
    ASKS_PASSCODE,
    PASSED,
    UPSTREAM_ASKS,
    Failed,
    Outcome,
    Reason,
    Unavailable,
)
from radiusmfa.request import Credentials
from radiusmfa.secret import Secret
from radiusmfa.server.asking import Asking
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.guard import Guard
from radiusmfa.service.line import ServiceLine
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.upstream.kept import Hidden, Kept, dump
from radiusmfa.upstream.line import Line
from radiusmfa.wire import codec, salt, vendor
from tests.flows.upstreams import factor, proxied, serve, upstream
from tests.flows.world import (
    ACCEPT,
    ASKING,
    CHALLENGE,
    LOCKOUT,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.config.upstream_model import UpstreamFactor

CODE = b"123456"
TALK = Talk(upstream="rsa", factor="securid", server="here:1812", state=b"theirs", rounds=2)
KEY = codec.SigningKey(Secret(b"shared with the upstream"))


class Desk:
    """Asking, on a store with one person, within a turn."""

    def __init__(self, world: World, made: UpstreamFactor, alias: str = "") -> None:
        """Let `rsa` check the factor, and another client's passwords."""
        self.world = world
        world.person(has_token=False)
        if alias:
            world.admin.connection.execute(
                "INSERT INTO upstream_users SELECT id, 'rsa', ? FROM users", (alias,)
            )
        serve(
            world,
            client(STEP_UP, Mode.STEP_UP, factors=("securid",), attempts=2),
            client(ASKING, Mode.CHALLENGE, factors=("securid",), primary="rsa"),
            proxied(),
            factors=(made,),
        )
        self.dead: set[str] = set()
        self.noted: list[tuple[str, Event]] = []
        self.guard = Guard(world.logins, LOCKOUT, b"pepper")
        lines = {"rsa": Line(upstream()), "odd": Line(upstream("odd", codec=Codec.CP1252))}
        self.asking = Asking(
            lines, self.guard, self.dead.__contains__, lambda *noted: self.noted.append(noted)
        )
        world.logins.begin()

    def attempt(
        self,
        mode: Mode = Mode.STEP_UP,
        step: Step = Step.PASSCODE,
        talk: Talk | None = None,
        *,
        is_answer: bool = False,
        proof: bytes = b"",
    ) -> Attempt:
        """Return a round of Alice's."""
        site = self.world.pipeline.parts.sites[mode.value]
        entry = None
        if talk is not None or is_answer:
            entry = Entry(b"s", "a", 1, "login", mode.value, 0, 0, 180, step.name, talk)
        packet = codec.decode(codec.request(1, 0, bytes(16), b"", KEY))
        asked = Credentials(b"alice", CODE, None, proof)
        made = Attempt(site.client, site.plan, mode, packet, asked, entry, 19.0)
        made.user, made.step = self.world.logins.user(b"alice"), step
        return made

    def outcome(self, attempt: Attempt, code: int, *parts: bytes, **facts: Any) -> Outcome:  # noqa: ANN401
        """Return the outcome of a genuine reply."""
        octets = codec.reply(code, attempt.packet, KEY, b"".join(parts))
        assert octets is not None
        usual: dict[str, Any] = {
            "upstream": "rsa",
            "server": "here:1812",
            "packet": codec.decode(octets),
        }
        response = Response(**(usual | {"secret": KEY.secret, "authenticator": bytes(16)} | facts))
        return self.asking.outcome(attempt, response, 1000)

    def counted(self, attempt: Attempt) -> dict[str, int]:
        """Return how many proofs of each kind were wrong."""
        assert attempt.user is not None
        return {kind.value: one.wrong for (kind, _), one in attempt.user.failures.items()}

    def lock(self, attempt: Attempt, kind: Kind) -> None:
        """Lock one kind of proof."""
        assert attempt.user is not None
        for number in range(3):
            self.guard.count(attempt.user, kind, attempt.client.name, b"%d" % number, 1000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store and its clients."""
    with World(tmp_path) as made:
        yield made


@pytest.fixture
def desk(world: World) -> Iterator[Desk]:
    """Asking of a factor that wants a code."""
    made = Desk(world, factor())
    yield made
    world.logins.roll_back()


def asked(attempt: Attempt) -> Inquiry:
    """Return what is to be asked."""
    assert isinstance(attempt.asked, Inquiry)
    return attempt.asked


def in_message(text: bytes) -> bytes:
    """Return a Reply-Message."""
    return codec.attribute(REPLY_MESSAGE, text)


STATED = codec.attribute(STATE, b"theirs 2")


# -- why nobody is asked --


def test_gone_is_what_the_relays_say(desk: Desk) -> None:
    """Whether the servers of a factor can be asked is known beforehand."""
    attempt = desk.attempt()
    assert not desk.asking.is_gone(attempt, factor())
    assert attempt.told is None
    desk.dead.add("rsa")
    assert desk.asking.is_gone(attempt, factor())
    assert attempt.told == ['{"name":"rsa","answer":"upstream-unreachable","sent":0,"us":0}']


@pytest.mark.parametrize("kind", [Kind.PASSWORD, Kind.UPSTREAM])
def test_locked_proof_is_not_asked_about(desk: Desk, kind: Kind) -> None:
    """A lock of that kind keeps primary and factor from being asked; nobody is a Reject too."""
    attempt = desk.attempt()
    assert attempt.user is not None
    desk.lock(attempt, kind)

    locked = Failed(Reason.LOCKED)
    assert desk.asking.ask_primary(attempt, kind, CODE, 1000) == locked
    if kind is Kind.UPSTREAM:
        assert desk.asking.ask_factor(attempt, attempt.user, factor(), CODE, 1000) == locked
        assert desk.asking.open_factor(attempt, 1000) == locked
    attempt.user = None
    assert desk.asking.ask_primary(attempt, kind, CODE, 1000) == Failed(Reason.UNKNOWN_USER)
    assert attempt.asked is None


def test_upstream_that_is_gone_from_the_configuration_is_lost(desk: Desk) -> None:
    """Where a reload has taken it away, nobody is asked, in a dialogue or out of it."""
    attempt = desk.attempt(talk=Talk(upstream="former", state=b"s"))
    assert attempt.user is not None
    lost = Failed(Reason.DIALOGUE_LOST)

    assert desk.asking.go_on(attempt, attempt.user) == lost
    assert desk.asking.go_on(desk.attempt(), attempt.user) == lost
    gone = factor(upstream="former")
    assert desk.asking.ask_factor(attempt, attempt.user, gone, CODE, 1000) == lost


def test_answer_of_an_upstream_that_is_gone_is_lost(desk: Desk) -> None:
    """An Accept of somebody who no longer counts lets nobody in."""
    attempt = desk.attempt()

    assert desk.outcome(attempt, ACCEPT, upstream="former") == Failed(Reason.DIALOGUE_LOST)
    assert desk.noted == []


def test_text_that_cannot_be_written_is_not_sent(desk: Desk) -> None:
    """A server that writes cp1252 is not told what that lacks."""
    attempt = desk.attempt()
    assert attempt.user is not None

    decided = desk.asking.ask_factor(attempt, attempt.user, factor(upstream="odd"), b"\xff", 1000)

    assert decided == Failed(Reason.TEXT_NOT_WRITABLE)
    assert attempt.asked is None


# -- what is asked --


def test_primary_is_asked_about_what_was_typed(desk: Desk) -> None:
    """The password it is, and until when."""
    attempt = desk.attempt(Mode.CHALLENGE, Step.PASSWORD)

    assert desk.asking.ask_primary(attempt, Kind.PASSWORD, b"pw", 1000) is None

    one = asked(attempt)
    assert (one.upstream, one.typed, one.server, one.deadline) == ("rsa", b"pw", "", 19.0)


def test_dialogue_goes_on_where_it_began(desk: Desk) -> None:
    """The answer goes to the same server with its own State, whoever it is for."""
    for mode, step, kind in (
        (Mode.CHALLENGE, Step.PASSWORD, Kind.PASSWORD),
        (Mode.PROXY, Step.BOTH, Kind.UPSTREAM),
    ):
        attempt = desk.attempt(mode, step, TALK)

        assert desk.asking.ask_primary(attempt, kind, b"ignored", 1000) is None

        one = asked(attempt)
        assert (one.server, one.typed) == ("here:1812", CODE)
        assert codec.attribute(STATE, b"theirs") in one.attributes


def test_factor_is_asked_about_the_passcode(world: World) -> None:
    """Under the name that the person has there."""
    desk = Desk(world, factor(), alias="asmith")
    attempt = desk.attempt()
    assert attempt.user is not None

    assert desk.asking.ask_factor(attempt, attempt.user, factor(), b"777", 1000) is None

    assert asked(attempt).typed == b"777"
    assert codec.attribute(1, b"asmith") in asked(attempt).attributes
    assert (attempt.offered, attempt.factor_name) == (b"777", "securid")
    world.logins.roll_back()


@pytest.mark.parametrize(
    ("made", "proof", "typed", "reason"),
    [
        pytest.param(factor(start_with=StartWith.PASSWORD), b"", CODE, None, id="password"),
        pytest.param(
            factor(start_with=StartWith.WORD, word="push"), b"", b"push", None, id="word"
        ),
        pytest.param(
            factor(start_with=StartWith.WORD, word="push"), b"proof", b"push", None, id="word-chap"
        ),
        pytest.param(
            factor(start_with=StartWith.PASSWORD), b"proof", None, Reason.UNSUPPORTED_METHOD,
            id="password-chap",
        ),
        pytest.param(factor(), b"", None, Reason.NOT_ENROLLED, id="code"),
    ],
)  # fmt: skip
def test_server_that_begins_by_itself_is_told(
    world: World, made: UpstreamFactor, proof: bytes, typed: bytes | None, reason: Reason | None
) -> None:
    """The password again, or a word; a proof that hides the password cannot be told."""
    desk = Desk(world, made)
    attempt = desk.attempt(Mode.CHALLENGE, Step.OPEN, proof=proof)

    decided = desk.asking.open_factor(attempt, 1000)

    assert decided == (None if reason is None else Failed(reason))
    if reason is None:
        assert asked(attempt).typed == typed
        assert b"proof" not in asked(attempt).attributes
    world.logins.roll_back()


# -- what an answer counts for --


def test_refused_proof_is_counted_by_what_was_asked(desk: Desk) -> None:
    """A refused password is a wrong password, everything else a wrong proof of an upstream."""
    refused = Failed(Reason.UPSTREAM_REFUSED)
    one, other = desk.attempt(Mode.CHALLENGE, Step.PASSWORD), desk.attempt()

    assert desk.outcome(one, REJECT) == desk.outcome(other, REJECT) == refused

    assert desk.counted(one) == {"password": 1, "upstream": 1}


@pytest.mark.parametrize("step", [Step.REST, Step.CLAIM])
def test_refused_part_is_told_from_another(desk: Desk, step: Step) -> None:
    """Of password and passcode in one, the part that was refused says whether it is a retry."""
    kind = "password" if step is Step.REST else "upstream"
    attempt = desk.attempt(Mode.CHALLENGE, step)
    for rest, tail in ((b"pw 1", b"1"), (b"pw 1", b"2"), (b"pw 2", b"2")):
        attempt.rest, attempt.offered = rest, tail
        desk.outcome(attempt, REJECT)

    assert desk.counted(attempt) == {kind: 2}


@pytest.mark.parametrize("code", [REJECT, CHALLENGE, None])
def test_guess_at_an_own_token_is_counted(desk: Desk, code: int | None) -> None:
    """Digits that were no code of ours are a guess, unless the server lets them in."""
    attempt = desk.attempt()
    attempt.guess = CODE

    if code is None:
        silent = {"packet": None, "reason": Reason.UPSTREAM_SILENT}
        assert desk.outcome(attempt, ACCEPT, **silent) == Unavailable(Reason.UPSTREAM_SILENT)
    else:
        desk.outcome(attempt, code, STATED)

    assert desk.counted(attempt)["oath"] == 1


def test_let_in_is_no_guess_and_forgets(desk: Desk) -> None:
    """An Accept clears the count of its kind and names the factor."""
    attempt = desk.attempt()
    desk.outcome(attempt, REJECT)
    attempt.guess, attempt.factor = CODE, factor()

    assert desk.outcome(attempt, ACCEPT) == PASSED

    assert desk.counted(attempt) == {}
    assert attempt.kind == "securid"


def test_let_in_by_the_primary_names_no_factor(desk: Desk) -> None:
    """A password is no factor; where the upstream checks everything it is named itself."""
    one = desk.attempt(Mode.CHALLENGE, Step.PASSWORD)
    both = desk.attempt(Mode.PROXY, Step.BOTH)

    assert desk.outcome(one, ACCEPT) == desk.outcome(both, ACCEPT) == PASSED

    assert (one.kind, both.kind) == ("", "rsa")


def test_answer_after_a_lock_counts_for_nothing(desk: Desk) -> None:
    """What was asked before the lock is not let in after it."""
    attempt = desk.attempt()
    desk.lock(attempt, Kind.UPSTREAM)

    assert desk.outcome(attempt, ACCEPT) == Failed(Reason.LOCKED)


def test_answer_about_who_is_gone_counts_for_nothing(desk: Desk) -> None:
    """The user was read again: who is no longer there is not let in, and the audit still tells."""
    attempt = desk.attempt()
    attempt.user = None

    assert desk.outcome(attempt, ACCEPT) == Failed(Reason.UNKNOWN_USER)
    assert attempt.told is not None


def test_wrong_answer_to_our_question_is_asked_for_again(desk: Desk) -> None:
    """Where the client gives two tries, the first refused passcode is asked for once more."""
    attempt = desk.attempt(is_answer=True)

    assert desk.outcome(attempt, REJECT) == ASKS_PASSCODE
    assert desk.counted(attempt) == {"upstream": 1}


# -- what is remembered and told --


def test_nothing_is_remembered_where_there_is_nothing(desk: Desk) -> None:
    """A challenge of ours alone has no dialogue behind it."""
    assert desk.asking.talk(desk.attempt()) is None


def test_what_was_kept_or_is_missing_is_remembered(desk: Desk) -> None:
    """The primary's attributes, and the factor whose servers are gone, wait for the answer."""
    attempt = desk.attempt(Mode.CHALLENGE, Step.PASSWORD)
    desk.outcome(attempt, ACCEPT, codec.attribute(11, b"staff"))
    kept = dump(Kept(codec.attribute(11, b"staff"), ()))
    assert desk.asking.talk(attempt) == Talk(kept=kept)

    attempt.missing = "securid"
    assert desk.asking.talk(attempt) == Talk(kept=kept, missing="securid")


@pytest.mark.parametrize(
    ("talk", "rounds", "name"),
    [
        pytest.param(None, 1, "", id="first"),
        pytest.param(TALK, 3, "securid", id="next"),
        pytest.param(Talk(upstream="nps", state=b"s", rounds=9), 1, "", id="after-another"),
    ],
)
def test_dialogue_is_remembered(desk: Desk, talk: Talk | None, rounds: int, name: str) -> None:
    """Who asked, where, with which State, and how often so far."""
    attempt = desk.attempt(Mode.PROXY, Step.BOTH, talk)

    assert desk.outcome(attempt, CHALLENGE, STATED, in_message(b"PIN?")) == UPSTREAM_ASKS

    assert desk.asking.talk(attempt) == Talk(
        upstream="rsa", factor=name, server="here:1812", state=b"theirs 2", rounds=rounds
    )


def test_first_upstream_keeps_what_the_second_gives_too(desk: Desk) -> None:
    """Of two Accepts, the first one's attributes and keys win; the second's are added."""
    attempt = desk.attempt(Mode.CHALLENGE, Step.OPEN)
    row = Hidden(311, 16, b"", b"first key")
    attempt.kept = Kept(codec.attribute(11, b"first"), (row,))
    hidden = [
        vendor.encode(311, kind, salt.seal(b"second", KEY.secret, bytes(16), bytes((128, kind))))
        for kind in (16, 17)
    ]

    desk.outcome(
        attempt, ACCEPT, codec.attribute(11, b"second"), codec.attribute(27, bytes(4)), *hidden
    )

    assert attempt.kept.plain == codec.attribute(11, b"first") + codec.attribute(27, bytes(4))
    assert attempt.kept.hidden == (row, Hidden(311, 17, b"", b"second"))


@pytest.mark.parametrize(
    ("code", "facts", "told"),
    [
        pytest.param(
            ACCEPT, {"sent": 1, "servers": 1, "seconds": 0.5},
            {"name": "rsa", "server": "here:1812", "answer": "accept", "sent": 1, "us": 500000},
            id="plain",
        ),
        pytest.param(
            REJECT, {"sent": 5, "servers": 2, "ignored": {"wrong-source": 1, "too-long": 2}},
            {"name": "rsa", "server": "here:1812", "event": "denied", "answer": "reject",
             "sent": 5, "us": 0, "servers": 2, "ignored": {"wrong-source": 1, "too-long": 2}},
            id="long",
        ),
        pytest.param(
            REJECT, {"packet": None, "server": "", "reason": Reason.UPSTREAM_BUSY},
            {"name": "rsa", "answer": "upstream-busy", "sent": 0, "us": 0},
            id="nobody",
        ),
    ],
)  # fmt: skip
def test_audit_tells_of_each_upstream(
    desk: Desk, code: int, facts: dict[str, Any], told: dict[str, Any]
) -> None:
    """Name, server, event, answer, packets and time; nothing that the server wrote."""
    attempt = desk.attempt()

    desk.outcome(attempt, code, in_message(b'","answer":"accept"'), **facts)
    desk.outcome(attempt, REJECT)

    assert attempt.told is not None
    first, _ = map(json.loads, attempt.told)
    assert first == told


def test_events_are_noted(desk: Desk) -> None:
    """Counters learn what each reply meant."""
    desk.outcome(desk.attempt(), REJECT)
    desk.outcome(desk.attempt(), ACCEPT)

    assert desk.noted == [("rsa", Event.DENIED), ("rsa", Event.OTHER)]


def test_nobody_need_be_told_of_events(desk: Desk) -> None:
    """Without counters an answer is what it is."""
    desk.asking = Asking({"rsa": Line(upstream())}, desk.guard, desk.dead.__contains__)

    assert desk.outcome(desk.attempt(), ACCEPT) == PASSED


# -- services --

DAY: Final = date(2027, 1, 15)
NOON: Final = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
PUSH: Final = factor(upstream="push", is_service=True, start_with=StartWith.WORD)


def push_service(open_until: date | None = None) -> Service:
    """Return a service."""
    settings = Duo(host="api-1.example", integration_key="DI", secret_key=Secret(b"key"))
    return Service(name="push", settings=settings, open_until=open_until)


@pytest.fixture
def served(world: World) -> Iterator[Desk]:
    """Asking of a factor that a service checks."""
    made = Desk(world, PUSH)
    made.asking = asking_service(made)
    yield made
    world.logins.roll_back()


def asking_service(desk: Desk, open_until: date | None = None) -> Asking:
    """Return who asks `push`."""
    lines: dict[str, Line | ServiceLine] = {
        "push": ServiceLine(push_service(open_until), b"pepper"),
        "rsa": Line(upstream()),
    }
    noted = desk.noted
    return Asking(lines, desk.guard, desk.dead.__contains__, lambda *one: noted.append(one))


def asked_service(attempt: Attempt) -> AskService:
    """Return what a service is to be asked."""
    assert isinstance(attempt.asked, AskService)
    return attempt.asked


def with_push(desk: Desk, step: Step = Step.OPEN, **others: Any) -> Attempt:  # noqa: ANN401
    """Return a round of Alice's in which the service is to be asked."""
    attempt = desk.attempt(Mode.CHALLENGE, step, **others)
    attempt.factor = PUSH
    return attempt


@pytest.mark.parametrize(
    ("open_until", "now", "opens"),
    [
        pytest.param(None, NOON, False, id="never"),
        pytest.param(DAY, NOON - 86_400, True, id="the day before"),
        pytest.param(DAY, NOON, True, id="on the day"),
        pytest.param(DAY, NOON + 43_199, True, id="its last second"),
        pytest.param(DAY, NOON + 43_200, False, id="the day after"),
    ],
)
def test_service_fails_open_until_the_end_of_a_day(
    served: Desk, open_until: date | None, now: float, *, opens: bool
) -> None:
    """Only where it is written, and no longer than that."""
    asking = asking_service(served, open_until)

    assert asking.opens_without(with_push(served), now) is opens


def test_nothing_else_fails_open(served: Desk) -> None:
    """No upstream, no service that a reload has taken away, and nobody without a factor."""
    asking, attempt = asking_service(served, DAY), with_push(served)
    for other in (None, factor(), factor(upstream="former", is_service=True)):
        attempt.factor = other
        assert not asking.opens_without(attempt, NOON)


def test_failing_open_lets_nobody_off_who_could_prove_more(served: Desk) -> None:
    """Whoever has a token of ours is not let in by the password, nor who has a damaged one."""
    asking, attempt = asking_service(served, DAY), with_push(served)
    assert attempt.user is not None
    attempt.user.is_damaged = True
    assert not asking.opens_without(attempt, NOON)
    attempt.user.is_damaged = False
    assert asking.opens_without(attempt, NOON)
    key = PasscodeKey(b"a seed of 20 octets.", "sha1", 6)
    attempt.user.tokens = (Token(1, "T1", key, period=30, drift=0, last=-1),)
    assert asking.opens_without(attempt, NOON)  # this client counts no such token
    counting = replace(attempt.client, factors=("securid", "totp"))
    attempt.plan = Plan(counting, served.world.factors, b"pepper")
    assert not asking.opens_without(attempt, NOON)
    attempt.user = None
    assert not asking.opens_without(attempt, NOON)


def test_failing_open_forgives_no_wrong_codes(served: Desk) -> None:
    """Who is locked stays locked, whatever happens to the service."""
    asking, attempt = asking_service(served, DAY), with_push(served)
    for number in range(3):
        assert attempt.user is not None
        served.guard.count(attempt.user, Kind.UPSTREAM, attempt.client.name, b"%d" % number, NOON)

    assert not asking.opens_without(attempt, NOON)


def test_service_begins_with_nothing(served: Desk) -> None:
    """A service that is told nothing begins by itself; it never learns the password."""
    attempt = with_push(served, proof=b"proof")

    assert served.asking.open_factor(attempt, 1000) is None

    one = asked_service(attempt)
    assert (one.service, one.user, one.typed, one.state) == ("push", "alice", b"", b"")
    assert (one.has_password, one.deadline, one.client) == (True, 19.0, "challenge")
    assert len(one.place) == 16


@pytest.mark.parametrize(
    ("mode", "step", "has_password"),
    [
        (Mode.STEP_UP, Step.PASSCODE, False),
        (Mode.CHALLENGE, Step.PASSCODE, True),
        (Mode.CHALLENGE, Step.CLAIM, True),
    ],
)
def test_service_is_told_whether_the_password_was_right(
    served: Desk, mode: Mode, step: Step, *, has_password: bool
) -> None:
    """Where nobody has checked one, it may ask for more."""
    attempt = served.attempt(mode, step, is_answer=mode is Mode.CHALLENGE)
    assert attempt.user is not None

    assert served.asking.ask_factor(attempt, attempt.user, PUSH, b"push", 1000) is None

    one = asked_service(attempt)
    assert (one.typed, one.has_password) == (b"push", has_password)


def test_service_goes_on_with_its_state(served: Desk) -> None:
    """What it left to remember comes back with the answer."""
    talk = Talk(upstream="push", factor=PUSH.name, state=b"tx")
    attempt = served.attempt(Mode.CHALLENGE, talk=talk)
    assert attempt.user is not None

    assert served.asking.go_on(attempt, attempt.user) is None

    assert (asked_service(attempt).state, asked_service(attempt).typed) == (b"tx", CODE)


def test_locked_proof_of_a_service_is_not_asked_about(served: Desk) -> None:
    """Whoever guesses makes no phone ring."""
    attempt = with_push(served)
    served.lock(attempt, Kind.UPSTREAM)

    assert served.asking.open_factor(attempt, 1000) == Failed(Reason.LOCKED)
    assert attempt.asked is None


@pytest.mark.parametrize(
    ("outcome", "step", "counts"),
    [
        (Failed(Reason.BAD_PASSCODE), Step.CLAIM, True),
        (Failed(Reason.PERSON_REFUSED), Step.CLAIM, True),
        (Failed(Reason.FRAUD_REPORTED), Step.OPEN, True),
        (Failed(Reason.UPSTREAM_REFUSED), Step.CLAIM, True),
        (Failed(Reason.UNANSWERED), Step.OPEN, True),
        (Failed(Reason.UNANSWERED), Step.CLAIM, False),
        (Failed(Reason.CODE_EXPIRED), Step.CLAIM, False),
        (Failed(Reason.CALL_OPEN), Step.OPEN, False),
        (Failed(Reason.UPSTREAM_MISCONFIGURED), Step.OPEN, False),
        (Unavailable(Reason.UPSTREAM_SILENT), Step.OPEN, False),
    ],
    ids=str,
)
def test_wrong_proof_of_a_service_is_counted(
    served: Desk, outcome: Outcome, step: Step, *, counts: bool
) -> None:
    """Whatever a person, or a thief, has done wrong; not what went wrong elsewhere."""
    attempt = with_push(served, step)

    assert served.asking.outcome(attempt, Served(outcome=outcome, service="push"), 1000) == outcome

    assert served.counted(attempt) == ({"upstream": 1} if counts else {})


def test_let_in_by_a_service_names_factor_and_device(served: Desk) -> None:
    """An Accept tells which factor, and which device of the store, has counted."""
    attempt = with_push(served)
    one = Served(outcome=PASSED, service="push", serial="SMS-1", event=Event.PUSH_SENT)

    assert served.asking.outcome(attempt, one, 1000) == PASSED

    assert (attempt.kind, attempt.serial) == ("securid", "SMS-1")
    assert served.noted == [("push", Event.PUSH_SENT)]


def test_question_of_a_service_is_remembered(served: Desk) -> None:
    """Which service asked, with which state, and how often so far."""
    attempt = with_push(served)
    one = Served(outcome=UPSTREAM_ASKS, service="push", text="Code: ", state=b"tx", server="api-1")

    assert served.asking.outcome(attempt, one, 1000) == UPSTREAM_ASKS

    assert served.asking.talk(attempt) == Talk(
        upstream="push", factor="securid", server="api-1", state=b"tx", rounds=1
    )


def test_answer_of_another_kind_is_lost(served: Desk) -> None:
    """A name that means a service now and meant an upstream before lets nobody in, nor reversed."""
    lost = Failed(Reason.DIALOGUE_LOST)
    attempt = with_push(served)

    assert served.asking.outcome(attempt, Served(outcome=PASSED, service="rsa"), 1000) == lost
    assert served.outcome(with_push(served), ACCEPT, upstream="push") == lost


def test_service_that_is_known_to_be_gone_is_told(served: Desk) -> None:
    """As an upstream is: the audit says that nobody was asked."""
    served.dead.add("push")
    attempt = with_push(served)

    assert served.asking.is_gone(attempt, PUSH)

    assert attempt.told is not None
    assert json.loads(attempt.told[0])["answer"] == "upstream-unreachable"


@pytest.mark.parametrize(("trusted", "address"), [(False, ""), (True, "192.0.2.7")])
def test_address_is_told_where_the_client_is_trusted(
    served: Desk, address: str, *, trusted: bool
) -> None:
    """Anybody else's word about where somebody is counts for nothing."""
    attempt = with_push(served)
    station = codec.attribute(31, b"192.0.2.7")
    attempt.packet = codec.decode(codec.request(1, 0, bytes(16), station, KEY))
    attempt.client = replace(
        attempt.client, trust_address=trusted, address=("Calling-Station-Id",)
    )  # fmt: skip

    assert served.asking.open_factor(attempt, 1000) is None

    assert asked_service(attempt).address == address
