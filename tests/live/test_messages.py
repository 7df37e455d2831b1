"""
Codes by message, call and e-mail, as docs/services/messages.md has them: all sorts of clients.

The configuration is taken from the page. What is replaced: addresses and ports, whose
certificates are trusted, the store's path, and what stands in the files of the secrets.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import yaml

from radiusmfa.wire import numbers
from tests import mail_server, sms_gateway, twilio_api
from tests.live.clients import FAST, need
from tests.live.nas import PATIENCE
from tests.live.test_pam import log_in
from tests.live.test_pam import pam as pam  # noqa: PLC0414 - a fixture, for this module's world
from tests.live.test_radclient import Radclient
from tests.live.world import PASSWORD, SECRET, World
from tests.web_site import Mood, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trustme import CA

    from tests.live.nas import Nas, Reply

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "services" / "messages.md"
_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_STATE: Final = re.compile(r"State = 0x[0-9a-f]+")
VPN, SSH, PORTAL, SWITCH, CLOUD, FEW, OPEN = (f"127.0.13.{at}" for at in range(1, 8))
_SOURCES: Final = {"vpn": VPN, "ssh": SSH, "portal": PORTAL, "switch": SWITCH, "cloud": CLOUD}
_SECRETS: Final = {
    "sms": sms_gateway.TOKEN,
    "twilio": twilio_api.KEY_SECRET,
    "mail": mail_server.PASSWORD,
}


@final
class Site:
    """
    The world, and whoever carries codes in it.

    Attributes:
        world: The server.
        sms: The gateway.
        twilio: Twilio.
        mail: The mail server.
    """

    def __init__(self, folder: Path, ca: CA, ca_file: Path) -> None:
        """Start them all; the server is not started."""
        self.world = World(folder)
        self.gateway = sms_gateway.Gateway(wants="bearer")
        self.api = twilio_api.Twilio()
        self.sms = Running(self.gateway, ca)
        self.twilio = Running(self.api, ca)
        self.mail = mail_server.Running(ca)
        self.number = 0
        settings = _configuration(self, ca_file)
        for name, secret in _SECRETS.items():
            _write(self.world.folder / "secrets" / name, secret.encode())
        self.world.config.write_text(json.dumps(settings))

    def close(self) -> None:
        """End everybody who carries codes."""
        for one in (self.sms, self.twilio, self.mail):
            one.__exit__()

    def calm(self) -> None:
        """Let everybody behave."""
        for one in (self.sms.behaviour, self.twilio.behaviour):
            one.mood, one.status = Mood.WELL, 0
        self.mail.office.mood = mail_server.Mood.WELL
        self.gateway.is_broke = False
        self.api.errors.clear()

    def person(self, *kinds: str, to: str = "") -> str:
        """Return the name of somebody new, reached by *kinds*."""
        self.number += 1
        name = f"person{self.number:03}"
        rows = f"name,password\n{name},{PASSWORD}\n"
        self.world.run("user", "import", "-", typed=rows)
        for kind in kinds:
            where = to or (f"{name}@example.com" if kind == "email" else self.number_of(name))
            self.world.run("token", "enroll", name, "--type", kind, "--to", where)
        return name

    @staticmethod
    def number_of(name: str) -> str:
        """Return the number of somebody's telephone."""
        return f"+4917012340{name[-3:]}"

    def code(self, name: str, kind: str = "sms") -> str:
        """Return the last code that reached somebody."""
        number = self.number_of(name)
        match kind:
            case "sms":
                text = [one.text for one in self.gateway.outbox if one.to == number][-1]
            case "email":
                mails = self.mail.office.mails
                text = [one.message.get_content() for one in mails if name in one.to[0]][-1]
            case _:
                text = [one.text for one in self.api.outbox if one.to == number][-1]
        match = re.search(r"is:? ([0-9](?:(?:, )?[0-9]){5})", text)
        assert match, text
        return match[1].replace(", ", "")

    def sent(self, name: str) -> int:
        """Return how many texts somebody got."""
        return sum(one.to == self.number_of(name) for one in self.gateway.outbox)

    def last(self, name: str) -> dict[str, Any]:
        """Return somebody's last audit line."""
        return self.world.audit(kind="login", user=name)[-1]

    def reason(self, name: str) -> str:
        """Return why somebody's last login ended as it did."""
        return str(self.last(name)["reason"])


