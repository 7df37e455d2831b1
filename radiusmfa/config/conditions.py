"""`when` of a policy: what must hold for it to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.config import networks, schedules
from radiusmfa.config.fields import closest, scalar_text
from radiusmfa.config.nodes import Listing, Mapping
from radiusmfa.config.passing import OF_ONE_HOP
from radiusmfa.config.policy_model import Conditions, Schedule
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.wire import names, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from radiusmfa.config.fields import Fields
    from radiusmfa.config.model import Network

SETTINGS: Final = (
    "client",
    "user",
    "realm",
    "group",
    "from",
    "during",
    "attributes",
    "approval",
)
_LARGEST_GROUP_OCTETS: Final = 1024
"""Where it is a distinguished name."""
_HEADER: Final = 2  # type and length
_VENDOR_HEADER: Final = 8  # RFC 2865 section 5.26


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """
    What conditions may name.

    Attributes:
        clients: Those of the file.
        approvals: Those of the file.
        networks: By name.
        schedules: By name.
    """

    clients: tuple[str, ...]
    approvals: tuple[str, ...]
    networks: dict[str, tuple[Network, ...]]
    schedules: dict[str, Schedule]


class _UnfitError(ValueError):
    """A value that cannot be; the text says why."""


def read(policy: Fields, known: Names) -> Conditions:
    """
    Return the conditions of a policy.

    Args:
        policy: Its settings.
        known: What they may name.
    """
    fields = policy.section("when", SETTINGS)
    return Conditions(
        clients=_texts(fields, "client", _one_of(known.clients, "client")),
        users=_texts(fields, "user", _user),
        realms=_texts(fields, "realm", _realm),
        groups=_texts(fields, "group", _group),
        networks=_networks(fields, known),
        schedule=_during(fields, known),
        attributes=attributes(fields),
        approval=_approval(fields, known),
    )


def value(name: str, text: str) -> str:
    """
    Return *text* as the values of a request are written when they are compared with it.

    Raises:
        names.AttributeValueError: It is no value of the attribute called *name*.
    """
    found = names.attribute(name)
    octets = names.encode(name, text)
    return texts.written(found, octets[_VENDOR_HEADER if found.vendor else _HEADER :])


def attributes(fields: Fields) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what the setting `attributes` says: names, and the texts of each."""
    found = fields.find("attributes")
    if found is None:
        return ()
    if not isinstance(found.node, Mapping) or not found.node.entries:
        fields.fault("attributes", "must name attributes, as {NAS-Port-Type: Virtual}")
        return ()
    wanted: dict[str, tuple[str, ...]] = {}
    section = fields.section("attributes", found.node.entries)
    for written, (place, _) in found.node.entries.items():
        try:
            name = _attribute(written, wanted)
        except names.AttributeValueError as error:
            fields.report.add(place, section.path(written), str(error))
            continue
        wanted[name] = _texts(section, written, _value_of(name))
    return tuple(wanted.items())


def _texts(fields: Fields, name: str, fit: Callable[[str], str]) -> tuple[str, ...]:
    """Return one text or several, each made *fit*; none stands there twice."""
    found: list[str] = []
    for item in fields.some(name):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        try:
            value = fit(text)
        except _UnfitError as error:
            fields.report.add(item.place, item.where, str(error))
            continue
        if value in found:
            fields.report.add(item.place, item.where, f"{text} stands here twice")
        found.append(value)
    return tuple(found)


def _one_of(known: tuple[str, ...], what: str) -> Callable[[str], str]:
    def fit(text: str) -> str:
        if text not in known:
            raise _UnfitError(f"there is no {what} {text}{closest(text, list(known))}")
        return text

    return fit


def _user(text: str) -> str:
    # In a file name's pattern it begins a set of characters: nobody is to wonder.
    if "[" in text:
        raise _UnfitError("must not hold [: only * (any text) and ? (one character) are patterns")
    try:
        return user_name(text)
    except UserNameError as error:
        raise _UnfitError(str(error)) from None


def _realm(text: str) -> str:
    if "@" in text or "\\" in text:
        raise _UnfitError("is what follows the @ or stands before the backslash, without these")
    _refuse_pattern(text)
    return _user(text)


def _group(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text.encode()) > _LARGEST_GROUP_OCTETS:
        raise _UnfitError(f"must be the name of a group, 1 to {_LARGEST_GROUP_OCTETS} octets")
    _refuse_pattern(text)
    return text


def _refuse_pattern(text: str) -> None:
    # It would never hold: who is to be kept out would get in.
    if "*" in text or "?" in text:
        raise _UnfitError("must be a whole name: only user takes patterns")


def _networks(fields: Fields, known: Names) -> tuple[Network, ...]:
    found = [
        network
        for item in fields.some("from")
        for network in networks.named(item, fields.report, known.networks)
    ]
    return tuple(dict.fromkeys(found))


def _during(fields: Fields, known: Names) -> Schedule | None:
    named = _texts(fields, "during", _one_of(tuple(known.schedules), "schedule"))
    if not named:
        return None
    return schedules.joined([known.schedules[name] for name in named], ", ".join(named))


def _approval(fields: Fields, known: Names) -> str:
    found = fields.find("approval")
    if found is None:
        return ""
    if isinstance(found.node, Listing):
        fields.fault("approval", "must be one approval: a second one belongs to another policy")
        return ""
    # "" is what counts without a word.
    allowed = ("", *known.approvals)
    return "".join(_texts(fields, "approval", _one_of(allowed, "approval")))


def _attribute(written: str, so_far: Collection[str]) -> str:
    name = names.attribute(written).name
    if name in OF_ONE_HOP:
        raise names.AttributeValueError("proves something, or belongs to one hop")
    if name in so_far:
        raise names.AttributeValueError(f"stands here twice, as {name}")
    return name


def _value_of(name: str) -> Callable[[str], str]:
    def fit(text: str) -> str:
        try:
            return value(name, text)
        except names.AttributeValueError as error:
            raise _UnfitError(str(error)) from None

    return fit
