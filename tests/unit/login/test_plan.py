"""Tests of `radiusmfa.login.plan`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from radiusmfa.config.model import NONE, Client, Factors, Mode
from radiusmfa.config.policy_model import Order
from radiusmfa.config.upstream_model import StartWith, UpstreamFactor, Users
from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.login.account import Device, Token, User, Yubikey
from radiusmfa.login.plan import Plan
from radiusmfa.secret import Secret
from tests.yubico import Key

PEPPER: Final = b"the store's own secret"
SECURID: Final = UpstreamFactor(name="securid", upstream="rsa")
VIP: Final = UpstreamFactor(name="vip", upstream="symantec", users=Users.ASSIGNED)
DUO: Final = UpstreamFactor(
    name="duo", upstream="duo-proxy", users=Users.ASSIGNED, start_with=StartWith.WORD, word="push"
)
NPS: Final = UpstreamFactor(name="azure", upstream="nps", start_with=StartWith.PASSWORD)
FACTORS: Final = Factors(
    upstream=(SECURID, VIP, DUO, NPS),
    names=("totp", "hotp", "yubikey", "recovery", "securid", "vip", "duo", "azure"),
)
PUSH: Final = UpstreamFactor(
    name="push", upstream="duo", start_with=StartWith.WORD, is_service=True, words=("push",)
)
KEYS: Final = UpstreamFactor(name="keys", upstream="yubico", is_service=True, holds="yubikey")
SERVICES: Final = Factors(upstream=(PUSH, KEYS), names=("totp", "yubikey", "push", "keys"))


def plan(
    *factors: str,
    mode: Mode = Mode.CHALLENGE,
    primary: str = "local",
    instead: tuple[str, ...] = (),
    known: Factors = FACTORS,
    order: Order = Order.PASSWORD_FIRST,
) -> Plan:
    """Return what a client with these settings asks."""
    client = Client(
        name="vpn",
        networks=(),
        secret=Secret(b"sixteen octets!!"),
        mode=mode,
        primary=primary,
        factors=factors,
        when_unavailable=instead,
        order=order,
    )
    return Plan(client, known, PEPPER)


def user(*kinds: str, codes: int = 0, upstreams: tuple[str, ...] = ()) -> User:
    """Return somebody with a token of each of *kinds*, recovery *codes* and assignments."""
    key = PasscodeKey(b"a seed of 20 octets.", "sha1", 6)
    tokens = tuple(
        Token(id=at, serial="T", key=key, period=30 * (kind == "totp"), drift=0, last=-1)
        for at, kind in enumerate(kinds)
    )
    found = User(7, "alice", None, is_exempt=False, is_disabled=False, tokens=tokens)
    found.recovery |= {bytes([at]) for at in range(codes)}
    found.upstreams |= dict.fromkeys(upstreams, "")
    return found


@pytest.mark.parametrize(
    ("named", "kinds"),
    [
        pytest.param((), (False, False, False), id="none"),
        pytest.param(("totp",), (True, False, False), id="totp"),
        pytest.param(("hotp", "recovery"), (False, True, True), id="hotp and recovery"),
        pytest.param(("securid",), (False, False, False), id="an upstream's alone"),
        pytest.param(("securid", "totp"), (True, False, False), id="an upstream's and ours"),
    ],
)
def test_local_factors_count_where_the_client_names_them(
    named: tuple[str, ...], kinds: tuple[bool, bool, bool]
) -> None:
    """What a client does not name proves nothing there; the same holds for what stands in."""
    here, instead = plan(*named), plan("securid", instead=named)

    for desk in (here.desk, instead.instead):
        factors = desk.factors
        known = (factors.totp, factors.hotp, factors.recovery)
        assert factors.yubikey is None
        assert tuple(one is not None for one in known) == kinds
        assert desk.pepper == PEPPER


def test_factor_that_is_off_stays_off() -> None:
    """A kind that the section `factors` has switched off counts for no client."""
    compiled = plan("totp", instead=("totp",), known=Factors(totp=None))

    assert compiled.desk.factors.totp is None
    assert compiled.instead.factors.totp is None


@pytest.mark.parametrize(
    ("compiled", "primary", "has_upstream"),
    [
        pytest.param(plan("totp"), "", False, id="all local"),
        pytest.param(plan("totp", mode=Mode.STEP_UP, primary=NONE), "", False, id="no password"),
        pytest.param(plan("totp", primary="ad"), "ad", True, id="password by an upstream"),
        pytest.param(plan("securid"), "", True, id="factor by an upstream"),
        pytest.param(plan("securid", primary="ad"), "ad", True, id="both"),
        pytest.param(plan(mode=Mode.PROXY, primary="rsa"), "rsa", True, id="proxy"),
    ],
)
def test_upstreams_are_known_beforehand(
    compiled: Plan, primary: str, *, has_upstream: bool
) -> None:
    """A client that no upstream serves is told apart before any login."""
    assert (compiled.primary, compiled.has_upstream) == (primary, has_upstream)


@pytest.mark.parametrize(
    ("compiled", "is_plain", "factor_first"),
    [
        pytest.param(plan("totp"), True, False, id="all local"),
        pytest.param(plan("securid"), False, False, id="a factor of an upstream"),
        pytest.param(plan("totp", primary="ad"), False, False, id="a password of an upstream"),
        pytest.param(
            plan("totp", mode=Mode.CHALLENGE, order=Order.FACTOR_FIRST), False, True, id="order"
        ),
    ],
)
def test_what_depends_on_the_person_is_known_beforehand(
    compiled: Plan, *, is_plain: bool, factor_first: bool
) -> None:
    """Only where no upstream is asked and the password comes first is nothing to look up."""
    assert (compiled.is_plain, compiled.factor_first) == (is_plain, factor_first)


@pytest.mark.parametrize(
    ("compiled", "takes"),
    [
        pytest.param(plan("totp"), False, id="all local"),
        pytest.param(plan("securid"), False, id="the password is ours"),
        pytest.param(plan("securid", primary="ad"), True, id="the password is an upstream's"),
        pytest.param(plan("totp", primary="ad"), True, id="the token is ours"),
        pytest.param(plan(mode=Mode.PROXY, primary="rsa"), True, id="proxy"),
        pytest.param(
            plan("securid", mode=Mode.STEP_UP, primary=NONE), True, id="step-up for everyone"
        ),
        pytest.param(
            plan("vip", "duo", mode=Mode.STEP_UP, primary=NONE), False, id="step-up for assigned"
        ),
        pytest.param(plan("totp", mode=Mode.STEP_UP, primary=NONE), False, id="step-up, local"),
    ],
)
def test_strangers_are_taken_where_an_upstream_knows_them(compiled: Plan, *, takes: bool) -> None:
    """Whom the store does not know may log in only if an upstream says who they are."""
    assert compiled.takes_strangers is takes


@pytest.mark.parametrize(
    ("compiled", "person", "factor"),
    [
        pytest.param(plan("totp"), user(), None, id="the client has none"),
        pytest.param(plan("totp"), user(upstreams=("rsa",)), None, id="assigned elsewhere"),
        pytest.param(plan("securid", "totp"), user(), SECURID, id="everyone without a token"),
        pytest.param(plan("securid", "totp"), user("totp"), None, id="who has a token"),
        pytest.param(plan("securid", "hotp"), user("hotp"), None, id="who has a fob"),
        pytest.param(plan("securid", "totp"), user("hotp"), SECURID, id="a token that is nothing"),
        pytest.param(plan("securid", "recovery"), user(codes=9), SECURID, id="recovery codes"),
        pytest.param(plan("vip"), user(), None, id="not assigned"),
        pytest.param(plan("vip"), user(upstreams=("symantec",)), VIP, id="assigned"),
        pytest.param(
            plan("vip", "totp"), user("totp", upstreams=("symantec",)), VIP, id="both kinds"
        ),
        pytest.param(
            plan("securid", "vip"), user(upstreams=("symantec",)), VIP, id="assigned, not everyone"
        ),
        pytest.param(
            plan("securid", "vip", "duo"),
            user(upstreams=("duo-proxy", "symantec")),
            VIP,
            id="the client's order",
        ),
        pytest.param(
            plan("duo", "vip"),
            user(upstreams=("symantec", "duo-proxy")),
            DUO,
            id="another client's order",
        ),
        pytest.param(plan("securid", "azure"), user(), SECURID, id="the first for everyone"),
        pytest.param(
            plan("securid", "azure"), user(upstreams=("nps",)), NPS, id="assigned to the second"
        ),
        pytest.param(
            plan("securid", primary="ad"),
            user(upstreams=("ad",)),
            SECURID,
            id="a name at the primary is no factor",
        ),
    ],
)
def test_user_has_one_upstream_factor(
    compiled: Plan, person: User, factor: UpstreamFactor | None
) -> None:
    """Only the server that holds this user's token is asked, and none where it is ours."""
    assert compiled.factor(person) == factor


