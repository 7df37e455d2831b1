"""
SecurID's REST API through the real server, over real TLS.

As a broker's only proof, after a password of ours, and at an `auto` client; with radclient, with
a NAS of ours, and with pam_radius.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live import test_pam, upstreams
from tests.live.clients import FAST, need
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT
from tests.live.upstreams import Front, told
from tests.live.world import World
from tests.securid import (
    CODES,
    DEVICE,
    KEY,
    MADE_PIN,
    MASKED_PHONE,
    PHONE,
    PIN,
    SENT_CODE,
    Mode,
    Mood,
    Person,
    Running,
    Simulator,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trustme import CA

    from tests.live.token_clients import Said

PASSWORD: Final = "correct horse"
PASSCODE: Final = PIN + CODES[0]
NEXT_CODE: Final = CODES[1]
WRONG: Final = PIN + "000000"
EVERYTHING: Final = [["SECURID"], ["APPROVE"], ["SMS"], ["VOICE"]]
PUSH: Final = [["APPROVE"]]
VPN, BROKER, AUTO, SHORT, LONG, PAM, ASA, SIGNED, MUTE, FOREIGN = (
    f"127.0.9.{at}" for at in range(1, 11)
)
_STRICT: Final = {"retry_window": 0}
_CLIENTS: Final = (
    {"name": "vpn", "networks": [VPN], "factors": ["securid"], **_STRICT},
    {"name": "broker", "networks": [BROKER], "mode": "step-up", "factors": ["securid"], **_STRICT},
    {"name": "auto", "networks": [AUTO], "mode": "auto", "factors": ["securid"], **_STRICT},
    {"name": "short", "networks": [SHORT], "factors": ["push"], "time_budget": 3, **_STRICT},
    {"name": "long", "networks": [LONG], "factors": ["push"], "mode": "auto", **_STRICT},
    {
        "name": "pam",
        "networks": [PAM],
        "factors": ["securid"],
        "require_message_authenticator": "no",
        **_STRICT,
    },
    {"name": "asa", "networks": [ASA], "factors": ["securid"], "prompts": "asa-sdi", **_STRICT},
    {"name": "signed", "networks": [SIGNED], "factors": ["signed"], **_STRICT},
    {"name": "foreign", "networks": [FOREIGN], "factors": ["foreign"], **_STRICT},
    {
        "name": "mute",
        "networks": [MUTE],
        "factors": ["push"],
        "shows_challenges": False,
        **_STRICT,
    },
)
service = test_pam.pam


@final
class Site:
    """
    Our server before an Authentication Manager with a replica.

    Attributes:
        world: Our server.
        primary: RSA's first server.
        replica: Its second.
        signed: One in HMAC mode.
    """

    def __init__(self, folder: Path, ca: CA, ca_file: Path, stack: ExitStack) -> None:
        """Start RSA's servers, then ours."""
        self.primary = stack.enter_context(Running(ca))
        self.replica = stack.enter_context(Running(ca))
        self.signed = stack.enter_context(Running(ca, Simulator(hmac=True)))
        self.world = World(folder)
        (self.world.folder / "access-key").write_text(KEY)
        (self.world.folder / "access-key").chmod(0o600)
        (self.world.folder / "ca.pem").write_bytes(ca_file.read_bytes())
        key = {"access_key": {"file": "access-key"}}
        urls = [self.primary.url, self.replica.url]
        common = {"ca_file": "ca.pem", "timeout": 2}
        signed = {"urls": [self.signed.url], "access_id": "i" * 64, **key}
        self.world.configure(
            _CLIENTS,
            services={
                "rsa": {"securid": {"urls": urls, **key}, **common},
                "rsa-signed": {"securid": signed, **common},
                "rsa-foreign": {"securid": {"urls": urls, **key}, "timeout": 2},
            },
            factors={
                "totp": {},
                "securid": {"service": "rsa"},
                "push": {"service": "rsa", "start_with": "word"},
                "signed": {"service": "rsa-signed"},
                "foreign": {"service": "rsa-foreign"},
            },
            passwords=FAST,
        )
        self.world.start(source=VPN)

    @property
    def simulator(self) -> Simulator:
        """Return RSA's first server."""
        return self.primary.simulator

    def person(self, **values: Any) -> tuple[str, Person]:  # noqa: ANN401 - see `Person`
        """Employ somebody: with a password here, and a token at RSA."""
        name = f"p{secrets.token_hex(6)}"
        upstreams.import_users(self.world, [name], PASSWORD)
        return name, self.simulator.person(name, **values)

    def log_in(self, source: str, name: str, *typed: str, by_radclient: bool = False) -> Said:
        """Type one word a round; each but the last must be answered by a challenge."""
        with self.world.nas(source) as nas:
            front = Front(self.world, source, nas, by_radclient=by_radclient)
            said = front.ask(name, typed[0])
            for word in typed[1:]:
                assert said is not None
                assert (said.code, bool(said.text)) == (CHALLENGE, True), (word, said)
                assert said.state is not None
                said = front.ask(name, word, said.state)
        assert said is not None
        return said

    def last(self, name: str) -> dict[str, Any]:
        """Return the audit's last line about somebody."""
        return told(self.world, name)[-1]

    def reason(self, name: str) -> str:
        """Return the reason of the last decision about somebody."""
        return str(self.last(name)["reason"])

    def is_well(self) -> None:
        """Let RSA's servers do as they should, and see that somebody gets in again."""
        self.settle()
        name, person = self.person()
        assert self.log_in(VPN, name, PASSWORD, person.passcode()).code == ACCEPT

    def settle(self) -> None:
        """Let RSA's servers do as they should."""
        for one in (self.primary, self.replica, self.signed):
            one.simulator.mood, one.simulator.status = Mood.WELL, 0
            one.simulator.of.clear()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, ca: CA, ca_file: Path) -> Iterator[Site]:
    """Return our server and RSA's, for the whole module."""
    need("radclient")
    with ExitStack() as stack:
        site = Site(tmp_path_factory.mktemp("world"), ca, ca_file, stack)
        stack.callback(site.world.kill)
        yield site
        assert site.world.stop() == 0
    assert site.world.faults() == []
    site.world.run("audit", "verify")
    log = site.world.log()
    assert KEY not in log
    assert PASSCODE not in log
    assert MADE_PIN not in log


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    """Return our server and RSA's, which do as they should afterwards."""
    yield running
    running.settle()


