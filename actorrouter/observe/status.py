"""The fleet's state as plain data, for people, dashboards and JSON. Reads; never holds a secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actorrouter.actors.budget import BudgetState
from actorrouter.actors.circuit import CircuitState, breaker_at
from actorrouter.actors.key import KeyState
from actorrouter.actors.quota import PoolState
from actorrouter.actors.recovery import Recovery, phase_at
from actorrouter.actors.route import RouteState
from actorrouter.actors.windows import Window
from actorrouter.values import INF


def limit_status(window: Window, now: float) -> dict[str, Any]:
    """One limit: `capacity = free + held + level`."""
    level = window.level(now)
    return {
        "dimension": window.terms.dimension,
        "amount": _number(window.terms.amount),
        "window_s": window.terms.window_s,
        "capacity": _number(window.capacity),
        "held": _number(window.held),
        "level": _number(level),
        "free": _number(window.capacity - window.held - level),
    }


def _number(amount: Any) -> Any:
    """Money as text, so that no cent is lost in JSON."""
    return str(amount) if isinstance(amount, Decimal) else amount


def pool_status(state: PoolState, now: float) -> dict[str, Any]:
    """A quota pool and each of its limits. `surprise`: units used beyond what was reserved, so far."""
    return {
        **_recovery(state.recovery, now),
        "open": len(state.opened) - state.expired,
        "expired": state.expired,
        "surprise": {dimension: _number(amount) for dimension, amount in state.surprise.items()},
        "limits": [limit_status(window, now) for window in state.windows],
    }


def key_status(state: KeyState, now: float) -> dict[str, Any]:
    """A key. `refused_models`: seconds until each is tried again."""
    return {
        **_recovery(state.recovery, now),
        "in_flight": len(state.opened),
        "served": state.served,
        "refused_models": {model: round(until - now, 3) for model, until in state.models.items() if until > now},
    }


def circuit_status(state: CircuitState, now: float) -> dict[str, Any]:
    """A provider's circuit. `retry_in_s`: until the next probe, when open."""
    return {
        "state": str(breaker_at(state, now)),
        "retry_in_s": round(state.until - now, 3) if now < state.until < INF else None,
        "openings_in_a_row": state.opens,
        "in_flight": len(state.opened),
    }


def budget_status(state: BudgetState, now: float) -> dict[str, Any]:
    """A budget in US dollars, as text so that no cent is lost."""
    level = state.window.level(now)
    return {
        "usd": str(state.window.terms.amount),
        "held": str(state.window.held),
        "charged": str(level),
        "free": str(state.window.terms.amount - state.window.held - level),
        "spent_in_all": str(state.spent),
        "surprise": str(state.surprise),
    }


def route_status(state: RouteState) -> dict[str, Any]:
    """A waiting room."""
    return {"waiting": len(state.tickets), "waiting_max": state.waiting_max}


def _recovery(recovery: Recovery, now: float) -> dict[str, Any]:
    return {
        "state": str(phase_at(recovery, now)),
        "reason": recovery.reason,
        "retry_in_s": round(recovery.until - now, 3) if now < recovery.until < INF else None,
    }