def _configuration(site: Site, ca_file: Path) -> dict[str, Any]:
    (text,) = _BLOCK.findall(_PAGE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    world, services = site.world, found["services"]
    found["listen"] = [{"udp": f"127.0.0.1:{world.port}"}]
    found["store"] = {"sqlite": "radiusmfa.db"}
    found["passwords"] = FAST
    for service in services.values():
        service |= {"ca_file": str(ca_file), "timeout": 3}
    services["texts"]["sms"]["url"] = f"{site.sms.url}/send"
    services["calls"]["twilio"]["url"] = services["checked"]["verify"]["url"] = site.twilio.url
    services["mail"]["smtp"] |= {"host": "127.0.0.1", "port": site.mail.port}
    services["rare"] = services["texts"] | {"limits": {"site_per_hour": 2}}
    services["open"] = services["texts"] | {"open_until": "2999-01-01"}
    found["factors"] |= {"rare": {"service": "rare"}, "open": {"service": "open"}}
    for name, source in (("rare", FEW), ("open", OPEN)):
        secret = {"file": f"secrets/{name}"}
        found["clients"].append({"name": name, "secret": secret, "factors": [name]})
        _SOURCES[name] = source
    for client in found["clients"]:
        client["networks"] = [_SOURCES[client["name"]]]
        client["retry_window"] = 0  # radclient chooses identifiers by chance
        client["time_budget"] = 10
        _write(world.folder / client["secret"]["file"], SECRET)
        if client["name"] == "ssh":  # Debian's pam_radius does not sign its requests
            client["require_message_authenticator"] = "no"
    return found


def _write(file: Path, octets: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(octets)
    file.chmod(0o600)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, ca: CA, ca_file: Path) -> Iterator[Site]:
    """Return the running server of the page, and whoever carries its codes."""
    site = Site(tmp_path_factory.mktemp("messages"), ca, ca_file)
    site.world.start(source=VPN)
    yield site
    assert site.world.stop() == 0
    site.close()
    assert site.world.faults() == []
    site.world.run("audit", "verify")


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """Return the same; afterwards everybody behaves again."""
    yield running
    running.calm()


@pytest.fixture
def world(running: Site) -> World:
    """Return the server, for `pam`."""
    return running.world


def answer(nas: Nas, user: str, text: str, state: bytes) -> Reply:
    """Return what comes of answering a challenge."""
    return nas.ask(nas.request(user, text, b"\x18" + bytes([len(state) + 2]) + state))


def asked(nas: Nas, user: str, typed: str = PASSWORD) -> tuple[bytes, str]:
    """Return State and text of the challenge that comes of a login."""
    reply = nas.ask(nas.request(user, typed))
    assert reply.code == numbers.ACCESS_CHALLENGE
    return reply.state, text_of(reply)


def text_of(reply: Reply) -> str:
    """Return what a reply shows."""
    return b"".join(reply.packet.values(numbers.REPLY_MESSAGE)).decode()


def other(code: str) -> str:
    """Return another code."""
    return f"{(int(code) + 1) % 10**6:06d}"


# -- refused --


def test_wrong_password_sends_nothing(site: Site) -> None:
    """No telephone of somebody rings whose password is not known."""
    alice = site.person("sms")
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, "wrong") == numbers.ACCESS_REJECT
    assert site.sent(alice) == 0
    assert site.reason(alice) == "bad-password"


def test_wrong_codes_are_refused_and_lock(site: Site) -> None:
    """Three for one code; each counts, so that nobody guesses at one code after the other."""
    alice = site.person("sms")
    with site.world.nas(VPN) as nas:
        for _ in range(3):
            state, _ = asked(nas, alice)
            wrong = other(site.code(alice))
            for text in ("Wrong code. ", "Wrong code. ", None):
                reply = answer(nas, alice, wrong, state)
                wrong = other(wrong)
                if text is None:
                    assert reply.code == numbers.ACCESS_REJECT
                    assert site.reason(alice) == "bad-passcode"
                else:
                    assert text_of(reply).startswith(text)
                    state = reply.state
        state, _ = asked(nas, alice)
        reply = answer(nas, alice, other(site.code(alice)), state)
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) == "locked"
    assert site.sent(alice) == 4


