"""
From datagrams to answers: the eleven steps, top to bottom, a burst at a time.

A burst of datagrams is one turn. What is no business of ours, or was answered
before, is dealt with first and costs microseconds. What is left is decided under the
store's write lock and leaves when the transaction is on disk: one for the whole
burst. A login that waits for a password check or for an upstream takes no room in a
turn; its answer comes in a later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from twisted.logger import Logger

from radiusmfa import request
from radiusmfa.config.model import Mode
from radiusmfa.decision import BROKEN, Accept, Challenge, Decision, Reject, Silence
from radiusmfa.duplicates import Answer, Seen
from radiusmfa.interfaces import StoreBusyError, StoreError
from radiusmfa.login import flow
from radiusmfa.login.username import UserNameError
from radiusmfa.ops.audit import Told
from radiusmfa.outcome import Reason
from radiusmfa.primary.local import Question
from radiusmfa.server import accounting, identity, joins, ruling, teaching
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.received import Received
from radiusmfa.upstream import kept as carried
from radiusmfa.wire import codec, names, numbers
from radiusmfa.wire.codec import Fault, Packet, PacketError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiusmfa.clients import Peer
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.account import User
    from radiusmfa.login.challenges import Challenges, Entry
    from radiusmfa.ops.audit import Lines
    from radiusmfa.ops.counters import Counters
    from radiusmfa.ops.logs import Discards
    from radiusmfa.primary.local import Answer as PasswordAnswer
    from radiusmfa.server.outside import Asked, Heard
    from radiusmfa.server.parts import Parts
    from radiusmfa.server.received import Address, Port
    from radiusmfa.stores.logins import Logins
    from radiusmfa.upstream.kept import Kept

log = Logger()

MOST_WAITING: Final = 4096
"""Requests that wait for the store; beyond it the kernel's buffer holds them."""
_BUSY_INTERVAL: Final = 0.005  # seconds until the lock is tried again
_PATIENCE: Final = 2.0  # seconds that others may write before it is a fault
_DECIDED: Final = {Accept: "accept", Challenge: "challenge", Reject: "reject"}
_CODES: Final = {
    Accept: numbers.ACCESS_ACCEPT,
    Challenge: numbers.ACCESS_CHALLENGE,
    Reject: numbers.ACCESS_REJECT,
}
_MODES: Final = {mode.value: mode for mode in Mode}
_MICROSECONDS: Final = 1_000_000
_NEW: Final = Seen.NEW  # a member is looked for in its class in Python: five times as long
_PASSED: Final = Reason.PASSED


