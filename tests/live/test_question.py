"""
Security questions, as docs/services/question.md has them: radclient, pam_radius, mode `auto`.

The configuration is taken from the page. What is replaced: addresses and ports, the store's
path, what stands in the files of the secrets, and how costly a hash is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from radiusmfa.wire import numbers
from tests.live.clients import FAST, need
from tests.live.test_pam import log_in
from tests.live.test_pam import pam as pam  # noqa: PLC0414 - a fixture, for this module's world
from tests.live.test_radclient import Radclient
from tests.live.world import PASSWORD, SECRET, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.nas import Nas, Reply

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "services" / "question.md"
_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
VPN, PORTAL, SSH, ADMINS = (f"127.0.11.{at}" for at in (1, 2, 3, 4))
_SOURCES: Final = {"vpn": VPN, "portal": PORTAL, "ssh": SSH, "admins": ADMINS}
_PROMPT: Final = re.compile(r"(.+) \(([12]) of 2\) ")
_SHOWN: Final = re.compile(r'Reply-Message = "(.+) \([12] of 2\) "')
_STATE: Final = re.compile(r"State = 0x[0-9a-f]+")
# As somebody typed them once; what is typed at a login differs in case and blanks.
ANSWERS: Final = {
    "Which school?": "St Mary's",
    "Which street, and where?": "Große  Straße",
    "Which pet?": "Amélie",
}
_PEOPLE: Final = [f"quiz{at:02}" for at in range(24)]
SAME: Final = "samuel"  # all his answers are the same
FEW: Final = "felix"  # he has one question


def configuration() -> dict[str, Any]:
    """Return the configuration of the page, with the addresses of this machine."""
    (text,) = _BLOCK.findall(_PAGE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the running server of the page; everybody came by a list."""
    world = World(tmp_path_factory.mktemp("question"))
    settings = configuration()
    settings["listen"] = [{"udp": f"127.0.0.1:{world.port}"}]
    settings["store"] = {"sqlite": "radiusmfa.db"}
    settings["passwords"] = FAST
    for client in settings["clients"]:
        client["networks"] = [_SOURCES[client["name"]]]
        client["retry_window"] = 0  # radclient chooses identifiers by chance
        file = world.folder / client["secret"]["file"]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(SECRET)
        file.chmod(0o600)
        if client["name"] == "ssh":  # Debian's pam_radius does not sign its requests
            client["require_message_authenticator"] = "no"
    world.config.write_text(json.dumps(settings))
    names = (*_PEOPLE, SAME, FEW)
    rows = ["name,password", *(f"{name},{PASSWORD}" for name in names)]
    world.run("user", "import", "-", typed="\n".join(rows) + "\n")
    rows = ["user,type,question,answer"]
    rows += [f'{name},question,"{q}",{a}' for name in _PEOPLE for q, a in ANSWERS.items()]
    rows += [f'{SAME},question,"{q}",the same' for q in ANSWERS]
    rows += [f"{FEW},question,Which pet?,Amélie"]
    world.run("token", "import", "-", typed="\n".join(rows) + "\n")
    world.start(source=VPN)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


_left: Final = list(_PEOPLE)


@pytest.fixture
def alice() -> str:
    """Return the name of somebody whom no other test has used."""
    return _left.pop()


def typed(question: str) -> str:
    """Return the answer to *question* as its person types it at a login."""
    return f" {ANSWERS[question].upper()} ".replace("STRASSE", "straße")


def question_in(reply: Reply, number: str) -> str:
    """Return the question that a challenge asks; it is not to be shown while it is answered."""
    assert reply.code == numbers.ACCESS_CHALLENGE
    (text,) = reply.packet.values(numbers.REPLY_MESSAGE)
    found = _PROMPT.fullmatch(text.decode())
    assert found is not None, text
    assert found[2] == number
    assert reply.packet.values(numbers.PROMPT) == [b"\0\0\0\0"]
    return found[1]


