"""
One server of an upstream, asked all that `doctor` wants to know, and what its answers mean.

Three questions: a Status-Server (RFC 5997) and a login of nobody, both signed; if both
get silence, the login again without Message-Authenticator. A server that drops what is
signed with another secret may answer that, and its answer shows which secret it has.
"""

from __future__ import annotations

import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.cli import findings, reach, upstreams
from radiusmfa.cli.exchange import Answer, SilenceError, ask, login_request
from radiusmfa.cli.exchange import Server as Asked
from radiusmfa.cli.findings import Cause
from radiusmfa.config.upstream_model import AliveCheck
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.upstream_model import Server, Upstream

Heard: TypeAlias = "Answer | SilenceError | OSError"

_TRIES: Final = 2  # a packet may be lost
_AGENT: Final = codec.attribute(numbers.NAS_IDENTIFIER, b"radiusmfa")
_OTHER_SECRET: Final = codec.Fault.BAD_RESPONSE_AUTHENTICATOR.value
_WRONG_SIGNATURE: Final = codec.Fault.BAD_MESSAGE_AUTHENTICATOR.value
_FIRST: Final = numbers.HEADER_OCTETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """
    What one server has answered.

    Attributes:
        addresses: Of its name, in the system's order; empty: it has none.
        status: To a Status-Server.
        login: To the login of a user that does not exist.
        unsigned: To the same login without Message-Authenticator; None: not asked.
    """

    addresses: tuple[str, ...] = ()
    status: Heard
    login: Heard
    unsigned: Heard | None = None


def examine(upstream: Upstream, server: Server, timeout: float) -> list[Finding]:
    """
    Ask *server* and return what is found, at least one finding.

    Args:
        upstream: Whose server it is.
        server: From the configuration.
        timeout: Seconds after which it counts as silent; in vain it is waited for twice.
    """
    return judge(upstream, server, look(upstream, server, timeout))


def is_alive(upstream: Upstream, server: Server, timeout: float) -> bool:
    """Say whether *server* gives a sign of life, asked once as its `alive_check` says."""
    key = codec.SigningKey(server.secret)
    asked = Asked(
        host=server.host,
        port=server.port,
        key=key,
        timeout=timeout,
        tries=1,
        require_signature=server.require_message_authenticator,
    )
    is_login = server.alive_check is AliveCheck.ACCESS_REQUEST
    octets = _login(upstream, key) if is_login else _status_request(key)
    return isinstance(_heard(asked, octets), Answer)


def look(upstream: Upstream, server: Server, timeout: float) -> Seen:
    """Ask *server* all questions and return its answers."""
    asked = Asked(
        host=server.host,
        port=server.port,
        key=codec.SigningKey(server.secret),
        timeout=timeout / _TRIES,
        tries=_TRIES,
        require_signature=False,  # whether there is one is a finding of its own
    )
    try:
        addresses = reach.addresses(server.host, server.port, socket.SOCK_DGRAM)
    except OSError as error:
        return Seen(status=error, login=error)
    with ThreadPoolExecutor(2) as threads:
        status = threads.submit(_ask_status, asked)
        login = _heard(asked, _login(upstream, asked.key))
        seen = Seen(addresses=addresses, status=status.result(), login=login)
    if not (_is_mute(seen.status) and _is_mute(seen.login)):
        return seen
    unsigned = _heard(asked, _login(upstream, asked.key, signed=False))
    return Seen(addresses=addresses, status=seen.status, login=login, unsigned=unsigned)


def judge(upstream: Upstream, server: Server, seen: Seen) -> list[Finding]:
    """Return what the answers of *server* mean."""
    subject = f"upstream {upstream.name} {upstreams.place(server)}"
    found = []
    if len(seen.addresses) > 1:
        told = ", ".join(seen.addresses)
        found.append(
            findings.note(
                subject,
                Cause.SEVERAL_ADDRESSES,
                f"has several addresses ({told}); the first is asked",
                "name each address as a server of its own, if they are several servers",
            )
        )
    if isinstance(seen.status, Answer) or isinstance(seen.login, Answer):
        return found + _of_answers(upstream, server, seen, subject)
    return [*found, _of_silence(upstream, seen, subject)]


