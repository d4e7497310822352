"""What goes wrong in the demo, and when: the providers' troubles as their schedule, our own actors' as a task here.

Instants are shares of the run, so that a short run has them all; lengths are seconds of the trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import anyio
import attrs

from actorrouter import Router
from actorrouter.demo.world import World
from actorrouter.simulation.providers.config import FaultConfig, FaultKind

OUTAGE_S: Final = 300.0
SLOW_S: Final = 300.0
_LONGEST_SHARE: Final = 0.1  # of the run, for outage and slow streams


class Injected(Exception):
    """The fault that the demo puts into an actor."""


@attrs.frozen
class Trouble:
    """One fault at a provider. `share`: of the run, when it begins. `told`: in words, as it begins."""

    provider: str
    kind: FaultKind
    share: float
    told: str
    for_s: float | None = None
    target: str = "*"
    probability: float = 1.0
    retry_after_s: float | None = None
    factor: float = 10.0


@attrs.frozen
class Crash:
    """One fault of our own: the actor dies at this share of the run."""

    actor: str
    share: float


TROUBLES: Final = (
    Trouble("northwind", "throttle", 0.0, "northwind answers 1 in 100 with a spurious 429 and Retry-After: 20 s",
            probability=0.01, retry_after_s=20.0),
    Trouble("meadow", "throttle", 0.0, "meadow answers 1 in 50 with a spurious 429 that says nothing more",
            probability=0.02),
    Trouble("northwind", "revoke", 0.30, "northwind revokes key north-a2", target="north-a2"),
    Trouble("harbour", "outage", 0.50, "harbour is down: it answers 503", OUTAGE_S),
    Trouble("northwind", "slow_stream", 0.70, "northwind writes the answers of north-b 6 times slower", SLOW_S,
            target="north-b", factor=6.0),
)  # fmt: skip
CRASHES: Final = (Crash("key:north-b1", 0.40), Crash("pool:northwind:north-a", 0.60))


def schedule(world: World, span_s: float) -> dict[str, tuple[FaultConfig, ...]]:
    """The providers' part, by provider. `span_s`: seconds of the trace from the first call to the last."""
    return {
        name: tuple(_fault(world, trouble, span_s) for trouble in TROUBLES if trouble.provider == name)
        for name in {trouble.provider for trouble in TROUBLES}
    }


def _fault(world: World, trouble: Trouble, span_s: float) -> FaultConfig:
    lasts_s, wait_s = _length(trouble, span_s), trouble.retry_after_s
    return FaultConfig(
        trouble.kind,
        at_s=world.real_s(trouble.share * span_s),
        for_s=None if lasts_s is None else world.real_s(lasts_s),
        target=trouble.target,
        probability=trouble.probability,
        retry_after_s=None if wait_s is None else world.real_s(wait_s),
        factor=trouble.factor,
    )


def _length(trouble: Trouble, span_s: float) -> float | None:
    return None if trouble.for_s is None else min(trouble.for_s, _LONGEST_SHARE * span_s)


def announcements(span_s: float) -> Iterator[tuple[float, str]]:
    """(trace second, what happens then), for those who watch. In order."""
    told = []
    for trouble in TROUBLES:
        begins, lasts_s = trouble.share * span_s, _length(trouble, span_s)
        told.append((begins, trouble.told))
        if lasts_s is not None:
            told.append((begins + lasts_s, f"{trouble.provider} is as before"))
    yield from sorted(told)


async def crash_on_schedule(router: Router, world: World, span_s: float) -> None:
    """Let each actor of CRASHES die at its instant."""
    started = anyio.current_time()
    for each in sorted(CRASHES, key=lambda it: it.share):
        await anyio.sleep_until(started + world.real_s(each.share * span_s))
        crash(router, each.actor)


def crash(router: Router, actor_id: str) -> None:
    """Let one actor die as if a turn of it had raised: its supervisor starts a new one, rebuilt from its journal."""
    router.runtime.crash(router.runtime.cells[actor_id], Injected("injected by the demo"), Injected)
