"""The `approvals` section: where it is written that somebody may."""

from __future__ import annotations

import dataclasses
import re
import ssl
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow, Table
from radiusmfa.config.fields import Fields, scalar_text
from radiusmfa.config.nodes import Mapping, Scalar
from radiusmfa.config.secrets import secret
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from ipaddress import IPv4Address
    from pathlib import Path

    from radiusmfa.config.nodes import Node, Place
    from radiusmfa.config.secrets import Sources

RELATIONS: Final = {
    Table.CHANGE: ("assigned_to", "requested_by"),
    # Older releases have no `requested_for` of its own, and drop a condition on it.
    Table.ITEM: ("request.requested_for",),
}
"""Which fields name the person, by table."""
STATES: Final = {Table.CHANGE: ("-2", "-1"), Table.ITEM: ("1", "2")}
"""Scheduled and Implement; Open and Work in Progress."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIELDS: Final = tuple(
    field.name for field in dataclasses.fields(ApprovalSource) if field.name != "name"
)
_SERVICENOW_FIELDS: Final = tuple(field.name for field in dataclasses.fields(ServiceNow))
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = rf"(\[[0-9A-Fa-f:.]{{2,45}}\]|{_LABEL}(?:\.{_LABEL}){{0,8}})"
_URL: Final = re.compile(rf"(https?)://{_HOST}(?::([0-9]{{1,5}}))?/?", re.ASCII)
_LARGEST_PORT: Final = 65535
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9._@\\-]{1,100}")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,79}(?:\.[a-z][a-z0-9_]{0,79}){0,2}")
_STATE: Final = re.compile(r"-?[A-Za-z0-9_]{1,40}")
_SYS_ID: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST: Final = 31_536_000
_DAY: Final = 86_400


def read(top: Fields, sources: Sources) -> tuple[tuple[ApprovalSource, ...], list[str]]:
    """
    Return the approvals of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets come from.
    """
    found = top.find("approvals")
    warnings: list[str] = []
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return (), warnings
    if not isinstance(found.node, Mapping):
        top.fault("approvals", "must name approvals, as {aws-root: {}}")
        return (), warnings
    approvals = tuple(
        _approval(name, place, node, top, sources, warnings)
        for name, (place, node) in found.node.entries.items()
    )
    return approvals, warnings


def _approval(  # noqa: PLR0913 - an entry, where it stands, and where to say what
    name: str, place: Place, node: Node, top: Fields, sources: Sources, warnings: list[str]
) -> ApprovalSource:
    where = f"approvals.{name}"
    if not _NAME.fullmatch(name):
        top.report.add(place, where, "must be 1 to 64 letters, digits, dots, dashes or underscores")
    node = Mapping({}, node.place) if isinstance(node, Scalar) and node.is_nothing else node
    fields = Fields(node, where, top.report, known=_FIELDS)
    usual = ApprovalSource(name=name)
    service = None
    if fields.has("servicenow"):
        if fields.has("persons"):
            fields.fault("persons", "has a meaning without servicenow only; see its four_eyes")
        service = _servicenow(fields, sources, warnings)
    return ApprovalSource(
        name=name,
        persons=fields.integer("persons", usual.persons, low=1, high=2),
        longest=fields.duration("longest", usual.longest, low=60, high=_LONGEST),
        servicenow=service,
    )


def _servicenow(outer: Fields, sources: Sources, warnings: list[str]) -> ServiceNow:
    fields = outer.section("servicenow", _SERVICENOW_FIELDS)
    usual = ServiceNow(url="", password=Secret(b""))
    table = fields.choice("table", usual.table)
    settings = ServiceNow(
        url=_url(fields, warnings),
        user=_matching(fields, "user", _ACCOUNT, "must be the name of an account"),
        client_id=_matching(fields, "client_id", _CLIENT_ID, "must be the id of an OAuth client"),
        password=_password(fields, sources, warnings),
        ca_file=_ca_file(fields, sources),
        user_field=fields.choice("user_field", usual.user_field),
        table=table,
        relation=_list(fields, "relation", _FIELD, "must be a field of the table")
        or RELATIONS[table],
        states=_list(fields, "states", _STATE, "must be a value of state") or STATES[table],
        item=_matching(fields, "item", _SYS_ID, "must be a sys_id: 32 digits and letters a to f"),
        four_eyes=fields.integer("four_eyes", usual.four_eyes, low=0, high=10),
        grace=fields.duration("grace", usual.grace, low=0, high=_DAY),
        timeout=fields.integer("timeout", usual.timeout, low=1, high=30),
        cache=fields.integer("cache", usual.cache, low=0, high=60),
    )
    _refuse_contradictions(fields, settings)
    return settings


def _refuse_contradictions(fields: Fields, settings: ServiceNow) -> None:
    if _is_written(fields, "user") == _is_written(fields, "client_id"):
        fields.fault("user", "or client_id must be there, and not both")
    if settings.table is Table.ITEM and not _is_written(fields, "item"):
        fields.fault("item", "is missing: whatever was ordered would count, were it a mouse")
    if settings.table is Table.CHANGE and _is_written(fields, "item"):
        fields.fault("item", f"has a meaning with table: {Table.ITEM} only")


def _is_written(fields: Fields, name: str) -> bool:
    found = fields.find(name)
    return found is not None and found.node != Scalar("", quoted=True, place=found.place)


def _url(fields: Fields, warnings: list[str]) -> str:
    found = fields.need("url")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return ""
    match = _URL.fullmatch(text)
    address = _address(match[2]) if match else None
    # In brackets stands an IPv6 address, and nothing else.
    is_host = match and match[2].startswith("[") == isinstance(address, IPv6Address)
    if match is None or not is_host or not 0 < int(match[3] or 443) <= _LARGEST_PORT:
        what = "must be https://HOST or https://HOST:PORT, as https://example.service-now.com"
        fields.fault("url", what)
    elif match[1] == "http" and (address is None or not address.is_loopback):
        fields.fault("url", "must begin with https: whoever sits on the path could say yes")
    elif match[1] == "http":
        warnings.append(f"{fields.path('url')} is not protected: for tests only")
    return text.removesuffix("/")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _matching(fields: Fields, name: str, form: re.Pattern[str], what: str) -> str:
    found = fields.find(name)
    text = scalar_text(found, fields.report) if found else None
    if text and not form.fullmatch(text):
        fields.fault(name, what)
    return text or ""


def _list(fields: Fields, name: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    if not fields.has(name):
        return ()
    items = fields.items(name)
    texts = [scalar_text(item, fields.report) for item in items]
    for item, text in zip(items, texts, strict=True):
        if text is not None and not form.fullmatch(text):
            fields.report.add(item.place, item.where, what)
    if not items:
        fields.fault(name, "must name at least one")
    return tuple(dict.fromkeys(text for text in texts if text))


def _password(fields: Fields, sources: Sources, warnings: list[str]) -> Secret:
    found = fields.need("password")
    if found is None:
        return Secret(b"")
    # The 16 octets of RFC 2865 are for secrets that sign packets, not for passwords.
    password, said = secret(found, fields.report, sources, weak=True)
    warnings += said
    return password


def _ca_file(fields: Fields, sources: Sources) -> Path | None:
    found = fields.find("ca_file")
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return None
    text = scalar_text(found, fields.report)
    if text is None:
        return None
    path = sources.folder / text
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else "cannot be read"
        fields.fault("ca_file", f"{path}: {why}")
    return path
