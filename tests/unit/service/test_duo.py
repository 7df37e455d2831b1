"""Tests of `radiusmfa.service.duo`: every refusal first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.service_model import DuoFactor, DuoPrompt
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import AskService
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Asks, Failed, Reason, Unavailable
from radiusmfa.service import duo
from radiusmfa.service.dialogue import Query
from tests.duo import Device, Fault, Kind, Outcome, phone, token
from tests.duo_login import Shell
from tests.fakes import START

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

CODE: Final = "123456"
SHORT: Final = 4.0
"""Seconds of a client that gives up soon."""


@pytest.fixture
def shell() -> Shell:
    """Return Duo with Alice, who has a phone and a code, and never answers."""
    made = Shell()
    made.duo.add("alice", codes={CODE})
    return made


def _alice(shell: Shell, does: Outcome, after: float = 7.0, *devices: Device) -> None:
    alice = shell.duo.users["alice"]
    alice.does, alice.after = does, after
    alice.devices = list(devices) or alice.devices


def _reason(served: Served) -> Reason:
    assert isinstance(served.outcome, Failed), served
    return served.outcome.reason


# -- preauth says no, or nothing --


@pytest.mark.parametrize(
    ("status", "event"), [("disabled", Event.DENIED), ("locked_out", Event.LOCKED)]
)
@pytest.mark.parametrize("typed", ["", "push", CODE])
def test_account_that_may_not_is_refused(
    shell: Shell, status: str, event: Event, typed: str
) -> None:
    """Whoever Duo has disabled or locked does not get in, whatever they type; the text is Duo's."""
    shell.duo.users["alice"].status = status
    served = shell.ask(typed)

    assert served.outcome == Failed(Reason.UPSTREAM_REFUSED)
    assert served.event is event
    assert served.text.startswith("Your account is")
    assert shell.duo.paths() == ["preauth"]


def test_unknown_person_is_refused_where_the_policy_says_so(shell: Shell) -> None:
    """Unknown users: deny."""
    shell.duo.new_users = "deny"
    served = shell.ask(user="mallory")
    assert served.outcome == Failed(Reason.UPSTREAM_REFUSED)


def test_person_who_has_to_enrol_is_told_where_and_refused(shell: Shell) -> None:
    """The address is shown once; whatever is answered then is a no."""
    first = shell.ask(user="bob")

    assert first.outcome == UPSTREAM_ASKS
    assert first.event is Event.ENROLMENT_WANTED
    assert first.text == (
        "Enroll an authentication device to proceed\n"
        "https://simulator/portal?code=1b2c3d4e5f&akey=DAXXXXXXXXXXXXXXXXXX"
    )
    for typed in ("", CODE, "push"):
        second = shell.ask(typed, after=first, user="bob")
        assert second.outcome == Failed(Reason.NOT_ENROLLED)
        assert second.text == "Finish the enrolment, then log in again."
    assert shell.duo.paths() == ["preauth"]


@pytest.mark.parametrize("can_show", [True, False])
def test_person_who_has_to_enrol_is_refused_at_once(can_show: bool) -> None:  # noqa: FBT001
    """Without a question, or with `enrolment: no`, there is no second round."""
    shell = Shell(enrolment=not can_show)
    served = shell.ask(user="bob", can_show=can_show)
    assert served.outcome == Failed(Reason.NOT_ENROLLED)
    assert ("https://" in served.text) is not can_show


@pytest.mark.parametrize(
    "typed", ["1", "42", "hunter2", "12345", "12345678901", "push100", "\0", "pushx"]
)
def test_what_means_nothing_is_not_sent(shell: Shell, typed: str) -> None:
    """Duo never sees what is neither a word nor a passcode: it may be the password."""
    assert _reason(shell.ask(typed)) is Reason.BAD_PASSCODE
    assert shell.queries == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.EMPTY, Reason.UPSTREAM_UNREACHABLE),
        (Kind.BAD_JSON, Reason.UPSTREAM_UNREACHABLE),
        (Kind.NO_RESPONSE, Reason.UPSTREAM_UNREACHABLE),
        (Kind.PAGE, Reason.UPSTREAM_UNREACHABLE),
        (Kind.RESET, Reason.UPSTREAM_SILENT),
        (Kind.BAD_HEADER, Reason.UPSTREAM_SILENT),
        (Kind.SLOW, Reason.UPSTREAM_SILENT),
    ],
)
def test_duo_that_cannot_be_asked_is_unavailable(shell: Shell, kind: Kind, reason: Reason) -> None:
    """At the very first call: nobody could be asked, which is not a no."""
    shell.duo.faults.append(Fault(kind=kind, path="preauth", seconds=20.0))
    served = shell.ask(CODE)
    assert served.outcome == Unavailable(reason)
    assert served.trouble


