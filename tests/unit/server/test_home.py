"""One upstream server: its address, its source ports, and whether it is alive."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from radiusmfa.config.upstream_model import AliveCheck, Server
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server.home import place
from radiusmfa.wire import numbers
from tests.unit.server.network import KEY, Home, Net, no_descriptors

STATUS = AliveCheck.STATUS_SERVER


def test_server_without_looks_is_never_sent_any(net: Net, one: Home) -> None:
    """`alive_check: none` sends logins and nothing else."""
    net.upstream(one.entry(), patience=60)
    net.ask(budget=60)
    net.pass_time(30)

    assert net.counted["probes"] == 0


def test_three_logins_without_an_answer_make_it_dead(net: Net, one: Home) -> None:
    """Where nobody can look, logins in a row stand for looks."""
    net.upstream(one.entry(), patience=1)
    for _ in range(3):
        assert not net.relays.is_dead("other")
        net.ask()
        net.pass_time(1.1)

    assert net.relays.is_dead("other")
    assert [response.reason for response in net.told] == [Reason.UPSTREAM_SILENT] * 3


def test_reply_from_another_address_is_dropped(net: Net, one: Home) -> None:
    """A reply comes from where the request was sent to (RFC 2865 section 3)."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()
    other = Home("127.0.0.7")

    other.reply(asked)
    net.read()

    assert net.told == []
    assert net.drops == ["wrong-source"]
    other.close()


def test_second_reply_is_dropped(net: Net, one: Home) -> None:
    """The first genuine reply counts; the next is nobody's (RFC 5080 section 2.2.1)."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()

    one.reply(asked, numbers.ACCESS_REJECT)
    one.reply(asked, numbers.ACCESS_ACCEPT)
    net.read()

    assert [response.packet.code for response in net.told if response.packet] == [3]
    assert net.drops == ["unexpected-reply"]


@pytest.mark.parametrize(
    ("octets", "fault", "counter"),
    [
        (b"", "short-packet", "malformed_access_responses"),
        (bytes(4097), "bad-length", "malformed_access_responses"),
        (b"\x02\x00\x10\x01" + bytes(4093), "too-long", "malformed_access_responses"),
        (b"\x01\x00\x00\x14" + bytes(16), "wrong-port", "unknown_types"),
        (b"\x2b\x00\x00\x14" + bytes(16), "wrong-port", "unknown_types"),
        (b"\x63\x00\x00\x14" + bytes(16), "unknown-code", "unknown_types"),
    ],
)
def test_octets_that_are_no_reply_are_dropped(
    net: Net, one: Home, octets: bytes, fault: str, counter: str
) -> None:
    """Whatever a server sends, a login waits on for its reply."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()

    one.socket.sendto(octets, asked.source)
    net.read()

    assert net.told == []
    assert net.drops == [fault]
    assert net.counted[counter] == 1


def test_name_is_looked_up_before_anybody_is_asked(net: Net, one: Home) -> None:
    """A login that comes right after the start waits for the address, and for no other thing."""
    net.upstream(one.entry(host="radius.example.com"))
    net.ask()
    net.clock.advance(0.5)
    assert net.told == []
    assert not net.relays.is_dead("other")
    ((host, tell),) = net.looked_up
    assert host == "radius.example.com"

    tell(["127.0.0.1"])
    net.clock.advance(0.2)

    one.receive()


@pytest.mark.parametrize("ends", ["no-address", "no-time"])
def test_login_waits_for_an_address_no_longer_than_it_can(net: Net, one: Home, ends: str) -> None:
    """Where the look-up finds nothing, or takes too long, the login is told so."""
    net.upstream(one.entry(host="radius.example.com"))
    net.ask(budget=2)

    if ends == "no-address":
        net.looked_up[0][1]([])
        net.clock.advance(0.2)
    else:
        net.pass_time(2.1)

    is_time = ends == "no-time"
    assert net.told[0].reason is (Reason.UNANSWERED if is_time else Reason.UPSTREAM_UNREACHABLE)
    assert net.told[0].seconds <= 2.1


def test_name_without_an_address_is_looked_up_again(net: Net, one: Home) -> None:
    """A name server that is down at the start is no reason to stay without an upstream."""
    net.upstream(one.entry(host="radius.example.com"))
    net.looked_up.pop()[1]([])
    assert net.relays.is_dead("other")

    net.clock.advance(31)
    net.relays.tidy()
    net.looked_up.pop()[1](["127.0.0.1"])
    net.ask()

    one.receive()


def test_name_that_moves_is_followed(net: Net, one: Home) -> None:
    """New logins go to the new address; replies from the old one still count."""
    there = Home("127.0.0.9", one.port)
    net.upstream(one.entry(host="radius.example.com"), patience=60)
    net.looked_up.pop()[1](["127.0.0.1"])
    net.ask(budget=60)
    asked = one.receive()

    net.clock.advance(31)
    net.relays.tidy()
    net.looked_up.pop()[1](["127.0.0.9"])
    net.ask()
    there.receive()
    one.reply(asked)
    net.read()
    net.relays.tidy()

    assert net.told[0].packet is not None
    assert len(net.reactor.readers) == 1
    there.close()


