"""`radiusmfa probe` against a server of a few lines on loopback."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import pytest

from radiusmfa.cli.main import main
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import (
    KEY,
    PATIENCE,
    SECRET,
    Act,
    Responder,
    answer,
    changed,
    closed_port,
    silent,
)

if TYPE_CHECKING:
    from pathlib import Path

Serve: TypeAlias = Callable[..., Responder]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts responders; all are stopped afterwards."""
    running: list[Responder] = []

    def start(*acts: Act, host: str = "127.0.0.1") -> Responder:
        running.append(Responder(acts, host))
        return running[-1]

    yield start
    for responder in running:
        responder.stop()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a secret, a password and two codes in files."""
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    (tmp_path / "password").write_bytes(b"correct horse\n")
    (tmp_path / "codes").write_bytes(b"111111\n222222\n")
    return tmp_path


def challenge(prompt: bytes, state: bytes) -> Act:
    """Return an act that asks *prompt* under *state*."""
    attributes = codec.attribute(numbers.REPLY_MESSAGE, prompt)
    return answer(numbers.ACCESS_CHALLENGE, attributes + codec.attribute(numbers.STATE, state))


def probe(files: Path, port: int, *more: str, host: str = "127.0.0.1") -> int:
    """Run `probe alice` with secret and password from *files*."""
    return main([
        "probe",
        *([] if "--status" in more else ["alice", "--password-file", str(files / "password")]),
        "--server",
        f"{host}:{port}",
        "--secret-file",
        str(files / "secret"),
        *more,
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected", "word"),
    [
        pytest.param(numbers.ACCESS_ACCEPT, 0, "Access-Accept", id="accept"),
        pytest.param(numbers.ACCESS_REJECT, 1, "Access-Reject", id="reject"),
    ],
)
def test_exit_code_says_the_decision(
    serve: Serve,
    files: Path,
    capsys: pytest.CaptureFixture[str],
    code: int,
    expected: int,
    word: str,
) -> None:
    """Access-Accept ends with 0, Access-Reject with 1, and the reply is named."""
    responder = serve(answer(code))

    assert probe(files, responder.port) == expected
    assert f"received {word}" in capsys.readouterr().out


def test_request_is_signed_first_and_holds_the_password(serve: Serve, files: Path) -> None:
    """The request verifies, begins with Message-Authenticator, and hides the password."""
    responder = serve(answer(numbers.ACCESS_ACCEPT))

    probe(files, responder.port, "--nas-identifier", "switch-7")

    request = responder.arrived[0]
    assert codec.verify(request, KEY)
    assert request.octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert request.value(numbers.USER_NAME) == b"alice"
    assert request.value(numbers.NAS_IDENTIFIER) == b"switch-7"
    assert responder.passwords() == [b"correct horse"]


def test_without_message_authenticator_none_is_sent(serve: Serve, files: Path) -> None:
    """`--no-message-authenticator` behaves as an outdated client."""
    responder = serve(answer(numbers.ACCESS_ACCEPT))

    assert probe(files, responder.port, "--no-message-authenticator") == 0
    assert numbers.MESSAGE_AUTHENTICATOR not in responder.arrived[0]


def test_challenges_are_answered_in_order(serve: Serve, files: Path) -> None:
    """Two challenges are answered from the code file, each with its own State."""
    responder = serve(
        challenge(b"Passcode: ", b"one"),
        challenge(b"Next passcode: ", b"two"),
        answer(numbers.ACCESS_ACCEPT),
    )

    assert probe(files, responder.port, "--code-file", str(files / "codes")) == 0
    assert responder.passwords() == [b"correct horse", b"111111", b"222222"]
    states = [packet.value(numbers.STATE) for packet in responder.arrived]
    assert states == [None, b"one", b"two"]
    assert len({packet.authenticator for packet in responder.arrived}) == 3


def test_codes_run_out_is_wrong_usage(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A challenge that no line is left for ends with 2 and says so."""
    (files / "codes").write_bytes(b"")
    responder = serve(challenge(b"Passcode: ", b"one"))

    assert probe(files, responder.port, "--code-file", str(files / "codes")) == 2
    assert "no further line" in capsys.readouterr().err


