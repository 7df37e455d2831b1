"""Tests of `radiusmfa.service.yubico`: what several servers say, and what is made of it."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.service_model import Yubico
from radiusmfa.login.account import Device
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.service import yubico
from radiusmfa.service.dialogue import Done, Lost, Memory, Next, Pause, Query, Race, Reply, Tools
from tests.families import family
from tests.yubico import CLIENT_SECRET, DVORAK, MODHEX, Fault, Key, Simulator, written

if TYPE_CHECKING:
    from collections.abc import Generator

URLS: Final = ("https://one.example.com/wsapi/2.0/verify", "https://two.example.com:8443/verify")
SETTINGS: Final = Yubico(client_id=87, secret=Secret(CLIENT_SECRET))
TWO: Final = Yubico(urls=URLS, client_id=87, secret=Secret(CLIENT_SECRET))
NONCE: Final = bytes(range(16)).hex()
SILENT: Final = Lost(why="has not answered")
REFUSED: Final = Lost(why="cannot be reached", is_unsent=True)
OVER: Final = Lost(why="time", is_over=True)
BAD: Final = Failed(Reason.BAD_PASSCODE)
REPLAYED: Final = Failed(Reason.REPLAYED_PASSCODE)
UNVERIFIED: Final = Failed(Reason.BAD_UPSTREAM_REPLY)
MISCONFIGURED: Final = Failed(Reason.UPSTREAM_MISCONFIGURED)
BUSY: Final = Unavailable(Reason.UPSTREAM_BUSY)
UNREACHABLE: Final = Unavailable(Reason.UPSTREAM_UNREACHABLE)


def tools() -> Tools:
    """Return what a dialogue needs, nothing of it by chance."""
    return Tools(
        now=0.0, seconds=20.0, entropy=lambda size: bytes(range(size)), pepper=b"", memory=Memory()
    )


def asked(typed: str, *public_ids: str, **settings: Any) -> AskService:  # noqa: ANN401 - of any type
    """Return a question about what somebody typed who has keys of *public_ids*."""
    devices = tuple(Device(at, one, "yubikey", b"") for at, one in enumerate(public_ids))
    return AskService(
        service="keys", user="alice", typed=typed.encode(), devices=devices, **settings
    )


class Stage:
    """
    Plays the shell, and a server for each address.

    Attributes:
        key: A key that every server knows.
        servers: The servers.
        said: What each server says next, by number; else what it deserves to say.
        queries: What was asked.
        pauses: What was waited.
    """

    def __init__(self, settings: Yubico = SETTINGS) -> None:
        """Serve as many as *settings* name."""
        self.settings = settings
        self.key = Key()
        self.servers = [Simulator() for _ in settings.urls]
        for server in self.servers:
            server.add(self.key)
            server.peers = [other for other in self.servers if other is not server]
        self.said: dict[int, list[Reply | Lost]] = {}
        self.queries: list[Query] = []
        self.pauses: list[float] = []
        self._answers: list[Reply | Lost] = []

    def ask(self, typed: str | None = None, **settings: Any) -> Served:  # noqa: ANN401 - of any type
        """Return what comes of a password of the key, or of what was *typed*."""
        question = asked(
            self.key.touch() if typed is None else typed, self.key.public_id, **settings
        )
        served: Served = self.play(yubico.ask(self.settings, question, tools()))
        return served

    def play(self, dialogue: Generator[Any, Any, Any]) -> Any:  # noqa: ANN401 - what it ends in
        """Perform *dialogue* to its end."""
        answer: object = None
        while True:
            try:
                request = dialogue.send(answer)
            except StopIteration as ended:
                return ended.value
            answer = self._do(request)

    def _do(self, request: object) -> object:
        match request:
            case Query():
                return self._answer(request)
            case Race(queries=queries):
                self._answers = [self._answer(query) for query in queries]
                return self._answers.pop(0)
            case Next():
                return self._answers.pop(0)
            case Pause(seconds):
                self.pauses.append(seconds)
                return Done()
            case _:
                raise AssertionError(request)

    def _answer(self, query: Query) -> Reply | Lost:
        self.queries.append(query)
        said = self.said.get(query.server)
        if said:
            return replace(said.pop(0) if len(said) > 1 else said[0], server=query.server)
        server = self.servers[query.server]
        fault = server.present_fault()
        octets = written(server.verify(dict(query.parameters), fault), fault)
        return Reply(status=200, octets=octets, server=query.server)


def text(*lines: str) -> Reply:
    """Return an answer of these lines."""
    return Reply(status=200, octets="\r\n".join([*lines, "", ""]).encode())


# Nobody is asked


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="nothing-in-an-answer"),
        pytest.param("123456", id="digits"),
        pytest.param("é" * 44, id="anything"),
    ],
)
def test_what_is_no_password_is_refused_unasked(typed: str) -> None:
    """Nobody is told what somebody typed by mistake."""
    stage = Stage()
    assert stage.ask(typed, state=yubico.STATE).outcome == BAD
    assert not stage.queries


def test_strange_key_is_refused_unasked() -> None:
    """A key that is not this person's proves nothing, however genuine: its password stays good."""
    stage = Stage()
    strange = stage.servers[0].add(Key())
    assert stage.ask(strange.touch()).outcome == BAD
    assert not stage.queries


