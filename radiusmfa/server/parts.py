"""What is made from the configuration: assembled in one place, swapped in whole on reload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, final

from radiusmfa.clients import Clients
from radiusmfa.duplicates import Answer, Retries
from radiusmfa.login.plan import Plan
from radiusmfa.server.asking import Asking
from radiusmfa.server.guard import Guard
from radiusmfa.server.replies import Replies
from radiusmfa.server.run import Steps
from radiusmfa.upstream.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.upstream_model import Event
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.logins import Logins

_MARGIN: Final = 0.05
"""Of a client's time budget that is left for the way back; at least a tenth of a second."""


@final
class Site:
    """
    A client as it is served: its settings, its replies, its retries.

    Attributes:
        client: Settings.
        plan: What it asks of its users.
        has_upstream: Some upstream may be asked for it.
        replies: Compiled from the settings.
        budget: Seconds from a request until its answer has to leave.
        retries: None if the client wants none.
        waiting: Logins for which an upstream is being asked, by what they ask.
    """

    __slots__ = ("budget", "client", "has_upstream", "plan", "replies", "retries", "waiting")

    def __init__(self, client: Client, plan: Plan, replies: Replies) -> None:
        """Start with no retries."""
        self.client = client
        self.plan = plan
        self.has_upstream = plan.has_upstream
        self.replies = replies
        self.budget = client.time_budget - max(0.1, _MARGIN * client.time_budget)
        self.retries = Retries(client.retry_window) if client.retry_window else None
        self.waiting: dict[int, Answer] = {}

    def inherit(self, before: Site) -> None:
        """Know the logins that were under way with *before*, the same client's until a reload."""
        self.waiting = before.waiting  # shared, as whoever waits there leaves it by this table
        if self.client == before.client:  # else what it was answered may no longer hold
            self.retries = before.retries


class Parts(NamedTuple):
    """
    Everything that comes from the configuration, and is swapped in whole on reload.

    Attributes:
        clients: Who may ask.
        sites: By client name.
        steps: How steps are performed.
        asking: How upstreams are asked.
    """

    clients: Clients
    sites: dict[str, Site]
    steps: Steps
    asking: Asking


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
    clients.learned(logins.peers())
    factors = configuration.factors
    strips = {upstream.name: upstream.user_name.strip for upstream in configuration.upstreams}
    sites = {
        client.name: Site(
            client, Plan(client, factors, pepper, strips), Replies(client, factors, entropy)
        )
        for client in configuration.clients
    }
    guard = Guard(logins, configuration.lockout, pepper)
    lines = {upstream.name: Line(upstream) for upstream in configuration.upstreams}
    asking = Asking(lines, guard, is_dead, note)
    return Parts(clients, sites, Steps(logins, guard, asking, decoy, watch), asking)
