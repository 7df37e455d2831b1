"""
The story: one shared account behind a broker, and each person's own token before it.

docs/story.md tells it; what runs here is the configuration of that page. Who knocks is
radclient in the broker's place, over UDP. Refusals first.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.live.clients import need
from tests.live.nas import PATIENCE
from tests.live.slapd import SERVICE_PASSWORD
from tests.live.story import (
    APPROVAL,
    BRANCH,
    BROKER,
    OFFICE,
    OWNERS,
    Story,
    branch,
    hours,
    shortly,
    until,
)
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT
from tests.live.token_server import UPSTREAM_SECRET
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE
from tests.live.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.story import Owner
    from tests.live.token_clients import Said

_EIGHT_HOURS: Final = 28800
_NEW_PIN: Final = "pin4me77"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Return everybody of the story, at work."""
    need("freeradius", "radclient", "oathtool", "slapd")
    with ExitStack() as stack:
        made = Story(tmp_path_factory.mktemp("story"), stack)
        made.world.start(source=BROKER)
        stack.callback(made.world.kill)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == []
        made.world.run("audit", "verify")


@pytest.fixture
def hugo(story: Story) -> Owner:
    """Return an owner with a token of ours whose codes never run out."""
    return story.owners["hotp"]


@pytest.fixture
def rosa(story: Story) -> Owner:
    """Return an owner whose SecurID wants the next code after each passcode."""
    return story.owners["securid"]


def _refused(story: Story, owner: Owner, said: Said, reason: str) -> dict[str, Any]:
    """Check that *owner* was refused for *reason*, and is told only where to ask."""
    line = story.last(owner)
    assert (said.code, line["decision"], line["reason"]) == (REJECT, "reject", reason)
    assert said.messages == [f"Not now. ({line['id'][:8]})"]
    assert said.state is None
    assert [one for one in said.lines if one.startswith(("Class", "Session-Timeout"))] == []
    return line


def _accepted(
    story: Story, owner: Owner, said: Said, number: int, address: str = OFFICE
) -> dict[str, Any]:
    """Check that *owner* was let in, by approval *number*, and what the broker and audit say."""
    line = story.last(owner)
    assert (said.code, line["decision"], line["reason"]) == (ACCEPT, "accept", "passed")
    names = [one.partition(" = ")[0] for one in said.lines]
    assert names == ["Message-Authenticator", "Class", "Session-Timeout", "Class"]
    assert said.lines[1] == f"Class = 0x{OWNERS.encode().hex()}"
    assert said.lines[3] == f"Class = 0x{line['id'].encode().hex()}"
    ours = ("client", "mode", "policy", "group", "approval", "factor")
    assert [line[name] for name in ours] == [
        "broker", "step-up", "aws-root", OWNERS, f"#{number}", owner.factor,
    ]  # fmt: skip
    assert line.get("address", "") == address
    assert line["us"]["total"] > 0
    return line


# -- who has no approval --


def test_story_without_approval_nobody_gets_in(story: Story) -> None:
    """Each of the five has the right code, place and hour; nobody has said yes."""
    for owner in story.owners.values():
        line = _refused(story, owner, story.enter(owner), "not-approved")
        assert line["policy"] == "aws-root"
        assert line["us"]["directory"] > 0
        assert "factor" not in line
        assert "upstreams" not in line


def test_story_approval_waits_for_the_second_person(story: Story, hugo: Owner) -> None:
    """One yes is none; the second is another one's, and not that of whom it is for."""
    number = story.grant(hugo, "--for", "1h")
    _refused(story, hugo, story.enter(hugo), "approval-pending")

    for who in ("alice", "alice@corp.example", "hugo", "root", ""):
        story.by(who, "approval", "confirm", str(number), expect=1)
    _refused(story, hugo, story.enter(hugo), "approval-pending")

    story.by("bob", "approval", "confirm", str(number))
    _accepted(story, hugo, story.enter(hugo), number)

    story.by("alice", "approval", "revoke", str(number), "--yes")
    _refused(story, hugo, story.enter(hugo), "not-approved")


def test_story_approval_is_nobody_elses(story: Story, hugo: Owner) -> None:
    """What is approved for one owner lets no other in."""
    otto = story.owners["onespan"]
    with story.approved(hugo):
        _refused(story, otto, story.enter(otto), "not-approved")


# -- who is elsewhere, or at another time, or another one --


