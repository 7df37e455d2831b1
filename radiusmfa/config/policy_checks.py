"""Policies that contradict themselves, or a client that they can fit; and what is loud in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from radiusmfa.config import client_checks, conditions, effective, reply
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import NONE, Mode
from radiusmfa.config.nodes import Report
from radiusmfa.config.policy_model import By, Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.fields import Found
    from radiusmfa.config.model import Client
    from radiusmfa.config.policies import Known
    from radiusmfa.config.policy_model import Policy

RESULTS: Final = (
    "primary",
    "directory",
    "factors",
    "weak",
    "when_unavailable",
    "not_enrolled",
    "order",
    "remember",
    "reply",
)
"""What a policy may decide of a login that it lets in."""
SETTINGS: Final = ("name", "when", "deny", *RESULTS)
"""Every setting of a policy."""

_HOUR: Final = 3600
_LONG_MEMORY: Final = 24 * _HOUR
_NEEDS_PASSWORD: Final = ("factors", "not_enrolled", "remember")
_OF_FACTOR: Final = ("weak", "when_unavailable", "not_enrolled", "order", "remember")


def refuse(item: Found, report: Report, policy: Policy, known: Known) -> None:
    """
    Report what cannot be meant.

    Args:
        item: The policy as it stands in the file.
        report: Where faults go.
        policy: What was read of it.
        known: The clients that it may fit, and what it may name.
    """
    fields = Fields(item.node, item.where, report, known=SETTINGS)
    if policy.deny:
        is_about_people = policy.when.groups or policy.when.users
        for name in RESULTS:
            # Whose groups and other names they are has to be said of those, too.
            if fields.has(name) and not (name == "directory" and is_about_people):
                fields.fault(name, "has no meaning with deny: yes: nobody gets in")
    elif policy.skips_factor:
        for name in _OF_FACTOR:
            if fields.has(name):
                fields.fault(name, "has no meaning with factors: skip")
    own = [client for client in known.clients if effective.names(policy, client)]
    _refuse_untrusted(fields, policy, own)
    directories = {one.name: one for one in known.directories}
    for client in own:
        if not policy.deny:
            _refuse_settings(item, report, policy, client, known)
            _refuse_other_directory(fields, policy, client, directories)
        _refuse_unknown_groups(fields, policy, client, directories)


def warnings(policy: Policy, known: Known) -> list[str]:
    """Return what of *policy* weakens, or may go wrong, to be said at every start."""
    own = [client for client in known.clients if effective.names(policy, client)]
    said = []
    if policy.skips_factor:
        said.append("factors is skip: the password alone lets in")
    if policy.weak:
        counted = {name: None for one in own for name in effective.client(one, policy).factors}
        said += [client_checks.weakness(name) for name in counted if name in known.factors.weak]
    until = policy.not_enrolled_until
    if until is not None and until < datetime.now(UTC).date():
        what = "not_enrolled: whoever has no factor is refused since"
        said.append(f"{what} {until} is over; take the setting out")
    elif until is not None:
        said.append(
            f"not_enrolled: until {until} whoever has no factor gets in with the password alone"
        )
    if policy.remember is not None and policy.remember.seconds > _LONG_MEMORY:
        hours = policy.remember.seconds // _HOUR
        said.append(f"remember: for {hours} hours the password alone lets in")
    if policy.remember is not None and By.STATION not in policy.remember.by:
        said.append("remember: by leaves station out: a passed factor counts for any other device")
    said += [
        f"when.from keeps out everybody of client {client.name}, whose word on where they are"
        " does not count: name clients with trust_address: yes"
        for client in own
        if policy.deny and policy.when.networks and not client.trust_address
    ]
    hints = [
        f"policy {policy.name}, client {client.name}: {text}"
        for client in own
        for text in _hints(effective.client(client, policy), known)
        if text not in _hints(client, known)
    ]
    return [*(f"policy {policy.name}: {text}" for text in said), *hints]


def _hints(settings: Client, known: Known) -> list[str]:
    upstreams = {one.name: one for one in known.upstreams}
    return client_checks.hints(settings, None, known.factors, upstreams)


def _refuse_untrusted(fields: Fields, policy: Policy, clients: Sequence[Client]) -> None:
    untrusted = [client.name for client in clients if not client.trust_address]
    # One that names no client may fit some of them, and others not.
    if not policy.when.networks or not untrusted:
        return
    if policy.when.clients or len(untrusted) == len(clients):
        what = "would keep out everybody" if policy.deny else "can never hold"
        fields.section("when", conditions.SETTINGS).fault(
            "from", f"{what} at client {untrusted[0]}, which does not say trust_address: yes"
        )


def _refuse_settings(
    item: Found, report: Report, policy: Policy, own: Client, known: Known
) -> None:
    settings = effective.client(own, policy)
    # What is wrong without the policy, too, is the client's own, and is told there.
    (fields, wrong), (_, alone) = (_refused(item, one, known) for one in (settings, own))
    for name, what in _contradictions(fields, policy, settings):
        fields.fault(name, what)
    if policy.reply is not None and (why := reply.group_fault(own, policy.reply)):
        report.add(item.place, fields.path("reply"), why)
    said = tuple(f"{fields.path(name)}: " for name in RESULTS if fields.has(name))
    for place, what in wrong.faults:
        if what.startswith(said) or (place, what) not in alone.faults:
            report.add(place, "", f"{what} (client {own.name})")


def _refused(item: Found, settings: Client, known: Known) -> tuple[Fields, Report]:
    report = Report()
    fields = Fields(item.node, item.where, report, known=SETTINGS)
    upstreams = {one.name: one for one in known.upstreams}
    directories = [one.name for one in known.directories]
    client_checks.refuse(fields, settings, None, upstreams, directories, known.factors.weak)
    return fields, report


def _contradictions(fields: Fields, policy: Policy, settings: Client) -> Iterator[tuple[str, str]]:
    if settings.mode is Mode.PROXY:
        for name in ("not_enrolled", "remember"):
            if fields.has(name):
                yield name, "has no meaning with mode: proxy, whose upstream asks for every proof"
    if settings.order is Order.FACTOR_FIRST and fields.has("remember"):
        yield "remember", "has no effect with order: factor-first, which always asks for a passcode"
    if settings.primary == NONE:
        weak = (policy.skips_factor, policy.not_enrolled_until, policy.remember)
        for name, is_said in zip(_NEEDS_PASSWORD, weak, strict=True):
            if is_said:
                yield name, "with primary: none nothing at all would be proved"


def _refuse_unknown_groups(
    fields: Fields, policy: Policy, own: Client, known: dict[str, Directory]
) -> None:
    when = policy.when
    asked = {"group": when.groups, "user": when.users, "approval": when.approval}
    condition = next((word for word, wanted in asked.items() if wanted), "")
    if not condition:
        return
    name = effective.directory(own, policy, known)
    settings = effective.client(own, policy)
    if not name and when.groups and len(known) > 1:
        what = f"whose groups? Say directory: one of {', '.join(known)} (client {own.name})"
    elif name in known and not known[name].can_search and (why := _why_unread(name, settings)):
        what = f"directory {name} cannot search without bind_dn, and with {why} nobody is"
        what += f" known before their password is (client {own.name})"
    else:
        return
    fields.section("when", conditions.SETTINGS).fault(condition, what)


def _why_unread(name: str, settings: Client) -> str:
    # What is typed first has to be a password of that directory: it opens it (`server.ruling`).
    if settings.mode is not Mode.CHALLENGE:
        return f"mode: {settings.mode}"
    if settings.primary != name:
        return f"primary: {settings.primary}"
    return f"order: {settings.order}" if settings.order is Order.FACTOR_FIRST else ""


def _refuse_other_directory(
    fields: Fields, policy: Policy, own: Client, known: Mapping[str, Directory]
) -> None:
    primary = effective.client(own, policy).primary
    if primary in known and policy.directory not in {"", primary}:
        what = f"primary {primary} checks passwords of its own people only: leave directory out"
        fields.fault("directory", f"{what} (client {own.name})")
