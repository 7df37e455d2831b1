"""Tests of `radiusmfa.carry.primaries`."""

from __future__ import annotations

import pytest

from radiusmfa.carry import primaries
from radiusmfa.carry.settings import Notes
from radiusmfa.carry.site import Directory, Kind, Upstream
from radiusmfa.config import ldap_forms
from radiusmfa.secret import Secret
from tests.unit.carry.desk import AD, RADIUS, context, no_certificates, taker


def _directory(text: str, notes: Notes | None = None) -> Directory:
    found = primaries.directory(taker(text, notes), context())
    assert found is not None
    return found


def _upstream(text: str, notes: Notes | None = None) -> Upstream:
    found = primaries.upstream(taker(text, notes), context(), "radius", None)
    assert found is not None
    return found


def _faults(text: str) -> list[str]:
    notes = Notes()
    primaries.directory(taker(text, notes), context())
    return [fault for _, fault in notes.faults]


FAULTS = [
    pytest.param("host=dc 1", "host must be", id="host"),
    pytest.param("host_2=dc_2", "host_2 must be", id="second host"),
    pytest.param("search_dn=corp.example", "search_dn must be a distinguished", id="base"),
    pytest.param("security_group_dn=VPN", "security_group_dn must be a", id="group"),
    pytest.param("ldap_filter=(uid=", "ldap_filter must be a filter", id="filter"),
    pytest.param("ldap_filter=(a=b))(|(c=d)", "ldap_filter must be a filter", id="breaks out"),
    pytest.param("username_attribute=user name", "username_attribute must be", id="attribute"),
    pytest.param("transport=dove", "transport must be clear or starttls or ldaps", id="transport"),
    pytest.param("auth_type=kerberos", "auth_type must be ntlm2 or", id="auth type"),
    pytest.param("port=0", "port must be a port", id="port"),
    pytest.param("service_account_password=", "service_account_password is missing", id="password"),
    pytest.param("service_account_username=", "service_account_username is missing", id="account"),
    pytest.param("ssl_verify_hostname=maybe", "ssl_verify_hostname must be true or", id="flag"),
    pytest.param("timeout=soon", "timeout must be a whole number", id="timeout"),
]


@pytest.mark.parametrize(("line", "what"), FAULTS)
def test_faulty_directory_is_refused(line: str, what: str) -> None:
    """What would let in others than before, or nobody, is a fault."""
    name = line.partition("=")[0]
    text = "".join(f"{one}\n" for one in AD.splitlines() if not one.startswith(f"{name}="))
    (fault,) = _faults(f"{text}{line}\n")
    assert what in fault


def test_empty_section_names_all_that_is_missing() -> None:
    """Every setting that must be there is told at once."""
    said = _faults("[ad_client]\n")
    assert sorted(fault.removeprefix("line 1: [ad_client]: ") for fault in said) == [
        "host is missing",
        "search_dn is missing",
        "service_account_password is missing",
        "service_account_username is missing",
    ]


def test_directory_is_carried_over() -> None:
    """Servers, base, account and names are those of the section."""
    found = _directory(
        AD.replace("[ad_client]", "[ad_client2]")
        + "host_2=dc2.corp.example\nport=3269\ntimeout=7\n"
    )
    assert found.name == "ad2"
    assert found.servers == ("ldaps://dc1.corp.example:3269", "ldaps://dc2.corp.example:3269")
    assert (found.base, found.timeout) == ("DC=corp,DC=example", 7)
    assert (found.bind_name, found.nobody) == ("reader@corp.example", "")
    assert found.bind_password.octets == Secret(b"of the reader")
    assert found.user_attributes == ("sAMAccountName", "userPrincipalName")
    assert found.name_attribute == "sAMAccountName"
    assert found.certificates is None


