"""`radiusmfa try`: what it shows, what it answers with, what it leaves alone."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final

import pyotp
import pytest

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.primary import hashing
from radiusmfa.reasons import EXPLANATIONS
from radiusmfa.secret import Secret
from radiusmfa.stores import assignments, database, people, tokens
from radiusmfa.stores.assignments import Assignment
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import SECRET, Responder, answer, by_code
from tests.unit.primary.conftest import server_context
from tests.unit.primary.responder import ALICE, BASE, SERVICE
from tests.unit.primary.responder import Responder as LdapResponder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

SEED: Final = b"twenty octets of seed"
PASSWORD: Final = "correct horse"
LIGHT: Final = hashing.Parameters(memory_kib=512, passes=1, lanes=1)
CONFIGURATION: Final = """
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: radiusmfa.db}
keys: {file: keys}
passwords: {memory_kib: 512, passes: 1}
lockout: {threshold: 1}
clients:
  - {name: nas, networks: [192.0.2.0/24], secret: {file: secret}, mode: auto}
  - {name: one, networks: [192.0.2.7], secret: {file: secret}, mode: challenge}
"""

FORWARDING: Final = """
upstreams:
  rsa:
    servers:
      - {{host: 127.0.0.1, port: {0}, secret: {{file: upstream-secret}}}}
      - {{host: 127.0.0.2, port: {0}, secret: {{file: upstream-secret}}}}
    user_name: {{strip: realm, domain: CORP}}
    dialogue: securid
  nps:
    servers: [{{host: 127.0.0.1, port: {0}, secret: {{file: upstream-secret}}}}]
    codec: cp1252
factors: {{totp: {{}}, securid: {{upstream: rsa}}}}
"""
FORWARDED: Final = """\
  - {name: up, networks: [192.0.3.1], secret: {file: secret}, mode: step-up}
  - {name: pure, networks: [192.0.3.2], secret: {file: secret}, mode: proxy, primary: nps}
  - {name: both, networks: [192.0.3.3], secret: {file: secret}, primary: nps, factors: [securid],
     when_unavailable: [totp, refuse]}
"""

POLICED: Final = """
  - {{name: gate, networks: [192.0.4.1], secret: {{file: secret}}, mode: append,
     trust_address: yes}}
  - {{name: corp, networks: [192.0.4.2], secret: {{file: secret}}, mode: challenge}}
networks: {{home: [10.0.0.0/8]}}
primaries:
  corp:
    ldap:
      servers: ["ldap://127.0.0.1:{port}"]
      base: "{base}"
      ca_file: {ca_file}
      bind_dn: "{service}"
      bind_password: {{file: service-password}}
      groups: none
      attributes: [mail]
approvals:
  change: {{servicenow: {{url: "http://127.0.0.1:1", user: x, password: {{file: secret}}}}}}
policies:
  - {{name: blocked, when: {{client: gate, attributes: {{NAS-Port-Type: Virtual}}}}, deny: yes}}
  - {{name: approved, when: {{client: gate, from: home, approval: change}}}}
  - {{name: staff, when: {{client: corp}}, primary: corp, factors: skip}}
