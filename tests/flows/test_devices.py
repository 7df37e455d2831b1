"""Each profile: its device's packets, whole logins in every mode that it can do, its groups."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.config import profiles, read
from radiusmfa.config.model import Mode
from radiusmfa.config.secrets import Sources
from radiusmfa.wire import address, codec, names
from tests.flows.world import (
    ACCEPT,
    CHALLENGE,
    PROMPT,
    REJECT,
    REPLY_MESSAGE,
    SECRET,
    USER_NAME,
    World,
)

if TYPE_CHECKING:
    from radiusmfa.config.model import Client
    from tests.flows.world import Nas, Person

VECTORS: Final = Path(__file__).parents[1] / "vectors" / "devices.json"
HOST: Final = "192.0.2.10"
CHAP_PASSWORD, CHAP_CHALLENGE, TUNNEL_CLIENT_ENDPOINT = 3, 60, 66
_FILE: Final = """\
listen: [{{udp: "127.0.0.1:1812"}}]
store: {{sqlite: it.db}}
keys: {{file: keys}}
clients: [{{name: it, networks: [{host}], secret: {{env: IT}}, profile: {profile}{more}}}]
"""


def _vectors(op: str) -> list[dict[str, Any]]:
    found = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    return [vector for vector in found if vector["op"] == op]


REQUESTS: Final = {vector["id"]: vector for vector in _vectors("request")}


def _client(folder: Path, profile: str, more: str = "") -> Client:
    text = _FILE.format(host=HOST, profile=profile, more=more)
    sources = Sources(folder, {"IT": SECRET.decode()})
    (client,) = read.parse(text.encode(), folder / "f", sources).clients
    return client


def _attributes(listed: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    return [
        (
            one["type"],
            one["value_text"].encode() if "value_text" in one else bytes.fromhex(one["value_hex"]),
        )
        for one in listed
    ]


def _device(world: World, inputs: dict[str, Any]) -> Nas:
    nas = world.nas(HOST)
    nas.is_signing = inputs["signed"]
    return nas


def _waiver(inputs: dict[str, Any]) -> str:
    return "" if inputs["signed"] else ", require_message_authenticator: no"


def _log_in(world: World, mode: Mode, inputs: dict[str, Any], person: Person) -> int:
    """Log in as the device would, and return the last code."""
    nas, name = _device(world, inputs), inputs["user_name_text"]
    first = _attributes(inputs["attributes"])
    if mode is Mode.STEP_UP:
        return nas.decide(name, person.code(world.now), None, *first)
    if mode is not Mode.CHALLENGE:
        return nas.decide(name, person.password + person.code(world.now), None, *first)
    asked = nas.ask(name, person.password, None, *first)
    assert asked is not None
    assert asked.code == CHALLENGE
    assert len(asked.values(REPLY_MESSAGE)) == len(asked.values(PROMPT)) == 1
    then = _attributes(inputs.get("answer_attributes", inputs["attributes"]))
    return nas.decide(name, person.code(world.now), asked.state, *then)


LOGINS: Final = [
    pytest.param(vector["inputs"], mode, id=f"{vector['id']}-{mode}")
    for vector in REQUESTS.values()
    for mode in profiles.shipped(vector["inputs"]["profile"]).modes
]


def test_every_profile_has_a_device() -> None:
    """No profile is without packets of its device."""
    assert {vector["inputs"]["profile"] for vector in REQUESTS.values()} == set(profiles.names())


@pytest.mark.parametrize(("inputs", "mode"), LOGINS)
def test_device_logs_in_with_both_proofs(
    inputs: dict[str, Any], mode: Mode, tmp_path: Path
) -> None:
    """With its own packets, in each mode that it can do, its people get in."""
    client = _client(tmp_path, inputs["profile"], f", mode: {mode}{_waiver(inputs)}")
    with World(tmp_path, client) as world:
        person = world.person(inputs["user_name_text"])

        assert _log_in(world, mode, inputs, person) == ACCEPT
        assert [decision for decision, _ in world.reasons][-1] == "accept"


@pytest.mark.parametrize(("inputs", "mode"), LOGINS)
def test_device_does_not_log_in_with_a_wrong_passcode(
    inputs: dict[str, Any], mode: Mode, tmp_path: Path
) -> None:
    """What its packets hold besides is no proof; a wrong passcode is a Reject."""
    client = _client(tmp_path, inputs["profile"], f", mode: {mode}{_waiver(inputs)}")
    with World(tmp_path, client) as world:
        person = world.person(inputs["user_name_text"])
        world.person("mallory")
        person.seed = b"another token's seed"

        assert _log_in(world, mode, inputs, person) == REJECT


@pytest.mark.parametrize("vector", REQUESTS.values(), ids=list(REQUESTS))
def test_first_mode_is_the_default(vector: dict[str, Any], tmp_path: Path) -> None:
    """An entry that names the profile and nothing else serves the device."""
    inputs = vector["inputs"]
    profile = profiles.shipped(inputs["profile"])
    client = _client(tmp_path, profile.name, _waiver(inputs))
    with World(tmp_path, client) as world:
        person = world.person(inputs["user_name_text"])

        assert _log_in(world, profile.modes[0], inputs, person) == ACCEPT


WITHOUT_CHALLENGES: Final = [
    pytest.param(REQUESTS[name]["inputs"], mode, id=f"{name}-{mode}")
    for name in profiles.names()
    if not profiles.shipped(name).shows_challenges
    for mode in profiles.shipped(name).modes
]


@pytest.mark.parametrize(("inputs", "mode"), WITHOUT_CHALLENGES)
def test_device_that_shows_no_challenge_gets_none(
    inputs: dict[str, Any], mode: Mode, tmp_path: Path
) -> None:
    """Where a challenge would be a failure of the device, the answer is a Reject."""
    client = _client(tmp_path, inputs["profile"], f", mode: {mode}{_waiver(inputs)}")
    with World(tmp_path, client) as world:
        person = world.person(inputs["user_name_text"])
        nas, extra = _device(world, inputs), _attributes(inputs["attributes"])

        assert nas.decide(person.name, person.password, None, *extra) == REJECT


@pytest.mark.parametrize("vector", REQUESTS.values(), ids=list(REQUESTS))
def test_address_is_read_from_the_device(vector: dict[str, Any], tmp_path: Path) -> None:
    """The person's address stands where the profile says, or nowhere."""
    inputs, wanted = vector["inputs"], vector["expected"]["address"]
    client = _client(tmp_path, inputs["profile"], _waiver(inputs))
    with World(tmp_path, client) as world:
        extra = _attributes(inputs["attributes"])
        octets = world.nas(HOST).request(inputs["user_name_text"], b"x", None, *extra)
    packet = codec.decode(octets)

    found = address.Reader(client.address).read(packet)

    assert found == (None if wanted is None else ip_address(wanted))
    # Each attribute of the list that is there says the same by itself.
    alone = {address.Reader([entry]).read(packet) for entry in client.address}
    assert alone - {None} == ({found} - {None})


