"""The command `radiusmfa`: subcommands loaded when asked for, errors as one line."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import radiusmfa
from radiusmfa.cli import exits
from radiusmfa.interfaces import (
    ConfigError,
    ImportRefusedError,
    KeysError,
    RadiusmfaError,
    StoreError,
    SystemRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_CONFIGURATION: Final = Path("/etc/radiusmfa/radiusmfa.yaml")

# Name, module and summary; `--help` shows these lines without importing a module.
COMMANDS: Final = {
    "init": ("init", "Make a configuration, keys and an empty store."),
    "import-authproxy": ("import_authproxy", "Carry over the authproxy.cfg of a Duo proxy."),
    "run": ("run", "Run the server."),
    "check": ("check", "Check the configuration file and show every error."),
    "plan": ("plan", "Show what another configuration file would change."),
    "doctor": ("doctor", "Test everything that a login needs, upstreams included."),
    "try": ("attempt", "Show how a login would be decided; touches nothing."),
    "why": ("why", "Explain a reason, or one login, in plain words."),
    "probe": ("probe", "Log in to a RADIUS server, challenges included."),
    "user": ("user", "Add, list, change and remove users."),
    "token": ("token", "Enroll, list, import and revoke tokens."),
    "recovery": ("recovery", "Issue recovery codes."),
    "approval": ("approval", "Grant, confirm, list and revoke approvals."),
    "remembered": ("remembered", "List and revoke factors that are remembered."),
    "audit": ("audit", "Read, search, verify and export the audit."),
    "keys": ("keys", "Rotate the keys that seal the seeds."),
    "backup": ("backup", "Copy the store while the server runs."),
    "restore": ("restore", "Put a backup in the place of the store."),
}


class Commands(click.Group):
    """A group that imports a subcommand's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return every name, in the order of a life cycle."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one subcommand; a module that is missing fails that command alone."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        name = f"radiusmfa.cli.{COMMANDS[cmd_name][0]}"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            msg = f"'{cmd_name}' cannot run: the Python module {error.name} is not installed."
            raise click.ClickException(msg) from error
        command = getattr(module, cmd_name if cmd_name == "restore" else "command")
        assert isinstance(command, click.Command)  # noqa: S101 - our own modules, for the type
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of `--help` from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(
    cls=Commands, no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(radiusmfa.__version__, prog_name="radiusmfa", message="%(prog)s %(version)s")
@click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path),
    envvar="RADIUSMFA_CONFIG",
    default=DEFAULT_CONFIGURATION,
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks of faults in radiusmfa itself.")
@click.pass_context
def command(ctx: click.Context, config: Path, *, debug: bool) -> None:  # noqa: ARG001 - main looks at argv
    """Add a second factor to anything that speaks RADIUS."""
    ctx.obj = config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; see `radiusmfa.cli.exits`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        answer = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, click.Abort):
        return _say(["stopped"], exits.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last boundary: one line, never a traceback
        if "--debug" in words:
            traceback.print_exc()
        return _explain(error)
    return answer if isinstance(answer, int) else exits.DONE


def _run(words: list[str]) -> object:
    if "_RADIUSMFA_COMPLETE" in os.environ:
        command.main(words, prog_name="radiusmfa")  # a shell asks what may follow; ends the process
    try:
        # Not command.main(): it makes a reader that went away an exit code 1 of its own.
        with command.make_context("radiusmfa", [*words]) as ctx:
            return command.invoke(ctx)
    except click.exceptions.Exit as left:
        return left.exit_code


def _explain(error: Exception) -> int:
    match error:
        case ConfigError() | ImportRefusedError():
            code = exits.CONFIGURATION if isinstance(error, ConfigError) else exits.INPUT
            return _say(error.faults, code)
        case StoreError() | KeysError():
            return _say([str(error)], exits.STORE)
        case RadiusmfaError():
            is_ours = not isinstance(error, SystemRefusedError)
            return _say([str(error)], exits.NO if is_ours else exits.SYSTEM)
        case click.ClickException():
            return _say([_with_hint(error)], error.exit_code)
        case OSError(filename=name, strerror=why) if why:
            if name is None and error.errno == errno.ENOSPC:
                name = "standard output"  # other files are named where they are written
            return _say([f"{name}: {why}" if name else why], exits.SYSTEM)
        case _:
            return _say([_internal(error)], exits.INTERNAL)


def _with_hint(error: click.ClickException) -> str:
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None:
        return f"{text} See '{context.command_path} --help'."
    return text


def _internal(error: Exception) -> str:
    # The text of a surprise may hold anything, a password too: only its kind and place.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    kind = type(error).__name__
    return f"a fault of radiusmfa itself: {kind} at {where}; see it all with `radiusmfa --debug`"


def _say(lines: Sequence[str], code: int) -> int:
    for line in lines:
        click.echo(f"radiusmfa: {line}", err=True)
    return code


def _reader_gone() -> int:
    # Python would complain once more when it flushes standard output at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exits.BROKEN_PIPE
