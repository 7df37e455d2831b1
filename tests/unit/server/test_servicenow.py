"""One instance: who we are to it, and when it is left alone; over HTTP on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from twisted.internet.defer import Deferred, gatherResults

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server.https import UnaskedError
from radiusmfa.server.servicenow import Instance
from tests.fakes import START, FakeClock
from tests.servicenow import ACCOUNT, CLIENT, CLIENT_SECRET, PASSWORD, Mood, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.login.errands import Approval
    from tests.loop import Loop

BASIC: Final[dict[str, object]] = {"user": ACCOUNT, "password": Secret(PASSWORD.encode())}
OAUTH: Final[dict[str, object]] = {"client_id": CLIENT, "password": Secret(CLIENT_SECRET.encode())}


class Desk:
    """
    A simulator with Alice and her approved change, and who asks it.

    Attributes:
        clock: Turned by tests.
        simulator: What is asked.
    """

    def __init__(self, loop: Loop, running: Running) -> None:
        """Employ Alice, and give her a change."""
        self._loop = loop
        self._url = running.url
        self.clock = FakeClock()
        self.simulator = running.simulator
        self.alice = self.simulator.person("alice")
        self.simulator.change(self.alice, START)
        self.simulator.person(ACCOUNT)

    def instance(self, **settings: object) -> Instance:
        """Return who asks, as an account unless told otherwise."""
        whole = {"url": self._url, **(settings or BASIC)}
        service = ServiceNow(**whole)  # type: ignore[arg-type]
        source = ApprovalSource(name="change", servicenow=service)
        return Instance(self._loop.reactor, self.clock, source, service)

    def ask(self, instance: Instance) -> Approval:
        """Return what is said of Alice."""
        return self._loop.run(instance.ask("alice"))

    def ask_together(self, instance: Instance) -> None:
        """Ask twice at the same time."""

        async def both() -> None:
            asked = (instance.ask("alice"), instance.ask("bob"))
            await gatherResults([Deferred.fromCoroutine(one) for one in asked])

        self._loop.run(both())

    def examine(self, instance: Instance) -> tuple[str, ...]:
        """Return what is wrong."""
        return self._loop.run(instance.examine())

    def why(self, instance: Instance) -> str:
        """Return why it cannot be asked; no secret is in it."""
        with pytest.raises(UnaskedError) as caught:
            self.ask(instance)
        told = str(caught.value)
        assert PASSWORD not in told
        assert CLIENT_SECRET not in told
        return told


@pytest.fixture
def desk(loop: Loop) -> Iterator[Desk]:
    """Return a simulator with Alice."""
    with Running(None) as running:
        yield Desk(loop, running)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "does not know the table or a field (400)"),
        (401, "does not take our account; look at its name and password (401)"),
        (403, "does not let our account read the table (403)"),
        (404, "has no such table, or hides it from our account (404)"),
        (302, "leads elsewhere; is the address right? (302)"),
        (202, "has a fault, or sleeps (202)"),
        (500, "has a fault, or sleeps (500)"),
        (503, "has a fault, or sleeps (503)"),
    ],
)
def test_status_but_200_is_no_answer(desk: Desk, status: int, told: str) -> None:
    """Whatever is not a plain yes of HTTP says nothing about an approval."""
    desk.simulator.status = status
    assert desk.why(desk.instance()) == told


def test_wrong_password_is_told(desk: Desk) -> None:
    """An account that is not taken is told as such, and asked once."""
    told = desk.why(desk.instance(user=ACCOUNT, password=Secret(b"wrong")))
    assert told == "does not take our account; look at its name and password (401)"
    assert len(desk.simulator.asked) == 1


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7), ("", 10), ("soon", 10), ("-1", 10), ("3600", 60), ("0", 0)],
)
def test_instance_that_wants_rest_gets_it(desk: Desk, retry_after: str, seconds: int) -> None:
    """After 429 nothing is sent for as long as it says, a minute at most."""
    instance = desk.instance()
    desk.simulator.status, desk.simulator.retry_after = 429, retry_after
    assert desk.why(instance) == "asks us to wait (429)"
    desk.simulator.status = 0
    if seconds:
        desk.clock.advance(seconds - 0.1)
        assert desk.why(instance) == "has asked us to wait (429)"
        assert len(desk.simulator.asked) == 1
        desk.clock.advance(0.2)

    assert desk.ask(instance).reason is None


def test_answer_that_is_none_is_unavailable(desk: Desk) -> None:
    """A page, half of JSON, or records with an error behind them: nobody gets in."""
    instance = desk.instance()
    for mood in (Mood.HTML, Mood.TRUNCATED, Mood.CUT_OFF):
        desk.simulator.mood = mood
        assert desk.ask(instance).reason is Reason.APPROVAL_UNAVAILABLE


def test_account_is_shown_by_basic_authentication(desk: Desk) -> None:
    """The account's name and password stand in a header, and nowhere else."""
    assert desk.ask(desk.instance()).evidence == "CHG0030001"

    for asked in desk.simulator.asked:
        assert asked.headers["authorization"].startswith("Basic ")
        assert not [value for value in asked.query.values() if ACCOUNT in value]


