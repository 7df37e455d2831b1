"""One inquiry over the servers of its upstream, on real sockets and turned time."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server.exchange import Exchange
from radiusmfa.server.relays import Relay
from radiusmfa.upstream.inquiry import Inquiry
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import SigningKey
from tests.unit.server.network import BUDGET, KEY, Home, Net

STATUS = AliveCheck.STATUS_SERVER


@pytest.mark.parametrize(
    ("code", "counter"),
    [
        (numbers.ACCESS_ACCEPT, "access_accepts"),
        (numbers.ACCESS_REJECT, "access_rejects"),
        (numbers.ACCESS_CHALLENGE, "access_challenges"),
    ],
)
def test_reply_is_handed_back_and_counted(net: Net, one: Home, code: int, counter: str) -> None:
    """Whatever a server answers, it comes back with what opens it."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()

    net.clock.advance(0.5)
    one.reply(asked, code)
    net.read()

    (response,) = net.told
    assert response.packet is not None
    assert response.packet.code == code
    assert response.server == f"127.0.0.1:{one.port}"
    assert response.authenticator == asked.packet.authenticator
    assert response.secret == KEY.secret
    assert (response.sent, response.servers, response.seconds) == (1, 1, 0.5)
    assert net.counted[counter] == net.counted["access_requests"] == 1
    assert net.counted["pending_requests"] == 0


def test_request_is_signed_first_and_has_one_proxy_state_of_ours(net: Net, one: Home) -> None:
    """RFC 2865 section 5.33, CVE-2024-3596: Message-Authenticator first, our Proxy-State last."""
    net.upstream(one.entry())
    net.ask()
    packet = one.receive().packet

    (proxy_state,) = packet.values(numbers.PROXY_STATE)
    assert proxy_state.startswith(net.relays.marker)
    assert packet.octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert packet.octets.endswith(proxy_state)


def test_same_octets_are_sent_again_with_doubling_pauses(net: Net, one: Home) -> None:
    """RFC 5080 section 2.2.1: the same octets after 2, then 4 more, then 8 more seconds."""
    net.upstream(one.entry(), patience=60, retransmit=2)
    net.ask(budget=60)
    first = one.receive()
    sent = []
    for tenth in range(1, 190):
        net.clock.advance(0.1)
        if not one.is_quiet():
            sent.append(tenth / 10)

    # One tenth of chance each way, and up to a tenth until we look.
    assert len(sent) == 3
    assert 1.7 <= sent[0] <= 2.4
    assert 5.3 <= sent[1] <= 6.9
    assert 12.5 <= sent[2] <= 15.8
    assert net.counted["access_retransmissions"] == 3
    one.reply(first)
    net.read()
    assert net.told[0].sent == 4


def test_retransmission_has_the_same_octets(net: Net, one: Home) -> None:
    """A server knows a retransmission by its octets: nothing in it may change."""
    net.upstream(one.entry())
    net.ask()
    first = one.receive()

    net.clock.advance(3)

    again = one.receive()
    assert (again.packet.octets, again.source) == (first.packet.octets, first.source)
    assert net.counted["access_retransmissions"] == 1


def test_silent_server_is_left_for_the_next(net: Net, one: Home, two: Home) -> None:
    """Without any sign of life the next server is asked, with everything fresh."""
    net.upstream(one.entry(), two.entry(), patience=5)
    net.ask()
    first = one.receive()
    net.pass_time(4.5)
    assert two.is_quiet()

    net.pass_time(1)
    second = two.receive()
    two.reply(second)
    net.read()

    assert second.packet.authenticator != first.packet.authenticator
    assert second.packet.values(numbers.PROXY_STATE) != first.packet.values(numbers.PROXY_STATE)
    assert net.told[0].packet is not None
    assert net.told[0].servers == 2
    assert (net.counted["fail_overs"], net.counted["timeouts"]) == (1, 1)


def test_late_reply_of_the_first_server_is_dropped(net: Net, one: Home, two: Home) -> None:
    """Once the next server is asked, nobody waits for the first one any more."""
    net.upstream(one.entry(), two.entry(), patience=5)
    net.ask()
    late = one.receive()
    net.pass_time(6)

    one.reply(late)
    net.read()

    assert net.told == []
    assert net.drops == ["unexpected-reply"]
    assert net.counted["packets_dropped"] == 1


def test_each_server_gets_its_share_of_the_clients_time(net: Net, one: Home, two: Home) -> None:
    """With four seconds for two servers the second is asked after two."""
    net.upstream(one.entry(), two.entry(), patience=10)
    net.ask(budget=4)
    one.receive()

    net.pass_time(2.1)

    two.receive()


