"""
Duo as the second factor of whole logins: real clients, the real server, `tests.duo` by TLS.

The configuration is that of docs/services/duo.md. What is replaced: addresses, the store's
path, what stands in the files of the secrets, and where Duo is.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import yaml

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY, Device, Fault, Kind, Outcome, User, phone, token
from tests.duo_server import Running
from tests.live.clients import FAST, need
from tests.live.test_pam import log_in
from tests.live.upstreams import answer, ends, import_users, told
from tests.live.world import PASSWORD, SECRET, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import trustme

    from tests.live.nas import Nas, Reply

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "services" / "duo.md"
_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MODULES: Final = (
    "/lib/x86_64-linux-gnu/security/pam_radius_auth.so",
    "/lib/aarch64-linux-gnu/security/pam_radius_auth.so",
    "/lib/security/pam_radius_auth.so",
    "/usr/lib/security/pam_radius_auth.so",
)
ACCEPT: Final = numbers.ACCESS_ACCEPT
REJECT: Final = numbers.ACCESS_REJECT
CHALLENGE: Final = numbers.ACCESS_CHALLENGE
CODE: Final = "7482915063"
MASKED: Final = "XXX-XXX-0100"
PAM: Final = "127.0.11.100"
PATIENT_PAM: Final = "127.0.11.101"
HASTY: Final = "127.0.11.102"
RETRY_SECONDS: Final = 5
APPROVE: Final = "Approve the login on your phone, then press Enter."
_PEOPLE: Final = 120


def configuration() -> dict[str, Any]:
    """Return the one configuration that stands on the page."""
    (text,) = _BLOCK.findall(_PAGE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@final
class Site:
    """
    The page's configuration as it runs here.

    Attributes:
        world: The server.
        duo: Duo.
        sources: Address of each client.
        checked: What `radiusmfa check` says.
    """

    def __init__(self, folder: Path, duo: Running, ca_file: Path) -> None:
        """Write the configuration, employ people, start."""
        self.world = World(folder)
        self.duo = duo
        self.sources: dict[str, str] = {}
        settings = configuration()
        settings["listen"] = [{"udp": f"127.0.0.1:{self.world.port}"}]
        settings["store"] = {"sqlite": "radiusmfa.db"}
        for at, client in enumerate(settings["clients"], 1):
            self.sources[client["name"]] = f"127.0.11.{at}"
            client["networks"] = [self.sources[client["name"]]]
            self._write(client["secret"]["file"], SECRET)
        for service in settings["services"].values():
            service["duo"]["host"], service["ca_file"] = duo.host, str(ca_file)
            assert service["duo"]["integration_key"] == IKEY
            self._write(service["duo"]["secret_key"]["file"], SKEY.encode())
        self.world.config.write_text(json.dumps(settings))
        self.checked = self.world.run("check").stdout
        # What the page leaves to the page of the device.
        ssh = next(one for one in settings["clients"] if one["name"] == "ssh")
        pam = {"name": "pam", "networks": [PAM], "require_message_authenticator": "no"}
        settings["clients"].append(ssh | pam | {"time_budget": 3, "retry_window": 0})
        patient = {"name": "patient-pam", "networks": [PATIENT_PAM], "shows_challenges": False}
        settings["clients"].append(ssh | pam | patient | {"time_budget": 40})
        hasty = {"name": "hasty", "networks": [HASTY], "shows_challenges": False}
        settings["clients"].append(ssh | hasty | {"time_budget": 6})
        self.sources["hasty"] = HASTY
        settings["passwords"] = FAST
        self.world.config.write_text(json.dumps(settings))
        self._names = [f"duo{at:03d}" for at in range(_PEOPLE)]
        import_users(self.world, self._names, PASSWORD)
        self.world.start(source="127.0.11.1")

    def person(self, does: Outcome = Outcome.TIMEOUT, after: float = 0.3, **more: Any) -> User:  # noqa: ANN401
        """Return somebody whom no other test has used, enrolled at Duo."""
        name = self._names.pop()
        return self.duo.simulator.add(
            name, **({"does": does, "after": after, "codes": {CODE}} | more)
        )

    def nas(self, client: str) -> Nas:
        """Return a NAS at the address of a client."""
        return self.world.nas(self.sources[client])

    def enter(self, client: str, user: User, *typed: str) -> Reply:
        """Let *user* type one word a round; return the last reply."""
        with self.nas(client) as nas:
            reply = nas.ask(nas.request(user.name, typed[0]), 30.0)
            for word in typed[1:]:
                assert reply.code == CHALLENGE, word
                reply = nas.ask(answer(nas, user.name, word, reply.state), 30.0)
            return reply

    def rings(self, user: User) -> list[str]:
        """Return what rang, or was sent, at somebody's."""
        return [one.factor for one in self.duo.simulator.rings if one.user == user.name]

    def end(self, user: User) -> dict[str, Any]:
        """Return what the last audit line about somebody says of Duo."""
        line = told(self.world, user.name)[-1]
        found: dict[str, Any] = line["upstreams"][-1] | {"factor": line.get("factor")}
        return found

    def _write(self, name: str, octets: bytes) -> None:
        file = self.world.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(octets)
        file.chmod(0o600)


