"""What ServiceNow answers: records and tokens out of octets, or an error; nothing is repaired."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Final, TypeAlias

from radiusmfa.secret import Secret

Row: TypeAlias = dict[str, object]

_SYS_ID: Final = re.compile(r"[0-9a-f]{32}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_TOKEN: Final = re.compile(r"[!-~]{1,8192}")
_LONGEST_TOKEN: Final = 86_400  # seconds
_TOKEN_MARGIN: Final = 30  # seconds before its end that a token is not used any more


class MalformedError(ValueError):
    """What came is no answer of the Table API."""


def token(octets: bytes) -> tuple[Secret, int]:
    """
    Return the access token in an answer of `oauth_token.do`, and for how many seconds to use it.

    Raises:
        MalformedError: There is none.
    """
    whole = _json(octets)
    found, seconds = whole.get("access_token"), whole.get("expires_in")
    if not isinstance(found, str) or not _TOKEN.fullmatch(found):
        raise MalformedError
    if not isinstance(seconds, int):
        raise MalformedError
    return Secret(found.encode()), min(seconds, _LONGEST_TOKEN) - _TOKEN_MARGIN


def rows(octets: bytes) -> list[Row]:
    """
    Return the records in an answer.

    Raises:
        MalformedError: It is none, or not whole.
    """
    whole = _json(octets)
    found = whole.get("result")
    # A request that was cut off ends in an error, behind records and with status 200.
    if "error" in whole or not isinstance(found, list):
        raise MalformedError
    for row in found:
        if not isinstance(row, dict):
            raise MalformedError
    return found


def text(row: Row, name: str) -> str:
    """Return a field; empty, too, if it is not there: unknown, or not for our account."""
    value = row.get(name, "")
    if not isinstance(value, str):
        raise MalformedError
    return value


def sys_id(row: Row) -> str:
    """Return the record's key, which may stand in a query."""
    found = text(row, "sys_id")
    if not _SYS_ID.fullmatch(found):
        raise MalformedError
    return found


def time(row: Row, name: str) -> float | None:
    """Return seconds since 1970; None: the field is empty. ServiceNow's times are UTC."""
    written = text(row, name)
    if not written:
        return None
    if not _TIME.fullmatch(written):
        raise MalformedError
    try:
        return datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()
    except ValueError:  # the 31st of February
        raise MalformedError from None


def _json(octets: bytes) -> dict[str, object]:
    try:
        whole = json.loads(octets)
    except (ValueError, RecursionError):  # too deep for the parser
        raise MalformedError from None
    if not isinstance(whole, dict):
        raise MalformedError
    return whole
