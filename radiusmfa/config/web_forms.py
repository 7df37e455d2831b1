"""Settings of whoever is asked by HTTPS: addresses, certificates, passwords, words of a form."""

from __future__ import annotations

import re
import ssl
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from radiusmfa.config.fields import Found, scalar_text
from radiusmfa.config.nodes import Scalar
from radiusmfa.config.secrets import secret
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from pathlib import Path

    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"(\[[0-9A-Fa-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL}){{0,8}})"
_URL: Final = re.compile(rf"(https?)://{_HOST}(?::([0-9]{{1,5}}))?/?", re.ASCII)
_URL_WITH_PATH: Final = re.compile(
    rf"(https?)://{_HOST}(?::([0-9]{{1,5}}))?(?:/[A-Za-z0-9._~/%-]{{0,200}})?", re.ASCII
)
_NAME_OF_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,8}}", re.ASCII)
_LARGEST_PORT: Final = 65535


def url(fields: Fields, name: str, warnings: list[str], *, has_path: bool = False) -> str:
    """
    Return the address of a web server, without a slash at its end.

    Args:
        fields: What was written.
        name: Of the setting, which must be there.
        warnings: Gets one where nothing protects what is sent.
        has_path: A path may follow the host.
    """
    found = fields.need(name)
    return "" if found is None else one_url(found, fields, warnings, has_path=has_path)


def one_url(found: Found, fields: Fields, warnings: list[str], *, has_path: bool = False) -> str:
    """Return the address of a web server out of one value; see `url`."""
    text = scalar_text(found, fields.report)
    if text is None:
        return ""
    match = (_URL_WITH_PATH if has_path else _URL).fullmatch(text)
    at = _address(match[2]) if match else None
    what = ""
    if match is None or not _is_host(match[2], at) or not _is_port(match[3]):
        what = "must be https://HOST or https://HOST:PORT, as https://service.example.com"
        what += "/path" if has_path else ""
    elif match[1] == "http" and (at is None or not at.is_loopback):
        what = "must begin with https: whoever sits on the path could say yes"
    elif match[1] == "http":
        warnings.append(f"{found.where} is not protected: for tests only")
    if what:
        fields.report.add(found.place, found.where, what)
    return text.removesuffix("/")


def host(fields: Fields, name: str) -> str:
    """Return a host, its name or its numeric address without brackets, which must be there."""
    found = fields.need(name)
    text = scalar_text(found, fields.report) if found else None
    if text is not None and not _is_address(text) and not _NAME_OF_HOST.fullmatch(text):
        fields.fault(name, "must be a name or an address, as host.example.com or 192.0.2.1")
        return ""
    return text or ""


def is_loopback(host: str) -> bool:
    """Return whether *host* is an address of this machine itself."""
    found = _address(host)
    return found is not None and found.is_loopback


def matching(fields: Fields, name: str, form: re.Pattern[str], what: str) -> str:
    """Return a text that matches *form* as a whole, else *what* is the fault; empty: not set."""
    found = fields.find(name)
    text = scalar_text(found, fields.report) if found else None
    if text and not form.fullmatch(text):
        fields.fault(name, what)
    return text or ""


def listed(fields: Fields, name: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    """Return the texts of a list, each matching *form*, none twice; empty: not set."""
    if not fields.has(name):
        return ()
    items = fields.items(name)
    texts = [scalar_text(item, fields.report) for item in items]
    for item, text in zip(items, texts, strict=True):
        if text is not None and not form.fullmatch(text):
            fields.report.add(item.place, item.where, what)
    if not items:
        fields.fault(name, "must name at least one")
    return tuple(dict.fromkeys(text for text in texts if text))


def password(fields: Fields, name: str, sources: Sources, warnings: list[str]) -> Secret:
    """Return a password or key, of any length above 0, which must be there."""
    found = fields.need(name)
    if found is None:
        return Secret(b"")
    # The 16 octets of RFC 2865 are for secrets that sign packets, not for passwords.
    found_secret, said = secret(found, fields.report, sources, weak=True)
    warnings += said
    return found_secret


def ca_file(fields: Fields, sources: Sources) -> Path | None:
    """Return a file of certificates that can be read; None: not set."""
    found = fields.find("ca_file")
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return None
    text = scalar_text(found, fields.report)
    if text is None:
        return None
    path = sources.folder / text
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else "cannot be read"
        fields.fault("ca_file", f"{path}: {why}")
    return path


def _is_host(text: str, found: IPv4Address | IPv6Address | None) -> bool:
    # In brackets stands an IPv6 address, and nothing else.
    return text.startswith("[") == isinstance(found, IPv6Address)


def _is_address(text: str) -> bool:
    return text == text.strip("[]") and _address(text) is not None


def _is_port(text: str | None) -> bool:
    return 0 < int(text or 1) <= _LARGEST_PORT


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None
