"""A whole `authproxy.cfg`: what of it becomes our configuration, and what does not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from radiusmfa.carry import ini, primaries, servers
from radiusmfa.carry.servers import Account
from radiusmfa.carry.settings import Notes, Taker
from radiusmfa.carry.site import TIME_BUDGET, Client, Exemption, Kind, Remark, Site
from radiusmfa.config.model import NONE
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS
from radiusmfa.interfaces import ImportRefusedError

if TYPE_CHECKING:
    from radiusmfa.carry.doors import Door
    from radiusmfa.carry.ini import Section
    from radiusmfa.carry.servers import Server
    from radiusmfa.carry.settings import Context
    from radiusmfa.carry.site import Directory, DuoService, Origin, SecretFile, Upstream
    from radiusmfa.config.model import Network

_MAIN: Final = "main"
_ANY: Final = "0.0.0.0"  # noqa: S104 - compared, not bound
_KEEP: Final = "let the proxy go on for it; it may run beside radiusmfa"
SECTIONS: Final = {
    "radius_server_iframe": (
        "the device's own page would show Duo's frame, which radiusmfa has not",
        "call a copy of the section radius_server_challenge, or _auto, and import that",
    ),
    "radius_server_eap": (
        "radiusmfa speaks no EAP",
        "set the device to PAP; then call a copy of the section radius_server_auto",
    ),
    "cloud": ("radiusmfa sends no people from a directory to Duo", _KEEP),
    "http_proxy": ("radiusmfa is no proxy for HTTP", _KEEP),
    "ldap_server_auto": ("radiusmfa is no LDAP server", _KEEP),
    "sso": ("radiusmfa checks no passwords for Duo's single sign-on", _KEEP),
}
_LOG: Final = ("the log goes to the journal, the audit into the store", "docs/operations.md")
_OF_MAIN: Final = {
    "debug": ("the log is set otherwise", "log: {level: debug}"),
    "log_dir": _LOG,
    "log_file": _LOG,
    "log_max_files": _LOG,
    "log_max_size": _LOG,
    "log_stdout": _LOG,
    "log_syslog": _LOG,
    "syslog_facility": _LOG,
    "log_auth_events": _LOG,
    "log_sso_events": _LOG,
    "test_connectivity_on_startup": ("nothing is tested at the start", "`radiusmfa doctor`"),
    "fips_mode": ("RADIUS hides passwords by MD5, which that mode forbids", ""),
}


def read(octets: bytes, context: Context) -> Site:
    """
    Return what the file *octets* says, as far as it has a counterpart.

    Args:
        octets: The file.
        context: Reads certificates, makes up secrets.

    Raises:
        ImportRefusedError: With every reason why nothing can be carried over. No text
            repeats a secret.
    """
    document = ini.parse(octets)
    notes = Notes()
    notes.remarks += [
        Remark(
            kind=Kind.DIFFERENT,
            section=doubt.section,
            line=doubt.line,
            setting=doubt.setting,
            text=doubt.text,
            instead="correct the value if it was meant otherwise",
        )
        for doubt in document.doubts
    ]
    site = _Building(document.sections, notes, context).site()
    if notes.faults:
        raise ImportRefusedError(*(text for _, text in sorted(dict.fromkeys(notes.faults))))
    return site


@final
@dataclass(slots=True)
class _Building:
    """A site that grows, section by section."""

    sections: tuple[Section, ...]
    notes: Notes
    context: Context
    _services: list[DuoService] = field(default_factory=list)
    _directories: dict[str, Directory | None] = field(default_factory=dict)
    _upstreams: dict[tuple[str, tuple[str, ...] | None], Upstream | None] = field(
        default_factory=dict
    )
    _clients: list[Client] = field(default_factory=list)
    _exemptions: list[Exemption] = field(default_factory=list)
    _taken: dict[Network, Origin] = field(default_factory=dict)

    def site(self) -> Site:
        """Return the whole; faults are told."""
        found = self._servers()
        if not found:
            self._give_up()
        used = {server.primary for server in found if server.primary}
        for server in found:
            self._add(server)
        self._tell_of_sections(used)
        self._tell_of_clients(found)
        return Site(
            listen=_listen(found),
            services=tuple(self._services),
            directories=tuple(one for one in self._directories.values() if one is not None),
            upstreams=tuple(one for one in self._upstreams.values() if one is not None),
            clients=tuple(self._clients),
            exemptions=tuple(self._exemptions),
            remarks=tuple(
                sorted(dict.fromkeys(self.notes.remarks), key=lambda one: (one.line, one.setting))
            ),
        )

    def _servers(self) -> list[Server]:
        main = next((one for one in self.sections if one.name == _MAIN), None)
        of_main = None if main is None else Taker(main, self.notes)
        takers = [Taker(one, self.notes) for one in self.sections if _is_carried(one)]
        accounts = _accounts(takers)
        found = [
            servers.read(taker, of_main, accounts[_account(taker)], self.context)
            for taker in takers
        ]
        if of_main is not None:
            of_main.end(_OF_MAIN)
        _refuse_two_keys(found)
        return found

    def _give_up(self) -> None:
        names = ", ".join(f"[{servers.PREFIX}{mode}]" for mode in servers.MODES)
        self.notes.faults.append((0, f"nothing here can be carried over: none of {names}"))
        for section in self.sections:
            if section.kind in SECTIONS:
                what, instead = SECTIONS[section.kind]
                Taker(section, self.notes).fault("", f"{what}: {instead}")

    def _add(self, server: Server) -> None:
        primary = self._primary(server) if server.primary else NONE
        doors = [(door, networks) for door in server.doors if (networks := self._own(server, door))]
        if not doors or server.service is None:
            return
        factor = self._service(server, server.service)
        names = []
        for door, networks in doors:
            names.append(f"{server.name}-{door.number}")
            self._clients.append(
                Client(
                    name=names[-1],
                    origin=server.taker.origin(door.setting),
                    networks=networks,
                    secret=door.secret,
                    is_weak=len(door.secret.octets) < SHORTEST_SECRET_OCTETS,
                    mode=server.mode,
                    primary=primary,
                    factor=factor,
                    delimiter=server.delimiter,
                    address=server.address,
                )
            )
        if server.exempt:
            self._exemptions.append(
                Exemption(
                    name=f"exempt-{server.name}",
                    origin=server.taker.origin(),
                    clients=tuple(names),
                    users=tuple(dict.fromkeys(server.exempt)),
                )
            )

    def _own(self, server: Server, door: Door) -> tuple[Network, ...]:
        """Return the networks of *door* that nobody had before."""
        origin = server.taker.origin(door.setting)
        own = []
        for network in dict.fromkeys(door.networks):
            before = self._taken.setdefault(network, origin)
            if before is origin:
                own.append(network)
                continue
            server.taker.missing(
                door.setting,
                f"{network} belongs to {before} already: who asks is told by the address alone,"
                " not by the port or the secret",
                "give the device a second address, decide by an attribute in `policies`, or run"
                " a second radiusmfa for it",
            )
        return tuple(own)

    def _service(self, server: Server, new: DuoService) -> str:
        """Return the name of the service of *server*, a known one where all is the same."""
        for known in self._services:
            if known.secret_key.name == new.secret_key.name:
                # Where it is protected in both, one is made up for both.
                new = dataclasses.replace(new, secret_key=known.secret_key)
        for at, known in enumerate(self._services):
            names = {"name": known.name, "origin": known.origin, "fails_open": known.fails_open}
            if dataclasses.replace(new, **names) == known:  # type: ignore[arg-type]
                open_too = (*known.fails_open, *new.fails_open)
                self._services[at] = dataclasses.replace(known, fails_open=open_too)
                return known.name
        if any(known.name == new.name for known in self._services):
            new = dataclasses.replace(new, name=f"{new.name}-{server.name}")
        self._services.append(new)
        return new.name

    def _primary(self, server: Server) -> str:
        """Return the name of who checks the passwords of *server*."""
        name = server.primary
        section = next((one for one in self.sections if one.name == name), None)
        if section is None or section.kind not in {"ad_client", "radius_client"}:
            known = "there is no such section" if section is None else "it checks no passwords"
            server.taker.fault("client", f"client is {name}: {known}")
            return ""
        if section.kind == "ad_client":
            if name not in self._directories:
                taker = Taker(section, self.notes)
                self._directories[name] = primaries.directory(taker, self.context)
            found = self._directories[name]
            return found.name if found else ""
        return self._upstream(server, section)

    def _upstream(self, server: Server, section: Section) -> str:
        key = section.name, server.take
        if key not in self._upstreams:
            name = f"radius{section.number}"
            is_first = all(known != section.name for known, _ in self._upstreams)
            # What is to be said of the section is said once.
            taker = Taker(section, self.notes if is_first else Notes())
            if not is_first:
                name = f"{name}-{server.name}"
            self._upstreams[key] = primaries.upstream(taker, self.context, name, server.take)
        found = self._upstreams[key]
        return found.name if found else ""

    def _tell_of_sections(self, used: set[str]) -> None:
        for section in self.sections:
            taker = Taker(section, self.notes)
            kind = section.kind
            if kind in SECTIONS:
                taker.missing("", *SECTIONS[kind])
            elif kind in {"ad_client", "radius_client"}:
                if section.name not in used:
                    taker.missing("", "no section that is carried over names it as its client")
            elif kind == servers.DUO_ONLY:
                taker.end({})
            elif section.name != _MAIN and not _is_carried(section):
                taker.missing("", "radiusmfa does not know this kind of section", _KEEP)

    def _tell_of_clients(self, found: list[Server]) -> None:
        if not found:
            return
        first = found[0].taker
        first.different(
            "radius_ip_1",
            "requests without Message-Authenticator are discarded, here and at every other client",
            "update the device; until then require_message_authenticator: auto for its client",
        )
        first.different(
            "radius_ip_1",
            f"every client is taken to wait {TIME_BUDGET} seconds for an answer",
            "set its timeout, times its tries, to that or more; else its `time_budget` to less",
        )
        if len({server.listen for server in found}) > 1:
            first.different(
                "port",
                "each client may ask at any of the ports: its address decides what is asked of it",
            )
        for inner, origin in self._taken.items():
            for outer, other in self._taken.items():
                if (
                    origin.section != other.section
                    and inner != outer
                    and inner.version == outer.version
                    and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version
                ):
                    self.notes.remarks.append(
                        Remark(
                            kind=Kind.DIFFERENT,
                            section=origin.section,
                            line=origin.line,
                            setting="",
                            text=f"{inner} lies in {outer} of {other}: the smaller network counts,"
                            " whatever the port",
                        )
                    )


def _account(taker: Taker) -> tuple[str, str]:
    return taker.text("ikey").lower(), taker.text("api_host").lower()


def _accounts(takers: list[Taker]) -> dict[tuple[str, str], Account]:
    keys: dict[tuple[str, str], str] = {}
    for taker in takers:
        account = _account(taker)
        keys[account] = keys.get(account, "") or taker.text("skey")
    return {
        account: Account(file=f"duo{number if number > 1 else ''}", key=key)
        for number, (account, key) in enumerate(keys.items(), 1)
    }


def _refuse_two_keys(found: list[Server]) -> None:
    known: dict[str, SecretFile] = {}
    for server in found:
        if server.service is None or server.service.secret_key.is_made_up:
            continue
        key = server.service.secret_key
        if known.setdefault(key.name, key).octets != key.octets:
            server.taker.fault("skey", "another section has another skey for the same ikey")


def _is_carried(section: Section) -> bool:
    mode = section.kind.removeprefix(servers.PREFIX)
    return section.kind.startswith(servers.PREFIX) and mode in servers.MODES


def _listen(found: list[Server]) -> tuple[str, ...]:
    wanted = dict.fromkeys(server.listen for server in found)
    return tuple(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        for host, port in wanted
        # Nobody else can have a port where all addresses are listened at.
        if host == _ANY or ":" in host or (_ANY, port) not in wanted
    )
