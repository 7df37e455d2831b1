"""Tests of `radiusmfa.config.read`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config import read
from radiusmfa.config.model import (
    Challenges,
    Configuration,
    Duplicates,
    Factors,
    Hotp,
    Level,
    Listen,
    Lockout,
    Passwords,
    Recovery,
    Totp,
)
from radiusmfa.config.secrets import Sources
from radiusmfa.interfaces import ConfigError
from radiusmfa.primary import hashing

SMALLEST = """\
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: it.db}
keys: {file: keys}
clients:
  - {name: vpn, networks: [192.0.2.1], secret: {env: IT}}
"""
EVERYTHING_WRONG = """\
listen: [{udp: "127.0.0.1"}]
store: {sqlite: it.db}
store: {sqlite: other.db}
lokout: {delay: 1}
clients:
  - name: vpn
    networks: [192.0.2.0/24, 192.0.2.1/24]
    secret: {file: weak}
    mode: chalenge
    reply: {Clas: x, Session-Timeout: soon, Class: "{usr}", State: "1"}
  - name: vpn
    networks: [192.0.2.0/24]
    attempts: eleven
    attempts: 3
    secret: {file: gone}
  - networks: []
    secret: {env: IT, file: weak}
passwords: {memory_kib: 7}
log: {level: loud}
"""
FAULTS_OF_IT = (
    "1:1: keys: is missing",
    (
        "1:16: listen[0].udp: must be a numeric address and a port, as 192.0.2.1:1812 or"
        " [2001:db8::1]:1812"
    ),
    "3:1: store: stands here twice, first in line 2",
    "4:1: lokout: is no setting; did you mean lockout?",
    (
        "7:30: clients[0].networks[1]: has bits beyond its prefix: say 192.0.2.0/24, or the"
        " address alone"
    ),
    (
        "8:13: clients[0].secret: the secret must have at least 16 octets (weak_secret: yes"
        " allows a shorter one)"
    ),
    (
        "9:11: clients[0].mode: must be step-up, append, challenge, auto or proxy; did you mean"
        " challenge?"
    ),
    "10:19: clients[0].reply.Clas: no dictionary has this attribute; did you mean Class?",
    "10:39: clients[0].reply.Session-Timeout: must be a number or one of its names",
    "10:52: clients[0].reply.Class: {usr} is not known; did you mean {user}?",
    "10:68: clients[0].reply.State: is decided by the server",
    "11:11: clients[1].name: stands here twice, first at clients[0]",
    "12:15: clients[1].networks: 192.0.2.0/24 belongs to vpn and to vpn",
    "13:15: clients[1].attempts: must be a whole number from 1 to 10",
    "14:5: clients[1].attempts: stands here twice, first in line 13",
    "15:13: clients[1].secret: {folder}/gone: No such file or directory",
    "16:5: clients[2].name: is missing",
    "16:15: clients[2].networks: must name at least one network",
    "17:13: clients[2].secret: must be one of {file: ...}, {env: ...}, {credential: ...}",
    "18:25: passwords.memory_kib: must be a whole number from 8 to 1048576",
    "19:14: log.level: must be debug, info, warn or critical",
)
ADDRESS_FAULT = (
    "listen[0].udp: must be a numeric address and a port, as 192.0.2.1:1812 or [2001:db8::1]:1812"
)


def _parse(text: str, folder: Path = Path("/here")) -> Configuration:
    sources = Sources(folder, {"IT": "0123456789abcdef"})
    return read.parse(text.encode(), Path("f"), sources)


def _faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    return caught.value.faults


def test_smallest_file_takes_every_default() -> None:
    """Four settings are enough; all others have their defaults."""
    config = _parse(SMALLEST)
    assert config == Configuration(
        path=Path("f"),
        listen=(Listen("127.0.0.1", 1812),),
        store_path=Path("/here/it.db"),
        keys_path=Path("/here/keys"),
        clients=config.clients,
    )
    assert [client.name for client in config.clients] == ["vpn"]


def test_empty_file_names_what_is_missing() -> None:
    """Every setting that must be there is named at once."""
    assert _faults("log: {level: info}") == (
        "f:1:1: clients: is missing",
        "f:1:1: keys: is missing",
        "f:1:1: listen: is missing",
        "f:1:1: store: is missing",
    )


def test_every_fault_is_reported_at_once() -> None:
    """Faults of every section come together, each with line and column."""
    text = SMALLEST.replace("127.0.0.1:1812", "localhost") + "lockout: {delay: 0}\nlgo: {}\n"
    assert _faults(text) == (
        f"f:1:16: {ADDRESS_FAULT}",
        "f:6:18: lockout.delay: must be a whole number from 1 to 86400",
        "f:7:1: lgo: is no setting; did you mean log?",
    )


def test_wrong_file_is_told_all_at_once(tmp_path: Path) -> None:
    """One look shows everything: missing, unknown, twice, weak, overlapping, not an attribute."""
    (tmp_path / "weak").write_text("short", encoding="utf-8")
    (tmp_path / "weak").chmod(0o600)
    path = tmp_path / "it.yaml"
    path.write_text(EVERYTHING_WRONG, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read.load(path, {"IT": "0123456789abcdef"})
    assert caught.value.faults == tuple(
        f"{path}:{fault.replace('{folder}', str(tmp_path))}" for fault in FAULTS_OF_IT
    )


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("0.0.0.0:1812", "0.0.0.0", 1812),
        ("[::]:1812", "::", 1812),
        ("[2001:DB8:0::1]:65535", "2001:db8::1", 65535),
        ("127.0.0.1:0", "127.0.0.1", 0),
    ],
)
def test_addresses_are_read(address: str, host: str, port: int) -> None:
    """IPv4 and IPv6 addresses with a port are read, in their short form."""
    assert _parse(SMALLEST.replace("127.0.0.1:1812", address)).listen == (Listen(host, port),)


@pytest.mark.parametrize(
    "address",
    [
        "localhost:1812",
        "1812",
        "127.0.0.1",
        "::1:1812",
        "[127.0.0.1]:1",
        "1.2.3.4:65536",
        ":1",
        "[]:1",
    ],
)
def test_unfit_address_is_refused(address: str) -> None:
    """A name, a missing port, a port too large, an IPv6 address without brackets: refused."""
    (fault,) = _faults(SMALLEST.replace("127.0.0.1:1812", address))
    assert "listen[0].udp: must be a numeric address and a port" in fault


def test_same_address_twice_is_refused() -> None:
    """An address serves one purpose, once; port 0 is another one each time."""
    twice = SMALLEST.replace('[{udp: "127.0.0.1:1812"}]', '[{udp: "[::1]:1"}, {udp: "[0::1]:1"}]')
    assert _faults(twice) == ("f:1:9: listen: ::1 port 1 stands here twice",)
    both = SMALLEST + 'accounting: [{udp: "127.0.0.1:1812"}]\n'
    assert _faults(both) == ("f:6:13: accounting: 127.0.0.1 port 1812 stands here twice",)
    assert _parse(both.replace(":1812", ":0")).accounting == (Listen("127.0.0.1", 0),)


def test_metrics_are_read() -> None:
    """Where numbers can be read; away from this machine that is loud, for nobody is asked who."""
    config = _parse(SMALLEST + 'metrics: [{tcp: "127.0.0.1:9812"}, {tcp: "[::1]:9812"}]\n')
    assert config.metrics == (Listen("127.0.0.1", 9812), Listen("::1", 9812))
    assert config.warnings == ()
    (warning,) = _parse(SMALLEST + 'metrics: [{tcp: "0.0.0.0:9812"}]\n').warnings
    assert warning.startswith("metrics: whoever reaches 0.0.0.0 port 9812 can read")


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ('[{udp: "127.0.0.1:9812"}]', "udp: is no setting (known: tcp)"),
        ('[{tcp: "localhost:9812"}]', "must be a numeric address"),
        ('[{tcp: "127.0.0.1:9812"}, {tcp: "127.0.0.1:9812"}]', "stands here twice"),
    ],
)
def test_metrics_elsewhere_are_refused(written: str, fault: str) -> None:
    """Whatever is no address of TCP."""
    assert any(fault in one for one in _faults(SMALLEST + f"metrics: {written}\n"))


def test_accounting_is_read() -> None:
    """Accounting has addresses of its own."""
    config = _parse(SMALLEST + 'accounting: [{udp: "127.0.0.1:1813"}]\n')
    assert config.accounting == (Listen("127.0.0.1", 1813),)


@pytest.mark.parametrize("text", ["listen: []", "listen: x", "listen: [x]", "listen: [{tcp: x}]"])
def test_listen_without_an_address_is_refused(text: str) -> None:
    """A server must listen somewhere."""
    faults = _faults(SMALLEST.replace('listen: [{udp: "127.0.0.1:1812"}]', text))
    assert all(fault.startswith("f:1:") and "listen" in fault for fault in faults)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("store: {sqlite: ''}", "f:2:17: store.sqlite: must be the path of a file"),
        ("store: {sqlite: ../}", "f:2:17: store.sqlite: must be the path of a file"),
        ("store: {}", "f:2:8: store.sqlite: is missing"),
        ("store: it.db", "f:2:8: store: must hold settings, as {name: value}"),
        ("store: {postgresql: x, sqlite: y}", "f:2:9: store.postgresql: is no setting"),
    ],
)
def test_unfit_store_is_refused(line: str, fault: str) -> None:
    """The store is one file."""
    faults = _faults(SMALLEST.replace("store: {sqlite: it.db}", line))
    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_keys_may_be_a_credential() -> None:
    """The keys may be a systemd credential; the environment is no place for them."""
    text = SMALLEST.replace("keys: {file: keys}", "keys: {credential: it}")
    sources = Sources(Path("/here"), {"IT": "0" * 16, "CREDENTIALS_DIRECTORY": "/run/x"})
    assert read.parse(text.encode(), Path("f"), sources).keys_path == Path("/run/x/it")
    assert "CREDENTIALS_DIRECTORY is not set" in _faults(text)[0]
    assert "keys.env: is no setting" in "\n".join(_faults(text.replace("credential", "env")))


def test_absolute_paths_stay() -> None:
    """A path from the root stays as it is; others start from the file's folder."""
    config = _parse(SMALLEST.replace("it.db", "/var/it.db"))
    assert config.store_path == Path("/var/it.db")


