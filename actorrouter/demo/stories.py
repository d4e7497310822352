"""Three calls of the run and why they went where they did, in the router's own words."""

from __future__ import annotations

from collections.abc import Iterator

from actorrouter.demo.run import Run
from actorrouter.demo.traffic import Ending


def three(run: Run) -> Iterator[tuple[str, str]]:
    """(title, explanation): a plain call, the one that waited longest, one that failed over or that many refused."""
    served = [ending for ending in run.traffic.tally.endings if ending.kind == "served"]
    for title, find in (
        ("A plain call", _plain),
        ("One that waited", _waited),
        ("One that was turned away first", _turned),
    ):
        found = find(run, served)
        if found is not None:
            yield title, "\n".join(run.traffic.router.explain(decision) for decision in found.decisions)


def _plain(run: Run, served: list[Ending]) -> Ending | None:
    plain = [ending for ending in served if not ending.waited_s and _steps(run, ending) == 1]
    return plain[len(plain) // 2] if plain else None


def _waited(run: Run, served: list[Ending]) -> Ending | None:  # noqa: ARG001
    return max((ending for ending in served if ending.waited_s), key=lambda ending: ending.waited_s, default=None)


def _turned(run: Run, served: list[Ending]) -> Ending | None:
    """Failed over if one did; else the one that most keys had refused before one granted."""
    moved = [ending for ending in served if len(ending.decisions) > 1]
    return max(moved or served, key=lambda ending: _steps(run, ending), default=None)


def _steps(run: Run, ending: Ending) -> int:
    """How many keys were asked for this call, over all its sends."""
    decisions = [run.traffic.router.decision(decision) for decision in ending.decisions]
    return sum(len(decision.tried) for decision in decisions if decision is not None)
