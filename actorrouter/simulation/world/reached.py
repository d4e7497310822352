"""What one run has seen happen, by name: outcomes, errors, events, states, transitions, crashes, troubles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from actorrouter.simulation.world.rehearse import Ending

ENDINGS: Final = ("served", "refused", "failed", "cancelled", "abandoned", "down")


def reached(ending: Ending) -> Counter[str]:
    """What happened in one run, by name: how often."""
    run, seen = ending.run, Counter[str]()
    recorder = run.recorder
    named = {"outcome": recorder.outcomes, "event": recorder.events, "error": _by_class(recorder.refusals)}
    for what, counts in named.items():
        seen.update({f"{what} {name}": count for name, count in counts.items()})
    seen.update({f"ending {kind}": n for kind in ENDINGS if (n := recorder.counts[kind])})
    seen.update({name: n for name, n in recorder.seen.items() if not name.startswith("trouble ")})
    for actor, states in recorder.states.items():
        seen.update(f"{actor.partition(' ')[0]} is {state}" for _, state in states)
    seen.update(f"trouble {each.kind}" for each in run.scenario.troubles)  # described: whether it struck, crashes tell
    seen.update(f"fault {each.kind}" for described in run.scenario.upstream.values() for each in described.faults)
    return seen


def _by_class(refusals: Mapping[str, int]) -> Counter[str]:
    """Without what was short."""
    kinds = Counter[str]()
    for name, count in refusals.items():
        kinds[name.partition(":")[0]] += count
    return kinds
