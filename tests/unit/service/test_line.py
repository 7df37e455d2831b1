"""A service as a login speaks to it: what it is asked, and what its answers are worth."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from radiusmfa.config.message_model import Gateway
from radiusmfa.config.service_model import Duo, Service
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.account import Device, User
from radiusmfa.login.errands import AskService, Served
from radiusmfa.login.person import Person
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import BROKEN, PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.service.line import ServiceLine, plain
from radiusmfa.upstream.kept import EMPTY
from radiusmfa.upstream.line import Words
from radiusmfa.wire import codec

PEPPER: Final = b"the store's own secret"
DUO: Final = Duo(host="api-1.example", integration_key="DI", secret_key=Secret(b"key"))
PHONE: Final = Device(1, "SMS-1", "sms", b"+15005550006")
KEY: Final = Device(2, "ub1", "yubikey", b"")
PACKET: Final = codec.decode(
    codec.request(1, 0, bytes(16), b"", codec.SigningKey(Secret(b"sixteen octets!!")))
)


def line(name: str = "it", settings: Duo | Gateway = DUO, pepper: bytes = PEPPER) -> ServiceLine:
    """Return a service."""
    return ServiceLine(Service(name=name, settings=settings), pepper)


def alice(*devices: Device, name: str = "alice") -> User:
    """Return somebody."""
    return User(
        7, name, None, is_exempt=False, is_disabled=False, tokens=(), devices=devices
    )  # fmt: skip


def words(**others: Any) -> Words:  # noqa: ANN401 - of any type
    """Return what alice's login says; *others* are different."""
    usual: dict[str, Any] = {
        "packet": PACKET, "client": "vpn", "name": b"alice", "alias": "", "typed": b"123456",
        "proof": b"", "talk": None, "deadline": 19.0, "user": alice(),
    }  # fmt: skip
    return Words(**(usual | others))


def inquiry(one: ServiceLine | None = None, **others: Any) -> AskService:  # noqa: ANN401
    """Return what is asked."""
    asked = (one or line()).inquiry(words(**others))
    assert isinstance(asked, AskService)
    return asked


# -- what is asked --


def test_nobody_is_asked_about_a_stranger() -> None:
    """Without somebody whose login it is there is nobody to call."""
    assert line().inquiry(words(user=None)) is Reason.UNKNOWN_USER


def test_hash_of_a_proof_is_not_asked_about() -> None:
    """No service can read a code out of CHAP or MS-CHAP."""
    assert line().inquiry(words(proof=b"chap")) is Reason.UNSUPPORTED_METHOD


def test_inquiry_says_what_the_login_says() -> None:
    """Everything that a dialogue may need, from those who know it."""
    mail = (("mail", ("a@example.org",)),)
    person = Person(directory="corp", name="alice", dn="", attributes=mail)
    asked = inquiry(
        user=alice(PHONE, KEY), person=person, alias="asmith", address="192.0.2.7",
        can_show=True, has_password=True,
    )  # fmt: skip
    assert asked == AskService(
        service="it", user="alice", number=7, alias="asmith", typed=b"123456",
        attributes=mail, client="vpn", address="192.0.2.7",
        place=asked.place, can_show=True, has_password=True, deadline=19.0,
    )  # fmt: skip


def test_inquiry_names_the_devices_that_it_needs_alone() -> None:
    """A gateway for messages learns of no keys, and Duo, which has its own, of nothing."""
    texts = line(settings=Gateway(url="https://sms.example"))
    assert inquiry(texts, user=alice(PHONE, KEY)).devices == (PHONE,)
    assert inquiry(user=alice(PHONE, KEY)).devices == ()


def test_inquiry_goes_on_with_the_state_of_the_last_round() -> None:
    """What was left to remember comes back; at the beginning there is nothing."""
    assert inquiry(talk=Talk(upstream="it", state=b"tx")).state == b"tx"
    assert inquiry().state == b""


@pytest.mark.parametrize(
    "other",
    [
        {"client": "wifi"},
        {"user": alice(name="bob")},
        {"place": (b"192.0.2.1", b"")},
        {"place": (b"", b"192.0.2.1")},
        {"place": (b"192.0.2.1",)},
    ],
    ids=str,
)
def test_place_is_another_for_another_login(other: dict[str, Any]) -> None:
    """Whoever logs in elsewhere does not go on with this call."""
    here: dict[str, Any] = {"place": (b"192.0.2.1", b"nas")}
    assert inquiry(**(here | other)).place != inquiry(**here).place


