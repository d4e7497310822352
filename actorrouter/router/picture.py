"""The fleet as plain data, name by name."""

from __future__ import annotations

from typing import Any

from actorrouter.observe import status
from actorrouter.router.entries import KeyEntry, PoolEntry
from actorrouter.router.fleet import Fleet
from actorrouter.router.tree import Tree


def picture(fleet: Fleet, tree: Tree, now: float) -> dict[str, Any]:
    """Each provider, pool, key, budget, estimate and route as it is at this instant."""
    pools = {pool.pool_id: pool for entry in fleet.keys.values() for pool in drawn_on(entry)}
    return {
        "providers": {
            name: {"quarantined": tree.quarantined(name), **status.circuit_status(p.circuit.state, now)}
            for name, p in fleet.providers.items()
        },
        "pools": {pool_id: status.pool_status(pool.cell.state, now) for pool_id, pool in pools.items()},
        "keys": {key_id: status.key_status(entry.cell.state, now) for key_id, entry in fleet.keys.items()},
        "budgets": {name: status.budget_status(cell.state, now) for name, cell in fleet.budgets.items()},
        "estimates": {"/".join(names): ratio.status() for names, ratio in fleet.ratios.items()},
        "routes": {name: status.route_status(route.cell.state) for name, route in fleet.routes.items()},
    }


def drawn_on(entry: KeyEntry) -> tuple[PoolEntry, ...]:
    """All pools of a key, its own one included."""
    return entry.pools if entry.private is None else (*entry.pools, entry.private)
