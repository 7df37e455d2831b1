"""One ServiceNow instance: who we are to it, when it wants no more of us, and what it says."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, final

from twisted.internet.defer import DeferredLock

from radiusmfa.approval import answers, servicenow
from radiusmfa.approval.answers import MalformedError
from radiusmfa.approval.servicenow import Case
from radiusmfa.server.https import Https, UnaskedError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from radiusmfa.approval.servicenow import Query
    from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import Approval
    from radiusmfa.secret import Secret
    from radiusmfa.server.https import Reply

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_USUAL_PAUSE: Final = 10  # seconds, where it does not say how long
_LONGEST_PAUSE: Final = 60
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_MEANINGS: Final = {
    301: "leads elsewhere; is the address right?",
    302: "leads elsewhere; is the address right?",
    400: "does not know the table or a field",
    _UNAUTHORIZED: "does not take our account; look at its name and password",
    403: "does not let our account read the table",
    404: "has no such table, or hides it from our account",
}
"""What a status says, for the log."""


@final
class Instance:
    """
    A ServiceNow instance, asked for one approval.

    Attributes:
        source: From the configuration.
    """

    def __init__(
        self, reactor: IReactorTime, clock: Clock, source: ApprovalSource, settings: ServiceNow
    ) -> None:
        """
        Ask nothing yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
            source: Which approval.
            settings: Its `servicenow`.

        Raises:
            ConfigError: `ca_file` cannot be used.
        """
        self.source = source
        self._settings = settings
        self._clock = clock
        self._https = Https(reactor, settings.url, settings.ca_file)
        self._lock = DeferredLock()
        self._token: Secret | None = None
        self._token_ends = 0.0
        self._resumes = 0.0

    async def ask(self, user: str) -> Approval:
        """
        Return whether *user* has an approval in force.

        Raises:
            UnaskedError: The instance could not be asked.
        """
        case = Case(
            approval=self.source.name,
            longest=self.source.longest,
            settings=self._settings,
            user=user,
            now=self._clock.wall(),
        )
        asking = servicenow.ask(case)
        try:
            query = next(asking)
            while True:
                query = asking.send(await self._answer(query))
        except StopIteration as ended:
            found: Approval = ended.value
            return found

    async def examine(self) -> tuple[str, ...]:
        """Return what is wrong with instance, account or fields, a line each; none: all is well."""
        found = []
        for query in servicenow.examination(self._settings):
            try:
                found.append(servicenow.trouble(query, await self._answer(query)))
            except UnaskedError as error:
                found.append(f"{query.table}: {error}")
        return tuple(text for text in found if text)

    def close(self) -> None:
        """Close connections that are kept open."""
        self._https.close()

    async def _answer(self, query: Query) -> bytes:
        if self._clock.monotonic() < self._resumes:
            raise UnaskedError("has asked us to wait (429)")
        reply = await self._get(query)
        if reply.status == _UNAUTHORIZED and self._settings.client_id:
            # A token may be revoked before its time.
            self._token = None
            reply = await self._get(query)
        return self._good(reply)

    async def _get(self, query: Query) -> Reply:
        return await self._https.get(
            f"/api/now/table/{query.table}",
            list(query.parameters),
            {"Authorization": await self._authorization()},
        )

    def _good(self, reply: Reply) -> bytes:
        if reply.status == _TOO_MANY:
            said = reply.retry_after
            pause = int(said) if _SECONDS.fullmatch(said) else _USUAL_PAUSE
            self._resumes = self._clock.monotonic() + min(pause, _LONGEST_PAUSE)
            raise UnaskedError("asks us to wait (429)")
        if reply.status != _OK:
            meaning = _MEANINGS.get(reply.status, "has a fault, or sleeps")
            raise UnaskedError(f"{meaning} ({reply.status})")
        return reply.octets

    async def _authorization(self) -> str:
        if self._settings.client_id:
            return "Bearer " + (await self._fresh_token()).reveal().decode()
        octets = self._settings.user.encode() + b":" + self._settings.password.reveal()
        return "Basic " + base64.b64encode(octets).decode()

    async def _fresh_token(self) -> Secret:
        # One at a time: whoever comes meanwhile takes what was fetched.
        await self._lock.acquire()
        try:
            if self._token is None or self._clock.monotonic() >= self._token_ends:
                self._token = await self._fetch_token()
            return self._token
        finally:
            self._lock.release()

    async def _fetch_token(self) -> Secret:
        form: list[tuple[str, str | bytes]] = [
            ("grant_type", "client_credentials"),
            ("client_id", self._settings.client_id),
            ("client_secret", self._settings.password.reveal()),
        ]
        octets = self._good(await self._https.post("/oauth_token.do", form))
        try:
            token, seconds = answers.token(octets)
        except MalformedError:
            raise UnaskedError("answers without a token") from None
        self._token_ends = self._clock.monotonic() + seconds
        return token
