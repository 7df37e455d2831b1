"""
The pages for administrators: each configuration is taken from its page, loaded, and run.

Against servers that play the product. What is replaced: addresses and ports, the store's
path, and what stands in the files of the secrets.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import yaml

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.token_server import UPSTREAM_SECRET, TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD, PIN, SYSTEM_PIN
from tests.live.upstreams import answer, ends, unique
from tests.live.world import SECRET, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "upstreams"
_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES: Final = sorted(path.stem for path in _FOLDER.glob("*.md") if path.stem != "README")
_CODES: Final = {
    numbers.ACCESS_ACCEPT: "accept",
    numbers.ACCESS_REJECT: "reject",
    numbers.ACCESS_CHALLENGE: "challenge",
}


@final
@dataclass(frozen=True, slots=True)
class Login:
    """
    What somebody types at a client of a page, and what comes of it.

    Attributes:
        page: Its product.
        client: An entry of the page.
        user: A key of the holders of what is played.
        typed: One word a round.
        reason: Of the last decision; all before are challenges.
    """

    page: str
    client: str
    user: str
    typed: tuple[str, ...]
    reason: str = "passed"

    def __str__(self) -> str:
        """Return what pytest calls the case."""
        return "-".join([self.page, self.client, self.user, *self.typed, self.reason])


def _refused(page: str, client: str, user: str, *typed: str) -> Login:
    return Login(page, client, user, typed, "upstream-refused")


def _accepted(page: str, client: str, user: str, *typed: str) -> Login:
    return Login(page, client, user, typed)


_NEW_PIN: Final = ("abc123", "abc123", "abc123" + NEXT_CODE)

REFUSED: Final = (
    Login("securid", "vpn", "normal", ("correct mule",), "bad-password"),
    _refused("securid", "vpn", "normal", PASSWORD, CODE),
    _refused("securid", "broker", "normal", CODE),
    _refused("securid", "asa", "next", PASSCODE, CODE),
    Login("vip", "vpn", "uo", ("correct mule",), "bad-password"),
    _refused("vip", "vpn", "uo", PASSWORD, "123456"),
    _refused("vip", "wifi", "uo-deny", PASSWORD),
    _refused("vip", "broker", "uo", "push"),
    _refused("vip", "old-vpn", "ulo-deny", PASSWORD),
    Login("onespan", "vpn", "otp", ("correct mule",), "bad-password"),
    _refused("onespan", "vpn", "otp", PASSWORD, "123456"),
    _refused("onespan", "virtual", "challenge", PASSWORD, "482913"),
    _refused("onespan", "broker", "otp", "123456"),
    _refused("onespan", "old-vpn", "otp-full", PASSWORD + CODE),
    _refused("nps", "vpn", "push", "correct mule"),
    _refused("nps", "vpn", "push-deny", PASSWORD),
    _refused("nps", "vpn", "code", PASSWORD, "123456"),
    _refused("nps", "admins", "none", "correct mule"),
    Login("nps", "admins", "none", (PASSWORD,), "not-enrolled"),
    Login("duo-proxy", "vpn", "only", ("correct mule",), "bad-password"),
    _refused("duo-proxy", "vpn", "only", PASSWORD, "sms"),
    _refused("duo-proxy", "office", "only-deny", PASSWORD),
    _refused("duo-proxy", "broker", "only", "123456"),
    _refused("duo-proxy", "old-vpn", "menu", PASSWORD, "4"),
)

ACCEPTED: Final = (
    _accepted("securid", "vpn", "normal", PASSWORD, PASSCODE),
    _accepted("securid", "vpn", "next", PASSWORD, PASSCODE, NEXT_CODE),
    _accepted("securid", "vpn", "newpin", PASSWORD, CODE, *_NEW_PIN),
    _accepted("securid", "vpn", "syspin", PASSWORD, CODE, "y", "y", SYSTEM_PIN + NEXT_CODE),
    _accepted("securid", "broker", "normal", PASSCODE),
    _accepted("securid", "broker", "ondemand", PIN, NEXT_CODE),
    _accepted("securid", "asa", "newpin", CODE, *_NEW_PIN),
    _accepted("vip", "vpn", "uo", PASSWORD, CODE),
    _accepted("vip", "vpn", "uo", PASSWORD, "PUSH"),
    _accepted("vip", "wifi", "uo", PASSWORD),
    _accepted("vip", "broker", "uo", CODE),
    _accepted("vip", "old-vpn", "ulo", PASSWORD + CODE),
    _accepted("vip", "old-vpn", "ulo", PASSWORD, CODE),
    _accepted("vip", "old-vpn", "ulo-push", PASSWORD),
    _accepted("onespan", "vpn", "otp", PASSWORD, CODE),
    _accepted("onespan", "vpn", "otp-pin", PASSWORD, PASSCODE),
    _accepted("onespan", "virtual", "virtual", PASSWORD, CODE),
    _accepted("onespan", "virtual", "challenge", PASSWORD, CODE),
    _accepted("onespan", "virtual", "push", PASSWORD),
    _accepted("onespan", "broker", "otp", CODE),
    _accepted("onespan", "old-vpn", "otp-full", PASSWORD + PASSCODE),
    _accepted("nps", "vpn", "push", PASSWORD),
    _accepted("nps", "vpn", "code", PASSWORD, CODE),
    _accepted("duo-proxy", "vpn", "only", PASSWORD, CODE),
    _accepted("duo-proxy", "vpn", "only", PASSWORD, "push"),
    _accepted("duo-proxy", "office", "only", PASSWORD),
    _accepted("duo-proxy", "broker", "only", "push"),
    _accepted("duo-proxy", "old-vpn", "menu", PASSWORD, "1"),
    _accepted("duo-proxy", "old-vpn", "menu", PASSWORD, "sms", CODE),
)


def configuration(page: str) -> dict[str, Any]:
    """Return the one configuration that stands on a page."""
    (text,) = _BLOCK.findall((_FOLDER / f"{page}.md").read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@final
class Site:
    """
    A page's configuration as it runs here.

    Attributes:
        page: Its product.
        world: The server.
        sources: Address of each client.
        servers: The token servers, by the host and port that the page gives them.
    """

    def __init__(self, folder: Path, page: str, stack: ExitStack) -> None:
        """Start the servers that the page names, then ours before them."""
        self.page = page
        self.world = World(folder)
        self.sources: dict[str, str] = {}
        self.servers: dict[tuple[str, int], TokenServer] = {}
        settings = configuration(page)
        settings["listen"] = [{"udp": f"127.0.0.1:{self.world.port}"}]
        settings["store"] = {"sqlite": "radiusmfa.db"}
        for at, client in enumerate(settings["clients"], 1):
            self.sources[client["name"]] = f"127.0.10.{at}"
            client["networks"] = [self.sources[client["name"]]]
            self._write(client["secret"]["file"], SECRET)
        for upstream in settings["upstreams"].values():
            for server in upstream["servers"]:
                played = self._server(folder, page, (server["host"], server["port"]), stack)
                server["host"], server["port"] = played.host, played.port
                self._write(server["secret"]["file"], UPSTREAM_SECRET)
        self.world.config.write_text(json.dumps(settings))
        self.checked = self.world.run("check").stdout
        logins = [one for one in (*REFUSED, *ACCEPTED) if one.page == page]
        self.users = {login: unique(login.user) for login in logins}
        upstreams.import_users(self.world, self.users.values(), PASSWORD)
        self.world.start(source="127.0.10.1")

    def _server(
        self, folder: Path, page: str, place: tuple[str, int], stack: ExitStack
    ) -> TokenServer:
        if place not in self.servers:
            made = TokenServer(folder / f"{place[0]}-{place[1]}", page)
            self.servers[place] = stack.enter_context(made)
        return self.servers[place]

    def _write(self, name: str, octets: bytes) -> None:
        file = self.world.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(octets)
        file.chmod(0o600)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Site]]:
    """Return what gives a page's configuration, running from its first use on."""
    need("freeradius", "oathtool")
    running: dict[str, Site] = {}
    with ExitStack() as stack:

        def site(page: str) -> Site:
            if page not in running:
                running[page] = Site(tmp_path_factory.mktemp(page), page, stack)
            return running[page]

        yield site
        for one in running.values():
            assert one.world.stop() == 0
            assert one.world.faults() == []
            one.world.run("audit", "verify")


