"""The played token servers as processes: who waits, what they record, how they end."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import need
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT, OurNas, Radclient
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Return a running generic server."""
    need("freeradius", "radclient")
    with TokenServer(tmp_path_factory.mktemp("generic") / "raddb", "generic") as server:
        yield server


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[TokenServer]:
    """Return a SecurID server that does not run yet."""
    need("freeradius", "radclient")
    server = TokenServer(tmp_path / "raddb", "securid")
    yield server
    server.stop()


# -- waiting --


def test_push_is_silent_until_the_user_answers(server: TokenServer) -> None:
    """For three seconds nothing, whoever asks again; then one Accept for one login."""
    with server.nas() as nas:
        request = nas.request("push-3.silent", PASSWORD)
        nas.send(request)
        assert nas.receive(1.5) is None
        nas.send(request)
        assert nas.receive(1.0) is None

        assert nas.insist(request).code == numbers.ACCESS_ACCEPT

    assert server.counts()["push-3.silent"] == 1


def test_many_wait_at_once(server: TokenServer) -> None:
    """Twenty pushes of one second each take far less than twenty seconds."""
    started = time.monotonic()
    with ExitStack() as stack:
        waiting = [stack.enter_context(server.nas()) for _ in range(20)]
        requests = [nas.request("push-1.many", PASSWORD) for nas in waiting]
        for nas, request in zip(waiting, requests, strict=True):
            nas.send(request)
        assert waiting[0].status()
        for nas, request in zip(waiting, requests, strict=True):
            octets = nas.receive()
            assert octets is not None
            assert nas.check(request, octets).code == numbers.ACCESS_ACCEPT

    assert time.monotonic() - started < 10


def test_stop_does_not_wait_for_those_who_wait(server: TokenServer, tmp_path: Path) -> None:
    """A push of half a minute is given up when its server ends."""
    with TokenServer(tmp_path / "raddb", "nps") as other, other.nas() as nas:
        nas.send(nas.request("push-30", PASSWORD))
        assert nas.status()

        other.stop()
        assert not other.is_running()
        assert nas.receive(0.1) is None
    assert server.is_running()


# -- records --


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("correct mule", id="plain"),
        pytest.param("", id="empty"),
        pytest.param('"\\ %{User-Name} \\n', id="quotes"),
        pytest.param("Grüße \r\n\x01\x7f", id="not-ascii"),
        pytest.param("x" * 128, id="128-octets"),
        pytest.param("\udcff\udcc3", id="not-utf-8"),
    ],
)
def test_password_is_recorded_as_typed(server: TokenServer, typed: str) -> None:
    """What a client hid in User-Password can be read from the records to the octet."""
    user = f"plain.{len(server.requests())}"
    with server.nas() as nas:
        assert nas.login(user, typed.encode(errors="surrogateescape")) == numbers.ACCESS_REJECT

    assert server.passwords(user) == [typed]


def test_request_is_recorded_with_its_attributes(server: TokenServer) -> None:
    """Names and values as FreeRADIUS has them, several of a kind in order, and the sender."""
    more = codec.attribute(numbers.NAS_IDENTIFIER, b"vpn")
    more += codec.attribute(numbers.PROXY_STATE, b"\x00one")
    more += codec.attribute(numbers.PROXY_STATE, b"two")
    more += codec.attribute(numbers.CALLING_STATION_ID, b"192.0.2.1")
    with server.nas("127.0.0.9") as nas:
        request = nas.request("DOMAIN\\plain.full@example.org", PASSWORD, more)
        assert nas.ask(request).code == numbers.ACCESS_ACCEPT

    (seen,) = server.requests("DOMAIN\\plain.full@example.org")
    assert seen.pop("Packet-Src-Port")
    assert seen == {
        "User-Name": ["DOMAIN\\plain.full@example.org"],
        "User-Password": [PASSWORD],
        "Message-Authenticator": [f"0x{request[22:38].hex()}"],
        "NAS-Identifier": ["vpn"],
        "Proxy-State": ["0x006f6e65", "0x74776f"],
        "Calling-Station-Id": ["192.0.2.1"],
        "Packet-Src-IP-Address": ["127.0.0.9"],
    }
    assert next(iter(seen)) == "Message-Authenticator"


def test_unsigned_request_is_recorded_without_signature(server: TokenServer) -> None:
    """A test can tell that a client did not sign."""
    with server.nas() as nas:
        request = nas.request("plain.unsigned", PASSWORD, signed=False)
        assert nas.ask(request).code == numbers.ACCESS_ACCEPT

    (seen,) = server.requests("plain.unsigned")
    assert "Message-Authenticator" not in seen


