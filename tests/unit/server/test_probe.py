"""Looks whether a server of an upstream is alive."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.ops.upstream_counters import UpstreamCounters
from radiusmfa.outcome import Reason
from radiusmfa.server.home import Home as Watched
from radiusmfa.server.probe import Probe
from radiusmfa.wire import numbers, password
from tests.unit.server.network import SECRET, Home, Net, no_descriptors

STATUS, LOGIN = AliveCheck.STATUS_SERVER, AliveCheck.ACCESS_REQUEST


def doubted(net: Net) -> None:
    """Let a login wait until its server is looked at."""
    net.ask()
    net.clock.advance(2.1)


@pytest.mark.parametrize("check", [STATUS, LOGIN], ids=lambda check: check.value)
def test_silent_server_is_looked_at(net: Net, one: Home, check: AliveCheck) -> None:
    """After some silence a Status-Server, or a login of nobody, asks for a sign of life."""
    net.upstream(one.entry(alive_check=check), probe_user="nobody")
    doubted(net)
    probe = one.probe().packet

    assert probe.octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert probe.value(numbers.NAS_IDENTIFIER) == b"radiusmfa"
    if check is STATUS:
        assert probe.code == numbers.STATUS_SERVER
        assert numbers.USER_PASSWORD not in probe
    else:
        assert probe.code == numbers.ACCESS_REQUEST
        assert probe.value(numbers.USER_NAME) == b"nobody"
        hidden = probe.value(numbers.USER_PASSWORD) or b""
        assert len(password.recover(hidden, SECRET, probe.authenticator)) == 16


def test_many_in_doubt_look_once(net: Net, one: Home) -> None:
    """However many wait, one look at a time is enough."""
    net.upstream(one.entry(alive_check=STATUS))
    for _ in range(50):
        net.ask()
    net.clock.advance(0.9)

    assert net.counted["probes"] == 0
    net.clock.advance(1.15)
    assert net.counted["probes"] == 1


def test_look_without_a_genuine_answer_fails(net: Net, one: Home) -> None:
    """A reply without Message-Authenticator is no sign of life where one is demanded."""
    net.upstream(one.entry(alive_check=STATUS), patience=60)
    doubted(net)
    one.reply(one.probe(), signed=False)
    net.read()

    net.pass_time(4)

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE
    assert net.counted["bad_authenticators"] == 1


def test_unsigned_sign_of_life_counts_where_it_is_waived(net: Net, one: Home) -> None:
    """The waiver of a server's entry holds for looks, too."""
    net.upstream(one.entry(alive_check=STATUS, require_message_authenticator=False), patience=5)
    doubted(net)
    one.reply(one.probe(), signed=False)
    net.read()

    net.pass_time(10)

    assert net.told == []


def test_dead_server_is_looked_at_with_growing_pauses(net: Net, one: Home) -> None:
    """After 1, 2, 4 seconds, never more than `probe_interval` apart."""
    net.upstream(one.entry(alive_check=STATUS), probe_interval=4)
    one.close()
    net.ask()
    net.read()
    looked = []
    for second in range(1, 25):
        net.clock.advance(1)
        before = net.counted["probes"]
        net.relays.tidy()
        net.read()  # the port is closed still
        if net.counted["probes"] > before:
            looked.append(second)

    assert looked[:4] == [1, 3, 7, 11]


def test_look_that_cannot_be_sent_fails(net: Net, one: Home) -> None:
    """A network that refuses to take a look is no life either."""
    net.upstream(one.entry(host="255.255.255.255", alive_check=STATUS))
    net.ask()
    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE

    net.clock.advance(1.1)
    net.relays.tidy()

    assert net.counted["probes"] == 1
    assert net.relays.is_dead("other")


def test_server_whose_identifiers_are_all_taken_is_looked_at(net: Net, one: Home) -> None:
    """A look finds out about a silent server for which as many wait as may; its port closes."""
    net.upstream(one.entry(alive_check=STATUS), ports=1)
    for _ in range(256):
        net.ask()
    one.accept(numbers.STATUS_SERVER)
    net.clock.advance(2.1)
    assert net.counted["probes"] == 1
    assert len(net.reactor.readers) == 2
    one.accept(numbers.STATUS_SERVER)
    net.read()
    net.relays.tidy()

    assert len(net.reactor.readers) == 1
    assert not net.relays.is_dead("other")
    assert net.told == []


def test_live_server_for_which_as_many_wait_as_may_is_unanswered(net: Net, one: Home) -> None:
    """That 256 persons leave their phones alone does not make a server unavailable."""
    net.upstream(one.entry(alive_check=STATUS), ports=1, patience=5)
    for _ in range(256):
        net.ask()
    for _ in range(80):
        net.clock.advance(0.25)
        one.accept(numbers.STATUS_SERVER)
        net.read()

    assert {told.reason for told in net.told} == {Reason.UNANSWERED}


def test_dead_server_for_which_as_many_wait_as_may_is_left(net: Net, one: Home, two: Home) -> None:
    """A server that hangs with all identifiers taken is found dead; the others take over."""
    net.upstream(one.entry(alive_check=STATUS), two.entry(alive_check=STATUS), ports=1, patience=30)
    for _ in range(256):
        net.ask(budget=60.0)
    two.accept(numbers.STATUS_SERVER)
    for _ in range(60):
        net.clock.advance(0.1)
        two.accept(numbers.STATUS_SERVER)
        net.read()

    assert net.counted["fail_overs"] >= 255


def test_look_without_a_socket_is_left_for_later(net: Net, one: Home) -> None:
    """Where the system gives no socket for a look either, the logins wait on."""
    net.upstream(one.entry(alive_check=STATUS), ports=1)
    for _ in range(256):
        net.ask()
    with no_descriptors():
        net.pass_time(3)

    assert net.counted["probes"] == 0
    assert net.told == []


def test_look_that_was_never_sent_can_end(net: Net, one: Home) -> None:
    """A look without a port holds nothing."""
    upstream = net.upstream(one.entry())
    home = Watched(net.relays, upstream, upstream.servers[0], UpstreamCounters())
    probe = Probe(home, b"nobody")

    probe.end()

    assert probe.due == -1.0
