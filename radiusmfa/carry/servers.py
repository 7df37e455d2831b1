"""`[radius_server_X]`: who may ask at it, what of Duo it uses, and where it listens."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from radiusmfa.carry import doors, primaries
from radiusmfa.carry.site import DuoService, Kind, SecretFile
from radiusmfa.config import passing
from radiusmfa.config.model import Mode
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.secret import Secret
from radiusmfa.wire import address
from radiusmfa.wire.names import AttributeValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.carry.doors import Door
    from radiusmfa.carry.settings import Context, Taker

PREFIX: Final = "radius_server_"
MODES: Final = ("auto", "challenge", "concat", "duo_only")
"""What follows the prefix in sections that are carried over."""
DUO_ONLY: Final = "duo_only_client"

_IKEY: Final = re.compile(r"DI[A-Z0-9]{18}")
_SKEY_OCTETS: Final = 40
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{0,8}}", re.ASCII)
_API_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL}){{1,8}}", re.ASCII)
_FACTORS: Final = ("auto", "push", "phone", "passcode")
_DELIMITER: Final = ","
_LARGEST_DELIMITER: Final = 8
_USUAL_ADDRESS: Final = "Calling-Station-Id"
_PALO_ALTO: Final = "PaloAlto-Client-Source-IP"
_PATTERN: Final = re.compile(r"[*?\[]")
_HTTPS_PORT: Final = 443
_PROXY_PORT: Final = 80
_UTF_8: Final = frozenset({"utf-8", "utf8", "utf_8"})
_WITHOUT: Final = {
    "debug": ("the log is set for the whole server", "log: {level: debug}"),
    "prompt": ("the texts are radiusmfa's own", "`prompt` of the client is the text for a code"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    An application at Duo, which several sections may use.

    Attributes:
        file: Where its `skey` is to stand; its service is called so, too.
        key: The `skey`, where one of those sections tells it; empty: none does.
    """

    file: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    What a section says, apart from who checks passwords.

    Attributes:
        taker: The section.
        name: What its clients' names begin with.
        mode: Of its clients.
        primary: Name of the section that checks passwords; empty: nobody does.
        take: Attributes of a primary that clients get; None: all.
        listen: Address and port.
        service: What it uses of Duo; its name is not final. None: it has faults.
        doors: Who may ask.
        delimiter: Between password and passcode; empty: none.
        address: Attribute that holds a person's address; empty: as usual.
        exempt: Whose password alone lets in.
    """

    taker: Taker
    name: str
    mode: Mode
    primary: str
    take: tuple[str, ...] | None
    listen: tuple[str, int]
    service: DuoService | None
    doors: tuple[Door, ...]
    delimiter: str
    address: str
    exempt: tuple[str, ...]


def read(taker: Taker, main: Taker | None, account: Account, context: Context) -> Server:
    """
    Return what a section of one of `MODES` says; faults are told.

    Args:
        taker: The section.
        main: The section `[main]`.
        account: That of its `ikey`.
        context: Reads certificates, makes up secrets.
    """
    kind = taker.section.kind.removeprefix(PREFIX)
    name = f"{kind.replace('_', '-')}{taker.section.number}"
    primary = _primary(taker, kind)
    mode = _mode(taker, kind, primary)
    service = _service(taker, main, mode, account, context)
    # All of it is looked at even where something is missing: every fault is told at once.
    take, listen = _take(taker, primary), _listen(taker, main)
    found = tuple(doors.read(taker, name, context))
    delimiter, place = _delimiter(taker, mode), _address(taker)
    exempt = tuple(_exempt(taker, mode, f"{name}-{found[0].number}" if found else name))
    _tell_of_texts(taker)
    taker.end(_WITHOUT)
    return Server(
        taker=taker,
        name=name,
        mode=mode,
        primary=primary,
        take=take,
        listen=listen,
        service=service,
        doors=found,
        delimiter=delimiter,
        address=place,
        exempt=exempt,
    )


def _primary(taker: Taker, kind: str) -> str:
    named = taker.text("client", DUO_ONLY) if kind == "duo_only" else taker.need("client")
    if kind == "duo_only":
        if named.lower() != DUO_ONLY:
            taker.different("client", "nobody checks a password in this mode: it was left out")
        taker.different(
            "",
            "an empty password does not begin a push: the passcode or a word as push is wanted",
            "have the device send one; without_password: yes is for one that can send none",
        )
        return ""
    if named.lower() == DUO_ONLY:
        taker.different(
            "client",
            "nobody checks a password, so what is typed must be the passcode or a word as push:"
            " mode: step-up. A password there is refused",
            "have the client send the passcode alone, or name somebody who checks the password",
        )
    return "" if named.lower() == DUO_ONLY else named.lower()


def _mode(taker: Taker, kind: str, primary: str) -> Mode:
    has_tail = taker.flag("allow_concat", default=True)
    if not primary:
        return Mode.STEP_UP
    if kind == "concat":
        return Mode.APPEND
    if kind == "challenge" or not has_tail:
        return Mode.CHALLENGE
    return Mode.AUTO


def _service(
    taker: Taker, main: Taker | None, mode: Mode, account: Account, context: Context
) -> DuoService | None:
    key = taker.matching("ikey", _IKEY, "DI and 18 capital letters and digits", is_needed=True)
    host = taker.matching("api_host", _API_HOST, "the name of a host", is_needed=True)
    port = taker.port("api_port", _HTTPS_PORT)
    secret = _key(taker, account, context)
    if secret is not None and len(secret.octets) != _SKEY_OCTETS:
        taker.fault("skey", f"skey must have {_SKEY_OCTETS} characters, as Duo's console shows it")
    origin = taker.origin()
    fails_open = _fails_open(taker, mode)
    timeout = taker.number("api_timeout", 0, low=0, high=60)
    trusted = None
    if main is not None and main.has("http_ca_certs_file"):
        trusted = primaries.certificates(main, "http_ca_certs_file", "duo", "the service", context)
    factors, enrolment = _factors(taker), taker.flag("enroll_challenge", default=True)
    proxy = _proxy(taker) or (_proxy(main) if main else None)
    if secret is None:
        return None
    return DuoService(
        name=account.file,
        origin=origin,
        host=host if port == _HTTPS_PORT else f"{host}:{port}",
        integration_key=key,
        secret_key=secret,
        factors=factors,
        is_menu=taker.section.kind == f"{PREFIX}challenge",
        enrolment=enrolment,
        timeout=timeout or None,
        proxy=proxy,
        certificates=trusted,
        fails_open=(taker.origin("failmode"),) if fails_open else (),
    )


def _key(taker: Taker, account: Account, context: Context) -> SecretFile | None:
    if account.key and not taker.has("skey") and taker.has("skey_protected"):
        return SecretFile(name=account.file, octets=Secret(account.key.encode()))
    return taker.secret("skey", "skey_protected", account.file, context)


def _fails_open(taker: Taker, mode: Mode) -> bool:
    """Return whether the password alone lets in while Duo cannot be reached."""
    if taker.choice("failmode", "safe", ("safe", "secure")) == "secure":
        return False
    has_password = mode is not Mode.STEP_UP
    ours = "give people a code of ours for that case: totp and recovery among `factors`, and"
    ours += " when_unavailable: [totp, recovery] at the clients"
    taker.different(
        "failmode",
        "safe lets everybody in without Duo while Duo cannot be reached; here nobody gets in then",
        f"{ours}; or take the # off open_until of the service for some days"
        if has_password
        else ours,
    )
    return has_password


def _factors(taker: Taker) -> tuple[str, ...]:
    words = tuple(word.lower() for word in taker.words("factors"))
    if unknown := [word for word in words if word not in _FACTORS]:
        taker.fault("factors", f"factors must be some of {', '.join(_FACTORS)}, not {unknown[0]}")
    return words or ("auto",)


def _proxy(taker: Taker) -> tuple[str, int] | None:
    host = taker.matching("http_proxy_host", _HOST, "the name of a host", is_needed=False)
    port = taker.port("http_proxy_port", _PROXY_PORT)
    return (host, port) if host else None


def _take(taker: Taker, primary: str) -> tuple[str, ...] | None:
    everything = taker.flag("pass_through_all", default=False)
    named = taker.words("pass_through_attr_names")
    if primary.startswith("ad_client") and (everything or named):
        setting = "pass_through_all" if everything else "pass_through_attr_names"
        taker.missing(
            setting,
            "a directory has no RADIUS attributes that could be passed on",
            "`attributes` of the directory, and `reply` of the client or a policy",
        )
        return ()
    if everything:
        return None
    found = []
    for name in named:
        try:
            found.append(passing.taken(name))
        except AttributeValueError as error:
            taker.missing(
                "pass_through_attr_names",
                f"{name} is not passed on: {error}",
                "`take` of the upstream, or a dictionary that has it",
            )
    return tuple(dict.fromkeys(found))


def _listen(taker: Taker, main: Taker | None) -> tuple[str, int]:
    port = taker.port("port", 1812)
    for one in (taker, main):
        text = one.text("interface") if one is not None else ""
        if one is None or not text:
            continue
        try:
            return str(ip_address(text)), port
        except ValueError:
            one.fault("interface", "interface must be an address of this machine")
    return "0.0.0.0", port  # noqa: S104 - as the proxy does without the setting


def _delimiter(taker: Taker, mode: Mode) -> str:
    text = taker.text("delimiter", _DELIMITER)
    taker.missing(
        "delimited_password_length",
        "passwords of a fixed length are not split off",
        f"people type {text} between password and passcode",
    )
    if mode not in {Mode.AUTO, Mode.APPEND}:
        return ""
    if len(text.encode()) > _LARGEST_DELIMITER or any(one.isdigit() for one in text):
        taker.different(
            "delimiter",
            f"it must have 1 to {_LARGEST_DELIMITER} octets and no digits here: {_DELIMITER}"
            " was taken",
            "`delimiter` of the clients",
        )
        return _DELIMITER
    return text


def _address(taker: Taker) -> str:
    name = taker.text("client_ip_attr", _USUAL_ADDRESS)
    name = _PALO_ALTO if name.lower() == "paloalto" else name
    try:
        address.source(name)
    except AttributeValueError as error:
        taker.different(
            "client_ip_attr",
            f"{name}: {error}; {_USUAL_ADDRESS} was taken",
            "`address` of the clients",
        )
        return ""
    return "" if name.lower() == _USUAL_ADDRESS.lower() else name


def _exempt(taker: Taker, mode: Mode, client: str) -> Iterator[str]:
    for setting in taker.numbered("exempt_username_"):
        text = taker.text(setting)
        if not text:
            continue
        try:
            name = user_name(text)
        except UserNameError as error:
            taker.fault(setting, f"{setting}: {error}")
            continue
        if mode is Mode.STEP_UP:
            taker.missing(
                setting,
                f"{text} would get in here without any proof",
                "the account needs a factor: give it one at Duo, or a token of ours"
                f" (`radiusmfa token enroll {shlex.quote(name)} --new-user`, and totp among the"
                " client's `factors`)",
            )
        elif _PATTERN.search(text):
            taker.missing(
                setting,
                "* and ? stand for other characters where policies name users",
                "a policy with factors: skip that fits this one only",
            )
        else:
            taker.different(
                setting,
                f"the password alone lets {name} in, in whatever case the name is typed: a policy"
                " with factors: skip, said at every start",
                f"`radiusmfa try {shlex.quote(name)} --client {client} --password-prompt`",
            )
            yield name


def _tell_of_texts(taker: Taker) -> None:
    form = taker.text("prompt_format", "console").lower()
    if form != "console":
        what = {
            "html": "line breaks are not written as <br>",
            "short": "the prompt is what the client's prompt_limit leaves of it",
        }.get(form, "there is no such form")
        taker.different(
            "prompt_format",
            f"{form}: {what}",
            "see what the device shows; `prompt_limit` and `profile` of its client",
        )
    codec = taker.text("pw_codec", "utf-8").lower()
    if codec not in _UTF_8:
        taker.remark(
            Kind.MISSING,
            "pw_codec",
            "names and passwords come as UTF-8, or they are refused",
            "set the client to UTF-8; for a primary that wants another, `codec` of the upstream",
        )
