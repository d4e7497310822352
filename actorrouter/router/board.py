"""Who is ready and who is set aside, without asking: two levels, pools by load, keys inside a pool by load.

What has refused is set aside until it could grant, or until something of it settles. Every step costs the same for 10
keys as for 100,000.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from actorrouter.actors import quota
from actorrouter.router.entries import Candidate, Group, KeyEntry, PoolEntry, Seat
from actorrouter.values import INF, Amounts, Refusal

_STEP_S = 0.125
_IDLE = 0
_STALE_MAX = 64
"""Instants that hold no more which a candidate may keep, beyond one for each thing set aside."""


def release_due(candidate: Candidate, now: float) -> None:
    """What was set aside until now is ready again."""
    aside = candidate.aside
    while aside and aside[0][0] <= now:
        until, _, what = heapq.heappop(aside)
        if what.aside_until == until:
            _ready(what, now)


def _ready(what: Group | Seat, now: float) -> None:
    group = what.group if isinstance(what, Seat) else what
    group.candidate.unblock(what)
    if isinstance(what, Seat):
        group.place(what, what.key.in_flight)
    enlist(group, now)


def enlist(group: Group, now: float) -> None:
    """A group with a ready key, not set aside itself, is ready."""
    if group.score < 0 and group.aside_until == -INF and group.first() is not None:
        group.candidate.ready.put(group, load_score(group.pools, now))


def set_aside(what: Group | Seat, until: float, sized: Refusal | None = None, *, firm: bool = False) -> None:
    """Not ready before `until` (INF: until something settles). `sized`: the refusal, if a smaller amount may fit.
    `firm`: nothing makes it earlier."""
    candidate = _take_out(what)
    known = what.aside_until
    candidate.unblock(what)
    what.aside_until, what.refused = until, sized
    candidate.blocked[what] = firm
    candidate.soft += not firm
    if sized is not None:
        candidate.sized[what] = None
    if until < INF and until != known:
        candidate.serial += 1
        heapq.heappush(candidate.aside, (until, candidate.serial, what))
        if len(candidate.aside) > _STALE_MAX + 2 * len(candidate.blocked):
            _forget_stale(candidate)


def close(seat: Seat) -> None:
    """Not ready before somebody intervenes."""
    candidate = _take_out(seat)
    candidate.unblock(seat)
    seat.aside_until = INF
    candidate.closed[seat] = None


def _take_out(what: Group | Seat) -> Candidate:
    group = what.group if isinstance(what, Seat) else what
    if isinstance(what, Seat):
        group.remove(what)
    if what is group or group.first() is None:
        group.candidate.ready.discard(group)
    return group.candidate


def _forget_stale(candidate: Candidate) -> None:
    live: dict[Group | Seat, tuple[float, int, Group | Seat]] = {}
    for entry in candidate.aside:
        if entry[2].aside_until == entry[0]:
            live[entry[2]] = entry
    candidate.aside = list(live.values())
    heapq.heapify(candidate.aside)


def next_change(candidate: Candidate, counts: Callable[[Group | Seat], bool]) -> float:
    """When something that was set aside is ready again at the earliest; INF: only a settlement can tell.

    `counts`: whether it matters to the asker; costs O(log n) for each that does not."""
    aside = candidate.aside
    passed: list[tuple[float, int, Group | Seat]] = []
    while aside and (aside[0][2].aside_until != aside[0][0] or not counts(aside[0][2])):
        entry = heapq.heappop(aside)
        if entry[2].aside_until == entry[0]:
            passed.append(entry)
    earliest = aside[0][0] if aside else INF
    for entry in passed:
        heapq.heappush(aside, entry)
    return earliest


def load_score(pools: tuple[PoolEntry, ...], now: float) -> int:
    """The pools' load as an instant on a common scale, so that it needs no refresh while it drains."""
    seconds = 0.0
    for pool in pools:
        load_s = quota.load_s(pool.cell.state, now)
        if load_s > seconds:
            seconds = load_s
    return int((now + seconds) / _STEP_S) + 1 if seconds > 0 else _IDLE


def took(seat: Seat, now: float) -> None:
    """A reservation was granted: the key and its pools are more loaded, in every candidate they serve."""
    key = seat.key
    key.in_flight += 1
    for other in key.seats:
        if other.score >= 0:
            other.group.place(other, key.in_flight)
    for pool in seat.group.pools:
        for group in pool.groups:
            if group.score >= 0:
                _rescore(group, now)


def gave_back(seat: Seat, now: float) -> None:
    """A reservation ended: the key is less loaded, and what waited for it is ready again."""
    seat.key.in_flight -= 1
    freed(seat, now)


def freed(seat: Seat, now: float) -> None:
    """Something held for this seat is held no more: what was set aside for want of it is ready again."""
    freshen(seat.key, now)
    for pool in seat.group.pools:
        freshen_pool(pool, now)


def _rescore(group: Group, now: float) -> None:
    score = load_score(group.pools, now)
    if score != group.score:
        group.candidate.ready.put(group, score)


def freshen(key: KeyEntry, now: float) -> None:
    """Something about the key changed: its seats are ready, until asking says otherwise."""
    for seat in key.seats:
        if seat.score >= 0:
            seat.group.place(seat, key.in_flight)
        else:
            _ready(seat, now)


def freshen_pool(pool: PoolEntry, now: float) -> None:
    """Something about the pool changed."""
    for group in pool.groups:
        if group.score >= 0:
            _rescore(group, now)
        elif group.aside_until != -INF:
            _ready(group, now)


def smaller(what: Group | Seat, amounts: Amounts) -> bool:
    """Whether these amounts may fit although others did not."""
    refused = what.refused
    return refused is not None and bool(amounts.get(refused.dimension, 0) < refused.requested)
