"""Tests of `radiusmfa.service.duo_calls`: what is repeated, and what is not."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.service import duo_answers
from radiusmfa.service.duo_calls import Calls, Trouble, Why
from tests.duo import Fault, Kind
from tests.duo_login import Shell
from tests.fakes import START

if TYPE_CHECKING:
    from radiusmfa.service.duo_answers import Preauth

WHO: Final = {"username": "alice"}


@pytest.fixture
def shell() -> Shell:
    """Return Duo with Alice."""
    made = Shell()
    made.duo.add("alice")
    return made


def _preauth(shell: Shell, seconds: float = 70.0) -> Preauth | Trouble:
    calls = Calls(shell.settings, shell.tools(seconds))
    calling = calls.call("POST", "preauth", WHO, duo_answers.preauth)
    found: Preauth | Trouble = shell.perform(calling, shell.now + seconds)
    return found


def _why(found: Preauth | Trouble) -> Why:
    assert isinstance(found, Trouble)
    return found.why


def test_keys_of_somebody_else_are_no_good(shell: Shell) -> None:
    """What to do stands in the text; the keys do not."""
    shell.duo.keys = {"DI00000000000000000X": "x"}
    what = "it does not know the integration key: copy integration_key and host again (40102)"
    assert _preauth(shell) == Trouble(Why.MISCONFIGURED, f"preauth: {what}")
    shell.duo.keys = {shell.settings.integration_key: 40 * "x"}
    found = _preauth(shell)
    assert isinstance(found, Trouble)
    assert "copy secret_key again" in found.text
    assert "(40103)" in found.text


def test_application_of_another_type_is_no_good(shell: Shell) -> None:
    """40301: it is not one of the Auth API."""
    shell.duo.kind_of_key = "admin"
    found = _preauth(shell)
    assert isinstance(found, Trouble)
    assert "Auth API" in found.text


def test_clock_is_corrected_once(shell: Shell) -> None:
    """40105 again after that is somebody else's fault."""
    fault = Fault(kind=Kind.STATUS, path="preauth", status=401, code=40105, times=9)
    shell.duo.faults.append(fault)
    assert _why(_preauth(shell)) is Why.MISCONFIGURED
    assert shell.duo.paths() == ["preauth", "ping", "preauth"]


@pytest.mark.parametrize("kind", list(Kind))
def test_clock_that_cannot_be_corrected_is_told(shell: Shell, kind: Kind) -> None:
    """The ping fails: the clock is what is wrong."""
    shell.duo.skew = 4000.0
    shell.duo.faults.append(Fault(kind=kind, path="ping", seconds=20.0))
    found = _preauth(shell)
    assert isinstance(found, Trouble)
    assert "(40105)" in found.text


def test_clock_a_year_off_is_not_believed(shell: Shell) -> None:
    """Of the two clocks one is surely wrong."""
    shell.duo.skew = 400 * 86_400.0
    assert _why(_preauth(shell)) is Why.MISCONFIGURED
    assert shell.memory.offset == 0


@pytest.mark.parametrize(("skew", "offset"), [(0.4, 0.0), (-1.0, 0.0), (3.0, 3.0), (-90.0, -90.0)])
def test_offset_is_kept(shell: Shell, skew: float, offset: float) -> None:
    """For all logins after this one; a second more or less is none."""
    shell.duo.skew = skew
    calls = Calls(shell.settings, shell.tools())
    assert shell.perform(calls.correct(), shell.now + 10.0) is None
    assert (shell.memory.offset, shell.memory.is_known) == (offset, True)
    assert bool(calls.clock) is (abs(offset) > 5)


def test_too_many_is_waited_for(shell: Shell) -> None:
    """1, 2, 4 ... seconds and a bit."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, times=3))
    assert not isinstance(_preauth(shell), Trouble)
    assert shell.now == pytest.approx(START + 1.5 + 2.5 + 4.5, abs=0.01)


@pytest.mark.parametrize("header", ["Retry-After", "X-Retry-After"])
@pytest.mark.parametrize("said", ["7", formatdate(START + 7, usegmt=True)])
def test_retry_after_is_respected(shell: Shell, header: str, said: str) -> None:
    """Seconds, or a date."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, retry_after=said, header=header))
    assert not isinstance(_preauth(shell), Trouble)
    assert shell.now == START + 7