def test_silence_of_all_is_told_before_the_client_gives_up(net: Net, one: Home, two: Home) -> None:
    """Where nobody answers, that is said at the deadline and not after it."""
    net.upstream(one.entry(), two.entry(), patience=60)
    net.ask(budget=BUDGET)

    net.pass_time(BUDGET - 0.5)
    assert net.told == []
    net.pass_time(0.6)

    (response,) = net.told
    assert response.packet is None
    assert response.reason is Reason.UPSTREAM_SILENT
    assert response.seconds <= BUDGET + 0.1


def test_only_server_has_no_more_than_its_patience(net: Net, one: Home) -> None:
    """A single server that shows no life is given up after its patience."""
    net.upstream(one.entry(), patience=3)
    net.ask()

    net.pass_time(3.1)

    assert net.told[0].reason is Reason.UPSTREAM_SILENT


def test_live_server_that_stays_silent_is_waited_for_to_the_end(net: Net, one: Home) -> None:
    """A server that answers looks, but not this login, waits for a person."""
    net.upstream(one.entry(alive_check=STATUS), patience=5)
    net.ask()
    net.clock.advance(2.1)
    one.reply(one.probe())
    net.read()

    net.pass_time(BUDGET)

    assert net.told[0].reason is Reason.UNANSWERED
    assert net.counted["probes"] == 1


def test_push_without_looks_is_unanswered_not_unavailable(net: Net, one: Home) -> None:
    """Where a person may have to act and nobody can look, silence proves nothing."""
    net.upstream(one.entry(), patience=5, waits=True)
    net.ask()

    net.pass_time(BUDGET + 0.1)

    assert net.told[0].reason is Reason.UNANSWERED
    assert net.counted["fail_overs"] == 0


def test_dead_server_is_left_as_soon_as_looks_show_it(net: Net, one: Home, two: Home) -> None:
    """Two looks without an answer are enough; the share of time need not run out."""
    net.upstream(one.entry(alive_check=STATUS), two.entry(alive_check=STATUS), patience=60)
    net.ask(budget=60)
    one.receive()

    net.pass_time(5)

    two.receive()
    assert net.counted["fail_overs"] == 1


def test_dialogue_stays_with_its_server(net: Net, one: Home, two: Home) -> None:
    """An answer to a challenge goes to the server that asked, not to the first."""
    net.upstream(one.entry(), two.entry())
    net.ask(server=f"127.0.0.1:{two.port}")

    two.receive()
    assert one.is_quiet()


@pytest.mark.parametrize("why", ["silent", "closed", "unknown"])
def test_dialogue_is_lost_with_its_server(net: Net, one: Home, two: Home, why: str) -> None:
    """No other server can go on with it, and none is asked."""
    net.upstream(one.entry(), two.entry(), patience=3)
    server = f"127.0.0.1:{one.port}"
    if why == "closed":
        one.close()
    net.ask(server="127.0.0.1:1" if why == "unknown" else server)
    net.read()

    net.pass_time(4)

    assert net.told[0].reason is Reason.DIALOGUE_LOST
    assert two.is_quiet()


def test_dialogue_waits_for_its_server_to_revive(net: Net, one: Home, two: Home) -> None:
    """What was typed was sent to nobody yet: there may be time until its server is back."""
    net.upstream(one.entry(alive_check=STATUS), two.entry())
    server = f"127.0.0.1:{one.port}"
    one.close()
    net.ask()
    net.read()
    two.reply(two.receive())
    net.read()
    net.ask(server=server)
    back = Home(port=one.port)
    for _ in range(30):
        net.clock.advance(0.1)
        net.relays.tidy()
        back.accept(numbers.STATUS_SERVER, numbers.ACCESS_REQUEST)
        net.read()
    back.close()

    assert [told.server for told in net.told] == [f"127.0.0.1:{two.port}", server]
    assert [told.packet is not None for told in net.told] == [True, True]
    assert two.is_quiet()


def test_closed_port_is_known_at_once(net: Net, one: Home, two: Home) -> None:
    """An ICMP refusal sends the login on without waiting."""
    net.upstream(one.entry(), two.entry())
    one.close()
    net.ask()

    net.read()

    two.receive()
    assert net.counted["timeouts"] == 0


def test_nobody_to_ask_is_told_at_once(net: Net, one: Home) -> None:
    """With every port closed there is nothing to wait for."""
    net.upstream(one.entry())
    one.close()
    net.ask()

    net.read()

    assert net.told[0].reason is Reason.UPSTREAM_UNREACHABLE
    assert net.told[0].servers == 1


