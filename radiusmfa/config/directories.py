"""The `primaries` section: directories that know people and their passwords."""

from __future__ import annotations

import dataclasses
import re
import ssl
from typing import TYPE_CHECKING, Final

from radiusmfa.config import ldap_forms, upstreams
from radiusmfa.config.directory_model import (
    ANONYMOUS,
    DN,
    Directory,
    DirectoryServer,
    Groups,
    Kind,
    Tls,
)
from radiusmfa.config.fields import Fields, scalar_text
from radiusmfa.config.nodes import Mapping, Scalar
from radiusmfa.config.secrets import Sources, secret

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.fields import Found
    from radiusmfa.secret import Secret

_FIELDS: Final = tuple(
    field.name for field in dataclasses.fields(Directory) if field.name != "name"
)
_USUAL: Final = {
    Kind.LDAP: Directory(name="", servers=(), base=""),
    Kind.ACTIVE_DIRECTORY: Directory(
        name="",
        servers=(),
        base="",
        kind=Kind.ACTIVE_DIRECTORY,
        user_filter="(&(objectCategory=person)(objectClass=user))",
        user_attributes=("userPrincipalName", "sAMAccountName", "mail"),
        name_attribute="sAMAccountName",
        groups=Groups.NESTED,
        group_attribute="sAMAccountName",
    ),
}
_URL: Final = re.compile(
    r"(ldaps?)://(?:\[([^\[\]]+)\]|([^:/\[\]]+))(?::([0-9]{1,5}))?/?", re.IGNORECASE
)
_PORTS: Final = {"ldap": 389, "ldaps": 636}
_LARGEST_PORT: Final = 65535
_LONGEST: Final = 1024
_SECRETS: Final = frozenset({
    "userpassword", "unicodepwd", "sambantpassword", "sambalmpassword",
    "2.5.4.35", "1.2.840.113556.1.4.90", "1.3.6.1.4.1.7165.2.1.25", "1.3.6.1.4.1.7165.2.1.24",
})  # fmt: skip
"""Names in lower case, and the identifiers that mean the same."""
_PLACEHOLDERS: Final = {"bind_as": {"user"}, "group_filter": {"dn", "user"}}
# What has an effect with one way to find groups only.
_OF_GROUPS: Final = {
    Groups.SEARCH: ("group_base", "group_filter", "group_attribute"),
    Groups.NESTED: ("group_base", "group_attribute"),
    Groups.MEMBER_OF: ("group_attribute",),
    Groups.NONE: (),
}


def read(top: Fields, sources: Sources) -> tuple[tuple[Directory, ...], list[str]]:
    """
    Return the directories of the file and the warnings about them.

    Args:
        top: The whole file.
        sources: Where secrets come from.
    """
    found = top.find("primaries")
    warnings: list[str] = []
    if found is None or (isinstance(found.node, Scalar) and found.node.is_nothing):
        return (), warnings
    if not isinstance(found.node, Mapping):
        top.fault("primaries", "must name directories, as {corp: {ldap: {...}}}")
        return (), warnings
    others = top.find("upstreams")
    taken = others.node.entries if others and isinstance(others.node, Mapping) else {}
    directories = []
    for name, (place, node) in found.node.entries.items():
        where = f"{found.where}.{name}"
        what = upstreams.why_no_name(name)
        if what is None and name in taken:
            what = "is the name of an upstream too: choose another one"
        if what is not None:
            top.report.add(place, where, what)
        outer = Fields(node, where, top.report, known=("ldap",))
        if outer.need("ldap") is not None:
            fields = outer.section("ldap", _FIELDS)
            directories.append(_directory(name, fields, sources, warnings))
    return tuple(directories), warnings