"""


class Desk:
    """An administrator at a terminal without a keyboard."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Make a store with Alice, and Bob who is disabled."""
        self.folder = folder
        self._capsys = capsys
        (folder / "secret").write_text("a shared secret of 30 octets..")
        (folder / "secret").chmod(0o600)
        (folder / "radiusmfa.yaml").write_text(CONFIGURATION)
        vault = Vault.create(folder / "keys")
        database.create(folder / "radiusmfa.db", vault)
        self.actor = Actor("root", time.time())
        with self.store() as store:
            stored = hashing.hash_password(PASSWORD.encode(), LIGHT)
            for name in ("alice", "bob"):
                people.add(store, self.actor, name, password=stored)
            people.set_disabled(store, self.actor, "bob", disabled=True)
            new = tokens.NewToken(serial="T-1", kind="totp", seed=Secret(SEED), user="alice")
            tokens.enroll(store, self.actor, new, status="active")

    def forward(self, port: int) -> None:
        """Have two upstreams, whose servers listen on *port*, and clients that use them."""
        (self.folder / "upstream-secret").write_bytes(SECRET)
        (self.folder / "upstream-secret").chmod(0o600)
        text = CONFIGURATION + FORWARDED + FORWARDING.format(port)
        (self.folder / "radiusmfa.yaml").write_text(text)

    def police(self, ca_file: Path, port: int = 1) -> None:
        """Have policies: of a gate in front of a network, and with a directory at *port*."""
        (self.folder / "service-password").write_text("service-password")
        (self.folder / "service-password").chmod(0o600)
        more = POLICED.format(port=port, ca_file=ca_file, base=BASE, service=SERVICE)
        (self.folder / "radiusmfa.yaml").write_text(CONFIGURATION.rstrip() + more)

    def assign(self, user: str, name: str = "") -> None:
        """Assign *user* to the upstream rsa."""
        one = Assignment(user=user, upstream="rsa", name=name)
        with self.store() as store:
            assignments.assign(store, self.actor, one)

    def store(self) -> database.Database:
        """Open the store."""
        return database.connect(self.folder / "radiusmfa.db", Vault.read(self.folder / "keys"))

    def attempt(self, *words: str, typed: str = "", answers: str = "") -> tuple[int, str, str]:
        """Return exit code, output and errors of `try`."""
        more: list[str] = []
        for option, text in (("--password-file", typed), ("--code-file", answers)):
            if text:
                (self.folder / option).write_text(text)
                more += [option, str(self.folder / option)]
        code = main(["-c", str(self.folder / "radiusmfa.yaml"), "try", *words, *more])
        return code, *self._capsys.readouterr()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A store and somebody to ask."""
    return Desk(tmp_path, capsys)


def code() -> str:
    """Return a passcode that is valid now."""
    return pyotp.TOTP(base64.b32encode(SEED).decode()).now()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("alice",), "--client", id="no client"),
        pytest.param(("alice", "--client", "vpn"), "has no client 'vpn'", id="unknown client"),
        pytest.param(
            ("alice", "--client", "nas", "--from", "192.0.2.7"),
            "belongs to client 'one'",
            id="another client's address",
        ),
        pytest.param(
            ("alice", "--client", "nas", "--from", "10.0.0.1"),
            "belongs to no client",
            id="stranger",
        ),
        pytest.param(
            ("alice", "--client", "nas", "--from", "here"), "not an IPv4", id="no address"
        ),
        pytest.param(
            ("alice", "--client", "nas", "--password-prompt"), "no terminal", id="nobody to ask"
        ),
    ],
)
def test_wrong_usage_is_explained(desk: Desk, words: tuple[str, ...], why: str) -> None:
    """A wrong option is one line that says what is wrong, and nothing is decided."""
    done, out, err = desk.attempt(*words)
    assert done == exits.USAGE
    assert out == ""
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "typed", "reason", "hint"),
    [
        pytest.param("alice", "wrong", "bad-password", "user password", id="wrong password"),
        pytest.param("carol", PASSWORD, "unknown-user", "radiusmfa user add", id="unknown user"),
        pytest.param("bob", PASSWORD, "user-disabled", "radiusmfa user enable", id="disabled"),
        pytest.param("\x7f", PASSWORD, "bad-user-name", "UTF-8", id="no name"),
    ],
)
def test_refused_login_says_why(desk: Desk, name: str, typed: str, reason: str, hint: str) -> None:
    """Each refusal shows its reason, what that means, what to do about it, and the reply."""
    done, out, _ = desk.attempt(name, "--client", "nas", typed=typed)
    assert done == exits.NO
    assert f"decision  reject: {reason}" in out
    assert "Access-Reject" in out
    assert f"means     {EXPLANATIONS[reason].meaning}\n" in out
    (shown,) = re.findall(r"^hint      (.*)$", out, re.MULTILINE)
    assert hint in shown


def test_locked_user_is_told(desk: Desk) -> None:
    """A lock shows up before anything is typed."""
    now = int(time.time())
    with desk.store() as store, store.transaction() as sql:
        sql.execute(
            "INSERT INTO failures VALUES (1, 'password', 'nas', 10, ?, ?, x'00')", (now, now + 600)
        )
    done, out, _ = desk.attempt("alice", "--client", "nas")
    assert done == exits.DONE
    assert "locked    password at nas until" in out


def test_right_login_shows_each_step_and_is_repeatable(desk: Desk) -> None:
    """A right login is shown as accepted every time, since no try uses up the code."""
    typed, out = PASSWORD + code(), ""
    for _ in range(2):
        done, out, _ = desk.attempt("alice", "--client", "nas", typed=typed)
        assert done == exits.DONE
        assert "Does it end in a valid code? passed" in out
        assert "Is what stands before the code the password? passed" in out
        assert "decision  accept: passed (totp T-1)" in out
    assert typed not in out


def test_challenge_is_answered_and_json_has_every_round(desk: Desk) -> None:
    """Both rounds of a challenge are in one JSON object, with steps and attributes."""
    done, out, _ = desk.attempt(
        "alice", "--client", "one", "--json", typed=PASSWORD, answers=f"{code()}\n"
    )
    told: dict[str, Any] = json.loads(out)
    assert done == exits.DONE
    assert [one["decision"] for one in told["rounds"]] == ["challenge", "accept"]
    assert told["rounds"][0]["steps"] == [
        {"step": "password", "outcome": "passed"},
        {"step": "factor", "outcome": "asks: passcode-wanted"},
    ]
    names = [attribute["name"] for attribute in told["rounds"][0]["attributes"]]
    assert names == ["Message-Authenticator", "State", "Reply-Message", "Prompt"]
    assert told["known"]["tokens"] == ["T-1 (totp)"]


def test_without_password_only_facts_are_shown(desk: Desk) -> None:
    """Without a password nothing is decided: client, user and tokens are shown."""
    done, out, _ = desk.attempt("alice", "--client", "nas")
    assert done == exits.DONE
    assert "mode auto" in out
    assert "T-1 (totp)" in out
    assert "decision" not in out


def test_too_long_name_and_password_are_refused(desk: Desk) -> None:
    """What no client could send is refused before anything is decided."""
    assert desk.attempt("a" * 254, "--client", "nas", typed=PASSWORD)[0] == exits.USAGE
    assert desk.attempt("alice", "--client", "nas", typed="x" * 129)[0] == exits.USAGE


# -- upstreams --


@pytest.mark.parametrize(
    ("name", "client", "upstream", "there"),
    [
        pytest.param("carol@example.com", "up", "rsa", "CORP\\carol", id="stranger-rewritten"),
        pytest.param("bert", "up", "rsa", "Bert.Smith", id="alias-as-it-is"),
        pytest.param("carol", "pure", "nps", "carol", id="proxy"),
        pytest.param("carol", "both", "nps", "carol", id="primary"),
        pytest.param("j\u00f6rg", "pure", "nps", "j\\xf6rg", id="other-codec"),
    ],
)
def test_upstream_is_not_asked(
    desk: Desk, name: str, client: str, upstream: str, there: str
) -> None:
    """Where an upstream would be asked nobody is: who, about whom, is shown; never exit code 0."""
    with Responder(by_code()) as responder:
        desk.forward(responder.port)
        with desk.store() as store:
            people.add(store, desk.actor, "bert", password=None)
        desk.assign("bert", "Bert.Smith")
        done, out, _ = desk.attempt(name, "--client", client, typed="123456")
        assert responder.arrived == []

    assert done == exits.NO
    assert f'unasked   upstream {upstream} would be asked about "{there}": 127.0.0.1:' in out
    assert "--ask-upstreams asks it" in out
    assert "decision" not in out
    assert "123456" not in out


def test_unwritable_name_is_told(desk: Desk) -> None:
    """What the upstream's codec cannot write is refused, and asks nobody either."""
    desk.forward(1812)
    done, out, _ = desk.attempt("\u05d3\u05d5\u05d3", "--client", "pure", typed="123456")
    assert done == exits.NO
    assert "decision  reject: text-not-writable" in out
    assert "means     Name or password hold what" in out
    assert "hint      See `codec` and `user_name`" in out


