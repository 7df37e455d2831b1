"""Tests of `radiusmfa.cli.probe_upstream`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
import pytest

from radiusmfa.cli.probe_upstream import Wire
from radiusmfa.config import dialogues
from radiusmfa.config.model import Configuration
from radiusmfa.config.upstream_model import Codec, Passing, Server, Upstream, UserName
from radiusmfa.secret import Secret
from radiusmfa.upstream import inquiry
from radiusmfa.wire import codec, numbers, password
from tests.unit.cli.responder import KEY, SECRET, answer

IDENTITY: Final = codec.attribute(numbers.NAS_IDENTIFIER, b"switch-7")


def _config(**settings: Any) -> Configuration:  # noqa: ANN401 - any setting
    servers = tuple(
        Server(host=host, port=port, secret=Secret(SECRET), require_message_authenticator=signed)
        for host, port, signed in (("192.0.2.1", 1812, True), ("2001:db8::1", 1645, False))
    )
    return Configuration(
        path=Path("it.yaml"),
        listen=(),
        store_path=Path("it.db"),
        keys_path=Path("keys"),
        clients=(),
        upstreams=(Upstream(name="rsa", servers=servers, **settings),),
    )


def _login(wire: Wire, name: str = "alice@corp", **more: Any) -> codec.Packet:  # noqa: ANN401
    words = {"alias": "", "typed": b"123456", "state": None, "identity": IDENTITY} | more
    return codec.decode(wire.login(name.encode(), **words))


@pytest.mark.parametrize(
    ("name", "at", "why"),
    [
        pytest.param("rsb", None, "did you mean rsa?", id="upstream"),
        pytest.param(
            "rsa",
            "192.0.2.9",
            "no server '192.0.2.9'; it has: 192.0.2.1:1812, [2001:db8::1]:1645.",
            id="server",
        ),
        pytest.param("rsa", "192.0.2.1:1645", "has no server", id="port"),
    ],
)
def test_what_is_not_configured_is_refused(name: str, at: str | None, why: str) -> None:
    """Only servers of the configuration can be asked: their secrets are known."""
    with pytest.raises(click.UsageError) as caught:
        Wire(_config(), name, at)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        pytest.param({"codec": Codec.CP1252}, {"name": "דוד"}, id="codec-lacks-name"),
        pytest.param({"codec": Codec.CP1252}, {"typed": b"\xff"}, id="codec-lacks-password"),
        pytest.param({"user_name": UserName(realm="r" * 200)}, {"name": "a" * 100}, id="long-name"),
        pytest.param({}, {"typed": b"x" * 129}, id="long-password"),
    ],
)
def test_what_cannot_be_written_is_wrong_usage(
    settings: dict[str, Any], more: dict[str, Any]
) -> None:
    """What the server could not send to that upstream is refused, and not shown."""
    with pytest.raises(click.UsageError) as caught:
        _login(Wire(_config(**settings), "rsa", None), **more)
    assert "cannot be written" in str(caught.value)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("at", "port", "required"),
    [
        pytest.param(None, 1812, True, id="first"),
        pytest.param("192.0.2.1:1812", 1812, True, id="named"),
        pytest.param("[2001:db8::1]:1645", 1645, False, id="second"),
        pytest.param("2001:db8::1", 1645, False, id="host-alone"),
    ],
)
def test_server_has_its_own_settings(at: str | None, port: int, *, required: bool) -> None:
    """Secret, and whether replies must be signed, are those of the server that is asked."""
    asked = Wire(_config(), "rsa", at).asked
    assert (asked.port, asked.require_signature) == (port, required)


def test_request_is_what_the_server_would_send() -> None:
    """Signed first, the name rewritten, the password hidden in its codec, a Proxy-State."""
    wire = Wire(_config(codec=Codec.CP1252, user_name=UserName(strip=("realm",))), "rsa", None)
    request = _login(wire, "jörg@corp", typed="ü".encode())
    assert codec.verify(request, KEY)
    assert request.octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert request.value(numbers.USER_NAME) == b"j\xf6rg"
    hidden = request.value(numbers.USER_PASSWORD) or b""
    assert password.recover(hidden, SECRET, request.authenticator) == b"\xfc"
    assert request.value(numbers.NAS_IDENTIFIER) == b"switch-7"
    assert request.value(numbers.PROXY_STATE)
    assert numbers.STATE not in request


def test_alias_and_state_are_sent_as_they_are() -> None:
    """A name there is not rewritten; the answer to a challenge brings its State."""
    wire = Wire(_config(user_name=UserName(strip=("realm",))), "rsa", None)
    request = _login(wire, alias="A@B", state=b"theirs")
    assert request.value(numbers.USER_NAME) == b"A@B"
    assert request.value(numbers.STATE) == b"theirs"


def test_what_send_does_not_name_stays_behind() -> None:
    """The upstream's rules for attributes count here, too."""
    wire = Wire(_config(send=Passing(everything=False)), "rsa", None)
    assert _login(wire).value(numbers.NAS_IDENTIFIER) != b"switch-7"


def test_patience_is_the_upstreams_unless_options_say_otherwise() -> None:
    """It waits as long as the upstream's patience, or as long as it is told."""
    wire = Wire(_config(patience=20, retransmit=2, rounds=7), "rsa", None)
    assert wire.asked.timeout * wire.asked.tries == 20
    assert wire.rounds == 7
    wire.be_patient(None, None)
    assert wire.asked.timeout * wire.asked.tries == 20
    wire.be_patient(0.5, 0)
    assert (wire.asked.timeout, wire.asked.tries) == (0.5, 1)


def _challenge(text: bytes) -> codec.Packet:
    asked = codec.decode(codec.request(numbers.ACCESS_REQUEST, 1, bytes(16), b"", KEY))
    attributes = codec.attribute(numbers.REPLY_MESSAGE, text)
    (octets,) = answer(numbers.ACCESS_CHALLENGE, attributes)(asked)
    return codec.decode(octets, inquiry.REPLIES)


def test_prompt_and_event_are_read_as_the_server_reads_them() -> None:
    """The upstream's text in its codec, and what its dialogue makes of it; or nothing."""
    dialogue = dialogues.shipped("securid")
    wire = Wire(_config(codec=Codec.CP1252, dialogue=dialogue), "rsa", None)
    asks = _challenge(b"Wait for token to change,\r\nthen enter the new tokencode: ")
    assert wire.event(asks) == "next-code-wanted"
    assert wire.prompt(asks).endswith("then enter the new tokencode")
    assert wire.prompt(_challenge(b"M\xfcde? ")) == "Müde?"
    assert wire.prompt(_challenge(b"")) == "Answer"
    assert Wire(_config(), "rsa", None).event(_challenge(b"?")) == ""