def _directory(name: str, fields: Fields, sources: Sources, warnings: list[str]) -> Directory:
    kind = fields.choice("kind", Kind.LDAP)
    usual = _USUAL[kind]
    starttls = fields.boolean("starttls", default=usual.starttls)
    groups = fields.choice("groups", usual.groups)
    password, said = _bind_password(fields, sources)
    directory = Directory(
        name=name,
        servers=_servers(fields, starttls=starttls),
        base=_base(fields),
        kind=kind,
        starttls=starttls,
        ca_file=_ca_file(fields, sources),
        verify=fields.boolean("verify", default=usual.verify),
        bind_dn=fields.text("bind_dn", usual.bind_dn, low=0, high=_LONGEST),
        bind_password=password,
        bind_as=_with_placeholders(fields, "bind_as", usual.bind_as),
        user_filter=_filter(fields, "user_filter", usual.user_filter),
        user_attributes=_attributes(fields, "user_attributes", usual.user_attributes, least=1),
        name_attribute=_attribute(fields, "name_attribute", usual.name_attribute),
        strip=upstreams.stripped(fields),
        groups=groups,
        group_base=fields.text("group_base", usual.group_base, low=0, high=_LONGEST),
        group_filter=_filter(fields, "group_filter", usual.group_filter),
        group_attribute=_attribute(fields, "group_attribute", _group_attribute(usual, groups)),
        attributes=_attributes(fields, "attributes", usual.attributes),
        timeout=fields.integer("timeout", usual.timeout, low=1, high=60),
        threads=fields.integer("threads", usual.threads, low=1, high=100),
        lockout=fields.integer("lockout", usual.lockout, low=1, high=100),
        lockout_window=fields.integer("lockout_window", usual.lockout_window, low=60, high=604_800),
        wrong_memory=fields.integer("wrong_memory", usual.wrong_memory, low=0, high=3600),
    )
    _check_binds(fields, directory)
    _check_tls(fields, directory)
    _check_groups(fields, directory)
    warnings += [f"directory {name}: {text}" for text in (*said, *_warnings(directory))]
    return directory


def _group_attribute(usual: Directory, groups: Groups) -> str:
    # The entry of a member tells no more of its groups than how their names begin.
    return "cn" if groups is Groups.MEMBER_OF else usual.group_attribute


def _servers(fields: Fields, *, starttls: bool) -> tuple[DirectoryServer, ...]:
    if fields.need("servers") is None:
        return ()
    items = fields.items("servers")
    if not items:
        fields.fault("servers", "must name at least one server")
    servers: list[DirectoryServer] = []
    for item in items:
        text = scalar_text(item, fields.report)
        server, what = _server(text, starttls=starttls) if text is not None else (None, "")
        if server is not None and server in servers:
            what = f"{server.host} port {server.port} stands here twice"
        elif server is not None:
            servers.append(server)
        if what:
            fields.report.add(item.place, item.where, what)
    return tuple(servers)


def _server(text: str, *, starttls: bool) -> tuple[DirectoryServer | None, str]:
    match = _URL.fullmatch(text)
    port = int(match[4] or _PORTS[match[1].lower()]) if match else 0
    if match is None or not 0 < port <= _LARGEST_PORT:
        return None, "must be ldaps://HOST or ldap://HOST, with :PORT if it is another"
    host, what = upstreams.of_host(match[2] or match[3])
    if what or bool(match[2]) != (":" in host):
        return None, what or "an IPv6 address stands in brackets, and nothing else does"
    if match[1].lower() == "ldaps":
        return DirectoryServer(host=host, port=port, tls=Tls.LDAPS), ""
    tls = Tls.STARTTLS if starttls else Tls.NONE
    return DirectoryServer(host=host, port=port, tls=tls), ""


def _base(fields: Fields) -> str:
    found = fields.need("base")
    base = fields.text("base", "", low=1, high=_LONGEST) if found else ""
    if base and not ldap_forms.is_dn(base):
        fields.fault("base", "must be a distinguished name, as dc=example,dc=com")
    return base


def _ca_file(fields: Fields, sources: Sources) -> Path | None:
    text = fields.text("ca_file", "", low=1, high=_LONGEST)
    if not text:
        return None
    path = sources.folder / text
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        fields.fault("ca_file", f"{path} holds no certificate (PEM)")
    except OSError as error:
        fields.fault("ca_file", f"{path}: {error.strerror}")
    return path


def _bind_password(fields: Fields, sources: Sources) -> tuple[Secret | None, list[str]]:
    found = fields.find("bind_password")
    if found is None:
        return None, []
    # The directory decides what is too short.
    return secret(found, fields.report, sources, weak=True)


def _with_placeholders(fields: Fields, name: str, default: str) -> str:
    text = fields.text(name, default, low=0, high=_LONGEST)
    if text == default:
        return text
    allowed = _PLACEHOLDERS.get(name, set[str]())
    used = ldap_forms.placeholders(text)
    shown = " or ".join(f"{{{word}}}" for word in sorted(allowed))
    if unknown := [word for word in used if word not in allowed]:
        known = f" (known: {shown})" if allowed else ""
        fields.fault(name, f"{{{unknown[0]}}} is nothing that is filled in{known}")
    elif allowed and text and not used:
        fields.fault(name, f"must hold {shown}: it would mean the same for everybody")
    return text


def _filter(fields: Fields, name: str, default: str) -> str:
    text = _with_placeholders(fields, name, default)
    if not ldap_forms.is_filter(text):
        fields.fault(name, "must be an LDAP filter (RFC 4515), as (objectClass=person)")
    return text