SECTIONS = [
    ("passwords", "memory_kib", 8, 1_048_576),
    ("passwords", "passes", 1, 16),
    ("passwords", "lanes", 1, 16),
    ("passwords", "threads", 0, 64),
    ("passwords", "queue", 1, 10_000),
    ("factors.totp", "window", 0, 10),
    ("factors.totp", "drift_limit", 0, 100),
    ("factors.totp", "resync_window", 0, 100),
    ("factors.hotp", "look_ahead", 0, 100),
    ("factors.hotp", "resync_window", 0, 10_000),
    ("lockout", "threshold", 1, 100),
    ("lockout", "delay", 1, 86_400),
    ("lockout", "longest", 1, 604_800),
    ("lockout", "forget", 60, 31_536_000),
    ("challenges", "lifetime", 10, 3600),
    ("challenges", "most", 100, 10_000_000),
    ("duplicates", "lifetime", 5, 300),
    ("duplicates", "most", 256, 10_000_000),
]


def _with(section: str, name: str, value: int) -> str:
    outer, _, inner = section.partition(".")
    setting = f"{name}: {value}"
    if (section, name) == ("lockout", "longest"):
        setting += ", delay: 1"
    if (section, name) == ("lockout", "delay"):
        setting += ", longest: 604800"
    return SMALLEST + f"{outer}: {{{f'{inner}: {{{setting}}}' if inner else setting}}}\n"


