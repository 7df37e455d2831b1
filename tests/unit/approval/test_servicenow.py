"""What ServiceNow is asked, and what its records are worth: refusals first."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.approval import servicenow
from radiusmfa.approval.servicenow import Case, Query
from radiusmfa.config.approval_model import ServiceNow, Table, UserField
from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from tests.fakes import START
from tests.servicenow import ACCOUNT, FIELDS, HOUR, PASSWORD, Asked, Row, Simulator, at

if TYPE_CHECKING:
    from collections.abc import Callable

DAY: Final = 86_400
ITEM: Final = "f" * 32
UNAVAILABLE: Final = Approval(approval="change", reason=Reason.APPROVAL_UNAVAILABLE)
_HEADERS: Final = {
    "authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode()
}


class Office:
    """
    An instance with people and records, asked without HTTP.

    Attributes:
        simulator: It.
        alice: Who wants to log in.
        boss: Who approves.
        asked: Every query.
    """

    def __init__(self) -> None:
        """Employ three people."""
        self.simulator = Simulator()
        self.alice = self.simulator.person("alice")
        self.boss = self.simulator.person("boss")
        self.second = self.simulator.person("second")
        self.asked: list[Query] = []

    def change(self, **values: str) -> Row:
        """Put in a change of Alice's that is approved and open for an hour each way."""
        return self.simulator.change(self.alice, START, **values)

    def ordered(self, **values: str) -> Row:
        """Put in an item that was ordered for Alice an hour ago, and approved."""
        request = self.simulator.add("sc_request", requested_for=self.alice["sys_id"])
        usual = {
            "number": "RITM0010001",
            "state": "2",
            "approval": "approved",
            "active": "true",
            "cat_item": ITEM,
            "request": request["sys_id"],
            "sys_created_on": at(START - HOUR),
        }
        return self.simulator.add("sc_req_item", **(usual | values))

    def approver(self, record: Row, who: Row, state: str = "approved") -> Row:
        """Note that somebody has been asked, and what they said."""
        return self.simulator.add(
            "sysapproval_approver",
            sysapproval=record["sys_id"],
            approver=who["sys_id"],
            state=state,
        )

    def ask(
        self,
        user: str = "alice",
        now: float = START,
        longest: int = 30 * DAY,
        **settings: Any,  # noqa: ANN401 - as the model has them
    ) -> Approval:
        """Return what comes of asking about *user*."""
        case = Case(
            approval="change",
            longest=longest,
            settings=settings_with(**settings),
            user=user,
            now=now,
        )
        asking = servicenow.ask(case)
        try:
            query = next(asking)
            while True:
                self.asked.append(query)
                query = asking.send(self.answer(query))
        except StopIteration as ended:
            found: Approval = ended.value
            return found

    def answer(self, query: Query) -> bytes:
        """Return what the instance answers to *query*."""
        path = f"/api/now/table/{query.table}"
        status, found = self.simulator.answer(
            Asked("GET", path, dict(query.parameters), _HEADERS, b"")
        )
        assert status == 200
        return json.dumps(found).encode()


def settings_with(**settings: object) -> ServiceNow:
    """Return settings that differ from the defaults in *settings*."""
    usual: dict[str, object] = {"url": "https://example.service-now.com", "user": ACCOUNT}
    return ServiceNow(**(usual | {"password": Secret(b"x")} | settings))  # type: ignore[arg-type]


OF_ITEM: Final[dict[str, Any]] = {
    "table": Table.ITEM,
    "relation": ("request.requested_for",),
    "states": ("1", "2"),
    "item": ITEM,
}


@pytest.fixture
def office() -> Office:
    """Return an instance without records."""
    return Office()


@pytest.mark.parametrize(
    "user",
    [
        "alice^ORactive=true",
        "CHG0030001^ORapproval=approved",
        "alice^NQactive=true",
        "alice=",
        "alice,boss",
        "alice boss",
        "alice\n",
        "",
        "ä",
        "\u212aatie",  # the Kelvin sign is no K
        "javascript:gs.getUserID()",
        101 * "a",
    ],
)
def test_name_that_could_change_the_query_is_not_asked_about(office: Office, user: str) -> None:
    """A name with characters that mean something in a query is refused before any query."""
    office.change()

    assert office.ask(user) == Approval(approval="change", reason=Reason.NOT_APPROVED)
    assert office.asked == []


