"""Steps performed against a real store: what is claimed and counted, and what breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.decision import Accept, Challenge, Decision, Reject, Silence
from radiusmfa.login.challenges import Entry
from radiusmfa.login.flow import Step
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import PASSED, Outcome, Passed, Reason
from radiusmfa.primary.local import Answer, Question
from radiusmfa.request import Credentials
from radiusmfa.secret import Secret
from radiusmfa.server import identity
from radiusmfa.server.attempt import Attempt
from radiusmfa.stores import people, tokens
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec
from tests.flows.upstreams import assign, factor, proxied, serve
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    STATE,
    STEP_UP,
    Person,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from radiusmfa.config.upstream_model import UpstreamFactor
    from radiusmfa.server.run import Checked, Steps

RIGHT, WRONG = Answer(is_right=True, better=None), Answer(is_right=False, better=None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode."""
    with World(tmp_path) as made:
        yield made


class Round:
    """One round of a login, step by step, in turns of its own."""

    def __init__(
        self,
        world: World,
        mode: Mode,
        name: str,
        typed: bytes,
        wrong: int | None = None,
        *,
        step: Step = Step.PASSCODE,
        talk: Talk | None = None,
        proof: bytes = b"",
    ) -> None:
        """Begin; *wrong* is how many passcodes were wrong before, None: no answer."""
        self.world = world
        self.steps: Steps = world.pipeline.parts.steps
        site = world.pipeline.parts.sites[mode.value]
        entry = None
        if wrong is not None:
            now = world.now
            entry = Entry(
                b"s", "192.0.2.1", 1, "login", mode.value, wrong, now, now + 180, step.name, talk
            )
        key = codec.SigningKey(site.client.secret)
        packet = codec.decode(codec.request(1, 0, bytes(16), b"", key))
        asked = Credentials(name.encode(), typed, None, proof)
        self.attempt = Attempt(site.client, site.plan, mode, packet, asked, entry, 20.0)

    def start(self) -> Decision | None:
        """Return what is decided at once."""
        return self._turn(self.steps.start)

    def resume(self, answer: Checked | None) -> Decision | None:
        """Return what is decided when the password was checked, or an upstream has answered."""

        def resumed(attempt: Attempt, now: float, monotonic: float) -> Decision | None:
            return self.steps.resume(attempt, answer, now, monotonic)

        return self._turn(resumed)

    def give_up(self) -> Decision | None:
        """Return what is decided when the password cannot be checked."""
        return self._turn(self.steps.give_up)

    def heard(self, code: int, *attributes: tuple[int, bytes]) -> Decision | None:
        """Return what is decided when the upstream that is asked has answered."""
        asked = self.asked
        encoded = b"".join(codec.attribute(*one) for one in attributes)
        octets = codec.reply(code, self.attempt.packet, codec.SigningKey(Secret(b"s")), encoded)
        assert octets is not None
        packet = codec.decode(octets)
        return self.resume(Response(upstream=asked.upstream, server="here:1812", packet=packet))

    def failed(self, reason: Reason) -> Decision | None:
        """Return what is decided when nothing came of what the upstream was asked."""
        return self.resume(Response(upstream=self.asked.upstream, reason=reason))

    @property
    def asked(self) -> Inquiry:
        """What an upstream is asked."""
        assert isinstance(self.attempt.asked, Inquiry)
        return self.attempt.asked

    def _turn(self, act: Callable[[Attempt, float, float], Decision | None]) -> Decision | None:
        self.world.logins.begin()
        found = identity.find(self.world.logins, self.attempt)
        self.attempt.user = None if isinstance(found, Reason) else found
        decision = act(self.attempt, self.world.now, self.world.clock.monotonic())
        self.world.logins.commit()
        return decision


