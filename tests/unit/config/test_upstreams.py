"""Tests of `radiusmfa.config.upstreams`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import dialogues, nodes, upstreams
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.config.upstream_model import (
    AliveCheck,
    Codec,
    Passing,
    Server,
    Upstream,
    Use,
    UserName,
)
from radiusmfa.secret import Secret

GOOD: Final = "0123456789abcdef"
SERVER: Final = "host: 192.0.2.20, secret: {env: IT}"
ONE: Final = f"servers: [{{{SERVER}}}]"
FILES: Final = Path(__file__).parents[3] / "conf" / "dialogues"


def _all(
    text: str, folder: Path = Path("/")
) -> tuple[tuple[Upstream, ...], list[str], list[str], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("upstreams", "x"))
    sources = Sources(folder, {"IT": GOOD, "WEAK": "weak"})
    found, warnings, elsewhere = upstreams.read(top, sources)
    return found, warnings, report.lines("f"), elsewhere


def _one(settings: str, folder: Path = Path("/")) -> Upstream:
    found, _, faults, elsewhere = _all(f"upstreams: {{rsa: {{{ONE}, {settings}}}}}", folder)
    assert (faults, elsewhere) == ([], [])
    return found[0]


def _faults(settings: str) -> list[str]:
    return _all(f"upstreams: {{rsa: {{{ONE}, {settings}}}}}")[2]


def _server(settings: str, entry: str = SERVER, more: str = "") -> Server:
    found, _, faults, _ = _all(f"upstreams: {{rsa: {{servers: [{{{entry}, {settings}}}]{more}}}}}")
    assert not faults
    return found[0].servers[0]


def _server_faults(entry: str) -> list[str]:
    return _all(f"upstreams: {{rsa: {{servers: [{{{entry}}}]}}}}")[2]


@pytest.mark.parametrize("text", ["x: 1", "upstreams:", "upstreams: ~", "upstreams: {}"])
def test_no_upstream_is_no_fault(text: str) -> None:
    """Most installations have none."""
    assert _all(text) == ((), [], [], [])


@pytest.mark.parametrize("text", ["[]", "rsa", "[{name: rsa}]"])
def test_upstreams_are_named(text: str) -> None:
    """The section names its upstreams; a list of them has no names."""
    fault = "f:1:12: upstreams: must name upstreams, as {securid: {servers: [...]}}"
    assert _all(f"upstreams: {text}") == ((), [], [fault], [])


def test_smallest_upstream_takes_every_default() -> None:
    """A host and its secret are enough; the defaults are the model's, and safe."""
    found, warnings, faults, elsewhere = _all(f"upstreams: {{rsa: {{{ONE}}}}}")
    server = Server(host="192.0.2.20", secret=Secret(GOOD.encode()))
    generic = dialogues.shipped("generic")
    assert found == (Upstream(name="rsa", servers=(server,), dialogue=generic),)
    assert (warnings, faults, elsewhere) == ([], [], [])
    assert found[0].servers[0].require_message_authenticator