def test_little_time_does_not_make_duo_a_silent_one(shell: Shell) -> None:
    """Whoever keeps us busy until a login has no time left is not let in for Duo's sake."""
    shell.is_silent = True
    assert _reason(shell.ask(CODE, seconds=1.0)) is Reason.TOO_LITTLE_TIME


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_duo_with_a_fault_is_unavailable(shell: Shell, status: int) -> None:
    """5xx at the first call."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=status))
    assert shell.ask(CODE).outcome == Unavailable(Reason.UPSTREAM_UNREACHABLE)


def test_duo_that_is_gone_is_unavailable(shell: Shell) -> None:
    """Nobody listens."""
    shell.is_down = True
    assert shell.ask(CODE).outcome == Unavailable(Reason.UPSTREAM_UNREACHABLE)


def test_silent_duo_is_known_before_the_time_is_over(shell: Shell) -> None:
    """A client that gives up soon still learns that another factor may count."""
    shell.is_silent = True
    served = shell.ask(CODE, seconds=5.0)
    assert served.outcome == Unavailable(Reason.UPSTREAM_SILENT)
    assert shell.now == START + 4.0


def test_no_time_at_all_is_no_outage(shell: Shell) -> None:
    """What ends because the login is over says nothing of Duo."""
    served = shell.ask(CODE, seconds=0.0)
    assert served.outcome == Failed(Reason.UNANSWERED)
    assert not served.trouble


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.RESET, Kind.STATUS])
def test_later_round_is_never_unavailable(shell: Shell, kind: Kind) -> None:
    """What fails after the first round is a no: nobody gets in by an outage in the middle."""
    shell.settings = Shell(prompt=DuoPrompt.MENU).settings
    first = shell.ask()
    shell.duo.faults.append(Fault(kind=kind, path="preauth"))
    assert isinstance(shell.ask("push", after=first).outcome, Failed)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (40001, Reason.UPSTREAM_MISCONFIGURED),
        (40002, Reason.UPSTREAM_REFUSED),
        (40101, Reason.UPSTREAM_MISCONFIGURED),
        (40102, Reason.UPSTREAM_MISCONFIGURED),
        (40103, Reason.UPSTREAM_MISCONFIGURED),
        (40104, Reason.UPSTREAM_MISCONFIGURED),
        (40105, Reason.UPSTREAM_MISCONFIGURED),
        (40106, Reason.UPSTREAM_MISCONFIGURED),
        (40199, Reason.UPSTREAM_MISCONFIGURED),
        (40301, Reason.UPSTREAM_MISCONFIGURED),
        (40401, Reason.UPSTREAM_MISCONFIGURED),
        (40901, Reason.UPSTREAM_REFUSED),
        (42901, Reason.UPSTREAM_BUSY),
    ],
)
@pytest.mark.parametrize("path", ["preauth", "/auth", "auth_status"])
def test_every_4xx_denies(shell: Shell, code: int, reason: Reason, path: str) -> None:
    """No error of 4xx, "too many" included, lets another factor or nobody stand in."""
    fault = Fault(kind=Kind.STATUS, path=path, status=code // 100, code=code, times=99)
    shell.duo.faults.append(fault)
    served = shell.ask("sms")
    assert served.outcome == Failed(reason)
    assert served.trouble


# -- passcodes --


@pytest.mark.parametrize("can_show", [True, False])
def test_wrong_passcode_is_refused(shell: Shell, can_show: bool) -> None:  # noqa: FBT001
    """A code that Duo does not know."""
    served = shell.ask("654321", can_show=can_show)
    assert served.outcome == Failed(Reason.BAD_PASSCODE)
    assert (served.way, served.text) == ("passcode", "Incorrect passcode. Please try again.")


def test_passcode_is_refused_the_second_time(shell: Shell) -> None:
    """Every code is good once."""
    assert shell.ask(CODE).outcome == PASSED
    assert shell.ask(CODE).outcome == Failed(Reason.REPLAYED_PASSCODE)


def test_account_that_locks_meanwhile_is_refused(shell: Shell) -> None:
    """The tenth wrong code locks."""
    for _ in range(9):
        assert _reason(shell.ask("654321")) is Reason.BAD_PASSCODE
    served = shell.ask("654321")
    assert served.outcome == Failed(Reason.UPSTREAM_REFUSED)
    assert served.event is Event.LOCKED


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.BAD_JSON, Kind.RESET, Kind.SLOW, Kind.STATUS])
@pytest.mark.parametrize("typed", [CODE, "push", "sms"])
def test_failure_of_auth_denies_and_is_not_repeated(shell: Shell, kind: Kind, typed: str) -> None:
    """Whatever becomes of the answer: it may have rung, so it is not sent again."""
    _alice(shell, Outcome.APPROVE)
    shell.duo.faults.append(Fault(kind=kind, path="/auth", seconds=20.0))
    served = shell.ask(typed)

    assert isinstance(served.outcome, Failed)
    assert shell.duo.paths().count("auth") == 1
    assert served.trouble
    assert CODE not in served.trouble


def test_passcode_lets_in(shell: Shell) -> None:
    """Codes of Duo Mobile, of tokens, and bypass codes."""
    shell.duo.users["alice"].codes |= {"987654321"}
    for code in (CODE, "987654321"):
        served = shell.ask(code, can_show=False)
        assert served.outcome == PASSED
        assert (served.way, served.person) == ("passcode", None)
        assert served.server == shell.settings.host
    assert shell.rings == []


# -- push and phone --


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (Outcome.DENY, Reason.PERSON_REFUSED),
        (Outcome.FRAUD, Reason.FRAUD_REPORTED),
        (Outcome.TIMEOUT, Reason.UNANSWERED),
        (Outcome.FAILS, Reason.UNANSWERED),
        (Outcome.LOCKED, Reason.UPSTREAM_REFUSED),
    ],
)
@pytest.mark.parametrize("way", ["push", "phone"])
def test_person_who_does_not_approve_is_refused(
    shell: Shell, does: Outcome, reason: Reason, way: str
) -> None:
    """No, fraud, nothing at all, a push that never arrives, an account that locks."""
    _alice(shell, does)
    served = shell.ask(way)

    assert served.outcome == Failed(reason)
    assert (served.way, served.device) == (way, "XXX-XXX-0100")
    assert served.person is not None
    assert served.text


@pytest.mark.parametrize("refused", [Reason.CALL_OPEN, Reason.CALL_LIMIT, Reason.COOLING_DOWN])
@pytest.mark.parametrize("typed", ["", "push", "phone", "sms"])
def test_nobody_is_called_who_must_not_be(shell: Shell, refused: Reason, typed: str) -> None:
    """Nothing rings, and nothing is sent, before it was asked whether it may."""
    shell.refused = refused
    served = shell.ask(typed)
    assert served.outcome == Failed(refused)
    assert shell.duo.rings == []


def test_device_that_is_not_there_is_refused(shell: Shell) -> None:
    """`push2` with one phone; `phone` for who has a token only."""
    assert _reason(shell.ask("push2")) is Reason.NO_USABLE_DEVICE
    shell.duo.users["alice"].devices = [token()]
    for typed in ("push", "phone", "sms", "auto"):
        served = shell.ask(typed)
        assert _reason(served) is Reason.NO_USABLE_DEVICE
        assert served.text == "None of your devices can do that."
    assert shell.duo.rings == []


def test_person_without_anything_usable_is_refused(shell: Shell) -> None:
    """A token alone, where nobody can be asked for its code."""
    shell.duo.users["alice"].devices = [token()]
    assert _reason(shell.ask(can_show=False)) is Reason.NO_USABLE_DEVICE
    shell.duo.users["alice"].devices = [phone("0100", "landline")]
    assert _reason(shell.ask()) is Reason.NO_USABLE_DEVICE


@pytest.mark.parametrize(("timeout", "seconds"), [(10.0, 6.4), (2.0, 0.0)])
def test_first_call_takes_no_longer_than_the_settings_say(
    shell: Shell, timeout: float, seconds: float
) -> None:
    """Of little time it gets a share; where `timeout` is less, that."""
    asked = AskService(service="duo", user="alice")
    tools = replace(shell.tools(8.0), timeout=timeout)
    query = next(duo.ask(shell.settings, asked, tools))
    assert isinstance(query, Query)
    assert query.seconds == pytest.approx(seconds)


def test_too_little_time_rings_nobody(shell: Shell) -> None:
    """Nobody taps within four seconds, and there is no question to go on with."""
    served = shell.ask("push", can_show=False, seconds=SHORT)
    assert served.outcome == Failed(Reason.TOO_LITTLE_TIME)
    assert shell.rings == []


def test_login_without_questions_ends_when_its_time_is_over(shell: Shell) -> None:
    """The answer leaves before the client gives up."""
    _alice(shell, Outcome.APPROVE, after=30.0)
    began = shell.now
    served = shell.ask("push", can_show=False, seconds=20.0)
    assert served.outcome == Failed(Reason.UNANSWERED)
    assert shell.now - began <= 20.0


@pytest.mark.parametrize(
    ("typed", "way", "device"),
    [
        ("", "push", "XXX-XXX-0100"),
        ("auto", "push", "XXX-XXX-0100"),
        ("PUSH", "push", "XXX-XXX-0100"),
        ("push2", "push", "XXX-XXX-0300"),
        ("phone", "phone", "XXX-XXX-0100"),
        ("phone2", "phone", "XXX-XXX-0200"),
    ],
)
def test_word_chooses_way_and_device(shell: Shell, typed: str, way: str, device: str) -> None:
    """A number counts among the devices that can do it; the audit learns who, how, how long."""
    devices = phone("0100"), phone("0200", "phone", "sms"), phone("0300", "push", "mobile_otp")
    _alice(shell, Outcome.APPROVE, 7.0, token(), *devices)
    served = shell.ask(typed, client="vpn")

    assert served.outcome == PASSED
    assert (served.way, served.device) == (way, device)
    assert served.person == pytest.approx(7.0, abs=0.1)
    (rung,), (ring,) = shell.rings, shell.duo.rings
    assert (rung.way, rung.device, rung.is_open) == (way, device, True)
    assert rung.to == ring.device
    assert ring.parameters.get("pushinfo", "") == ("Login%20at=vpn" if way == "push" else "")
    (opened,) = shell.opened
    assert opened.seconds == 65.0


@pytest.mark.parametrize(
    ("factors", "devices", "way"),
    [
        ("auto", ["push,phone"], "push"),
        ("auto", ["phone"], "phone"),
        ("phone,push", ["push,phone"], "phone"),
        ("push,phone", ["phone"], "phone"),
        ("sms,push", ["push,sms"], "sms"),
        ("passcode,push", ["push,mobile_otp"], ""),
        ("passcode,push", ["push"], "push"),
        ("push", ["phone,mobile_otp"], ""),
    ],
)
def test_first_factor_that_can_be_begins(
    shell: Shell, factors: str, devices: list[str], way: str
) -> None:
    """`factors` is in order of preference; what none of the devices can do is left out."""
    shell.settings = Shell(factors=tuple(map(DuoFactor, factors.split(",")))).settings
    _alice(shell, Outcome.APPROVE, 7.0, *(phone("0100", *one.split(",")) for one in devices))
    served = shell.ask()
    assert served.way == way
    if not way:
        assert (served.outcome, served.text) == (UPSTREAM_ASKS, "Passcode: ")
        assert served.event is Event.CODE_WANTED


def test_sms_does_not_begin_by_itself_without_questions(shell: Shell) -> None:
    """Codes that nobody can type are not sent."""
    shell.settings = Shell(factors=(DuoFactor.SMS, DuoFactor.PASSCODE, DuoFactor.PUSH)).settings
    _alice(shell, Outcome.APPROVE)
    assert shell.ask(can_show=False).way == "push"


def test_user_who_needs_none_gets_in(shell: Shell) -> None:
    """Bypass status, and unknown users where Duo's policy lets them in: the audit says so."""
    shell.duo.users["alice"].status = "bypass"
    shell.duo.new_users = "allow"
    for user in ("alice", "bob"):
        served = shell.ask(user=user)
        assert (served.outcome, served.way, served.is_waived) == (PASSED, "bypass", True)


