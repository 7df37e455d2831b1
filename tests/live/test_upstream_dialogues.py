"""
Every dialogue of every token server through us, so that the client cannot tell.

Behind a broker (`step-up`), as a proxy, and after a password that we have checked
ourselves (`challenge`); with radclient, with a NAS of ours, and with pam_radius.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import pytest

from radiusmfa.wire import numbers
from tests.live import test_pam, upstreams
from tests.live.clients import need
from tests.live.test_token_servers import ACCEPTED, REFUSED
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT
from tests.live.token_server import every_server
from tests.live.token_users import CODE, HOLDERS, NEXT_CODE, PASSCODE, PASSWORD, SYSTEM_PIN
from tests.live.upstreams import Front, counters, ends, entry, told, unique
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.nas import Nas
    from tests.live.test_token_servers import Dialogue
    from tests.live.token_clients import Asks, Said
    from tests.live.token_server import TokenServer

_PLAYED: Final = tuple(HOLDERS)
_MODES: Final = ("step-up", "proxy", "challenge")
_PAM: Final = "127.0.3.1"
_LONG: Final = "127.0.3.2"
_LIFETIME: Final = 10  # seconds; no challenge can have less
_LARGEST_STATE: Final = 64
_STEPS: Final = [("challenge", "upstream-asks")]
_UNSEEN: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
# The server is told the right password by ourselves: another one does not get so far.
_AFTER_OURS: Final = frozenset({"nps"})

service = test_pam.pam


def _source(plays: str, mode: str) -> str:
    return f"127.0.{1 + _MODES.index(mode) + 4}.{1 + _PLAYED.index(plays)}"


def _local(at: int, dialogue: Dialogue) -> str:
    return f"{dialogue.user}.local{at}"


def _has_ours(dialogue: Dialogue) -> bool:
    return dialogue.plays not in _AFTER_OURS or dialogue.rounds[0].typed == PASSWORD


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return one running server of each kind."""
    need("freeradius", "radclient")
    with every_server(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="module")
