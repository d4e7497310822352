"""The state each actor of a fleet starts from, and is rebuilt from when its log holds no snapshot. One small object an
actor: a `partial` takes three times the memory, and there may be 200,000."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from actorrouter.actors import budget, key, limits, quota
from actorrouter.actors.calendar import Edges
from actorrouter.actors.mirror import mirrors
from actorrouter.actors.recovery import Recovery
from actorrouter.actors.windows import Fixed, Terms, Window
from actorrouter.config import BudgetConfig, Charge, ColdStart, LimitConfig, RouterConfig
from actorrouter.policies.estimates import InputRatio
from actorrouter.router.entries import ProviderEntry
from actorrouter.values import COST, INPUT_TOKENS, TOKENS

COLD_MAX_S: Final = 3600.0
"""A cold start assumes full use of windows up to an hour; a day's or a month's quota would serve nobody."""


@attrs.define(eq=False, weakref_slot=False)
class NewKey:
    """A key that has served nothing."""

    actor_id: str
    config: RouterConfig

    def __call__(self) -> key.KeyState:
        return key.KeyState(self.actor_id, Recovery(self.config.recovery))


@attrs.define(eq=False, weakref_slot=False)
class NewPool:
    """A pool as it is believed to be at the start of the process: with copies of `windows`, which equal pools share."""

    pool_id: str
    windows: tuple[Window, ...]
    mirror: bool
    config: RouterConfig

    def __call__(self) -> quota.PoolState:
        windows = tuple([window.copy() for window in self.windows])
        recovery = Recovery(self.config.recovery)
        return quota.PoolState(self.pool_id, windows, recovery, mirrors(windows) if self.mirror else ())


def first_windows(
    declared: tuple[LimitConfig, ...], provider: ProviderEntry, config: RouterConfig, started: float
) -> tuple[Window, ...]:
    """The windows of these limits at a provider when the process starts: full or empty."""
    windows = tuple([limits.window(each, _charge(each, provider), config.guard_s) for each in declared])
    for window, each in zip(windows, declared, strict=True):
        usual = config.cold_start if window.terms.window_s <= COLD_MAX_S else ColdStart.EMPTY
        if (each.cold_start or usual) is ColdStart.FULL:
            window.fill(started)
    return windows


def _charge(limit: LimitConfig, provider: ProviderEntry) -> Charge:
    for table in (provider.config.charge, provider.adapter.default_charge):
        charge = table.get(limit.dimension) or table.get("*")
        if charge is not None:
            return charge
    return Charge.HELD if limit.dimension == COST else Charge.UP_FRONT


def new_ratio(provider: ProviderEntry) -> InputRatio:
    """Nothing is learned yet. Who charges input up front and corrects nothing charges an estimate of its own (OpenAI's
    rate-limits page: by characters): what was used in the end is no reason to reserve less."""
    if provider.config.estimate == "bytes":
        return InputRatio(least=1.0, most=1.0)
    return InputRatio(least=1.0) if _keeps_estimates(provider) else InputRatio()


def _keeps_estimates(provider: ProviderEntry) -> bool:
    for table in (provider.config.charge, provider.adapter.default_charge):
        named = [table[each] for each in (TOKENS, INPUT_TOKENS) if each in table]
        if named or "*" in table:
            return Charge.UP_FRONT in (named or [table["*"]])
    return True


def new_budget(budget_id: str, config: BudgetConfig) -> budget.BudgetState:
    """A budget of which nothing is spent."""
    terms = Terms(COST, Decimal(config.usd), 86400.0, guard_s=0.0, up_front=False, settles=True)
    return budget.BudgetState(budget_id, Fixed(terms, Edges(every=config.every, timezone=config.timezone)))
