"""A verified request while it is decided, and the socket that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, final

if TYPE_CHECKING:
    from radiusmfa.clients import Peer
    from radiusmfa.duplicates import Answer, Duplicates
    from radiusmfa.login.tries import Wait
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.parts import Site
    from radiusmfa.server.run import Checked
    from radiusmfa.wire.codec import Packet


class Address(Protocol):
    """Where a datagram came from; hashable, and compared with itself only."""

    def __hash__(self) -> int:
        """Return the same for the same source."""


class Port(Protocol):
    """
    A socket that we serve.

    Attributes:
        served: Packet codes.
        duplicates: What was answered here.
    """

    served: frozenset[int]
    duplicates: Duplicates

    def send(self, octets: bytes, address: Address) -> None:
        """Send *octets*, or lose them as a network does."""


@final
class Received:
    """A verified request that is being decided."""

    __slots__ = (
        "address", "answer", "arrived", "attempt", "checked", "login", "login_key", "packet",
        "peer", "port", "replies", "retry", "site", "wait", "waited",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - where it came from, what it is, whose, when
        self,
        port: Port,
        address: Address,
        packet: Packet,
        peer: Peer,
        site: Site,
        arrived: float,
    ) -> None:
        """Begin."""
        self.port = port
        self.address = address
        self.packet = packet
        self.peer = peer
        self.site = site
        self.replies = site.replies  # a policy's, once one is chosen
        self.arrived = arrived
        self.attempt: Attempt | None = None
        self.login = ""
        self.login_key = self.retry = 0
        self.answer: Answer | None = None
        self.checked: Checked | None = None
        self.wait: Wait | None = None  # where the client's tries teach how long it waits
        self.waited = 0.0

    @property
    def key(self) -> tuple[Address, int]:
        """What the duplicates know it by."""
        return self.address, self.packet.identifier

    def deadline(self) -> float:
        """
        Return when the answer has to leave, monotonic.

        Constant, but where the client's tries count (`time_budget: learn`): there it moves
        while the login waits.
        """
        site = self.site
        if site.patience is None:
            return self.arrived + site.budget
        return site.patience.of(self.peer.address).deadline(self.arrived, self.wait)
