"""The `clients` section: who may ask, and how each of them is spoken to."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from radiusmfa.config import reply
from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE, Client, Mode, Network, Tri
from radiusmfa.config.nodes import Listing, Mapping, Report
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS, Sources, secret
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.model import Factors
    from radiusmfa.config.upstream_model import Upstream

_NAMES: Final = tuple(field.name for field in dataclasses.fields(Client))
_SHARED: Final = tuple(
    name for name in _NAMES if name not in {"name", "networks", "secret", "weak_secret"}
)
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5
_REFUSE: Final = "refuse"
_PERSON: Final = 60
"""Seconds that a person may take to answer a push; token servers wait as long."""

_UNSIGNED: Final = {
    Tri.NO: (
        "require_message_authenticator is no: whoever sits on the path can forge"
        " replies to this client (CVE-2024-3596)"
    ),
    Tri.AUTO: (
        "require_message_authenticator is auto: until the client has sent a"
        " Message-Authenticator, replies to it can be forged (CVE-2024-3596)"
    ),
}


@dataclass(frozen=True, slots=True)
class Known:
    """
    What clients may name.

    Attributes:
        upstreams: By name.
        factors: All there are.
    """

    upstreams: dict[str, Upstream]
    factors: Factors


def read(
    top: Fields, sources: Sources, upstreams: tuple[Upstream, ...], factors: Factors
) -> tuple[tuple[Client, ...], list[str]]:
    """
    Return the clients of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets come from.
        upstreams: Those that a client may name as its primary.
        factors: Those that a client may name.
    """
    report = top.report
    known = Known({one.name: one for one in upstreams}, factors)
    defaults = top.section("defaults", _SHARED)
    _settings(defaults, known)  # also when every client overrides them
    warnings: list[str] = []
    clients: list[Client] = []
    places: list[Fields] = []
    if top.need("clients") is None:
        return (), []
    for found in top.items("clients"):
        fields = Fields(found.node, found.where, report, known=_NAMES, fallback=defaults)
        client = _client(fields, sources, known, warnings)
        warnings += _warnings(client)
        warnings += [f"client {client.name}: {text}" for text in _hints(client, known)]
        clients.append(client)
        places.append(fields)
    if not clients:
        top.fault("clients", "names nobody: every request would be discarded")
    _refuse_twins(clients, places)
    return tuple(clients), warnings


def _client(fields: Fields, sources: Sources, known: Known, warnings: list[str]) -> Client:
    weak = fields.boolean("weak_secret", default=False)
    name = _name(fields)
    shared = Secret(b"")
    if found := fields.need("secret"):
        shared, said = secret(found, fields.report, sources, weak=weak)
        warnings += [f"client {name}: {text}" for text in said]
    settings = _settings(fields, known)
    _refuse_contradictions(fields, settings)
    _refuse_useless_factors(fields, settings)
    return dataclasses.replace(
        settings, name=name, networks=_networks(fields), secret=shared, weak_secret=weak
    )


def _name(fields: Fields) -> str:
    found = fields.need("name")
    text = scalar_text(found, fields.report) if found else None
    if text is not None and not _CLIENT_NAME.fullmatch(text):
        fields.fault("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    return text or ""


def _settings(fields: Fields, known: Known) -> Client:
    plain = Client(name="", networks=(), secret=Secret(b""))
    mode = fields.choice("mode", plain.mode)
    return Client(
        name="",
        networks=(),
        secret=plain.secret,
        mode=mode,
        primary=_primary(fields, mode, known),
        factors=_named_factors(fields, known.factors),
        when_unavailable=_instead(fields, known.factors),
        time_budget=fields.integer("time_budget", plain.time_budget, low=1, high=300),
        shows_challenges=fields.boolean("shows_challenges", default=mode is not Mode.APPEND),
        prompts=fields.choice("prompts", plain.prompts),
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


def _primary(fields: Fields, mode: Mode, known: Known) -> str:
    found = fields.find("primary")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return NONE if mode is Mode.STEP_UP else LOCAL
    choices = (LOCAL, NONE, *known.upstreams)
    if text not in choices:
        none = "" if known.upstreams else "; there is no upstream to name"
        fields.fault("primary", f"must be {', '.join(choices[:-1])} or {choices[-1]}{none}")
    return text  # also a wrong one: what it was to be is checked once


def _named_factors(fields: Fields, factors: Factors) -> tuple[str, ...]:
    found = fields.find("factors")
    if found is None:
        return factors.names
    if isinstance(found.node, Listing) and not found.node.items:
        fields.fault("factors", "must name at least one factor")
    return _names_in(fields, "factors", factors.names)


def _instead(fields: Fields, factors: Factors) -> tuple[str, ...]:
    local = tuple(name for name in factors.names if name in LOCAL_FACTORS)
    named = _names_in(fields, "when_unavailable", (*local, _REFUSE))
    if _REFUSE in named[:-1]:
        fields.fault("when_unavailable", "refuse ends the list: nothing comes after it")
    return tuple(name for name in named if name != _REFUSE)


def _names_in(fields: Fields, setting: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    named: list[str] = []
    for item in fields.items(setting):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        if text not in allowed:
            what = f"must be one of {', '.join(allowed)}"
            fields.report.add(item.place, item.where, what)
        elif text in named:
            fields.report.add(item.place, item.where, f"{text} stands here twice")
        else:
            named.append(text)
    return tuple(named)


def _refuse_contradictions(fields: Fields, client: Client) -> None:
    is_upstream = client.primary not in (LOCAL, NONE)
    if client.primary == NONE and client.mode is not Mode.STEP_UP:
        fields.fault("primary", "none (no password is checked) goes with mode: step-up only")
    if client.primary != NONE and client.mode is Mode.STEP_UP:
        what = f"mode: step-up brings no password that {client.primary} could check"
        fields.fault("primary", f"{what}: say none, or change mode")
    if client.mode is Mode.PROXY and not is_upstream and client.primary != NONE:
        fields.fault("primary", "mode: proxy leaves everything to an upstream: name one here")
    if any(character.isdigit() for character in client.delimiter):
        fields.fault("delimiter", "must not hold a digit: passcodes do")
    if (
        client.delimiter
        and fields.has("delimiter")
        and client.mode in {Mode.STEP_UP, Mode.CHALLENGE, Mode.PROXY}
    ):
        fields.fault("delimiter", "has a meaning in mode: append and auto only")
    for name in ("prompt", "reject_message"):
        if len(str(getattr(client, name)).encode()) > client.prompt_limit:
            fields.fault(name, f"is longer than prompt_limit, {client.prompt_limit} octets")


def _refuse_useless_factors(fields: Fields, client: Client) -> None:
    if client.mode is Mode.PROXY and fields.has("factors"):
        fields.fault("factors", "have no meaning with mode: proxy, whose upstream asks for them")
    if not (client.when_unavailable and fields.has("when_unavailable")):
        return
    if client.mode is Mode.PROXY:
        fields.fault("when_unavailable", "has no meaning with mode: proxy")
    elif not set(client.factors) - set(LOCAL_FACTORS):
        fields.fault("when_unavailable", "has no meaning: no factor here is an upstream's")


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


def _hints(client: Client, known: Known) -> list[str]:
    factors = {factor.name: factor for factor in known.factors.upstream}
    used = [] if client.mode is Mode.PROXY else [
        factors[name] for name in client.factors if name in factors
    ]  # fmt: skip
    asked = {factor.upstream for factor in used}
    if client.primary in known.upstreams:
        asked.add(client.primary)
    said = [
        f"time_budget is {client.time_budget}: upstream {name} may wait {_PERSON} s for a person"
        for name in sorted(asked)
        if known.upstreams[name].dialogue.waits and client.time_budget < _PERSON
    ]
    if client.mode is Mode.APPEND and not client.delimiter:
        said += [
            f"mode: append cannot tell a password from a passcode of {factor.name}: say a"
            f" delimiter here, or factors.{factor.name}.tail"
            for factor in used
            if not factor.tail
        ]
    return said


def _warnings(client: Client) -> list[str]:
    said: list[str] = []
    if text := _UNSIGNED.get(client.require_message_authenticator):
        said.append(text)
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
