"""The `services` section: others that check a second factor, asked by HTTPS or SMTP."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.config import (
    service_duo,
    service_question,
    service_securid,
    service_sms,
    service_smtp,
    service_twilio,
    service_verify,
    service_yubico,
    web_forms,
)
from radiusmfa.config.fields import Fields, closest, scalar_text
from radiusmfa.config.message_model import Smtp
from radiusmfa.config.nodes import Mapping, Scalar
from radiusmfa.config.schedules import day
from radiusmfa.config.service_model import Limits, Proxy, Service, Settings
from radiusmfa.config.upstreams import why_no_name
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from radiusmfa.config.nodes import Node
    from radiusmfa.config.secrets import Sources

    Reader: TypeAlias = Callable[[Fields, Sources, list[str]], Settings]

KINDS: Final[dict[str, Reader]] = {
    "duo": service_duo.read,
    "question": service_question.read,
    "securid": service_securid.read,
    "sms": service_sms.read,
    "smtp": service_smtp.read,
    "twilio": service_twilio.read,
    "verify": service_verify.read,
    "yubico": service_yubico.read,
}
"""How the settings of each kind are read, by the word that names the kind."""
_COMMON: Final = tuple(
    field.name for field in dataclasses.fields(Service) if field.name not in ("name", "settings")
)
_PROXY_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Proxy))
_LIMIT_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Limits))


def read(
    top: Fields, sources: Sources, taken: tuple[str, ...]
) -> tuple[tuple[Service, ...], list[str]]:
    """
    Return the services of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets and files come from.
        taken: Names of upstreams, which no service may have.
    """
    found = top.find("services")
    warnings: list[str] = []
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return (), warnings
    if not isinstance(found.node, Mapping):
        top.fault("services", "must name services, as {duo: {duo: {...}}}")
        return (), warnings
    services = []
    for name, (place, node) in found.node.entries.items():
        where = f"services.{name}"
        if what := why_no_name(name):
            top.report.add(place, where, what)
        elif name in taken:
            top.report.add(place, where, "is the name of an upstream: choose another one")
        service = _service(name, node, where, top, sources, warnings)
        if service is not None:
            services.append(service)
    return tuple(services), warnings


def _service(  # noqa: PLR0913 - an entry, where it stands, and where to say what
    name: str, node: Node, where: str, top: Fields, sources: Sources, warnings: list[str]
) -> Service | None:
    fields = Fields(node, where, top.report, known=(*KINDS, *_COMMON))
    kinds = [kind for kind in KINDS if fields.has(kind)]
    if len(kinds) != 1:
        known = ", ".join(KINDS)
        what = f"must say what it is, by one of {known}" if not kinds else "must be one kind only"
        top.report.add(fields.place, where, what)
        return None
    said: list[str] = []
    settings = KINDS[kinds[0]](fields, sources, said)
    usual = Service(name=name, settings=settings)
    service = Service(
        name=name,
        settings=settings,
        ca_file=web_forms.ca_file(fields, sources),
        proxy=_proxy(fields, sources, said) if _is_said(fields, "proxy") else None,
        timeout=fields.integer("timeout", usual.timeout, low=1, high=60),
        limits=_limits(fields),
        open_until=_open_until(fields, name, said),
    )
    if service.proxy is not None and isinstance(settings, Smtp):
        fields.fault("proxy", "has a meaning for services on the web only: mail goes straight")
    warnings += said
    return service


def _proxy(outer: Fields, sources: Sources, warnings: list[str]) -> Proxy:
    fields = outer.section("proxy", _PROXY_FIELDS)
    usual = Proxy(host="")
    host = web_forms.host(fields, "host")
    user = fields.text("user", "", low=0, high=100)
    password = Secret(b"")
    if user:
        password = web_forms.password(fields, "password", sources, warnings)
    elif fields.has("password") and not fields.has("user"):
        fields.fault("password", "has a meaning with user only")
    if ":" in user:
        fields.fault("user", "must not hold a colon")
    port = fields.integer("port", usual.port, low=1, high=65_535)
    return Proxy(host=host, port=port, user=user, password=password)


def _limits(outer: Fields) -> Limits:
    fields, usual = outer.section("limits", _LIMIT_FIELDS), Limits()
    return Limits(
        per_hour=fields.integer("per_hour", usual.per_hour, low=1, high=1000),
        per_day=fields.integer("per_day", usual.per_day, low=1, high=10_000),
        site_per_hour=fields.integer("site_per_hour", usual.site_per_hour, low=1, high=1_000_000),
        cool_down=fields.duration("cool_down", usual.cool_down, low=0, high=86_400),
    )


def _open_until(fields: Fields, name: str, warnings: list[str]) -> date | None:
    found = fields.find("open_until") if _is_said(fields, "open_until") else None
    until = day(found, fields.report) if found else None
    if until is None:
        return None
    warnings.append(
        f"service {name}: open_until {until}: until then whoever has the password gets in WITHOUT a"
        " second factor while the service cannot be asked"
    )
    return until


def _is_said(fields: Fields, name: str) -> bool:
    found = fields.find(name)
    return found is not None and not (isinstance(found.node, Scalar) and found.node.is_nothing)


def named(fields: Fields, name: str, services: tuple[Service, ...]) -> Service | None:
    """Return the service that the setting *name* names; None: there is none, which is a fault."""
    found = fields.need(name)
    text = scalar_text(found, fields.report) if found else None
    service = next((one for one in services if one.name == text), None)
    if service is None and text is not None:
        names = [one.name for one in services]
        known = ", ".join(names) or "there is none"
        fields.fault(name, f"must name one of services ({known}){closest(text, names)}")
    return service
