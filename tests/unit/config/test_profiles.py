"""Tests of `radiusmfa.config.profiles` and of conf/profiles."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from radiusmfa import shipped
from radiusmfa.config import profiles
from radiusmfa.config.model import Client, Mode, Protocol
from radiusmfa.config.nodes import Listing, Place, Scalar
from radiusmfa.config.profile_model import Challenge, Fact, Group, Profile
from radiusmfa.config.upstream_model import Prompts
from radiusmfa.interfaces import ConfigError
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = "title: My\nmodes: [append]\nchallenge: no\n"
EVERY = pytest.mark.parametrize("name", profiles.names())
DEVICES = {
    "aws-directory-service", "aws-workspaces", "checkpoint", "cisco-asa", "cisco-ftd",
    "citrix-adc", "cyberark-identity", "cyberark-pam", "f5-apm", "fortigate", "generic",
    "globalprotect", "ivanti", "mikrotik", "okta", "openvpn", "opnsense", "pam", "pfsense",
    "rd-gateway", "rras", "sonicwall", "vmware-horizon",
}  # fmt: skip


def _parse(text: str) -> Profile:
    return profiles.parse(text.encode(), "my.yaml", "my")


def _faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _parse(text)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("titel: x", ":4:1: titel: is no setting; did you mean title?"),
        ("name: x", ":4:1: name: is no setting"),
        ("timeout: 0", ":4:10: timeout: must be seconds, more than 0 and at most 300, as 0.3"),
        ("timeout: -1", ":4:10: timeout: must be seconds"),
        ("timeout: 301", ":4:10: timeout: must be seconds"),
        ("timeout: 5s", ":4:10: timeout: must be seconds"),
        ("timeout: [5]", ":4:10: timeout: must be one value"),
        ("tries: 0", ":4:8: tries: must be a whole number from 1 to 20"),
        ("time_budget: 6", ":4:14: time_budget: is longer than timeout times tries, 5 s"),
        ("time_budget: 301", ":4:14: time_budget: must be a whole number from 1 to 300"),
        ("prompt_limit: 254", ":4:15: prompt_limit: must be a whole number from 16 to 253"),
        ("prompts: cisco", ":4:10: prompts: must be relay, plain, asa-sdi or citrix-wi"),
        ("protocols: []", ":4:12: protocols: must name at least one"),
        ("protocols: pap", ":4:12: protocols: must be a list, as [one, two]"),
        ("protocols: [pap, pap]", ":4:18: protocols[1]: pap stands here twice"),
        ("protocols: [eap]", ":4:13: protocols[0]: must be one of pap, chap, mschapv2"),
        ("protocols: [[pap]]", ":4:13: protocols[0]: must be one value"),
        ("address: Class", ":4:10: address: must be a list"),
        ("address: [Clas]", ":4:11: address[0]: no dictionary has this attribute; did you mean C"),
        ("address: [NAS-Port]", ":4:11: address[0]: NAS-Port cannot hold an address"),
        ("sends_message_authenticator: maybe", ": must be yes, no or unknown"),
        ("requires_signed_replies: maybe", ": must be yes, no or unknown"),
        ("group: {value: x}", ":4:8: group.attribute: is missing"),
        ("group: {attribute: Clas}", "group.attribute: no dictionary has this attribute"),
        ("group: {attribute: NAS-Port}", "group.attribute: must be a number or one of its names"),
        ("group: {attribute: Class, value: OU}", "group.value: must hold {group}"),
        ("group: {attribute: Class, value: '{group}{'}", "group.value: only {group} may stand in"),
        ("group: {attribute: Class, value: '{group}{user}'}", "group.value: only {group} may"),
        ("group: {attribute: Class, join: ''}", "group.join: must have 1 to 8 octets"),
        ("group: {attribute: Class, multi: yes}", "group.multi: is no setting"),
        ("group: Class", ":4:8: group: must hold settings"),
        ("reply: [Clas]", ":4:9: reply[0]: no dictionary has this attribute; did you mean Class?"),
        ("strip_realm: maybe", ":4:14: strip_realm: must be yes or no"),
        ("probe_users: [' ']", ":4:15: probe_users[0]: must be a text"),
        ("setup: [[x]]", ":4:9: setup[0]: must be one value"),
        ('setup: ["a\\tb"]', ":4:9: setup[0]: must be a text of at most 1000 octets, no control"),
        (f"notes: [{1001 * 'x'}]", ":4:9: notes[0]: must be a text of at most 1000 octets"),
        ("entry: [x]", ":4:8: entry: must hold settings, as {name: value}"),
        ("entry: {mode: [x]}", ":4:15: entry.mode: must be one value"),
        (
            "unverified: [tiemout]",
            "unverified[0]: is no setting of a profile; did you mean timeout",
        ),
        ("unverified: [unverified]", "unverified[0]: is no setting of a profile"),
    ],
)
def test_wrong_setting_is_a_fault_with_its_place(text: str, fault: str) -> None:
    """What is wrong in a profile is shown with file, line and column."""
    assert any(fault in line for line in _faults(f"{SMALLEST}{text}\n"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("modes: [append]\nchallenge: no\n", "my.yaml:1:1: title: is missing"),
        ("title: x\nchallenge: no\n", "my.yaml:1:1: modes: is missing"),
        ("title: x\nmodes: [append]\n", "my.yaml:1:1: challenge: is missing"),
        ("title: x\nmodes: []\nchallenge: no\n", "my.yaml:2:8: modes: must name at least one"),
        ("title: ''\nmodes: [append]\nchallenge: no", "my.yaml:1:8: title: must have 1 to 80"),
        (
            "title: x\nmodes: [append, proxy]\nchallenge: no\n",
            "my.yaml:2:8: modes: every device can do proxy: leave it out",
        ),
        (
            "title: x\nmodes: [append, auto]\nchallenge: no\n",
            "my.yaml:2:8: modes: challenge and auto need a device that shows challenges",
        ),
        (
            "title: x\nmodes: [challenge]\nchallenge: no\n",
            "my.yaml:2:8: modes: challenge and auto need a device that shows challenges",
        ),
        ("title: x\nmodes: [append]\nchallenge: maybe\n", "challenge: must be yes, text or no"),
        ("- 1", "my.yaml:1:1: the file must hold settings, as `name: value`"),
        ("", "my.yaml:1:1: the file holds no settings"),
        ("title: x\ntitle: y\n", "my.yaml:2:1: title: stands here twice, first in line 1"),
    ],
)
def test_profile_that_says_too_little_is_a_fault(text: str, fault: str) -> None:
    """Title, modes and challenge have to be there, and to go together."""
    assert any(fault in line for line in _faults(text))


def test_smallest_profile_takes_every_default() -> None:
    """Three settings are enough; nothing else is claimed of the device."""
    assert _parse(SMALLEST) == Profile(
        name="my", title="My", modes=(Mode.APPEND,), challenge=Challenge.NO
    )


def test_settings_are_read(tmp_path: Path) -> None:
    """Each setting of a file is in the profile, which is called as the file is."""
    path = tmp_path / "ours.yaml"
    path.write_text(
        "title: Ours\nmodes: [auto, append]\nchallenge: text\ntimeout: 2.5\ntries: 3\n"
        "time_budget: 8\nprompt_limit: 60\nprompts: plain\nprotocols: [mschapv2, pap]\n"
        "address: ['Cisco-AVPair:ip=']\nsends_message_authenticator: yes\n"
        "requires_signed_replies: no\ngroup: {attribute: Class, value: 'g={group}', join: ';'}\n"
        "reply: [Class]\nstrip_realm: yes\nprobe_users: [nobody]\nentry: {delimiter: ','}\n"
        "setup: [one, two]\ncommands: [' three']\nnotes: [four]\nunverified: [modes]\n",
        encoding="utf-8",
    )
    assert profiles.from_file(path) == Profile(
        name="ours",
        title="Ours",
        modes=(Mode.AUTO, Mode.APPEND),
        challenge=Challenge.TEXT,
        timeout=2.5,
        tries=3,
        time_budget=8,
        prompt_limit=60,
        prompts=Prompts.PLAIN,
        protocols=(Protocol.MSCHAPV2, Protocol.PAP),
        address=("Cisco-AVPair:ip=",),
        sends_message_authenticator=Fact.YES,
        requires_signed_replies=Fact.NO,
        group=Group(attribute="Class", value="g={group}", join=";"),
        reply=("Class",),
        strip_realm=True,
        probe_users=("nobody",),
        entry=(("delimiter", ","),),
        setup=("one", "two"),
        commands=(" three",),
        notes=("four",),
        unverified=("modes",),
    )


def test_a_second_is_the_least(tmp_path: Path) -> None:
    """A device that waits for less than a second has clients that wait for one."""
    path = tmp_path / "fast.yaml"
    path.write_text(f"{SMALLEST}timeout: 0.3\ntries: 3\ntime_budget: 1\n", encoding="utf-8")
    assert profiles.from_file(path).time_budget == 1
    assert "time_budget: is longer than" in _faults(f"{SMALLEST}timeout: 0.3\ntime_budget: 2\n")[0]


def test_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/no.yaml: No such file")):
        profiles.from_file(tmp_path / "no.yaml")


def test_unknown_name_is_a_fault_that_names_those_there_are() -> None:
    """Who asks for a profile that does not come with us is told which do."""
    with pytest.raises(
        ConfigError,
        match=r"no profile is called 'fortigat' \(known: aws-directory.*"
        r"did you mean fortigate\?",
    ):
        profiles.shipped("fortigat")


def test_every_device_has_a_profile() -> None:
    """The devices that there are profiles for."""
    assert set(profiles.names()) == DEVICES


@EVERY
def test_shipped_profiles_are_whole(name: str) -> None:
    """Each profile tells what its page needs, and begins with what it is."""
    profile = profiles.shipped(name)
    assert profile.name == name
    assert profile.setup
    assert shipped.text("conf", f"profiles/{name}.yaml").startswith("# ")
    assert profile.protocols[0] is Protocol.PAP
    assert len(set(profile.unverified)) == len(profile.unverified)


@EVERY
def test_what_a_file_calls_unverified_is_marked(name: str) -> None:
    """A number that nobody has confirmed is never said to be sure: the time follows from both."""
    unverified = profiles.shipped(name).unverified
    if "timeout" in unverified:
        assert {"tries", "time_budget"} <= set(unverified)


@EVERY
def test_settings_are_what_a_client_takes(name: str) -> None:
    """What a profile gives its clients has the place where it was named."""
    profile, place = profiles.shipped(name), Place(3, 7)
    found = profiles.settings(profile, place)
    entries = {setting: node for setting, (_, node) in found.entries.items()}
    assert {node.place for node in entries.values()} == {place}
    assert set(entries) <= {field.name for field in dataclasses.fields(Client)}
    assert entries["mode"] == Scalar(str(profile.modes[0]), quoted=False, place=place)
    address = entries["address"]
    assert isinstance(address, Listing)
    assert [item.text for item in address.items if isinstance(item, Scalar)] == list(
        profile.address
    )


def test_generic_profile_is_a_client_without_one() -> None:
    """`generic` says what a client entry without a profile is."""
    plain, generic = Client(name="x", networks=(), secret=Secret(b"")), profiles.shipped("generic")
    assert (plain.mode, plain.time_budget) == (generic.modes[0], generic.time_budget)
    assert (plain.prompts, plain.prompt_limit) == (generic.prompts, generic.prompt_limit)
    assert (plain.protocol, plain.address) == (generic.protocols[0], generic.address)
    assert plain.shows_challenges is generic.shows_challenges
