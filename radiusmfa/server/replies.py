"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final, final

from radiusmfa.wire import names, numbers
from radiusmfa.wire.codec import Packet, attribute

if TYPE_CHECKING:
    from radiusmfa.config.model import Client

_NO_ECHO: Final = attribute(numbers.PROMPT, bytes(4))  # RFC 2869 section 5.10
_NEXT_PROMPT: Final = "Next passcode: "
_EAP_FAILURE: Final = 4
_EAP_IDENTIFIER_AT: Final = 2


@final
class Replies:
    """
    The attributes of one client's replies.

    Attributes:
        has_attributes: An Accept must carry attributes that the configuration names.
    """

    def __init__(self, client: Client) -> None:
        """Compile *client*'s settings."""
        self._client = client.name
        self._fixed = b"".join(
            names.encode(name, _filled(value, {})) for name, value in client.reply
            if not _has_fields(value)
        )  # fmt: skip
        self._templates = [(name, value) for name, value in client.reply if _has_fields(value)]
        self.has_attributes = bool(client.reply)
        self._prompts = {
            is_next: _message(prompt, client.prompt_limit) + _NO_ECHO
            for is_next, prompt in ((False, client.prompt), (True, _NEXT_PROMPT))
        }
        self._reject = (
            _message(client.reject_message, client.prompt_limit) if client.reject_message else b""
        )

    def accept(self, login: str, user: str) -> bytes:
        """
        Return the attributes of an Accept: the configured ones, then Class.

        Raises:
            names.AttributeValueError: A template gave a value that cannot be sent.
        """
        attributes = self._fixed
        if self._templates:
            fields = {"user": user, "client": self._client, "login": login}
            attributes += b"".join(
                names.encode(name, _filled(value, fields)) for name, value in self._templates
            )
        return attributes + attribute(numbers.CLASS, login.encode())

    def challenge(self, state: bytes, *, is_next: bool) -> bytes:
        """Return State, one Reply-Message, and Prompt = No-Echo."""
        return attribute(numbers.STATE, state) + self._prompts[is_next]

    def reject(self, packet: Packet) -> bytes:
        """
        Return what a Reject of *packet* holds.

        Nothing that says why; EAP gets its own Failure and no Reply-Message
        (RFC 3579 sections 2.6.3 and 2.6.5).
        """
        eap = packet.value(numbers.EAP_MESSAGE)
        if eap is None:
            return self._reject
        identifier = eap[1] if len(eap) >= _EAP_IDENTIFIER_AT else 0
        return attribute(numbers.EAP_MESSAGE, bytes((_EAP_FAILURE, identifier, 0, 4)))


def _message(text: str, limit: int) -> bytes:
    octets = text.encode()[:limit]
    # Cut between characters: half of one is not UTF-8 (RFC 2865 section 5.18).
    return attribute(numbers.REPLY_MESSAGE, octets.decode("utf-8", "ignore").encode())


def _has_fields(template: str) -> bool:
    return any(field is not None for _, field, _, _ in string.Formatter().parse(template))


def _filled(template: str, fields: dict[str, str]) -> str:
    return "".join(
        literal + (fields[field] if field is not None else "")
        for literal, field, _, _ in string.Formatter().parse(template)
    )
