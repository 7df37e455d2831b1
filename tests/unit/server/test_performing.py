"""Tests of `radiusmfa.server.performing`: each request is done, and takes no longer than it may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from twisted.internet.defer import succeed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from radiusmfa.config.message_model import Gateway, MailTls, Smtp
from radiusmfa.config.service_model import Proxy, Questions, Service, Yubico
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.server.clock import SystemClock
from radiusmfa.server.performing import Performer, Round
from radiusmfa.server.ringing import Ringing
from radiusmfa.service.dialogue import (
    CheckHash,
    Done,
    Farewell,
    Lost,
    Mail,
    Next,
    Opened,
    Pause,
    Query,
    Race,
    Reply,
    Ring,
    Rung,
    Watch,
)
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.vault import Vault
from tests import mail_server, proxies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.web.http import Request as HttpRequest

    from radiusmfa.config.service_model import Settings
    from radiusmfa.service.dialogue import Dialogue, Request
    from tests.loop import Loop

ASKED: Final = AskService(service="it", user="alice", number=7)
LET_IN: Final = Served(outcome=PASSED)
HELLO: Final = Query(method="GET", path="/hello", is_safe=True)
OPENED: Final = Ring(way="push", is_open=True), Opened(state=b"tx", seconds=60)
SILENT: Final = Query(method="GET", path="/silent", is_safe=True)
CLOSED: Final = Query(method="POST", path="/closed")


class Server(Resource):
    """A web server: it answers, or does not, by the path."""

    isLeaf = True  # noqa: N815 - Twisted's

    def __init__(self) -> None:
        """Have been asked nothing."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked: list[tuple[bytes, bytes, bytes]] = []
        self.open: list[HttpRequest] = []
        self.given_up = 0

    def render(self, request: HttpRequest) -> Any:  # noqa: ANN401 - as Twisted has it
        """Answer."""
        content = request.content.read() if request.content else b""
        self.asked.append((request.method, request.uri, content))
        request.notifyFinish().addErrback(self._gone)
        if request.path == b"/silent":
            self.open.append(request)
            return NOT_DONE_YET
        if request.path == b"/closed":
            request.transport.abortConnection()  # type: ignore[union-attr]
            return NOT_DONE_YET
        request.setResponseCode(429)
        request.setHeader(b"X-Retry-After", b"7")  # type: ignore[no-untyped-call]
        return b"hello, " + content

    def _gone(self, _: object) -> None:
        self.given_up += 1


class Shell:
    """A performer with a real reactor and a real web server."""

    def __init__(self, loop: Loop, folder: Path) -> None:
        """Serve on loopback."""
        self.loop = loop
        self.server = Server()
        site = Site(self.server)  # type: ignore[no-untyped-call]
        port = loop.reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[no-untyped-call]
        self.port: int = port.getHost().port
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = SystemClock()
        self.calls = Calls(Vault.create(folder / "keys"))
        self.is_full = False

    def _flush(self) -> None:
        if not self.is_full:
            self.calls.written()

    def performer(
        self, settings: Settings | None = None, timeout: int = 10, proxy: Proxy | None = None
    ) -> Performer:
        """Return who performs for a service of *settings*, one that has a server."""
        service = Service(
            name="it", settings=settings or Gateway(url=self.url), timeout=timeout, proxy=proxy
        )
        ringing = Ringing(
            self.loop.reactor, self.clock, service, self.calls,
            pepper=b"pepper", entropy=bytes, flush=self._flush, alarm=lambda *_: "",
        )  # fmt: skip
        return Performer(
            self.loop.reactor, self.clock, service, ringing,
            lambda stored, typed: succeed(stored.encode() == typed),
        )  # fmt: skip

    def answers(
        self,
        *requests: Request,
        performer: Performer | None = None,
        seconds: float = 10.0,
    ) -> list[Any]:
        """Return what a dialogue that makes *requests* is told, one after the other."""
        told: list[Any] = []

        def ask() -> Dialogue:
            for request in requests:
                answer = yield request
                told.append(answer)
            return LET_IN

        ends = time.monotonic() + seconds
        turn = Round(ASKED, lambda: ends - time.monotonic())
        assert self.loop.run((performer or self.performer()).perform(ask(), turn)) == LET_IN
        return told


@pytest.fixture
def shell(loop: Loop, tmp_path: Path) -> Iterator[Shell]:
    """Serve."""
    made = Shell(loop, tmp_path)
    yield made
    for request in made.server.open:
        if request.transport is not None:
            request.transport.abortConnection()  # type: ignore[attr-defined]


def test_query_gets_the_reply(shell: Shell) -> None:
    """Method, path, parameters and body arrive; status, body and the wish to wait come back."""
    query = Query(method="POST", path="/x", parameters=(("a", "b&c"),), body=b"me")
    (reply,) = shell.answers(query)
    assert reply == Reply(status=429, octets=b"hello, me", retry_after="7", now=reply.now)
    assert abs(reply.now - time.time()) < 60
    assert shell.server.asked == [(b"POST", b"/x?a=b%26c", b"me")]