def test_token_is_fetched_once(desk: Desk) -> None:
    """A client gets a token with its first question, and keeps it."""
    instance = desk.instance(**OAUTH)

    desk.ask(instance)
    desk.ask(instance)

    assert desk.simulator.paths().count("oauth_token.do") == 1
    assert {one.headers["authorization"] for one in desk.simulator.asked[1:]} == {"Bearer token-1"}


def test_token_is_fetched_once_for_all(desk: Desk) -> None:
    """Who asks while a token is fetched waits for that one."""
    desk.ask_together(desk.instance(**OAUTH))

    assert desk.simulator.paths().count("oauth_token.do") == 1


def test_token_is_renewed_before_its_end(desk: Desk) -> None:
    """A token that is about to end is not used any more."""
    instance = desk.instance(**OAUTH)
    desk.ask(instance)

    desk.clock.advance(1768)
    desk.ask(instance)
    assert desk.simulator.paths().count("oauth_token.do") == 1
    desk.clock.advance(1)
    desk.ask(instance)

    assert desk.simulator.paths().count("oauth_token.do") == 2


def test_token_that_was_revoked_is_renewed_once(desk: Desk) -> None:
    """A 401 with a token fetches another; a second 401 is told."""
    instance = desk.instance(**OAUTH)
    desk.ask(instance)
    desk.simulator.tokens.clear()

    assert desk.ask(instance).reason is None
    assert desk.simulator.paths().count("oauth_token.do") == 2
    desk.simulator.status = 401
    assert "(401)" in desk.why(instance)


def test_client_that_is_not_taken_is_told(desk: Desk) -> None:
    """A wrong client secret gets no token, and no record is asked for."""
    told = desk.why(desk.instance(client_id=CLIENT, password=Secret(b"wrong")))

    assert "(401)" in told
    assert set(desk.simulator.paths()) == {"oauth_token.do"}


def test_answer_without_a_token_is_told(desk: Desk) -> None:
    """What is no token is not used."""
    desk.simulator.token_seconds = "soon"
    assert desk.why(desk.instance(**OAUTH)) == "answers without a token"


def test_examination_of_a_good_account_finds_nothing(desk: Desk) -> None:
    """An account that reads itself and a record of each table is well."""
    assert desk.examine(desk.instance()) == ()
    assert desk.simulator.paths() == ["sys_user", "change_request"]


def test_examination_tells_each_table(desk: Desk) -> None:
    """What is wrong is told by table; an instance that cannot be asked, too."""
    hidden = {row["sys_id"] for row in desk.simulator.tables["change_request"]}
    desk.simulator.hidden |= hidden
    (line,) = desk.examine(desk.instance())
    assert line == "change_request: no record can be read; give the account a role that may"

    desk.simulator.status = 403
    lines = desk.examine(desk.instance())
    assert lines == (
        "sys_user: does not let our account read the table (403)",
        "change_request: does not let our account read the table (403)",
    )


def test_closed_instance_keeps_no_connection(desk: Desk, loop: Loop) -> None:
    """`close` hangs up."""
    instance = desk.instance()
    desk.ask(instance)
    assert desk.simulator.open

    instance.close()

    loop.until(lambda: not desk.simulator.open)