def test_somebody_without_a_key_is_refused_unasked() -> None:
    """Whose last key was taken away meanwhile."""
    stage = Stage()
    question = asked(stage.key.touch())
    served = stage.play(yubico.ask(SETTINGS, question, tools()))
    assert served.outcome == Failed(Reason.NO_USABLE_DEVICE)
    assert not stage.queries


@pytest.mark.parametrize("state", [b"x", b'{"v":2}', b"\xff"])
def test_state_of_another_version_is_lost(state: bytes) -> None:
    """What nobody here has written is not guessed at."""
    assert Stage().ask(state=state).outcome == Failed(Reason.DIALOGUE_LOST)


def test_key_is_asked_for_where_that_is_shown() -> None:
    """Beginning by itself, it can only ask; what is typed then is checked."""
    stage = Stage()
    served = stage.ask("", can_show=True)
    assert (served.outcome, served.text) == (UPSTREAM_ASKS, yubico.PROMPT)
    assert stage.ask(state=served.state).outcome == PASSED
    assert stage.ask("").outcome == Failed(Reason.CHALLENGE_NOT_SHOWN)


# One server


FAULTS: Final = [
    pytest.param(Fault.WRONG_H, UNVERIFIED, id="signed-with-another-secret"),
    pytest.param(Fault.NO_H, UNVERIFIED, id="not-signed"),
    pytest.param(Fault.WRONG_OTP, UNVERIFIED, id="about-another-password"),
    pytest.param(Fault.WRONG_NONCE, UNVERIFIED, id="to-another-question"),
    pytest.param(Fault.NO_STATUS, UNVERIFIED, id="without-a-status"),
    pytest.param(Fault.TWICE, UNVERIFIED, id="with-two-statuses"),
    pytest.param(Fault.HTML, UNVERIFIED, id="a-page"),
    pytest.param(Fault.REPLAYED_REQUEST, REPLAYED, id="replayed-request"),
    pytest.param(Fault.OPERATION_NOT_ALLOWED, MISCONFIGURED, id="not-allowed"),
    pytest.param(Fault.BACKEND_ERROR, BUSY, id="backend-error"),
    pytest.param(Fault.LINE_FEEDS, PASSED, id="line-feeds-alone"),
    pytest.param(Fault.BLANK_LINES, PASSED, id="blank-lines"),
    pytest.param(Fault.NONE, PASSED, id="nothing-wrong"),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_faults_of_a_server(fault: Fault, outcome: Outcome) -> None:
    """Only an OK that is signed, and repeats password and nonce, lets anybody in."""
    stage = Stage()
    stage.servers[0].fault = fault
    served = stage.ask()
    assert served.outcome == outcome
    assert (served.trouble == "") is (outcome in (PASSED, REPLAYED))


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param(SILENT, Unavailable(Reason.UPSTREAM_SILENT), id="silent"),
        pytest.param(REFUSED, UNREACHABLE, id="refused"),
        pytest.param(OVER, Failed(Reason.UNANSWERED), id="time-is-over"),
        pytest.param(Reply(status=500), UNREACHABLE, id="500"),
        pytest.param(Reply(status=503), UNREACHABLE, id="503"),
        pytest.param(Reply(status=429), BUSY, id="429"),
        pytest.param(Reply(status=404), MISCONFIGURED, id="404"),
        pytest.param(Reply(status=302), MISCONFIGURED, id="302"),
        pytest.param(Reply(status=403, octets=b"status=OK"), MISCONFIGURED, id="403-that-says-ok"),
        pytest.param(Reply(status=200), UNVERIFIED, id="nothing"),
        pytest.param(Reply(status=200, octets=b"status=OK\xff"), UNVERIFIED, id="not-ascii"),
        pytest.param(text("status=OK"), UNVERIFIED, id="a-bare-ok"),
        pytest.param(text("status=BAD_OTP"), UNVERIFIED, id="a-bare-no"),
        pytest.param(text("status=NO_SUCH_CLIENT"), MISCONFIGURED, id="no-such-client"),
        pytest.param(text("status=MISSING_PARAMETER"), MISCONFIGURED, id="missing-parameter"),
        pytest.param(text("status=BAD_SIGNATURE"), MISCONFIGURED, id="bad-signature"),
        pytest.param(text("status=\x1b[2J"), UNVERIFIED, id="control-characters"),
    ],
)
def test_answers_of_a_server(said: Reply | Lost, outcome: Outcome) -> None:
    """Whatever a server answers is a no, or nothing; what it says is not repeated in the log."""
    stage = Stage()
    stage.said = {0: [said]}
    served = stage.ask()
    assert served.outcome == outcome
    assert served.trouble.isprintable()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("OK", PASSED), ("BAD_OTP", BAD), ("REPLAYED_OTP", REPLAYED),
        ("REPLAYED_REQUEST", REPLAYED), ("BACKEND_ERROR", BUSY), ("NOT_ENOUGH_ANSWERS", BUSY),
        ("OPERATION_NOT_ALLOWED", MISCONFIGURED), ("BAD_SIGNATURE", MISCONFIGURED),
        ("MISSING_PARAMETER", MISCONFIGURED), ("NO_SUCH_CLIENT", MISCONFIGURED),
        ("DELAYED_OTP", UNVERIFIED), ("ok", UNVERIFIED), ("", UNVERIFIED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("secret", [b"", CLIENT_SECRET], ids=["unsigned", "signed"])
def test_statuses_mean_what_the_protocol_says(status: str, outcome: Outcome, secret: bytes) -> None:
    """Signed or, where there is no secret, not; a word that nobody knows is no yes."""
    settings = Yubico(client_id=87, secret=Secret(secret))
    lines = {"otp": "it", "nonce": NONCE, "status": status}
    lines["h"] = yubico.signature(secret, lines)
    reply = text(*(f"{name}={value}" for name, value in lines.items()))
    assert yubico.verdict(settings, reply, "it", NONCE).outcome == outcome


def test_ok_without_a_secret_must_repeat_password_and_nonce() -> None:
    """Where nothing is signed, at least it is the answer to this question."""
    settings = Yubico(client_id=87)
    for left_out in ("otp", "nonce"):
        lines = {"otp": "it", "nonce": NONCE, "status": "OK"}
        del lines[left_out]
        reply = text(*(f"{name}={value}" for name, value in lines.items()))
        assert yubico.verdict(settings, reply, "it", NONCE).outcome == UNVERIFIED


def test_signed_no_need_not_repeat_them() -> None:
    """A server that cannot read a password says so without it; that can let nobody in."""
    stage = Stage()
    forged = Key(public_id=stage.key.public_id)
    assert stage.ask(forged.touch()).outcome == BAD


def test_used_password_is_replayed() -> None:
    """What was good once is refused, and so is everything before it."""
    stage = Stage()
    first, second = stage.key.touch(), stage.key.touch()
    outcomes = [stage.ask(typed).outcome for typed in (second, second, first)]
    assert outcomes == [PASSED, REPLAYED, REPLAYED]


def test_right_password_passes_with_what_the_audit_says() -> None:
    """Which key, and which server said so; a caps lock and another keyboard do not matter."""
    stage = Stage()
    served = stage.ask()
    assert (served.outcome, served.way, served.serial) == (PASSED, "passcode", stage.key.public_id)
    assert (served.server, served.trouble) == ("api.yubico.com", "")
    dvorak = stage.key.touch().translate(str.maketrans(MODHEX, DVORAK)).upper()
    assert stage.ask(f"{dvorak}\r\n").outcome == PASSED


def test_question_is_what_the_protocol_says() -> None:
    """The parameters of section 4.1, the secret in none of them."""
    stage = Stage(Yubico(client_id=87, secret=Secret(CLIENT_SECRET), sync="75"))
    otp = stage.key.touch()
    stage.ask(otp)
    (query,) = stage.queries
    wanted = {"id": "87", "nonce": NONCE, "otp": otp, "sl": "75"}
    assert dict(query.parameters) == wanted | {"h": yubico.signature(CLIENT_SECRET, wanted)}
    assert (query.method, query.path, query.is_safe) == ("GET", "/wsapi/2.0/verify", True)
    unsigned = Stage(Yubico(client_id=87))
    unsigned.ask()
    assert "h" not in dict(unsigned.queries[0].parameters)


@pytest.mark.parametrize(
    ("inputs", "expected"), family("yubico", lambda row: row["op"] == "signature")
)
def test_yubico_signature_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """What is signed is what others sign."""
    parameters = dict(pair.split("=", 1) for pair in inputs["text"].split("&"))
    secret = base64.b64decode(inputs["secret_b64"])
    assert yubico.signature(secret, parameters | {"h": "left out"}) == expected["h_b64"]


# Several servers


def test_all_servers_are_asked_the_same_at_once() -> None:
    """One nonce for all: they tell one question asked twice from a password used twice."""
    stage = Stage(TWO)
    assert stage.ask().outcome == PASSED
    one, two = stage.queries
    assert [one.path, two.path] == ["/wsapi/2.0/verify", "/verify"]
    assert [one.server, two.server] == [0, 1]
    assert one.parameters == two.parameters


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        pytest.param(fault.values[0], PASSED, id=fault.id)
        for fault in FAULTS
        if fault.values[0] is not Fault.NONE
    ],
)
def test_other_server_stands_in_for_one_with_a_fault(fault: Fault, outcome: Outcome) -> None:
    """Whatever is wrong with one, a genuine OK of the other counts."""
    stage = Stage(TWO)
    stage.servers[0].fault = fault
    stage.servers[0].peers = stage.servers[1].peers = []
    assert stage.ask().outcome == outcome


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        pytest.param(SILENT, REFUSED, Unavailable(Reason.UPSTREAM_SILENT), id="nobody"),
        pytest.param(SILENT, Reply(status=500), UNREACHABLE, id="trouble-tells-more"),
        pytest.param(Reply(status=500), text("status=OK"), UNVERIFIED, id="a-forged-ok-is-a-no"),
        pytest.param(text("status=OK"), SILENT, UNVERIFIED, id="whoever-comes-first"),
        pytest.param(
            text("status=NO_SUCH_CLIENT"), text("status=OK"), MISCONFIGURED, id="settings-tell-more"
        ),
        pytest.param(SILENT, OVER, Failed(Reason.UNANSWERED), id="time-is-over"),
    ],
)
def test_without_a_decision_the_most_telling_counts(
    first: Reply | Lost, second: Reply | Lost, outcome: Outcome
) -> None:
    """What nobody can verify is denied, though another server only was not there."""
    stage = Stage(TWO)
    stage.said = {0: [first], 1: [second]}
    assert stage.ask().outcome == outcome


