"""Tests of `docs/configuration.md`: the reference says what the code does."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from pathlib import Path

import pytest

from radiusmfa.config import model, nodes, read
from radiusmfa.config.fields import Found, scalar_text
from radiusmfa.config.secrets import Sources
from radiusmfa.interfaces import ConfigError
from radiusmfa.secret import Secret

TEXT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
SMALLEST = """\
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: it.db}
keys: {file: keys}
"""
CLIENT = "name: vpn, networks: [192.0.2.1], secret: {file: secrets/vpn}"
SECTIONS = {
    "clients": model.Client,
    "passwords": model.Passwords,
    "factors.totp": model.Totp,
    "factors.hotp": model.Hotp,
    "lockout": model.Lockout,
    "challenges": model.Challenges,
    "duplicates": model.Duplicates,
}


def _rows(section: str) -> dict[str, tuple[str, str]]:
    """Return the settings of a section of the page: default and what is allowed."""
    inside = re.split(r"^#+ ", TEXT.split(f"# `{section}`\n")[1], flags=re.MULTILINE)[0]
    table = inside.split("| setting |")[1].split("\n\n")[0]
    found = re.findall(r"^\| `([a-z_]+)` \| ([^|]*) \| ([^|]*) \|", table, re.MULTILINE)
    return {name: (default.strip("` "), allowed) for name, default, allowed in found}


ROWS = [(section, name, *row) for section in SECTIONS for name, row in _rows(section).items()]
NUMBERS = [
    (section, name, int(limits[1]), int(limits[2]))
    for section, name, _, allowed in ROWS
    if (limits := re.fullmatch(r"([0-9]+) to ([0-9]+)", allowed))
]
CHOICES = [
    (section, name, re.findall(r"`([a-z-]+)`", allowed))
    for section, name, _, allowed in ROWS
    if re.fullmatch(r"(`[a-z-]+`(, )?)+", allowed)
]


def _load(text: str, folder: Path) -> model.Configuration:
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "vpn").write_text("0123456789abcdef", encoding="utf-8")
    (folder / "secrets" / "vpn").chmod(0o600)
    return read.parse(text.encode(), folder / "f", Sources(folder, {}))


def _with(section: str, name: str, value: object) -> str:
    """Return the smallest file with one setting, and what has to go with it."""
    outer, _, inner = section.partition(".")
    setting = f"{name}: {value}"
    if name == "longest":
        setting += ", delay: 1"
    if name == "delay":
        setting += ", longest: 604800"
    if name == "memory_kib":
        setting += ", passes: 1"
    if name == "prompt_limit":
        setting += ", prompt: '?'"
    if value == "none":
        setting += ", mode: step-up"
    if section == "clients":
        return f"{SMALLEST}clients: [{{{CLIENT}, {setting}}}]\n"
    whole = f"{{{inner}: {{{setting}}}}}" if inner else f"{{{setting}}}"
    return f"{SMALLEST}clients: [{{{CLIENT}}}]\n{outer}: {whole}\n"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_explained(section: str) -> None:
    """Each setting of the code stands on the page, in its order, and no other."""
    assert list(_rows(section)) == [field.name for field in dataclasses.fields(SECTIONS[section])]


def test_top_of_the_file_is_complete() -> None:
    """Each section of the file is named at the top."""
    top = TEXT.split("## The top of the file")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", top, re.MULTILINE)
    assert re.findall(r"`([a-z]+)`", " ".join(first_cells)) == list(read.SECTIONS)


def _plain(section: str) -> object:
    if section == "clients":
        return model.Client(name="", networks=(), secret=Secret(b""))
    return SECTIONS[section]()


@pytest.mark.parametrize(("section", "name", "default", "allowed"), ROWS)
def test_defaults_are_those_of_the_code(
    section: str, name: str, default: str, allowed: str
) -> None:
    """The default that the page shows is the one that counts."""
    value = getattr(_plain(section), name)
    assert allowed
    match value:
        case _ if default == "must be there":
            assert not value or isinstance(value, Secret)
        case bool():
            assert default == ("yes" if value else "no")
        case StrEnum() | int():
            assert default == str(value)
        case str():
            node = nodes.parse(f"x: {default}".encode(), nodes.Report()).entries["x"][1]
            assert scalar_text(Found(node, "x"), nodes.Report()) == value
        case _:
            assert (value, default) == ((), "{}")


def test_the_default_of_the_level_is_that_of_the_code(tmp_path: Path) -> None:
    """The level that the page shows is the one that counts, and its words are all there are."""
    default, allowed = _rows("log")["level"]
    config = _load(f"{SMALLEST}clients: [{{{CLIENT}}}]", tmp_path)
    assert default == str(config.log_level)
    assert re.findall(r"`([a-z]+)`", allowed) == [str(level) for level in model.Level]


def test_numbers_were_found() -> None:
    """The tables below are not empty."""
    assert len(NUMBERS) == 21
    assert len(CHOICES) == 7


@pytest.mark.parametrize(("section", "name", "low", "high"), NUMBERS)
def test_limits_are_those_of_the_code(
    section: str, name: str, low: int, high: int, tmp_path: Path
) -> None:
    """The lowest and the highest value are taken, the ones beyond are refused."""
    for value in (low, high):
        assert _load(_with(section, name, value), tmp_path).clients
    for value in (low - 1, high + 1):
        with pytest.raises(ConfigError, match=f"{name}: must be a whole number from {low} to"):
            _load(_with(section, name, value), tmp_path)


@pytest.mark.parametrize(("section", "name", "words"), CHOICES)
def test_words_are_those_of_the_code(
    section: str, name: str, words: list[str], tmp_path: Path
) -> None:
    """Each word is taken, another one is refused."""
    for word in words:
        assert _load(_with(section, name, word), tmp_path).clients
    with pytest.raises(ConfigError, match=name):
        _load(_with(section, name, "perhaps"), tmp_path)
    value = getattr(_plain(section), name)
    if isinstance(value, StrEnum):
        assert words == [str(word) for word in type(value)]


LOUD = [
    pytest.param("networks: [0.0.0.0/0]", "every address there is", id="networks"),
    pytest.param("require_message_authenticator: auto", "CVE-2024-3596", id="auto"),
    pytest.param("require_message_authenticator: no", "CVE-2024-3596", id="no"),
    pytest.param(
        "require_message_authenticator: no, limit_proxy_state: no", "nothing is left", id="both"
    ),
    pytest.param("sign_replies: no", "sign_replies is no", id="sign_replies"),
]


@pytest.mark.parametrize(("setting", "warning"), LOUD)
def test_loud_settings_are_loud(setting: str, warning: str, tmp_path: Path) -> None:
    """What the page calls loud is a warning at every start."""
    entry = CLIENT.replace("networks: [192.0.2.1], ", "") if "networks" in setting else CLIENT
    found = _load(f"{SMALLEST}clients: [{{{entry}, {setting}}}]", tmp_path).warnings
    assert any(warning in line for line in found)


def test_weak_hashes_are_loud(tmp_path: Path) -> None:
    """The page tells from where on a hash is weak."""
    assert "below 7168 is **loud**" in TEXT
    assert _load(_with("passwords", "memory_kib", 7167), tmp_path).warnings
    assert not _load(_with("passwords", "memory_kib", 7168), tmp_path).warnings


def test_kept_hashes_are_loud(tmp_path: Path) -> None:
    """Whoever keeps weak imported hashes is told at every start."""
    (warning,) = _load(_with("passwords", "upgrade", "no"), tmp_path).warnings
    assert "as weak as they are" in warning


def test_smallest_file_of_the_page_loads(tmp_path: Path) -> None:
    """The smallest file can be copied from the page."""
    block = TEXT.split("The smallest file:")[1].split("```yaml\n")[1].split("```")[0]
    config = _load(block, tmp_path)
    assert [client.name for client in config.clients] == ["vpn"]
    assert not config.warnings


def test_reply_of_the_page_loads(tmp_path: Path) -> None:
    """The attributes of the example are ones that can be sent."""
    (line,) = re.findall(r"^reply: (.*)$", TEXT, re.MULTILINE)
    config = _load(f"{SMALLEST}clients: [{{{CLIENT}, reply: {line}}}]", tmp_path)
    assert config.clients[0].reply == (
        ("Class", "mfa:{user}"),
        ("Session-Timeout", "28800"),
        ("Tunnel-Type:1", "VLAN"),
        ("Cisco-AVPair", "a=b"),
        ("Cisco-AVPair", "c=d"),
    )
