"""The simulator behaves as the Table API does, its traps included; asked by other people's HTTP."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.servicenow import ACCOUNT, CLIENT, CLIENT_SECRET, PASSWORD, Running, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW: Final = 1_800_000_000.0
BASIC: Final = "Basic " + base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()


class Answer(NamedTuple):
    """What came."""

    status: int
    whole: Any


class Caller:
    """Asks a simulator that has two people and three changes."""

    def __init__(self, running: Running) -> None:
        """Fill it."""
        self._url = running.url
        self.simulator = running.simulator
        self.alice = self.simulator.person("alice", name="Alice A.")
        self.bob = self.simulator.person("bob", name="Bob B.", active="false")
        for at_day, of in ((1, self.alice), (3, self.bob), (2, self.alice)):
            self.simulator.change(of, NOW + at_day * 86_400, number=f"CHG000000{at_day}")

    def get(self, path: str, authorization: str = BASIC, **parameters: str) -> Answer:
        """Return the answer to a GET."""
        query = urllib.parse.urlencode(parameters)
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self._url}/api/now/table/{path}?{query}", headers={"Authorization": authorization}
        )
        return _answer(request)

    def post(self, **form: str) -> Answer:
        """Return the answer to a request for a token."""
        body = urllib.parse.urlencode(form).encode()
        url = f"{self._url}/oauth_token.do"
        return _answer(urllib.request.Request(url, data=body))  # noqa: S310 - loopback

    def numbers(self, query: str, **parameters: str) -> list[str]:
        """Return the numbers of the changes that *query* finds."""
        found = self.get("change_request", sysparm_query=query, **parameters)
        return [row["number"] for row in found.whole["result"]]


def _answer(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            return Answer(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error))


@pytest.fixture
def caller() -> Iterator[Caller]:
    """Return who asks."""
    with Running(None) as running:
        yield Caller(running)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("number=CHG0000001", ["1"]),
        ("number!=CHG0000001", ["3", "2"]),
        ("numberINCHG0000001,CHG0000003", ["1", "3"]),
        ("numberNOT INCHG0000001,CHG0000003", ["2"]),
        ("numberSTARTSWITHCHG", ["1", "3", "2"]),
        ("numberLIKE0003", ["3"]),
        ("requested_byISEMPTY^ORDERBYnumber", ["1", "2", "3"]),
        ("numberISNOTEMPTY^ORDERBYDESCnumber", ["3", "2", "1"]),
        ("number=CHG0000001^ORnumber=CHG0000002^state=-1", ["1", "2"]),
        ("number=CHG0000001^state=4", []),
        ("number=CHG0000001^state=4^NQnumber=CHG0000003", ["3"]),
        ("start_date>=2027-01-17 00:00:00", ["3", "2"]),
        ("start_date<=2027-01-17 00:00:00", ["1"]),
        ("start_date>2099-01-01 00:00:00", []),
        ("start_date<2099-01-01 00:00:00", ["1", "3", "2"]),
        ("assigned_to.user_name=alice", ["1", "2"]),
        ("assigned_to.active=false", ["3"]),
        ("requested_by.user_name=alice", []),
        ("number=chg0000001", ["1"]),
        ("", ["1", "3", "2"]),
    ],
)
def test_encoded_query_finds(caller: Caller, query: str, found: list[str]) -> None:
    """Operators, alternatives, new queries, order and dots, as the Table API has them."""
    assert caller.numbers(query) == [f"CHG000000{number}" for number in found]


@pytest.mark.parametrize(
    "query", ["nonsense=1", "number.nonsense=1", "assigned_to.nonsense=1", "requested_by.x=1", "?"]
)
def test_condition_on_an_unknown_field_is_dropped(caller: Caller, query: str) -> None:
    """The trap: an unknown field finds everything, unless a property says nothing."""
    assert len(caller.numbers(query)) == 3
    assert len(caller.numbers(f"{query}^number=CHG0000001")) == 1
    caller.simulator.ignores_unknown_fields = False
    assert caller.numbers(query) == []


def test_limit_and_offset(caller: Caller) -> None:
    """A page of what was found."""
    assert caller.numbers("ORDERBYnumber", sysparm_limit="1", sysparm_offset="1") == ["CHG0000002"]


def test_fields_that_are_not_there_are_left_out(caller: Caller) -> None:
    """What is asked for and unknown is not in the answer; what dots lead to is."""
    found = caller.get(
        "change_request",
        sysparm_query="number=CHG0000003",
        sysparm_fields="number,nonsense,assigned_to.user_name,assigned_to.active",
    )
    assert found.whole["result"] == [
        {"number": "CHG0000003", "assigned_to.user_name": "bob", "assigned_to.active": "false"}
    ]


def test_references_and_labels(caller: Caller) -> None:
    """A reference has a link unless told otherwise; labels come only if they are asked for."""
    asked = {"sysparm_query": "number=CHG0000001", "sysparm_fields": "assigned_to,state"}
    key = caller.alice["sys_id"]

    def shown(**more: str) -> Any:  # noqa: ANN401 - JSON
        return caller.get("change_request", **asked, **more).whole["result"][0]

    assert shown(sysparm_exclude_reference_link="true") == {"assigned_to": key, "state": "-1"}
    assert shown()["assigned_to"]["value"] == key
    assert shown(sysparm_display_value="true")["state"] == "Implement"
    both = {"value": key, "display_value": "Alice A."}
    assert shown(sysparm_display_value="all")["assigned_to"] == both


def test_one_record_by_its_key(caller: Caller) -> None:
    """A sys_id in the path gets that record, or 404."""
    key = caller.alice["sys_id"]
    assert caller.get(f"sys_user/{key}").whole["result"]["user_name"] == "alice"
    caller.simulator.hidden.add(key)
    assert caller.get(f"sys_user/{key}").status == 404


def test_access_rules_hide_and_blank(caller: Caller) -> None:
    """Rows vanish and fields come empty, without a word."""
    caller.simulator.hidden.add(caller.alice["sys_id"])
    caller.simulator.blank.add("user_name")
    rows = caller.get("sys_user", sysparm_fields="user_name,active").whole["result"]
    assert rows == [{"user_name": "", "active": "false"}]


def test_errors_are_those_of_the_table_api(caller: Caller) -> None:
    """An unknown table, a wrong account, a status of the test's own."""
    assert caller.get("nonsense").status == 400
    assert caller.get("sys_user", "Basic eDp5").whole["error"]["message"] == (
        "User Not Authenticated"
    )
    assert caller.get("sys_user", "").status == 401
    caller.simulator.status = 403
    assert caller.get("sys_user").status == 403


def test_token_is_given_and_taken(caller: Caller) -> None:
    """Client credentials get a bearer token; a wrong secret gets none."""
    right = {"client_id": CLIENT, "client_secret": CLIENT_SECRET}
    assert caller.post(grant_type="client_credentials", client_id="x").status == 401
    token = caller.post(grant_type="client_credentials", **right).whole["access_token"]

    assert caller.get("sys_user", f"Bearer {token}").status == 200
    assert caller.get("sys_user", "Bearer other").status == 401


def test_names_may_be_double() -> None:
    """Two people may have one name: nothing keeps a test from it."""
    simulator = Simulator()
    simulator.person("alice")
    simulator.person("alice")
    assert len(simulator.find("sys_user", "user_name=alice")) == 2
