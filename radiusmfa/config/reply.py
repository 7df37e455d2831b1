"""Attributes of an Accept, checked when the file is read: what can be known fails there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.config.fields import Found, closest, scalar_text
from radiusmfa.config.nodes import Listing, Mapping
from radiusmfa.wire import names, template
from radiusmfa.wire.template import GROUP, Source, TemplateError

if TYPE_CHECKING:
    from radiusmfa.config.fields import Fields
    from radiusmfa.config.model import Client
    from radiusmfa.wire.template import Placeholder, Template

_TEXT_KINDS: Final = frozenset({"string", "octets"})
# What is no number, address or time, whoever logs in.
_NAMES: Final = frozenset({Source.USER, Source.CLIENT, Source.POLICY, Source.LOGIN})
# What the server itself decides, or what has no place in an Accept (RFC 2865 section 5.44).
_OURS: Final = frozenset(
    {
        "user-password",
        "chap-password",
        "chap-challenge",
        "state",
        "proxy-state",
        "vendor-specific",
        "eap-message",
        "message-authenticator",
        "error-cause",
        "prompt",
    }
)
_ANY_GROUP: Final = ((GROUP, "{group}"),)
_NOBODY: Final = template.Fields("", "")
_NO_CARRIER: Final = "no profile says which attribute carries a group: name that attribute here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """
    Where a `reply` stands; the defaults are those of a client's own.

    Attributes:
        is_policy: It belongs to a policy, which has a name.
        has_groups: The policy's condition names groups.
        attributes: What is read of each person in the directory; None: no directory is asked.
        group_reply: The client's; None: each client of a policy has its own.
    """

    is_policy: bool = False
    has_groups: bool = False
    attributes: tuple[str, ...] | None = None
    group_reply: tuple[str, str] | None = ("", "")


OF_A_CLIENT: Final = Context()


def read(fields: Fields, context: Context = OF_A_CLIENT) -> tuple[tuple[str, str], ...]:
    """Return names and values of the setting `reply` of *fields*; faults go to its report."""
    found = fields.find("reply")
    if found is None:
        return ()
    if not isinstance(found.node, Mapping):
        fields.fault("reply", "must name attributes, as {Class: staff}")
        return ()
    pairs: list[tuple[str, str]] = []
    for name, (_, node) in found.node.entries.items():
        where = f"{found.where}.{name}"
        for item in node.items if isinstance(node, Listing) else (node,):
            value = scalar_text(Found(item, where), fields.report)
            if value is None:
                continue
            if what := fault(name, value, context=context):
                fields.report.add(item.place, where, what)
            pairs.append((name, value))
    return tuple(pairs)


def fault(name: str, value: str, *, context: Context = OF_A_CLIENT) -> str | None:
    """Return what is wrong with an attribute of `reply`, or None."""
    carrier = context.group_reply
    try:
        for one in template.compiled(value).placeholders:
            _refuse_unknown(one, context)
        if not template.is_group(name) or (carrier and carrier[0]):
            _refuse_unmakeable(*template.carried(name, value, carrier or ("", "")))
    except (names.AttributeValueError, TemplateError) as error:
        return str(error)
    return _NO_CARRIER if template.is_group(name) and carrier == ("", "") else None


def group_fault(client: Client, reply: tuple[tuple[str, str], ...] = _ANY_GROUP) -> str | None:
    """
    Return why *client* cannot get the groups that a policy's *reply* names, or None.

    Args:
        client: With what its profile says.
        reply: Of the policy; what is not called `Group` is the same for all clients.
    """
    attribute, _ = client.group_reply
    groups = [(name, value) for name, value in reply if template.is_group(name)]
    if groups and not attribute:
        return f"client {client.name}: {_NO_CARRIER}"
    for name, value in groups:
        try:
            _refuse_unmakeable(*template.carried(name, value, client.group_reply))
        except (names.AttributeValueError, TemplateError) as error:
            return f"client {client.name}: {attribute}: {error}"
    return None


def _refuse_unknown(one: Placeholder, context: Context) -> None:
    if one.source is Source.POLICY and not context.is_policy:
        raise TemplateError("{policy} has a meaning in a policy only")
    if one.source is Source.GROUP and not context.has_groups:
        raise TemplateError("{group} is the group that `when` has named, and none is named here")
    if one.source is Source.DIRECTORY:
        _refuse_unread(one, context.attributes)
    if one.source is Source.UPSTREAM:
        _refuse_untold(one)


def _refuse_unread(one: Placeholder, attributes: tuple[str, ...] | None) -> None:
    if attributes is None:
        raise TemplateError(f"{one}: no directory is asked here")
    if one.name not in attributes:
        near = closest(one.name, list(attributes))
        what = f"{one}: is not among the `attributes` of the directory"
        raise TemplateError(f"{what}{near or ': name it there'}")


def _refuse_untold(one: Placeholder) -> None:
    try:
        found = names.attribute(one.name)
    except names.AttributeValueError as error:
        raise TemplateError(f"{one}: {error}") from None
    if found.hidden or found.name.lower() in _OURS:
        raise TemplateError(f"{one}: no upstream gives that as a text")


def _refuse_unmakeable(name: str, made: Template) -> None:
    """Raise if nothing that *made* can give is a value of *name*, or not what its bars give."""
    if name.lower().partition(":")[0] in _OURS:
        raise TemplateError("is decided by the server")
    found, _ = names.writable(name)
    is_text = not made.is_written
    own = [one for one in made.placeholders if one.source in _NAMES]
    if own and found.kind not in _TEXT_KINDS:
        raise TemplateError(f"{own[0]} cannot make a value of type {found.kind}")
    if not made.placeholders or (found.kind in _TEXT_KINDS and is_text):
        sample = "".join(part if isinstance(part, str) else "x" for part in made.parts)
        names.encode(name, sample, is_text=is_text)
    if made.placeholders and all(one.default is not None for one in made.placeholders):
        _refuse_default(name, made, is_text=is_text)


def _refuse_default(name: str, made: Template, *, is_text: bool) -> None:
    """Raise if what stands behind the bars makes no value."""
    for text in made.fill(_NOBODY, lambda _: ()):
        try:
            names.encode(name, text, is_text=is_text)
        except names.AttributeValueError as error:
            raise TemplateError(f"without a value: {error}") from None