@pytest.fixture(scope="module")
def site(ca: trustme.CA, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the configuration, running; at its end nothing was broken, and nothing told."""
    with Running(ca) as duo:
        made = Site(tmp_path_factory.mktemp("duo"), duo, ca_file)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == [line for line in made.world.faults() if "ALARM: " in line]
        made.world.run("audit", "verify")
        said = made.world.log() + made.world.run("audit", "export").stdout
        for secret in (SKEY, CODE, PASSWORD, "Basic "):
            assert secret not in said


@pytest.fixture(autouse=True)
def _as_usual(site: Site) -> None:
    duo = site.duo.simulator
    duo.faults.clear()
    duo.new_users, duo.skew, duo.push_seconds = "enroll", 0.0, 60.0


def text(reply: Reply) -> str:
    """Return the one Reply-Message."""
    (found,) = reply.packet.values(numbers.REPLY_MESSAGE)
    return found.decode()


# -- refused --


def test_wrong_password_asks_nobody(site: Site) -> None:
    """Duo hears nothing of somebody who does not know the password."""
    user, before = site.person(Outcome.APPROVE), len(site.duo.simulator.asked)
    assert site.enter("vpn", user, "correct mule").code == REJECT
    assert len(site.duo.simulator.asked) == before


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (Outcome.DENY, "person-refused"),
        (Outcome.FRAUD, "fraud-reported"),
        (Outcome.LOCKED, "upstream-refused"),
        (Outcome.TIMEOUT, "unanswered"),
        (Outcome.FAILS, "unanswered"),
    ],
)
@pytest.mark.parametrize("client", ["vpn", "old-vpn", "broker"])
def test_person_who_does_not_approve_is_refused(
    site: Site, does: Outcome, reason: str, client: str
) -> None:
    """No, fraud, an account that locks, nobody there, a push that is lost: each with its reason."""
    site.duo.simulator.push_seconds = 1.0
    user = site.person(does)
    assert site.enter(client, user, "push" if client == "broker" else PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", reason)
    end = site.end(user)
    assert (end["way"], end["device"]) == ("push", MASKED)
    assert site.rings(user) == ["push"]


@pytest.mark.parametrize(
    ("status", "reason"),
    [("disabled", "upstream-refused"), ("locked_out", "upstream-refused")],
)
@pytest.mark.parametrize("client", ["vpn", "desk", "ssh", "old-vpn"])
def test_account_that_may_not_is_refused(site: Site, status: str, reason: str, client: str) -> None:
    """Duo's text reaches the person."""
    user = site.person(Outcome.APPROVE, status=status)
    reply = site.enter(client, user, PASSWORD)
    assert (reply.code, text(reply)[:15]) == (REJECT, "Your account is")
    assert ends(site.world, user.name)[-1] == ("reject", reason)
    assert site.rings(user) == []


def test_unknown_person_is_refused_where_the_policy_says_so(site: Site) -> None:
    """Unknown users: deny."""
    user = site.person()
    del site.duo.simulator.users[user.name]
    site.duo.simulator.new_users = "deny"
    assert site.enter("vpn", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "upstream-refused")


@pytest.mark.parametrize("client", ["vpn", "old-vpn"])
def test_person_who_has_to_enrol_is_refused(site: Site, client: str) -> None:
    """With the address: in a question where there can be one."""
    user = site.person(Outcome.APPROVE, status="unenrolled")
    reply = site.enter(client, user, PASSWORD)
    assert "https://simulator/portal?code=" in text(reply)
    assert reply.code == (CHALLENGE if client == "vpn" else REJECT)
    if client == "vpn":
        reply = site.enter(client, user, PASSWORD, "push")
        assert (reply.code, text(reply)) == (REJECT, "Finish the enrolment, then log in again.")
    assert ends(site.world, user.name)[-1] == ("reject", "not-enrolled")


@pytest.mark.parametrize("typed", ["654321", "7", "hunter2"])
@pytest.mark.parametrize("client", ["broker", "old-vpn", "desk"])
def test_wrong_passcode_is_refused(site: Site, client: str, typed: str) -> None:
    """Of the right form or not; it counts as a wrong proof."""
    user = site.person()
    words = {"broker": (typed,), "old-vpn": (f"{PASSWORD},{typed}",), "desk": (PASSWORD, typed)}
    assert site.enter(client, user, *words[client]).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "bad-passcode")
    assert site.rings(user) == []


