"""The way to a web server: what a proxy does wrong is told, and lets go; TLS is the server's."""

from __future__ import annotations

import base64
import select
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest
import trustme
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface.verify import verifyObject

from radiusmfa.config import service_model
from radiusmfa.interfaces import ConfigError
from radiusmfa.secret import Secret
from radiusmfa.server.connecting import (
    LARGEST_EXCHANGE_OCTETS,
    LARGEST_HEAD_OCTETS,
    Endpoints,
    Tunnel,
    UnopenedError,
)
from radiusmfa.server.https import Https, UnaskedError
from tests.proxies import OPENED, Proxy
from tests.servicenow import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.internet.interfaces import IProtocol
    from twisted.python.failure import Failure

    from tests.loop import Loop

PATH: Final = "/api/now/table/sys_user"
REACHED: Final = 401
"""What the server answers to whoever brings no account of its own."""
USER: Final = "radiusmfä"
PASSWORD: Final = "what:the proxy says"
ACCOUNT: Final = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TLS_FAILED: Final = "its certificate is not trusted, not of this host, or TLS failed"


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """Serve over TLS."""
    with Running(ca) as made:
        yield made


@pytest.fixture
def proxy(running: Running) -> Iterator[Proxy]:
    """Lead to that server."""
    with Proxy(leads_to=("127.0.0.1", port_of(running))) as made:
        yield made


def port_of(running: Running) -> int:
    """Return the port of a server."""
    return int(running.url.rpartition(":")[2])


def through(proxy: Proxy, user: str = "") -> service_model.Proxy:
    """Return the settings of a proxy."""
    password = Secret(PASSWORD.encode() if user else b"")
    return service_model.Proxy(host=proxy.host, port=proxy.port, user=user, password=password)


def refusal(loop: Loop, one: Https, proxy: Proxy) -> str:
    """Return why there is no way, without the name of the proxy; and see that it is let go."""
    with pytest.raises(UnaskedError) as caught:
        loop.run(one.get(PATH, [], {}))
    assert caught.value.is_unsent
    assert PASSWORD not in str(caught.value)
    assert ACCOUNT not in str(caught.value)
    loop.until(lambda: not proxy.open)
    start = f"proxy 127.0.0.1:{proxy.port} "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("HTTP/1.1 403 Filtered", "refuses (403)"),
        ("HTTP/1.0 403 Filtered", "refuses (403)"),
        ("HTTP/1.1 403", "refuses (403)"),
        ("HTTP/1.1 302 Found", "refuses (302)"),
        ("HTTP/1.1 100 Continue", "refuses (100)"),
        ("HTTP/1.1 407 Proxy Authentication Required", "wants a user and a password (407)"),
        ("HTTP/1.1 502 Bad Gateway", "cannot reach the server (502)"),
        ("HTTP/1.1 503 Unavailable", "cannot reach the server (503)"),
        ("HTTP/1.1 504 Timeout", "cannot reach the server (504)"),
        ("HTTP/1.1 500 Oops", "refuses (500)"),
        ("HTTP/2 200", "answers no HTTP"),
        ("HTTP/1.1 2000 OK", "answers no HTTP"),
        ("HTTP/1.1 020 OK", "answers no HTTP"),
        ("HTTP/1.1 abc", "answers no HTTP"),
        ("HTTP/1.1", "answers no HTTP"),
        (" HTTP/1.1 200 OK", "answers no HTTP"),
        ("SSH-2.0-OpenSSH_9.2", "answers no HTTP"),
    ],
)
def test_refusal_of_a_proxy_is_told(
    loop: Loop, running: Running, proxy: Proxy, line: str, told: str
) -> None:
    """Whatever is no success opens no way, and nothing of what the proxy writes is repeated."""
    proxy.answer = (f"{line}\r\nContent-Length: 6\r\n\r\nsecret".encode(),)

    assert refusal(loop, Https(loop.reactor, running.url, None, through(proxy)), proxy) == told
    assert running.simulator.asked == []
    assert len(proxy.heads) == 1


