"""A cap on money for one scope: the worst case is held, the truth is charged. Decimal US dollars."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

import attrs

from actorrouter.actors.windows import Fixed
from actorrouter.events import ClockAligned, Expired, Granted, Renewed, Settled
from actorrouter.messages import ClockRead, Expire, Renew, Reserve, Settle
from actorrouter.turns import CONSENT, Behaviour, Turn
from actorrouter.values import COST, INF, Basis, Refusal, record

LATE_MAX: Final = 10_000
"""Expired reservations remembered for a late settlement; older ones stand as charged."""

_ZERO: Final = Decimal(0)


@record
class BudgetState:
    """`opened`: reservation id -> (held, expires at, charged at expiry or None). `spent`: since the process started.

    `late`: the expired, oldest first; some may have been settled since.
    """

    budget_id: str
    window: Fixed
    opened: dict[int, tuple[Decimal, float, float | None]] = attrs.field(factory=dict)
    spent: Decimal = _ZERO
    surprise: Decimal = _ZERO
    late: deque[int] = attrs.field(factory=deque)
    latest_end: float = -INF
    wall_offset: float | None = None


def reserve(state: BudgetState, message: Reserve, now: float) -> Turn:
    """Say whether the worst case fits what is left."""
    cost = message.amounts.get(COST, _ZERO)
    window = state.window
    if not cost or window.ready_at(cost, now) <= now:
        return CONSENT
    left = max(_ZERO, window.terms.amount - window.held - window.level(now))
    if not window.fits(cost):
        reason = f"{cost} USD can never fit a budget of {window.terms.amount} USD"
        return Turn((Refusal(state.budget_id, reason, dimension=COST, requested=cost, available=left, final=True),))
    ready = window.ready_at(cost, now)
    unknown = ready == INF
    return Turn(
        (
            Refusal(
                state.budget_id,
                "budget is spent or held",
                ready,
                Basis.UNKNOWN if unknown else Basis.EXACT,
                COST,
                cost,
                left,
                latest=max(now, state.latest_end) if unknown else ready,
                final=unknown and not state.opened and window.offset is not None,
                firm=not unknown and not state.opened,
            ),
        )
    )


def settle(state: BudgetState, message: Settle, now: float) -> Turn:
    """Consent if the money is held here, or charged at expiry and not forgotten."""
    return CONSENT if message.reservation_id in state.opened else REPEATED


def expire(state: BudgetState, message: Expire | Renew, now: float) -> Turn:
    """Consent if the lease is running."""
    held = state.opened.get(message.reservation_id)
    return CONSENT if held is not None and held[2] is None else REPEATED


def read_clock(state: BudgetState, message: ClockRead, now: float) -> Turn:
    """Align the calendar."""
    return Turn(events=(ClockAligned(message.monotonic, message.wall, (state.budget_id,)),))


REPEATED = Turn(reply="repeated")


def granted(state: BudgetState, event: Granted) -> None:
    cost = event.amounts.get(COST, _ZERO)
    state.opened[event.reservation_id] = (cost, event.expires_at, None)
    state.window.held += cost
    if event.expires_at > state.latest_end:
        state.latest_end = event.expires_at


def settled(state: BudgetState, event: Settled) -> None:
    held, _, charged_at = state.opened.pop(event.reservation_id)
    actual = event.usage.get(COST, held) if event.charged else _ZERO
    if charged_at is None:
        state.window.held -= held
        state.window.charge(actual, event.at)
    elif actual < held:
        state.window.refund(held - actual, charged_at, event.at)
    else:
        state.window.charge(actual - held, event.at)
    state.spent += actual if charged_at is None else actual - held
    if actual > held:
        state.surprise += actual - held


def expired(state: BudgetState, event: Expired) -> None:
    held, expires_at, _ = state.opened[event.reservation_id]
    state.window.held -= held
    state.window.charge(held, event.at)
    state.spent += held
    state.opened[event.reservation_id] = (held, expires_at, event.at)
    state.late.append(event.reservation_id)
    if len(state.late) > LATE_MAX:
        state.opened.pop(state.late.popleft(), None)


def renewed(state: BudgetState, event: Renewed) -> None:
    held, _, charged_at = state.opened[event.reservation_id]
    state.opened[event.reservation_id] = (held, event.expires_at, charged_at)
    state.latest_end = max(state.latest_end, event.expires_at)


def aligned(state: BudgetState, event: ClockAligned) -> None:
    offset = event.wall - event.at
    jumped = state.wall_offset is not None and abs(offset - state.wall_offset) > 1.0
    state.wall_offset = offset
    state.window.align(event.wall, event.at, jumped=jumped)


def copy(state: BudgetState) -> BudgetState:
    return BudgetState(
        state.budget_id,
        state.window.copy(),
        dict(state.opened),
        state.spent,
        state.surprise,
        deque(state.late),
        state.latest_end,
        state.wall_offset,
    )


def weigh(state: BudgetState) -> int:
    return len(state.opened) + len(state.late)


BEHAVIOUR = Behaviour(
    name="budget",
    decide={Reserve: reserve, Settle: settle, Expire: expire, Renew: expire, ClockRead: read_clock},
    evolve={Granted: granted, Settled: settled, Expired: expired, Renewed: renewed, ClockAligned: aligned},
    copy=copy,
    weigh=weigh,
)
