"""An SMS gateway on loopback that takes messages in every form, and says no in every way."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Final, NamedTuple, final
from urllib.parse import parse_qsl

from tests.web_site import Answer, Asked

USER: Final = "radiusmfa"
PASSWORD: Final = "what the gateway knows"
TOKEN: Final = "token-0123456789abcdef"
FAILED: Final = b"ERR 301 not enough credits"


class Message(NamedTuple):
    """A message that was sent."""

    to: str
    text: str


@final
@dataclass(kw_only=True)
class Gateway:
    """
    The gateway.

    Attributes:
        outbox: What was sent, oldest first.
        wants: `basic`, `bearer`, `key` (X-Api-Key), or nothing: who may send.
        is_broke: It says with status 200 that it sends nothing.
    """

    outbox: list[Message] = field(default_factory=list)
    wants: str = ""
    is_broke: bool = False

    def answer(self, asked: Asked) -> Answer:
        """Take a message, if it may be taken."""
        if not self._is_known(asked):
            return Answer(401, b"who are you?", "text/plain")
        if asked.path == "/_fake/outbox":
            found = [one._asdict() for one in self.outbox]
            return Answer(200, json.dumps(found).encode())
        if asked.path != "/send":
            return Answer(404, b"no such page", "text/plain")
        if self.is_broke:
            return Answer(200, FAILED, "text/plain")
        message = _message(asked)
        if message is None or not message.to.lstrip("+").isdigit() or not message.text:
            return Answer(400, b"ERR 100 to or text is missing", "text/plain")
        self.outbox.append(message)
        return Answer(200, b"OK id=%d" % len(self.outbox), "text/plain")

    def _is_known(self, asked: Asked) -> bool:
        said = asked.headers.get("authorization", "")
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return {
            "": True,
            "basic": said == f"Basic {basic}",
            "bearer": said == f"Bearer {TOKEN}",
            "key": asked.headers.get("x-api-key", "") == TOKEN,
        }[self.wants]


def _message(asked: Asked) -> Message | None:
    kind = asked.headers.get("content-type", "").partition(";")[0]
    found: dict[str, str] = asked.query
    if asked.method == "POST" and kind == "application/x-www-form-urlencoded":
        found = dict(parse_qsl(asked.body.decode(), strict_parsing=True))
    elif asked.method == "POST" and kind == "application/json":
        found = json.loads(asked.body)
    elif asked.method == "POST" and kind == "text/plain":
        to, _, text = asked.body.decode().partition(" ")
        found = {"to": to, "text": text}
    if "to" not in found or "text" not in found:
        return None
    return Message(found["to"], found["text"])
