"""Services of the kind `verify`: Twilio Verify, which makes, sends and checks codes."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import messages, service_twilio, web_forms
from radiusmfa.config.message_model import Channel, Verify
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Verify))
_SERVICE: Final = re.compile(r"VA[0-9a-f]{32}", re.ASCII)


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Verify:
    """Return the settings of Twilio Verify; see `config.services`."""
    fields = outer.section("verify", _FIELDS)
    usual = Verify(service="", user="", password=Secret(b""))
    fields.need("service")
    fields.need("user")
    channel = fields.choice("channel", usual.channel)
    if channel is Channel.EMAIL and fields.has("prefixes"):
        fields.fault("prefixes", "has no meaning with channel: email")
    return Verify(
        service=web_forms.matching(
            fields, "service", _SERVICE, "must be a service SID: VA and 32 hexadecimal digits"
        ),
        user=service_twilio.user(fields),
        password=web_forms.password(fields, "password", sources, warnings),
        channel=channel,
        url=web_forms.url(fields, "url", warnings) if fields.has("url") else usual.url,
        attribute=messages.attribute(fields),
        prefixes=messages.prefixes(fields),
    )
