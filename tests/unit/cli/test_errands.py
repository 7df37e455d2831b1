"""Tests of `radiusmfa.cli.errands`, against an LDAP server of a few lines."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.cli.errands import Errands
from radiusmfa.config import read
from radiusmfa.login.errands import Approval, AskApproval, Bind, LookUp, Told
from radiusmfa.outcome import Reason
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import BASE, SERVICE, Responder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from radiusmfa.config.model import Configuration
    from tests.unit.cli.office import Office

PATIENT: Final = 20.0


@pytest.fixture
def responder(ca: trustme.CA) -> Iterator[Responder]:
    """A directory that knows Alice."""
    with Responder(server_context(ca, "127.0.0.1")) as made:
        yield made


@pytest.fixture
def config(office: Office, responder: Responder, ca_file: Path) -> Configuration:
    """Two directories on one server."""
    office.file("password", "service-password")
    text = office.config.read_text()
    one = (
        f'{{ldap: {{servers: ["ldap://127.0.0.1:{responder.port}"], base: "{BASE}", groups: none,'
        f' ca_file: {ca_file}, bind_dn: "{SERVICE}", bind_password: {{file: password}}}}}}'
    )
    office.config.write_text(f"{text}primaries: {{corp: {one}, other: {one}}}\n")
    return read.load(office.config)


def _look_up(directory: str = "corp") -> LookUp:
    return LookUp(directory=directory, name="alice", deadline=time.monotonic() + PATIENT)


def _bind(told: Told, password: bytes) -> Bind:
    deadline = time.monotonic() + PATIENT
    return Bind(
        directory="corp", name="alice", person=told.person, password=password, deadline=deadline
    )


def test_password_is_not_sent_without_leave(responder: Responder, config: Configuration) -> None:
    """A search counts nothing and is made; a bind counts there, and is not."""
    with closing(Errands(config, may_bind=False)) as errands:
        told = errands(_look_up())
        assert isinstance(told, Told)
        assert told.person is not None
        assert errands(_bind(told, b"right")) is None

    assert [name for name, _ in responder.binds] == [SERVICE]


@pytest.mark.parametrize(
    ("password", "reason"), [(b"wrong", Reason.BAD_PASSWORD), (b"right", None)]
)
def test_password_is_sent_with_leave(
    responder: Responder, config: Configuration, password: bytes, reason: Reason | None
) -> None:
    """What the directory says of it counts."""
    with closing(Errands(config, may_bind=True)) as errands:
        told = errands(_look_up())
        assert isinstance(told, Told)
        answer = errands(_bind(told, password))

    assert isinstance(answer, Told)
    assert answer.reason is reason
    assert [sent for _, sent in responder.binds] == [b"service-password", password]


def test_service_of_approvals_is_not_asked(config: Configuration) -> None:
    """Only what somebody said is taken as given."""
    with closing(Errands(config, may_bind=True, approved=("change",))) as errands:
        given, missing = (
            errands(AskApproval(approval=name, user="alice", deadline=0))
            for name in ("change", "other")
        )

    assert given == Approval(approval="change")
    assert missing is None


def test_each_directory_has_a_connection_of_its_own(
    responder: Responder, config: Configuration
) -> None:
    """One is connected to when it is first needed, and kept for the next search, until the end."""
    with closing(Errands(config, may_bind=False)) as errands:
        assert responder.connections == 0
        for name in ("corp", "corp", "other"):
            told = errands(_look_up(name))
            assert isinstance(told, Told)
            assert told.directory == name
        assert responder.connections == 2

    responder.await_goodbye()