@pytest.fixture
def world(running: Site) -> World:
    """Return our server."""
    return running.world


# -- refused --


@pytest.mark.parametrize("by_radclient", [True, False])
@pytest.mark.parametrize("source", [VPN, AUTO])
def test_wrong_passcode_is_refused(site: Site, source: str, *, by_radclient: bool) -> None:
    """After a right password; three times within one attempt."""
    name, _ = site.person()
    typed = (PASSWORD, WRONG, WRONG, WRONG)
    assert site.log_in(source, name, *typed, by_radclient=by_radclient).code == REJECT
    assert site.reason(name) == "bad-passcode"


def test_wrong_password_never_reaches_rsa(site: Site) -> None:
    """Nobody learns of a token by a wrong password, and no code is used up."""
    name, person = site.person()
    assert site.log_in(VPN, name, "correct mule").code == REJECT
    assert site.reason(name) == "bad-password"
    assert person.codes == list(CODES)


def test_broker_hears_no(site: Site) -> None:
    """A wrong passcode, a used one, somebody whom RSA has locked or does not know."""
    name, person = site.person()
    assert site.log_in(BROKER, name, WRONG, WRONG, WRONG).code == REJECT
    # Three wrong ones, and RSA wants the next code besides.
    assert site.log_in(BROKER, name, PASSCODE, NEXT_CODE).code == ACCEPT
    assert site.log_in(BROKER, name, PASSCODE, PASSCODE, PASSCODE).code == REJECT
    assert site.reason(name) == "bad-passcode"
    assert person.codes == list(CODES[2:])

    name, _ = site.person(locked=True)
    assert site.log_in(BROKER, name, PASSCODE).code == REJECT
    line = site.last(name)
    assert (line["reason"], line["upstreams"][0]["event"]) == ("upstream-refused", "locked")

    name, _ = site.person()
    del site.simulator.people[name]
    assert site.log_in(BROKER, name, PASSCODE).code == REJECT


