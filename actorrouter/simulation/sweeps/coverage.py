"""What a sweep has seen happen, and what of the known it never has: outcomes, errors, events, states, troubles.

The known are the code's own lists. Keys' and circuits' states are looked at from time to time: a transition between two
looks that passed through a third state counts as one from the first to the last.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from actorrouter import errors, events
from actorrouter.actors import budget, circuit, key, quota, route
from actorrouter.actors.circuit import Breaker
from actorrouter.actors.recovery import PAUSED, Phase
from actorrouter.simulation.providers.config import FaultKind
from actorrouter.simulation.world.rehearse import Ending
from actorrouter.simulation.world.scenario import TroubleKind
from actorrouter.values import OutcomeClass

_ENDINGS: Final = ("served", "refused", "failed", "cancelled", "abandoned", "down")
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


def reached(ending: Ending) -> Counter[str]:
    """What happened in one run, by name: how often."""
    run, seen = ending.run, Counter[str]()
    recorder = run.recorder
    named = {"outcome": recorder.outcomes, "event": recorder.events, "error": _by_class(recorder.refusals)}
    for what, counts in named.items():
        seen.update({f"{what} {name}": count for name, count in counts.items()})
    seen.update({f"ending {kind}": n for kind in _ENDINGS if (n := recorder.counts[kind])})
    seen.update({name: n for name, n in recorder.seen.items() if not name.startswith("trouble ")})
    for actor, states in recorder.states.items():
        seen.update(f"{actor.partition(' ')[0]} is {state}" for _, state in states)
    seen.update(f"trouble {each.kind}" for each in run.scenario.troubles)  # described: whether it struck, crashes tell
    seen.update(f"fault {each.kind}" for described in run.scenario.upstream.values() for each in described.faults)
    return seen


def never(seen: Mapping[str, int]) -> list[str]:
    """What is known and was not reached, in order."""
    return sorted(KNOWN - seen.keys())


def _by_class(refusals: Mapping[str, int]) -> Counter[str]:
    """Without what was short."""
    kinds = Counter[str]()
    for name, count in refusals.items():
        kinds[name.partition(":")[0]] += count
    return kinds


def _known() -> Iterator[str]:
    yield from (f"outcome {each.value}" for each in OutcomeClass)
    yield from (f"event {kind.__name__}" for kind in _classes(events))
    yield from (f"error {kind.__name__}" for kind in _classes(errors) if _callers_see(kind))
    yield from (f"ending {kind}" for kind in _ENDINGS)
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