def test_alias_is_the_name_at_duo(shell: Shell) -> None:
    """Duo knows the person by its own name; the push shows the one that they know."""
    shell.duo.add("a.smith", does=Outcome.APPROVE, after=1.0)
    assert shell.ask(alias="a.smith").outcome == PASSED
    (ring,) = shell.duo.rings
    assert (ring.user, ring.parameters["display_username"]) == ("a.smith", "alice")


@pytest.mark.parametrize("sends", [True, False])
def test_address_is_told_if_it_is_known(shell: Shell, sends: bool) -> None:  # noqa: FBT001
    """Duo's policies want it; it is never made up."""
    shell.settings = Shell(send_address=sends).settings
    shell.ask(CODE, address="192.0.2.7")
    shell.ask("654321")
    told = [one.get("ipaddr", "") for _, _, one in shell.duo.asked]
    assert told == (["192.0.2.7"] * 2 if sends else ["", ""]) + ["", ""]


# -- approve, then Enter --


def test_approve_then_enter(shell: Shell) -> None:
    """Where time is over the person is asked to approve, and the answer goes on with that push."""
    _alice(shell, Outcome.APPROVE, 20.0)
    first = shell.ask(seconds=8.0)

    assert first.outcome == UPSTREAM_ASKS
    assert first.text == "Approve the login on your phone, then press Enter."
    assert first.event is Event.PUSH_SENT
    shell.now += 15.0
    second = shell.ask("", after=first, seconds=8.0)
    assert second.outcome == PASSED
    assert (second.way, second.device) == ("push", "XXX-XXX-0100")
    assert second.person == pytest.approx(20.0, abs=0.1)
    assert len(shell.duo.rings) == len(shell.rings) == 1