@final
class Pipeline:
    """Everything between a datagram's arrival and its answer."""

    def __init__(  # noqa: PLR0913 - the composition root passes each part once
        self,
        *,
        parts: Parts,
        logins: Logins,
        challenges: Challenges,
        lines: Lines,
        counters: Counters,
        discards: Discards,
        clock: Clock,
        name_login: Callable[[], str],
        passwords: Callable[[Received, Question], bool | PasswordAnswer],
        ask: Callable[[list[tuple[Received, Asked]]], None],
        marker: bytes,
        entropy: Callable[[int], bytes],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        """
        Keep the parts.

        Args:
            parts: What `reload` replaces.
            logins: The store.
            challenges: Those open.
            lines: Makes audit lines.
            counters: Added to.
            discards: Told of each discarded packet.
            clock: Both clocks.
            name_login: Returns the id of a new login.
            passwords: Starts a password check whose answer comes to `checked` (True),
                or gives it at once; False if too many wait already.
            ask: Has upstreams, directories and services asked; what comes of it comes to
                `answered`.
            marker: What the Proxy-States that we send begin with.
            entropy: Returns that many random octets.
            call_later: Runs something after some seconds.
        """
        self.parts = parts
        self.counters = counters
        self._logins = logins
        self._challenges = challenges
        self._lines = lines
        self._discards = discards
        self._clock = clock
        self._name_login = name_login
        self._passwords = passwords
        self._ask_outside = ask
        self._marker = marker
        self._entropy = entropy
        self._call_later = call_later
        self._fresh: list[Received] = []
        self._checked: list[Received] = []
        self._replies: list[tuple[Received, bytes]] = []
        self._inquiries: list[tuple[Received, Asked]] = []
        self._is_retrying = False
        self._is_well = True
        self._busy_since: float | None = None
        self._complained = float("-inf")
        self.pending = 0

    @property
    def is_blocked(self) -> bool:
        """Whether so many requests wait for the store that no more should be read."""
        return len(self._fresh) >= MOST_WAITING

    @property
    def is_idle(self) -> bool:
        """Whether everything that was received is answered."""
        return not (self.pending or self._fresh or self._checked)

    def receive(self, port: Port, burst: list[tuple[bytes, Address, str]]) -> None:
        """Take a *burst* of (datagram, source, its address as text) and answer what can be."""
        now = self._clock.monotonic()
        find = self.parts.clients.find
        for datagram, address, host in burst:
            peer = find(host)
            if peer is None:
                self._discard(Fault.UNKNOWN_CLIENT, host, now)
                continue
            try:
                packet = codec.decode(datagram, port.served)
                peer.verify(packet)
                self._sort(port, address, packet, peer, now)
            except PacketError as error:
                self._discard(error.fault, f"{peer.client.name} ({host})", now)
        if self._fresh:
            self.turn()

    def checked(self, received: Received, answer: PasswordAnswer | None, waited: float) -> None:
        """Take the *answer* of a password check; None if it broke."""
        self.pending -= 1
        received.checked = answer
        received.waited += waited
        self._checked.append(received)
        self.turn()

    def answered(self, batch: Sequence[tuple[Received, Heard]]) -> None:
        """Take what came of asking outside."""
        self.pending -= len(batch)
        for received, response in batch:
            received.checked = response
            self._checked.append(received)
        self.turn()

    def turn(self) -> None:
        """Decide everything that waits, in one transaction, and answer it."""
        if self._is_retrying:
            return
        try:
            self._begin_turn()
            self._decide_all()
            self._logins.commit()
        except StoreBusyError as error:
            self._is_retrying = True
            self._call_later(_BUSY_INTERVAL, self._retry)
            self._wait_patiently(error)
            return
        except StoreError as error:
            self._lose()
            self._complain(error)
            return
        except BaseException:
            self._lose()
            self._logins.roll_back()
            raise
        self._recover()
        self._answer_all()
        if self._logins.damaged:
            self._say_damaged()
        if self._inquiries:
            # Not before: what a round has used up is on disk when anybody hears of it.
            inquiries, self._inquiries = self._inquiries, []
            self._ask_outside(inquiries)

    def tidy(self) -> None:
        """Do what needs no request: end what is over, fold used steps."""
        try:
            self._begin_turn()
            for entry in self._challenges.expired(self._clock.wall()):
                self._logins.drop_challenge(entry.state)
            self._logins.tidy(self._clock.wall())
            if not self._is_well:
                self._logins.touch()
            self._logins.commit()
        except StoreBusyError:
            return  # next time
        except StoreError as error:
            self._complain(error)
        else:
            self._recover()

    def _begin_turn(self) -> None:
        if self._logins.begin():
            self._challenges.load(self._logins.challenges())

    def _sort(self, port: Port, address: Address, packet: Packet, peer: Peer, now: float) -> None:
        if packet.code == numbers.STATUS_SERVER:
            self._answer_status(port, address, packet, peer)
            return
        counters = self.counters
        seen = port.duplicates.claim((address, packet.identifier), packet.octets, now)
        if seen is _NEW:
            site = self.parts.sites[peer.client.name]
            if packet.code == numbers.ACCESS_REQUEST:
                counters.total_access_requests += 1
            else:
                counters.total_accounting_requests += 1
            self._fresh.append(Received(port, address, packet, peer, site, now))
        elif isinstance(seen, bytes):
            counters.total_dup_requests += 1
            port.send(seen, address)
        elif seen is Seen.PENDING:
            counters.total_dup_requests += 1
            site = self.parts.sites[peer.client.name]
            teaching.resent(site, peer, (port, address, packet.identifier), now)
        else:
            counters.total_packets_dropped += 1

    def _answer_status(self, port: Port, address: Address, packet: Packet, peer: Peer) -> None:
        # RFC 5997 section 4.2; never looked up among duplicates, nor counted as a login.
        self.counters.total_status_requests += 1
        if not self._is_well:
            # Nobody can log in here now: the client's other server is better.
            self.counters.total_packets_dropped += 1
            return
        code = (
            numbers.ACCESS_ACCEPT
            if numbers.ACCESS_REQUEST in port.served
            else numbers.ACCOUNTING_RESPONSE
        )
        reply = codec.reply(code, packet, peer.key, signed=peer.client.sign_replies)
        if reply is not None:
            port.send(reply, address)

    def _decide_all(self) -> None:
        fresh, self._fresh = self._fresh, []
        checked, self._checked = self._checked, []
        now, monotonic = self._clock.wall(), self._clock.monotonic()
        try:
            for received in checked:
                self._decide(received, now, monotonic)
            for received in fresh:
                if received.packet.code == numbers.ACCESS_REQUEST:
                    self._decide(received, now, monotonic)
                else:
                    self._account(received, now)
        except BaseException:
            self._replies += [(received, b"") for received in (*checked, *fresh)]
            raise

    def _decide(self, received: Received, now: float, monotonic: float) -> None:
        try:
            if received.attempt is not None:
                decision = self._resume(received, now, monotonic)
            else:
                decision = self._begin(received, now, monotonic)
            if decision is not None:
                self._conclude(received, decision, now)
        except PacketError as error:
            self._discard(error.fault, received.peer.address, monotonic)
            received.port.duplicates.forget(received.key, received.packet.octets)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - the boundary: whatever broke, nobody gets in by it
            log.failure("a login of client {client} broke", client=received.site.client.name)
            self._abandon(received)
            self._conclude(received, BROKEN, now)

    def _begin(self, received: Received, now: float, monotonic: float) -> Decision | None:
        packet, peer, site = received.packet, received.peer, received.site
        if peer.is_changed:
            teaching.signs(peer, self._logins.clients, now)
        may_lack = site.client.without_password
        asked = request.read(packet, peer.key.secret, without_password=may_lack)
        if isinstance(asked, Reason):
            if numbers.MESSAGE_AUTHENTICATOR not in packet and request.has_no_proof(packet):
                raise codec.MalformedPacketError(Fault.NO_CREDENTIALS)
            return Reject(asked)
        if site.has_upstream:
            if request.is_loop(packet, self._marker):
                return Reject(Reason.PROXY_LOOP)
        elif asked.proof:
            return Reject(Reason.UNSUPPORTED_METHOD)
        known = joins.find(received, asked, monotonic)
        if known is not None:
            self._join(received, known)
            return None
        client, entry = site.client, None
        mode = client.mode
        if asked.state is not None:
            entry = self._take_up(received, asked.state, now)
            if entry is None:
                return Reject(Reason.UNKNOWN_STATE)
            mode = _MODES[entry.mode]
        attempt = received.attempt = Attempt(
            client, site.plan, mode, packet, asked, entry, received.deadline()
        )
        step = self._settle if site.is_ruled else self._start
        return step(received, attempt, now, monotonic)

    def _take_up(self, received: Received, state: bytes, now: float) -> Entry | None:
        entry = self._challenges.take(state, received.peer.address, now)
        if entry is None:
            return None
        self._logins.drop_challenge(entry.state)
        received.login = entry.login
        site = received.site
        if not site.is_ruled and entry.policy != site.own.key:
            return None  # a reload has taken the policy away
        return entry

    def _settle(
        self, received: Received, attempt: Attempt, now: float, monotonic: float
    ) -> Decision | None:
        try:
            judge = self.parts.judge if attempt.ruling is None else attempt.ruling.judge
            decision = judge.settle(attempt, received.site, now, monotonic)
        except UserNameError:
            decision = Reject(Reason.BAD_USER_NAME)
        if attempt.rule is not None:
            received.replies = attempt.rule.replies
        found = attempt.ruling
        if decision is not None or found is None or not found.is_settled:
            return decision or self._ask(received, attempt, now, monotonic)
        return self._start(received, attempt, now, monotonic)

    def _start(
        self, received: Received, attempt: Attempt, now: float, monotonic: float
    ) -> Decision | None:
        reason = identity.learn(self._logins, attempt)
        if reason is not None:
            return Reject(reason)
        entry = attempt.entry
        if entry is not None and (attempt.user is None or attempt.user.id != entry.user):
            return Reject(Reason.UNKNOWN_STATE)
        decision = self.parts.steps.start(attempt, now, monotonic)
        return decision or self._ask(received, attempt, now, monotonic)

    def _resume(self, received: Received, now: float, monotonic: float) -> Decision | None:
        attempt = received.attempt
        if attempt is None:
            return BROKEN
        reason = identity.learn(self._logins, attempt)
        if reason is not None:
            self._abandon(received)
            return Reject(reason)
        found, answer = attempt.ruling, received.checked
        if found is not None and not found.is_settled:
            reject = found.judge.told(attempt, answer, now, monotonic)
            return reject or self._settle(received, attempt, now, monotonic)
        decision = self.parts.steps.resume(attempt, answer, now, monotonic)
        return decision or self._ask(received, attempt, now, monotonic)

    def _ask(
        self, received: Received, attempt: Attempt, now: float, monotonic: float
    ) -> Decision | None:
        question = attempt.asked
        if question is None:
            return BROKEN
        if not isinstance(question, Question):
            self._wait_outside(received, question)
            return None
        asked = self._passwords(received, question)
        if asked is True:
            self.pending += 1
            return None
        if asked is False:
            return self.parts.steps.give_up(attempt, now, monotonic) or BROKEN
        received.checked = asked
        return self._resume(received, now, monotonic)

    def _wait_outside(self, received: Received, inquiry: Asked) -> None:
        known = joins.wait(received)
        if known is not None:
            self._abandon(received)
            self._join(received, known)
            return
        if received.site.patience is not None:
            teaching.waits(received)
        self.pending += 1
        self._inquiries.append((received, inquiry))

    def _abandon(self, received: Received) -> None:
        if received.attempt is not None:
            self.parts.asking.forget(received.attempt)  # a bind is under way like an inquiry

    def _join(self, received: Received, known: Answer) -> None:
        self.counters.total_dup_requests += 1
        if not known.code:
            known.waiting.append(received)
            teaching.joined(received, known)
            return
        self._reply(received, known)

    def _conclude(self, received: Received, decision: Decision, now: float) -> None:
        if isinstance(decision, Silence):
            joins.forget(received)
            self.counters.total_packets_dropped += 1
            self._discards.discarded(
                "too many logins wait", received.site.client.name, self._clock.monotonic()
            )
            return
        if not received.login:
            received.login = self._name_login()
        decision, attributes, kept = self._attributes(received, decision, now)
        if isinstance(decision, Silence):
            self._conclude(received, decision, now)
            return
        answer = received.answer or Answer(received.address, received.arrived)
        answer.code, answer.attributes, answer.kept = _CODES[type(decision)], attributes, kept
        reply = self._encode(received, answer)
        if reply is None:
            # Proxy-State fills the packet (RFC 2865 section 5.33). What may be left out
            # is; what somebody promised the client, or a State, may not.
            has_promised = received.replies.has_attributes or kept is not None
            if isinstance(decision, Challenge) or (isinstance(decision, Accept) and has_promised):
                decision, answer.code = Reject(Reason.ATTRIBUTE_FAILED), numbers.ACCESS_REJECT
            answer.attributes, answer.kept = b"", None
            reply = self._encode(received, answer)
        attempt = received.attempt
        if attempt is not None and attempt.client.remember is not None:
            self.parts.steps.decided(attempt, decision, now)
        self._audit(received, decision, now)
        self._put(received, answer, reply)

    def _attributes(
        self, received: Received, decision: Decision, now: float
    ) -> tuple[Decision, bytes, Kept | None]:
        replies, attempt = received.replies, received.attempt
        user = None if attempt is None else attempt.user
        if isinstance(decision, Reject):
            pass
        elif attempt is None or user is None:
            decision = BROKEN  # nobody is let in without a name
        elif isinstance(decision, Accept):
            try:
                fields, limit = None, None
                if replies.is_filled or attempt.ruling is not None:
                    fields, limit = ruling.fields(attempt, user, received.login, now)
                attributes, kept = replies.accept(received.login, fields, attempt.kept, limit)
            except names.AttributeValueError as error:
                decision, attempt.detail = Reject(Reason.ATTRIBUTE_FAILED), str(error)
            else:
                return decision, attributes, kept
        else:
            return self._challenged(received, attempt, user, decision, now)
        told = replies.reject(received.packet, attempt, decision.reason, received.login)
        return decision, told, None

    def _challenged(
        self, received: Received, attempt: Attempt, user: User, decision: Decision, now: float
    ) -> tuple[Decision, bytes, Kept | None]:
        entry, step = attempt.entry, flow.NAMES[flow.resumption(attempt.step, decision.reason)]
        # Only a passcode of ours is wrong that is asked for again.
        is_wrong = entry is not None and entry.step == step and not attempt.is_talking
        wrong = 0 if entry is None else entry.wrong + is_wrong
        asked = attempt.heard if decision.reason is Reason.UPSTREAM_ASKS else None
        entry = self._challenges.issue(
            received.peer.address, user.id, received.login, attempt.mode.value, wrong, now,
            step=step,
            talk=self.parts.asking.talk(attempt),
            policy=(attempt.rule or received.site.own).key,
            limit=None if asked is None else asked.limit,
        )  # fmt: skip
        if entry is None:
            return Silence(Reason.UNAVAILABLE), b"", None
        self._logins.put_challenge(entry)
        lifetime = int(entry.expires - entry.created)
        replies = received.replies
        return decision, replies.challenge(entry.state, decision.reason, attempt, lifetime), None

    def _account(self, received: Received, now: float) -> None:
        reply = accounting.record(received, self._lines, self._logins, now)
        if reply is None:
            self._discard(Fault.MISSING_ATTRIBUTE, received.peer.address, received.arrived)
            received.port.duplicates.forget(received.key, received.packet.octets)
        else:
            self._replies.append((received, reply))

    def _audit(self, received: Received, decision: Decision, now: float) -> None:
        attempt, packet, peer = received.attempt, received.packet, received.peer
        reason: str = decision.reason
        mode, ruled = received.site.client.mode, None
        upstreams: Sequence[str] = ()
        kind = serial = missing = owner = detail = ""
        if attempt is not None:
            mode, kind, serial = attempt.mode, attempt.kind, attempt.serial
            missing, upstreams = attempt.missing, attempt.told or ()
            owner, detail = attempt.owner, attempt.detail
            if attempt.ruling is not None:
                ruled = attempt.ruling.ruled(attempt)
            if decision.reason is _PASSED and attempt.found is not None:
                reason = getattr(attempt.found, "reason", reason)
        self.counters.reasons[reason] += 1
        told = Told(
            received.login,
            _DECIDED[type(decision)],
            reason,
            mode,
            kind,
            serial,
            int((self._clock.monotonic() - received.arrived) * _MICROSECONDS),
            int(received.waited * _MICROSECONDS),
            missing,
            upstreams,
            ruled,
            owner,
            detail,
        )
        user, client = packet.value(numbers.USER_NAME) or b"", received.site.client.name
        self._logins.audit(self._lines.login(now, user, client, peer.address, packet, told))

    def _put(self, received: Received, answer: Answer, reply: bytes | None) -> None:
        self._replies.append((received, reply or b""))
        if answer is not received.answer:
            return  # nobody else can ask for it
        if received.site.waits:
            joins.end(received)
        if received.wait is not None:
            teaching.ended(received, self._logins.clients, self._clock)
        if answer.waiting:
            for other in answer.waiting:
                if isinstance(other, Received):
                    self._reply(other, answer)
            answer.waiting = []

    def _reply(self, received: Received, answer: Answer) -> None:
        self._replies.append((received, self._encode(received, answer) or b""))

    def _encode(self, received: Received, answer: Answer) -> bytes | None:
        packet, key, attributes = received.packet, received.peer.key, answer.attributes
        kept = answer.kept
        if kept is not None and isinstance(kept, carried.Kept):
            # What is hidden is hidden for this very request.
            attributes += carried.seal(kept, key.secret, packet.authenticator, self._entropy)
        # RFC 3579 section 3.2: an answer with EAP-Message is always signed.
        signed = received.site.client.sign_replies or numbers.EAP_MESSAGE in packet
        return codec.reply(answer.code, packet, key, attributes, signed=signed)

    def _answer_all(self) -> None:
        replies, self._replies = self._replies, []
        counters = self.counters
        for received, reply in replies:
            port, packet = received.port, received.packet
            if not reply:
                port.duplicates.forget(received.key, packet.octets)
                counters.total_packets_dropped += 1
                continue
            code = reply[0]
            if code == numbers.ACCESS_ACCEPT:
                counters.total_access_accepts += 1
            elif code == numbers.ACCESS_CHALLENGE:
                counters.total_access_challenges += 1
            elif code == numbers.ACCESS_REJECT:
                counters.total_access_rejects += 1
            else:
                counters.total_accounting_responses += 1
            if port.duplicates.answer(received.key, packet.octets, reply):
                port.send(reply, received.address)

    def _retry(self) -> None:
        self._is_retrying = False
        self.turn()

    def _lose(self) -> None:
        # Nothing was written, so nothing may be answered, now or with a later turn: the
        # clients ask again.
        for received, _ in self._replies:
            self._abandon(received)
            joins.forget(received)
        for received in (*self._fresh, *self._checked):
            self._abandon(received)
            joins.forget(received)
        for received, _ in self._inquiries:
            self.pending -= 1
            self._abandon(received)
            joins.forget(received)
        self._replies, self._fresh, self._checked, self._inquiries = [], [], [], []

    def _wait_patiently(self, error: StoreError) -> None:
        now = self._clock.monotonic()
        if self._busy_since is None:
            self._busy_since = now
        elif now - self._busy_since > _PATIENCE:
            self._complain(error)

    def _recover(self) -> None:
        self._busy_since = None
        if not self._is_well:
            self._is_well = True
            log.info("the store can be written again")

    def _complain(self, error: StoreError) -> None:
        self._is_well = False
        now = self._clock.monotonic()
        if now - self._complained >= 1:
            self._complained = now
            log.critical("no login can be decided: {error}", error=str(error))

    def _discard(self, fault: Fault, source: str, now: float) -> None:
        self.counters.discarded(fault)
        self._discards.discarded(fault.value, source, now)

    def _say_damaged(self) -> None:
        for serial in sorted(self._logins.damaged):
            log.critical("token {serial!r}: its seed does not open; it counts as none",
                         serial=serial)  # fmt: skip
        self._logins.damaged.clear()
