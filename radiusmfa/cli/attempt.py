"""`radiusmfa try`: how a login would be decided, step by step; touches nothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import click

from radiusmfa.cli import common, exits, shown, upstreams
from radiusmfa.cli.admin import json_option
from radiusmfa.cli.attempt_told import Teller
from radiusmfa.cli.exchange import login_request
from radiusmfa.cli.probe import Codes
from radiusmfa.config import passing
from radiusmfa.login.errands import AskApproval, AskService, Bind, LookUp
from radiusmfa.login.username import UserNameError
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, names, numbers

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.server.outside import Asked
    from radiusmfa.server.trial import Trial

_MOST_ROUNDS: Final = 20
_OF_THE_LOGIN: Final = passing.OF_ONE_HOP | {"User-Name"}
"""Attributes of a request that no option adds."""


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
    "--ask-upstreams",
    is_flag=True,
    help="Ask them, and directories for passwords, as a real login does: there it counts.",
)
@click.option("--address", metavar="ADDRESS", help="Where the user is, as the client says.")
@click.option(
    "--attribute",
    "attributes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Of the request; may be given several times.",
)
@click.option(
    "--approved", metavar="NAME", multiple=True, help="Take this approval of a service as given."
)
@json_option
@click.pass_context
def command(ctx: click.Context, /, **given: object) -> int:
    """
    Show how a login of USER would be decided; nothing is counted or used up.

    The code that serves the network decides, on a copy of the store. Without a
    password it shows which policy fits, and what is known of client and user.
    Directories are searched. Upstreams are not asked, nor directories for passwords:
    it ends where one would be, and shows which one, about whom. With --ask-upstreams
    they are, and what is wrong counts there, a right code is used up there. A service
    that knows approvals is never asked: say --approved. Nor is one that checks a factor:
    no phone rings, and nothing is sent.

    Exit code 0: Access-Accept, or nothing was to be decided; 1: anything else, also
    where an upstream would have to be asked.
    """
    wish = Wish(**given)  # type: ignore[arg-type]  # click has checked them
    config = common.load_config(ctx)
    client = _client(config, wish.client)
    _check_approved(config, wish.approved)
    address = _address(config, client, wish.source)
    is_typed = wish.password_prompt or wish.password_file is not None
    typed = common.secret_input("Password", wish.password_file) if is_typed else None
    teller = Teller(as_json=wish.as_json)
    # Here: they bring the server with them.
    from radiusmfa.cli.errands import Errands  # noqa: PLC0415
    from radiusmfa.cli.upstream_exchange import Exchange  # noqa: PLC0415
    from radiusmfa.server.trial import Trial  # noqa: PLC0415

    with ExitStack() as opened:
        store = opened.enter_context(common.open_store(ctx))
        exchange = Exchange(config) if wish.ask_upstreams else None
        errands = Errands(config, may_bind=wish.ask_upstreams, approved=wish.approved)
        opened.callback(errands.close)
        trial = Trial(config, store, teller.step, exchange, errands)
        opened.callback(trial.close)
        login = Login(config, client, address, wish.user, trial, _more(client, wish))
        if not login.facts(teller):
            return teller.end(exits.NO)
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
    address: str | None
    attributes: tuple[str, ...]
    approved: tuple[str, ...]
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
    more: bytes

    def facts(self, teller: Teller) -> bool:
        """Tell what is known before anything was typed; False: no more can be said."""
        try:
            found = self.trial.ruled(self._request(Secret(b""), None), self.address)
        except UserNameError as error:
            teller.client(self.client, self.address, self.config.factors)
            teller.user(self.name, str(error), None, "")
            return True
        if isinstance(found, LookUp | Bind | AskApproval):
            teller.client(self.client, self.address, self.config.factors)
            self._tell_unasked(found, teller)
            return False
        rule, user = found.rule, found.user
        teller.client(rule.client, self.address, self.config.factors)
        teller.policy(rule.name, found.reason, is_policed=self.config.policies is not None)
        teller.person(found.person)
        teller.searched(found.searched)
        factor, stranger_to = None, ""
        if user is not None:
            factor = rule.plan.factor(user)
            if user.id < 0 and not found.searched:
                asked = rule.plan.primary or (factor.upstream if factor else "")
                stranger_to = f"upstream {asked}" if asked else f"directory {rule.directory}"
        if user is None and found.reason is not None:
            return True  # refused before anybody was looked up
        is_known = user is not None and user.id > 0
        teller.user(self.name, user if is_known else None, factor, stranger_to)
        return True

    def decide(self, typed: Secret, codes: Codes, teller: Teller) -> int:
        """Log in, answering challenges; return the exit code."""
        state = None
        for _ in range(_MOST_ROUNDS):
            octets = self.trial.ask(self._request(typed, state), self.address)
            if self.trial.unasked is not None:
                self._tell_unasked(self.trial.unasked, teller)
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

    def _request(self, typed: Secret, state: bytes | None) -> bytes:
        key = codec.SigningKey(self.client.secret)
        name = self.name.encode("utf-8", "surrogateescape")
        try:
            octets = login_request(key, name, typed, state, self.more)
            codec.decode(octets)
        except codec.PacketError:
            msg = "So many attributes do not fit into a request."
            raise click.UsageError(msg) from None
        return octets

    def _tell_unasked(self, asked: Asked, teller: Teller) -> None:
        if isinstance(asked, AskApproval):
            teller.unasked_approval(asked.approval, asked.user)
            return
        if isinstance(asked, LookUp | Bind):
            teller.unasked_directory(asked.directory, asked.name)
            return
        if isinstance(asked, AskService):
            teller.unasked_service(asked.service, asked.alias or asked.user)
            return
        upstream = upstreams.find(self.config, asked.upstream)
        request = self._request(Secret(b""), None)
        found = self.trial.ruled(request, self.address)
        user = None if isinstance(found, LookUp | Bind | AskApproval) else found.user
        alias = "" if user is None else user.upstreams.get(upstream.name, "")
        there = upstreams.name_there(upstream, codec.decode(request), alias)
        servers = [upstreams.place(server) for server in upstream.servers]
        teller.unasked(upstream.name, None if there is None else shown.text(there), servers)


def _more(client: Client, wish: Wish) -> bytes:
    pairs = [one.partition("=") for one in wish.attributes]
    named = [(name, value) for name, _, value in pairs]
    if wish.address is not None:
        if not client.address:
            msg = f"{client.name} sends no address of a person; its entry may name one: `address`."
            raise click.UsageError(msg)
        if not _is_address(wish.address):
            raise click.UsageError(f"{wish.address!r} is not an IPv4 or IPv6 address.")
        name, _, prefix = client.address[0].partition(":")
        named.append((name, prefix + wish.address))
    encoded = b""
    for name, value in named:
        try:
            if names.attribute(name).name in _OF_THE_LOGIN:
                raise click.UsageError(f"{name}: is decided by the login itself.")
            encoded += names.encode(name, value)
        except names.AttributeValueError as error:
            raise click.UsageError(f"{name}: {error}.") from None
    return encoded


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _check_approved(config: Configuration, approved: tuple[str, ...]) -> None:
    known = [source.name for source in config.approvals if source.servicenow is not None]
    for name in approved:
        if name not in known:
            raise click.UsageError(
                f"{config.path} has no approval {name!r} of a service"
                f"{common.suggestion(name, known)}"
            )


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
