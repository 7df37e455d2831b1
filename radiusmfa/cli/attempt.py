"""`radiusmfa try`: how a login would be decided, step by step; touches nothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import click

from radiusmfa.cli import common, exits, shown, upstreams
from radiusmfa.cli.admin import json_option
from radiusmfa.cli.attempt_told import Teller
from radiusmfa.cli.exchange import login_request
from radiusmfa.cli.probe import Codes
from radiusmfa.login.account import User
from radiusmfa.login.plan import Plan
from radiusmfa.login.username import UserNameError
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.secret import Secret
    from radiusmfa.server.trial import Trial

_MOST_ROUNDS: Final = 20


@click.command()
@click.argument("user")
@click.option("--client", metavar="NAME", required=True, help="Through this client.")
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
@click.option(
    "--ask-upstreams", is_flag=True, help="Ask them as a real login does: there it counts."
)
@json_option
@click.pass_context
def command(ctx: click.Context, /, **given: object) -> int:
    """
    Show how a login of USER would be decided; nothing is counted or used up.

    The code that serves the network decides, on a copy of the store. Without a
    password it shows what is known of client and user. Upstreams are not asked: it
    ends where one would be, and shows which one, about whom. With --ask-upstreams
    they are, and a wrong code counts there, a right one is used up there.

    Exit code 0: Access-Accept, or nothing was to be decided; 1: anything else, also
    where an upstream would have to be asked.
    """
    wish = Wish(**given)  # type: ignore[arg-type]  # click has checked them
    config = common.load_config(ctx)
    client = _client(config, wish.client)
    address = _address(config, client, wish.source)
    is_typed = wish.password_prompt or wish.password_file is not None
    typed = common.secret_input("Password", wish.password_file) if is_typed else None
    teller = Teller(as_json=wish.as_json)
    # Here: they bring the server with them.
    from radiusmfa.cli.upstream_exchange import Exchange  # noqa: PLC0415
    from radiusmfa.server.trial import Trial  # noqa: PLC0415

    with ExitStack() as opened:
        store = opened.enter_context(common.open_store(ctx))
        exchange = Exchange(config) if wish.ask_upstreams else None
        trial = Trial(config, store, teller.step, exchange)
        opened.callback(trial.close)
        login = Login(config, client, address, wish.user, trial)
        login.facts(teller)
        if typed is None:
            return teller.end(exits.DONE)
        return teller.end(login.decide(typed, Codes(wish.code_file), teller))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options, as click read them."""

    user: str
    client: str
    source: str | None
    password_prompt: bool
    password_file: Path | None
    code_file: Path | None
    ask_upstreams: bool
    as_json: bool


@final
@dataclass(frozen=True, slots=True)
class Login:
    """One login that is tried: through which client, from where, whose."""

    config: Configuration
    client: Client
    address: str
    name: str
    trial: Trial

    def facts(self, teller: Teller) -> None:
        """Tell what is known before anything was typed."""
        plan = Plan(self.client, self.config.factors, b"")
        user = self._user()
        factor, stranger_to = None, ""
        if isinstance(user, User):
            factor = plan.factor(user)
        elif user is None and plan.takes_strangers:
            factor = plan.factor(_stranger(self.name))
            asked = plan.primary or (factor.upstream if factor else "")
            stranger_to = f"upstream {asked}"
        teller.client(self.client, self.address, self.config.factors)
        teller.user(self.name, user, factor, stranger_to)

    def decide(self, typed: Secret, codes: Codes, teller: Teller) -> int:
        """Log in, answering challenges; return the exit code."""
        key = codec.SigningKey(self.client.secret)
        name = self.name.encode("utf-8", "surrogateescape")
        state = None
        for _ in range(_MOST_ROUNDS):
            request = login_request(key, name, typed, state)
            octets = self.trial.ask(request, self.address)
            if self.trial.unasked:
                self._tell_unasked(request, teller)
                return exits.NO
            if not octets:
                teller.silence(self.trial.discarded)
                return exits.NO
            reply = codec.decode(octets)
            teller.decided(self.trial.audited(), reply)
            if reply.code != numbers.ACCESS_CHALLENGE:
                return exits.DONE if reply.code == numbers.ACCESS_ACCEPT else exits.NO
            state = reply.value(numbers.STATE)
            prompt = b"\n".join(reply.values(numbers.REPLY_MESSAGE))
            typed = codes.next(shown.text(prompt).rstrip(" :") or "Answer")
        return exits.NO

    def _tell_unasked(self, request: bytes, teller: Teller) -> None:
        upstream = upstreams.find(self.config, self.trial.unasked)
        user = self._user()
        alias = user.upstreams.get(upstream.name, "") if isinstance(user, User) else ""
        there = upstreams.name_there(upstream, codec.decode(request), alias)
        servers = [upstreams.place(server) for server in upstream.servers]
        teller.unasked(upstream.name, None if there is None else shown.text(there), servers)

    def _user(self) -> User | str | None:
        try:
            return self.trial.user(self.name.encode("utf-8", "surrogateescape"))
        except UserNameError as error:
            return str(error)


def _stranger(name: str) -> User:
    return User(-1, name, None, is_exempt=False, is_disabled=False, tokens=())


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
