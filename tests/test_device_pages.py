"""docs/devices: made from the profiles, true, and with client entries that work as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config import profiles, read
from radiusmfa.config.profile_model import Fact
from radiusmfa.config.secrets import Sources
from tools import device_pages

if TYPE_CHECKING:
    from radiusmfa.config.model import Configuration

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "devices"
INDEX: Final = (FOLDER / "README.md").read_text(encoding="utf-8")
EVERY: Final = pytest.mark.parametrize("name", profiles.names())
_FILE: Final = """\
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: it.db}
keys: {file: keys}
"""


def _page(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _entry(text: str) -> str:
    (block,) = re.findall(r"```yaml\n(clients:\n.*?)```", text, re.DOTALL)
    assert isinstance(block, str)
    return block


def _load(entry: str, folder: Path) -> Configuration:
    (folder / "secrets").mkdir()
    for name in re.findall(r"secrets/([a-z0-9-]+)", entry):
        (folder / "secrets" / name).write_text("0123456789abcdef", encoding="utf-8")
        (folder / "secrets" / name).chmod(0o600)
    return read.parse((_FILE + entry).encode(), folder / "f", Sources(folder, {}))


def test_pages_are_what_the_profiles_say() -> None:
    """`make pages` would change nothing: no page is old, none is missing, none is left over."""
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert there == device_pages.pages()


@EVERY
def test_entry_of_the_page_can_be_used(name: str, tmp_path: Path) -> None:
    """The client entry loads as it stands; all that is said of it is what the page says, too."""
    profile = profiles.shipped(name)
    config = _load(_entry(_page(name)), tmp_path)
    (client,) = config.clients
    assert (client.profile, client.mode) == (name, profile.modes[0])
    assert client.time_budget == profile.time_budget
    is_loud = profile.sends_message_authenticator is Fact.NO or client.without_password
    assert bool(config.warnings) is is_loud


def test_entry_of_the_index_can_be_used(tmp_path: Path) -> None:
    """The example above the table loads."""
    assert _load(_entry(INDEX), tmp_path).clients[0].profile == "fortigate"


@EVERY
def test_page_marks_what_is_unverified(name: str) -> None:
    """What nobody has confirmed is never said as if it were sure."""
    profile, text = profiles.shipped(name), _page(name)
    assert ("## Unverified" in text) is bool(profile.unverified)
    for setting in profile.unverified:
        assert f"`{setting}`" in text.split("## Unverified")[1]


@EVERY
def test_page_tells_what_to_set_on_the_device(name: str) -> None:
    """Each page has the steps, the commands and the notes of its profile."""
    profile, text = profiles.shipped(name), _page(name)
    for line in (*profile.setup, *profile.commands, *profile.notes):
        assert line in text


@EVERY
def test_index_leads_to_every_page(name: str) -> None:
    """Each device has its row."""
    assert f"| [{profiles.shipped(name).title}]({name}.md) | `{name}` |" in INDEX


def test_index_explains_every_setting_of_a_file() -> None:
    """Whoever writes a profile finds each of its settings."""
    cells = re.findall(
        r"^\| (`[a-z_`, ]+`) \|", INDEX.split("## A file of your own")[1], re.MULTILINE
    )
    explained = re.findall(r"`([a-z_]+)`", " ".join(cells))
    assert sorted(explained) == sorted(profiles.SETTINGS)