def test_proxy_knows_no_other_factor() -> None:
    """Where an upstream asks for every proof, no other server is asked for one."""
    compiled = plan("securid", "vip", mode=Mode.PROXY, primary="rsa")

    assert compiled.factor(user(upstreams=("symantec",))) is None
    assert compiled.opening(user()) is None


@pytest.mark.parametrize(
    ("compiled", "person", "factor"),
    [
        pytest.param(plan("totp"), user(), None, id="none"),
        pytest.param(plan("securid"), user(), None, id="it waits for the code"),
        pytest.param(plan("azure"), user(), NPS, id="it is told the password"),
        pytest.param(plan("duo"), user(upstreams=("duo-proxy",)), DUO, id="it is told a word"),
        pytest.param(
            plan("duo", "totp"), user("totp", upstreams=("duo-proxy",)), DUO, id="it comes first"
        ),
        pytest.param(
            plan("totp", "duo"), user("totp", upstreams=("duo-proxy",)), None, id="ours comes first"
        ),
        pytest.param(
            plan("hotp", "duo"), user("hotp", upstreams=("duo-proxy",)), None, id="so does a fob"
        ),
        pytest.param(
            plan("hotp", "duo"),
            user("totp", upstreams=("duo-proxy",)),
            DUO,
            id="a token that does not count",
        ),
        pytest.param(
            plan("recovery", "duo"),
            user(codes=9, upstreams=("duo-proxy",)),
            DUO,
            id="recovery codes come last",
        ),
        pytest.param(
            plan("vip", "duo"), user(upstreams=("duo-proxy",)), DUO, id="another's comes first"
        ),
    ],
)
def test_token_server_begins_by_itself_where_it_comes_first(
    compiled: Plan, person: User, factor: UpstreamFactor | None
) -> None:
    """A push leaves after the password only if no token of ours is preferred."""
    assert compiled.opening(person) == factor


