"""Settings of Duo."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import web_forms
from radiusmfa.config.fields import closest, scalar_text
from radiusmfa.config.service_model import Duo, DuoFactor
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Duo))
# The name is signed: neither an address in brackets nor a dot at the end can be.
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"({_LABEL}(?:\.{_LABEL}){{1,8}})(?::([0-9]{{1,5}}))?", re.ASCII)
_PORT: Final = 443
_LARGEST_PORT: Final = 65535
_IKEY: Final = re.compile(r"DI[A-Z0-9]{18}")
_SKEY_OCTETS: Final = 40


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Duo:
    """
    Return the settings of `duo`.

    Args:
        outer: The service.
        sources: Where secrets come from.
        warnings: Gets those about it.
    """
    fields = outer.section("duo", _FIELDS)
    usual = Duo(host="", integration_key="", secret_key=Secret(b""))
    host = _matched(fields, "host", _HOST, "must be HOST or HOST:PORT, as api-1234.duosecurity.com")
    key = _matched(fields, "integration_key", _IKEY, "must be DI and 18 more letters and digits")
    return Duo(
        host=_host(fields, host) if host else "",
        integration_key=key[0] if key else "",
        secret_key=_secret_key(fields, sources, warnings),
        factors=_factors(fields) or usual.factors,
        prompt=fields.choice("prompt", usual.prompt),
        enrolment=fields.boolean("enrolment", default=usual.enrolment),
        send_address=fields.boolean("send_address", default=usual.send_address),
    )


def _matched(fields: Fields, name: str, form: re.Pattern[str], what: str) -> re.Match[str] | None:
    """Return how what must be there matches *form*; else *what* is the fault."""
    found = fields.need(name)
    text = scalar_text(found, fields.report) if found else None
    match = None if text is None else form.fullmatch(text)
    if text is not None and match is None:
        fields.fault(name, what)
    return match


def _host(fields: Fields, match: re.Match[str]) -> str:
    host, port = match[1].lower(), int(match[2] or _PORT)
    if not 0 < port <= _LARGEST_PORT:
        fields.fault("host", f"must have a port from 1 to {_LARGEST_PORT}")
    return host if port == _PORT else f"{host}:{port}"


def _secret_key(fields: Fields, sources: Sources, warnings: list[str]) -> Secret:
    faults = len(fields.report.faults)
    key = web_forms.password(fields, "secret_key", sources, warnings)
    if len(key) != _SKEY_OCTETS and len(fields.report.faults) == faults:
        fields.fault(
            "secret_key", f"must have {_SKEY_OCTETS} characters, as Duo's console shows it"
        )
    return key


def _factors(fields: Fields) -> tuple[DuoFactor, ...]:
    names = [str(factor) for factor in DuoFactor]
    found = []
    for item in fields.some("factors"):
        text = scalar_text(item, fields.report)
        if text in names:
            found.append(DuoFactor(text))
        elif text is not None:
            what = f"must be one of {', '.join(names)}{closest(text, names)}"
            fields.report.add(item.place, item.where, what)
    return tuple(dict.fromkeys(found))
