"""A web server behind tinyproxy: TLS from end to end, and what the proxy refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from twisted.internet.defer import Deferred

from radiusmfa.config import service_model
from radiusmfa.secret import Secret
from radiusmfa.server.https import Https, UnaskedError
from radiusmfa.service.dialogue import Query
from tests.live.clients import need
from tests.live.tinyproxy import PASSWORD, USER, Tinyproxy
from tests.servicenow import Mood, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from tests.loop import Loop

SAFE: Final = Query(method="GET", path="/api/now/table/sys_user", is_safe=True)
RINGS: Final = Query(method="POST", path="/auth/v2/auth", body=b"username=alice")
REACHED: Final = (400, 401)
"""What the server answers to whoever brings no account of its own."""


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """Serve over TLS, with a certificate for a name that only the proxy looks up."""
    with Running(ca, "localhost") as made:
        yield made


@pytest.fixture
def proxy(running: Running, tmp_path: Path) -> Iterator[Tinyproxy]:
    """Lead to that server."""
    need("tinyproxy")
    with Tinyproxy(tmp_path, port_of(running)) as made:
        yield made


def port_of(running: Running) -> int:
    """Return the port of a server."""
    return int(running.url.rpartition(":")[2])


def settings(proxy: Tinyproxy, password: str = PASSWORD, user: str = USER) -> service_model.Proxy:
    """Return what a service says of the proxy."""
    secret = Secret(password.encode())
    return service_model.Proxy(host=proxy.host, port=proxy.port, user=user, password=secret)


def url(running: Running) -> str:
    """Return the address by name."""
    return f"https://localhost:{port_of(running)}"


def why(loop: Loop, one: Https) -> str:
    """Return why the server cannot be asked, without the name of the proxy."""
    with pytest.raises(UnaskedError) as caught:
        loop.run(one.exchange(RINGS))
    assert caught.value.is_unsent
    assert PASSWORD not in str(caught.value)
    return " ".join(str(caught.value).split(" ")[2:])


def test_wrong_account_is_refused(loop: Loop, running: Running, proxy: Tinyproxy) -> None:
    """Without an account, or with a wrong password, nobody gets through."""
    nobody = settings(proxy, "", "")

    assert why(loop, Https(loop.reactor, url(running), None, nobody)) == (
        "wants a user and a password (407)"
    )
    told = why(loop, Https(loop.reactor, url(running), None, settings(proxy, "wrong")))
    assert told == "does not take this user and password (401)"
    assert running.simulator.asked == []


def test_other_port_is_refused(loop: Loop, running: Running, proxy: Tinyproxy) -> None:
    """Where the proxy leads nobody, it says so."""
    one = Https(loop.reactor, "https://localhost:1", None, settings(proxy))

    assert why(loop, one) == "refuses (403)"
    assert running.simulator.asked == []


def test_server_that_is_gone_is_told(
    loop: Loop, running: Running, proxy: Tinyproxy, ca_file: Path
) -> None:
    """The proxy cannot reach it: nothing was sent."""
    running.__exit__()

    told = why(loop, Https(loop.reactor, url(running), ca_file, settings(proxy)))

    assert told == "refuses (500)"  # others answer 502


def test_certificate_is_the_server_s(loop: Loop, running: Running, proxy: Tinyproxy) -> None:
    """What the system does not trust is not trusted behind a proxy."""
    with pytest.raises(UnaskedError, match="not trusted"):
        loop.run(Https(loop.reactor, url(running), None, settings(proxy)).exchange(SAFE))
    assert running.simulator.asked == []


def test_server_is_asked_through_the_proxy(
    loop: Loop, running: Running, proxy: Tinyproxy, ca_file: Path
) -> None:
    """Kept ways and ways of their own lead there; the proxy sees the name, and no request."""
    one = Https(loop.reactor, url(running), ca_file, settings(proxy))

    for query in (SAFE, SAFE, RINGS):
        assert loop.run(one.exchange(query)).status in REACHED

    target = f"CONNECT localhost:{port_of(running)} HTTP/1.1"
    assert proxy.asked() == [target] * 2
    assert [asked.method for asked in running.simulator.asked] == ["GET", "GET", "POST"]
    one.close()
    loop.until(lambda: not running.simulator.open)


def test_deadline_of_the_caller_closes_the_way(
    loop: Loop, running: Running, proxy: Tinyproxy, ca_file: Path
) -> None:
    """Whoever cancels lets go of the server behind the proxy, too."""
    running.simulator.mood = Mood.SILENT
    asking = Deferred.fromCoroutine(
        Https(loop.reactor, url(running), ca_file, settings(proxy)).exchange(RINGS)
    )
    asking.addErrback(lambda _: None)
    loop.until(lambda: bool(running.simulator.asked))

    asking.cancel()

    running.simulator.released.set()
    loop.until(lambda: not running.simulator.open)


def test_proxy_has_an_address_of_version_6(
    loop: Loop, running: Running, tmp_path: Path, ca_file: Path
) -> None:
    """Proxies of either family are reached."""
    need("tinyproxy")
    with Tinyproxy(tmp_path, port_of(running), "::1") as proxy:
        one = Https(loop.reactor, url(running), ca_file, settings(proxy))
        assert loop.run(one.exchange(SAFE)).status in REACHED
        one.close()
