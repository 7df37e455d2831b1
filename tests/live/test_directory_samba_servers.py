"""The servers of an Active Directory domain that Samba plays: whom we trust, and who is gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
import trustme

from radiusmfa.config.directory_model import Tls
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from tests.live.asked import server
from tests.live.samba import BASE, LDAP_PORT, LDAPS_PORT, PASSWORD, REALM, DomainController

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.live.asked import Asked
    from tests.live.namespace import Namespace

_WRONG: Final = "correct mule"


# -- whom we talk to --


@pytest.mark.parametrize("tls", [Tls.LDAPS, Tls.STARTTLS])
def test_certificate_of_another_authority_is_refused(
    domain: DomainController, ask: Callable[..., Asked], tmp_path: Path, tls: Tls
) -> None:
    """Whoever has no certificate of our authority is told nothing."""
    account = domain.add()
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    asked = ask(servers=(server(domain.address, tls),), ca_file=ca_file)
    person = ask().person(account.name)

    assert asked.find(account.name).reason is Reason.DIRECTORY_UNREACHABLE
    assert asked.bind_person(person).reason is Reason.DIRECTORY_UNREACHABLE
    assert domain.logins(account) == []


@pytest.mark.parametrize("tls", [Tls.LDAPS, Tls.STARTTLS])
def test_certificate_of_another_name_is_refused(
    domain: DomainController, ask: Callable[..., Asked], tls: Tls
) -> None:
    """A good certificate for another address is refused; without checks it is not."""
    account = domain.add()
    servers = (server(domain.other, tls),)
    asked = ask(servers=servers)
    person = ask().person(account.name)

    assert asked.find(account.name).reason is Reason.DIRECTORY_UNREACHABLE
    assert asked.bind_person(person).reason is Reason.DIRECTORY_UNREACHABLE
    assert domain.logins(account) == []
    assert ask(servers=servers, verify=False).bind(account.name, PASSWORD).reason is None


def test_system_authorities_do_not_know_a_private_one(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """Without `ca_file` only the system's authorities count."""
    assert ask(ca_file=None).find(domain.searcher.name).reason is (Reason.DIRECTORY_UNREACHABLE)


def test_start_tls(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """StartTLS on the plain port does the same as LDAPS."""
    account = domain.add()
    asked = ask(servers=(server(domain.address, Tls.STARTTLS),))

    told = asked.bind(account.upn, account.password)

    assert (told.reason, told.server) == (None, f"{domain.address}:{LDAP_PORT}")


def test_domain_refuses_passwords_in_the_clear(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """The domain wants TLS (strongerAuthRequired): that is no answer about a password."""
    account = domain.add()
    servers = (server(domain.address, Tls.NONE),)

    assert ask(servers=servers).find(account.name).reason is Reason.DIRECTORY_REFUSED
    by_name = ask(servers=servers, bind_dn="", bind_as=f"{{user}}@{REALM}")
    assert by_name.bind(account.name, PASSWORD).reason is Reason.DIRECTORY_REFUSED


def test_account_that_searches_with_a_wrong_password(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """Our own account being refused is no answer about anybody; what is logged has no password."""
    searcher = domain.add()
    asked = ask(bind_dn=searcher.dn, bind_password=Secret(_WRONG.encode()))

    told = asked.find(domain.add().name)

    assert (told.reason, told.person) == (Reason.DIRECTORY_REFUSED, None)
    remarks = asked.remarks()
    assert remarks
    assert _WRONG not in repr(remarks)
    assert domain.logins(searcher) == ["WRONG_PASSWORD"]


def test_reference_to_another_server_is_left_alone(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """A search of the whole domain names other servers too; only the person counts."""
    account = domain.add()

    assert ask(base=BASE).person(account.upn).dn == account.dn
    elsewhere = ask(base="DC=elsewhere,DC=example,DC=com").find(account.upn)
    assert (elsewhere.reason, elsewhere.person) == (Reason.DIRECTORY_REFUSED, None)


# -- servers that are gone, slow, or back --


def test_silent_server_ends_with_the_time(network: Namespace, ask: Callable[..., Asked]) -> None:
    """A server that says nothing costs the time there is, not more."""
    told = ask(servers=(server(network.silent),)).find("anybody", budget=1.5)

    assert told.reason is Reason.DIRECTORY_SILENT
    assert 1.0 < told.seconds < 3.0


def test_second_server_answers_for_a_silent_one(
    domain: DomainController, network: Namespace, ask: Callable[..., Asked]
) -> None:
    """Within the time of one login the next server is asked; later ones ask it at once."""
    account = domain.add()
    asked = ask(servers=(server(network.silent), server(domain.address)))

    told = asked.bind(account.name, account.password, budget=4)

    assert (told.reason, told.server) == (None, f"{domain.address}:{LDAPS_PORT}")
    assert asked.find(account.name).seconds < 1.0
    assert domain.logins(account) == ["OK"]


def test_frozen_server_and_thawed(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """A server that stops in mid-conversation is silent; when it goes on, so do we."""
    account, asked = domain.add(), ask()
    person = asked.person(account.name)
    domain.freeze()
    try:
        assert asked.find(account.name, budget=1.5).reason is Reason.DIRECTORY_SILENT
    finally:
        domain.thaw()
    asked.skip(60)

    assert asked.person(account.name) == person
    assert asked.bind(account.name, account.password).reason is None


def test_killed_server_and_started_again(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """A server that is gone cannot be asked; when it is back, it is asked without delay."""
    account, asked = domain.add(), ask()
    person = asked.person(account.name)
    domain.kill()
    try:
        assert asked.find(account.name).reason is Reason.DIRECTORY_UNREACHABLE
        assert asked.bind_person(person).reason is Reason.DIRECTORY_UNREACHABLE
    finally:
        domain.start()
    asked.skip(60)

    assert asked.bind(account.name, account.password).reason is None


def test_server_started_again_unnoticed(
    domain: DomainController, ask: Callable[..., Asked]
) -> None:
    """A kept connection that died meanwhile costs nobody their login."""
    account, asked = domain.add(), ask()
    asked.person(account.name)
    domain.kill()
    domain.start()

    assert asked.bind(account.name, account.password).reason is None


def test_many_at_a_time(domain: DomainController, ask: Callable[..., Asked]) -> None:
    """Of people who log in at the same time each is told their own."""
    asked = ask()
    accounts = [domain.add() for _ in range(8)]
    tries = [(account, word) for word in (PASSWORD, _WRONG, PASSWORD) for account in accounts]

    with ThreadPoolExecutor(12) as pool:
        all_told = list(pool.map(lambda one: asked.bind(one[0].upn, one[1]), tries))

    for (account, word), told in zip(tries, all_told, strict=True):
        assert told.reason is (None if word == PASSWORD else Reason.BAD_PASSWORD)
        assert told.person is None or told.person.name == account.name
    assert all(sorted(domain.logins(one)) == ["OK", "OK", "WRONG_PASSWORD"] for one in accounts)
