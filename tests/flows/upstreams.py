"""Upstreams that a test plays: they read what they are asked, and answer when it says so."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.config.model import LOCAL_FACTORS, Factors, Mode
from radiusmfa.config.upstream_model import Server, Upstream, UpstreamFactor
from radiusmfa.secret import Secret
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers, password
from tests.flows.world import ACCEPT, CHALLENGE, REJECT, REPLY_MESSAGE, STATE, Nas, World, client

if TYPE_CHECKING:
    from radiusmfa.config.model import Client
    from radiusmfa.outcome import Reason
    from radiusmfa.server.received import Received
    from radiusmfa.wire.codec import Packet
    from tests.flows.world import Reply

UPSTREAM_SECRET: Final = b"the token server's own secret"
PLACE: Final = "192.0.2.101:1812"
"""Where the server is that answers, unless said otherwise."""
PROXY: Final = "192.0.2.5"
_KEY: Final = codec.SigningKey(Secret(UPSTREAM_SECRET))


def upstream(name: str = "rsa", **settings: Any) -> Upstream:  # noqa: ANN401 - settings of any type
    """Return an upstream of one server."""
    server = Server(host="192.0.2.101", secret=Secret(UPSTREAM_SECRET))
    return Upstream(**({"name": name, "servers": (server,)} | settings))


def factor(name: str = "securid", **settings: Any) -> UpstreamFactor:  # noqa: ANN401 - settings of any type
    """Return a factor that `rsa` checks."""
    return UpstreamFactor(**({"name": name, "upstream": "rsa"} | settings))


def serve(
    world: World,
    *clients: Client,
    upstreams: tuple[Upstream, ...] = (upstream(),),
    factors: tuple[UpstreamFactor, ...] = (factor(),),
) -> TokenServer:
    """Let *world* serve *clients* with *upstreams*, and return who plays those."""
    world.clients = clients
    world.upstreams = upstreams
    names = (*LOCAL_FACTORS, *(one.name for one in factors))
    world.factors = replace(Factors(), upstream=factors, names=names)
    world.reload()
    return TokenServer(world)


def proxied(**settings: Any) -> Client:  # noqa: ANN401 - settings of any type
    """Return a client for which `rsa` checks everything."""
    return client(PROXY, Mode.PROXY, **({"primary": "rsa"} | settings))


def assign(world: World, name: str, to: str = "rsa", alias: str = "") -> None:
    """Assign somebody to an upstream, as `radiusmfa user upstream` does."""
    world.admin.connection.execute(
        "INSERT INTO upstream_users SELECT id, ?, ? FROM users WHERE name = ?", (to, alias, name)
    )


def tell(
    nas: Nas,
    name: str | bytes,
    typed: bytes,
    state: bytes | None = None,
    *extra: tuple[int, bytes],
) -> bytes:
    """Send a request that nobody can answer before an upstream does; return it."""
    request = nas.request(name, typed, state, *extra)
    assert nas.send(request) is None
    return request


def told(nas: Nas, request: bytes) -> Reply:
    """Return the reply to *request*, which is there by now."""
    reply = nas.take(request)
    assert reply is not None
    return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    A request as the upstream gets it.

    Attributes:
        inquiry: What it was made of.
        packet: Decoded and verified.
        proxy_state: Ours.
    """

    inquiry: Inquiry
    packet: Packet
    proxy_state: bytes

    @property
    def typed(self) -> bytes:
        """The User-Password in it."""
        (hidden,) = self.packet.values(numbers.USER_PASSWORD)
        return password.recover(hidden, UPSTREAM_SECRET, self.packet.authenticator)

    def values(self, kind: int) -> list[bytes]:
        """Return the values of type *kind* in order."""
        return self.packet.values(kind)


@final
class TokenServer:
    """Answers inquiries of a world, the oldest first."""

    def __init__(self, world: World) -> None:
        """Play every upstream of *world*."""
        self.world = world
        self._random = random.Random(815)

    @property
    def asked(self) -> list[Inquiry]:
        """Everything that was ever asked."""
        return self.world.relays.asked

    def heard(self) -> Asked:
        """Return the oldest request that waits."""
        _, one = self.world.relays.waiting[0]
        proxy_state = self._random.randbytes(16)
        octets = inquiry.build(one, 7, self._random.randbytes(16), proxy_state, _KEY)
        packet = codec.decode(octets)
        assert codec.verify(packet, _KEY)
        return Asked(inquiry=one, packet=packet, proxy_state=proxy_state)

    def answer(self, code: int, *attributes: tuple[int, bytes], server: str = PLACE) -> Asked:
        """Answer with a genuine packet; return what it answers."""
        asked = self.heard()
        encoded = b"".join(codec.attribute(*one) for one in attributes)
        return self.answer_with(asked, code, encoded, server=server)

    def answer_with(self, asked: Asked, code: int, encoded: bytes, *, server: str = PLACE) -> Asked:
        """Answer *asked*, which waits, with attributes that may be hidden for it."""
        octets = codec.reply(code, asked.packet, _KEY, encoded)
        assert octets is not None
        packet = codec.decode(octets)
        inquiry.check(
            packet, asked.packet.authenticator, asked.proxy_state, _KEY, require_signature=True
        )
        self._respond(
            Response(
                upstream=asked.inquiry.upstream,
                server=server,
                packet=packet,
                secret=UPSTREAM_SECRET,
                authenticator=asked.packet.authenticator,
                sent=1,
                servers=1,
                seconds=0.25,
            )
        )
        return asked

    def accept(self, *attributes: tuple[int, bytes]) -> Asked:
        """Let the person in."""
        return self.answer(ACCEPT, *attributes)

    def reject(self, text: bytes = b"", *attributes: tuple[int, bytes]) -> Asked:
        """Refuse."""
        return self.answer(REJECT, *([(REPLY_MESSAGE, text)] if text else []), *attributes)

    def challenge(
        self, state: bytes, text: bytes, *attributes: tuple[int, bytes], server: str = PLACE
    ) -> Asked:
        """Ask for more."""
        return self.answer(
            CHALLENGE, (STATE, state), (REPLY_MESSAGE, text), *attributes, server=server
        )

    def fail(self, reason: Reason, server: str = "", **facts: Any) -> None:  # noqa: ANN401
        """Let nothing come of the oldest inquiry."""
        _, one = self.world.relays.waiting[0]
        self._respond(Response(upstream=one.upstream, server=server, reason=reason, **facts))

    def _respond(self, response: Response) -> None:
        received: Received
        received, _ = self.world.relays.waiting.pop(0)
        self.world.pipeline.answered([(received, response)])
        self.world.work()


def spoken(world: World) -> list[dict[str, Any]]:
    """Return what the last audit line says of upstreams, without what is measured."""
    parts: list[dict[str, Any]] = json.loads(json.dumps(world.lines()[-1].get("upstreams", [])))
    for part in parts:
        part.pop("us")
    return parts