def test_place_is_another_for_another_service_and_store() -> None:
    """Two services share no call; a stolen store tells nothing of places."""
    place = inquiry().place
    assert inquiry(line("other")).place != place
    assert inquiry(line(pepper=b"another")).place != place


def test_place_is_the_same_whatever_is_typed() -> None:
    """The same login again, with a word, a code or another deadline, is the same login."""
    place = inquiry(place=(b"192.0.2.1",)).place
    assert len(place) == 16
    again = inquiry(place=(b"192.0.2.1",), typed=b"push", deadline=99.0, can_show=True)
    assert again.place == place


def test_place_is_another_for_another_name_there() -> None:
    """A call that rang at somebody else's is not gone on with once the name is put right."""
    assert inquiry(alias="bob").place != inquiry(alias="alice").place


def test_only_a_question_leaves_something_to_remember() -> None:
    """What is over is over: a yes with a state would make the next answer the service's."""
    heard = line().heard(Served(outcome=PASSED, state=b"tx", is_waived=True), 0)
    assert (heard.state, heard.is_waived) == (b"", True)


# -- what an answer is worth --


@pytest.mark.parametrize(
    "outcome",
    [
        PASSED,
        BROKEN,
        Failed(Reason.PERSON_REFUSED),
        Failed(Reason.UNANSWERED),
        Unavailable(Reason.UPSTREAM_UNREACHABLE),
    ],
)
def test_outcome_is_the_dialogues(outcome: Outcome) -> None:
    """Texts and events decide nothing: what a dialogue says of the proof is the outcome."""
    served = Served(outcome=outcome, event=Event.PUSH_SENT, text="Welcome", state=b"tx")
    heard = line().heard(served, 0)
    assert (heard.outcome, heard.event, heard.kept) == (outcome, Event.PUSH_SENT, EMPTY)


@pytest.mark.parametrize(
    ("text", "state"), [("", b"tx"), ("Code: ", b""), ("\0\x1b\t", b"tx")], ids=str
)
def test_question_that_cannot_be_asked_is_refused(text: str, state: bytes) -> None:
    """Without a text there is nothing to see, without a state nothing to go on with."""
    heard = line().heard(Served(outcome=UPSTREAM_ASKS, text=text, state=state), 0)
    assert heard.outcome == Failed(Reason.BAD_CHALLENGE)
    assert (heard.state, heard.text) == (b"", "")


@pytest.mark.parametrize(("rounds", "ends"), [(0, False), (19, False), (20, True), (99, True)])
def test_questions_end(rounds: int, *, ends: bool) -> None:
    """A service that asks on and on is refused after twenty rounds."""
    heard = line().heard(Served(outcome=UPSTREAM_ASKS, text="Code: ", state=b"tx"), rounds)
    assert heard.outcome == (Failed(Reason.TOO_MANY_ROUNDS) if ends else UPSTREAM_ASKS)


@pytest.mark.parametrize(("echo", "prompt"), [(False, b""), (True, b"\0\0\0\1")])
def test_question_is_handed_on(prompt: bytes, *, echo: bool) -> None:
    """Text, state, time and whether the answer may be shown."""
    served = Served(outcome=UPSTREAM_ASKS, text="Code: ", state=b"tx", limit=40, echo=echo)
    heard = line().heard(served, 3)
    assert (heard.text, heard.state, heard.limit, heard.echo) == ("Code: ", b"tx", 40, prompt)


# -- texts --


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\r\ntwo\nthree", "one\ntwo\nthree"),
        ("bell\a, colour \x1b[31m, tab\t, nul\0, del\x7f", "bell, colour [31m, tab, nul, del"),
        ("C1 \x80\x9b\x9f, Grüße \u20ac \U0001f44d", "C1 , Grüße \u20ac \U0001f44d"),
        ("half \ud83d, turned \u202eround\u2069, ended\u2028", "half , turned round, ended"),
        ("x" * 1001, "x" * 1000),
    ],
)
def test_text_is_plain(text: str, shown: str) -> None:
    """Nothing that a service writes moves a cursor; line feeds are left."""
    assert plain(text) == shown


@given(some.text(some.characters(codec=None, exclude_categories=())))
def test_every_text_becomes_plain(text: str) -> None:
    """No control character is left, nothing is added, and all of it can be written."""
    shown = plain(text)
    assert all(sign == "\n" or ord(sign) >= 0x20 for sign in shown)
    assert not any(0x7F <= ord(sign) < 0xA0 for sign in shown)
    assert shown.encode() or not shown
    assert len(shown) <= min(len(text), 1000)
