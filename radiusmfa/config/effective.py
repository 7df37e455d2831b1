"""What a policy makes of a client's settings: the same for the server, `check` and `plan`."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from radiusmfa.config.model import Client
    from radiusmfa.config.policy_model import Policy

_OF_DIRECTORY: Final = re.compile(r"\{directory\.")


def client(own: Client, policy: Policy) -> Client:
    """Return *own* with what *policy* says instead of its own settings."""
    said: dict[str, object] = {
        "skips_factor": policy.skips_factor,
        "weak": policy.weak,
        "not_enrolled_until": policy.not_enrolled_until,
        "remember": policy.remember,
    }
    for name in ("primary", "factors", "when_unavailable", "order", "reply"):
        value = getattr(policy, name)
        if value is not None:
            said[name] = value
    return dataclasses.replace(own, **said)  # type: ignore[arg-type]  # names of its fields


def names(policy: Policy, own: Client) -> bool:
    """Say whether *policy* is one of the client's."""
    return not policy.when.clients or own.name in policy.when.clients


def directory(own: Client, policy: Policy | None, directories: Collection[str]) -> str:
    """
    Return whose names, groups and attributes count; empty: the store's alone.

    Args:
        own: The client's own settings.
        policy: None: no policies are configured.
        directories: Names of all there are.
    """
    settings = own if policy is None else client(own, policy)
    if policy is not None and policy.directory:
        return policy.directory
    if settings.primary in directories:
        return settings.primary
    if own.directory:
        return own.directory
    is_needed = any(_OF_DIRECTORY.search(value) for _, value in settings.reply)
    if policy is not None:
        # Whoever is to be kept out is kept out under every name.
        is_needed |= bool(policy.when.groups or policy.when.users)
    return next(iter(directories)) if is_needed and len(directories) == 1 else ""


def mark(policy: Policy) -> str:
    """
    Return eight hexadecimal digits that change with what *policy* says, hours and approval aside.

    The same after a restart: a challenge belongs to the policy as it was. Hours and approval
    are looked at again in each round.
    """
    lasting = dataclasses.replace(policy.when, schedule=None, approval="")
    kept = dataclasses.replace(policy, when=lasting)
    return hashlib.sha256(repr(_plain(kept)).encode()).hexdigest()[:8]


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [_plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None:
        return None  # not said is another thing than what is called None
    return value.value if isinstance(value, Enum) else str(value)