def test_silence_is_lost_after_the_querys_own_time(shell: Shell) -> None:
    """The login may still wait: the dialogue decides what comes next."""
    (lost,) = shell.answers(Query(method="GET", path="/silent", seconds=0.05))
    assert lost == Lost(why="has not answered within 0 s", now=lost.now)


def test_silence_is_lost_after_the_services_time(shell: Shell) -> None:
    """Where a query names no time, the service's counts."""
    query = Query(method="GET", path="/silent", seconds=0)
    (lost,) = shell.answers(query, performer=shell.performer(timeout=1))
    assert lost.why == "has not answered within 1 s"


def test_login_that_cannot_wait_is_over(shell: Shell) -> None:
    """At the deadline the dialogue learns that it has to end; afterwards nothing is sent."""
    first, second = shell.answers(SILENT, HELLO, seconds=0.1)
    assert first.is_over
    assert not first.is_unsent
    assert (second.is_over, second.is_unsent) == (True, True)
    assert [path for _, path, _ in shell.server.asked] == [b"/silent"]


def test_server_that_is_not_there_has_seen_nothing(shell: Shell) -> None:
    """Where there is no connection, it may be told that nothing was sent."""
    port = shell.loop.reactor.listenTCP(0, Site(Resource()), interface="127.0.0.1")  # type: ignore[no-untyped-call]
    url = f"http://127.0.0.1:{port.getHost().port}"
    port.stopListening()
    (lost,) = shell.answers(HELLO, performer=shell.performer(Gateway(url=url)))
    assert lost.is_unsent
    assert not lost.is_over


def test_what_may_have_arrived_is_never_sent_twice(shell: Shell) -> None:
    """A push that broke off may have rung: it is not sent again, and nobody says unsent."""
    (lost,) = shell.answers(CLOSED)
    assert not lost.is_unsent
    assert len(shell.server.asked) == 1


def test_service_is_asked_through_its_proxy(shell: Shell) -> None:
    """The proxy is asked for the way; what it refuses has not been sent."""
    with proxies.Proxy(leads_to=("127.0.0.1", shell.port)) as way:
        performer = shell.performer(proxy=Proxy(host="127.0.0.1", port=way.port))
        (reply,) = shell.answers(HELLO, performer=performer)
        assert reply.octets == b"hello, "
        assert way.heads[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % shell.port)
        performer.close()
        way.answer = (b"HTTP/1.1 403 Filtered\r\n\r\n",)
        (lost,) = shell.answers(HELLO, performer=performer)
        assert lost.is_unsent
        assert lost.why == f"proxy 127.0.0.1:{way.port} refuses (403)"
    assert len(shell.server.asked) == 1


def test_race_tells_the_first_answer_first(shell: Shell) -> None:
    """Each answer comes by itself; what is left under way at the end is given up."""
    performer = shell.performer(Yubico(urls=(shell.url, shell.url), client_id=1))
    queries = (SILENT, Query(method="GET", path="/hello", server=1))
    (reply,) = shell.answers(Race(queries=queries), performer=performer)
    assert (reply.status, reply.server) == (429, 1)
    shell.loop.until(lambda: shell.server.given_up == 1)


def test_race_ends_when_everybody_has_answered(shell: Shell) -> None:
    """One `Next` too many is told so, and waits for nobody."""
    first, second, third = shell.answers(Race(queries=(HELLO, CLOSED)), Next(), Next())
    assert {type(first), type(second)} == {Reply, Lost}
    assert third == Lost(why="nobody is left to be asked", now=third.now)


def test_hash_is_checked(shell: Shell) -> None:
    """The thread's answer comes back."""
    right, wrong = shell.answers(
        CheckHash(stored="x", typed=b"x"), CheckHash(stored="x", typed=b"y")
    )
    assert (right.is_right, wrong.is_right) == (True, False)


def test_pause_is_no_longer_than_the_login(shell: Shell) -> None:
    """A pause ends with the login's time; what follows says that it is over."""
    done, lost = shell.answers(Pause(3600), HELLO, seconds=0.1)
    assert isinstance(done, Done)
    assert lost.is_over


def test_farewell_is_sent_and_waited_for_by_nobody(shell: Shell) -> None:
    """The dialogue goes on at once; the server gets it all the same, and may say nothing."""
    (done,) = shell.answers(Farewell(SILENT), seconds=5)
    assert isinstance(done, Done)
    shell.loop.until(lambda: bool(shell.server.asked))


def test_call_is_rung_opened_and_watched(shell: Shell) -> None:
    """The watching dialogue has its own time; its end is the answer."""

    def watching() -> Dialogue:
        yield HELLO
        return Served(outcome=Failed(Reason.PERSON_REFUSED))

    rung, _, served = shell.answers(
        *OPENED,
        Watch(key="tx", dialogue=watching(), seconds=60),
    )
    assert rung == Rung()
    assert served.outcome == Failed(Reason.PERSON_REFUSED)