def test_standard_input_gives_everything_in_turn(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secret, password and codes may all come on standard input, in that order."""
    responder = serve(challenge(b"Passcode: ", b"one"), answer(numbers.ACCESS_ACCEPT))
    typed = io.TextIOWrapper(io.BytesIO(SECRET + b"\npw\n123456\n"))
    monkeypatch.setattr(sys, "stdin", typed)
    place = f"127.0.0.1:{responder.port}"
    dashes = ["--secret-file", "-", "--password-file", "-", "--code-file", "-"]

    assert main(["probe", "alice", "--server", place, *dashes]) == 0
    assert responder.passwords() == [b"pw", b"123456"]


def test_nothing_secret_is_shown(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Password, codes, shared secret and State are in no line of the output."""
    for more in ([], ["--json"]):
        responder = serve(challenge(b"Code: ", b"state-of-it"), answer(numbers.ACCESS_ACCEPT))
        probe(files, responder.port, "--code-file", str(files / "codes"), *more)

    shown = "".join(capsys.readouterr())
    for secret in (b"correct horse", b"111111", SECRET, b"state-of-it"):
        assert secret.decode() not in shown
        assert secret.hex() not in shown
    assert 'Reply-Message = "Code: "' in shown


def test_same_octets_are_sent_again(serve: Serve, files: Path) -> None:
    """A retransmission is the same packet, octet by octet (RFC 5080 section 2.2.1)."""
    responder = serve(silent, silent, answer(numbers.ACCESS_ACCEPT))

    assert probe(files, responder.port, "--timeout", "0.2", "--retries", "2") == 0
    assert len({packet.octets for packet in responder.arrived}) == 1
    assert len(responder.arrived) == 3


def test_no_answer_is_exit_code_5(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silence ends with 5 and one line that names the server and the likely causes."""
    responder = serve(silent, silent)

    assert probe(files, responder.port, "--timeout", "0.1", "--retries", "1") == 5
    said = capsys.readouterr().err
    assert said.startswith(f"radiusmfa: no answer from 127.0.0.1:{responder.port} ")
    assert said.count("\n") == 1


def test_nobody_listening_is_said_at_once(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A closed port is exit code 5 without waiting for the timeout."""
    port = closed_port()
    start = time.monotonic()

    assert probe(files, port, "--timeout", "60") == 5
    assert time.monotonic() - start < 30
    assert "nothing listens" in capsys.readouterr().err


def _wrong_signature(packet: codec.Packet) -> list[bytes]:
    """Return a reply whose Response Authenticator is right and whose signature is not."""
    bad = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, bytes(16))
    octets = codec.reply(numbers.ACCESS_ACCEPT, packet, KEY, bad, signed=False)
    assert octets is not None
    return [octets]


def _other_identifier(packet: codec.Packet) -> list[bytes]:
    other = codec.request(1, packet.identifier ^ 1, packet.authenticator, b"", KEY)
    octets = codec.reply(numbers.ACCESS_ACCEPT, codec.decode(other), KEY)
    assert octets is not None
    return [octets]


@pytest.mark.parametrize(
    ("forged", "fault"),
    [
        pytest.param(changed, "bad-response-authenticator", id="changed"),
        pytest.param(_wrong_signature, "bad-message-authenticator", id="wrong-signature"),
        pytest.param(
            answer(numbers.ACCESS_ACCEPT, signed=False),
            "missing-message-authenticator",
            id="unsigned",
        ),
        pytest.param(_other_identifier, "answers-something-else", id="other-identifier"),
        pytest.param(lambda _: [b"\x02"], "short-packet", id="garbage"),
        pytest.param(lambda packet: [packet.octets], "wrong-port", id="echo"),
    ],
)
def test_forged_accept_is_ignored(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str], forged: Act, fault: str
) -> None:
    """A reply that is not genuine is as none, and the reason is told."""
    responder = serve(forged)

    assert probe(files, responder.port, "--timeout", "0.3", "--retries", "0") == 5
    said = capsys.readouterr()
    assert f"1 x {fault}" in said.err
    assert "received" not in said.out


