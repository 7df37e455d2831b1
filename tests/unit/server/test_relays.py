"""Which upstreams there are, whom of each is asked, and how many can wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from twisted.logger import capturedLogs

from radiusmfa.config.upstream_model import AliveCheck, Event, Use
from radiusmfa.outcome import Reason
from radiusmfa.wire import numbers
from tests.unit.server.network import Home, Net

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = AliveCheck.STATUS_SERVER


@pytest.fixture
def homes() -> Iterator[tuple[Home, Home]]:
    """Return two servers."""
    homes = Home(), Home()
    yield homes
    for home in homes:
        home.close()


def kill(net: Net, home: Home) -> None:
    """Have *home* believed dead: its port is closed, and a login finds that out."""
    home.close()
    net.ask()
    net.read()


def test_known_dead_server_is_never_asked_first(net: Net, homes: tuple[Home, Home]) -> None:
    """Once the first server is known dead, logins go to the second at once."""
    one, two = homes
    net.upstream(one.entry(alive_check=STATUS), two.entry(alive_check=STATUS), probe_interval=60)
    kill(net, one)
    two.reply(two.receive())
    net.read()

    net.ask()
    two.reply(two.receive())
    net.read()

    assert net.told[-1].servers == 1


def test_revived_server_is_asked_again(net: Net, homes: tuple[Home, Home]) -> None:
    """A reply to a look makes a dead server the first again."""
    one, two = homes
    net.upstream(one.entry(alive_check=STATUS), two.entry(alive_check=STATUS))
    kill(net, one)
    two.reply(two.receive())
    net.read()
    reborn = Home(port=one.port)

    net.clock.advance(1.1)
    net.relays.tidy()
    probe = reborn.receive()
    assert probe.packet.code == numbers.STATUS_SERVER
    reborn.reply(probe)
    net.read()
    net.ask()

    assert reborn.receive().packet.code == numbers.ACCESS_REQUEST
    reborn.close()


def test_dead_server_without_looks_is_tried_by_one_login(
    net: Net, homes: tuple[Home, Home]
) -> None:
    """With `alive_check: none` one login in a while finds out whether it is back."""
    one, two = homes
    net.upstream(one.entry(), two.entry(), probe_interval=10)
    kill(net, one)
    two.reply(two.receive())
    net.read()
    reborn = Home(port=one.port)
    net.clock.advance(10.1)

    net.ask()
    asked = reborn.receive()
    net.ask()
    two.receive()
    reborn.reply(asked)
    net.read()
    net.ask()

    reborn.receive()
    reborn.close()


def test_all_dead_is_unreachable_until_one_is_due(net: Net, homes: tuple[Home, Home]) -> None:
    """With nobody alive a login is told so at once, and one in a while tries all the same."""
    one, _ = homes
    net.upstream(one.entry(), probe_interval=10)
    kill(net, one)
    assert net.relays.is_dead("other")

    net.ask()
    assert [response.reason for response in net.told] == [Reason.UPSTREAM_UNREACHABLE] * 2
    assert net.told[1].servers == 0
    net.clock.advance(10.1)

    assert not net.relays.is_dead("other")
    net.ask()
    net.read()
    assert net.told[2].servers == 1


def test_spread_asks_servers_in_turn(net: Net, homes: tuple[Home, Home]) -> None:
    """`use: spread` shares the logins among those that are alive."""
    one, two = homes
    net.upstream(one.entry(), two.entry(), use=Use.SPREAD)

    for _ in range(4):
        net.ask()

    for home in homes:
        home.receive()
        home.receive()
        assert home.is_quiet()


def test_thousand_wait_on_several_source_ports(net: Net, homes: tuple[Home, Home]) -> None:
    """RFC 2865 section 2.5: more than 256 outstanding requests need more source ports."""
    one, _ = homes
    net.upstream(one.entry())
    asked = []
    for _ in range(1000):
        net.ask()
        asked.append(one.receive())

    assert len({ask.source for ask in asked}) == 4
    assert len({(ask.source, ask.packet.identifier) for ask in asked}) == 1000
    assert net.counted["pending_requests"] == 1000
    for ask in asked:
        one.reply(ask)
    for _ in range(20):
        net.read()
    assert len(net.told) == 1000


def test_identifiers_that_are_all_taken_are_told(net: Net, homes: tuple[Home, Home]) -> None:
    """A busy identifier is never used twice: the login is told that the upstream is busy."""
    one, _ = homes
    net.upstream(one.entry(), ports=1)
    for _ in range(256):
        net.ask()
    assert net.told == []

    net.ask()

    assert net.told[0].reason is Reason.UPSTREAM_BUSY


def test_busy_server_leaves_room_for_the_next(net: Net, homes: tuple[Home, Home]) -> None:
    """Where the first server's identifiers are all taken, the second is asked."""
    one, two = homes
    net.upstream(one.entry(), two.entry(), ports=1)
    for _ in range(257):
        net.ask()

    two.receive()