@pytest.fixture
def site(request: pytest.FixtureRequest, sites: Callable[[str], Site]) -> Site:
    """Return the configuration of one page."""
    return sites(request.param)


def _cases(logins: tuple[Login, ...]) -> list[Any]:
    return [pytest.param(one.page, one, id=str(one)) for one in logins]


@pytest.mark.parametrize(("site", "login"), _cases(REFUSED), indirect=["site"])
def test_upstream_page_login_is_refused(site: Site, login: Login) -> None:
    """What a page says is refused, for the reason that it gives."""
    assert _enter(site, login) == "reject"
    assert ends(site.world, site.users[login])[-1] == ("reject", login.reason)


@pytest.mark.parametrize(("site", "login"), _cases(ACCEPTED), indirect=["site"])
def test_upstream_page_login_is_accepted(site: Site, login: Login) -> None:
    """What a page says is typed lets somebody in, after as many challenges as it says."""
    assert _enter(site, login) == "accept"
    assert ends(site.world, site.users[login])[-1] == ("accept", login.reason)


@pytest.mark.parametrize("site", PAGES, indirect=True)
def test_upstream_page_configuration_is_loaded_without_a_warning(site: Site) -> None:
    """`radiusmfa check` finds nothing in it to complain about."""
    assert "can be used" in site.checked
    assert "no warnings" in site.checked


