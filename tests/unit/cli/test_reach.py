"""Tests of `radiusmfa.cli.reach`, against sockets on loopback."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.cli import reach
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.cli.reach import Door
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import Responder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import trustme

    from radiusmfa.cli.findings import Finding

HERE: Final = "127.0.0.1"
QUICK: Final = 0.3
PATIENT: Final = 20.0


@pytest.fixture
def trusted(ca_file: Path) -> ssl.SSLContext:
    """What trusts the authority of these tests, and nobody else."""
    return ssl.create_default_context(cafile=ca_file)


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """Who takes one connection, says nothing on it, and takes no other."""
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        listener.listen(0)
        yield listener


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _look(
    port: int, tls: ssl.SSLContext | None, host: str = HERE, timeout: float = PATIENT
) -> list[Finding]:
    return reach.examine(Door(host=host, port=port, timeout=timeout, tls=tls), "x")


def _one(found: list[Finding]) -> Finding:
    (one,) = found
    assert one.subject == "x"
    assert one.advice or one.level is Level.OK
    return one


# -- what is wrong --


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "nobody.invalid"])
def test_name_without_address_is_told(host: str) -> None:
    """A name that nobody knows, or that cannot be one, is no silence of a server."""
    found = _one(_look(1, None, host))

    assert (found.level, found.cause) == (Level.FAULT, Cause.NO_ADDRESS)


def test_closed_port_is_told_at_once() -> None:
    """The host itself says that nothing listens; nobody waits for a timeout."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        found = _one(_look(_port(free), None))

    assert (found.level, found.cause) == (Level.FAULT, Cause.NOTHING_LISTENS)


def test_address_out_of_reach_is_told() -> None:
    """What the system cannot connect to is told as the system says it."""
    found = _one(_look(389, None, "255.255.255.255"))

    assert (found.level, found.cause) == (Level.FAULT, Cause.UNREACHABLE)


def test_silence_on_the_way_is_told(mute: socket.socket) -> None:
    """Nobody takes the connection: that costs the timeout, and is named."""
    with ExitStack() as stack:
        # As many as the kernel takes for somebody who never looks.
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(mute.getsockname())
        found = _one(_look(_port(mute), None, timeout=QUICK))

    assert (found.level, found.cause) == (Level.FAULT, Cause.SILENT)
    assert "nobody takes the connection" in found.text


def test_who_takes_the_connection_and_is_silent_is_told(
    mute: socket.socket, trusted: ssl.SSLContext
) -> None:
    """A connection is no TLS yet."""
    found = _one(_look(_port(mute), trusted, timeout=QUICK))

    assert (found.level, found.cause) == (Level.FAULT, Cause.SILENT)
    assert "takes the connection" in found.text


def test_server_without_tls_is_told(trusted: ssl.SSLContext) -> None:
    """What answers TLS with something else has none."""
    with Responder() as responder:
        found = _one(_look(responder.port, trusted))

    assert (found.level, found.cause) == (Level.FAULT, Cause.NO_TLS)


def test_old_tls_is_refused(ca: trustme.CA, trusted: ssl.SSLContext) -> None:
    """With a server that has no version that is good enough, there is no TLS."""
    old = server_context(ca, HERE)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    trusted.minimum_version = ssl.TLSVersion.TLSv1_3
    with Responder(old, is_ldaps=True) as responder:
        found = _one(_look(responder.port, trusted))

    assert (found.level, found.cause) == (Level.FAULT, Cause.NO_TLS)
    assert "protocol version" in found.text


def test_refused_greeting_is_told(trusted: ssl.SSLContext, ca: trustme.CA) -> None:
    """Where TLS may not begin, it does not, and nothing more is said."""
    with Responder(server_context(ca, HERE), is_ldaps=True) as responder:
        door = Door(
            host=HERE, port=responder.port, timeout=PATIENT, tls=trusted, greet=lambda _: False
        )
        found = _one(reach.examine(door, "x"))

    assert (found.level, found.cause) == (Level.FAULT, Cause.NO_TLS)
    assert "refuses StartTLS" in found.text


def _stranger(_: trustme.CA) -> ssl.SSLContext:
    import trustme  # noqa: PLC0415 - a CA of its own

    return server_context(trustme.CA(), HERE)


def _other_name(ca: trustme.CA) -> ssl.SSLContext:
    return server_context(ca, "ldap.example.com")


def _other_address(ca: trustme.CA) -> ssl.SSLContext:
    return server_context(ca, "127.0.0.9")


