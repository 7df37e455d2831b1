"""A site's own tests of its policies: this user, this client, this time: that decision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from radiusmfa.config import conditions, nodes
from radiusmfa.config.fields import Fields, Found, closest, scalar_text
from radiusmfa.config.nodes import Listing, Mapping
from radiusmfa.interfaces import ConfigError
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from pathlib import Path

_SETTINGS: Final = (
    "name",
    "user",
    "client",
    "at",
    "address",
    "groups",
    "approvals",
    "attributes",
    "token",
    "expect",
)
_EXPECTED: Final = ("policy", "primary", "factors", "reply", "refused")
_LARGEST_FILE_OCTETS: Final = 16 * 1024 * 1024
_LARGEST_TEXT: Final = 253
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}(?:Z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """
    What a case says of the decision; None: nothing.

    Attributes:
        policy: Name of the policy that decides.
        refused: Why nobody gets in; with it there is nothing but perhaps the policy.
        primary: Who checks the password.
        factors: Those that count, in order; `("skip",)`: the password alone lets in.
        reply: Attributes of the Accept as the configuration writes them.
    """

    policy: str | None = None
    refused: Reason | None = None
    primary: str | None = None
    factors: tuple[str, ...] | None = None
    reply: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One login that is made up, and what has to come of it.

    Attributes:
        name: As the list calls it; unique by its place, if by nothing else.
        where: `file:line` of it.
        user: Normal form.
        client: Name of the client entry.
        at: Seconds since 1970; None: now.
        address: Where the person is; None: not known.
        groups: Of the person, whichever directory is asked.
        approvals: Names of those that are in force.
        attributes: Of the request: name and values.
        token: Factors that the person has; None: not looked at.
        expected: What has to come of it.
    """

    name: str
    where: str
    user: str
    client: str
    at: float | None
    address: IPv4Address | IPv6Address | None
    groups: tuple[str, ...]
    approvals: tuple[str, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    token: tuple[str, ...] | None
    expected: Expected


def load(path: Path) -> tuple[Case, ...]:
    """
    Return the cases in the file at *path*.

    Raises:
        ConfigError: With every fault, each as `file:line:column: where: what`.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST_FILE_OCTETS + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(octets) > _LARGEST_FILE_OCTETS:
        raise ConfigError(f"{path}: larger than {_LARGEST_FILE_OCTETS} octets")
    report = nodes.Report()
    root = nodes.parse(octets, report)
    top = Fields(root, "", report, known=("cases",))
    if top.need("cases") is not None and not top.items("cases"):
        top.fault("cases", "must name at least one case")
    cases = tuple(_case(item, report, path) for item in top.items("cases"))
    if report.faults:
        raise ConfigError(*report.lines(str(path)))
    return cases


def _case(item: Found, report: nodes.Report, path: Path) -> Case:
    fields = Fields(item.node, item.where, report, known=_SETTINGS)
    user = _user(fields)
    client = fields.text("client", "", low=1, high=_LARGEST_TEXT)
    fields.need("client")
    default = f"{user} at {client}"
    return Case(
        name=fields.text("name", default, low=1, high=_LARGEST_TEXT),
        where=f"{path}:{item.place.line}",
        user=user,
        client=client,
        at=_time(fields),
        address=_address(fields),
        groups=_words(fields, "groups"),
        approvals=_words(fields, "approvals"),
        attributes=conditions.attributes(fields),
        token=_words(fields, "token") if fields.has("token") else None,
        expected=_expected(fields),
    )


def _user(fields: Fields) -> str:
    found = fields.need("user")
    text = scalar_text(found, fields.report) if found else None
    try:
        return user_name(text) if text is not None else ""
    except UserNameError as error:
        fields.fault("user", str(error))
        return ""


def _time(fields: Fields) -> float | None:
    found = fields.find("at")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return None
    try:
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        text = ""  # a day that no month has
    fields.fault("at", "must be a time with its zone, as 2026-11-26T17:59:00+01:00")
    return None


def _address(fields: Fields) -> IPv4Address | IPv6Address | None:
    found = fields.find("address")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return None
    try:
        return ip_address(text)
    except ValueError:
        fields.fault("address", "must be an address, as 192.0.2.10 or 2001:db8::1")
        return None


def _words(fields: Fields, name: str) -> tuple[str, ...]:
    # Here an empty list says something: that the person has none.
    is_list = (found := fields.find(name)) is not None and isinstance(found.node, Listing)
    items = fields.items(name) if is_list else fields.some(name)
    words = (scalar_text(item, fields.report) for item in items)
    return tuple(word for word in words if word is not None)


def _expected(fields: Fields) -> Expected:
    fields.need("expect")
    inside = fields.section("expect", _EXPECTED)
    if not inside.has("policy") and not inside.has("refused"):
        fields.fault("expect", "must name the policy that decides, or the reason as refused")
    for name in ("primary", "factors", "reply") if inside.has("refused") else ():
        if inside.has(name):
            inside.fault(name, "has no meaning with refused")
    return Expected(
        policy=_text(inside, "policy"),
        refused=_refused(inside),
        primary=_text(inside, "primary"),
        factors=_words(inside, "factors") if inside.has("factors") else None,
        reply=_reply(inside) if inside.has("reply") else None,
    )


def _reply(fields: Fields) -> tuple[tuple[str, str], ...]:
    found = fields.find("reply")
    entries = found.node.entries if found and isinstance(found.node, Mapping) else {}
    section = fields.section("reply", entries)
    return tuple((name, text) for name in entries for text in _words(section, name))


def _text(fields: Fields, name: str) -> str | None:
    return fields.text(name, "", low=1, high=_LARGEST_TEXT) if fields.has(name) else None


def _refused(fields: Fields) -> Reason | None:
    text = _text(fields, "refused")
    if text is None or text in {*Reason}:
        return Reason(text) if text else None
    fields.fault("refused", f"{text} is no reason{closest(text, list(Reason))}")
    return None