def test_no_of_one_server_ends_it() -> None:
    """A signed no is a decision: nobody waits for the others."""
    stage = Stage(TWO)
    stage.said = {1: [OVER]}
    assert stage.ask(Key(public_id=stage.key.public_id).touch()).outcome == BAD


def test_server_in_trouble_is_asked_again() -> None:
    """Three times in all, half a second between, and only those that may have got over it."""
    stage = Stage(TWO)
    stage.said = {0: [Reply(status=502)], 1: [SILENT]}
    assert stage.ask().outcome == UNREACHABLE
    assert [query.server for query in stage.queries] == [0, 1, 0, 0]
    assert stage.pauses == [0.5, 0.5]


def test_server_gets_over_its_trouble() -> None:
    """The second answer counts."""
    stage = Stage()
    stage.servers[0].fault, stage.servers[0].spells = Fault.BACKEND_ERROR, 1
    assert stage.ask().outcome == PASSED
    assert stage.pauses == [0.5]


def test_too_few_agree() -> None:
    """Where not as many as asked for can be told, nobody gets in, and it is no wrong password."""
    stage = Stage(Yubico(urls=URLS[:1], client_id=87, secret=Secret(CLIENT_SECRET), sync="secure"))
    stage.servers[0].peers = [Simulator(is_reachable=False)]
    served = stage.ask()
    # It was stored at the first try: what is said the second time is that.
    assert served.outcome == REPLAYED