@pytest.mark.parametrize(
    ("mode", "typed", "reason"),
    [
        (Mode.NEXT, (PASSCODE, CODES[0], CODES[0], CODES[0]), "bad-passcode"),
        (Mode.NEXT, (PASSCODE, ""), "bad-passcode"),
        (Mode.NEW_PIN, (CODES[0], "5678", "5678", *["5678" + CODES[0]] * 3), "bad-passcode"),
        (Mode.SYSTEM_PIN, (CODES[0], "n"), "person-refused"),
    ],
)
def test_dialogue_that_goes_wrong_is_refused(
    site: Site, mode: Mode, typed: tuple[str, ...], reason: str
) -> None:
    """Next Tokencode and New PIN mode."""
    name, _ = site.person(mode=mode, pin=PIN if mode is Mode.NEXT else "")
    assert site.log_in(VPN, name, PASSWORD, *typed).code == REJECT
    assert site.reason(name) == reason


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (Mood.ERROR, "bad-upstream-reply"),
        (Mood.UNKNOWN, "bad-upstream-reply"),
        (Mood.OTHERS, "upstream-unreachable"),
        (Mood.HTML, "upstream-unreachable"),
        (Mood.TRUNCATED, "upstream-unreachable"),
        (Mood.SHORT, "upstream-silent"),
        (Mood.LARGE, "upstream-silent"),
        (Mood.RESET, "upstream-silent"),
        (Mood.SILENT, "upstream-silent"),
    ],
)
def test_servers_that_misbehave_let_nobody_in(site: Site, mood: Mood, reason: str) -> None:
    """Whatever both servers do; and afterwards everything is as before."""
    name, _ = site.person()
    for one in (site.primary, site.replica):
        one.simulator.mood = mood
    assert site.log_in(VPN, name, PASSWORD, PASSCODE).code == REJECT
    assert site.reason(name) == reason
    for one in (site.primary, site.replica):
        one.simulator.let_go()
    site.is_well()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "upstream-misconfigured"),
        (401, "upstream-misconfigured"),
        (403, "upstream-misconfigured"),
        (404, "upstream-misconfigured"),
        (429, "upstream-busy"),
        (500, "upstream-unreachable"),
    ],
)
def test_status_lets_nobody_in(site: Site, status: int, reason: str) -> None:
    """Each status of the sheet."""
    name, _ = site.person()
    for one in (site.primary, site.replica):
        one.simulator.status = status
    assert site.log_in(VPN, name, PASSWORD, PASSCODE).code == REJECT
    assert site.reason(name) == reason
    site.is_well()


def test_certificate_of_strangers_is_refused(site: Site) -> None:
    """With the system's authorities nothing is sent to these servers: no key, no name, no code."""
    name, person = site.person()
    before = len(site.simulator.asked)
    assert site.log_in(FOREIGN, name, PASSWORD, PASSCODE).code == REJECT
    assert site.reason(name) == "upstream-unreachable"
    assert len(site.simulator.asked) == before
    assert person.codes == list(CODES)
    site.world.until_logged("service rsa-foreign: .*certificate is not trusted")


@pytest.mark.parametrize("mood", [Mood.TRUNCATED, Mood.RESET, Mood.OTHER_ATTEMPT, Mood.UNKNOWN])
def test_server_that_fails_within_a_dialogue_lets_nobody_in(site: Site, mood: Mood) -> None:
    """The replica is not asked: it knows nothing of the attempt."""
    name, _ = site.person(mode=Mode.NEXT)
    site.simulator.mood, site.simulator.of = mood, {"verify"}
    before = len(site.replica.simulator.asked)
    assert site.log_in(VPN, name, PASSWORD, PASSCODE, NEXT_CODE).code == REJECT
    assert site.reason(name) in {"bad-upstream-reply", "dialogue-lost"}
    assert len(site.replica.simulator.asked) == before


def test_person_who_says_no_is_refused_and_left_alone(site: Site) -> None:
    """The audit knows way, device and time; another push is not sent for a minute."""
    name, _ = site.person(offers=PUSH, says="deny")
    assert site.log_in(LONG, name, PASSWORD).code == REJECT
    line = site.last(name)
    assert (line["reason"], line["upstreams"][-1]["device"]) == ("person-refused", DEVICE)
    assert line["upstreams"][-1]["person_us"] > 4_000_000

    sent = list(site.simulator.sent)
    assert site.log_in(LONG, name, PASSWORD).code == REJECT
    assert site.reason(name) == "cooling-down"
    assert site.simulator.sent == sent


def test_client_that_cannot_ask_is_asked_nothing(site: Site) -> None:
    """A code to be typed, a code by message: not where nothing can be shown."""
    for offers in (["SECURID"], ["SMS"]):
        name, _ = site.person(offers=[offers])
        assert site.log_in(MUTE, name, PASSWORD).code == REJECT
        assert site.reason(name) == "challenge-not-shown"


