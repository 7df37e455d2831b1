"""Tests of `radiusmfa.config.policies`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import dialogues, nodes, policies
from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import NONE, Client, Factors, Mode
from radiusmfa.config.policy_model import By, Conditions, Order, Policy, Remember
from radiusmfa.config.secrets import Sources
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor
from radiusmfa.secret import Secret

KNOWN: Final = policies.Known(
    clients=(
        Client(name="vpn", networks=(), secret=Secret(b"")),
        Client(name="broker", networks=(), secret=Secret(b""), mode=Mode.STEP_UP, primary=NONE),
    ),
    upstreams=(Upstream(name="rsa", servers=()),),
    factors=Factors(
        upstream=(UpstreamFactor(name="securid", upstream="rsa"),),
        names=("totp", "hotp", "recovery", "securid"),
    ),
    directories=(Directory(name="corp", servers=(), base="x", bind_dn="y"),),
    approvals=(ApprovalSource(name="aws-root"),),
)
SECTIONS: Final = ("networks", "schedules", "policies", "x")


def _read(text: str) -> tuple[tuple[Policy, ...] | None, list[str], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=SECTIONS)
    found, warnings = policies.read(top, Sources(Path("/nowhere"), {}), KNOWN)
    return found, warnings, report.lines("f")


def _one(settings: str) -> Policy:
    found, _, faults = _read(f"policies: [{{name: it, when: {{client: vpn}}, {settings}}}]")
    assert not faults
    assert found is not None
    return found[0]


def _faults(settings: str) -> list[str]:
    return _read(f"policies: [{{name: it, when: {{client: vpn}}, {settings}}}]")[2]


def test_without_the_section_there_are_no_policies() -> None:
    """Without `policies` each client's own settings decide."""
    assert _read("x: 1") == (None, [], [])


def test_networks_and_schedules_are_read_without_policies() -> None:
    """What nobody names yet has to be right all the same."""
    found, _, faults = _read("networks: {a: [b]}\nschedules: {c: {}}\n")
    assert found is None
    assert len(faults) == 2


@pytest.mark.parametrize("text", ["[]", "", "{name: it}"])
def test_policies_are_a_list(text: str) -> None:
    """No policy at all would refuse every login: nobody means that."""
    _, _, faults = _read(f"policies: {text}")
    assert len(faults) == 1
    assert "policies: " in faults[0]


def test_policies_of_the_design_are_read() -> None:
    """The two of the design, in order."""
    text = """
networks: {corporate: [10.0.0.0/8]}
schedules: {business: {days: mon-fri, from: "08:00", to: "18:00", zone: Europe/Berlin}}
policies:
  - name: aws-root
    when: {client: broker, group: owners, during: business, approval: aws-root}
    primary: none
    factors: [securid, totp]
  - name: vpn
    when: {client: vpn}
    primary: corp
    factors: [totp]
    reply: {Class: "{user}", Session-Timeout: 28800}
"""
    found, warnings, faults = _read(text)
    assert not faults
    assert not warnings
    assert found is not None
    aws, vpn = found
    assert (aws.name, aws.primary, aws.factors) == ("aws-root", "none", ("securid", "totp"))
    assert aws.when.schedule is not None
    assert vpn == Policy(
        name="vpn",
        when=Conditions(clients=("vpn",)),
        primary="corp",
        factors=("totp",),
        reply=(("Class", "{user}"), ("Session-Timeout", "28800")),
    )


def test_what_is_not_said_is_left_to_the_client() -> None:
    """A policy with a name alone decides nothing of its own."""
    assert _one("deny: no") == Policy(name="it", when=Conditions(clients=("vpn",)))


def test_every_result_is_read() -> None:
    """Each setting of a policy that lets in."""
    found = _one(
        "primary: local, directory: corp, factors: [securid, totp],"
        " when_unavailable: [totp, refuse], not_enrolled: {password_only_until: 2999-01-31},"
        " order: password-first, remember: {for: 8h, by: [client, station]}, reply: {}"
    )
    assert found == Policy(
        name="it",
        when=Conditions(clients=("vpn",)),
        primary="local",
        directory="corp",
        factors=("securid", "totp"),
        when_unavailable=("totp",),
        not_enrolled_until=date(2999, 1, 31),
        order=Order.PASSWORD_FIRST,
        remember=Remember(seconds=28800),
        reply=(),
    )


def test_factor_may_come_first() -> None:
    """The order of the proofs is read; by itself, since nothing can be remembered with it."""
    assert _one("order: factor-first").order is Order.FACTOR_FIRST


