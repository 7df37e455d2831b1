"""The played token servers' dialogues, each with Debian's radclient and with our own NAS."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import pytest

from tests.live.clients import need
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT, OurNas, Radclient
from tests.live.token_server import TokenServer
from tests.live.token_users import (
    CODE,
    HOLDERS,
    NEXT_CODE,
    PASSCODE,
    PASSWORD,
    PIN,
    SYSTEM_PIN,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.token_clients import Asks, Said

_ECHO: Final = 1
_NO_ECHO: Final = 0
_NEXT: Final = "Wait for token to change,"
_NEW_PIN: Final = "Enter a new PIN having from 4 to 8 alphanumeric characters:"
_AGAIN: Final = "Please re-enter new PIN:"
_DONE: Final = "PIN Accepted.\r\nWait for the token code to change,\r\nthen enter the new passcode:"
_GENERATE: Final = "Are you prepared to accept a new system-generated PIN [y/n]?"
_SHOWN: Final = f"Your new PIN is: {SYSTEM_PIN}  Do you accept this [y/n]?"
_CHOICE: Final = "Press 'y' to generate a new PIN OR 'n' to enter a new PIN yourself [y/n]"
_VIP: Final = "Enter your security code"
_MICROSOFT: Final = "Enter Your Microsoft verification code"
_MENU: Final = "Passcode or option (1-3): "


@final
@dataclass(frozen=True, slots=True)
class Round:
    """
    One request of a dialogue and what must come back.

    Attributes:
        typed: User-Password.
        text: What Reply-Message must contain; an empty one must be absent.
        echo: What is typed next may be seen (Prompt).
    """

    typed: str
    text: str = ""
    echo: bool = False


@final
@dataclass(frozen=True, slots=True)
class Dialogue:
    """
    Challenges one after the other, and the end.

    Attributes:
        plays: The server.
        user: A key of its holders.
        rounds: All are answered by a challenge but the last.
    """

    plays: str
    user: str
    rounds: tuple[Round, ...]

    def __str__(self) -> str:
        """Return what pytest calls the case."""
        return "-".join([self.plays, self.user, *(repr(one.typed)[1:-1] for one in self.rounds)])


def _case(plays: str, user: str, *rounds: Round | str) -> Dialogue:
    """Return a dialogue; a mere text is typed and is answered without one."""
    told = tuple(one if isinstance(one, Round) else Round(one) for one in rounds)
    return Dialogue(plays, user, told)


_TO_PIN: Final = Round(CODE, _NEW_PIN)
_TO_AGAIN: Final = Round("abc123", _AGAIN)
_TO_DONE: Final = Round("abc123", _DONE)
_TO_GENERATE: Final = Round(CODE, _GENERATE, echo=True)
_TO_SHOWN: Final = Round("y", _SHOWN, echo=True)
_TO_CHOICE: Final = Round(CODE, _CHOICE, echo=True)

REFUSED: Final = (
    _case("securid", "nobody", PASSCODE),
    _case("securid", "normal", "wrong"),
    _case("securid", "normal", CODE),
    _case("securid", "normal", PIN + NEXT_CODE),
    _case("securid", "normal", ""),
    _case("securid", "once", "wrong"),
    _case("securid", "next", CODE),
    _case("securid", "next", Round(PASSCODE, _NEXT), CODE),
    _case("securid", "next", Round(PASSCODE, _NEXT), PIN + NEXT_CODE),
    _case("securid", "newpin", PASSCODE),
    _case("securid", "newpin", _TO_PIN, _TO_AGAIN, _TO_DONE, "abc123" + CODE),
    _case("securid", "newpin", _TO_PIN, _TO_AGAIN, _TO_DONE, "abc124" + NEXT_CODE),
    _case("securid", "syspin", _TO_GENERATE, "n"),
    _case("securid", "syspin", _TO_GENERATE, _TO_SHOWN, "n"),
    _case("securid", "syspin", _TO_GENERATE, _TO_SHOWN, Round("y", _DONE), PASSCODE),
    _case("securid", "choice", _TO_CHOICE, Round("y", _GENERATE, echo=True), "n"),
    _case("securid", "ondemand", PASSCODE),
    _case("securid", "ondemand", Round(PIN, _NEXT), CODE),
    _case("securid", "ondemand-newpin", _TO_PIN, _TO_AGAIN, _TO_DONE, "abc123" + NEXT_CODE),
    _case("vip", "uo", "123456"),
    _case("vip", "uo", "push"),
    _case("vip", "uo-deny", "PUSH"),
    _case("vip", "ulo", CODE),
    _case("vip", "ulo", PASSWORD + "123456"),
    _case("vip", "ulo", "correct mule" + CODE),
    _case("vip", "ulo", Round(PASSWORD, _VIP), "123456"),
    _case("vip", "ulo-deny", PASSWORD),
    _case("onespan", "otp", "123456"),
    _case("onespan", "otp-pin", CODE + PIN),
    _case("onespan", "otp-full", PIN + PASSWORD + CODE),
    _case("onespan", "challenge", CODE),
    _case("onespan", "challenge", Round(PASSWORD, "challenge: 482913"), "482913"),
    _case("onespan", "virtual", Round(PASSWORD, "one-time password"), PASSWORD + CODE),
    _case("onespan", "virtual-keyword", PASSWORD),
    _case("onespan", "virtual-keyword", Round("", "Enter password"), CODE),
    _case("onespan", "push", "correct mule"),
    _case("onespan", "push-deny", PASSWORD),
    _case("nps", "code", "correct mule"),
    _case("nps", "code", PASSWORD + CODE),
    _case("nps", "code", Round(PASSWORD, _MICROSOFT), "123456"),
    _case("nps", "push", "correct mule"),
    _case("nps", "push-deny", PASSWORD),
    _case("duo-proxy", "only", Round("sms", "SMS passcodes sent")),
    _case("duo-proxy", "only", Round("123456", "Incorrect passcode")),
    _case("duo-proxy", "only", Round("1", "Incorrect passcode")),
    _case("duo-proxy", "only-deny", "push"),
    _case("duo-proxy", "only-deny", ""),
    _case("duo-proxy", "auto", "correct mule"),
    _case("duo-proxy", "auto", f"correct mule,{CODE}"),
    _case("duo-proxy", "auto", Round(f"{PASSWORD},sms", "SMS passcodes sent")),
    _case("duo-proxy", "auto-deny", PASSWORD),
    _case("duo-proxy", "menu", "correct mule"),
    _case("duo-proxy", "menu", Round(PASSWORD, _MENU), Round("4", "Incorrect passcode")),
    _case("duo-proxy", "menu-deny", Round(PASSWORD, _MENU), "1"),
    _case("duo-proxy", "enroll", Round(PASSWORD, "Enroll at"), Round("", "Finish enrollment")),
    _case("generic", "plain", "correct mule"),
    _case("generic", "excuse", Round("correct mule", "Account locked, call 4242")),
    _case("generic", "timed", Round(PASSWORD, "Code, within", echo=True), "123456"),
    _case("generic", "wordy", Round(PASSWORD, "First line"), "123456"),
    _case("generic", "mute", Round(PASSWORD), "123456"),
    _case("generic", "push-deny", PASSWORD),
)

_WELCOME: Final = "PASSCODE accepted"
_LOGGED_IN: Final = "Success. Logging you in..."

ACCEPTED: Final = (
    _case("securid", "normal", Round(PASSCODE, _WELCOME)),
    _case("securid", "next", Round(PASSCODE, _NEXT), Round(NEXT_CODE, _WELCOME)),
    _case("securid", "next-long", Round(PASSCODE, _NEXT), Round(NEXT_CODE, _WELCOME)),
    _case("securid", "next-short", Round(PASSCODE, _NEXT), Round(NEXT_CODE, _WELCOME)),
    _case("securid", "newpin", _TO_PIN, _TO_AGAIN, _TO_DONE, Round("abc123" + NEXT_CODE, _WELCOME)),
    _case(
        "securid",
        "newpin",
        _TO_PIN,
        _TO_AGAIN,
        Round("abc124", f"Pins do not match--Please try again.\r\n{_NEW_PIN}"),
        _TO_AGAIN,
        _TO_DONE,
        Round("abc123" + NEXT_CODE, _WELCOME),
    ),
    _case(
        "securid",
        "newpin",
        _TO_PIN,
        Round("abc", f"Pin Rejected. {_NEW_PIN}"),
        Round("abc-123", f"Pin Rejected. {_NEW_PIN}"),
        Round("123456789", f"Pin Rejected. {_NEW_PIN}"),
        Round("12345678", _AGAIN),
        Round("12345678", _DONE),
        Round("12345678" + NEXT_CODE, _WELCOME),
    ),
    _case(
        "securid",
        "syspin",
        _TO_GENERATE,
        _TO_SHOWN,
        Round("y", _DONE),
        Round(SYSTEM_PIN + NEXT_CODE, _WELCOME),
    ),
    _case(
        "securid",
        "choice",
        _TO_CHOICE,
        Round("?", _CHOICE, echo=True),
        Round("y", _GENERATE, echo=True),
        _TO_SHOWN,
        Round("y", _DONE),
        Round(SYSTEM_PIN + NEXT_CODE, _WELCOME),
    ),
    _case(
        "securid",
        "choice",
        _TO_CHOICE,
        Round("n", _NEW_PIN),
        _TO_AGAIN,
        _TO_DONE,
        Round("abc123" + NEXT_CODE, _WELCOME),
    ),
    _case("securid", "ondemand", Round(PIN, _NEXT), Round(NEXT_CODE, _WELCOME)),
    _case(
        "securid",
        "ondemand-newpin",
        _TO_PIN,
        _TO_AGAIN,
        _TO_DONE,
        Round("abc123", _NEXT),
        Round(NEXT_CODE, _WELCOME),
    ),
    _case("vip", "uo", CODE),
    _case("vip", "uo", "PUSH"),
    _case("vip", "ulo", PASSWORD + CODE),
    _case("vip", "ulo", Round(PASSWORD, _VIP), CODE),
    _case("vip", "ulo-push", PASSWORD),
    _case("vip", "ulo-deny", PASSWORD + CODE),
    _case("onespan", "otp", CODE),
    _case("onespan", "otp-pin", PASSCODE),
    _case("onespan", "otp-full", PASSWORD + PASSCODE),
    _case("onespan", "challenge", Round(PASSWORD, "challenge: 482913"), CODE),
    _case("onespan", "virtual", Round(PASSWORD, "one-time password"), CODE),
    _case("onespan", "virtual-keyword", Round("", "Enter password"), PASSWORD + CODE),
    _case("onespan", "push", PASSWORD),
    _case("nps", "code", Round(PASSWORD, _MICROSOFT), CODE),
    _case("nps", "none", PASSWORD),
    _case("nps", "push", PASSWORD),
    _case("duo-proxy", "only", Round(CODE, _LOGGED_IN)),
    _case("duo-proxy", "only", Round("push", _LOGGED_IN)),
    _case("duo-proxy", "only", Round("", _LOGGED_IN)),
    _case("duo-proxy", "auto", Round(PASSWORD, _LOGGED_IN)),
    _case("duo-proxy", "auto", Round(f"{PASSWORD},push", _LOGGED_IN)),
    _case("duo-proxy", "auto", Round(f"{PASSWORD},{CODE}", _LOGGED_IN)),
    _case("duo-proxy", "menu", Round(PASSWORD, _MENU), Round("1", _LOGGED_IN)),
    _case("duo-proxy", "menu", Round(PASSWORD, _MENU), Round("phone", _LOGGED_IN)),
    _case("duo-proxy", "menu", Round(PASSWORD, _MENU), Round(CODE, _LOGGED_IN)),
    _case(
        "duo-proxy",
        "menu",
        Round(PASSWORD, _MENU),
        Round("3", "next code starts with: 2"),
        Round(CODE, _LOGGED_IN),
    ),
    _case("generic", "plain", PASSWORD),
    _case("generic", "rich", Round(PASSWORD, "Welcome")),
    _case("generic", "timed", Round(PASSWORD, "Code, within", echo=True), CODE),
    _case("generic", "wordy", Round(PASSWORD, "Grüße\r\n\x07\x1b[31mThird:"), CODE),
    _case("generic", "mute", Round(PASSWORD), CODE),
    _case("generic", "push", PASSWORD),
)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], TokenServer]]:
    """Return what gives the running server that plays a product, started with its first use."""
    need("freeradius", "radclient")
    running: dict[str, TokenServer] = {}
    with ExitStack() as stack:

        def server(plays: str) -> TokenServer:
            if plays not in running:
                folder = tmp_path_factory.mktemp(plays) / "raddb"
                running[plays] = stack.enter_context(TokenServer(folder, plays))
            return running[plays]

        yield server


@pytest.fixture(params=["radclient", "nas"])
def client(
    request: pytest.FixtureRequest, serve: Callable[[str], TokenServer]
) -> Iterator[Callable[[str], Asks]]:
    """Return what gives a client of the server that plays a product."""
    with ExitStack() as stack:
        yield (
            lambda plays: (
                Radclient(serve(plays))
                if request.param == "radclient"
                else OurNas(stack.enter_context(serve(plays).nas()))
            )
        )


@pytest.mark.parametrize("dialogue", REFUSED, ids=str)
def test_dialogue_is_refused(client: Callable[[str], Asks], dialogue: Dialogue) -> None:
    """Wherever a dialogue goes wrong, it ends with an Access-Reject and nothing to use."""
    last = _play(client(dialogue.plays), dialogue)

    assert last.code == REJECT
    assert last.state is None


@pytest.mark.parametrize("dialogue", ACCEPTED, ids=str)
def test_dialogue_is_accepted(client: Callable[[str], Asks], dialogue: Dialogue) -> None:
    """Whoever answers every challenge as the server wants it is accepted."""
    last = _play(client(dialogue.plays), dialogue)

    assert last.code == ACCEPT
    assert last.state is None


def test_every_holder_is_refused_and_accepted() -> None:
    """No user of a server is without a dialogue of each kind, but those tested elsewhere."""
    elsewhere = {"loop", "stateless", "silent", "User", "push-1", "push-3", "push-30"}
    both = {(one.plays, one.user) for one in (*REFUSED, *ACCEPTED)}
    everyone = {(plays, user) for plays, holders in HOLDERS.items() for user in holders}

    assert {user for _, user in everyone - both} <= elsewhere
    assert both - everyone == {("securid", "nobody")}


def _play(client: Asks, dialogue: Dialogue) -> Said:
    state = None
    states: set[bytes] = set()
    *asked, end = dialogue.rounds
    for one in asked:
        said = client.ask(dialogue.user, one.typed, state)
        assert said is not None, one
        assert (said.code, one.text in said.text) == (CHALLENGE, True), (one, said)
        assert bool(said.text) == bool(one.text)
        assert said.prompt == (_ECHO if one.echo else _NO_ECHO)
        assert said.state
        assert said.state not in states
        state = said.state
        states.add(state)
    last = client.ask(dialogue.user, end.typed, state)
    assert last is not None, end
    assert end.text in last.text
    assert bool(last.text) == bool(end.text)
    return last
