"""Tests of `docs/configuration.md`: the reference says what the code does."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from pathlib import Path

import pytest

from radiusmfa.config import (
    approval_model,
    approvals,
    dialogues,
    directory_model,
    message_model,
    model,
    nodes,
    read,
    reply,
    service_model,
    upstream_model,
    upstreams,
)
from radiusmfa.config.approval_model import Table
from radiusmfa.config.fields import Fields, Found, duration_text, scalar_text
from radiusmfa.config.secrets import Sources
from radiusmfa.interfaces import ConfigError
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.wire import template

TEXT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
SMALLEST = """\
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: it.db}
keys: {file: keys}
"""
CLIENT = "name: vpn, networks: [192.0.2.1], secret: {file: secrets/vpn}"
SERVER = "host: 192.0.2.20, secret: {file: secrets/vpn}"
DIRECTORY = (
    "servers: ['ldap://dc1'], base: 'dc=x', bind_dn: 'cn=y', bind_password: {file: secrets/vpn}"
)
UPSTREAM = f"upstreams: {{it: {{servers: [{{{SERVER}}}]}}}}\n"
WEAK = "services: {weak: {question: {}}}\nfactors: {weak: {service: weak}}\n"
SERVICE = "url: 'https://192.0.2.40', user: me, password: {file: secrets/vpn}"
# By kind, what such a service must say; one of each, so that the page's tables can be tried.
ACCOUNT = f"AC{32 * '0'}"
KINDS = {
    "question": "",
    "sms": "url: 'https://192.0.2.40/send'",
    "twilio": f"account: {ACCOUNT}, password: {{file: secrets/vpn}}, sender: '+15005550006'",
    "verify": f"service: VA{32 * '0'}, user: {ACCOUNT}, password: {{file: secrets/vpn}}",
    "smtp": "host: 127.0.0.1, sender: login@example.com",
    "duo": (
        "host: api-12345678.duosecurity.com, integration_key: DIXXXXXXXXXXXXXXXXXX,"
        " secret_key: {file: secrets/duo}"
    ),
    "yubico": "client_id: 12345",
    "securid": "urls: ['https://192.0.2.50:5555'], access_key: {file: secrets/vpn}",
}
# Their names are keys of the file, not settings.
NAMED = {"upstreams", "services", "approvals", "factors.NAME", "primaries.NAME.ldap"}
# What only a profile or a policy can say of a client.
NOT_WRITTEN = {
    "learns_patience", "group_reply", "skips_factor", "not_enrolled_until", "remember",
}  # fmt: skip
# What the kind of a service says of itself.
NOT_WRITTEN |= {
    "settings",
    "is_service",
    "holds",
    "is_in_directory",
    "words",
    "takes_words",
    "is_weak",
}
SECTIONS = {
    "clients": model.Client,
    "primaries.NAME.ldap": directory_model.Directory,
    "upstreams": upstream_model.Upstream,
    "upstreams.NAME.servers": upstream_model.Server,
    "upstreams.NAME.user_name": upstream_model.UserName,
    "services": service_model.Service,
    "services.NAME.proxy": service_model.Proxy,
    "services.NAME.limits": service_model.Limits,
    "services.NAME.duo": service_model.Duo,
    "services.NAME.question": service_model.Questions,
    "services.NAME.yubico": service_model.Yubico,
    "services.NAME.securid": service_model.SecurId,
    "services.NAME.sms": message_model.Gateway,
    "services.NAME.sms.codes": message_model.Codes,
    "services.NAME.twilio": message_model.Twilio,
    "services.NAME.verify": message_model.Verify,
    "services.NAME.smtp": message_model.Smtp,
    "approvals": approval_model.ApprovalSource,
    "approvals.NAME.servicenow": approval_model.ServiceNow,
    "passwords": model.Passwords,
    "factors.totp": model.Totp,
    "factors.hotp": model.Hotp,
    "factors.NAME": upstream_model.UpstreamFactor,
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
    (section, name, re.findall(r"`([a-z0-9_-]+)`", allowed))
    for section, name, _, allowed in ROWS
    if re.fullmatch(r"(`[a-z0-9_-]+`(, )?)+", allowed)
]


def _load(text: str, folder: Path) -> model.Configuration:
    (folder / "secrets").mkdir(exist_ok=True)
    for name, octets in (("vpn", "0123456789abcdef"), ("duo", 40 * "d")):
        (folder / "secrets" / name).write_text(octets, encoding="utf-8")
        (folder / "secrets" / name).chmod(0o600)
    return read.parse(text.encode(), folder / "f", Sources(folder, {}))


# What has to go with a setting, or with a value.
WITH_NAME = {
    "longest": ", delay: 1",
    "delay": ", longest: 604800",
    "memory_kib": ", passes: 1",
    "prompt_limit": ", prompt: '?'",
}
WITH_BOTH: dict[tuple[str, object], str] = {
    ("without_password", "yes"): ", mode: step-up",
    ("weak", "yes"): ", factors: [weak]",
}
WITH_VALUE: dict[object, str] = {
    "raw": ", fields: {text/plain: '{to} {text}'}",
    "proxy": ", primary: it",
    "chap": ", mode: proxy, primary: it",
    "mschapv2": ", mode: proxy, primary: it",
    "word": ", word: push",
    "nested": ", kind: active-directory",
    "sc_req_item": f", item: {32 * 'a'}",
}


def _smallest() -> str:
    return f"{SMALLEST}clients: [{{{CLIENT}}}]\n"


def _with(section: str, name: str, value: object) -> str:  # noqa: PLR0911 - a table
    """Return the smallest file with one setting, and what has to go with it."""
    outer, _, inner = section.partition(".")
    setting = f"{name}: {value}{WITH_NAME.get(name, '')}{WITH_VALUE.get(value, '')}"
    setting += WITH_BOTH.get((name, value), "")
    if section == "clients":
        more = WEAK if name == "weak" else ""
        return f"{SMALLEST}clients: [{{{CLIENT}, {setting}}}]\n{UPSTREAM}{more}"
    if section == "upstreams":
        return _smallest() + UPSTREAM.replace("}]}}", f"}}], {setting}}}}}")
    if section == "upstreams.NAME.servers":
        return _smallest() + UPSTREAM.replace("}]}}", f", {setting}}}]}}}}")
    if section == "primaries.NAME.ldap":
        return f"{_smallest()}primaries: {{it: {{ldap: {{{DIRECTORY}, {setting}}}}}}}\n"
    if section == "approvals":
        return f"{_smallest()}approvals: {{it: {{{setting}}}}}\n"
    if section == "approvals.NAME.servicenow":
        return f"{_smallest()}approvals: {{it: {{servicenow: {{{SERVICE}, {setting}}}}}}}\n"
    if section.startswith("services"):
        return f"{_smallest()}services: {{it: {{{_of_service(section, setting)}}}}}\n"
    if section == "factors.NAME":
        return f"{_smallest()}{UPSTREAM}factors: {{it: {{upstream: it, {setting}}}}}\n"
    whole = f"{{{inner}: {{{setting}}}}}" if inner else f"{{{setting}}}"
    return f"{SMALLEST}clients: [{{{CLIENT}}}]\n{outer}: {whole}\n"


def _of_service(section: str, setting: str) -> str:
    _, _, inner = section.partition(".NAME.")
    if inner == "sms.codes":
        inner, setting = "sms", f"codes: {{{setting}}}"
    if inner in KINDS:
        name, _, _ = setting.partition(":")
        needed = [one for one in KINDS[inner].split(", ") if one and not one.startswith(f"{name}:")]
        return f"{inner}: {{{', '.join([*needed, setting])}}}"
    if inner == "proxy":
        setting = f"proxy: {{host: proxy.example.com, {setting}}}"
    elif inner:
        setting = f"{inner}: {{{setting}}}"
    return f"duo: {{{KINDS['duo']}}}, {setting}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_explained(section: str) -> None:
    """Each setting of the code stands on the page, in its order, and no other."""
    names = [field.name for field in dataclasses.fields(SECTIONS[section])]
    assert list(_rows(section)) == [
        name
        for name in names
        if name not in NOT_WRITTEN and (name != "name" or section not in NAMED)
    ]


def test_top_of_the_file_is_complete() -> None:
    """Each section of the file is named at the top."""
    top = TEXT.split("## The top of the file")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", top, re.MULTILINE)
    assert re.findall(r"`([a-z]+)`", " ".join(first_cells)) == list(read.SECTIONS)


def _plain(section: str) -> object:
    # What must be there has no default.
    needed: dict[str, dict[str, object]] = {
        "clients": {"name": "", "networks": (), "secret": Secret(b"")},
        "upstreams": {"name": "", "servers": ()},
        "upstreams.NAME.servers": {"host": "", "secret": Secret(b"")},
        "approvals": {"name": ""},
        "approvals.NAME.servicenow": {"url": "", "password": Secret(b"")},
        "primaries.NAME.ldap": {"name": "", "servers": (), "base": ""},
        "factors.NAME": {"name": "", "upstream": ""},
        "services": {"name": "", "settings": ()},
        "services.NAME.proxy": {"host": ""},
        "services.NAME.duo": {"host": "", "integration_key": "", "secret_key": Secret(b"")},
        "services.NAME.yubico": {"client_id": 0},
        "services.NAME.securid": {"urls": (), "access_key": Secret(b"")},
        "services.NAME.sms": {"url": ""},
        "services.NAME.twilio": {"account": "", "password": Secret(b""), "sender": ""},
        "services.NAME.verify": {"service": "", "user": "", "password": Secret(b"")},
        "services.NAME.smtp": {"host": "", "sender": ""},
    }
    return SECTIONS[section](**needed.get(section, {}))


@pytest.mark.parametrize(
    ("name", "default", "allowed"), [row[1:] for row in ROWS if row[0] == "primaries.NAME.ldap"]
)
def test_defaults_of_directories_are_those_of_the_code(
    name: str, default: str, allowed: str
) -> None:
    """The default that the page shows for a directory is the one that counts."""
    value = getattr(_plain("primaries.NAME.ldap"), name)
    assert allowed
    match value:
        case _ if default == "must be there":
            assert not value
        case None:
            assert default == "none"
        case _ if default == "see below":
            assert f"`{value}`" in TEXT
        case bool():
            assert default == ("yes" if value else "no")
        case tuple():
            assert default == f"[{', '.join(value)}]"
        case _:
            assert default == (str(value) or '""')


@pytest.mark.parametrize(
    ("section", "name", "default", "allowed"),
    [row for row in ROWS if row[0] != "primaries.NAME.ldap"],
)
def test_defaults_are_those_of_the_code(  # noqa: C901, PLR0912 - a table, by type of the value
    section: str, name: str, default: str, allowed: str
) -> None:
    """The default that the page shows is the one that counts."""
    value = getattr(_plain(section), name)
    assert allowed
    match value:
        case _ if default == "must be there":
            assert not value or isinstance(value, Secret)
        case _ if default == "the dialogue's":
            assert value == getattr(dialogues.shipped("generic"), name)
        case _ if default == "the table's":
            assert value == getattr(approvals, f"{name.upper().rstrip('S')}S")[Table.CHANGE]
        case _ if default == "YubiCloud's":
            assert value == ("https://api.yubico.com/wsapi/2.0/verify",)
        case _ if default == "of the system":
            assert value is None
        case Secret():
            assert (len(value), default) == (0, "none")
        case message_model.Codes():
            assert (value, default) == (message_model.Codes(), "{}")
        case ((str(), str()), *_):
            said = ", ".join(f'{one}: "{text}"' for one, text in value)
            assert default == f"{{{said}}}"
        case (int(), *_):
            assert default == str(list(value))
        case service_model.Limits():
            assert (value, default) == (service_model.Limits(), "{}")
        case int() if re.fullmatch(r"[0-9]+[smhd]", default):
            assert default == duration_text(value)
        case None:
            assert default == "none"
        case _ if default == "all of `factors":
            assert value == model.LOCAL_FACTORS
        case bool():
            assert default == ("yes" if value else "no")
        case StrEnum() | int():
            assert default == str(value)
        case str():
            node = nodes.parse(f"x: {default}".encode(), nodes.Report()).entries["x"][1]
            assert scalar_text(Found(node, "x"), nodes.Report()) == value
        case upstream_model.Dialogue():
            assert default == value.name
        case upstream_model.Passing():
            assert (value.everything, value.names, default) == (True, (), "all")
        case upstream_model.UserName():
            assert (value, default) == (upstream_model.UserName(), "{}")
        case _:
            assert (value, default) == ((), "{}") or default == f"[{', '.join(value)}]"


def test_the_default_of_the_level_is_that_of_the_code(tmp_path: Path) -> None:
    """The level that the page shows is the one that counts, and its words are all there are."""
    default, allowed = _rows("log")["level"]
    config = _load(f"{SMALLEST}clients: [{{{CLIENT}}}]", tmp_path)
    assert default == str(config.log_level)
    assert re.findall(r"`([a-z]+)`", allowed) == [str(level) for level in model.Level]


def test_numbers_were_found() -> None:
    """The tables below are not empty."""
    assert len(NUMBERS) >= 42
    assert len(CHOICES) >= 25


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


def test_dialogues_of_the_page_are_those_there_are(tmp_path: Path) -> None:
    """Each dialogue that comes with radiusmfa is named, and can be."""
    allowed = _rows("upstreams")["dialogue"][1]
    words = re.findall(r"`([a-z-]+)`", allowed)
    assert sorted(words) == sorted(dialogues.names())
    for word in words:
        assert _load(_with("upstreams", "dialogue", word), tmp_path).upstreams


def test_defaults_of_the_dialogue_are_named() -> None:
    """What a dialogue may decide is what the page says that it decides."""
    said = [(section, name) for section, name, default, _ in ROWS if default == "the dialogue's"]
    assert said == [
        ("upstreams", "patience"),
        ("upstreams.NAME.servers", "alive_check"),
        ("factors.NAME", "start_with"),
        ("factors.NAME", "word"),
        ("factors.NAME", "prompt"),
    ]


def _texts() -> list[tuple[str, str, int, int]]:
    found = []
    for section, name, _, allowed in ROWS:
        limits = re.fullmatch(r"([0-9]+) to ([0-9]+) octets(?:, no .*)?", allowed)
        if limits and section in {"upstreams", "factors.NAME"}:
            found.append((section, name, int(limits[1]), int(limits[2])))
    return found


@pytest.mark.parametrize(("section", "name", "low", "high"), _texts())
def test_lengths_are_those_of_the_code(
    section: str, name: str, low: int, high: int, tmp_path: Path
) -> None:
    """The longest text is taken, a longer one and one too short are refused."""
    more = ", start_with: word" if name == "word" else ""
    assert _load(_with(section, name, f"'{high * 'x'}'{more}"), tmp_path).upstreams
    for size in {low - 1, high + 1} - {-1}:
        with pytest.raises(ConfigError, match=f"{name}: must have {low} to {high} octets"):
            _load(_with(section, name, f"'{size * 'x'}'{more}"), tmp_path)


def test_reserved_words_of_the_page_are_those_of_the_code() -> None:
    """Each word that no upstream can be called stands on the page."""
    text = TEXT.split("a letter first; ")[1].split(" mean something else")[0]
    assert set(re.findall(r"`([a-z]+)`", text)) == upstreams.RESERVED


def _forms() -> dict[str, upstream_model.Passing]:
    return {
        "all": upstream_model.Passing(),
        "none": upstream_model.Passing(everything=False),
        "[Class, Cisco-AVPair]": upstream_model.Passing(
            everything=False, names=(("Class", "Class"), ("Cisco-AVPair", "Cisco-AVPair"))
        ),
        "{Class: Filter-Id}": upstream_model.Passing(names=(("Class", "Filter-Id"),)),
        "[Class, {Filter-Id: Reply-Message}]": upstream_model.Passing(
            everything=False, names=(("Class", "Class"), ("Filter-Id", "Reply-Message"))
        ),
    }


def test_lists_of_the_page_mean_what_it_says(tmp_path: Path) -> None:
    """Each form of `send` and `take` on the page is one that is read so."""
    table = TEXT.split("| `send`, `take` | passes |")[1].split("\n\n")[0]
    shown = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert shown == list(_forms())
    for name in ("send", "take"):
        for form, expected in _forms().items():
            (it,) = _load(_with("upstreams", name, form), tmp_path).upstreams
            assert getattr(it, name) == expected


def test_what_is_never_passed_is_an_error(tmp_path: Path) -> None:
    """Each attribute that the page says is never passed either way cannot be named."""
    text = TEXT.split("- either way: ")[1].split(", and what proves")[0]
    found = re.findall(r"[A-Z][A-Za-z-]+", text)
    assert len(found) == 7
    for name in found:
        for setting in ("send", "take"):
            with pytest.raises(ConfigError, match=f"{name} is never passed on"):
                _load(_with("upstreams", setting, f"[{name}]"), tmp_path)


def test_reasons_of_the_page_are_those_of_the_code() -> None:
    """Why nobody answers is said in the words of the audit."""
    table = TEXT.split("| nobody answers | because |")[1].split("\n\n")[0]
    shown = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert shown == [
        Reason.UPSTREAM_SILENT,
        Reason.UPSTREAM_UNREACHABLE,
        Reason.UPSTREAM_BUSY,
        Reason.UNANSWERED,
        Reason.DIALOGUE_LOST,
    ]
    for word in re.findall(r"\(`([a-z]+-[a-z-]+)`\)", TEXT):
        assert Reason(word)


def test_examples_of_the_page_load_together(tmp_path: Path) -> None:
    """The page's clients, upstreams and factors are one configuration, without a warning."""
    blocks = [block.split("```")[0] for block in TEXT.split("```yaml\n")[1:]]
    parts = [
        next(block for block in blocks if block.startswith(f"{name}:\n"))
        for name in ("clients", "upstreams", "factors")
    ]
    (tmp_path / "secrets").mkdir()
    for name in set(re.findall(r"secrets/([a-z0-9]+)", "".join(parts))):
        (tmp_path / "secrets" / name).write_text("0123456789abcdef", encoding="utf-8")
        (tmp_path / "secrets" / name).chmod(0o600)
    duo = "  duo: {servers: [{host: 192.0.2.40, secret: {file: secrets/nps}}]}\n"
    parts[1] += duo  # the factor `push` of the example has one
    config = _load(SMALLEST + "".join(parts), tmp_path)
    assert [client.name for client in config.clients] == ["vpn", "office", "broker"]
    assert [upstream.name for upstream in config.upstreams] == ["rsa", "nps", "duo"]
    assert config.factors.names == ("totp", "securid", "push", "recovery")