@pytest.mark.parametrize(
    ("named", "person", "has_token"),
    [
        pytest.param(("totp", "hotp", "recovery"), user(), False, id="nothing"),
        pytest.param(("totp",), user("totp"), True, id="totp"),
        pytest.param(("hotp",), user("hotp"), True, id="hotp"),
        pytest.param(("hotp",), user("totp"), False, id="of another kind"),
        pytest.param(("recovery",), user("totp", codes=1), False, id="recovery codes"),
    ],
)
def test_token_counts_where_its_kind_does(
    named: tuple[str, ...], person: User, *, has_token: bool
) -> None:
    """Whoever has a token that counts here has one; recovery codes are none."""
    assert plan(*named).has_token(person) is has_token


@pytest.mark.parametrize(
    ("instead", "person", "has_instead"),
    [
        pytest.param(("totp", "recovery"), None, False, id="nobody"),
        pytest.param(("totp", "recovery"), user(), False, id="nothing"),
        pytest.param(("totp", "recovery"), user("hotp"), False, id="a token that does not count"),
        pytest.param(("totp",), user("totp"), True, id="a token"),
        pytest.param(("totp", "recovery"), user(codes=1), True, id="a recovery code"),
        pytest.param(("totp",), user(codes=1), False, id="a recovery code that does not count"),
        pytest.param((), user("totp", codes=1), False, id="the client has no ladder"),
    ],
)
def test_ladder_needs_a_factor_of_the_user(
    instead: tuple[str, ...], person: User | None, *, has_instead: bool
) -> None:
    """Nobody gets a stand-in whom the client's ladder or their own tokens give none."""
    assert plan("securid", instead=instead).has_instead(person) is has_instead


