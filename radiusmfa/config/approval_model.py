"""What can be configured of approvals: where it is written that somebody may."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.secret import Secret


@unique
class Table(StrEnum):
    """Records of which ServiceNow table count as an approval."""

    CHANGE = "change_request"
    """Changes, with a window of their own."""
    ITEM = "sc_req_item"
    """What was ordered from the catalog; it counts from when it was ordered."""


@unique
class UserField(StrEnum):
    """By which field of `sys_user` a person is found."""

    USER_NAME = "user_name"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNow:
    """
    Approved records of a ServiceNow instance, asked by its Table API.

    Attributes:
        url: `https://HOST[:PORT]` of the instance. `http` to a loopback address only, for tests.
        user: Account that reads the tables, by basic authentication; empty: `client_id`.
        client_id: OAuth client that gets tokens (client credentials); empty: `user`.
        password: Of the account, or the secret of the OAuth client.
        ca_file: Certificates that are trusted; None: those of the system.
        user_field: How a person is found in `sys_user`.
        table: Which records count.
        relation: Fields of the record of which one must name the person; dots lead on, as in
            `request.requested_for`.
        states: Values of `state` that count.
        item: sys_id of the catalog item; `sc_req_item` needs it.
        four_eyes: Approvers other than the person that are asked for, 0 to 10.
        grace: Seconds before its beginning and after its end that a record still counts,
            0 to 86400.
        timeout: Seconds for one question, all that it takes together, 1 to 30.
        cache: Seconds that a yes is kept, 0 to 60.
    """

    url: str
    user: str = ""
    client_id: str = ""
    password: Secret
    ca_file: Path | None = None
    user_field: UserField = UserField.USER_NAME
    table: Table = Table.CHANGE
    relation: tuple[str, ...] = ("assigned_to", "requested_by")
    states: tuple[str, ...] = ("-2", "-1")
    item: str = ""
    four_eyes: int = 0
    grace: int = 0
    timeout: int = 5
    cache: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSource:
    """
    An approval that policies may ask for.

    Attributes:
        name: As policies and `radiusmfa approval` call it; unique.
        persons: How many different administrators must grant it, 1 or 2; not with `servicenow`.
        longest: Seconds that it may last at most, 60 to 31536000: a grant of ours, or a record
            of ServiceNow, counted from its beginning.
        servicenow: Where it is looked up; None: in the store (`radiusmfa approval`).
    """

    name: str
    persons: int = 1
    longest: int = 30 * 86400
    servicenow: ServiceNow | None = None
