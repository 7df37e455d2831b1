"""Tests of `radiusmfa.carry.authproxy`."""

from __future__ import annotations

import pytest

from radiusmfa.carry import authproxy
from radiusmfa.carry.site import Kind
from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.secret import Secret
from tests.unit.carry.desk import AD, AUTO, FOLDER, IKEY, LONG, RADIUS, SKEY, about, context, read


def _refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ImportRefusedError) as refused:
        read(text)
    return refused.value.faults


def _second(text: str, *, ip: str = "192.0.2.11", port: int = 1813) -> str:
    text = text.replace("[radius_server_auto]", "[radius_server_auto2]")
    return f"{text.replace('192.0.2.10', ip)}port={port}\n"


def test_file_without_a_section_that_can_be_carried_over_is_refused() -> None:
    """It is said of each section why, and what to do instead."""
    faults = authproxy_faults("hopeless.cfg")
    assert faults[0].startswith("nothing here can be carried over: none of [radius_server_auto],")
    assert [fault.partition(":")[0] for fault in faults[1:]] == ["line 7", "line 16"]
    assert _refused("") == (faults[0],)


def authproxy_faults(name: str) -> tuple[str, ...]:
    """Return why a file of the folder is refused."""
    with pytest.raises(ImportRefusedError) as refused:
        authproxy.read((FOLDER / name).read_bytes(), context())
    return refused.value.faults


def test_every_fault_of_a_file_is_told_at_once_in_its_order() -> None:
    """Whoever mends a file sees all of it, section by section."""
    faults = authproxy_faults("faulty.cfg")
    lines = [int(fault.partition(":")[0].removeprefix("line ")) for fault in faults]
    assert lines == sorted(lines)
    assert {1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 15, 16, 17, 18, 20, 24} == set(lines)
    assert not [fault for fault in faults if SKEY in fault]


@pytest.mark.parametrize(
    ("client", "what"),
    [
        ("ad_client", "there is no such section"),
        ("radius_client7", "there is no such section"),
        ("radius_server_auto", "it checks no passwords"),
    ],
)
def test_primary_has_to_be_there(client: str, what: str) -> None:
    """A section that names nobody who checks passwords is a fault."""
    (fault,) = _refused(AUTO.replace("client=ad_client", f"client={client}"))
    assert fault == f"line 7: [radius_server_auto]: client is {client}: {what}"


def test_two_keys_of_one_account_are_a_fault() -> None:
    """One of them must be wrong, and nobody can tell which."""
    text = AD + AUTO + _second(AUTO.replace(SKEY, SKEY[::-1]))
    (fault,) = _refused(text)
    assert fault.endswith("another section has another skey for the same ikey")
    assert SKEY not in fault


def test_section_becomes_clients() -> None:
    """Each address with its secret is a client of the section's mode, primary and factor."""
    site = read(f"{AD}{AUTO}radius_ip_2=192.0.2.16-192.0.2.19\nradius_secret_2={LONG} two\n")
    first, second = site.clients
    assert (first.name, second.name) == ("auto-1", "auto-2")
    assert (first.mode, first.primary, first.factor) == ("auto", "ad", "duo")
    assert [str(network) for network in second.networks] == ["192.0.2.16/30"]
    assert second.secret.octets == Secret(f"{LONG} two".encode())
    assert site.listen == ("0.0.0.0:1812",)
    assert [one.name for one in site.services] == ["duo"]
    assert site.primaries == ("ad",)
    assert {one.name for one in site.secrets} == {"duo", "ad", "auto-1", "auto-2"}
    assert site.certificates == ()


def test_one_account_is_one_service() -> None:
    """Sections that use Duo alike share a service; those that do not have the same key of it."""
    alike = read(AD + AUTO + _second(AUTO.replace("failmode=secure", "failmode=safe")))
    (service,) = alike.services
    assert [one.section for one in service.fails_open] == ["radius_server_auto2"]
    assert {one.factor for one in alike.clients} == {"duo"}
    menu = _second(AUTO).replace("radius_server_auto2", "radius_server_challenge")
    different = read(AD + AUTO + menu)
    assert [(one.name, one.is_menu) for one in different.services] == [
        ("duo", False),
        ("duo-challenge", True),
    ]
    assert [one.secret_key.name for one in different.services] == ["duo", "duo"]
    other = read(AD + AUTO + _second(AUTO.replace(IKEY, f"DI{'B' * 18}")))
    assert [one.name for one in other.services] == ["duo", "duo2"]
    assert [one.secret_key.name for one in other.services] == ["duo", "duo2"]


@pytest.mark.parametrize("is_first", [True, False])
def test_key_that_one_section_tells_opens_the_protected_one(is_first: bool) -> None:  # noqa: FBT001
    """Where another section has the same key in plain text, nothing is made up."""
    sealed = AUTO.replace(f"skey={SKEY}", "skey_protected=AQAA")
    text = AD + sealed + _second(AUTO) if is_first else AD + AUTO + _second(sealed)
    site = read(text)
    (service,) = site.services
    assert service.secret_key.octets == Secret(SKEY.encode())
    assert not service.secret_key.is_made_up
    assert not about(site, "skey_protected")


def test_key_that_is_protected_everywhere_is_made_up_once() -> None:
    """Two sections of one account go on sharing a service."""
    sealed = AUTO.replace(f"skey={SKEY}", "skey_protected=AQAA")
    site = read(AD + sealed + _second(sealed))
    (service,) = site.services
    assert service.secret_key.is_made_up
    assert len(about(site, "skey_protected")) == 2


