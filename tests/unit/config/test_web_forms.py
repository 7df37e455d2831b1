"""Settings of whoever is asked by HTTPS: addresses, certificates, passwords, lists of words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as some

from radiusmfa.config import nodes, web_forms
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

WORD: Final = re.compile(r"[a-z]{1,5}")


def fields(text: str) -> Fields:
    """Return the settings of *text*."""
    report = nodes.Report()
    return Fields(nodes.parse(text.encode(), report), "", report, known=("it", "ca_file"))


def told(read: Callable[[Fields], Any], text: str) -> tuple[Any, list[str]]:
    """Return what is read of `it: TEXT`, and the faults."""
    found = fields(f"it: {text}")
    return read(found), found.report.lines("f")


def url(text: str, *, has_path: bool = False) -> tuple[str, list[str], list[str]]:
    """Return an address, the warnings and the faults."""
    warnings: list[str] = []
    found, lines = told(
        lambda one: web_forms.url(one, "it", warnings, has_path=has_path), text
    )  # fmt: skip
    return found, warnings, lines


# -- addresses --


@pytest.mark.parametrize("has_path", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "''",
        "service.example.com",
        "ftp://service.example.com",
        "HTTPS://service.example.com",
        "https://",
        "https:///path",
        "'https://service.example.com?x=y'",
        "'https://service.example.com#x'",
        "https://me:mine@service.example.com",
        "https://service.example.com:0",
        "https://service.example.com:65536",
        "'https://service.example.com:'",
        "https://[::x]",
        "https://[192.0.2.1]",
        "https://ser_vice.example.com",
        "https://-service.example.com",
        "https://service..example.com",
        '"https://service.example.com\\n"',
        '"https://service.example.com/\\r\\nX: y"',
        "https://sérvice.example.com",
        "'https://service.example.com/a b'",
        "'https://service.example.com/a?b'",
        "https://service.example.com/ä",
        "https://service.example.com/" + "a" * 201,
    ],
)
def test_address_of_another_form_is_refused(text: str, *, has_path: bool) -> None:
    """A scheme, a host, a port, and where there may be one a path; no account, no question."""
    what = "must be https://HOST or https://HOST:PORT, as https://service.example.com"
    what += "/path" if has_path else ""
    assert url(text, has_path=has_path)[1:] == ([], [f"f:1:5: it: {what}"])


def test_path_is_refused_where_there_is_none() -> None:
    """What would be left out of every question is not taken silently."""
    _, warnings, (line,) = url("https://service.example.com/api")
    assert (warnings, line.split(": ", 2)[2][:22]) == ([], "must be https://HOST o")


@pytest.mark.parametrize("has_path", [False, True])
@pytest.mark.parametrize("host", ["service.example.com", "192.0.2.1", "localhost", "[2001:db8::1]"])
def test_plain_http_is_refused(host: str, *, has_path: bool) -> None:
    """Without TLS whoever sits on the path could say yes."""
    _, warnings, (line,) = url(f"'http://{host}'", has_path=has_path)
    assert warnings == []
    assert line == "f:1:5: it: must begin with https: whoever sits on the path could say yes"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.1.2.3", "[::1]:8080"])
def test_plain_http_to_this_machine_is_loud(host: str) -> None:
    """It is for tests, and said at every start."""
    found, warnings, lines = url(f"'http://{host}'")
    assert (found, lines) == (f"http://{host}", [])
    assert warnings == ["it is not protected: for tests only"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[a]", ["f:1:5: it: must be one value"]),
        ("~", ['f:1:5: it: has no value; an empty text is written ""']),
    ],
)
def test_address_is_one_value(text: str, lines: list[str]) -> None:
    """Anything else is one fault."""
    assert url(text) == ("", [], lines)


def test_address_must_be_there() -> None:
    """Somebody has to be asked."""
    found = fields("ca_file: ~")
    assert web_forms.url(found, "it", []) == ""
    assert found.report.lines("f") == ["f:1:1: it: is missing"]


@pytest.mark.parametrize(
    "address",
    [
        "https://service.example.com",
        "https://192.0.2.1:8443",
        "https://[2001:db8::1]:8443",
        "https://localhost",
        "https://service.example.com:65535",
        "https://a-b.c1",
    ],
)
@pytest.mark.parametrize("has_path", [False, True])
def test_address_is_taken(address: str, *, has_path: bool) -> None:
    """A name or an address, with a port or without; a slash at the end is left out."""
    for written in (address, f"{address}/"):
        assert url(f"'{written}'", has_path=has_path) == (address, [], [])


@pytest.mark.parametrize("path", ["/a", "/wsapi/2.0/verify", "/a-b_c~d/%41/", "/" + "a" * 200])
def test_path_is_taken_where_there_may_be_one(path: str) -> None:
    """It is what follows the host."""
    address = "https://service.example.com" + path
    assert url(address, has_path=True) == (address.removesuffix("/"), [], [])


@given(some.text(max_size=40))
def test_no_address_breaks_the_reader(text: str) -> None:
    """Whatever is written is an address, or a fault."""
    written = "".join(f"\\U{ord(sign):08x}" for sign in text)
    found, _, lines = url(f'"https://service.example.com{written}"', has_path=True)
    assert lines or re.fullmatch(r"https://service\.example\.com[!-~]*", found)


# -- hosts --


@pytest.mark.parametrize(
    "text",
    ["''", "'[::1]'", "'::1]'", "'proxy:3128'", "'http://proxy'", "proxy/", "-proxy", "a..b",
     "'a b'", "prö.example", '"proxy\\n"', "proxy.", "'*'", "a_b"],
)  # fmt: skip
def test_host_of_another_form_is_refused(text: str) -> None:
    """A name or an address, and nothing around it."""
    what = "must be a name or an address, as host.example.com or 192.0.2.1"
    assert told(lambda one: web_forms.host(one, "it"), text) == ("", [f"f:1:5: it: {what}"])


@pytest.mark.parametrize("host", ["proxy", "proxy.example.com", "192.0.2.1", "2001:db8::1", "::1"])
def test_host_is_taken(host: str) -> None:
    """As it is written."""
    assert told(lambda one: web_forms.host(one, "it"), f"'{host}'") == (host, [])


def test_host_must_be_there() -> None:
    """It has no default, and is one value."""
    found = fields("ca_file: ~")
    assert web_forms.host(found, "it") == ""
    assert found.report.lines("f") == ["f:1:1: it: is missing"]
    assert told(lambda one: web_forms.host(one, "it"), "[]") == (
        "",
        ["f:1:5: it: must be one value"],
    )


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("localhost", False),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("", False),
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
    ],
)
def test_only_an_address_is_surely_this_machine(host: str, *, is_loopback: bool) -> None:
    """A name is looked up, and may lead anywhere."""
    assert web_forms.is_loopback(host) is is_loopback


# -- words --


@pytest.mark.parametrize(
    ("text", "found", "lines"),
    [
        ("ABC", "ABC", ["f:1:5: it: must be small"]),
        ("toolong", "toolong", ["f:1:5: it: must be small"]),
        ('"abc\\n"', "abc\n", ["f:1:5: it: must be small"]),
        ("[abc]", "", ["f:1:5: it: must be one value"]),
        ("''", "", []),
        ("abc", "abc", []),
    ],
)
def test_word_has_a_form(text: str, found: str, lines: list[str]) -> None:
    """All of it, or it is a fault; an empty one is none."""
    assert told(lambda one: web_forms.matching(one, "it", WORD, "must be small"), text) == (
        found, lines,
    )  # fmt: skip


def test_word_may_be_missing() -> None:
    """Whoever needs one says so."""
    assert web_forms.matching(fields("ca_file: ~"), "it", WORD, "") == ""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[]", ["f:1:5: it: must name at least one"]),
        ("abc", ["f:1:5: it: must be a list, as [one, two]"]),
        ("[a, B]", ["f:1:9: it[1]: must be small"]),
        ("[a, [b]]", ["f:1:9: it[1]: must be one value"]),
        ("[a, '']", ["f:1:9: it[1]: must be small"]),
    ],
)
def test_list_has_words_of_a_form(text: str, lines: list[str]) -> None:
    """Each fault is at its own place."""
    found = told(lambda one: web_forms.listed(one, "it", WORD, "must be small"), text)[1]
    assert found[: len(lines)] == lines


def test_list_is_taken() -> None:
    """In its order, each once; without it there is none."""
    assert told(lambda one: web_forms.listed(one, "it", WORD, ""), "[b, a, b]") == (("b", "a"), [])
    assert web_forms.listed(fields("ca_file: ~"), "it", WORD, "") == ()


# -- passwords and certificates --


def password(text: str, folder: Path = Path("/")) -> tuple[Secret, list[str], list[str]]:
    """Return a password, the warnings and the faults."""
    warnings: list[str] = []
    sources = Sources(folder, {"PW": "hunter2", "NOTHING": ""})
    found, lines = told(lambda one: web_forms.password(one, "it", sources, warnings), text)
    return found, warnings, lines


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hunter2", "must be one of {file: ...}"),
        ("{env: NOTHING}", "the secret is empty"),
        ("{env: MISSING}", "the environment variable MISSING is not set"),
    ],
)
def test_password_that_is_none_is_refused(text: str, what: str) -> None:
    """A reference that leads to something; nothing of it is shown."""
    _, _, lines = password(text)
    assert lines[0].startswith(f"f:1:5: it: {what}")
    assert not any("hunter2" in line for line in lines)


def test_password_must_be_there() -> None:
    """Without one nobody would be let in there."""
    found = fields("ca_file: ~")
    sources = Sources(Path("/"), {})
    assert web_forms.password(found, "it", sources, []) == Secret(b"")
    assert found.report.lines("f") == ["f:1:1: it: is missing"]


def test_password_may_be_short() -> None:
    """It is no secret of RFC 2865; whoever can read it in a file is a warning."""
    assert password("{env: PW}") == (Secret(b"hunter2"), [], [])


def ca_file(text: str, folder: Path) -> tuple[Path | None, list[str]]:
    """Return a file of certificates, and the faults."""
    found = fields(f"ca_file: {text}")
    return web_forms.ca_file(found, Sources(folder, {})), found.report.lines("f")


def test_file_without_certificates_is_refused(tmp_path: Path) -> None:
    """What is no file, or holds something else, would trust nobody."""
    (tmp_path / "other.pem").write_text("no certificate", encoding="ascii")
    assert ca_file("other.pem", tmp_path)[1] == [
        f"f:1:10: ca_file: {tmp_path}/other.pem: holds no certificate in PEM"
    ]
    for name in ("gone.pem", "."):
        (line,) = ca_file(name, tmp_path)[1]
        assert line.endswith("cannot be read")
    assert ca_file("[a]", tmp_path) == (None, ["f:1:10: ca_file: must be one value"])


@pytest.mark.parametrize("text", ["~", ""])
def test_file_may_be_missing(text: str, tmp_path: Path) -> None:
    """Then the system's authorities count."""
    assert ca_file(text, tmp_path) == (None, [])
    assert web_forms.ca_file(fields("it: ~"), Sources(tmp_path, {})) is None


def test_file_of_certificates_is_taken(tmp_path: Path) -> None:
    """Its path begins at the folder of the file that names it."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    assert ca_file("ca.pem", tmp_path) == (tmp_path / "ca.pem", [])
    assert ca_file(f"{tmp_path}/ca.pem", Path("/")) == (tmp_path / "ca.pem", [])
