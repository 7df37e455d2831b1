"""pam_radius, which sshd, sudo, nginx and others log in through, driven by pamtester."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.live.clients import PAM_APPEND, PAM_CHALLENGE, need
from tests.live.refusals import Proof, Refusal, good, refused
from tests.live.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.world import World

_SERVICES: Final = Path("/etc/pam.d")
_MODULES: Final = (
    "/lib/x86_64-linux-gnu/security/pam_radius_auth.so",
    "/lib/aarch64-linux-gnu/security/pam_radius_auth.so",
    "/lib/security/pam_radius_auth.so",
    "/usr/lib/security/pam_radius_auth.so",
)
_EVERY: Final = [pytest.param(why, id=why.value) for why in Refusal]


@pytest.fixture
def pam(world: World, tmp_path: Path) -> Iterator[Callable[[str, str], str]]:
    """
    Return a function that makes a PAM service for a source address and names it.

    The service lies in /etc/pam.d, because PAM looks nowhere else; it is gone
    afterwards. The shared secret lies in a file of the test's own.
    """
    need("pamtester")
    if not any(Path(module).exists() for module in _MODULES):
        pytest.skip("NOT TESTED: apt-get install libpam-radius-auth")
    if not os.access(_SERVICES, os.W_OK):
        pytest.skip(f"NOT TESTED: PAM services need write access to {_SERVICES} (run as root)")
    made: list[Path] = []

    def make(source: str, options: str) -> str:
        servers = tmp_path / "pam_radius.conf"
        servers.write_text(f"127.0.0.1:{world.port} {SECRET.decode()} 3 {source}\n")
        servers.chmod(0o600)
        service = _SERVICES / f"radiusmfa-test-{secrets.token_hex(6)}"
        made.append(service)
        service.write_text(
            f"auth required pam_radius_auth.so conf={servers} retry=1 {options}\n"
            "account required pam_permit.so\n"
        )
        return service.name

    yield make
    for service in made:
        service.unlink(missing_ok=True)


def log_in(service: str, user: str, *typed: str) -> tuple[bool, str]:
    """Let pamtester log *user* in; return whether PAM agreed, and what it showed."""
    done = subprocess.run(
        ["pamtester", service, user, "authenticate"],
        input="".join(f"{line}\n" for line in typed),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    shown = done.stdout + done.stderr
    agreed = "successfully authenticated" in shown
    assert agreed is (done.returncode == 0)
    return agreed, shown


def append(service: str, proof: Proof) -> bool:
    """Type password and passcode at the one prompt."""
    return log_in(service, proof.user, proof.password + proof.code)[0]


def challenge(service: str, proof: Proof) -> bool:
    """Type the password, then the passcode at the server's prompt."""
    return log_in(service, proof.user, proof.password, proof.code)[0]


def test_pam_append_is_accepted(world: World, pam: Callable[[str, str], str]) -> None:
    """Password and passcode in one field let a person in."""
    assert append(pam(PAM_APPEND, ""), good(world))


@pytest.mark.parametrize("why", _EVERY)
def test_pam_append_is_refused(world: World, pam: Callable[[str, str], str], why: Refusal) -> None:
    """Whatever is wrong, PAM refuses."""
    assert not append(pam(PAM_APPEND, ""), refused(world, why, PAM_APPEND))


def test_pam_challenge_is_accepted(world: World, pam: Callable[[str, str], str]) -> None:
    """The server's own prompt is shown, and the passcode typed there lets a person in."""
    proof = good(world)
    service = pam(PAM_CHALLENGE, "prompt_attribute")

    agreed, shown = log_in(service, proof.user, proof.password, proof.code)

    assert agreed
    assert "Passcode: " in shown


@pytest.mark.parametrize("why", _EVERY)
def test_pam_challenge_is_refused(
    world: World, pam: Callable[[str, str], str], why: Refusal
) -> None:
    """Whatever is wrong in either round, PAM refuses."""
    proof = refused(world, why, PAM_CHALLENGE)

    assert not challenge(pam(PAM_CHALLENGE, "prompt_attribute"), proof)


def test_pam_challenge_empty_answer_is_refused(
    world: World, pam: Callable[[str, str], str]
) -> None:
    """Pressing Enter at the prompt is no passcode."""
    proof = good(world)

    assert not challenge(pam(PAM_CHALLENGE, ""), proof._replace(code=""))


def test_sshd_password_of_an_unknown_user_is_refused(
    world: World, pam: Callable[[str, str], str]
) -> None:
    """What sshd sends instead of a password for users it does not know harms nothing."""
    proof = good(world)
    spoiled = "\b\\n\\r\x7fINCORRECT"

    assert not log_in(pam(PAM_APPEND, ""), "no-such-user", spoiled)[0]
    assert append(pam(PAM_APPEND, ""), proof)
