"""Logins at a steady pace from a client that retransmits, as a busy morning has them."""

from __future__ import annotations

import selectors
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self, TypeAlias, final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from tests.live.nas import Nas
    from tests.live.world import World

    Waiting: TypeAlias = dict[tuple[int, int], tuple[Nas, bytes, float, float]]

_INTERVAL: Final = 1.0
"""Seconds until a request is sent again."""
_SOCKETS: Final = 8


@final
class Load:
    """
    Logins that begin one after the other, in a thread; used as a context.

    Attributes:
        began: How many have begun; read while it runs.
    """

    def __init__(
        self, world: World, source: str, users: list[str], typed: str, *, pace: float, budget: float
    ) -> None:
        """
        Prepare.

        Args:
            world: Whom to ask.
            source: The client.
            users: One login each, in this order.
            typed: User-Password.
            pace: Logins a second.
            budget: Seconds that each of them waits.
        """
        self.began = 0
        self._stack = ExitStack()
        self._users = users
        self._typed = typed
        self._pace = pace
        self._budget = budget
        self._sockets = [self._stack.enter_context(world.nas(source)) for _ in range(_SOCKETS)]
        self._pool = self._stack.enter_context(ThreadPoolExecutor(1))
        self._ended: Future[Counter[int]] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._ended = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the end, and close the sockets."""
        self._stack.close()

    def until(self, began: int) -> None:
        """Wait until so many logins have begun."""
        while self.began < began:
            assert self._ended is not None
            assert not self._ended.done()
            time.sleep(0.005)

    def codes(self) -> Counter[int]:
        """Return how many logins ended with which packet code, 0: with none in time."""
        assert self._ended is not None
        return self._ended.result()

    def _run(self) -> Counter[int]:
        codes: Counter[int] = Counter()
        waiting: Waiting = {}
        started = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for nas in self._sockets:
                selector.register(nas, selectors.EVENT_READ, nas)
            while self.began < len(self._users) or waiting:
                now = time.monotonic()
                while self.began < min(len(self._users), self._pace * (now - started)):
                    self._begin(waiting, now)
                for key, _ in selector.select(0.01):
                    codes.update(self._take(waiting, key.data))
                codes.update(self._tend(waiting, time.monotonic()))
        return codes

    def _begin(self, waiting: Waiting, now: float) -> None:
        nas = self._sockets[self.began % _SOCKETS]
        request = nas.request(self._users[self.began], self._typed)
        self.began += 1
        nas.send(request)
        waiting[nas.fileno(), request[1]] = (nas, request, now + _INTERVAL, now + self._budget)

    @staticmethod
    def _take(waiting: Waiting, nas: Nas) -> Iterator[int]:
        octets = nas.receive(0.01)
        known = None if octets is None else waiting.pop((nas.fileno(), octets[1]), None)
        if octets is not None and known is not None:
            yield nas.check(known[1], octets).code

    @staticmethod
    def _tend(waiting: Waiting, now: float) -> Iterator[int]:
        for key, (nas, request, due, end) in list(waiting.items()):
            if now >= end:
                del waiting[key]
                yield 0
            elif now >= due:
                nas.send(request)
                waiting[key] = (nas, request, now + _INTERVAL, end)
