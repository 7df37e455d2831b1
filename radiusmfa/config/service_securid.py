"""Settings of a service that is RSA's SecurID Authentication API."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import web_forms
from radiusmfa.config.fields import closest, scalar_text
from radiusmfa.config.service_model import SecurId
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

METHODS: Final = (
    "SECURID", "TOKEN", "EMERGENCY_TOKENCODE", "APPROVE", "FINGERPRINT", "SMS", "VOICE",
)  # fmt: skip
"""What `methods` may name, as RSA calls them."""
MOST_SERVERS: Final = 16
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(SecurId))
_HEADERS: Final = ("date_header", "id_header", "signature_header")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_ACCESS_ID: Final = re.compile(r"[!-~]{1,255}")
_LONGEST_NAME: Final = 255


def read(outer: Fields, sources: Sources, warnings: list[str]) -> SecurId:
    """
    Return the settings below `securid`.

    Args:
        outer: The service.
        sources: Where secrets come from.
        warnings: Gets what should be known.
    """
    fields = outer.section(SecurId.word, _FIELDS)
    usual = SecurId(urls=(), access_key=Secret(b""))
    access_id = web_forms.matching(
        fields, "access_id", _ACCESS_ID, "must be 1 to 255 printable ASCII characters"
    )
    return SecurId(
        urls=_urls(fields, warnings),
        access_key=web_forms.password(fields, "access_key", sources, warnings),
        access_id=access_id,
        date_header=_header(fields, "date_header", usual.date_header, access_id),
        id_header=_header(fields, "id_header", usual.id_header, access_id),
        signature_header=_header(fields, "signature_header", usual.signature_header, access_id),
        agent=fields.text("agent", usual.agent, low=1, high=_LONGEST_NAME),
        policy=fields.text("policy", usual.policy, low=0, high=_LONGEST_NAME),
        methods=_methods(fields),
    )


def _urls(fields: Fields, warnings: list[str]) -> tuple[str, ...]:
    if fields.need("urls") is None:
        return ()
    items = fields.some("urls")
    found = [web_forms.one_url(item, fields, warnings) for item in items]
    if len(items) > MOST_SERVERS:
        fields.fault("urls", f"must name at most {MOST_SERVERS}")
    for at, item in enumerate(items):
        if found[at] and found[at] in found[:at]:
            fields.report.add(item.place, item.where, "is there twice")
    return tuple(found)


def _header(fields: Fields, name: str, usual: str, access_id: str) -> str:
    what = "must be the name of a header: letters, digits and dashes"
    found = web_forms.matching(fields, name, _HEADER, what) or usual
    if found != usual and not access_id:
        fields.fault(name, "has a meaning with access_id only")
    return found


def _methods(fields: Fields) -> tuple[str, ...]:
    found = []
    for item in fields.items("methods"):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        if text not in METHODS:
            known = ", ".join(METHODS)
            what = f"must be one of {known}{closest(text.upper(), list(METHODS))}"
            fields.report.add(item.place, item.where, what)
        elif text in found:
            fields.report.add(item.place, item.where, "is there twice")
        found.append(text)
    return tuple(found)
