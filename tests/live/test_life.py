"""The process: reload, stop, restart, and a change made while it runs."""

from __future__ import annotations

import http.client
import json
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import exits
from radiusmfa.wire import codec, numbers
from tests.live.clients import APPEND, CLIENTS, FAST, SLOW, STEP_UP
from tests.live.nas import Nas
from tests.live.world import SECRET, free_ports

if TYPE_CHECKING:
    from tests.live.world import World


def test_reload_serves_the_new_client(stopped: World) -> None:
    """After SIGHUP a client that was a stranger is served, and the others still are."""
    stopped.start()
    person, other = stopped.person(), stopped.person()
    with stopped.nas("127.0.0.77") as nas:
        assert not nas.status(0.1)
        added = {"name": "added", "networks": ["127.0.0.77/32"], "mode": "step-up"}
        stopped.configure([*CLIENTS, added], passwords=FAST)

        reload(stopped)

        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
    with stopped.nas(STEP_UP) as nas:
        assert nas.login(other.name, other.code()) == numbers.ACCESS_ACCEPT


def test_reload_forgets_the_old_client(stopped: World) -> None:
    """After SIGHUP a client that is gone from the file gets silence."""
    stopped.start()
    stopped.configure([one for one in CLIENTS if one["name"] != "append"], passwords=FAST)

    reload(stopped)

    with stopped.nas(APPEND) as gone, stopped.nas() as nas:
        gone.send(gone.request(stopped.person().name, "correct horse"))
        assert nas.status()
        assert gone.waiting() == []


def test_reload_opens_and_closes_listeners(stopped: World) -> None:
    """A listener that is new in the file serves after SIGHUP; one that is gone is closed."""
    stopped.start()
    old = stopped.port
    (stopped.port,) = free_ports(1)
    stopped.configure(CLIENTS, passwords=FAST)

    reload(stopped)

    person = stopped.person()
    with stopped.nas(STEP_UP) as nas, Nas(old, SECRET) as gone:
        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
        assert not gone.status(0.1)


def test_metrics_tell_of_every_decision_and_come_and_go_with_a_reload(stopped: World) -> None:
    """A collector reads why logins ended, and nobody's name; nothing is open unless it is set."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stopped.configure(CLIENTS, passwords=FAST, metrics=[{"tcp": f"127.0.0.1:{port}"}])
    stopped.start()
    person = stopped.person()
    with stopped.nas(STEP_UP) as nas:
        assert nas.login(person.name, person.wrong_code()) == numbers.ACCESS_REJECT
        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT

    text = scraped(port)
    assert 'radiusmfa_decisions_total{reason="passed"} 1.0\n' in text
    assert 'radiusmfa_decisions_total{reason="bad-passcode"} 1.0\n' in text
    assert "radiusmfa_access_accepts_total 1.0\n" in text
    assert person.name not in text

    stopped.configure(CLIENTS, passwords=FAST)
    reload(stopped)
    with pytest.raises(ConnectionRefusedError):
        scraped(port)


def scraped(port: int) -> str:
    """Return what a collector reads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_reload_onto_a_taken_port_leaves_the_old_configuration_running(stopped: World) -> None:
    """Where the new file cannot be served in whole, the old one stays in force in whole."""
    stopped.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        listen = [{"udp": f"127.0.0.1:{stopped.port}"}, {"udp": f"127.0.0.1:{port}"}]
        seen = len(stopped.log())
        stopped.configure(CLIENTS[1:], json.dumps(listen), passwords=FAST)

        stopped.signal(signal.SIGHUP)
        stopped.until_logged("was not loaded", seen)

    with stopped.nas() as nas:
        assert nas.login(stopped.person().name, "correct horse") == numbers.ACCESS_CHALLENGE


def test_counters_are_logged_on_sigusr1(stopped: World) -> None:
    """SIGUSR1 writes what was counted under the names of RFC 4669, and nothing stops."""
    stopped.start()
    with stopped.nas(STEP_UP) as nas:
        assert nas.login(stopped.person().name, "000000") == numbers.ACCESS_REJECT

        stopped.signal(signal.SIGUSR1)

        said = stopped.until_logged(r"total_access_rejects=(\d+) total_access_requests=(\d+)")
        assert said.groups() == ("1", "1")
        assert nas.status()


def test_bad_reload_leaves_the_old_configuration_running(stopped: World) -> None:
    """A file with a fault changes nothing, and the log says where the fault is."""
    stopped.start()
    person, other = stopped.person(), stopped.person()
    seen = len(stopped.log())
    good = stopped.config.read_text()
    stopped.config.write_text(good + "nonsense: yes\n")

    stopped.signal(signal.SIGHUP)
    stopped.until_logged("nonsense", seen)

    with stopped.nas(STEP_UP) as nas:
        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
        stopped.config.write_text(good)
        reload(stopped)
        assert nas.login(other.name, other.code()) == numbers.ACCESS_ACCEPT


