"""How a request to Duo's Auth API is signed: version 5, HMAC-SHA512 over seven lines."""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.service_model import Duo
    from radiusmfa.secret import Secret

_KEPT: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~",
)
_NOTHING: Final = hashlib.sha512(b"").hexdigest()


def encoded(parameters: Iterable[tuple[str, str]]) -> str:
    """Return *parameters* in the one form that is signed: percent-encoded, and sorted."""
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parameters)
    return "&".join(f"{name}={value}" for name, value in pairs)


def canonical(  # noqa: PLR0913 - the lines that are signed, in their order
    date: str,
    method: str,
    host: str,
    path: str,
    parameters: Iterable[tuple[str, str]],
    body: bytes,
) -> str:
    """
    Return the seven lines that are signed.

    Args:
        date: As the header `Date` has it.
        method: `GET` or `POST`.
        host: With or without a port, which is not signed.
        path: Without parameters.
        parameters: Those of the address; those of a POST stand in its body.
        body: Octets as they are sent.
    """
    lines = (
        date,
        method.upper(),
        host.partition(":")[0].lower(),
        path,
        encoded(parameters),
        hashlib.sha512(body).hexdigest(),
        _NOTHING,  # of headers X-Duo-*: we send none
    )
    return "\n".join(lines)


def signature(key: Secret, text: str) -> str:
    """Return the signature of *text*, from `canonical`."""
    return hmac.digest(key.reveal(), text.encode(), "sha512").hex()


def headers(  # noqa: PLR0913 - as `canonical`, by whom and when
    settings: Duo,
    method: str,
    path: str,
    parameters: Iterable[tuple[str, str]],
    body: bytes,
    now: float,
) -> tuple[tuple[str, str], ...]:
    """
    Return the headers that a request needs.

    Args:
        settings: Whose keys.
        method: As for `canonical`, like *path*, *parameters* and *body*.
        path: See there.
        parameters: See there.
        body: See there.
        now: Seconds since 1970, by Duo's clock.
    """
    date = formatdate(now, usegmt=True)
    text = canonical(date, method, settings.host, path, parameters, body)
    signed = signature(settings.secret_key, text)
    told = base64.b64encode(f"{settings.integration_key}:{signed}".encode()).decode()
    found = (("Date", date), ("Authorization", f"Basic {told}"))
    return (*found, ("Content-Type", "application/json")) if method == "POST" else found


def _quoted(text: str) -> str:
    octets = text.encode("utf-8", "replace")
    return "".join(chr(octet) if octet in _KEPT else f"%{octet:02X}" for octet in octets)
