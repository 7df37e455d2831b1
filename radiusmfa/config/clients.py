"""The `clients` section: who may ask, and how each of them is spoken to."""

from __future__ import annotations

import dataclasses
import re
from ipaddress import IPv6Network, ip_network
from typing import Final

from radiusmfa.config import reply
from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.model import Client, Mode, Network, Primary, Tri
from radiusmfa.config.nodes import Listing, Mapping, Report
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS, Sources, secret
from radiusmfa.secret import Secret

_NAMES: Final = tuple(field.name for field in dataclasses.fields(Client))
_SHARED: Final = tuple(
    name for name in _NAMES if name not in {"name", "networks", "secret", "weak_secret"}
)
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5


def read(top: Fields, sources: Sources) -> tuple[tuple[Client, ...], list[str]]:
    """
    Return the clients of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets come from.
    """
    report = top.report
    defaults = top.section("defaults", _SHARED)
    _settings(defaults)  # also when every client overrides them
    warnings: list[str] = []
    clients: list[Client] = []
    places: list[Fields] = []
    if top.need("clients") is None:
        return (), []
    for found in top.items("clients"):
        fields = Fields(found.node, found.where, report, known=_NAMES, fallback=defaults)
        client = _client(fields, sources, warnings)
        warnings += _warnings(client)
        clients.append(client)
        places.append(fields)
    if not clients:
        top.fault("clients", "names nobody: every request would be discarded")
    _refuse_twins(clients, places)
    return tuple(clients), warnings


def _client(fields: Fields, sources: Sources, warnings: list[str]) -> Client:
    weak = fields.boolean("weak_secret", default=False)
    name = _name(fields)
    shared = Secret(b"")
    if found := fields.need("secret"):
        shared, said = secret(found, fields.report, sources, weak=weak)
        warnings += [f"client {name}: {text}" for text in said]
    settings = _settings(fields)
    _refuse_contradictions(fields, settings)
    return dataclasses.replace(
        settings, name=name, networks=_networks(fields), secret=shared, weak_secret=weak
    )


