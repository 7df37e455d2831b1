"""
Texts with placeholders: `{user}`, `{groups:;}`, `{directory.mail|none}`.

A text is read once, when the configuration is; what is filled in later is data and is
never read again. It stands beside `wire.names`, because the configuration checks templates
and the server fills them, and both know the names of attributes.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from radiusmfa.wire import numbers
from radiusmfa.wire.names import AttributeValueError
from radiusmfa.wire.texts import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GROUP: Final = "Group"
"""No attribute: each kind of client has one of its own that carries a group."""

MOST_VALUES: Final = numbers.MOST_ATTRIBUTES
"""Values of one template: a packet with more attributes is dropped by other servers, too."""

_BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PLACEHOLDER: Final = re.compile(
    r"(?P<source>[a-z]+)(?:\.(?P<name>[^:|]+))?(?P<colon>:(?P<joint>[^|]*))?"
    r"(?:\|(?P<default>.*))?",
    re.DOTALL,
)


@unique
class Source(StrEnum):
    """Where a value comes from."""

    USER = "user"
    """The person's one name here, normal form."""
    CLIENT = "client"
    """The client entry's name."""
    POLICY = "policy"
    """The name of the policy that decided."""
    LOGIN = "login"
    """The id of the login, as the audit has it."""
    GROUP = "group"
    """The person's group that the policy has named."""
    GROUPS = "groups"
    """Every group of the person."""
    DIRECTORY = "directory"
    """An attribute of the person's entry in the directory."""
    UPSTREAM = "upstream"
    """An attribute of the Accept that an upstream has sent."""


_NAMED: Final = frozenset({Source.DIRECTORY, Source.UPSTREAM})
_SEVERAL: Final = _NAMED | {Source.GROUPS}


class TemplateError(ValueError):
    """A text that is no template; it says why."""


class Fields(NamedTuple):
    """
    What is known of a login that ends in an Accept.

    Attributes:
        user: Normal form of the person's name.
        login: Id of the login.
        group: The person's group that the policy's condition has named: the first of those
            that the policy names, as the directory writes it; empty: none.
        groups: All of the person's groups.
        directory: Names and values of the person's attributes, as `login.person` has them.
    """

    user: str
    login: str
    group: str = ""
    groups: tuple[str, ...] = ()
    directory: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """
    What stands between two braces.

    Attributes:
        source: Where its values come from.
        name: Which attribute; empty: the source is no set of attributes.
        joint: What stands between several values in one text; None: each has its own text.
        default: Instead of values where there are none; None: there is no text then.
    """

    source: Source
    name: str = ""
    joint: str | None = None
    default: str | None = None

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"{{{self.source}.{self.name}}}" if self.name else f"{{{self.source}}}"

    @property
    def has_several(self) -> bool:
        """Whether each of its values makes a text of its own."""
        return self.source in _SEVERAL and self.joint is None


Part: TypeAlias = str | Placeholder


