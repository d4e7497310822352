"""The supervisor tree of a router, as DESIGN draws it: budgets, then providers, then routes; stopped in reverse.

router                        one_for_one; gives up -> RouterStopped
  budgets                     one actor a budget
  provider:NAME               one_for_one; gives up -> quarantined, the rest serves on
    circuits · pools · keys   one_for_one, dynamic
  routes                      one waiting room a route
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from actorrouter.config import RestartConfig
from actorrouter.runtime.cell import Cell
from actorrouter.runtime.runtime import Runtime
from actorrouter.supervisor.picture import draw
from actorrouter.supervisor.specs import ActorSpec, Backoff, Intensity, OnGiveUp, SupervisorSpec
from actorrouter.supervisor.tree import Supervisor
from actorrouter.turns import Behaviour

_SHUTDOWN_S = 5.0
_GROUPS = ("circuits", "pools", "keys")


class Tree:
    """Starts every actor under its supervisor."""

    def __init__(
        self, runtime: Runtime, config: RestartConfig, rng: random.Random, on_fatal: Callable[[str], None]
    ) -> None:
        self._runtime = runtime
        self._backoff = Backoff(config.backoff_s, config.backoff_max_s, config.within_s)
        self._ours = Intensity(config.supervisor_max_restarts, config.within_s)
        self._each = Intensity(config.max_restarts, config.within_s)
        self.root = Supervisor(runtime, self._spec("router"), rng=rng, on_fatal=on_fatal)
        self.root.start()
        self._budgets = self._under(self.root, "budgets")
        self._routes: Supervisor | None = None
        self._providers: dict[str, Supervisor] = {}
        self._groups: dict[tuple[str, str], Supervisor] = {}

    def _spec(self, name: str, *children: SupervisorSpec, on_give_up: OnGiveUp = OnGiveUp.ESCALATE) -> SupervisorSpec:
        return SupervisorSpec(
            name,
            children,
            intensity=self._ours,
            child_intensity=self._each,
            backoff=self._backoff,
            on_give_up=on_give_up,
        )

    def _under(self, parent: Supervisor, name: str) -> Supervisor:
        parent.start_child(self._spec(name))
        return parent.supervisor(name)

    def _start(
        self,
        supervisor: Supervisor,
        actor_id: str,
        behaviour: Behaviour,
        initial: Callable[[], Any],
        give_back: Callable[[Any], None] | None = None,
    ) -> Cell:
        supervisor.start_child(ActorSpec(actor_id, behaviour, initial, backoff=self._backoff, on_undelivered=give_back))
        return self._runtime.cells[actor_id]

    def budget(self, actor_id: str, behaviour: Behaviour, initial: Callable[[], Any]) -> Cell:
        """Start a budget."""
        return self._start(self._budgets, actor_id, behaviour, initial)

    def provider(self, name: str) -> None:
        """Make room for a provider's actors. Comes before the routes."""
        groups = tuple(self._spec(f"{group}:{name}") for group in _GROUPS)
        self.root.start_child(self._spec(f"provider:{name}", *groups, on_give_up=OnGiveUp.QUARANTINE))
        ours = self.root.supervisor(f"provider:{name}")
        self._providers[name] = ours
        self._groups |= {(group, name): ours.supervisor(f"{group}:{name}") for group in _GROUPS}

    def member(
        self, group: str, provider: str, actor_id: str, behaviour: Behaviour, initial: Callable[[], Any]
    ) -> Cell:
        """Start a provider's circuit, pool or key."""
        return self._start(self._groups[group, provider], actor_id, behaviour, initial)

    def route(
        self, actor_id: str, behaviour: Behaviour, initial: Callable[[], Any], give_back: Callable[[Any], None]
    ) -> Cell:
        """Start a waiting room. `give_back` undoes a grant whose asker has gone."""
        if self._routes is None:
            self._routes = self._under(self.root, "routes")
        return self._start(self._routes, actor_id, behaviour, initial, give_back)

    def remove(self, group: str, provider: str, actor_id: str) -> None:
        """End a member for good and forget it."""
        supervisor = self._groups[group, provider]
        supervisor.terminate_child(actor_id)
        supervisor.delete_child(actor_id)

    def quarantined(self, provider: str) -> str:
        """Why the provider's subtree gave up; empty while it serves."""
        node = self._providers[provider]
        return node.cause if node.state == "quarantined" else ""

    def revive(self, provider: str) -> None:
        """Start a quarantined provider again, on the state its actors' logs give."""
        if self.quarantined(provider):
            self._providers[provider].revive()

    def restarts(self) -> int:
        """Restarts of actors so far."""
        return sum(cell.incarnation - 1 for cell in self._runtime.cells.values())

    async def shutdown(self) -> None:
        """Stop all actors, the last started first."""
        await self.root.shutdown(self._runtime.clock() + _SHUTDOWN_S)

    def draw(self) -> str:
        """The tree as text, with states, incarnations, mailboxes and last crashes."""
        return draw(self.root.describe())
