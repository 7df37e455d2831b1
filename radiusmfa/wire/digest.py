"""MD5 and HMAC-MD5's inner parts, which RADIUS is built on (RFC 2865 section 3, RFC 2869)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    # The interpreter's own: hashlib's goes through OpenSSL, costs twice as much for a
    # packet, and a machine in FIPS mode refuses it.
    from _md5 import md5 as _fastest
except ImportError:  # pragma: no cover - an interpreter that was built without it
    _fastest = hashlib.md5

md5: Final[Callable[[bytes], hashlib._Hash]] = _fastest
"""Returns a hash object that has taken some octets."""
