"""A look whether a server of an upstream is alive."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections import Counter

    from radiusmfa.server.channel import Channel
    from radiusmfa.server.home import Home
    from radiusmfa.wire.codec import Packet

_AGENT: Final = b"radiusmfa"


@final
class Probe:
    """One look whether a server is alive; never sent again (RFC 5997 section 4.1)."""

    def __init__(self, home: Home, user: bytes) -> None:
        """Look at *home*; with a login of *user* where Status-Server is not understood."""
        self._home = home
        self._user = user
        self.authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
        self.ignored: Counter[str] | None = None
        self.due = -1.0
        self.channel: Channel | None = None
        self.identifier = -1

    def octets(self) -> bytes:
        """Return the packet."""
        key, attributes = self._home.key, codec.attribute(numbers.NAS_IDENTIFIER, _AGENT)
        code = numbers.STATUS_SERVER
        if self._home.settings.alive_check is AliveCheck.ACCESS_REQUEST:
            code = numbers.ACCESS_REQUEST
            proof = secrets.token_urlsafe(12).encode()
            hidden = password.hide(proof, key.secret, self.authenticator)
            attributes += codec.attribute(numbers.USER_NAME, self._user)
            attributes += codec.attribute(numbers.USER_PASSWORD, hidden)
        return codec.request(code, self.identifier, self.authenticator, attributes, key)

    def check(self, packet: Packet) -> None:
        """Take any genuine reply."""
        required = self._home.settings.require_message_authenticator
        codec.verify_reply(packet, self.authenticator, self._home.key, require_signature=required)

    def reply(self, packet: Packet, now: float) -> None:  # noqa: ARG002 - as everybody who waits
        """Take the sign of life."""
        self._home.probe_ended(was_answered=True, now=now)

    def tick(self, now: float) -> None:
        """Give up."""
        self._home.probe_ended(was_answered=False, now=now)

    def lose(self, now: float) -> None:
        """Be ended by the server's own `lose`."""

    def end(self) -> None:
        """Wait no more."""
        self.due = -1.0
        if self.channel is not None:
            self.channel.slots.free(self.identifier)
