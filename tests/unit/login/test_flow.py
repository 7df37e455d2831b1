"""Who gets in: every walk through the flow table, for every mode, and what it must have proved."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Final

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge, Reject, Silence
from radiusmfa.login.flow import NAMES, RESUMED, STEPS, Next, Step, advance, begin, resumption
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_OTHER_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    UPSTREAM_ASKS,
    Asks,
    Failed,
    Outcome,
    Passed,
    Reason,
    Unavailable,
)

EVERY_OUTCOME: Final[tuple[Outcome, ...]] = (
    PASSED,
    *map(Failed, Reason),
    *map(Asks, Reason),
    *map(Unavailable, Reason),
    BROKEN,
)
# Why an upstream could not be asked at all; for nothing else may another factor stand in.
GONE: Final = {Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY}
# Why a login may fail open; whoever asks often enough makes others busy.
OUTAGE: Final = {Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE}
FAILED_OPEN: Final = Accept(Reason.FAILED_OPEN)
OF_A_FACTOR: Final = {Step.PASSCODE, Step.CLAIM, Step.FACTOR, Step.OPEN}
MOST_PROOFS: Final = 4  # of one login; more would be a circle

# What must have passed, in this order, before anybody gets in; and nothing else does.
APPENDED: Final = (Step.TAIL, Step.REST, Step.CLAIM)
APPENDED_ASKED: Final = (Step.TAIL, Step.REST, Step.PASSCODE)  # the token server wanted more
APPENDED_INSTEAD: Final = (Step.TAIL, Step.REST, Step.INSTEAD)
CHALLENGED: Final = (Step.PASSWORD, Step.PASSCODE)
OPENED: Final = (Step.PASSWORD, Step.OPEN)
CHALLENGED_INSTEAD: Final = (Step.PASSWORD, Step.INSTEAD)
WAIVED: Final = (Step.PASSWORD, Step.FACTOR)
FACTOR_FIRST: Final = (Step.PASSCODE, Step.LAST)
WITHOUT_PASSCODE: Final = {Reason.PASSWORD_ONLY, Reason.FACTOR_SKIPPED, Reason.NOT_ENROLLED_YET}
WAIVERS: Final = (None, *sorted(WITHOUT_PASSCODE), Reason.REMEMBERED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A client and a user: all that the flow is told of them."""

    mode: Mode
    waived: Reason | None = None
    opens: bool = False
    has_instead: bool = False
    fails_open: bool = False
    can_show: bool = False
    factor_first: bool = False

    @property
    def is_exempt(self) -> bool:
        """Whether no passcode is expected of the user."""
        return self.waived in WITHOUT_PASSCODE

    @property
    def is_remembered(self) -> bool:
        """Whether a passcode may come, or not."""
        return self.waived is Reason.REMEMBERED

    def __str__(self) -> str:
        """Return the settings, for a test's name."""
        told = [self.mode.value, *([self.waived.value] if self.waived else [])]
        for title in ("opens", "has_instead", "fails_open", "can_show", "factor_first"):
            told += [title] if getattr(self, title) else []
        return " ".join(told)

    def begin(self, resumed: Step | None = None) -> Step:
        """Return what such a login begins with."""
        return begin(
            self.mode, resumed=resumed, is_exempt=self.is_exempt, factor_first=self.factor_first
        )

    def advance(self, step: Step, outcome: Outcome, *, is_answer: bool) -> Next:
        """Return what follows in such a login."""
        return advance(
            self.mode,
            step,
            outcome,
            is_answer=is_answer,
            opens=self.opens,
            has_instead=self.has_instead,
            fails_open=self.fails_open,
            can_show=self.can_show,
            factor_first=self.factor_first,
            may_be_alone=self.is_remembered,
            waived=self.waived or Reason.PASSWORD_ONLY,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """
    One step of some login, its outcome, and what follows.

    Attributes:
        proved: The steps that had passed before, in order, over all rounds.
        step: What was asked.
        is_answer: Whether its round answers a challenge.
        outcome: Of the step.
        following: What `advance` says.
    """

    proved: tuple[Step, ...]
    step: Step
    is_answer: bool
    outcome: Outcome
    following: Next


YES_OR_NO: Final = (False, True)
CASES: Final = [
    Case(
        mode=mode,
        waived=waived,
        opens=opens,
        has_instead=has_instead,
        fails_open=fails_open,
        can_show=can_show,
        factor_first=factor_first,
    )
    for mode, waived, opens, has_instead, fails_open, can_show, factor_first in itertools.product(
        Mode, WAIVERS, YES_OR_NO, YES_OR_NO, YES_OR_NO, YES_OR_NO, YES_OR_NO
    )
    if mode is Mode.CHALLENGE or not factor_first
]
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=str)


