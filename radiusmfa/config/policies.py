"""The `policies` section: who may in, from where, when, and with what."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.config import (
    conditions,
    effective,
    networks,
    policy_checks,
    reply,
    schedules,
)
from radiusmfa.config.clients import instead, named_factors
from radiusmfa.config.fields import Fields, closest, scalar_text
from radiusmfa.config.model import LOCAL, NONE
from radiusmfa.config.nodes import Listing, Mapping
from radiusmfa.config.policy_model import By, Order, Policy, Remember

if TYPE_CHECKING:
    from datetime import date

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.model import Client, Factors
    from radiusmfa.config.secrets import Sources
    from radiusmfa.config.upstream_model import Upstream

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SKIP: Final = "skip"
_REFUSE: Final = "refuse"
_UNTIL: Final = "password_only_until"
_LARGEST_NAME: Final = 64
_SHORTEST_MEMORY: Final = 60
_LONGEST_MEMORY: Final = 30 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What policies may name.

    Attributes:
        clients: Those of the file.
        upstreams: Those of the file.
        factors: All there are.
        directories: Those of the file.
        approvals: Those of the file.
    """

    clients: tuple[Client, ...]
    upstreams: tuple[Upstream, ...]
    factors: Factors
    directories: tuple[Directory, ...]
    approvals: tuple[ApprovalSource, ...]


def read(
    top: Fields, sources: Sources, known: Known
) -> tuple[tuple[Policy, ...] | None, list[str]]:
    """
    Return the policies of the file, None without such a section, and the warnings about them.

    Args:
        top: The whole file.
        sources: The folder that files of holidays lie in.
        known: What they may name.
    """
    names = conditions.Names(
        clients=tuple(one.name for one in known.clients),
        approvals=tuple(one.name for one in known.approvals),
        networks=networks.read(top),
        schedules=schedules.read(top, sources),
    )
    found = top.find("policies")
    if found is None:
        return None, []
    if isinstance(found.node, Listing) and not found.node.items:
        top.fault("policies", "allow nobody: every login would be refused")
    warnings: list[str] = []
    policies: list[Policy] = []
    places: dict[str, str] = {}
    for item in top.items("policies"):
        fields = Fields(item.node, item.where, top.report, known=policy_checks.SETTINGS)
        policy = _policy(fields, known, names)
        first = places.setdefault(policy.name.casefold(), item.where)
        if policy.name and first != item.where:
            fields.fault("name", f"stands here twice, first at {first}")
        policy_checks.refuse(item, top.report, policy, known)
        warnings += policy_checks.warnings(policy, known)
        policies.append(policy)
    return tuple(policies), warnings


def _policy(fields: Fields, known: Known, names: conditions.Names) -> Policy:
    factors, skips = _factors(fields, known.factors)
    policy = Policy(
        name=_name(fields),
        when=conditions.read(fields, names),
        deny=fields.boolean("deny", default=False),
        primary=_primary(fields, known),
        directory=_directory(fields, known),
        factors=factors,
        skips_factor=skips,
        weak=fields.boolean("weak", default=False),
        when_unavailable=(
            instead(fields, known.factors) if fields.has("when_unavailable") else None
        ),
        not_enrolled_until=_not_enrolled(fields),
        order=fields.choice("order", Order.PASSWORD_FIRST) if fields.has("order") else None,
        remember=_remember(fields),
    )
    if not fields.has("reply"):
        return policy
    return dataclasses.replace(policy, reply=reply.read(fields, _context(policy, known)))


def _context(policy: Policy, known: Known) -> reply.Context:
    attributes = {one.name: one.attributes for one in known.directories}
    only = next(iter(attributes)) if len(attributes) == 1 else ""
    asked = [
        set(attributes.get(effective.directory(client, policy, attributes) or only, ()))
        for client in known.clients
        if effective.names(policy, client)
    ]
    # What is not read for one of the clients could not be made there.
    read = tuple(sorted(set.intersection(*asked))) if asked else ()
    return reply.Context(
        is_policy=True,
        has_groups=bool(policy.when.groups),
        attributes=read if attributes else None,
        group_reply=None,
    )


def _name(fields: Fields) -> str:
    found = fields.need("name")
    text = scalar_text(found, fields.report) if found else None
    if text is not None and not _NAME.fullmatch(text):
        fields.fault("name", "must be 1 to 64 letters, digits, dots, dashes or underscores")
    return text or ""


def _primary(fields: Fields, known: Known) -> str | None:
    upstreams = [one.name for one in known.upstreams]
    return _chosen(fields, "primary", [LOCAL, NONE, *upstreams, *_directories(known)])


def _directory(fields: Fields, known: Known) -> str:
    text = fields.text("directory", "", low=0, high=_LARGEST_NAME)
    if not text:
        return ""
    if not known.directories:
        fields.fault("directory", "there is none: `primaries` names directories")
        return ""
    return _chosen(fields, "directory", _directories(known)) or ""


def _directories(known: Known) -> list[str]:
    return [one.name for one in known.directories]


def _chosen(fields: Fields, name: str, choices: list[str]) -> str | None:
    found = fields.find(name)
    text = scalar_text(found, fields.report) if found else None
    if text is not None and text not in choices:
        fields.fault(name, f"must be one of {', '.join(choices)}{closest(text, choices)}")
        return None
    return text


def _factors(fields: Fields, factors: Factors) -> tuple[tuple[str, ...] | None, bool]:
    found = fields.find("factors")
    if found is None:
        return None, False
    if isinstance(found.node, Listing):
        return named_factors(fields, factors), False
    if scalar_text(found, fields.report) != _SKIP:
        fields.fault("factors", "must be a list of factors, or skip (the password alone lets in)")
        return None, False
    return None, True


def _not_enrolled(fields: Fields) -> date | None:
    found = fields.find("not_enrolled")
    if found is None:
        return None
    if isinstance(found.node, Mapping):
        until = Fields(found.node, found.where, fields.report, known=(_UNTIL,)).need(_UNTIL)
        return schedules.day(until, fields.report) if until else None
    if scalar_text(found, fields.report) != _REFUSE:
        fields.fault("not_enrolled", f"must be refuse, or {{{_UNTIL}: 2027-01-31}}")
    return None


def _remember(fields: Fields) -> Remember | None:
    if not fields.has("remember"):
        return None
    inside = fields.section("remember", ("for", "by"))
    inside.need("for")
    seconds = inside.duration("for", _SHORTEST_MEMORY, low=_SHORTEST_MEMORY, high=_LONGEST_MEMORY)
    if not inside.has("by"):
        return Remember(seconds=seconds)
    said = {word for item in inside.some("by") if (word := scalar_text(item, inside.report))}
    if unknown := said - {*By}:
        inside.fault("by", f"must name some of {', '.join(By)}, not {min(unknown)}")
    # Nobody is remembered for somebody else.
    return Remember(seconds=seconds, by=tuple(one for one in By if one in said | {By.USER}))