def test_story_outside_of_the_network_nobody_gets_in(story: Story, hugo: Owner) -> None:
    """Another network is outside, and so is whoever does not say where they are."""
    with story.approved(hugo):
        line = _refused(story, hugo, story.enter(hugo, address="192.0.2.99"), "outside-network")
        assert line["address"] == "192.0.2.99"
        for no_address in ("", "00-00-5e-00-53-01", "0.0.0.0", "office", "10.1.2.3, 192.0.2.99"):
            said = story.enter(hugo, address=no_address)
            assert "address" not in _refused(story, hugo, said, "outside-network")


def test_story_word_of_an_untrusted_client_is_no_address(story: Story, hugo: Owner) -> None:
    """A client without `trust_address` can say what it likes; the broker is believed."""
    settings = branch(story.settings())
    del settings["policies"][0]["when"]["client"]
    with story.approved(hugo) as (number,), story.other(settings):
        said = story.enter(hugo, source=BRANCH)
        line = _refused(story, hugo, said, "outside-network")
        assert "address" not in line
        _accepted(story, hugo, story.enter(hugo), number)


def test_story_policy_cannot_name_an_untrusted_client(story: Story) -> None:
    """A file that would believe it is refused, and says why; the one before stays in force."""
    settings = branch(story.settings())
    settings["policies"][0]["when"]["client"] = ["broker", "branch"]
    story.configure(settings)
    try:
        done = story.world.run("check", expect=None)
    finally:
        story.configure()

    assert done.returncode != 0
    assert "can never hold at client branch" in done.stderr


def test_story_outside_of_hours_nobody_gets_in(story: Story, hugo: Owner, rosa: Owner) -> None:
    """Not before the hours begin; and a dialogue that is open when they end is not finished."""
    settings = story.settings()
    settings["schedules"]["business"] |= hours(timedelta(hours=1), timedelta(hours=2))
    with story.approved(hugo, rosa):
        first = story.ask(rosa, PASSCODE)
        assert first.code == CHALLENGE
        with story.other(settings):
            _refused(story, hugo, story.enter(hugo), "outside-hours")
            said = story.ask(rosa, NEXT_CODE, first.state)
            _refused(story, rosa, said, "outside-hours")


def test_story_outside_of_the_group_nobody_gets_in(story: Story) -> None:
    """An approval and a token do not make an owner."""
    with story.approved(story.stranger):
        said = story.enter(story.stranger)
    assert _refused(story, story.stranger, said, "not-in-group")["us"]["directory"] > 0


def test_story_without_directory_nobody_gets_in(story: Story, hugo: Owner) -> None:
    """Who is an owner cannot be told: closed. When it is back, the same code lets in."""
    with story.approved(hugo) as (number,):
        story.slapd.kill()
        try:
            _refused(story, hugo, story.enter(hugo), "directory-unreachable")
        finally:
            story.slapd.start()
        _accepted(story, hugo, _as_soon_as_it_is_back(story, hugo), number)


def _as_soon_as_it_is_back(story: Story, owner: Owner) -> Said:
    limit = time.monotonic() + 2 * PATIENCE
    while (said := story.enter(owner)).code != ACCEPT:
        assert story.last(owner)["reason"].startswith("directory-")
        assert time.monotonic() < limit
        time.sleep(0.1)
    return said


# -- who has the wrong code --


def test_story_code_of_another_one_opens_nothing(story: Story, hugo: Owner, rosa: Owner) -> None:
    """What is right for one owner is wrong for the next, ours and others'."""
    tina, otto = story.owners["totp"], story.owners["onespan"]
    with story.approved(hugo, tina, otto, rosa):
        _refused(story, tina, story.enter(tina, hugo.typed()), "bad-passcode")
        _refused(story, hugo, story.enter(hugo, tina.typed()), "bad-passcode")
        line = _refused(story, otto, story.enter(otto, [PASSCODE]), "upstream-refused")
        assert line["upstreams"][0]["name"] == "onespan"
        line = _refused(story, rosa, story.enter(rosa, hugo.typed()), "upstream-refused")
        assert line["upstreams"][0]["name"] == "rsa"


def test_story_answer_of_another_one_opens_nothing(story: Story, hugo: Owner, rosa: Owner) -> None:
    """A challenge is one person's: under another name the right answer is wrong."""
    with story.approved(hugo, rosa):
        for other in (hugo, story.stranger):
            first = story.ask(rosa, PASSCODE)
            said = story.ask(other, NEXT_CODE, first.state)
            _refused(story, other, said, "unknown-state")


