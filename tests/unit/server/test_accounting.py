"""Reports are written before they are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from radiusmfa.clients import Peer
from radiusmfa.config.model import Client, Factors
from radiusmfa.login.plan import Plan
from radiusmfa.ops.audit import Lines
from radiusmfa.secret import Secret
from radiusmfa.server import accounting
from radiusmfa.server.parts import Site
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec, numbers
from tests.fakes import FakePort

if TYPE_CHECKING:
    from radiusmfa.stores.logins import Logins

SECRET = Secret(b"a shared secret of 30 octets..")
KEY = codec.SigningKey(SECRET)
START = codec.attribute(numbers.ACCT_STATUS_TYPE, (1).to_bytes(4))


class Audit:
    """Takes audit lines."""

    def __init__(self) -> None:
        """Have none yet."""
        self.lines: list[str] = []

    def audit(self, line: str) -> None:
        """Take *line*."""
        self.lines.append(line)


def recorded(attributes: bytes) -> tuple[bytes | None, list[str]]:
    """Return what comes of a report, and what was written."""
    client = Client(name="vpn", networks=(), secret=SECRET)
    site = Site(Rule(client, Plan(client, Factors(), b""), Replies(client, Factors(), bytes)))
    octets = codec.request(numbers.ACCOUNTING_REQUEST, 7, bytes(16), attributes, KEY, signed=False)
    packet = codec.decode(octets, codec.ACCOUNTING_PORT)
    received = Received(FakePort(), ("192.0.2.1", 40000), packet, Peer("a", client, KEY), site, 0.0)
    audit = Audit()
    reply = accounting.record(received, Lines(), cast("Logins", audit), 5.0)
    return reply, audit.lines


def test_report_without_a_status_is_not_acknowledged() -> None:
    """What is not recorded is not acknowledged (RFC 2866 section 4.2)."""
    assert recorded(b"") == (None, [])


def test_report_is_written_and_acknowledged() -> None:
    """One line, and a reply to this very request."""
    reply, lines = recorded(START)

    assert reply is not None
    assert (reply[0], reply[1]) == (numbers.ACCOUNTING_RESPONSE, 7)
    assert len(lines) == 1
    assert '"vpn"' in lines[0]


def test_report_full_of_proxy_state_is_written_all_the_same() -> None:
    """Where there is no room for an acknowledgement it is empty."""
    reply, lines = recorded(START + codec.attribute(numbers.PROXY_STATE, bytes(253)) * 15)

    assert reply is not None
    assert len(lines) == 1