@pytest.mark.parametrize(
    ("lines", "bound"),
    [
        ("service_account_username=CORP\\reader", "CORP\\reader"),
        ("service_account_username=reader@else.example", "reader@else.example"),
        (
            "service_account_username=reader\nbind_dn=CN=R,DC=corp,DC=example",
            "CN=R,DC=corp,DC=example",
        ),
        ("bind_dn=CN=R,DC=corp,DC=example", "CN=R,DC=corp,DC=example"),
    ],
)
def test_account_is_called_as_a_simple_bind_wants_it(lines: str, bound: str) -> None:
    """A name with its domain stays, a distinguished name goes before."""
    text = AD.replace("service_account_username=reader", lines)
    assert _directory(text).bind_name == bound


def test_account_without_a_known_domain_stays_as_it_is() -> None:
    """A base without DC tells no domain."""
    text = AD.replace("DC=corp,DC=example", "O=Example")
    assert _directory(text).bind_name == "reader"


def test_no_password_is_tried_that_is_not_known() -> None:
    """A protected password must not lock its account: nobody is bound until it is there."""
    notes = Notes()
    text = AD.replace(
        "service_account_password=of the reader", "service_account_password_protected=A"
    )
    found = _directory(text, notes)
    assert found.bind_name == "reader@corp.example"
    assert found.nobody == "radiusmfa-has-no-password-yet@corp.example"
    assert found.bind_password.is_made_up
    (remark,) = [one for one in notes.remarks if one.kind is Kind.TO_DO]
    assert "bind_dn of primaries.ad.ldap" in remark.instead


def test_account_of_the_machine_has_to_be_replaced() -> None:
    """With SSPI there is no account that could be carried over."""
    notes = Notes()
    text = "[ad_client]\nhost=dc1\nsearch_dn=DC=corp,DC=example\nauth_type=sspi\ntransport=ldaps\n"
    found = _directory(text, notes)
    assert (found.bind_name, found.bind_password.is_made_up) == ("", True)
    assert [one.setting for one in notes.remarks if one.kind is Kind.TO_DO] == ["auth_type"]
    assert not notes.faults