def test_account_that_a_proxy_does_not_take_is_told(
    loop: Loop, running: Running, proxy: Proxy
) -> None:
    """Who has sent an account learns that it is wrong, and does not show it."""
    proxy.answer = (b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",)

    told = refusal(loop, Https(loop.reactor, running.url, None, through(proxy, USER)), proxy)

    assert told == "does not take this user and password (407)"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_proxy_that_hangs_up_is_told(
    loop: Loop, running: Running, proxy: Proxy, answer: bytes
) -> None:
    """The end before the end of the head opens no way; it may be a moment's fault."""
    proxy.answer, proxy.hangs_up = (answer,), True

    told = refusal(loop, Https(loop.reactor, running.url, None, through(proxy)), proxy)

    assert told == "ends the connection without an answer"
    assert len(proxy.heads) == 2


@pytest.mark.parametrize(
    "answer",
    [
        OPENED[:-2] + b"x" * (LARGEST_HEAD_OCTETS + 1),
        OPENED[:-2] + b"X-Long: " + b"x" * LARGEST_HEAD_OCTETS + b"\r\n\r\n",
    ],
    ids=["endless", "long"],
)
def test_long_head_is_not_read(loop: Loop, running: Running, proxy: Proxy, answer: bytes) -> None:
    """A proxy fills nobody's memory."""
    proxy.answer = (answer,)

    told = refusal(loop, Https(loop.reactor, running.url, None, through(proxy)), proxy)

    assert told == f"answers a head of more than {LARGEST_HEAD_OCTETS} octets"


def test_proxy_that_is_not_there_is_told(loop: Loop, running: Running) -> None:
    """A port where nothing listens is told as such, and so is a name that nobody has."""
    with Proxy() as gone:
        settings = through(gone)
    told = refusal(loop, Https(loop.reactor, running.url, None, settings), gone)
    assert told == "cannot be reached (ConnectionRefusedError)"

    nobody = service_model.Proxy(host="proxy.invalid", port=3128)
    with pytest.raises(UnaskedError, match=r"^proxy proxy\.invalid:3128 cannot be reached"):
        loop.run(Https(loop.reactor, running.url, None, nobody).get(PATH, [], {}))


@pytest.mark.parametrize("answer", [(), (b"HTTP/1.1 200 OK\r\n",)], ids=["nothing", "half"])
def test_silent_proxy_is_given_up(loop: Loop, proxy: Proxy, answer: tuple[bytes, ...]) -> None:
    """A proxy gets its time, and no more."""
    proxy.answer, proxy.leads_to = answer, None
    tunnel = Tunnel(loop.reactor, through(proxy), "192.0.2.1", 443, patience=0.1)

    with pytest.raises(UnopenedError, match=r"gives no answer in time$") as caught:
        loop.run(opened(tunnel, Listener()))

    assert not caught.value.is_moment
    loop.until(lambda: not proxy.open)


def test_certificate_of_the_proxy_s_choice_is_refused(
    loop: Loop, ca: trustme.CA, ca_file: Path, proxy: Proxy
) -> None:
    """Where a proxy leads to another server, its certificate is not that of the one we want."""
    url = "https://service.example.com"

    with pytest.raises(UnaskedError) as caught:
        loop.run(Https(loop.reactor, url, ca_file, through(proxy)).get(PATH, [], {}))
    assert str(caught.value) == TLS_FAILED
    assert caught.value.is_unsent

    with Running(ca, "service.example.com") as other:
        proxy.leads_to = "127.0.0.1", port_of(other)
        one = Https(loop.reactor, url, ca_file, through(proxy))
        assert loop.run(one.get(PATH, [], {})).status == REACHED
        one.close()


def test_server_may_have_an_address_of_version_6(
    loop: Loop, ca: trustme.CA, ca_file: Path, proxy: Proxy
) -> None:
    """An address is checked as one, and the server is told the one that was written."""
    with Running(ca, "2001:db8::1") as other:
        proxy.leads_to = "127.0.0.1", port_of(other)
        one = Https(loop.reactor, "https://[2001:db8::1]:8443", ca_file, through(proxy))
        assert loop.run(one.get(PATH, [("a", "b")], {})).status == REACHED
        one.close()

        (asked,) = other.simulator.asked
        assert (asked.path, asked.query) == (PATH, {"a": "b"})
        assert asked.headers["host"] == "[2001:db8::1]:8443"


def test_other_authority_is_refused_behind_a_proxy(
    loop: Loop, running: Running, proxy: Proxy, tmp_path: Path
) -> None:
    """A certificate that nobody we trust has issued is none, whoever brings it."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    one = Https(loop.reactor, running.url, tmp_path / "other.pem", through(proxy))

    with pytest.raises(UnaskedError, match="not trusted"):
        loop.run(one.get(PATH, [], {}))
    assert running.simulator.asked == []


@pytest.mark.parametrize("answer", [b"", OPENED], ids=["asking", "shaking"])
def test_deadline_of_the_caller_lets_go_of_a_proxy(
    loop: Loop, running: Running, proxy: Proxy, answer: bytes
) -> None:
    """Whoever cancels while the proxy or the handshake is waited for leaves nothing open."""
    proxy.answer, proxy.leads_to = (answer,), None
    ended: list[Failure] = []
    one = Https(loop.reactor, running.url, None, through(proxy))
    asking = Deferred.fromCoroutine(one.get(PATH, [], {}))
    asking.addErrback(ended.append)
    loop.until(lambda: bool(proxy.heads))
    for _ in range(5):
        loop.reactor.iterate(0.02)

    asking.cancel()

    assert [type(failure.value) for failure in ended] == [CancelledError]
    loop.until(lambda: not proxy.open)
    assert loop.reactor.getDelayedCalls() == []


def test_deadline_of_the_caller_ends_connecting_to_a_proxy(loop: Loop, running: Running) -> None:
    """Whoever cancels before the proxy has taken the connection waits no longer."""
    ended: list[Failure] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as undo:
        # The kernel keeps these for who listens, and drops whoever comes after them.
        for _ in range(4):
            filler = undo.enter_context(socket.socket())
            filler.setblocking(False)  # noqa: FBT003 - socket's own
            filler.connect_ex(full.getsockname())
        settings = service_model.Proxy(host="127.0.0.1", port=full.getsockname()[1])
        one = Https(loop.reactor, running.url, None, settings)
        asking = Deferred.fromCoroutine(one.get(PATH, [], {}))
        asking.addErrback(ended.append)
        loop.until(lambda: bool(loop.reactor.getWriters()))  # type: ignore[no-untyped-call]

        asking.cancel()

    assert [type(failure.value) for failure in ended] == [CancelledError]
    assert loop.reactor.getDelayedCalls() == []


def test_answer_after_the_deadline_is_not_heard(loop: Loop, running: Running, proxy: Proxy) -> None:
    """A way that opens too late is not gone."""
    ended: list[Failure] = []
    one = Https(loop.reactor, running.url, None, through(proxy))
    asking = Deferred.fromCoroutine(one.get(PATH, [], {}))
    asking.addErrback(ended.append)
    loop.until(lambda: bool(proxy.heads))  # its answer waits to be read

    asking.cancel()

    loop.until(lambda: not proxy.open)
    assert running.simulator.asked == []


def test_way_through_a_proxy_is_kept(
    loop: Loop, running: Running, proxy: Proxy, ca_file: Path
) -> None:
    """Two requests take one CONNECT; `close` ends the connection."""
    one = Https(loop.reactor, running.url, ca_file, through(proxy))

    assert loop.run(one.get(PATH, [], {})).status == REACHED
    assert loop.run(one.get(PATH, [], {})).status == REACHED

    assert len(proxy.heads) == 1
    one.close()
    loop.until(lambda: not proxy.open)


@pytest.mark.parametrize(
    "answer",
    [
        (OPENED,),
        tuple(OPENED[at : at + 1] for at in range(len(OPENED))),
        (b"HTTP/1.0 200\r\n\r\n",),
        (b"HTTP/1.1 299 Fine\r\nVia: x\r\n", b"Content-Length: 999\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",),
    ],
    ids=["usual", "dripping", "short", "length", "chunked"],
)
def test_way_is_opened_by_every_success(
    loop: Loop, running: Running, proxy: Proxy, ca_file: Path, answer: tuple[bytes, ...]
) -> None:
    """Every 2xx opens the way; what its head says of a body is nothing."""
    proxy.answer = answer
    one = Https(loop.reactor, running.url, ca_file, through(proxy))

    assert loop.run(one.get(PATH, [], {})).status == REACHED

    one.close()


def test_account_is_told_the_proxy_alone(
    loop: Loop, running: Running, proxy: Proxy, ca_file: Path
) -> None:
    """The server learns nothing of the account, nor of the proxy; the name is in UTF-8."""
    one = Https(loop.reactor, running.url, ca_file, through(proxy, USER))
    loop.run(one.get(PATH, [], {}))
    one.close()

    target = f"127.0.0.1:{port_of(running)}"
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {ACCOUNT}"
    assert proxy.heads == [f"{head}\r\n\r\n".encode()]
    (asked,) = running.simulator.asked
    assert not {name for name in asked.headers if "auth" in name or "proxy" in name}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://service.example.com", "service.example.com:443"),
        ("http://service.example.com", "service.example.com:80"),
        ("https://service.example.com:8443", "service.example.com:8443"),
        ("http://service.example.com:8080", "service.example.com:8080"),
        ("https://service.example.com/a/path", "service.example.com:443"),
        ("https://[2001:db8::1]", "[2001:db8::1]:443"),
        ("https://192.0.2.1:5555", "192.0.2.1:5555"),
    ],
)
def test_proxy_is_told_name_and_port(loop: Loop, proxy: Proxy, url: str, target: str) -> None:
    """The proxy looks the name up; without a port it is the scheme's."""
    proxy.answer = (b"HTTP/1.1 403 Filtered\r\n\r\n",)

    refusal(loop, Https(loop.reactor, url, None, through(proxy)), proxy)

    assert proxy.heads == [f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()]


def test_proxy_may_have_an_address_of_version_6(loop: Loop, running: Running) -> None:
    """A proxy is named with its brackets, as people write it."""
    with Proxy(host="::1", answer=(b"HTTP/1.1 403 Filtered\r\n\r\n",)) as proxy:
        one = Https(loop.reactor, running.url, None, through(proxy))
        with pytest.raises(UnaskedError) as caught:
            loop.run(one.get(PATH, [], {}))
        assert str(caught.value) == f"proxy [::1]:{proxy.port} refuses (403)"


class Listener(Factory):
    """
    Makes a protocol that hears.

    Attributes:
        heard: What the server said.
        ended: The server has hung up.
    """

    noisy = False

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.heard = b""
        self.ended = False

    def buildProtocol(self, addr: object) -> Protocol:  # noqa: ARG002, N802 - Twisted's
        """Return one."""
        outer = self

        class _Hearing(Protocol):
            def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
                outer.heard += data

            def connectionLost(self, reason: object = None) -> None:  # noqa: ARG002, N802
                outer.ended = True

        return _Hearing()


async def opened(way: object, factory: Listener) -> IProtocol:
    """Return the protocol that *way* connects."""
    protocol: IProtocol = await way.connect(factory)  # type: ignore[attr-defined]
    return protocol


def test_what_comes_behind_the_head_is_the_server_s(loop: Loop, proxy: Proxy) -> None:
    """Octets behind the head, in the same breath or later, and the end, reach who is inside."""
    proxy.answer = (OPENED + b"hel", b"lo")
    proxy.hangs_up = True
    listener = Listener()

    loop.run(opened(Tunnel(loop.reactor, through(proxy), "192.0.2.1", 25), listener))

    loop.until(lambda: listener.ended)
    assert listener.heard == b"hello"
    assert loop.reactor.getDelayedCalls() == []


@pytest.mark.parametrize("octets", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["end", "clear"])
def test_handshake_that_fails_has_sent_nothing(loop: Loop, ca_file: Path, octets: bytes) -> None:
    """Whoever breaks off before TLS is up, or speaks no TLS, has seen nothing of the request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        ended: list[Failure] = []
        asking = Deferred.fromCoroutine(Https(loop.reactor, url, ca_file).get(PATH, [], {}))
        asking.addErrback(ended.append)
        while not ended:
            loop.until(lambda: bool(ended) or select.select([listening], [], [], 0)[0] != [])
            if not ended:
                accepted, _ = listening.accept()
                with accepted:
                    loop.until(lambda one=accepted: select.select([one], [], [], 0)[0] != [])  # type: ignore[misc]
                    assert PATH.encode() not in accepted.recv(8192)
                    accepted.sendall(octets)
                for _ in range(5):
                    loop.reactor.iterate(0.02)

    (failure,) = ended
    assert isinstance(failure.value, UnaskedError)
    assert failure.value.is_unsent
    kind = str(failure.value)
    assert kind == TLS_FAILED if octets else kind.startswith("breaks off before TLS is up (")


def test_certificates_that_cannot_be_read_are_told(loop: Loop, tmp_path: Path) -> None:
    """A file that has gone, or holds something else by now, is an error of the configuration."""
    with pytest.raises(ConfigError, match="No such file"):
        Endpoints(loop.reactor, "https://127.0.0.1", tmp_path / "gone.pem", None)
    broken = tmp_path / "broken.pem"
    broken.write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="ascii"
    )
    with pytest.raises(ConfigError, match="no certificate"):
        Endpoints(loop.reactor, "https://127.0.0.1", broken, None)


def test_nothing_of_the_account_is_shown(loop: Loop, proxy: Proxy) -> None:
    """Neither the settings nor the way show the password."""
    settings = through(proxy, USER)
    endpoints = Endpoints(loop.reactor, "https://127.0.0.1", None, settings)
    assert verifyObject(IAgentEndpointFactory, endpoints)
    tunnel = Tunnel(loop.reactor, settings, "127.0.0.1", 443)

    for shown in (repr(settings), repr(endpoints), repr(tunnel), repr(vars(tunnel))):
        assert PASSWORD not in shown
        assert ACCOUNT not in shown


def test_answer_without_end_is_cut_off(loop: Loop) -> None:
    """Headers that never end, folded ones too, take no memory: the connection is closed."""
    endless = b"HTTP/1.1 200 OK\r\nX-A: a\r\n" + b" a\r\n" * (LARGEST_EXCHANGE_OCTETS // 4)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        asking = Deferred.fromCoroutine(Https(loop.reactor, url, None).get(PATH, [], {}))
        ended: list[Failure] = []
        asking.addErrback(ended.append)
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        loop.until(lambda: select.select([listening], [], [], 0)[0] != [])
        for _ in range(2):  # a safe one is tried once more
            loop.until(lambda: bool(ended) or select.select([listening], [], [], 0)[0] != [])
            if ended:
                break
            accepted, _ = listening.accept()
            with accepted:
                _flood(loop, accepted, endless, ended)
        loop.until(lambda: bool(ended))
    (failure,) = ended
    assert isinstance(failure.value, UnaskedError)
    assert not failure.value.is_unsent


def test_kept_connection_may_carry_more_than_one_answer(loop: Loop) -> None:
    """The limit is of one exchange: whoever asks again is answered again."""
    body = b"x" * 60_000
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + body
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        listening.setblocking(False)  # noqa: FBT003 - the standard library's signature
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        one = Https(loop.reactor, url, None)

        async def get() -> bytes:
            return (await one.get(PATH, [], {})).octets

        for _ in range(1 + LARGEST_EXCHANGE_OCTETS // len(body)):
            asking = Deferred.fromCoroutine(get())
            if not accepted:
                loop.until(lambda: select.select([listening], [], [], 0)[0] != [])
                accepted.append(stack.enter_context(listening.accept()[0]))
            loop.until(lambda: select.select(accepted, [], [], 0)[0] != [])
            accepted[0].recv(8192)
            accepted[0].sendall(reply)

            async def answer(wanted: Deferred[bytes] = asking) -> bytes:
                return await wanted

            assert loop.run(answer()) == body
        one.close()


def _flood(loop: Loop, accepted: socket.socket, octets: bytes, ended: list[Failure]) -> None:
    """Send *octets* while the reactor runs, until the other end has had enough."""
    loop.until(lambda: select.select([accepted], [], [], 0)[0] != [])
    accepted.recv(8192)
    accepted.setblocking(False)  # noqa: FBT003 - the standard library's signature
    rest = memoryview(octets)
    while rest and not ended:
        try:
            rest = rest[accepted.send(rest) :]
        except BlockingIOError:
            loop.reactor.iterate(0.01)
        except ConnectionError:
            return
    for _ in range(10):
        loop.reactor.iterate(0.01)