def answered(nas: Nas, user: str, answers: str) -> tuple[int, list[str]]:
    """Log in, answer right (r) or wrong (w); return the last code and what was asked."""
    reply = nas.ask(nas.request(user, PASSWORD))
    asked = []
    for at, letter in enumerate(answers, 1):
        question = question_in(reply, str(at))
        asked.append(question)
        reply = _answer(nas, user, typed(question) if letter == "r" else "wrong", reply.state)
    return reply.code, asked


def _answer(nas: Nas, user: str, text: str, state: bytes) -> Reply:
    return nas.ask(nas.request(user, text, b"\x18" + bytes([len(state) + 2]) + state))


def last(world: World, user: str) -> dict[str, Any]:
    """Return the last audit line of *user*."""
    return world.audit(kind="login", user=user)[-1]


# -- refused --


@pytest.mark.parametrize("source", [VPN, PORTAL])
@pytest.mark.parametrize("answers", ["wr", "rw", "ww"])
def test_wrong_answer_is_refused_at_the_end(
    world: World, alice: str, source: str, answers: str
) -> None:
    """Both questions are asked whichever answer is wrong, and then the login is a Reject."""
    with world.nas(source) as nas:
        code, asked = answered(nas, alice, answers)
    assert (code, len(set(asked))) == (numbers.ACCESS_REJECT, 2)
    line = last(world, alice)
    assert (line["decision"], line["reason"]) == ("reject", "bad-passcode")


@pytest.mark.parametrize("text", ["", " ", "x", 128 * "a", "wrong\u202e"])
def test_what_is_no_answer_is_refused(world: World, alice: str, text: str) -> None:
    """Pressing Enter is no answer, and neither is anything else."""
    with world.nas(VPN) as nas:
        reply = nas.ask(nas.request(alice, PASSWORD))
        reply = _answer(nas, alice, typed(question_in(reply, "1")), reply.state)
        question_in(reply, "2")
        assert _answer(nas, alice, text, reply.state).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "bad-passcode"


def test_replayed_state_is_refused(world: World, alice: str) -> None:
    """A challenge is answered once: no question can be tried again."""
    with world.nas(VPN) as nas:
        first = nas.ask(nas.request(alice, PASSWORD))
        right = typed(question_in(first, "1"))
        second = _answer(nas, alice, right, first.state)
        assert _answer(nas, alice, right, first.state).code == numbers.ACCESS_REJECT
        assert last(world, alice)["reason"] == "unknown-state"
        right = typed(question_in(second, "2"))
        assert _answer(nas, alice, right, second.state).code == numbers.ACCESS_ACCEPT
        assert _answer(nas, alice, right, second.state).code == numbers.ACCESS_REJECT
        assert last(world, alice)["reason"] == "unknown-state"


def test_state_of_somebody_else_is_refused(world: World, alice: str) -> None:
    """Nobody answers in another person's place."""
    with world.nas(VPN) as nas:
        reply = nas.ask(nas.request(SAME, PASSWORD))
        assert _answer(nas, alice, "the same", reply.state).code == numbers.ACCESS_REJECT


def test_fewer_questions_than_are_asked_are_refused(world: World) -> None:
    """Somebody with one question does not get in by it, and it is not asked."""
    with world.nas(VPN) as nas:
        assert nas.ask(nas.request(FEW, PASSWORD)).code == numbers.ACCESS_REJECT
    assert last(world, FEW)["reason"] == "no-usable-device"


def test_client_without_weak_never_asks(world: World, alice: str) -> None:
    """For administrators a person with questions alone has no factor at all."""
    with world.nas(ADMINS) as nas:
        assert nas.ask(nas.request(alice, PASSWORD)).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "not-enrolled"


def test_wrong_password_asks_nothing(world: World, alice: str) -> None:
    """Who does not know the password does not even learn the questions."""
    with world.nas(VPN) as nas:
        assert nas.ask(nas.request(alice, "wrong")).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "bad-password"