def test_genuine_reply_after_a_forged_one_counts(serve: Serve, files: Path) -> None:
    """A forger who is first does not keep the genuine answer out."""

    def both(packet: codec.Packet) -> list[bytes]:
        return [*changed(packet), *answer(numbers.ACCESS_REJECT)(packet)]

    assert probe(files, serve(both).port) == 1


def test_unsigned_reply_is_taken_when_allowed(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--accept-unsigned` takes it, and the output says that it is unsigned."""
    responder = serve(answer(numbers.ACCESS_ACCEPT, signed=False))

    assert probe(files, responder.port, "--accept-unsigned") == 0
    assert "Message-Authenticator missing" in capsys.readouterr().out


def test_status_server_is_answered(serve: Serve, files: Path) -> None:
    """`--status` sends a signed Status-Server without a user (RFC 5997 section 3)."""
    responder = serve(answer(numbers.ACCESS_ACCEPT))

    assert probe(files, responder.port, "--status") == 0
    asked = responder.arrived[0]
    assert asked.code == numbers.STATUS_SERVER
    assert numbers.USER_NAME not in asked
    assert codec.verify(asked, KEY)


def test_ipv6_works(serve: Serve, files: Path) -> None:
    """An IPv6 address stands in brackets."""
    responder = serve(answer(numbers.ACCESS_ACCEPT), host="::1")

    assert probe(files, responder.port, host="[::1]") == 0


def test_json_is_one_object(serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints the decision and every packet with its attributes by name."""
    responder = serve(challenge(b"Code", b"one"), answer(numbers.ACCESS_REJECT))

    probe(files, responder.port, "--json", "--code-file", str(files / "codes"))

    told = json.loads(capsys.readouterr().out)
    assert told["decision"] == "reject"
    assert [packet["code"] for packet in told["packets"]] == [
        "Access-Request",
        "Access-Challenge",
        "Access-Request",
        "Access-Reject",
    ]
    assert {"name": "User-Name", "value": '"alice"'} in told["packets"][0]["attributes"]
    assert told["packets"][3]["message_authenticator"] == "right, first"


def test_terminal_control_in_a_reply_is_escaped(
    serve: Serve, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server cannot move the cursor of whoever probes it."""
    attributes = codec.attribute(numbers.REPLY_MESSAGE, b"\x1b[2Jgone\xff")
    probe(files, serve(answer(numbers.ACCESS_REJECT, attributes)).port)

    assert '"\\x1b[2Jgone\\xff"' in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["alice"], id="no-secret"),
        pytest.param(["alice", "--status", "--secret-file", "secret"], id="user-and-status"),
        pytest.param(
            ["alice", "--client", "vpn", "--secret-file", "secret"], id="two-sources-of-secret"
        ),
        pytest.param(["alice", "--client", "vpn", "--upstream", "rsa"], id="client-and-upstream"),
        pytest.param(["alice", "--secret-file", "secret", "--at", "rsa"], id="at-without-upstream"),
        pytest.param(["alice", "--secret-file", "secret", "--as", "bob"], id="as-without-upstream"),
        pytest.param(["alice", "--upstream", "rsa", "--server", "a"], id="server-and-upstream"),
        pytest.param(
            ["alice", "--upstream", "rsa", "--no-message-authenticator"], id="unsigned-upstream"
        ),
        pytest.param(
            ["--status", "--no-message-authenticator", "--secret-file", "secret"],
            id="unsigned-status",
        ),
        pytest.param(["alice", "--secret-file", "secret", "--server", "::1:x"], id="bad-port"),
        pytest.param(["alice", "--secret-file", "secret", "--server", ":1812"], id="no-host"),
        pytest.param(["alice", "--secret-file", "secret", "--server", "a:0"], id="port-0"),
        pytest.param(
            ["a" * 254, "--secret-file", "secret", "--password-file", "password"], id="long-name"
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    """Options that contradict or say too little end with 2 before anything is sent."""
    monkeypatch.chdir(files)

    assert main(["probe", *words]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("radiusmfa: ")
    assert said.err.count("\n") == 1
    assert "sent" not in said.out


@pytest.fixture
def configuration(files: Path) -> Callable[[int], Path]:
    """Return a function that writes a configuration that listens on a port."""

    def write(port: int) -> Path:
        path = files / "radiusmfa.yaml"
        path.write_text(
            f'listen: [{{udp: "0.0.0.0:{port}"}}]\nstore: {{sqlite: s.db}}\nkeys: {{file: keys}}\n'
            "clients: [{name: vpn, networks: [127.0.0.1/32], secret: {file: secret}}]\n"
        )
        return path

    return write


def test_secret_and_address_come_from_the_configuration(
    serve: Serve, files: Path, configuration: Callable[[int], Path]
) -> None:
    """`--client NAME` takes that client's secret and asks where the server listens."""
    responder = serve(answer(numbers.ACCESS_ACCEPT))
    path = configuration(responder.port)
    words = ["probe", "alice", "--client", "vpn", "--password-file", str(files / "password")]

    assert main(["-c", str(path), *words]) == 0
    assert codec.verify(responder.arrived[0], KEY)


def test_unknown_client_is_wrong_usage(
    configuration: Callable[[int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A client that the configuration does not have is named."""
    path = configuration(1812)

    assert main(["-c", str(path), "probe", "alice", "--client", "wifi"]) == 2
    assert "'wifi'" in capsys.readouterr().err


def test_bad_configuration_is_exit_code_3(tmp_path: Path) -> None:
    """A configuration that cannot be used ends with 3."""
    path = tmp_path / "radiusmfa.yaml"
    path.write_text("listen: nowhere\n")

    assert main(["-c", str(path), "probe", "alice", "--client", "vpn"]) == 3


def test_answer_from_elsewhere_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that answers from another address is no silent one."""
    with Responder([answer(numbers.ACCESS_ACCEPT)], replies_from="127.0.0.9") as responder:
        assert probe(files, responder.port, "--timeout", "0.3", "--retries", "0") == 5
    assert "but from 127.0.0.9" in capsys.readouterr().err


# -- upstreams --


@pytest.fixture
def forwarding(files: Path) -> Callable[..., Path]:
    """Return a function that writes a configuration with an upstream at some ports."""

    def write(*ports: int, more: str = "") -> Path:
        servers = ", ".join(
            f"{{host: 127.0.0.1, port: {port}, secret: {{file: secret}}}}" for port in ports
        )
        path = files / "radiusmfa.yaml"
        path.write_text(
            'listen: [{udp: "127.0.0.1:1812"}]\nstore: {sqlite: s.db}\nkeys: {file: keys}\n'
            "clients: [{name: vpn, networks: [127.0.0.1/32], secret: {file: secret}}]\n"
            f"upstreams: {{rsa: {{dialogue: securid, servers: [{servers}]{more}}}}}\n"
        )
        return path

    return write


def test_upstream_is_asked_with_its_settings(
    serve: Serve,
    files: Path,
    forwarding: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Name rewritten, secret and dialogue the upstream's; challenges answered, events told."""
    responder = serve(
        challenge(b"Wait for token to change,\r\nthen enter the new tokencode: ", b"one"),
        answer(numbers.ACCESS_ACCEPT),
    )
    path = forwarding(responder.port, more=", user_name: {domain: CORP}")
    words = ["probe", "alice", "--upstream", "rsa", "--password-file", str(files / "password")]

    assert main(["-c", str(path), *words, "--code-file", str(files / "codes")]) == 0
    assert responder.passwords() == [b"correct horse", b"111111"]
    names = {packet.value(numbers.USER_NAME) for packet in responder.arrived}
    assert names == {b"CORP\\alice"}
    assert [packet.value(numbers.STATE) for packet in responder.arrived] == [None, b"one"]
    out = capsys.readouterr().out
    assert "means next-code-wanted" in out
    assert SECRET.decode() not in out
    assert "correct horse" not in out


def test_unsigned_reply_of_an_upstream_is_ignored(
    serve: Serve, files: Path, forwarding: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the server would drop is dropped here, too, unless it is allowed on purpose."""
    unsigned = answer(numbers.ACCESS_ACCEPT, signed=False)
    responder = serve(unsigned, unsigned)
    path = forwarding(responder.port)
    words = ["probe", "alice", "--upstream", "rsa", "--password-file", str(files / "password")]
    words = ["-c", str(path), *words, "--timeout", "0.3", "--retries", "0"]

    assert main(words) == 5
    assert "missing-message-authenticator" in capsys.readouterr().err
    assert main([*words, "--accept-unsigned"]) == 0


def test_upstream_is_asked_for_a_sign_of_life(
    serve: Serve, forwarding: Callable[..., Path]
) -> None:
    """`--status --upstream NAME --at SERVER` asks that server of it."""
    first, second = serve(), serve(answer(numbers.ACCESS_ACCEPT))
    path = forwarding(first.port, second.port)
    at = f"127.0.0.1:{second.port}"

    assert main(["-c", str(path), "probe", "--status", "--upstream", "rsa", "--at", at]) == 0
    assert [packet.code for packet in second.arrived] == [numbers.STATUS_SERVER]


def test_name_there_is_sent_as_it_is(
    serve: Serve, files: Path, forwarding: Callable[..., Path]
) -> None:
    """`--as` is what `user upstream --as` would say of the user."""
    responder = serve(answer(numbers.ACCESS_REJECT))
    path = forwarding(responder.port, more=", user_name: {domain: CORP}")
    words = ["probe", "alice", "--upstream", "rsa", "--as", "ASmith"]

    assert main(["-c", str(path), *words, "--password-file", str(files / "password")]) == 1
    assert responder.arrived[0].value(numbers.USER_NAME) == b"ASmith"


def test_enter_alone_is_an_answer(serve: Serve, files: Path) -> None:
    """An empty line of the code file is sent: some servers take it for `push`."""
    (files / "codes").write_bytes(b"\n222222\n")
    responder = serve(
        challenge(b"Code, or Enter: ", b"one"),
        challenge(b"Code: ", b"two"),
        answer(numbers.ACCESS_ACCEPT),
    )

    assert probe(files, responder.port, "--code-file", str(files / "codes")) == 0
    assert responder.passwords() == [b"correct horse", b"", b"222222"]


def test_prompt_is_the_servers_and_does_not_echo(serve: Serve, files: Path) -> None:
    """On a terminal the password and the code are asked for and do not show."""
    responder = serve(challenge(b"Six digits: ", b"one"), answer(numbers.ACCESS_ACCEPT))
    place = f"127.0.0.1:{responder.port}"
    words = ["probe", "alice", "--server", place, "--secret-file", str(files / "secret")]
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "radiusmfa", *words], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)

    shown = _type(ours, {"Password: ": "hidden-word\n", "Six digits: ": "424242\n"})

    assert child.wait(PATIENCE) == 0
    os.close(ours)
    assert responder.passwords() == [b"hidden-word", b"424242"]
    assert "hidden-word" not in shown
    assert "424242" not in shown


def _type(terminal: int, answers: dict[str, str]) -> str:
    """Type each answer when its prompt has appeared; return all that was shown."""
    shown = ""
    waiting = dict(answers)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if not select.select([terminal], [], [], until - time.monotonic())[0]:
            break
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # the other side was closed
            break
        for prompt in [prompt for prompt in waiting if shown.endswith(prompt)]:
            os.write(terminal, waiting.pop(prompt).encode())
    return shown