def test_a_code_is_good_once_and_for_its_person(site: Site) -> None:
    """Not for somebody else, not twice, and not after a newer one."""
    alice, bob = site.person("sms"), site.person("sms")
    with site.world.nas(VPN) as nas:
        state, _ = asked(nas, alice)
        code = site.code(alice)
        theirs, _ = asked(nas, bob)
        assert answer(nas, bob, code, theirs).code == numbers.ACCESS_CHALLENGE
        newer, _ = asked(nas, alice)
        assert answer(nas, alice, code, state).code == numbers.ACCESS_REJECT
        assert site.reason(alice) == "code-expired"
        assert answer(nas, alice, site.code(alice), newer).code == numbers.ACCESS_ACCEPT
        assert answer(nas, alice, site.code(alice), newer).code == numbers.ACCESS_REJECT
        state, _ = asked(nas, alice)
        assert answer(nas, alice, code, state).code == numbers.ACCESS_CHALLENGE


def test_the_hours_budget_of_a_person_is_kept(site: Site) -> None:
    """Six texts, then none; another number of hers does not help, nor does a restart."""
    alice = site.person("sms")
    number = site.number_of(alice)
    bob = site.person("sms", to=number)  # the same telephone
    with site.world.nas(VPN) as nas:
        for _ in range(6):
            asked(nas, alice)
        for who in (alice, bob):
            assert nas.login(who, PASSWORD) == numbers.ACCESS_REJECT
            assert site.reason(who) == "call-limit"
        assert site.sent(alice) == 6
    assert site.world.stop() == 0
    site.world.start(source=VPN)
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
        assert site.reason(alice) == "call-limit"
    site.world.run("user", "unlock", alice)


def test_the_sites_budget_is_kept(site: Site) -> None:
    """Two an hour to everybody, by that service."""
    people = [site.person("sms") for _ in range(3)]
    with site.world.nas(FEW) as nas:
        for name in people[:2]:
            asked(nas, name)
        assert nas.login(people[2], PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(people[2]) == "call-limit"


def test_other_countries_are_not_called(site: Site) -> None:
    """Nothing leaves for a number without an allowed prefix."""
    alice = site.person("sms", to="+882991234567")
    before = len(site.sms.behaviour.asked)
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) == "no-usable-device"
    assert len(site.sms.behaviour.asked) == before


_NO_CREDIT: Final = 200  # and an error in it


@pytest.mark.parametrize(
    ("mood", "status", "reason"),
    [
        (Mood.WELL, _NO_CREDIT, "upstream-misconfigured"),
        (Mood.WELL, 401, "upstream-misconfigured"),
        (Mood.WELL, 404, "upstream-misconfigured"),
        (Mood.WELL, 429, "upstream-busy"),
        (Mood.WELL, 500, "upstream-unreachable"),
        (Mood.HTML, 0, "upstream-misconfigured"),
        (Mood.DEAF, 0, "upstream-silent"),
        (Mood.SILENT, 0, "upstream-silent"),
        (Mood.LARGE, 0, "upstream-silent"),
    ],
)
def test_a_gateway_that_fails_is_closed(site: Site, mood: Mood, status: int, reason: str) -> None:
    """A no in status 200, too; nothing is sent twice, and nobody gets in."""
    alice = site.person("sms")
    site.gateway.is_broke = status == _NO_CREDIT
    site.sms.behaviour.mood = mood
    site.sms.behaviour.status = 0 if site.gateway.is_broke else status
    before = len(site.sms.behaviour.asked)
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) == reason
    assert len(site.sms.behaviour.asked) == before + 1
    site.sms.behaviour.released.set()


@pytest.mark.parametrize(
    ("code", "reason"),
    [(21211, "no-usable-device"), (21614, "no-usable-device"), (20003, "upstream-misconfigured")],
)
def test_what_twilio_refuses_is_refused(site: Site, code: int, reason: str) -> None:
    """A number that it does not reach, an account that it does not know."""
    alice = site.person("voice")
    site.api.errors[site.number_of(alice)] = code
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) == reason


