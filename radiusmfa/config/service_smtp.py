"""Services of the kind `smtp`: codes by e-mail."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import messages, web_forms
from radiusmfa.config.message_model import Channel, MailTls, Smtp
from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Smtp))
_ANYTHING: Final = re.compile(r".*", re.DOTALL)


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Smtp:
    """Return the settings of a mail server; see `config.services`."""
    fields, usual = outer.section("smtp", _FIELDS), Smtp(host="", sender="")
    host = web_forms.host(fields, "host")
    tls = fields.choice("tls", usual.tls)
    if tls is MailTls.NONE and not web_forms.is_loopback(host):
        fields.fault("tls", "must not be none: whoever sits on the path reads the codes")
    user = fields.text("user", "", low=0, high=200)
    password = Secret(b"")
    if user:
        password = web_forms.password(fields, "password", sources, warnings)
    elif fields.has("password"):
        fields.fault("password", "has a meaning with user only")
    fields.need("sender")
    sender = web_forms.matching(fields, "sender", _ANYTHING, "")
    if sender and not _is_address(sender):
        fields.fault("sender", "must be an address, as login@example.com")
    return Smtp(
        host=host,
        port=fields.integer("port", usual.port, low=1, high=65_535),
        tls=tls,
        user=user,
        password=password,
        sender=sender,
        subject=fields.text("subject", usual.subject, low=1, high=100),
        attribute=messages.attribute(fields),
        codes=messages.codes(fields, Channel.EMAIL),
    )


def _is_address(text: str) -> bool:
    try:
        return devices.address(text).lower() == text.lower()
    except DeviceError:
        return False