@pytest.mark.parametrize(("section", "name", "low", "high"), SECTIONS)
def test_number_settings_have_their_limits(section: str, name: str, low: int, high: int) -> None:
    """Each number is taken from its lowest to its highest value, and not beyond."""
    for value in (low, high):
        found: object = _parse(_with(section, name, value))
        for step in [*section.split("."), name]:
            found = getattr(found, step)
        assert found == value
    for value in (low - 1, high + 1):
        (fault,) = _faults(_with(section, name, value))
        assert f"{section}.{name}: must be a whole number from {low} to {high}" in fault


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        pytest.param(
            "memory_kib: 127, lanes: 16", "must be at least 8 for each of the lanes", id="lanes"
        ),
        pytest.param(
            "memory_kib: 262145, passes: 16", "with 16 passes must not exceed 262144", id="passes"
        ),
    ],
)
def test_hashes_that_could_not_be_checked_are_refused(settings: str, fault: str) -> None:
    """A cost that Argon2 cannot have, or that no login may have, is refused before it is used."""
    assert _faults(SMALLEST + f"passwords: {{{settings}}}") == (
        f"f:6:25: passwords.memory_kib: {fault}",
    )


@pytest.mark.parametrize(
    "settings", ["memory_kib: 128, lanes: 16", "memory_kib: 262144, passes: 16"]
)
def test_cheapest_and_dearest_hashes_can_be_made_and_checked(settings: str) -> None:
    """What the file allows is what the hashing code takes for a true hash."""
    found = _parse(SMALLEST + f"passwords: {{{settings}}}").passwords
    assert found.memory_kib >= 8 * found.lanes
    assert found.memory_kib * found.passes <= hashing.MOST_MEMORY_PASSES
    assert found.memory_kib <= hashing.MOST_MEMORY_KIB
    assert found.lanes <= hashing.MOST_LANES