@pytest.mark.parametrize(
    ("mood", "status", "reasons"),
    [
        (Mood.WELL, 401, "upstream-misconfigured"),
        (Mood.WELL, 404, "upstream-misconfigured"),
        (Mood.WELL, 429, "upstream-busy"),
        (Mood.WELL, 500, "upstream-unreachable"),
        # Calls say 201 where they begin; Verify may say 200.
        (Mood.HTML, 0, "upstream-misconfigured bad-upstream-reply"),
        (Mood.TRUNCATED, 0, "bad-upstream-reply"),
        (Mood.DEAF, 0, "upstream-silent"),
        (Mood.SILENT, 0, "upstream-silent"),
        (Mood.LARGE, 0, "upstream-silent"),
    ],
)
@pytest.mark.parametrize(("kind", "source"), [("voice", VPN), ("sms", CLOUD)])
def test_twilio_that_fails_is_closed(
    site: Site, kind: str, source: str, mood: Mood, status: int, reasons: str
) -> None:
    """Calls, and Verify: nobody is called twice, and nobody gets in."""
    alice = site.person(kind)
    site.twilio.behaviour.mood, site.twilio.behaviour.status = mood, status
    before = len(site.twilio.behaviour.asked)
    with site.world.nas(source) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) in reasons.split()
    assert len(site.twilio.behaviour.asked) == before + 1
    site.twilio.behaviour.released.set()
    site.twilio.behaviour.released.clear()


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (mail_server.Mood.UNKNOWN, "no-usable-device"),
        (mail_server.Mood.GREY, "upstream-busy"),
        (mail_server.Mood.BUSY, "upstream-busy"),
        (mail_server.Mood.NO_STARTTLS, "upstream-unreachable"),
        (mail_server.Mood.NOT_FROM_YOU, "upstream-misconfigured"),
        (mail_server.Mood.SILENT, "upstream-silent"),
    ],
)
def test_what_a_mail_server_refuses_is_refused(
    site: Site, mood: mail_server.Mood, reason: str
) -> None:
    """And nothing leaves unprotected."""
    alice = site.person("email")
    site.mail.office.mood = mood
    with site.world.nas(VPN) as nas:
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
    assert site.reason(alice) == reason
    assert not any(alice in one.to[0] for one in site.mail.office.mails)


def test_wrong_codes_of_verify_are_refused(site: Site) -> None:
    """Twilio says so, five times; then the verification is void."""
    alice = site.person("sms")
    with site.world.nas(CLOUD) as nas:
        state, _ = asked(nas, alice)
        right = site.code(alice, "verify")
        wrong = other(right)
        for _ in range(4):
            reply = answer(nas, alice, wrong, state)
            assert text_of(reply).startswith("Wrong code. ")
            state, wrong = reply.state, other(wrong)
        assert answer(nas, alice, wrong, state).code == numbers.ACCESS_REJECT
    assert site.reason(alice) == "bad-passcode"


def test_an_old_verification_is_refused(site: Site) -> None:
    """Twilio has forgotten it."""
    alice = site.person("sms")
    with site.world.nas(CLOUD) as nas:
        state, _ = asked(nas, alice)
        code = site.code(alice, "verify")
        site.api.ahead += 601
        assert answer(nas, alice, code, state).code == numbers.ACCESS_REJECT
    assert site.reason(alice) == "code-expired"


# -- accepted --


@pytest.mark.parametrize(
    ("kind", "factor", "service", "masked"),
    [
        ("sms", "text", "texts", "***{0}"),
        ("voice", "voice", "calls", "***{0}"),
        ("email", "email", "mail", "p***@example.com"),
    ],
)
def test_a_code_lets_in(site: Site, kind: str, factor: str, service: str, masked: str) -> None:
    """Masked in the prompt and the audit; which factor, which device."""
    alice = site.person(kind)
    shown = masked.format(site.number_of(alice)[-4:])
    with site.world.nas(VPN) as nas:
        state, text = asked(nas, alice)
        assert text == f"Enter the code sent to {shown}: "
        (told,) = site.last(alice)["upstreams"]
        assert (told["answer"], told["event"]) == ("challenge", "code-sent")
        code = site.code(alice, kind)
        reply = answer(nas, alice, f" {code[:3]}-{code[3:]}", state)
        assert reply.code == numbers.ACCESS_ACCEPT
    line = site.last(alice)
    assert (line["decision"], line["factor"]) == ("accept", factor)
    assert line["token"].startswith(f"{kind.upper()}-")
    (told,) = line["upstreams"]
    assert (told["name"], told["way"], told["device"]) == (service, kind, shown)


