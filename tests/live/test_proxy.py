"""FreeRADIUS as a proxy between a NAS and us: Proxy-State, and its own signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import OLD_PROXY, PROXY, need
from tests.live.freeradius import Proxy
from tests.live.refusals import Refusal, enter, good, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.nas import Nas
    from tests.live.world import World


@pytest.fixture(scope="module")
def signing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Return a proxy that signs what it sends on."""
    need("freeradius")
    proxy = Proxy(tmp_path_factory.mktemp("signing") / "raddb", world, PROXY, signs=True)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def careless(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Return a proxy that does not sign, at a client entry that allows it."""
    need("freeradius")
    proxy = Proxy(tmp_path_factory.mktemp("careless") / "raddb", world, OLD_PROXY, signs=False)
    yield proxy
    proxy.stop()


@pytest.fixture
def nas(signing: Proxy) -> Iterator[Nas]:
    """Return a NAS behind the signing proxy."""
    with signing.nas() as nas:
        yield nas


def test_login_through_a_proxy_is_accepted(world: World, nas: Nas) -> None:
    """Password, challenge and passcode pass both ways."""
    assert nas.dialogue(*good(world)) == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("why", [pytest.param(why, id=why.value) for why in Refusal])
def test_login_through_a_proxy_is_refused(world: World, nas: Nas, why: Refusal) -> None:
    """What we refuse stays refused behind a proxy."""
    assert nas.dialogue(*refused(world, why, PROXY)) == numbers.ACCESS_REJECT


def test_nas_sees_its_own_proxy_states_only(world: World, nas: Nas) -> None:
    """Two Proxy-State of the NAS come back in order; the proxy's own was returned to it."""
    mine = codec.attribute(numbers.PROXY_STATE, b"one") + codec.attribute(
        numbers.PROXY_STATE, b"\x00two\xff"
    )

    answer = nas.ask(nas.request(world.person().name, "correct mule", mine)).packet

    assert answer.code == numbers.ACCESS_REJECT
    assert answer.values(numbers.PROXY_STATE) == [b"one", b"\x00two\xff"]


def test_unsigned_proxy_is_served_where_the_entry_allows_it(world: World, careless: Proxy) -> None:
    """`require_message_authenticator: no, limit_proxy_state: no` takes an outdated proxy."""
    with careless.nas() as nas:
        assert nas.dialogue(*good(world)) == numbers.ACCESS_ACCEPT


def test_unsigned_proxy_is_refused_a_wrong_code(world: World, careless: Proxy) -> None:
    """The waiver is about signatures, not about proofs."""
    with careless.nas() as nas:
        proof = refused(world, Refusal.WRONG_CODE, OLD_PROXY)
        assert nas.dialogue(*proof) == numbers.ACCESS_REJECT


def test_unsigned_proxy_gets_silence_by_default(world: World, tmp_path: Path) -> None:
    """A proxy that does not sign gets nothing from us, so its NAS gets no Accept."""
    need("freeradius")
    proof = good(world)
    proxy = Proxy(tmp_path / "raddb", world, PROXY, signs=False)
    try:
        with proxy.nas() as nas:
            nas.send(nas.request(proof.user, proof.password))
            # Whatever the proxy makes of our silence, it is no Accept and no Challenge.
            said = nas.receive(1.0)
            assert said is None or said[0] == numbers.ACCESS_REJECT
    finally:
        proxy.stop()
    with world.nas(PROXY) as direct:
        assert enter(direct, PROXY, proof) == numbers.ACCESS_ACCEPT