def test_passcode_is_refused_the_second_time(site: Site) -> None:
    """At another client, too."""
    user = site.person()
    assert site.enter("broker", user, CODE).code == ACCEPT
    assert site.enter("old-vpn", user, f"{PASSWORD},{CODE}").code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "replayed-passcode")


@pytest.mark.parametrize("typed", ["push2", "phone", "sms"])
def test_device_that_is_not_there_is_refused(site: Site, typed: str) -> None:
    """Nothing rings."""
    user = site.person(Outcome.APPROVE, devices=[phone("0100", "push", "mobile_otp")])
    assert site.enter("broker", user, typed).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "no-usable-device")
    assert site.rings(user) == []


def test_sms_without_questions_is_refused_and_the_code_lets_in(site: Site) -> None:
    """`password,sms`, then `password,code`."""
    user = site.person()
    reply = site.enter("old-vpn", user, f"{PASSWORD},sms")
    assert (reply.code, text(reply)) == (
        REJECT, "Passcodes were sent to your phone. Log in again with one of them.",
    )  # fmt: skip
    assert ends(site.world, user.name)[-1] == ("reject", "upstream-refused")
    assert site.end(user)["event"] == "code-sent"
    code = user.devices[0].sms[0]
    assert site.enter("old-vpn", user, f"{PASSWORD},{code}").code == ACCEPT


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind=Kind.STATUS, path="preauth", status=500), "upstream-unreachable"),
        (Fault(kind=Kind.STATUS, path="preauth", status=503), "upstream-unreachable"),
        (Fault(kind=Kind.EMPTY, path="preauth"), "upstream-unreachable"),
        (Fault(kind=Kind.BAD_JSON, path="preauth"), "upstream-unreachable"),
        (Fault(kind=Kind.NO_RESPONSE, path="preauth"), "upstream-unreachable"),
        (Fault(kind=Kind.PAGE, path="preauth"), "upstream-unreachable"),
        (Fault(kind=Kind.RESET, path="preauth", times=9), "upstream-silent"),
        (Fault(kind=Kind.BAD_HEADER, path="preauth", times=9), "upstream-silent"),
        (Fault(kind=Kind.STATUS, path="preauth", status=400, code=40001), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, path="preauth", status=400, code=40002), "upstream-refused"),
        (Fault(kind=Kind.STATUS, path="preauth", status=401, code=40101), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, path="preauth", status=401, code=40102), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, path="preauth", status=401, code=40103), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, path="preauth", status=403, code=40301), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, path="preauth", status=404, code=40401), "upstream-misconfigured"),
        (Fault(kind=Kind.STATUS, status=429, times=99, retry_after="99"), "upstream-busy"),
        (Fault(kind=Kind.STATUS, path="/auth", status=500), "unanswered"),
        (Fault(kind=Kind.RESET, path="/auth"), "unanswered"),
        (Fault(kind=Kind.EMPTY, path="/auth"), "bad-upstream-reply"),
        (Fault(kind=Kind.STATUS, path="/auth", status=400, code=40002), "upstream-refused"),
        (Fault(kind=Kind.STATUS, path="auth_status", status=500, times=99), "unanswered"),
    ],
    ids=lambda one: (
        f"{one.path}-{one.kind}-{one.code or one.status}" if isinstance(one, Fault) else ""
    ),
)
def test_whatever_duo_does_wrong_lets_nobody_in(site: Site, fault: Fault, reason: str) -> None:
    """Fails closed; and nothing is sent twice that might ring."""
    user = site.person(Outcome.APPROVE)
    site.duo.simulator.faults.append(Fault(**vars(fault)))
    assert site.enter("old-vpn", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", reason)
    assert len(site.rings(user)) <= 1
    site.duo.simulator.faults.clear()


def test_slow_duo_is_silent(site: Site) -> None:
    """The answer leaves before the client gives up, with the reason that another factor needs."""
    user = site.person(Outcome.APPROVE)
    site.duo.simulator.faults.append(Fault(kind=Kind.SLOW, path="preauth", seconds=8.0))
    assert site.enter("ssh", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "upstream-silent")


def test_late_fraud_is_an_alarm(site: Site) -> None:
    """The login has ended; what the person says then is heard, logged and written down."""
    user = site.person(Outcome.FRAUD, after=7.0)
    reply = site.enter("ssh", user, PASSWORD)
    assert reply.code == CHALLENGE
    site.world.until_logged(rf"ALARM: {user.name} reports that a login at ssh was not theirs")
    found = site.world.run("audit", "search", "--kind", "alarm", "--json").stdout
    (line,) = [line for line in found.splitlines() if user.name in line]
    assert '"way":"push"' in line.replace(" ", "")


def test_approval_that_nobody_waits_for_opens_nothing(site: Site) -> None:
    """The login was refused in time; the next one is another one, and rings for itself."""
    user = site.person(Outcome.APPROVE, after=8.0)
    assert site.enter("hasty", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "unanswered")
    (made,) = [one for one in site.duo.simulator.transactions.values() if one.user is user]
    _until(lambda: made.is_forgotten)
    user.does = Outcome.DENY
    user.after = 0.3
    assert site.enter("hasty", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "person-refused")
    assert site.rings(user) == ["push", "push"]


def test_next_login_goes_on_with_the_push_that_is_open(site: Site) -> None:
    """The client gave up and was told no in time; whoever logs in again meanwhile is not rung."""
    user = site.person(Outcome.APPROVE, after=8.0)
    assert site.enter("hasty", user, PASSWORD).code == REJECT
    assert site.enter("hasty", user, PASSWORD).code == ACCEPT
    assert site.rings(user) == ["push"]


def test_after_a_no_nothing_rings(site: Site) -> None:
    """Silence for a minute; a passcode still lets in."""
    user = site.person(Outcome.DENY)
    assert site.enter("vpn", user, PASSWORD).code == REJECT
    user.does = Outcome.APPROVE
    assert site.enter("vpn", user, PASSWORD).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "cooling-down")
    assert site.enter("broker", user, CODE).code == ACCEPT
    assert site.rings(user) == ["push"]


