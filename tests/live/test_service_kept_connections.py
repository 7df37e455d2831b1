"""
A service that closes its connections after each answer, without saying so before.

The push must not ring twice, nor may the login fail for want of a push that was never sent.
"""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY, Answer, Asked, Hold, Outcome, Simulator
from tests.live.clients import FAST
from tests.live.hostile_service import HostileService
from tests.live.upstreams import ends, import_users
from tests.live.world import PASSWORD, World

if TYPE_CHECKING:
    from pathlib import Path

    import trustme


@pytest.mark.parametrize("delay", [0.0, 0.005])
def test_push_goes_out_though_the_connection_closes(
    ca: trustme.CA, ca_file: Path, tmp_path: Path, delay: float
) -> None:
    """`preauth` is answered and the connection closed; the push takes another one."""
    simulator = Simulator()
    user = simulator.add("alice", does=Outcome.APPROVE, after=0.2)

    def act(service: HostileService, channel: ssl.SSLSocket) -> bool:
        one = service.asked[-1]
        method, target, _ = one.first.split(" ")
        path, _, query = target.partition("?")
        found = simulator.answer(Asked(method, path, query, one.headers, one.body), time.time())
        while isinstance(found, Hold):
            time.sleep(max(0.0, found.at - time.time()) + 0.01)
            found = simulator.resume(found, time.time())
        assert isinstance(found, Answer)
        channel.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(found.body), found.body)
        )
        time.sleep(delay)
        channel.unwrap()
        return False

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with ExitStack() as stack:
        service = stack.enter_context(HostileService(act, context))
        world = World(tmp_path)
        (world.folder / "skey").write_text(SKEY)
        (world.folder / "skey").chmod(0o600)
        settings = {"host": service.host, "integration_key": IKEY, "secret_key": {"file": "skey"}}
        world.configure(
            [{"name": "vpn", "networks": ["127.0.0.1"], "factors": ["duo"], "time_budget": 20}],
            passwords=FAST,
            factors={"duo": {"service": "duo"}},
            services={"duo": {"duo": settings, "ca_file": str(ca_file)}},
        )
        import_users(world, [user.name], PASSWORD)
        world.start()
        stack.callback(world.stop)
        with world.nas() as nas:
            reply = nas.ask(nas.request(user.name, PASSWORD), 20.0)
        assert (reply.code, ends(world, user.name)) == (
            numbers.ACCESS_ACCEPT,
            [("accept", "passed")],
        )
        assert len(simulator.rings) == 1