def _dated(ca: trustme.CA, days: float) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ends = datetime.now(UTC) + timedelta(days=days)
    ca.issue_cert(HERE, not_after=ends).configure_cert(context)
    return context


def _expired(ca: trustme.CA) -> ssl.SSLContext:
    return _dated(ca, -1)


@pytest.mark.parametrize("is_checked", [True, False])
@pytest.mark.parametrize(
    ("make", "host", "cause"),
    [
        pytest.param(_stranger, HERE, Cause.UNTRUSTED_CERTIFICATE, id="stranger"),
        pytest.param(_other_name, "localhost", Cause.OTHER_NAME, id="name"),
        pytest.param(_other_address, HERE, Cause.OTHER_NAME, id="address"),
        pytest.param(_expired, HERE, Cause.EXPIRED_CERTIFICATE, id="expired"),
    ],
)
def test_bad_certificate_is_named(
    ca: trustme.CA,
    trusted: ssl.SSLContext,
    make: Callable[[trustme.CA], ssl.SSLContext],
    host: str,
    cause: Cause,
    *,
    is_checked: bool,
) -> None:
    """Each way of a certificate to be wrong has its name; a waiver makes it a note, said aloud."""
    with Responder(make(ca), is_ldaps=True) as responder:
        door = Door(
            host=host, port=responder.port, timeout=PATIENT, tls=trusted, is_checked=is_checked
        )
        found = _one(reach.examine(door, "x"))

    if is_checked:
        assert (found.level, found.cause) == (Level.FAULT, cause)
    else:
        assert (found.level, found.cause) == (Level.NOTE, Cause.UNCHECKED_CERTIFICATE)
        assert "NOT CHECKED" in found.text
        assert found.advice.endswith("then take out verify: no")


@pytest.mark.parametrize(("days", "is_soon"), [(29.9, True), (30.5, False)])
def test_certificate_that_ends_soon_is_told(
    ca: trustme.CA, trusted: ssl.SSLContext, days: float, *, is_soon: bool
) -> None:
    """From 30 days before its end on, a certificate is worth a note."""
    with Responder(_dated(ca, days), is_ldaps=True) as responder:
        found = _look(responder.port, trusted)

    assert f"({int(days)} days)" in found[0].text
    assert [one.cause for one in found[1:]] == [Cause.ENDING_CERTIFICATE] * is_soon
    assert all(one.level is Level.NOTE for one in found[1:])


def test_needless_waiver_is_told(ca: trustme.CA, trusted: ssl.SSLContext) -> None:
    """A certificate that is right and not checked could be checked."""
    with Responder(server_context(ca, HERE), is_ldaps=True) as responder:
        door = Door(host=HERE, port=responder.port, timeout=PATIENT, tls=trusted, is_checked=False)
        found = reach.examine(door, "x")

    assert [(one.level, one.cause) for one in found] == [
        (Level.OK, Cause.WELL),
        (Level.NOTE, Cause.NEEDLESS_WAIVER),
    ]


# -- what is right --


def test_good_certificate_is_told_with_its_end(ca: trustme.CA, trusted: ssl.SSLContext) -> None:
    """Version, end and time of a handshake that was right."""
    with Responder(server_context(ca, HERE), is_ldaps=True) as responder:
        found = _one(_look(responder.port, trusted))

    assert found.level is Level.OK
    assert found.text.startswith("TLSv1.3, its certificate is right, until 3000-01-01 (")
    assert found.seconds


def test_server_without_tls_is_enough_where_none_is_wanted() -> None:
    """Without TLS, taking connections is all that can be seen."""
    with Responder() as responder:
        found = _one(_look(responder.port, None))

    assert (found.level, found.text) == (Level.OK, "takes connections")


def test_every_address_is_tried() -> None:
    """Where one address takes nothing, the next is tried; the last one's error is told."""
    with socket.create_server((HERE, 0)) as listener:
        door = Door(host="x", port=_port(listener), timeout=PATIENT, tls=None)
        with reach.connect(["127.0.0.9", HERE], door) as channel:
            assert channel.getpeername() == listener.getsockname()
        with pytest.raises(ConnectionRefusedError):
            reach.connect(["127.0.0.9", "127.0.0.8"], door)


def test_addresses_are_told_once() -> None:
    """A name may stand for several, each once; a numeric address for itself."""
    assert reach.addresses(HERE, 1, socket.SOCK_STREAM) == (HERE,)
    assert reach.addresses(HERE, 1, socket.SOCK_DGRAM) == (HERE,)