def test_another_login_meanwhile_rings_nothing(site: Site) -> None:
    """Somebody else, at another client, who has the password."""
    user = site.person(Outcome.APPROVE, after=3.0)
    with site.nas("vpn") as nas:
        request = nas.request(user.name, PASSWORD)
        nas.send(request)
        _until(lambda: bool(site.rings(user)))
        assert site.enter("old-vpn", user, PASSWORD).code == REJECT
        assert ends(site.world, user.name)[-1] == ("reject", "call-open")
        octets = nas.receive(20.0)
        assert octets is not None
        assert nas.check(request, octets).code == ACCEPT
    assert site.rings(user) == ["push"]


# -- accepted --


@pytest.mark.parametrize(
    ("client", "typed", "way"),
    [
        ("vpn", (PASSWORD,), "push"),
        ("desk", (PASSWORD, "1"), "push"),
        ("desk", (PASSWORD, "2"), "phone"),
        ("desk", (PASSWORD, "phone"), "phone"),
        ("desk", (PASSWORD, CODE), "passcode"),
        ("ssh", (PASSWORD,), "push"),
        ("old-vpn", (PASSWORD,), "push"),
        ("old-vpn", (f"{PASSWORD},push",), "push"),
        ("old-vpn", (f"{PASSWORD},Phone1",), "phone"),
        ("old-vpn", (f"{PASSWORD},{CODE}",), "passcode"),
        ("broker", (CODE,), "passcode"),
        ("broker", ("push",), "push"),
        ("broker", ("auto",), "push"),
    ],
)
def test_person_gets_in(site: Site, client: str, typed: tuple[str, ...], way: str) -> None:
    """As the page says; the audit has factor, way, device, and how long the person took."""
    user = site.person(Outcome.APPROVE)
    assert site.enter(client, user, *typed).code == ACCEPT

    assert ends(site.world, user.name)[-1] == ("accept", "passed")
    end = site.end(user)
    service = "duo-menu" if client == "desk" else "duo"
    assert (end["name"], end["factor"], end["way"]) == (service, service, way)
    assert end["server"] == site.duo.host
    if way == "passcode":
        assert "person_us" not in end
        assert site.rings(user) == []
    else:
        assert end["device"] == MASKED
        assert end["person_us"] >= 250_000
        assert site.rings(user) == [way]