def test_enter_before_approving_asks_again(shell: Shell) -> None:
    """Nothing rings again."""
    _alice(shell, Outcome.APPROVE, 30.0)
    first = shell.ask(seconds=8.0)
    second = shell.ask("", after=first, seconds=8.0)
    assert second.outcome == UPSTREAM_ASKS
    assert shell.ask("", after=second, seconds=30.0).outcome == PASSED
    assert len(shell.duo.rings) == 1


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (Outcome.DENY, Reason.PERSON_REFUSED),
        (Outcome.FRAUD, Reason.FRAUD_REPORTED),
        (Outcome.TIMEOUT, Reason.UNANSWERED),
    ],
)
def test_enter_after_a_no_is_refused(shell: Shell, does: Outcome, reason: Reason) -> None:
    """What was said between two rounds counts."""
    _alice(shell, does, 20.0)
    first = shell.ask(seconds=8.0)
    shell.now += 60.0
    assert shell.ask("", after=first).outcome == Failed(reason)


def test_code_instead_of_enter_is_a_passcode(shell: Shell) -> None:
    """Whoever cannot reach the phone types a code."""
    first = shell.ask(seconds=8.0)
    assert shell.ask("654321", after=first).outcome == Failed(Reason.BAD_PASSCODE)
    assert shell.ask(CODE, after=first).outcome == PASSED