def test_no_directory_may_be_said() -> None:
    """An empty text is what counts without a word."""
    assert _one('directory: ""') == _one("deny: no")


def test_a_denial_is_read() -> None:
    """`deny: yes` is all that a denial says."""
    assert _one("deny: yes").deny


def test_skip_is_no_list_of_factors() -> None:
    """`factors: skip` says that there is none; the client's own do not come back."""
    found = _one("factors: skip")
    assert (found.skips_factor, found.factors) == (True, None)


def test_refuse_is_what_counts_without_a_word() -> None:
    """`not_enrolled: refuse` is the default."""
    assert _one("not_enrolled: refuse").not_enrolled_until is None


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("", (By.USER, By.CLIENT, By.STATION)),
        (", by: user", (By.USER,)),
        (", by: station", (By.USER, By.STATION)),
        (", by: [station, client]", (By.USER, By.CLIENT, By.STATION)),
    ],
)
def test_memory_always_belongs_to_a_user(by: str, expected: tuple[By, ...]) -> None:
    """Whatever else must be the same, a factor of one person never counts for another."""
    assert _one(f"remember: {{for: 60s{by}}}").remember == Remember(seconds=60, by=expected)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("1m", 60), ("90m", 5400), ("8h", 28800), ("2d", 172_800), ("30d", 2_592_000)],
)
def test_times_are_read(text: str, seconds: int) -> None:
    """A number and its unit; both ends of what is allowed."""
    found = _one(f"remember: {{for: {text}}}").remember
    assert found is not None
    assert found.seconds == seconds


@pytest.mark.parametrize("text", ["59s", "31d", "8", "8 h", "0h", "-1h", "1h30m", "1w", "08h", "h"])
def test_other_times_are_refused(text: str) -> None:
    """With two units, an unknown one, or beyond the limits it is no time."""
    (fault,) = _faults(f"remember: {{for: {text}}}")
    assert "policies[0].remember.for: must be from 1m to 30d, as 45s, 30m, 8h or 7d" in fault


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("primry: local", "policies[0].primry: is no setting; did you mean primary?"),
        ("primary: crop", "primary: must be one of local, none, rsa, corp; did you mean corp?"),
        ("primary: []", "policies[0].primary: must be one value"),
        ("directory: crop", "policies[0].directory: must be one of corp"),
        ("factors: []", "policies[0].factors: must name at least one factor"),
        ("factors: [tot]", "policies[0].factors[0]: must be one of totp, hotp, recovery, securid"),
        ("factors: none", "policies[0].factors: must be a list of factors, or skip"),
        ("factors: {}", "policies[0].factors: must be one value"),
        ("when_unavailable: [securid]", "when_unavailable[0]: must be one of totp, hotp, recov"),
        ("not_enrolled: allow", "not_enrolled: must be refuse, or {password_only_until: 2027-"),
        ("not_enrolled: {until: 2999-01-01}", "not_enrolled.until: is no setting"),
        ("not_enrolled: {password_only_until: soon}", "password_only_until: must be a day, as"),
        ("not_enrolled: {}", "policies[0].not_enrolled.password_only_until: is missing"),
        ("order: factor", "policies[0].order: must be password-first or factor-first"),
        ("remember: 8h", "policies[0].remember: must hold settings"),
        ("remember: {}", "policies[0].remember.for: is missing"),
        ("remember: {for: []}", "policies[0].remember.for: must be from 1m to 30d"),
        ("remember: {for: 8h, by: []}", "policies[0].remember.by: must name at least one"),
        ("remember: {for: 8h, by: [x]}", "remember.by: must name some of user, client, station"),
        ("reply: {Clas: x}", "policies[0].reply.Clas: no dictionary has this attribute"),
        ("deny: perhaps", "policies[0].deny: must be yes or no"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: str, what: str) -> None:
    """Each mistake is a fault with its place, and what may have been meant."""
    faults = _faults(settings)
    assert any(what in fault for fault in faults), faults


