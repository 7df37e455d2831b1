"""One service as a login speaks to it: what it is asked, and what its answers mean."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Final, final

from radiusmfa.login.errands import AskService
from radiusmfa.outcome import Asks, Failed, Reason
from radiusmfa.upstream.kept import EMPTY
from radiusmfa.upstream.line import Heard

if TYPE_CHECKING:
    from radiusmfa.config.service_model import Service
    from radiusmfa.login.errands import Served
    from radiusmfa.upstream.line import Words

_MOST_ROUNDS: Final = 20
_LONGEST_TEXT: Final = 1000
_UNPRINTABLE: Final = re.compile(
    # Half of a pair cannot be written; others turn the line around, or end it.
    r"[^\n -~\u00a0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\U0010ffff]"
)
_ECHO: Final = b"\0\0\0\1"  # RFC 2869 section 5.10


@final
class ServiceLine:
    """
    One service, as `upstream.line.Line` is one upstream.

    Attributes:
        settings: From the configuration.
    """

    __slots__ = ("_pepper", "settings")

    def __init__(self, settings: Service, pepper: bytes) -> None:
        """
        Keep the parts.

        Args:
            settings: Checked.
            pepper: The store's, so that a stolen store tells nothing of places.
        """
        self.settings = settings
        self._pepper = pepper

    def inquiry(self, words: Words) -> AskService | Reason:
        """Return what is to be asked, or why that cannot be."""
        user, talk, kind = words.user, words.talk, self.settings.settings.holds
        if user is None:
            return Reason.UNKNOWN_USER
        if words.proof:
            return Reason.UNSUPPORTED_METHOD  # nothing can be read out of a hash
        return AskService(
            service=self.settings.name,
            user=user.name,
            number=user.id,
            alias=words.alias,
            typed=words.typed,
            state=b"" if talk is None else talk.state,
            devices=tuple(device for device in user.devices if device.kind == kind),
            attributes=() if words.person is None else words.person.attributes,
            client=words.client,
            address=words.address,
            place=self._place(words, user.name),
            can_show=words.can_show,
            has_password=words.has_password,
            deadline=words.deadline,
        )

    def heard(self, served: Served, rounds: int) -> Heard:
        """
        Return what *served* means.

        Args:
            served: What came of an inquiry of this service.
            rounds: Its challenges in this login so far.
        """
        outcome, text = served.outcome, plain(served.text)
        if isinstance(outcome, Asks):
            if rounds >= _MOST_ROUNDS:
                return Heard(Failed(Reason.TOO_MANY_ROUNDS), served.event)
            if not text or not served.state:
                return Heard(Failed(Reason.BAD_CHALLENGE), served.event)
        return Heard(
            outcome,
            served.event,
            EMPTY,
            state=served.state if isinstance(outcome, Asks) else b"",
            text=text,
            echo=_ECHO if served.echo else b"",
            limit=served.limit,
            is_waived=served.is_waived,
        )

    def _place(self, words: Words, name: str) -> bytes:
        parts: list[str | bytes] = [
            self.settings.name, words.client, name, words.alias, *words.place,
        ]  # fmt: skip
        told = b"".join(b"%d:%s" % (len(part), part) for part in (map(_octets, parts)))
        return hmac.digest(self._pepper, b"place|" + told, "sha256")[:16]


def plain(text: str) -> str:
    """Return *text* without control characters, at most 1000 characters; line feeds are left."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n"))[:_LONGEST_TEXT]


def _octets(part: str | bytes) -> bytes:
    return part if isinstance(part, bytes) else part.encode()
