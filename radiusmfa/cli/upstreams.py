"""What several commands say of upstreams: which one is meant, its servers, names there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import common
from radiusmfa.config.model import LOCAL, NONE
from radiusmfa.config.proofs import settings
from radiusmfa.outcome import Reason
from radiusmfa.upstream.line import Line, Words
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from radiusmfa.config.directory_model import DirectoryServer
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.upstream_model import Server, Upstream
    from radiusmfa.wire.codec import Packet


def find(config: Configuration, name: str) -> Upstream:
    """
    Return the upstream called *name*.

    Raises:
        click.UsageError: There is none; the text names the one that may be meant.
    """
    for upstream in config.upstreams:
        if upstream.name == name:
            return upstream
    raise click.UsageError(why_unknown(config, name))


def assignable(config: Configuration) -> set[str]:
    """Return the names of whatever knows people by a name of its own: upstreams and services."""
    return {one.name for one in config.upstreams} | {one.name for one in config.services}


def why_unknown(config: Configuration, name: str) -> str:
    """Say that no upstream is called *name*, and which one may be meant."""
    said = f"{config.path} has no upstream {name!r}"
    for factor in config.factors.upstream:
        if factor.name == name:
            return f"{said}: that is a factor; its upstream is {factor.upstream}."
    return said + common.suggestion(name, sorted(assignable(config)))


def place(server: Server | DirectoryServer) -> str:
    """Return `host:port` as audit and log call a server, brackets around an IPv6 address."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{server.port}"


def name_there(upstream: Upstream, request: Packet, alias: str) -> bytes | None:
    """
    Return the User-Name that *upstream* gets for that of *request*; None: it cannot be written.

    Args:
        upstream: Whose `user_name` and `codec` count.
        request: The client's.
        alias: The user's name there; empty: what came, rewritten.
    """
    words = Words(
        packet=request,
        client="",
        name=request.value(numbers.USER_NAME) or b"",
        alias=alias,
        typed=b"",
        proof=b"",
        talk=None,
        deadline=0.0,
    )
    asked = Line(upstream).inquiry(words)
    if isinstance(asked, Reason):
        return None
    return asked.attributes[2 : asked.attributes[1]]  # User-Name is the first


def primary_of(client: Client) -> str:
    """Return the name of the upstream that checks the password of *client*; empty: none does."""
    return "" if client.primary in (LOCAL, NONE) else client.primary


def askers(config: Configuration, name: str) -> tuple[list[str], list[str]]:
    """Return who asks the upstream *name*: names of clients for a password, of factors."""
    asking = [one.name for _, one in settings(config) if primary_of(one) == name]
    return (
        list(dict.fromkeys(asking)),
        [factor.name for factor in config.factors.upstream if factor.upstream == name],
    )