# Looking at the service


def test_service_in_order_is_told_nothing_of() -> None:
    """A password that no key has made is refused, by name and with a signature: all is well."""
    stage = Stage(TWO)
    assert stage.play(yubico.examine(TWO, tools())) == ()
    assert [query.server for query in stage.queries] == [0, 1]


@pytest.mark.parametrize(
    ("clients", "what"),
    [
        ({}, "NO_SUCH_CLIENT: it knows no client of this client_id"),
        ({"87": b"another"}, "BAD_SIGNATURE: secret is not that of client_id"),
    ],
)
def test_wrong_settings_are_told(clients: dict[str, bytes], what: str) -> None:
    """Which server, and what is wrong."""
    stage = Stage()
    stage.servers[0].clients = clients
    assert stage.play(yubico.examine(SETTINGS, tools())) == (f"api.yubico.com: {what}",)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (REFUSED, "cannot be reached"),
        (Reply(status=500), "HTTP status 500"),
        (text("status=BAD_OTP"), "sent an answer that its secret has not signed (BAD_OTP)"),
        (text("x"), "sent an answer in another form"),
    ],
)
def test_trouble_is_told(said: Reply | Lost, what: str) -> None:
    """Whatever else is wrong, in words."""
    stage = Stage()
    stage.said = {0: [said]}
    assert stage.play(yubico.examine(SETTINGS, tools())) == (f"api.yubico.com: {what}",)


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("OK", "says OK to a password that no key has made"),
        ("REPLAYED_OTP", "does not refuse a password that no key has made"),
    ],
)
def test_server_that_takes_anything_is_told(status: str, what: str) -> None:
    """Who lets in what cannot be a password is no server to rely on."""
    settings, stage = Yubico(client_id=87), Stage(Yubico(client_id=87))
    stage.said = {0: [text(f"otp={44 * 'c'}", f"nonce={NONCE}", f"status={status}")]}
    assert stage.play(yubico.examine(settings, tools())) == (f"api.yubico.com: {what}",)


