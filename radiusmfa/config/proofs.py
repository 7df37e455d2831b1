"""
What can be proved of a configuration without a single login: `radiusmfa check` says it.

Everything here works as it is written, and none of it can be what was meant: a policy that is
never reached, a client that lets nobody in, a factor that nobody has.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.config import containment, effective
from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE, Mode, Protocol
from radiusmfa.config.upstream_model import Users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.policy_model import Conditions, Policy

_Shadows: TypeAlias = "dict[str, dict[int, Policy | None]]"
_TOKENS: Final = frozenset({"totp", "hotp", "yubikey"})


@dataclass(frozen=True, slots=True)
class Holders:
    """
    What people have, as the store says.

    Attributes:
        kinds: Kinds of tokens and devices that somebody has: `totp`, `hotp`, `sms` ...
        upstreams: Names of those, and of services, that somebody is assigned to.
    """

    kinds: frozenset[str]
    upstreams: frozenset[str]


def of(config: Configuration, holders: Holders | None) -> list[str]:
    """
    Return what cannot be meant, one line each.

    Args:
        config: Without a fault.
        holders: None: the store cannot be read.
    """
    found: list[str] = []
    if config.policies is not None:
        shadows = _shadows(config, config.policies)
        found += _unreached(config.policies, shadows)
        found += _closed(config, config.policies, shadows)
    return [
        *found,
        *_unreadable(config),
        *(() if holders is None else _unheld(config, holders)),
    ]


def decides_before(config: Configuration, at: int, client: Client) -> Policy | None:
    """
    Return the policy that always decides before number *at* does; None: none is known to.

    Args:
        config: Without a fault, with policies.
        at: The number of a policy that names *client*.
        client: Whose logins.
    """
    policies = config.policies or ()
    return next(
        (
            earlier
            for earlier in policies[:at]
            if effective.names(earlier, client)
            and _holds_wherever(config, earlier, policies[at], client)
        ),
        None,
    )


def settings(config: Configuration) -> Iterator[tuple[str, Client]]:
    """Yield the settings that may count for a login, and how to call them."""
    for client in config.clients:
        if config.policies is None:
            yield f"client {client.name}", client
            continue
        for policy in config.policies:
            if not policy.deny and effective.names(policy, client) and _can_hold(policy, client):
                text = f"policy {policy.name}, client {client.name}"
                yield text, effective.client(client, policy)


def _holds_wherever(config: Configuration, outer: Policy, inner: Policy, client: Client) -> bool:
    known = {one.name: one for one in config.directories}
    if outer.when.groups or outer.when.approval:
        # Another directory has other groups, and may know the person by another name.
        whose = [effective.directory(client, policy, known) for policy in (outer, inner)]
        if whose[0] != whose[1] or not _groups(outer.when, inner.when):
            return False
    conditions = outer.when
    if conditions.networks:
        # Where somebody is may not be known: then it does not hold, and a denial does.
        if not client.trust_address and not outer.deny:
            return False
        if not client.trust_address:
            conditions = dataclasses.replace(conditions, networks=())
        elif inner.deny and not outer.deny:
            return False
    return containment.conditions(conditions, inner.when)


def _groups(outer: Conditions, inner: Conditions) -> bool:
    def folded(when: Conditions) -> set[str]:
        return {group.casefold() for group in when.groups}

    return not outer.groups or (bool(inner.groups) and folded(inner) <= folded(outer))


def _can_hold(policy: Policy, client: Client) -> bool:
    return policy.deny or client.trust_address or not policy.when.networks


def _shadows(config: Configuration, policies: tuple[Policy, ...]) -> _Shadows:
    """Return by client, for the number of each of its policies, who always decides before."""
    known = [one.name for one in config.directories]
    kinds: dict[tuple[object, ...], dict[int, Policy | None]] = {}
    found = {}
    for client in config.clients:
        own = [
            (at, policy) for at, policy in enumerate(policies) if effective.names(policy, client)
        ]
        whose = [(at, effective.directory(client, policy, known)) for at, policy in own]
        # Clients that nothing here tells apart are looked at once.
        kind = (client.trust_address, *whose)
        if kind not in kinds:
            kinds[kind] = {at: decides_before(config, at, client) for at, _ in own}
        found[client.name] = kinds[kind]
    return found


def _unreached(policies: tuple[Policy, ...], shadows: _Shadows) -> Iterator[str]:
    for at, policy in enumerate(policies):
        found = {name: by[at] for name, by in shadows.items() if at in by}
        before = {name: earlier.name for name, earlier in found.items() if earlier is not None}
        text = f"policy {policy.name} is never reached"
        if len(before) == len(found) and len({*before.values()}) == 1:
            yield f"{text}: {next(iter(before.values()))} decides before it"
        elif len(before) == len(found) or policy.when.clients:
            for name, earlier in before.items():
                yield f"{text} at client {name}: {earlier} decides before it"


def _closed(
    config: Configuration, policies: tuple[Policy, ...], shadows: _Shadows
) -> Iterator[str]:
    for client in config.clients:
        named = [
            policy
            for at, policy in enumerate(policies)
            if shadows[client.name].get(at, policy) is None and _can_hold(policy, client)
        ]
        if not named:
            yield f"client {client.name}: no policy can fit it: all its logins are refused"
        elif all(policy.deny for policy in named):
            yield f"client {client.name}: only policies that deny fit it: all logins are refused"


def _unreadable(config: Configuration) -> Iterator[str]:
    for text, one in settings(config):
        if one.protocol is Protocol.PAP:
            continue
        directories = {one.name for one in config.directories}
        what = f"with protocol: {one.protocol} nobody gets in"
        if one.primary == LOCAL or one.primary in directories:
            why = f"{one.primary} keeps hashes of passwords, and needs the password itself"
            yield f"{text}: {what}: {why}; say pap here and at the device"
        elif one.primary == NONE and {*one.factors} <= {*LOCAL_FACTORS}:
            yield f"{text}: {what}: a code has to be readable; say pap here and at the device"


def _unheld(config: Configuration, holders: Holders) -> Iterator[str]:
    if not (holders.kinds or holders.upstreams):
        return  # nobody has anything yet: a new store
    upstream = {factor.name: factor for factor in config.factors.upstream}
    for text, one in settings(config):
        if one.mode is Mode.PROXY or one.skips_factor:
            continue
        # Without a word about factors all of them count: that nobody has one is no mistake.
        is_said = one.factors != config.factors.names
        for name in one.factors if is_said else ():
            factor = upstream.get(name)
            if name in _TOKENS and name not in holders.kinds:
                yield f"{text}: nobody has the factor {name}: no user has such a token"
            elif factor and factor.needs:
                if factor.needs not in holders.kinds:
                    why = f"no user has a device of kind {factor.needs}"
                    yield f"{text}: nobody has the factor {name}: {why}"
            elif (
                factor
                and factor.users is Users.ASSIGNED
                and factor.upstream not in holders.upstreams
            ):
                what = "service" if factor.is_service else "upstream"
                why = f"nobody is assigned to {what} {factor.upstream}"
                yield f"{text}: nobody has the factor {name}: {why}"
