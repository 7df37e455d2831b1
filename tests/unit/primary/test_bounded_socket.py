"""Tests of `radiusmfa.primary.bounded_socket`."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from radiusmfa.primary.bounded_socket import BoundedSocket
from tests.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one TCP connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as near,
    ):
        far, _ = listener.accept()
        with far:
            yield near, far


def test_nothing_is_waited_for_after_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    """When the time is over neither sending nor receiving begins, though it could."""
    near, far = pair
    clock = FakeClock()
    bounded = BoundedSocket(near, clock.monotonic)
    bounded.until = clock.monotonic() + 5
    far.sendall(b"dripdrip")
    assert bounded.recv(4) == b"drip"
    clock.advance(5)
    with pytest.raises(TimeoutError):
        bounded.recv(4)
    with pytest.raises(TimeoutError):
        bounded.sendall(b"hello")


def test_silence_ends_with_the_time(pair: tuple[socket.socket, socket.socket]) -> None:
    """A server that says nothing is waited for as long as there is time."""
    near, _ = pair
    bounded = BoundedSocket(near, FakeClock().monotonic)
    bounded.until = 0.05
    with pytest.raises(TimeoutError):
        bounded.recv(4)


def test_flood_is_not_taken(pair: tuple[socket.socket, socket.socket]) -> None:
    """An answer larger than any honest one ends the connection."""
    near, far = pair
    bounded = BoundedSocket(near, FakeClock().monotonic)
    bounded.until = 20.0
    bounded.taken = 2 * 1024 * 1024 - 3
    far.sendall(b"four")
    with pytest.raises(OSError, match="too large"):
        bounded.recv(4)


def test_what_is_sent_arrives_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    """Octets go as they are, and nothing waits for more to send with it."""
    near, far = pair
    bounded = BoundedSocket(near, FakeClock().monotonic)
    bounded.until = 20.0
    bounded.sendall(b"hello")
    assert far.recv(5) == b"hello"
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    bounded.shutdown(socket.SHUT_RDWR)
    assert far.recv(5) == b""
    bounded.close()
    assert near.fileno() == -1


def test_handshake_has_an_end_too(pair: tuple[socket.socket, socket.socket], ca_file: Path) -> None:
    """A server that accepts and never begins TLS holds nobody."""
    near, _ = pair
    bounded = BoundedSocket(near, FakeClock().monotonic)
    bounded.until = 0.05
    with pytest.raises(TimeoutError):
        bounded.encrypt(ssl.create_default_context(cafile=ca_file), "127.0.0.1")
    bounded.close()


def test_what_is_sent_is_encrypted(
    pair: tuple[socket.socket, socket.socket], ca_file: Path, tls: ssl.SSLContext
) -> None:
    """After the handshake octets go through TLS, both ways."""
    near, far = pair
    said: list[bytes] = []

    def serve() -> None:
        with tls.wrap_socket(far.dup(), server_side=True) as wrapped:
            said.append(wrapped.recv(5))
            wrapped.sendall(b"world")

    thread = threading.Thread(target=serve)
    thread.start()
    bounded = BoundedSocket(near, FakeClock().monotonic)
    bounded.until = 20.0
    bounded.encrypt(ssl.create_default_context(cafile=ca_file), "127.0.0.1")
    bounded.sendall(b"hello")
    assert bounded.recv(5) == b"world"
    thread.join(20)
    assert said == [b"hello"]
    bounded.close()
