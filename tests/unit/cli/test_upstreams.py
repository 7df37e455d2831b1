"""Tests of `radiusmfa.cli.upstreams`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from radiusmfa.cli import upstreams
from radiusmfa.cli.exchange import login_request
from radiusmfa.config.model import Client, Configuration, Factors
from radiusmfa.config.policy_model import Policy
from radiusmfa.config.upstream_model import Codec, Server, Upstream, UpstreamFactor, UserName
from radiusmfa.secret import Secret
from radiusmfa.wire import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECRET: Final = Secret(b"a shared secret of 30 octets..")


def _config(
    *names: str, factors: Sequence[UpstreamFactor] = (), primary: str = "local"
) -> Configuration:
    return Configuration(
        path=Path("it.yaml"),
        listen=(),
        store_path=Path("it.db"),
        keys_path=Path("keys"),
        clients=(Client(name="vpn", networks=(), secret=_SECRET, primary=primary),),
        upstreams=tuple(Upstream(name=name, servers=()) for name in names),
        factors=Factors(upstream=tuple(factors)),
    )


@pytest.mark.parametrize(
    ("names", "asked", "why"),
    [
        pytest.param((), "rsa", "it.yaml has no upstream 'rsa', nor any other.", id="none"),
        pytest.param(("rsa", "vip"), "rsb", "; did you mean rsa?", id="close"),
        pytest.param(("rsa", "vip"), "azure", "; it has: rsa, vip.", id="far"),
        pytest.param(("rsa",), "RSA", "no upstream 'RSA'", id="case-counts"),
        pytest.param(
            ("rsa",), "securid", "'securid': that is a factor; its upstream is rsa.", id="factor"
        ),
    ],
)
def test_unknown_upstream_is_refused(names: tuple[str, ...], asked: str, why: str) -> None:
    """What no upstream is called is refused, with what may be meant."""
    config = _config(*names, factors=[UpstreamFactor(name="securid", upstream="rsa")])
    with pytest.raises(click.UsageError) as caught:
        upstreams.find(config, asked)
    assert why in str(caught.value)


def test_upstream_is_found() -> None:
    """The upstream of that name."""
    assert upstreams.find(_config("rsa", "vip"), "vip").name == "vip"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("192.0.2.1", "192.0.2.1:1812", id="ipv4"),
        pytest.param("2001:db8::1", "[2001:db8::1]:1812", id="ipv6"),
        pytest.param("rsa.example", "rsa.example:1812", id="name"),
    ],
)
def test_server_is_called_as_in_the_audit(host: str, shown: str) -> None:
    """An IPv6 address has brackets around it."""
    assert upstreams.place(Server(host=host, secret=_SECRET)) == shown


def test_askers_are_named() -> None:
    """Who asks an upstream: clients for the password, factors for a code; or nobody."""
    factor = UpstreamFactor(name="securid", upstream="rsa")
    config = _config("rsa", "nps", factors=[factor], primary="nps")
    assert upstreams.askers(config, "rsa") == ([], ["securid"])
    assert upstreams.askers(config, "nps") == (["vpn"], [])
    assert upstreams.askers(config, "vip") == ([], [])
    # Where policies decide, the client's own setting may not count.
    ruled = dataclasses.replace(config, policies=(Policy(name="it", primary="rsa"),))
    assert upstreams.askers(ruled, "rsa") == (["vpn"], ["securid"])
    assert upstreams.askers(ruled, "nps") == ([], [])


@pytest.mark.parametrize("primary", ["local", "none"])
def test_own_password_check_is_no_upstream(primary: str) -> None:
    """Where we check the password, or nobody does, no upstream is asked for it."""
    assert upstreams.primary_of(_config(primary=primary).clients[0]) == ""


@pytest.mark.parametrize(
    ("typed", "alias", "there"),
    [
        pytest.param("alice@corp.example", "", b"alice", id="rewritten"),
        pytest.param("alice@corp.example", "A@B", b"A@B", id="alias-as-it-is"),
        pytest.param("j\u00f6rg", "", b"j\xf6rg", id="its-codec"),
        pytest.param("\u05d3\u05d5\u05d3", "", None, id="not-in-its-codec"),
    ],
)
def test_name_there_is_what_the_upstream_gets(typed: str, alias: str, there: bytes | None) -> None:
    """The name that is asked about is made by the code that serves logins."""
    upstream = Upstream(
        name="rsa", servers=(), user_name=UserName(strip=("realm",)), codec=Codec.CP1252
    )
    request = login_request(codec.SigningKey(_SECRET), typed.encode(), _SECRET)
    assert upstreams.name_there(upstream, codec.decode(request), alias) == there