def test_reload_keeps_open_challenges(stopped: World) -> None:
    """Who was asked for a passcode before SIGHUP answers after it."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        state = nas.ask(nas.request(person.name, person.password)).state

        reload(stopped)

        more = codec.attribute(numbers.STATE, state)
        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_ACCEPT


def reload(world: World) -> None:
    """Send SIGHUP and wait until the server says that it has loaded the file."""
    seen = len(world.log())
    world.signal(signal.SIGHUP)
    world.until_logged("configuration was loaded", seen)


def test_stop_answers_what_is_pending(stopped: World) -> None:
    """A login that is being decided when SIGTERM comes is answered before the end."""
    stopped.configure(CLIENTS, passwords=SLOW)
    person = stopped.person()
    stopped.run("user", "password", person.name, "--password-file", "-", typed="correct horse\n")
    stopped.start()
    with stopped.nas() as nas:
        request = nas.request(person.name, person.password)
        nas.send(request)
        # The password is in its thread once the server is free to say that it lives.
        assert nas.before_status() == []

        assert stopped.stop() == 0

        octets = nas.receive()
    assert octets is not None
    assert nas.check(request, octets).code == numbers.ACCESS_CHALLENGE


def test_open_challenge_survives_a_restart(stopped: World) -> None:
    """Who was asked for a passcode before a restart answers after it."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        state = nas.ask(nas.request(person.name, person.password)).state
        assert stopped.stop() == 0
        stopped.start()

        more = codec.attribute(numbers.STATE, state)
        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_ACCEPT


def test_answered_challenge_stays_answered_after_a_restart(stopped: World) -> None:
    """A State that was used before a restart is used after it."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        state = nas.ask(nas.request(person.name, person.password)).state
        more = codec.attribute(numbers.STATE, state)
        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_ACCEPT
        stopped.stop()
        stopped.start()

        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_REJECT


def test_command_is_in_force_for_the_next_login(stopped: World) -> None:
    """Disabling, enabling and enrolling need no restart and no signal."""
    stopped.start()
    person = stopped.person()
    with stopped.nas(STEP_UP) as nas:
        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
        stopped.run("user", "disable", person.name)
        code = person.code()
        assert nas.login(person.name, code) == numbers.ACCESS_REJECT
        stopped.run("user", "enable", person.name)

        assert nas.login(person.name, code) == numbers.ACCESS_ACCEPT


def test_new_password_is_in_force_for_the_next_login(stopped: World) -> None:
    """The old password ends when the new one is set, also for who was just asked for a code."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        assert nas.login(person.name, person.password) == numbers.ACCESS_CHALLENGE

        stopped.run("user", "password", person.name, "--password-file", "-", typed="new words\n")

        assert nas.login(person.name, person.password) == numbers.ACCESS_REJECT
        assert nas.dialogue(person.name, "new words", person.code()) == numbers.ACCESS_ACCEPT


def test_disabled_token_ends_an_open_challenge(stopped: World) -> None:
    """Who was asked for a code before the token was disabled does not get in with it."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        state = nas.ask(nas.request(person.name, person.password)).state

        stopped.run("token", "disable", person.serial)

        more = codec.attribute(numbers.STATE, state)
        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_REJECT


def test_deleted_user_is_refused_at_once(stopped: World) -> None:
    """Who is deleted does not get in, neither anew nor with an open challenge."""
    stopped.start()
    person = stopped.person()
    with stopped.nas() as nas:
        state = nas.ask(nas.request(person.name, person.password)).state

        stopped.run("user", "delete", person.name, "--yes")

        more = codec.attribute(numbers.STATE, state)
        assert nas.login(person.name, person.code(), more) == numbers.ACCESS_REJECT
        assert nas.login(person.name, person.password) == numbers.ACCESS_REJECT


def test_backup_while_people_log_in_is_whole(stopped: World) -> None:
    """A backup of the running server's store restores, and no used code is good again."""
    stopped.start()
    person = stopped.person()
    code = person.code(ahead=1)
    with stopped.nas(STEP_UP) as nas:
        stopped.run("backup", str(stopped.folder / "copy"))
        assert nas.login(person.name, code) == numbers.ACCESS_ACCEPT
        assert stopped.stop() == 0
        stopped.run("restore", str(stopped.folder / "copy"), "--yes")
        stopped.start()

        assert nas.login(person.name, code) == numbers.ACCESS_REJECT


def test_rotated_keys_open_what_they_sealed(stopped: World) -> None:
    """`keys rotate` wants the server stopped; after it the people's tokens still open."""
    stopped.start()
    person = stopped.person()
    refused = stopped.run("keys", "rotate", "--yes", expect=exits.STORE)
    assert "stop it first" in refused.stderr
    assert stopped.stop() == 0

    stopped.run("keys", "rotate", "--yes")

    stopped.start()
    with stopped.nas(STEP_UP) as nas:
        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT


def test_unlock_lets_a_locked_person_in(stopped: World) -> None:
    """Ten different wrong codes lock; the right one is refused until `user unlock`."""
    stopped.start()
    person = stopped.person()
    with stopped.nas(STEP_UP) as nas:
        for _ in range(10):
            assert nas.login(person.name, person.wrong_code()) == numbers.ACCESS_REJECT
        code = person.code()
        assert nas.login(person.name, code) == numbers.ACCESS_REJECT

        stopped.run("user", "unlock", person.name)

        assert nas.login(person.name, code) == numbers.ACCESS_ACCEPT
    reasons = [line["reason"] for line in stopped.audit(kind="login", user=person.name)]
    assert reasons[-2:] == ["locked", "passed"]


def test_same_wrong_code_again_locks_nobody(stopped: World) -> None:
    """A client that repeats one wrong code twenty times has made one mistake."""
    stopped.start()
    person = stopped.person()
    wrong = person.wrong_code()
    with stopped.nas(STEP_UP) as nas:
        for _ in range(20):
            assert nas.login(person.name, wrong) == numbers.ACCESS_REJECT

        assert nas.login(person.name, person.code()) == numbers.ACCESS_ACCEPT
