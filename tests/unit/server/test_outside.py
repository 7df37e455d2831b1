"""Tests of `radiusmfa.server.outside`: everybody is asked by who can answer."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.interfaces import ConfigError
from radiusmfa.login.errands import Approval, AskApproval, AskService, Bind, LookUp, Served, Told
from radiusmfa.outcome import PASSED
from radiusmfa.server.outside import Outside
from radiusmfa.upstream.inquiry import Inquiry, Response

if TYPE_CHECKING:
    from radiusmfa.server.received import Received

ONE, TWO = cast("Received", "one request"), cast("Received", "another")
INQUIRY = Inquiry(upstream="rsa", attributes=b"", typed=b"", deadline=1.0)
LOOK_UP = LookUp(directory="corp", name="alice", deadline=1.0)
BIND = Bind(directory="corp", name="alice", person=None, password=b"x", deadline=1.0)
NEW = SimpleNamespace(
    upstreams="upstreams",
    directories="directories",
    approvals="approvals",
    services="services",
)
SERVICE = AskService(service="duo", user="alice")
APPROVAL = AskApproval(approval="root", user="alice", deadline=1.0)


class Desk:
    """Somebody who is asked, and remembers it."""

    def __init__(self) -> None:
        """Have been asked nothing."""
        self.asked: list[object] = []
        self.settings: object = None
        self.is_closed = self.is_broken = False
        self.answered: Any = None

    def ask(self, batch: list[tuple[Received, object]]) -> None:
        """Take what is asked."""
        self.asked.append(batch)

    def configure(self, settings: object) -> None:
        """Take settings, or fail."""
        self.swap(self.prepared(settings))

    def prepared(self, settings: object) -> object:
        """Return settings, or fail."""
        if self.is_broken:
            raise ConfigError("it cannot be asked")
        return settings

    def swap(self, settings: object) -> None:
        """Take settings that are prepared."""
        self.settings = settings

    def close(self) -> None:
        """End."""
        self.is_closed = True


@pytest.fixture
def desks() -> list[Desk]:
    """Four who can be asked: upstreams, directories, approvals, services."""
    return [Desk(), Desk(), Desk(), Desk()]


def outside(desks: list[Desk]) -> Outside:
    """Return what sorts between them."""
    return Outside(*(cast("Any", desk) for desk in desks))


def test_each_is_asked_by_who_can_answer(desks: list[Desk]) -> None:
    """A burst is sorted, its order kept; who has nothing to do is not called."""
    outside(desks).ask(
        [(ONE, LOOK_UP), (TWO, INQUIRY), (TWO, BIND), (ONE, APPROVAL), (TWO, SERVICE)]
    )
    assert [desk.asked for desk in desks] == [
        [[(TWO, INQUIRY)]],
        [[(ONE, LOOK_UP), (TWO, BIND)]],
        [[(ONE, APPROVAL)]],
        [[(TWO, SERVICE)]],
    ]
    for desk in desks:
        desk.asked.clear()
    outside(desks).ask([(ONE, INQUIRY)])
    assert [len(desk.asked) for desk in desks] == [1, 0, 0, 0]


def test_whatever_is_answered_goes_one_way(desks: list[Desk]) -> None:
    """The pipeline hears of all of them."""
    heard: list[object] = []
    made = outside(desks)
    made.answered = heard.append
    told, approval = Told(directory="corp"), Approval(approval="root")
    desks[1].answered([(ONE, told)])
    desks[2].answered([(TWO, approval)])
    served = Served(outcome=PASSED)
    desks[3].answered([(ONE, served)])
    assert heard == [[(ONE, told)], [(TWO, approval)], [(ONE, served)]]
    assert Response(upstream="rsa") not in heard


def test_everybody_is_closed(desks: list[Desk]) -> None:
    """At the end nobody is asked any more."""
    outside(desks).close()
    assert all(desk.is_closed for desk in desks)


def test_reload_that_fails_changes_nothing(desks: list[Desk]) -> None:
    """Where a directory or a service cannot be asked, the old ones are, all of them."""
    for at in (1, 2, 3):
        for desk in desks:
            desk.settings = "old"
        desks[at].is_broken = True
        with pytest.raises(ConfigError):
            outside(desks).configure(cast("Any", NEW))
        assert [desk.settings for desk in desks] == ["old"] * 4
        desks[at].is_broken = False
    outside(desks).configure(cast("Any", NEW))
    assert [desk.settings for desk in desks] == [
        "upstreams",
        "directories",
        "approvals",
        "services",
    ]


def test_services_are_known_from_upstreams_by_name(desks: list[Desk]) -> None:
    """Who is dead, what was heard and what was counted: each is asked about its own."""
    relays, services = desks[0], desks[3]
    said: list[str] = []
    for title, desk in (("upstream", relays), ("service", services)):
        asked = partial(said.append, title)
        vars(desk).update(
            is_dead=lambda _name, title=title: title == "service",
            heard=lambda _name, _event, asked=asked: asked(),
            read=lambda title=title: {title: {"asked": 1}},
        )
    vars(services).update(has=lambda name: name == "duo")
    made = outside(desks)
    assert (made.is_dead("duo"), made.is_dead("rsa")) == (True, False)
    made.heard("duo", Event.PUSH_SENT)
    made.heard("rsa", Event.PUSH_SENT)
    assert said == ["service", "upstream"]
    assert made.read() == {"upstream": {"asked": 1}, "service": {"asked": 1}}