@pytest.mark.parametrize(
    ("mode", "step"),
    [(Mode.APPEND, Step.REST), (Mode.CHALLENGE, Step.PASSWORD), (Mode.AUTO, Step.REST)],
)
@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (WRONG, Reject(Reason.BAD_PASSWORD)),
        (None, Reject(Reason.BROKEN)),
    ],
    ids=["wrong", "broken"],
)
def test_promise_2_password_not_right_is_a_reject(
    world: World, mode: Mode, step: Step, answer: Answer | None, decision: Decision
) -> None:
    """Whatever is not a right password is a Reject, with the right passcode too."""
    alice = world.person()
    passcode = b"" if mode is Mode.CHALLENGE else alice.code(world.now)
    one = Round(world, mode, "alice", alice.password + passcode)

    assert one.start() is None
    assert one.attempt.step is step
    assert one.resume(answer) == decision
    assert tokens.show(world.admin, alice.serial).last == -1


def test_right_password_and_tail_are_accepted_and_claimed(world: World) -> None:
    """Behind a right password the passcode is used up, and the attempt tells by which token."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))

    assert one.start() is None
    assert isinstance(one.attempt.asked, Question)
    assert one.attempt.asked.typed == alice.password
    assert one.resume(RIGHT) == Accept(Reason.PASSED)
    assert (one.attempt.kind, one.attempt.serial) == ("totp", alice.serial)
    assert tokens.show(world.admin, alice.serial).last == world.now // 30


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"has_token": True}, id="token"),
        pytest.param({"has_token": False}, id="none"),
        pytest.param({"has_token": False, "password_only": True}, id="exempt"),
    ],
)
def test_right_password_leads_to_what_else_is_needed(
    world: World, settings: dict[str, Any]
) -> None:
    """After the password: a challenge, an Accept for the exempt, a Reject for the rest."""
    alice = world.person(**settings)
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    expected: dict[str, Decision] = {
        "TOTP-alice": Challenge(Reason.PASSCODE_WANTED),
        "": Reject(Reason.NOT_ENROLLED),
    }

    assert one.start() is None
    decision = one.resume(RIGHT)

    is_exempt = settings.get("password_only", False)
    assert decision == (Accept(Reason.PASSWORD_ONLY) if is_exempt else expected[alice.serial])


def test_promise_3_password_that_cannot_be_checked_is_silence(world: World) -> None:
    """Without room for a check nothing is decided."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None

    assert one.give_up() == Silence(Reason.UNAVAILABLE)
    assert one.attempt.asked is None


def vanish(world: World, alice: Person) -> None:
    """Delete the user."""
    people.delete(world.admin, world.actor, alice.name)


def disable(world: World, alice: Person) -> None:
    """Disable the user."""
    people.set_disabled(world.admin, world.actor, alice.name, disabled=True)


def take_password(world: World, alice: Person) -> None:
    """Take the password away."""
    people.set_password(world.admin, world.actor, alice.name, None)


def lock(world: World, alice: Person) -> None:
    """Lock the password at the client."""
    world.admin.connection.execute(
        "INSERT INTO failures SELECT id, 'password', 'challenge', 9, ?, ?, x'00' FROM users"
        " WHERE name = ?",
        (int(world.now), int(world.now) + 30, alice.name),
    )