def test_limit_of_the_cost_is_the_one_of_the_hashing_code() -> None:
    """The configuration and the code that checks hashes agree on what is too much."""
    assert read.MOST_MEMORY_PASSES == hashing.MOST_MEMORY_PASSES


def test_weak_hashes_are_a_warning() -> None:
    """Hashes that are searched quickly are said at every start; 7168 KiB are not."""
    (warning,) = _parse(SMALLEST + "passwords: {memory_kib: 7167}").warnings
    assert warning.startswith("passwords.memory_kib is 7167: whoever steals the store finds")
    assert not _parse(SMALLEST + "passwords: {memory_kib: 7168}").warnings


def test_kept_weak_hashes_are_a_warning() -> None:
    """Whoever keeps weak imported hashes is told at every start."""
    (warning,) = _parse(SMALLEST + "passwords: {upgrade: no}").warnings
    assert warning == "passwords.upgrade is no: imported hashes stay as weak as they are"


def test_defaults_are_the_models() -> None:
    """An empty section has the model's defaults."""
    text = "passwords:\nlockout: {}\nchallenges:\nduplicates:\nlog:\nfactors: {totp: , hotp: {}}\n"
    config = _parse(SMALLEST + text)
    assert config.passwords == Passwords()
    assert config.lockout == Lockout()
    assert config.challenges == Challenges()
    assert config.duplicates == Duplicates()
    assert config.log_level is Level.INFO
    assert config.factors == Factors(
        totp=Totp(), hotp=Hotp(), yubikey=None, recovery=None, names=("totp", "hotp")
    )


def test_factors_are_those_named() -> None:
    """Without the section every factor is on; with it, those that it names."""
    assert _parse(SMALLEST).factors == Factors(totp=Totp(), hotp=Hotp(), recovery=Recovery())
    only = _parse(SMALLEST + "factors: {recovery: {}}")
    assert only.factors == Factors(
        totp=None, hotp=None, yubikey=None, recovery=Recovery(), names=("recovery",)
    )
    assert only.clients[0].factors == ("recovery",)


UPSTREAMS = """\
upstreams:
  rsa: {servers: [{host: 192.0.2.20, secret: {env: IT}}], dialogue: securid}
  nps: {servers: [{host: 192.0.2.30, secret: {env: IT}}], dialogue: nps}
factors:
  totp:
  securid: {upstream: rsa}
"""


def test_upstreams_factors_and_clients_know_each_other() -> None:
    """A factor names an upstream; a client names both."""
    settings = "primary: nps, factors: [securid, totp], when_unavailable: [totp], time_budget: 90"
    config = _parse(SMALLEST.replace("{env: IT}}", f"{{env: IT}}, {settings}}}") + UPSTREAMS)
    assert [upstream.name for upstream in config.upstreams] == ["rsa", "nps"]
    assert [factor.upstream for factor in config.factors.upstream] == ["rsa"]
    assert config.factors.names == ("totp", "securid")
    (client,) = config.clients
    assert (client.primary, client.factors) == ("nps", ("securid", "totp"))
    assert client.when_unavailable == ("totp",)
    assert not config.warnings


def test_unknown_names_of_others_are_told_at_once() -> None:
    """A name that leads nowhere is a fault where it stands."""
    settings = "primary: npx, factors: [secure], when_unavailable: [securid]"
    text = SMALLEST.replace("{env: IT}}", f"{{env: IT}}, {settings}}}") + UPSTREAMS
    assert _faults(text.replace("{upstream: rsa}", "{upstream: rsx}")) == (
        "f:5:68: clients[0].primary: must be local, none, rsa or nps",
        "f:5:83: clients[0].factors[0]: must be one of totp, securid; did you mean securid?",
        "f:5:111: clients[0].when_unavailable[0]: must be one of totp, refuse",
        "f:11:23: factors.securid.upstream: must name one of upstreams (rsa, nps)",
    )


def test_warnings_come_in_the_order_of_the_file() -> None:
    """What weakens a client is said before what weakens an upstream."""
    text = SMALLEST.replace("{env: IT}}", "{env: IT}, sign_replies: no}") + UPSTREAMS
    text = text.replace("192.0.2.20,", "192.0.2.20, require_message_authenticator: no,")
    warnings = _parse(text).warnings
    assert [warning.partition(":")[0] for warning in warnings] == [
        "client vpn", "upstream rsa (192.0.2.20)",
    ]  # fmt: skip