def test_menu_is_that_of_the_page(site: Site) -> None:
    """What people see is what they read about."""
    user = site.person()
    shown = _PAGE.read_text(encoding="utf-8").split("```\nDuo login for ")[1].split("\n```")[0]
    reply = site.enter("desk", user, PASSWORD)
    assert text(reply).strip() == f"Duo login for {shown.replace('alice', user.name)}"


def test_second_device_and_its_number(site: Site) -> None:
    """`push2`: the audit has the second one."""
    devices: list[Device] = [token(), phone("0100"), phone("0200")]
    user = site.person(Outcome.APPROVE, devices=devices)
    assert site.enter("broker", user, "push2").code == ACCEPT
    assert site.end(user)["device"] == "XXX-XXX-0200"


def test_sms_asks_for_the_code_that_begins_so(site: Site) -> None:
    """Then the code, once."""
    user = site.person()
    with site.nas("desk") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD))
        second = nas.ask(answer(nas, user.name, "3", first.state))
        assert text(second) == (
            f"Passcodes were sent to {MASKED}. Type the one that begins with 1: "
        )
        code = user.devices[0].sms[0]
        assert nas.ask(answer(nas, user.name, code, second.state)).code == ACCEPT
    assert site.rings(user) == ["sms"]


def test_token_is_asked_for_its_code(site: Site) -> None:
    """Who has no phone."""
    user = site.person(devices=[token()])
    reply = site.enter("vpn", user, PASSWORD)
    assert (reply.code, text(reply)) == (CHALLENGE, "Passcode: ")
    assert site.enter("vpn", user, PASSWORD, CODE).code == ACCEPT