def test_order_of_the_file_stays() -> None:
    """Upstreams and servers keep the order of the file: the first server is asked first."""
    two = "{host: 192.0.2.2, secret: {env: IT}}, {host: 192.0.2.1, secret: {env: IT}}"
    found = _all(f"upstreams: {{b: {{servers: [{two}]}}, a: {{{ONE}}}}}")[0]
    assert [upstream.name for upstream in found] == ["b", "a"]
    assert [server.host for server in found[0].servers] == ["192.0.2.2", "192.0.2.1"]


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("use: fail-over", "use", Use.FAIL_OVER),
        ("use: spread", "use", Use.SPREAD),
        ("codec: utf-8", "codec", Codec.UTF_8),
        ("codec: cp1252", "codec", Codec.CP1252),
        ("send: none", "send", Passing(everything=False)),
        ("take: none", "take", Passing(everything=False)),
        ("take: {Class: Filter-Id}", "take", Passing(names=(("Class", "Filter-Id"),))),
        (
            "send: [NAS-Port]",
            "send",
            Passing(everything=False, names=(("NAS-Port", "NAS-Port"),)),
        ),
        ("probe_user: nobody", "probe_user", "nobody"),
        ("probe_user: %s" % (253 * "x"), "probe_user", 253 * "x"),
        ("user_name: ", "user_name", UserName()),
        ("user_name: {strip: realm}", "user_name", UserName(strip=("realm",))),
        ("user_name: {strip: domain}", "user_name", UserName(strip=("domain",))),
        ("user_name: {strip: []}", "user_name", UserName()),
        (
            "user_name: {strip: [realm, domain], realm: example.com, domain: EXAMPLE}",
            "user_name",
            UserName(strip=("realm", "domain"), realm="example.com", domain="EXAMPLE"),
        ),
        ("user_name: {realm: '', domain: ''}", "user_name", UserName()),
        ("user_name: {realm: %s}" % (200 * "x"), "user_name", UserName(realm=200 * "x")),
        ("codec: cp1252, user_name: {domain: BÜRO}", "user_name", UserName(domain="BÜRO")),
        ("user_name: {domain: ΓΡΑΦΕΙΟ}", "user_name", UserName(domain="ΓΡΑΦΕΙΟ")),
    ],
)
def test_settings_are_read(setting: str, field: str, value: object) -> None:
    """Each setting of an upstream is taken."""
    assert getattr(_one(setting), field) == value


NUMBERS: Final = [
    ("retransmit", 1, 30),
    ("patience", 1, 300),
    ("probe_interval", 1, 3600),
    ("ports", 1, 1024),
    ("rounds", 1, 100),
]


@pytest.mark.parametrize(("name", "low", "high"), NUMBERS)
def test_number_settings_have_their_limits(name: str, low: int, high: int) -> None:
    """Each number is taken from its lowest to its highest value, and not beyond."""
    for value in (low, high):
        assert getattr(_one(f"{name}: {value}"), name) == value
    for value in (low - 1, high + 1):
        (fault,) = _faults(f"{name}: {value}")
        assert fault.endswith(f"upstreams.rsa.{name}: must be a whole number from {low} to {high}")


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("use: failover", ".use: must be fail-over or spread; did you mean fail-over?"),
        ("codec: latin1", ".codec: must be utf-8 or cp1252"),
        ("dialogue: securidd", ".dialogue: must be duo-proxy, generic, nps, onespan, securid, vip"),
        ("dialogue: [securid]", ".dialogue: must be one value"),
        ("dialogue: ", ".dialogue: has no value"),
        ("dialogue: {}", ".dialogue.file: is missing"),
        ("dialogue: {file: }", ".dialogue.file: has no value"),
        ("dialogue: {file: ''}", ".dialogue.file: must be the path of a file"),
        ('dialogue: {file: "a\\0b"}', ".dialogue.file: must be the path of a file"),
        ("send: State", ".send: must be all, none, a list of names, or {Name: Other-Name}"),
        ("take: [State]", ".take[0]: State is never passed on"),
        ("probe_user: ''", ".probe_user: must have 1 to 253 octets"),
        ("probe_user: %s" % (254 * "x"), ".probe_user: must have 1 to 253 octets"),
        ("user_name: alice", ".user_name: must hold settings, as {name: value}"),
        ("user_name: {strp: realm}", ".user_name.strp: is no setting; did you mean strip?"),
        ("user_name: {strip: all}", ".user_name.strip: must be realm or domain, or both in a list"),
        ("user_name: {strip: [realm, x]}", ".user_name.strip[1]: must be realm or domain"),
        ("user_name: {strip: {}}", ".user_name.strip: must be one value"),
        ("user_name: {strip: }", ".user_name.strip: has no value"),
        ("user_name: {realm: '@example.com'}", ".user_name.realm: must not hold @, which is put"),
        ("user_name: {domain: 'EX\\'}", ".user_name.domain: must not hold \\, which is put"),
        ("user_name: {realm: %s}" % (201 * "x"), ".user_name.realm: must have 0 to 200 octets"),
        ("user_name: {domain: %s}" % (201 * "x"), ".user_name.domain: must have 0 to 200 octets"),
        (
            "codec: cp1252, user_name: {realm: ΓΡΑΦΕΙΟ}",
            ".user_name.realm: cannot be written in cp1252, the codec of this upstream",
        ),
        ("serves: []", ".serves: is no setting; did you mean servers?"),
        ("name: rsa", ".name: is no setting; did you mean"),
    ],
)
def test_unfit_setting_is_refused(setting: str, fault: str) -> None:
    """A setting of another form, or that could never work, is named once."""
    (line,) = _faults(setting)
    assert line.startswith("f:1:")
    assert f"upstreams.rsa{fault}" in line