def test_nothing_is_rung_that_cannot_be_written(shell: Shell) -> None:
    """The store has no room: nobody's phone rings of which nobody would know after a restart."""
    shell.is_full = True
    (rung,) = shell.answers(Ring(way="push", is_open=True), seconds=0.05)
    assert rung == Rung(refused=Reason.UNAVAILABLE)
    shell.is_full = False
    assert shell.answers(Ring(way="push", is_open=True)) == [Rung()]


def test_watching_goes_on_when_the_login_is_over(shell: Shell) -> None:
    """The login is told in time; the phone's answer is still waited for."""
    ended: list[str] = []

    def watching() -> Dialogue:
        yield Pause(0.2)
        ended.append("heard")
        return LET_IN

    lost = shell.answers(*OPENED, Watch(key="tx", dialogue=watching(), seconds=60), seconds=0.05)[
        -1
    ]
    assert lost.is_over
    assert ended == []
    shell.loop.until(lambda: ended == ["heard"])


def test_watching_is_begun_and_not_waited_for(shell: Shell) -> None:
    """The person has to be told something first: the login goes on at once, and hears later."""
    ended: list[str] = []

    def watching() -> Dialogue:
        yield Pause(0.1)
        ended.append("heard")
        return LET_IN

    performer = shell.performer()
    begun = Watch(key="tx", dialogue=watching(), seconds=60, waits=False)
    lost = shell.answers(*OPENED, begun, performer=performer)[-1]
    assert lost.is_over
    assert ended == []
    shell.loop.until(lambda: ended == ["heard"])
    assert shell.answers(begun, performer=performer) == [LET_IN]


def test_call_that_was_never_opened_ends_with_its_round(shell: Shell) -> None:
    """The next login of that person may ring."""
    shell.answers(Ring(way="push", is_open=True))
    assert shell.answers(Ring(way="push", is_open=True)) == [Rung()]


def test_dialogue_that_breaks_is_told_to_the_caller(shell: Shell) -> None:
    """Its fault is not hidden here, and what it began is over."""

    def ask() -> Dialogue:
        yield Ring(way="push", is_open=True)
        raise ValueError("broken")

    turn = Round(ASKED, lambda: 10.0)
    with pytest.raises(ValueError, match="broken"):
        shell.loop.run(shell.performer().perform(ask(), turn))
    assert shell.answers(Ring(way="push", is_open=True)) == [Rung()]


def test_examination_is_performed_alike(shell: Shell) -> None:
    """What doctor wants to know is found out by the same requests."""

    def examine() -> Any:  # noqa: ANN401 - a generator of requests
        reply = yield HELLO
        return (f"it answered {reply.status}",)

    turn = Round(ASKED, lambda: 10.0)
    found = shell.loop.run(shell.performer().examine(examine(), turn))
    assert found == ("it answered 429",)


def test_service_without_servers_needs_none(shell: Shell) -> None:
    """Questions are asked of nobody."""
    performer = shell.performer(Questions())
    (done,) = shell.answers(CheckHash(stored="x", typed=b"x"), performer=performer)
    assert done.is_right
    performer.close()


MAIL: Final = Mail(to="alice@example.com", octets=b"Subject: hello\r\n\r\nhello\r\n")


def test_mail_is_handed_over_and_told(shell: Shell) -> None:
    """What the server says is a reply; where it says nothing in time, the mail is lost."""
    with mail_server.Running(None) as running:
        running.office.wants_login = False
        smtp = Smtp(host="127.0.0.1", port=running.port, tls=MailTls.NONE, sender="a@example.com")
        performer = shell.performer(smtp, timeout=1)
        (reply,) = shell.answers(MAIL, performer=performer)
        assert reply == Reply(status=250, octets=b"mail: taken", now=reply.now)
        running.office.mood = mail_server.Mood.UNKNOWN
        (reply,) = shell.answers(MAIL, performer=performer)
        assert reply.status == 550
        running.office.mood = mail_server.Mood.SILENT
        (lost,) = shell.answers(MAIL, performer=performer)
        assert lost == Lost(why="has not answered within 1 s", now=lost.now)
        (lost,) = shell.answers(MAIL, performer=performer, seconds=0.2)
        assert lost.is_over
        running.office.released.set()


def test_mail_of_a_service_that_carries_none_is_lost(shell: Shell) -> None:
    """Nothing leaves."""
    (lost,) = shell.answers(MAIL)
    assert lost == Lost(why="carries no mail", is_unsent=True, now=lost.now)


def test_gateway_gets_what_was_meant(shell: Shell) -> None:
    """A plus in an address is no blank."""
    query = Query(method="GET", path="/x", parameters=(("to", "+49 1"), ("text", "a&b=ä")))
    shell.answers(query)
    assert shell.server.asked == [(b"GET", b"/x?to=%2B49+1&text=a%26b%3D%C3%A4", b"")]
