"""
A network namespace of a test's own: another host, one hop away, with addresses of its own.

It lives as long as the process that holds it, and that ends with the tests, however they
end: interfaces, addresses and routes go with it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from tests.live.clients import need

if TYPE_CHECKING:
    from ipaddress import IPv4Address

# For documentation (RFC 5737): where nobody should live. Whoever does keeps their part.
_RANGE: Final = IPv4Network("198.51.100.0/24")
_PREFIX: Final = 29
_PATIENCE: Final = 10.0
_HOLD: Final = "echo held; exec cat"
_INSIDE: Final = "inside"


@final
class Namespace:
    """
    A namespace and the pair of interfaces that joins it to ours.

    Attributes:
        here: Our own address on the way there.
        addresses: Two of the host inside.
        silent: Another one: what is sent there arrives, and is dropped without a word.
    """

    def __init__(self) -> None:
        """Make the namespace and its network; skip, loudly, where that cannot be."""
        need("ip", "nsenter", "unshare")
        if os.geteuid() != 0:
            pytest.skip("NOT TESTED: a network namespace needs root")
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", _HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._join()
        except BaseException:
            self.remove()
            raise

    def command(self, *words: str) -> list[str]:
        """Return the command line that runs *words* inside."""
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *words]

    def remove(self) -> None:
        """Let go of the namespace: what still runs inside must have been ended before."""
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.stdout.close()
        try:
            self._holder.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
            raise

    def _join(self) -> None:
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            pytest.skip("NOT TESTED: this system gives root no network namespace")
        network = self._take_network()
        ours, one, two, silent = list(network.hosts())[:4]
        self.here = str(ours)
        self.addresses = (str(one), str(two))
        self.silent = str(silent)
        _ip("addr", "add", f"{ours}/{_PREFIX}", "dev", self._device)
        _ip("link", "set", self._device, "up")
        self._ip_inside("link", "set", "lo", "up")
        for address in self.addresses:
            self._ip_inside("addr", "add", f"{address}/{_PREFIX}", "dev", _INSIDE)
        self._ip_inside("link", "set", _INSIDE, "up")
        self._reach(silent)

    def _take_network(self) -> IPv4Network:
        # The interface's name is the claim: of two runs at once only one can make it.
        used = _used_networks()
        free = [
            (at, network)
            for at, network in enumerate(_RANGE.subnets(new_prefix=_PREFIX))
            if not any(network.overlaps(one) for one in used)
        ]
        random.shuffle(free)
        holder = str(self._holder.pid)
        for at, network in free:
            self._device = f"rmfa-test-{at}"
            peer = ["peer", "name", _INSIDE, "netns", holder]
            made = subprocess.run(
                ["ip", "link", "add", self._device, "type", "veth", *peer],
                capture_output=True,
                check=False,
            )
            if made.returncode == 0:
                return network
        pytest.skip(f"NOT TESTED: no network of {_RANGE} is free, or the system has no veth")

    def _reach(self, address: IPv4Address) -> None:
        # Nobody inside has the address, so nobody would answer ARP, and the kernel would
        # say "no route to host" instead of waiting.
        (link,) = json.loads(self._ip_inside("-j", "link", "show", _INSIDE))
        to = ["lladdr", link["address"], "dev", self._device]
        _ip("neigh", "replace", str(address), *to, "nud", "permanent")

    def _ip_inside(self, *words: str) -> str:
        done = subprocess.run(
            self.command("ip", *words), capture_output=True, text=True, check=True
        )
        return done.stdout


def _used_networks() -> list[IPv4Network]:
    routes: list[dict[str, Any]] = json.loads(_ip("-j", "-4", "route", "show", "table", "all"))
    return [IPv4Network(one["dst"]) for one in routes if one["dst"] != "default"]


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=True)
    return done.stdout
