"""Names to addresses, by the system's own resolver, in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.server.look_up import look_up

if TYPE_CHECKING:
    from collections.abc import Sequence


class Threads:
    """Does in the same thread what a reactor would do in another; keeps what is handed back."""

    def __init__(self) -> None:
        """Have done nothing."""
        self.handed: list[Sequence[str]] = []

    def callInThread(self, call: object, /, *args: object) -> None:  # noqa: N802 - Twisted's name
        """Do *call* now."""
        call(*args)  # type: ignore[operator]

    def callFromThread(self, call: object, /, *args: object) -> None:  # noqa: N802 - Twisted's name
        """Do *call* now."""
        call(*args)  # type: ignore[operator]


def test_name_that_exists_has_an_address() -> None:
    """The loopback name of every machine is found."""
    threads = Threads()
    look_up(threads, "localhost", threads.handed.append)

    assert set(threads.handed[0]) <= {"127.0.0.1", "::1"}
    assert threads.handed[0]


def test_name_that_does_not_exist_has_none() -> None:
    """RFC 6761: `.invalid` names nobody."""
    threads = Threads()
    look_up(threads, "radius.invalid", threads.handed.append)

    assert threads.handed == [()]


def test_name_that_cannot_be_written_has_none() -> None:
    """A label of more than 63 letters is no name."""
    threads = Threads()
    look_up(threads, "x" * 64 + ".example", threads.handed.append)

    assert threads.handed == [()]
