"""Our own side, as `doctor` looks at it: configuration, keys and store, and whether we answer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from radiusmfa.cli import common, examine_services, findings
from radiusmfa.cli.exchange import LOOPBACK, Server, SilenceError, ask
from radiusmfa.cli.findings import Cause
from radiusmfa.clients import Clients
from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.login import devices
from radiusmfa.secret import Secret
from radiusmfa.stores import assignments, database, holders
from radiusmfa.stores.client_state import ClientState
from radiusmfa.stores.vault import Vault
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.model import Configuration, Listen
    from radiusmfa.login.tries import Known

_VERSION: Final = "SELECT value FROM meta WHERE name = 'schema_version'"
_PEOPLE: Final = "SELECT count(*) FROM users"


def configuration(config: Configuration) -> list[Finding]:
    """Return the warnings of the configuration, which can be used."""
    counts = (
        common.count(config.clients, "client"),
        common.count(config.upstreams, "upstream"),
        *([common.count(config.services, "service")] if config.services else ()),
        common.count(config.factors.names, "factor"),
    )
    return [
        findings.ok(str(config.path), f"can be used; {', '.join(counts)}"),
        *(findings.note(str(config.path), Cause.WARNING, text) for text in config.warnings),
    ]


def store(config: Configuration) -> list[Finding]:
    """Open keys and store; say what is wrong with them, or what is in them."""
    try:
        opened = database.connect(config.store_path, Vault.read(config.keys_path))
    except (StoreError, KeysError) as error:
        return [
            findings.fault(
                str(config.store_path),
                Cause.UNUSABLE_STORE,
                str(error),
                "docs/operations.md, Backup, restore, keys: nobody gets in without them",
            )
        ]
    with opened:
        (version,) = opened.connection.execute(_VERSION).fetchone()
        (people,) = opened.connection.execute(_PEOPLE).fetchone()
        assigned, held = assignments.counts(opened), holders.counts(opened)
        learned = ClientState(opened).patience()
    users = common.count(range(people), "user")
    text = f"opens with {config.keys_path}; schema {version}, {users}"
    found = [findings.ok(str(config.store_path), text)]
    found += examine_services.holders(config, held, assigned)
    known = {one.name for one in config.upstreams} | {one.name for one in config.services}
    for upstream, count in sorted(assigned.items()):
        if upstream not in known:
            found.append(
                findings.note(
                    str(config.store_path),
                    Cause.FORGOTTEN_UPSTREAM,
                    f"{common.count(range(count), 'user')} assigned to upstream {upstream},"
                    " which is not configured",
                    f"radiusmfa user upstream USER {upstream} --remove, or configure it again",
                )
            )
    used = {factor.holds for factor in config.factors.upstream}
    found += [
        findings.note(
            str(config.store_path),
            Cause.UNUSED_DEVICES,
            f"{common.count(range(held[kind]), 'user')} with a device of kind {kind}, which no"
            " factor uses",
            "name a service for it, and a factor; or radiusmfa token revoke SERIAL",
        )
        for kind in devices.PERSONAL
        if kind in held and kind not in used
    ]
    return found + _patience(config, learned)


def _patience(config: Configuration, learned: list[tuple[str, str, Known]]) -> list[Finding]:
    clients = {client.name: client for client in config.clients}
    found = []
    for name, address, known in sorted(learned):
        client = clients.get(name)
        if client is None:
            continue
        subject = f"client {name} ({address})"
        if client.learns_patience:
            found.append(findings.note(subject, Cause.GIVES_UP_AFTER, str(known), known.advice))
        elif known.setting < client.time_budget:
            text = f"{known}; time_budget is {client.time_budget}"
            advice = f"{known.advice}, unless it has been given more time since"
            found.append(findings.note(subject, Cause.GIVES_UP_SOONER, text, advice))
    return found


def listener(config: Configuration, at: Listen, timeout: float) -> list[Finding]:
    """Say whether something answers where we listen; if nothing runs, that is no fault."""
    host = LOOPBACK.get(at.host, at.host)
    subject = f"listen {f'[{at.host}]' if ':' in at.host else at.host}:{at.port}"
    # Who asks an address of this host does so from that address.
    peer = Clients(config.clients).find(host)
    key = codec.SigningKey(Secret(secrets.token_bytes(16)) if peer is None else peer.client.secret)
    server = Server(host=host, port=at.port, key=key, timeout=timeout, tries=1)
    authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
    identifier = secrets.randbelow(256)
    try:
        answer = ask(
            server, codec.request(numbers.STATUS_SERVER, identifier, authenticator, b"", key)
        )
    except OSError as error:
        text = f"cannot be asked: {error.strerror}"
        return [findings.note(subject, Cause.NOT_ASKED, text)]
    except SilenceError as silence:
        return [_of_silence(silence, subject, host, is_client=peer is not None)]
    return [findings.ok(subject, "a server runs and answers Status-Server", answer.seconds)]


def _of_silence(silence: SilenceError, subject: str, host: str, *, is_client: bool) -> Finding:
    if silence.refused:
        text = "nothing listens: the server does not run"
        return findings.note(subject, Cause.NOT_RUNNING, text, "start it: radiusmfa run")
    if not is_client:
        text = f"something listens; no client has the address {host}, so it cannot be asked"
        return findings.note(subject, Cause.NOT_ASKED, text)
    if codec.Fault.BAD_RESPONSE_AUTHENTICATOR.value in silence.ignored:
        return findings.fault(
            subject,
            Cause.OTHER_SECRET,
            "a server answers that has another secret for this host",
            "it runs with another configuration: reload it",
        )
    return findings.fault(
        subject,
        Cause.SILENT,
        "something listens, but does not answer Status-Server",
        "look at the server's log: it is silent when the store cannot be written; or another"
        " program has the port",
    )
