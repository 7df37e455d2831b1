"""The configuration file: YAML to model, or every fault at once."""

from __future__ import annotations

import os
import re
from dataclasses import fields as dataclass_fields
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from radiusmfa.config import (
    approvals,
    clients,
    directories,
    factors,
    messages,
    nodes,
    policies,
    services,
    upstreams,
)
from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.config.model import (
    Challenges,
    Configuration,
    Duplicates,
    Level,
    Listen,
    Lockout,
    Passwords,
)
from radiusmfa.config.secrets import Sources, reference
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SECTIONS: Final = (
    "listen",
    "accounting",
    "metrics",
    "store",
    "keys",
    "defaults",
    "clients",
    "primaries",
    "upstreams",
    "services",
    "approvals",
    "networks",
    "schedules",
    "policies",
    "passwords",
    "factors",
    "lockout",
    "challenges",
    "duplicates",
    "log",
)
_LARGEST_FILE_OCTETS: Final = 16 * 1024 * 1024
_LEAST_KIB_A_LANE: Final = 8  # RFC 9106 section 3.1: "from 8*p"
# The least memory in OWASP's list of equally strong parameters of Argon2id.
_LEAST_KIB_OF_STRENGTH: Final = 7168
MOST_MEMORY_PASSES: Final = 4 * 1024 * 1024
"""KiB times passes; `primary.hashing` takes no hash that costs more for a true one."""
_ADDRESS_AND_PORT: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")