def test_password_of_a_disabled_user_asks_nobody(desk: Desk) -> None:
    """Whom the store refuses is refused without a word to the upstream."""
    desk.forward(1812)
    done, out, _ = desk.attempt("bob", "--client", "pure", typed=PASSWORD)
    assert done == exits.NO
    assert "decision  reject: user-disabled" in out
    assert "unasked" not in out


def test_unasked_upstream_is_in_json(desk: Desk) -> None:
    """A script finds whom a login would ask, and no decision."""
    desk.forward(1812)
    done, out, _ = desk.attempt("carol", "--client", "up", "--json", typed="123456")
    told = json.loads(out)["rounds"]
    assert done == exits.NO
    assert told == [
        {
            "steps": [],
            "decision": None,
            "unasked": {
                "upstream": "rsa",
                "user": "CORP\\carol",
                "servers": ["127.0.0.1:1812", "127.0.0.2:1812"],
            },
        }
    ]


@pytest.mark.parametrize(
    ("code", "expected", "reason"),
    [
        pytest.param(numbers.ACCESS_REJECT, exits.NO, "upstream-refused", id="reject"),
        pytest.param(numbers.ACCESS_ACCEPT, exits.DONE, "passed", id="accept"),
    ],
)
def test_upstream_is_asked_on_demand(desk: Desk, code: int, expected: int, reason: str) -> None:
    """With --ask-upstreams the server's word decides, as in a real login."""
    with Responder(by_code(login=answer(code))) as responder:
        desk.forward(responder.port)
        done, out, _ = desk.attempt("carol", "--client", "up", "--ask-upstreams", typed="123456")
        (asked,) = responder.arrived
        port = responder.port

    assert done == expected
    assert asked.value(numbers.USER_NAME) == b"CORP\\carol"
    assert f": {reason}" in out
    assert f"upstream  rsa 127.0.0.1:{port}: " in out
    assert ("hint" in out) is (code == numbers.ACCESS_REJECT)
    assert "123456" not in out


