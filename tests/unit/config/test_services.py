"""The section `services`: what every kind has in common, and every way to write it wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme

from radiusmfa.config import nodes, services
from radiusmfa.config.fields import Fields
from radiusmfa.config.message_model import Smtp
from radiusmfa.config.secrets import Sources
from radiusmfa.config.service_model import Limits, Proxy, Questions, Service
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

PROXY: Final = "proxy: {host: proxy.example.com"


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know two kinds, each with one setting."""

    def kind(word: str) -> Callable[..., Questions]:
        def read(outer: Fields, _: Sources, warnings: list[str]) -> Questions:
            fields = outer.section(word, ("ask",))
            ask = fields.integer("ask", 2, low=1, high=5)
            warnings += [f"{word} asks once"] if ask == 1 else []
            return Questions(ask=ask)

        return read

    for word in list(services.KINDS):
        monkeypatch.delitem(services.KINDS, word)
    monkeypatch.setitem(services.KINDS, "quiz", kind("quiz"))
    monkeypatch.setitem(services.KINDS, "riddle", kind("riddle"))


def read(
    text: str, folder: Path = Path("/"), taken: tuple[str, ...] = ()
) -> tuple[tuple[Service, ...], list[str], list[str]]:
    """Return the services of a file, the warnings and the faults."""
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("services", "x"))
    sources = Sources(folder, {"PW": "hunter2"})
    found, warnings = services.read(top, sources, taken)
    return found, warnings, report.lines("f")


def one(settings: str, folder: Path = Path("/")) -> Service:
    """Return the service of a file that is well."""
    (found,), warnings, faults = read(f"services: {{it: {{quiz: {{}}, {settings}}}}}", folder)
    assert (warnings, faults) == ([], [])
    return found


def faults(settings: str, folder: Path = Path("/")) -> list[str]:
    """Return what is wrong with a service, without the place."""
    lines = read(f"services: {{it: {{quiz: {{}}, {settings}}}}}", folder)[2]
    return [line.split(": ", 1)[1] for line in lines]


# -- which there are --


@pytest.mark.parametrize("text", ["x: 1", "services:", "services: ~", "services: {}"])
def test_no_service_is_no_fault(text: str) -> None:
    """Most installations have none."""
    assert read(text) == ((), [], [])


@pytest.mark.parametrize("text", ["[]", "duo", "[{quiz: {}}]"])
def test_services_are_named(text: str) -> None:
    """The section names its services; a list of them has no names."""
    fault = "f:1:11: services: must name services, as {duo: {duo: {...}}}"
    assert read(f"services: {text}") == ((), [], [fault])


@pytest.mark.parametrize("name", ["'a b'", "'1a'", "'ä'", "''", 65 * "a", "'a\\n'"])
def test_name_of_another_form_is_refused(name: str) -> None:
    """Factors, logs and the audit name a service: its name is plain."""
    (line,) = read(f"services: {{{name}: {{quiz: {{}}}}}}")[2]
    assert line.startswith("f:1:12: services.")
    assert "must be 1 to 64 letters, digits, dots, dashes or underscores, a letter first" in line


@pytest.mark.parametrize("name", ["local", "none", "totp", "Recovery", "skip", "refuse"])
def test_name_with_a_meaning_is_refused(name: str) -> None:
    """Where a factor may stand, these mean something else."""
    (line,) = read(f"services: {{{name}: {{quiz: {{}}}}}}")[2]
    assert "is a word that means something else" in line


def test_name_of_an_upstream_is_refused() -> None:
    """One name, one server that is asked; the fault says where."""
    text = "services:\n  it: {quiz: {}}\n  rsa: {quiz: {}}\n"
    assert read(text, taken=("rsa",))[2] == [
        "f:3:3: services.rsa: is the name of an upstream: choose another one"
    ]


@pytest.mark.parametrize("settings", ["", "timeout: 5"])
def test_kind_must_be_said(settings: str) -> None:
    """What a service is has no default; the fault names what there is."""
    found, warnings, (line,) = read(f"services: {{it: {{{settings}}}}}")
    assert line == "f:1:16: services.it: must say what it is, by one of quiz, riddle"
    assert (found, warnings) == ((), [])


def test_two_kinds_are_refused() -> None:
    """A service is one thing."""
    found, _, (line,) = read("services: {it: {quiz: {}, riddle: {}}}")
    assert (found, line) == ((), "f:1:16: services.it: must be one kind only")


@pytest.mark.parametrize("text", ["[]", "quiz", "~"])
def test_service_holds_settings(text: str) -> None:
    """Anything else is told, and not told twice."""
    _, _, lines = read(f"services: {{it: {text}}}")
    assert lines[0].startswith("f:1:16: services.it: must hold settings")