def _attribute(fields: Fields, name: str, default: str) -> str:
    text = fields.text(name, default, low=1, high=_LONGEST)
    if what := _why_no_attribute(text):
        fields.fault(name, what)
    return text


def _attributes(
    fields: Fields, name: str, default: tuple[str, ...], least: int = 0
) -> tuple[str, ...]:
    if fields.find(name) is None:
        return default
    words: list[str] = []
    items: list[Found] = fields.items(name)
    for item in items:
        text = scalar_text(item, fields.report)
        what = _why_no_attribute(text) if text is not None else None
        if text is not None and text.lower() in (word.lower() for word in words):
            what = f"{text} stands here twice"
        if what:
            fields.report.add(item.place, item.where, what)
        words += [text] if text is not None else []
    if len(items) < least:
        fields.fault(name, "must name at least one attribute")
    return tuple(words)


def _why_no_attribute(text: str) -> str | None:
    if text.lower() in _SECRETS:
        return f"{text} is a secret, which is never read"
    return None if ldap_forms.is_attribute(text) else "must be the name of an attribute, as uid"


def _check_binds(fields: Fields, directory: Directory) -> None:
    dn, is_ad = directory.bind_dn, directory.kind is Kind.ACTIVE_DIRECTORY
    if not dn and not directory.bind_as:
        fields.report.add(
            fields.place,
            fields.where,
            "needs bind_dn and bind_password, or bind_dn: anonymous, or bind_as",
        )
    if dn and directory.bind_as:
        fields.fault("bind_as", "goes without bind_dn: either somebody searches, or nobody does")
    if fields.has("bind_password") and (not dn or dn == ANONYMOUS):
        fields.fault("bind_password", "goes with bind_dn, the name of who searches")
    if dn and dn != ANONYMOUS:
        if not fields.has("bind_password"):
            fields.fault("bind_dn", "needs a bind_password; anonymous means nobody's name")
        if not is_ad and not ldap_forms.is_dn(dn):
            fields.fault("bind_dn", "must be a distinguished name, or anonymous")
    if directory.bind_as:
        _check_bind_as(fields, directory)


def _check_bind_as(fields: Fields, directory: Directory) -> None:
    if fields.has("user_attributes"):
        fields.fault("user_attributes", "has no effect with bind_as, which names one person")
    sample = directory.bind_as.replace("{user}", "x")
    if directory.binds_by_dn:
        if not ldap_forms.is_dn(sample):
            fields.fault("bind_as", "must be a distinguished name, as uid={user},ou=people,dc=x")
        elif ldap_forms.is_dn(directory.base) and not ldap_forms.is_below(sample, directory.base):
            fields.fault("bind_as", "must lead below base")
    elif directory.kind is not Kind.ACTIVE_DIRECTORY:
        fields.fault("bind_as", "must be a distinguished name unless kind is active-directory")
    elif ("@" in sample) == ("\\" in sample):
        fields.fault("bind_as", r"must be {user}@realm, DOMAIN\{user}, or a distinguished name")


def _check_tls(fields: Fields, directory: Directory) -> None:
    schemes = {server.tls for server in directory.servers}
    if not schemes:
        return
    if not directory.starttls and schemes == {Tls.LDAPS}:
        fields.fault("starttls", "goes with ldap:// servers; ldaps:// begins with TLS")
    for name in ("verify", "ca_file"):
        if fields.has(name) and schemes == {Tls.NONE}:
            fields.fault(name, "goes with TLS, which starttls: no turns off")
    if not directory.verify and directory.ca_file:
        fields.fault("ca_file", "has no effect with verify: no")


def _check_groups(fields: Fields, directory: Directory) -> None:
    groups = directory.groups
    if groups is Groups.NESTED and directory.kind is not Kind.ACTIVE_DIRECTORY:
        fields.fault("groups", "nested goes with kind: active-directory only")
    for name in ("group_base", "group_filter", "group_attribute"):
        if fields.has(name) and name not in _OF_GROUPS[groups]:
            fields.fault(name, f"has no effect with groups: {groups}")
    if groups is Groups.MEMBER_OF and directory.group_attribute.lower() not in {"cn", DN}:
        fields.fault("group_attribute", "must be cn or dn with groups: member-of")
    if directory.group_base and not ldap_forms.is_dn(directory.group_base):
        fields.fault("group_base", "must be a distinguished name, as ou=groups,dc=example,dc=com")


def _warnings(directory: Directory) -> list[str]:
    said = []
    if any(server.tls is Tls.NONE for server in directory.servers):
        said.append("starttls is no: whoever listens on the path reads every password")
    if not directory.verify:
        said.append(
            "verify is no: whoever sits on the path can pose as the directory, read every"
            " password, and let anybody in"
        )
    return said