def world(
    servers: dict[str, TokenServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server before all of them, with a client for each of them in each mode."""
    world = World(tmp_path_factory.mktemp("world"))
    clients: list[dict[str, object]] = []
    for plays in _PLAYED:
        for mode in _MODES:
            client: dict[str, object] = {"name": f"{plays}-{mode}", "mode": mode}
            client["networks"] = [_source(plays, mode)]
            client |= {"primary": plays} if mode == "proxy" else {"factors": [plays]}
            clients.append(client)
    pam = {"name": "pam", "networks": [_PAM], "mode": "proxy", "primary": "securid"}
    clients.append({**pam, "require_message_authenticator": "no"})
    long = {"name": "long", "networks": [_LONG], "mode": "proxy", "primary": "nps"}
    clients.append({**long, "time_budget": 40})
    upstreams.configure(
        world,
        clients,
        {plays: {"servers": [entry(servers[plays].port)], "dialogue": plays} for plays in _PLAYED},
        {"totp": {}} | {plays: {"upstream": plays} for plays in _PLAYED},
        challenges={"lifetime": _LIFETIME},
    )
    everyone = [_local(at, one) for at, one in enumerate((*REFUSED, *ACCEPTED))]
    upstreams.import_users(world, everyone, PASSWORD)
    world.start(source=_PAM)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Early:
    """
    Two logins that began before every test of this module.

    Attributes:
        pushed: Waits for half a minute.
        request: Its request.
        abandoned: A user who was asked for the next code and has not answered.
        state: That user's.
        began: Monotonic.
    """

    pushed: Nas
    request: bytes
    abandoned: str
    state: bytes
    began: float


@pytest.fixture(scope="module", autouse=True)
def early(world: World) -> Iterator[Early]:
    """Begin two logins that take their time, so that everybody else comes meanwhile."""
    abandoned = unique("next")
    with world.nas(_LONG) as slow, world.nas(_source("securid", "proxy")) as late:
        request = slow.request(unique("push-30"), PASSWORD)
        slow.send(request)
        asked = late.ask(late.request(abandoned, PASSCODE))
        yield Early(
            pushed=slow,
            request=request,
            abandoned=abandoned,
            state=asked.state,
            began=time.monotonic(),
        )


@pytest.fixture
def front(world: World) -> Iterator[Callable[[str, str], Asks]]:
    """Return what gives a client of a product's in a mode: behind the broker that is radclient."""
    with ExitStack() as stack:

        def client(plays: str, mode: str) -> Asks:
            source = _source(plays, mode)
            nas = stack.enter_context(world.nas(source))
            return Front(world, source, nas, by_radclient=mode == "step-up")

        yield client


@pytest.mark.parametrize("mode", ["step-up", "proxy"])
@pytest.mark.parametrize("dialogue", REFUSED, ids=str)
def test_upstream_dialogue_is_refused(
    world: World, front: Callable[[str, str], Asks], dialogue: Dialogue, mode: str
) -> None:
    """Wherever a dialogue goes wrong, it ends as the token server ends it, with a line for each."""
    user = unique(dialogue.user)

    last = _play(front(dialogue.plays, mode), user, dialogue)

    assert last.code == REJECT
    assert last.state is None
    assert ends(world, user) == _line(dialogue, "reject", "upstream-refused")


@pytest.mark.parametrize(
    ("user", "dialogue"),
    [
        pytest.param(_local(at, one), one, id=str(one))
        for at, one in enumerate(REFUSED)
        if _has_ours(one)
    ],
)
def test_upstream_dialogue_after_our_password_is_refused(
    world: World, front: Callable[[str, str], Asks], user: str, dialogue: Dialogue
) -> None:
    """The same behind a password that we have checked: the right one alone lets nobody in."""
    last = _after_password(front(dialogue.plays, "challenge"), user, dialogue)

    assert last.code == REJECT
    assert last.state is None
    assert ends(world, user)[-1] == ("reject", "upstream-refused")


@pytest.mark.parametrize("plays", sorted(HOLDERS))
def test_upstream_is_not_asked_before_the_right_password(
    world: World, front: Callable[[str, str], Asks], servers: dict[str, TokenServer], plays: str
) -> None:
    """Where we check the password, a wrong one is refused and no token server hears of it."""
    at, one = next((at, one) for at, one in enumerate(REFUSED) if one.plays == plays)
    user, before = _local(at, one), len(servers[plays].requests())

    said = front(plays, "challenge").ask(user, "correct mule")

    assert said is not None
    assert said.code == REJECT
    assert ends(world, user)[-1] == ("reject", "bad-password")
    assert len(servers[plays].requests()) == before


@pytest.mark.parametrize("mode", ["step-up", "proxy"])
@pytest.mark.parametrize("dialogue", ACCEPTED, ids=str)
def test_upstream_dialogue_is_accepted(
    world: World, front: Callable[[str, str], Asks], dialogue: Dialogue, mode: str
) -> None:
    """Whoever answers every challenge as the token server wants it gets in, in one login."""
    user = unique(dialogue.user)

    last = _play(front(dialogue.plays, mode), user, dialogue)

    assert last.code == ACCEPT
    assert last.state is None
    assert ends(world, user) == _line(dialogue, "accept", "passed")
    lines = told(world, user)
    assert len({line["id"] for line in lines}) == 1
    assert lines[-1]["factor"] == dialogue.plays
    assert [one["name"] for line in lines for one in line["upstreams"]] == (
        [dialogue.plays] * len(dialogue.rounds)
    )


@pytest.mark.parametrize(
    ("user", "dialogue"),
    [
        pytest.param(_local(at, one), one, id=str(one))
        for at, one in enumerate((*REFUSED, *ACCEPTED))
        if at >= len(REFUSED) and _has_ours(one)
    ],
)
def test_upstream_dialogue_after_our_password_is_accepted(
    world: World, front: Callable[[str, str], Asks], user: str, dialogue: Dialogue
) -> None:
    """The password is ours, everything after it the token server's."""
    last = _after_password(front(dialogue.plays, "challenge"), user, dialogue)

    assert last.code == ACCEPT
    assert last.state is None
    assert ends(world, user)[-1] == ("accept", "passed")


@pytest.mark.parametrize(
    ("user", "typed", "events"),
    [
        pytest.param("next", (PASSCODE, NEXT_CODE), ["next-code-wanted"], id="next"),
        pytest.param(
            "newpin",
            (CODE, "abc", "abc123", "abc124", "abc123", "abc123", "abc123" + NEXT_CODE),
            [
                "new-pin-wanted",
                "pin-rejected",
                "pin-confirm-wanted",
                "pin-rejected",
                "pin-confirm-wanted",
                "pin-accepted",
            ],
            id="new-pin",
        ),
        pytest.param(
            "choice",
            (CODE, "y", "y", "y", SYSTEM_PIN + NEXT_CODE),
            ["choice-wanted", "system-pin-offered", "pin-shown", "pin-accepted"],
            id="system-pin",
        ),
    ],
)
def test_upstream_events_are_named_in_the_audit(
    world: World,
    front: Callable[[str, str], Asks],
    user: str,
    typed: tuple[str, ...],
    events: list[str],
) -> None:
    """What SecurID wanted is a word of ours in each line, and no PIN is in any of them."""
    name, state, said = unique(user), None, None
    client = front("securid", "proxy")
    for word in typed:
        said = client.ask(name, word, state)
        assert said is not None
        state = said.state

    assert said is not None
    assert said.code == ACCEPT
    lines = told(world, name)
    assert [line["upstreams"][0].get("event") for line in lines] == [*events, None]
    assert not any(word in str(line) for line in lines for word in typed if len(word) > 1)


def test_upstream_long_state_stays_behind_ours(
    front: Callable[[str, str], Asks], servers: dict[str, TokenServer]
) -> None:
    """A State of 240 octets: the client gets a short one, the server its own again."""
    user = unique("next-long")
    client = front("securid", "proxy")

    first = client.ask(user, PASSCODE)
    assert first is not None
    assert first.state is not None
    assert len(first.state) <= _LARGEST_STATE
    last = client.ask(user, NEXT_CODE, first.state)

    assert last is not None
    assert last.code == ACCEPT
    (state,) = servers["securid"].requests(user)[1]["State"]
    assert len(bytes.fromhex(state.removeprefix("0x"))) == 240


def test_pam_upstream_wrong_code_is_refused(
    world: World, service: Callable[[str, str], str]
) -> None:
    """pam_radius in Next Tokencode mode: the code that was shown already is refused."""
    user = unique("next")

    agreed, _ = test_pam.log_in(service(_PAM, ""), user, PASSCODE, CODE)

    assert not agreed
    assert ends(world, user)[-1] == ("reject", "upstream-refused")


def test_pam_upstream_new_pin_is_accepted(world: World, service: Callable[[str, str], str]) -> None:
    """pam_radius shows SecurID's prompts one after the other, and New PIN mode ends well."""
    user = unique("newpin")
    typed = (CODE, "abc123", "abc123", "abc123" + NEXT_CODE)

    agreed, shown = test_pam.log_in(service(_PAM, "prompt_attribute"), user, *typed)

    assert agreed
    for text in ("Enter a new PIN", "Please re-enter new PIN", "PIN Accepted."):
        assert text in shown
    assert ends(world, user)[-1] == ("accept", "passed")


def test_late_answer_is_refused_and_not_passed_on(
    world: World, servers: dict[str, TokenServer], early: Early
) -> None:
    """Whoever answers when the challenge has ended is not asked about at the token server."""
    time.sleep(max(0.0, early.began + _LIFETIME + 1 - time.monotonic()))
    with world.nas(_source("securid", "proxy")) as nas:
        late = nas.ask(upstreams.answer(nas, early.abandoned, NEXT_CODE, early.state))

    assert late.code == numbers.ACCESS_REJECT
    assert ends(world, early.abandoned)[-1] == ("reject", "unknown-state")
    assert servers["securid"].passwords(early.abandoned) == [PASSCODE]


def test_long_push_is_waited_for(
    world: World, servers: dict[str, TokenServer], early: Early
) -> None:
    """Half a minute of silence is a person with a phone: one push, and the login goes on."""
    user = upstreams.name_of(early.request)
    early.pushed.send(early.request)
    octets = early.pushed.receive(30)

    assert octets is not None
    assert early.pushed.check(early.request, octets).code == numbers.ACCESS_ACCEPT
    assert len(servers["nps"].requests(user)) == 1
    (line,) = told(world, user)
    assert (line["decision"], line["reason"]) == ("accept", "passed")
    assert line["us"]["total"] > 29_000_000
    assert counters(world, "nps")["timeouts"] == 0


def _line(dialogue: Dialogue, decision: str, reason: str) -> list[tuple[str, str]]:
    return [*_STEPS * (len(dialogue.rounds) - 1), (decision, reason)]


def _after_password(client: Asks, user: str, dialogue: Dialogue) -> Said:
    if dialogue.plays in _AFTER_OURS:
        return _play(client, user, dialogue)
    first = client.ask(user, PASSWORD)
    assert first is not None
    assert first.code == CHALLENGE
    return _play(client, user, dialogue, first.state)


def _play(client: Asks, user: str, dialogue: Dialogue, state: bytes | None = None) -> Said:
    states: set[bytes | None] = {state}
    *asked, end = dialogue.rounds
    for one in asked:
        said = client.ask(user, one.typed, state)
        assert said is not None, one
        assert (said.code, _shown(one.text) in said.text) == (CHALLENGE, True), (one, said)
        assert said.prompt == int(one.echo)
        assert len(said.messages) == 1
        assert said.state not in states
        state = said.state
        states.add(state)
    last = client.ask(user, end.typed, state)
    assert last is not None, end
    assert _shown(end.text) in last.text
    assert bool(last.text) == bool(end.text)
    return last


def _shown(text: str) -> str:
    # A terminal is moved by nobody's text.
    return _UNSEEN.sub("", text.replace("\r\n", "\n")).strip()
