"""What a fleet would need to reach its targets: more accounts, or a higher tier; and how much money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_UP, Decimal
from math import ceil
from typing import Final, Protocol

import attrs

from actorrouter.config import RouterConfig
from actorrouter.simulation.planning.fleet import with_accounts, with_budgets, with_tier
from actorrouter.simulation.planning.load import Load
from actorrouter.simulation.planning.play import Played

ACCOUNTS_MAX: Final = 256
TIER_MAX: Final = 64.0
_TIER_PRECISION: Final = 1.03
_MUCH_USD: Final = Decimal(1_000_000_000)


class Rehearsing(Protocol):
    """What a search needs of the planner."""

    router: RouterConfig

    def rehearse(self, router: RouterConfig, load: Load) -> Played:
        """One run."""

    def met_by(self, router: RouterConfig, load: Load, what: str) -> bool:
        """Whether this fleet reaches the targets."""


@attrs.frozen
class Needs:
    """`accounts` more like the one of `key_id`, or the limits of `provider` times `tier`; None: even the most that was
    tried does not do it. Both with budgets that are never spent; `budgets_usd`: the least caps that then do, for the
    time that was rehearsed, of those that are too low."""

    key_id: str
    provider: str
    accounts: int | None
    tier: float | None
    budgets_usd: Mapping[str, Decimal]


def find(planner: Rehearsing, load: Load, refusals: Mapping[tuple[str, str], int], factor: float) -> Needs:
    """Search from about `factor` times the fleet on. `refusals`: whose limits are in the way."""
    key_id = _key_to_copy(planner.router, refusals)
    provider = planner.router.keys[key_id].provider
    free = with_budgets(planner.router, dict.fromkeys(planner.router.budgets, _MUCH_USD))
    if planner.router.budgets and planner.met_by(free, load, "without budgets"):
        return Needs(key_id, provider, 0, 1.0, _budgets(planner, free, load))
    groups = len({(key.provider, key.pools or key_id) for key_id, key in free.keys.items()})
    accounts = _least(
        max(1, ceil((factor - 1) * groups)),
        lambda count: planner.met_by(with_accounts(free, key_id, count), load, f"{count} more accounts"),
    )
    tier = _lowest(
        factor, lambda times: planner.met_by(with_tier(free, provider, times), load, f"limits x {times:.3g}")
    )
    enough = with_accounts(free, key_id, accounts) if accounts is not None else free
    return Needs(key_id, provider, accounts, tier, _budgets(planner, enough, load) if accounts is not None else {})


def _key_to_copy(router: RouterConfig, refusals: Mapping[tuple[str, str], int]) -> str:
    """A key of the pool that refuses most; else the first that serves a route."""
    for (holder, _), _ in sorted(refusals.items(), key=lambda item: (-item[1], item[0])):
        kind, _, rest = holder.partition(":")
        provider, _, name = rest.partition(":")
        for key_id, key in router.keys.items():
            own = name.removesuffix("/own") if name.endswith("/own") else None
            if kind == "pool" and key.provider == provider and (name in key.pools or key_id == own):
                return key_id
    asked = {candidate.provider for route in router.routes.values() for candidate in route.candidates}
    return next(key_id for key_id, key in router.keys.items() if key.provider in asked)


def _least(start: int, enough: Callable[[int], bool]) -> int | None:
    """The least whole number from 1 on that is enough."""
    low, high = 0, min(start, ACCOUNTS_MAX)
    while not enough(high):
        if high == ACCOUNTS_MAX:
            return None
        low, high = high, min(ACCOUNTS_MAX, high * 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _lowest(start: float, enough: Callable[[float], bool]) -> float | None:
    """The lowest factor above 1 that is enough, within 3 %."""
    low, high = 1.0, min(max(start, _TIER_PRECISION), TIER_MAX)
    while not enough(high):
        if high == TIER_MAX:
            return None
        low, high = high, min(TIER_MAX, high * 1.4)
    while high / low > _TIER_PRECISION:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _budgets(planner: Rehearsing, fleet: RouterConfig, load: Load) -> dict[str, Decimal]:
    """The least cap of each budget whose own is too low, in cents; the others are never spent meanwhile."""
    spent = planner.rehearse(fleet, load).spend_usd
    found = {}
    for name, told in planner.router.budgets.items():
        most = Decimal(str(spent.get(name, 0.0)))
        if most <= told.usd:
            continue

        def enough(cents: int, name: str = name) -> bool:
            cap = Decimal(cents) / 100
            return planner.met_by(with_budgets(fleet, {name: cap}), load, f"budget {name} of {cap} USD")

        found[name] = _cap(int(told.usd * 100), int((most * 100).to_integral_value(ROUND_UP)) + 1, enough)
    return found


def _cap(low: int, high: int, enough: Callable[[int], bool]) -> Decimal:
    """The least cap in cents, within 1 %."""
    while not enough(high):
        low, high = high, high * 2
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Decimal(high) / 100
