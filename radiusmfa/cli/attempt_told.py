"""What `try` says: facts, steps, decisions, what to do; as text or as one JSON object."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, final

import click

from radiusmfa.cli import common, shown
from radiusmfa.cli.admin import moment
from radiusmfa.config.model import Mode
from radiusmfa.login import devices
from radiusmfa.outcome import Asks, Broken, Failed, Passed, Reason, Unavailable
from radiusmfa.reasons import EXPLANATIONS

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Factors
    from radiusmfa.config.upstream_model import UpstreamFactor
    from radiusmfa.login.account import User
    from radiusmfa.login.flow import Step
    from radiusmfa.login.person import Person
    from radiusmfa.outcome import Outcome
    from radiusmfa.wire import codec

_KEPT: Final = (
    "decision", "reason", "policy", "group", "address", "approval", "factor", "token",
    "instead_of", "upstreams", "person", "detail",
)  # fmt: skip
_STEPS: Final = {
    "PASSCODE": "Is it a valid code?",
    "TAIL": "Does it end in a valid code?",
    "REST": "Is what stands before the code the password?",
    "CLAIM": "Is the code still unused?",
    "PASSWORD": "Is it the password?",
    "FACTOR": "What else must be proved?",
    "OPEN": "Does the token server, told of a right password, let the person in?",
    "BOTH": "Does the upstream, which asks for every proof, let the person in?",
    "INSTEAD": "Is it a valid code of a factor that counts while servers are gone?",
    "LAST": "Is it the password, the code being right?",
}


@final
class Teller:
    """Says what happens as it happens, or collects it for one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        """Say nothing yet."""
        self._as_json = as_json
        self._facts: dict[str, Any] = {}
        self._rounds: list[dict[str, Any]] = []
        self._steps: list[dict[str, str]] = []

    def client(self, client: Client, address: str, factors: Factors) -> None:
        """Show what the client's settings ask of its users."""
        named = _factors(client, factors)
        self._facts |= {
            "client": client.name,
            "address": address,
            "mode": client.mode.value,
            "primary": client.primary,
            "factors": list(named),
            "when_unavailable": list(client.when_unavailable),
        }
        self._say(
            f"client    {client.name} ({address}): mode {client.mode.value}, "
            f"primary {client.primary}"
        )
        told = ", ".join(
            f"{name} (upstream {upstream})" if upstream else name
            for name, upstream in named.items()
        )
        self._say(f"factors   {told or 'those that the upstream asks for'}")
        if client.when_unavailable:
            self._say(f"instead   {', '.join(client.when_unavailable)}, while servers are gone")

    def policy(self, name: str, reason: Reason | None, *, is_policed: bool) -> None:
        """
        Show which policy decides.

        Args:
            name: Its name, or that of the one that came nearest; empty: none did.
            reason: Why the login is refused whatever is typed; None: it is not.
            is_policed: Whether there are policies at all.
        """
        if not is_policed and reason is None:
            return
        self._facts["policy"] = name or None
        if reason is None:
            self._say(f"policy    {name}")
            return
        self._facts["refused"] = reason.value
        near = f"{name} comes nearest" if name else "none fits"
        self._say(f"policy    {near}: {reason.value}")
        self._say(f"means     {EXPLANATIONS[reason].meaning}")

    def person(self, person: Person | None) -> None:
        """Show what a directory says of the user."""
        if person is None:
            return
        self._facts["person"] = {
            "directory": person.directory,
            "name": person.name,
            "dn": person.dn,
            "groups": list(person.groups),
            "attributes": {name: list(texts) for name, texts in person.attributes},
        }
        self._say(f"directory {person.directory}: {person.name} ({person.dn})")
        self._say(f"groups    {', '.join(person.groups) or 'none'}")

    def searched(self, directory: str) -> None:
        """Show that *directory*, if it is one, was asked and knows nobody of that name."""
        if directory:
            self._facts["unknown_to"] = directory
            self._say(f"directory {directory}: nobody has that name")

    def user(
        self,
        name: str,
        user: User | str | None,
        factor: UpstreamFactor | None,
        stranger_to: str,
    ) -> None:
        """
        Show what is known before anything was typed.

        Args:
            name: As it was given.
            user: Who that is, why nobody can be, or None: the store knows nobody.
            factor: The upstream factor that the user has here, or None.
            stranger_to: Where somebody unknown here may be known; empty: nowhere.
        """
        known = _known(user, stranger_to)
        if factor is not None:
            known["factor"] = f"{factor.name}, which upstream {factor.upstream} checks"
        self._facts |= {"user": name, "known": known}
        for title, fact in known.items():
            if title not in {"devices", "locked", "upstreams"} or fact:
                text = ", ".join(fact) if isinstance(fact, list) else str(fact)
                self._say(f"{title:9} {text or 'none'}")

    def step(self, step: Step, outcome: Outcome) -> None:
        """Show one step."""
        told = {"step": step.name.lower(), "outcome": _word(outcome)}
        self._steps.append(told)
        self._say(f"step      {_STEPS[step.name]} {told['outcome']}")

    def unasked(self, upstream: str, name: str | None, servers: list[str]) -> None:
        """
        Show whom a real login would ask here; nobody was asked.

        Args:
            upstream: Its name.
            name: The user's there; None: it cannot be written.
            servers: As the audit calls them, in their order.
        """
        self._unasked({"upstream": upstream, "user": name, "servers": servers})
        who = "a name that cannot be written there" if name is None else f'"{name}"'
        self._say(f"unasked   upstream {upstream} would be asked about {who}: {', '.join(servers)}")
        self._say("hint      nothing was decided; --ask-upstreams asks it, as a real login would")

    def unasked_directory(self, directory: str, name: str) -> None:
        """Show which directory a real login would ask here about *name*; nobody was asked."""
        self._unasked({"directory": directory, "user": name})
        self._say(f'unasked   directory {directory} would be asked for the password of "{name}"')
        self._say("hint      nothing was decided; --ask-upstreams asks it, as a real login would")

    def unasked_approval(self, approval: str, user: str) -> None:
        """Show which approval of *user* a real login would ask a service for."""
        self._unasked({"approval": approval, "user": user})
        self._say(f'unasked   approval {approval} of "{user}" would be asked for')
        self._say(f"hint      nothing was decided; --approved {approval} takes it as given")

    def unasked_service(self, service: str, user: str) -> None:
        """Show which service a real login would have call *user*, or ask about them."""
        self._unasked({"service": service, "user": user})
        self._say(f'unasked   service {service} would be asked about "{user}"')
        self._say("hint      nothing was decided, and no phone has rung")

    def _unasked(self, told: dict[str, object]) -> None:
        self._rounds.append({"steps": self._steps, "decision": None, "unasked": told})

    def decided(self, told: dict[str, Any], reply: codec.Packet) -> None:
        """Show a decision and the reply."""
        attributes = shown.attributes(reply)
        code = shown.code_name(reply.code)
        kept = {name: told[name] for name in _KEPT if told.get(name)}
        self._rounds.append(
            {"steps": self._steps, **kept, "reply": code}
            | {"attributes": [{"name": name, "value": value} for name, value in attributes]}
        )
        self._steps = []
        for one in kept.get("upstreams", ()):
            self._say(f"upstream  {_upstream(one)}")
        by = " ".join(kept[name] for name in ("factor", "token") if name in kept)
        if "instead_of" in kept:
            by = f"{by} instead of {kept['instead_of']}".strip()
        self._say(f"decision  {kept['decision']}: {kept['reason']}{by and f' ({by})'}")
        if "detail" in kept:
            self._say(f"detail    {kept['detail']}")
        explanation = EXPLANATIONS[kept["reason"]]
        self._say(f"means     {explanation.meaning}")
        if explanation.advice:
            self._say(f"hint      {explanation.advice}")
        self._say(f"reply     {code}")
        for name, value in attributes:
            self._say(f"              {name} = {value}")

    def silence(self, reason: str) -> None:
        """Show that no reply would be sent."""
        self._rounds.append({"steps": self._steps, "decision": "silence", "reason": reason})
        self._say(f"decision  silence: {reason or 'the store cannot be written'}")

    def end(self, code: int) -> int:
        """Print the JSON object, if that is wanted, and return *code*."""
        if self._as_json:
            common.emit_json({**self._facts, "rounds": self._rounds})
        return code

    def _say(self, line: str) -> None:
        if not self._as_json:
            click.echo(line)


