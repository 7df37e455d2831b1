"""Tests of `radiusmfa.primary.entries`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radiusmfa.config.directory_model import Directory, Groups, Kind
from radiusmfa.login.person import Person
from radiusmfa.primary import entries
from radiusmfa.primary.entries import EntryError
from radiusmfa.primary.ldap import Entry, Search

BASE = "dc=corp,dc=example"
ALICE = f"uid=alice,ou=people,{BASE}"
PLAIN = Directory(name="corp", servers=(), base=BASE, groups=Groups.NONE)
AD = Directory(
    name="ad",
    servers=(),
    base=BASE,
    kind=Kind.ACTIVE_DIRECTORY,
    user_filter="(objectClass=user)",
    user_attributes=("userPrincipalName", "sAMAccountName"),
    name_attribute="sAMAccountName",
    groups=Groups.NESTED,
    group_attribute="sAMAccountName",
)


def entry(dn: str = ALICE, **attributes: list[bytes]) -> Entry:
    """Return an entry."""
    return Entry(dn, {name: tuple(values) for name, values in attributes.items()})


def test_person_is_looked_for_by_any_attribute() -> None:
    """One search asks for all; two entries are all that have to be told."""
    search = entries.by_name(replace(PLAIN, attributes=("mail", "uid")), "Al*ce")
    assert search == Search(
        base=BASE,
        filter="(&(objectClass=person)(|(uid=Al\\2ace)(mail=Al\\2ace)))",
        attributes=("uid", "mail"),
        most=2,
    )


def test_account_is_looked_for_by_its_own_name() -> None:
    """Who is bound has one account name; the entry tells which domain it is of."""
    search = entries.by_account(AD, "alice")
    assert search.filter == "(&(objectClass=user)(sAMAccountName=alice))"
    assert search.attributes == ("sAMAccountName", "msDS-PrincipalName")


def test_own_entry_is_read_where_it_is() -> None:
    """Who is bound by a distinguished name is that entry, if it is a person."""
    search = entries.by_dn(replace(PLAIN, groups=Groups.MEMBER_OF), ALICE)
    assert search == Search(
        base=ALICE,
        filter="(objectClass=person)",
        attributes=("uid", "memberOf"),
        is_entry=True,
    )


def test_groups_are_looked_for_with_the_chain() -> None:
    """Active Directory itself walks from group to group."""
    dn = "CN=Doe\\, Jane,DC=corp,DC=example"
    search = entries.of_groups(replace(AD, group_base="OU=g,DC=x"), entry(dn))
    assert search is not None
    assert search.base == "OU=g,DC=x"
    assert search.filter == (
        "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:="
        "CN\\3dDoe\\5c\\2c\\20Jane\\2cDC\\3dcorp\\2cDC\\3dexample))"
    )
    assert search.attributes == ("sAMAccountName",)


def test_groups_are_looked_for_with_the_filter() -> None:
    """The directory's own spelling of the name counts, not what was typed."""
    settings = replace(
        PLAIN,
        groups=Groups.SEARCH,
        group_filter="(|(member={dn})(memberUid={user}))",
        group_attribute="dn",
    )
    search = entries.of_groups(settings, entry("uid=A,dc=x", uid=[b"Alice (A)"]))
    assert search == Search(
        base=BASE,
        filter="(|(member=uid\\3dA\\2cdc\\3dx)(memberUid=Alice\\20\\28A\\29))",
        attributes=("1.1",),
    )


@pytest.mark.parametrize("groups", [Groups.MEMBER_OF, Groups.NONE])
def test_groups_are_not_looked_for(groups: Groups) -> None:
    """Where the entry names them, or nobody asks, there is no second search."""
    assert entries.of_groups(replace(PLAIN, groups=groups), entry()) is None


@pytest.mark.parametrize(
    ("strip", "typed", "expected"),
    [
        ((), "corp\\alice@x", "corp\\alice@x"),
        (("domain",), "corp\\alice", "alice"),
        (("realm",), "alice@x", "alice"),
        (("domain", "realm"), "corp\\alice@x", "alice"),
        (("realm",), "@x", ""),
    ],
)
def test_what_the_directory_does_not_know_is_taken_off(
    strip: tuple[str, ...], typed: str, expected: str
) -> None:
    """`strip` says what people type that no entry holds."""
    assert entries.shortened(replace(PLAIN, strip=strip), typed) == expected


def test_person_has_one_normal_name() -> None:
    """Tokens belong to the directory's name, in the form of every name here."""
    found = entries.person(PLAIN, entry(uid=[b"Alice"]), ())
    assert found == Person(directory="corp", name="alice", dn=ALICE)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({}, "no value of uid"),
        ({"uid": []}, "no value of uid"),
        ({"uid": [b"a", b"b"]}, "several values of uid"),
        ({"uid": [b"\xff"]}, "uid: a user name must be UTF-8"),
        ({"uid": [b" a"]}, "blanks at an end"),
        ({"uid": [b"a"], "memberOf;range=0-1": [b"cn=g"]}, "not all values of memberOf"),
    ],
)
def test_person_without_one_name_is_none(attributes: dict[str, list[bytes]], why: str) -> None:
    """Whose tokens these would be is never guessed; nor are groups that were not sent."""
    with pytest.raises(EntryError, match=why):
        entries.person(PLAIN, entry(ALICE, **attributes), ())


def test_groups_of_the_entry_go_by_how_they_begin() -> None:
    """`memberOf` holds distinguished names; octets that are no text name no group of ours."""
    settings = replace(PLAIN, groups=Groups.MEMBER_OF)
    one = entry(uid=[b"a"], memberof=[b"cn=staff,dc=x", b"CN=Admins,dc=x", b"cn=\xff,dc=x"])
    assert entries.person(settings, one, ()).groups == ("Admins", "staff", "\ufffd")
    whole = replace(settings, group_attribute="dn")
    assert entries.person(whole, one, ()).groups == (
        "CN=Admins,dc=x",
        "cn=staff,dc=x",
        "cn=\ufffd,dc=x",
    )


def test_groups_that_were_found_go_by_their_attribute() -> None:
    """All values of a group are its names; one without any goes by its distinguished name."""
    settings = replace(PLAIN, groups=Groups.SEARCH)
    found = [
        entry("cn=b,dc=x", cn=[b"b", b"B2"]),
        entry("cn=a,dc=x", cn=[b"a"]),
        entry("ou=c,dc=x"),
    ]
    person = entries.person(settings, entry(uid=[b"u"]), found)
    assert person.groups == ("B2", "a", "b", "ou=c,dc=x")


def test_attributes_are_texts() -> None:
    """What is no text, a picture or a line break, is left out; names are those of the file."""
    settings = replace(PLAIN, attributes=("employeeType", "jpegPhoto", "street"))
    one = entry(
        uid=[b"u"],
        employeetype=["Aushilfe ä".encode(), b"night"],
        jpegphoto=[b"\xff\xd8"],
        street=[b"a\nb"],
    )
    assert entries.person(settings, one, ()).attributes == (
        ("employeeType", ("Aushilfe ä", "night")),
        ("jpegPhoto", ()),
        ("street", ()),
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], True),
        ([b"CORP\\Alice"], True),
        ([b"OTHER\\alice"], False),
        ([b"CORP\\alice", b"OTHER\\alice"], False),
    ],
)
def test_account_of_another_domain_is_another(told: list[bytes], *, expected: bool) -> None:
    """Two domains may each have an alice."""
    one = Entry(ALICE, {"msds-principalname": tuple(told)})
    assert entries.is_account(one, "corp\\alice") is expected
