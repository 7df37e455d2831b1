"""Services of the kind `twilio`: text messages, or calls that read a code out."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import messages, web_forms
from radiusmfa.config.message_model import Channel, Twilio
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

USER: Final = re.compile(r"(?:AC|SK)[0-9a-f]{32}", re.ASCII)
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Twilio))
_ACCOUNT: Final = re.compile(r"AC[0-9a-f]{32}", re.ASCII)
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_SENDER: Final = re.compile(
    rf"{_NUMBER.pattern}|MG[0-9a-f]{{32}}|(?=.*[A-Za-z])[A-Za-z0-9 ]{{1,11}}|[0-9]{{5,6}}", re.ASCII
)


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Twilio:
    """Return the settings of Twilio; see `config.services`."""
    fields = outer.section("twilio", _FIELDS)
    usual = Twilio(account="", password=Secret(b""), sender="")
    channel = fields.choice("channel", usual.channel)
    if channel is Channel.EMAIL:
        fields.fault("channel", "must be sms or voice")
    fields.need("account")
    fields.need("sender")
    account = web_forms.matching(
        fields, "account", _ACCOUNT, "must be an account SID: AC and 32 hexadecimal digits"
    )
    is_call = channel is Channel.VOICE
    return Twilio(
        account=account,
        user=user(fields) or account,
        password=web_forms.password(fields, "password", sources, warnings),
        sender=web_forms.matching(
            fields,
            "sender",
            _NUMBER if is_call else _SENDER,
            "must be a number, as +15005550006"
            + ("" if is_call else ", a name of 11 letters and digits, or MG and 32 digits"),
        ),
        channel=channel,
        url=web_forms.url(fields, "url", warnings) if fields.has("url") else usual.url,
        attribute=messages.attribute(fields),
        prefixes=messages.prefixes(fields),
        codes=messages.codes(fields, channel),
    )


def user(fields: Fields) -> str:
    """Return the SID that we log in as; empty: not set."""
    return web_forms.matching(
        fields, "user", USER, "must be the SID of an account or of an API key: AC or SK and more"
    )