def test_story_code_opens_once(story: Story, hugo: Owner) -> None:
    """A code that has let somebody in does not do so again."""
    typed = hugo.typed()
    with story.approved(hugo) as (number,):
        _accepted(story, hugo, story.enter(hugo, typed), number)
        _refused(story, hugo, story.enter(hugo, typed), "replayed-passcode")


# -- who gets in --


def test_story_five_owners_get_in(story: Story) -> None:
    """Five kinds of token; the broker gets the same each time, and not for longer than approved."""
    end = int(time.time()) + 3600
    owners = list(story.owners.values())
    with story.approved(*owners, until=end) as numbers:
        for owner, number in zip(owners, numbers, strict=True):
            before = time.time()
            said = story.enter(owner)
            line = _accepted(story, owner, said, number)
            assert said.session_timeout is not None
            assert end - time.time() - 1 <= said.session_timeout <= end - before
            assert ("token" in line, "upstreams" in line) == (not owner.there, bool(owner.there))
    rounds = {owner.factor: len(_login(story, owner)) for owner in owners}
    assert rounds == {"totp": 1, "hotp": 1, "securid": 2, "onespan": 1, "vip": 1}


def test_story_session_of_a_long_approval_is_eight_hours(story: Story, hugo: Owner) -> None:
    """What the policy says counts where the approval holds longer, or as long."""
    settings = story.settings()
    settings["approvals"][APPROVAL]["longest"] = "1d"
    with story.other(settings), story.approved(hugo, until=time.time() + 2 * _EIGHT_HOURS):
        assert story.enter(hugo).session_timeout == _EIGHT_HOURS


def test_story_new_pin_in_four_rounds_gets_the_same(story: Story, rosa: Owner) -> None:
    """A whole New PIN dialogue passes through the broker, and ends as any other login."""
    typed = [CODE, _NEW_PIN, _NEW_PIN, _NEW_PIN + NEXT_CODE]
    story.world.run("user", "upstream", rosa.name, "rsa", "--as", "newpin.rlind")
    try:
        with story.approved(rosa) as (number,):
            _accepted(story, rosa, story.enter(rosa, typed), number)
    finally:
        story.world.run("user", "upstream", rosa.name, "rsa", "--as", rosa.there)

    lines = _login(story, rosa)
    assert [line["decision"] for line in lines] == ["challenge"] * 3 + ["accept"]
    assert {line["approval"] for line in lines} == {f"#{number}"}
    assert {line["policy"] for line in lines} == {"aws-root"}
    events = [line["upstreams"][0].get("event") for line in lines[:-1]]
    assert events == ["new-pin-wanted", "pin-confirm-wanted", "pin-accepted"]


# -- what happens in the middle --


def test_story_approval_ends_in_the_middle(story: Story) -> None:
    """It lets in until its end: not between challenge and answer, not between two logins."""
    lars = story.late
    for end in shortly(3):
        with story.approved(lars, until=end) as (number,):
            before = time.time()
            said = story.enter(lars)
            first = story.ask(lars, PASSCODE)
            if (said.code, first.code) != (ACCEPT, CHALLENGE):
                continue  # too late already
            until(end)
            answered = story.ask(lars, NEXT_CODE, first.state)
            line = _refused(story, lars, answered, "approval-expired")
            assert len(_login(story, lars)) == 2
            assert "upstreams" not in line  # RSA was not asked any more
            _refused(story, lars, story.enter(lars), "approval-expired")
        assert said.session_timeout is not None
        assert 1 <= said.session_timeout <= max(1, end - before)
        shown = story.by("alice", "approval", "list", "--all", "--user", lars.name, "--json")
        assert {one["id"]: one["state"] for one in json.loads(shown)}[number] == "ended"
        return
    pytest.fail("no approval was long enough for two logins")


def test_story_approval_is_revoked_in_the_middle(story: Story, rosa: Owner) -> None:
    """A dialogue that is open is not finished; nobody waits for a restart."""
    with story.approved(rosa) as (number,):
        first = story.ask(rosa, PASSCODE)
        story.by("carol", "approval", "revoke", str(number), "--yes")
        answered = story.ask(rosa, NEXT_CODE, first.state)
    _refused(story, rosa, answered, "not-approved")


