"""Tests of `radiusmfa.cli.examine_self`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli import examine_self
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config import read
from radiusmfa.config.model import Factors, Listen
from radiusmfa.config.service_model import Questions, Service
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor, Users
from radiusmfa.login.tries import Known
from radiusmfa.secret import Secret
from radiusmfa.stores import assignments, migrations, tokens
from radiusmfa.stores.assignments import Assignment
from radiusmfa.stores.logins import Logins
from radiusmfa.wire import numbers
from tests.unit.cli.responder import (
    SECRET,
    Act,
    Responder,
    answer,
    by_code,
    closed_port,
    other_secret,
    silent,
)
from tests.unit.stores.stock import ACTOR, device, settle

if TYPE_CHECKING:
    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.model import Configuration
    from tests.unit.cli.office import Office

QUICK: Final = 0.3
PATIENT: Final = 20.0


@pytest.fixture
def config(office: Office) -> Configuration:
    """The desk's configuration; its client shares the responder's secret."""
    config = read.load(office.config)
    client = dataclasses.replace(config.clients[0], secret=Secret(SECRET))
    return dataclasses.replace(config, clients=(client,))


def _listener(
    config: Configuration, port: int, timeout: float = PATIENT, *, host: str = "127.0.0.1"
) -> Finding:
    (found,) = examine_self.listener(config, Listen(host, port), timeout)
    return found


@pytest.mark.parametrize("lost", ["it.db", "keys"])
def test_missing_store_or_keys_are_a_fault(
    lost: str, office: Office, config: Configuration
) -> None:
    """What cannot be opened is told in the words of every other command."""
    (office.folder / lost).unlink()
    (found,) = examine_self.store(config)
    assert (found.level, found.cause) == (Level.FAULT, Cause.UNUSABLE_STORE)
    assert str(office.folder / lost) in found.text


def test_store_is_opened_and_counted(office: Office, config: Configuration) -> None:
    """A store that opens is told with its schema and how many people it knows."""
    with office.open() as store:
        settle(store, "alice", "bob")
    (found,) = examine_self.store(config)
    assert found.level is Level.OK
    assert f"schema {max(migrations.steps())}, 2 users" in found.text


@pytest.mark.parametrize(
    ("client", "settings", "cause", "text", "advice"),
    [
        pytest.param(
            "",
            {"learns_patience": True},
            Cause.GIVES_UP_AFTER,
            "",
            "set time_budget: 15",
            id="learn",
        ),
        pytest.param(
            "",
            {"time_budget": 20},
            Cause.GIVES_UP_SOONER,
            "; time_budget is 20",
            "set time_budget: 15, unless it has been given more time since",
            id="too-long",
        ),
        pytest.param("", {"time_budget": 15}, None, "", "", id="as-it-is"),
        pytest.param("gone", {"time_budget": 20}, None, "", "", id="of-nobody"),
    ],
)
def test_how_long_clients_wait_is_told(
    office: Office,
    config: Configuration,
    client: str,
    settings: dict[str, Any],
    cause: Cause | None,
    text: str,
    advice: str,
) -> None:
    """What was learned is shown with the setting that it asks for, and where one says otherwise."""
    (entry,) = config.clients
    with office.open() as store:
        logins = Logins(store)
        logins.begin()
        known = Known(15.01, 5.0, 3)
        logins.clients.put_patience(client or entry.name, "192.0.2.10", known, 5.0)
        logins.commit()
    changed = dataclasses.replace(config, clients=(dataclasses.replace(entry, **settings),))

    found = examine_self.store(changed)[1:]

    if cause is None:
        assert found == []
        return
    (note,) = found
    assert (note.level, note.cause) == (Level.NOTE, cause)
    assert note.subject == f"client {entry.name} (192.0.2.10)"
    assert note.text == f"gives up after 15 s (5 s apart, 3 tries){text}"
    assert note.advice == advice


def test_assignment_to_a_lost_upstream_is_a_note(office: Office, config: Configuration) -> None:
    """Whoever is assigned to what is not configured has no factor by that: it is said."""
    with office.open() as store:
        settle(store, "alice")
        for upstream in ("old", "rsa"):
            assignments.assign(store, ACTOR, Assignment(user="alice", upstream=upstream))
    known = dataclasses.replace(config, upstreams=(Upstream(name="rsa", servers=()),))
    found = examine_self.store(known)
    assert [one.cause for one in found] == [Cause.WELL, Cause.FORGOTTEN_UPSTREAM]
    assert "1 user assigned to upstream old" in found[1].text


def test_people_of_factors_that_services_check_are_counted(
    office: Office, config: Configuration
) -> None:
    """Whoever is assigned to a service is not lost, and each such factor is told."""
    with office.open() as store:
        settle(store, "alice")
        assignments.assign(store, ACTOR, Assignment(user="alice", upstream="duo"))
    factor = UpstreamFactor(name="push", upstream="duo", is_service=True, users=Users.ASSIGNED)
    known = dataclasses.replace(
        config,
        services=(Service(name="duo", settings=Questions()),),
        factors=Factors(upstream=(factor,)),
    )
    found = examine_self.store(known)
    assert [(one.subject, one.text) for one in found[1:]] == [
        ("factor push", "1 user assigned to service duo")
    ]
    assert "1 service," in examine_self.configuration(known)[0].text


def test_warnings_of_the_configuration_are_notes(config: Configuration) -> None:
    """What `run` would log is among the findings."""
    loud = dataclasses.replace(config, warnings=("client vpn: loud",))
    found = examine_self.configuration(loud)
    assert [one.level for one in found] == [Level.OK, Level.NOTE]
    assert found[1].text == "client vpn: loud"


def test_stopped_server_is_a_note(config: Configuration) -> None:
    """A server that does not run is no fault: a doctor may be asked before the start."""
    found = _listener(config, closed_port())
    assert (found.level, found.cause) == (Level.NOTE, Cause.NOT_RUNNING)


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        pytest.param(silent, Cause.SILENT, id="silent"),
        pytest.param(other_secret, Cause.OTHER_SECRET, id="other-configuration"),
    ],
)
def test_server_that_does_not_answer_as_it_must_is_a_fault(
    act: Act, cause: Cause, config: Configuration
) -> None:
    """Something has the port and does not answer us: that keeps clients out, too."""
    with Responder(by_code(status=act)) as responder:
        found = _listener(config, responder.port, QUICK)
    assert (found.level, found.cause) == (Level.FAULT, cause)
    assert found.advice


def test_silence_to_a_stranger_is_a_note(config: Configuration) -> None:
    """Where this host is no client, silence is what it has to get."""
    with Responder(by_code(), "127.0.0.3") as responder:
        found = _listener(config, responder.port, QUICK, host="127.0.0.3")
    assert (found.level, found.cause) == (Level.NOTE, Cause.NOT_ASKED)
    assert "no client has the address 127.0.0.3" in found.text


def test_address_that_cannot_be_asked_is_a_note(config: Configuration) -> None:
    """What the system cannot send to is told, and is no fault of the server's."""
    found = _listener(config, 1812, host="255.255.255.255")
    assert (found.level, found.cause) == (Level.NOTE, Cause.NOT_ASKED)