def test_call_then_enter_has_its_own_text(shell: Shell) -> None:
    """Who is called is not told to approve."""
    first = shell.ask("phone", seconds=8.0)
    assert first.text == "Answer the call and do what it says, then press Enter."


def test_login_that_comes_again_goes_on(shell: Shell) -> None:
    """Somebody repeats the login: the same push counts, and nothing rings."""
    _alice(shell, Outcome.APPROVE, 20.0)
    shell.ask(seconds=8.0, can_show=False)
    (opened,) = shell.opened
    shell.goes_on = opened.state
    assert shell.ask(seconds=30.0, can_show=False).outcome == PASSED
    assert len(shell.duo.rings) == 1


@pytest.mark.parametrize("state", [b"", b"{}", b"\xff", b'{"v":1,"at":"ask"}', b"[1]"])
def test_state_of_something_else_is_lost(shell: Shell, state: bytes) -> None:
    """Neither a round nor a call goes on with what cannot be read."""
    if state:
        assert _reason(shell.ask(CODE, state=state)) is Reason.DIALOGUE_LOST
    shell.goes_on = state or b"x"
    assert _reason(shell.ask("push")) is Reason.DIALOGUE_LOST


# -- the number to be typed into the phone --


@pytest.mark.parametrize("verified", ["preauth", "message"])
def test_number_is_shown_before_the_push_is_answered(shell: Shell, verified: str) -> None:
    """The person sees it at once, not when the time is over."""
    _alice(shell, Outcome.APPROVE, 20.0)
    shell.duo.users["alice"].verified = verified
    began = shell.now
    first = shell.ask()

    assert shell.now == began
    assert first.outcome == UPSTREAM_ASKS
    number = next(iter(shell.duo.transactions.values())).steps[0][1].text.split()[4]
    assert f" {number} " in first.text
    assert first.text.endswith("press Enter here.")
    assert shell.ask("", after=first).outcome == PASSED
    assert len(shell.duo.rings) == 1