def every_proof(case: Case) -> set[tuple[Step, ...]]:
    """Return what lets somebody in, written down by hand."""
    if case.mode is Mode.PROXY:
        return {(Step.BOTH,)}
    if case.mode is Mode.STEP_UP:
        # Nobody checks a password: neither exemption nor opening changes anything.
        return {(Step.PASSCODE,), *([(Step.INSTEAD,)] if case.has_instead else [])}
    if case.factor_first and not case.is_exempt:
        return {FACTOR_FIRST, *([(Step.INSTEAD, Step.LAST)] if case.has_instead else [])}
    return {(*proof, *last_of(case, proof)) for proof in password_first(case)}


def last_of(case: Case, proof: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return what comes after a passcode where the password comes last."""
    is_last = case.factor_first and proof[-1] in {Step.PASSCODE, Step.INSTEAD}
    return (Step.LAST,) if is_last else ()


def password_first(case: Case) -> set[tuple[Step, ...]]:
    """Return what lets somebody in where the password comes first, or with the passcode."""
    proofs: set[tuple[Step, ...]] = set()
    if case.mode in {Mode.APPEND, Mode.AUTO} and not case.is_exempt:
        proofs |= {APPENDED}
        proofs |= {APPENDED_ASKED} if case.can_show else set()
        proofs |= {APPENDED_INSTEAD} if case.has_instead else set()
    if case.mode in {Mode.CHALLENGE, Mode.AUTO} or case.waived:
        proofs |= {CHALLENGED_INSTEAD} if case.has_instead else set()
        proofs |= {OPENED} if case.opens else set()
        # A waiver is looked up where the token server does not begin by itself.
        proofs |= {WAIVED} if case.waived and not case.opens else set()
        # Our own prompt in these two modes; without it a token server has to ask.
        asks = case.mode is not Mode.APPEND and not case.opens
        proofs |= {CHALLENGED} if asks or case.can_show else set()
    return proofs


def every_open_door(case: Case) -> set[tuple[Step, ...]]:
    """Return after which proofs, and at which step, somebody gets in while it is gone."""
    is_possible = case.fails_open and not case.has_instead and not case.factor_first
    if not is_possible or case.mode in {Mode.STEP_UP, Mode.PROXY}:
        return set()
    doors: set[tuple[Step, ...]] = set()
    if case.mode in {Mode.APPEND, Mode.AUTO} and not case.is_exempt:
        doors |= {APPENDED}
        doors |= {APPENDED_ASKED} if case.can_show else set()
    if case.mode in {Mode.CHALLENGE, Mode.AUTO} or case.waived:
        doors |= {OPENED} if case.opens else {WAIVED}
        asks = case.mode is not Mode.APPEND and not case.opens
        doors |= {CHALLENGED} if asks or case.can_show else set()
    return doors


def outcomes_of(step: Step, case: Case) -> tuple[Outcome, ...]:
    """Return what a step may answer: only by a waiver there is nothing more to prove."""
    if step is Step.FACTOR and not case.waived:
        return tuple(outcome for outcome in EVERY_OUTCOME if outcome != PASSED)
    return EVERY_OUTCOME


@functools.cache
def every_edge(case: Case) -> tuple[Edge, ...]:
    """Return every step of every login there can be, however many rounds it has."""
    first = case.begin()
    pending: list[tuple[tuple[Step, ...], Step, bool]] = [((), first, False)]
    seen = set(pending)
    edges: list[Edge] = []
    while pending:
        proved, step, is_answer = pending.pop()
        assert len(proved) < MOST_PROOFS
        for outcome in outcomes_of(step, case):
            following = case.advance(step, outcome, is_answer=is_answer)
            edges.append(
                Edge(
                    proved=proved,
                    step=step,
                    is_answer=is_answer,
                    outcome=outcome,
                    following=following,
                )
            )
            so_far = (*proved, step) if outcome == PASSED else proved
            if isinstance(following, Step):
                later = so_far, following, is_answer
            elif isinstance(following, Challenge):
                resumed = case.begin(resumption(step, following.reason))
                later = so_far, resumed, True
            else:
                continue
            if later not in seen:
                seen.add(later)
                pending.append(later)
    return tuple(edges)


@EVERY_CASE
def test_promise_2_accept_needs_every_proof_the_mode_names(case: Case) -> None:
    """Nobody gets in without every proof that the mode names, and with them somebody does."""
    accepted = {
        (*edge.proved, edge.step)
        for edge in every_edge(case)
        if isinstance(edge.following, Accept) and edge.following != FAILED_OPEN
    }

    assert accepted == every_proof(case)


@EVERY_CASE
def test_promise_3_failing_open_is_said_by_name_and_follows_the_password(case: Case) -> None:
    """Only where it is set, after the right password, while the factor cannot be asked at all."""
    opened = [edge for edge in every_edge(case) if edge.following == FAILED_OPEN]

    assert {(*edge.proved, edge.step) for edge in opened} == every_open_door(case)
    for edge in opened:
        assert isinstance(edge.outcome, Unavailable)
        assert edge.outcome.reason in OUTAGE
        assert {Step.PASSWORD, Step.REST} & set(edge.proved)
        assert case.mode not in {Mode.STEP_UP, Mode.PROXY}
        assert not case.factor_first


@EVERY_CASE
def test_promise_2_accept_follows_a_passed_step_only(case: Case) -> None:
    """Whatever the last step answers other than Passed, the login is not accepted."""
    for edge in every_edge(case):
        if isinstance(edge.following, Accept) and edge.following != FAILED_OPEN:
            assert edge.outcome == PASSED


@EVERY_CASE
def test_promise_2_nothing_counts_as_proved_that_has_not_passed(case: Case) -> None:
    """What follows a refusal inside a round had nothing proved by it."""
    for edge in every_edge(case):
        if isinstance(edge.outcome, Failed) and isinstance(edge.following, Step):
            told = edge.step, edge.following, edge.proved
            assert told == (Step.TAIL, Step.PASSWORD, ())


@EVERY_CASE
def test_promise_2_waiver_counts_after_the_password_only(case: Case) -> None:
    """Without a second factor nobody gets in but by a waiver, after the right password."""
    for edge in every_edge(case):
        if edge.step is Step.FACTOR and isinstance(edge.following, Accept):
            assert edge.following == FAILED_OPEN or edge.following.reason is case.waived
            assert edge.proved == (Step.PASSWORD,)
            assert case.mode not in {Mode.STEP_UP, Mode.PROXY}


@EVERY_CASE
def test_promise_2_password_last_follows_the_right_passcode_only(case: Case) -> None:
    """Where the passcode comes first, nobody is asked for a password without a right one."""
    asked = [e for e in every_edge(case) if e.following == Challenge(Reason.PASSWORD_WANTED)]

    for edge in asked:
        assert edge.outcome == PASSED
        assert edge.step in {Step.PASSCODE, Step.INSTEAD}
    is_possible = any(Step.LAST in proof for proof in every_proof(case))
    assert bool(asked) is is_possible


@pytest.mark.parametrize("reason", [one for one in Reason if one not in WAIVERS])
def test_promise_2_no_other_reason_waives_a_factor(reason: Reason) -> None:
    """A second factor is waived for a reason of the short list, and for no other."""
    with pytest.raises(KeyError):
        advance(Mode.CHALLENGE, Step.FACTOR, PASSED, waived=reason)


@EVERY_CASE
def test_promise_2_stand_in_counts_while_servers_are_gone_only(case: Case) -> None:
    """Another factor is tried only where that of the user could not be asked, if there is one."""
    entered = [edge for edge in every_edge(case) if edge.following is Step.INSTEAD]

    for edge in entered:
        assert isinstance(edge.outcome, Unavailable)
        assert edge.outcome.reason in GONE
        assert edge.step in OF_A_FACTOR
        assert case.has_instead
    is_possible = case.has_instead and case.mode is not Mode.PROXY
    assert bool(entered) is is_possible


@EVERY_CASE
def test_promise_2_stand_in_takes_no_password_away(case: Case) -> None:
    """Where a password is asked for, it was right before another factor counts."""
    for edge in every_edge(case):
        if edge.step is Step.INSTEAD and case.mode is not Mode.STEP_UP:
            is_last = edge.following == Challenge(Reason.PASSWORD_WANTED)
            is_first = not isinstance(edge.following, Accept) and case.factor_first
            assert {Step.PASSWORD, Step.REST} & set(edge.proved) or is_last or is_first


@EVERY_CASE
def test_promise_3_broken_check_is_rejected_at_every_step(case: Case) -> None:
    """A check that breaks ends the login with a Reject, wherever it happens."""
    broken = {edge.following for edge in every_edge(case) if edge.outcome == BROKEN}

    assert broken == {Reject(Reason.BROKEN)}


@EVERY_CASE
def test_promise_3_want_of_room_is_answered_by_silence(case: Case) -> None:
    """Where we ourselves have no room, nothing is decided and nobody gets in."""
    silent = {edge.following for edge in every_edge(case) if edge.outcome == UNAVAILABLE}

    assert silent == {Silence(Reason.UNAVAILABLE)}


@EVERY_CASE
def test_promise_3_upstream_that_is_gone_is_a_reject_or_another_factor(case: Case) -> None:
    """A server that could not be asked lets nobody in, and the Reject says which way it was."""
    for edge in every_edge(case):
        if isinstance(edge.outcome, Unavailable) and edge.outcome != UNAVAILABLE:
            is_open = edge.following == FAILED_OPEN and case.fails_open
            assert is_open or edge.following in {Step.INSTEAD, Reject(edge.outcome.reason)}


@EVERY_CASE
def test_own_challenge_follows_the_right_password_only(case: Case) -> None:
    """We ask nobody for a passcode before the password was right, where one is asked for."""
    for edge in every_edge(case):
        if edge.following in {
            Challenge(ASKS_PASSCODE.reason),
            Challenge(ASKS_NEXT_PASSCODE.reason),
        }:
            is_proved = bool({Step.PASSWORD, Step.REST} & set(edge.proved))
            is_later = edge.is_answer or edge.step is Step.INSTEAD
            comes_first = case.mode is Mode.STEP_UP or case.factor_first
            assert is_proved or (comes_first and is_later)


@EVERY_CASE
def test_client_that_shows_nothing_is_never_sent_what_an_upstream_asks(case: Case) -> None:
    """Only our own prompts, in the modes that have them, reach a client that shows no others."""
    for edge in every_edge(case):
        if isinstance(edge.following, Challenge) and not case.can_show:
            assert case.mode in {Mode.CHALLENGE, Mode.AUTO}
            assert edge.outcome != UPSTREAM_ASKS
            is_own = edge.following.reason is Reason.PASSWORD_WANTED
            assert edge.step in {Step.FACTOR, Step.PASSCODE, *([Step.INSTEAD] if is_own else [])}


@EVERY_CASE
def test_challenge_is_sent_only_where_it_can_be_answered(case: Case) -> None:
    """Every step that asks is resumed by the answer; the others refuse."""
    for edge in every_edge(case):
        if isinstance(edge.following, Challenge):
            assert edge.step in RESUMED
            if edge.outcome == PASSED:
                assert edge.following == Challenge(Reason.PASSWORD_WANTED)
                assert case.factor_first
                continue
            assert isinstance(edge.outcome, Asks)
            assert edge.following.reason is edge.outcome.reason


@EVERY_CASE
def test_what_cannot_be_shown_is_refused_as_such(case: Case) -> None:
    """A dialogue that the client cannot show, or that cannot be resumed, ends in its own reason."""
    for edge in every_edge(case):
        if edge.outcome == UPSTREAM_ASKS and not isinstance(edge.following, Challenge):
            assert edge.following == Reject(Reason.CHALLENGE_NOT_SHOWN)
            assert not case.can_show or edge.step in {Step.TAIL, Step.REST}


@EVERY_CASE
def test_answer_asks_for_nothing_again_that_was_proved(case: Case) -> None:
    """What was proved before a challenge is not asked for once more, nor in another order."""
    for edge in every_edge(case):
        assert edge.step not in edge.proved
        assert edge.step is not Step.TAIL or not edge.is_answer


@EVERY_CASE
def test_reject_tells_the_reason_of_the_failed_proof(case: Case) -> None:
    """A Reject holds the reason of the proof that failed last."""
    for edge in every_edge(case):
        if isinstance(edge.outcome, Failed) and not isinstance(edge.following, Step):
            assert edge.following == Reject(edge.outcome.reason)


@EVERY_CASE
def test_accept_tells_what_counted(case: Case) -> None:
    """The audit tells logins without a second factor, and by another one, from the rest."""
    reasons = {Step.FACTOR: case.waived, Step.INSTEAD: Reason.PASSED_INSTEAD}
    for edge in every_edge(case):
        if isinstance(edge.following, Accept):
            expected = reasons.get(edge.step, Reason.PASSED)
            expected = expected if edge.outcome == PASSED else Reason.FAILED_OPEN
            assert edge.following.reason is expected


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("is_exempt", YES_OR_NO, ids=["second-factor", "exempt"])
@pytest.mark.parametrize(
    ("asked", "resumed"),
    [
        pytest.param(Step.PASSWORD, Step.PASSWORD, id="PASSWORD"),
        pytest.param(Step.PASSCODE, Step.PASSCODE, id="PASSCODE"),
        pytest.param(Step.CLAIM, Step.PASSCODE, id="CLAIM"),
        pytest.param(Step.FACTOR, Step.PASSCODE, id="FACTOR"),
        pytest.param(Step.OPEN, Step.PASSCODE, id="OPEN"),
        pytest.param(Step.BOTH, Step.BOTH, id="BOTH"),
        pytest.param(Step.INSTEAD, Step.INSTEAD, id="INSTEAD"),
        pytest.param(Step.LAST, Step.LAST, id="LAST"),
    ],
)
def test_answer_goes_on_where_it_was_asked(
    mode: Mode, asked: Step, resumed: Step, *, is_exempt: bool
) -> None:
    """Whoever answers has to give what was asked for, exempt meanwhile or not."""
    assert RESUMED[asked] is resumed
    assert begin(mode, resumed=resumed, is_exempt=is_exempt) is resumed


@pytest.mark.parametrize("step", [Step.CLAIM, Step.FACTOR, Step.OPEN], ids=lambda step: step.name)
def test_promise_2_answer_begins_with_no_step_that_asks_nothing(step: Step) -> None:
    """Whoever writes a step into the store that lets in without a proof gains nothing by it."""
    assert begin(Mode.CHALLENGE, resumed=step, is_exempt=True) is Step.PASSCODE


@pytest.mark.parametrize("step", [Step.TAIL, Step.REST], ids=lambda step: step.name)
def test_step_that_no_answer_resumes_is_refused(step: Step) -> None:
    """No challenge resumes what needs a password and a passcode in one."""
    assert step not in RESUMED
    with pytest.raises(KeyError):
        begin(Mode.AUTO, resumed=step, is_exempt=False)


@pytest.mark.parametrize("is_exempt", YES_OR_NO, ids=["second-factor", "exempt"])
@pytest.mark.parametrize(
    ("mode", "step"),
    [(Mode.STEP_UP, Step.PASSCODE), (Mode.PROXY, Step.BOTH)],
    ids=lambda one: one.name,
)
def test_step_up_and_proxy_know_no_exemption(mode: Mode, step: Step, *, is_exempt: bool) -> None:
    """Where nobody here checks a password, something has to be proved by everybody."""
    assert begin(mode, resumed=None, is_exempt=is_exempt) is step


def test_wrong_tail_is_a_password_alone_in_auto_only() -> None:
    """In `auto` what ends in no passcode may be a password; in `append` it is refused."""
    wrong = Failed(Reason.BAD_PASSCODE)

    assert advance(Mode.AUTO, Step.TAIL, wrong) is Step.PASSWORD
    assert advance(Mode.APPEND, Step.TAIL, wrong) == Reject(Reason.BAD_PASSCODE)


@pytest.mark.parametrize("reason", [Reason.REPLAYED_PASSCODE, Reason.LOCKED])
def test_tail_that_is_surely_a_passcode_is_refused_in_auto_too(reason: Reason) -> None:
    """A used passcode, or one of somebody who is locked, is not tried as part of a password."""
    assert advance(Mode.AUTO, Step.TAIL, Failed(reason)) == Reject(reason)


@pytest.mark.parametrize("is_answer", YES_OR_NO, ids=["first", "answer"])
@pytest.mark.parametrize("can_show", YES_OR_NO, ids=["hidden", "shown"])
def test_other_passcode_is_asked_for_where_it_is_shown(*, is_answer: bool, can_show: bool) -> None:
    """While servers are gone the person is asked for another passcode, if the client shows that."""
    following = advance(
        Mode.APPEND, Step.INSTEAD, ASKS_OTHER_PASSCODE, is_answer=is_answer, can_show=can_show
    )

    shown = Challenge(Reason.OTHER_PASSCODE_WANTED)
    assert following == (shown if can_show else Reject(Reason.CHALLENGE_NOT_SHOWN))


@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.name)
@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
def test_only_passed_leads_on_or_in(mode: Mode, step: Step) -> None:
    """Nothing but Passed leads to an Accept, whichever step is asked in whichever mode."""
    told = itertools.product(YES_OR_NO, repeat=7)
    for outcome, (
        is_answer,
        opens,
        has_instead,
        fails_open,
        can_show,
        factor_first,
        may_be_alone,
    ) in itertools.product(EVERY_OUTCOME, told):
        following = advance(
            mode,
            step,
            outcome,
            is_answer=is_answer,
            opens=opens,
            has_instead=has_instead,
            fails_open=fails_open,
            can_show=can_show,
            factor_first=factor_first,
            may_be_alone=may_be_alone,
        )

        if following == FAILED_OPEN:
            assert fails_open
            assert mode not in {Mode.STEP_UP, Mode.PROXY}
            assert step in OF_A_FACTOR
            assert not factor_first
            assert is_answer or step is not Step.PASSCODE
            assert outcome in {Unavailable(reason) for reason in OUTAGE}
            continue
        assert not isinstance(following, Accept) or isinstance(outcome, Passed)
        if isinstance(following, Step) and outcome != PASSED:
            assert (step, following) == (Step.TAIL, Step.PASSWORD) or following is Step.INSTEAD


def test_every_step_has_its_name_both_ways() -> None:
    """What a challenge keeps of a step leads back to it."""
    assert [NAMES[step] for step in Step] == [step.name for step in Step]
    assert [STEPS[step.name] for step in Step] == list(Step)
    assert len({hash(step) for step in Step}) == len(Step)