def test_guessing_at_one_answer_locks_though_the_other_stays_the_same(
    world: World, alice: str
) -> None:
    """Who knows one answer does not guess at the other one for free."""
    with world.nas(VPN) as nas:
        for guess in range(5):
            reply = nas.ask(nas.request(alice, PASSWORD))
            question_in(reply, "1")
            reply = _answer(nas, alice, f"guess {guess}", reply.state)
            right = typed(question_in(reply, "2"))
            assert _answer(nas, alice, right, reply.state).code == numbers.ACCESS_REJECT
        assert nas.ask(nas.request(alice, PASSWORD)).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "locked"
    world.run("user", "unlock", alice)
    with world.nas(VPN) as nas:
        assert answered(nas, alice, "rr")[0] == numbers.ACCESS_ACCEPT


def test_question_that_is_taken_away_meanwhile_ends_the_login(world: World, alice: str) -> None:
    """What an administrator does between two rounds counts for the next one."""
    with world.nas(VPN) as nas:
        reply = nas.ask(nas.request(alice, PASSWORD))
        question = question_in(reply, "1")
        for one in json.loads(world.run("token", "list", "--user", alice, "--json").stdout):
            world.run("token", "disable", one["serial"])
        assert _answer(nas, alice, typed(question), reply.state).code == numbers.ACCESS_REJECT
        assert nas.ask(nas.request(alice, PASSWORD)).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "not-enrolled"


@pytest.mark.parametrize(
    ("policies", "where"),
    [
        (None, "clients[0].factors"),
        ([{"name": "all", "factors": ["questions"]}], "policies[0].factors"),
        ([{"name": "all"}], "policies[0].factors"),
    ],
)
def test_server_does_not_start_unless_weak_is_said(
    tmp_path: Path, policies: list[dict[str, Any]] | None, where: str
) -> None:
    """Neither `check` nor `run` takes a file that counts a question in passing."""
    world = World(tmp_path)
    client = {"name": "vpn", "networks": [VPN], "factors": ["questions"], "weak": True}
    if policies is None:
        del client["weak"]
    sections: dict[str, Any] = {
        "services": {"questions": {"question": {}}},
        "factors": {"questions": {"service": "questions"}},
    }
    if policies is not None:
        sections["policies"] = policies
    world.configure([client], **sections)
    done = world.run("check", expect=3)
    assert f"{where}: questions is a weak factor" in done.stderr
    world.launch()
    assert world.wait() == 3
    assert "is a weak factor" in world.log()


# -- accepted --


@pytest.mark.parametrize("source", [VPN, PORTAL])
def test_right_answers_are_accepted(world: World, alice: str, source: str) -> None:
    """Password, two answers; the audit says which factor, which device, and how long it took."""
    with world.nas(source) as nas:
        code, asked = answered(nas, alice, "rr")
    assert (code, len(set(asked))) == (numbers.ACCESS_ACCEPT, 2)
    line = last(world, alice)
    assert (line["decision"], line["factor"]) == ("accept", "questions")
    assert line["token"].startswith("QUESTION-")
    (told,) = line["upstreams"]
    assert (told["name"], told["way"], told["device"]) == ("questions", "question", "2 questions")
    assert told["answer"] == "accept"
    assert told["person_us"] >= 0


def test_whoever_begins_anew_is_asked_the_same(world: World, alice: str) -> None:
    """Beginning again and again does not bring the question whose answer is known."""
    seen = set()
    for _ in range(6):
        with world.nas(VPN) as nas:
            seen.add(question_in(nas.ask(nas.request(alice, PASSWORD)), "1"))
    assert len(seen) == 1


def test_radclient_is_accepted_and_refused(world: World, alice: str, tmp_path: Path) -> None:
    """FreeRADIUS's client through both questions: right, and with a wrong answer."""
    need("radclient")
    radclient = Radclient(world, tmp_path, VPN)
    for last_answer, code in (("wrong", "Access-Reject"), ("", "Access-Accept")):
        said = radclient.login(alice, PASSWORD)
        for at in (1, 2):
            assert "Received Access-Challenge" in said
            (question,) = _SHOWN.findall(said)
            *_, state = _STATE.findall(said)  # before it that of the request
            answer = (at == 2 and last_answer) or ANSWERS[question]
            said = radclient.login(alice, answer, state)
        assert f"Received {code}" in said
        reason = "bad-passcode" if last_answer else "passed"
        assert last(world, alice)["reason"] == reason


