"""The `upstreams` section: other RADIUS servers, and what is said to them."""

from __future__ import annotations

import dataclasses
import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from radiusmfa.config import dialogues, passing, site_file
from radiusmfa.config.fields import Fields, Found, closest, scalar_text
from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE
from radiusmfa.config.nodes import Listing, Mapping, Scalar
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS, Sources, secret
from radiusmfa.config.upstream_model import (
    AliveCheck,
    Codec,
    Dialogue,
    Server,
    Upstream,
    UserName,
)
from radiusmfa.interfaces import ConfigError
from radiusmfa.secret import Secret

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
RESERVED: Final = frozenset({LOCAL, NONE, *LOCAL_FACTORS, "refuse", "skip"})
"""Words that mean something else where an upstream or a factor is named."""
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*", re.ASCII)
_NUMERIC: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LARGEST_HOST: Final = 253
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Upstream) if field.name != "name")
_SERVER_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Server))
_STRIPPED: Final = ("domain", "realm")
_LARGEST_NAME_OCTETS: Final = 253
_LARGEST_PART_OCTETS: Final = 200  # a user's name has to fit beside it


def read(top: Fields, sources: Sources) -> tuple[tuple[Upstream, ...], list[str], list[str]]:
    """
    Return the upstreams of the file, the warnings about them, and faults of other files.

    Args:
        top: The whole file.
        sources: Where secrets and files come from.
    """
    found = top.find("upstreams")
    warnings: list[str] = []
    elsewhere: list[str] = []
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return (), warnings, elsewhere
    if not isinstance(found.node, Mapping):
        top.fault("upstreams", "must name upstreams, as {securid: {servers: [...]}}")
        return (), warnings, elsewhere
    upstreams = []
    for name, (place, node) in found.node.entries.items():
        where = f"{found.where}.{name}"
        if what := why_no_name(name):
            top.report.add(place, where, what)
        fields = Fields(node, where, top.report, known=_FIELDS)
        upstreams.append(_upstream(name, fields, sources, warnings, elsewhere))
    return tuple(upstreams), warnings, elsewhere


def why_no_name(name: str) -> str | None:
    """Return why an upstream or a factor cannot be called *name*, or None."""
    if name.lower() in RESERVED:
        return "is a word that means something else: choose another name"
    if not NAME.fullmatch(name):
        return "must be 1 to 64 letters, digits, dots, dashes or underscores, a letter first"
    return None


def is_writable(text: str, codec: Codec) -> bool:
    """Return whether an upstream that writes *codec* can be sent *text*."""
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _upstream(
    name: str, fields: Fields, sources: Sources, warnings: list[str], elsewhere: list[str]
) -> Upstream:
    dialogue = _dialogue(fields, sources, elsewhere)
    codec = fields.choice("codec", Codec.UTF_8)
    usual = Upstream(name=name, servers=(), dialogue=dialogue)
    return Upstream(
        name=name,
        servers=_servers(name, fields, sources, dialogue, warnings),
        use=fields.choice("use", usual.use),
        dialogue=dialogue,
        retransmit=fields.integer("retransmit", usual.retransmit, low=1, high=30),
        patience=fields.integer("patience", dialogue.patience, low=1, high=300),
        probe_interval=fields.integer("probe_interval", usual.probe_interval, low=1, high=3600),
        ports=fields.integer("ports", usual.ports, low=1, high=1024),
        rounds=fields.integer("rounds", usual.rounds, low=1, high=100),
        codec=codec,
        user_name=_user_name(fields, codec),
        send=passing.read(fields, "send"),
        take=passing.read(fields, "take"),
        probe_user=fields.text("probe_user", usual.probe_user, low=1, high=_LARGEST_NAME_OCTETS),
    )


def _dialogue(fields: Fields, sources: Sources, elsewhere: list[str]) -> Dialogue:
    found = fields.find("dialogue")
    usual = dialogues.shipped("generic")
    if found is None:
        return usual
    if isinstance(found.node, Mapping):
        return _dialogue_of_file(found, fields, sources, elsewhere) or usual
    text = scalar_text(found, fields.report)
    known = dialogues.names()
    if text in known:
        return dialogues.shipped(text)
    if text is not None:
        hint = closest(text, list(known))
        fields.fault("dialogue", f"must be {', '.join(known)}, or {{file: PATH}}{hint}")
    return usual


def _dialogue_of_file(
    found: Found, fields: Fields, sources: Sources, elsewhere: list[str]
) -> Dialogue | None:
    path = site_file.named(found, fields.report, sources)
    if path is None:
        return None
    try:
        return dialogues.from_file(path)
    except ConfigError as error:
        # Two upstreams may share a file: its faults are shown once.
        elsewhere += [fault for fault in error.faults if fault not in elsewhere]
        return None