def test_words_choose_the_way(site: Site) -> None:
    """Somebody with a telephone and an address asks for a call, then for another code."""
    alice = site.person("sms", "voice", "email")
    with site.world.nas(PORTAL) as nas:
        assert nas.login(alice, f"{PASSWORD},voice") == numbers.ACCESS_REJECT  # not of this client
        state, _ = asked(nas, alice, f"{PASSWORD},sms")
        reply = answer(nas, alice, "new", state)
        assert site.sent(alice) == 2
        assert answer(nas, alice, site.code(alice), reply.state).code == numbers.ACCESS_ACCEPT


def test_radclient_is_accepted_and_refused(site: Site, tmp_path: Path) -> None:
    """FreeRADIUS's client: password, a wrong code, the right one."""
    need("radclient")
    alice = site.person("sms")
    radclient = Radclient(site.world, tmp_path, VPN)
    said = radclient.login(alice, PASSWORD)
    assert "Received Access-Challenge" in said
    assert f"Enter the code sent to ***{site.number_of(alice)[-4:]}: " in said
    said = radclient.login(alice, other(site.code(alice)), _STATE.findall(said)[-1])
    assert "Wrong code." in said
    said = radclient.login(alice, site.code(alice), _STATE.findall(said)[-1])
    assert "Received Access-Accept" in said
    said = radclient.login(alice, PASSWORD)
    state = _STATE.findall(said)[-1]
    for _ in range(3):
        said = radclient.login(alice, "000000", state)
        state = (_STATE.findall(said) or [""])[-1]
    assert "Received Access-Reject" in said


def test_pam_shows_the_question(site: Site, pam: Callable[[str, str], str]) -> None:
    """pam_radius shows where the code went, and no more of the number; a wrong code is refused."""
    service = pam(SSH, "prompt_attribute")
    alice = site.person("sms")

    agreed, shown = log_in(service, alice, PASSWORD, "000000", "000000", "000000")

    assert not agreed
    assert f"Enter the code sent to ***{site.number_of(alice)[-4:]}: " in shown
    assert site.number_of(alice) not in shown
    assert site.reason(alice) == "bad-passcode"