def test_fault_has_its_line_and_column() -> None:
    """Each fault shows where it stands."""
    text = (
        "upstreams:\n  rsa:\n    servers:\n      - host: rsa1.example.com:1812\n"
        "        secret: {env: WEAK}\n        port: 0\n    retransmit: 0\n"
    )
    assert _all(text)[2] == [
        (
            "f:4:15: upstreams.rsa.servers[0].host: must be an IPv4 or IPv6 address, or a name;"
            " the port has its own setting"
        ),
        (
            "f:5:17: upstreams.rsa.servers[0].secret: the secret must have at least 16 octets"
            " (weak_secret: yes allows a shorter one)"
        ),
        "f:6:15: upstreams.rsa.servers[0].port: must be a whole number from 1 to 65535",
        "f:7:17: upstreams.rsa.retransmit: must be a whole number from 1 to 30",
    ]


@pytest.mark.parametrize("name", ["rsa", "R2.d-2_x", "x", "x" * 64, "local2", "nonesuch"])
def test_names_are_taken(name: str) -> None:
    """A name is a short word that fits a log line."""
    assert _all(f"upstreams: {{{name}: {{{ONE}}}}}")[0][0].name == name


@pytest.mark.parametrize("name", ["2fa", "''", "a b", "-a", "é", "x" * 65, "a/b"])
def test_unfit_name_is_refused(name: str) -> None:
    """What does not fit a log line is no name."""
    (fault,) = _all(f"upstreams: {{{name}: {{{ONE}}}}}")[2]
    assert fault.startswith("f:1:13: upstreams.")
    assert "must be 1 to 64 letters, digits, dots, dashes or underscores, a letter first" in fault


@pytest.mark.parametrize(
    "name",
    ["local", "none", "totp", "hotp", "yubikey", "recovery", "refuse", "skip", "Local", "TOTP"],
)
def test_reserved_word_is_no_name(name: str) -> None:
    """A word that means something else where an upstream is named is refused, in any case."""
    assert _all(f"upstreams: {{{name}: {{{ONE}}}}}")[2] == [
        f"f:1:13: upstreams.{name}: is a word that means something else: choose another name"
    ]


def test_same_name_twice_is_refused() -> None:
    """One name is one upstream."""
    (fault,) = _all(f"upstreams:\n  rsa: {{{ONE}}}\n  rsa: {{{ONE}}}\n")[2]
    assert fault == "f:3:3: upstreams.rsa: stands here twice, first in line 2"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "f:1:18: upstreams.rsa.servers: is missing"),
        ("{servers: []}", "f:1:28: upstreams.rsa.servers: must name at least one server"),
        ("{servers: [192.0.2.1]}", "f:1:29: upstreams.rsa.servers[0]: must hold settings, as"),
        ("{servers: [{secret: {env: IT}}]}", "f:1:29: upstreams.rsa.servers[0].host: is missing"),
        ("{servers: [{host: 192.0.2.1}]}", "f:1:29: upstreams.rsa.servers[0].secret: is missing"),
        ("192.0.2.1", "f:1:18: upstreams.rsa: must hold settings, as {name: value}"),
    ],
)
def test_upstream_without_a_server_is_refused(text: str, fault: str) -> None:
    """There is somebody to ask, and a secret to ask with."""
    (line,) = _all(f"upstreams: {{rsa: {text}}}")[2]
    assert line.startswith(fault)