def test_primary_that_several_name_is_one() -> None:
    """Two sections with one directory have one, and it is told of once."""
    site = read(AD.replace("auth_type=plain\n", "") + AUTO + _second(AUTO))
    assert site.primaries == ("ad",)
    assert len(about(site, "auth_type")) == 1


def test_radius_primary_is_one_for_each_list_of_attributes() -> None:
    """What a section passes on belongs to the upstream here."""
    text = AUTO.replace("ad_client", "radius_client")
    site = read(f"{RADIUS}nas_ip=192.0.2.5\n{text}{_second(text)}pass_through_all=true\n")
    assert [(one.name, one.take) for one in site.upstreams] == [
        ("radius", ()),
        ("radius-auto2", None),
    ]
    assert [one.primary for one in site.clients] == ["radius", "radius-auto2"]
    assert len(about(site, "nas_ip")) == 1
    site = read(f"{RADIUS}{text}{_second(text)}")
    assert [one.name for one in site.upstreams] == ["radius"]


def test_address_belongs_to_the_first_section_that_names_it() -> None:
    """Who asks is told by the address alone: a second entry for it is told and left out."""
    site = read(AD + AUTO + _second(AUTO, ip="192.0.2.10"))
    assert [one.name for one in site.clients] == ["auto-1"]
    (remark,) = [one for one in site.remarks if one.kind is Kind.MISSING]
    assert remark.section == "radius_server_auto2"
    assert "192.0.2.10/32 belongs to [radius_server_auto], line 12 already" in remark.text
    site = read(AD + AUTO + _second(AUTO, ip="192.0.2.9-192.0.2.11"))
    assert [str(network) for network in site.clients[1].networks] == [
        "192.0.2.9/32",
        "192.0.2.10/31",
    ]


def test_network_within_another_section_is_told() -> None:
    """The smaller network counts, whatever the port: that may not be what was meant."""
    site = read(AD + AUTO + _second(AUTO, ip="192.0.2.0/24"))
    assert len(site.clients) == 2
    (remark,) = [one for one in site.remarks if "lies in" in one.text]
    assert (remark.section, remark.line) == ("radius_server_auto", 12)


def test_several_ports_are_told() -> None:
    """Each port is listened at, and each client may use any."""
    site = read(AD + AUTO + _second(AUTO))
    assert site.listen == ("0.0.0.0:1812", "0.0.0.0:1813")
    assert len(about(site, "port")) == 1
    site = read(f"{AD}{AUTO}interface=::1\n" + _second(f"{AUTO}interface=192.0.2.5\n", port=1812))
    assert site.listen == ("[::1]:1812", "192.0.2.5:1812")
    site = read(AD + AUTO + _second(f"{AUTO}interface=192.0.2.5\n", port=1812))
    assert site.listen == ("0.0.0.0:1812",)


def test_exempt_people_belong_to_the_clients_of_their_section() -> None:
    """Nobody is exempt at another section's clients."""
    text = f"{AUTO}exempt_username_1=backup\nexempt_username_2=Backup\n"
    (exemption,) = read(AD + text + _second(AUTO)).exemptions
    assert (exemption.clients, exemption.users) == (("auto-1",), ("backup",))


def test_sections_without_a_counterpart_are_told() -> None:
    """Known or not, each section that is left out is told, and so is one that nobody names."""
    site = authproxy.read((FOLDER / "several.cfg").read_bytes(), context())
    missing = [one for one in site.remarks if one.kind is Kind.MISSING and not one.setting]
    assert [one.section for one in missing] == [
        "ad_client3", "cloud", "ldap_server_auto", "coffee_server",
    ]  # fmt: skip
    others = "[radius_server_eap]\na=1\n[sso]\nrikey=1\n[http_proxy]\n[duo_only_client]\nx=1\n"
    site = read(f"[main]\nlog_dir=x\nnew=1\nhttp_proxy_host=a\n{AD}{AUTO}{others}")
    said = [(one.section, one.setting) for one in site.remarks if one.kind is Kind.MISSING]
    assert said == [
        ("main", "log_dir"),
        ("main", "new"),
        ("radius_server_eap", ""),
        ("sso", ""),
        ("http_proxy", ""),
        ("duo_only_client", "x"),
    ]


def test_what_holds_for_every_client_is_told_once() -> None:
    """Signatures and patience: at the first client, not at each."""
    site = read(AD + AUTO + _second(AUTO))
    said = [one.text for one in about(site, "radius_ip_1")]
    assert len(said) == 2
    assert any("Message-Authenticator" in text for text in said)
    assert any("60 seconds" in text for text in said)


def test_doubts_of_the_reader_are_told() -> None:
    """A line that could be read otherwise is among the remarks."""
    site = read(f"{AD}{AUTO} port=1812\n")
    (remark,) = [one for one in about(site, "port") if "blank" in one.text]
    assert remark.kind is Kind.DIFFERENT


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cfg")), ids=lambda path: path.stem)
def test_no_secret_is_in_a_remark(path: object) -> None:
    """Whatever is told repeats no secret, nor does anything that prints itself."""
    octets = (FOLDER / str(path)).read_bytes()
    try:
        site = authproxy.read(octets, context())
    except ImportRefusedError:
        return
    secrets = [
        line.partition("=")[2].strip()
        for line in octets.decode().replace(":", "=").splitlines()
        if any(word in line.lower() for word in ("skey", "secret", "password"))
    ]
    assert secrets
    assert not [one for one in secrets if one and one in repr(site)]
