"""`wire.template` for any text and any values: octets, or the documented error."""

from __future__ import annotations

import ipaddress
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from radiusmfa.config import reply
from radiusmfa.config.model import Client, Factors
from radiusmfa.config.reply import Context
from radiusmfa.secret import Secret
from radiusmfa.server.replies import Replies
from radiusmfa.upstream.kept import EMPTY, Kept, walk
from radiusmfa.wire import codec, numbers, template
from radiusmfa.wire.names import AttributeValueError
from radiusmfa.wire.template import Fields, TemplateError

pytestmark = pytest.mark.property

_PIECES: Final = st.sampled_from([
    "{", "}", "{{", "}}", "|", ":", ":;", "0x", "x", "{user}", "{login}", "{client}", "{policy}",
    "{group}", "{groups}", "{groups:;}", "{groups|}", "{group|none}", "{directory.a}",
    "{directory.a:,|0}", "{upstream.Class}", "{upstream.Filter-Id:,}",
    "{upstream.Session-Timeout|9}",
])  # fmt: skip
_TEXTS: Final = st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=5).map("".join))
_ANY: Final = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.sampled_from(["{user}", "0x41", "0xzz", "600", "-1", "192.0.2.1", "a;b", "\0", "9" * 5000]),
)
_SEVERAL: Final = st.lists(_ANY, max_size=4).map(tuple)
_FIELDS: Final = st.builds(
    Fields,
    user=_ANY,
    login=st.from_regex(r"[A-Za-z0-9_-]{16}", fullmatch=True),
    group=_ANY,
    groups=_SEVERAL,
    directory=_SEVERAL.map(lambda texts: (("a", texts),)),
)
_KEPT: Final = st.lists(
    st.tuples(st.sampled_from([11, 25, 27]), st.binary(max_size=40)), max_size=4
).map(lambda rows: Kept(b"".join(codec.attribute(*row) for row in rows), ()))
_NAMES: Final = st.sampled_from([
    "Class", "Filter-Id", "Session-Timeout", "Framed-IP-Address", "Framed-IPv6-Prefix",
    "Event-Timestamp", "Tunnel-Type:1", "Tunnel-Private-Group-Id:2", "Cisco-AVPair", "Group",
])  # fmt: skip
_CARRIERS: Final = st.sampled_from([("", ""), ("Class", "OU={group};"), ("Filter-Id", "")])
_POLICY: Final = Context(is_policy=True, has_groups=True, attributes=("a",), group_reply=None)
_LIMITS: Final = st.one_of(st.none(), st.floats(allow_nan=False))
NETWORKS: Final = (ipaddress.ip_network("192.0.2.1"),)


@given(_TEXTS, _FIELDS)
def test_any_text_is_a_template_or_an_error(text: str, fields: Fields) -> None:
    """Any text: a template that gives texts or says that it cannot, or a fault when it is read."""
    try:
        texts = template.compiled(text).fill(fields, lambda _: ())
    except (TemplateError, AttributeValueError):
        return
    assert texts
    assert len(texts) <= template.MOST_VALUES


@given(st.text(st.characters(codec=None)))
def test_doubled_braces_are_the_text_itself(text: str) -> None:
    """A text whose braces are doubled has no placeholder, and is what it was."""
    doubled = text.replace("{", "{{").replace("}", "}}")

    assert template.compiled(doubled).fill(Fields("", ""), lambda _: ()) == [text]


@given(_ANY, _SEVERAL)
@example("a{user}", ("{{",))
def test_what_is_filled_in_is_nothing_but_data(value: str, groups: tuple[str, ...]) -> None:
    """Whatever a value looks like, it stands in the text as it is, once."""
    made = template.compiled("<{user}|{groups}>")
    try:
        texts = made.fill(Fields(value, "L", groups=groups), lambda _: ())
    except AttributeValueError:
        return
    assert texts == [f"<{value}|{group}>" for group in groups if group]


@given(_NAMES, _TEXTS, _CARRIERS, _FIELDS, _KEPT, _LIMITS)
@example("Class", "{user}", ("", ""), Fields("0x41", "L"), EMPTY, None)
@example("Event-Timestamp", "{user}", ("", ""), Fields("9" * 5000, "L"), EMPTY, None)
@example("Session-Timeout", "{groups}", ("", ""), Fields("u", "L", groups=("9",)), EMPTY, 1e300)
def test_promise_6_accept_has_every_attribute_or_is_none(
    name: str,
    text: str,
    carrier: tuple[str, str],
    fields: Fields,
    kept: Kept,
    limit: float | None,
) -> None:
    """What the file may hold makes attributes whose lengths add up, or the one error."""
    reply_ = ((name, text),)
    client = Client(
        name="vpn", networks=NETWORKS, secret=Secret(b"x"), reply=reply_, group_reply=carrier
    )
    if reply.fault(name, text, context=_POLICY) or reply.group_fault(client, reply_):
        return
    made = Replies(client, Factors(), bytes, "office")
    try:
        octets, rest = made.accept(fields.login, fields, kept, limit)
    except AttributeValueError:
        return
    own = [kind for kind, _ in walk(octets)]
    assert len(own) > 1
    assert own[-1] == numbers.CLASS
    if limit is not None:
        assert rest is not None
        timeouts = [value for kind, value in walk(octets + rest.plain) if kind == 27]
        assert timeouts
        assert all(0 < int.from_bytes(value) <= max(limit, 1) for value in timeouts)
