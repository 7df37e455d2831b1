"""Tests of `radiusmfa.cli.examine_upstream`, against servers of a few lines on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.cli import examine_upstream
from radiusmfa.cli.examine_upstream import Seen
from radiusmfa.cli.exchange import SilenceError
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.upstream_model import AliveCheck, Server, Upstream
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import (
    KEY,
    SECRET,
    Act,
    Responder,
    answer,
    by_code,
    changed,
    closed_port,
    other_secret,
)

if TYPE_CHECKING:
    from radiusmfa.cli.findings import Finding

ACCEPT: Final = answer(numbers.ACCESS_ACCEPT)
REJECT: Final = answer(numbers.ACCESS_REJECT)
QUICK: Final = 0.3
PATIENT: Final = 20.0


def _server(
    port: int = 1812,
    *,
    host: str = "127.0.0.1",
    required: bool = True,
    check: AliveCheck = AliveCheck.STATUS_SERVER,
) -> Server:
    return Server(
        host=host,
        port=port,
        secret=Secret(SECRET),
        require_message_authenticator=required,
        alive_check=check,
    )


def _upstream(server: Server) -> Upstream:
    return Upstream(name="rsa", servers=(server,), probe_user="nobody-at-all")


def _examine(server: Server, timeout: float = PATIENT) -> list[Finding]:
    return examine_upstream.examine(_upstream(server), server, timeout)


def _causes(found: list[Finding]) -> list[Cause]:
    return [one.cause for one in found]


def _fault(found: list[Finding]) -> Finding:
    (one,) = [one for one in found if one.level is Level.FAULT]
    assert one.advice
    return one


def _unsigned(code: int) -> Act:
    return answer(code, signed=False)


def _wrong_signature(packet: codec.Packet) -> list[bytes]:
    bad = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, bytes(16))
    octets = codec.reply(numbers.ACCESS_REJECT, packet, KEY, bad, signed=False)
    assert octets is not None
    return [octets]


def _last(packet: codec.Packet) -> list[bytes]:
    """Sign an answer behind its other attributes."""
    text = codec.attribute(numbers.REPLY_MESSAGE, b"no")
    blank = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, bytes(16))
    size = numbers.HEADER_OCTETS + len(text) + len(blank)
    head = bytes((numbers.ACCESS_REJECT, packet.identifier, 0, size)) + packet.authenticator
    mac = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, KEY.hmac(head + text + blank))
    octets = codec.reply(numbers.ACCESS_REJECT, packet, KEY, text + mac, signed=False)
    assert octets is not None
    return [octets]


def test_server_that_accepts_nobody_at_all_is_an_alarm() -> None:
    """An Accept for a user who does not exist means that anybody gets in."""
    with Responder(by_code(status=ACCEPT, login=ACCEPT)) as responder:
        found = _examine(_server(responder.port))

    assert _causes(found) == [Cause.WELL, Cause.LETS_ANYBODY_IN]
    assert "LETS ANYBODY IN" in _fault(found).text
    assert "nobody-at-all" in _fault(found).text


def test_other_secret_is_told_by_the_answer() -> None:
    """A server with another secret that answers all the same is found out at once."""
    with Responder(by_code(status=other_secret, login=other_secret)) as responder:
        found = _examine(_server(responder.port), QUICK)
        asked = responder.arrived

    assert _causes(found) == [Cause.OTHER_SECRET]
    assert "its secret differs" in _fault(found).text
    assert all(numbers.MESSAGE_AUTHENTICATOR in packet for packet in asked)


def test_other_secret_is_told_by_a_server_that_drops_what_is_signed_with_it() -> None:
    """Silence to signed requests and a wrong answer to an unsigned one: the secret differs."""
    with Responder(by_code(unsigned=other_secret)) as responder:
        found = _examine(_server(responder.port), QUICK)

    assert _causes(found) == [Cause.OTHER_SECRET]


def test_silence_names_every_cause_there_may_be() -> None:
    """Where nothing comes back, address, firewall, client list and secret are all named."""
    with Responder(by_code()) as responder:
        found = _examine(_server(responder.port), QUICK)

    assert _causes(found) == [Cause.SILENT]
    for word in ("address", "firewall", "clients", "secret", "nobody-at-all"):
        assert word in _fault(found).advice


def test_closed_port_is_told_at_once() -> None:
    """The host itself says that nothing listens; nobody waits for a timeout."""
    found = _examine(_server(closed_port()))

    assert _causes(found) == [Cause.NOTHING_LISTENS]
    assert "start the server" in _fault(found).advice


def test_name_without_address_is_told() -> None:
    """A name that nobody knows is no silence of a server."""
    found = _examine(_server(host="a" * 64 + ".invalid"))

    assert _causes(found) == [Cause.NO_ADDRESS]
    assert _fault(found).subject == f"upstream rsa {'a' * 64}.invalid:1812"


def test_address_out_of_reach_is_told() -> None:
    """What the system cannot send to is told as the system says it."""
    found = _examine(_server(host="255.255.255.255"))

    assert _causes(found) == [Cause.UNREACHABLE]


def test_answers_from_another_address_are_told() -> None:
    """A server with two addresses that answers from the other one is named with that."""
    acts = by_code(status=ACCEPT, login=REJECT)
    with Responder(acts, replies_from="127.0.0.9") as responder:
        found = _examine(_server(responder.port), QUICK)

    assert _causes(found) == [Cause.OTHER_ADDRESS]
    assert "127.0.0.9" in _fault(found).text


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        pytest.param(_wrong_signature, Cause.WRONG_SIGNATURE, id="wrong-signature"),
        pytest.param(lambda _: [b"HTTP/1.1 400 Bad Request"], Cause.NO_RADIUS, id="other-protocol"),
        pytest.param(changed, Cause.OTHER_SECRET, id="changed"),
    ],
)
def test_what_is_no_answer_is_told(act: Act, cause: Cause) -> None:
    """Whatever comes back and proves nothing is told apart from silence."""
    with Responder(by_code(status=act, login=act)) as responder:
        found = _examine(_server(responder.port), QUICK)

    assert _causes(found) == [cause]
    assert _fault(found).cause is cause


def test_server_that_drops_signed_requests_is_told() -> None:
    """A server that answers only what has no Message-Authenticator cannot be used."""
    with Responder(by_code(unsigned=REJECT)) as responder:
        found = _examine(_server(responder.port), QUICK)

    assert _causes(found) == [Cause.DROPS_SIGNED]


def test_unsigned_replies_are_a_fault() -> None:
    """Replies without Message-Authenticator would be dropped: update it, or waive it."""
    acts = by_code(status=_unsigned(numbers.ACCESS_ACCEPT), login=_unsigned(numbers.ACCESS_REJECT))
    with Responder(acts) as responder:
        found = _examine(_server(responder.port))

    assert _causes(found) == [Cause.WELL, Cause.WELL, Cause.UNSIGNED_REPLIES]
    assert "Status-Server and logins" in _fault(found).text
    assert "require_message_authenticator: no" in _fault(found).advice
    assert "Message-Authenticator missing" in found[0].text


def test_unsigned_replies_that_are_taken_are_a_note() -> None:
    """Where that is waived, logins work; that replies can be forged is said again."""
    acts = by_code(status=ACCEPT, login=_unsigned(numbers.ACCESS_REJECT))
    with Responder(acts) as responder:
        found = _examine(_server(responder.port, required=False))

    assert found[-1].level is Level.NOTE
    assert found[-1].cause is Cause.UNSIGNED_REPLIES
    assert "its replies to logins" in found[-1].text


def test_needless_waiver_is_a_note() -> None:
    """A server that signs everything needs no waiver any more."""
    with Responder(by_code(status=ACCEPT, login=REJECT)) as responder:
        found = _examine(_server(responder.port, required=False))

    assert _causes(found) == [Cause.WELL, Cause.WELL, Cause.NEEDLESS_WAIVER]
    assert found[-1].level is Level.NOTE


@pytest.mark.parametrize(
    ("check", "cause"),
    [
        pytest.param(AliveCheck.STATUS_SERVER, Cause.NO_STATUS_SERVER, id="is-needed"),
        pytest.param(AliveCheck.ACCESS_REQUEST, None, id="is-not-needed"),
        pytest.param(AliveCheck.NONE, None, id="nobody-looks"),
    ],
)
def test_missing_status_server_is_a_fault_where_it_is_used(
    check: AliveCheck, cause: Cause | None
) -> None:
    """A server that answers logins alone would be taken for dead: another alive check helps."""
    with Responder(by_code(login=REJECT)) as responder:
        found = _examine(_server(responder.port, check=check), QUICK)

    faults = [one for one in found if one.level is Level.FAULT]
    assert [one.cause for one in faults] == ([] if cause is None else [cause])
    assert all("alive_check: access-request" in one.advice for one in faults)


@pytest.mark.parametrize(
    ("check", "level"),
    [
        pytest.param(AliveCheck.ACCESS_REQUEST, Level.FAULT, id="is-needed"),
        pytest.param(AliveCheck.STATUS_SERVER, Level.NOTE, id="may-be-its-way"),
    ],
)
def test_unanswered_login_of_nobody_is_told(check: AliveCheck, level: Level) -> None:
    """A server may drop logins of people it does not know; that is bad where we need them."""
    with Responder(by_code(status=ACCEPT)) as responder:
        found = _examine(_server(responder.port, check=check), QUICK)

    assert (found[-1].cause, found[-1].level) == (Cause.NO_ANSWER_TO_LOGIN, level)
    assert ("probe USER --upstream rsa" in found[-1].advice) is (level is Level.NOTE)


def test_good_server_is_well_in_every_way() -> None:
    """A server that answers both questions as it must: how, and how fast."""
    with Responder(by_code(status=ACCEPT, login=REJECT)) as responder:
        found = _examine(_server(responder.port))
        port = responder.port
        asked = responder.arrived

    assert [one.level for one in found] == [Level.OK, Level.OK]
    assert found[0].subject == f"upstream rsa 127.0.0.1:{port}"
    assert found[0].text == "Status-Server answered, Message-Authenticator right, first"
    assert found[1].text.startswith("refuses nobody-at-all, who does not exist, ")
    assert all(one.seconds is not None for one in found)
    assert all(codec.verify(packet, KEY) for packet in asked)


def test_lost_status_server_is_followed_by_a_new_one() -> None:
    """A Status-Server is never sent again; the second one has an authenticator of its own."""
    lost: list[bytes] = []

    def second(packet: codec.Packet) -> list[bytes]:
        lost.append(packet.authenticator)
        return [] if len(lost) == 1 else list(ACCEPT(packet))

    with Responder(by_code(status=second, login=REJECT)) as responder:
        found = _examine(_server(responder.port), 2.0)

    assert _causes(found) == [Cause.WELL, Cause.WELL]
    assert len(set(lost)) == 2


def test_challenge_and_signature_behind_are_well() -> None:
    """A server may ask even somebody whom it does not know, and sign at the end."""
    with Responder(by_code(status=_last, login=answer(numbers.ACCESS_CHALLENGE))) as responder:
        found = _examine(_server(responder.port), QUICK)
    assert "asks nobody-at-all" in found[-1].text

    with Responder(by_code(status=ACCEPT, login=_last)) as responder:
        found = _examine(_server(responder.port))
    assert "Message-Authenticator right, not first" in found[-1].text


@pytest.mark.parametrize(
    ("check", "code"),
    [
        pytest.param(AliveCheck.STATUS_SERVER, numbers.STATUS_SERVER, id="status-server"),
        pytest.param(AliveCheck.ACCESS_REQUEST, numbers.ACCESS_REQUEST, id="access-request"),
    ],
)
def test_sign_of_life_is_asked_for_as_the_server_wants(check: AliveCheck, code: int) -> None:
    """A genuine answer of any kind is life; a forged one, or none, is not."""
    for act, is_alive in ((changed, False), (ACCEPT, True)):
        with Responder(by_code(status=act, login=act)) as responder:
            server = _server(responder.port, check=check)
            timeout = PATIENT if is_alive else QUICK
            assert examine_upstream.is_alive(_upstream(server), server, timeout) is is_alive
            assert [packet.code for packet in responder.arrived] == [code]


def test_several_addresses_are_a_note() -> None:
    """Of a name with two addresses only the first is asked: whoever means both must say so."""
    seen = Seen(
        addresses=("192.0.2.1", "192.0.2.2"),
        status=SilenceError({}, refused=True),
        login=SilenceError({}, refused=True),
    )
    server = _server(host="rsa.example")
    found = examine_upstream.judge(_upstream(server), server, seen)

    assert _causes(found) == [Cause.SEVERAL_ADDRESSES, Cause.NOTHING_LISTENS]
    assert "192.0.2.1, 192.0.2.2" in found[0].text


def test_nothing_secret_is_told() -> None:
    """The secret is in no finding, whatever is wrong."""
    with Responder(by_code(unsigned=other_secret)) as responder:
        found = _examine(_server(responder.port), QUICK)

    assert SECRET.decode() not in repr(found)