@pytest.mark.parametrize("site", PAGES, indirect=True)
def test_upstream_page_commands_work(site: Site) -> None:
    """The lines below "Try it" name what is there; `doctor` finds the servers in order."""
    text = (_FOLDER / f"{site.page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^radiusmfa .*--upstream (\S+)", text, re.MULTILINE))
    clients = set(re.findall(r"^radiusmfa try .*--client (\S+)", text, re.MULTILINE))

    assert named == set(list(configuration(site.page)["upstreams"])[:1])
    assert clients == {"vpn"}
    said = site.world.run("doctor", "--upstream", *named).stdout
    assert said.endswith("All is well.\n")


@pytest.mark.parametrize(
    ("site", "user", "typed"),
    [
        pytest.param("securid", "normal", PASSCODE, id="securid"),
        pytest.param("vip", "uo", "PUSH", id="vip"),
        pytest.param("onespan", "otp", CODE, id="onespan"),
        pytest.param("nps", "push", PASSWORD, id="nps"),
        pytest.param("duo-proxy", "only", "push", id="duo-proxy"),
    ],
    indirect=["site"],
)
def test_upstream_page_probe_is_accepted(site: Site, user: str, typed: str) -> None:
    """`probe USER --upstream NAME`, as the page has it, logs in at the upstream itself."""
    upstream = next(iter(configuration(site.page)["upstreams"]))
    words = ("probe", unique(user), "--upstream", upstream, "--password-file", "-")

    assert "Access-Accept" in site.world.run(*words, typed=f"{typed}\n").stdout
    assert site.world.run(*words, typed="123456\n", expect=None).returncode == 1


@pytest.mark.parametrize("page", PAGES)
def test_upstream_page_has_every_client_tried(page: str) -> None:
    """No client of a page is there that nobody has tried, nor one that is not there."""
    clients = {client["name"] for client in configuration(page)["clients"]}
    refused = {one.client for one in REFUSED if one.page == page}
    accepted = {one.client for one in ACCEPTED if one.page == page}

    assert refused == clients
    assert accepted | ({"admins"} if page == "nps" else set()) == clients


@pytest.mark.parametrize("site", ["nps"], indirect=True)
def test_upstream_page_nps_admins_type_a_code_of_ours(site: Site) -> None:
    """The second client of the NPS page: Active Directory's password, then a token of ours."""
    (person,) = upstreams.people(site.world, "none")
    with site.world.nas(site.sources["admins"]) as nas:
        assert nas.dialogue(person.name, PASSWORD, person.code()) == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("site", ["securid"], indirect=True)
def test_upstream_page_asa_gets_the_texts_that_it_knows(site: Site) -> None:
    """`prompts: asa-sdi`: the ASA looks for these very words."""
    user = unique("next")
    with site.world.nas(site.sources["asa"]) as nas:
        reply = nas.ask(nas.request(user, PASSCODE))
        assert b"Enter Next PASSCODE" in reply.packet.values(numbers.REPLY_MESSAGE)[0]


@pytest.mark.parametrize("site", ["securid"], indirect=True)
def test_upstream_page_securid_is_away_and_our_code_counts(site: Site) -> None:
    """The ladder of the SecurID page, for somebody who is assigned and has a token of ours."""
    (person,) = upstreams.people(site.world, "normal")
    site.world.run("user", "upstream", person.name, "rsa")
    for server in site.servers.values():
        server.kill()
    with site.world.nas(site.sources["vpn"]) as nas:
        assert nas.dialogue(person.name, PASSWORD, person.code()) == numbers.ACCESS_ACCEPT
    assert ends(site.world, person.name)[-1][0] == "accept"
    for server in site.servers.values():
        server.start()


def _enter(site: Site, login: Login) -> str:
    user, said = site.users[login], "challenge"
    with site.world.nas(site.sources[login.client]) as nas:
        request = nas.request(user, login.typed[0])
        for word in (*login.typed[1:], None):
            reply = nas.ask(request)
            said = _CODES[reply.code]
            if word is None:
                break
            assert said == "challenge", word
            request = answer(nas, user, word, reply.state)
    return said