def test_further_source_ports_are_closed_when_they_are_idle(
    net: Net, homes: tuple[Home, Home]
) -> None:
    """After a quiet minute only one port stays open."""
    one, _ = homes
    net.upstream(one.entry())
    for _ in range(300):
        net.ask()
        one.reply(one.receive())
        if _ == 255:
            continue
    asked = []
    for _ in range(300):
        net.ask()
        asked.append(one.receive())
    for ask in asked:
        one.reply(ask)
    for _ in range(20):
        net.read()
    assert len(net.reactor.readers) > 1

    net.clock.advance(61)
    net.relays.tidy()

    assert len(net.reactor.readers) == 1


def test_reload_leaves_unchanged_upstreams_alone(net: Net, homes: tuple[Home, Home]) -> None:
    """What waits goes on, and what is known of the servers stays."""
    one, _ = homes
    upstream = net.upstream(one.entry())
    net.ask()

    net.relays.configure([replace(upstream)])
    one.reply(one.receive())
    net.read()

    assert net.told[0].packet is not None
    assert net.counted["access_accepts"] == 1


def test_reload_answers_who_waits_for_what_is_gone(net: Net, homes: tuple[Home, Home]) -> None:
    """A login whose upstream was changed meanwhile still gets its answer; then its ports close."""
    one, two = homes
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()

    net.upstream(two.entry())
    net.relays.tidy()
    one.reply(asked)
    net.read()
    net.relays.tidy()

    assert net.told[0].packet is not None
    assert net.reactor.readers == []


def test_inquiry_of_an_upstream_that_is_gone_is_lost(net: Net) -> None:
    """A login that was under way when its upstream was taken out of the configuration."""
    net.relays.configure([])
    net.ask()

    assert net.told[0].reason is Reason.DIALOGUE_LOST
    assert net.relays.is_dead("other")


def test_events_are_counted_by_name(net: Net, homes: tuple[Home, Home]) -> None:
    """Counters say what replies meant; an upstream that is gone has none."""
    net.upstream(homes[0].entry())

    net.relays.heard("other", Event.NEXT_CODE_WANTED)
    net.relays.heard("gone", Event.NEXT_CODE_WANTED)

    assert net.counted["event:next-code-wanted"] == 1
    assert "gone" not in net.relays.read()


def test_timer_that_goes_off_early_finds_nothing_and_comes_again(
    net: Net, homes: tuple[Home, Home]
) -> None:
    """Only what is due is told, however often the timer goes off."""
    one, _ = homes
    net.upstream(one.entry())
    net.ask()
    one.receive()

    for _ in range(50):
        net.clock.advance(0.01)

    assert one.is_quiet()


def test_silence_is_told_in_time(net: Net, homes: tuple[Home, Home]) -> None:
    """The one timer tells whoever is due."""
    net.upstream(homes[0].entry())
    net.ask(budget=3.0)

    net.clock.advance(2.9)
    assert net.told == []
    net.clock.advance(0.2)

    assert [response.reason for response in net.told] == [Reason.UPSTREAM_SILENT]


@pytest.mark.parametrize("is_alive", [True, False])
def test_dialogue_is_sent_to_its_server_only(
    net: Net, homes: tuple[Home, Home], *, is_alive: bool
) -> None:
    """Whichever is the first: the server that asked gets the answer, or nobody."""
    one, two = homes
    net.upstream(one.entry(), two.entry())
    name = f"127.0.0.1:{two.port}"
    if not is_alive:
        two.close()
        net.ask(server=name)
        net.read()

    net.ask(server=name)

    if is_alive:
        two.receive()
        assert one.is_quiet()
    else:
        net.pass_time(21)
        assert one.is_quiet()
        assert [response.reason for response in net.told] == [Reason.DIALOGUE_LOST] * 2
        assert net.told[1].sent == 0


def test_timers_do_not_grow_in_number(net: Net, homes: tuple[Home, Home]) -> None:
    """Each login that is due sooner than all before it needs a timer, and leaves none behind."""
    net.upstream(homes[0].entry(), patience=300)
    net.ask(budget=200.0)
    for tenths in range(18, 8, -1):
        net.ask(budget=tenths / 10)

    net.pass_time(3, 0.02)

    assert len(net.told) == 10
    assert len(net.clock.timers.getDelayedCalls()) == 1


def test_upstream_that_nobody_has_is_dead(net: Net) -> None:
    """Whom a reload has taken away nobody can ask."""
    assert net.relays.is_dead("other")


def test_turn_that_breaks_stops_neither_sockets_nor_timers(
    net: Net, homes: tuple[Home, Home]
) -> None:
    """A fault of ours in one turn leaves its servers alive, and the next reply is taken."""
    one, _ = homes
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()
    net.breaks = True
    one.reply(asked)
    with capturedLogs() as logged:
        net.read()
    net.breaks = False

    net.ask()
    one.reply(one.receive())
    net.read()

    assert len(net.told) == 1
    assert [event["log_level"].name for event in logged] == ["critical"]