REFUSED: Final = [
    pytest.param({"approval": "requested"}, Reason.APPROVAL_PENDING, id="pending"),
    pytest.param({"approval": "rejected"}, Reason.APPROVAL_REJECTED, id="rejected"),
    pytest.param({"approval": "cancelled"}, Reason.APPROVAL_REJECTED, id="canceled"),
    pytest.param({"approval": "not requested"}, Reason.NOT_APPROVED, id="not requested"),
    pytest.param({"approval": "not_required"}, Reason.NOT_APPROVED, id="not required"),
    pytest.param({"approval": ""}, Reason.NOT_APPROVED, id="no approval"),
    pytest.param({"approval": "Approved"}, Reason.NOT_APPROVED, id="a label"),
    pytest.param({"state": "4", "active": "false"}, Reason.NOT_APPROVED, id="canceled afterwards"),
    pytest.param({"state": "4"}, Reason.NOT_APPROVED, id="state"),
    pytest.param({"state": ""}, Reason.NOT_APPROVED, id="no state"),
    pytest.param({"active": "false"}, Reason.NOT_APPROVED, id="not active"),
    pytest.param({"on_hold": "true"}, Reason.NOT_APPROVED, id="on hold"),
    pytest.param({"on_hold": ""}, Reason.NOT_APPROVED, id="hold not said"),
    pytest.param({"start_date": ""}, Reason.NOT_APPROVED, id="no beginning"),
    pytest.param({"end_date": ""}, Reason.NOT_APPROVED, id="no end"),
    pytest.param({"end_date": at(START - 1)}, Reason.APPROVAL_EXPIRED, id="over"),
    pytest.param(
        {"end_date": at(START - 1), "state": "3", "active": "false"},
        Reason.APPROVAL_EXPIRED,
        id="over and closed",
    ),
    pytest.param({"start_date": at(START + 1)}, Reason.NOT_APPROVED, id="not begun"),
    pytest.param(
        {"start_date": at(START + 60), "end_date": at(START - 60)},
        Reason.APPROVAL_EXPIRED,
        id="ends before it begins",
    ),
    pytest.param({"assigned_to": ""}, Reason.NOT_APPROVED, id="nobody's"),
    pytest.param({"assigned_to": "b" * 32}, Reason.NOT_APPROVED, id="somebody else's"),
]


@pytest.mark.parametrize(("values", "reason"), REFUSED)
def test_change_that_is_not_in_force_is_refused(
    office: Office, values: Row, reason: Reason
) -> None:
    """Each condition alone keeps a change from letting anybody in."""
    office.change(**values)

    found = office.ask()

    assert (found.reason, found.until) == (reason, None)
    assert found.evidence == ("" if reason is Reason.NOT_APPROVED else "CHG0030001")


@pytest.mark.parametrize(("values", "reason"), REFUSED)
def test_conditions_are_looked_at_again(office: Office, values: Row, reason: Reason) -> None:
    """Were every condition of the query dropped, the same records would be refused."""
    office.change(**values)
    answer = office.answer

    def all_dropped(query: Query) -> bytes:
        if query.table != "change_request":
            return answer(query)
        return answer(
            Query(table=query.table, conditions="nonsense=1", fields=query.fields, limit=9)
        )

    office.answer = all_dropped  # type: ignore[method-assign]

    assert office.ask().reason is reason


def test_nobodys_record_lets_nobody_in(office: Office) -> None:
    """Without any record there is no approval."""
    assert office.ask() == Approval(approval="change", reason=Reason.NOT_APPROVED)
    assert [query.table for query in office.asked] == [
        "sys_user",
        "change_request",
        "change_request",
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"active": "false"},
        {"active": ""},
        {"user_name": "alice2"},
        {"user_name": ""},
    ],
)
def test_person_who_is_not_there_is_refused(office: Office, values: Row) -> None:
    """Who has left, was renamed, or cannot be read, has no approval."""
    office.change()
    office.alice.update(values)

    assert office.ask().reason is Reason.NOT_APPROVED
    assert [query.table for query in office.asked] == ["sys_user"]