def test_person_is_called_otherwise_at_duo(site: Site) -> None:
    """`radiusmfa user upstream NAME duo --as OTHER`."""
    user = site.person()
    other = site.duo.simulator.add(f"{user.name}.at.duo", does=Outcome.APPROVE, after=0.3)
    site.world.run("user", "upstream", user.name, "duo", "--as", other.name)
    assert site.enter("vpn", user, PASSWORD).code == ACCEPT
    assert (site.rings(user), site.rings(other)) == ([], ["push"])
    (ring,) = [one for one in site.duo.simulator.rings if one.user == other.name]
    assert ring.parameters["display_username"] == user.name
    assert ring.parameters["pushinfo"] == "Login%20at=vpn"


def test_user_in_bypass_status_gets_in_and_the_audit_says_so(site: Site) -> None:
    """Duo's word, and its way."""
    user = site.person(status="bypass")
    assert site.enter("vpn", user, PASSWORD).code == ACCEPT
    assert site.end(user)["way"] == "bypass"


@pytest.mark.parametrize("verified", ["preauth", "message"])
def test_number_is_shown_before_it_is_typed(site: Site, verified: str) -> None:
    """Verified push: at once, although the client would wait for 70 seconds."""
    user = site.person(verified=verified)
    with site.nas("vpn") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD))
        (made,) = [one for one in site.duo.simulator.transactions.values() if one.user is user]
        number = re.findall(r"code ([0-9]{3}) into", made.steps[0][1].text)[0]
        assert number in text(first)
        site.duo.decide(user.name, Outcome.APPROVE)
        assert nas.ask(answer(nas, user.name, "", first.state)).code == ACCEPT
    assert site.rings(user) == ["push"]


def test_clock_that_is_off_is_corrected(site: Site) -> None:
    """Ten minutes; the log says so once."""
    site.duo.simulator.skew = 600.0
    user = site.person(Outcome.APPROVE)
    seen = len(site.world.log())
    assert site.enter("vpn", user, PASSWORD).code == ACCEPT
    site.world.until_logged(r"service duo: this machine's clock is (599|600) s behind Duo's", seen)


def test_too_many_requests_are_waited_for(site: Site) -> None:
    """429 with a time that the login has."""
    site.duo.simulator.faults.append(Fault(kind=Kind.STATUS, status=429, retry_after="1", times=2))
    user = site.person(Outcome.APPROVE)
    assert site.enter("vpn", user, PASSWORD).code == ACCEPT


def test_approve_then_enter(site: Site) -> None:
    """The client gives up after six seconds: the next round goes on with the same push."""
    user = site.person(Outcome.APPROVE, after=6.5)
    with site.nas("ssh") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD))
        assert (first.code, text(first)) == (CHALLENGE, APPROVE)
        assert nas.ask(answer(nas, user.name, "", first.state)).code == ACCEPT
    end = site.end(user)
    assert (end["way"], end["device"]) == ("push", MASKED)
    assert end["person_us"] >= 6_000_000
    assert site.rings(user) == ["push"]


def test_code_instead_of_enter(site: Site) -> None:
    """The phone lies at home."""
    user = site.person()
    assert site.enter("ssh", user, PASSWORD, CODE).code == ACCEPT
    assert site.end(user)["way"] == "passcode"


def test_push_goes_on_after_a_kill(site: Site) -> None:
    """`kill -9` between two rounds: the phone has rung once, and the approval counts."""
    user = site.person(Outcome.APPROVE, after=9.0)
    with site.nas("ssh") as nas:
        first = nas.ask(nas.request(user.name, PASSWORD))
        assert first.code == CHALLENGE
        site.world.kill()
        site.world.start(source="127.0.11.1")
        second = nas.ask(answer(nas, user.name, "", first.state))
        while second.code == CHALLENGE:
            second = nas.ask(answer(nas, user.name, "", second.state))
        assert second.code == ACCEPT
    assert site.rings(user) == ["push"]