def _name(fields: Fields) -> str:
    found = fields.need("name")
    text = scalar_text(found, fields.report) if found else None
    if text is not None and not _CLIENT_NAME.fullmatch(text):
        fields.fault("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    return text or ""


def _settings(fields: Fields) -> Client:
    plain = Client(name="", networks=(), secret=Secret(b""))
    mode = fields.choice("mode", plain.mode)
    return Client(
        name="",
        networks=(),
        secret=plain.secret,
        mode=mode,
        primary=fields.choice("primary", _usual_primary(mode)),
        delimiter=fields.text("delimiter", plain.delimiter, low=0, high=8),
        require_message_authenticator=fields.choice(
            "require_message_authenticator", plain.require_message_authenticator
        ),
        limit_proxy_state=fields.choice("limit_proxy_state", plain.limit_proxy_state),
        sign_replies=fields.boolean("sign_replies", default=plain.sign_replies),
        prompt=fields.text("prompt", plain.prompt, low=1, high=_LARGEST_VALUE_OCTETS),
        prompt_limit=fields.integer(
            "prompt_limit", plain.prompt_limit, low=16, high=_LARGEST_VALUE_OCTETS
        ),
        reject_message=fields.text("reject_message", "", low=0, high=_LARGEST_VALUE_OCTETS),
        reply=_reply(fields),
        attempts=fields.integer("attempts", plain.attempts, low=1, high=10),
        retry_window=fields.integer("retry_window", plain.retry_window, low=0, high=30),
    )


def _usual_primary(mode: Mode) -> Primary:
    return Primary.NONE if mode is Mode.STEP_UP else Primary.LOCAL


def _refuse_contradictions(fields: Fields, client: Client) -> None:
    if client.primary is Primary.NONE and client.mode is not Mode.STEP_UP:
        fields.fault("primary", "none (no password is checked) goes with mode: step-up only")
    if client.primary is Primary.LOCAL and client.mode is Mode.STEP_UP:
        what = "mode: step-up brings no password that local could check: say none, or change mode"
        fields.fault("primary", what)
    if any(character.isdigit() for character in client.delimiter):
        fields.fault("delimiter", "must not hold a digit: passcodes do")
    if (
        client.delimiter
        and fields.has("delimiter")
        and client.mode in {Mode.STEP_UP, Mode.CHALLENGE}
    ):
        fields.fault("delimiter", "has a meaning in mode: append and auto only")
    for name in ("prompt", "reject_message"):
        if len(str(getattr(client, name)).encode()) > client.prompt_limit:
            fields.fault(name, f"is longer than prompt_limit, {client.prompt_limit} octets")


def _networks(fields: Fields) -> tuple[Network, ...]:
    if fields.need("networks") is None:
        return ()
    items = fields.items("networks")
    if not items:
        fields.fault("networks", "must name at least one network")
    networks = [_network(item, fields.report) for item in items]
    return tuple(network for network in networks if network is not None)


def _network(found: Found, report: Report) -> Network | None:
    text = scalar_text(found, report)
    if text is None:
        return None
    try:
        network = ip_network(text)
    except ValueError:
        report.add(found.place, found.where, _why_no_network(text))
        return None
    mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
    if mapped or "%" in text or not _is_slashed(text):
        what = "must be an IPv4 or IPv6 network, as 192.0.2.0/24, without zone or mapping"
        report.add(found.place, found.where, what)
        return None
    return network


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


def _reply(fields: Fields) -> tuple[tuple[str, str], ...]:
    found = fields.find("reply")
    if found is None:
        return ()
    if not isinstance(found.node, Mapping):
        fields.fault("reply", "must name attributes, as {Class: staff}")
        return ()
    pairs: list[tuple[str, str]] = []
    for name, (_, node) in found.node.entries.items():
        where = f"{found.where}.{name}"
        nodes = node.items if isinstance(node, Listing) else (node,)
        for item in nodes:
            value = scalar_text(Found(item, where), fields.report)
            if value is None:
                continue
            if what := reply.fault(name, value):
                fields.report.add(item.place, where, what)
            pairs.append((name, value))
    return tuple(pairs)


def _refuse_twins(clients: list[Client], places: list[Fields]) -> None:
    names: dict[str, Fields] = {}
    networks: dict[Network, str] = {}
    for client, fields in zip(clients, places, strict=True):
        folded = client.name.casefold()
        if folded in names and folded:
            fields.fault("name", f"stands here twice, first at {names[folded].where}")
        names.setdefault(folded, fields)
        for network in client.networks:
            if network in networks:
                what = f"{network} belongs to {networks[network]} and to {client.name}"
                fields.fault("networks", what)
            networks.setdefault(network, client.name)


def _warnings(client: Client) -> list[str]:
    said: list[str] = []
    match client.require_message_authenticator:
        case Tri.NO:
            said.append(
                "require_message_authenticator is no: whoever sits on the path can forge"
                " replies to this client (CVE-2024-3596)"
            )
        case Tri.AUTO:
            said.append(
                "require_message_authenticator is auto: until the client has sent a"
                " Message-Authenticator, replies to it can be forged (CVE-2024-3596)"
            )
        case Tri.YES:
            pass
    unsigned = client.require_message_authenticator is not Tri.YES
    if unsigned and client.limit_proxy_state is Tri.NO:
        said.append("limit_proxy_state is no: nothing is left against CVE-2024-3596")
    if not client.sign_replies:
        said.append("sign_replies is no: the client cannot tell our replies from forged ones")
    if client.weak_secret and len(client.secret) < SHORTEST_SECRET_OCTETS:
        said.append("weak_secret is yes: the secret can be guessed from one captured packet")
    said += [
        f"networks: {network} is every address there is"
        for network in client.networks
        if network.prefixlen == 0
    ]
    return [f"client {client.name}: {text}" for text in said]
