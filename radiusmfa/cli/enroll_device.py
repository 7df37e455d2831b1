"""`radiusmfa token enroll --type sms|voice|email|question`: what is no token, and has no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from radiusmfa.cli import admin, common, token_told
from radiusmfa.config.service_model import Questions
from radiusmfa.enrol import records
from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError, Question
from radiusmfa.primary import hashing
from radiusmfa.secret import Secret
from radiusmfa.stores import people, tokens
from radiusmfa.stores.devices import NewDevice, enroll

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Configuration
    from radiusmfa.stores.database import Database

    _Command = TypeVar("_Command", bound=Callable[..., object])

KINDS: Final = devices.PERSONAL
_OF_DESTINATIONS: Final = ("to",)
_OF_QUESTIONS: Final = ("question", "answer_file")
_OF_TOKENS: Final = (
    "algorithm", "digits", "period", "issuer", "svg", "png", "seed_file", "code_file", "pending",
)  # fmt: skip


def options(function: _Command) -> _Command:
    """Add the options that such devices have."""
    for one in (
        click.option(
            "--answer-file",
            type=admin.FILE,
            help="The answer to a security question; - is standard input.",
        ),
        click.option("--question", help="A security question, as it is asked."),
        click.option(
            "--to", metavar="WHERE", help="A number, as +491701234567, or an e-mail address."
        ),
    ):
        function = one(function)
    return function


def refuse_foreign(ctx: click.Context, kind: str) -> None:
    """
    Look whether only options were given that mean something with *kind*.

    Raises:
        click.UsageError: Another one was.
    """
    foreign = {
        **dict.fromkeys(_OF_TOKENS, kind in KINDS),
        **dict.fromkeys(_OF_DESTINATIONS, kind not in devices.DESTINATIONS),
        **dict.fromkeys(_OF_QUESTIONS, kind != "question"),
    }
    for name, is_foreign in foreign.items():
        if is_foreign and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            msg = f"--{name.replace('_', '-')} has no meaning with --type {kind}."
            raise click.UsageError(msg)


def perform(ctx: click.Context, user: str, given: dict[str, Any]) -> None:
    """
    Enroll what the options say for *user*.

    Raises:
        click.UsageError: The options do not say it, or nobody can be asked.
        RefusedError: The store refuses it.
    """
    kind, config = given["kind"], common.load_config(ctx)
    try:
        serial = records.serial_of(given["serial"] or "") or ""
        label = records.words(given["label"], "the label")
        to = "" if kind == "question" else _destination(kind, given["to"])
    except (records.FieldError, DeviceError) as error:
        msg = f"{error}."
        raise click.UsageError(msg) from None
    with common.open_store(ctx) as store:
        if not given["new_user"]:
            people.person(store, user)  # before anybody types an answer for nothing
        secret = _question(given, config) if kind == "question" else Secret(to.encode())
        new = NewDevice(kind=kind, secret=secret, serial=serial, label=label, user=user)
        serial = enroll(store, admin.actor(), new, new_user=given["new_user"])
        warnings = _warnings(config, store, user, kind) + _unreached(config, kind, to)
        token = tokens.show(store, serial)
    if given["as_json"]:
        common.emit_json(token_told.describe(token) | {"warnings": warnings})
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"Token {serial} of {user} is active: {token_told.shape(token)}.")


def hashed(answer: Secret, config: Configuration) -> str:
    """Return the hash of an *answer* in its normal form, as the configuration says."""
    return hashing.hash_password(answer.reveal(), hashing.Parameters.of(config.passwords))


def _destination(kind: str, text: str | None) -> str:
    if text is None:
        example = "alice@example.org" if kind == "email" else "+491701234567"
        msg = f"--type {kind} needs a destination: --to {example}."
        raise click.UsageError(msg)
    return devices.destination(kind, text)


def _question(given: dict[str, Any], config: Configuration) -> Secret:
    text = given["question"]
    if text is None:
        if not common.is_terminal():
            raise click.UsageError("--type question needs --question TEXT.")
        text = click.prompt("Question", err=True)
    try:
        question = devices.question(text)
        typed = common.secret_input("Answer", given["answer_file"], twice=True)
        answer = Secret(devices.answer(typed.reveal()))
    except DeviceError as error:
        msg = f"{error}."
        raise click.UsageError(msg) from None
    return Secret(Question(question, hashed(answer, config)).dump())


def _unreached(config: Configuration, kind: str, to: str) -> list[str]:
    settings = {service.name: service.settings for service in config.services}
    said = []
    for factor in config.factors.upstream:
        prefixes: tuple[str, ...] = getattr(settings.get(factor.upstream), "prefixes", ())
        if factor.holds == kind and prefixes and not to.startswith(prefixes):
            said.append(
                f"service {factor.upstream} sends nothing there: its prefixes are"
                f" {', '.join(prefixes)}"
            )
    return said


def _warnings(config: Configuration, store: Database, user: str, kind: str) -> list[str]:
    said = []
    if not any(factor.holds == kind for factor in config.factors.upstream):
        said.append(f"no factor of {config.path} uses {kind}: nobody is asked for it yet")
    if kind == "question":
        owned = [one for one in tokens.listing(store, user=user) if one.kind == kind]
        have = sum(one.status == "active" for one in owned)
        for service in config.services:
            settings = service.settings
            if isinstance(settings, Questions) and have < settings.ask:
                said.append(
                    f"{user} has {have} of the {settings.ask} questions that service"
                    f" {service.name} asks: it refuses who has fewer"
                )
    return said
