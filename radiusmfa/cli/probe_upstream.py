"""What `probe --upstream` sends: what the server itself would, to one server of an upstream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, final

import click

from radiusmfa.cli import upstream_exchange, upstreams
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import Reason
from radiusmfa.upstream.dialogue import Reader
from radiusmfa.upstream.line import Line, Words
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from radiusmfa.config.model import Configuration
    from radiusmfa.config.upstream_model import Server, Upstream

_CANNOT: Final = (
    "Name, password or attributes cannot be written for this upstream, or are too long."
)


@final
class Wire:
    """
    One server of an upstream, spoken to with its secret, its codec and its settings.

    Attributes:
        asked: Where, and how patiently: as the upstream's settings say, unless told otherwise.
        rounds: Challenges that are answered at most.
    """

    def __init__(self, config: Configuration, name: str, at: str | None) -> None:
        """
        Choose the server.

        Args:
            config: Checked.
            name: Of the upstream.
            at: Which of its servers, `host:port`; None: the first.

        Raises:
            click.UsageError: There is no such upstream, or it has no such server.
        """
        self._upstream = upstreams.find(config, name)
        self._server = _server(self._upstream, at)
        self._line = Line(self._upstream)
        self._reader = Reader(self._upstream.dialogue, self._upstream.codec)
        self.asked = upstream_exchange.address(self._upstream, self._server)
        self.rounds = self._upstream.rounds

    def be_patient(self, timeout: float | None, retries: int | None) -> None:
        """Wait and repeat as the options say, where they say anything."""
        if timeout is not None:
            self.asked = replace(self.asked, timeout=timeout)
        if retries is not None:
            self.asked = replace(self.asked, tries=retries + 1)

    def login(
        self, name: bytes, alias: str, typed: bytes, state: bytes | None, identity: bytes
    ) -> bytes:
        """
        Return an Access-Request as the server would send it.

        Args:
            name: User-Name as a client sends it; it is rewritten as `user_name` says.
            alias: The user's name there, sent as it is; empty: *name* counts.
            typed: User-Password.
            state: Of the challenge that is answered.
            identity: Attributes of the client, encoded; those go on that `send` lets pass.

        Raises:
            click.UsageError: It cannot be written.
        """
        talk = None
        if state is not None:
            place = upstreams.place(self._server)
            talk = Talk(upstream=self._upstream.name, server=place, state=state)
        request = codec.request(numbers.ACCESS_REQUEST, 0, bytes(16), identity, self.asked.key)
        inquiry = self._line.inquiry(
            Words(
                packet=codec.decode(request),
                client="radiusmfa-probe",
                name=name,
                alias=alias,
                typed=typed,
                proof=b"",
                talk=talk,
                deadline=0.0,
            )
        )
        if isinstance(inquiry, Reason):
            raise click.UsageError(_CANNOT)
        try:
            return upstream_exchange.packet(inquiry, self.asked)
        except (codec.MalformedPacketError, password.PasswordError):
            raise click.UsageError(_CANNOT) from None

    def prompt(self, challenge: codec.Packet) -> str:
        """Return what *challenge* asks, in the upstream's own words and codec."""
        return self._reader.text(challenge).rstrip(" :") or "Answer"

    def event(self, reply: codec.Packet) -> str:
        """Return what the upstream's `dialogue` makes of *reply*; empty: nothing."""
        event = self._reader.event(reply)
        return "" if event is Event.OTHER else event.value


def _server(upstream: Upstream, at: str | None) -> Server:
    for server in upstream.servers:
        if at in (None, upstreams.place(server), server.host):
            return server
    known = ", ".join(map(upstreams.place, upstream.servers))
    msg = f"Upstream {upstream.name} has no server {at!r}; it has: {known}."
    raise click.UsageError(msg)
