"""Tests of `radiusmfa.cli.examine_approvals`, against a simulated instance on loopback."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli import examine_approvals
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.approval_model import ServiceNow
from radiusmfa.secret import Secret
from tests.servicenow import ACCOUNT, CLIENT, CLIENT_SECRET, PASSWORD, Mood, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from radiusmfa.cli.findings import Finding

PATIENT: Final = 20.0
QUICK: Final = 0.5
BY_TOKEN: Final[dict[str, Any]] = {
    "user": "",
    "client_id": CLIENT,
    "password": Secret(CLIENT_SECRET.encode()),
}


@pytest.fixture
def running(ca: trustme.CA) -> Iterator[Running]:
    """An instance with our account, somebody, and a change."""
    with Running(ca) as made:
        made.simulator.person(ACCOUNT)
        made.simulator.change(made.simulator.person("alice"), time.time())
        yield made


def _look(
    running: Running,
    ca_file: Path | None,
    timeout: float = PATIENT,
    **more: Any,  # noqa: ANN401
) -> list[Finding]:
    usual: dict[str, Any] = {
        "url": running.url,
        "user": ACCOUNT,
        "password": Secret(PASSWORD.encode()),
    }
    settings = ServiceNow(ca_file=ca_file, **(usual | more))
    found = examine_approvals.examine("change", settings, timeout)
    for secret in (PASSWORD, CLIENT_SECRET, "token-"):
        assert secret not in str(found)
    return found


def _fault(found: list[Finding]) -> Finding:
    (one,) = [one for one in found if one.level is Level.FAULT]
    assert one.advice
    return one


# -- what is wrong --


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"password": Secret(b"another one")}, id="password"),
        pytest.param({"user": "somebody"}, id="user"),
        pytest.param(BY_TOKEN | {"password": Secret(b"another one")}, id="client"),
    ],
)
def test_account_that_is_refused_asks_once(
    running: Running, ca_file: Path, more: dict[str, Any]
) -> None:
    """A wrong password is sent once, for it counts there."""
    found = _look(running, ca_file, **more)

    assert _fault(found).cause is Cause.ACCOUNT_REFUSED
    assert len(running.simulator.asked) == 1


def test_missing_right_shows_as_an_empty_table(running: Running, ca_file: Path) -> None:
    """Whoever may not read records is told that there are none."""
    running.simulator.hidden = {row["sys_id"] for row in running.simulator.tables["change_request"]}
    found = _look(running, ca_file)

    assert _fault(found).cause is Cause.MISSING_RIGHT
    assert _fault(found).text.startswith("change_request: no record can be read")
    assert found[1].text == "sys_user: our account may read it"


def test_account_that_cannot_read_itself_is_told(running: Running, ca_file: Path) -> None:
    """Who cannot see even itself sees nobody; the other tables are looked at all the same."""
    running.simulator.hidden = {row["sys_id"] for row in running.simulator.tables["sys_user"]}
    found = _look(running, ca_file)

    assert _fault(found).text.startswith("sys_user: the account cannot read itself")
    assert found[-1].text == "change_request: our account may read it"


def test_unknown_field_is_told(running: Running, ca_file: Path) -> None:
    """A relation that the table does not have would never name anybody."""
    found = _look(running, ca_file, relation=("u_nobody",))

    assert "change_request: has no u_nobody" in _fault(found).text


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        pytest.param(302, Cause.NO_TABLE_API, id="elsewhere"),
        pytest.param(400, Cause.NO_TABLE_API, id="unknown table"),
        pytest.param(401, Cause.ACCOUNT_REFUSED, id="refused"),
        pytest.param(403, Cause.MISSING_RIGHT, id="forbidden"),
        pytest.param(404, Cause.NO_TABLE_API, id="not found"),
        pytest.param(429, Cause.WAITING_WANTED, id="too many"),
        pytest.param(503, Cause.NO_TABLE_API, id="fault"),
    ],
)
def test_status_is_named(running: Running, ca_file: Path, status: int, cause: Cause) -> None:
    """What an instance says instead of an answer ends it, with what to do."""
    running.simulator.status = status
    found = _look(running, ca_file)

    assert _fault(found).cause is cause
    assert f"(sys_user: status {status})" in _fault(found).text
    assert len(running.simulator.asked) == 1


@pytest.mark.parametrize(
    "mood", [Mood.HTML, Mood.TRUNCATED, Mood.SHORT, Mood.CUT_OFF, Mood.LARGE, Mood.ELSEWHERE]
)
def test_what_is_no_answer_is_told(running: Running, ca_file: Path, mood: Mood) -> None:
    """A page, half an answer, or too much of it is no Table API."""
    running.simulator.mood = mood
    found = _look(running, ca_file)

    assert _fault(found).cause is Cause.NO_TABLE_API


def test_page_instead_of_a_token_is_told(running: Running, ca_file: Path) -> None:
    """An instance that sleeps answers a page, with status 200."""
    running.simulator.mood = Mood.HTML
    found = _look(running, ca_file, **BY_TOKEN)

    assert _fault(found).cause is Cause.NO_TABLE_API
    assert "(a token)" in _fault(found).text


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.DRIP])
def test_silence_costs_one_timeout(running: Running, ca_file: Path, mood: Mood) -> None:
    """An instance that takes the question and gives no answer is waited for once."""
    running.simulator.mood = mood
    found = _look(running, ca_file, QUICK)

    assert _fault(found).cause is Cause.SILENT
    assert len(running.simulator.asked) == 1


def test_answer_octet_by_octet_has_an_end() -> None:
    """Each octet begins a timeout of the connection anew; ours it does not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener,))
        thread.start()
        settings = ServiceNow(
            url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            user=ACCOUNT,
            password=Secret(PASSWORD.encode()),
        )
        found = examine_approvals.examine("change", settings, QUICK)
        thread.join(PATIENT)

    assert _fault(found).cause is Cause.SILENT