def test_pam_is_accepted(site: Site, pam: Callable[[str, str], str]) -> None:
    """The code is typed when it has arrived, as a person would."""
    service = pam(SSH, "prompt_attribute")
    alice = site.person("sms")
    with subprocess.Popen(
        ["pamtester", service, alice, "authenticate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"{PASSWORD}\n")
        process.stdin.flush()
        until = time.monotonic() + PATIENCE
        while not site.sent(alice):
            assert time.monotonic() < until
            time.sleep(0.02)
        shown, _ = process.communicate(f"{site.code(alice)}\n", timeout=PATIENCE)

    assert "successfully authenticated" in shown
    assert site.last(alice)["factor"] == "text"


def test_auto_takes_both(site: Site) -> None:
    """The password alone is asked for the code; a code in one field is an answer to nothing."""
    alice = site.person("sms")
    with site.world.nas(PORTAL) as nas:
        state, _ = asked(nas, alice)
        assert answer(nas, alice, site.code(alice), state).code == numbers.ACCESS_ACCEPT
        # It asks: so no code is good in the field of the password.
        assert nas.login(alice, f"{PASSWORD},{site.code(alice)}") == numbers.ACCESS_REJECT
        assert site.reason(alice) == "code-expired"


def test_append_takes_the_code_with_the_next_password(site: Site) -> None:
    """The client cannot ask: a Reject sends the code, the next login brings it, once."""
    alice = site.person("sms")
    with site.world.nas(SWITCH) as nas:
        assert nas.login(alice, f"{PASSWORD},123456") == numbers.ACCESS_REJECT
        assert site.reason(alice) == "code-expired"
        assert site.sent(alice) == 0

        assert nas.login(alice, f"{PASSWORD},sms") == numbers.ACCESS_REJECT
        assert site.reason(alice) == "challenge-not-shown"
        code = site.code(alice)
        assert nas.login(alice, f"wrong,{code}") == numbers.ACCESS_REJECT
        assert nas.login(alice, f"{PASSWORD},{other(code)}") == numbers.ACCESS_REJECT
        assert site.reason(alice) == "bad-passcode"
        elsewhere = b"\x1f\x0b192.0.2.9"  # Calling-Station-Id: another place
        assert nas.login(alice, f"{PASSWORD},{code}", elsewhere) == numbers.ACCESS_REJECT

        assert nas.login(alice, f"{PASSWORD},{code}") == numbers.ACCESS_ACCEPT
        assert nas.login(alice, f"{PASSWORD},{code}") == numbers.ACCESS_REJECT
        assert site.sent(alice) == 1


def test_verify_lets_in(site: Site) -> None:
    """Twilio made the code, and approves it once."""
    alice = site.person("sms")
    with site.world.nas(CLOUD) as nas:
        state, text = asked(nas, alice)
        assert text.startswith("Enter the code sent to ***")
        assert answer(nas, alice, site.code(alice, "verify"), state).code == numbers.ACCESS_ACCEPT
    assert site.last(alice)["factor"] == "verify"


def test_open_until_is_for_a_gateway_that_is_gone(site: Site) -> None:
    """A gateway that refuses, or a wrong code, is never that."""
    alice = site.person("sms")
    with site.world.nas(OPEN) as nas:
        site.gateway.is_broke = True
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_REJECT
        site.gateway.is_broke = False
        state, _ = asked(nas, alice)
        site.sms.behaviour.status = 500
        assert answer(nas, alice, "000000", state).code == numbers.ACCESS_CHALLENGE
        assert nas.login(alice, PASSWORD) == numbers.ACCESS_ACCEPT
    assert site.reason(alice) == "failed-open"


def test_a_restart_forgets_nothing_that_was_asked(site: Site) -> None:
    """The challenge is in the store, with the code's hash sealed in it."""
    alice = site.person("sms")
    with site.world.nas(VPN) as nas:
        state, _ = asked(nas, alice)
        site.world.kill()
        site.world.start(source=VPN)
        assert answer(nas, alice, site.code(alice), state).code == numbers.ACCESS_ACCEPT


# -- what is written --


def test_no_code_and_no_whole_number_is_written(site: Site) -> None:
    """Neither in the log, nor in the audit, nor in the store in clear."""
    alice = site.person("sms", "email")
    with site.world.nas(VPN) as nas:
        state, _ = asked(nas, alice)
        answer(nas, alice, "sms", state)
    codes = {site.code(alice)}
    written = site.world.log() + site.world.run("audit", "export").stdout
    for secret in (*codes, site.number_of(alice)[1:], f"{alice}@example.com", *_SECRETS.values()):
        assert secret not in written
    octets = b"".join(
        file.read_bytes() for file in site.world.folder.glob("radiusmfa.db*") if file.is_file()
    )
    assert site.number_of(alice)[1:].encode() not in octets


def test_doctor_sends_nothing(site: Site) -> None:
    """It looks whether each service is there and takes our account; nobody gets a message."""
    before = len(site.gateway.outbox), len(site.api.outbox), len(site.mail.office.mails)
    said = site.world.run("doctor", expect=None).stdout
    for name in ("texts", "calls", "mail", "checked"):
        assert f"service {name}: is as it should be" in said
    site.gateway.wants = "key"
    site.mail.office.mood = mail_server.Mood.NO_STARTTLS
    said = site.world.run("doctor", expect=None).stdout
    site.gateway.wants = "bearer"
    assert "service texts: does not take our account (401)" in said
    assert "127.0.0.1: does not offer STARTTLS: nothing was sent" in said
    assert before == (len(site.gateway.outbox), len(site.api.outbox), len(site.mail.office.mails))
