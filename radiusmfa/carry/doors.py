"""`radius_ip_N` and `radius_secret_N`: who may ask at a server."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import TYPE_CHECKING, Final

from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.carry.settings import Context, Taker
    from radiusmfa.carry.site import SecretFile
    from radiusmfa.config.model import Network

NO_NETWORK: Final = "must be an address, a network (192.0.2.0/24) or a range (192.0.2.1-192.0.2.9)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """
    One `radius_ip_N` with its secret.

    Attributes:
        setting: Its name.
        number: Its N.
        networks: Where requests come from.
        secret: Shared with whoever is there.
    """

    setting: str
    number: str
    networks: tuple[Network, ...]
    secret: SecretFile


def read(taker: Taker, name: str, context: Context) -> Iterator[Door]:
    """
    Yield every `radius_ip_N` of a section; faults are told.

    Args:
        taker: The section.
        name: What the files of its secrets begin with.
        context: Makes up secrets.
    """
    settings = taker.numbered("radius_ip_")
    numbers = [setting.removeprefix("radius_ip_") for setting in settings]
    if not settings:
        taker.fault("", "radius_ip_1 is missing")
    for setting, number in zip(settings, numbers, strict=True):
        try:
            networks = networks_of(taker.need(setting))
        except ValueError as error:
            taker.fault(setting, f"{setting} {error}")
            networks = ()
        plain, sealed = f"radius_secret_{number}", f"radius_secret_protected_{number}"
        secret = taker.secret(plain, sealed, f"{name}-{number}", context)
        if secret is None:
            continue
        if len(secret.octets) < SHORTEST_SECRET_OCTETS:
            taker.different(
                plain,
                f"it has fewer than {SHORTEST_SECRET_OCTETS} octets, and can be guessed from one"
                " captured packet: weak_secret: yes was written",
                f"a longer one there and in secrets/{name}-{number}",
            )
        yield Door(setting=setting, number=number, networks=networks, secret=secret)


def networks_of(text: str) -> tuple[Network, ...]:
    """
    Return the networks that *text* means: an address, a network, or a range.

    Raises:
        ValueError: It is none of them; the text says what it must be.
    """
    first, dash, last = (part.strip() for part in text.partition("-"))
    try:
        # The bits of an address beyond the prefix mean nothing there.
        found = _range(first, last) if dash else (ip_network(first, strict=False),)
    except (ValueError, TypeError):
        raise ValueError(NO_NETWORK) from None
    if "%" in text or any(getattr(one.network_address, "ipv4_mapped", None) for one in found):
        raise ValueError(NO_NETWORK)
    return found


def _range(first: str, last: str) -> tuple[Network, ...]:
    # Of both kinds of addresses mixed it is a TypeError.
    return tuple(summarize_address_range(ip_address(first), ip_address(last)))
