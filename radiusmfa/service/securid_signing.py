"""Who we are to RSA's SecurID Authentication API: the key itself, or a signature made with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from radiusmfa.config.service_model import SecurId


def headers(settings: SecurId, path: str, body: bytes, now: float) -> tuple[tuple[str, str], ...]:
    """
    Return the headers of a POST.

    Args:
        settings: Key, and how it is used.
        path: Of the request.
        body: Of the request.
        now: Seconds since 1970, for the signature.
    """
    kind = ("Content-Type", "application/json")
    if not settings.access_id:
        return (("client-key", settings.access_key.reveal().decode("ascii", "replace")), kind)
    date = formatdate(now, usegmt=True)
    return (
        (settings.date_header, date),
        (settings.id_header, settings.access_id),
        (settings.signature_header, signature(settings, path, body, date)),
        kind,
    )


def signature(settings: SecurId, path: str, body: bytes, date: str) -> str:
    """
    Return what proves that we have the key, without sending it.

    That the hash of the body is written in hexadecimal is an assumption.

    Args:
        settings: Key and its id.
        path: Of the request.
        body: Of the request.
        date: As it stands in its header.
    """
    message = "\n".join(("POST", hashlib.sha512(body).hexdigest(), path, date, settings.access_id))
    key = settings.access_key.reveal()
    return base64.b64encode(hmac.digest(key, message.encode(), "sha256")).decode()