def test_a_directory_has_to_be_there() -> None:
    """Without directories the setting can name none."""
    report = nodes.Report()
    text = b"policies: [{name: it, when: {client: vpn}, directory: corp}]"
    top = Fields(nodes.parse(text, report), "", report, known=SECTIONS)
    known = policies.Known(
        clients=KNOWN.clients, upstreams=(), factors=Factors(), directories=(), approvals=()
    )
    policies.read(top, Sources(Path("/nowhere"), {}), known)
    assert report.lines("f") == [
        "f:1:55: policies[0].directory: there is none: `primaries` names directories"
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[{when: {client: vpn}}]", "f:1:12: policies[0].name: is missing"),
        ("[{name: a b, when: {client: vpn}}]", "policies[0].name: must be 1 to 64 letters"),
        (
            "[{name: it, deny: yes}, {name: IT, deny: yes}]",
            "policies[1].name: stands here twice, first at policies[0]",
        ),
    ],
)
def test_each_policy_has_a_name_of_its_own(text: str, what: str) -> None:
    """The audit has to say which policy decided."""
    (fault,) = _read(f"policies: {text}")[2]
    assert what in fault


def test_what_a_policy_makes_of_a_client_is_hinted_at() -> None:
    """An upstream that waits for people needs a client that does, also where a policy names it."""
    report = nodes.Report()
    text = b"policies: [{name: it, primary: nps}]"
    top = Fields(nodes.parse(text, report), "", report, known=SECTIONS)
    known = policies.Known(
        clients=KNOWN.clients[:1],
        upstreams=(Upstream(name="nps", servers=(), dialogue=dialogues.shipped("nps")),),
        factors=Factors(),
        directories=(),
        approvals=(),
    )
    _, warnings = policies.read(top, Sources(Path("/nowhere"), {}), known)
    assert not report.faults
    assert warnings == [
        "policy it, client vpn: time_budget is 20: upstream nps may wait 60 s for a person"
    ]


def _told(directories: tuple[Directory, ...], settings: str, *own: Client) -> list[str]:
    report = nodes.Report()
    text = f"policies: [{{name: it, {settings}}}]"
    top = Fields(nodes.parse(text.encode(), report), "", report, known=SECTIONS)
    known = policies.Known(
        clients=own or KNOWN.clients[:1],
        upstreams=(),
        factors=Factors(),
        directories=directories,
        approvals=(),
    )
    policies.read(top, Sources(Path("/nowhere"), {}), known)
    return report.lines("f")


MAIL: Final = Directory(name="a", servers=(), base="x", bind_dn="y", attributes=("mail", "sn"))
PHONE: Final = Directory(name="b", servers=(), base="x", bind_dn="y", attributes=("phone", "sn"))


@pytest.mark.parametrize(
    ("directories", "settings", "what"),
    [
        ((MAIL,), "reply: {Class: '{directory.mail}'}", ""),
        ((MAIL, PHONE), "primary: a, reply: {Class: '{directory.mail}'}", ""),
        ((MAIL, PHONE), "directory: b, reply: {Class: '{directory.phone}'}", ""),
        ((MAIL, PHONE), "directory: b, reply: {Class: '{directory.mail}'}", "is not among the"),
        ((), "reply: {Class: '{directory.mail}'}", "no directory is asked here"),
        ((), "reply: {Class: '{policy}'}", ""),
        ((), "reply: {Class: '{group}'}", "{group} is the group that `when` has named"),
        ((), "when: {group: a}, reply: {Class: '{group}'}", ""),
        ((), "reply: {Group: staff}", "client vpn: no profile says which attribute carries a gr"),
    ],
)
def test_replies_are_checked_where_they_stand(
    directories: tuple[Directory, ...], settings: str, what: str
) -> None:
    """A placeholder must have a source: the policy's group, the directory that is asked."""
    faults = _told(directories, settings)
    assert len(faults) == bool(what)
    assert all(what in fault for fault in faults)


def test_what_one_of_the_clients_does_not_read_cannot_be_sent() -> None:
    """A reply has to be made at each client that the policy fits."""
    own = [
        Client(name=name, networks=(), secret=Secret(b""), directory=name) for name in ("a", "b")
    ]
    assert not _told((MAIL, PHONE), "reply: {Class: '{directory.sn}'}", *own)
    (fault,) = _told((MAIL, PHONE), "reply: {Class: '{directory.mail}'}", *own)
    assert "{directory.mail}: is not among the `attributes` of the directory" in fault


def test_contradictions_and_warnings_are_told() -> None:
    """What `policy_checks` finds of a policy is told with its place, and at every start."""
    _, warnings, faults = _read("policies: [{name: it, factors: skip}]")
    assert warnings == ["policy it: factors is skip: the password alone lets in"]
    (fault,) = faults
    assert fault.startswith("f:1:32: policies[0].factors: with primary: none nothing at all would")
    assert fault.endswith("(client broker)")
