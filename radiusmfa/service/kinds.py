"""Which dialogue belongs to which kind of service, and where its servers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from radiusmfa.config.message_model import Gateway, Smtp, Twilio, Verify
from radiusmfa.config.service_model import Duo, Questions, SecurId, Settings, Yubico
from radiusmfa.service import (
    duo,
    duo_examining,
    gateway,
    question,
    securid,
    smtp,
    twilio,
    verify,
    yubico,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Dialogue, Request, Tools

    Ask: TypeAlias = Callable[[Any, AskService, Tools], Dialogue]
    Examine: TypeAlias = Callable[[Any, Tools], Generator[Request, Any, tuple[str, ...]]]

DIALOGUES: Final[dict[type[Settings], Ask]] = {
    Duo: duo.ask,
    Gateway: gateway.ask,
    Questions: question.ask,
    SecurId: securid.ask,
    Smtp: smtp.ask,
    Twilio: twilio.ask,
    Verify: verify.ask,
    Yubico: yubico.ask,
}
"""By the kind of settings: what asks such a service."""
EXAMINATIONS: Final[dict[type[Settings], Examine]] = {
    Duo: duo_examining.examine,
    Gateway: gateway.examine,
    Questions: question.examine,
    SecurId: securid.examine,
    Smtp: smtp.examine,
    Twilio: twilio.examine,
    Verify: verify.examine,
    Yubico: yubico.examine,
}
"""By the kind of settings: what finds out what is wrong with such a service, a line each."""


def servers(settings: Settings) -> tuple[str, ...]:
    """Return the web servers of a service, as `https://HOST[:PORT]`, in the order of its file."""
    if isinstance(settings, Duo):
        return (f"https://{settings.host}",)
    if isinstance(settings, SecurId | Yubico):
        return tuple(_origin(url) for url in settings.urls)
    if isinstance(settings, Gateway | Twilio | Verify):
        return (_origin(settings.url),)
    return ()


def places(settings: Settings) -> tuple[str, ...]:
    """Return where a service is, for people: its web servers, or its mail server."""
    if isinstance(settings, Smtp):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return (f"smtp://{host}:{settings.port}",)
    return servers(settings)


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