def _heard(asked: Asked, octets: bytes) -> Heard:
    try:
        return ask(asked, octets)
    except (SilenceError, OSError) as error:
        return error


def _ask_status(asked: Asked) -> Heard:
    # A Status-Server is never sent again (RFC 5997 section 4.1): the next one is a new one.
    once = replace(asked, tries=1)
    for _ in range(_TRIES - 1):
        heard = _heard(once, _status_request(asked.key))
        if not _is_mute(heard):
            return heard
    return _heard(once, _status_request(asked.key))


def _status_request(key: codec.SigningKey) -> bytes:
    authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
    identifier = secrets.randbelow(256)
    return codec.request(numbers.STATUS_SERVER, identifier, authenticator, _AGENT, key)


def _login(upstream: Upstream, key: codec.SigningKey, *, signed: bool = True) -> bytes:
    nobody = upstream.probe_user.encode()
    proof = Secret(secrets.token_urlsafe(12).encode())
    return login_request(key, nobody, proof, None, _AGENT, signed=signed)


def _is_mute(heard: Heard) -> bool:
    return isinstance(heard, SilenceError) and not heard.refused and not heard.ignored


def _of_silence(upstream: Upstream, seen: Seen, subject: str) -> Finding:
    heard = [one for one in (seen.status, seen.login, seen.unsigned) if one is not None]
    for error in heard:
        if isinstance(error, OSError):
            return reach.of_error(error, subject)
    silences = [one for one in heard if isinstance(one, SilenceError)]
    if any(one.refused for one in silences):
        return findings.fault(
            subject,
            Cause.NOTHING_LISTENS,
            "nothing listens on that port: the host says so itself",
            "start the server, or correct host and port",
        )
    if elsewhere := sorted({address for one in silences for address in one.elsewhere}):
        return findings.fault(
            subject,
            Cause.OTHER_ADDRESS,
            f"answers from {', '.join(elsewhere)} and not from the address that was asked",
            "name that address as host, or let it answer from the address it is asked at",
        )
    ignored = {what for one in silences for what in one.ignored}
    if ignored:
        return _of_ignored(ignored, subject)
    if isinstance(seen.unsigned, Answer):
        return findings.fault(
            subject,
            Cause.DROPS_SIGNED,
            "answers a request without Message-Authenticator, and drops every one that has it",
            "update it: without that attribute no answer can be trusted (CVE-2024-3596)",
        )
    return findings.fault(
        subject,
        Cause.SILENT,
        "silent: neither Status-Server nor a login got an answer, signed or not",
        "is the address right, and does a firewall let UDP through in both directions? Does"
        " the server have this host among its clients, with its address as the server sees it?"
        " If so, look at its log: it may drop us because its secret differs"
        f"{_or_unknown(upstream)}",
    )


def _or_unknown(upstream: Upstream) -> str:
    return f", or drop logins of users it does not know, as {upstream.probe_user}"


def _of_ignored(ignored: set[str], subject: str) -> Finding:
    if _OTHER_SECRET in ignored:
        return findings.fault(
            subject,
            Cause.OTHER_SECRET,
            "answers, but its secret differs: the Response Authenticator is wrong",
            "write the same secret on both sides, for the address that it sees us at; a blank"
            " at the end counts",
        )
    if _WRONG_SIGNATURE in ignored:
        return findings.fault(
            subject,
            Cause.WRONG_SIGNATURE,
            "answers with the right secret, but its Message-Authenticator is wrong",
            "update it; or something on the path changes packets",
        )
    return findings.fault(
        subject,
        Cause.NO_RADIUS,
        f"something answers that is no answer to us: {', '.join(sorted(ignored))}",
        "is that the port of a RADIUS server, for authentication?",
    )