LOUD_OF_SERVERS = [
    pytest.param("require_message_authenticator: no", "CVE-2024-3596", id="unsigned"),
    pytest.param("weak_secret: yes", "can be guessed", id="weak"),
]


@pytest.mark.parametrize(("setting", "warning"), LOUD_OF_SERVERS)
def test_loud_settings_of_servers_are_loud(setting: str, warning: str, tmp_path: Path) -> None:
    """What the page calls loud of a server is a warning at every start."""
    text = _with("upstreams.NAME.servers", *setting.split(": ")).replace(
        "host: 192.0.2.20, secret: {file: secrets/vpn}", "host: 192.0.2.20, secret: {file: weak}"
    )
    (tmp_path / "weak").write_text("short" if "weak" in setting else 16 * "x", encoding="utf-8")
    (tmp_path / "weak").chmod(0o600)
    (found,) = _load(text, tmp_path).warnings
    assert found.startswith("upstream it (192.0.2.20): ")
    assert warning in found


LOUD = [
    pytest.param("networks: [0.0.0.0/0]", "every address there is", id="networks"),
    pytest.param("require_message_authenticator: auto", "CVE-2024-3596", id="auto"),
    pytest.param("require_message_authenticator: no", "CVE-2024-3596", id="no"),
    pytest.param(
        "require_message_authenticator: no, limit_proxy_state: no", "nothing is left", id="both"
    ),
    pytest.param("sign_replies: no", "sign_replies is no", id="sign_replies"),
    pytest.param("explain: reason", "learns which there are", id="explain"),
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


def test_placeholders_of_the_page_are_those_of_the_code() -> None:
    """The table names every source of a value, and nothing else."""
    table = TEXT.split("| placeholder | stands for |")[1].split("\n\n")[0]
    shown = re.findall(r"^\| `\{([a-z]+)(?:\.NAME)?\}` \|", table, re.MULTILINE)
    assert shown == list(template.Source)
    assert f"more than {template.MOST_VALUES} values" in TEXT


def test_reply_of_a_policy_on_the_page_can_be_sent() -> None:
    """The attributes of the policy's example are made of what it says is known there."""
    block = next(part for part in TEXT.split("```yaml\n") if "\nreply:\n" in part.split("```")[0])
    text = block.split("```")[0]
    report = nodes.Report()
    fields = Fields(nodes.parse(text.encode(), report), "", report, known=("reply",))
    known = tuple(re.findall(r"attributes: \[([a-z]+), ([a-zA-Z]+)\]", text)[0])
    context = reply.Context(is_policy=True, has_groups=True, attributes=known, group_reply=None)
    assert len(reply.read(fields, context)) == 5
    assert not report.faults


LOUD_OF_DIRECTORIES = [
    pytest.param("starttls", "reads every password", id="starttls"),
    pytest.param("verify", "let anybody in", id="verify"),
]


@pytest.mark.parametrize(("setting", "warning"), LOUD_OF_DIRECTORIES)
def test_loud_settings_of_directories_are_loud(setting: str, warning: str, tmp_path: Path) -> None:
    """What the page calls loud of a directory is a warning at every start."""
    (found,) = _load(_with("primaries.NAME.ldap", setting, "no"), tmp_path).warnings
    assert found.startswith("directory it: ")
    assert warning in found


def test_defaults_of_active_directory_are_those_of_the_code(tmp_path: Path) -> None:
    """What the page says of Active Directory's defaults is what counts."""
    text = TEXT.split("With `kind: active-directory` the defaults\nare ")[1].split(". With")[0]
    said = re.findall(r"`([a-z_]+: [^`]+)`", text)
    assert len(said) == 5
    pairs = (one.split(": ", 1) for one in said)
    explicit = ", ".join(
        f"{name}: {value if value[0] == '[' else repr(value)}" for name, value in pairs
    )
    ours = _load(_with("primaries.NAME.ldap", "kind", "active-directory"), tmp_path).directories
    setting = f"active-directory, {explicit}"
    assert _load(_with("primaries.NAME.ldap", "kind", setting), tmp_path).directories == ours


def test_directory_of_the_page_loads(tmp_path: Path) -> None:
    """The page's directory can be copied, and is without a warning."""
    blocks = [block.split("```")[0] for block in TEXT.split("```yaml\n")[1:]]
    (block,) = (one for one in blocks if one.startswith("primaries:\n"))
    config = _load(_smallest() + block.replace("secrets/corp", "secrets/vpn"), tmp_path)
    assert [one.name for one in config.directories] == ["corp"]
    assert not config.warnings
