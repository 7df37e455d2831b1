"""The way of a newcomer: init, user add, token enroll, run, probe; the files of the tools."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests.live.clients import CLIENTS, FAST, STEP_UP, need
from tests.live.world import PASSWORD, SECRET, Person

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.world import World


def probe(world: World, folder: Path, user: str, password: str, code: str) -> tuple[int, Any]:
    """Run `radiusmfa probe --json` against the running server."""
    (folder / "password").write_text(password + "\n")
    (folder / "code").write_text(code + "\n")
    files = ["--password-file", str(folder / "password"), "--code-file", str(folder / "code")]
    done = world.run("probe", user, "--client", "challenge", *files, "--json", expect=None)
    return done.returncode, json.loads(done.stdout)


def enroll(world: World, name: str) -> Person:
    """Add a user with a token through the command line, as an administrator does."""
    world.run("user", "add", name, "--password-file", "-", typed=PASSWORD + "\n")
    done = world.run("token", "enroll", name, "--json", "--yes", expect=None)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    uri = told["uri"]
    seed = re.search(r"secret=([A-Z2-7]+)", uri)
    assert seed
    padded = seed[1] + "=" * (-len(seed[1]) % 8)
    return Person(name=name, seed=base64.b32decode(padded), serial=told["serial"])


def test_newcomer_logs_in(stopped: World, tmp_path: Path) -> None:
    """A user added and a token enrolled by command line log in; our own probe agrees."""
    stopped.start()
    person = enroll(stopped, "newcomer")

    code, told = probe(stopped, tmp_path, person.name, PASSWORD, person.code())

    assert code == 0
    assert told["decision"] == "accept"
    assert [packet["code"] for packet in told["packets"]][1] == "Access-Challenge"


def test_probe_is_refused_a_wrong_code(world: World, tmp_path: Path) -> None:
    """`probe` ends with 1 when the passcode is wrong."""
    person = world.person()

    code, told = probe(world, tmp_path, person.name, PASSWORD, person.wrong_code())

    assert (code, told["decision"]) == (1, "reject")


def test_nothing_secret_is_in_log_audit_or_process_title(world: World) -> None:
    """Promise 7: no password, passcode, seed or shared secret where people look."""
    person = world.person()
    code = person.code()
    with world.nas(STEP_UP) as nas:
        nas.login(person.name, code)
        nas.login(person.name, PASSWORD)
    with world.nas() as nas:
        nas.dialogue(person.name, PASSWORD, person.code())
    shown = subprocess.run(
        ["ps", "-p", str(world.pid), "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
    told = "".join(json.dumps(line) for line in world.audit(user=person.name))

    assert told
    for secret in (PASSWORD, code, SECRET.decode(), person.seed.hex()):
        for place in (world.log(), told, shown):
            assert secret not in place


def test_oathtool_and_server_agree_on_every_algorithm(world: World, tmp_path: Path) -> None:
    """Codes that OATH Toolkit makes of SHA-1, SHA-256 and SHA-512 tokens let people in."""
    need("oathtool")
    kinds = [("sha1", 6, 30), ("sha256", 8, 30), ("sha512", 7, 60)]
    rows = ["name,password,seed_hex,serial,algorithm,digits,period"]
    seeds = [secret.hex() for secret in (b"1" * 20, b"2" * 32, b"3" * 64)]
    for (algorithm, digits, period), seed in zip(kinds, seeds, strict=True):
        rows.append(f"{algorithm},{PASSWORD},{seed},A-{algorithm},{algorithm},{digits},{period}")
    (tmp_path / "kinds.csv").write_text("\n".join(rows) + "\n")
    world.run("user", "import", str(tmp_path / "kinds.csv"))

    for (algorithm, digits, period), seed in zip(kinds, seeds, strict=True):
        words = [f"--totp={algorithm}", f"--digits={digits}", f"--time-step-size={period}s", "-"]
        done = subprocess.run(
            ["oathtool", *words], input=seed, capture_output=True, text=True, check=True
        )
        with world.nas(STEP_UP) as nas:
            assert nas.login(algorithm, done.stdout.strip()) == 2


def act(world: World, person: str, *words: str) -> tuple[int, str]:
    """Run a command as sudo does for *person*; return its exit code and what it says."""
    done = subprocess.run(
        world.command(*words),
        env=os.environ | {"SUDO_USER": person},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_two_administrators_approve(stopped: World) -> None:
    """One grants, another one confirms, while the server runs; neither can do both."""
    stopped.configure(CLIENTS, passwords=FAST, approvals={"vault": {"persons": 2}})
    stopped.start()
    words = ("approval", "grant", "vault", "live0001", "--why", "CHG0030001", "--for", "8h")

    assert act(stopped, "live0001", *words)[0] == 1
    assert act(stopped, "bob", *words)[0] == 0
    code, told = act(stopped, "bob", "approval", "confirm", "1")
    assert (code, "two different persons are asked for" in told) == (1, True)
    assert act(stopped, "live0001", "approval", "confirm", "1")[0] == 1
    assert act(stopped, "eve", "approval", "confirm", "1")[0] == 0

    (found,) = json.loads(stopped.run("approval", "list", "--json").stdout)
    assert (found["state"], found["granted_by"], found["second_by"]) == ("in force", "bob", "eve")
    assert act(stopped, "dan", "approval", "revoke", "1", "--yes")[0] == 0
    assert json.loads(stopped.run("approval", "list", "--json").stdout) == []
    lines = stopped.audit(kind="admin", user="live0001")
    assert [line["action"] for line in lines] == [
        "approval.grant",
        "approval.confirm",
        "approval.revoke",
    ]
    stopped.run("audit", "verify")
