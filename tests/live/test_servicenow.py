"""`server.approvals` on a real reactor against ServiceNow's simulator, by HTTPS on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import pytest
import trustme
from twisted.logger import capturedLogs

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.login.errands import Approval, AskApproval
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server.approvals import Approvals
from radiusmfa.server.clock import SystemClock
from tests.fakes import waiting
from tests.servicenow import ACCOUNT, CLIENT, CLIENT_SECRET, HOUR, PASSWORD, Mood, Running, at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.server.received import Received
    from tests.loop import Loop

UNAVAILABLE: Final = Reason.APPROVAL_UNAVAILABLE


@final
class Site:
    """
    An instance with Alice's approved change, and a server that asks it.

    Attributes:
        running: The instance.
        record: The change.
    """

    def __init__(self, loop: Loop, running: Running, ca_file: Path) -> None:
        """Employ Alice; give her a change that is open for an hour each way."""
        self.running = running
        self._loop = loop
        self._ca_file = ca_file
        self._told: list[tuple[Received, Approval]] = []
        self.approvals = Approvals(loop.reactor, SystemClock())
        self.approvals.answered = self._told.extend
        self.simulator = running.simulator
        alice = self.simulator.person("alice")
        self.record = self.simulator.change(alice, SystemClock.wall())
        self.configure()

    def configure(self, **settings: object) -> None:
        """Ask with other settings from now on."""
        usual: dict[str, Any] = {
            "url": self.running.url,
            "user": ACCOUNT,
            "password": Secret(PASSWORD.encode()),
            "ca_file": self._ca_file,
            "timeout": 2,
        }
        service = ServiceNow(**(usual | settings))
        self.approvals.configure([ApprovalSource(name="change", servicenow=service)])

    def ask(self, user: str = "alice", times: int = 1) -> list[Approval]:
        """Return what comes of asking, *times* at once."""
        self._told.clear()
        deadline = SystemClock.monotonic() + 20
        asked = AskApproval(approval="change", user=user, deadline=deadline)
        self.approvals.ask([(waiting(), asked) for _ in range(times)])
        self._loop.until(lambda: len(self._told) == times)
        return [found for _, found in self._told]

    def reason(self, user: str = "alice") -> Reason | None:
        """Return the reason in the answer."""
        (found,) = self.ask(user)
        return found.reason


@pytest.fixture
def site(loop: Loop, ca: trustme.CA, ca_file: Path) -> Iterator[Site]:
    """Return an instance, and who asks it."""
    with Running(ca) as running:
        made = Site(loop, running, ca_file)
        yield made
        made.approvals.close()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"approval": "requested"}, Reason.APPROVAL_PENDING),
        ({"approval": "rejected"}, Reason.APPROVAL_REJECTED),
        ({"approval": "cancelled"}, Reason.APPROVAL_REJECTED),
        ({"end_date": at(SystemClock.wall() - 60)}, Reason.APPROVAL_EXPIRED),
        ({"start_date": "", "end_date": ""}, Reason.NOT_APPROVED),
        ({"on_hold": "true"}, Reason.NOT_APPROVED),
        ({"assigned_to": ""}, Reason.NOT_APPROVED),
    ],
)
def test_servicenow_says_no(site: Site, values: dict[str, str], reason: Reason) -> None:
    """Pending, rejected, expired, without a window, on hold, somebody else's: no, and why."""
    site.record.update(values)
    assert site.reason() is reason


def test_servicenow_says_yes(site: Site) -> None:
    """An approved change in its window lets in until its end, with its number for the audit."""
    (found,) = site.ask()

    assert (found.reason, found.evidence) == (None, "CHG0030001")
    assert found.until is not None
    assert HOUR - 60 < found.until - SystemClock.wall() < HOUR + 1


def test_servicenow_is_asked_with_a_token(site: Site) -> None:
    """An OAuth client gets a token and asks with it."""
    site.configure(user="", client_id=CLIENT, password=Secret(CLIENT_SECRET.encode()))

    assert site.reason() is None
    assert site.simulator.paths()[0] == "oauth_token.do"


@pytest.mark.parametrize("ignores", [True, False])
def test_unknown_field_lets_nobody_in(site: Site, *, ignores: bool) -> None:
    """A condition that ServiceNow drops in silence is looked at again by us."""
    site.simulator.ignores_unknown_fields = ignores
    site.configure(relation=("u_implementer",))
    site.simulator.person("mallory")

    assert site.reason("mallory") is Reason.NOT_APPROVED
    found = site.simulator.find("change_request", "active=true^u_implementer=x")
    assert bool(found) is ignores


def test_name_with_conditions_is_not_asked_about(site: Site) -> None:
    """A user name that would widen the query never leaves."""
    assert site.reason("alice^ORactive=true") is Reason.NOT_APPROVED
    assert site.simulator.asked == []


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_servicenow_that_fails_is_closed(site: Site, status: int) -> None:
    """While the API is down nobody gets in by it; afterwards they do."""
    site.simulator.status = status
    assert site.reason() is UNAVAILABLE

    site.simulator.status = 0
    assert site.reason() is None


@pytest.mark.parametrize(
    "mood", [mood for mood in Mood if mood is not Mood.WELL], ids=lambda mood: mood.name
)
def test_servicenow_that_misbehaves_is_closed(site: Site, mood: Mood) -> None:
    """A page, half an answer, a flood, silence, a drip, a redirection: unavailable, in time."""
    site.simulator.mood = mood

    (found,) = site.ask()

    assert found.reason is UNAVAILABLE
    assert found.seconds < 3
    site.simulator.released.set()
    site.simulator.mood = Mood.WELL
    assert site.reason() is None


def test_servicenow_that_is_gone_is_closed(site: Site) -> None:
    """Nobody listens: unavailable."""
    site.running.__exit__()
    assert site.reason() is UNAVAILABLE


def test_rate_limit_is_respected(site: Site) -> None:
    """After 429 the instance is left alone, and nobody gets in by it meanwhile."""
    site.simulator.status, site.simulator.retry_after = 429, "60"
    assert site.reason() is UNAVAILABLE
    site.simulator.status = 0

    assert site.reason() is UNAVAILABLE
    assert len(site.simulator.asked) == 1


def test_certificate_of_strangers_is_refused(site: Site, tmp_path: Path) -> None:
    """With another authority nothing is sent: no account, no name."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    site.configure(ca_file=tmp_path / "other.pem")

    with capturedLogs() as events:
        assert site.reason() is UNAVAILABLE

    assert site.simulator.asked == []
    (why,) = [event["why"] for event in events if "why" in event]
    assert "certificate is not trusted" in why


def test_answers_are_kept_and_shared(site: Site) -> None:
    """Fifty logins at once, and fifty soon after, are one exchange on one connection."""
    found = [*site.ask(times=50), *site.ask(times=50)]

    assert {one.reason for one in found} == {None}
    assert site.simulator.paths() == ["sys_user", "change_request"]
    assert len(site.simulator.open) == 1
