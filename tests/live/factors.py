"""
Every factor that a service checks, and keys, behind one server: who has which, what is typed.

Each factor has three clients, each at an address of its own: `radclient`, which shows
challenges; `pam`, for pam_radius; `auto`, of that mode, with a comma behind the password.
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, final

from radiusmfa.secret import Secret
from radiusmfa.stores import database, tokens, yubikeys
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from tests import duo, duo_server, mail_server, securid, sms_gateway, twilio_api, web_site, yubico
from tests.live.clients import FAST
from tests.live.upstreams import import_users
from tests.live.world import PASSWORD, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from trustme import CA

KINDS: Final = ("radclient", "pam", "auto")
PASSCODE: Final = "7482915063"
BYPASS: Final = "406128573"
ANSWER: Final = "St Mary's"
NEW_PIN: Final = "5678"
_PATIENCE: Final = 10.0
_QUESTIONS: Final = ("Which school?", "Which street?")
_SENT: Final = re.compile(r"is:? ([0-9](?:(?:, )?[0-9]){5})")
_OF_KIND: Final[dict[str, dict[str, object]]] = {
    "radclient": {},
    "pam": {"require_message_authenticator": "no", "time_budget": 3},
    "auto": {"mode": "auto", "delimiter": ","},
}
SECRETS: Final = {
    "duo": duo.SKEY,
    "rsa": securid.KEY,
    "yubico": base64.b64encode(yubico.CLIENT_SECRET).decode(),
    "sms": sms_gateway.TOKEN,
    "twilio": twilio_api.KEY_SECRET,
    "mail": mail_server.PASSWORD,
}

Word: TypeAlias = "str | Callable[[], str]"
"""What is typed; a function returns it once the person can know it."""
Script: TypeAlias = "Callable[[Site, str], Sequence[Word]]"


class Factor(NamedTuple):
    """
    One way to prove a second factor.

    Attributes:
        name: Of the way, and the first part of its clients' names.
        factor: As the configuration calls it.
        right: What lets somebody in, typed after the password.
        wrong: What does not.
        way: As the audit says it; empty: nobody else is asked.
        reason: Why what is wrong does not let in.
        device: What the audit says of the device: masked; {to} is the end of its number.
        token: What the serial in the audit begins with.
        is_timed: The audit says how long the person took.
        word: What begins it at a client that takes the password and this in one.
    """

    name: str
    factor: str
    right: Script
    wrong: Script
    way: str
    reason: str = "bad-passcode"
    device: str = ""
    token: str = ""
    is_timed: bool = False
    word: str = ""


@final
class Site:
    """
    One server, and every service that it asks.

    Attributes:
        world: The server.
        duo: Duo.
        rsa: RSA's server.
        cloud: A validation server of YubiKeys.
        gateway: A gateway of text messages, and `sms`, where it is served.
        twilio: Twilio, and `api`, where it is served.
        mail: A mail server.
        sources: Addresses of clients by name.
        keys: YubiKeys by the name of whose they are.
        numbers: Telephones, the same way.
    """

    def __init__(self, folder: Path, ca: CA, ca_file: Path, stack: ExitStack) -> None:
        """Start whoever is asked, and configure the server."""
        self.world = World(folder)
        self.duo = stack.enter_context(duo_server.Running(ca))
        self.rsa = stack.enter_context(securid.Running(ca))
        self.cloud = stack.enter_context(yubico.Running(ca))
        self.gateway, self.twilio = sms_gateway.Gateway(wants="bearer"), twilio_api.Twilio()
        self.sms = web_site.Running(self.gateway, ca)
        stack.callback(self.sms.__exit__)
        self.api = web_site.Running(self.twilio, ca)
        stack.callback(self.api.__exit__)
        self.mail = stack.enter_context(mail_server.Running(ca))
        self.keys: dict[str, yubico.Key] = {}
        self.numbers: dict[str, str] = {}
        self.sources = {
            f"{one.name}-{kind}": f"127.0.{30 + at}.{number}"
            for at, one in enumerate(FACTORS)
            for number, kind in enumerate(KINDS, 1)
        }
        self._configure(str(ca_file))

    def employ(self, people: Sequence[tuple[Factor, str]]) -> None:
        """Make people known to whoever has to know them."""
        import_users(self.world, [name for _, name in people], PASSWORD)
        questions, places = ["user,type,question,answer"], ["user,type,to"]
        for at, (one, name) in enumerate(people):
            match one.factor:
                case "duo" | "menu":
                    self.duo.simulator.add(name, after=0.3, codes={PASSCODE, BYPASS})
                case "securid":
                    self.rsa.simulator.person(name, **_AT_RSA[one.name])
                case "yubikey" | "keys":
                    self._give(name, is_ours=one.factor == "yubikey")
                case "questions":
                    questions += [f"{name},question,{text},{ANSWER}" for text in _QUESTIONS]
                case "email":
                    places.append(f"{name},email,{name}@example.com")
                case _:
                    self.numbers[name] = f"+491701{at:06}"
                    kind = "voice" if one.factor == "voice" else "sms"
                    places.append(f"{name},{kind},{self.numbers[name]}")
        for lines in (questions, places):
            self.world.run("token", "import", "-", typed="\n".join(lines) + "\n")

    def code(self, name: str) -> str:
        """Return the code that reaches somebody; wait for it."""
        until = time.monotonic() + _PATIENCE
        while not (texts := self._texts(name)):
            assert time.monotonic() < until, f"nothing reaches {name}"
            time.sleep(0.02)
        found = _SENT.search(texts[-1])
        assert found is not None, texts
        return found[1].replace(", ", "")

    def duo_code(self, name: str) -> str:
        """Return the first passcode that Duo sends to somebody; wait for it."""
        (device,) = self.duo.simulator.users[name].devices
        until = time.monotonic() + _PATIENCE
        while not device.sms:
            assert time.monotonic() < until, f"nothing reaches {name}"
            time.sleep(0.02)
        return device.sms[0]

    def does(self, name: str, outcome: duo.Outcome) -> list[Word]:
        """Let somebody do that when their phone rings; return that nothing is typed for it."""
        self.duo.simulator.users[name].does = outcome
        return []

    def says(self, name: str, what: str) -> list[Word]:
        """Let somebody say that to a push of RSA's; return what begins one."""
        self.rsa.simulator.people[name].says = what
        return ["push"]

    def targets(self) -> str:
        """Return every address that was asked for over HTTPS, but for those of YubiKeys."""
        found = [
            f"{path} {query if method == 'GET' else ''}"
            for method, path, query in self.duo.simulator.asked
        ]
        found += [one.path for one in self.rsa.simulator.asked]
        found += [one.target for site in (self.sms, self.api) for one in site.behaviour.asked]
        return "\n".join(found)

    def _texts(self, name: str) -> list[str]:
        number = self.numbers.get(name)
        found = [one.text for one in self.gateway.outbox if one.to == number]
        found += [one.text for one in self.twilio.outbox if one.to == number]
        mails = [one for one in self.mail.office.mails if one.to == [f"{name}@example.com"]]
        return found + [one.message.get_content() for one in mails]

    def _give(self, name: str, *, is_ours: bool) -> None:
        key = self.keys[name] = self.cloud.simulator.add(yubico.Key())
        store = database.connect(
            self.world.folder / "radiusmfa.db", Vault.read(self.world.folder / "keys")
        )
        seed = Secret(key.private_id + key.aes_key) if is_ours else None
        new = yubikeys.new(key.public_id, seed, user=name)
        tokens.enroll(store, Actor("test", time.time()), new, status="active")
        store.close()

    def _configure(self, ca_file: str) -> None:
        for name, secret in SECRETS.items():
            (self.world.folder / name).write_text(secret)
            (self.world.folder / name).chmod(0o600)
        twilio = {"user": twilio_api.KEY, "password": {"file": "twilio"}, "url": self.api.url}
        account = {"account": twilio_api.ACCOUNT, "sender": twilio_api.SENDER} | twilio
        keys = {"host": self.duo.host, "integration_key": duo.IKEY, "secret_key": {"file": "duo"}}
        services: dict[str, dict[str, Any]] = {
            "duo": {"duo": keys},
            "menu": {"duo": keys | {"prompt": "menu"}},
            "securid": {"securid": {"urls": [self.rsa.url], "access_key": {"file": "rsa"}}},
            "keys": {
                "yubico": {
                    "urls": [self.cloud.url],
                    "client_id": int(yubico.CLIENT_ID),
                    "secret": {"file": "yubico"},
                }
            },
            "text": {
                "sms": {
                    "url": f"{self.sms.url}/send",
                    "header": "Authorization",
                    "password": {"file": "sms"},
                    "fields": {"to": "{to}", "text": "{text}"},
                    "success": "^OK",
                }
            },
            "message": {"twilio": account},
            "voice": {"twilio": account | {"channel": "voice"}},
            "verify": {"verify": twilio | {"service": twilio_api.SERVICE}},
            "email": {
                "smtp": {
                    "host": "127.0.0.1",
                    "port": self.mail.port,
                    "user": mail_server.USER,
                    "password": {"file": "mail"},
                    "sender": "login@example.com",
                }
            },
            "questions": {"question": {}},
        }
        for name in services.keys() - {"questions"}:
            services[name]["ca_file"] = ca_file
        clients = [
            {
                "name": f"{one.name}-{kind}",
                "networks": [self.sources[f"{one.name}-{kind}"]],
                "factors": [one.factor],
                "time_budget": 15,
                "retry_window": 0,  # programs choose identifiers by chance
                **({"weak": True} if one.factor == "questions" else {}),
                **_OF_KIND[kind],
            }
            for one in FACTORS
            for kind in KINDS
        ]
        factors = {name: {"service": name} for name in services}
        self.world.configure(
            clients, services=services, factors=factors | {"yubikey": {}}, passwords=FAST
        )