def test_name_that_stays_keeps_its_ports(net: Net, one: Home) -> None:
    """The same address again changes nothing, nor does a look-up that fails."""
    net.upstream(one.entry(host="radius.example.com"))
    net.looked_up.pop()[1](["127.0.0.1"])
    net.ask()
    source = one.receive().source
    for answer in (["127.0.0.1"], []):
        net.clock.advance(31)
        net.relays.tidy()
        net.looked_up.pop()[1](answer)
        net.ask()

    assert [one.receive().source for _ in range(2)][-1] == source


def test_lost_server_with_a_name_is_looked_up_at_once(net: Net, one: Home) -> None:
    """A server may have moved: that is found out before the half minute is over."""
    net.upstream(one.entry(host="radius.example.com", alive_check=STATUS))
    net.looked_up.pop()[1](["127.0.0.1"])
    one.close()
    net.ask()
    net.read()
    there = Home("127.0.0.9", one.port)

    net.looked_up.pop()[1](["127.0.0.9"])
    net.relays.tidy()
    there.reply(there.receive())
    net.read()

    assert not net.relays.is_dead("other")
    there.close()


def test_process_without_descriptors_is_busy_not_broken(net: Net, one: Home) -> None:
    """Where the system gives no further socket, the login is told; nothing breaks."""
    net.upstream(one.entry())
    with no_descriptors():
        net.ask()

    assert net.told[0].reason is Reason.UPSTREAM_BUSY


def test_missing_descriptors_are_complained_of_now_and_then(net: Net, one: Home) -> None:
    """A flood of logins that get no socket does not flood the log; ten seconds later it says so."""
    net.upstream(one.entry())
    with capturedLogs() as logged, no_descriptors():
        for pause in (0, 1, 8, 2):
            net.clock.advance(pause)
            net.ask()

    assert len([one for one in logged if "no socket" in str(one.get("log_format"))]) == 2


def test_place_names_host_and_port() -> None:
    """IPv6 addresses stand in brackets."""
    assert place(Server(host="2001:db8::1", secret=Secret(KEY.secret))) == "[2001:db8::1]:1812"
    assert place(Server(host="radius", port=99, secret=Secret(KEY.secret))) == "radius:99"


def test_ipv6_server_is_asked(net: Net) -> None:
    """An upstream on IPv6 is asked over IPv6."""
    home = Home("::1")
    net.upstream(home.entry())
    net.ask()

    home.reply(home.receive())
    net.read()

    assert net.told[0].packet is not None
    home.close()


def test_further_ports_close_after_a_minute(net: Net, one: Home) -> None:
    """What a busy minute has opened goes; the first port stays."""
    net.upstream(one.entry())
    for _ in range(257):
        net.ask(budget=2.0)
    assert len(net.reactor.readers) == 2
    net.pass_time(2.1)
    net.relays.tidy()
    assert len(net.reactor.readers) == 2

    net.clock.advance(61)
    net.relays.tidy()

    assert len(net.reactor.readers) == 1


def test_everything_that_was_none_is_counted(net: Net, one: Home) -> None:
    """Each false reply to a login stands in what is told of it."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()
    for _ in range(3):
        one.reply(asked, signed=False)
    one.reply(asked)

    net.read()

    assert net.told[0].ignored == {"missing-message-authenticator": 3}
    assert net.counted["bad_authenticators"] == 3


def test_name_is_looked_up_once_at_a_time(net: Net, one: Home) -> None:
    """While the resolver thinks nobody asks it again."""
    net.upstream(one.entry(host="radius.example"))
    net.clock.advance(31)

    net.relays.tidy()

    assert len(net.looked_up) == 1


def test_refusal_of_the_old_address_says_nothing_of_the_new(net: Net, one: Home) -> None:
    """A server that has moved is not dead because nothing listens where it was."""
    net.upstream(one.entry(host="radius.example"), patience=100)
    net.looked_up.pop()[1](["127.0.0.2"])  # nothing listens there
    net.ask(budget=100)
    net.clock.advance(31)
    net.relays.tidy()
    net.looked_up.pop()[1](["127.0.0.1"])

    net.read()

    net.ask()
    assert [response.reason for response in net.told] == [Reason.UPSTREAM_UNREACHABLE]
    one.reply(one.receive())
    net.read()
    assert net.told[-1].packet is not None


def test_name_with_an_address_of_each_family_is_asked_where_it_answers(net: Net, one: Home) -> None:
    """Nothing listens at the first address: the same login goes to the second."""
    net.upstream(one.entry(host="localhost"))
    net.looked_up.pop()[1](["::1", "127.0.0.1"])
    net.ask()
    net.read()

    net.looked_up.pop()[1](["::1", "127.0.0.1"])
    net.clock.advance(0.2)
    one.reply(one.receive())
    net.read()

    assert net.told[0].packet is not None
    net.clock.advance(31)
    net.relays.tidy()
    net.looked_up.pop()[1](["::1", "127.0.0.1"])
    net.ask()
    one.receive()


def test_name_whose_only_address_is_dead_ends_the_login(net: Net, one: Home) -> None:
    """Looking it up once more finds nothing new, and nobody waits for longer."""
    net.upstream(one.entry(host="localhost"))
    net.looked_up.pop()[1](["127.0.0.1"])
    one.close()
    net.ask()
    net.read()

    net.looked_up.pop()[1](["127.0.0.1"])
    net.clock.advance(0.2)

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE
