"""`radiusmfa probe`: log in to a RADIUS server as a NAS would, challenges included."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import click

from radiusmfa.cli import common, exits, shown
from radiusmfa.cli.exchange import LOOPBACK, Answer, Server, SilenceError, ask, login_request
from radiusmfa.cli.probe_upstream import Wire
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.model import Configuration

_PORT: Final = 1812
_TIMEOUT: Final = 5.0
_RETRIES: Final = 2
_MOST_ROUNDS: Final = 10  # a server that asks for ever would keep a script for ever
# What the answer means: the word for --json, and the exit code.
_MEANING: Final = {
    numbers.ACCESS_ACCEPT: ("accept", exits.DONE),
    numbers.ACCOUNTING_RESPONSE: ("accept", exits.DONE),
    numbers.ACCESS_REJECT: ("reject", exits.NO),
    numbers.ACCESS_CHALLENGE: ("challenge", exits.NO),
}


@click.command("probe")
@click.argument("user", required=False)
@click.option(
    "--server", metavar="HOST:PORT", help="Default: where the configuration listens, or port 1812."
)
@click.option("--client", metavar="NAME", help="Take this client's secret from the configuration.")
@click.option("--upstream", metavar="NAME", help="Speak to this upstream, as the server does.")
@click.option("--at", metavar="HOST:PORT", help="Which of its servers; default: the first.")
@click.option("--as", "alias", metavar="NAME", help="The user's name there, sent as it is.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    help="Its first line is the shared secret (- is standard input).",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="Its first line is the password (- is standard input). Else it is asked for.",
)
@click.option(
    "--code-file",
    type=click.Path(path_type=Path),
    help="Its lines answer the challenges, in order (- is standard input).",
)
@click.option("--status", is_flag=True, help="Send Status-Server instead of a login.")
@click.option("--nas-identifier", default="radiusmfa-probe", show_default=True, metavar="TEXT")
@click.option(
    "--no-message-authenticator", is_flag=True, help="Do not sign, as an outdated client."
)
@click.option(
    "--accept-unsigned", is_flag=True, help="Take replies that have no Message-Authenticator."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    help="Seconds until the same octets are sent again; default: 5, or as the upstream says.",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 20),
    help="How often they are sent again; default: 2, or as the upstream says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, /, **given: object) -> int:
    """
    Log USER in to a RADIUS server; show what is sent and what comes back.

    Password and codes are asked for, or read from files: never an argument. With
    --upstream a token server gets what the server would send it: the name rewritten,
    its codec, its secret; a wrong code counts there, a right one is used up. Exit
    code 0: Access-Accept, 1: Access-Reject, 5: no genuine answer.
    """
    wish = Wish(**given)  # type: ignore[arg-type]  # click has checked them
    _check_usage(wish)
    wire = None
    if wish.upstream is not None:
        wire = _wire(ctx, wish, wish.upstream)
    server = _server(ctx, wish) if wire is None else wire.asked
    teller = shown.Teller(server, as_json=wish.as_json)
    try:
        dialogue = Dialogue(server=server, wish=wish, teller=teller, wire=wire)
        answer = dialogue.status() if wish.status else dialogue.login()
    except SilenceError as silence:
        teller.end("none")
        click.echo(f"radiusmfa: {_why_silent(server, silence)}", err=True)
        return exits.SILENCE
    word, code = _MEANING[answer.packet.code]
    teller.end(word)
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options, as click read them."""

    user: str | None
    server: str | None
    client: str | None
    upstream: str | None
    at: str | None
    alias: str | None
    secret_file: Path | None
    password_file: Path | None
    code_file: Path | None
    status: bool
    nas_identifier: str
    no_message_authenticator: bool
    accept_unsigned: bool
    timeout: float | None
    retries: int | None
    as_json: bool


@final
@dataclass(slots=True)
class Codes:
    """The answers to challenges: from a file in order, else from the keyboard."""

    file: Path | None
    _lines: Iterator[bytes] | None = field(default=None, init=False)

    def next(self, prompt: str) -> Secret:
        """
        Return the next answer.

        Raises:
            click.UsageError: Nobody and nothing answers.
        """
        if self.file is None:
            return common.secret_input(prompt, None, may_be_empty=True)
        if self._lines is None:
            self._lines = iter(_read(self.file).splitlines())
        # An empty line is an answer, too: some servers take the Enter key for "push".
        line = next(self._lines, None)
        if line is None:
            msg = f"The server asks once more, and {self.file} has no further line."
            raise click.UsageError(msg)
        return Secret(line)


def _check_usage(wish: Wish) -> None:
    if wish.status == (wish.user is not None):
        msg = "Name a USER, or say --status."
        raise click.UsageError(msg)
    named = sum(one is not None for one in (wish.client, wish.secret_file, wish.upstream))
    if named != 1:
        choice = "--client NAME, --secret-file FILE or --upstream NAME."
        what = "Only one says" if named else "Say"
        raise click.UsageError(f"{what} where the shared secret is: {choice}")
    if wish.upstream is None and (wish.at is not None or wish.alias is not None):
        msg = "--at and --as go with --upstream."
        raise click.UsageError(msg)
    if wish.upstream is not None and (wish.server or wish.no_message_authenticator):
        msg = "--upstream names the server (see --at), and what it gets is signed."
        raise click.UsageError(msg)
    if wish.status and wish.no_message_authenticator:
        msg = "Status-Server must be signed (RFC 5997 section 3)."
        raise click.UsageError(msg)


