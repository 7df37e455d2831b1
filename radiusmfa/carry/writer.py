"""Our configuration as a file that people read, out of what was carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.carry.site import TIME_BUDGET
from radiusmfa.config.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from radiusmfa.carry.site import (
        Certificates,
        Client,
        Directory,
        DuoService,
        Exemption,
        SecretFile,
        Site,
        Upstream,
    )

SECRETS: Final = "secrets"
CERTIFICATES: Final = "certificates"
_TOP: Final = """\
# Carried over from {source} by `radiusmfa import-authproxy`. Every setting that there is, with its
# default: docs/configuration.md. `radiusmfa check` reads this file as the server does.
"""
_DEFAULTS: Final = f"""\
# A person looks at a phone for up to a minute: the timeout of the devices times their tries.
defaults: {{time_budget: {TIME_BUDGET}}}
"""
_ACCOUNT: Final = """\
      # Once the password of the account that searches stands in {file}, name the account
      # instead of this one, which there is not: a wrong password must not lock it.
"""


def text(site: Site, source: str, store: Path | str, example: date) -> str:
    """
    Return the whole file.

    Args:
        site: What is carried over.
        source: Name of the file that it comes from.
        store: Where the store is to be.
        example: A day for a setting that is written as a comment.
    """
    parts = [
        _TOP.format(source=_plain(source)),
        "\n".join(
            [
                "listen:",
                *(f"  - {{udp: {quoted(at)}}}" for at in site.listen),
                f"store: {{sqlite: {quoted(str(store))}}}",
                "keys: {credential: keys, file: keys}",
                "",
            ]
        ),
        _section("primaries", map(_directory, site.directories)),
        _section("upstreams", map(_upstream, site.upstreams)),
        _section("services", (_service(one, example) for one in site.services)),
        "\n".join(
            [
                "factors:",
                *(f"  {one.name}: {{service: {one.name}}}" for one in site.services),
                "",
            ]
        ),
        _DEFAULTS,
        _section("clients", map(_client, site.clients)),
        _policies(site.exemptions),
    ]
    return "\n".join(part for part in parts if part)


def quoted(value: str) -> str:
    """Return *value* as a text in double quotes that YAML reads back the same."""
    return f'"{"".join(map(_character, value))}"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    number = ord(one)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004


def _section(name: str, entries: Iterable[Iterator[str]]) -> str:
    lines = [line for entry in entries for line in entry]
    return "\n".join([f"{name}:", *lines, ""]) if lines else ""


def _directory(one: Directory) -> Iterator[str]:
    yield f"  # {one.origin}"
    yield f"  {one.name}:"
    yield "    ldap:"
    yield "      kind: active-directory"
    yield f"      servers: {_listed(one.servers)}"
    yield from _trusted(one.certificates, "      ")
    yield f"      base: {quoted(one.base)}"
    if one.nobody:
        yield from _ACCOUNT.format(file=f"{SECRETS}/{one.bind_password.name}").splitlines()
        if one.bind_name:
            yield f"      #bind_dn: {quoted(one.bind_name)}"
    yield f"      bind_dn: {quoted(one.nobody or one.bind_name)}"
    yield f"      bind_password: {_reference(one.bind_password)}"
    yield f"      user_filter: {quoted(one.user_filter)}"
    yield f"      user_attributes: {_listed(one.user_attributes)}"
    yield f"      name_attribute: {quoted(one.name_attribute)}"
    yield "      strip: [domain]"
    yield "      # nested, when policies name groups."
    yield "      groups: none"
    if one.timeout is not None:
        yield f"      timeout: {one.timeout}"


def _upstream(one: Upstream) -> Iterator[str]:
    yield f"  # {one.origin}"
    yield f"  {one.name}:"
    yield "    servers:"
    weak = ", weak_secret: yes" if one.is_weak else ""
    for host, port in one.servers:
        secret = _reference(one.secret)
        yield f"      - {{host: {quoted(host)}, port: {port}, secret: {secret}{weak}}}"
    if one.retransmit is not None:
        yield f"    retransmit: {one.retransmit}"
    if one.patience is not None:
        yield f"    patience: {one.patience}"
    if one.take is not None:
        yield f"    take: {_listed(one.take) if one.take else 'none'}"


def _service(one: DuoService, example: date) -> Iterator[str]:
    yield f"  # {one.origin}"
    yield f"  {one.name}:"
    yield "    duo:"
    yield f"      host: {quoted(one.host)}"
    yield f"      integration_key: {quoted(one.integration_key)}"
    yield f"      secret_key: {_reference(one.secret_key)}"
    yield f"      factors: [{', '.join(one.factors)}]"
    yield f"      prompt: {'menu' if one.is_menu else 'auto'}"
    if not one.enrolment:
        yield "      enrolment: no"
    yield from _trusted(one.certificates, "    ")
    if one.proxy is not None:
        host, port = one.proxy
        yield f"    proxy: {{host: {quoted(host)}, port: {port}}}"
    if one.timeout is not None:
        yield f"    timeout: {one.timeout}"
    for origin in one.fails_open:
        yield f"    # failmode=safe, {origin}: whoever has the password got in while Duo was away."
    if one.fails_open:
        yield "    # Until that day it would be so here, too; without it nobody gets in then."
        yield f"    #open_until: {example.isoformat()}"


def _client(one: Client) -> Iterator[str]:
    yield f"  # {one.origin}"
    yield f"  - name: {one.name}"
    yield f"    networks: {_listed(str(network) for network in one.networks)}"
    yield f"    secret: {_reference(one.secret)}"
    if one.is_weak:
        yield "    weak_secret: yes"
    yield f"    mode: {one.mode}"
    yield f"    primary: {one.primary}"
    yield f"    factors: [{one.factor}]"
    if one.mode in {Mode.APPEND, Mode.AUTO}:
        yield f"    delimiter: {quoted(one.delimiter)}"
    if one.address:
        yield f"    address: [{quoted(one.address)}]"
    yield "    # Duo is told where the person is, as the client says."
    yield "    trust_address: yes"


def _policies(exemptions: tuple[Exemption, ...]) -> str:
    if not exemptions:
        return ""
    lines = ["# The first that fits decides.", "policies:"]
    for one in exemptions:
        lines += [
            f"  # exempt_username_N of {one.origin}",
            f"  - name: {one.name}",
            f"    when: {{client: [{', '.join(one.clients)}], user: {_listed(one.users)}}}",
            "    factors: skip",
        ]
    lines += ["  # Everybody else: as the client says.", "  - name: everybody", ""]
    return "\n".join(lines)


def _reference(secret: SecretFile) -> str:
    name = secret.name
    return f'{{credential: "{SECRETS}_{name}", file: "{SECRETS}/{name}"}}'


def _trusted(found: Certificates | None, indent: str) -> Iterator[str]:
    if found is not None:
        mark = "#" if found.octets is None else ""
        yield f'{indent}{mark}ca_file: "{CERTIFICATES}/{found.name}"'


def _listed(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def _plain(name: str) -> str:
    return "".join(one for one in name if one.isprintable())
