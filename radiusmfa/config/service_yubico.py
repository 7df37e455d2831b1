"""Settings of YubiCloud, or of a validation server of one's own."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import web_forms
from radiusmfa.config.service_model import Yubico
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

PATH: Final = "/wsapi/2.0/verify"
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Yubico))
_SYNC: Final = re.compile(r"[1-9][0-9]?|100|fast|secure")
_LARGEST_ID: Final = 2**31 - 1
_MOST_URLS: Final = 10


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Yubico:
    """
    Return the settings below `yubico`.

    Args:
        outer: The service's.
        sources: Where secrets come from.
        warnings: Gets what is weak.
    """
    fields = outer.section(Yubico.word, _FIELDS)
    fields.need("client_id")
    number = fields.integer("client_id", 1, low=1, high=_LARGEST_ID)
    usual = Yubico(client_id=number)
    return Yubico(
        urls=_urls(fields, warnings) if fields.has("urls") else usual.urls,
        client_id=number,
        secret=_secret(fields, sources, warnings),
        sync=web_forms.matching(
            fields, "sync", _SYNC, "must be 1 to 100 (per cent), fast or secure"
        ),
    )


def _urls(fields: Fields, warnings: list[str]) -> tuple[str, ...]:
    items = fields.items("urls")
    if not 1 <= len(items) <= _MOST_URLS:
        fields.fault("urls", f"must name 1 to {_MOST_URLS} servers")
    found: list[str] = []
    for item in items:
        url = web_forms.one_url(item, fields, warnings, has_path=True)
        url += "" if url.count("/") > 2 else PATH  # noqa: PLR2004 - https://HOST has two
        if url in found:
            fields.report.add(item.place, item.where, f"{url} stands here twice")
        found.append(url)
    return tuple(found)


def _secret(fields: Fields, sources: Sources, warnings: list[str]) -> Secret:
    if not fields.has("secret"):
        warnings.append(
            f"{fields.path('secret')} is missing: that a password is good is believed without a"
            " signature"
        )
        return Secret(b"")
    written = web_forms.password(fields, "secret", sources, warnings)
    try:
        decoded = base64.b64decode(written.reveal(), validate=True)
    except binascii.Error:
        decoded = b""
    if len(written) and not decoded:
        fields.fault("secret", "must be base64, as the service has given it")
    return Secret(decoded)