def test_budget_that_has_run_out_asks_nobody(net: Net, one: Home) -> None:
    """A login whose time is up before it is sent says nothing of the server: no ladder."""
    net.upstream(one.entry())
    net.ask(budget=0)

    assert net.told[0].reason is Reason.UNANSWERED
    assert one.is_quiet()


def test_password_that_no_packet_can_hold_is_told(net: Net, one: Home) -> None:
    """RFC 2865 section 5.2: at most 128 octets; a longer one is not cut."""
    net.upstream(one.entry())
    net.ask(typed=bytes(129))

    assert net.told[0].reason is Reason.TEXT_NOT_WRITABLE
    assert net.counted["pending_requests"] == 0


def test_unreachable_network_is_left_at_once(net: Net, one: Home) -> None:
    """What the system refuses to send is no server to wait for."""
    net.upstream(one.entry(host="255.255.255.255", alive_check=AliveCheck.NONE), one.entry())
    net.ask()

    one.receive()


@pytest.mark.parametrize(
    ("fault", "attributes", "key", "signed"),
    [
        ("bad-response-authenticator", b"", SigningKey(Secret(b"another secret")), True),
        ("missing-message-authenticator", b"", KEY, False),
        ("bad-proxy-state", codec.attribute(numbers.PROXY_STATE, b"of another"), KEY, True),
    ],
)
def test_reply_that_is_not_genuine_changes_nothing(
    net: Net, one: Home, fault: str, attributes: bytes, key: SigningKey, *, signed: bool
) -> None:
    """It is dropped and counted, and the genuine one still counts."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()

    one.reply(asked, attributes=attributes, key=key, signed=signed)
    net.read()
    assert net.told == []
    one.reply(asked)
    net.read()

    assert net.told[0].packet is not None
    assert net.told[0].ignored == {fault: 1}
    assert net.drops == [fault]


def test_reply_to_status_server_is_no_reply_to_a_login(net: Net, one: Home) -> None:
    """An Accounting-Response lets nobody in."""
    net.upstream(one.entry())
    net.ask()

    one.reply(one.receive(), numbers.ACCOUNTING_RESPONSE)
    net.read()

    assert net.told == []
    assert net.counted["unknown_types"] == 1


def test_unsigned_reply_is_taken_where_the_entry_waives_it(net: Net, one: Home) -> None:
    """`require_message_authenticator: no` is for servers that cannot sign."""
    net.upstream(one.entry(require_message_authenticator=False))
    net.ask()

    one.reply(one.receive(), signed=False)
    net.read()

    assert net.told[0].packet is not None


# -- who may be asked next --


def test_server_that_died_meanwhile_is_left_out(net: Net, one: Home, two: Home) -> None:
    """A login that leaves a silent server does not waste its time on one that is known dead."""
    net.upstream(one.entry(), two.entry(), probe_interval=60)
    net.ask()
    one.receive()
    two.close()
    net.ask(server=f"127.0.0.1:{two.port}")
    net.read()
    silent = Home(port=two.port)

    net.pass_time(10.2)

    assert [response.reason for response in net.told] == [
        Reason.DIALOGUE_LOST,
        Reason.UPSTREAM_SILENT,
    ]
    assert silent.is_quiet()
    silent.close()


def test_dead_server_on_trial_is_not_waited_for(net: Net, one: Home, two: Home) -> None:
    """Though a person may have to act: the login that tries a dead server has another one left."""
    net.upstream(one.entry(), two.entry(), waits=True, probe_interval=10)
    one.close()
    net.ask()
    net.read()
    two.reply(two.receive())
    net.read()
    silent = Home(port=one.port)
    net.clock.advance(10.1)

    net.ask()
    silent.receive()
    net.pass_time(10.2)
    two.reply(two.receive())
    net.read()

    assert net.told[-1].packet is not None
    assert net.told[-1].servers == 2
    silent.close()


@pytest.mark.parametrize(
    ("server", "reason"), [("", Reason.UPSTREAM_BUSY), ("pinned", Reason.DIALOGUE_LOST)]
)
def test_no_identifier_left_is_told(net: Net, one: Home, server: str, reason: Reason) -> None:
    """With all identifiers taken a login is told so at once, in a dialogue that it is lost."""
    net.upstream(one.entry(), ports=1)
    for _ in range(256):
        net.ask()

    net.ask(server=f"127.0.0.1:{one.port}" if server else "")

    assert [(response.reason, response.sent) for response in net.told] == [(reason, 0)]


def test_three_logins_without_an_answer_are_told_of(net: Net, one: Home) -> None:
    """Where nobody can look, the third login in a row without an answer says that it is gone."""
    net.upstream(one.entry())
    for _ in range(3):
        net.ask(budget=3.0)
    net.pass_time(3.1)

    net.ask()

    assert [response.reason for response in net.told] == [
        *[Reason.UPSTREAM_SILENT] * 3,
        Reason.UPSTREAM_UNREACHABLE,
    ]


def test_server_that_has_answered_others_is_not_doubted(net: Net, one: Home) -> None:
    """Whoever answers one login need not be looked at for another that waits."""
    net.upstream(one.entry(alive_check=STATUS))
    net.ask()
    net.ask()
    one.receive()
    net.clock.advance(1)
    one.reply(one.receive())
    net.read()

    net.pass_time(1.5)

    assert len(net.told) == 1
    assert net.counted["probes"] == 0


def test_doubt_that_cannot_even_be_sent_ends_the_login(net: Net, one: Home) -> None:
    """A server that has moved to where the network does not reach is left while it is looked at."""
    net.upstream(one.entry(host="radius.example", alive_check=STATUS), patience=100, retransmit=30)
    net.looked_up.pop()[1](["127.0.0.1"])
    net.clock.advance(5)
    net.ask(budget=200)
    net.clock.advance(25.5)
    net.relays.tidy()
    net.looked_up.pop()[1](["255.255.255.255"])  # nobody may send there

    net.pass_time(5)
    net.looked_up.pop()[1](["255.255.255.255"])  # lost, and looked up again: it is still there
    net.pass_time(0.5)

    assert [response.reason for response in net.told] == [Reason.UPSTREAM_UNREACHABLE]
    assert net.counted["probes"] == 2


def test_reply_before_anything_was_sent_is_a_fault_of_ours(net: Net, one: Home) -> None:
    """Nobody waits for a reply to nothing."""
    relay = Relay(net.relays, net.upstream(one.entry()))
    inquiry = Inquiry(upstream="other", attributes=b"", typed=b"", deadline=0.0)
    exchange = Exchange(relay, object(), inquiry, 0.0)  # type: ignore[arg-type]
    packet = codec.decode(codec.request(1, 0, bytes(16), b"", KEY))

    with pytest.raises(AssertionError, match="nothing was sent"):
        exchange.check(packet)


@pytest.mark.parametrize("extra", [0, 1])
def test_largest_packet_is_taken_and_no_larger(net: Net, one: Home, extra: int) -> None:
    """A reply of 4096 octets is one; what pretends to be longer is not (RFC 2865 section 3)."""
    net.upstream(one.entry())
    net.ask()
    asked = one.receive()
    room = 4096 - 20 - 18 - (2 + len(asked.packet.values(numbers.PROXY_STATE)[0]))
    whole, rest = divmod(room, 255)
    attributes = codec.attribute(18, bytes(253)) * whole + codec.attribute(18, bytes(rest - 2))
    octets = codec.reply(numbers.ACCESS_ACCEPT, asked.packet, KEY, attributes)
    assert octets is not None
    assert len(octets) == 4096

    one.socket.sendto(octets[:2] + (4096 + extra).to_bytes(2) + octets[4:] + bytes(extra),
                      asked.source)  # fmt: skip
    net.read()

    assert len(net.told) == 1 - extra
    assert net.drops == ["too-long"] * extra


def test_server_that_revives_in_time_is_asked_again(net: Net, one: Home, two: Home) -> None:
    """In a rolling restart both servers die once; a login that has time left is not lost."""
    net.upstream(one.entry(alive_check=STATUS), two.entry(alive_check=STATUS))
    one.close()
    net.ask()
    net.read()
    two.receive()
    reborn = Home(port=one.port)
    net.clock.advance(1.1)
    net.relays.tidy()
    reborn.reply(reborn.probe())
    net.read()

    two.close()
    net.clock.advance(2)  # sent again, and refused
    net.read()
    reborn.reply(reborn.receive())
    net.read()

    assert net.told[0].packet is not None
    assert net.told[0].servers == 3
    reborn.close()


@pytest.mark.parametrize("check", [STATUS, AliveCheck.NONE], ids=lambda check: check.value)
def test_time_that_was_spent_elsewhere_is_no_outage(net: Net, one: Home, check: AliveCheck) -> None:
    """Who spends the client's time before a server is asked does not get to the ladder so."""
    net.upstream(one.entry(alive_check=check))
    net.ask(budget=0.05)

    net.pass_time(0.2, 0.01)

    assert net.told[0].reason is Reason.UNANSWERED