def test_dialogue_of_an_upstream_is_answered(desk: Desk) -> None:
    """Its challenge is answered from the file, with its own State, and with Enter alone, too."""
    state = codec.attribute(numbers.STATE, b"theirs")
    text = codec.attribute(numbers.REPLY_MESSAGE, b"Wait for token to change, then enter it: ")
    replies = iter([
        answer(numbers.ACCESS_CHALLENGE, text + state),
        answer(numbers.ACCESS_CHALLENGE, text + state),
        answer(numbers.ACCESS_ACCEPT),
    ])  # fmt: skip

    def login(packet: codec.Packet) -> list[bytes]:
        return list(next(replies)(packet))

    with Responder(by_code(login=login)) as responder:
        desk.forward(responder.port)
        done, out, _ = desk.attempt(
            "carol",
            "--client",
            "up",
            "--ask-upstreams",
            "--json",
            typed="123456",
            answers="\n654321\n",
        )
        states = [packet.value(numbers.STATE) for packet in responder.arrived]
        typed = responder.passwords()

    told = json.loads(out)["rounds"]
    assert done == exits.DONE
    assert states == [None, b"theirs", b"theirs"]
    assert typed == [b"123456", b"", b"654321"]
    assert [one["reply"] for one in told] == [
        "Access-Challenge",
        "Access-Challenge",
        "Access-Accept",
    ]
    assert told[0]["upstreams"][0]["answer"] == "challenge"
    assert "theirs" not in out


def test_endless_dialogue_ends(desk: Desk) -> None:
    """Whoever asks for ever keeps nobody for ever."""
    state = codec.attribute(numbers.STATE, b"theirs")
    with Responder(by_code(login=answer(numbers.ACCESS_CHALLENGE, state))) as responder:
        desk.forward(responder.port)
        done, _, _ = desk.attempt(
            "carol", "--client", "up", "--ask-upstreams", typed="1", answers="1\n" * 30
        )
        assert len(responder.arrived) == 20
    assert done == exits.NO


def test_facts_show_who_checks_what(desk: Desk) -> None:
    """Client: who checks the password, which factors count; user: what they have of that."""
    desk.forward(1812)
    desk.assign("alice", "ASmith")
    done, out, _ = desk.attempt("alice", "--client", "both")
    assert done == exits.DONE
    lines = out.splitlines()
    assert lines[:4] == [
        "client    both (192.0.3.3): mode challenge, primary nps",
        "factors   securid (upstream rsa)",
        "instead   totp, while servers are gone",
        "user      alice: enabled",
    ]
    assert "upstreams rsa as ASmith" in lines
    assert "factor    securid, which upstream rsa checks" in lines