CHANGES = [
    pytest.param(vanish, Reason.UNKNOWN_USER, id="deleted"),
    pytest.param(disable, Reason.USER_DISABLED, id="disabled"),
    pytest.param(take_password, Reason.NO_PASSWORD, id="without-password"),
    pytest.param(lock, Reason.LOCKED, id="locked"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
@pytest.mark.parametrize("is_during", [False, True], ids=["before", "during"])
def test_promise_2_right_password_counts_for_nothing_after_a_change(
    world: World, change: Callable[[World, Person], None], reason: Reason, *, is_during: bool
) -> None:
    """Before or during the check: who may not log in does not, though the answer is yes."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    if not is_during:
        change(world, alice)
    assert one.start() is None
    assert isinstance(one.attempt.asked, Question)
    assert one.attempt.asked.is_decoy is not is_during
    if is_during:
        change(world, alice)

    assert one.resume(RIGHT) == Reject(reason)


def test_promise_2_yes_to_a_decoy_is_no(world: World) -> None:
    """A lock that ended during the check does not make the decoy's answer count."""
    alice = world.person()
    lock(world, alice)
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None
    people.unlock(world.admin, world.actor, "alice")

    assert one.resume(RIGHT) == Reject(Reason.LOCKED)


def test_password_renewed_during_the_check_is_asked_again(world: World) -> None:
    """An answer about a hash that is no longer stored counts for nothing; the new one is asked."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None
    people.set_password(world.admin, world.actor, "alice", "$another$")

    assert one.resume(RIGHT) is None
    assert isinstance(one.attempt.asked, Question)
    assert one.attempt.asked.stored == "$another$"
    assert people.failures(world.admin, "alice") == []


def test_better_hash_is_kept(world: World) -> None:
    """A renewed hash that comes with a right password is stored."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None

    one.resume(Answer(is_right=True, better="$better$"))

    assert people.person(world.admin, "alice").password == "$better$"


def test_better_hash_of_a_wrong_password_is_not_kept(world: World) -> None:
    """Whatever comes with a no is not stored."""
    alice = world.person()
    before = people.person(world.admin, "alice").password
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None

    one.resume(Answer(is_right=False, better="$better$"))

    assert people.person(world.admin, "alice").password == before


def drop_token(world: World, alice: Person) -> None:
    """Disable the token."""
    tokens.set_disabled(world.admin, world.actor, alice.serial, disabled=True)


def use_code(world: World, alice: Person) -> None:
    """Use the code elsewhere."""
    Round(world, Mode.STEP_UP, "alice", alice.code(world.now)).start()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(drop_token, Reason.BAD_PASSCODE, id="token-disabled"),
        pytest.param(use_code, Reason.REPLAYED_PASSCODE, id="code-used"),
    ],
)
def test_promise_1_passcode_lost_during_the_check_is_a_reject(
    world: World, change: Callable[[World, Person], None], reason: Reason
) -> None:
    """What was found before the password check has to be claimed after it."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None
    change(world, alice)

    assert one.resume(RIGHT) == Reject(reason)


def test_passcode_is_claimed_though_everything_was_read_again(world: World) -> None:
    """A write by somebody else during the check changes nothing for the login."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None
    world.person("bob")

    assert one.resume(RIGHT) == Accept(Reason.PASSED)
    assert tokens.show(world.admin, alice.serial).last == world.now // 30


def test_promise_2_claim_without_a_find_is_a_reject(world: World) -> None:
    """A claim that nothing was found for opens nothing."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None
    one.attempt.found = None

    assert one.resume(RIGHT) == Reject(Reason.REPLAYED_PASSCODE)


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND])
@pytest.mark.parametrize(
    ("change", "reason"),
    [(vanish, Reason.UNKNOWN_USER), (disable, Reason.USER_DISABLED)],
)
def test_passcode_of_who_may_not_log_in_is_not_looked_at(
    world: World, mode: Mode, change: Callable[[World, Person], None], reason: Reason
) -> None:
    """The right passcode of somebody unknown or disabled is a Reject."""
    alice = world.person()
    change(world, alice)

    assert Round(world, mode, "alice", alice.code(world.now)).start() == Reject(reason)


def test_factor_of_who_may_not_log_in_is_a_reject(world: World) -> None:
    """Even right after a right password, the factor looks at the user again."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    one.attempt.step = Step.FACTOR
    for change, reason in ((disable, Reason.USER_DISABLED), (vanish, Reason.UNKNOWN_USER)):
        change(world, alice)
        world.logins.begin()
        one.attempt.user = world.logins.user(b"alice")
        decision = one.steps._walk(one.attempt, None, world.now, 0)
        world.logins.roll_back()
        assert decision == Reject(reason)


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND, Mode.AUTO])
def test_locked_passcode_is_refused_unseen(world: World, mode: Mode) -> None:
    """After three wrong passcodes the right one is refused where it was guessed."""
    alice = world.person()
    before = b"" if mode is Mode.STEP_UP else alice.password
    for wrong in range(3):
        one = Round(world, mode, "alice", before + b"%06d" % wrong)
        if one.start() is None:
            one.resume(WRONG)

    assert Round(world, mode, "alice", before + alice.code(world.now)).start() == Reject(
        Reason.LOCKED
    )


