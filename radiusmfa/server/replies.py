"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.dialogues import prompt_texts
from radiusmfa.config.model import Explain
from radiusmfa.outcome import Failed, Reason
from radiusmfa.upstream import attributes
from radiusmfa.upstream.dialogue import fitted, shown
from radiusmfa.upstream.kept import EMPTY, Kept, walk
from radiusmfa.wire import mschap, names, numbers, template
from radiusmfa.wire.codec import Packet, attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiusmfa.config.model import Client, Factors
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.upstream.line import Heard
    from radiusmfa.wire.template import Fields, Template

_NO_ECHO: Final = attribute(numbers.PROMPT, bytes(4))  # RFC 2869 section 5.10
_NEXT_PROMPT: Final = "Next passcode: "
_OTHER_PROMPT: Final = "The server of your token cannot be reached. Passcode of another token: "
_PASSWORD_PROMPT: Final = "Password: "  # noqa: S105 - what is asked, not a password
_CHALLENGE_OCTETS: Final = 16
_EAP_FAILURE: Final = 4
_EAP_IDENTIFIER_AT: Final = 2
_REFUSALS: Final = tuple(
    Failed(reason)
    for reason in (
        Reason.UPSTREAM_REFUSED, Reason.PERSON_REFUSED, Reason.FRAUD_REPORTED, Reason.UNANSWERED,
        Reason.BAD_PASSCODE, Reason.REPLAYED_PASSCODE, Reason.CODE_EXPIRED, Reason.NOT_ENROLLED,
        Reason.NO_USABLE_DEVICE, Reason.TOO_LITTLE_TIME,
    )
)  # fmt: skip
"""What whoever said no says it for; where something went wrong its words are not the person's."""
_SHORT_ID: Final = 8
"""Characters of a login's id that a person reads out to a helpdesk."""
_LONGEST_SESSION: Final = 2**32 - 1
_INTEGER_OCTETS: Final = 4


@final
class Replies:
    """
    The attributes of one client's replies.

    Attributes:
        has_attributes: An Accept must carry attributes that the configuration names.
        is_filled: Some of them are filled in for each login.
    """

    def __init__(
        self,
        client: Client,
        factors: Factors,
        entropy: Callable[[int], bytes],
        policy_name: str = "",
    ) -> None:
        """
        Compile *client*'s settings.

        Args:
            client: Checked.
            factors: All there are; those of upstreams may have a prompt of their own.
            entropy: Returns that many random octets.
            policy_name: Whose results *client* has; empty: nobody's, it is as in the file.
        """
        self._entropy = entropy
        self._explain = client.explain
        parts = _compiled(client, policy_name)
        self._fixed = b"".join(part for part in parts if isinstance(part, bytes))
        self._parts = () if all(isinstance(part, bytes) for part in parts) else parts
        self.has_attributes = bool(client.reply)
        self.is_filled = bool(self._parts)
        limit = self._limit = client.prompt_limit
        usual = _message(client.prompt, limit) + _NO_ECHO
        self._prompts = {
            Reason.PASSCODE_WANTED: usual,
            Reason.NEXT_PASSCODE_WANTED: _message(_NEXT_PROMPT, limit) + _NO_ECHO,
            Reason.OTHER_PASSCODE_WANTED: _message(_OTHER_PROMPT, limit) + _NO_ECHO,
            Reason.PASSWORD_WANTED: _message(_PASSWORD_PROMPT, limit) + _NO_ECHO,
        }
        self._of_factors = {
            factor.name: attribute(numbers.REPLY_MESSAGE, fitted(factor.prompt, limit)) + _NO_ECHO
            for factor in factors.upstream
            if factor.prompt
        }
        self._texts = prompt_texts(client.prompts)
        self._reject_message = client.reject_message
        self._reject = _message(client.reject_message, limit) if client.reject_message else b""

    def accept(
        self, login: str, fields: Fields | None, kept: Kept, limit: float | None = None
    ) -> tuple[bytes, Kept | None]:
        """
        Return the attributes of an Accept, and what upstreams give besides them.

        The configured ones come first, then Class; what an upstream gives under the name
        of a configured one is left out.

        Args:
            login: Its id.
            fields: What is known of it; None only where nothing `is_filled`.
            kept: What upstreams' Accepts have given.
            limit: Seconds, above 0, after which nothing allows the session any more: no
                Session-Timeout is longer, and there is one. None: no such end is known.

        Raises:
            names.AttributeValueError: A template gave a value that cannot be sent.
        """
        own = self._filled(fields, kept) if self._parts else self._fixed
        mark = attribute(numbers.CLASS, login.encode())
        if limit is not None:
            own, kept = _limited(own, attributes.replace(kept, own), limit)
            return own + mark, kept
        if kept is EMPTY or kept == EMPTY:
            return own + mark, None
        return own + mark, attributes.replace(kept, own)

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

    def reject(self, packet: Packet, attempt: Attempt | None, reason: Reason, login: str) -> bytes:
        """
        Return what a Reject of *packet* holds.

        Nothing of ours that says why, unless the configuration wants that; an upstream's or
        a service's own words are passed on where it refused, unless the configuration has a
        text. EAP gets its own Failure and no Reply-Message (RFC 3579 sections 2.6.3 and 2.6.5),
        MS-CHAP its own error (RFC 2548 section 2.1.5).

        Args:
            packet: What is refused.
            attempt: The round that ends in it, None: it has not begun.
            reason: Why.
            login: Id of the login.
        """
        eap = packet.value(numbers.EAP_MESSAGE)
        if eap is not None:
            identifier = eap[1] if len(eap) >= _EAP_IDENTIFIER_AT else 0
            return attribute(numbers.EAP_MESSAGE, bytes((_EAP_FAILURE, identifier, 0, 4)))
        heard = None if attempt is None else attempt.heard
        refused = heard if heard is not None and heard.outcome in _REFUSALS else None
        message = self._refusal("" if refused is None else refused.text, reason, login)
        if numbers.VENDOR_SPECIFIC not in packet:
            return message
        if refused is not None and refused.error:
            return message + refused.error
        return message + (mschap.failure(packet, self._entropy(_CHALLENGE_OCTETS)) or b"")

    def _filled(self, fields: Fields | None, kept: Kept) -> bytes:
        if fields is None:
            raise names.AttributeValueError("nothing is known of the login")
        told = partial(attributes.values, kept)
        return b"".join(
            [
                part if isinstance(part, bytes) else _encoded(*part, fields, told)
                for part in self._parts
            ]
        )

    def _refusal(self, theirs: str, reason: Reason, login: str) -> bytes:
        if self._explain is Explain.NOTHING:
            if self._reject or not theirs:
                return self._reject
            return attribute(numbers.REPLY_MESSAGE, fitted(theirs, self._limit))
        short = login[:_SHORT_ID]
        explained = f"({reason} {short})" if self._explain is Explain.REASON else f"({short})"
        if len(explained) > self._limit:
            explained = f"({short})"  # by the id the helpdesk finds the reason
        text = _cut(self._reject_message or theirs, self._limit - len(explained) - 1).rstrip()
        return _message(f"{text} {explained}" if text else explained, self._limit)

    def _relayed(self, heard: Heard, lifetime: int) -> bytes:
        event = heard.event
        text = heard.text if event is None else shown(event, heard.text, self._texts)
        parts = [attribute(numbers.REPLY_MESSAGE, fitted(text, self._limit))]
        parts.append(attribute(numbers.PROMPT, heard.echo) if heard.echo else _NO_ECHO)
        if heard.limit is not None:
            seconds = min(heard.limit, lifetime)
            parts.append(_timeout(seconds))
        return b"".join(parts)


