"""Settings of whatever carries one-time codes to people: the codes, the numbers, the account."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import web_forms
from radiusmfa.config.fields import closest
from radiusmfa.config.message_model import Channel, Codes, Gateway, Smtp, Twilio, Verify
from radiusmfa.service import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.service_model import Service

_CODES: Final = tuple(field.name for field in dataclasses.fields(Codes))
_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,9}", re.ASCII)
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_LONGEST_TEXT: Final = 500
_CODE: Final = "{code}"


def codes(outer: Fields, channel: Channel) -> Codes:
    """
    Return the section `codes`.

    Args:
        outer: The settings of the service.
        channel: How they are sent: a text message has to fit.
    """
    fields, usual = outer.section("codes", _CODES), Codes()
    text = fields.text("text", usual.text, low=1, high=_LONGEST_TEXT)
    if what := _fault(text, channel):
        fields.fault("text", what)
    return Codes(
        digits=fields.integer("digits", usual.digits, low=6, high=10),
        lifetime=fields.duration("lifetime", usual.lifetime, low=30, high=600),
        tries=fields.integer("tries", usual.tries, low=1, high=10),
        text=text,
    )


def prefixes(fields: Fields) -> tuple[str, ...]:
    """Return what numbers may begin with; empty: anything."""
    return web_forms.listed(fields, "prefixes", _PREFIX, "must be as +49, or +4915")


def attribute(fields: Fields) -> str:
    """Return the attribute of the directory that says where people are reached; empty: none."""
    return web_forms.matching(
        fields, "attribute", _ATTRIBUTE, "must be the name of an attribute, as mobile"
    )


def refuse_unread(
    fields: Fields, services: Iterable[Service], directories: Iterable[Directory]
) -> None:
    """
    Note a fault for each attribute that no directory reads.

    Args:
        fields: The whole file.
        services: Those of the file.
        directories: Those of the file.
    """
    read = [name for directory in directories for name in directory.attributes]
    known = {name.lower() for name in read}
    for service in services:
        settings = service.settings
        if not isinstance(settings, Gateway | Twilio | Verify | Smtp):
            continue
        if settings.attribute and settings.attribute.lower() not in known:
            what = (
                f"{service.name}: no directory reads {settings.attribute}: name it in"
                f" `attributes` of one{closest(settings.attribute, read)}"
            )
            fields.fault("services", what)


def _fault(text: str, channel: Channel) -> str:
    if _CODE not in text:
        return "must have {code} in it"
    if names := wording.unknown(text):
        known = ", ".join(f"{{{name}}}" for name in wording.NAMES)
        return f"must not have {{{names[0]}}} in it (known: {known})"
    if channel is not Channel.SMS:
        return ""
    if wording.gsm(text) != text:
        return "must be of letters that every telephone shows (GSM 03.38)"
    # The longest code; names are cut where there is no room for them.
    filled = wording.filled(text, {"code": 10 * "0", "minutes": "10", "user": "", "client": ""})
    if wording.septets(filled) > wording.LONGEST_SMS:
        return f"must fit into one message, {wording.LONGEST_SMS} characters"
    return ""
