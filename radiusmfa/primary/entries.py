"""Whom a directory is searched for, and what an entry says of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.directory_model import DN, Groups
from radiusmfa.login import username
from radiusmfa.login.person import Person
from radiusmfa.login.username import UserNameError
from radiusmfa.primary import names
from radiusmfa.primary.ldap import Search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.primary.ldap import Entry

PRINCIPAL: Final = "msDS-PrincipalName"
r"""Active Directory's own `DOMAIN\name` of an entry (MS-ADTS section 3.1.1.4.5.21)."""
_ACCOUNT: Final = "sAMAccountName"
_MEMBER_OF: Final = "memberOf"
_SIDS: Final = "tokenGroups"
OWN_SIDS: Final = Search(base="", filter="(objectClass=*)", attributes=(_SIDS,), is_entry=True)
_IN_CHAIN: Final = "1.2.840.113556.1.4.1941"
_TWO: Final = 2  # more than one is all that anybody has to know


class EntryError(ValueError):
    """An entry that cannot be told as a person; the text says why."""


def by_name(settings: Directory, typed: str) -> Search:
    """Return how the person called *typed*, as `shortened` returns it, is looked for."""
    value = names.escaped(typed)
    any_of = "".join(f"({name}={value})" for name in settings.user_attributes)
    return _people(settings, f"(|{any_of})")


def by_account(settings: Directory, account: str) -> Search:
    """Return how the entry of Active Directory's account *account* is looked for."""
    return _people(settings, f"({_ACCOUNT}={names.escaped(account)})", PRINCIPAL)


def by_token(settings: Directory, root: tuple[Entry, ...]) -> Search:
    """Return how the person whose security token *root* holds is looked for."""
    sids = _values(root[0], _SIDS) if len(root) == 1 else ()
    if not sids:
        raise EntryError("it does not say who is bound (Who am I?, RFC 4532; tokenGroups)")
    sid = "".join(f"\\{octet:02x}" for octet in sids[0])
    return _people(settings, f"(objectSid={sid})")


def by_dn(settings: Directory, dn: str) -> Search:
    """Return how the entry at *dn* is read."""
    return Search(
        base=dn, filter=settings.user_filter, attributes=_attributes(settings), is_entry=True
    )


def of_groups(settings: Directory, entry: Entry) -> Search | None:
    """Return how the groups of *entry* are looked for; None: the entry itself names them."""
    wanted = () if settings.group_attribute == DN else (settings.group_attribute,)
    if settings.groups is Groups.NESTED:
        condition = f"(&(objectClass=group)(member:{_IN_CHAIN}:={names.escaped(entry.dn)}))"
    elif settings.groups is Groups.SEARCH:
        user = _one_name(settings, entry).decode("utf-8", "replace")
        condition = names.filled(settings.group_filter, dn=entry.dn, user=user)
    else:
        return None
    # "1.1": no attributes, RFC 4511 section 4.5.1.8.
    base = settings.group_base or settings.base
    return Search(base=base, filter=condition, attributes=wanted or ("1.1",))


def shortened(settings: Directory, typed: str) -> str:
    """Return *typed* without what the directory does not know; may be empty."""
    return username.stripped(typed.encode(), settings.strip).decode()


def person(settings: Directory, entry: Entry, groups: Iterable[Entry]) -> Person:
    """
    Return what *entry* says.

    Args:
        settings: Of the directory.
        entry: Of a person.
        groups: What the search for groups found, if there was one.

    Raises:
        EntryError: It has no single name, or not everything that it holds was sent.
    """
    partial = [name for name in entry.attributes if ";range=" in name]
    if partial:
        # A rule that keeps a group out would not see it.
        raise EntryError(f"not all values of {partial[0].partition(';')[0]} were sent")
    try:
        name = username.normal_name(_one_name(settings, entry))
    except UserNameError as error:
        raise EntryError(f"{settings.name_attribute}: {error}") from None
    if settings.groups is Groups.MEMBER_OF:
        found = {_of_dn(settings, _text(dn)) for dn in _values(entry, _MEMBER_OF)}
    else:
        found = {name for group in groups for name in _group_names(settings, group)}
    return Person(
        directory=settings.name,
        name=name,
        dn=entry.dn,
        groups=tuple(sorted(found)),
        attributes=tuple((name, _texts(entry, name)) for name in settings.attributes),
    )


def is_account(entry: Entry, account: str) -> bool:
    r"""Say whether *entry* is the one of *account* (`DOMAIN\name`), where it tells."""
    told = _values(entry, PRINCIPAL)
    return not told or [_text(one).casefold() for one in told] == [account.casefold()]


def _people(settings: Directory, condition: str, *more: str) -> Search:
    return Search(
        base=settings.base,
        filter=f"(&{settings.user_filter}{condition})",
        attributes=(*_attributes(settings), *more),
        most=_TWO,
    )


def _attributes(settings: Directory) -> tuple[str, ...]:
    groups = (_MEMBER_OF,) if settings.groups is Groups.MEMBER_OF else ()
    return tuple(dict.fromkeys((settings.name_attribute, *groups, *settings.attributes)))


def _values(entry: Entry, name: str) -> tuple[bytes, ...]:
    return entry.attributes.get(name.lower(), ())


def _one_name(settings: Directory, entry: Entry) -> bytes:
    values = _values(entry, settings.name_attribute)
    if len(values) != 1:
        how_many = "several values" if values else "no value"
        raise EntryError(f"it has {how_many} of {settings.name_attribute}, the name_attribute")
    return values[0]


def _group_names(settings: Directory, group: Entry) -> list[str]:
    values = [_text(value) for value in _values(group, settings.group_attribute)]
    return values or [group.dn]


def _of_dn(settings: Directory, dn: str) -> str:
    return dn if settings.group_attribute == DN else names.first_value(dn)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _texts(entry: Entry, name: str) -> tuple[str, ...]:
    """Return the values that are text; a picture or an identifier in octets is none."""
    found = []
    for value in _values(entry, name):
        try:
            text = value.decode("utf-8", "strict")
        except UnicodeDecodeError:
            continue
        if text.isprintable():
            found.append(text)
    return tuple(found)