def _factors(client: Client, factors: Factors) -> dict[str, str]:
    """Return the factors that count for *client*, and the upstream of those that have one."""
    if client.mode is Mode.PROXY:
        return {}
    upstreams = {factor.name: factor.upstream for factor in factors.upstream}
    return {name: upstreams.get(name, "") for name in client.factors}


def _known(user: User | str | None, stranger_to: str) -> dict[str, Any]:
    if user is None:
        where = f"unknown here, may be known to {stranger_to}" if stranger_to else "unknown"
        return {"user": where}
    if isinstance(user, str):
        return {"user": f"nobody can have this name: {user}"}
    now = time.time()
    status = "disabled" if user.is_disabled else "enabled"
    if user.is_exempt:
        status += ", needs no second factor after the password"
    return {
        "user": f"{user.name}: {status}",
        "password": "stored" if user.password else "none",
        "tokens": [f"{one.serial} ({'totp' if one.period else 'hotp'})" for one in user.tokens]
        + [f"{one.serial} (yubikey)" for one in user.yubikeys],
        "devices": [
            f"{one.serial} ({one.kind} {devices.masked(one.kind, one.secret)}".rstrip() + ")"
            for one in user.devices
        ],
        "recovery": f"{len(user.recovery)} codes",
        "upstreams": [
            f"{upstream} as {name}" if name else upstream
            for upstream, name in sorted(user.upstreams.items())
        ],
        "locked": [
            f"{kind.value} at {client} until {moment(failures.until)}"
            for (kind, client), failures in user.failures.items()
            if failures.until > now
        ],
    }


def _upstream(told: dict[str, Any]) -> str:
    """Return in words what the audit says of one inquiry."""
    server = f" {told['server']}" if "server" in told else ""
    event = f", {told['event']}" if "event" in told else ""
    packets = f"{told['sent']} packet{'' if told['sent'] == 1 else 's'}"
    text = (
        f"{told['name']}{server}: {told['answer']}{event} ({packets}, {told['us'] / 1000:.1f} ms)"
    )
    for fault, count in told.get("ignored", {}).items():
        text += f", ignored {count} x {fault}"
    return text


def _word(outcome: Outcome) -> str:
    match outcome:
        case Passed():
            return "passed"
        case Failed(reason):
            return f"failed: {reason.value}"
        case Asks(reason):
            return f"asks: {reason.value}"
        case Unavailable(reason):
            return "unavailable" if reason is Reason.UNAVAILABLE else f"unavailable: {reason.value}"
        case Broken():
            return "broken"