def test_number_of_a_push_that_is_approved_already_is_not_shown(shell: Shell) -> None:
    """Nobody is asked for what is done."""
    _alice(shell, Outcome.APPROVE, 0.0)
    shell.duo.users["alice"].verified = "preauth"
    assert shell.ask().outcome == PASSED


def test_number_is_shown_again(shell: Shell) -> None:
    """Enter too early."""
    _alice(shell, Outcome.APPROVE, 40.0)
    shell.duo.users["alice"].verified = "preauth"
    first = shell.ask(seconds=8.0)
    assert shell.ask("", after=first, seconds=8.0).text == first.text


def test_push_that_needs_a_number_is_refused_where_none_can_be_shown(shell: Shell) -> None:
    """Duo does not take it, and nothing rings."""
    shell.duo.users["alice"].verified = "preauth"
    served = shell.ask("push", can_show=False)
    assert served.outcome == Failed(Reason.UPSTREAM_REFUSED)
    assert shell.duo.rings == []


# -- messages --


def test_sms_asks_for_the_code(shell: Shell) -> None:
    """The next code's first digit is shown; the code lets in, once."""
    first = shell.ask("sms")

    assert first.outcome == UPSTREAM_ASKS
    assert first.text == ("Passcodes were sent to XXX-XXX-0100. Type the one that begins with 1: ")
    assert (first.event, first.way) == (Event.CODE_SENT, "sms")
    (rung,) = shell.rings
    assert (rung.way, rung.is_open) == ("sms", False)
    code = shell.duo.users["alice"].devices[0].sms[0]
    assert shell.ask("654321", after=first).outcome == Failed(Reason.BAD_PASSCODE)
    shell.now += 9
    served = shell.ask(code, after=first)
    assert (served.outcome, served.person) == (PASSED, 9.0)
    assert shell.ask(code, after=first).outcome == Failed(Reason.REPLAYED_PASSCODE)


def test_sms_without_questions_refuses_this_login(shell: Shell) -> None:
    """The codes are for the next one."""
    served = shell.ask("sms", can_show=False)
    assert served.outcome == Failed(Reason.UPSTREAM_REFUSED)
    assert served.event is Event.CODE_SENT
    assert served.text == "Passcodes were sent to your phone. Log in again with one of them."
    code = shell.duo.users["alice"].devices[0].sms[0]
    assert shell.ask(code, can_show=False).outcome == PASSED


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.STATUS, Kind.RESET])
def test_sms_asks_without_the_digit_if_it_has_to(shell: Shell, kind: Kind) -> None:
    """What only adorns the question stops nobody."""
    second = Fault(kind=kind, path="preauth")

    class _Late(list[Fault]):
        """Lets the first preauth pass."""

        def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            return iter([second] if shell.duo.rings and second.times else [])

        def remove(self, _: Fault) -> None:
            return

    shell.duo.faults = _Late()
    served = shell.ask("sms")
    assert served.text == "Passcodes were sent to XXX-XXX-0100. Type one of them: "


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.STATUS, Kind.RESET])
def test_sms_that_nobody_knows_of_is_refused(shell: Shell, kind: Kind) -> None:
    """Whether it was sent cannot be found out."""
    shell.duo.faults.append(Fault(kind=kind, path="auth_status"))
    served = shell.ask("sms")
    assert isinstance(served.outcome, Failed)
    assert served.way == "sms"


