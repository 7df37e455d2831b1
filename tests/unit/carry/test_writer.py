"""Tests of `radiusmfa.carry.writer`."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.carry import authproxy, writer
from tests.unit.carry.desk import AD, AUTO, FOLDER, LONG, RADIUS, context, read

DAY: Final = date(2027, 1, 31)


def _text(text: str) -> str:
    return writer.text(read(text), "authproxy.cfg", "it.db", DAY)


def _loaded(text: str) -> Any:  # noqa: ANN401 - whatever YAML says
    return yaml.load(_text(text), Loader=yaml.BaseLoader)  # noqa: S506 - texts only


@given(st.text())
def test_any_text_is_read_back_the_same(value: str) -> None:
    """Quotes, line ends, other scripts: what was written is what is read."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return  # half a character is in no file
    assert yaml.safe_load(writer.quoted(value)) == value


def test_directory_is_written() -> None:
    """Every setting of the directory stands where our configuration has it."""
    found = _loaded(f"{AD}timeout=7\n{AUTO}")["primaries"]["ad"]["ldap"]
    assert found == {
        "kind": "active-directory",
        "servers": ["ldaps://dc1.corp.example"],
        "base": "DC=corp,DC=example",
        "bind_dn": "reader@corp.example",
        "bind_password": {"credential": "secrets_ad", "file": "secrets/ad"},
        "user_filter": "(&(objectCategory=person)(objectClass=user))",
        "user_attributes": ["sAMAccountName", "userPrincipalName"],
        "name_attribute": "sAMAccountName",
        "strip": ["domain"],
        "groups": "none",
        "timeout": "7",
    }


def test_account_without_a_password_is_a_comment() -> None:
    """The account stands there to be taken, and nobody is bound until then."""
    sealed = AD.replace("account_password=of the reader", "account_password_protected=AQAA")
    found = _loaded(f"{sealed}{AUTO}")["primaries"]["ad"]["ldap"]
    assert found["bind_dn"] == "radiusmfa-has-no-password-yet@corp.example"
    assert '      #bind_dn: "reader@corp.example"\n' in _text(f"{sealed}{AUTO}")


def test_certificates_are_named_or_a_comment() -> None:
    """A file that could not be read is named in a comment, so that the rest can be loaded."""
    text = f"{AD}ssl_ca_certs_file=ca.pem\n{AUTO}"
    site = authproxy.read(text.encode(), context(lambda _: b"PEM"))
    assert '      ca_file: "certificates/ad.pem"\n' in writer.text(site, "x", "it.db", DAY)
    assert '      #ca_file: "certificates/ad.pem"\n' in _text(text)


def test_upstream_is_written() -> None:
    """Servers, patience and what is passed on."""
    client = AUTO.replace("ad_client", "radius_client")
    text = f"{RADIUS}host_2=nps2\nretry_wait=3\n{client}"
    found = _loaded(text)["upstreams"]["radius"]
    assert [one["host"] for one in found["servers"]] == ["192.0.2.30", "nps2"]
    assert (found["retransmit"], found["patience"], found["take"]) == ("3", "12", "none")
    assert _loaded(f"{text}pass_through_attr_names=Class\n")["upstreams"]["radius"]["take"] == [
        "Class"
    ]
    assert "take" not in _loaded(f"{text}pass_through_all=true\n")["upstreams"]["radius"]
    weak = _loaded(text.replace(f"secret={LONG}\nhost_2", "secret=short\nhost_2"))
    assert weak["upstreams"]["radius"]["servers"][0]["weak_secret"] == "yes"


def test_service_is_written() -> None:
    """What the section says of Duo, and how open it was, as a comment."""
    lines = "factors=push,passcode\nenroll_challenge=no\napi_timeout=9\nhttp_proxy_host=proxy\n"
    text = f"{AD}{AUTO.replace('secure', 'safe')}{lines}"
    found = _loaded(text)
    assert found["services"]["duo"] == {
        "duo": {
            "host": "api-aaaaaaaa.duosecurity.com",
            "integration_key": "DIAAAAAAAAAAAAAAAAAA",
            "secret_key": {"credential": "secrets_duo", "file": "secrets/duo"},
            "factors": ["push", "passcode"],
            "prompt": "auto",
            "enrolment": "no",
        },
        "proxy": {"host": "proxy", "port": "80"},
        "timeout": "9",
    }
    assert found["factors"] == {"duo": {"service": "duo"}}
    assert "    #open_until: 2027-01-31\n" in _text(text)
    assert "open_until" not in _text(f"{AD}{AUTO}")
    menu = f"{AD}{AUTO.replace('_auto', '_challenge')}"
    assert _loaded(menu)["services"]["duo"]["duo"]["prompt"] == "menu"


def test_client_is_written() -> None:
    """Networks, secret, mode, primary, factor: all that the server needs."""
    text = AUTO.replace(LONG, "short") + 'client_ip_attr=paloalto\ndelimiter="\n'
    (found,) = _loaded(f"{AD}{text}")["clients"]
    assert found == {
        "name": "auto-1",
        "networks": ["192.0.2.10/32"],
        "secret": {"credential": "secrets_auto-1", "file": "secrets/auto-1"},
        "weak_secret": "yes",
        "mode": "auto",
        "primary": "ad",
        "factors": ["duo"],
        "delimiter": '"',
        "address": ["PaloAlto-Client-Source-IP"],
        "trust_address": "yes",
    }
    (found,) = _loaded(f"{AD}{AUTO.replace('_auto', '_challenge')}")["clients"]
    assert "delimiter" not in found
    assert "weak_secret" not in found


def test_exempt_people_are_policies() -> None:
    """They stand before what holds for everybody else; without any there are no policies."""
    found = _loaded(f"{AD}{AUTO}exempt_username_1=CORP\\it\n")["policies"]
    assert found == [
        {
            "name": "exempt-auto",
            "when": {"client": ["auto-1"], "user": ["corp\\it"]},
            "factors": "skip",
        },
        {"name": "everybody"},
    ]
    assert "policies" not in _loaded(f"{AD}{AUTO}")


@pytest.mark.parametrize("name", ["authproxy.cfg", "x\n- evil", "\x85x"])
def test_name_of_the_file_stays_in_its_comment(name: str) -> None:
    """A file may have any name."""
    text = writer.text(read(f"{AD}{AUTO}"), name, "it.db", DAY)
    assert "listen" in yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - texts only
    assert text.splitlines()[0].endswith(
        "`radiusmfa import-authproxy`. Every setting that there is, with its"
    )


def test_secrets_are_not_in_it() -> None:
    """The file is for everybody to read."""
    for path in FOLDER.glob("*.cfg"):
        if path.stem in {"hopeless", "faulty"}:
            continue
        site = authproxy.read(path.read_bytes(), context())
        text = writer.text(site, path.name, "it.db", DAY)
        assert not [one for one in site.secrets if one.octets.reveal().decode() in text]