def _servers(
    name: str, fields: Fields, sources: Sources, dialogue: Dialogue, warnings: list[str]
) -> tuple[Server, ...]:
    if fields.need("servers") is None:
        return ()
    items = fields.items("servers")
    if not items:
        fields.fault("servers", "must name at least one server")
    servers: list[Server] = []
    for item in items:
        place = Fields(item.node, item.where, fields.report, known=_SERVER_FIELDS)
        server, said = _server(place, sources, dialogue)
        title = f"upstream {name} ({server.host})"
        warnings += [f"{title}: {text}" for text in (*said, *_warnings(server))]
        if server.host and any(_is_same(server, one) for one in servers):
            place.fault("host", f"{server.host} port {server.port} stands here twice")
        servers.append(server)
    return tuple(servers)


def _server(fields: Fields, sources: Sources, dialogue: Dialogue) -> tuple[Server, list[str]]:
    weak = fields.boolean("weak_secret", default=False)
    shared, said = Secret(b""), list[str]()
    if found := fields.need("secret"):
        shared, said = secret(found, fields.report, sources, weak=weak)
    server = Server(
        host=_host(fields),
        port=fields.integer("port", 1812, low=1, high=65535),
        secret=shared,
        weak_secret=weak,
        require_message_authenticator=fields.boolean("require_message_authenticator", default=True),
        alive_check=fields.choice("alive_check", AliveCheck(dialogue.alive_check)),
    )
    return server, said


def _is_same(server: Server, other: Server) -> bool:
    hosts = {one.host.rstrip(".").lower() for one in (server, other)}
    return len(hosts) == 1 and server.port == other.port


def _host(fields: Fields) -> str:
    found = fields.need("host")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return ""
    host, what = of_host(text)
    if what:
        fields.fault("host", what)
    return host


def of_host(text: str) -> tuple[str, str]:
    """Return the name or the numeric address that *text* is, and why it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        if _is_name(text):
            return text, ""
        return "", "must be an IPv4 or IPv6 address, or a name; the port has its own setting"
    # A reply's source has neither zone nor mapping, and is never one of the others.
    is_mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    if is_mapped or "%" in text or address.is_unspecified or address.is_multicast:
        return "", "must be the address of one server, without zone or mapping"
    return str(address), ""


def _is_name(text: str) -> bool:
    labels = text.removesuffix(".") + "."
    # What looks like an address and is none would be looked up as a name; 0x7f.1 is an address
    # to the system's resolver.
    last = labels[:-1].rpartition(".")[2]
    is_host = len(labels) <= _LARGEST_HOST + 1 and _HOST.fullmatch(labels) is not None
    return is_host and not _NUMERIC.fullmatch(last)


def _user_name(fields: Fields, codec: Codec) -> UserName:
    place = fields.section("user_name", ("strip", "realm", "domain"))
    return UserName(
        strip=stripped(place),
        realm=_part(place, "realm", "@", codec),
        domain=_part(place, "domain", "\\", codec),
    )


def stripped(fields: Fields) -> tuple[str, ...]:
    """Return what the setting `strip` takes off a name: one word, or a list."""
    found = fields.find("strip")
    items = fields.items("strip") if found and isinstance(found.node, Listing) else []
    if found and not isinstance(found.node, Listing):
        items = [found]
    words = []
    for item in items:
        word = scalar_text(item, fields.report)
        if word in _STRIPPED:
            words.append(word)
        elif word is not None:
            fields.report.add(item.place, item.where, "must be realm or domain, or both in a list")
    return tuple(words)


def _part(fields: Fields, name: str, delimiter: str, codec: Codec) -> str:
    text = fields.text(name, "", low=0, high=_LARGEST_PART_OCTETS)
    if delimiter in text:
        fields.fault(name, f"must not hold {delimiter}, which is put in between")
    elif not is_writable(text, codec):
        fields.fault(name, f"cannot be written in {codec}, the codec of this upstream")
    return text


def _warnings(server: Server) -> list[str]:
    said = []
    if not server.require_message_authenticator:
        said.append(
            "require_message_authenticator is no: whoever sits on the path can forge its"
            " replies and let anybody in (CVE-2024-3596)"
        )
    if server.weak_secret and len(server.secret) < SHORTEST_SECRET_OCTETS:
        said.append("weak_secret is yes: the secret can be guessed from one captured packet")
    return said
