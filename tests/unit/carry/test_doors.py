"""Tests of `radiusmfa.carry.doors`."""

from __future__ import annotations

import pytest

from radiusmfa.carry import doors
from radiusmfa.carry.settings import Notes
from tests.unit.carry.desk import LONG, context, taker


@pytest.mark.parametrize(
    "text",
    [
        "", "vpn.example", "192.0.2.300", "192.0.2.1-", "-192.0.2.1", "192.0.2.9-192.0.2.1",
        "192.0.2.1-9", "192.0.2.1-2001:db8::1", "192.0.2.0/33", "::ffff:192.0.2.1", "fe80::1%eth0",
        "192.0.2.1,192.0.2.2",
    ],
)  # fmt: skip
def test_what_is_no_network_is_a_fault(text: str) -> None:
    """Anything but an address, a network or a range is refused."""
    with pytest.raises(ValueError, match="must be an address, a network"):
        doors.networks_of(text)


NETWORKS = [
    ("192.0.2.10", ["192.0.2.10/32"]),
    ("192.0.2.10/24", ["192.0.2.0/24"]),
    ("2001:db8::1", ["2001:db8::1/128"]),
    ("2001:db8::/64", ["2001:db8::/64"]),
    ("192.0.2.1-192.0.2.4", ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"]),
    ("192.0.2.1 - 192.0.2.1", ["192.0.2.1/32"]),
    ("10.0.0.0/255.255.0.0", ["10.0.0.0/16"]),
    ("0.0.0.0/0", ["0.0.0.0/0"]),
]


@pytest.mark.parametrize(("text", "networks"), NETWORKS)
def test_networks_are_those_that_are_meant(text: str, networks: list[str]) -> None:
    """A range is the fewest networks that are just that range."""
    assert [str(one) for one in doors.networks_of(text)] == networks


def test_every_door_has_its_secret() -> None:
    """Address and secret of the same number belong together, in whatever order they stand."""
    text = f"[x]\nradius_secret_2={LONG} 2\nradius_ip_2=192.0.2.2\nradius_ip_1=192.0.2.1\n"
    found = list(doors.read(taker(f"{text}radius_secret_1={LONG}\n"), "auto", context()))
    assert [(one.number, one.secret.name, len(one.secret.octets)) for one in found] == [
        ("1", "auto-1", len(LONG)),
        ("2", "auto-2", len(LONG) + 2),
    ]


def test_door_without_a_secret_or_an_address_is_a_fault() -> None:
    """Every fault is told; a secret without an address is told as what nobody took."""
    notes = Notes()
    text = f"[x]\nradius_ip_1=nowhere\nradius_secret_1={LONG}\nradius_ip_2=192.0.2.2\n"
    list(doors.read(taker(text, notes), "auto", context()))
    assert [fault for _, fault in notes.faults] == [
        f"line 2: [x]: radius_ip_1 {doors.NO_NETWORK}",
        "line 1: [x]: radius_secret_2 is missing",
    ]
    notes = Notes()
    one = taker(f"[x]\nradius_secret_1={LONG}\n", notes)
    assert list(doors.read(one, "auto", context())) == []
    assert [fault for _, fault in notes.faults] == ["line 1: [x]: radius_ip_1 is missing"]
    one.end({})
    assert [remark.setting for remark in notes.remarks] == ["radius_secret_1"]


def test_short_secret_is_told() -> None:
    """A secret that is too short is carried over, and told."""
    notes = Notes()
    text = "[x]\nradius_ip_1=192.0.2.1\nradius_secret_1=testing123\n"
    (found,) = doors.read(taker(text, notes), "auto", context())
    assert len(found.secret.octets) == len("testing123")
    (remark,) = notes.remarks
    assert (remark.setting, remark.line) == ("radius_secret_1", 3)
    assert "weak_secret: yes" in remark.text
