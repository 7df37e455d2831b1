"""
A proxy's file carried over, and run: the same people log in as they did before.

What is read is an `authproxy.cfg` as its administrator has it, with addresses of this
machine; nothing that was written is touched. `tests.duo` is Duo, FreeRADIUS the primary.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY, Fault, Kind, Outcome, User
from tests.duo_server import Running
from tests.live.clients import need
from tests.live.nas import Nas
from tests.live.token_server import UPSTREAM_SECRET, TokenServer
from tests.live.token_users import PASSWORD
from tests.live.upstreams import answer, ends
from tests.live.world import SECRET, World, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

    from tests.live.nas import Reply

ACCEPT: Final = numbers.ACCESS_ACCEPT
REJECT: Final = numbers.ACCESS_REJECT
CHALLENGE: Final = numbers.ACCESS_CHALLENGE
CODE: Final = "123456"
_FILE: Final = """\
[main]
interface=127.0.0.1
http_ca_certs_file=ca.pem

[radius_client]
host=127.0.0.1
port={primary}
secret={upstream_secret}

[duo_only_client]

[radius_server_auto]
ikey={ikey}
skey={skey}
api_host=127.0.0.1
api_port={duo}
radius_ip_1=127.0.12.1
radius_secret_1={secret}
client=radius_client
failmode=safe
port={auto}
exempt_username_1=plain.9

[radius_server_challenge]
ikey={ikey}
skey={skey}
api_host=127.0.0.1
api_port={duo}
radius_ip_1=127.0.12.2-127.0.12.3
radius_secret_1={secret}
client=radius_client
failmode=secure
port={challenge}

[radius_server_concat]
ikey={ikey}
skey={skey}
api_host=127.0.0.1
api_port={duo}
radius_ip_1=127.0.12.4
radius_secret_1={secret}
client=radius_client
failmode=secure
port={auto}

[radius_server_duo_only]
ikey={ikey}
skey={skey}
api_host=127.0.0.1
api_port={duo}
radius_ip_1=127.0.12.5
radius_secret_1={secret}
client=duo_only_client
failmode=secure
port={auto}
"""
_SOURCES: Final = {
    "auto": "127.0.12.1",
    "challenge": "127.0.12.3",
    "concat": "127.0.12.4",
    "duo_only": "127.0.12.5",
}


@final
class Site:
    """
    What was carried over, running.

    Attributes:
        world: The server.
        duo: Duo.
    """

    def __init__(self, folder: Path, duo: Running, ca_file: Path, primary: TokenServer) -> None:
        """Carry over, check, start."""
        self.duo = duo
        self.world = World(folder)
        self._ports = dict(zip(("auto", "challenge"), free_ports(2), strict=True))
        self._number = 0
        (folder / "ca.pem").write_bytes(ca_file.read_bytes())
        (folder / "authproxy.cfg").write_text(
            _FILE.format(
                primary=primary.port,
                upstream_secret=UPSTREAM_SECRET.decode(),
                ikey=IKEY,
                skey=SKEY,
                duo=duo.host.rpartition(":")[2],
                secret=SECRET.decode(),
                **self._ports,
            )
        )
        made = folder / "made"
        self.told: dict[str, Any] = json.loads(
            self.world.run(
                "import-authproxy", str(folder / "authproxy.cfg"), "--into", str(made), "--json"
            ).stdout
        )
        self.world.folder, self.world.config = made, made / "radiusmfa.yaml"
        self.world.port = self._ports["auto"]
        self.world.run("check")
        self.world.start(source=_SOURCES["auto"])

    def person(self, does: Outcome = Outcome.TIMEOUT) -> User:
        """Return somebody whom the primary knows, enrolled at Duo."""
        self._number += 1
        return self.duo.simulator.add(
            f"plain.{self._number + 100}", does=does, after=0.2, codes={CODE}
        )

    def enter(self, server: str, name: str, *typed: str) -> Reply:
        """Let somebody type one word a round; return the last reply."""
        port = self._ports.get(server, self._ports["auto"])
        with Nas(port, SECRET, _SOURCES[server]) as nas:
            reply = nas.ask(nas.request(name, typed[0]), 30.0)
            for word in typed[1:]:
                assert reply.code == CHALLENGE, word
                reply = nas.ask(answer(nas, name, word, reply.state), 30.0)
            return reply

    def rings(self, user: User) -> list[str]:
        """Return what rang at somebody's."""
        return [one.factor for one in self.duo.simulator.rings if one.user == user.name]


