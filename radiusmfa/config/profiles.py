"""Profiles of devices: YAML files, shipped or of the site, to `config.profile_model`."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from typing import TYPE_CHECKING, Final, TypeVar

from radiusmfa import shipped as files
from radiusmfa.config import nodes, site_file
from radiusmfa.config.fields import Fields, Found, closest, scalar_text
from radiusmfa.config.model import Mode, Protocol
from radiusmfa.config.nodes import Listing, Mapping, Place, Report, Scalar
from radiusmfa.config.profile_model import Challenge, Fact, Group, Profile
from radiusmfa.interfaces import ConfigError
from radiusmfa.wire import address
from radiusmfa.wire import names as attributes

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum
    from pathlib import Path

_Word = TypeVar("_Word", bound="StrEnum")

SETTINGS: Final = tuple(field.name for field in dataclasses.fields(Profile) if field.name != "name")
"""Names of the settings of a file."""
_GROUP: Final = tuple(field.name for field in dataclasses.fields(Group))
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5
_LONGEST_TEXT_OCTETS: Final = 1000
_LONGEST_SECONDS: Final = 300
_PLACE: Final = "{group}"
_SECONDS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the profiles that come with radiusmfa, in alphabetical order."""
    found = [file.name for file in (files.folder("conf") / "profiles").iterdir()]
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@functools.cache
def shipped(name: str) -> Profile:
    """
    Return the profile *name* that comes with radiusmfa.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in names():
        hint = closest(name, list(names()))
        raise ConfigError(f"no profile is called {name!r} (known: {', '.join(names())}){hint}")
    octets = files.text("conf", f"profiles/{name}.yaml").encode()
    return parse(octets, f"{name}.yaml", name)


def from_file(path: Path) -> Profile:
    """
    Return the profile in a file of the site's; its name is the file's, without the ending.

    Raises:
        ConfigError: The file cannot be read, or has faults: all of them, each as
            `file:line:column: where: what` with the name of this file.
    """
    return parse(site_file.octets(path), str(path), path.stem)


def parse(octets: bytes, file: str, name: str) -> Profile:
    """
    Return the profile in *octets*.

    Args:
        octets: YAML.
        file: Where they came from, for faults.
        name: How the profile is called.

    Raises:
        ConfigError: With every fault, each as `file:line:column: where: what`.
    """
    report = Report()
    root = nodes.parse(octets, report)
    if report.faults and not root.entries:
        raise ConfigError(*report.lines(file))
    profile = _profile(Fields(root, "", report, known=SETTINGS), name)
    if report.faults:
        raise ConfigError(*report.lines(file))
    return profile


def settings(profile: Profile, place: Place) -> Mapping:
    """Return what *profile* says for its clients, as if it were written at *place*."""

    def scalar(value: object) -> Scalar:
        return Scalar(str(value), quoted=False, place=place)

    said = {
        "mode": profile.modes[0],
        "time_budget": profile.time_budget,
        "shows_challenges": "yes" if profile.shows_challenges else "no",
        "prompts": profile.prompts,
        "prompt_limit": profile.prompt_limit,
        "protocol": profile.protocols[0],
    }
    entries: dict[str, tuple[Place, nodes.Node]] = {
        name: (place, scalar(value)) for name, value in said.items()
    }
    items = tuple(scalar(entry) for entry in profile.address)
    entries["address"] = place, Listing(items, place)
    return Mapping(entries, place)


def _profile(fields: Fields, name: str) -> Profile:
    for setting in ("title", "modes", "challenge"):
        fields.need(setting)
    usual = Profile(name=name, title="", modes=(Mode.CHALLENGE,), challenge=Challenge.YES)
    profile = Profile(
        name=name,
        title=fields.text("title", "", low=1, high=80),
        modes=_words(fields, "modes", usual.modes),
        challenge=fields.choice("challenge", Challenge.YES),
        timeout=_seconds(fields, "timeout", usual.timeout),
        tries=fields.integer("tries", usual.tries, low=1, high=20),
        time_budget=fields.integer("time_budget", usual.time_budget, low=1, high=300),
        prompt_limit=fields.integer("prompt_limit", usual.prompt_limit, low=16, high=253),
        prompts=fields.choice("prompts", usual.prompts),
        protocols=_words(fields, "protocols", (Protocol.PAP,)),
        address=_texts(fields, "address", fault=_address_fault),
        sends_message_authenticator=fields.choice("sends_message_authenticator", Fact.UNKNOWN),
        requires_signed_replies=fields.choice("requires_signed_replies", Fact.UNKNOWN),
        group=_group(fields),
        reply=_texts(fields, "reply", fault=_name_fault),
        strip_realm=fields.boolean("strip_realm", default=False),
        probe_users=_texts(fields, "probe_users"),
        entry=_entry(fields),
        setup=_texts(fields, "setup"),
        commands=_texts(fields, "commands"),
        notes=_texts(fields, "notes"),
        unverified=_texts(fields, "unverified", fault=_setting_fault),
    )
    _refuse_contradictions(fields, profile)
    return profile


def _refuse_contradictions(fields: Fields, profile: Profile) -> None:
    if Mode.PROXY in profile.modes:
        fields.fault("modes", "every device can do proxy: leave it out")
    if not profile.shows_challenges and {Mode.CHALLENGE, Mode.AUTO} & set(profile.modes):
        fields.fault("modes", "challenge and auto need a device that shows challenges")
    # The least that a client entry can say is a second.
    patience = max(1, math.ceil(profile.timeout * profile.tries))
    if profile.time_budget > patience:
        fields.fault("time_budget", f"is longer than timeout times tries, {patience} s")


def _words(fields: Fields, setting: str, usual: tuple[_Word, ...]) -> tuple[_Word, ...]:
    if fields.find(setting) is None:
        return usual
    known = {str(word): word for word in type(usual[0])}
    named: list[_Word] = []
    for item in fields.items(setting):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        if text not in known:
            what = f"must be one of {', '.join(known)}{closest(text, list(known))}"
            fields.report.add(item.place, item.where, what)
        elif known[text] in named:
            fields.report.add(item.place, item.where, f"{text} stands here twice")
        else:
            named.append(known[text])
    if not named:
        fields.fault(setting, "must name at least one")
    return tuple(named) or usual


def _seconds(fields: Fields, setting: str, usual: float) -> float:
    found = fields.find(setting)
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return usual
    if _SECONDS.fullmatch(text) and 0 < float(text) <= _LONGEST_SECONDS:
        return float(text)
    fields.fault(setting, f"must be seconds, more than 0 and at most {_LONGEST_SECONDS}, as 0.3")
    return usual


def _texts(
    fields: Fields, setting: str, fault: Callable[[str], str] | None = None
) -> tuple[str, ...]:
    named: list[str] = []
    for item in fields.items(setting):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        if not (text.strip() and text.isprintable()) or len(text.encode()) > _LONGEST_TEXT_OCTETS:
            what = f"must be a text of at most {_LONGEST_TEXT_OCTETS} octets, no control characters"
        else:
            what = fault(text) if fault else ""
        if what:
            fields.report.add(item.place, item.where, what)
        else:
            named.append(text)
    return tuple(named)


def _address_fault(entry: str) -> str:
    try:
        address.source(entry)
    except attributes.AttributeValueError as error:
        return str(error)
    return ""


def _name_fault(name: str) -> str:
    try:
        attributes.attribute(name)
    except attributes.AttributeValueError as error:
        return str(error)
    return ""


def _setting_fault(name: str) -> str:
    known = [setting for setting in SETTINGS if setting != "unverified"]
    return "" if name in known else f"is no setting of a profile{closest(name, known)}"


def _entry(fields: Fields) -> tuple[tuple[str, str], ...]:
    found = fields.find("entry")
    if found is None:
        return ()
    if not isinstance(found.node, Mapping):
        fields.fault("entry", "must hold settings, as {name: value}")
        return ()
    pairs = [
        (name, scalar_text(Found(node, f"{found.where}.{name}"), fields.report))
        for name, (_, node) in found.node.entries.items()
    ]
    return tuple((name, text) for name, text in pairs if text is not None)


def _group(fields: Fields) -> Group | None:
    if not fields.has("group"):
        return None
    inside = fields.section("group", _GROUP)
    inside.need("attribute")
    group = Group(
        attribute=inside.text("attribute", "Class", low=1, high=64),
        value=inside.text("value", "{group}", low=1, high=_LARGEST_VALUE_OCTETS),
        join=inside.text("join", "", low=1, high=8),
    )
    name, value = group.attribute, group.value
    filled = value.replace(_PLACE, "x")
    if filled == value:
        inside.fault("value", f"must hold {_PLACE}")
    elif set(filled) & set("{}"):
        inside.fault("value", f"only {_PLACE} may stand in braces")
    try:
        attributes.encode(name, filled)
    except attributes.AttributeValueError as error:
        inside.fault("attribute", str(error))
    return group
