"""Tests of `radiusmfa.config.networks`."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from radiusmfa.config import networks, nodes
from radiusmfa.config.fields import Fields, Found

CORPORATE = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def _read(text: str) -> tuple[dict[str, object], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("networks", "x"))
    return dict(networks.read(top)), report.lines("f")


def _named(text: str) -> tuple[tuple[object, ...], list[str]]:
    report = nodes.Report()
    node = nodes.parse(f"x: {text}".encode(), report).entries["x"][1]
    found = networks.named(Found(node, "x"), report, {"corporate": CORPORATE})
    return found, report.lines("f")


def test_networks_have_names() -> None:
    """One network or a list of them, of both families, under a name."""
    text = 'networks: {corporate: [10.0.0.0/8, "2001:db8::/32"], desk: 192.0.2.1}'
    expected = {"corporate": CORPORATE, "desk": (ip_network("192.0.2.1/32"),)}
    assert _read(text) == (expected, [])
    assert _read("x: 1") == ({}, [])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[10.0.0.0/8]", "f:1:11: networks: must name networks, as {corporate: [10.0.0.0/8]}"),
        ("{a: []}", "f:1:15: networks.a: must name at least one"),
        ("{a: [10.0.0.1/8]}", "networks.a[0]: has bits beyond its prefix: say 10.0.0.0/8"),
        ("{a: office}", "networks.a: must be an address or a network"),
        ("{a: [[]]}", "networks.a[0]: must be one value"),
        ("{10net: [10.0.0.0/8]}", "networks.10net: must be a name that begins with a letter"),
    ],
)
def test_what_is_no_network_is_refused(text: str, what: str) -> None:
    """Each mistake is a fault with its place."""
    (fault,) = _read(f"networks: {text}")[1]
    assert what in fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("corporate", CORPORATE),
        ("192.0.2.0/24", (ip_network("192.0.2.0/24"),)),
        ('"fd00::/8"', (ip_network("fd00::/8"),)),
    ],
)
def test_a_network_is_named_or_written(text: str, expected: tuple[object, ...]) -> None:
    """A policy names networks of the file, or says one itself."""
    assert _named(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("corporat", "corporat is no name in `networks`, and no network; did you mean corporate?"),
        ("10.0.0.1/8", "has bits beyond its prefix"),
        ("[]", "must be one value"),
    ],
)
def test_unknown_places_are_refused(text: str, what: str) -> None:
    """A name that nobody has given is a fault that names the one that may be meant."""
    found, (fault,) = _named(text)
    assert found == ()
    assert what in fault
