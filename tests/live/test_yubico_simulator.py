"""The simulator of a validation server, proved by the client that Yubico's own users have."""

from __future__ import annotations

import base64
import ssl
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from yubico_client import Yubico
from yubico_client.yubico_exceptions import (
    InvalidClientIdError,
    InvalidValidationResponse,
    SignatureVerificationError,
    StatusCodeError,
)

from tests.families import family
from tests.yubico import (
    CLIENT_ID,
    CLIENT_SECRET,
    DVORAK,
    MODHEX,
    Fault,
    Key,
    Running,
    checksum,
    signature,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

SECRET: Final = base64.b64encode(CLIENT_SECRET).decode()
NONCE: Final = "0123456789abcdef"


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """A server."""
    with Running(ca) as made:
        yield made


@pytest.fixture
def key(running: Running) -> Key:
    """A key that it knows."""
    return running.simulator.add(Key())


def client(ca_file: Path, *servers: Running, secret: str | None = SECRET) -> Yubico:
    """Return the official client, unchanged, that trusts our authority."""
    return Yubico(
        CLIENT_ID,
        secret,
        api_urls=[one.url for one in servers],
        ca_certs_bundle_path=str(ca_file),
        retry_delay=0.01,
    )


def get(ca_file: Path, url: str, **parameters: str) -> dict[str, str]:
    """Return the lines of an answer, in their order; `raw` is all of it."""
    query = urllib.parse.urlencode(parameters)
    context = ssl.create_default_context(cafile=str(ca_file))
    with urllib.request.urlopen(f"{url}?{query}", context=context) as response:  # noqa: S310 - https
        text = response.read().decode()
    lines = [line.split("=", 1) for line in text.split("\r\n") if "=" in line]
    return {**{pair[0]: pair[1] for pair in lines}, "raw": text}


# What the official client thinks of it


def test_official_client_is_let_in_once(running: Running, key: Key, ca_file: Path) -> None:
    """Signed question, signed answer; the second time it is replayed."""
    otp = key.touch()
    assert client(ca_file, running).verify(otp) is True
    with pytest.raises(StatusCodeError, match="REPLAYED_OTP"):
        client(ca_file, running).verify(otp)
    assert set(running.simulator.asked[0]) == {"id", "otp", "nonce", "h"}


def test_official_client_reads_the_counters(running: Running, key: Key, ca_file: Path) -> None:
    """Two passwords in a row are told by their time."""
    assert client(ca_file, running).verify_multi([key.touch(), key.touch()]) is True
    key.plug()
    told = client(ca_file, running).verify(key.touch(), timestamp=True, return_response=True)
    assert (told["sessioncounter"], told["sessionuse"]) == ("2", "0")
    assert int(told["timestamp"]) == key.ticks - 0x20


def test_official_client_needs_no_secret(running: Running, key: Key, ca_file: Path) -> None:
    """A question without a signature is answered, as ykval does."""
    assert client(ca_file, running, secret=None).verify(key.touch()) is True


def test_official_client_types_dvorak(running: Running, key: Key, ca_file: Path) -> None:
    """Both the client and the server see through the keyboard."""
    typed = key.touch().translate(str.maketrans(MODHEX, DVORAK))
    assert client(ca_file, running).verify(typed) is True


def test_official_client_asks_two_servers(ca: trustme.CA, ca_file: Path) -> None:
    """They tell each other: whoever comes second says that it has seen this very question."""
    with Running(ca) as one, Running(ca) as two:
        key = one.simulator.add(two.simulator.add(Key()))
        one.simulator.peers, two.simulator.peers = [two.simulator], [one.simulator]
        assert client(ca_file, one, two).verify(key.touch()) is True


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.WRONG_H, SignatureVerificationError),
        (Fault.NO_H, SignatureVerificationError),
        (Fault.WRONG_OTP, InvalidValidationResponse),
        (Fault.WRONG_NONCE, InvalidValidationResponse),
    ],
)
def test_official_client_finds_what_is_forged(
    fault: Fault, error: type[Exception], running: Running, key: Key, ca_file: Path
) -> None:
    """Each of these faults is one that a client has to find."""
    running.simulator.fault = fault
    with pytest.raises(error):
        client(ca_file, running).verify(key.touch())


