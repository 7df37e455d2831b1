"""
A directory: who somebody is, and whether that is their password.

Blocking, and used by several threads at a time. A search is repeated with another server
when one does not answer; a person's password is sent once, whatever comes of it.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.login.errands import Told
from radiusmfa.login.person import Person
from radiusmfa.outcome import Reason
from radiusmfa.primary import bind_reasons, entries, ldap, names
from radiusmfa.primary.breaker import Breaker
from radiusmfa.primary.entries import EntryError
from radiusmfa.primary.ldap import LinkError
from radiusmfa.primary.links import Links
from radiusmfa.primary.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.config.directory_model import Directory as Settings
    from radiusmfa.login.errands import Bind, LookUp
    from radiusmfa.primary.ldap import Answer, Entry, Link, Search

_LEAST_SILENCE: Final = 1.0  # seconds: less of it says nothing of a server
_REPEAT: Final = 60.0  # seconds until the same remark is made again
_MOST_REMARKS: Final = 256
_OTHER_FORMS: Final = frozenset('@\\/=,"')
"""In a typed name these would make another kind of name of `bind_as`."""

_Found: TypeAlias = Person | Reason


class _RefusedError(Exception):
    """The directory answered so that asking another of its servers is of no use."""


class _SentError(LinkError):
    """A password was sent, and no answer came: it is not sent to another server."""


@final
class Directory:
    """
    One directory, on all of its servers.

    Attributes:
        settings: From the configuration.
    """

    def __init__(
        self, settings: Settings, monotonic: Callable[[], float], turns: Turns | None = None
    ) -> None:
        """
        Connect to nobody yet.

        Args:
            settings: From the configuration.
            monotonic: A clock that only grows.
            turns: Of all threads that ask directories; None: of those that ask this one.

        Raises:
            RadiusmfaError: ldap3 is not installed, or `ca_file` cannot be used.
        """
        ldap.library()
        tls = ldap.context(settings)
        self.settings = settings
        self._monotonic = monotonic
        self._turns = turns or Turns()
        self._links = [
            Links(one, tls, monotonic, settings.threads, self._turns) for one in settings.servers
        ]
        self._breaker = Breaker(len(self._links))
        self._lock = threading.Lock()
        self._remarks: list[str] = []
        self._remarked: dict[str, float] = {}

    def find(self, errand: LookUp) -> Told:
        """Tell who *errand* names; somebody locked or disabled is found all the same."""
        started = self._monotonic()
        typed = entries.shortened(self.settings, errand.name)
        if not typed:
            return self._told(Reason.UNKNOWN_USER, "", started)
        look = partial(self._look, search=entries.by_name(self.settings, typed))
        return self._told(*self._ask(look, errand.deadline), started)

    def bind(self, errand: Bind) -> Told:
        """Tell whether *errand* has the right password; without a person, whose it is, too."""
        started = self._monotonic()
        if not _is_text(errand.password):
            return self._told(Reason.BAD_PASSWORD, "", started)
        if errand.person is not None:
            check = partial(self._bind_person, errand=errand, person=errand.person)
            return self._told(*self._ask(check, errand.deadline), started)
        if self.settings.can_search:
            _, server = self._ask(partial(self._bind_nobody, errand=errand), errand.deadline)
            return self._told(Reason.UNKNOWN_USER, server, started)
        typed = entries.shortened(self.settings, errand.name)
        if not typed or (not self.settings.binds_by_dn and _OTHER_FORMS & set(typed)):
            return self._told(Reason.UNKNOWN_USER, "", started)
        check = partial(self._bind_by_name, errand=errand, typed=typed)
        return self._told(*self._ask(check, errand.deadline), started)

    def is_dead(self) -> bool:
        """Say whether none of its servers is known to be alive, and none is due to be tried."""
        return self._breaker.is_dead(self._monotonic())

    def remarks(self) -> list[str]:
        """Return what there is for the log since the last call; nothing secret."""
        with self._lock:
            found, self._remarks = self._remarks, []
        return found

    def close(self) -> None:
        """Close every connection; who waits for one in another thread fails at once."""
        for links in self._links:
            links.close()

    # Each of these asks one server, and has until then for what may be asked of another.

    def _look(self, links: Links, until: float, search: Search) -> _Found:
        kept = links.take()
        if kept is not None:
            try:
                return self._look_with(kept, links, until, search)
            except LinkError as error:
                # Servers hang up on who was idle, or have been started again since.
                links.drop_kept()
                if error.reason is not Reason.DIRECTORY_UNREACHABLE:
                    raise
        link = links.open(self._limit(until))
        return self._look_with(link, links, until, search, is_bound=False)

    def _look_with(
        self, link: Link, links: Links, until: float, search: Search, *, is_bound: bool = True
    ) -> _Found:
        try:
            if not is_bound:
                self._bind_service(link, until)
            found = self._person(link, search, until)
        except BaseException:
            links.drop(link)
            raise
        links.keep(link)
        return found

    def _bind_person(self, links: Links, until: float, errand: Bind, person: Person) -> _Found:
        if not person.dn or person.directory != self.settings.name:
            raise _RefusedError("asked about a person of another directory")
        with self._fresh(links, until) as link:
            return self._verdict(link, person.dn, errand) or person

    def _bind_nobody(self, links: Links, until: float, errand: Bind) -> _Found:
        # Costs what a bind of somebody costs, so that nobody can time who exists. What was
        # typed is nobody's password here: it does not leave us.
        name = f"cn={secrets.token_hex(16)},{self.settings.base}"
        with self._fresh(links, until) as link, _sent_once():
            link.bind(name, secrets.token_hex(8).encode(), self._limit(errand.deadline))
        return Reason.UNKNOWN_USER

    def _bind_by_name(self, links: Links, until: float, errand: Bind, typed: str) -> _Found:
        if self.settings.binds_by_dn:
            name = names.filled(self.settings.bind_as, user=typed)
        else:
            name = self.settings.bind_as.replace("{user}", typed)
        with self._fresh(links, until) as link:
            if reason := self._verdict(link, name, errand):
                return reason
            with _sent_once():
                return self._own_entry(link, name, errand.deadline)

    def _own_entry(self, link: Link, name: str, until: float) -> _Found:
        """Return who is bound on *link*: by the name of the bind, nobody else can be meant."""
        if self.settings.binds_by_dn:
            return self._person(link, entries.by_dn(self.settings, name), until)
        answer = link.who_am_i(self._limit(until))
        if answer.code == ldap.PROTOCOL_ERROR:
            # Samba does not know the question, but tells the security token: the person's
            # own SID is its first.
            token = link.search(entries.OWN_SIDS, self._limit(until))
            _refuse_fault(token, "the search for who is bound")
            return self._person(link, entries.by_token(self.settings, token.entries), until)
        account = answer.value.decode("utf-8", "replace")
        if answer.code != ldap.SUCCESS or not account.startswith("u:") or "\\" not in account:
            raise _RefusedError("it does not say who is bound (Who am I?, RFC 4532)")
        account = account.removeprefix("u:")
        search = entries.by_account(self.settings, account.rpartition("\\")[2])
        return self._person(link, search, until, account)

    def _person(self, link: Link, search: Search, until: float, account: str = "") -> _Found:
        answer = link.search(search, self._limit(until))
        _refuse_fault(answer, "the search for a person")
        if answer.code == ldap.SIZE_LIMIT_EXCEEDED or len(answer.entries) > 1:
            return Reason.AMBIGUOUS_USER
        if not answer.entries:
            return Reason.UNKNOWN_USER
        (entry,) = answer.entries
        if account and not entries.is_account(entry, account):
            raise _RefusedError(f"{account} is of another domain than {entry.dn}")
        return entries.person(self.settings, entry, self._groups(link, entry, until))

    def _groups(self, link: Link, entry: Entry, until: float) -> tuple[Entry, ...]:
        search = entries.of_groups(self.settings, entry)
        if search is None:
            return ()
        answer = link.search(search, self._limit(until))
        _refuse_fault(answer, "the search for groups")
        if answer.code == ldap.SIZE_LIMIT_EXCEEDED:
            # A rule that keeps a group out would not see it.
            raise _RefusedError("the search for groups: more than the server tells at once")
        return answer.entries

    def _verdict(self, link: Link, name: str, errand: Bind) -> Reason | None:
        """Return why the password is not right, None if it is."""
        with _sent_once():
            answer = link.bind(name, errand.password, self._limit(errand.deadline))
        _refuse_busy(answer)
        reason = bind_reasons.reason(self.settings.kind, answer)
        if reason is Reason.DIRECTORY_REFUSED:
            raise _RefusedError(f"it refuses to bind people: {_meaning(answer)}")
        return reason

    def _bind_service(self, link: Link, until: float) -> None:
        password = self.settings.bind_password
        if password is None:
            return
        answer = link.bind(self.settings.bind_dn, password.reveal(), self._limit(until))
        _refuse_busy(answer)
        if reason := bind_reasons.reason(self.settings.kind, answer):
            # As for a server that is gone: trying it again and again would lock the account.
            what = f"it refuses bind_dn: {reason}, {_meaning(answer)}"
            raise _SentError(Reason.DIRECTORY_REFUSED, what)

    @contextlib.contextmanager
    def _fresh(self, links: Links, until: float) -> Iterator[Link]:
        link = links.open(self._limit(until))
        try:
            yield link
        finally:
            links.drop(link)

    def _ask(self, work: Callable[[Links, float], _Found], deadline: float) -> tuple[_Found, str]:
        """Return what *work* finds at the first server that answers, and which that is."""
        reason, last = Reason.DIRECTORY_UNREACHABLE, ""
        chosen = self._breaker.choose(self._monotonic())
        for at, number in enumerate(chosen):
            links, now = self._links[number], self._monotonic()
            if now >= deadline:
                return Reason.DIRECTORY_SILENT, last
            last = links.name
            # Those that come after it have their share of the time.
            until = now + (deadline - now) / (len(chosen) - at)
            try:
                with self._turns.taken():
                    found = work(links, until)
            except LinkError as error:
                reason = error.reason
                self._failed(number, error, now)
                if isinstance(error, _SentError):
                    break
            except (_RefusedError, EntryError) as error:
                self._well(number)
                self._remark(f"{last}: {error}")
                return Reason.DIRECTORY_REFUSED, last
            else:
                self._well(number)
                return found, last
        return reason, last

    def _failed(self, number: int, error: LinkError, began: float) -> None:
        now = self._monotonic()
        if error.reason is Reason.DIRECTORY_SILENT and now - began < _LEAST_SILENCE:
            return
        is_news = self._breaker.failed(number, now)
        self._remark(f"{self._links[number].name}: {error.what}", is_news=is_news)

    def _well(self, number: int) -> None:
        if self._breaker.well(number):
            self._remark(f"{self._links[number].name}: it answers again", is_news=True)

    def _remark(self, text: str, *, is_news: bool = False) -> None:
        now = self._monotonic()
        with self._lock:
            if not is_news and now - self._remarked.get(text, float("-inf")) < _REPEAT:
                return
            if len(self._remarked) >= _MOST_REMARKS:
                self._remarked.clear()
            self._remarked[text] = now
            self._remarks = [*self._remarks[-_MOST_REMARKS:], text]

    def _limit(self, until: float) -> float:
        return min(until, self._monotonic() + self.settings.timeout)

    def _told(self, found: _Found, server: str, started: float) -> Told:
        return Told(
            directory=self.settings.name,
            reason=found if isinstance(found, Reason) else None,
            person=found if isinstance(found, Person) else None,
            server=server,
            seconds=self._monotonic() - started,
        )


@contextlib.contextmanager
def _sent_once() -> Iterator[None]:
    """Inside, a password is sent: without an answer no other server is asked."""
    try:
        yield
    except LinkError as error:
        raise _SentError(error.reason, error.what) from None


def _refuse_busy(answer: Answer) -> None:
    if answer.code in bind_reasons.BUSY:
        raise LinkError(Reason.DIRECTORY_UNREACHABLE, f"it has no time: {_meaning(answer)}")


def _refuse_fault(answer: Answer, what: str) -> None:
    _refuse_busy(answer)
    if answer.code == ldap.REFERRAL:
        raise _RefusedError(f"{what}: another server has it, and referrals are not followed")
    if answer.code not in {ldap.SUCCESS, ldap.SIZE_LIMIT_EXCEEDED}:
        raise _RefusedError(f"{what}: {_meaning(answer)}")


def _meaning(answer: Answer) -> str:
    # Not the message, which is the server's to choose, and may repeat what it was sent.
    return f"result code {answer.code}"


def _is_text(password: bytes) -> bool:
    """Say whether a directory may be sent *password*: empty, a bind would succeed as nobody."""
    try:
        return bool(password.decode("utf-8", "strict"))
    except UnicodeDecodeError:
        return False
