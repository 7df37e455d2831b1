"""The `clients` section: who may ask, and how each of them is spoken to."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.config import client_checks, client_profiles, reply, time_budget
from radiusmfa.config.fields import Fields, closest, scalar_text
from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE, Client, Mode, Network
from radiusmfa.config.networks import network
from radiusmfa.config.nodes import Listing
from radiusmfa.config.reply import Context
from radiusmfa.config.secrets import Sources, secret
from radiusmfa.secret import Secret
from radiusmfa.wire import address
from radiusmfa.wire.names import AttributeValueError

if TYPE_CHECKING:
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.model import Factors
    from radiusmfa.config.profile_model import Profile
    from radiusmfa.config.upstream_model import Upstream

# What only a profile or a policy can say, or another setting.
_NOT_WRITTEN: Final = {
    "learns_patience", "group_reply", "skips_factor", "not_enrolled_until", "remember",
}  # fmt: skip
_NAMES: Final = tuple(
    field.name for field in dataclasses.fields(Client) if field.name not in _NOT_WRITTEN
)
_SHARED: Final = tuple(
    name for name in _NAMES if name not in {"name", "networks", "secret", "weak_secret"}
)
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5
_REFUSE: Final = "refuse"


@dataclass(frozen=True, slots=True)
class Known:
    """
    What clients may name.

    Attributes:
        upstreams: By name.
        factors: All there are.
        directories: Those that a client may name, as its primary or for its groups.
    """

    upstreams: dict[str, Upstream]
    factors: Factors
    directories: tuple[Directory, ...] = ()


def read(top: Fields, sources: Sources, known: Known) -> tuple[tuple[Client, ...], list[str]]:
    """
    Return the clients of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets come from.
        known: What clients may name.
    """
    report = top.report
    written = top.section("defaults", _SHARED)
    usual = client_profiles.named(written, sources)
    layer = client_profiles.below(written, usual)
    defaults = top.section("defaults", _SHARED, fallback=layer)
    _settings(defaults, None, known)  # also when every client overrides them
    warnings: list[str] = []
    clients: list[Client] = []
    places: list[Fields] = []
    if top.need("clients") is None:
        return (), []
    for found in top.items("clients"):
        alone = Fields(found.node, found.where, report, known=_NAMES)
        own = client_profiles.named(alone, sources)
        layer = client_profiles.below(alone, own, defaults)
        fields = Fields(found.node, found.where, report, known=_NAMES, fallback=layer)
        client, said = _client(fields, sources, known, own or usual)
        warnings += [f"client {client.name}: {text}" for text in said]
        clients.append(client)
        places.append(fields)
    if not clients:
        top.fault("clients", "names nobody: every request would be discarded")
    _refuse_twins(clients, places)
    return tuple(clients), warnings


def _client(
    fields: Fields, sources: Sources, known: Known, profile: Profile | None
) -> tuple[Client, list[str]]:
    weak = fields.boolean("weak_secret", default=False)
    name = _name(fields)
    shared = Secret(b"")
    said: list[str] = []
    if found := fields.need("secret"):
        shared, said = secret(found, fields.report, sources, weak=weak)
    client = dataclasses.replace(
        _settings(fields, profile, known),
        name=name,
        networks=_networks(fields),
        secret=shared,
        weak_secret=weak,
    )
    directories = [one.name for one in known.directories]
    factors = known.factors
    client_checks.refuse(fields, client, profile, known.upstreams, directories, factors.weak)
    said += client_checks.warnings(client, factors.weak)
    said += client_checks.hints(client, profile, factors, known.upstreams)
    return client, said


def _name(fields: Fields) -> str:
    found = fields.need("name")
    text = scalar_text(found, fields.report) if found else None
    if text is not None and not _CLIENT_NAME.fullmatch(text):
        fields.fault("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    return text or ""


def _settings(fields: Fields, profile: Profile | None, known: Known) -> Client:
    plain = Client(name="", networks=(), secret=Secret(b""))
    mode = fields.choice("mode", plain.mode)
    group = profile.group if profile else None
    carrier = (group.attribute, group.value) if group else plain.group_reply
    primary, directory = _primary(fields, mode, known), _directory(fields, known)
    seconds, learns = time_budget.read(fields, plain.time_budget)
    return Client(
        name="",
        networks=(),
        secret=plain.secret,
        mode=mode,
        primary=primary,
        factors=named_factors(fields, known.factors),
        when_unavailable=instead(fields, known.factors),
        time_budget=seconds,
        learns_patience=learns,
        shows_challenges=fields.boolean("shows_challenges", default=mode is not Mode.APPEND),
        without_password=fields.boolean("without_password", default=plain.without_password),
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
        reply=reply.read(fields, _context(known, carrier, primary, directory)),
        attempts=fields.integer("attempts", plain.attempts, low=1, high=10),
        retry_window=fields.integer("retry_window", plain.retry_window, low=0, high=30),
        profile=profile.name if profile else "",
        protocol=fields.choice("protocol", plain.protocol),
        address=_address(fields, plain.address),
        trust_address=fields.boolean("trust_address", default=plain.trust_address),
        group_reply=carrier,
        explain=fields.choice("explain", plain.explain),
        directory=directory,
        order=fields.choice("order", plain.order),
        weak=fields.boolean("weak", default=plain.weak),
    )


def _primary(fields: Fields, mode: Mode, known: Known) -> str:
    found = fields.find("primary")
    is_said = fields.has("mode") or fields.has("primary")
    if mode is Mode.STEP_UP and fields.has("profile") and not is_said:
        # The device has checked the password: what the defaults say is for the others.
        found = None
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return NONE if mode is Mode.STEP_UP else LOCAL
    choices = (LOCAL, NONE, *known.upstreams, *(one.name for one in known.directories))
    if text not in choices:
        none = "" if known.upstreams else "; there is no upstream to name"
        fields.fault("primary", f"must be {', '.join(choices[:-1])} or {choices[-1]}{none}")
    return text  # also a wrong one: what it was to be is checked once


def _directory(fields: Fields, known: Known) -> str:
    found = fields.find("directory")
    text = scalar_text(found, fields.report) if found else None
    names = [one.name for one in known.directories]
    if text and text not in names:
        must = f"must be {' or '.join(names)}" if names else "there is no directory to name"
        fields.fault("directory", must)
    return text or ""


def _address(fields: Fields, usual: tuple[str, ...]) -> tuple[str, ...]:
    if fields.find("address") is None:
        return usual
    named: list[str] = []
    for item in fields.items("address"):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        try:
            address.source(text)
        except AttributeValueError as error:
            fields.report.add(item.place, item.where, str(error))
        if text in named:
            fields.report.add(item.place, item.where, f"{text} stands here twice")
        named.append(text)
    return tuple(named)


def named_factors(fields: Fields, factors: Factors) -> tuple[str, ...]:
    """Return the second factors that the setting `factors` names, or all that are not weak."""
    found = fields.find("factors")
    if found is None:
        # A weak one counts where it is named, and nowhere else.
        weak = factors.weak
        return tuple(name for name in factors.names if name not in weak)
    if isinstance(found.node, Listing) and not found.node.items:
        fields.fault("factors", "must name at least one factor")
    return _names_in(fields, "factors", factors.names)


def instead(fields: Fields, factors: Factors) -> tuple[str, ...]:
    """Return the factors that `when_unavailable` names."""
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
            what = f"must be one of {', '.join(allowed)}{closest(text, list(allowed))}"
            fields.report.add(item.place, item.where, what)
        elif text in named:
            fields.report.add(item.place, item.where, f"{text} stands here twice")
        else:
            named.append(text)
    return tuple(named)


def _networks(fields: Fields) -> tuple[Network, ...]:
    if fields.need("networks") is None:
        return ()
    items = fields.items("networks")
    if not items:
        fields.fault("networks", "must name at least one network")
    networks = [network(item, fields.report) for item in items]
    return tuple(one for one in networks if one is not None)


def _context(known: Known, carrier: tuple[str, str], *names: str) -> Context:
    directories = {one.name: one for one in known.directories}
    asked = next((directories[name] for name in names if name in directories), None)
    attributes = None if asked is None else asked.attributes
    return Context(attributes=attributes, group_reply=carrier)


def _refuse_twins(clients: list[Client], places: list[Fields]) -> None:
    names: dict[str, Fields] = {}
    networks: dict[Network, str] = {}
    for client, fields in zip(clients, places, strict=True):
        folded = client.name.casefold()
        if folded in names and folded:
            fields.fault("name", f"stands here twice, first at {names[folded].where}")
        names.setdefault(folded, fields)
        for one in client.networks:
            if one in networks:
                what = f"{one} belongs to {networks[one]} and to {client.name}"
                fields.fault("networks", what)
            networks.setdefault(one, client.name)