# Any answer


@given(st.binary(max_size=200))
def test_any_octets_are_no_ok(octets: bytes) -> None:
    """Whatever somebody without the secret sends lets nobody in."""
    found = yubico.verdict(SETTINGS, Reply(status=200, octets=octets), "it", NONCE)
    assert found.outcome not in (PASSED, BAD)


_LINES: Final = st.lists(
    st.sampled_from([
        "status=OK", "status=BAD_OTP", f"nonce={NONCE}", "nonce=another", "otp=it", "otp=that",
        "h=", "h=vjhFxZrNHB5CjI6vhuSeF2n46a8=", "t=2010-04-23T20:34:51Z0678", "",
        "status", "=", "sl=75",
    ]),
    max_size=6,
)  # fmt: skip


@given(_LINES)
def test_any_lines_without_the_secret_are_no_ok(lines: list[str]) -> None:
    """Nor whatever looks like an answer."""
    assert yubico.verdict(SETTINGS, text(*lines), "it", NONCE).outcome not in (PASSED, BAD)


@given(_LINES)
def test_unsigned_ok_is_one_that_repeats_everything(lines: list[str]) -> None:
    """Without a secret it still has to say to what it says OK, and once."""
    found = yubico.verdict(Yubico(client_id=87), text(*lines), "it", NONCE)
    if found.outcome == PASSED:
        assert {"status=OK", "otp=it", f"nonce={NONCE}"} <= set(lines)
        named = [line.partition("=")[0] for line in lines if line]
        assert len(named) == len(set(named))
