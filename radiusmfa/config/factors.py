"""The `factors` section: what counts as a second proof, ours and those that upstreams check."""

from __future__ import annotations

import difflib
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING

from radiusmfa.config import services
from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.message_model import Gateway, Smtp, Twilio, Verify
from radiusmfa.config.model import LOCAL_FACTORS, Factors, Hotp, Recovery, Totp, Yubikey
from radiusmfa.config.nodes import Mapping
from radiusmfa.config.service_model import Duo, Questions
from radiusmfa.config.upstream_model import StartWith, UpstreamFactor
from radiusmfa.config.upstreams import is_writable, why_no_name

if TYPE_CHECKING:
    from radiusmfa.config.nodes import Place
    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import Upstream

_FIELDS = ("upstream", "users", "start_with", "word", "tail", "prompt")
_OF_A_SERVICE = ("service", "users", "start_with", "prompt")
_LARGEST_TAIL = 64
_LARGEST_PASSWORD = 128  # RFC 2865 section 5.2
_LARGEST_TEXT = 253


def read(top: Fields, upstreams: tuple[Upstream, ...], others: tuple[Service, ...] = ()) -> Factors:
    """
    Return the second factors of the file.

    Args:
        top: The whole file.
        upstreams: Those that factors may name.
        others: Services that factors may name.
    """
    found = top.find("factors")
    if found is None:
        return Factors()
    entries = found.node.entries if isinstance(found.node, Mapping) else {}
    section = top.section("factors", tuple(entries))
    elsewhere = tuple(
        factor
        for name, (place, _) in entries.items()
        if name not in LOCAL_FACTORS
        and (factor := _other_factor(name, place, section, upstreams, others)) is not None
    )
    if not entries:
        top.fault("factors", f"must name at least one of {', '.join(LOCAL_FACTORS)}, or another")
    return Factors(
        totp=_totp(section) if section.has("totp") else None,
        hotp=_hotp(section) if section.has("hotp") else None,
        yubikey=_yubikey(section) if section.has("yubikey") else None,
        recovery=_recovery(section) if section.has("recovery") else None,
        upstream=elsewhere,
        names=tuple(entries),
    )


def _other_factor(
    name: str,
    place: Place,
    section: Fields,
    upstreams: tuple[Upstream, ...],
    others: tuple[Service, ...],
) -> UpstreamFactor | None:
    close = difflib.get_close_matches(name.lower(), LOCAL_FACTORS, n=1, cutoff=0.7)
    found = section.find(name)
    # Before its settings are read: those of a local factor would be faults of their own.
    if close and not (_names(found, "upstream") or _names(found, "service")):
        what = f"is no factor; did you mean {close[0]}?"
        section.report.add(place, section.path(name), what)
        return None
    if why := why_no_name(name):
        section.report.add(place, section.path(name), why)
    if _names(found, "service"):
        return _service_factor(name, section.section(name, _OF_A_SERVICE), others)
    return _upstream_factor(name, section.section(name, _FIELDS), upstreams)


def _service_factor(
    name: str, fields: Fields, others: tuple[Service, ...]
) -> UpstreamFactor | None:
    service = services.named(fields, "service", others)
    if service is None:
        return None
    settings = service.settings
    usual = UpstreamFactor(name=name, upstream=service.name)
    start_with = fields.choice("start_with", settings.start_with)
    if start_with is StartWith.PASSWORD:
        fields.fault("start_with", "must be code or word: no service is told a password")
    is_in_directory = isinstance(settings, Gateway | Twilio | Verify | Smtp) and bool(
        settings.attribute
    )
    if settings.holds and not is_in_directory and fields.has("users"):
        fields.fault("users", f"has no meaning: whoever has a device for {settings.word} has it")
    return UpstreamFactor(
        name=name,
        upstream=service.name,
        users=fields.choice("users", usual.users),
        start_with=start_with,
        prompt=fields.text("prompt", usual.prompt, low=0, high=_LARGEST_TEXT),
        is_service=True,
        holds=settings.holds,
        is_in_directory=is_in_directory,
        words=settings.words,
        takes_words=isinstance(settings, Duo | Gateway | Twilio | Verify | Smtp),
        is_weak=isinstance(settings, Questions),
    )


def _upstream_factor(
    name: str, fields: Fields, upstreams: tuple[Upstream, ...]
) -> UpstreamFactor | None:
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


def _names(found: Found | None, kind: str) -> bool:
    return found is not None and isinstance(found.node, Mapping) and kind in found.node.entries


def _refuse_contradictions(fields: Fields, factor: UpstreamFactor, upstream: Upstream) -> None:
    is_word = factor.start_with is StartWith.WORD
    if is_word and not factor.word:
        fields.fault("word", "is missing: start_with is word")
    if not is_word and factor.word and fields.has("word"):
        fields.fault("word", "has a meaning with start_with: word only")
    if not is_writable(factor.word, upstream.codec):
        fields.fault("word", f"cannot be written in {upstream.codec}, the codec of the upstream")


def _totp(section: Fields) -> Totp:
    fields, usual = section.section("totp", _settings_of(Totp)), Totp()
    return Totp(
        window=fields.integer("window", usual.window, low=0, high=10),
        drift_limit=fields.integer("drift_limit", usual.drift_limit, low=0, high=100),
        resync_window=fields.integer("resync_window", usual.resync_window, low=0, high=100),
    )


def _hotp(section: Fields) -> Hotp:
    fields, usual = section.section("hotp", _settings_of(Hotp)), Hotp()
    return Hotp(
        look_ahead=fields.integer("look_ahead", usual.look_ahead, low=0, high=100),
        resync_window=fields.integer("resync_window", usual.resync_window, low=0, high=10_000),
    )


def _yubikey(section: Fields) -> Yubikey:
    section.section("yubikey", ())
    return Yubikey()


def _recovery(section: Fields) -> Recovery:
    section.section("recovery", ())
    return Recovery()


def _settings_of(section: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclass_fields(section))
