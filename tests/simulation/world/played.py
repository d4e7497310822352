"""Play a small scenario and keep what a report does not: the router as it was at its end, and what was offered when."""

from __future__ import annotations

from typing import Any

import attrs

from actorrouter import Router
from actorrouter import events as ev
from actorrouter.simulation.world import beginning as room
from actorrouter.simulation.world.recorder import Recorder
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import Scenario
from tests.simulation.world.fleets import fleet


@attrs.define
class Played:
    ending: Ending
    routers: list[Router]
    offered: list[float]
    settled: list[tuple[str, dict[str, float]]]


class _Watching(Recorder):
    routers: list[Router]
    offered_at: list[float]
    settled: list[tuple[str, dict[str, float]]]

    def read(self, event: Any) -> None:
        if isinstance(event, ev.Settled):
            self.settled.append((event.outcome, {name: float(used) for name, used in event.usage.items()}))
        super().read(event)

    def offered(self, elapsed: float, arrival: Any) -> None:
        self.offered_at.append(elapsed)
        super().offered(elapsed, arrival)

    def lived(self, router: Router) -> None:
        self.routers.append(router)
        super().lived(router)


def played(
    monkeypatch: Any,
    more: str = "",
    path: Any = "fast",
    seed: int = 1,
    scenario: Scenario | None = None,
    **changes: str,
) -> Played:
    """The small fleet with these tables and changes, or a scenario."""
    routers, offered, settled = list[Router](), list[float](), list[Any]()

    def watching(*arguments: Any) -> Recorder:
        recorder = _Watching(*arguments)
        recorder.routers, recorder.offered_at, recorder.settled = routers, offered, settled
        return recorder

    with monkeypatch.context() as patch:
        patch.setattr(room, "Recorder", watching)
        given = fleet(more, **{"duration_s": "30", "settle_s": "300", **changes}) if scenario is None else scenario
        ending = rehearse(given, seed, path)
    return Played(ending, routers, offered, settled)


def trouble(kind: str, **about: Any) -> str:
    """One table of trouble."""
    lines = [f"{name} = {value!r}" for name, value in {"kind": kind, **about}.items()]
    return "\n".join(["[[trouble]]", *lines, ""])