def test_setting_that_is_none_is_refused() -> None:
    """What is written amiss is not overlooked; what was meant is named."""
    assert faults("timeuot: 5") == ["services.it.timeuot: is no setting; did you mean timeout?"]


def test_smallest_service_takes_every_default() -> None:
    """The kind is enough."""
    found, warnings, lines = read("services: {b: {quiz: {}}, a: {riddle: {ask: 3}}}")
    assert found == (
        Service(name="b", settings=Questions()),
        Service(name="a", settings=Questions(ask=3)),
    )
    assert (warnings, lines) == ([], [])


def test_kind_warns_and_is_faulty_with_its_place() -> None:
    """What the reader of a kind has to say is said."""
    text = "services:\n  a: {quiz: {ask: 1}}\n  b: {riddle: {ask: 6}}\n"
    _, warnings, lines = read(text)
    assert warnings == ["quiz asks once"]
    assert lines == ["f:3:21: services.b.riddle.ask: must be a whole number from 1 to 5"]


# -- what they have in common --


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("timeout: 0", "timeout: must be a whole number from 1 to 60"),
        ("timeout: 61", "timeout: must be a whole number from 1 to 60"),
        ("timeout: 1.5", "timeout: must be a whole number from 1 to 60"),
        ("ca_file: gone.pem", "ca_file: /gone.pem: cannot be read"),
        ("ca_file: [a]", "ca_file: must be one value"),
        ("proxy: proxy.example.com", "proxy: must hold settings"),
        ("proxy: {}", "proxy.host: is missing"),
        (PROXY + ", port: 0}", "proxy.port: must be a whole number from 1 to 65535"),
        (PROXY + ", port: 65536}", "proxy.port: must be a whole number from 1 to 65535"),
        (PROXY + ", user: a}", "proxy.password: is missing"),
        (PROXY + ", password: {env: PW}}", "proxy.password: has a meaning with user only"),
        (PROXY + ", user: 'a:b', password: {env: PW}}", "proxy.user: must not hold a colon"),
        (PROXY + ', user: "a\\n", password: {env: PW}}', "proxy.user: must not hold control"),
        (PROXY + f", user: {'a' * 101}, password: {{env: PW}}}}", "proxy.user: must have 0 to 100"),
        (PROXY + ", user: a, password: {env: NO}}", "proxy.password: the environment variable NO"),
        (PROXY + ", url: x}", "proxy.url: is no setting"),
        ("proxy: {host: 'proxy:3128'}", "proxy.host: must be a name or an address"),
        ("proxy: {host: 'http://proxy'}", "proxy.host: must be a name or an address"),
        ("proxy: {host: '[::1]'}", "proxy.host: must be a name or an address"),
        ("limits: 5", "limits: must hold settings"),
        ("limits: {per_hour: 0}", "limits.per_hour: must be a whole number from 1 to 1000"),
        ("limits: {per_hour: 1001}", "limits.per_hour: must be a whole number from 1 to 1000"),
        ("limits: {per_day: 0}", "limits.per_day: must be a whole number from 1 to 10000"),
        ("limits: {per_day: 10001}", "limits.per_day: must be a whole number from 1 to 10000"),
        ("limits: {site_per_hour: 0}", "limits.site_per_hour: must be a whole number from 1 to"),
        ("limits: {site_per_hour: 1000001}", "limits.site_per_hour: must be a whole number from"),
        ("limits: {cool_down: 25h}", "limits.cool_down: must be from 0s to 1d"),
        ("limits: {cool_down: -1}", "limits.cool_down: must be from 0s to 1d"),
        ("limits: {per_week: 1}", "limits.per_week: is no setting"),
        ("open_until: soon", "open_until: must be a day"),
        ("open_until: 2027-02-30", "open_until: must be a day"),
        ("open_until: 20270131", "open_until: must be a day"),
        ("open_until: '2027-W01-1'", "open_until: must be a day"),
        ("open_until: 9999-12-31", "open_until: must be a day"),
        ("open_until: yes", "open_until: must be a day"),
        ("open_until: [2027-01-31]", "open_until: must be one value"),
    ],
)
def test_wrong_setting_is_refused(settings: str, fault: str) -> None:
    """What cannot be meant is an error of the file; there is one for each, and no secret in it."""
    (line,) = faults(settings)
    assert line.startswith(f"services.it.{fault}")
    assert "hunter2" not in line


def test_password_in_clear_is_refused_and_not_repeated() -> None:
    """A secret is a reference; what was written instead is not shown."""
    lines = faults(PROXY + ", user: a, password: hunter2}")
    assert lines[0].startswith("services.it.proxy.password: must be one of {file: ...}")
    assert not any("hunter2" in line for line in lines)


