"""People of an Active Directory domain that Samba plays: who they are, and why they are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.directory_model import Groups
from radiusmfa.outcome import Reason
from tests.live import samba
from tests.live.barred import BARRED, UNLOCKED
from tests.live.samba import DOMAIN, LDAPS_PORT, PASSWORD, REALM, Account, DomainController

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.asked import Asked

_WRONG: Final = "correct mule"
# What is typed is taken as part of neither a filter nor a distinguished name.
_NOBODY: Final = ("nobody", "*", "person*", "*)(objectClass=*", "\\2a", "person\x00", "a" * 250)


# Without an account that searches: a person's own name is bound.
_BY_NAME: Final = [
    pytest.param(f"{{user}}@{REALM}", id="upn"),
    pytest.param(f"{DOMAIN}\\{{user}}", id="domain"),
]


# -- what the domain refuses --


@pytest.mark.parametrize(("prepare", "reason"), BARRED)
def test_right_password_of_somebody_barred_is_refused(
    domain: DomainController,
    ask: Callable[..., Asked],
    prepare: Callable[[DomainController], Account],
    reason: Reason,
) -> None:
    """Whom the domain bars gets nowhere with the right password, and the reason is told."""
    account = prepare(domain)

    told = ask().bind(account.name, account.password)

    assert told.reason is reason


@pytest.mark.parametrize("bind_as", _BY_NAME)
@pytest.mark.parametrize(("prepare", "reason"), BARRED)
def test_right_password_of_somebody_barred_is_refused_by_name(
    domain: DomainController,
    ask: Callable[..., Asked],
    prepare: Callable[[DomainController], Account],
    reason: Reason,
    bind_as: str,
) -> None:
    """Without an account that searches the same reasons are told."""
    account = prepare(domain)

    told = ask(bind_dn="", bind_as=bind_as).bind(account.name, account.password)

    assert (told.reason, told.person) == (reason, None)


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(DomainController.add, id="ordinary"),
        *(pytest.param(one.values[0], id=one.id) for one in UNLOCKED),
    ],
)
def test_wrong_password_is_only_that(
    domain: DomainController,
    ask: Callable[..., Asked],
    prepare: Callable[[DomainController], Account],
) -> None:
    """Whoever does not know the password learns nothing of the account; one bind was made."""
    account = prepare(domain)

    told = ask().bind(account.upn, _WRONG)

    assert told.reason is Reason.BAD_PASSWORD
    assert domain.wrong_passwords(account) == 1
    assert domain.logins(account) == ["WRONG_PASSWORD"]


def test_domain_locks_after_its_threshold(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """What we send counts: at the domain's threshold the right password is worth nothing."""
    account, asked = domain.add(), ask()
    for number in range(samba.THRESHOLD):
        assert asked.bind(account.name, f"guess {number}").reason is Reason.BAD_PASSWORD

    told = asked.bind(account.name, account.password)

    assert told.reason is Reason.ACCOUNT_LOCKED
    assert domain.wrong_passwords(account) == samba.THRESHOLD


@pytest.mark.parametrize("bind_as", ["", f"{{user}}@{REALM}"])
def test_empty_password_is_not_sent(
    domain: DomainController, ask: Callable[..., Asked], bind_as: str
) -> None:
    """An anonymous bind would succeed: an empty password never reaches the server."""
    account = domain.add()
    asked = ask(bind_as=bind_as, **({"bind_dn": ""} if bind_as else {}))

    assert asked.bind(account.name, "").reason is Reason.BAD_PASSWORD
    assert domain.logins(account) == []


@pytest.mark.parametrize("name", _NOBODY)
def test_nobody_is_found(ask: Callable[..., Asked], name: str) -> None:
    """A name that nobody has finds nobody, whatever it means in a filter."""
    asked = ask()

    for told in (asked.find(name), asked.bind(name, PASSWORD)):
        assert (told.reason, told.person) == (Reason.UNKNOWN_USER, None)


@pytest.mark.parametrize("bind_as", _BY_NAME)
@pytest.mark.parametrize("name", _NOBODY)
def test_nobody_is_bound(ask: Callable[..., Asked], name: str, bind_as: str) -> None:
    """A name that nobody has binds nobody."""
    told = ask(bind_dn="", bind_as=bind_as).bind(name, PASSWORD)

    assert told.reason in {Reason.UNKNOWN_USER, Reason.BAD_PASSWORD}
    assert told.person is None


@pytest.mark.parametrize(
    ("bind_as", "form"),
    [
        pytest.param(f"{{user}}@{REALM}", "{0.upn}", id="upn-in-upn"),
        pytest.param(f"{{user}}@{REALM}", f"{DOMAIN}\\{{0.name}}", id="domain-in-upn"),
        pytest.param(f"{DOMAIN}\\{{user}}", f"{DOMAIN}\\{{0.name}}", id="domain-in-domain"),
        pytest.param(f"{DOMAIN}\\{{user}}", "{0.dn}", id="dn-in-domain"),
    ],
)
def test_another_form_of_name_is_not_bound(
    domain: DomainController, ask: Callable[..., Asked], bind_as: str, form: str
) -> None:
    """Where a name is put into a form, one that has a form already is nobody's: nothing is sent."""
    account = domain.add()

    told = ask(bind_dn="", bind_as=bind_as).bind(form.format(account), account.password)

    assert told.reason is Reason.UNKNOWN_USER
    assert domain.logins(account) == []