def holder(*, own: Key | None = None, elsewhere: Key | None = None) -> User:
    """Return somebody with a YubiKey of ours, and one that a service checks."""
    found = user()
    if own is not None:
        held = OtpKey(own.private_id + own.aes_key)
        found = replace(found, yubikeys=(Yubikey(1, own.public_id, held, -1),))
    if elsewhere is not None:
        found = replace(found, devices=(Device(2, elsewhere.public_id, "yubikey", b""),))
    return found


def test_yubikey_of_ours_is_a_token_where_it_counts() -> None:
    """Who has one is asked for it, and nobody else's server is."""
    alice = holder(own=Key())

    assert plan("yubikey", "push", known=SERVICES).has_token(alice)
    assert plan("yubikey", "push", known=SERVICES).factor(alice) is None
    assert not plan("push", known=SERVICES).has_token(alice)
    assert plan("push", known=SERVICES).factor(alice) is PUSH
    assert plan("yubikey", "push", known=SERVICES).opening(alice) is None


def test_yubikey_of_a_service_is_a_factor_of_whoever_has_one() -> None:
    """Without such a key nobody has the factor, and a key of ours is none of the service's."""
    asked = plan("keys", known=SERVICES)

    assert asked.factor(holder(elsewhere=Key())) is KEYS
    assert asked.factor(holder(own=Key())) is None
    assert asked.factor(user()) is None


def test_password_of_a_yubikey_chooses_its_service() -> None:
    """Whoever could have a push, too, types the key's password, and its service is asked."""
    key = Key()
    alice = replace(holder(elsewhere=key), upstreams={"duo": ""})
    asked = plan("push", "keys", known=SERVICES)

    for typed in (key.touch(), key.touch().upper(), f"{key.touch()}\n"):
        assert asked.factor(alice, typed.encode()) is KEYS
        assert asked.chooses(alice, typed.encode())
    assert asked.factor(alice, b"push") is PUSH
    assert asked.factor(alice) is PUSH


def test_password_of_a_strange_yubikey_chooses_nothing() -> None:
    """Nor where no service has keys, nor for somebody without one."""
    key = Key()
    strange, alice = Key().touch().encode(), holder(elsewhere=key)

    assert not plan("push", "keys", known=SERVICES).chooses(alice, strange)
    assert not plan("push", known=SERVICES).chooses(alice, key.touch().encode())
    assert not plan("keys", known=SERVICES).chooses(user(), key.touch().encode())


def test_tail_of_a_service_s_yubikey_is_found() -> None:
    """Behind a password stands a password of the person's own key, or it is no tail."""
    key = Key()
    otp, alice = key.touch().encode(), holder(elsewhere=key)
    asked = plan("keys", mode=Mode.APPEND, known=SERVICES)

    found = asked.tail(alice, b"secret" + otp)
    assert found is not None
    assert (found.before, found.typed) == (b"secret", otp)
    assert asked.tail(alice, b"secret" + Key().touch().encode()) is None
    assert asked.tail(user(), b"secret" + otp) is None
    assert plan("push", mode=Mode.APPEND, known=SERVICES).tail(alice, b"secret" + otp) is None


