"""Who checks passwords: `[ad_client]` becomes a directory, `[radius_client]` an upstream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from radiusmfa.carry.site import Certificates, Directory, Kind, SecretFile, Upstream
from radiusmfa.config import ldap_forms
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS
from radiusmfa.config.upstreams import of_host
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.carry.settings import Context, Taker

NOBODY: Final = "radiusmfa-has-no-password-yet"
"""Bound where the account's password is not known: wrong ones must not lock the account."""
_DOMAIN_PART: Final = re.compile(r"(?:^|,) *dc *= *([A-Za-z0-9-]+) *(?=,|$)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"[0-9.]+|.*:.*")
_PEOPLE: Final = "(objectCategory=person)(objectClass=user)"
_SPECIAL: Final = re.compile(r"[\\*()\0{}]")
_BRACES: Final = re.compile(r"[{}]")
_NTLM: Final = "there is no NTLM here: passwords are checked by a simple bind inside TLS"
_OF_AD: Final = {
    "ntlm_domain": (_NTLM, ""),
    "ntlm_workstation": (_NTLM, ""),
    "ssl_verify_depth": ("chains are verified as OpenSSL does", ""),
    "minimum_tls_version": ("it is TLS 1.2, or what both sides have above that", ""),
    "debug": ("the log is set for the whole server", "log: {level: debug}"),
}
_OF_RADIUS: Final = {
    "nas_ip": (
        "the server gets the NAS-IP-Address that the client sends",
        "if the server knows this proxy by that address, name ours there",
    ),
    "pw_codec": ("passwords are taken as UTF-8", "`codec` of the upstream, if it wants another"),
    "debug": ("the log is set for the whole server", "log: {level: debug}"),
}


def directory(taker: Taker, context: Context) -> Directory | None:
    """
    Return what `[ad_client]` says, or None: it has faults, which are told.

    Args:
        taker: The section.
        context: Reads certificates, makes up secrets.
    """
    name = f"ad{taker.section.number}"
    transport = taker.choice("transport", "clear", ("clear", "starttls", "ldaps"))
    base = taker.need("search_dn")
    if base and not ldap_forms.is_dn(base):
        taker.fault("search_dn", "search_dn must be a distinguished name, as DC=example,DC=com")
    typed = _attributes(taker)
    servers = tuple(_urls(taker, transport, name))
    bound = _service_account(taker, base, name, context)
    user_filter = _user_filter(taker)
    timeout = taker.number("timeout", None, low=1, high=60)
    trusted = certificates(taker, "ssl_ca_certs_file", name, f"primaries.{name}.ldap", context)
    _tell_of_tls(taker, transport, name)
    taker.different(
        "",
        f"Duo is told the person's {typed[0]}, whatever was typed",
        f"if Duo calls people otherwise: name_attribute of primaries.{name}.ldap, or"
        " `radiusmfa user upstream NAME duo --as OTHER`",
    )
    taker.end(_OF_AD)
    if bound is None:
        return None
    bind_name, nobody, password = bound
    return Directory(
        name=name,
        origin=taker.origin(),
        servers=servers,
        base=base,
        bind_name=bind_name,
        nobody=nobody,
        bind_password=password,
        user_filter=user_filter,
        user_attributes=typed,
        name_attribute=typed[0],
        timeout=timeout,
        certificates=trusted,
    )


def upstream(
    taker: Taker, context: Context, name: str, take: tuple[str, ...] | None
) -> Upstream | None:
    """
    Return what `[radius_client]` says, or None: it has faults, which are told.

    Args:
        taker: The section.
        context: Makes up secrets.
        name: What it is to be called.
        take: Attributes of its Accept that clients get; None: all.
    """
    servers = tuple(dict.fromkeys(_hosts_and_ports(taker)))
    secret = taker.secret("secret", "secret_protected", name, context)
    wait = taker.number("retry_wait", 2, low=1, high=30)
    retries = taker.number("retries", 3, low=0, high=100)
    is_said = taker.has("retry_wait") or taker.has("retries")
    patience = min(300, max(1, (wait or 2) * ((retries or 0) + 1)))
    taker.end(_OF_RADIUS)
    if secret is None:
        return None
    is_weak = len(secret.octets) < SHORTEST_SECRET_OCTETS
    if is_weak:
        taker.different(
            "secret",
            f"it has fewer than {SHORTEST_SECRET_OCTETS} octets, and can be guessed from one"
            " captured packet: weak_secret: yes was written",
            "a longer one on both sides",
        )
    return Upstream(
        name=name,
        origin=taker.origin(),
        servers=servers,
        secret=secret,
        is_weak=is_weak,
        retransmit=wait if taker.has("retry_wait") else None,
        patience=patience if is_said else None,
        take=take,
    )


def certificates(
    taker: Taker, setting: str, name: str, place: str, context: Context
) -> Certificates | None:
    """
    Return the certificates that *setting* names; None: it names none.

    Args:
        taker: The section.
        setting: Names a file.
        name: Of what trusts them.
        place: Where `ca_file` stands in our configuration.
        context: Reads the file.
    """
    file = taker.text(setting)
    if not file:
        return None
    octets = context.certificates(file)
    if octets is None:
        taker.remark(
            Kind.TO_DO,
            setting,
            "the file is not here, or holds no certificates: those of the system are trusted",
            f"copy it to certificates/{name}.pem, and take the # off ca_file of {place}",
        )
    return Certificates(name=f"{name}.pem", octets=octets)


def hosts(taker: Taker) -> Iterator[tuple[str, str]]:
    """Yield the setting and the value of `host`, `host_2` and so on; faults are told."""
    taker.need("host")
    for setting in ("host", *taker.numbered("host_")):
        text = taker.text(setting)
        if not text:
            continue
        host, what = of_host(text)
        if what:
            taker.fault(setting, f"{setting} {what}")
        else:
            yield setting, host


def _hosts_and_ports(taker: Taker) -> Iterator[tuple[str, int]]:
    usual = taker.port("port", 1812)
    for setting, host in hosts(taker):
        number = setting.removeprefix("host")
        yield host, taker.port(f"port{number}", usual) if number else usual


def _urls(taker: Taker, transport: str, name: str) -> Iterator[str]:
    scheme, usual = ("ldaps", 636) if transport == "ldaps" else ("ldap", 389)
    port = taker.port("port", usual)
    seen = set()
    for setting, host in hosts(taker):
        if _ADDRESS.fullmatch(host):
            taker.different(
                setting,
                "a certificate must be for the name or address by which a server is asked, and"
                " domain controllers have one for their name",
                f"write the name into `servers` of primaries.{name}.ldap",
            )
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}"
        if url not in seen:
            seen.add(url)
            yield url if port == usual else f"{url}:{port}"


