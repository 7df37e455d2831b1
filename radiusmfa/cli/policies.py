"""Policies in words: what has to hold for one, and what it then decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.config.fields import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from radiusmfa.config.policy_model import Conditions, Policy


def conditions(policy: Policy) -> dict[str, str]:
    """Return the conditions of *policy* by the names of the settings; nothing that is not set."""
    when = policy.when
    found = {
        "client": _listed(when.clients),
        "user": _listed(when.users),
        "realm": _listed(when.realms),
        "group": _listed(when.groups),
        "from": _listed([str(network) for network in when.networks]),
        "during": _during(when),
        "attributes": ", ".join(f"{name} {' or '.join(texts)}" for name, texts in when.attributes),
        "approval": when.approval,
    }
    return {name: text for name, text in found.items() if text}


def results(policy: Policy) -> dict[str, str]:
    """Return what *policy* decides, by the names of the settings; nothing that is not set."""
    if policy.deny:
        return {"deny": "yes"} | ({"directory": policy.directory} if policy.directory else {})
    until, remember = policy.not_enrolled_until, policy.remember
    found = {
        "primary": policy.primary,
        "directory": policy.directory or None,
        "factors": "skip" if policy.skips_factor else _some(policy.factors),
        "weak": "yes" if policy.weak else None,
        "when_unavailable": _some(policy.when_unavailable),
        "not_enrolled": f"password only until {until}" if until else None,
        "order": policy.order,
        "remember": f"{duration_text(remember.seconds)} by {', '.join(remember.by)}"
        if remember
        else None,
        "reply": None
        if policy.reply is None
        else ", ".join(f"{name}={value}" for name, value in policy.reply) or "nothing",
    }
    return {name: text for name, text in found.items() if text is not None}


def said(settings: dict[str, str]) -> str:
    """Return *settings* as one phrase."""
    return "; ".join(f"{name} {text}" for name, text in settings.items())


def _during(when: Conditions) -> str:
    if when.schedule is None:
        return ""
    names = dict.fromkeys(part.name for part in (when.schedule, *when.schedule.also))
    return _listed(list(names))


def _some(names: Sequence[str] | None) -> str | None:
    return None if names is None else ", ".join(names) or "none"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts)