def _wire(ctx: click.Context, wish: Wish, upstream: str) -> Wire:
    wire = Wire(common.load_config(ctx), upstream, wish.at)
    wire.be_patient(wish.timeout, wish.retries)
    if wish.accept_unsigned:
        wire.asked = replace(wire.asked, require_signature=False)
    return wire


def _server(ctx: click.Context, wish: Wish) -> Server:
    config = common.load_config(ctx) if wish.client is not None else None
    host, port = _address(wish.server, config)
    return Server(
        host=host,
        port=port,
        key=codec.SigningKey(_secret(wish, config)),
        timeout=_TIMEOUT if wish.timeout is None else wish.timeout,
        tries=1 + (_RETRIES if wish.retries is None else wish.retries),
        require_signature=not wish.accept_unsigned,
    )


def _address(text: str | None, config: Configuration | None) -> tuple[str, int]:
    if text is None:
        if config is None:
            return "127.0.0.1", _PORT
        first = config.listen[0]
        return LOOPBACK.get(first.host, first.host), first.port
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        host, port = text, str(_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004
        msg = "--server is HOST:PORT, HOST, or [IPv6 address]:PORT."
        raise click.UsageError(msg)
    return host, int(port)


def _secret(wish: Wish, config: Configuration | None) -> Secret:
    if config is None:
        return common.secret_input("Shared secret", wish.secret_file)
    for client in config.clients:
        if client.name == wish.client:
            return client.secret
    msg = f"{config.path} has no client {wish.client!r}."
    raise click.UsageError(msg)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One conversation with a server, told as it goes."""

    server: Server
    wish: Wish
    teller: shown.Teller
    wire: Wire | None = None

    def status(self) -> Answer:
        """Ask whether the server is alive (RFC 5997)."""
        authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
        return self._turn(
            codec.request(
                numbers.STATUS_SERVER,
                secrets.randbelow(256),
                authenticator,
                _identity(self.wish),
                self.server.key,
            )
        )

    def login(self) -> Answer:
        """Log in, answering challenges; the last answer is returned."""
        codes = Codes(self.wish.code_file)
        answer = self._round(common.secret_input("Password", self.wish.password_file), None)
        for _ in range(_MOST_ROUNDS if self.wire is None else self.wire.rounds):
            if answer.packet.code != numbers.ACCESS_CHALLENGE:
                break
            wire = self.wire
            typed = codes.next(
                _prompt(answer.packet) if wire is None else wire.prompt(answer.packet)
            )
            answer = self._round(typed, answer.packet.value(numbers.STATE))
        return answer

    def _round(self, proof: Secret, state: bytes | None) -> Answer:
        name, identity = _octets(self.wish.user or ""), _identity(self.wish)
        if self.wire is not None:
            alias = self.wish.alias or ""
            octets = self.wire.login(name, alias, proof.reveal(), state, identity)
            answer = self._turn(octets)
            self.teller.event(self.wire.event(answer.packet))
            return answer
        return self._turn(
            login_request(
                self.server.key,
                name,
                proof,
                state,
                identity,
                signed=not self.wish.no_message_authenticator,
            )
        )

    def _turn(self, octets: bytes) -> Answer:
        self.teller.sent(codec.decode(octets))
        answer = ask(self.server, octets)
        self.teller.received(answer)
        return answer


def _identity(wish: Wish) -> bytes:
    try:
        return codec.attribute(numbers.NAS_IDENTIFIER, _octets(wish.nas_identifier))
    except codec.PacketError:
        msg = "--nas-identifier has at most 253 octets."
        raise click.UsageError(msg) from None


def _prompt(challenge: codec.Packet) -> str:
    texts = [shown.text(value) for value in challenge.values(numbers.REPLY_MESSAGE)]
    return "\n".join(texts).rstrip(" :") or "Answer"


def _why_silent(server: Server, silence: SilenceError) -> str:
    if silence.refused:
        return f"no answer: nothing listens on {server}"
    if not silence.ignored:
        return (
            f"no answer from {server} in {server.tries} x {server.timeout:g} s: wrong address or "
            "secret, this host is none of its clients, or it demands a Message-Authenticator"
        )
    if silence.elsewhere:
        return (
            f"no answer from {server}, but from {', '.join(silence.elsewhere)}: it answers from"
            " another address than the one that was asked"
        )
    faults = ", ".join(f"{count} x {fault}" for fault, count in silence.ignored.items())
    hint = "is the secret right?"
    if set(silence.ignored) == {codec.Fault.MISSING_MESSAGE_AUTHENTICATOR.value}:
        hint = "it does not sign its replies; --accept-unsigned takes them"
    return f"no genuine answer from {server}, replies ignored: {faults} ({hint})"


def _read(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _octets(text: str) -> bytes:
    # Octets of argv that are not UTF-8 go out as they were typed.
    return text.encode("utf-8", "surrogateescape")