@dataclass(frozen=True, slots=True)
class Template:
    """
    A text with placeholders, read.

    Attributes:
        parts: In order.
        is_written: It begins with `0x`, and a person has written that: octets follow.
    """

    parts: tuple[Part, ...]
    is_written: bool = False

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Return each placeholder once, in order."""
        found = (part for part in self.parts if isinstance(part, Placeholder))
        return tuple(dict.fromkeys(found))

    def replaced(self, known: Mapping[Source, Sequence[Part]]) -> Template:
        """
        Return the template with *known* parts instead of placeholders of these sources.

        Raises:
            TemplateError: Two of its placeholders would have several values.
        """
        parts: list[Part] = []
        for part in self.parts:
            parts += (part,) if isinstance(part, str) else known.get(part.source, (part,))
        return dataclasses.replace(self, parts=_merged(parts))

    def fill(self, fields: Fields, told: Callable[[str], Sequence[str]]) -> list[str]:
        """
        Return the texts, one or several.

        Args:
            fields: What is known.
            told: Returns the values of an attribute that upstreams have given.

        Raises:
            AttributeValueError: A placeholder without a value, or with one that no text
                can hold; the message shows nothing of it.
        """
        values = [
            (part,) if isinstance(part, str) else _values(part, fields, told) for part in self.parts
        ]
        count = max([len(texts) for texts in values], default=1)
        if count == 1:
            return ["".join([texts[0] for texts in values])]
        # One placeholder has several: what stands around it stands in each text.
        return ["".join([texts[at % len(texts)] for texts in values]) for at in range(count)]


def compiled(text: str) -> Template:
    """
    Return *text* as a template; `{{` and `}}` are braces.

    Raises:
        TemplateError: A single brace, or a placeholder that is none.
    """
    parts: list[Part] = []
    end = 0
    for match in _BRACES.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[0] in {"{{", "}}"}:
            parts.append(match[0][0])
        elif match[1] is None:
            raise TemplateError("a brace stands alone: write {{ or }} for the character")
        else:
            parts.append(_placeholder(match[1]))
    parts.append(text[end:])
    return Template(_merged(parts), is_written=text.startswith("0x"))


def is_group(name: str) -> bool:
    """Say whether *name* means what carries a group, in any case as names of attributes."""
    return name.lower() == GROUP.lower()


def carried(name: str, text: str, group_reply: tuple[str, str]) -> tuple[str, Template]:
    """
    Return the attribute that *name* means for a client, and what it is to hold.

    Args:
        name: As the configuration writes it.
        text: Its value there.
        group_reply: Attribute and text that carry a group to the client, `{group}` in it;
            both empty: nothing is known to.

    Returns:
        For `Group` the attribute of *group_reply*, which may be empty; else *name*.

    Raises:
        TemplateError: *text* is no template.
    """
    template = compiled(text)
    if not is_group(name):
        return name, template
    attribute, carrier = group_reply
    return attribute, compiled(carrier or "{group}").replaced({Source.GROUP: template.parts})


def _placeholder(text: str) -> Placeholder:
    match = _PLACEHOLDER.fullmatch(text)
    if match is None or match["source"] not in set(Source):
        raise TemplateError(f"{{{text}}} is not known{_hint(text)}")
    source = Source(match["source"])
    if (source in _NAMED) != bool(match["name"]):
        raise TemplateError(f"{{{text}}} is not known; say {_form(source)}")
    if match["colon"] and source not in _SEVERAL:
        raise TemplateError(f"{{{source}}} has one value: there is nothing to join with a colon")
    if match["colon"] and not match["joint"]:
        raise TemplateError(f"{{{text}}}: after the colon stands what joins several values")
    return Placeholder(
        source=source, name=match["name"] or "", joint=match["joint"], default=match["default"]
    )


def _form(source: Source) -> str:
    return f"{{{source}.NAME}}" if source in _NAMED else f"{{{source}}}"


def _hint(text: str) -> str:
    close = difflib.get_close_matches(re.split("[.:|]", text)[0].lower(), sorted(Source), n=1)
    if close:
        return f"; did you mean {_form(Source(close[0]))}?"
    return f": {', '.join(map(_form, sorted(Source)))}"


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part:
            merged.append(part)
    several = {part for part in merged if isinstance(part, Placeholder) and part.has_several}
    if len(several) > 1:
        first, second = sorted(map(str, several))[:2]
        raise TemplateError(
            f"{first} and {second} may have several values each: join those of one, as {{groups:;}}"
        )
    return tuple(merged)


def _values(
    one: Placeholder, fields: Fields, told: Callable[[str], Sequence[str]]
) -> Sequence[str]:
    values = [value for value in _found(one, fields, told) if value]
    if len(values) > MOST_VALUES:
        raise AttributeValueError(f"{one} has more than {MOST_VALUES} values")
    if any(map(CONTROL.search, values)):
        raise AttributeValueError(f"{one} holds a control character")
    if not values:
        if one.default is None:
            raise AttributeValueError(f"{one} has no value")
        return [one.default]
    if one.joint is None:
        return values
    if any(one.joint in value for value in values):
        raise AttributeValueError(f"{one} holds what is to stand between its values")
    return [one.joint.join(values)]


def _found(one: Placeholder, fields: Fields, told: Callable[[str], Sequence[str]]) -> Sequence[str]:
    if one.source is Source.DIRECTORY:
        return next((texts for name, texts in fields.directory if name == one.name), ())
    if one.source is Source.UPSTREAM:
        return told(one.name)
    if one.source is Source.GROUPS:
        return fields.groups
    # Those of client and policy are known, and replaced, when replies are compiled: one that
    # is still asked for here has no value.
    return (getattr(fields, one.source, ""),)
