"""One source port: what arrives, from where, and what the network itself says."""

from __future__ import annotations

import errno
import select
from typing import TYPE_CHECKING

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from radiusmfa.outcome import Reason
from radiusmfa.server.channel import Channel
from tests.unit.server.network import Home, Net

if TYPE_CHECKING:
    import socket


def channel(net: Net) -> Channel:
    """Return the only channel."""
    (found,) = net.reactor.readers
    assert isinstance(found, Channel)
    return found


def end(port: Channel) -> None:
    """Tell *port* what Twisted makes of an error without data."""
    port.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]


def test_burst_is_taken_in_one_go(net: Net, one: Home) -> None:
    """Replies that have arrived together are handed on together."""
    net.upstream(one.entry())
    for _ in range(10):
        net.ask()
    for _ in range(10):
        one.reply(one.receive())

    channel(net).doRead()

    assert len(net.told) == 10


def test_refusal_that_twisted_takes_for_the_end_is_none(net: Net, one: Home) -> None:
    """An ICMP error comes without data; the socket goes on, and the error is drained."""
    net.upstream(one.entry())
    net.ask()
    one.receive()
    one.close()
    net.clock.advance(3)  # sent again, to a closed port
    port = channel(net)
    net.reactor.removeReader(port)

    end(port)

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE
    assert net.reactor.readers == [port]
    with select.epoll() as events:
        events.register(port.fileno(), select.EPOLLIN | select.EPOLLERR)
        assert events.poll(0) == []


def test_closed_channel_learns_nothing(net: Net, one: Home) -> None:
    """What the reactor says after the end is not heard."""
    net.upstream(one.entry())
    net.ask()
    port = channel(net)
    port.close()

    end(port)

    assert net.reactor.readers == []
    assert port.fileno() == -1


def test_refusal_of_an_earlier_packet_does_not_lose_the_next(net: Net, one: Home) -> None:
    """The kernel tells of an old refusal when the next is sent; that one is sent all the same."""
    net.upstream(one.entry(), patience=60, retransmit=1)
    net.ask(budget=60)
    one.receive()
    one.close()
    net.clock.advance(1.2)  # refused, and nobody has read that yet
    reborn = Home(port=one.port)

    net.clock.advance(2.5)

    reborn.receive()
    reborn.close()


def test_name_in_twisteds_log_says_what_it_is(net: Net, one: Home) -> None:
    """Twisted names it when it breaks."""
    net.upstream(one.entry())
    net.ask()

    assert channel(net).logPrefix() == "upstream"


def test_refusal_and_replies_are_both_taken(net: Net, one: Home) -> None:
    """What arrived before the refusal still counts."""
    net.upstream(one.entry())
    net.ask()
    one.reply(one.receive())
    net.ask()
    one.receive()
    one.close()
    net.clock.advance(3)

    channel(net).doRead()
    channel(net).doRead()

    assert [response.packet is None for response in net.told] == [False, True]


def test_ipv6_refusal_is_noticed_too(net: Net) -> None:
    """A closed port on IPv6 is known at once."""
    home = Home("::1")
    home.close()
    net.upstream(home.entry())
    net.ask()

    channel(net).doRead()

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE


def test_what_cannot_be_sent_is_told(net: Net, one: Home) -> None:
    """The system refuses to send to a broadcast address."""
    net.upstream(one.entry(host="255.255.255.255"))
    net.ask()

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE


def test_more_than_a_burst_waits_for_the_next_turn(net: Net, one: Home) -> None:
    """At most 64 replies are taken at once: others want their turn too."""
    net.upstream(one.entry())
    for _ in range(70):
        net.ask()
    for _ in range(70):
        one.reply(one.receive())
    port = channel(net)

    port.doRead()
    assert len(net.told) == 64
    port.doRead()

    assert len(net.told) == 70


class Failing:
    """A socket that the system refuses to send from, for a while."""

    def __init__(self, real: socket.socket, error: int, times: int) -> None:
        """Fail *times* with *error*, then be *real*."""
        self._real, self._error, self._times = real, error, times

    def sendto(self, octets: bytes, address: tuple[str, int]) -> int:
        """Send, or fail."""
        if self._times:
            self._times -= 1
            raise OSError(self._error, "as told")
        return self._real.sendto(octets, address)

    def __getattr__(self, name: str) -> object:
        """Be the real one otherwise."""
        return getattr(self._real, name)


@pytest.mark.parametrize("error", [errno.ENOBUFS, errno.EMSGSIZE, errno.EPERM, errno.EAGAIN])
def test_trouble_of_our_own_says_nothing_of_a_server(net: Net, one: Home, error: int) -> None:
    """A full queue, a narrow tunnel, a filter here: the packet is lost, the server is not."""
    net.upstream(one.entry())
    net.ask()
    one.receive()
    port = channel(net)
    port._socket = Failing(port._socket, error, 2)  # type: ignore[assignment]

    net.ask()
    net.clock.advance(3)

    assert net.told == []
    assert not net.relays.is_dead("other")
    one.receive()


def test_error_that_is_none_of_a_server_s_is_drained_and_no_more(net: Net, one: Home) -> None:
    """Twisted tells of an error that nobody has: the socket goes on, and nobody is lost."""
    net.upstream(one.entry())
    net.ask()

    end(channel(net))

    assert net.told == []
