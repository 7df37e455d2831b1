"""The `networks` section: names for the places that people come from."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING

from radiusmfa.config.fields import closest, scalar_text
from radiusmfa.config.nodes import Mapping
from radiusmfa.config.upstreams import NAME

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields, Found
    from radiusmfa.config.model import Network
    from radiusmfa.config.nodes import Report


def read(top: Fields) -> dict[str, tuple[Network, ...]]:
    """Return the networks of the file by name."""
    found = top.find("networks")
    if found is None:
        return {}
    if not isinstance(found.node, Mapping):
        top.fault("networks", "must name networks, as {corporate: [10.0.0.0/8]}")
        return {}
    section = top.section("networks", found.node.entries)
    for name, (place, _) in found.node.entries.items():
        if not NAME.fullmatch(name):
            top.report.add(place, section.path(name), "must be a name that begins with a letter")
    return {name: _listed(section, name) for name in found.node.entries}


def named(
    found: Found, report: Report, known: dict[str, tuple[Network, ...]]
) -> tuple[Network, ...]:
    """Return what *found* means: the name of *known* networks, or a network itself."""
    text = scalar_text(found, report)
    if text is None:
        return ()
    if text in known:
        return known[text]
    if NAME.fullmatch(text) and ":" not in text:
        what = "is no name in `networks`, and no network"
        report.add(found.place, found.where, f"{text} {what}{closest(text, list(known))}")
        return ()
    one = network(found, report)
    return () if one is None else (one,)


def _listed(section: Fields, name: str) -> tuple[Network, ...]:
    items = [network(item, section.report) for item in section.some(name)]
    return tuple(one for one in items if one is not None)


def network(found: Found, report: Report) -> Network | None:
    """Return the network that was written, or None: a fault."""
    text = scalar_text(found, report)
    if text is None:
        return None
    try:
        made = ip_network(text)
    except ValueError:
        report.add(found.place, found.where, _why_no_network(text))
        return None
    mapped = isinstance(made, IPv6Network) and made.network_address.ipv4_mapped
    if mapped or "%" in text or not _is_slashed(text):
        what = "must be an IPv4 or IPv6 network, as 192.0.2.0/24, without zone or mapping"
        report.add(found.place, found.where, what)
        return None
    return made


def _is_slashed(text: str) -> bool:
    # ip_network also takes net masks (and host masks): 10.0.0.0/0.0.0.255.
    _, slash, prefix = text.partition("/")
    return not slash or (prefix.isascii() and prefix.isdigit())


def _why_no_network(text: str) -> str:
    try:
        outer = ip_network(text, strict=False)
    except ValueError:
        return "must be an address or a network, as 192.0.2.10, 192.0.2.0/24 or 2001:db8::/64"
    return f"has bits beyond its prefix: say {outer}, or the address alone"