def test_pam_wrong_next_code_is_refused(site: Site, service: Callable[[str, str], str]) -> None:
    """pam_radius in Next Tokencode mode: a code that was shown already."""
    name, _ = site.person(mode=Mode.NEXT)
    typed = (PASSWORD, PASSCODE, *[CODES[0]] * 3)
    agreed, _ = test_pam.log_in(service(PAM, ""), name, *typed)
    assert not agreed
    assert site.reason(name) == "bad-passcode"


# -- accepted --


@pytest.mark.parametrize("by_radclient", [True, False])
@pytest.mark.parametrize(
    ("source", "typed"),
    [(VPN, (PASSWORD, PASSCODE)), (BROKER, (PASSCODE,)), (AUTO, (PASSWORD, PASSCODE))],
)
def test_passcode_is_accepted(
    site: Site, source: str, typed: tuple[str, ...], *, by_radclient: bool
) -> None:
    """The audit says which factor, which way, and who answered."""
    name, _ = site.person()
    assert site.log_in(source, name, *typed, by_radclient=by_radclient).code == ACCEPT
    line = site.last(name)
    (asked,) = line["upstreams"]
    assert (line["factor"], asked["name"], asked["way"]) == ("securid", "rsa", "passcode")
    assert asked["server"] == site.primary.url.removeprefix("https://")
    assert "person_us" not in asked


@pytest.mark.parametrize("by_radclient", [True, False])
@pytest.mark.parametrize(
    ("mode", "typed"),
    [
        (Mode.NEXT, (PASSCODE, NEXT_CODE)),
        (Mode.NEXT, (PASSCODE, "000000", NEXT_CODE)),
        (Mode.NEW_PIN, (CODES[0], "5678", "5678", "5678" + NEXT_CODE)),
        (Mode.NEW_PIN, (CODES[0], "5678", "1", "5678", "5678", "5678" + NEXT_CODE)),
        (Mode.SYSTEM_PIN, (CODES[0], "y", MADE_PIN + NEXT_CODE)),
        (Mode.CHOICE, (CODES[0], "n", "y", MADE_PIN + NEXT_CODE)),
        (Mode.CHOICE, (CODES[0], "y", "5678", "5678", "5678" + NEXT_CODE)),
    ],
)
def test_dialogue_is_accepted(
    site: Site, mode: Mode, typed: tuple[str, ...], *, by_radclient: bool
) -> None:
    """Next Tokencode and New PIN mode, each of its kinds; no PIN stands in the audit."""
    name, _ = site.person(mode=mode, pin=PIN if mode is Mode.NEXT else "")
    said = site.log_in(VPN, name, PASSWORD, *typed, by_radclient=by_radclient)
    assert said.code == ACCEPT
    lines = repr(told(site.world, name))
    assert "5678" not in lines.replace(name, "")
    assert MADE_PIN not in lines


def test_auto_client_with_password_and_push(site: Site) -> None:
    """The password, and the phone: the audit says how long the person took."""
    name, _ = site.person(offers=EVERYTHING)
    del site.simulator.people[name].offers[0]
    assert site.log_in(LONG, name, PASSWORD).code == ACCEPT
    line = site.last(name)
    asked = line["upstreams"][-1]
    assert (line["factor"], asked["way"], asked["device"]) == ("push", "push", DEVICE)
    assert 4_000_000 < asked["person_us"] <= asked["us"]


def test_short_client_approves_then_presses_enter(site: Site) -> None:
    """The answer leaves before the client gives up; the phone rings once."""
    name, _ = site.person(offers=PUSH, polls=2)
    sent = len(site.simulator.sent)
    said: Said | None = site.log_in(SHORT, name, PASSWORD)
    assert said is not None
    assert said.code == CHALLENGE
    assert said.text == f"Approve the request on {DEVICE}, then press Enter: "
    with site.world.nas(SHORT) as nas:
        front = Front(site.world, SHORT, nas)
        for _ in range(6):
            assert said is not None
            if said.code != CHALLENGE:
                break
            said = front.ask(name, "", said.state)
    assert said is not None
    assert said.code == ACCEPT
    assert len(site.simulator.sent) == sent + 1


