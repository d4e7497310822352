"""Sends a scenario's calls as a program without a router does: pick a key, send, try again after a pause."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final, cast

import attrs

from actorrouter.adapters import Adapter, build
from actorrouter.config import ProviderConfig, RouterConfig
from actorrouter.router.grants import Grant
from actorrouter.runtime.runtime import Runtime
from actorrouter.simulation.planning.baselines import PICKERS, Picker, Place, is_limit
from actorrouter.simulation.planning.play import figures_told
from actorrouter.simulation.workloads import Arrival
from actorrouter.simulation.world.beginning import make_run, start
from actorrouter.simulation.world.callers import Callers
from actorrouter.simulation.world.direct import DirectExchange
from actorrouter.simulation.world.fast import FastStage
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.stage import Run
from actorrouter.values import Call, Outcome, OutcomeClass, Scope

TRIES: Final = 3
PAUSE_S, PAUSE_MAX_S = 0.5, 8.0
"""Before the second send, doubled before each later one; plus or minus a quarter, so that callers do not march."""

_HOPELESS: Final = frozenset(
    {OutcomeClass.REQUEST_BAD, OutcomeClass.CONTEXT, OutcomeClass.CONTENT, OutcomeClass.MODEL_SCOPE}
)


def baselines(scenario: Scenario, seed: int) -> dict[str, dict[str, float]]:
    """Name -> figures of each simpler picker, on the same seed, calls and providers."""
    return {name: play_naive(scenario, seed, name) for name in PICKERS}


def play_naive(scenario: Scenario, seed: int, name: str) -> dict[str, float]:
    """One picker's run; no router, no laws."""
    stage = FastStage()
    run = stage.run = make_run(scenario, seed, stage)
    picker = PICKERS[name](scenario.router, run.chance(f"picker/{name}"), run.wall)
    start(run, NaiveCallers(run, picker))
    until = run.started + scenario.duration_s + scenario.settle_s
    stage.heap.run(until, lambda: not run.arriving and not run.under_way)
    run.end()
    return figures_told(run)


@attrs.frozen
class _Provider:
    """As `DirectExchange` knows a provider."""

    name: str
    config: ProviderConfig
    adapter: Adapter


@attrs.frozen
class _Key:
    key_id: str
    provider: _Provider


@attrs.frozen
class _Group:
    pools: tuple[()] = ()


@attrs.frozen
class _Seat:
    key: _Key
    group: _Group = _Group()


@attrs.frozen
class _Clock:
    """In a runtime's place: there are no pools that headers could be told to."""

    clock: Callable[[], float]


@attrs.frozen
class _Ticket:
    """In a grant's place: nobody granted anything."""

    seat: _Seat
    upstream_model: str

    def sent(self) -> None:
        """Nobody counts."""


class NaiveCallers(Callers):
    """The same callers with a picker instead of a router."""

    def __init__(self, run: Run, picker: Picker) -> None:
        super().__init__(run)
        config = run.scenario.router
        self._picker = picker
        self._pauses = run.chance("pauses")
        self._places = {route: places_of(config, route) for route in config.routes}
        self._providers = {n: _Provider(n, told, build(n, told)) for n, told in config.providers.items()}

    def _spawn(self, arrival: Arrival, ended: Callable[[], object] = lambda: None) -> None:
        run = self._run
        run.recorder.offered(run.elapsed, arrival)
        run.under_way += 1
        run.stage.spawn(self._serve(arrival, ended))

    async def _serve(self, arrival: Arrival, ended: Callable[[], object]) -> None:
        run, kind = self._run, "lost"
        try:
            for left in range(arrival.retries, -1, -1):
                kind = await self._within(arrival)
                if kind != "refused" or not left:
                    break
                await run.stage.loop.sleep(arrival.retry_pause_s)
        finally:
            run.under_way -= 1
            run.recorder.ended(run.elapsed, arrival, kind)
            ended()

    async def _within(self, arrival: Arrival) -> str:
        loop, now = self._run.stage.loop, self._run.stage.now
        with loop.within(now + arrival.deadline_s if arrival.deadline_s is not None else float("inf")):
            return await self._tries(arrival)
        return "failed"  # type: ignore[unreachable] # the deadline came

    async def _tries(self, arrival: Arrival) -> str:
        run, call, began = self._run, self.call_of(arrival), self._run.stage.now
        patient_until = began + self._wait_s(arrival)
        kind = "refused"
        for sends in range(1, TRIES + 1):
            place = await self._place(arrival, patient_until)
            if place is not None:
                waited_s = run.stage.now - began
                outcome, first_s = await self._send(place, arrival, call)
                if outcome.outcome is OutcomeClass.SUCCEEDED:
                    first_s += waited_s
                    run.recorder.served(arrival, waited_s, first_s, run.stage.now - began, sends)
                    return "served"
                kind = "refused" if is_limit(outcome) else "failed"
                if outcome.outcome in _HOPELESS:
                    break
            if sends < TRIES:
                pause_s = min(PAUSE_MAX_S, PAUSE_S * 2 ** (sends - 1)) * (0.75 + 0.5 * self._pauses.random())
                await run.stage.loop.sleep(pause_s)
        run.recorder.refusals[kind] += 1
        return kind

    def _wait_s(self, arrival: Arrival) -> float:
        return self._run.scenario.router.routes[arrival.model].wait_s if arrival.wait_s is None else arrival.wait_s

    async def _place(self, arrival: Arrival, until: float) -> Place | None:
        """A place, or None if the picker has none in time."""
        stage, places = self._run.stage, self._places[arrival.model]
        while True:
            place = self._picker.pick(arrival.model, places, arrival, stage.now)
            if place is not None:
                return place
            again_at = self._picker.again_at(places, stage.now)
            if again_at > until:
                return None
            await stage.sleep_until(again_at)

    async def _send(self, place: Place, arrival: Arrival, call: Call) -> tuple[Outcome, float]:
        """What came of one send, and seconds to the first content."""
        run, picker = self._run, self._picker
        began, first_s = run.stage.now, -1.0
        exchange = self._exchange(place, call)
        picker.sent(place, arrival, began)
        outcome = Outcome(OutcomeClass.CANCELLED, Scope.NONE)
        try:
            await exchange.start()
            first_s = run.stage.now - began
            while exchange.outcome is None:
                await exchange.more()
            outcome = exchange.outcome
        finally:
            exchange.cut("caller went away")
            picker.ended(place, outcome, run.stage.now)
        return outcome, first_s

    def _exchange(self, place: Place, call: Call) -> DirectExchange:
        run = self._run
        ticket = _Ticket(_Seat(_Key(place.key_id, self._providers[place.provider])), place.model)
        clock = _Clock(lambda: run.stage.now)
        return DirectExchange(cast(Runtime, clock), run, cast(Grant, ticket), call)


def places_of(config: RouterConfig, route: str) -> tuple[Place, ...]:
    """Every key that may serve the route, once for each of its candidates. A picker knows no order of candidates."""
    return tuple(
        Place(key_id, candidate.provider, candidate.model)
        for candidate in config.routes[route].candidates
        for key_id, key in config.keys.items()
        if key.provider == candidate.provider
        and any(fnmatchcase(key_id, pattern) for pattern in candidate.keys)
        and (not key.models or any(fnmatchcase(candidate.model, pattern) for pattern in key.models))
    )