def test_requests_are_counted_by_user(server: TokenServer) -> None:
    """Retransmitted packets count once; Status-Server counts by itself."""
    before = server.status_requests()
    with server.nas() as nas:
        request = nas.request("plain.counted", PASSWORD)
        for _ in range(3):
            assert nas.ask(request).code == numbers.ACCESS_ACCEPT
        nas.login("plain.counted", "correct mule")
        assert nas.status()

    assert server.counts()["plain.counted"] == 2
    assert server.passwords("plain.counted") == [PASSWORD, "correct mule"]
    assert server.status_requests() == before + 1


# -- the process --


def test_killed_server_has_lost_its_dialogues(stopped: TokenServer) -> None:
    """It comes back on the same port, knows its users, and no State."""
    stopped.start()
    with stopped.nas() as nas:
        client = OurNas(nas)
        first = client.ask("next", PASSCODE)
        stopped.kill()
        assert not stopped.is_running()
        assert OurNas(nas, patience=0.1).ask("next", PASSCODE) is None
        stopped.start()

        assert first is not None
        late = client.ask("next", NEXT_CODE, first.state)
        again = client.ask("next", PASSCODE)

    assert late is not None
    assert again is not None
    assert (late.code, again.code) == (REJECT, CHALLENGE)


def test_frozen_server_is_silent_and_answers_later(stopped: TokenServer) -> None:
    """What arrived meanwhile is answered when it goes on."""
    stopped.start()
    with stopped.nas() as nas:
        stopped.freeze()
        request = nas.request("normal", PASSCODE)
        nas.send(request)
        assert nas.receive(0.3) is None

        stopped.thaw()
        assert nas.insist(request).code == numbers.ACCESS_ACCEPT


def test_status_server_may_be_switched_off(tmp_path: Path) -> None:
    """Then it gets silence, and logins are served as ever."""
    need("freeradius")
    with (
        TokenServer(tmp_path / "raddb", "vip", status_server=False) as server,
        server.nas() as nas,
    ):
        assert not nas.status(0.3)
        assert nas.login("uo", CODE) == numbers.ACCESS_ACCEPT
        assert server.counts() == {"uo": 1}


def test_unsigned_request_is_discarded_where_the_server_wants_it(tmp_path: Path) -> None:
    """`requires_signature`: silence for who does not sign."""
    need("freeradius")
    with (
        TokenServer(tmp_path / "raddb", "vip", requires_signature=True) as server,
        server.nas() as nas,
    ):
        nas.send(nas.request("uo", CODE, signed=False))
        assert nas.before_status() == []
        assert nas.login("uo", CODE) == numbers.ACCESS_ACCEPT
        assert server.counts() == {"uo": 1}


def test_stranger_and_wrong_secret_get_silence(tmp_path: Path) -> None:
    """Only the clients of the list are answered, and only with the secret."""
    need("freeradius")
    folder = tmp_path / "raddb"
    with TokenServer(folder, "vip", clients=["127.0.0.1", "127.0.0.3"]) as server:
        with server.nas("127.0.0.2") as stranger, server.nas(secret=b"wrong") as wrong:
            stranger.send(stranger.request("uo", CODE))
            wrong.send(wrong.request("uo", CODE))
            assert wrong.receive(0.3) is None
            assert stranger.receive(0.1) is None
        with server.nas("127.0.0.3") as known:
            assert known.login("uo", CODE) == numbers.ACCESS_ACCEPT
        assert server.counts() == {"uo": 1}


def test_server_of_the_other_family_is_the_same(tmp_path: Path) -> None:
    """Over IPv6 and with a secret of its own, from both clients."""
    need("freeradius", "radclient")
    with TokenServer(
        tmp_path / "raddb", "vip", host="::1", secret=b"another-secret-of-ours"
    ) as server:
        said = Radclient(server).ask("uo", CODE)
        with server.nas() as nas:
            assert nas.login("uo", CODE) == numbers.ACCESS_ACCEPT
        (first, _) = server.requests("uo")

    assert said is not None
    assert said.code == ACCEPT
    assert first["Packet-Src-IP-Address"] == ["::1"]


def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A port that is taken is a failure with FreeRADIUS's own words."""
    need("freeradius")
    with TokenServer(tmp_path / "one", "vip", status_server=False) as one:
        other = TokenServer(tmp_path / "two", "vip", port=one.port, secret=b"of-another-server")
        with pytest.raises(AssertionError, match="FreeRADIUS does not answer"):
            other.start()
        assert not other.is_running()
        assert "Address already in use" in other.log()
