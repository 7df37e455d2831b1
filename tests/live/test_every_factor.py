"""
Each factor at each kind of client: radclient, pam_radius, and a client of mode `auto`.

Refused by a wrong proof, let in by a right one; and the audit says which factor it was, which
device (masked), and how long the person took.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.live import factors
from tests.live.clients import need
from tests.live.factors import FACTORS, KINDS, Factor, Site
from tests.live.test_pam import pam as pam  # noqa: PLC0414 - a fixture, for this module's world
from tests.live.token_clients import ACCEPT, CHALLENGE, REJECT
from tests.live.upstreams import Front, told
from tests.live.world import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from trustme import CA

    from tests.live.factors import Word
    from tests.live.world import World

_EVERY: Final = [
    pytest.param(one, kind, id=f"{one.name}-{kind}") for one in FACTORS for kind in KINDS
]
_ENDINGS: Final = ("right", "wrong")
_TOLD: Final = "told"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ca: CA, ca_file: Path) -> Iterator[Site]:
    """Return all of it, running; at the end nothing secret stands anywhere."""
    need("radclient")
    with ExitStack() as stack:
        made = Site(tmp_path_factory.mktemp("factors"), ca, ca_file, stack)
        people = [
            (one, f"{one.name}-{kind}-{ending}")
            for one in FACTORS
            for kind in KINDS
            for ending in _ENDINGS
        ]
        made.employ([*people, *((one, f"{one.name}-auto-{_TOLD}") for one in FACTORS)])
        made.world.start(source=next(iter(made.sources.values())))
        stack.callback(made.world.kill)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == []
        made.world.run("audit", "verify")


@pytest.fixture
def world(site: Site) -> World:
    """Return the server, for `pam`."""
    return site.world


@pytest.mark.parametrize(("factor", "kind"), _EVERY)
def test_wrong_proof_is_refused(
    site: Site, pam: Callable[[str, str], str], factor: Factor, kind: str
) -> None:
    """After the right password; the audit names the factor's way, and the device."""
    name = f"{factor.name}-{kind}-wrong"
    assert _enter(site, pam, factor, kind, name, factor.wrong(site, name)) is False
    line = told(site.world, name)[-1]
    # What no key of ours has made may all be password there.
    is_password = (factor.name, kind) == ("yubikey", "auto")
    reason = "bad-password" if is_password else factor.reason
    assert (line["decision"], line["reason"]) == ("reject", reason)
    _has_told(site, factor, name, line)


@pytest.mark.parametrize(("factor", "kind"), _EVERY)
def test_right_proof_lets_in(
    site: Site, pam: Callable[[str, str], str], factor: Factor, kind: str
) -> None:
    """And the audit says which factor, which device, and how long the person took."""
    name = f"{factor.name}-{kind}-right"
    assert _enter(site, pam, factor, kind, name, factor.right(site, name)) is True
    line = told(site.world, name)[-1]
    assert (line["decision"], line["factor"]) == ("accept", factor.factor)
    assert line.get("token", "").startswith(factor.token)
    _has_told(site, factor, name, line)


def test_promise_7_no_secret_in_an_address_a_log_or_the_audit(
    site: Site, pam: Callable[[str, str], str]
) -> None:
    """Keys of services, codes, PINs, answers, numbers: in none; but for a YubiKey's touch."""
    sent = []
    for one in FACTORS:
        name = f"{one.name}-auto-{_TOLD}"
        assert _enter(site, pam, one, "auto", name, one.right(site, name))
        if name in site.numbers or one.name == "email":
            sent.append(site.code(name))
    touches = [one["otp"] for one in site.cloud.simulator.asked]
    typed = [factors.PASSCODE, factors.BYPASS, factors.ANSWER, PASSWORD, *touches]
    secrets = [*factors.SECRETS.values(), *site.numbers.values(), *typed, *sent]
    written = site.world.log() + site.world.run("audit", "export").stdout
    asked = site.targets()
    assert "/auth/v2/auth_status" in asked
    assert len(sent) == len({"text", "message", "voice", "verify", "email"})
    for secret in secrets:
        assert secret not in asked, secret
        # Six digits may be part of a time, or of a name by chance.
        assert not re.search(rf"(?<![0-9a-f.]){re.escape(secret)}(?![0-9a-f])", written), secret


def _has_told(site: Site, factor: Factor, name: str, line: dict[str, Any]) -> None:
    if not factor.way:
        return
    asked = line["upstreams"][-1]
    device = factor.device.format(to=site.numbers.get(name, "")[-4:])
    assert (asked["name"], asked["way"]) == (factor.factor, factor.way)
    assert asked.get("device", "") == device
    if factor.is_timed:
        assert 0 < asked["person_us"] < 60_000_000
    else:
        assert "person_us" not in asked


def _enter(
    site: Site,
    pam: Callable[[str, str], str],
    factor: Factor,
    kind: str,
    name: str,
    words: Sequence[Word],
) -> bool:
    """Type the password and then *words*; return whether that lets in."""
    source = site.sources[f"{factor.name}-{kind}"]
    if kind == "pam":
        return _by_pam(pam(source, "prompt_attribute"), name, words)
    typed: list[Word] = [PASSWORD, *words]
    if kind == "auto":
        # Password and word, or code, in one; nothing more where a push begins by itself.
        first, *rest = [factor.word, *words] if factor.word else words or [""]
        assert isinstance(first, str)
        typed = [f"{PASSWORD},{first}" if first else PASSWORD, *rest]
    with site.world.nas(source) as nas:
        front = Front(site.world, source, nas, by_radclient=kind == "radclient")
        said = None
        for word in typed:
            assert said is None or (said.code, bool(said.text)) == (CHALLENGE, True), said
            text = word if isinstance(word, str) else word()
            said = front.ask(name, text, None if said is None else said.state)
    assert said is not None
    assert said.code in {ACCEPT, REJECT}, said
    return said.code == ACCEPT


def _by_pam(service: str, name: str, words: Sequence[Word]) -> bool:
    with subprocess.Popen(
        ["pamtester", service, name, "authenticate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"{PASSWORD}\n")
        process.stdin.flush()
        lines = [word if isinstance(word, str) else "" for word in words]
        for at, word in enumerate(words):
            if not isinstance(word, str):
                process.stdin.write("".join(f"{line}\n" for line in lines[:at]))
                process.stdin.flush()
                lines = [word()]
                break
        # Enter, where it gives up before the person has answered.
        lines += [""] * 6
        shown, _ = process.communicate("".join(f"{line}\n" for line in lines), timeout=60)
    agreed = "successfully authenticated" in shown
    assert agreed is (process.returncode == 0)
    return agreed