def test_two_of_one_name_are_refused(office: Office) -> None:
    """Nobody is chosen among two people of the same name; case does not tell them apart."""
    office.change()
    office.simulator.person("Alice")

    assert office.ask().reason is Reason.NOT_APPROVED


def test_same_name_that_has_left_is_nobody(office: Office) -> None:
    """Of two people of the same name the one who is there counts."""
    office.change()
    office.simulator.person("alice", active="false")

    assert office.ask().reason is None


def test_unknown_user_field_finds_nobody(office: Office) -> None:
    """Were `email` unknown there, everybody would be found: nobody of them is the person."""
    for row in office.simulator.tables["sys_user"]:
        row["email"] = ""
    office.change()

    assert office.ask("alice@example.com", user_field=UserField.EMAIL).reason is (
        Reason.NOT_APPROVED
    )


def test_unknown_relation_lets_nobody_in(office: Office) -> None:
    """A field that the table does not have is dropped from the query, and names nobody."""
    office.change()

    found = office.ask("boss", relation=("u_implementer",))

    assert found.reason is Reason.NOT_APPROVED
    assert "u_implementer=" in office.asked[1].conditions


@pytest.mark.parametrize("blank", ["approval", "state", "active", "end_date", "assigned_to"])
def test_field_that_may_not_be_read_lets_nobody_in(office: Office, blank: str) -> None:
    """What access rules blank is not there."""
    office.change()
    office.simulator.blank.add(blank)

    assert office.ask().reason is Reason.NOT_APPROVED


def test_record_that_may_not_be_read_lets_nobody_in(office: Office) -> None:
    """What access rules hide is not there."""
    record = office.change()
    office.simulator.hidden.add(record["sys_id"])

    assert office.ask().reason is Reason.NOT_APPROVED


@pytest.mark.parametrize(
    ("approvers", "needed", "is_in"),
    [
        ((), 1, False),
        (("alice",), 1, False),
        (("boss",), 1, True),
        (("boss", "alice"), 2, False),
        (("boss", "boss"), 2, False),
        (("boss", "second"), 2, True),
        (("alice",), 0, True),
    ],
)
def test_four_eyes(office: Office, approvers: tuple[str, ...], needed: int, *, is_in: bool) -> None:
    """Nobody's own approval counts, and one person's counts once."""
    record = office.change()
    for name in approvers:
        office.approver(record, getattr(office, name))

    found = office.ask(four_eyes=needed)

    assert found.reason is (None if is_in else Reason.NOT_APPROVED)
    assert found.evidence == "CHG0030001"


@pytest.mark.parametrize("state", ["requested", "rejected", "not requested", "cancelled"])
def test_approver_who_has_not_approved_does_not_count(office: Office, state: str) -> None:
    """Only who said yes has approved."""
    office.approver(office.change(), office.boss, state)

    assert office.ask(four_eyes=1).reason is Reason.NOT_APPROVED


def test_approver_who_has_left_does_not_count(office: Office) -> None:
    """An approval of somebody who is not active is none."""
    office.approver(office.change(), office.boss)
    office.boss["active"] = "false"

    assert office.ask(four_eyes=1).reason is Reason.NOT_APPROVED


def test_approver_of_another_record_does_not_count(office: Office) -> None:
    """Each record needs approvers of its own."""
    office.change(number="CHG0030001")
    office.approver(office.change(number="CHG0030002"), office.boss)

    assert office.ask(four_eyes=1).evidence == "CHG0030002"
    assert office.ask(four_eyes=2).reason is Reason.NOT_APPROVED


def test_approvers_are_looked_at_again(office: Office) -> None:
    """Were every condition on approvers dropped, others' rows would not count."""
    record, other = office.change(), office.change(assigned_to="")
    office.approver(other, office.boss)
    office.approver(record, office.second, "rejected")
    answer = office.answer

    def all_dropped(query: Query) -> bytes:
        conditions = "" if query.table == "sysapproval_approver" else query.conditions
        return answer(
            Query(table=query.table, conditions=conditions, fields=query.fields, limit=query.limit)
        )

    office.answer = all_dropped  # type: ignore[method-assign]

    assert office.ask(four_eyes=1).reason is Reason.NOT_APPROVED


