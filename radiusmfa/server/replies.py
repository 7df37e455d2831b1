"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.dialogues import prompt_texts
from radiusmfa.outcome import Failed, Reason
from radiusmfa.upstream import attributes
from radiusmfa.upstream.dialogue import fitted, shown
from radiusmfa.upstream.kept import EMPTY
from radiusmfa.wire import mschap, names, numbers
from radiusmfa.wire.codec import Packet, attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Client, Factors
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.upstream.kept import Kept
    from radiusmfa.upstream.line import Heard

_NO_ECHO: Final = attribute(numbers.PROMPT, bytes(4))  # RFC 2869 section 5.10
_NEXT_PROMPT: Final = "Next passcode: "
_OTHER_PROMPT: Final = "The server of your token cannot be reached. Passcode of another token: "
_CHALLENGE_OCTETS: Final = 16
_REFUSED: Final = Failed(Reason.UPSTREAM_REFUSED)
_EAP_FAILURE: Final = 4
_EAP_IDENTIFIER_AT: Final = 2


@final
class Replies:
    """
    The attributes of one client's replies.

    Attributes:
        has_attributes: An Accept must carry attributes that the configuration names.
    """

    def __init__(self, client: Client, factors: Factors, entropy: Callable[[int], bytes]) -> None:
        """
        Compile *client*'s settings.

        Args:
            client: Checked.
            factors: All there are; those of upstreams may have a prompt of their own.
            entropy: Returns that many random octets.
        """
        self._client = client.name
        self._entropy = entropy
        self._fixed = b"".join(
            names.encode(name, _filled(value, {})) for name, value in client.reply
            if not _has_fields(value)
        )  # fmt: skip
        self._templates = [(name, value) for name, value in client.reply if _has_fields(value)]
        self.has_attributes = bool(client.reply)
        limit = self._limit = client.prompt_limit
        usual = _message(client.prompt, limit) + _NO_ECHO
        self._prompts = {
            Reason.PASSCODE_WANTED: usual,
            Reason.NEXT_PASSCODE_WANTED: _message(_NEXT_PROMPT, limit) + _NO_ECHO,
            Reason.OTHER_PASSCODE_WANTED: _message(_OTHER_PROMPT, limit) + _NO_ECHO,
        }
        self._of_factors = {
            factor.name: attribute(numbers.REPLY_MESSAGE, fitted(factor.prompt, limit)) + _NO_ECHO
            for factor in factors.upstream
            if factor.prompt
        }
        self._texts = prompt_texts(client.prompts)
        self._reject = _message(client.reject_message, limit) if client.reject_message else b""

    def accept(self, login: str, user: str, kept: Kept) -> tuple[bytes, Kept | None]:
        """
        Return the attributes of an Accept, and what upstreams give besides them.

        The configured ones come first, then Class; what an upstream gives under the name
        of a configured one is left out.

        Raises:
            names.AttributeValueError: A template gave a value that cannot be sent.
        """
        own = self._fixed
        if self._templates:
            fields = {"user": user, "client": self._client, "login": login}
            own += b"".join(
                names.encode(name, _filled(value, fields)) for name, value in self._templates
            )
        complete = own + attribute(numbers.CLASS, login.encode())
        if kept is EMPTY or kept == EMPTY:
            return complete, None
        return complete, attributes.replace(kept, own)

    def challenge(self, state: bytes, reason: Reason, attempt: Attempt, lifetime: int) -> bytes:
        """
        Return State, one Reply-Message, Prompt, and how long the person has.

        Args:
            state: Of the challenge.
            reason: What is asked for.
            attempt: The round that ends in it.
            lifetime: Seconds that the challenge lives; an upstream that gives the person
                more is not believed.
        """
        head = attribute(numbers.STATE, state)
        heard = attempt.heard
        if reason is Reason.UPSTREAM_ASKS and heard is not None:
            return head + self._relayed(heard, lifetime)
        factor = attempt.factor
        if factor is not None and reason is Reason.PASSCODE_WANTED:
            return head + self._of_factors.get(factor.name, self._prompts[reason])
        return head + self._prompts[reason]

    def reject(self, packet: Packet, attempt: Attempt | None) -> bytes:
        """
        Return what a Reject of *packet* holds.

        Nothing of ours that says why; an upstream's own words are passed on where it
        refused, unless the configuration has a text. EAP gets its own Failure and no
        Reply-Message (RFC 3579 sections 2.6.3 and 2.6.5), MS-CHAP its own error (RFC 2548
        section 2.1.5).
        """
        eap = packet.value(numbers.EAP_MESSAGE)
        if eap is not None:
            identifier = eap[1] if len(eap) >= _EAP_IDENTIFIER_AT else 0
            return attribute(numbers.EAP_MESSAGE, bytes((_EAP_FAILURE, identifier, 0, 4)))
        heard = None if attempt is None else attempt.heard
        is_refused = heard is not None and heard.outcome == _REFUSED
        message = self._reject
        if is_refused and heard is not None and heard.text and not message:
            message = attribute(numbers.REPLY_MESSAGE, fitted(heard.text, self._limit))
        if numbers.VENDOR_SPECIFIC not in packet:
            return message
        if is_refused and heard is not None and heard.error:
            return message + heard.error
        return message + (mschap.failure(packet, self._entropy(_CHALLENGE_OCTETS)) or b"")

    def _relayed(self, heard: Heard, lifetime: int) -> bytes:
        event = heard.event
        text = heard.text if event is None else shown(event, heard.text, self._texts)
        parts = [attribute(numbers.REPLY_MESSAGE, fitted(text, self._limit))]
        parts.append(attribute(numbers.PROMPT, heard.echo) if heard.echo else _NO_ECHO)
        if heard.limit is not None:
            seconds = min(heard.limit, lifetime)
            parts.append(attribute(numbers.SESSION_TIMEOUT, seconds.to_bytes(4, "big")))
        return b"".join(parts)


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