def test_auto_takes_letters_at_the_end_for_the_password(world: World) -> None:
    """In `auto` a password that ends in letters is no guess at a recovery code."""
    alice = world.person()
    world.recovery(alice)
    one = Round(world, Mode.AUTO, "alice", alice.password)

    assert one.start() is None
    assert one.attempt.step is Step.PASSWORD
    assert one.resume(WRONG) == Reject(Reason.BAD_PASSWORD)
    assert {one.factor for one in people.failures(world.admin, "alice")} == {"password"}


def test_right_passcode_forgets_wrong_ones(world: World) -> None:
    """A right passcode clears the count."""
    alice = world.person()
    Round(world, Mode.STEP_UP, "alice", b"000000").start()
    assert people.failures(world.admin, "alice")

    Round(world, Mode.STEP_UP, "alice", alice.code(world.now)).start()

    assert people.failures(world.admin, "alice") == []


@pytest.mark.parametrize(
    ("wrong", "decision"),
    [(None, Reject(Reason.BAD_PASSCODE)), (0, Reject(Reason.BAD_PASSCODE))],
    ids=["step-up", "answer"],
)
def test_wrong_passcode_ends_where_no_attempts_are_left(
    world: World, wrong: int | None, decision: Decision
) -> None:
    """A wrong passcode is a Reject where the client gives one attempt."""
    world.person()
    mode = Mode.STEP_UP if wrong is None else Mode.CHALLENGE

    assert Round(world, mode, "alice", b"000000", wrong).start() == decision


def test_code_far_off_asks_for_the_next_in_a_dialogue_only(world: World) -> None:
    """A passcode far off earns a question where somebody can be asked, else a Reject."""
    alice = world.person()
    far = alice.code(world.now, 10)

    asked = Round(world, Mode.CHALLENGE, "alice", far, 0).start()
    refused = Round(world, Mode.STEP_UP, "alice", far).start()

    assert asked == Challenge(Reason.NEXT_PASSCODE_WANTED)
    assert refused == Reject(Reason.BAD_PASSCODE)


def test_recovery_code_is_claimed(world: World) -> None:
    """A recovery code is used up, and the attempt says what it was."""
    code, _ = world.recovery(world.person())
    one = Round(world, Mode.STEP_UP, "alice", code)

    assert one.start() == Accept(Reason.PASSED)
    assert (one.attempt.kind, one.attempt.serial) == ("recovery", "")
    assert people.person(world.admin, "alice").recovery_codes == 1


def test_watch_is_told_every_step(world: World) -> None:
    """`radiusmfa try` sees each step with its outcome, in order."""
    alice = world.person()
    seen: list[tuple[Step, Outcome]] = []
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    one.steps._watch = lambda step, outcome: seen.append((step, outcome))

    one.start()
    one.resume(RIGHT)

    assert seen == [(Step.TAIL, PASSED), (Step.REST, PASSED), (Step.CLAIM, PASSED)]
    assert all(isinstance(outcome, Passed) for _, outcome in seen)


# -- steps that an upstream performs --

CODE = b"123456"
PROOF = codec.attribute(3, bytes(17))