def test_servers_are_a_list() -> None:
    """One server, too, is a list of one."""
    faults = _all(f"upstreams: {{rsa: {{servers: {{{SERVER}}}}}}}")[2]
    assert "f:1:28: upstreams.rsa.servers: must be a list, as [one, two]" in faults


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("port: 1", "port", 1),
        ("port: 65535", "port", 65535),
        ("weak_secret: yes", "weak_secret", True),
        ("require_message_authenticator: no", "require_message_authenticator", False),
        ("alive_check: status-server", "alive_check", AliveCheck.STATUS_SERVER),
        ("alive_check: access-request", "alive_check", AliveCheck.ACCESS_REQUEST),
        ("alive_check: none", "alive_check", AliveCheck.NONE),
    ],
)
def test_settings_of_a_server_are_read(setting: str, field: str, value: object) -> None:
    """Each setting of a server is taken."""
    assert getattr(_server(setting), field) == value


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("port: 0", ".port: must be a whole number from 1 to 65535"),
        ("port: 65536", ".port: must be a whole number from 1 to 65535"),
        ("port: radius", ".port: must be a whole number from 1 to 65535"),
        ("weak_secret: maybe", ".weak_secret: must be yes or no"),
        ("require_message_authenticator: auto", ".require_message_authenticator: must be yes or"),
        ("alive_check: ping", ".alive_check: must be status-server, access-request or none"),
        ("hst: x", ".hst: is no setting; did you mean host?"),
    ],
)
def test_unfit_setting_of_a_server_is_refused(setting: str, fault: str) -> None:
    """What a server cannot have is named."""
    (line,) = _server_faults(f"{SERVER}, {setting}")
    assert f"upstreams.rsa.servers[0]{fault}" in line


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("'2001:DB8:0::1'", "2001:db8::1"),
        ("'::1'", "::1"),
        ("rsa1.example.com", "rsa1.example.com"),
        ("rsa1.example.com.", "rsa1.example.com."),
        ("RSA1", "RSA1"),
        ("3com.example", "3com.example"),
        ("10.example", "10.example"),
        ("a" + 62 * "-" + "b.example", None),
        ("a" + 61 * "-" + "b.example", "a" + 61 * "-" + "b.example"),
        (".".join(["x" * 62] * 4) + ".", ".".join(["x" * 62] * 4) + "."),
        (".".join(["x" * 62] * 4) + ".xyz", None),
        ("999.1.1.1", None),
        ("10.0.0", None),
        ("10.0.0.1.", None),
        ("1812", None),
        ("rsa.1", None),
        ("0x7f.0x1", None),
        ("0x7f000001", None),
        ("10.0.0.1:1812", None),
        ("'[2001:db8::1]'", None),
        ("rsa1.example.com:1812", None),
        ("10.0.0.0/24", None),
        ("rsa 1", None),
        ("rsa..example", None),
        ("-rsa", None),
        ("rsa-", None),
        ("rsa_1", None),
        ("rsä", None),
        ("'.'", None),
        ("''", None),
    ],
)
def test_host_is_an_address_or_a_name(written: str, host: str | None) -> None:
    """What looks like an address and is none is not looked up as a name."""
    entry = f"host: {written}, secret: {{env: IT}}"
    if host is not None:
        assert _server("port: 1812", entry).host == host
        return
    (fault,) = _server_faults(entry)
    assert "servers[0].host: must be an IPv4 or IPv6 address, or a name; the port has" in fault


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "'::'", "224.0.0.1", "'ff02::1'", "'::ffff:192.0.2.1'", "'fe80::1%eth0'"]
)
def test_address_that_no_reply_comes_from_is_refused(host: str) -> None:
    """Replies are taken from the server's own address only: it is that of one machine."""
    (fault,) = _server_faults(f"host: {host}, secret: {{env: IT}}")
    assert "servers[0].host: must be the address of one server, without zone or mapping" in fault


