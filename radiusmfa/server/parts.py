"""What is made from the configuration: assembled in one place, swapped in whole on reload."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, final

from radiusmfa.clients import Clients
from radiusmfa.duplicates import Answer, Retries
from radiusmfa.login import patience
from radiusmfa.login.patience import Addresses
from radiusmfa.server import identity
from radiusmfa.server.asking import Asking
from radiusmfa.server.binding import Binding
from radiusmfa.server.guard import Guard
from radiusmfa.server.rules import Compiler
from radiusmfa.server.ruling import Judge, texts_of
from radiusmfa.server.run import Steps
from radiusmfa.service.line import ServiceLine
from radiusmfa.upstream.line import Line
from radiusmfa.wire.address import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from radiusmfa.config.model import Configuration
    from radiusmfa.config.upstream_model import Event
    from radiusmfa.login.tries import Known
    from radiusmfa.server.rules import Rule
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.logins import Logins
    from radiusmfa.wire.address import Address
    from radiusmfa.wire.codec import Packet


@final
class Site:
    """
    A client as it is served: its settings, its replies, its retries.

    Attributes:
        client: Its own settings.
        plan: What these ask of its users.
        replies: Compiled from them.
        own: All of that as a rule.
        rules: Its policies in order; None: no policies are configured.
        tests: Their conditions.
        is_ruled: Something has to be known before the first step: a policy, a person.
        has_upstream: Some upstream may be asked for it.
        waits: Somebody outside may be asked for it.
        budget: Seconds from a request until its answer has to leave; with `patience` as long
            as nothing was learned.
        patience: How long its addresses wait; None: nobody outside is asked, or it is configured.
        retries: None if the client wants none.
        waiting: Logins for which an upstream is being asked, by what they ask.
    """

    __slots__ = (
        "_address", "_by_key", "_wanted", "budget", "client", "has_upstream", "is_ruled", "own",
        "patience", "plan", "replies", "retries", "rules", "strip", "tests", "waiting", "waits",
    )  # fmt: skip

    def __init__(self, own: Rule, rules: tuple[Rule, ...] | None = None) -> None:
        """
        Start with no retries.

        Args:
            own: The client's own settings.
            rules: What policies make of them; None: there are none.
        """
        client = own.client
        self.client = client
        self.plan = own.plan
        self.replies = own.replies
        self.own = own
        self.rules = rules
        self.tests = tuple(rule.test for rule in rules or () if rule.test is not None)
        wanted = {name for test in self.tests for name, _ in test.policy.when.attributes}
        self._wanted = tuple(sorted(wanted))
        every = (own,) if rules is None else rules
        self._by_key = {rule.key: rule for rule in every}
        self.strip = frozenset(one for rule in every for one in rule.plan.strip)
        self.is_ruled = rules is not None or bool(own.directory)
        self.has_upstream = any(rule.plan.has_upstream for rule in every)
        self.waits = self.has_upstream or self.is_ruled
        self._address = Reader(client.address) if client.trust_address else None
        self.budget = patience.budget(client.time_budget)
        learns = client.learns_patience and self.waits
        self.patience = Addresses(client.time_budget) if learns else None
        self.retries = Retries(client.retry_window) if client.retry_window else None
        self.waiting: dict[int, Answer] = {}

    def told_apart(self, packet: Packet) -> tuple[object, ...]:
        """Return what of *packet* policies look at, besides who it is."""
        if self.rules is None:
            return ()
        found = tuple(tuple(texts_of(packet, name)) for name in self._wanted)
        return self.address(packet), found

    def find(self, key: str) -> Rule | None:
        """Return the rule of that key, None: there is none any more."""
        return self._by_key.get(key)

    def address(self, packet: Packet) -> Address | None:
        """Return where the person is; None: not known, or the client's word does not count."""
        return None if self._address is None else self._address.read(packet)

    def inherit(self, before: Site) -> None:
        """Know the logins that were under way with *before*, the same client's until a reload."""
        self.waiting = before.waiting  # shared, as whoever waits there leaves it by this table
        if self.patience is not None and before.patience is not None:
            self.patience = before.patience
            self.patience.look_again(self.client.time_budget)
        is_same = [one.policy for one in self.tests] == [one.policy for one in before.tests]
        if self.client == before.client and is_same:  # else what it was answered may no longer hold
            self.retries = before.retries


class Parts(NamedTuple):
    """
    Everything that comes from the configuration, and is swapped in whole on reload.

    Attributes:
        clients: Who may ask.
        sites: By client name.
        judge: Which policy decides.
        steps: How steps are performed.
        asking: How upstreams are asked.
        binding: How directories are asked for passwords.
        guard: Of wrong proofs.
    """

    clients: Clients
    sites: dict[str, Site]
    judge: Judge
    steps: Steps
    asking: Asking
    binding: Binding
    guard: Guard


def assemble(  # noqa: PLR0913 - what everything is made of
    configuration: Configuration,
    logins: Logins,
    *,
    pepper: bytes,
    decoy: str,
    is_dead: Callable[[str], bool],
    entropy: Callable[[int], bytes],
    note: Callable[[str, Event], None] | None = None,
    watch: Watch | None = None,
) -> Parts:
    """
    Return the parts that *configuration* describes.

    Args:
        configuration: Checked.
        logins: The store.
        pepper: The store's.
        decoy: A password hash of nobody, with the configured parameters.
        is_dead: Says whether nobody of an upstream can be asked now.
        entropy: Returns that many random octets.
        note: Told what each reply of an upstream means, for the counters.
        watch: Told of every step of every login; only `radiusmfa try` wants that.
    """
    clients = Clients(configuration.clients)
    clients.learned(logins.clients.peers())
    compiler = Compiler(configuration, pepper, entropy)
    sites = {
        client.name: Site(compiler.own(client), compiler.rules(client))
        for client in configuration.clients
    }
    if any(site.patience is not None for site in sites.values()):
        _remember(sites, logins.clients.patience())
    guard = Guard(logins, configuration.lockout, pepper, configuration.directories)
    binding = Binding(guard, partial(identity.find, logins))
    judge = Judge(logins, binding, configuration.directories, configuration.approvals)
    lines: dict[str, Line | ServiceLine] = {
        upstream.name: Line(upstream) for upstream in configuration.upstreams
    }
    lines |= {one.name: ServiceLine(one, pepper) for one in configuration.services}
    asking = Asking(lines, guard, is_dead, note)
    steps = Steps(logins, guard, asking, binding, decoy, watch)
    return Parts(clients, sites, judge, steps, asking, binding, guard)


def _remember(sites: dict[str, Site], rows: Iterable[tuple[str, str, Known]]) -> None:
    for client, address, known in rows:
        site = sites.get(client)
        if site is not None and site.patience is not None:
            site.patience.restore(address, known)
