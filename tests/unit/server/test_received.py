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


def test_deadline_is_that_of_the_client() -> None:
    """Constant where it is configured; where it is learned, the tries of the login count."""
    key = codec.SigningKey(Secret(b"a shared secret of 30 octets.."))
    packet = codec.decode(codec.request(1, 77, bytes(16), b"", key))

    def arrived(*, learns: bool) -> Received:
        client = Client(
            name="vpn", networks=(), secret=Secret(b""), primary="rsa", learns_patience=learns
        )
        plan, replies = Plan(client, Factors(), b""), Replies(client, Factors(), bytes)
        peer = Peer("192.0.2.1", client, key)
        return Received(
            FakePort(), peer.address, packet, peer, Site(Rule(client, plan, replies)), 5.0
        )

    plain, learning = arrived(learns=False), arrived(learns=True)
    patience = learning.site.patience
    assert patience is not None
    learning.wait = patience.of("192.0.2.1").begin(5.0, "it")
    assert (plain.deadline(), learning.deadline()) == (24.0, 24.0)

    for at in (10.0, 15.0, 20.0):
        patience.of("192.0.2.1").again("it", at)

    assert learning.deadline() > 30.0
