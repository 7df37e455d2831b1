"""What does not go together in one client entry, and what its administrator should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.model import LOCAL, LOCAL_FACTORS, NONE, Explain, Mode, Protocol, Tri
from radiusmfa.config.policy_model import Order
from radiusmfa.config.profile_model import Fact
from radiusmfa.config.secrets import SHORTEST_SECRET_OCTETS
from radiusmfa.wire.template import is_group

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from radiusmfa.config.fields import Fields
    from radiusmfa.config.model import Client, Factors
    from radiusmfa.config.profile_model import Profile
    from radiusmfa.config.upstream_model import Upstream

_PERSON: Final = 60
"""Seconds that a person may take to answer a push; token servers wait as long."""

_PUSH: Final = "push"
"""Services that know this word wait for a person."""

_TAKING_APART: Final = frozenset({Mode.APPEND, Mode.AUTO, Mode.CHALLENGE})
"""Modes in which we have to read what was typed, at once or in the next round."""

_UNSIGNED: Final = {
    Tri.NO: (
        "require_message_authenticator is no: whoever sits on the path can forge"
        " replies to this client (CVE-2024-3596)"
    ),
    Tri.AUTO: (
        "require_message_authenticator is auto: until the client has sent a"
        " Message-Authenticator, replies to it can be forged (CVE-2024-3596)"
    ),
}


def refuse(  # noqa: PLR0913 - a client, and what it may name
    fields: Fields,
    client: Client,
    profile: Profile | None,
    upstreams: Mapping[str, Upstream],
    directories: Collection[str] = (),
    weak: Collection[str] = (),
) -> None:
    """
    Note what contradicts itself in *client*.

    Args:
        fields: What was written for it, the place of each fault.
        client: Its settings, all layers taken together.
        profile: What kind of device it is; None: not said.
        upstreams: By name.
        directories: Names of all there are.
        weak: Names of factors that prove little.
    """
    _refuse_weak_factors(fields, client, weak)
    _refuse_contradictions(fields, client, directories)
    _refuse_requests_without_password(fields, client)
    _refuse_useless_factors(fields, client)
    _refuse_protocol(fields, client, upstreams)
    _refuse_order_and_address(fields, client)
    if profile is not None:
        _refuse_what_the_device_cannot(fields, client, profile)


def _refuse_contradictions(fields: Fields, client: Client, directories: Collection[str]) -> None:
    is_upstream = client.primary not in {LOCAL, NONE, *directories}
    if client.primary == NONE and client.mode is not Mode.STEP_UP:
        fields.fault("primary", "none (no password is checked) goes with mode: step-up only")
    if client.primary != NONE and client.mode is Mode.STEP_UP:
        what = f"mode: step-up brings no password that {client.primary} could check"
        fields.fault("primary", f"{what}: say none, or change mode")
    if client.mode is Mode.PROXY and not is_upstream and client.primary != NONE:
        fields.fault("primary", "mode: proxy leaves everything to an upstream: name one here")
    if any(character.isdigit() for character in client.delimiter):
        fields.fault("delimiter", "must not hold a digit: passcodes do")
    if (
        client.delimiter
        and fields.has("delimiter")
        and client.mode in {Mode.STEP_UP, Mode.CHALLENGE, Mode.PROXY}
    ):
        fields.fault("delimiter", "has a meaning in mode: append and auto only")
    for name in ("prompt", "reject_message"):
        if len(str(getattr(client, name)).encode()) > client.prompt_limit:
            fields.fault(name, f"is longer than prompt_limit, {client.prompt_limit} octets")


def _refuse_requests_without_password(fields: Fields, client: Client) -> None:
    if not (client.without_password and fields.has("without_password")):
        return
    if client.mode is not Mode.STEP_UP:
        fields.fault("without_password", "yes has a meaning with mode: step-up only")
    if client.require_message_authenticator is not Tri.YES:
        what = "yes needs require_message_authenticator: yes: nothing else would be proved"
        fields.fault("without_password", what)


def _refuse_weak_factors(fields: Fields, client: Client, weak: Collection[str]) -> None:
    if client.mode is Mode.PROXY or client.skips_factor:
        return
    counted = [name for name in client.factors if name in weak]
    if counted and not client.weak:
        what = f"{counted[0]} is a weak factor: it counts only where weak: yes stands beside it"
        fields.fault("factors", what)
    if client.weak and fields.has("weak") and not counted:
        fields.fault("weak", "has no meaning: no factor here is a weak one")


def _refuse_useless_factors(fields: Fields, client: Client) -> None:
    if client.mode is Mode.PROXY and fields.has("factors"):
        fields.fault("factors", "have no meaning with mode: proxy, whose upstream asks for them")
    if not (client.when_unavailable and fields.has("when_unavailable")):
        return
    if client.mode is Mode.PROXY:
        fields.fault("when_unavailable", "has no meaning with mode: proxy")
    elif not set(client.factors) - set(LOCAL_FACTORS):
        fields.fault("when_unavailable", "has no meaning: no factor here is an upstream's")


def _refuse_protocol(fields: Fields, client: Client, upstreams: Mapping[str, Upstream]) -> None:
    if client.protocol is Protocol.PAP:
        return
    said = f"{client.protocol} is the hash of what was typed"
    if client.mode in _TAKING_APART:
        what = f"{said}: with mode: {client.mode} we have to read it; say pap, here and there"
    elif client.primary not in {NONE, *upstreams}:
        what = f"{said}, which {client.primary} cannot check; an upstream can: name one as primary"
    elif client.mode is Mode.STEP_UP and not set(client.factors) - set(LOCAL_FACTORS):
        what = f"{said}, which no factor here can check; one of an upstream can"
    else:
        return
    fields.fault("protocol", what)


def _refuse_order_and_address(fields: Fields, client: Client) -> None:
    if (
        client.order is Order.FACTOR_FIRST
        and fields.has("order")
        and client.mode is not Mode.CHALLENGE
    ):
        fields.fault("order", "factor-first has a meaning with mode: challenge only")
    if client.trust_address and fields.has("trust_address") and not client.address:
        fields.fault("trust_address", "has no meaning: `address` names no attribute")


def _refuse_what_the_device_cannot(fields: Fields, client: Client, profile: Profile) -> None:
    name = profile.name
    if not profile.can_do(client.mode):
        what = f"profile {name} cannot do it: mode {_either(profile.modes)}"
        if not profile.shows_challenges and client.mode in {Mode.CHALLENGE, Mode.AUTO}:
            what = f"profile {name} cannot show a challenge: mode {_either(profile.modes)}"
        fields.fault("mode", what)
    if client.shows_challenges and not profile.shows_challenges:
        fields.fault("shows_challenges", f"profile {name} cannot show a challenge: say no")
    if client.protocol not in profile.protocols:
        what = f"profile {name} does not speak it: say {_either(profile.protocols)}"
        fields.fault("protocol", what)
    if profile.requires_signed_replies is Fact.YES and not client.sign_replies:
        fields.fault("sign_replies", f"profile {name} drops replies that are not signed: say yes")


def _either(words: tuple[Mode, ...] | tuple[Protocol, ...]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else str(last)


def hints(
    client: Client, profile: Profile | None, factors: Factors, upstreams: Mapping[str, Upstream]
) -> list[str]:
    """
    Return what may go wrong with *client*, as its administrator reads it.

    Args:
        client: Checked.
        profile: What kind of device it is; None: not said.
        factors: All there are.
        upstreams: By name.
    """
    named = {factor.name: factor for factor in factors.upstream}
    used = [] if client.mode is Mode.PROXY else [
        named[name] for name in client.factors if name in named
    ]  # fmt: skip
    asked = {factor.upstream for factor in used if not factor.is_service}
    if client.primary in upstreams:
        asked.add(client.primary)
    learned = " until more is learned" if client.learns_patience else ""
    said = [
        f"time_budget is {client.time_budget}{learned}: upstream {name} may wait {_PERSON} s for a"
        " person"
        for name in sorted(asked & upstreams.keys())
        if upstreams[name].dialogue.waits and client.time_budget < _PERSON
    ]
    # Who can be asked "approve, then press Enter" need not wait.
    if client.time_budget < _PERSON and not client.shows_challenges:
        said += [
            f"time_budget is {client.time_budget}: {factor.name} may wait {_PERSON} s for a person,"
            " and this client can show no question meanwhile"
            for factor in used
            if factor.is_service and _PUSH in factor.words
        ]
    if client.mode is Mode.APPEND and not client.delimiter:
        said += [
            f"mode: append cannot tell a password from a passcode of {factor.name}: say a"
            f" delimiter here{'' if factor.is_service else f', or factors.{factor.name}.tail'}"
            for factor in used
            if not (factor.tail or factor.is_weak or factor.holds == "yubikey")
        ]
    if not client.shows_challenges:
        said += [
            f"the factor {factor.name} asks questions, and this client shows none: it is of no use"
            for factor in used
            if factor.is_weak
        ]
    return said if profile is None else said + _hints_of_the_device(client, profile)


def _hints_of_the_device(client: Client, profile: Profile) -> list[str]:
    said = []
    must_sign = client.require_message_authenticator is Tri.YES
    if profile.sends_message_authenticator is Fact.NO and must_sign:
        said.append(
            f"profile {profile.name} signs no request: with require_message_authenticator: yes"
            " each is discarded"
        )
    names = dict.fromkeys(name for name, _ in client.reply if not is_group(name))
    if odd := profile.not_understood(names):
        said.append(f"profile {profile.name} is not known to understand {', '.join(odd)}")
    return said


def warnings(client: Client, weak: Collection[str] = ()) -> list[str]:
    """Return what weakens *client*, which may name *weak* factors: said at every start."""
    said = [weakness(name) for name in client.factors if name in weak]
    if text := _UNSIGNED.get(client.require_message_authenticator):
        said.append(text)
    unsigned = client.require_message_authenticator is not Tri.YES
    if unsigned and client.limit_proxy_state is Tri.NO:
        said.append("limit_proxy_state is no: nothing is left against CVE-2024-3596")
    if not client.sign_replies:
        said.append("sign_replies is no: the client cannot tell our replies from forged ones")
    if client.weak_secret and len(client.secret) < SHORTEST_SECRET_OCTETS:
        said.append("weak_secret is yes: the secret can be guessed from one captured packet")
    if client.without_password:
        said.append("without_password is yes: whoever holds its secret makes phones ring")
    if client.explain is Explain.REASON:
        said.append("explain is reason: whoever guesses at user names learns which there are")
    said += [
        f"networks: {network} is every address there is"
        for network in client.networks
        if network.prefixlen == 0
    ]
    return said


def weakness(name: str) -> str:
    """Return what is said at every start of the weak factor *name*, where it counts."""
    return (
        f"weak is yes: the factor {name} counts as a second factor, and whoever knows a person"
        " well gets past it"
    )
