"""What a sweep has seen happen, and what of the known it never has: outcomes, errors, events, states, troubles.

The known are the code's own lists. Keys' and circuits' states are looked at from time to time: a transition between two
looks that passed through a third state counts as one from the first to the last.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from actorrouter import errors, events
from actorrouter.actors import budget, circuit, key, quota, route
from actorrouter.actors.circuit import Breaker
from actorrouter.actors.recovery import PAUSED, Phase
from actorrouter.simulation.providers.config import FaultKind
from actorrouter.simulation.world.reached import ENDINGS
from actorrouter.simulation.world.scenario import TroubleKind
from actorrouter.values import OutcomeClass

_NEVER_SEEN_BY_CALLERS: Final = (errors.RouterError, errors.InvalidConfig, errors.ActorError)
_AVAILABLE, _RECOVERING = Phase.AVAILABLE, Phase.RECOVERING
_WAYS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "key": (
        *((_AVAILABLE, paused) for paused in PAUSED),
        *((paused, _RECOVERING) for paused in PAUSED),
        *((_RECOVERING, paused) for paused in PAUSED),
        (_RECOVERING, _AVAILABLE),
        (_AVAILABLE, Phase.DRAINING),
        (_AVAILABLE, Phase.DISABLED),
        (Phase.DISABLED, _AVAILABLE),
    ),
    "circuit": (
        (Breaker.CLOSED, Breaker.OPEN),
        (Breaker.OPEN, Breaker.HALF_OPEN),
        (Breaker.HALF_OPEN, Breaker.CLOSED),
        (Breaker.HALF_OPEN, Breaker.OPEN),
        (Breaker.CLOSED, "quarantined"),
        ("quarantined", Breaker.CLOSED),
    ),
}


def never(seen: Mapping[str, int]) -> list[str]:
    """What is known and was not reached, in order."""
    return sorted(KNOWN - seen.keys())


def _known() -> Iterator[str]:
    yield from (f"outcome {each.value}" for each in OutcomeClass)
    yield from (f"event {kind.__name__}" for kind in _classes(events))
    yield from (f"error {kind.__name__}" for kind in _classes(errors) if _callers_see(kind))
    yield from (f"ending {kind}" for kind in ENDINGS)
    yield from (f"key is {each.value}" for each in Phase)
    yield from (f"circuit is {each.value}" for each in Breaker)
    yield from (f"{what} {a} -> {b}" for what, ways in _WAYS.items() for a, b in ways)
    for actor in (key, quota, circuit, budget, route):
        tables = actor.BEHAVIOUR
        yield from (f"crash of a {tables.name} in {kind.__name__}" for kind in (*tables.decide, *tables.evolve))
    yield from (f"trouble {kind}" for kind in get_args(TroubleKind))
    yield from (f"fault {kind}" for kind in get_args(FaultKind))


def _classes(module: Any) -> list[type]:
    return [each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__]


def _callers_see(kind: type) -> bool:
    return issubclass(kind, errors.RouterError) and kind not in _NEVER_SEEN_BY_CALLERS


KNOWN: Final = frozenset(_known())
"""Everything that could happen, by name."""