def load(path: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """
    Return the configuration in the file at *path*.

    Args:
        path: The YAML file; relative paths in it start from its folder.
        environment: Instead of the process's own, in tests.

    Raises:
        ConfigError: With every fault, each as `file:line:column: where: what`.
    """
    octets, warnings = _read_file(path)
    sources = Sources(path.absolute().parent, os.environ if environment is None else environment)
    return parse(octets, path, sources, warnings)


def parse(
    octets: bytes, path: Path, sources: Sources, warnings: tuple[str, ...] = ()
) -> Configuration:
    """Return the configuration in *octets*, which came from *path*; see `load`."""
    report = nodes.Report()
    root = nodes.parse(octets, report)
    if report.faults and not root.entries:
        raise ConfigError(*report.lines(str(path)))
    top = Fields(root, "", report, known=SECTIONS)
    configuration, elsewhere = _configuration(top, path, sources, warnings)
    if report.faults or elsewhere:
        raise ConfigError(*report.lines(str(path)), *elsewhere)
    return configuration


def _read_file(path: Path) -> tuple[bytes, tuple[str, ...]]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            octets = file.read(_LARGEST_FILE_OCTETS + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `radiusmfa init` makes one") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(octets) > _LARGEST_FILE_OCTETS:
        raise ConfigError(f"{path}: larger than {_LARGEST_FILE_OCTETS} octets")
    return octets, (f"{path} can be changed by every user of this machine",) if mode & 2 else ()


def _configuration(
    top: Fields, path: Path, sources: Sources, warnings: tuple[str, ...]
) -> tuple[Configuration, list[str]]:
    listen = _listen(top, "listen")
    accounting = _listen(top, "accounting")
    if not listen and not top.has("listen"):
        top.need("listen")
    metrics = _listen(top, "metrics", "tcp")
    _refuse_same_address(top, {"listen": listen, "accounting": accounting})
    _refuse_same_address(top, {"metrics": metrics})
    others, told, elsewhere = upstreams.read(top, sources)
    checking, of_services = services.read(top, sources, tuple(one.name for one in others))
    proofs = factors.read(top, others, checking)
    found, of_directories = directories.read(top, sources)
    messages.refuse_unread(top, checking, found)
    wanted, of_approvals = approvals.read(top, sources)
    known = clients.Known({one.name: one for one in others}, proofs, found)
    everyone, said = clients.read(top, sources, known)
    rules, of_policies = policies.read(
        top,
        sources,
        policies.Known(
            clients=everyone,
            upstreams=others,
            factors=proofs,
            directories=found,
            approvals=wanted,
        ),
    )
    passwords, weak = _passwords(top.section("passwords", _names(Passwords)))
    configuration = Configuration(
        path=path,
        listen=listen,
        accounting=accounting,
        metrics=metrics,
        store_path=_store(top, sources),
        keys_path=_keys(top, sources),
        clients=everyone,
        upstreams=others,
        directories=found,
        services=checking,
        approvals=wanted,
        policies=rules,
        passwords=passwords,
        factors=proofs,
        lockout=_lockout(top.section("lockout", _names(Lockout))),
        challenges=_challenges(top.section("challenges", _names(Challenges))),
        duplicates=_duplicates(top.section("duplicates", _names(Duplicates))),
        log_level=top.section("log", ("level",)).choice("level", Level.INFO),
        warnings=(
            *warnings,
            *said,
            *told,
            *of_directories,
            *of_services,
            *of_approvals,
            *of_policies,
            *weak,
            *_exposed(metrics),
        ),
    )
    return configuration, elsewhere


def _names(section: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclass_fields(section))


def _listen(top: Fields, name: str, kind: str = "udp") -> tuple[Listen, ...]:
    if not top.has(name):
        return ()
    items = top.items(name)
    found = [_one_listen(item, top, kind) for item in items]
    if not items and kind == "udp":  # numbers need not be read anywhere
        top.fault(name, "must name at least one address")
    return tuple(listen for listen in found if listen)


def _one_listen(item: Found, top: Fields, kind: str) -> Listen | None:
    address = Fields(item.node, item.where, top.report, known=(kind,)).need(kind)
    text = scalar_text(address, top.report) if address else None
    if address is None or text is None:
        return None
    match = _ADDRESS_AND_PORT.fullmatch(text)
    if match and int(match[3]) <= 65535:  # noqa: PLR2004 - the largest port
        host = match[1] or match[2]
        if _is_address(host, version=6 if match[1] else 4):
            return Listen(str(ip_address(host)), int(match[3]))
    what = "must be a numeric address and a port, as 192.0.2.1:1812 or [2001:db8::1]:1812"
    top.report.add(address.place, address.where, what)
    return None


def _is_address(host: str, *, version: int) -> bool:
    try:
        return ip_address(host).version == version
    except ValueError:
        return False


def _exposed(metrics: tuple[Listen, ...]) -> Iterator[str]:
    for at in metrics:
        if not ip_address(at.host).is_loopback:
            yield (
                f"metrics: whoever reaches {at.host} port {at.port} can read how many logins pass"
                " and why others do not; no password is asked for"
            )


def _refuse_same_address(top: Fields, wanted: Mapping[str, tuple[Listen, ...]]) -> None:
    seen: set[Listen] = set()
    for name, addresses in wanted.items():
        for address in addresses:
            if address in seen and address.port:
                top.fault(name, f"{address.host} port {address.port} stands here twice")
            seen.add(address)


def _store(top: Fields, sources: Sources) -> Path:
    if top.need("store") is None:
        return sources.folder
    fields = top.section("store", ("sqlite",))
    found = fields.need("sqlite")
    text = scalar_text(found, top.report) if found else None
    if text is not None and not text.strip("./"):
        fields.fault("sqlite", "must be the path of a file")
    return sources.folder / (text or "")


def _keys(top: Fields, sources: Sources) -> Path:
    if top.need("keys") is None:
        return sources.folder
    fields = top.section("keys", ("file", "credential"))
    found = reference(fields, sources, allowed=("file", "credential"))
    return sources.folder if found is None else sources.folder / found


def _passwords(fields: Fields) -> tuple[Passwords, tuple[str, ...]]:
    usual = Passwords()
    passwords = Passwords(
        memory_kib=fields.integer("memory_kib", usual.memory_kib, low=8, high=1_048_576),
        passes=fields.integer("passes", usual.passes, low=1, high=16),
        lanes=fields.integer("lanes", usual.lanes, low=1, high=16),
        threads=fields.integer("threads", usual.threads, low=0, high=64),
        queue=fields.integer("queue", usual.queue, low=1, high=10_000),
        upgrade=fields.boolean("upgrade", default=usual.upgrade),
    )
    if passwords.memory_kib < _LEAST_KIB_A_LANE * passwords.lanes:
        fields.fault("memory_kib", f"must be at least {_LEAST_KIB_A_LANE} for each of the lanes")
    if passwords.memory_kib * passwords.passes > MOST_MEMORY_PASSES:
        what = f"with {passwords.passes} passes must not exceed"
        fields.fault("memory_kib", f"{what} {MOST_MEMORY_PASSES // passwords.passes}")
    warnings = []
    if passwords.memory_kib < _LEAST_KIB_OF_STRENGTH:
        what = f"passwords.memory_kib is {passwords.memory_kib}: whoever steals the store finds"
        warnings.append(f"{what} passwords quickly; say {_LEAST_KIB_OF_STRENGTH} or more")
    if not passwords.upgrade:
        warnings.append("passwords.upgrade is no: imported hashes stay as weak as they are")
    return passwords, tuple(warnings)


def _lockout(fields: Fields) -> Lockout:
    usual = Lockout()
    lockout = Lockout(
        threshold=fields.integer("threshold", usual.threshold, low=1, high=100),
        delay=fields.integer("delay", usual.delay, low=1, high=86_400),
        longest=fields.integer("longest", usual.longest, low=1, high=604_800),
        forget=fields.integer("forget", usual.forget, low=60, high=31_536_000),
    )
    if lockout.longest < lockout.delay:
        fields.fault("longest", f"must not be shorter than delay, {lockout.delay} s")
    return lockout


def _challenges(fields: Fields) -> Challenges:
    usual = Challenges()
    return Challenges(
        lifetime=fields.integer("lifetime", usual.lifetime, low=10, high=3600),
        most=fields.integer("most", usual.most, low=100, high=10_000_000),
    )


def _duplicates(fields: Fields) -> Duplicates:
    usual = Duplicates()
    return Duplicates(
        lifetime=fields.integer("lifetime", usual.lifetime, low=5, high=300),
        most=fields.integer("most", usual.most, low=256, high=10_000_000),
    )