@pytest.mark.parametrize("host", ["[]", "~"])
def test_host_without_a_value_is_refused(host: str) -> None:
    """A host is one word."""
    (fault,) = _server_faults(f"host: {host}, secret: {{env: IT}}")
    assert "upstreams.rsa.servers[0].host: " in fault


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("'2001:db8::1'", "'2001:db8:0::1'"),
        ("rsa.example", "RSA.example."),
    ],
)
def test_same_server_twice_is_refused(first: str, second: str) -> None:
    """A server that stands twice would be asked again where another one should be."""
    secret = "secret: {env: IT}"
    two = f"{{host: {first}, {secret}}},\n {{host: {second}, {secret}}}"
    (fault,) = _all(f"upstreams: {{rsa: {{servers: [{two}]}}}}")[2]
    assert fault.startswith("f:2:9: upstreams.rsa.servers[1].host: ")
    assert fault.endswith("port 1812 stands here twice")
    other = two.replace(",\n {", ",\n {port: 1645, ")
    assert not _all(f"upstreams: {{rsa: {{servers: [{other}]}}}}")[2]


def test_two_faulty_hosts_are_no_twins() -> None:
    """Hosts that could not be read are not said to be the same."""
    two = ", ".join("{host: 999.1.1.1, secret: {env: IT}}" for _ in range(2))
    faults = _all(f"upstreams: {{rsa: {{servers: [{two}]}}}}")[2]
    assert len(faults) == 2
    assert not any("twice" in fault for fault in faults)


def test_same_server_in_two_upstreams_is_fine() -> None:
    """One machine may serve two ways of asking."""
    assert not _all(f"upstreams: {{a: {{{ONE}}}, b: {{{ONE}}}}}")[2]


def test_short_secret_is_refused() -> None:
    """A secret of fewer than 16 octets is guessed from one packet."""
    (fault,) = _server_faults("host: 192.0.2.1, secret: {env: WEAK}")
    assert "servers[0].secret: the secret must have at least 16 octets" in fault


@pytest.mark.parametrize(
    ("setting", "warning"),
    [
        (
            "secret: {env: IT}, require_message_authenticator: no",
            (
                "upstream rsa (192.0.2.20): require_message_authenticator is no: whoever sits on"
                " the path can forge its replies and let anybody in (CVE-2024-3596)"
            ),
        ),
        (
            "secret: {env: WEAK}, weak_secret: yes",
            (
                "upstream rsa (192.0.2.20): weak_secret is yes: the secret can be guessed from one"
                " captured packet"
            ),
        ),
    ],
)
def test_waiver_is_a_warning(setting: str, warning: str) -> None:
    """Each setting that weakens is said at every start, with upstream and server."""
    found = _all(f"upstreams: {{rsa: {{servers: [{{host: 192.0.2.20, {setting}}}]}}}}")
    assert found[1:] == ([warning], [], [])


def test_strong_secret_needs_no_warning() -> None:
    """`weak_secret` on a strong secret weakens nothing."""
    assert not _all(f"upstreams: {{rsa: {{servers: [{{{SERVER}, weak_secret: yes}}]}}}}")[1]


def test_secret_that_all_can_read_is_a_warning(tmp_path: Path) -> None:
    """A file that every user of the machine can read is named, with upstream and server."""
    (tmp_path / "it").write_text(GOOD, encoding="utf-8")
    (tmp_path / "it").chmod(0o644)
    text = "upstreams: {rsa: {servers: [{host: 192.0.2.20, secret: {file: it}}]}}"
    (warning,) = _all(text, tmp_path)[1]
    assert warning == (
        f"upstream rsa (192.0.2.20): {tmp_path}/it can be read by every user of this machine"
    )


