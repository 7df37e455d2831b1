"""The documents name what exists: reasons, commands, tests, promises."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import pytest

from radiusmfa.cli.main import COMMANDS, command
from radiusmfa.reasons import EXPLANATIONS, Kind

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENTS: Final = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
PROMISES: Final = (1, 2, 3, 4, 6, 7, 8)
_TEST: Final = re.compile(r"\btest_[a-z0-9_]+\b")


def _tests() -> set[str]:
    found = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("*.py"):
        found |= set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    """Whoever looks up a test that a document names finds it."""
    named = set(_TEST.findall(document.read_text(encoding="utf-8")))
    assert named <= _tests()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    """A link within the project never leads to nothing."""
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_has_a_test_named_after_it(promise: int) -> None:
    """Each promise of this release is shown by a test that carries its number."""
    assert any(name.startswith(f"test_promise_{promise}_") for name in _tests())


def test_operations_explains_every_reason() -> None:
    """Whatever reason an audit line gives, docs/operations.md says of it what `why` says."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.split("\n## Why was this login refused?\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `.*$", chapter, re.MULTILINE)
    assert rows == [
        f"| `{code}` | {told.meaning} | {told.advice}{' ' if told.advice else ''}|"
        for kind in Kind
        for code, told in EXPLANATIONS.items()
        if told.kind is kind
    ]


def test_commands_in_documents_exist() -> None:
    """A command that a document shows is one that radiusmfa has."""
    shown = set()
    for document in DOCUMENTS:
        for line in document.read_text(encoding="utf-8").splitlines():
            shown |= set(re.findall(r"(?:^|`)radiusmfa (?:-c \S+ )?([a-z]+(?:-[a-z]+)*)", line))
    assert shown <= COMMANDS.keys()


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_commands_in_advice_can_be_typed(code: str) -> None:
    """Whoever types what the advice says gets no complaint about usage: arguments and options."""
    for line in re.findall(r"`radiusmfa ([^`]+)`", EXPLANATIONS[code].advice):
        words = ["0123456789abcdef" if word == "SERIAL" else word.lower() for word in line.split()]
        found: click.Command = command
        ctx = click.Context(found)
        while isinstance(found, click.Group):
            name, inner, words = found.resolve_command(ctx, words)
            assert inner is not None, line
            found, ctx = inner, click.Context(inner, parent=ctx, info_name=name)
        with suppress(click.MissingParameter):  # a command may be named alone
            found.make_context(None, words, parent=ctx.parent)
