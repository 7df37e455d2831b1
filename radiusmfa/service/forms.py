"""How values are written for web servers: forms, paths, JSON, XML, basic authentication."""

from __future__ import annotations

import base64
import html
import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.secret import Secret

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_TYPE: Final = re.compile(r"[a-z]+/(?:[a-z0-9.-]+\+)?(json|xml|x-www-form-urlencoded)(?:;.*)?")


def percent(text: str) -> str:
    """Return *text* as it may stand anywhere in an address: RFC 3986 section 2.3, UTF-8."""
    return "".join(chr(one) if one in _PLAIN else f"%{one:02X}" for one in text.encode())


def form(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return *pairs* as `application/x-www-form-urlencoded`; a blank is `%20`, a plus `%2B`."""
    return "&".join(f"{percent(name)}={percent(value)}" for name, value in pairs).encode()


def basic(user: str, password: Secret) -> str:
    """Return the value of `Authorization` for *user* (RFC 7617)."""
    return "Basic " + base64.b64encode(user.encode() + b":" + password.reveal()).decode()


def bearer(token: Secret) -> str:
    """Return the value of `Authorization` for a token (RFC 6750)."""
    return "Bearer " + plain(token)


def plain(value: Secret) -> str:
    """Return the value of a header that is a secret."""
    return value.reveal().decode("utf-8", "replace")


def escaped(text: str, content_type: str) -> str:
    """Return *text* as it may stand within a text, or a string, of *content_type*."""
    match = _TYPE.fullmatch(content_type.lower())
    kind = match[1] if match else ""
    if kind == "json":
        return json.dumps(text)[1:-1]
    if kind == "xml":
        return html.escape(text)
    return percent(text) if kind else text
