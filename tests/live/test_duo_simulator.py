"""
Duo's own client, unchanged, against `tests.duo_server`: the simulator is as Duo is.

By TLS on loopback, in the test's process and in one of its own.
"""

from __future__ import annotations

import base64
import gc
import http.client
import json
import select
import socket
import ssl
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duo_client
import pytest
import trustme
from duo_client.client import canon_x_duo_headers, sign

from tests.duo import IKEY, PNG, SKEY, Asked, Fault, Kind, Outcome, signatures
from tests.duo_server import Process, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FILE: Final = Path(__file__).parents[1] / "vectors" / "duo.json"
VECTORS: Final[list[dict[str, Any]]] = json.loads(_FILE.read_text(encoding="utf-8"))["vectors"]
DATE: Final = "Tue, 17 Nov 2020 14:12:00 -0000"
HOST: Final = "api-XXXXXXXX.duosecurity.com"
# Duo's client makes its TLS contexts as one did long ago.
pytestmark = pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
WAITING: Final = 1000
PATIENCE: Final = 60.0


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """Return Duo with Alice, served by a thread."""
    with Running(ca) as made:
        made.simulator.add("alice", codes={"123456"})
        yield made
    # Duo's client leaves a connection open where something went wrong.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _client(running: Running, ca_file: Path, **others: Any) -> Any:  # noqa: ANN401 - untyped
    usual = {"host": "localhost", "port": running.port, "ca_certs": str(ca_file), "timeout": 20}
    return duo_client.Auth(**({"ikey": IKEY, "skey": SKEY} | usual | others))


VERSIONS: Final = [
    pytest.param({"sig_version": 5}, id="v5"),
    pytest.param({"sig_version": 4}, id="v4"),
    pytest.param({"sig_version": 2}, id="v2-sha512"),
    pytest.param({"sig_version": 2, "digestmod": "sha1"}, id="v2-sha1"),
]


# -- the vectors --


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if one["op"] == "sign"], ids=lambda one: one["id"]
)
def test_vector_is_what_both_ends_make(vector: dict[str, Any]) -> None:
    """Duo's client signs so, and the simulator takes it."""
    inputs, expected = vector["inputs"], vector["expected"]
    pairs = [(name, value) for name, value in inputs["parameters"]]
    told = sign(
        IKEY, SKEY, inputs["method"], HOST, inputs["path"], DATE, inputs["version"],
        {name: [value] for name, value in pairs}, body=inputs["body_text"],
        digestmod=inputs["digest"],
    )  # fmt: skip
    signature = base64.b64decode(told.removeprefix("Basic ")).decode().partition(":")[2]
    assert signature == expected["signature_hex"]
    assert told == expected.get("authorization_text", told)

    form = "&".join(f"{name}={_form(value)}" for name, value in pairs)
    is_form = inputs["method"] == "POST" and inputs["version"] == 2
    kind = "application/x-www-form-urlencoded" if is_form else "application/json"
    asked = Asked(
        inputs["method"],
        inputs["path"],
        "" if inputs["method"] == "POST" else form,
        {"host": HOST, "content-type": kind},
        (form if is_form else inputs["body_text"]).encode(),
    )
    assert signature in signatures(asked, DATE, SKEY)


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if one["op"] == "headers"], ids=lambda one: one["id"]
)
def test_headers_are_hashed_as_by_duos_client(vector: dict[str, Any]) -> None:
    """Version 5 signs headers X-Duo-*, too; the simulator looks at them."""
    headers = dict(vector["inputs"]["headers"])
    assert canon_x_duo_headers(headers) == vector["expected"]["sha512_hex"]
    told = sign(
        IKEY, SKEY, "GET", HOST, "/auth/v2/check", DATE, 5, {}, body="", additional_headers=headers
    )
    signature = base64.b64decode(told.removeprefix("Basic ")).decode().partition(":")[2]
    small = {name.lower(): value for name, value in headers.items()}
    asked = Asked("GET", "/auth/v2/check", "", {"host": HOST} | small, b"")
    assert signature in signatures(asked, DATE, SKEY)
    if headers:
        bare = Asked("GET", "/auth/v2/check", "", {"host": HOST}, b"")
        assert signature not in signatures(bare, DATE, SKEY)


def _form(text: str) -> str:
    return text.replace("&", "%26").replace("=", "%3D").replace(" ", "+").replace("/", "%2F")


