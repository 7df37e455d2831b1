"""
One-time codes of our own: made by chance, known by a keyed digest, compared in constant time.

A digest is of the service, the person, the destination and a name by chance that stands in
the login's State: the same digits prove nothing anywhere else.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.service.sending import Checked, Open, Sent, Way, converse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeAlias

    from radiusmfa.config.message_model import Codes
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.destinations import Destination
    from radiusmfa.service.dialogue import Dialogue, Request, Tools
    from radiusmfa.service.sending import Checking, Sending

    Carrying: TypeAlias = Generator[Request, Any, Sent | None]

_NAME_OCTETS: Final = 16
_DRAWN_OCTETS: Final = 8
_DRAWN: Final = 1 << (8 * _DRAWN_OCTETS)
_BETWEEN: Final = b" -\t"
"""What people put between the digits of a code."""
_WRONG: Final = Failed(Reason.BAD_PASSCODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """
    A code on its way to somebody.

    Attributes:
        place: Where to.
        code: Digits.
        values: What stands for the names in braces of a text.
    """

    place: Destination
    code: str = field(repr=False)
    values: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """
    Who carries codes of ours.

    Attributes:
        name: `sms`, `voice` or `email`.
        words: Those that choose it.
        attribute: Of the directory; empty: none.
        prefixes: Numbers begin with one of these; empty: any.
        codes: What is sent.
        carry: Carries one; None: it is on its way; else what came of it instead.
    """

    name: str
    words: tuple[str, ...]
    attribute: str
    prefixes: tuple[str, ...] = ()
    codes: Codes
    carry: Callable[[Parcel], Carrying]


def ask(carrier: Carrier, asked: AskService, tools: Tools) -> Dialogue:
    """Have a code carried to the person of *asked*, or look at the one that was typed."""
    settings = carrier.codes

    def send(place: Destination) -> Sending:
        code, name = make(settings.digits, tools.entropy), tools.entropy(_NAME_OCTETS).hex()
        values = {
            "code": code,
            "minutes": str(max(1, settings.lifetime // 60)),
            "user": asked.user,
            "client": asked.client,
        }
        came = yield from carrier.carry(Parcel(place=place, code=code, values=values))
        if came is not None and came.problem is not None:
            return came
        proof = _digest(tools.pepper, asked, place.masked, name, code)
        return Sent(name=name, proof=proof, is_late=came is not None and came.is_late)

    def check(sent: Open, typed: bytes) -> Checking:
        yield from ()
        code = read(typed, settings.digits, settings.digits)
        proof = _digest(tools.pepper, asked, sent.device, sent.name, code)
        is_right = bool(code) and hmac.compare_digest(proof.encode(), sent.proof.encode())
        return Checked(outcome=PASSED if is_right else _WRONG)

    way = Way(
        name=carrier.name,
        words=carrier.words,
        attribute=carrier.attribute,
        prefixes=carrier.prefixes,
        lifetime=settings.lifetime,
        tries=settings.tries,
        send=send,
        check=check,
    )
    return (yield from converse(way, asked, tools))


def make(digits: int, entropy: Callable[[int], bytes]) -> str:
    """Return so many *digits* by chance, each number as likely as any other."""
    many = 10**digits
    most = _DRAWN - _DRAWN % many
    while True:
        drawn = int.from_bytes(entropy(_DRAWN_OCTETS), "big")
        if drawn < most:  # else the small numbers would be a little likelier
            return f"{drawn % many:0{digits}d}"


def read(typed: bytes, least: int, most: int) -> str:
    """
    Return the code in what was typed; empty: there is none.

    Args:
        typed: Octets, any; blanks and dashes are left out.
        least: Digits that it has at least.
        most: Digits that it has at most.
    """
    plain = typed.translate(None, _BETWEEN)
    return plain.decode() if least <= len(plain) <= most and plain.isdigit() else ""


def _digest(pepper: bytes, asked: AskService, device: str, name: str, code: str) -> str:
    parts = (asked.service, str(asked.number), asked.user, device, name, code)
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hmac.digest(pepper, b"code|" + told.encode(), "sha256").hex()