def test_sms_that_takes_a_moment_is_waited_for(shell: Shell) -> None:
    """Some networks are slow; one that never comes to an end is no answer."""
    shell.duo.sms_seconds = 3.0
    assert shell.ask("sms").outcome == UPSTREAM_ASKS
    shell.duo.sms_seconds, shell.duo.longest_poll = 999.0, 1.0
    served = shell.ask("sms")
    assert served.outcome == Failed(Reason.BAD_UPSTREAM_REPLY)
    assert served.way == "sms"


# -- the menu --


def test_menu_names_every_choice() -> None:
    """Each with the device; a number, a word or a code is an answer."""
    shell = Shell(prompt=DuoPrompt.MENU)
    shell.duo.add("alice", codes={CODE}, does=Outcome.APPROVE, after=1.0)
    first = shell.ask()

    assert first.outcome == UPSTREAM_ASKS
    assert first.event is Event.CHOICE_WANTED
    assert first.text == (
        "Duo login for alice\n"
        " 1. Push to XXX-XXX-0100\n"
        " 2. Call XXX-XXX-0100\n"
        " 3. Send passcodes to XXX-XXX-0100\n"
        "Passcode, or number (1-3): "
    )
    assert _reason(shell.ask("4", after=first)) is Reason.BAD_PASSCODE
    assert _reason(shell.ask("", after=first)) is Reason.BAD_PASSCODE
    for typed, way in (("1", "push"), ("2", "phone"), ("phone", "phone"), (CODE, "passcode")):
        served = shell.ask(typed, after=first)
        assert (served.outcome, served.way) == (PASSED, way)
        assert (served.person is None) is (way == "passcode")
    sent = shell.ask("3", after=first)
    assert isinstance(sent.outcome, Asks)
    assert shell.ask("push", after=sent).outcome == PASSED


def test_menu_is_not_shown_where_nobody_can_answer() -> None:
    """Then the first of `factors` begins."""
    shell = Shell(prompt=DuoPrompt.MENU)
    shell.duo.add("alice", does=Outcome.APPROVE, after=1.0)
    assert shell.ask(can_show=False).way == "push"


def test_choice_that_is_gone_is_refused() -> None:
    """Somebody has taken the phone away between two rounds, or disabled the person."""
    shell = Shell(prompt=DuoPrompt.MENU)
    alice = shell.duo.add("alice")
    first = shell.ask()
    alice.devices = [phone("0200")]
    assert _reason(shell.ask("1", after=first)) is Reason.NO_USABLE_DEVICE
    alice.status = "disabled"
    assert _reason(shell.ask("1", after=first)) is Reason.UPSTREAM_REFUSED
    alice.status = "unenrolled"
    assert _reason(shell.ask("1", after=first)) is Reason.NOT_ENROLLED
    assert shell.duo.rings == []


def test_menu_of_somebody_with_a_token_asks_for_its_code() -> None:
    """Nothing to choose from."""
    shell = Shell(prompt=DuoPrompt.MENU)
    shell.duo.add("alice", devices=[token()], codes={CODE})
    first = shell.ask()
    assert (first.text, first.event) == ("Passcode: ", Event.CODE_WANTED)
    assert shell.ask(CODE, after=first).outcome == PASSED


# -- clocks --


def test_clock_is_corrected(shell: Shell) -> None:
    """Ten minutes off: Duo's time is asked for once, and everybody after that has it."""
    shell.duo.skew = 600.0
    served = shell.ask(CODE)
    assert served.outcome == PASSED
    assert served.trouble == "this machine's clock is 600 s behind Duo's"
    assert shell.duo.paths() == ["preauth", "ping", "preauth", "auth"]
    shell.ask("654321")
    assert shell.duo.paths()[4:] == ["preauth", "auth"]


def test_nothing_secret_is_told(shell: Shell) -> None:
    """No secret key, code or signature in what is kept, shown, or told to a log."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, path="/auth", status=401))
    served = shell.ask(CODE)
    shown = json.dumps([repr(served), served.trouble, served.text, *map(repr, shell.queries)])
    assert CODE not in shown
    assert "deadbeef" not in shown
    assert "Basic" not in shown
