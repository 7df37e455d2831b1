"""What people type, inside filters (RFC 4515) and distinguished names (RFC 4514), and back."""

from __future__ import annotations

import re
import string
from typing import Final

_PLAIN: Final = frozenset((string.ascii_letters + string.digits + "-._@").encode())
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_FIRST_VALUE: Final = re.compile(r"[^=,+]+=((?:\\.|[^\\,+])*)", re.DOTALL)


def escaped(text: str) -> str:
    r"""
    Return *text* as it may stand in a filter or a distinguished name and mean nothing but itself.

    Everything but letters, digits and `-._@` becomes `\xx`: both RFCs read that the same way.
    """
    octets = text.encode("utf-8", "surrogatepass")
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:02x}" for octet in octets)


def filled(template: str, **values: str) -> str:
    """Return *template* with each `{name}` replaced by its value, escaped."""
    return re.sub(r"\{([a-z]+)\}", lambda match: escaped(values[match[1]]), template)


def first_value(dn: str) -> str:
    """Return the value that *dn* begins with (`staff` of `cn=staff,dc=x`), or *dn* as it is."""
    found = _FIRST_VALUE.match(dn)
    if found is None:
        return dn
    octets = _ESCAPE.sub(_unescaped, found[1].strip().encode())
    return octets.decode("utf-8", "replace") or dn


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if len(match[1]) > 1 else match[1]