def _compiled(client: Client, policy_name: str) -> tuple[bytes | tuple[str, Template], ...]:
    """Return the attributes of *client*'s Accepts in order: encoded, or still to be filled in."""
    known = {template.Source.CLIENT: (client.name,)}
    if policy_name:
        known[template.Source.POLICY] = (policy_name,)
    return tuple(
        _part(target, made.replaced(known))
        for target, made in (
            template.carried(name, value, client.group_reply) for name, value in client.reply
        )
    )


def _part(name: str, made: Template) -> bytes | tuple[str, Template]:
    if made.placeholders:
        return name, made
    try:
        return names.encode(name, "".join(map(str, made.parts)), is_text=not made.is_written)
    except names.AttributeValueError:
        # Too long with this client's name, or nothing carries a group to it: its logins
        # fail, not the start.
        return name, made


def _encoded(
    name: str, made: Template, fields: Fields, told: Callable[[str], Sequence[str]]
) -> bytes:
    is_text = not made.is_written
    try:
        texts = made.fill(fields, told)
        return b"".join([names.encode(name, text, is_text=is_text) for text in texts])
    except names.AttributeValueError as error:
        raise names.AttributeValueError(f"{name or template.GROUP}: {error}") from None


def _limited(own: bytes, kept: Kept, limit: float) -> tuple[bytes, Kept]:
    if limit <= 0:
        raise names.AttributeValueError("a session that is over has no Session-Timeout")
    # 0 would be read as one without end; RFC 2865 section 5.27: 32 bits.
    seconds = int(min(max(limit, 1), _LONGEST_SESSION))
    own, has_own = _capped(own, seconds)
    plain, has_theirs = _capped(kept.plain, seconds)
    if not (has_own or has_theirs):
        plain = _timeout(seconds) + plain
    return own, Kept(plain, kept.hidden)


def _capped(octets: bytes, most: int) -> tuple[bytes, bool]:
    """Return *octets* with no Session-Timeout above *most*, and whether there is one."""
    parts = []
    found = False
    for kind, value in walk(octets):
        if kind == numbers.SESSION_TIMEOUT:
            said = int.from_bytes(value, "big") if len(value) == _INTEGER_OCTETS else 0
            parts.append(_timeout(min(said or most, most)))
            found = True
        else:
            parts.append(attribute(kind, value))
    return b"".join(parts), found


def _timeout(seconds: int) -> bytes:
    return attribute(numbers.SESSION_TIMEOUT, seconds.to_bytes(_INTEGER_OCTETS, "big"))


def _message(text: str, limit: int) -> bytes:
    return attribute(numbers.REPLY_MESSAGE, _cut(text, limit).encode())


def _cut(text: str, limit: int) -> str:
    # Between characters: half of one is not UTF-8 (RFC 2865 section 5.18).
    return text.encode("utf-8", "replace")[: max(limit, 0)].decode("utf-8", "ignore")
