"""What one policy asks of one client's users, compiled once."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from radiusmfa.config import effective
from radiusmfa.config.policy_model import Order
from radiusmfa.login.plan import Plan
from radiusmfa.login.policy import Test
from radiusmfa.server.replies import Replies

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.policy_model import Policy


@final
class Rule:
    """
    A client's settings as one policy has them.

    Attributes:
        name: Of the policy; empty: the client's own settings, without policies.
        client: The settings.
        plan: Which factors count.
        replies: Their attributes.
        key: What challenges know it by: another one as soon as the policy says anything else.
        test: Its conditions; None: there are none.
        directory: Whose names, groups and attributes count; empty: the store's alone.
    """

    __slots__ = ("client", "directory", "key", "name", "plan", "replies", "test")

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        client: Client,
        plan: Plan,
        replies: Replies,
        *,
        name: str = "",
        test: Test | None = None,
        directory: str = "",
    ) -> None:
        """Keep what was compiled."""
        self.name = name
        self.key = _key(name, client, test)
        self.client = client
        self.plan = plan
        self.replies = replies
        self.test = test
        self.directory = directory


def _key(name: str, client: Client, test: Test | None) -> str:
    if test is not None:
        return f"{name}#{effective.mark(test.policy)}"
    # Where the passcode comes first, what follows it must not be forgotten by a reload.
    return "" if client.order is Order.PASSWORD_FIRST else f"#{client.order.value}"


@final
class Compiler:
    """Makes rules of one configuration."""

    def __init__(
        self, configuration: Configuration, pepper: bytes, entropy: Callable[[int], bytes]
    ) -> None:
        """
        Keep the parts.

        Args:
            configuration: Checked.
            pepper: The store's.
            entropy: Returns that many random octets.
        """
        self._factors = configuration.factors
        self._policies = configuration.policies
        self._directories = {one.name: one for one in configuration.directories}
        self._pepper = pepper
        self._entropy = entropy
        self._strips: Mapping[str, tuple[str, ...]] = {
            upstream.name: upstream.user_name.strip for upstream in configuration.upstreams
        }

    def own(self, client: Client) -> Rule:
        """Return what the client's own settings ask for."""
        return self._rule(client, client, None)

    def rules(self, client: Client) -> tuple[Rule, ...] | None:
        """Return the client's policies in order; None: no policies are configured."""
        if self._policies is None:
            return None
        return tuple(
            self._rule(client, effective.client(client, policy), policy)
            for policy in self._policies
            if effective.names(policy, client)
        )

    def _rule(self, own: Client, settings: Client, policy: Policy | None) -> Rule:
        directory = effective.directory(own, policy, self._directories)
        plan = Plan(
            settings,
            self._factors,
            self._pepper,
            self._strips,
            directory=self._directories.get(settings.primary),
        )
        name = "" if policy is None else policy.name
        return Rule(
            settings,
            plan,
            Replies(settings, self._factors, self._entropy, name),
            name=name,
            test=None if policy is None else Test(policy, directory),
            directory=directory,
        )
