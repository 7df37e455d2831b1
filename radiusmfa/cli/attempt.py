"""`radiusmfa try`: how a login would be decided, step by step; touches nothing."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

import click

from radiusmfa.cli import common, exits, shown
from radiusmfa.cli.admin import json_option, moment
from radiusmfa.cli.exchange import login_request
from radiusmfa.cli.probe import Codes
from radiusmfa.login.username import UserNameError
from radiusmfa.outcome import Asks, Broken, Failed, Passed, Reason, Unavailable
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.login.account import User
    from radiusmfa.login.flow import Step
    from radiusmfa.outcome import Outcome
    from radiusmfa.secret import Secret
    from radiusmfa.server.trial import Trial

_MOST_ROUNDS: Final = 10
_KEPT: Final = ("decision", "reason", "factor", "token")
_STEPS: Final = {
    "PASSCODE": "Is it a valid code?",
    "TAIL": "Does it end in a valid code?",
    "REST": "Is what stands before the code the password?",
    "CLAIM": "Is the code still unused?",
    "PASSWORD": "Is it the password?",
    "FACTOR": "What else must be proved?",
}
_HINTS: Final = {
    Reason.UNKNOWN_USER: "add the user: radiusmfa user add NAME",
    Reason.USER_DISABLED: "let the user in again: radiusmfa user enable NAME",
    Reason.LOCKED: "wait, or: radiusmfa user unlock NAME",
    Reason.NO_PASSWORD: "give the user a password: radiusmfa user password NAME",
    Reason.NOT_ENROLLED: "enroll a token: radiusmfa token enroll NAME",
    Reason.BAD_PASSCODE: "if the code is the one shown, the token's clock or counter may be"
    " off: radiusmfa token resync SERIAL",
    Reason.REPLAYED_PASSCODE: "wait for the next code: each one opens one door once",
}


@click.command()
@click.argument("user")
@click.option("--client", "name", metavar="NAME", required=True, help="Through this client.")
@click.option("--from", "source", metavar="ADDRESS", help="From this address of the client's.")
@click.option("--password-prompt", is_flag=True, help="Ask for what the user would type.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Its first line is what the user would type (- is standard input).",
)
@click.option(
    "--code-file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Its lines answer the challenges, in order (- is standard input).",
)
@json_option
@click.pass_context
def command(  # noqa: PLR0913 - click passes each option
    ctx: click.Context,
    user: str,
    name: str,
    *,
    source: str | None,
    password_prompt: bool,
    password_file: Path | None,
    code_file: Path | None,
    as_json: bool,
) -> int:
    """
    Show how a login of USER would be decided; nothing is counted or used up.

    The code that serves the network decides, on a copy of the store. Without a
    password it shows what is known of client and user.
    Exit code 0: Access-Accept, or nothing was to be decided; 1: anything else.
    """
    config = common.load_config(ctx)
    client = _client(config, name)
    address = _address(config, client, source)
    is_typed = password_prompt or password_file is not None
    typed = common.secret_input("Password", password_file) if is_typed else None
    teller = Teller(as_json=as_json)
    # Here: it brings the server with it.
    from radiusmfa.server.trial import Trial  # noqa: PLC0415

    with ExitStack() as opened:
        store = opened.enter_context(common.open_store(ctx))
        trial = Trial(config, store, teller.step)
        opened.callback(trial.close)
        teller.facts(client, address, user, _find(trial, user))
        if typed is None:
            return teller.end(exits.DONE)
        codes = Codes(code_file)
        return teller.end(_dialogue(trial, client, (address, user), (typed, codes), teller))


def _dialogue(
    trial: Trial,
    client: Client,
    who: tuple[str, str],
    proofs: tuple[Secret, Codes],
    teller: Teller,
) -> int:
    address, user = who
    typed, codes = proofs
    key = codec.SigningKey(client.secret)
    state = None
    for _ in range(_MOST_ROUNDS):
        name = user.encode("utf-8", "surrogateescape")
        octets = trial.ask(login_request(key, name, typed, state), address)
        if not octets:
            teller.silence(trial.discarded)
            return exits.NO
        reply = codec.decode(octets)
        teller.decided(trial.audited(), reply)
        if reply.code != numbers.ACCESS_CHALLENGE:
            return exits.DONE if reply.code == numbers.ACCESS_ACCEPT else exits.NO
        state = reply.value(numbers.STATE)
        prompt = b"\n".join(reply.values(numbers.REPLY_MESSAGE))
        typed = codes.next(shown.text(prompt).rstrip(" :") or "Answer")
    return exits.NO


@final
class Teller:
    """Says what happens as it happens, or collects it for one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        """Say nothing yet."""
        self._as_json = as_json
        self._facts: dict[str, Any] = {}
        self._rounds: list[dict[str, Any]] = []
        self._steps: list[dict[str, str]] = []

    def facts(self, client: Client, address: str, name: str, user: User | str | None) -> None:
        """Show what is known before anything was typed."""
        self._facts = {
            "client": client.name,
            "address": address,
            "mode": client.mode.value,
            "primary": client.primary.value,
            "user": name,
            "known": _known(user),
        }
        self._say(
            f"client    {client.name} ({address}): mode {client.mode.value}, "
            f"primary {client.primary.value}"
        )
        for title, fact in _known(user).items():
            if title != "locked" or fact:
                text = ", ".join(fact) if isinstance(fact, list) else str(fact)
                self._say(f"{title:9} {text or 'none'}")

    def step(self, step: Step, outcome: Outcome) -> None:
        """Show one step."""
        told = {"step": step.name.lower(), "outcome": _word(outcome)}
        self._steps.append(told)
        self._say(f"step      {_STEPS[step.name]} {told['outcome']}")

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
        by = " ".join(kept[name] for name in ("factor", "token") if name in kept)
        self._say(f"decision  {kept['decision']}: {kept['reason']}{by and f' ({by})'}")
        hint = _HINTS.get(Reason(kept["reason"]))
        if hint:
            self._say(f"hint      {hint}")
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