FILTERS = [
    ("", ""),
    ("security_group_dn=CN=VPN,DC=corp,DC=example", "(memberOf=CN=VPN,DC=corp,DC=example)"),
    (
        "security_group_dn=CN=A \\, B (*),DC=corp,DC=example",
        "(memberOf=CN=A \\5c, B \\28\\2a\\29,DC=corp,DC=example)",
    ),
    ("ldap_filter=(a=b)", "(a=b)"),
    ("ldap_filter=a=b", "(a=b)"),
    ("ldap_filter=|(a={user})(c=d)", "(|(a=\\7buser\\7d)(c=d))"),
    (
        "ldap_filter=(a=b)\nsecurity_group_dn=CN=VPN,DC=corp,DC=example",
        "(memberOf=CN=VPN,DC=corp,DC=example)(a=b)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "parts"), FILTERS)
def test_only_who_might_log_in_before_is_found(lines: str, parts: str) -> None:
    """Group and filter are both in the search: whom they leave out is not found."""
    found = _directory(f"{AD}{lines}\n").user_filter
    assert found == f"(&(objectCategory=person)(objectClass=user){parts})"
    assert ldap_forms.is_filter(found)
    assert not ldap_forms.placeholders(found)


def test_names_that_are_typed_are_searched_for() -> None:
    """The attributes are those of the section, and one that stands there twice is one."""
    text = f"{AD}username_attribute=mail\nat_attribute=Mail\n"
    assert _directory(text).user_attributes == ("mail",)
    found = _directory(f"{AD}username_attribute=uid\nat_attribute=mail\n")
    assert (found.user_attributes, found.name_attribute) == (("uid", "mail"), "uid")


SAID = [
    ("auth_type=ntlm2", "auth_type"),
    ("transport=clear", "transport"),
    ("ssl_verify_hostname=false", "ssl_verify_hostname"),
    ("host=192.0.2.1", "host"),
    ("host=2001:db8::1", "host"),
    ("ntlm_domain=CORP", "ntlm_domain"),
    ("ssl_verify_depth=2", "ssl_verify_depth"),
    ("brand_new=1", "brand_new"),
]


@pytest.mark.parametrize(("line", "setting"), SAID)
def test_what_is_not_quite_the_same_is_told(line: str, setting: str) -> None:
    """Nothing is left out silently."""
    notes = Notes()
    name = line.partition("=")[0]
    text = "".join(f"{one}\n" for one in AD.splitlines() if not one.startswith(f"{name}="))
    _directory(f"{text}{line}\n", notes)
    assert [one.setting for one in notes.remarks if one.setting] == [setting]


def test_servers_are_written_with_what_protects_them() -> None:
    """Without LDAPS it is StartTLS; an IPv6 address stands in brackets; none stands there twice."""
    text = AD.replace("transport=ldaps", "transport=clear").replace(
        "dc1.corp.example", "2001:db8::1"
    )
    assert _directory(f"{text}host_2=2001:db8::1\n").servers == ("ldap://[2001:db8::1]",)
    assert _directory(f"{text}port=1389\n").servers == ("ldap://[2001:db8::1]:1389",)


def test_certificates_come_along_or_are_told() -> None:
    """A file of certificates is copied; one that is not here is the first thing to be done."""
    text = f"{AD}ssl_ca_certs_file=conf\\ca.pem\n"
    asked = []

    def there(name: str) -> bytes | None:
        asked.append(name)
        return b"PEM"

    notes = Notes()
    found = primaries.directory(taker(text, notes), context(there))
    assert found is not None
    assert found.certificates is not None
    assert (found.certificates.name, found.certificates.octets) == ("ad.pem", b"PEM")
    assert asked == ["conf\\ca.pem"]
    assert not [one for one in notes.remarks if one.kind is Kind.TO_DO]
    found = primaries.directory(taker(text, notes), context(no_certificates))
    assert found is not None
    assert found.certificates is not None
    assert found.certificates.octets is None
    (remark,) = [one for one in notes.remarks if one.kind is Kind.TO_DO]
    assert "certificates/ad.pem" in remark.instead


def test_upstream_is_carried_over() -> None:
    """Servers with their ports, the secret that they share, and how long they are waited for."""
    found = _upstream(f"{RADIUS}host_2=nps2\nport=1645\nport_2=1812\nretries=1\nretry_wait=5\n")
    assert found.servers == (("192.0.2.30", 1645), ("nps2", 1812))
    assert (found.retransmit, found.patience, found.is_weak) == (5, 10, False)
    assert found.secret.name == "radius"
    usual = _upstream(RADIUS)
    assert usual.servers == (("192.0.2.30", 1812),)
    assert (usual.retransmit, usual.patience, usual.take) == (None, None, None)
    assert _upstream(f"{RADIUS}retries=100\nretry_wait=30\n").patience == 300


def test_faulty_upstream_is_refused() -> None:
    """No server, no secret, no number: all of it is told."""
    notes = Notes()
    text = "[radius_client]\nhost_2=nps_2\nport=x\nretries=often\n"
    assert primaries.upstream(taker(text, notes), context(), "radius", ()) is None
    assert sorted(fault.partition("]: ")[2][:15] for _, fault in notes.faults) == [
        "host is missing",
        "host_2 must be ",
        "port must be a ",
        "retries must be",
        "secret is missi",
    ]


def test_weak_secret_and_unknown_settings_of_an_upstream_are_told() -> None:
    """A short secret is written as one; what has no counterpart says what to do instead."""
    notes = Notes()
    found = _upstream("[radius_client]\nhost=nps\nsecret=short\nnas_ip=192.0.2.5\nnew=1\n", notes)
    assert found.is_weak
    assert [one.setting for one in notes.remarks] == ["nas_ip", "new", "secret"]


def test_protected_secret_of_an_upstream_is_made_up() -> None:
    """It is long enough to be no weak one."""
    notes = Notes()
    found = _upstream("[radius_client]\nhost=nps\nsecret_protected=AQAA\n", notes)
    assert found.secret.is_made_up
    assert not found.is_weak