_AT_RSA: Final[dict[str, dict[str, Any]]] = {
    "securid-passcode": {},
    "securid-next": {"mode": securid.Mode.NEXT},
    "securid-newpin": {"mode": securid.Mode.NEW_PIN, "pin": ""},
    "securid-push": {"offers": [["SECURID"], ["APPROVE"]]},
    "securid-sms": {"offers": [["SECURID"], ["SMS"]]},
}
_AGAIN: Final = 3
"""How often a wrong value is taken, and then no more."""
_MASKED: Final = "XXX-XXX-0100"
_FIRST, _NEXT = securid.CODES[:2]
_SET: Final = (_FIRST, NEW_PIN, NEW_PIN)


def _typed(*words: str) -> Script:
    return lambda _site, _name: words


def _sent(site: Site, name: str) -> list[Word]:
    return [lambda: site.code(name)]


def _other_key(site: Site, name: str) -> list[Word]:
    return [yubico.Key(public_id=site.keys[name].public_id).touch()]


def _touch(site: Site, name: str) -> list[Word]:
    return [site.keys[name].touch()]


def _carried(name: str, way: str, word: str, tries: int = _AGAIN) -> Factor:
    return Factor(
        name, name, _sent, _typed(*["000000"] * tries), way,
        device="***{to}", token=f"{way.upper()}-", is_timed=True, word=word,
    )  # fmt: skip