TEXT: Final = UpstreamFactor(
    name="text", upstream="texts", start_with=StartWith.WORD, is_service=True, holds="sms",
    words=("sms",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("is_in_directory", "users", "has"),
    [
        (False, Users.EVERYONE, False),
        (True, Users.ASSIGNED, False),
        (True, Users.EVERYONE, True),
    ],
)
def test_a_directory_may_stand_in_for_a_device(
    is_in_directory: bool,  # noqa: FBT001 - a column
    users: Users,
    has: bool,  # noqa: FBT001 - a column
) -> None:
    """Without a number enrolled somebody has the factor only where the directory has numbers."""
    factor = replace(TEXT, is_in_directory=is_in_directory, users=users)
    asks = plan("text", "totp", known=Factors(upstream=(factor,), names=("totp", "text")))
    found = user()
    assert (asks.factor(found) == factor) is has
    assert (asks.factor(found, b"sms2") == factor) is has
    assert asks.factor(user("totp")) is None  # who has a token has that
    assigned = user(upstreams=("texts",))
    assert (asks.factor(assigned) == factor) is is_in_directory
    found.devices = (Device(1, "SMS-1", "sms", b"+4915112345678"),)
    assert asks.factor(found) == factor
    found.devices = (Device(1, "MAIL-1", "email", b"a@example.com"),)
    assert (asks.factor(found) == factor) is has


# -- services --

TEXTS: Final = UpstreamFactor(
    name="texts", upstream="gateway", start_with=StartWith.WORD, is_service=True, holds="sms",
    words=("sms",),
)  # fmt: skip
CALLS: Final = UpstreamFactor(
    name="calls", upstream="twilio", start_with=StartWith.WORD, is_service=True, holds="voice",
    words=("voice", "phone"),
)  # fmt: skip
PUSHES: Final = UpstreamFactor(
    name="push", upstream="duo", start_with=StartWith.WORD, is_service=True,
    words=("push", "phone", "sms"),
)  # fmt: skip
CLOUD: Final = UpstreamFactor(
    name="cloud", upstream="id-plus", users=Users.ASSIGNED, is_service=True, words=("push",)
)
SERVED: Final = Factors(
    upstream=(TEXTS, CALLS, PUSHES, CLOUD, SECURID),
    names=("totp", "hotp", "recovery", "texts", "calls", "push", "cloud", "securid"),
)
MOBILE: Final = Device(1, "SMS-1", "sms", b"+15005550006")
LANDLINE: Final = Device(2, "V-1", "voice", b"+15005550007")


def carrier(*devices: Device, token: bool = False, upstreams: tuple[str, ...] = ()) -> User:
    """Return somebody with *devices*."""
    found = user(*(("totp",) if token else ()), upstreams=upstreams)
    found.devices = devices
    return found


def served(*named: str, mode: Mode = Mode.CHALLENGE) -> Plan:
    """Return what a client asks whose factors services check."""
    primary = NONE if mode is Mode.STEP_UP else "local"
    return plan(*named, mode=mode, known=SERVED, primary=primary)


@pytest.mark.parametrize(
    ("named", "person", "factor"),
    [
        pytest.param(("texts",), carrier(), None, id="no number"),
        pytest.param(("texts",), carrier(LANDLINE), None, id="a number for calls only"),
        pytest.param(("texts",), carrier(upstreams=("gateway",)), None, id="assigned, no number"),
        pytest.param(("texts",), carrier(MOBILE), TEXTS, id="a number"),
        pytest.param(("texts",), carrier(MOBILE, token=True), TEXTS, id="a number and a token"),
        pytest.param(("texts", "calls"), carrier(LANDLINE, MOBILE), TEXTS, id="the client's order"),
        pytest.param(("calls", "texts"), carrier(MOBILE, LANDLINE), CALLS, id="another order"),
        pytest.param(("push",), carrier(), PUSHES, id="everyone"),
        pytest.param(("push", "totp"), carrier(token=True), None, id="everyone without one"),
        pytest.param(("push", "texts"), carrier(MOBILE), TEXTS, id="a number, not everyone"),
        pytest.param(("cloud",), carrier(), None, id="not assigned"),
        pytest.param(("cloud",), carrier(upstreams=("id-plus",)), CLOUD, id="assigned"),
    ],
)
def test_service_is_asked_about_who_has_it(
    named: tuple[str, ...], person: User, factor: UpstreamFactor | None
) -> None:
    """A service that needs a device is asked about those who have one, whoever else may log in."""
    assert served(*named).factor(person) == factor


@pytest.mark.parametrize(
    "typed",
    [b"", b"sm", b"smss", b"sms 2", b" sms", b"2sms", b"123456", b"\xff\xfe", b"2", b"voice"],
    ids=repr,
)  # fmt: skip
def test_what_is_no_word_chooses_nothing(typed: bytes) -> None:
    """A code, a part of a word, and a word for what somebody has not, are no choice."""
    compiled, person = served("texts", "calls"), carrier(MOBILE)
    assert not compiled.chooses(person, typed)
    assert compiled.factor(person, typed) == TEXTS  # the first they have


@pytest.mark.parametrize(
    ("named", "person", "typed", "factor"),
    [
        pytest.param(("texts", "calls"), carrier(MOBILE, LANDLINE), b"voice", CALLS, id="word"),
        pytest.param(("texts", "calls"), carrier(MOBILE, LANDLINE), b"Voice2", CALLS, id="digit"),
        pytest.param(("texts", "calls"), carrier(MOBILE, LANDLINE), b"SMS", TEXTS, id="large"),
        pytest.param(("push", "texts"), carrier(MOBILE), b"sms", TEXTS, id="own, not everyone's"),
        pytest.param(("push", "texts"), carrier(), b"sms", PUSHES, id="everyone's"),
        pytest.param(("push", "totp"), carrier(token=True), b"push", PUSHES, id="there is a token"),
        pytest.param(
            ("push", "cloud"), carrier(upstreams=("id-plus",)), b"push", CLOUD, id="assigned first"
        ),
    ],
)
def test_word_chooses_what_somebody_has(
    named: tuple[str, ...], person: User, typed: bytes, factor: UpstreamFactor
) -> None:
    """One word, with a digit or without: what is somebody's own, else what is everyone's."""
    compiled = served(*named)
    assert compiled.chooses(person, typed)
    assert compiled.factor(person, typed) == factor


def test_word_of_a_factor_that_does_not_count_here_is_none() -> None:
    """What a client does not name is chosen by nobody, whatever they have."""
    compiled = served("texts")
    assert not compiled.chooses(carrier(MOBILE, LANDLINE), b"voice")
    assert not served("totp").chooses(carrier(MOBILE), b"sms")
    assert served("totp").factor(carrier(MOBILE), b"sms") is None


@pytest.mark.parametrize(
    ("named", "person", "factor"),
    [
        pytest.param(("texts", "totp"), carrier(MOBILE, token=True), TEXTS, id="it comes first"),
        pytest.param(("totp", "texts"), carrier(MOBILE, token=True), None, id="ours comes first"),
        pytest.param(("totp", "texts"), carrier(MOBILE), TEXTS, id="there is no token"),
        pytest.param(("cloud",), carrier(upstreams=("id-plus",)), None, id="it waits for a code"),
    ],
)
def test_service_begins_by_itself_where_it_comes_first(
    named: tuple[str, ...], person: User, factor: UpstreamFactor | None
) -> None:
    """Nobody's phone rings who has a token that is preferred."""
    assert served(*named).opening(person) == factor


@pytest.mark.parametrize(
    ("named", "takes"),
    [(("push",), True), (("texts",), False), (("cloud",), False), (("texts", "push"), True)],
    ids=str,
)
def test_strangers_are_taken_where_a_service_knows_everyone(
    named: tuple[str, ...], *, takes: bool
) -> None:
    """Whom the store does not know has no device here: somebody else must know them."""
    assert served(*named, mode=Mode.STEP_UP).takes_strangers is takes


def test_dialogue_goes_on_while_its_factor_is_the_persons() -> None:
    """Not where a reload, or an administrator, has taken it away."""
    compiled = plan("securid", "duo")
    assigned, other = user(upstreams=("duo-proxy",)), user("totp")

    assert compiled.goes_on(assigned, "duo", "duo-proxy")
    assert compiled.goes_on(other, "securid", "rsa")  # a word may have chosen it
    assert not compiled.goes_on(other, "duo", "duo-proxy")
    assert not compiled.goes_on(other, "securid", "another")
    assert not compiled.goes_on(assigned, "vip", "symantec")
