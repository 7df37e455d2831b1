"""The `approvals` section: where it is written that somebody may."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import web_forms
from radiusmfa.config.approval_model import ApprovalSource, ServiceNow, Table
from radiusmfa.config.fields import Fields
from radiusmfa.config.nodes import Mapping, Scalar
from radiusmfa.secret import Secret

if TYPE_CHECKING:
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
        url=web_forms.url(fields, "url", warnings),
        user=web_forms.matching(fields, "user", _ACCOUNT, "must be the name of an account"),
        client_id=web_forms.matching(
            fields, "client_id", _CLIENT_ID, "must be the id of an OAuth client"
        ),
        password=web_forms.password(fields, "password", sources, warnings),
        ca_file=web_forms.ca_file(fields, sources),
        user_field=fields.choice("user_field", usual.user_field),
        table=table,
        relation=web_forms.listed(fields, "relation", _FIELD, "must be a field of the table")
        or RELATIONS[table],
        states=web_forms.listed(fields, "states", _STATE, "must be a value of state")
        or STATES[table],
        item=web_forms.matching(
            fields, "item", _SYS_ID, "must be a sys_id: 32 digits and letters a to f"
        ),
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
