"""Client entries as they are written, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiusmfa.config import clients, dialogues, nodes
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import Factors
from radiusmfa.config.secrets import Sources
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor

if TYPE_CHECKING:
    from radiusmfa.config.model import Client

GOOD: Final = "0123456789abcdef"
UPSTREAMS: Final = (
    Upstream(name="rsa", servers=(), dialogue=dialogues.shipped("securid")),
    Upstream(name="nps", servers=(), dialogue=dialogues.shipped("nps")),
)
DIRECTORIES: Final = (Directory(name="corp", servers=(), base="dc=example"),)
# `hotp` is off, as where a file names the others.
FACTORS: Final = Factors(
    hotp=None,
    upstream=(
        UpstreamFactor(name="securid", upstream="rsa"),
        UpstreamFactor(name="push", upstream="nps", tail=6),
    ),
    names=("totp", "securid", "push", "recovery"),
)
LOCALS: Final = Factors()
VPN: Final = "name: vpn, networks: [192.0.2.1/32], secret: {env: IT}"


def read(
    text: str,
    upstreams: tuple[Upstream, ...] = (),
    factors: Factors = LOCALS,
    directories: tuple[Directory, ...] = (),
    *,
    folder: Path = Path("/"),
) -> tuple[tuple[Client, ...], list[str], list[str]]:
    """Return the clients in *text*, the warnings and the faults."""
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("clients", "defaults"))
    sources = Sources(folder, {"IT": GOOD, "WEAK": "weak"})
    known = clients.Known({one.name: one for one in upstreams}, factors, directories)
    found, warnings = clients.read(top, sources, known)
    return found, warnings, report.lines("f")


def entry(settings: str, defaults: str = "") -> str:
    """Return a file of the one client with *settings*."""
    return f"clients: [{{{VPN}, {settings}}}]\n{defaults}"


def one(settings: str, defaults: str = "", *, folder: Path = Path("/")) -> Client:
    """Return the client with *settings*, which has no fault."""
    text = entry(settings, defaults)
    found, _, faulty = read(text, UPSTREAMS, FACTORS, DIRECTORIES, folder=folder)
    assert not faulty
    return found[0]


def faults(settings: str, defaults: str = "", *, folder: Path = Path("/")) -> list[str]:
    """Return the faults of the client with *settings*."""
    return read(entry(settings, defaults), UPSTREAMS, FACTORS, DIRECTORIES, folder=folder)[2]


def warnings(settings: str, defaults: str = "") -> list[str]:
    """Return the warnings about the client with *settings*, which has no fault."""
    _, said, faulty = read(entry(settings, defaults), UPSTREAMS, FACTORS, DIRECTORIES)
    assert not faulty
    return said