# -- one login, one push --


def test_phone_rings_once_while_radclient_retries(site: Site) -> None:
    """The same packet again and again; one answer, one push."""
    need("radclient")
    user = site.person(Outcome.APPROVE, after=4.0)
    said = _radclient(site, "old-vpn", user, PASSWORD, "-r", "8", "-t", "1")
    assert said.count("Received Access-Accept") == 1
    assert site.rings(user) == ["push"]
    assert ends(site.world, user.name) == [("accept", "passed")]


def test_phone_rings_once_for_a_client_that_asks_anew(site: Site) -> None:
    """Other identifiers, other ports, as a VPN client does it every few seconds."""
    user = site.person(Outcome.APPROVE, after=3.0)
    codes = []
    with site.nas("old-vpn") as first, site.nas("old-vpn") as second:
        requests = []
        for nas in (first, second, first, second):
            request = nas.request(user.name, PASSWORD)
            nas.send(request)
            requests.append(request)
            _until(lambda: bool(site.rings(user)))
        for nas in (first, second):
            octets = nas.receive(10.0)
            assert octets is not None
            codes.append(octets[0])
    assert ACCEPT in codes
    assert site.rings(user) == ["push"]


def test_phone_rings_once_for_clients_that_retry_every_five_seconds(
    site: Site, pam: Callable[..., str]
) -> None:
    """
    Each person takes twelve seconds, and each client asks three times or more.

    By the same packet (radclient, pam_radius), or every time from another port with another
    identifier; and then it no longer listens to the ports before.
    """
    need("radclient")
    people = [site.person(Outcome.APPROVE, after=12.0) for _ in range(3)]
    same, module, anew = people
    options = ("-r", "5", "-t", str(RETRY_SECONDS))
    service = pam(PATIENT_PAM, seconds=RETRY_SECONDS, retry=4)
    with ThreadPoolExecutor(3) as pool:
        said = pool.submit(_radclient, site, "old-vpn", same, PASSWORD, *options)
        entered = pool.submit(log_in, service, module.name, PASSWORD)
        codes = pool.submit(_ask_anew, site, "old-vpn", anew)
    assert said.result().count("Received Access-Accept") == 1
    assert said.result().count("Sent Access-Request") >= 3
    assert entered.result()[0]
    *silent, last = codes.result()
    assert (set(silent), last) == ({None}, ACCEPT)
    assert len(silent) >= 2
    for user in people:
        assert site.rings(user) == ["push"]
        assert ends(site.world, user.name) == [("accept", "passed")]
        assert site.end(user)["person_us"] > 2_000_000 * RETRY_SECONDS


@pytest.mark.parametrize("client", ["vpn", "broker", "old-vpn"])
def test_radclient_gets_in(site: Site, client: str) -> None:
    """FreeRADIUS's own client."""
    need("radclient")
    user = site.person(Outcome.APPROVE)
    typed = CODE if client == "broker" else PASSWORD
    assert "Received Access-Accept" in _radclient(site, client, user, typed, "-r", "1", "-t", "20")


def test_radclient_is_refused(site: Site) -> None:
    """With Duo's text."""
    need("radclient")
    user = site.person(Outcome.DENY)
    said = _radclient(site, "vpn", user, PASSWORD, "-r", "1", "-t", "20")
    assert "Received Access-Reject" in said
    assert "Login request denied." in said


# -- pam_radius --