def _client(config: Configuration, name: str) -> Client:
    for client in config.clients:
        if client.name == name:
            return client
    known = ", ".join(client.name for client in config.clients)
    msg = f"{config.path} has no client {name!r}; it has: {known}."
    raise click.UsageError(msg)


def _address(config: Configuration, client: Client, source: str | None) -> str:
    # Here: the only command that asks whose an address is.
    from radiusmfa.clients import Clients  # noqa: PLC0415

    address = source or str(next(iter(client.networks[0].hosts())))
    try:
        peer = Clients(config.clients).find(address)
    except ValueError:
        msg = f"{address!r} is not an IPv4 or IPv6 address."
        raise click.UsageError(msg) from None
    if peer is None or peer.client.name != client.name:
        owner = "no client" if peer is None else f"client {peer.client.name!r}"
        msg = f"{address} belongs to {owner}: name an address of {client.name!r} with --from."
        raise click.UsageError(msg)
    return address


def _find(trial: Trial, name: str) -> User | str | None:
    try:
        return trial.user(name.encode("utf-8", "surrogateescape"))
    except UserNameError as error:
        return str(error)


def _known(user: User | str | None) -> dict[str, Any]:
    if user is None:
        return {"user": "unknown"}
    if isinstance(user, str):
        return {"user": f"nobody can have this name: {user}"}
    now = time.time()
    status = "disabled" if user.is_disabled else "enabled"
    if user.is_exempt:
        status += ", needs no second factor after the password"
    return {
        "user": f"{user.name}: {status}",
        "password": "stored" if user.password else "none",
        "tokens": [f"{one.serial} ({'totp' if one.period else 'hotp'})" for one in user.tokens],
        "recovery": f"{len(user.recovery)} codes",
        "locked": [
            f"{kind.value} at {client} until {moment(failures.until)}"
            for (kind, client), failures in user.failures.items()
            if failures.until > now
        ],
    }


def _word(outcome: Outcome) -> str:
    match outcome:
        case Passed():
            return "passed"
        case Failed(reason):
            return f"failed: {reason.value}"
        case Asks(reason):
            return f"asks: {reason.value}"
        case Unavailable():
            return "unavailable"
        case Broken():
            return "broken"