def test_pam_asks_both_questions(world: World, pam: Callable[[str, str], str]) -> None:
    """pam_radius shows each question, and types each answer at a prompt of its own."""
    service = pam(SSH, "prompt_attribute")

    agreed, shown = log_in(service, SAME, PASSWORD, "The Same", "THE  SAME")

    assert agreed
    assert "(1 of 2)" in shown
    assert "(2 of 2)" in shown
    assert last(world, SAME)["factor"] == "questions"


@pytest.mark.parametrize(
    "typed", [("wrong", "the same"), ("the same", "wrong"), ("", "the same"), ("the same", "")]
)
def test_pam_is_refused(
    world: World, pam: Callable[[str, str], str], typed: tuple[str, str]
) -> None:
    """One wrong or empty answer, and PAM says no."""
    agreed, _ = log_in(pam(SSH, "prompt_attribute"), SAME, PASSWORD, *typed)

    assert not agreed
    assert last(world, SAME)["decision"] == "reject"
    world.run("user", "unlock", SAME)


def test_token_comes_first_and_a_word_asks_instead(world: World, alice: str) -> None:
    """Who has a token is asked for its code; `question`, typed there, asks the questions."""
    world.run("token", "enroll", alice, "--no-confirm")
    with world.nas(VPN) as nas:
        reply = nas.ask(nas.request(alice, PASSWORD))
        assert reply.packet.values(numbers.REPLY_MESSAGE) == [b"Passcode: "]
        reply = _answer(nas, alice, "question", reply.state)
        for number in ("1", "2"):
            reply = _answer(nas, alice, typed(question_in(reply, number)), reply.state)
        assert reply.code == numbers.ACCESS_ACCEPT
        reply = nas.ask(nas.request(alice, PASSWORD))
        assert _answer(nas, alice, "000000", reply.state).code == numbers.ACCESS_REJECT
    assert last(world, alice)["reason"] == "bad-passcode"


def test_dialogue_outlives_kill_9(world: World, alice: str) -> None:
    """Between two questions the server dies; the answer to the second one still counts."""
    with world.nas(VPN) as nas:
        reply = nas.ask(nas.request(alice, PASSWORD))
        reply = _answer(nas, alice, typed(question_in(reply, "1")), reply.state)
        question = question_in(reply, "2")
        world.kill()
        world.start(source=VPN)
        assert _answer(nas, alice, typed(question), reply.state).code == numbers.ACCESS_ACCEPT


def test_page_configuration_is_loud(world: World) -> None:
    """`check` has the page's warnings and no other; so has the log at the start."""
    done = world.run("check")
    said = re.findall(r"warning: (client \S+): weak is yes", done.stderr)
    assert said == [f"client {name}" for name in ("vpn", "portal", "ssh")]
    assert "questions (WEAK)" in done.stdout
    for name in ("vpn", "portal", "ssh"):
        assert f"client {name}: weak is yes: the factor questions counts" in world.log()
    page = yaml.safe_load(_BLOCK.findall(_PAGE.read_text(encoding="utf-8"))[0])
    assert [client["name"] for client in page["clients"]] == list(_SOURCES)


def test_promise_7_no_question_and_no_answer_is_written_down(world: World) -> None:
    """Neither in the log, nor in the audit, nor in the store's files: not even a part of one."""
    written = world.log() + world.run("audit", "export").stdout
    for file in world.folder.glob("radiusmfa.db*"):
        written += file.read_bytes().decode("utf-8", "replace")
    for text in (*ANSWERS, *ANSWERS.values(), "the same", "guess 1"):
        assert text.casefold() not in written.casefold()