def _attributes(taker: Taker) -> tuple[str, ...]:
    found = []
    for setting, usual in (
        ("username_attribute", "sAMAccountName"),
        ("at_attribute", "userPrincipalName"),
    ):
        text = taker.text(setting, usual)
        if not ldap_forms.is_attribute(text):
            taker.fault(setting, f"{setting} must be the name of an attribute")
            text = usual
        found.append(text)
    # One that stands there twice, in whatever case, is one.
    return tuple({text.lower(): text for text in reversed(found)}.values())[::-1]


def _service_account(
    taker: Taker, base: str, name: str, context: Context
) -> tuple[str, str, SecretFile] | None:
    auth_type = taker.choice("auth_type", "ntlm2", ("ntlm2", "ntlm1", "plain", "sspi"))
    if auth_type != "plain":
        taker.different("auth_type", f"{auth_type} is a simple bind inside TLS here")
    domain = ".".join(_DOMAIN_PART.findall(base))
    user, dn = taker.text("service_account_username"), taker.text("bind_dn")
    nobody = f"{NOBODY}@{domain or 'example.com'}"
    if auth_type == "sspi" and not taker.has("service_account_password"):
        taker.text("service_account_password_protected")
        taker.remark(
            Kind.TO_DO,
            "auth_type",
            "sspi searches as the machine that it runs on; an account is needed here that may"
            " read the directory",
            f"bind_dn of primaries.{name}.ldap, and its password into secrets/{name}",
        )
        octets = Secret(context.chance(40).encode())
        return "", nobody, SecretFile(name=name, octets=octets, is_made_up=True)
    if not (user or dn):
        taker.need("service_account_username")
    secret = taker.secret(
        "service_account_password",
        "service_account_password_protected",
        name,
        context,
        then=f"; then name the account as bind_dn of primaries.{name}.ldap",
    )
    if secret is None:
        return None
    bound = dn or (user if "@" in user or "\\" in user or not domain else f"{user}@{domain}")
    return bound, nobody if secret.is_made_up else "", secret


def _user_filter(taker: Taker) -> str:
    parts = _PEOPLE
    group, wanted = taker.text("security_group_dn"), taker.text("ldap_filter")
    if group and not ldap_forms.is_dn(group):
        taker.fault("security_group_dn", "security_group_dn must be a distinguished name")
    elif group:
        # Who is no member is not found: as there, groups in groups do not count.
        parts += f"(memberOf={_SPECIAL.sub(_escaped, group)})"
    if wanted:
        wanted = wanted if wanted.startswith("(") else f"({wanted})"
        wanted = _BRACES.sub(_escaped, wanted)
        if not ldap_forms.is_filter(wanted):
            taker.fault("ldap_filter", "ldap_filter must be a filter (RFC 4515)")
        else:
            parts += wanted
    return f"(&{parts})"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{ord(found[0]):02x}"


def _tell_of_tls(taker: Taker, transport: str, name: str) -> None:
    if transport == "clear":
        taker.different(
            "transport",
            "clear is StartTLS here: no password goes without TLS",
            "the domain controllers need a certificate that is trusted here: `radiusmfa doctor"
            f" --directory {name}`",
        )
    if not taker.flag("ssl_verify_hostname", default=True):
        taker.different(
            "ssl_verify_hostname",
            "the name in the certificate is always compared",
            f"name the servers in primaries.{name}.ldap as their certificates do",
        )