@pytest.fixture
def pam(site: Site, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that makes a PAM service for pam_radius."""
    need("pamtester")
    if not any(Path(module).exists() for module in _MODULES):
        pytest.skip("NOT TESTED: apt-get install libpam-radius-auth")
    made: list[Path] = []

    def make(source: str = PAM, seconds: int = 4, retry: int = 0) -> str:
        servers = tmp_path / "pam_radius.conf"
        servers.write_text(f"127.0.0.1:{site.world.port} {SECRET.decode()} {seconds} {source}\n")
        servers.chmod(0o600)
        service = Path("/etc/pam.d") / f"radiusmfa-test-{site.world.port}"
        made.append(service)
        service.write_text(
            f"auth required pam_radius_auth.so conf={servers} retry={retry} prompt_attribute\n"
            "account required pam_permit.so\n"
        )
        return service.name

    yield make
    for service in made:
        service.unlink()


def test_pam_is_refused(site: Site, pam: Callable[..., str]) -> None:
    """Somebody taps no."""
    user = site.person(Outcome.DENY)
    assert not log_in(pam(), user.name, PASSWORD)[0]
    assert ends(site.world, user.name)[-1] == ("reject", "person-refused")


def test_pam_gets_in_by_a_push(site: Site, pam: Callable[..., str]) -> None:
    """Fast enough."""
    user = site.person(Outcome.APPROVE)
    assert log_in(pam(), user.name, PASSWORD)[0]
    assert site.rings(user) == ["push"]


def test_pam_approves_then_enters(site: Site, pam: Callable[..., str]) -> None:
    """Three seconds are too short for a person: the question, Enter, and in."""
    user = site.person(Outcome.APPROVE, after=4.0)
    agreed, shown = log_in(pam(), user.name, PASSWORD, "", "")
    assert APPROVE in shown
    assert agreed
    assert site.rings(user) == ["push"]


def test_pam_types_a_code(site: Site, pam: Callable[..., str]) -> None:
    """Instead of Enter."""
    user = site.person()
    assert log_in(pam(), user.name, PASSWORD, CODE)[0]
    assert site.end(user)["way"] == "passcode"


# -- the page --


def test_configuration_of_the_page_has_no_warning(site: Site) -> None:
    """`radiusmfa check` finds nothing in it to complain about."""
    assert "can be used" in site.checked
    assert "no warnings" in site.checked


def test_reasons_and_codes_of_the_page_exist() -> None:
    """Each code is one that the code knows, with the words that the log has."""
    from radiusmfa.outcome import Reason  # noqa: PLC0415
    from radiusmfa.service.duo_calls import _CODES  # noqa: PLC0415

    whole = _PAGE.read_text(encoding="utf-8")
    table = whole.split("| reason in the audit |")[1].split("\n\n")[0]
    for row in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)[1:]:
        for word in re.findall(r"`([a-z-]+)`", row.partition(" with event")[0]):
            assert Reason(word)
    for words, code in re.findall(r"`([a-z' ]+) \((40[0-9]{3})\)`", whole):
        assert words in _CODES[int(code)]


def _radclient(site: Site, client: str, user: User, typed: str, *options: str) -> str:
    file = site.world.folder / "radclient-secret"
    file.write_bytes(SECRET)
    lines = (
        f'User-Name = "{user.name}"',
        f'User-Password = "{typed}"',
        f"Packet-Src-IP-Address = {site.sources[client]}",
        "Message-Authenticator = 0x00",
    )
    place = f"127.0.0.1:{site.world.port}"
    done = subprocess.run(
        ["radclient", "-x", *options, "-S", str(file), place, "auth"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def _ask_anew(site: Site, client: str, user: User) -> list[int | None]:
    """Ask again and again, each time from a new port, and listen there alone; say what came."""
    codes: list[int | None] = []
    while not any(codes) and len(codes) < 6:
        with site.nas(client) as nas:
            request = nas.request(user.name, PASSWORD)
            nas.send(request)
            octets = nas.receive(RETRY_SECONDS)
            codes.append(None if octets is None else nas.check(request, octets).code)
    return codes


def _until(has_happened: Any) -> None:  # noqa: ANN401 - a lambda
    until = time.monotonic() + 10.0
    while not has_happened():
        assert time.monotonic() < until
        time.sleep(0.01)
