"""Tests of `conf/radiusmfa.yaml`: documentation that runs."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import trustme

from radiusmfa import shipped
from radiusmfa.config import (
    conditions,
    dialogues,
    model,
    nodes,
    policy_checks,
    read,
    schedules,
)
from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.message_model import Codes, Gateway, Smtp, Twilio, Verify
from radiusmfa.config.model import Client, Configuration
from radiusmfa.config.nodes import Listing, Mapping, Node
from radiusmfa.config.service_model import Duo, Limits, Questions, SecurId, Service, Yubico
from radiusmfa.config.upstream_model import Server, Upstream, UpstreamFactor, UserName

if TYPE_CHECKING:
    from pathlib import Path


def _load(text: str, folder: Path) -> Configuration:
    (folder / "secrets").mkdir(exist_ok=True)
    for name in (
        "vpn",
        "broker",
        "rsa",
        "rsa-api",
        "ldap",
        "servicenow",
        "duo",
        "yubico",
        "sms",
        "twilio",
        "mail",
    ):
        octets = 40 * "d" if name == "duo" else "0123456789abcdef"
        (folder / "secrets" / name).write_text(octets, encoding="utf-8")
        (folder / "secrets" / name).chmod(0o600)
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    path = folder / "radiusmfa.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return read.load(path)


def _uncommented() -> str:
    text = shipped.text("conf", "radiusmfa.yaml")
    return re.sub(r"^( *)#([a-z_]+:)", r"\1\2", text, flags=re.MULTILINE)


def _names(node: Node, where: str = "") -> set[str]:
    match node:
        case Mapping(entries):
            found = {f"{where}{name}" for name in entries}
            for name, (_, inner) in entries.items():
                found |= _names(inner, f"{where}{name}.")
            return found
        case Listing(items):
            return set().union(*(_names(item, where) for item in items))
        case _:
            return set()


def test_example_loads_as_it_is(tmp_path: Path) -> None:
    """The example loads without a fault or a warning."""
    config = _load(shipped.text("conf", "radiusmfa.yaml"), tmp_path)
    assert [client.name for client in config.clients] == ["vpn", "broker"]
    assert not config.warnings


def test_commented_settings_are_the_defaults(tmp_path: Path) -> None:
    """With every comment taken as a setting, nothing changes: comments show the defaults."""
    text = shipped.text("conf", "radiusmfa.yaml")
    assert _uncommented() != text
    commented, plain = _load(_uncommented(), tmp_path), _load(text, tmp_path)
    # Without a file those of the system are trusted: no line can show that.
    (corp,) = commented.directories
    directories = (dataclasses.replace(corp, ca_file=None),)
    assert dataclasses.replace(commented, directories=directories) == plain
    vpn, names = _load(text, tmp_path).clients[0], _load(text, tmp_path).factors.names
    assert vpn == Client(name=vpn.name, networks=vpn.networks, secret=vpn.secret, factors=names)


def test_upstream_of_the_example_has_the_defaults(tmp_path: Path) -> None:
    """The upstream and its factor say no more than they must: all else is the default."""
    config = _load(_uncommented(), tmp_path)
    (rsa,), (securid,) = config.upstreams, config.factors.upstream
    dialogue = dialogues.shipped("securid")
    servers = tuple(
        Server(host=one.host, secret=one.secret, alive_check=dialogue.alive_check)
        for one in rsa.servers
    )
    assert rsa == Upstream(
        name="rsa", servers=servers, dialogue=dialogue, patience=dialogue.patience
    )
    assert securid == UpstreamFactor(
        name="securid",
        upstream="rsa",
        start_with=dialogue.start_with,
        word=dialogue.word,
        prompt=dialogue.prompt,
    )
    assert len(servers) == 2


def test_example_shows_every_setting() -> None:
    """Every setting of the model stands in the example, and no other."""
    report = nodes.Report()
    shown = _names(nodes.parse(_uncommented().encode(), report))
    assert not report.faults
    wanted = set(read.SECTIONS) | {
        "services.keys",
        "services.keys.yubico",
        "upstreams.rsa",
        "approvals.aws-root",
        "approvals.aws-change",
    }
    wanted = set(read.SECTIONS) | {"upstreams.rsa", "approvals.aws-root", "approvals.aws-change"}
    wanted |= {"services.rsa-api", "services.rsa-api.securid"}
    for section, of in (
        ("clients", Client),
        ("upstreams.rsa", Upstream),
        ("upstreams.rsa.servers", Server),
        ("upstreams.rsa.user_name", UserName),
        ("primaries.corp.ldap", Directory),
        ("factors.securid", UpstreamFactor),
        ("services.rsa-api.securid", SecurId),
        ("services.texts.sms", Gateway),
        ("services.calls.twilio", Twilio),
        ("services.checked.verify", Verify),
        ("services.mail.smtp", Smtp),
        *((f"services.{one}.codes", Codes) for one in ("texts.sms", "calls.twilio", "mail.smtp")),
        ("approvals.aws-root", ApprovalSource),
        ("approvals.aws-change.servicenow", ServiceNow),
        ("services.keys.yubico", Yubico),
        ("passwords", model.Passwords),
        ("factors", model.Factors),
        ("factors.totp", model.Totp),
        ("factors.hotp", model.Hotp),
        ("lockout", model.Lockout),
        ("challenges", model.Challenges),
        ("duplicates", model.Duplicates),
    ):
        wanted |= {f"{section}.{field.name}" for field in dataclasses.fields(of)}
    # What the kind of a service says of itself.
    wanted -= {f"factors.securid.{name}" for name in ("is_service", "holds", "words", "is_weak")}
    # What only a profile or a policy can say.
    wanted -= {
        f"clients.{name}"
        for name in (
            "learns_patience",
            "group_reply",
            "skips_factor",
            "not_enrolled_until",
            "remember",
        )
    }
    wanted -= {"approvals.aws-root.name", "approvals.aws-root.servicenow"}
    wanted.add("approvals.aws-change.servicenow")
    # What upstreams check has names of its own; the list of all is no setting.
    wanted -= {"upstreams.rsa.name", "factors.securid.name", "factors.upstream", "factors.names"}
    wanted -= {"primaries.corp.ldap.name"}
    wanted |= {"factors.securid", "primaries.corp", "primaries.corp.ldap"}
    # What the kind of a service says of its factors.
    wanted -= {
        f"factors.securid.{name}"
        for name in ("is_service", "holds", "is_in_directory", "words", "takes_words", "is_weak")
    }
    wanted |= {"services.questions", "services.questions.question"}
    wanted |= {"services.keys", "services.keys.yubico"}
    wanted |= {f"services.duo.{field.name}" for field in dataclasses.fields(Service)}
    wanted -= {"services.duo.name", "services.duo.settings"}
    wanted |= {f"services.duo.limits.{field.name}" for field in dataclasses.fields(Limits)}
    wanted |= {"services.duo", "services.duo.duo"}
    wanted |= {"services.duo.duo.secret_key.credential", "services.duo.duo.secret_key.file"}
    wanted |= {f"services.duo.duo.{field.name}" for field in dataclasses.fields(Duo)}
    kinds = ("texts.sms", "calls.twilio", "checked.verify", "mail.smtp")
    wanted |= {f"services.{name}" for one in kinds for name in (one, one.partition(".")[0])}
    wanted |= {f"services.texts.limits{name}" for name in ("", ".per_hour", ".per_day")}
    wanted.add("services.texts.limits.site_per_hour")
    wanted |= {
        f"services.questions.question.{field.name}" for field in dataclasses.fields(Questions)
    }
    wanted |= {
        "listen.udp",
        "accounting.udp",
        "store.sqlite",
        "keys.file",
        "keys.credential",
        "log.level",
    }
    wanted |= {
        "networks.corporate",
        "schedules.business",
        *(f"schedules.business.{name}" for name in schedules.SETTINGS),
        *(f"policies.{name}" for name in policy_checks.SETTINGS),
        *(f"policies.when.{name}" for name in conditions.SETTINGS),
        "policies.when.attributes.NAS-Port-Type",
        "policies.remember.for",
        "policies.remember.by",
    }
    shown -= {
        name
        for name in shown
        if re.search(r"\.(secret|bind_password|reply|password|access_key|fields)\.", name)
    }
    assert shown == wanted


def test_example_explains_every_setting() -> None:
    """Above each commented setting stands a comment that explains it."""
    lines = shipped.text("conf", "radiusmfa.yaml").splitlines()
    for above, line in pairwise(lines):
        if re.match(r" *#[a-z_]+:", line):
            assert re.match(r" *(# |#[a-z_]+:)", above), line