def upstreams(
    world: World,
    made: UpstreamFactor | None = None,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Let `rsa` check the factor of everybody without a token; `totp` stands in for it."""
    usual = {"factors": ("totp", "securid"), "when_unavailable": ("totp",)} | settings
    serve(
        world,
        client(STEP_UP, Mode.STEP_UP, **usual),
        client(ASKING, Mode.CHALLENGE, **usual),
        client(APPEND, Mode.APPEND, delimiter=",", **usual),
        client(AUTO, Mode.AUTO, **usual),
        proxied(),
        factors=(made or factor(),),
    )


def lock_kind(world: World, kind: str, client: str) -> None:
    """Lock proofs of one kind at a client."""
    world.admin.connection.execute(
        "INSERT INTO failures SELECT id, ?, ?, 9, ?, ?, x'00' FROM users",
        (kind, client, int(world.now), int(world.now) + 30),
    )


@pytest.mark.parametrize(
    ("code", "attributes", "decision"),
    [
        pytest.param(REJECT, [], Reject(Reason.UPSTREAM_REFUSED), id="reject"),
        pytest.param(CHALLENGE, [], Reject(Reason.BAD_CHALLENGE), id="bad-challenge"),
        pytest.param(CHALLENGE, [(STATE, b"s")], Challenge(Reason.UPSTREAM_ASKS), id="challenge"),
        pytest.param(ACCEPT, [], Accept(Reason.PASSED), id="accept"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.PROXY], ids=str)
def test_answer_of_an_upstream_decides(
    world: World, mode: Mode, code: int, attributes: list[tuple[int, bytes]], decision: Decision
) -> None:
    """Only an Accept lets in; a Reject, a Challenge and a bad one are what they are."""
    world.person(has_token=False)
    upstreams(world)
    one = Round(world, mode, "alice", CODE)
    assert one.start() is None
    assert one.asked.typed == CODE

    assert one.heard(code, *attributes) == decision


def test_answer_of_a_password_is_none_of_an_upstream(world: World) -> None:
    """What nobody asked a thread for is no answer to what an upstream was asked."""
    world.person(has_token=False)
    upstreams(world)
    one = Round(world, Mode.PROXY, "alice", CODE)
    assert one.start() is None

    assert one.resume(RIGHT) == Reject(Reason.BROKEN)


@pytest.mark.parametrize("is_locked", [True, False])
def test_answer_in_a_dialogue_goes_to_its_server(world: World, *, is_locked: bool) -> None:
    """What answers a token server goes there as it is, unless the factor is locked."""
    world.person()
    upstreams(world)
    if is_locked:
        lock_kind(world, "upstream", "step-up")
    talk = Talk(upstream="rsa", factor="securid", server="here:1812", state=b"theirs", rounds=1)
    one = Round(world, Mode.STEP_UP, "alice", CODE, 0, talk=talk)

    decision = one.start()

    assert decision == (Reject(Reason.LOCKED) if is_locked else None)
    if not is_locked:
        assert one.asked.server == "here:1812"
        assert one.heard(ACCEPT) == Accept(Reason.PASSED)
        assert one.attempt.kind == "securid"


@pytest.mark.parametrize("has_token", [True, False])
def test_proof_instead_of_a_passcode_needs_a_server(world: World, *, has_token: bool) -> None:
    """A CHAP proof is asked about where a server holds the passcode, and refused elsewhere."""
    world.person(has_token=has_token)
    upstreams(world)
    one = Round(world, Mode.STEP_UP, "alice", b"", proof=PROOF)

    decision = one.start()

    assert decision == (Reject(Reason.UNSUPPORTED_METHOD) if has_token else None)
    if not has_token:
        assert one.asked.typed is None
        assert PROOF in one.asked.attributes


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (Mode.APPEND, Reason.UNSUPPORTED_METHOD),
        (Mode.CHALLENGE, Reason.UNSUPPORTED_METHOD),
        (Mode.AUTO, Reason.UNSUPPORTED_METHOD),
    ],
)
def test_proof_instead_of_a_local_password_is_rejected(
    world: World, mode: Mode, reason: Reason
) -> None:
    """Of a hash nobody can check CHAP, and nobody can take a tail off it."""
    world.person()
    upstreams(world)

    assert Round(world, mode, "alice", b"", proof=PROOF).start() == Reject(reason)


@pytest.mark.parametrize("typed", [b"000000", b"no digits"])
@pytest.mark.parametrize("is_locked", [True, False])
def test_what_is_no_own_passcode_may_be_the_servers(
    world: World, typed: bytes, *, is_locked: bool
) -> None:
    """Who has a token here and one there is asked about there, if it was no code of ours."""
    world.person()
    upstreams(world)
    assign(world, "alice")
    if is_locked:
        lock_kind(world, "oath", "step-up")
    one = Round(world, Mode.STEP_UP, "alice", typed)

    assert one.start() is None
    assert one.heard(REJECT) == Reject(Reason.UPSTREAM_REFUSED)

    counts = {one.factor: one.count for one in people.failures(world.admin, "alice")}
    guesses = (9 if is_locked else 0) + (typed.isdigit() and not is_locked)
    assert counts == {"upstream": 1} | ({"oath": guesses} if guesses else {})


@pytest.mark.parametrize(
    ("mode", "tail", "typed", "rest"),
    [
        (Mode.APPEND, 0, b"pw,123456", b"pw"),
        (Mode.APPEND, 0, b"p,w,123456", b"p,w"),
        (Mode.APPEND, 0, b"pw123456", None),
        (Mode.AUTO, 6, b"pw123456", None),
    ],
)
def test_tail_of_a_server_is_split_off(
    world: World, mode: Mode, tail: int, typed: bytes, rest: bytes | None
) -> None:
    """The delimiter says where the password ends; `auto` without one takes it for a password."""
    world.person(has_token=False)
    upstreams(world, factor(tail=tail))
    one = Round(world, mode, "alice", typed)

    decision = one.start()

    if rest is None and mode is Mode.APPEND:
        assert decision == Reject(Reason.BAD_PASSCODE)
        return
    assert isinstance(one.attempt.asked, Question)
    assert one.attempt.asked.typed == (typed if rest is None else rest)
    if rest is not None:
        assert one.resume(RIGHT) is None
        assert one.asked.typed == CODE
        assert one.heard(ACCEPT) == Accept(Reason.PASSED)


@pytest.mark.parametrize(("typed", "rest"), [(b"pw123456", b"pw"), (b"123456", None), (b"1", None)])
def test_tail_of_fixed_length_is_split_off(world: World, typed: bytes, rest: bytes | None) -> None:
    """Without a delimiter the factor's length says where the password ends."""
    world.person(has_token=False)
    serve(world, client(APPEND, Mode.APPEND, factors=("securid",)), factors=(factor(tail=6),))
    one = Round(world, Mode.APPEND, "alice", typed)

    assert (one.start() is None) is (rest is not None)
    if rest is not None:
        assert isinstance(one.attempt.asked, Question)
        assert one.attempt.asked.typed == rest


def test_digits_before_a_servers_tail_are_a_guess_at_an_own_token(world: World) -> None:
    """Who has both and types a wrong tail has guessed at the own token, if nobody takes it."""
    alice = world.person()
    upstreams(world)
    assign(world, "alice")
    one = Round(world, Mode.APPEND, "alice", alice.password + b",000000")
    assert one.start() is None
    assert one.resume(RIGHT) is None

    assert one.failed(Reason.UNANSWERED) == Reject(Reason.UNANSWERED)

    assert [one.factor for one in people.failures(world.admin, "alice")] == ["oath"]


def test_primary_of_an_upstream_is_asked_about_the_password(world: World) -> None:
    """The password, or what stands before the tail, goes to the upstream; the code counts here."""
    alice = world.person()
    upstreams(world, primary="rsa", factors=("totp",))
    code = alice.code(world.now)
    one = Round(world, Mode.APPEND, "alice", b"pw," + code)
    assert one.start() is None
    assert one.asked.typed == b"pw"

    assert one.heard(ACCEPT) == Accept(Reason.PASSED)
    assert one.attempt.serial == alice.serial


def test_tail_locked_during_the_check_is_rejected(world: World) -> None:
    """A passcode found before the lock counts for nothing after it."""
    alice = world.person()
    upstreams(world, primary="rsa", factors=("totp",))
    one = Round(world, Mode.APPEND, "alice", b"pw," + alice.code(world.now))
    assert one.start() is None
    lock_kind(world, "oath", "append")

    assert one.heard(ACCEPT) == Reject(Reason.LOCKED)


@pytest.mark.parametrize(
    ("has_token", "is_dead", "decision"),
    [
        (False, False, Challenge(Reason.PASSCODE_WANTED)),
        (False, True, Reject(Reason.UPSTREAM_UNREACHABLE)),
        (True, True, Challenge(Reason.PASSCODE_WANTED)),
    ],
)
def test_passcode_is_asked_for_where_somebody_can_check_it(
    world: World, decision: Decision, *, has_token: bool, is_dead: bool
) -> None:
    """After the password: a question, unless the only server that could check is gone."""
    alice = world.person(has_token=has_token)
    upstreams(world)
    world.relays.dead |= {"rsa"} if is_dead else set()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None

    assert one.resume(RIGHT) == decision


def test_server_that_begins_by_itself_is_opened(world: World) -> None:
    """After the password the word is sent, and the answer decides."""
    alice = world.person(has_token=False)
    upstreams(world, factor(start_with=StartWith.WORD, word="push"))
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None
    assert one.resume(RIGHT) is None
    assert one.asked.typed == b"push"

    assert one.heard(ACCEPT) == Accept(Reason.PASSED)


class Ladder:
    """A person with a token that stands in for a server that is gone."""

    def __init__(self, world: World, **settings: Any) -> None:  # noqa: ANN401
        """Let the client ask for the server's factor only."""
        self.world = world
        self.alice = world.person()
        upstreams(world, **({"factors": ("securid",)} | settings))

    def gone(self, typed: bytes, proof: bytes = b"") -> Round:
        """Return a login whose server is gone."""
        one = Round(self.world, Mode.STEP_UP, "alice", typed, proof=proof)
        assert one.start() is None
        return one

    def answer(self, typed: bytes, wrong: int = 0) -> Decision | None:
        """Return what an answer to the other question leads to."""
        talk = Talk(missing="securid")
        one = Round(self.world, Mode.STEP_UP, "alice", typed, wrong, step=Step.INSTEAD, talk=talk)
        decision = one.start()
        assert one.attempt.missing == "securid"
        return decision


def test_other_factor_stands_in_at_once_or_is_asked_for(world: World) -> None:
    """Its passcode may have been typed already; else it is asked for, and both are told."""
    ladder = Ladder(world)
    one, other = ladder.gone(ladder.alice.code(world.now)), ladder.gone(b"a PIN and a code")

    assert one.failed(Reason.UPSTREAM_SILENT) == Accept(Reason.PASSED_INSTEAD)
    assert other.failed(Reason.UPSTREAM_BUSY) == Challenge(Reason.OTHER_PASSCODE_WANTED)
    assert (one.attempt.missing, one.attempt.kind) == ("securid", "totp")


def test_proof_is_no_passcode_of_the_other_factor(world: World) -> None:
    """What was hidden is not looked at, nor counted."""
    one = Ladder(world).gone(b"", PROOF)

    assert one.failed(Reason.UPSTREAM_SILENT) == Challenge(Reason.OTHER_PASSCODE_WANTED)
    assert people.failures(world.admin, "alice") == []


def test_client_that_shows_nothing_is_told_the_outage(world: World) -> None:
    """Where nobody can be asked, the reason is why the server could not be."""
    one = Ladder(world, shows_challenges=False).gone(b"000000")

    assert one.failed(Reason.UPSTREAM_BUSY) == Reject(Reason.UPSTREAM_BUSY)


def test_answer_to_the_other_question(world: World) -> None:
    """Right: in. Wrong: out, or asked again while there are tries. Locked: refused unseen."""
    ladder = Ladder(world, attempts=2)

    assert ladder.answer(b"000000") == Challenge(Reason.PASSCODE_WANTED)
    assert ladder.answer(b"000001", 1) == Reject(Reason.BAD_PASSCODE)
    assert ladder.answer(ladder.alice.code(world.now), 1) == Accept(Reason.PASSED_INSTEAD)
    lock_kind(world, "oath", "step-up")
    assert ladder.answer(ladder.alice.code(world.now, 1)) == Reject(Reason.LOCKED)


def test_answer_of_who_may_not_log_in_is_not_looked_at(world: World) -> None:
    """Disabled meanwhile is out."""
    ladder = Ladder(world)
    disable(world, ladder.alice)
    code = ladder.alice.code(world.now)
    one = Round(world, Mode.STEP_UP, "alice", code, 0, step=Step.INSTEAD)

    assert one.start() == Reject(Reason.USER_DISABLED)


@pytest.mark.parametrize("step", Step)
def test_every_step_is_performed_and_nobody_is_let_in_by_it_alone(world: World, step: Step) -> None:
    """There is no step that nobody knows how to perform, and a wrong proof passes none."""
    one = Round(world, Mode.CHALLENGE, "alice", b"wrong", 0)
    one.attempt.step = step
    outcome = world.pipeline.parts.steps._performers[step](one.attempt, world.now, 0.0)
    assert outcome != PASSED
