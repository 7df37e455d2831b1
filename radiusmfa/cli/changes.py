"""What one configuration has otherwise than another one, in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from radiusmfa.cli import policies
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.policy_model import Policy

_IN_WORDS: Final = frozenset({"path", "clients", "policies", "services", "warnings"})


def words(before: Configuration, after: Configuration) -> list[str]:
    """Return each change from *before* to *after* as one line; none: they mean the same."""
    return [
        *_clients(before, after),
        *_policies(before, after),
        *_services(before, after),
        *(
            f"{field.name}: changed"
            for field in dataclasses.fields(before)
            if field.name not in _IN_WORDS
            if getattr(before, field.name) != getattr(after, field.name)
        ),
    ]


def _clients(before: Configuration, after: Configuration) -> Iterator[str]:
    old = {client.name: client for client in before.clients}
    new = {client.name: client for client in after.clients}
    yield from _added_and_removed("client", old, new)
    for name in old.keys() & new.keys():
        yield from (f"client {name}: {text}" for text in _settings(old[name], new[name]))


def _services(before: Configuration, after: Configuration) -> Iterator[str]:
    old = {service.name: service for service in before.services}
    new = {service.name: service for service in after.services}
    yield from _added_and_removed("service", old, new)
    for name in [name for name in old if name in new]:
        one, other = old[name], new[name]
        if one.open_until != other.open_until:
            yield (
                f"service {name}: open_until {_written(one.open_until)}"
                f" -> {_written(other.open_until)}"
            )
        if dataclasses.replace(one, open_until=None) != dataclasses.replace(other, open_until=None):
            yield f"service {name}: changed"


def _settings(old: Client, new: Client) -> Iterator[str]:
    for field in dataclasses.fields(old):
        one, other = getattr(old, field.name), getattr(new, field.name)
        if one == other:
            continue
        if isinstance(one, Secret):
            yield f"{field.name} changed"
        else:
            yield f"{field.name} {_written(one)} -> {_written(other)}"


def _policies(before: Configuration, after: Configuration) -> Iterator[str]:
    if (before.policies is None) != (after.policies is None):
        own, some = (
            "each client's own settings decide",
            "policies decide, what fits none is refused",
        )
        yield f"{own} -> {some}" if before.policies is None else f"{some} -> {own}"
    old = {policy.name: policy for policy in before.policies or ()}
    new = {policy.name: policy for policy in after.policies or ()}
    yield from _added_and_removed("policy", old, new)
    for name in [name for name in old if name in new]:
        yield from (f"policy {name}: {text}" for text in _rules(old[name], new[name]))
    orders = [[name for name in names if name in old and name in new] for names in (old, new)]
    if orders[0] != orders[1]:
        yield f"order of policies: {', '.join(orders[0])} -> {', '.join(orders[1])}"


def _rules(old: Policy, new: Policy) -> Iterator[str]:
    pairs = (
        ("when ", policies.conditions(old), policies.conditions(new)),
        ("", policies.results(old), policies.results(new)),
    )
    found = [
        f"{kind}{name} {one.get(name, 'not said')} -> {other.get(name, 'not said')}"
        for kind, one, other in pairs
        for name in dict.fromkeys((*one, *other))
        if one.get(name) != other.get(name)
    ]
    yield from found
    if old.when.schedule != new.when.schedule and not any("during" in text for text in found):
        yield f"when during {policies.conditions(new)['during']}: its hours changed"


def _added_and_removed(
    kind: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[str]:
    yield from (f"{kind} {name}: removed" for name in old if name not in new)
    yield from (f"{kind} {name}: added" for name in new if name not in old)


def _written(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return (
                ", ".join(
                    f"{one[0]}={one[1]}" if isinstance(one, tuple) else str(one) for one in value
                )
                or "none"
            )
        case _:
            return "none" if value in {None, ""} else str(value)