def _of_answers(upstream: Upstream, server: Server, seen: Seen, subject: str) -> list[Finding]:
    found: list[Finding] = []
    if isinstance(seen.status, Answer):
        text = f"Status-Server answered, {_signature(seen.status)}"
        found.append(findings.ok(subject, text, seen.status.seconds))
    elif server.alive_check is AliveCheck.STATUS_SERVER:
        found.append(
            findings.fault(
                subject,
                Cause.NO_STATUS_SERVER,
                "answers logins, but not Status-Server: when it is slow it will be taken for dead",
                "set alive_check: access-request for it, or let it answer Status-Server",
            )
        )
    if isinstance(seen.login, Answer):
        found.append(_of_login(upstream, seen.login, subject))
    else:
        found.append(_of_unanswered_login(upstream, server, subject))
    return found + _of_signatures(server, seen, subject)


def _of_login(upstream: Upstream, answer: Answer, subject: str) -> Finding:
    nobody = upstream.probe_user
    if answer.packet.code == numbers.ACCESS_ACCEPT:
        return findings.fault(
            subject,
            Cause.LETS_ANYBODY_IN,
            f"LETS ANYBODY IN: it accepted {nobody} with a password made up by chance",
            "do not use it until its policy is corrected; if there is such a user, name"
            " another one with probe_user",
        )
    verb = "asks" if answer.packet.code == numbers.ACCESS_CHALLENGE else "refuses"
    text = f"{verb} {nobody}, who does not exist, {_signature(answer)}"
    return findings.ok(subject, text, answer.seconds)


def _of_unanswered_login(upstream: Upstream, server: Server, subject: str) -> Finding:
    text = f"answers Status-Server, but not a login of {upstream.probe_user}"
    if server.alive_check is AliveCheck.ACCESS_REQUEST:
        return findings.fault(
            subject,
            Cause.NO_ANSWER_TO_LOGIN,
            f"{text}: it will be taken for dead",
            "set alive_check: status-server for it",
        )
    return findings.note(
        subject,
        Cause.NO_ANSWER_TO_LOGIN,
        text,
        "it may drop logins of users it does not know; try one that it knows:"
        f" radiusmfa probe USER --upstream {upstream.name} --at {upstreams.place(server)}",
    )


def _of_signatures(server: Server, seen: Seen, subject: str) -> list[Finding]:
    answers = {"Status-Server": seen.status, "logins": seen.login}
    unsigned = [what for what, one in answers.items() if isinstance(one, Answer) and not one.signed]
    if unsigned and server.require_message_authenticator:
        return [
            findings.fault(
                subject,
                Cause.UNSIGNED_REPLIES,
                f"its replies to {' and '.join(unsigned)} have no Message-Authenticator:"
                " they are dropped",
                "update it; until then require_message_authenticator: no for it takes them, and"
                " whoever sits on the path can forge them (CVE-2024-3596)",
            )
        ]
    if unsigned:
        return [
            findings.note(
                subject,
                Cause.UNSIGNED_REPLIES,
                f"its replies to {' and '.join(unsigned)} have no Message-Authenticator, and are"
                " taken: whoever sits on the path can forge them (CVE-2024-3596)",
                "update it, then take out require_message_authenticator: no",
            )
        ]
    if not server.require_message_authenticator:
        return [
            findings.note(
                subject,
                Cause.NEEDLESS_WAIVER,
                "signs its replies, and is allowed not to",
                "take out require_message_authenticator: no",
            )
        ]
    return []


def _signature(answer: Answer) -> str:
    if not answer.signed:
        return "Message-Authenticator missing"
    is_first = answer.packet.octets[_FIRST] == numbers.MESSAGE_AUTHENTICATOR
    return f"Message-Authenticator right{', first' if is_first else ', not first'}"
