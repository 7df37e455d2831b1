"""The profile that a client entry, or the defaults, may name: a layer of settings below its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.config import profiles, site_file
from radiusmfa.config.fields import Fields, closest, scalar_text
from radiusmfa.config.nodes import Mapping
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from radiusmfa.config.fields import Found
    from radiusmfa.config.nodes import Report
    from radiusmfa.config.profile_model import Profile
    from radiusmfa.config.secrets import Sources


def named(fields: Fields, sources: Sources) -> Profile | None:
    """Return the profile that *fields* name themselves; None: none, or a fault was noted."""
    found = fields.find("profile") if fields.has("profile") else None
    if found is None:
        return None
    if isinstance(found.node, Mapping):
        return _of_file(found, fields.report, sources)
    text = scalar_text(found, fields.report)
    known = profiles.names()
    if text in known:
        return profiles.shipped(text)
    if text:
        hint = closest(text, list(known))
        fields.fault("profile", f"must be {', '.join(known)}, or {{file: PATH}}{hint}")
    return None


def below(fields: Fields, profile: Profile | None, usual: Fields | None = None) -> Fields | None:
    """
    Return where a setting is looked for that *fields* do not have.

    Args:
        fields: Those that name the profile.
        profile: What they name.
        usual: Where a setting is looked for that neither has.
    """
    found = fields.find("profile")
    if profile is None or found is None:
        return usual
    said = profiles.settings(profile, found.place)
    return Fields(said, found.where, fields.report, known=said.entries, fallback=usual)


def _of_file(found: Found, report: Report, sources: Sources) -> Profile | None:
    path = site_file.named(found, report, sources)
    if path is None:
        return None
    try:
        return profiles.from_file(path)
    except ConfigError as error:
        for fault in error.faults:
            report.add(found.place, found.where, fault)
        return None
