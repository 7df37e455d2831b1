"""
Dialogues and prompts: YAML files, shipped or of the site, to `config.upstream_model`.

Nothing in them decides a login: they name events, for the audit, the counters and the prompt shown.
"""

from __future__ import annotations

import dataclasses
import functools
from enum import StrEnum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from radiusmfa import shipped as files
from radiusmfa.config import nodes, site_file
from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.nodes import Listing, Report
from radiusmfa.config.upstream_model import (
    AliveCheck,
    Dialogue,
    Event,
    Prompts,
    Rule,
    StartWith,
)
from radiusmfa.interfaces import ConfigError
from radiusmfa.wire import names as attributes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEXT: Final = "{text}"
"""In a prompt: where the server's own text goes."""

_SETTINGS: Final = tuple(
    field.name for field in dataclasses.fields(Dialogue) if field.name != "name"
)
_RULE: Final = tuple(field.name for field in dataclasses.fields(Rule))
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5
_LARGEST_PASSWORD_OCTETS: Final = 128  # RFC 2865 section 5.2
# What these say stands in the server's text only: a PIN, a menu, digits, an address.
_TELLING: Final = frozenset({
    Event.PIN_SHOWN,
    Event.CHOICE_WANTED,
    Event.RESPONSE_WANTED,
    Event.ENROLMENT_WANTED,
    Event.OTHER,
})  # fmt: skip


@unique
class _Code(StrEnum):
    """A rule's `code`, as it is written."""

    ANY = "any"
    ACCEPT = "accept"
    REJECT = "reject"
    CHALLENGE = "challenge"


# RFC 2865 section 4.
_NUMBERS: Final = {_Code.ANY: 0, _Code.ACCEPT: 2, _Code.REJECT: 3, _Code.CHALLENGE: 11}


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the dialogues that come with radiusmfa, in alphabetical order."""
    found = [file.name for file in (files.folder("conf") / "dialogues").iterdir()]
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


@functools.cache
def shipped(name: str) -> Dialogue:
    """
    Return the dialogue *name* that comes with radiusmfa.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in names():
        raise ConfigError(f"no dialogue is called {name!r} (known: {', '.join(names())})")
    octets = files.text("conf", f"dialogues/{name}.yaml").encode()
    return parse(octets, f"{name}.yaml", name)


def from_file(path: Path) -> Dialogue:
    """
    Return the dialogue in a file of the site's; its name is the file's, without the ending.

    Raises:
        ConfigError: The file cannot be read, or has faults: all of them, each as
            `file:line:column: where: what` with the name of this file.
    """
    return parse(site_file.octets(path), str(path), path.stem)


def parse(octets: bytes, file: str, name: str) -> Dialogue:
    """
    Return the dialogue in *octets*.

    Args:
        octets: YAML.
        file: Where they came from, for faults.
        name: How the dialogue is called.

    Raises:
        ConfigError: With every fault, each as `file:line:column: where: what`.
    """
    report = Report()
    dialogue = _dialogue(Fields(nodes.parse(octets, report), "", report, known=_SETTINGS), name)
    if report.faults:
        raise ConfigError(*report.lines(file))
    return dialogue


@functools.cache
def prompt_texts(style: Prompts) -> Mapping[Event, str]:
    """
    Return the texts that a client with *style* gets instead of the server's, by event.

    An event that is not there keeps the server's text; `{text}` in a text stands for it.
    """
    if style is Prompts.RELAY:
        return MappingProxyType({})
    octets = files.text("conf", f"prompts/{style}.yaml").encode()
    return MappingProxyType(parse_prompts(octets, f"{style}.yaml"))


def parse_prompts(octets: bytes, file: str) -> dict[Event, str]:
    """
    Return the texts in *octets* by event; *file* is where they came from.

    Raises:
        ConfigError: With every fault; one is a text without `{text}` for an event whose
            PIN, menu, digits or address only the server's text has.
    """
    report = Report()
    known = [str(event) for event in Event]
    fields = Fields(nodes.parse(octets, report), "", report, known=known)
    texts: dict[Event, str] = {}
    for event in Event:
        if not fields.has(event):
            continue
        text = fields.text(event, "", low=1, high=_LARGEST_VALUE_OCTETS)
        if text and event in _TELLING and TEXT not in text:
            fields.fault(event, f"must hold {TEXT}: what it says stands in the server's text only")
        if set(text.replace(TEXT, "")) & set("{}"):
            fields.fault(event, f"only {TEXT} may stand in braces")
        texts[event] = text
    if report.faults:
        raise ConfigError(*report.lines(file))
    return texts


def _dialogue(fields: Fields, name: str) -> Dialogue:
    usual = Dialogue(name=name)
    dialogue = Dialogue(
        name=name,
        waits=fields.boolean("waits", default=usual.waits),
        patience=fields.integer("patience", usual.patience, low=1, high=300),
        alive_check=fields.choice("alive_check", AliveCheck.STATUS_SERVER),
        start_with=fields.choice("start_with", StartWith.CODE),
        word=fields.text("word", usual.word, low=0, high=_LARGEST_PASSWORD_OCTETS),
        prompt=fields.text("prompt", usual.prompt, low=0, high=_LARGEST_VALUE_OCTETS),
        rules=tuple(_rule(found, fields.report) for found in fields.items("rules")),
    )
    if dialogue.start_with is StartWith.WORD and not dialogue.word:
        fields.fault("start_with", "needs a word: say which in `word`")
    return dialogue


def _rule(found: Found, report: Report) -> Rule:
    fields = Fields(found.node, found.where, report, known=_RULE)
    fields.need("event")
    rule = Rule(
        event=fields.choice("event", Event.OTHER),
        code=_NUMBERS[fields.choice("code", _Code.ANY)],
        words=_words(fields),
        attributes=_attributes(fields),
    )
    if fields.has("event") and not any(fields.has(name) for name in _RULE[1:]):
        report.add(fields.place, fields.where, "must say when: code, words or attributes")
    return rule


def _words(fields: Fields) -> tuple[str, ...]:
    found = fields.find("words")
    if found is None:
        return ()
    items = fields.items("words") if isinstance(found.node, Listing) else [found]
    if not items:
        fields.fault("words", "must hold at least one text")
    return tuple(_text(item, fields.report) for item in items)


def _text(found: Found, report: Report) -> str:
    text = scalar_text(found, report)
    if text is not None and not (text.strip() and text.isprintable()):
        report.add(found.place, found.where, "must be a text: not empty, no control characters")
    return text or ""


def _attributes(fields: Fields) -> tuple[tuple[str, str], ...]:
    found = fields.find("attributes")
    if found is None:
        return ()
    if not isinstance(found.node, nodes.Mapping) or not found.node.entries:
        fields.fault("attributes", 'must name attributes, as {State: ""}')
        return ()
    pairs: list[tuple[str, str]] = []
    for name, (place, node) in found.node.entries.items():
        where = f"{found.where}.{name}"
        value = scalar_text(Found(node, where), fields.report)
        if value is None:
            continue
        if what := _fault(name, value):
            fields.report.add(place, where, what)
        pairs.append((name, value))
    return tuple(pairs)


def _fault(name: str, value: str) -> str:
    try:
        if value:
            attributes.encode(name, value)
        else:
            attributes.attribute(name)
    except attributes.AttributeValueError as error:
        return str(error)
    return ""
