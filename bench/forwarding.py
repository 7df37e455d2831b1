"""
Forwarding: our server as a proxy, FreeRADIUS as a proxy, and one home server for both.

Only the proxy is measured. Message-Authenticator both ways, PAP.
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from bench import freeradius, home, load, ours, pairs, people, processes
from bench.load import Login
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench import table
    from bench.wish import Wish

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_HOME_SECRET: Final = "another-secret-of-the-home-server"
_SOURCES: Final = {
    "proxy": ours.FORWARDING["proxy"],
    "proxy-challenge": ours.FORWARDING["proxy"],
    "proxy-step-up": ours.FORWARDING["proxy-step-up"],
}


def rows(wish: Wish, modes: list[str], folder: Path) -> Iterator[table.Row]:
    """Measure each of *modes*; files go below *folder*."""
    folder.mkdir()
    with ExitStack() as stack:
        asked = home.start(folder / "home", secret=_HOME_SECRET)
        stack.callback(asked.stop)
        port = processes.free_port()
        config = ours.prepare_proxy(folder / "ours", asked, secret=_SECRET, port=port)
        # A proxy need not know anybody; `step-up` knows its people, who have no token here.
        ours.add(config, people.make(wish.logins, b"not asked for"), has_tokens=False)
        mine = ours.start(config, port=port, secret=_SECRET)
        stack.callback(mine.stop)
        theirs = None
        if freeradius.find() is not None:
            theirs = freeradius.start_proxy(
                folder / "freeradius", asked, secret=_SECRET, threads=wish.threads
            )
            stack.callback(theirs.stop)
        for mode in modes:
            yield _row(wish, mode, mine, theirs)


def _row(
    wish: Wish, mode: str, mine: processes.Server, theirs: processes.Server | None
) -> table.Row:
    own = pairs.Side(mine, _runner(wish, mode, mine, _SOURCES[mode]))
    other = None
    if theirs is not None:
        other = pairs.Side(theirs, _runner(wish, mode, theirs, pairs.LOOPBACK))
    return pairs.compare(mode, own, other, wish)


def _runner(
    wish: Wish, mode: str, server: processes.Server, source: str
) -> Callable[[int], table.Measure]:
    # What a proxy does not ask about would be fast: a wrong password must be a Reject.
    wrong = load.prepare([Login(b"nobody", b"wrong")], _SECRET)
    load.drive(
        wrong, server.port, source=source, outstanding=1, spin=False,
        expected=numbers.ACCESS_REJECT,
    )  # fmt: skip
    passcodes = itertools.count()

    def run(logins: int) -> table.Measure:
        # A passcode of its own for each, or it would be the same login, asked for again.
        some = [_login(mode, number, next(passcodes)) for number in range(logins)]
        flow = load.prepare(some, _SECRET)
        return pairs.measure(server, flow, source, wish)

    return run


def _login(mode: str, number: int, passcode: int) -> Login:
    typed = home.PIN + b"%08d" % passcode
    if mode == "proxy-challenge":
        return Login(home.ASKED + b"%06d" % number, typed, typed)
    return Login((b"guest%06d" if mode == "proxy" else b"bench%06d") % number, typed)