# -- Duo's client --


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"ikey": "DIYYYYYYYYYYYYYYYYYY"}, "40102"),
        ({"skey": 40 * "x"}, "40103"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_client_with_other_keys_is_refused(
    running: Running, ca_file: Path, keys: dict[str, str], code: str, version: dict[str, Any]
) -> None:
    """An unknown key, and a signature of another secret."""
    with pytest.raises(RuntimeError, match=code[:3]) as raised:
        _client(running, ca_file, **keys, **version).check()
    assert str(raised.value.data["code"]) == code  # type: ignore[attr-defined]


def test_client_of_another_authority_sends_nothing(running: Running, tmp_path: Path) -> None:
    """TLS is real."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(ssl.SSLError):
        _client(running, tmp_path / "other.pem").ping()
    assert running.simulator.paths() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_client_pings_and_checks(running: Running, ca_file: Path, version: dict[str, Any]) -> None:
    """Every version of signatures that the Auth API takes."""
    client = _client(running, ca_file, **version)
    assert abs(client.ping()["time"] - time.time()) < 3
    assert client.check()["time"]


def test_client_gets_a_logo(running: Running, ca_file: Path) -> None:
    """An error if there is none."""
    client = _client(running, ca_file)
    with pytest.raises(RuntimeError, match="Logo not found"):
        client.logo()
    running.simulator.has_logo = True
    assert client.logo() == PNG


@pytest.mark.parametrize("version", VERSIONS)
def test_client_sees_devices(running: Running, ca_file: Path, version: dict[str, Any]) -> None:
    """`preauth` of somebody, of nobody, and of who is locked."""
    client = _client(running, ca_file, **version)
    found = client.preauth(username="alice", ipaddr="192.0.2.1")
    assert (found["result"], found["devices"][0]["number"]) == ("auth", "XXX-XXX-0100")
    found = client.preauth(user_id=running.simulator.users["alice"].id)
    assert found["result"] == "auth"
    assert client.preauth(username="bob")["result"] == "enroll"
    running.simulator.users["alice"].status = "locked_out"
    assert client.preauth(username="alice")["result"] == "deny"


@pytest.mark.parametrize(
    ("does", "result", "status"),
    [
        (Outcome.APPROVE, "allow", "allow"),
        (Outcome.DENY, "deny", "deny"),
        (Outcome.FRAUD, "deny", "fraud"),
        (Outcome.TIMEOUT, "deny", "timeout"),
    ],
)
@pytest.mark.parametrize("factor", ["push", "phone", "auto"])
def test_client_waits_for_a_push(
    running: Running, ca_file: Path, does: Outcome, result: str, status: str, factor: str
) -> None:
    """Synchronous: the answer comes when the person has answered, or the time is over."""
    running.simulator.push_seconds = 0.3
    alice = running.simulator.users["alice"]
    alice.does, alice.after = does, 0.1
    found = _client(running, ca_file).auth(factor, username="alice", device="auto")
    assert (found["result"], found["status"]) == (result, status)


@pytest.mark.parametrize("version", VERSIONS)
def test_client_polls_a_push(running: Running, ca_file: Path, version: dict[str, Any]) -> None:
    """Asynchronous: pushed at once, then silence until the person has answered."""
    alice = running.simulator.users["alice"]
    alice.does, alice.remembers = Outcome.APPROVE, True
    client = _client(running, ca_file, **version)
    begun = client.auth(
        "push", username="alice", device=alice.devices[0].id, async_txn=True,
        type="VPN /login~ü", pushinfo="from=login portal&domain=example.com",
    )  # fmt: skip
    first = client.auth_status(begun["txid"])
    assert (first["waiting"], first["status"]) == (True, "pushed")
    with ThreadPoolExecutor() as pool:
        second = pool.submit(client.auth_status, begun["txid"])
        while not running.service.waiting:
            time.sleep(0.01)
        assert not second.done()
        running.decide("alice", Outcome.APPROVE)
        end = second.result(PATIENCE)
    assert (end["waiting"], end["success"]) == (False, True)
    again = client.preauth(username="alice", trusted_device_token=end["trusted_device_token"])
    assert again["result"] == "allow"
    with pytest.raises(RuntimeError, match="Invalid request parameters"):
        client.auth_status(begun["txid"])
    (ring,) = running.simulator.rings
    assert ring.parameters["type"] == "VPN /login~ü"


def test_client_uses_codes_once(running: Running, ca_file: Path) -> None:
    """Of an app, and of messages, whose next one is announced."""
    client = _client(running, ca_file)
    first = client.auth("passcode", username="alice", passcode="123456")
    assert (first["result"], first["status"]) == ("allow", "allow")
    second = client.auth("passcode", username="alice", passcode="123456")
    assert (second["result"], second["status"]) == ("deny", "deny")
    assert "already been used" in second["status_msg"]
    begun = client.auth("passcode", username="alice", passcode="654321", async_txn=True)
    assert client.auth_status(begun["txid"])["status"] == "deny"
    sent = client.auth("sms", username="alice", device="auto")
    assert (sent["result"], sent["status"]) == ("deny", "sent")
    device = client.preauth(username="alice")["devices"][0]
    code = running.simulator.users["alice"].devices[0].sms[0]
    assert code.startswith(device["sms_nextcode"])
    assert client.auth("passcode", username="alice", passcode=code)["result"] == "allow"
    assert client.auth("passcode", username="alice", passcode=code)["result"] == "deny"


def test_client_verifies_a_push(running: Running, ca_file: Path) -> None:
    """The number comes with `preauth`; without its transaction there is no push."""
    alice = running.simulator.users["alice"]
    alice.does, alice.after, alice.verified = Outcome.APPROVE, 0.1, "preauth"
    client = _client(running, ca_file)
    with pytest.raises(RuntimeError, match="Invalid request parameters"):
        client.auth("push", username="alice", device="auto")
    found = client.preauth(username="alice", client_supports_verified_push="1")
    assert len(found["verification_code"]) == 3
    done = client.auth("push", username="alice", device="auto", txid=found["txid"])
    assert done["result"] == "allow"
    with pytest.raises(RuntimeError):
        client.auth("push", username="alice", device="auto", txid=found["txid"])


def test_client_enrols(running: Running, ca_file: Path) -> None:
    """A person, a code to scan, bypass codes; a name is taken once."""
    client = _client(running, ca_file)
    made = client.enroll(username="bob", valid_secs=600, bypass_codes=2)
    assert made["activation_code"].startswith("duo://")
    assert abs(made["expiration"] - time.time() - 600) < 3
    assert client.enroll_status(made["user_id"], made["activation_code"]) == "waiting"
    assert client.enroll_status(made["user_id"], "duo://other") == "invalid"
    assert client.preauth(username="bob")["result"] == "enroll"
    running.simulator.enrolled("bob")
    assert client.enroll_status(made["user_id"], made["activation_code"]) == "success"
    assert client.preauth(username="bob")["result"] == "auth"
    code = made["bypass_codes"][0]
    assert client.auth("passcode", username="bob", passcode=code)["result"] == "allow"
    with pytest.raises(RuntimeError, match="Invalid request parameters"):
        client.enroll(username="bob")
    assert client.enroll()["username"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda client: client.preauth(), 40001),
        (lambda client: client.preauth(username="alice", user_id="DU1"), 40002),
        (lambda client: client.auth("push", username="alice"), 40001),
        (lambda client: client.auth("push", username="alice", device="DP0"), 40002),
        (lambda client: client.auth("fax", username="alice", device="auto"), 40002),
        (lambda client: client.auth("push", username="nobody", device="auto"), 40002),
        (lambda client: client.auth("passcode", username="alice"), 40001),
        (lambda client: client.auth_status("45f7c92b"), 40002),
        (lambda client: client.json_api_call("GET", "/auth/v2/auth_status", {}), 40001),
        (lambda client: client.json_api_call("GET", "/auth/v2/nothing", {}), 40401),
        (lambda client: client.json_api_call("GET", "/admin/v1/users", {}), 40401),
        (lambda client: client.enroll(username="bob", bypass_codes=11), 40002),
        (lambda client: client.enroll_status("DU1", ""), 40001),
    ],
)
def test_client_is_told_what_is_wrong(
    running: Running,
    ca_file: Path,
    call: Callable[[Any], object],
    code: int,
) -> None:
    """The code of each mistake is Duo's."""
    with pytest.raises(RuntimeError) as raised:
        call(_client(running, ca_file))
    assert raised.value.data["code"] == code  # type: ignore[attr-defined]


def test_client_waits_after_too_many(running: Running, ca_file: Path) -> None:
    """Duo's client knows 429, and comes back."""
    running.simulator.faults.append(Fault(kind=Kind.STATUS, status=429, times=1))
    assert _client(running, ca_file).ping()["time"]
    assert running.simulator.paths() == ["ping", "ping"]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault(kind=Kind.STATUS, status=500), RuntimeError),
        (Fault(kind=Kind.EMPTY), RuntimeError),
        (Fault(kind=Kind.BAD_JSON), RuntimeError),
        (Fault(kind=Kind.NO_RESPONSE), RuntimeError),
        (Fault(kind=Kind.PAGE), RuntimeError),
        (Fault(kind=Kind.RESET), OSError),
    ],
    ids=lambda one: one.kind if isinstance(one, Fault) else one.__name__,
)
def test_client_notices_what_goes_wrong(
    running: Running, ca_file: Path, fault: Fault, raised: type[Exception]
) -> None:
    """Each fault is one for Duo's client, too; afterwards all is well."""
    client = _client(running, ca_file)
    running.simulator.faults.append(Fault(**vars(fault)))
    with pytest.raises(raised):
        client.check()
    assert client.check()["time"]