def test_story_kill_in_the_middle_loses_nothing(story: Story, hugo: Owner, rosa: Owner) -> None:
    """After `kill -9`: the used code, the approval, and the open dialogue with its policy."""
    typed = hugo.typed()
    with story.approved(hugo, rosa) as (hugos, rosas):
        _accepted(story, hugo, story.enter(hugo, typed), hugos)
        first = story.ask(rosa, PASSCODE)
        assert first.code == CHALLENGE

        story.world.kill()
        story.world.start(source=BROKER)

        _refused(story, hugo, story.enter(hugo, typed), "replayed-passcode")
        # Its policy was chosen in the first round: a later one may lack what that one had.
        said = story.ask(rosa, NEXT_CODE, first.state, address="")
        _accepted(story, rosa, said, rosas, address="")
        said = story.ask(rosa, NEXT_CODE, first.state)
        _refused(story, rosa, said, "unknown-state")
        _accepted(story, hugo, story.enter(hugo), hugos)


# -- whoever asks why --


def test_story_why_explains_what_the_screen_showed(story: Story, hugo: Owner) -> None:
    """The text that a refused person reads out is enough for the helpdesk."""
    with story.approved(hugo):
        said = story.enter(hugo, address="192.0.2.99")
    told = story.world.run("why", said.text).stdout

    assert "reject: outside-network" in told
    assert "policy    aws-root, address 192.0.2.99" in told
    assert f"user      {hugo.mail}" in told
    assert story.world.run("why", said.text[-9:-1]).stdout == told


def test_story_try_names_the_policy(story: Story, hugo: Owner) -> None:
    """Before anybody logs in: which policy, or why not; with a code the whole decision."""
    where = ("--client", "broker", "--address")
    with story.approved(hugo):
        shown = story.world.run("try", hugo.mail, *where, OFFICE).stdout
        assert "policy    aws-root" in shown
        outside = story.world.run("try", hugo.mail, *where, "192.0.2.99", expect=None).stdout
        assert "outside-network" in outside
        words = ("try", hugo.mail, *where, OFFICE, "--password-file", "-")
        assert "Access-Accept" in story.world.run(*words, typed=f"{hugo.typed()[0]}\n").stdout
        # It has used nothing up.
        assert story.enter(hugo).code == ACCEPT
    shown = story.world.run("try", hugo.mail, *where, OFFICE, expect=None).stdout
    assert "aws-root comes nearest: not-approved" in shown


# -- what is written --


def test_story_audit_names_every_deed(story: Story, hugo: Owner) -> None:
    """Who granted, confirmed and revoked; nothing was changed since."""
    with story.approved(hugo) as (number,):
        pass
    lines = [line for line in story.world.audit(kind="admin") if f"#{number}" in json.dumps(line)]

    deeds = [(line["action"], line["by"], line["user"]) for line in lines]
    me = deeds[0][1].partition(" (")[0]
    assert deeds == [
        ("approval.grant", f"{me} (sudo by alice)", "hugo"),
        ("approval.confirm", f"{me} (sudo by bob)", "hugo"),
        ("approval.revoke", f"{me} (sudo by bob)", "hugo"),
    ]
    assert story.world.run("audit", "verify").returncode == 0


def test_promise_7_story_is_told_without_a_secret(story: Story, hugo: Owner, rosa: Owner) -> None:
    """No passcode, PIN, password, seed or key stands in log, audit, store or process title."""
    with story.approved(hugo, rosa):
        assert story.enter(hugo).code == ACCEPT
        first = story.ask(rosa, PASSCODE)  # stays open
    folder = story.world.folder
    seeds = [one.token.seed for one in story.everybody if not one.there]
    stored = b"".join(path.read_bytes() for path in folder.glob("radiusmfa.db*"))
    titles = Path(f"/proc/{story.world.pid}/cmdline").read_bytes()
    everywhere = stored + titles + story.world.log().encode()

    assert b'"policy":"aws-root"' in everywhere
    for secret in (SECRET, UPSTREAM_SECRET, SERVICE_PASSWORD, PASSCODE.encode(), *seeds):
        for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
            assert form not in everywhere
    lines = [_without_numbers(line) for line in story.world.audit()]
    written = json.dumps(lines) + story.world.log() + titles.decode()
    assert first.state is not None
    for secret_text in {*story.typed, _NEW_PIN, first.state.decode()}:
        assert secret_text not in written


def _without_numbers(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without what holds digits by chance: times, durations, ids, digests."""
    dropped = {"time", "us", "id", "token", "hash", "seq", "prev"}
    kept = {name: value for name, value in line.items() if name not in dropped}
    kept["upstreams"] = [
        {name: value for name, value in one.items() if name != "us"}
        for one in line.get("upstreams", [])
    ]
    return kept


def _login(story: Story, owner: Owner) -> list[dict[str, Any]]:
    """Return the rounds of the latest login of *owner*."""
    lines = story.lines(owner)
    return [line for line in lines if line["id"] == lines[-1]["id"]]