@pytest.mark.parametrize(
    "fault", [Fault.NO_STATUS, Fault.BACKEND_ERROR, Fault.REPLAYED_REQUEST, Fault.HTTP_500,
              Fault.HANG_UP, Fault.OPERATION_NOT_ALLOWED],
)  # fmt: skip
def test_official_client_is_not_let_in_by(
    fault: Fault, running: Running, key: Key, ca_file: Path
) -> None:
    """Whatever else is wrong is no yes."""
    running.simulator.fault = fault
    with pytest.raises(Exception, match="NO_VALID_ANSWERS"):
        client(ca_file, running).verify(key.touch())


def test_official_client_gets_over_an_error(running: Running, key: Key, ca_file: Path) -> None:
    """An error of the server is asked again."""
    running.simulator.fault, running.simulator.spells = Fault.HTTP_500, 2
    assert client(ca_file, running).verify(key.touch()) is True
    assert len(running.simulator.asked) == 3


def test_official_client_is_told_of_wrong_settings(
    running: Running, key: Key, ca_file: Path
) -> None:
    """An unknown client is told so, where no secret makes the unsigned answer worth nothing."""
    running.simulator.clients = {}
    with pytest.raises(SignatureVerificationError):
        client(ca_file, running).verify(key.touch())
    with pytest.raises(InvalidClientIdError):
        client(ca_file, running, secret=None).verify(key.touch())


# The order of its checks, and what each answer is signed with


EARLY: Final[list[Any]] = [
    pytest.param({"nonce": None}, "MISSING_PARAMETER", id="no-nonce"),
    pytest.param({"nonce": None, "otp": "x"}, "MISSING_PARAMETER", id="nonce-before-otp"),
    pytest.param({"sl": "0"}, "MISSING_PARAMETER", id="level-0"),
    pytest.param({"sl": "x", "otp": "x"}, "MISSING_PARAMETER", id="level-before-otp"),
    pytest.param({"timeout": "x"}, "MISSING_PARAMETER", id="timeout"),
    pytest.param({"otp": None}, "BAD_OTP", id="no-otp"),
    pytest.param({"otp": "c" * 31}, "BAD_OTP", id="short"),
    pytest.param({"otp": "c" * 49}, "BAD_OTP", id="long"),
    pytest.param({"otp": "a" * 44, "id": "x"}, "BAD_OTP", id="otp-before-id"),
    pytest.param({"id": None}, "MISSING_PARAMETER", id="no-id"),
    pytest.param({"id": "-1"}, "MISSING_PARAMETER", id="negative-id"),
    pytest.param({"nonce": "short"}, "MISSING_PARAMETER", id="short-nonce"),
    pytest.param({"nonce": "x" * 41, "id": "99"}, "MISSING_PARAMETER", id="nonce-before-client"),
    pytest.param({"id": "99"}, "NO_SUCH_CLIENT", id="unknown-client"),
    pytest.param({"id": "99", "h": "x"}, "NO_SUCH_CLIENT", id="client-before-signature"),
    pytest.param({"id": "88"}, "NO_SUCH_CLIENT", id="inactive-client"),
]
LATER: Final[list[Any]] = [
    pytest.param({"h": "x"}, "BAD_SIGNATURE", False, id="wrong-signature"),
    pytest.param({"h": "x", "otp": "c" * 44}, "BAD_SIGNATURE", False, id="before-the-key"),
    pytest.param({"otp": "c" * 44}, "BAD_OTP", False, id="unknown-key"),
    pytest.param({}, "OK", True, id="right"),
]


def parameters(key: Key, other: dict[str, str | None]) -> dict[str, str]:
    """Return a question with some parameters of another kind, or left out."""
    usual: dict[str, str | None] = {"id": CLIENT_ID, "otp": key.touch(), "nonce": NONCE}
    return {name: value for name, value in (usual | other).items() if value is not None}


@pytest.mark.parametrize(("other", "status"), EARLY)
def test_early_refusals_are_signed_with_nothing(
    other: dict[str, str | None], status: str, running: Running, key: Key, ca_file: Path
) -> None:
    """They do not repeat what was asked, either."""
    running.simulator.clients["88"] = CLIENT_SECRET
    running.simulator.inactive.add("88")
    told = get(ca_file, running.url, **parameters(key, other))
    raw = told.pop("raw")
    assert list(told) == ["h", "t", "status"]
    assert told["status"] == status
    assert told["h"] == signature(b"", told)
    assert raw.endswith("\r\n\r\n")


