"""Asking a web server over real TLS on loopback: what goes wrong is told, and lets go."""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.web.client import (
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from radiusmfa.server import https
from radiusmfa.server.connecting import UnopenedError
from radiusmfa.server.https import LARGEST_BODY_OCTETS, Https, UnaskedError
from radiusmfa.service.dialogue import Query
from tests.servicenow import HTML, PASSWORD, Mood, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.server.https import Reply
    from tests.loop import Loop

PATH: Final = "/api/now/table/sys_user"
HEADERS: Final = {"Authorization": "Basic cmFkaXVzbWZhOndoYXQgdGhlIGFjY291bnQgc2F5cw=="}


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """Serve over TLS."""
    with Running(ca) as made:
        yield made


def get(loop: Loop, one: Https, parameters: list[tuple[str, str]] | None = None) -> Reply:
    """Return what the server answers."""
    return loop.run(one.get(PATH, parameters or [], HEADERS))


def why(loop: Loop, one: Https) -> str:
    """Return why the server cannot be asked."""
    with pytest.raises(UnaskedError) as caught:
        get(loop, one)
    assert PASSWORD not in str(caught.value)
    assert HEADERS["Authorization"] not in str(caught.value)
    return str(caught.value)


def test_other_authority_is_refused(loop: Loop, running: Running, tmp_path: Path) -> None:
    """A certificate that nobody we trust has issued ends the connection; nothing was sent."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))

    told = why(loop, Https(loop.reactor, running.url, tmp_path / "other.pem"))

    assert told == "its certificate is not trusted, not of this host, or TLS failed"
    assert running.simulator.asked == []


def test_authorities_of_the_system_are_those_without_a_file(loop: Loop, running: Running) -> None:
    """Without `ca_file` the system's authorities count: they do not know ours."""
    assert "not trusted" in why(loop, Https(loop.reactor, running.url, None))
    assert running.simulator.asked == []


def test_certificate_of_another_host_is_refused(loop: Loop, ca: trustme.CA, ca_file: Path) -> None:
    """A good certificate of another host is no good."""
    with Running(ca, "other.example") as other:
        assert "not of this host" in why(loop, Https(loop.reactor, other.url, ca_file))
        assert other.simulator.asked == []


def test_server_without_tls_is_refused(loop: Loop, ca_file: Path) -> None:
    """Who answers in clear to `https` gets no request."""
    with Running(None) as plain:
        url = plain.url.replace("http:", "https:")
        assert "TLS failed" in why(loop, Https(loop.reactor, url, ca_file))
        assert plain.simulator.asked == []


def test_nothing_older_than_tls_1_2_is_offered(loop: Loop, ca_file: Path) -> None:
    """The first thing that is sent offers TLS 1.3 and 1.2, and nothing else."""
    hellos: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        asking = Deferred.fromCoroutine(Https(loop.reactor, url, ca_file).get(PATH, [], {}))
        asking.addErrback(lambda _: None)
        loop.until(lambda: select.select([listening], [], [], 0)[0] != [])
        accepted, _ = listening.accept()
        with accepted:
            loop.until(lambda: select.select([accepted], [], [], 0)[0] != [])
            hellos.append(accepted.recv(8192))
        asking.cancel()
    (hello,) = hellos
    # Extension 43, supported_versions (RFC 8446 section 4.2.1).
    assert b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03" in hello


def test_server_that_is_not_there_is_told(loop: Loop, ca_file: Path) -> None:
    """A port where nothing listens is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    told = why(loop, Https(loop.reactor, f"https://127.0.0.1:{port}", ca_file))
    assert told == "cannot be reached (ConnectionRefusedError)"


def test_large_answer_is_not_read(loop: Loop, running: Running, ca_file: Path) -> None:
    """Beyond 64 KiB the connection is closed."""
    running.simulator.mood = Mood.LARGE
    one = Https(loop.reactor, running.url, ca_file)

    assert why(loop, one) == "answers more than 65536 octets"
    loop.until(lambda: not running.simulator.open)


def test_answer_in_part_is_none(loop: Loop, running: Running, ca_file: Path) -> None:
    """Fewer octets than were announced are no answer."""
    running.simulator.mood = Mood.SHORT

    assert why(loop, Https(loop.reactor, running.url, ca_file)) == "answers in part only"


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.DRIP])
def test_deadline_of_the_caller_closes_the_connection(
    loop: Loop, running: Running, ca_file: Path, mood: Mood
) -> None:
    """Whoever cancels lets go of the connection, before the head or in the middle of the body."""
    running.simulator.mood = mood
    ended: list[Failure] = []
    asking = Deferred.fromCoroutine(Https(loop.reactor, running.url, ca_file).get(PATH, [], {}))
    asking.addErrback(ended.append)
    loop.until(lambda: bool(running.simulator.asked))
    for _ in range(5):
        loop.reactor.iterate(0.02)

    asking.cancel()

    assert isinstance(ended[0].value, CancelledError)
    running.simulator.released.set()
    loop.until(lambda: not running.simulator.open)


def test_deadline_of_the_caller_ends_the_try_more(
    loop: Loop, running: Running, ca_file: Path
) -> None:
    """Whoever cancels while it is tried again waits no longer."""
    running.simulator.mood, running.simulator.hangs_up = Mood.SILENT, 1
    ended: list[Failure] = []
    asking = Deferred.fromCoroutine(Https(loop.reactor, running.url, ca_file).get(PATH, [], {}))
    asking.addErrback(ended.append)
    loop.until(lambda: len(running.simulator.asked) == 2)

    asking.cancel()

    assert [type(failure.value) for failure in ended] == [CancelledError]
    running.simulator.released.set()
    loop.until(lambda: not running.simulator.open)


@pytest.mark.parametrize("mood", [Mood.BOMB, Mood.GARBLED])
def test_packed_answer_is_none(loop: Loop, running: Running, ca_file: Path, mood: Mood) -> None:
    """Nobody wanted it packed: it is not unpacked, be it a bomb or nothing that was packed."""
    running.simulator.mood = mood

    told = why(loop, Https(loop.reactor, running.url, ca_file))

    assert told == "answers packed, which nobody wanted"
    loop.until(lambda: not running.simulator.open)


def test_deadline_of_the_caller_ends_a_look_up(loop: Loop, running: Running, ca_file: Path) -> None:
    """Whoever cancels while the address is looked up waits no longer, and is not tried again."""
    ended: list[Failure] = []
    asking = Deferred.fromCoroutine(Https(loop.reactor, running.url, ca_file).get(PATH, [], {}))
    asking.addErrback(ended.append)

    asking.cancel()

    assert [type(failure.value) for failure in ended] == [CancelledError]
    for _ in range(5):
        loop.reactor.iterate(0.02)
    assert running.simulator.asked == []


def test_deadline_of_the_caller_ends_connecting(loop: Loop, ca_file: Path) -> None:
    """A host that drops what is sent to it is let go as well."""
    ended: list[Failure] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as undo:
        # The kernel keeps these for who listens, and drops whoever comes after them.
        for _ in range(4):
            filler = undo.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - socket's own
            filler.connect_ex(full.getsockname())
        url = f"https://127.0.0.1:{full.getsockname()[1]}"
        asking = Deferred.fromCoroutine(Https(loop.reactor, url, ca_file).get(PATH, [], {}))
        asking.addErrback(ended.append)
        loop.until(lambda: bool(loop.reactor.getWriters()))  # type: ignore[no-untyped-call]

        asking.cancel()

    assert [type(failure.value) for failure in ended] == [CancelledError]


def test_connection_that_breaks_is_tried_once_more(
    loop: Loop, running: Running, ca_file: Path
) -> None:
    """One connection that ends without an answer is a moment's fault."""
    running.simulator.hangs_up = 1

    assert get(loop, Https(loop.reactor, running.url, ca_file)).status == 200
    assert len(running.simulator.asked) == 2


def test_connection_that_breaks_twice_is_told(loop: Loop, running: Running, ca_file: Path) -> None:
    """There is one try more, and no third."""
    running.simulator.hangs_up = 9

    told = why(loop, Https(loop.reactor, running.url, ca_file))

    assert told == "breaks off (ConnectionLost)"
    assert len(running.simulator.asked) == 2


def test_kept_connection_that_was_closed_meanwhile_costs_nothing(
    loop: Loop, running: Running, ca_file: Path
) -> None:
    """A server that closes an idle connection is asked on a new one."""
    one = Https(loop.reactor, running.url, ca_file)
    get(loop, one)
    hang_up_unseen(running)

    assert get(loop, one).status == 200


def test_connection_is_kept_and_closed(loop: Loop, running: Running, ca_file: Path) -> None:
    """Two requests take one handshake; `close` ends the connection."""
    one = Https(loop.reactor, running.url, ca_file)
    get(loop, one)
    kept = set(running.simulator.open)
    get(loop, one)
    assert running.simulator.open == kept
    assert len(kept) == 1

    one.close()

    loop.until(lambda: not running.simulator.open)


def query(**other: Any) -> Query:  # noqa: ANN401 - settings
    """Return a query that rings a phone, with other settings."""
    usual: dict[str, Any] = {
        "method": "POST",
        "path": "/auth/v2/auth",
        "body": b"username=alice",
        "headers": (("Authorization", "Bearer x"), ("X-Duo-Date", "now")),
    }
    return Query(**(usual | other))


def hang_up_unseen(running: Running) -> None:
    """Close what is kept open; the client learns of it only when it looks."""
    for kept in list(running.simulator.open):
        kept.shutdown(socket.SHUT_RDWR)


def keep(loop: Loop, one: Https, running: Running, count: int) -> None:
    """Have *count* connections kept."""
    asked = [Deferred.fromCoroutine(one.get(PATH, [], HEADERS)) for _ in range(count)]
    loop.until(lambda: all(each.called for each in asked))
    assert len(running.simulator.open) == count


def test_push_is_never_sent_twice(loop: Loop, running: Running, ca_file: Path) -> None:
    """Whoever hangs up may have rung the phone: what is not safe is not tried again."""
    running.simulator.hangs_up = 1

    with pytest.raises(UnaskedError) as caught:
        loop.run(Https(loop.reactor, running.url, ca_file).exchange(query()))

    assert not caught.value.is_unsent
    assert len(running.simulator.asked) == 1


def test_push_does_not_suffer_from_kept_connections(
    loop: Loop, running: Running, ca_file: Path
) -> None:
    """A server that closes idle connections rings the phone, once: a push has one of its own."""
    one = Https(loop.reactor, running.url, ca_file)
    keep(loop, one, running, 2)
    running.simulator.asked.clear()
    hang_up_unseen(running)

    loop.run(one.exchange(query()))

    (asked,) = running.simulator.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/auth/v2/auth", b"username=alice")
    assert asked.headers["connection"] == "close"
    one.close()


def test_push_takes_no_kept_connection(loop: Loop, running: Running, ca_file: Path) -> None:
    """Not even one that would do; and its own is closed when it is answered."""
    one = Https(loop.reactor, running.url, ca_file)
    keep(loop, one, running, 1)
    kept = set(running.simulator.open)

    loop.run(one.exchange(query()))

    assert running.simulator.asked[-1].headers["connection"] == "close"
    loop.until(lambda: set(running.simulator.open) == kept)
    one.close()


@pytest.mark.parametrize("count", [1, 3])
def test_safe_query_survives_every_kept_connection(
    loop: Loop, running: Running, ca_file: Path, count: int
) -> None:
    """However many were closed meanwhile, the try more is on a new one."""
    one = Https(loop.reactor, running.url, ca_file)
    keep(loop, one, running, count)
    hang_up_unseen(running)

    assert loop.run(one.exchange(query(method="GET", path=PATH, is_safe=True))).status == 401


def test_failure_after_the_handshake_is_not_unsent(
    loop: Loop, ca: trustme.CA, ca_file: Path
) -> None:
    """TLS that breaks when the request was read says nothing of what the server has done."""
    read: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        accepted, _ = listening.accept()
        with context.wrap_socket(accepted, server_side=True) as secured:
            read.append(secured.recv(8192))
            os.write(secured.fileno(), b"in clear, in the middle of TLS")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(UnaskedError) as caught:
            loop.run(Https(loop.reactor, url, ca_file).exchange(query(is_safe=True)))
        thread.join()

    assert read
    assert not caught.value.is_unsent
    assert str(caught.value) == "breaks off (Error)"


def test_query_is_sent_as_it_is(loop: Loop, running: Running, ca_file: Path) -> None:
    """Method, path, parameters, headers and body are the dialogue's; a GET has no body."""
    one = Https(loop.reactor, running.url, ca_file)

    loop.run(one.exchange(query(parameters=(("a", "1"), ("b", "2 +&%")))))
    loop.run(one.exchange(query(method="GET", body=b"")))

    first, second = running.simulator.asked
    assert (first.method, first.path, first.body) == ("POST", "/auth/v2/auth", b"username=alice")
    assert first.query == {"a": "1", "b": "2 +&%"}
    assert (first.headers["authorization"], first.headers["x-duo-date"]) == ("Bearer x", "now")
    assert (second.method, second.body) == ("GET", b"")
    assert "content-length" not in second.headers


def test_other_wish_to_be_left_alone_is_handed_on(
    loop: Loop, running: Running, ca_file: Path
) -> None:
    """Some servers say it by another name."""
    running.simulator.status, running.simulator.later = 429, "X-Retry-After"
    running.simulator.retry_after = "9"

    reply = loop.run(Https(loop.reactor, running.url, ca_file).exchange(query()))

    assert reply[:2] == (429, "9")


def test_redirection_is_not_followed(loop: Loop, running: Running, ca_file: Path) -> None:
    """Where a server leads, the account's password does not go."""
    running.simulator.mood = Mood.ELSEWHERE

    assert get(loop, Https(loop.reactor, running.url, ca_file)).status == 302
    assert len(running.simulator.asked) == 1


def test_session_is_not_kept(loop: Loop, running: Running, ca_file: Path) -> None:
    """No request brings the cookie of another one."""
    one = Https(loop.reactor, running.url, ca_file)
    get(loop, one)
    get(loop, one)

    assert [asked for asked in running.simulator.asked if "cookie" in asked.headers] == []


def test_answer_is_handed_on_as_it_is(loop: Loop, running: Running, ca_file: Path) -> None:
    """Status, octets and the wish to be left alone: what they mean is decided elsewhere."""
    one = Https(loop.reactor, running.url, ca_file)
    running.simulator.mood = Mood.HTML
    assert get(loop, one) == (200, "", HTML)
    running.simulator.status, running.simulator.retry_after = 429, "7"
    assert get(loop, one)[:2] == (429, "7")


@pytest.mark.parametrize("more", [0, 1])
def test_limit_of_an_answer(loop: Loop, running: Running, ca_file: Path, more: int) -> None:
    """65536 octets are taken, one more is not."""
    row = running.simulator.add("sys_user", name="")
    row["name"] = "x" * (LARGEST_BODY_OCTETS + more - len(json.dumps({"result": [row]})))
    one = Https(loop.reactor, running.url, ca_file)

    if more:
        assert "more than" in why(loop, one)
    else:
        assert len(get(loop, one).octets) == LARGEST_BODY_OCTETS


def test_parameters_are_encoded(loop: Loop, running: Running, ca_file: Path) -> None:
    """Whatever stands in a parameter arrives as one, in the query only."""
    asked = [("sysparm_query", "a=b^start_date<=2027-01-01 00:00:00&c#d%+\u00e4")]
    get(loop, Https(loop.reactor, running.url, ca_file), asked)

    assert running.simulator.asked[0].query == dict(asked)
    assert running.simulator.asked[0].path == PATH


def test_form_is_sent_in_the_body(loop: Loop, running: Running, ca_file: Path) -> None:
    """Secrets of a form stand in no address; they may be any octets."""
    one = Https(loop.reactor, running.url, ca_file)

    loop.run(one.post("/oauth_token.do", [("client_secret", b"a&b=\xff")]))

    (asked,) = running.simulator.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/oauth_token.do", {})
    assert asked.body == b"client_secret=a%26b%3D%FF"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"


def test_plain_http_is_for_tests(loop: Loop) -> None:
    """What the configuration allows on loopback works."""
    with Running(None) as plain:
        one = Https(loop.reactor, plain.url, None)
        assert get(loop, one).status == 200
        one.close()


def test_body_needs_no_more_attention() -> None:
    """Twisted may pause, resume and stop what has been written whole."""
    body = https._Octets(b"abc")
    assert verifyObject(IBodyProducer, body)
    body.pauseProducing()
    body.resumeProducing()
    body.stopProducing()
    assert body.length == 3


def failed(kind: type[ResponseFailed], reason: Exception) -> ResponseFailed:
    """Return how Twisted tells that a response failed."""
    return kind([Failure(reason)])  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (UnopenedError("refuses"), False),
        (UnopenedError("breaks off", is_moment=True), True),
        (RequestTransmissionFailed([Failure(ConnectionLost())]), True),  # type: ignore[no-untyped-call]
        (failed(ResponseNeverReceived, ConnectionLost()), True),
        (failed(ResponseNeverReceived, SSL.Error()), False),
        (failed(ResponseFailed, ConnectionLost()), False),
    ],
)
def test_what_is_tried_again(error: Exception, *, is_lost: bool) -> None:
    """A connection that is lost before any answer is; TLS that fails, or half an answer, is not."""
    assert https._is_lost(error) is is_lost
