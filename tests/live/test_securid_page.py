"""
The page for administrators of SecurID's API: its configuration is loaded, and people log in.

What is replaced: addresses and ports, the store's path, whom TLS trusts, and what stands in the
files of the secrets.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
import yaml

from tests.live import upstreams
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT
from tests.live.upstreams import Front, ends, unique
from tests.live.world import SECRET, World
from tests.securid import CODES, KEY, PIN, SENT_CODE, SOFT_CODE, Mode, Person, Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustme import CA

    from tests.live.token_clients import Said

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "services" / "securid.md"
PASSWORD: Final = "correct horse"
PASSCODE: Final = PIN + CODES[0]
POLICY: Final = "Low-Policy"
CLOUD: Final = [["APPROVE"], ["TOKEN"], ["SMS"]]


class Login(NamedTuple):
    """What somebody types at a client of the page, how they are registered, what comes of it."""

    client: str
    typed: tuple[str, ...]
    reason: str
    person: dict[str, Any]


LOGINS: Final = (
    Login("vpn", ("correct mule",), "bad-password", {}),
    Login("vpn", (PASSWORD, *[PIN + "000000"] * 3), "bad-passcode", {}),
    Login("vpn", (PASSWORD, PASSCODE), "passed", {}),
    Login("vpn", (PASSWORD, PASSCODE, CODES[1]), "passed", {"mode": Mode.NEXT}),
    Login("broker", (*["000000"] * 3,), "bad-passcode", {}),
    Login("broker", (PASSCODE,), "passed", {}),
    Login("asa", (PASSWORD, PASSCODE, *["000000"] * 3), "bad-passcode", {"mode": Mode.NEXT}),
    Login("asa", (PASSWORD, PASSCODE, CODES[1]), "passed", {"mode": Mode.NEXT}),
    Login("office", (PASSWORD,), "person-refused", {"offers": CLOUD, "says": "deny"}),
    Login("office", (f"{PASSWORD},000000", *["000000"] * 2), "bad-passcode", {"offers": CLOUD}),
    Login("office", (PASSWORD,), "passed", {"offers": CLOUD}),
    Login("office", (f"{PASSWORD},{SOFT_CODE}",), "passed", {"offers": CLOUD}),
    Login("office", (f"{PASSWORD},sms", SENT_CODE), "passed", {"offers": CLOUD}),
)


class Site(NamedTuple):
    """The page's configuration as it runs here: our server, RSA's, addresses of clients."""

    world: World
    servers: dict[str, Running]
    sources: dict[str, str]
    checked: str


def configuration() -> dict[str, Any]:
    """Return the one configuration that stands on the page."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(block)
    return found


def _site(folder: Path, ca: CA, ca_file: Path, stack: ExitStack) -> Site:
    world, settings = World(folder), configuration()
    servers: dict[str, Running] = {}
    sources = {one["name"]: f"127.0.11.{at}" for at, one in enumerate(settings["clients"], 1)}
    settings["listen"] = [{"udp": f"127.0.0.1:{world.port}"}]
    settings["store"] = {"sqlite": "radiusmfa.db"}
    for client in settings["clients"]:
        client["networks"] = [sources[client["name"]]]
        _write(world, client["secret"]["file"], SECRET)
    for service in settings["services"].values():
        service["ca_file"] = str(ca_file)
        securid = service["securid"]
        _write(world, securid["access_key"]["file"], KEY.encode())
        for url in securid["urls"]:
            servers[url] = stack.enter_context(Running(ca))
            servers[url].simulator.policies[POLICY] = "ask"
        securid["urls"] = [servers[url].url for url in securid["urls"]]
    world.config.write_text(json.dumps(settings))
    checked = world.run("check").stdout
    world.start(source=sources["vpn"])
    stack.callback(world.kill)
    return Site(world, servers, sources, checked)


def _write(world: World, name: str, octets: bytes) -> None:
    file = world.folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(octets)
    file.chmod(0o600)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ca: CA, ca_file: Path) -> Iterator[Site]:
    """Return what the page configures, running."""
    with ExitStack() as stack:
        made = _site(tmp_path_factory.mktemp("page"), ca, ca_file, stack)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == []
        made.world.run("audit", "verify")


@pytest.mark.parametrize(
    "login",
    [pytest.param(one, id="-".join((one.client, *one.typed, one.reason))) for one in LOGINS],
)
def test_login_at_a_client_of_the_page(site: Site, login: Login) -> None:
    """What the page says is typed is refused, or lets in, for the reason that it gives."""
    name = unique("alice")
    upstreams.import_users(site.world, [name], PASSWORD)
    for server in site.servers.values():
        server.simulator.people[name] = Person(**login.person)

    said = _enter(site, login, name)

    assert said.code == (ACCEPT if login.reason == "passed" else REJECT)
    assert ends(site.world, name)[-1][1] == login.reason


def test_configuration_of_the_page_is_loaded_without_a_warning(site: Site) -> None:
    """`radiusmfa check` finds nothing in it to complain about."""
    assert "can be used" in site.checked
    assert "no warnings" in site.checked


def test_every_client_of_the_page_is_tried() -> None:
    """Both ways."""
    clients = {one["name"] for one in configuration()["clients"]}
    assert {one.client for one in LOGINS if one.reason == "passed"} == clients
    assert {one.client for one in LOGINS if one.reason != "passed"} == clients


def test_code_of_ours_counts_while_rsa_is_away(site: Site) -> None:
    """The ladder of the page: somebody who is assigned, and has a token of ours."""
    (person,) = upstreams.people(site.world, "alice")
    site.world.run("user", "upstream", person.name, "rsa")
    for server in site.servers.values():
        server.simulator.status = 503
    client = Login("vpn", (PASSWORD, PASSCODE, person.code()), "passed-instead", {})

    assert _enter(site, client, person.name).code == ACCEPT
    assert ends(site.world, person.name)[-1] == ("accept", client.reason)


def _enter(site: Site, login: Login, name: str) -> Said:
    source = site.sources[login.client]
    with site.world.nas(source) as nas:
        front = Front(site.world, source, nas)
        said = front.ask(name, login.typed[0])
        for word in login.typed[1:]:
            assert said is not None
            assert said.code == CHALLENGE, word
            said = front.ask(name, word, said.state)
    assert said is not None
    return said