def test_connection_that_ends_without_an_answer_is_told(running: Running, ca_file: Path) -> None:
    """Who hangs up is no server that is slow."""
    running.simulator.hangs_up = 1
    found = _look(running, ca_file)

    assert _fault(found).cause is Cause.NO_TABLE_API
    assert "(sys_user: it breaks off)" in _fault(found).text


def _drip(listener: socket.socket) -> None:
    listener.accept()[0].close()  # that was to see whether somebody is here
    channel, _ = listener.accept()
    with channel:
        try:
            channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            channel.settimeout(QUICK / 10)
            while _is_open(channel):
                channel.sendall(b" ")
        except OSError:
            return


def _is_open(channel: socket.socket) -> bool:
    """Say whether the other end has not hung up, after a moment."""
    try:
        while channel.recv(4096):
            continue
    except TimeoutError:
        return True
    return False


def test_stranger_is_told_nothing(running: Running) -> None:
    """A certificate that the system does not trust ends it: no password is sent."""
    found = _look(running, None)

    assert _fault(found).cause is Cause.UNTRUSTED_CERTIFICATE
    assert running.simulator.asked == []


def test_unusable_authority_is_told(running: Running, tmp_path: Path) -> None:
    """A file that cannot be read keeps nobody else from being tested."""
    found = _look(running, tmp_path / "missing")

    assert _fault(found).cause is Cause.NOT_ASKED


# -- what is right --


@pytest.mark.parametrize("more", [{}, BY_TOKEN])
def test_good_instance_is_told_table_by_table(
    running: Running, ca_file: Path, more: dict[str, Any]
) -> None:
    """Certificate and each table that logins read, with its time."""
    alice = running.simulator.person("bob")
    running.simulator.add("sysapproval_approver", approver=alice["sys_id"], state="approved")
    found = _look(running, ca_file, four_eyes=1, **more)

    assert [one.level for one in found] == [Level.OK] * 4
    assert [one.text.partition(":")[0] for one in found[1:]] == [
        "sys_user",
        "change_request",
        "sysapproval_approver",
    ]
    assert all(one.seconds for one in found)
    assert found[0].subject == f"approval change {running.url.removeprefix('https://')}"


def test_missing_tls_is_said_aloud(ca_file: Path) -> None:
    """For tests there may be no TLS; what that means is said."""
    with Running(None) as running:
        running.simulator.person(ACCOUNT)
        running.simulator.change(running.simulator.person("alice"), time.time())
        found = _look(running, ca_file)

    assert [one.cause for one in found if one.level is Level.NOTE] == [Cause.UNPROTECTED]
    assert all(one.level is not Level.FAULT for one in found)