@pytest.mark.parametrize(
    ("client", "where"),
    [
        pytest.param("up", "unknown here, may be known to upstream rsa", id="factor"),
        pytest.param("pure", "unknown here, may be known to upstream nps", id="proxy"),
        pytest.param("one", "unknown", id="nowhere"),
    ],
)
def test_facts_of_a_stranger(desk: Desk, client: str, where: str) -> None:
    """Whom the store does not know an upstream may know: it is said which."""
    desk.forward(1812)
    _, out, _ = desk.attempt("carol", "--client", client)
    assert f"user      {where}\n" in out
    _, out, _ = desk.attempt("carol", "--client", client, "--json")
    told = json.loads(out)
    assert told["known"]["user"] == where
    assert told["factors"] == ([] if client == "pure" else ["totp", "securid"])


# -- policies --


@pytest.mark.parametrize(
    ("words", "policy", "reason"),
    [
        pytest.param((), "approved", "outside-network", id="nowhere"),
        pytest.param(("--address", "192.0.2.9"), "approved", "outside-network", id="elsewhere"),
        pytest.param(
            ("--address", "10.1.2.3", "--attribute", "NAS-Port-Type=Virtual"),
            "blocked",
            "policy-denies",
            id="denied",
        ),
    ],
)
def test_policy_that_refuses_is_shown(
    desk: Desk, ca_file: Path, words: tuple[str, ...], policy: str, reason: str
) -> None:
    """Before anything is typed: which policy refuses it, or comes nearest, and what that means."""
    desk.police(ca_file)
    _, out, _ = desk.attempt("alice", "--client", "gate", *words)
    assert re.search(rf"^policy    {policy}.*: {reason}$", out, re.MULTILINE)
    assert f"means     {EXPLANATIONS[reason].meaning}\n" in out
    done, out, _ = desk.attempt("alice", "--client", "gate", *words, typed=PASSWORD + code())
    assert done == exits.NO
    assert f"decision  reject: {reason}" in out


@pytest.mark.parametrize("typed", ["", PASSWORD])
def test_service_of_approvals_is_not_asked(desk: Desk, ca_file: Path, typed: str) -> None:
    """Where a service would be asked for an approval, it ends; it is said how to go on."""
    desk.police(ca_file)
    words = ("alice", "--client", "gate", "--address", "10.1.2.3")
    done, out, _ = desk.attempt(*words, typed=typed)
    assert done == exits.NO
    assert 'unasked   approval change of "alice" would be asked for' in out
    assert "--approved change takes it as given" in out
    assert "decision" not in out
    _, out, _ = desk.attempt(*words, "--json", typed=typed)
    (told,) = json.loads(out)["rounds"]
    assert told["unasked"] == {"approval": "change", "user": "alice"}


def test_approval_is_taken_as_given(desk: Desk, ca_file: Path) -> None:
    """With --approved the policy fits, and the rest is decided as always."""
    desk.police(ca_file)
    words = ("alice", "--client", "gate", "--address", "10.1.2.3", "--approved", "change")
    done, out, _ = desk.attempt(*words, typed=PASSWORD + code())
    assert done == exits.DONE
    assert "policy    approved\n" in out
    assert "decision  accept: passed (totp T-1)" in out


def test_approval_that_no_service_knows_is_refused(desk: Desk, ca_file: Path) -> None:
    """A name that was mistyped is not taken for an approval that is missing."""
    desk.police(ca_file)
    words = ("alice", "--client", "gate", "--address", "10.1.2.3", "--approved", "changes")
    done, out, err = desk.attempt(*words, typed=PASSWORD + code())
    assert (done, out) == (exits.USAGE, "")
    assert "has no approval 'changes' of a service; did you mean change?" in err


@pytest.mark.parametrize("address", ["10.1.2.999", "home", "10.1.2.3:4500", ""])
def test_address_that_is_none_is_refused(desk: Desk, ca_file: Path, address: str) -> None:
    """A mistyped address is wrong usage, not somebody outside of the network."""
    desk.police(ca_file)
    done, out, err = desk.attempt("alice", "--client", "gate", "--address", address)
    assert (done, out) == (exits.USAGE, "")
    assert f"{address!r} is not an IPv4 or IPv6 address" in err


