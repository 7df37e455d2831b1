"""Whether a text is an LDAP filter, a distinguished name, an attribute: before anybody is asked."""

from __future__ import annotations

import re
from typing import Final

_DEPTH: Final = 20
_ATTRIBUTE: Final = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)"  # RFC 4512 section 1.4
_ATTRIBUTE_ALONE: Final = re.compile(_ATTRIBUTE)
# RFC 4515 section 3; an extensible match may name a rule, as `member:1.2.840.113556.1.4.1941:=`.
_TEST: Final = re.compile(
    rf"{_ATTRIBUTE}(?:[~<>]?=|(?::dn)?(?::{_ATTRIBUTE})?:=)((?:\\[0-9A-Fa-f]{{2}}|[^()\\\0])*)"
)
# RFC 4514 section 3; blanks around the parts, which many write, are allowed.
_VALUE: Final = r"(?:\\[0-9A-Fa-f]{2}|\\[ \"#+,;<=>\\]|[^\\,+\"<>;\0])+"
_RDN: Final = re.compile(rf" *{_ATTRIBUTE} *={_VALUE}(?:\+ *{_ATTRIBUTE} *={_VALUE})*")
_PART: Final = re.compile(r"((?:\\.|[^\\,])*),", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def is_attribute(text: str) -> bool:
    """Say whether *text* names an attribute: a word or an object identifier."""
    return _ATTRIBUTE_ALONE.fullmatch(text) is not None


def is_dn(text: str) -> bool:
    """Say whether *text* is a distinguished name, not the empty one."""
    return bool(text) and all(_RDN.fullmatch(part) for part in _parts(text))


def is_below(dn: str, base: str) -> bool:
    """Say whether *dn* stands below *base*; both are distinguished names."""
    inner, outer = ([_plain(part) for part in _parts(text)] for text in (dn, base))
    return len(inner) > len(outer) and inner[-len(outer) :] == outer


def is_filter(text: str) -> bool:
    """Say whether *text* is a filter; nested more than 20 deep it is none that we send."""
    return _after_filter(text, 0, _DEPTH) == len(text)


def placeholders(text: str) -> list[str]:
    """Return the words in braces in *text*."""
    return _PLACEHOLDER.findall(text)


def _after_filter(text: str, at: int, depth: int) -> int:
    """Return where the filter that begins at *at* ends, -1 if none does."""
    if not depth or text[at : at + 1] != "(":
        return -1
    kind = text[at + 1 : at + 2]
    if kind == "!":
        at = _after_filter(text, at + 2, depth - 1)
    elif kind in {"&", "|"}:
        at = _after_filter(text, at + 2, depth - 1)
        while at >= 0 and text[at : at + 1] == "(":
            at = _after_filter(text, at, depth - 1)
    else:
        found = _TEST.match(text, at + 1)
        at = found.end() if found else -1
    return at + 1 if at >= 0 and text[at : at + 1] == ")" else -1


def _parts(dn: str) -> list[str]:
    return _PART.findall(f"{dn},")


def _plain(part: str) -> str:
    return "=".join(side.strip() for side in part.casefold().split("=", 1))