def test_record_that_passes_only_when_asked_for_reasons_lets_nobody_in(office: Office) -> None:
    """The last query tells reasons; an approval that comes in between counts the next time."""
    answer, seen = office.answer, []

    def approved_meanwhile(query: Query) -> bytes:
        seen.append(query)
        if len(seen) == 3:
            office.change()
        return answer(query)

    office.answer = approved_meanwhile  # type: ignore[method-assign]

    assert office.ask(four_eyes=1).reason is Reason.NOT_APPROVED


def test_change_in_force_lets_in_until_its_end(office: Office) -> None:
    """An approved change in its window is a yes, with its number and its end."""
    office.change()

    assert office.ask() == Approval(approval="change", until=START + HOUR, evidence="CHG0030001")
    assert [query.table for query in office.asked] == ["sys_user", "change_request"]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (START - 1, Reason.NOT_APPROVED),
        (START, None),
        (START + 60, None),
        (START + 60.5, Reason.APPROVAL_EXPIRED),
        (START + 61, Reason.APPROVAL_EXPIRED),
    ],
)
def test_edges_of_the_window(office: Office, now: float, reason: Reason | None) -> None:
    """The window's first and last second belong to it."""
    office.change(start_date=at(START), end_date=at(START + 60))

    assert office.ask(now=now).reason is reason


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (START - 301, Reason.NOT_APPROVED),
        (START - 300, None),
        (START + 360, None),
        (START + 361, Reason.APPROVAL_EXPIRED),
    ],
)
def test_grace_widens_the_window(office: Office, now: float, reason: Reason | None) -> None:
    """Grace counts before and after, and in the end that is told."""
    office.change(start_date=at(START), end_date=at(START + 60))

    found = office.ask(now=now, grace=300)

    assert found.reason is reason
    assert found.until == (START + 360 if reason is None else None)


def test_window_is_no_longer_than_allowed(office: Office) -> None:
    """A change that lasts a year lets in for `longest` from its beginning."""
    office.change(start_date=at(START), end_date=at(START + 365 * DAY))

    assert office.ask(now=START + HOUR, longest=7200).until == START + 7200
    assert office.ask(now=START + 7201, longest=7200).reason is Reason.APPROVAL_EXPIRED


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-12-31T23:29:59+00:00", Reason.NOT_APPROVED),
        ("2026-12-31T23:30:00+00:00", None),
        ("2027-01-01T00:00:00+00:00", None),
        ("2027-01-01T00:30:00+00:00", None),
        ("2027-01-01T00:30:01+00:00", Reason.APPROVAL_EXPIRED),
        ("2027-01-01T00:30:00+01:00", None),
        ("2027-01-01T01:30:01+01:00", Reason.APPROVAL_EXPIRED),
    ],
)
def test_times_are_utc_around_midnight(office: Office, now: str, reason: Reason | None) -> None:
    """A window over midnight is one of UTC, wherever the server stands."""
    office.change(start_date="2026-12-31 23:30:00", end_date="2027-01-01 00:30:00")

    assert office.ask(now=datetime.fromisoformat(now).timestamp()).reason is reason


def test_latest_end_counts(office: Office) -> None:
    """Of several approvals in force the one that lasts longest is told."""
    office.change(number="CHG0030001")
    office.change(number="CHG0030002", end_date=at(START + 2 * HOUR))
    office.change(number="CHG0030003", end_date=at(START + 60))

    assert office.ask().evidence == "CHG0030002"


def test_either_relation_is_enough(office: Office) -> None:
    """By default who implements a change and who asked for it may both."""
    office.change(assigned_to=office.boss["sys_id"], requested_by=office.alice["sys_id"])

    assert office.ask().reason is None
    assert office.ask("boss").reason is None
    assert office.ask("boss", relation=("requested_by",)).reason is Reason.NOT_APPROVED