# -- what Duo's client never does --


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": None}, 40101),
        ({"Authorization": "Basic !!!"}, 40101),
        ({"Authorization": "Basic " + base64.b64encode(f"{IKEY}:abc".encode()).decode()}, 40101),
        ({"Date": None}, 40104),
        ({"Date": "yesterday"}, 40105),
        ({"Date": formatdate(time.time() - 600)}, 40105),
        ({"Content-Type": "text/plain"}, 40106),
        ({"Content-Type": None}, 40106),
    ],
)
def test_request_without_what_it_needs_is_refused(
    running: Running, ca_file: Path, headers: dict[str, str | None], code: int
) -> None:
    """Each header that is missing or wrong has a code of its own."""
    body, date = b'{"username":"alice"}', formatdate(usegmt=True)
    told = sign(
        IKEY, SKEY, "POST", "127.0.0.1", "/auth/v2/preauth", headers.get("Date") or date, 5, {},
        body=body.decode(),
    )  # fmt: skip
    usual = {"Date": date, "Authorization": told, "Content-Type": "application/json"}
    sent = {name: value for name, value in (usual | headers).items() if value is not None}
    context = ssl.create_default_context(cafile=ca_file)
    connection = http.client.HTTPSConnection("127.0.0.1", running.port, context=context, timeout=20)
    connection.request("POST", "https://127.0.0.1/auth/v2/preauth", body, sent)
    reply = connection.getresponse()
    assert reply.status == code // 100
    assert json.load(reply)["code"] == code
    connection.close()