def test_fault_says_line_and_column() -> None:
    """Where it is written, not where the service begins."""
    text = "services:\n  it:\n    quiz: {}\n    proxy:\n      host: p\n      port: none\n"
    assert read(text)[2] == [
        "f:6:13: services.it.proxy.port: must be a whole number from 1 to 65535"
    ]


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ("timeout: 60", "timeout", 60),
        ("ca_file: ~", "ca_file", None),
        ("proxy: ~", "proxy", None),
        ("open_until: ~", "open_until", None),
        ("limits: {}", "limits", Limits()),
        (
            "limits: {per_hour: 1, per_day: 2, site_per_hour: 1000000, cool_down: 1d}",
            "limits",
            Limits(per_hour=1, per_day=2, site_per_hour=1_000_000, cool_down=86_400),
        ),
        ("limits: {cool_down: 0}", "limits", Limits(cool_down=0)),
        (PROXY + "}", "proxy", Proxy(host="proxy.example.com", port=3128)),
        ("proxy: {host: '2001:db8::1', port: 8080}", "proxy", Proxy(host="2001:db8::1", port=8080)),
        ("proxy: {host: 192.0.2.1, user: ''}", "proxy", Proxy(host="192.0.2.1")),
        (
            PROXY + ", user: radiusmfa, password: {env: PW}}",
            "proxy",
            Proxy(
                host="proxy.example.com", user="radiusmfa", password=Secret(b"hunter2")
            ),
        ),
    ],
)  # fmt: skip
def test_setting_is_taken(settings: str, field: str, value: object) -> None:
    """Each setting is what the file says."""
    assert getattr(one(settings), field) == value


def test_proxy_of_a_mail_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would not be used is not taken silently: mail goes to its server straight."""
    mail = Smtp(host="mail.example", sender="a@example.com")
    monkeypatch.setitem(services.KINDS, "quiz", lambda *_: mail)
    assert faults(PROXY + "}") == [
        "services.it.proxy: has a meaning for services on the web only: mail goes straight"
    ]


def test_certificates_are_looked_at(tmp_path: Path) -> None:
    """A file of certificates stands beside the file that names it; another kind is refused."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "other.pem").write_text("no certificate", encoding="ascii")

    assert one("ca_file: ca.pem", tmp_path).ca_file == tmp_path / "ca.pem"
    (fault,) = faults("ca_file: other.pem", tmp_path)
    assert fault.endswith("other.pem: holds no certificate in PEM")


def test_failing_open_is_loud() -> None:
    """A day until which the password is enough is said at every start, by name."""
    (found,), warnings, lines = read("services: {it: {quiz: {}, open_until: 2027-01-31}}")
    assert (found.open_until, lines) == (date(2027, 1, 31), [])
    (warning,) = warnings
    assert warning == (
        "service it: open_until 2027-01-31: until then whoever has the password gets in WITHOUT a"
        " second factor while the service cannot be asked"
    )


def test_password_that_everybody_reads_is_loud(tmp_path: Path) -> None:
    """A password in a file that every user of the machine can read is a warning."""
    (tmp_path / "password").write_text("hunter2", encoding="ascii")
    (tmp_path / "password").chmod(0o644)
    text = f"services: {{it: {{quiz: {{}}, {PROXY}, user: a, password: {{file: password}}}}}}}}"

    _, (warning,), lines = read(text, tmp_path)

    assert lines == []
    assert "hunter2" not in warning


# -- who names one --


def named(text: str, *names: str) -> tuple[Service | None, list[str]]:
    """Return the service that a setting names, and the faults."""
    report = nodes.Report()
    fields = Fields(nodes.parse(text.encode(), report), "", report, known=("service",))
    known: tuple[Any, ...] = tuple(Service(name=name, settings=Questions()) for name in names)
    return services.named(fields, "service", known), report.lines("f")


@pytest.mark.parametrize(
    ("text", "names", "fault"),
    [
        ("{}", ("push",), "f:1:1: service: is missing"),
        ("service: [push]", ("push",), "f:1:10: service: must be one value"),
        ("service: push", (), "f:1:10: service: must name one of services (there is none)"),
        (
            "service: psh",
            ("texts", "push"),
            "f:1:10: service: must name one of services (texts, push); did you mean push?",
        ),
        ("service: PUSH", ("push",), "f:1:10: service: must name one of services (push)"),
    ],
)
def test_service_that_is_none_is_refused(text: str, names: tuple[str, ...], fault: str) -> None:
    """Whoever names a service names one there is."""
    assert named(text, *names) == (None, [fault])


def test_service_is_found_by_its_name() -> None:
    """The one of that name, and no fault."""
    found, lines = named("service: push", "texts", "push")
    assert (found, lines) == (Service(name="push", settings=Questions()), [])