@pytest.mark.parametrize("name", ["generic", "securid", "vip", "onespan", "nps", "duo-proxy"])
def test_dialogue_brings_its_defaults(name: str) -> None:
    """How a kind of server speaks decides how long it may be silent and how it is looked at."""
    found = _one(f"dialogue: {name}")
    dialogue = dialogues.shipped(name)
    assert found.dialogue == dialogue
    assert found.patience == dialogue.patience
    assert found.servers[0].alive_check is dialogue.alive_check
    assert _one(f"dialogue: {name}, patience: 7").patience == 7
    server = _server("alive_check: none", more=f", dialogue: {name}")
    assert server.alive_check is AliveCheck.NONE


def test_dialogue_may_be_a_file_of_the_site(tmp_path: Path) -> None:
    """A file is found from the configuration's folder, and gives its defaults."""
    (tmp_path / "my.yaml").write_text("patience: 65\nwaits: yes\n", encoding="utf-8")
    found = _one("dialogue: {file: my.yaml}", tmp_path)
    assert (found.dialogue.name, found.dialogue.waits, found.patience) == ("my", True, 65)
    assert _one(f"dialogue: {{file: {FILES}/nps.yaml}}").dialogue == dialogues.shipped("nps")


def test_faults_of_a_dialogue_name_its_own_file_once(tmp_path: Path) -> None:
    """A fault in another file shows that file, once, however many upstreams name it."""
    path = tmp_path / "my.yaml"
    path.write_text("waits: perhaps\npatience: 0\n", encoding="utf-8")
    entry = f"{{{ONE}, dialogue: {{file: my.yaml}}}}"
    found, warnings, faults, elsewhere = _all(f"upstreams: {{a: {entry}, b: {entry}}}", tmp_path)
    assert elsewhere == [
        f"{path}:1:8: waits: must be yes or no",
        f"{path}:2:11: patience: must be a whole number from 1 to 300",
    ]
    assert (len(found), warnings, faults) == (2, [], [])


def test_dialogue_by_another_word_is_two_faults() -> None:
    """What is unknown, and what is missing, are both said."""
    assert _faults("dialogue: {path: x}") == [
        "f:1:79: upstreams.rsa.dialogue.file: is missing",
        "f:1:80: upstreams.rsa.dialogue.path: is no setting (known: file)",
    ]


def test_missing_dialogue_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is a fault of the line that names it."""
    text = f"upstreams: {{a: {{{ONE}, dialogue: {{file: no.yaml}}}}}}"
    _, _, faults, elsewhere = _all(text, tmp_path)
    assert [fault.partition(": ")[2] for fault in faults] == [
        f"upstreams.a.dialogue.file: {tmp_path}/no.yaml: there is no such file"
    ]
    assert elsewhere == []


def test_dialogue_that_is_nearly_one_is_suggested() -> None:
    """A typing error gets a suggestion, as everywhere."""
    (fault,) = _faults("dialogue: secureid")
    assert fault.endswith("{file: PATH}; did you mean securid?")


def test_every_setting_can_be_written() -> None:
    """What the model has, the file may hold; nothing is set in passing."""
    wrong = ", ".join(
        f"{field.name}: {{}}"
        for field in dataclasses.fields(Upstream)
        if field.name not in {"name", "servers", "user_name"}
    )
    faults = _faults(wrong)
    for field in dataclasses.fields(Upstream)[2:]:
        if field.name != "user_name":
            assert any(f"upstreams.rsa.{field.name}" in fault for fault in faults), field.name
    entry = ", ".join(f"{field.name}: {{}}" for field in dataclasses.fields(Server))
    faults = _server_faults(entry)
    for field in dataclasses.fields(Server):
        assert any(f"servers[0].{field.name}: " in fault for fault in faults), field.name


def test_secret_never_shows_itself() -> None:
    """An upstream in a log or an error shows no secret."""
    assert GOOD not in repr(_one("use: spread"))


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [("Ü", Codec.CP1252, True), ("Ω", Codec.CP1252, False), ("Ω", Codec.UTF_8, True)],
)
def test_writable_is_what_the_codec_has(text: str, codec: Codec, *, expected: bool) -> None:
    """A server that writes cp1252 cannot be sent every text."""
    assert upstreams.is_writable(text, codec) is expected
