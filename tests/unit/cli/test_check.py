"""Tests of `radiusmfa.cli.check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from tests.unit.stores.stock import enroll, hotp, settle, totp

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.cli.office import Office

GOOD = """\
listen: [{udp: "127.0.0.1:1812"}]
accounting: [{udp: "127.0.0.1:1813"}]
store: {sqlite: it.db}
keys: {file: keys}
clients:
  - {name: vpn, networks: [192.0.2.1, 2001:db8::/64], secret: {file: it}}
"""
LOUD = (
    GOOD
    + """\
  - {name: old, networks: [192.0.2.2], secret: {file: it}, require_message_authenticator: no,
     sign_replies: no}
  - {name: new, networks: [192.0.2.3], secret: {file: it}, require_message_authenticator: auto}
"""
)


def _check(text: str, folder: Path, *words: str) -> int:
    (folder / "it").write_text("0123456789abcdef", encoding="utf-8")
    (folder / "it").chmod(0o600)
    (folder / "it.yaml").write_text(text, encoding="utf-8")
    (folder / "it.yaml").chmod(0o600)
    return main(["-c", str(folder / "it.yaml"), "check", *words])


LAST = "MESSAGE-AUTHENTICATOR"
FACTORS = "totp, hotp, yubikey, recovery"


def test_usable_file_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A usable file is code 0, a line for each client, and no warning."""
    assert _check(GOOD, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{'CLIENT  MODE       PRIMARY  FACTORS                        NETWORKS':88}{LAST}",
        f"vpn     challenge  local    {FACTORS}  192.0.2.1/32, 2001:db8::/64  required",
        f"{tmp_path / 'it.yaml'}: can be used; 1 client, no warnings",
    ]
    assert not err