def test_renamed_person_keeps_the_approval(office: Office) -> None:
    """Records name people by sys_id: whoever is renamed keeps them under the new name only."""
    office.change()
    office.alice["user_name"] = "alice.smith"

    assert office.ask("alice").reason is Reason.NOT_APPROVED
    assert office.ask("alice.smith").reason is None


def test_person_is_found_by_mail(office: Office) -> None:
    """With `user_field: email` a person is found by address."""
    office.change()

    assert office.ask("alice@example.com", user_field=UserField.EMAIL).reason is None


def test_latest_record_that_tells_a_reason_is_named(office: Office) -> None:
    """What was touched last says why not, unless it says nothing."""
    office.change(number="CHG1", approval="rejected", sys_updated_on=at(START - 30))
    office.change(number="CHG2", approval="requested", sys_updated_on=at(START - 20))
    office.change(number="CHG3", approval="not requested", sys_updated_on=at(START - 10))

    found = office.ask()

    assert (found.reason, found.evidence) == (Reason.APPROVAL_PENDING, "CHG2")


def test_item_in_force_lets_in(office: Office) -> None:
    """An approved item counts from when it was ordered, as long as `longest` says."""
    office.ordered()

    found = office.ask(longest=7200, **OF_ITEM)

    assert found == Approval(approval="change", until=START + HOUR, evidence="RITM0010001")
    assert office.ask(now=START + HOUR + 1, longest=7200, **OF_ITEM).reason is (
        Reason.APPROVAL_EXPIRED
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"cat_item": "e" * 32}, Reason.NOT_APPROVED),
        ({"cat_item": ""}, Reason.NOT_APPROVED),
        ({"request": ""}, Reason.NOT_APPROVED),
        ({"approval": "requested"}, Reason.APPROVAL_PENDING),
        ({"state": "3", "active": "false"}, Reason.NOT_APPROVED),
        ({"sys_created_on": ""}, Reason.NOT_APPROVED),
        ({"sys_created_on": at(START + 60)}, Reason.NOT_APPROVED),
    ],
)
def test_item_that_is_not_in_force_is_refused(office: Office, values: Row, reason: Reason) -> None:
    """Another item, another person's, one not approved, closed or without a time: no."""
    office.ordered(**values)

    assert office.ask(**OF_ITEM).reason is reason


def test_other_item_is_refused_though_it_is_found(office: Office) -> None:
    """Were the condition on the item dropped, another item would still let nobody in."""
    office.ordered(cat_item="e" * 32)
    answer = office.answer

    def item_dropped(query: Query) -> bytes:
        conditions = query.conditions.replace("cat_item=", "nonsense=")
        return answer(
            Query(table=query.table, conditions=conditions, fields=query.fields, limit=query.limit)
        )

    office.answer = item_dropped  # type: ignore[method-assign]

    assert office.ask(**OF_ITEM).reason is Reason.NOT_APPROVED


def test_item_for_somebody_else_is_refused(office: Office) -> None:
    """Who ordered for Alice does not get in by it."""
    office.ordered(opened_by=office.boss["sys_id"])

    assert office.ask("boss", **OF_ITEM).reason is Reason.NOT_APPROVED


BROKEN: Final[list[Callable[[bytes], bytes]]] = [
    lambda _: b"",
    lambda _: b"<html>Your instance is hibernating</html>",
    lambda octets: octets[:-1],
    lambda _: b"\xff\xfe",
    lambda _: b"[]",
    lambda _: b"null",
    lambda _: b"{}",
    lambda _: b'{"result": {}}',
    lambda _: b'{"result": null}',
    lambda _: b'{"result": ["CHG0030001"]}',
    lambda _: b"[" * 60_000,
    lambda octets: octets[:-1] + b', "error": {"message": "cancelled"}, "status": "failure"}',
    lambda octets: octets.replace(b'"true"', b"true"),
]
_OTHER_KEY: Final = b'"sys_id": "1^ORactive=true"'


def with_another_key(octets: bytes) -> bytes:
    """Return *octets* with a sys_id that would add a condition to the next query."""
    return re.sub(rb'"sys_id": "[0-9a-f]+"', _OTHER_KEY, octets)