def test_clock_that_is_off_is_refused(running: Running, ca_file: Path) -> None:
    """More than five minutes."""
    running.simulator.skew = 290.0
    assert _client(running, ca_file).check()
    running.simulator.skew = 310.0
    with pytest.raises(RuntimeError, match="Bad request timestamp"):
        _client(running, ca_file).check()
    assert _client(running, ca_file).ping()["time"] - time.time() > 300


# -- many who wait --


def test_a_thousand_wait_at_once(ca: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    """Each on a connection of its own, in a process of its own; all are answered."""
    context = ssl.create_default_context(cafile=ca_file)
    with Process(ca, tmp_path) as process:
        process.tell("everybody", {"does": "timeout", "after": 60})
        waiting = [_begin(context, process.port, f"user{at}") for at in range(WAITING)]
        until = time.monotonic() + PATIENCE
        while process.tell("state")["waiting"] < WAITING:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert process.tell("rings")[-1]["user"] == f"user{WAITING - 1}"
        for at in range(WAITING):
            process.tell(f"answer?user=user{at}&result=approve")
        for one in waiting:
            assert b'"result": "allow"' in _read(one)
            one.close()
        assert process.tell("state")["most_waiting"] == WAITING


def _begin(context: ssl.SSLContext, port: int, user: str) -> ssl.SSLSocket:
    body = json.dumps({"username": user, "factor": "push", "device": "auto", "async": "0"})
    channel = context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), PATIENCE), server_hostname="127.0.0.1"
    )
    date = formatdate(usegmt=True)
    told = sign(IKEY, SKEY, "POST", "127.0.0.1", "/auth/v2/auth", date, 5, {}, body=body)
    head = (
        f"POST /auth/v2/auth HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nDate: {date}\r\n"
        f"Authorization: {told}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    channel.sendall(head.encode() + body.encode())
    return channel


def _read(channel: ssl.SSLSocket) -> bytes:
    select.select([channel], [], [], PATIENCE)
    return channel.recv(65_536)