@pytest.mark.parametrize(
    ("listened", "host", "code"),
    [
        pytest.param("127.0.0.1", "127.0.0.1", numbers.ACCESS_ACCEPT, id="address"),
        pytest.param("0.0.0.0", "127.0.0.1", numbers.ACCESS_ACCEPT, id="all-addresses"),
        pytest.param("127.0.0.1", "127.0.0.1", numbers.ACCOUNTING_RESPONSE, id="accounting"),
    ],
)
def test_running_server_answers(listened: str, host: str, code: int, config: Configuration) -> None:
    """A server that runs answers Status-Server, and how fast; accounting ports do, too."""
    with Responder(by_code(status=answer(code)), host) as responder:
        found = _listener(config, responder.port, host=listened)
    assert found.level is Level.OK
    assert found.seconds is not None


def test_ipv6_address_is_shown_in_brackets(config: Configuration) -> None:
    """An IPv6 address is told from its port."""
    with Responder(by_code(), "::1") as responder:
        found = _listener(config, responder.port, QUICK, host="::")
    assert found.subject == f"listen [::]:{responder.port}"
    assert "no client has the address ::1" in found.text


def test_numbers_that_nothing_uses_are_told(office: Office, config: Configuration) -> None:
    """Somebody was enrolled for a factor that the configuration does not have."""
    with office.open() as store:
        settle(store, "alice", "bob")
        device(store, "alice", "sms", "+491701234567")
        device(store, "alice", "sms", "+491701234568")
        device(store, "bob", "sms", "+491701234567")
        device(store, "bob", "email", "bob@example.org", serial="E1")
        tokens.set_disabled(store, ACTOR, "E1", disabled=True)
    (_, found) = examine_self.store(config)
    assert (found.level, found.cause) == (Level.NOTE, Cause.UNUSED_DEVICES)
    assert found.text == "2 users with a device of kind sms, which no factor uses"
    texts = UpstreamFactor(name="texts", upstream="x", is_service=True, holds="sms")
    factors = dataclasses.replace(config.factors, upstream=(texts,))
    _, found = examine_self.store(dataclasses.replace(config, factors=factors))
    assert (found.level, found.text) == (Level.OK, "2 users with a device of kind sms")
