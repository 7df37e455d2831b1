"""What is made from the configuration: assembled in one place, swapped in whole on reload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

from radiusmfa.clients import Clients
from radiusmfa.duplicates import Retries
from radiusmfa.login.passcode import Desk
from radiusmfa.server.replies import Replies
from radiusmfa.server.run import Steps

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.logins import Logins


@final
class Site:
    """
    A client as it is served: its settings, its replies, its retries.

    Attributes:
        client: Settings.
        replies: Compiled from them.
        retries: None if the client wants none.
    """

    __slots__ = ("client", "replies", "retries")

    def __init__(self, client: Client, replies: Replies) -> None:
        """Start with no retries."""
        self.client = client
        self.replies = replies
        self.retries = Retries(client.retry_window) if client.retry_window else None


class Parts(NamedTuple):
    """
    Everything that comes from the configuration, and is swapped in whole on reload.

    Attributes:
        clients: Who may ask.
        sites: By client name.
        steps: How steps are performed.
    """

    clients: Clients
    sites: dict[str, Site]
    steps: Steps


def assemble(
    configuration: Configuration,
    logins: Logins,
    *,
    pepper: bytes,
    decoy: str,
    watch: Watch | None = None,
) -> Parts:
    """
    Return the parts that *configuration* describes.

    Args:
        configuration: Checked.
        logins: The store.
        pepper: The store's.
        decoy: A password hash of nobody, with the configured parameters.
        watch: Told of every step of every login; only `radiusmfa try` wants that.
    """
    clients = Clients(configuration.clients)
    clients.learned(logins.peers())
    sites = {client.name: Site(client, Replies(client)) for client in configuration.clients}
    desk = Desk(factors=configuration.factors, pepper=pepper)
    return Parts(clients, sites, Steps(logins, desk, configuration.lockout, decoy, watch))
