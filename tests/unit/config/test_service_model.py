"""What services are made of: what is their own, what is safe by default, and nothing shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, get_args

import pytest

from radiusmfa.config import service_model
from radiusmfa.config.service_model import Limits, Proxy, Questions, Service, Settings
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: Final = get_args(Settings)
SECRET: Final = Secret(b"nobody may see this")


def made(kind: type[Any], **others: Any) -> Any:  # noqa: ANN401 - one of them
    """Return settings of a kind, with something in each field that must be there."""
    values: dict[str, Any] = {}
    for one in dataclasses.fields(kind):
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            values[one.name] = SECRET if "Secret" in str(one.type) else "x"
    return kind(**(values | others))


def models() -> Iterator[type[Any]]:
    """Yield every class of settings."""
    for one in vars(service_model).values():
        if dataclasses.is_dataclass(one) and isinstance(one, type):
            yield one


def test_service_fails_closed() -> None:
    """Nobody gets in while a service is gone, unless somebody says so."""
    assert Service(name="it", settings=Questions()).open_until is None


def test_limits_are_there_without_being_asked_for() -> None:
    """A person is called so often, and left alone after a no."""
    usual = Service(name="it", settings=Questions()).limits
    assert usual == Limits()
    assert 0 < usual.per_hour <= usual.per_day <= usual.site_per_hour
    assert usual.cool_down > 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_kind_is_told_a_password(kind: type[Any]) -> None:
    """What begins by itself is begun with a word; everything else waits for a code."""
    assert made(kind).start_with in {StartWith.WORD, StartWith.CODE}


def test_each_kind_has_a_word_of_its_own() -> None:
    """The word that names it in the file."""
    words = [kind.word for kind in KINDS]
    assert len(set(words)) == len(words)
    assert all(word.isascii() and word.islower() for word in words)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_words_can_be_typed(kind: type[Any]) -> None:
    """A word that chooses a factor is of small letters: `sms2` means a second device."""
    words = made(kind).words
    assert all(word.isalpha() and word.isascii() and word.islower() for word in words)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("kind", [*models()], ids=lambda kind: kind.__name__)
def test_settings_show_no_secret(kind: type[Any]) -> None:
    """Whatever is logged or raised by mistake, a secret is none of it."""
    others = {
        one.name: SECRET for one in dataclasses.fields(kind) if "Secret" in str(one.type)
    }  # fmt: skip
    assert SECRET.reveal().decode() not in repr(made(kind, **others))


@pytest.mark.parametrize("kind", [*models()], ids=lambda kind: kind.__name__)
def test_settings_do_not_change(kind: type[Any]) -> None:
    """What was checked stays as it was checked; equal settings are the same on reload."""
    one = made(kind)
    assert one == made(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, dataclasses.fields(kind)[0].name, None)


def test_proxy_has_the_usual_port_and_no_account() -> None:
    """Nobody's name is sent to a proxy that asks for none."""
    proxy = Proxy(host="proxy.example")
    assert (proxy.port, proxy.user, proxy.password) == (3128, "", Secret(b""))
