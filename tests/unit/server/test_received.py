"""A request that waits: known by where it came from and its identifier."""

from __future__ import annotations

from radiusmfa.clients import Peer
from radiusmfa.config.model import Client, Factors
from radiusmfa.login.plan import Plan
from radiusmfa.secret import Secret
from radiusmfa.server.parts import Site
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec
from tests.fakes import FakePort


def test_request_is_known_by_source_and_identifier() -> None:
    """A fresh request has no login, no answer and no waiting behind it."""
    client = Client(name="vpn", networks=(), secret=Secret(b"a shared secret of 30 octets.."))
    key = codec.SigningKey(client.secret)
    packet = codec.decode(codec.request(1, 77, bytes(16), b"", key))
    site = Site(Rule(client, Plan(client, Factors(), b""), Replies(client, Factors(), bytes)))

    one = Received(FakePort(), ("192.0.2.1", 40000), packet, Peer("a", client, key), site, 5.0)

    assert one.key == (("192.0.2.1", 40000), 77)
    assert (one.attempt, one.answer, one.checked, one.login) == (None, None, None, "")
    assert (one.arrived, one.waited, one.retry, one.login_key) == (5.0, 0.0, 0, 0)
