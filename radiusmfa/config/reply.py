"""Attributes of an Accept, checked when the file is read: none may fail at a login."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from radiusmfa.wire import names

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACEHOLDERS: Final = ("client", "user")
"""What a value may name in braces: the client entry's name, the user's normal form."""

_BRACES: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TEXT_KINDS: Final = frozenset({"string", "octets"})
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


class TemplateError(ValueError):
    """Braces that cannot be filled in; the text says why."""


def fault(name: str, value: str) -> str | None:
    """Return what is wrong with an attribute of `reply`, or None."""
    try:
        if name.lower().partition(":")[0] in _OURS:
            return "is decided by the server"
        found = names.attribute(name.partition(":")[0])
        written = fill(value, dict.fromkeys(PLACEHOLDERS, "x"))
        if written != value.replace("{{", "{").replace("}}", "}") and found.kind not in _TEXT_KINDS:
            return f"a placeholder cannot make a value of type {found.kind}"
        names.encode(name, written)
    except (names.AttributeValueError, TemplateError) as error:
        return str(error)
    return None


def fill(template: str, values: Mapping[str, str]) -> str:
    """
    Return *template* with each `{name}` replaced; `{{` and `}}` are braces.

    Args:
        template: The value as it stands in the file.
        values: A text for each of `PLACEHOLDERS`.

    Raises:
        TemplateError: A placeholder that is not known, or a single brace.
    """
    if "{" not in template and "}" not in template:
        return template

    def replaced(match: re.Match[str]) -> str:
        if match[0] in {"{{", "}}"}:
            return match[0][0]
        if match[1] is None:
            raise TemplateError("a brace stands alone: write {{ or }} for the character")
        if match[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise TemplateError(f"{{{match[1]}}} is not known here: {known}")
        return values[match[1]]

    return _BRACES.sub(replaced, template)