FACTORS: Final = (
    Factor(
        "duo-push", "duo",
        lambda site, name: site.does(name, duo.Outcome.APPROVE),
        lambda site, name: site.does(name, duo.Outcome.DENY),
        "push", reason="person-refused", device=_MASKED, is_timed=True,
    ),
    Factor(
        "duo-phone", "menu",
        lambda site, name: [*site.does(name, duo.Outcome.APPROVE), "phone"],
        lambda site, name: [*site.does(name, duo.Outcome.DENY), "phone"],
        "phone", reason="person-refused", device=_MASKED, is_timed=True,
    ),
    Factor(
        "duo-sms", "menu",
        lambda site, name: ["sms", lambda: site.duo_code(name)],
        _typed("sms", "7654321"), "passcode", is_timed=True,
    ),
    Factor("duo-passcode", "menu", _typed(PASSCODE), _typed("7482915064"), "passcode"),
    Factor("duo-bypass", "menu", _typed(BYPASS), _typed("406128574"), "passcode"),
    Factor(
        "securid-passcode", "securid",
        _typed(securid.PIN + _FIRST), _typed(*[f"{securid.PIN}000000"] * _AGAIN), "passcode",
    ),
    Factor(
        "securid-next", "securid",
        _typed(securid.PIN + _FIRST, _NEXT),
        _typed(securid.PIN + _FIRST, *[_FIRST] * _AGAIN), "passcode",
    ),
    Factor(
        "securid-newpin", "securid",
        _typed(*_SET, NEW_PIN + _NEXT), _typed(*_SET, *[NEW_PIN + _FIRST] * _AGAIN), "passcode",
    ),
    Factor(
        "securid-push", "securid",
        lambda site, name: site.says(name, "approve"),
        lambda site, name: site.says(name, "deny"),
        "push", reason="person-refused", device=securid.DEVICE, is_timed=True,
    ),
    Factor(
        "securid-sms", "securid",
        _typed("sms", securid.SENT_CODE), _typed("sms", *["00000000"] * _AGAIN),
        "sms", device=securid.MASKED_PHONE, is_timed=True,
    ),
    Factor("yubikey", "yubikey", _touch, _other_key, "", token="cccccc"),
    Factor("yubicloud", "keys", _touch, _other_key, "passcode", token="cccccc"),
    _carried("text", "sms", "sms"),
    _carried("message", "sms", "sms"),
    _carried("voice", "voice", "voice"),
    _carried("verify", "sms", "sms", 5),
    _carried("email", "email", "email")._replace(device="e***@example.com"),
    Factor(
        "questions", "questions",
        _typed(ANSWER, ANSWER.upper()), _typed(ANSWER, "wrong"),
        "question", device="2 questions", token="QUESTION-", is_timed=True, word="question",
    ),
)  # fmt: skip