@pytest.mark.parametrize(("other", "status", "repeats"), LATER)
def test_later_answers_are_signed(
    other: dict[str, str | None],
    status: str,
    running: Running,
    key: Key,
    ca_file: Path,
    *,
    repeats: bool,
) -> None:
    """With the client's secret; only those after the key was read repeat the question."""
    told = get(ca_file, running.url, **parameters(key, other))
    del told["raw"]
    assert told["status"] == status
    assert told["h"] == signature(CLIENT_SECRET, told)
    assert ("otp" in told, "nonce" in told) == (repeats, repeats)
    if repeats:
        assert list(told) == ["h", "t", "otp", "nonce", "sl", "status"]


def test_same_question_twice_is_a_repeated_one(running: Running, key: Key, ca_file: Path) -> None:
    """With the same nonce; with another one it is a replayed password."""
    question = parameters(key, {})
    statuses = [get(ca_file, running.url, **question)["status"] for _ in range(2)]
    statuses.append(get(ca_file, running.url, **(question | {"nonce": "x" * 16}))["status"])
    assert statuses == ["OK", "REPLAYED_REQUEST", "REPLAYED_OTP"]


def test_peer_that_has_seen_more_decides(ca: trustme.CA, ca_file: Path) -> None:
    """And where too few can be told, that is said, with how many were."""
    with Running(ca) as one, Running(ca) as two:
        key = one.simulator.add(two.simulator.add(Key()))
        one.simulator.peers = [two.simulator]
        old, new, last = key.touch(), key.touch(), key.touch()
        usual = {"id": CLIENT_ID, "nonce": NONCE}
        assert get(ca_file, two.url, otp=new, **usual)["status"] == "OK"
        assert get(ca_file, one.url, otp=old, **usual)["status"] == "REPLAYED_OTP"
        two.simulator.is_reachable = False
        told = get(ca_file, one.url, otp=last, sl="secure", **usual)
        assert (told["status"], told["sl"]) == ("NOT_ENOUGH_ANSWERS", "0")


def test_key_storage_module_opens_passwords(running: Running, key: Key, ca_file: Path) -> None:
    """As ykksm says it, and its errors."""
    key.plugged, key.made, key.ticks = 0x0F, 4, 0xA7C541
    otp = key.touch()

    def decrypt(text: str | None) -> str:
        asked = {} if text is None else {"otp": text}
        return get(ca_file, running.decrypt_url, **asked)["raw"].strip()

    assert decrypt(otp) == "OK counter=000f low=c541 high=a7 use=04"
    assert decrypt(None) == "ERR No OTP provided"
    assert decrypt("x" * 44) == "ERR Invalid OTP format"
    assert decrypt("c" * 44) == "ERR Unknown yubikey"
    assert decrypt(otp[:12] + "c" * 32) == "ERR Corrupt OTP"


# The vectors


@pytest.mark.parametrize(("inputs", "expected"), family("yubico", lambda row: row["op"] == "otp"))
def test_vectors_are_what_the_simulator_reads(
    inputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Its key opens what Yubico's tests hold, and writes it again."""
    key = Key(
        public_id=expected["public_id_text"],
        private_id=bytes.fromhex(inputs["private_id_hex"]),
        aes_key=bytes.fromhex(inputs["key_hex"]),
    )
    block = inputs["otp_text"][-32:]
    plain = key.opened(block)
    assert plain is not None
    assert (plain.hex(), checksum(plain)) == (expected["plain_hex"], 0xF0B8)
    key.plugged, key.made = int.from_bytes(plain[6:8], "little"), plain[11]
    key.ticks = int.from_bytes(plain[8:11], "little")
    again = key.touch(number=int.from_bytes(plain[12:14], "little"))
    assert again == inputs["otp_text"]


def test_sequence_of_the_vectors_is_made() -> None:
    """The three passwords of the sequence come out of one key."""
    key = Key(public_id="cccccccccccb", private_id=bytes(range(1, 7)), aes_key=bytes(range(16)))
    for row in family("yubico", lambda row: row["op"] == "sequence"):
        inputs, expected = row.values
        key.plugged, key.made = expected["plugged"], expected["made"]
        key.ticks = int(inputs["low_hex"], 16)
        assert key.touch(number=int(inputs["random_hex"], 16)) == inputs["otp_text"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("yubico", lambda row: row["op"] == "signature")
)
def test_simulator_signs_as_the_vectors_say(
    inputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Its signature is that of Yubico's own tests."""
    lines = dict(pair.split("=", 1) for pair in inputs["text"].split("&"))
    assert signature(base64.b64decode(inputs["secret_b64"]), lines) == expected["h_b64"]
