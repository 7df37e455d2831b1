"""Services of the kind `sms`: any HTTP gateway that sends text messages."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config import messages, patterns, web_forms
from radiusmfa.config.fields import scalar_text
from radiusmfa.config.message_model import Channel, Content, Gateway, Method
from radiusmfa.config.nodes import Mapping
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.secrets import Sources

_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Gateway))
_NAME: Final = re.compile(r"[!-~]{1,100}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; ?charset=utf-8)?", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_TAKEN: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding"})
_FORMAT: Final = re.compile(r"e164|e164_noplus|national:00[1-9][0-9]{0,2}", re.ASCII)
_LONGEST_FIELD: Final = 1000
_MOST_FIELDS: Final = 30
_TO: Final = "{to}"
_TEXT: Final = "{text}"


def read(outer: Fields, sources: Sources, warnings: list[str]) -> Gateway:
    """Return the settings of a gateway; see `config.services`."""
    fields, usual = outer.section("sms", _FIELDS), Gateway(url="")
    content = fields.choice("content", usual.content)
    user = fields.text("user", "", low=0, high=100)
    header = _header(fields)
    settings = Gateway(
        url=web_forms.url(fields, "url", warnings, has_path=True),
        method=fields.choice("method", usual.method),
        content=content,
        fields=_sent(fields, content),
        user=user,
        password=_password(fields, sources, warnings, is_used=bool(user or header)),
        header=header,
        number_format=web_forms.matching(
            fields, "number_format", _FORMAT, "must be e164, e164_noplus, or as national:0049"
        )
        or usual.number_format,
        statuses=_statuses(fields),
        success=_pattern(fields, "success"),
        failure=_pattern(fields, "failure"),
        attribute=messages.attribute(fields),
        prefixes=messages.prefixes(fields),
        codes=messages.codes(fields, Channel.SMS),
    )
    _refuse_contradictions(fields, settings, warnings)
    return settings


def _header(fields: Fields) -> str:
    header = web_forms.matching(
        fields, "header", _HEADER, "must be the name of a header, as X-Api-Key"
    )
    if header.lower() in _TAKEN:
        fields.fault("header", "is a header that we send ourselves")
    return header


def _password(fields: Fields, sources: Sources, warnings: list[str], *, is_used: bool) -> Secret:
    if is_used:
        return web_forms.password(fields, "password", sources, warnings)
    if fields.has("password"):
        fields.fault("password", "has a meaning with user or header only")
    return Secret(b"")


def _sent(fields: Fields, content: Content) -> tuple[tuple[str, str], ...]:
    found = fields.find("fields")
    if found is None:
        if content is Content.RAW:
            fields.need("fields")
        return Gateway(url="").fields
    if not isinstance(found.node, Mapping):
        fields.fault("fields", "must name what is sent, as {to: '{to}', text: '{text}'}")
        return ()
    names = found.node.entries
    inner = fields.section("fields", tuple(names))
    sent = tuple((name, inner.text(name, "", low=0, high=_LONGEST_FIELD)) for name in names)
    _refuse_fields(fields, content, dict(sent))
    return sent


def _refuse_fields(fields: Fields, content: Content, sent: dict[str, str]) -> None:
    whole = " ".join(sent.values())
    is_raw = content is Content.RAW
    if is_raw and (len(sent) != 1 or not _TYPE.fullmatch(next(iter(sent)))):
        fields.fault("fields", "must be one, with content: raw: its Content-Type and the text")
    elif not is_raw and not all(_NAME.fullmatch(name) for name in sent):
        fields.fault("fields", "must have names of letters and digits")
    elif len(sent) > _MOST_FIELDS:
        fields.fault("fields", f"must be {_MOST_FIELDS} at most")
    elif _TO not in whole or _TEXT not in whole:
        fields.fault("fields", "must have {to} and {text} in them")


def _statuses(fields: Fields) -> tuple[int, ...]:
    usual = Gateway(url="").statuses
    if not fields.has("statuses"):
        return usual
    found = []
    for item in fields.items("statuses"):
        text = scalar_text(item, fields.report)
        if text is not None and re.fullmatch(r"2[0-9]{2}", text, re.ASCII):
            found.append(int(text))
        elif text is not None:
            fields.report.add(item.place, item.where, "must be a status from 200 to 299")
    if not found:
        fields.fault("statuses", "must name at least one")
    return tuple(dict.fromkeys(found))


def _pattern(fields: Fields, name: str) -> str:
    text = fields.text(name, "", low=0, high=1000)
    try:
        return patterns.bounded(text)
    except patterns.PatternError as error:
        fields.fault(name, str(error))
        return ""


def _refuse_contradictions(fields: Fields, settings: Gateway, warnings: list[str]) -> None:
    if settings.user and settings.header:
        fields.fault("header", "or user must be there, and not both")
    if ":" in settings.user:
        fields.fault("user", "must not hold a colon")
    is_query = settings.content is Content.QUERY
    if settings.method is Method.GET and not is_query:
        fields.fault("content", "must be query with method: GET")
    if is_query:
        warnings.append(
            f"{fields.where}: content: query puts codes and numbers into addresses, which web"
            " servers and proxies write into their logs"
        )