def test_waivers_are_loud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each waiver is a warning, and stands in the client's line."""
    assert _check(LOUD, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert "NOT required, limit_proxy_state auto, replies UNSIGNED" in out
    assert "required once seen, limit_proxy_state auto" in out
    assert out.endswith("3 clients, 3 warnings\n")
    assert [line.split(":")[:2] for line in err.splitlines()] == [
        ["warning", " client old"],
        ["warning", " client old"],
        ["warning", " client new"],
    ]


def test_every_fault_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A faulty file is code 3 and one line a fault on standard error."""
    assert _check(GOOD + "x: 1\ny: 2\n", tmp_path) == exits.CONFIGURATION
    out, err = capsys.readouterr()
    path = tmp_path / "it.yaml"
    assert err.splitlines() == [
        f"radiusmfa: {path}:7:1: x: is no setting",
        f"radiusmfa: {path}:8:1: y: is no setting",
    ]
    assert not out


def test_json_of_a_usable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` says what the file sets, without a secret."""
    assert _check(LOUD, tmp_path, "--json") == exits.DONE
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["usable"] is True
    assert found["listen"] == ["127.0.0.1 1812"]
    assert found["accounting"] == ["127.0.0.1 1813"]
    assert found["clients"][1] == {
        "name": "old",
        "mode": "challenge",
        "primary": "local",
        "factors": ["totp", "hotp", "yubikey", "recovery"],
        "when_unavailable": [],
        "networks": ["192.0.2.2/32"],
        "require_message_authenticator": "no",
        "limit_proxy_state": "auto",
        "sign_replies": False,
    }
    assert len(found["warnings"]) == 3
    assert "0123456789abcdef" not in out


FORWARDING = (
    GOOD
    + """\
  - {name: app, networks: [192.0.2.2], secret: {file: it}, factors: [securid],
     when_unavailable: [totp, refuse]}
  - {name: pure, networks: [192.0.2.3], secret: {file: it}, mode: proxy, primary: nps,
     time_budget: 70}
upstreams:
  rsa:
    dialogue: securid
    use: spread
    servers:
      - {host: 192.0.2.11, secret: {file: it}}
      - {host: 2001:db8::11, secret: {file: it}, require_message_authenticator: no}
  nps: {dialogue: nps, servers: [{host: nps.example, secret: {file: it}}]}
  old: {servers: [{host: old.example, port: 1645, secret: {file: it}}]}
factors: {totp: {}, securid: {upstream: rsa}}
"""
)


def test_upstreams_are_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each upstream with its servers, and who asks it; that nobody does is loud."""
    assert _check(FORWARDING, tmp_path) == exits.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[5:]] == [
        ["UPSTREAM", "DIALOGUE", "USE", "SERVERS", "ASKED", "BY"],
        [
            "rsa",
            "securid",
            "spread",
            "192.0.2.11:1812,",
            "[2001:db8::11]:1812",
            "factor",
            "securid",
        ],
        ["nps", "nps", "-", "nps.example:1812", "client", "pure"],
        ["old", "generic", "-", "old.example:1645", "NOBODY"],
        [
            f"{tmp_path / 'it.yaml'}:",
            "can",
            "be",
            "used;",
            "3",
            "clients,",
            "3",
            "upstreams,",
            "1",
            "warning",
        ],
    ]
    assert "securid; instead: totp" in lines[2]
    assert lines[3].split()[:4] == ["pure", "proxy", "nps", "-"]


def test_json_has_upstreams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has the upstreams, their servers' waivers, and the clients' factors."""
    assert _check(FORWARDING, tmp_path, "--json") == exits.DONE
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["upstreams"][0] == {
        "name": "rsa",
        "dialogue": "securid",
        "use": "spread",
        "servers": [
            {
                "server": "192.0.2.11:1812",
                "require_message_authenticator": True,
                "alive_check": "access-request",
            },
            {
                "server": "[2001:db8::11]:1812",
                "require_message_authenticator": False,
                "alive_check": "access-request",
            },
        ],
        "asked_by": ["factor securid"],
    }
    factors = [(client["factors"], client["when_unavailable"]) for client in found["clients"]]
    assert factors == [(["totp", "securid"], []), (["securid"], ["totp"]), ([], [])]
    assert "0123456789abcdef" not in out


POLICIES = (
    GOOD
    + """\
  - {name: old, networks: [192.0.2.2], secret: {file: it}}
policies:
  - {name: staff, when: {client: vpn, user: "*@example.com"}, factors: [totp]}
  - {name: guests, when: {client: vpn}, deny: yes}
  - {name: late, when: {client: vpn, realm: example.com}}
"""
)


def test_policies_are_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each policy in order with its conditions and results; what is a mistake is a warning."""
    assert _check(POLICIES, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert out.splitlines()[3:] == [
        "",
        "   POLICY  WHEN                            THEN",
        "1  staff   client vpn; user *@example.com  factors totp",
        "2  guests  client vpn                      deny yes",
        "3  late    client vpn; realm example.com   as the client says",
        f"{tmp_path / 'it.yaml'}: can be used; 2 clients, 3 policies, 2 warnings",
    ]
    assert err.splitlines() == [
        "warning: policy late is never reached: guests decides before it",
        "warning: client old: no policy can fit it: all its logins are refused",
    ]


def test_json_has_policies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` has the policies, and apart from the warnings what was proved."""
    assert _check(POLICIES, tmp_path, "--json") == exits.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["policies"][:2] == [
        {
            "name": "staff",
            "when": {"client": "vpn", "user": "*@example.com"},
            "then": {"factors": "totp"},
        },
        {"name": "guests", "when": {"client": "vpn"}, "then": {"deny": "yes"}},
    ]
    assert found["warnings"] == []
    assert found["proved"][0] == "policy late is never reached: guests decides before it"
    assert _check(GOOD, tmp_path, "--json") == exits.DONE
    assert json.loads(capsys.readouterr().out)["policies"] is None


def test_one_policy_that_fits_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A policy without conditions always fits; without results the client's settings count."""
    assert _check(GOOD + "policies: [{name: all}]\n", tmp_path) == exits.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "1  all     always  as the client says"
    assert lines[5].endswith("1 client, 1 policy, no warnings")


def test_a_factor_that_nobody_has_is_a_warning(office: Office) -> None:
    """Where the store can be read, what nobody in it has is told."""
    with office.config.open("a", encoding="utf-8") as file:
        file.write("policies: [{name: all, factors: [totp]}]\n")
    warning = (
        "warning: policy all, client vpn: nobody has the factor totp: no user has such a token"
    )
    assert "nobody has" not in office.done("check").err  # a new store
    with office.open() as store:
        settle(store, "alice")
        enroll(store, hotp("H1", "alice"))
    assert warning in office.done("check").err.splitlines()
    with office.open() as store:
        enroll(store, totp("T1", "alice"))
    assert "nobody has" not in office.done("check").err


def test_json_of_a_faulty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` lists the faults, and the code is still 3."""
    assert _check(GOOD + "x: 1\n", tmp_path, "--json") == exits.CONFIGURATION
    assert json.loads(capsys.readouterr().out) == {
        "usable": False,
        "faults": [f"{tmp_path / 'it.yaml'}:7:1: x: is no setting"],
    }


WEAK = (
    GOOD
    + """\
services: {q: {question: {ask: 2}}}
factors: {totp: {}, secret: {service: q}}
"""
)


def test_weak_factor_is_an_error_until_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named without `weak: yes` the file cannot be used; with it each look at it is loud."""
    named = WEAK.replace("secret: {file: it}}", "secret: {file: it}, factors: [totp, secret]}")
    assert _check(named, tmp_path) == exits.CONFIGURATION
    assert "secret is a weak factor" in capsys.readouterr().err
    assert _check(named.replace("[totp, secret]}", "[totp, secret], weak: yes}"), tmp_path) == 0
    out, err = capsys.readouterr()
    assert "totp, secret (WEAK)" in out
    assert "warning: client vpn: weak is yes: the factor secret counts" in err
    assert _check(WEAK, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert ("WEAK" in out, err) == (False, "")


SERVICES = """\
services:
  duo:
    duo: {host: api-12345678.duosecurity.com, integration_key: DIXXXXXXXXXXXXXXXXXX,
          secret_key: {file: key}}
    open_until: 2099-01-31
  spare: {duo: {host: api-87654321.duosecurity.com, integration_key: DIXXXXXXXXXXXXXXXXXX,
                secret_key: {file: key}}}
factors: {totp: {}, push: {service: duo}}
"""


def _with_services(folder: Path) -> str:
    (folder / "key").write_text("deadbeef" * 5, encoding="utf-8")
    (folder / "key").chmod(0o600)
    return GOOD + SERVICES


def test_services_are_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked where, who asks it, and what counts while it is gone; the latter is loud."""
    assert _check(_with_services(tmp_path), tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    rows = [line.split("  ") for line in out.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells[3:6] == [
        ["SERVICE", "KIND", "SERVERS", "WHILE IT IS GONE", "ASKED BY"],
        [
            "duo", "duo", "https://api-12345678.duosecurity.com", "OPEN until 2099-01-31",
            "factor push",
        ],
        ["spare", "duo", "https://api-87654321.duosecurity.com", "closed", "NOBODY"],
    ]  # fmt: skip
    assert "2 services, 1 warning" in out
    assert "open_until 2099-01-31" in err
    assert "deadbeef" not in out + err


def test_mail_server_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A service that is asked by SMTP is somewhere, too: in the summary and in JSON."""
    file = GOOD + "services: {mail: {smtp: {host: mail.example.com, sender: login@example.com}}}\n"
    assert _check(file, tmp_path) == exits.DONE
    assert "smtp://mail.example.com:587" in capsys.readouterr().out
    assert _check(file, tmp_path, "--json") == exits.DONE
    (mail,) = json.loads(capsys.readouterr().out)["services"]
    assert mail["servers"] == ["smtp://mail.example.com:587"]


def test_services_are_in_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a script, with the same."""
    assert _check(_with_services(tmp_path), tmp_path, "--json") == exits.DONE
    first, second = json.loads(capsys.readouterr().out)["services"]
    assert first == {
        "name": "duo",
        "kind": "duo",
        "servers": ["https://api-12345678.duosecurity.com"],
        "open_until": "2099-01-31",
        "asked_by": ["factor push"],
    }
    assert (second["open_until"], second["asked_by"]) == (None, [])