@pytest.mark.parametrize("said", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_retry_after_of_the_past_waits_a_second(shell: Shell, said: str) -> None:
    """Never at once: that would be a storm."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, retry_after=said))
    assert not isinstance(_preauth(shell), Trouble)
    assert shell.now == START + 1


@pytest.mark.parametrize("said", ["soon", "-5", "1e3", "Thu, 99 Jan 1970", "12345678"])
def test_retry_after_that_says_nothing_is_left_aside(shell: Shell, said: str) -> None:
    """As if it were not there."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, retry_after=said))
    assert not isinstance(_preauth(shell), Trouble)
    assert shell.now == pytest.approx(START + 1.5, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "said"), [(70.0, "61"), (20.0, "19.5"), (20.0, "20"), (2.0, ""), (3.0, "3")]
)
def test_too_many_ends_in_time(shell: Shell, seconds: float, said: str) -> None:
    """Longer than the login can wait, or than a minute: it is a no at once."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, retry_after=said, times=99))
    assert _why(_preauth(shell, seconds)) is Why.BUSY
    assert shell.now - START < seconds


def test_too_many_ends_after_six_tries(shell: Shell) -> None:
    """However long the login could wait."""
    shell.duo.faults.append(Fault(kind=Kind.STATUS, status=429, times=99))
    assert _why(_preauth(shell, 1000.0)) is Why.BUSY
    assert len(shell.queries) == 7


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(kind=Kind.STATUS, status=503), Why.BROKEN),
        (Fault(kind=Kind.STATUS, status=500), Why.BROKEN),
        (Fault(kind=Kind.EMPTY), Why.MALFORMED),
        (Fault(kind=Kind.BAD_JSON), Why.MALFORMED),
        (Fault(kind=Kind.NO_RESPONSE), Why.MALFORMED),
        (Fault(kind=Kind.PAGE), Why.MALFORMED),
        (Fault(kind=Kind.RESET), Why.SILENT),
        (Fault(kind=Kind.SLOW, seconds=20.0), Why.SILENT),
        (Fault(kind=Kind.STATUS, status=405), Why.REFUSED),
        (Fault(kind=Kind.STATUS, status=401, code=40199), Why.MISCONFIGURED),
        (Fault(kind=Kind.STATUS, status=407), Why.REFUSED),
    ],
    ids=lambda one: one.kind + str(one.status) if isinstance(one, Fault) else one.name,
)
def test_trouble_has_its_name(shell: Shell, fault: Fault, why: Why) -> None:
    """What went wrong is known to who decides; nothing of it is repeated."""
    shell.duo.faults.append(Fault(**vars(fault)))
    assert _why(_preauth(shell)) is why
    assert len(shell.queries) == 1


def test_time_that_is_over_is_told(shell: Shell) -> None:
    """Nothing is said of Duo then."""
    assert _why(_preauth(shell, 0.0)) is Why.OVER
    assert Calls(shell.settings, shell.tools(12.0)).left == 12.0


def test_codes_as_texts_are_understood(shell: Shell) -> None:
    """An error whose code is a text is the same error."""
    shell.duo.codes_as_text = True
    shell.duo.skew = 600.0
    assert not isinstance(_preauth(shell), Trouble)


def test_request_is_as_duo_wants_it(shell: Shell) -> None:
    """JSON in the body of a POST, parameters in the address of a GET; safe ones may be repeated."""
    _preauth(shell)
    calls = Calls(shell.settings, shell.tools())
    shell.perform(calls.call("GET", "auth_status", {"txid": "a-b"}, duo_answers.state), START + 9)
    first, second = shell.queries
    assert (first.path, first.body, first.parameters) == (
        "/auth/v2/preauth", b'{"username":"alice"}', (),
    )  # fmt: skip
    assert (second.body, second.parameters) == (b"", (("txid", "a-b"),))
    assert first.is_safe
    assert "alice" not in repr(first)