@pytest.mark.parametrize(
    ("breaks", "at_query"),
    [
        *((breaks, at_query) for breaks in BROKEN for at_query in (0, 1, 2)),
        (with_another_key, 0),
        (with_another_key, 1),
    ],
)
def test_what_is_no_answer_is_unavailable(
    office: Office, breaks: Callable[[bytes], bytes], at_query: int
) -> None:
    """Whatever is no answer of the Table API ends in "unavailable", at each of the queries."""
    office.approver(office.change(), office.boss)
    answer, seen = office.answer, []

    def broken(query: Query) -> bytes:
        seen.append(query)
        octets = answer(query)
        return breaks(octets) if len(seen) == at_query + 1 else octets

    office.answer = broken  # type: ignore[method-assign]

    assert office.ask(four_eyes=1) == UNAVAILABLE
    assert len(seen) == at_query + 1


@pytest.mark.parametrize(
    "values",
    [
        {"number": ""},
        {"number": "CHG 1"},
        {"number": "CHG\n1"},
        {"end_date": "01/06/2027 12:00:00"},
        {"end_date": "2099-02-31 12:00:00"},
        {"end_date": "2099-06-01T12:00:00Z"},
    ],
)
def test_record_of_another_form_is_unavailable(office: Office, values: Row) -> None:
    """A number that cannot stand in the audit, or a time in another zone's form, is no answer."""
    office.change(**values)

    assert office.ask() == UNAVAILABLE


def test_values_are_asked_for_and_not_labels(office: Office) -> None:
    """Labels are in the account's language and time zone; references are plain."""
    office.ask()

    parameters = dict(office.asked[0].parameters)
    assert parameters["sysparm_display_value"] == "false"
    assert parameters["sysparm_exclude_reference_link"] == "true"
    assert parameters["sysparm_limit"] == "2"


def test_examination_finds_nothing_wrong(office: Office) -> None:
    """An account that may read everything passes."""
    office.simulator.person(ACCOUNT)
    office.approver(office.change(), office.boss)
    settings = settings_with(four_eyes=1)

    queries = servicenow.examination(settings)

    assert [query.table for query in queries] == [
        "sys_user",
        "change_request",
        "sysapproval_approver",
    ]
    assert queries[0].conditions == f"user_name={ACCOUNT}"
    assert [servicenow.trouble(query, office.answer(query)) for query in queries] == ["", "", ""]


def test_examination_of_a_client_reads_any_person(office: Office) -> None:
    """Whose account an OAuth client has is not known here."""
    (people, _) = servicenow.examination(settings_with(user="", client_id="x"))

    assert people.conditions == ""
    assert servicenow.trouble(people, office.answer(people)) == ""


def test_examination_tells_what_cannot_be_read(office: Office) -> None:
    """No record, a field that is not there, a blank key, no answer: each has its line."""
    settings = settings_with(relation=("u_implementer", "assigned_to"))
    own, changes = servicenow.examination(settings)

    assert "the account cannot read itself" in servicenow.trouble(own, office.answer(own))
    nothing = servicenow.trouble(changes, office.answer(changes))
    assert nothing == "change_request: no record can be read; give the account a role that may"
    office.change()
    unknown = servicenow.trouble(changes, office.answer(changes))
    assert unknown == "change_request: has no u_implementer, or the account may not read it"
    office.simulator.blank.add("sys_id")
    plain = Query(table="change_request", conditions="", fields=("sys_id",), limit=1)
    blank = servicenow.trouble(plain, office.answer(plain))
    assert blank == "change_request: the account may not read sys_id"
    assert "no answer of the Table API" in servicenow.trouble(plain, b"<html>")


def test_simulator_has_every_field_that_is_asked_for() -> None:
    """Names of fields are those of the tables: one that is not there would be dropped silently."""
    for settings in (settings_with(four_eyes=1), settings_with(**OF_ITEM)):
        for query in servicenow.examination(settings):
            first = {name.partition(".")[0] for name in query.fields}
            assert first <= set(FIELDS[query.table])
