"""The `factors` section: what counts as a second proof, ours and those that upstreams check."""

from __future__ import annotations

import difflib
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING

from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.model import LOCAL_FACTORS, Factors, Hotp, Recovery, Totp
from radiusmfa.config.nodes import Mapping
from radiusmfa.config.upstream_model import StartWith, UpstreamFactor
from radiusmfa.config.upstreams import is_writable, why_no_name

if TYPE_CHECKING:
    from radiusmfa.config.nodes import Place
    from radiusmfa.config.upstream_model import Upstream

_FIELDS = tuple(field.name for field in dataclass_fields(UpstreamFactor) if field.name != "name")
_LARGEST_TAIL = 64
_LARGEST_PASSWORD = 128  # RFC 2865 section 5.2
_LARGEST_TEXT = 253


def read(top: Fields, upstreams: tuple[Upstream, ...]) -> Factors:
    """
    Return the second factors of the file.

    Args:
        top: The whole file.
        upstreams: Those that factors may name.
    """
    found = top.find("factors")
    if found is None:
        return Factors()
    entries = found.node.entries if isinstance(found.node, Mapping) else {}
    section = top.section("factors", tuple(entries))
    others = tuple(
        factor
        for name, (place, _) in entries.items()
        if name not in LOCAL_FACTORS
        and (factor := _upstream_factor(name, place, section, upstreams)) is not None
    )
    if not entries:
        top.fault("factors", f"must name at least one of {', '.join(LOCAL_FACTORS)}, or another")
    return Factors(
        totp=_totp(section) if section.has("totp") else None,
        hotp=_hotp(section) if section.has("hotp") else None,
        recovery=_recovery(section) if section.has("recovery") else None,
        upstream=others,
        names=tuple(entries),
    )


def _upstream_factor(
    name: str, place: Place, section: Fields, upstreams: tuple[Upstream, ...]
) -> UpstreamFactor | None:
    close = difflib.get_close_matches(name.lower(), LOCAL_FACTORS, n=1, cutoff=0.7)
    # Before its settings are read: those of a local factor would be faults of their own.
    if close and not _names_an_upstream(section.find(name)):
        what = f"is no factor; did you mean {close[0]}?"
        section.report.add(place, section.path(name), what)
        return None
    fields = section.section(name, _FIELDS)
    if why := why_no_name(name):
        section.report.add(place, section.path(name), why)
    found = fields.need("upstream")
    text = scalar_text(found, fields.report) if found else None
    upstream = next((one for one in upstreams if one.name == text), None)
    if upstream is None:
        if text is not None:
            known = ", ".join(one.name for one in upstreams) or "there is none"
            fields.fault("upstream", f"must name one of upstreams ({known})")
        return None
    dialogue = upstream.dialogue
    factor = UpstreamFactor(
        name=name,
        upstream=upstream.name,
        users=fields.choice("users", UpstreamFactor(name="", upstream="").users),
        start_with=fields.choice("start_with", StartWith(dialogue.start_with)),
        word=fields.text("word", dialogue.word, low=0, high=_LARGEST_PASSWORD),
        tail=fields.integer("tail", 0, low=0, high=_LARGEST_TAIL),
        prompt=fields.text("prompt", dialogue.prompt, low=0, high=_LARGEST_TEXT),
    )
    _refuse_contradictions(fields, factor, upstream)
    return factor


def _names_an_upstream(found: Found | None) -> bool:
    return (
        found is not None and isinstance(found.node, Mapping) and "upstream" in found.node.entries
    )


def _refuse_contradictions(fields: Fields, factor: UpstreamFactor, upstream: Upstream) -> None:
    is_word = factor.start_with is StartWith.WORD
    if is_word and not factor.word:
        fields.fault("word", "is missing: start_with is word")
    if not is_word and factor.word and fields.has("word"):
        fields.fault("word", "has a meaning with start_with: word only")
    if not is_writable(factor.word, upstream.codec):
        fields.fault("word", f"cannot be written in {upstream.codec}, the codec of the upstream")


def _totp(section: Fields) -> Totp:
    fields, usual = section.section("totp", _names(Totp)), Totp()
    return Totp(
        window=fields.integer("window", usual.window, low=0, high=10),
        drift_limit=fields.integer("drift_limit", usual.drift_limit, low=0, high=100),
        resync_window=fields.integer("resync_window", usual.resync_window, low=0, high=100),
    )


def _hotp(section: Fields) -> Hotp:
    fields, usual = section.section("hotp", _names(Hotp)), Hotp()
    return Hotp(
        look_ahead=fields.integer("look_ahead", usual.look_ahead, low=0, high=100),
        resync_window=fields.integer("resync_window", usual.resync_window, low=0, high=10_000),
    )


def _recovery(section: Fields) -> Recovery:
    section.section("recovery", ())
    return Recovery()


def _names(section: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclass_fields(section))
