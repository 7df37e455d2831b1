"""Whose certificates are trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from OpenSSL import crypto
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates

from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet._sslverify import IOpenSSLTrustRoot

_END: Final = b"-----END CERTIFICATE-----"


def trust(path: Path | None) -> IOpenSSLTrustRoot:
    """
    Return whose certificates are trusted: those in the file at *path*, or the system's.

    Raises:
        ConfigError: The file cannot be used.
    """
    if path is None:
        return platformTrust()  # type: ignore[no-untyped-call,no-any-return]
    try:
        blocks = path.read_bytes().split(_END)[:-1]
        found = [Certificate.loadPEM(block + _END) for block in blocks]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except crypto.Error:
        raise ConfigError(f"{path}: holds something that is no certificate") from None
    return trustRootFromCertificates(found)  # type: ignore[no-untyped-call,no-any-return]
