"""What goes wrong at an instant or again and again: actors die, time stalls or jumps, the process dies, keys change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

import attrs

from actorrouter import Router, Secret
from actorrouter.messages import Peek
from actorrouter.runtime.cell import Status
from actorrouter.simulation.world.disk import Injected
from actorrouter.simulation.world.sabotage import aimed_at
from actorrouter.simulation.world.scenario import TroubleConfig
from actorrouter.simulation.world.stage import Run
from actorrouter.simulation.world.truth import secret_for

_DRAIN_S: Final = 120.0


class Troubles:
    """Carries out the troubles of one run that have an instant."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._chance = run.chance("troubles")
        self._added = 0

    def start(self) -> None:
        """One task for each."""
        for trouble in self._run.scenario.troubles:
            if trouble.kind in _AT_AN_INSTANT:
                self._run.stage.spawn(self._carry_out(trouble), of_process=False)

    async def _carry_out(self, trouble: TroubleConfig) -> None:
        run = self._run
        for number, at_s in enumerate(instants(trouble, run.scenario.duration_s)):
            await run.stage.sleep_until(run.started + at_s)
            if run.process is None or self._chance.random() >= trouble.probability:
                continue
            run.recorder.mark(run.elapsed, trouble)
            if trouble.kind == "kill":
                await self._kill(trouble)
            else:
                _AT_AN_INSTANT[trouble.kind](self, trouble, run.process.router, number)

    async def _kill(self, trouble: TroubleConfig) -> None:
        run = self._run
        run.sabotage.died(trouble)
        run.stage.kill()
        await run.stage.sleep_until(run.stage.now + trouble.amount)
        await run.stage.open()

    def _crash(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        running = [cell for cell in aimed_at(router, trouble.target) if cell.status is Status.RUNNING]
        if running:
            router.runtime.crash(self._chance.choice(running), Injected("crash"), Peek())

    def _stall(self, trouble: TroubleConfig, _router: Router, _: int) -> None:
        self._run.stage.stall(trouble.amount)

    def _clock_jump(self, trouble: TroubleConfig, _router: Router, _: int) -> None:
        self._run.wall.step_s += trouble.amount

    def _add_key(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        for key_id in self._keys(router, trouble)[:1]:
            self._add_like(router, key_id)

    def _remove_key(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        for key_id in self._keys(router, trouble)[:1]:
            self._remove(router, key_id)

    def _rotate_keys(self, trouble: TroubleConfig, router: Router, number: int) -> None:
        """The keys of the configuration, one after the other: a new one first, then the old one drains."""
        named = [key_id for key_id in sorted(self._run.scenario.router.keys) if fnmatchcase(key_id, trouble.target)]
        if number < len(named) and named[number] in router.fleet.keys:
            self._add_like(router, named[number])
            self._remove(router, named[number])

    def _disable_key(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        for key_id in self._keys(router, trouble):
            router.disable_key(key_id, "rehearsed")

    def _clear_key(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        for key_id in self._keys(router, trouble):
            router.clear_key(key_id)

    def _revive(self, trouble: TroubleConfig, router: Router, _: int) -> None:
        for provider in sorted(router.fleet.providers):
            if fnmatchcase(provider, trouble.target) and router.tree.quarantined(provider):
                router.revive(provider)

    def _keys(self, router: Router, trouble: TroubleConfig) -> list[str]:
        return [key_id for key_id in sorted(router.fleet.keys) if fnmatchcase(key_id, trouble.target)]

    def _add_like(self, router: Router, like: str) -> None:
        """A new credential at the provider and in the router, with the pools and limits of an old one."""
        self._added += 1
        key_id, config = f"{like}+{self._added}", router.fleet.keys[like].config
        secret = secret_for(key_id)
        self._run.upstream.add_key(config.provider, like, key_id, secret)
        router.add_key(key_id, attrs.evolve(config, secret=Secret(secret)))

    def _remove(self, router: Router, key_id: str) -> None:
        async def remove() -> None:
            await router.remove_key(key_id, _DRAIN_S)

        self._run.stage.spawn(remove())


_Act = Callable[[Troubles, TroubleConfig, Router, int], None]
_AT_AN_INSTANT: Final[Mapping[str, _Act]] = {
    "crash": Troubles._crash,
    "stall": Troubles._stall,
    "clock_jump": Troubles._clock_jump,
    "add_key": Troubles._add_key,
    "remove_key": Troubles._remove_key,
    "rotate_keys": Troubles._rotate_keys,
    "disable_key": Troubles._disable_key,
    "clear_key": Troubles._clear_key,
    "revive": Troubles._revive,
    "kill": lambda *_: None,
}


def instants(trouble: TroubleConfig, duration_s: float) -> Iterator[float]:
    """When it happens, in seconds from the start."""
    at, end = trouble.at_s, trouble.ends_s(duration_s)
    yield at
    while trouble.every_s is not None and (at := at + trouble.every_s) < end:
        yield at