def test_device_that_names_one_attribute_more_is_read_from_it() -> None:
    """The ASA's pairs and endpoint hold the address without a Calling-Station-Id, too."""
    listed = _attributes(REQUESTS["cisco-asa"]["inputs"]["attributes"])
    entries = profiles.shipped("cisco-asa").address
    for entry, code in ((entries[0], 26), (entries[1], TUNNEL_CLIENT_ENDPOINT)):
        only = [one for one in listed if one[0] == code]
        body = b"".join(codec.attribute(kind, value) for kind, value in only)
        packet = codec.decode(bytes((1, 7)) + (20 + len(body)).to_bytes(2) + bytes(16) + body)
        assert address.Reader(entries).read(packet) == ip_address("203.0.113.9"), entry


@pytest.mark.parametrize("vector", _vectors("probe"), ids=lambda vector: str(vector["id"]))
def test_probe_is_rejected_at_once(vector: dict[str, Any], tmp_path: Path) -> None:
    """A login of nobody, which the device waits for, is a Reject and no silence."""
    inputs = vector["inputs"]
    assert inputs["user_name_text"] in profiles.shipped(inputs["profile"]).probe_users
    with World(tmp_path, _client(tmp_path, inputs["profile"])) as world:
        code = world.nas(HOST).decide(inputs["user_name_text"], b"123456")

        assert code == REJECT
        assert world.reasons == [("reject", "unknown-user")]


@pytest.mark.parametrize("vector", _vectors("attribute"), ids=lambda vector: str(vector["id"]))
def test_attributes_of_devices_are_encoded(vector: dict[str, Any]) -> None:
    """The names of the dictionaries make the octets that the devices know."""
    inputs = vector["inputs"]
    encoded = names.encode(inputs["name"], inputs["value"]).hex()
    assert encoded == vector["expected"]["attribute_hex"]


@pytest.mark.parametrize("vector", _vectors("group"), ids=lambda vector: str(vector["id"]))
def test_groups_reach_the_device(vector: dict[str, Any]) -> None:
    """A group, or several, stand in the attribute and in the form that the profile names."""
    inputs = vector["inputs"]
    group = profiles.shipped(inputs["profile"]).group
    assert group is not None
    texts = [group.join.join(inputs["groups"])] if group.join else inputs["groups"]
    made = [
        names.encode(group.attribute, group.value.replace("{group}", text)).hex() for text in texts
    ]
    assert made == vector["expected"]["attributes_hex"]


def test_every_profile_with_groups_has_a_vector() -> None:
    """No form of a group is without its octets."""
    with_groups = {name for name in profiles.names() if profiles.shipped(name).group is not None}
    assert {vector["inputs"]["profile"] for vector in _vectors("group")} == with_groups


def test_fortigate_that_tries_every_protocol_is_no_guesser(tmp_path: Path) -> None:
    """With `auth-type auto` a Reject is tried again as CHAP: that costs the person nothing."""
    inputs = REQUESTS["fortigate"]["inputs"]
    extra = _attributes(inputs["attributes"])
    chap = (CHAP_PASSWORD, bytes(17)), (CHAP_CHALLENGE, bytes(16))
    client = _client(tmp_path, "fortigate", ", mode: append")
    with World(tmp_path, client) as world:
        person = world.person()
        nas = world.nas(HOST)
        for _ in range(world.lockout.threshold - 1):
            wrong = person.password + person.wrong(world.now)
            assert nas.decide("alice", wrong, None, *extra) == REJECT
            again = nas.packet(1, bytes(range(16)), ((USER_NAME, b"alice"), *chap, *extra))
            reply = nas.send(again)
            assert reply is not None
            assert reply.code == REJECT
            world.clock.advance(30)

        assert _log_in(world, Mode.APPEND, inputs, person) == ACCEPT


def test_remote_desktop_gateway_without_a_password_is_rejected(tmp_path: Path) -> None:
    """A request that proves nothing lets nobody in, whoever has checked the person before."""
    extra = _attributes(REQUESTS["rd-gateway"]["inputs"]["attributes"])
    with World(tmp_path, _client(tmp_path, "rd-gateway")) as world:
        world.person()
        nas = world.nas(HOST)
        reply = nas.send(nas.packet(1, bytes(range(16)), ((USER_NAME, b"alice"), *extra)))

        assert reply is not None
        assert reply.code == REJECT
        assert world.reasons == [("reject", "no-credentials")]