def test_faults_of_a_dialogue_come_with_those_of_the_file(tmp_path: Path) -> None:
    """A dialogue's file is shown with its own name, line and column; alone it is enough."""
    path = tmp_path / "my.yaml"
    path.write_text("waits: perhaps\n", encoding="utf-8")
    text = SMALLEST + UPSTREAMS.replace("dialogue: securid", "dialogue: {file: my.yaml}")
    sources = Sources(tmp_path, {"IT": "0123456789abcdef"})
    fault = f"{path}:1:8: waits: must be yes or no"
    with pytest.raises(ConfigError) as caught:
        read.parse(text.encode(), Path("f"), sources)
    assert caught.value.faults == (fault,)
    with pytest.raises(ConfigError) as caught:
        read.parse(f"{text}log: {{level: loud}}\n".encode(), Path("f"), sources)
    assert caught.value.faults == (
        "f:12:14: log.level: must be debug, info, warn or critical", fault
    )  # fmt: skip


def test_longest_delay_is_not_below_the_first() -> None:
    """The longest delay cannot be shorter than the first one."""
    assert _faults(SMALLEST + "lockout: {delay: 90, longest: 60}") == (
        "f:6:31: lockout.longest: must not be shorter than delay, 90 s",
    )


@pytest.mark.parametrize("level", list(Level))
def test_log_levels_are_read(level: Level) -> None:
    """Each level is a word."""
    assert _parse(SMALLEST + f"log: {{level: {level}}}").log_level is level


def test_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    """A file that is not there is one line that says how to get one."""
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        read.load(path)
    assert caught.value.faults == (f"{path}: no such file; `radiusmfa init` makes one",)


def test_folder_is_no_file(tmp_path: Path) -> None:
    """What cannot be read is one line with the system's reason."""
    with pytest.raises(ConfigError) as caught:
        read.load(tmp_path)
    assert caught.value.faults == (f"{tmp_path}: Is a directory",)


def test_huge_file_is_refused(tmp_path: Path) -> None:
    """A file beyond any use is not read to its end."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(ConfigError, match="larger than"):
        read.load(path)


def test_load_reads_a_file_and_its_neighbors(tmp_path: Path) -> None:
    """References in a file start from its folder; the real environment is used."""
    path = tmp_path / "it.yaml"
    path.write_text(SMALLEST.replace("{env: IT}", "{file: it}"), encoding="utf-8")
    (tmp_path / "it").write_text("0123456789abcdef\n", encoding="utf-8")
    (tmp_path / "it").chmod(0o600)
    path.chmod(0o644)
    config = read.load(path)
    assert (config.store_path, config.warnings) == (tmp_path / "it.db", ())


def test_file_that_others_can_change_is_a_warning(tmp_path: Path) -> None:
    """A configuration that every user of the machine can change is said so."""
    path = tmp_path / "it.yaml"
    path.write_text(SMALLEST, encoding="utf-8")
    path.chmod(0o646)
    warnings = read.load(path, {"IT": "0123456789abcdef"}).warnings
    assert warnings == (f"{path} can be changed by every user of this machine",)


@given(st.binary())
def test_any_octets_are_a_configuration_or_faults(octets: bytes) -> None:
    """Any octets: a configuration or its documented error, nothing else."""
    with pytest.raises(ConfigError):
        read.parse(octets, Path("f"), Sources(Path("/"), {}))


_NODES = st.recursive(
    st.sampled_from(
        [
            "",
            "yes",
            "5",
            "-1",
            "'x'",
            "192.0.2.1",
            "vpn",
            "{}",
            "[]",
            "step-up",
            "Class",
            "all",
            "nps",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(
            st.sampled_from(
                [
                    *read.SECTIONS,
                    *[
                        "udp",
                        "sqlite",
                        "file",
                        "env",
                        "name",
                        "secret",
                        "mode",
                        "reply",
                        "totp",
                        "level",
                        "servers",
                        "host",
                        "dialogue",
                        "user_name",
                        "strip",
                        "send",
                        "take",
                        "upstream",
                        "primary",
                        "factors",
                        "when_unavailable",
                    ],
                ]
            ),
            inner,
            max_size=4,
        ).map(lambda pairs: "{" + ", ".join(f"{k}: {v}" for k, v in pairs.items()) + "}"),
    ),
)


@given(st.dictionaries(st.sampled_from(read.SECTIONS), _NODES, min_size=1, max_size=6))
def test_any_settings_are_a_configuration_or_faults(settings: dict[str, str]) -> None:
    """Settings of any shape: a configuration or its documented error, nothing else."""
    text = "\n".join(f"{name}: {value}" for name, value in settings.items())
    with pytest.raises(ConfigError):
        _parse(text)