@pytest.fixture(scope="module")
def site(ca: trustme.CA, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return what was carried over; at its end nothing was broken, and no secret told."""
    need("freeradius")
    folder = tmp_path_factory.mktemp("carried")
    with Running(ca) as duo, TokenServer(folder / "primary", "generic") as primary:
        made = Site(folder, duo, ca_file, primary)
        yield made
        assert made.world.stop() == 0
        assert made.world.faults() == []
        said = made.world.log() + made.world.run("audit", "export").stdout
        for secret in (SKEY, CODE, PASSWORD, SECRET.decode()):
            assert secret not in said


@pytest.mark.parametrize(
    ("server", "typed"),
    [
        ("auto", ["wrong"]),
        ("auto", [f"wrong,{CODE}"]),
        ("auto", [f"{PASSWORD},654321"]),
        ("challenge", ["wrong"]),
        ("challenge", [PASSWORD, "654321"]),
        ("concat", [PASSWORD]),
        ("concat", [f"wrong,{CODE}"]),
        ("concat", [f"{PASSWORD},654321"]),
        ("duo_only", ["654321"]),
        ("duo_only", [PASSWORD]),
    ],
)
def test_wrong_proof_is_refused(site: Site, server: str, typed: list[str]) -> None:
    """Password and second factor: one of them is not enough in any mode."""
    user = site.person()
    assert site.enter(server, user.name, *typed).code == REJECT
    assert site.rings(user) == []


@pytest.mark.parametrize("server", ["auto", "challenge", "concat", "duo_only"])
def test_person_who_says_no_is_refused(site: Site, server: str) -> None:
    """A push that is denied, in every mode."""
    user = site.person(Outcome.DENY)
    typed = {
        "auto": [PASSWORD],
        "challenge": [PASSWORD, "1"],
        "concat": [f"{PASSWORD},push"],
        "duo_only": ["push"],
    }
    assert site.enter(server, user.name, *typed[server]).code == REJECT
    assert ends(site.world, user.name)[-1] == ("reject", "person-refused")
    assert site.rings(user) == ["push"]


@pytest.mark.parametrize(
    ("server", "typed"),
    [
        ("auto", [PASSWORD]),
        ("auto", [f"{PASSWORD},push"]),
        ("challenge", [PASSWORD, "push"]),
        ("challenge", [PASSWORD, "1"]),
        ("concat", [f"{PASSWORD},push"]),
        ("duo_only", ["push"]),
    ],
)
def test_person_who_approves_is_in(site: Site, server: str, typed: list[str]) -> None:
    """What people have always typed goes on working; the phone rings once."""
    user = site.person(Outcome.APPROVE)
    assert site.enter(server, user.name, *typed).code == ACCEPT
    assert site.rings(user) == ["push"]


@pytest.mark.parametrize(
    ("server", "typed"),
    [
        ("auto", [f"{PASSWORD},{CODE}"]),
        ("challenge", [PASSWORD, CODE]),
        ("concat", [f"{PASSWORD},{CODE}"]),
        ("duo_only", [CODE]),
    ],
)
def test_passcode_is_taken(site: Site, server: str, typed: list[str]) -> None:
    """A passcode in the place where it always stood."""
    user = site.person()
    assert site.enter(server, user.name, *typed).code == ACCEPT
    assert site.rings(user) == []


def test_exempt_person_is_in_with_the_password_alone(site: Site) -> None:
    """At the clients of that section, and nowhere else."""
    assert site.enter("auto", "plain.9", PASSWORD).code == ACCEPT
    assert ends(site.world, "plain.9")[-1] == ("accept", "factor-skipped")
    assert site.enter("auto", "plain.9", "wrong").code == REJECT
    assert site.enter("challenge", "plain.9", PASSWORD).code != ACCEPT


def test_nobody_gets_in_while_duo_is_gone(site: Site) -> None:
    """`failmode=safe` was told, and is not carried over."""
    user = site.person(Outcome.APPROVE)
    told = [one for one in site.told["remarks"] if one["setting"] == "failmode"]
    assert [one["section"] for one in told] == ["radius_server_auto"]
    gone = Fault(kind=Kind.STATUS, path="/preauth", times=3)
    site.duo.simulator.faults.append(gone)
    try:
        assert site.enter("auto", user.name, PASSWORD).code == REJECT
    finally:
        site.duo.simulator.faults.clear()
    assert site.rings(user) == []


def test_doctor_finds_all_of_it_well(site: Site) -> None:
    """Primary, Duo, its clock, the factor: each is looked at, and nobody's phone rings."""
    before = len(site.duo.simulator.rings)
    told = json.loads(site.world.run("doctor", "--json", expect=None).stdout)
    by_subject = {one["subject"]: one for one in told["findings"] if one["level"] == "ok"}
    assert by_subject["service duo"]["text"].startswith("is as it should be; its clock is ours")
    assert by_subject[f"service duo {site.duo.host}"]["text"].count("its certificate is right")
    assert "factor duo" in by_subject
    assert [one for one in told["findings"] if one["level"] == "fault"] == []
    assert len(site.duo.simulator.rings) == before


@pytest.mark.parametrize(
    ("skew", "skey", "what"), [(0.0, "x" * 40, "key"), (400.0, SKEY, "clock")], ids=["key", "clock"]
)
def test_doctor_says_what_is_wrong_with_duo(site: Site, skew: float, skey: str, what: str) -> None:
    """A key that Duo does not take, a clock that is off: in words, without the key."""
    file = site.world.folder / "secrets" / "duo"
    site.duo.simulator.skew = skew
    try:
        file.write_text(skey)
        done = site.world.run("doctor", "--service", "duo", "--json", expect=1)
    finally:
        file.write_text(SKEY)
        site.duo.simulator.skew = 0.0
    told = json.loads(done.stdout)["findings"]
    faults = [one for one in told if one["level"] == "fault"]
    assert [one["cause"] for one in faults] == ["service-fault"]
    assert what in faults[0]["text"]
    assert skey not in done.stdout