def test_address_from_a_client_that_sends_none_is_refused(desk: Desk) -> None:
    """Nobody looks for an attribute that the entry does not name."""
    file = desk.folder / "radiusmfa.yaml"
    file.write_text(file.read_text().replace("name: nas,", "name: nas, profile: cyberark-pam,"))
    done, out, err = desk.attempt("alice", "--client", "nas", "--address", "10.1.2.3")
    assert (done, out) == (exits.USAGE, "")
    assert "nas sends no address of a person" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("--attribute", "No-Such=1"), "No-Such", id="unknown attribute"),
        pytest.param(("--attribute", "NAS-Port=x"), "NAS-Port", id="no number"),
        pytest.param(("--attribute", "State=x"), "decided by the login itself", id="a State"),
        pytest.param(
            ("--attribute", "Message-Authenticator=x"), "decided by the login", id="a signature"
        ),
        pytest.param(("--attribute", "User-Name=x"), "decided by the login", id="another name"),
        pytest.param(
            ("--attribute", f"Class={250 * 'x'}") * 17, "do not fit into a request", id="too many"
        ),
    ],
)
def test_attribute_that_cannot_be_is_refused(desk: Desk, words: tuple[str, ...], why: str) -> None:
    """What no client could send is wrong usage, and nothing is decided."""
    done, out, err = desk.attempt("alice", "--client", "nas", *words)
    assert (done, out) == (exits.USAGE, "")
    assert why in err


# -- directories --


@pytest.fixture
def directory(desk: Desk, ca: trustme.CA, ca_file: Path) -> Iterator[LdapResponder]:
    """A directory that knows Alice, whose password there is `right`."""
    with LdapResponder(server_context(ca, "127.0.0.1")) as made:
        desk.police(ca_file, made.port)
        yield made


def test_directory_is_searched_and_not_bound(desk: Desk, directory: LdapResponder) -> None:
    """Who somebody is may be asked; a password counts there, and is not sent."""
    done, out, _ = desk.attempt("alice", "--client", "corp", typed="right")
    assert done == exits.NO
    assert f"directory corp: alice ({ALICE})" in out
    assert "policy    staff\n" in out
    assert 'unasked   directory corp would be asked for the password of "alice"' in out
    assert "--ask-upstreams asks it" in out
    assert "decision" not in out
    assert {name for name, _ in directory.binds} == {SERVICE}
    _, out, _ = desk.attempt("alice", "--client", "corp", "--json", typed="right")
    told = json.loads(out)
    assert told["person"]["dn"] == ALICE
    assert told["rounds"][0]["unasked"] == {"directory": "corp", "user": "alice"}


@pytest.mark.parametrize(
    ("typed", "expected", "decision"),
    [
        pytest.param("wrong", exits.NO, "reject: bad-password", id="wrong"),
        pytest.param("right", exits.DONE, "accept: factor-skipped", id="right"),
    ],
)
def test_directory_is_bound_on_demand(
    desk: Desk, directory: LdapResponder, typed: str, expected: int, decision: str
) -> None:
    """With --ask-upstreams the password is sent once, and the directory's word decides."""
    done, out, _ = desk.attempt("alice", "--client", "corp", "--ask-upstreams", typed=typed)
    assert done == expected
    assert f"decision  {decision}" in out
    assert [name for name, _ in directory.binds].count(ALICE) == 1


def test_search_in_vain_is_told(desk: Desk, directory: LdapResponder) -> None:
    """A name that the directory does not know is said to be that, not perhaps known there."""
    directory.rules["searchRequest"] = lambda request: [request.result()]
    done, out, _ = desk.attempt("zoe", "--client", "corp")
    assert done == exits.DONE
    assert "directory corp: nobody has that name\n" in out
    assert "may be known" not in out
    assert {name for name, _ in directory.binds} == {SERVICE}
    _, out, _ = desk.attempt("zoe", "--client", "corp", "--json")
    assert json.loads(out)["unknown_to"] == "corp"


def test_facts_need_no_password_of_the_directory(desk: Desk, directory: LdapResponder) -> None:
    """Without a password the person is shown as the directory has them."""
    done, out, _ = desk.attempt("alice", "--client", "corp")
    assert done == exits.DONE
    assert "groups    none\n" in out
    assert {name for name, _ in directory.binds} == {SERVICE}


def test_directory_that_is_gone_refuses(desk: Desk, ca_file: Path) -> None:
    """A directory that cannot be asked lets nobody in, and says so."""
    desk.police(ca_file)
    done, out, _ = desk.attempt("alice", "--client", "corp", "--ask-upstreams", typed="right")
    assert done == exits.NO
    assert "decision  reject: directory-unreachable" in out