@pytest.mark.parametrize(("word", "way"), [("sms", "sms"), ("phone", "voice")])
def test_word_has_a_code_sent(site: Site, word: str, way: str) -> None:
    """Typed instead of a code; the number is nowhere as a whole."""
    name, _ = site.person(offers=EVERYTHING)
    assert site.log_in(VPN, name, PASSWORD, word, SENT_CODE).code == ACCEPT
    lines = told(site.world, name)
    assert [(one["way"], one["device"]) for line in lines for one in line.get("upstreams", ())] == [
        (way, MASKED_PHONE)
    ] * 2
    assert PHONE[-6:] not in repr(lines) + site.world.log()


def test_word_pushes(site: Site) -> None:
    """`push` at the broker, whose person has a code, too."""
    name, _ = site.person(offers=EVERYTHING)
    assert site.log_in(BROKER, name, "push").code == ACCEPT
    assert site.last(name)["upstreams"][-1]["way"] == "push"


def test_number_is_shown_before_it_is_chosen(site: Site) -> None:
    """Also where the client would wait; and where nothing can be shown such a push is refused."""
    name, _ = site.person(offers=PUSH, number="42")
    assert site.log_in(MUTE, name, PASSWORD).code == REJECT
    assert site.reason(name) == "challenge-not-shown"

    name, _ = site.person(offers=PUSH, number="42")
    with site.world.nas(LONG) as nas:
        front = Front(site.world, LONG, nas)
        said = front.ask(name, PASSWORD)
        assert said is not None
        assert (said.code, said.text) == (CHALLENGE, f"Choose 42 on {DEVICE}, then press Enter: ")
        said = front.ask(name, "", said.state)
    assert said is not None
    assert said.code == ACCEPT


def test_asa_gets_the_texts_that_it_knows(site: Site) -> None:
    """`prompts: asa-sdi`, as with SecurID's RADIUS."""
    name, _ = site.person(mode=Mode.NEXT)
    assert site.log_in(ASA, name, PASSWORD, PASSCODE).text == "Enter Next PASSCODE"
    name, _ = site.person(mode=Mode.SYSTEM_PIN, pin="")
    said = site.log_in(ASA, name, PASSWORD, CODES[0])
    assert said.text.startswith("Please remember your new PIN. ")
    assert MADE_PIN in said.text
    assert said.prompt == 1


def test_signed_requests_are_accepted(site: Site) -> None:
    """HMAC mode, in the form that we assume: the key is never sent."""
    name, _ = site.person()
    site.signed.simulator.person(name)
    assert site.log_in(SIGNED, name, PASSWORD, PASSCODE).code == ACCEPT
    assert KEY not in repr(site.signed.simulator.asked)


def test_pam_new_pin_is_accepted(site: Site, service: Callable[[str, str], str]) -> None:
    """pam_radius shows each question, and New PIN mode ends well."""
    name, _ = site.person(mode=Mode.NEW_PIN, pin="")
    typed = (PASSWORD, CODES[0], "5678", "5678", "5678" + NEXT_CODE)
    agreed, shown = test_pam.log_in(service(PAM, "prompt_attribute"), name, *typed)
    assert agreed
    for text in ("Enter a new PIN (4 to 8 digits)", "Please re-enter new PIN", "PIN accepted."):
        assert text in shown


def test_challenge_has_the_time_of_the_attempt(site: Site) -> None:
    """Session-Timeout: no longer than RSA waits."""
    name, _ = site.person(mode=Mode.NEXT)
    said = site.log_in(VPN, name, PASSWORD, PASSCODE)
    assert said.session_timeout is not None
    assert 170 <= said.session_timeout <= 180


def test_same_packet_again_uses_no_code_up(site: Site) -> None:
    """A duplicate is answered with the same octets, and RSA hears of it once."""
    name, _ = site.person()
    with site.world.nas(BROKER) as nas:
        request = nas.request(name, PASSCODE)
        first = nas.ask(request)
        nas.send(request)
        again = nas.receive()
    assert first.code == numbers.ACCESS_ACCEPT
    assert again is not None
    assert codec.decode(again).code == numbers.ACCESS_ACCEPT
    subjects = [one["subjectName"] for one in site.simulator.bodies("initialize")]
    assert subjects.count(name) == 1


# The last one: for a minute the primary is asked after the replica.
def test_replica_is_asked_while_the_primary_is_away(site: Site) -> None:
    """An error of its own, or nobody there: the next one, in the same login."""
    name, _ = site.person()
    site.replica.simulator.person(name)
    site.simulator.status = 503
    assert site.log_in(VPN, name, PASSWORD, PASSCODE).code == ACCEPT
    asked = site.last(name)["upstreams"][-1]
    assert asked["server"] == site.replica.url.removeprefix("https://")