def test_name_of_two_people_is_nobodys(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """Where a name could mean either of two people, it means neither."""
    one = domain.add()
    domain.add({"mail": one.upn})

    told = ask().find(one.upn)

    assert (told.reason, told.person) == (Reason.AMBIGUOUS_USER, None)


def test_computer_is_no_person(ask: Callable[..., Asked]) -> None:
    """The domain's machines have accounts too, and nobody logs in as one."""
    assert ask().find("DC1$").reason is Reason.UNKNOWN_USER


# -- who somebody is --


@pytest.mark.parametrize("form", ["{0.name}", "{0.upn}", "{0.mail}"])
@pytest.mark.parametrize("change", [str, str.upper])
def test_person_is_found_by_each_of_their_names(
    domain: DomainController,
    ask: Callable[..., Asked],
    form: str,
    change: Callable[[str], str],
) -> None:
    """Account name, principal name and mail address, in any case, mean the same person."""
    account, asked = domain.add(), ask()
    typed = change(form.format(account))

    person = asked.person(typed)

    assert (person.directory, person.name, person.dn) == ("corp", account.name, account.dn)
    told = asked.bind(typed, account.password)
    assert (told.reason, told.person) == (None, person)
    assert told.server == f"{domain.address}:{LDAPS_PORT}"
    assert domain.logins(account) == ["OK"]


def test_domain_is_stripped(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """Where it is told to, the directory takes a domain off the name."""
    account = domain.add()
    typed = f"{DOMAIN}\\{account.name}"

    assert ask().find(typed).reason is Reason.UNKNOWN_USER
    assert ask(strip=("domain",)).person(typed).dn == account.dn


@pytest.mark.parametrize("bind_as", _BY_NAME)
def test_person_is_read_after_a_bind_by_name(
    domain: DomainController, ask: Callable[..., Asked], bind_as: str
) -> None:
    """Without an account that searches, a person is read with their own rights."""
    account = domain.add()
    staff = domain.add_group(f"staff of {account.name}", account.dn)
    domain.add_group(f"vpn of {account.name}", staff)
    asked = ask(bind_dn="", bind_as=bind_as, groups=Groups.NESTED, attributes=("mail",))

    told = asked.bind(account.name.upper(), account.password)

    assert told.reason is None
    assert told.person is not None
    assert (told.person.name, told.person.dn) == (account.name, account.dn)
    assert told.person.groups == (f"staff of {account.name}", f"vpn of {account.name}")
    assert told.person.attributes == (("mail", (account.mail,)),)
    assert domain.logins(account) == ["OK"]


@pytest.mark.parametrize("bind_as", _BY_NAME)
def test_wrong_password_by_name_is_sent_once(
    domain: DomainController, ask: Callable[..., Asked], bind_as: str
) -> None:
    """Without an account that searches, a wrong password is one bind as well."""
    account = domain.add()

    told = ask(bind_dn="", bind_as=bind_as).bind(account.name, _WRONG)

    assert (told.reason, told.person) == (Reason.BAD_PASSWORD, None)
    assert domain.logins(account) == ["WRONG_PASSWORD"]


def test_direct_groups(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """`memberOf` holds the groups that somebody is in, not the groups of those."""
    account = domain.add()
    staff = domain.add_group(f"staff, all of {account.name}", account.dn)
    domain.add_group(f"vpn of {account.name}", staff)

    assert ask().person(account.name).groups == (f"staff, all of {account.name}",)
    by_dn = ask(group_attribute="dn").person(account.name)
    assert by_dn.groups == (staff,)


def test_nested_groups(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """The in-chain rule finds the groups of the groups, also in a circle."""
    account = domain.add()
    staff = domain.add_group(f"staff of {account.name}", account.dn)
    users = domain.add_group(f"vpn of {account.name}", staff)
    domain.add_group(f"another of {account.name}", domain.searcher.dn)
    domain.add_member(staff, users)

    person = ask(groups=Groups.NESTED).person(account.name)

    assert person.groups == (f"staff of {account.name}", f"vpn of {account.name}")


def test_name_with_everything_that_has_a_meaning(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """Umlauts, commas, brackets and stars are found, bound and in groups like any letter."""
    names = {"sAMAccountName": "jürgen", "userPrincipalName": f"jürgen.groß@{REALM}"}
    account = domain.add(names, called='Groß, Jürgen (Ops*) "\\+=<>;#')
    domain.add_group("Käse (*), \\ & Wein", account.dn)
    asked = ask(groups=Groups.NESTED, attributes=("displayName", "cn"))

    for typed in ("jürgen", "JÜRGEN", f"jürgen.groß@{REALM}", account.mail):
        person = asked.person(typed)
        assert person.name == "jürgen"
        assert person.groups == ("Käse (*), \\ & Wein",)
        assert person.attributes == (
            ("displayName", ()),
            ("cn", ('Groß, Jürgen (Ops*) "\\+=<>;#',)),
        )
    assert asked.bind("jürgen", account.password).reason is None
    by_name = ask(bind_dn="", bind_as=f"{DOMAIN}\\{{user}}")
    told = by_name.bind("jürgen", account.password)
    assert (told.reason, told.person is not None) == (None, True)


def test_attributes_are_read(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """What the configuration names is there, in its order; what the entry has not is empty."""
    account = domain.add({"department": "Vertrieb Süd", "telephoneNumber": "+49 30 12345"})
    names = ("telephoneNumber", "department", "title", "objectClass", "objectSid")

    person = ask(attributes=names).person(account.name)

    assert person.attributes == (
        ("telephoneNumber", ("+49 30 12345",)),
        ("department", ("Vertrieb Süd",)),
        ("title", ()),
        ("objectClass", ("top", "person", "organizationalPerson", "user")),
        ("objectSid", ()),
    )
