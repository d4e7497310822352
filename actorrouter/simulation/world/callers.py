"""Who calls: each arrival becomes one call, which ends in exactly one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actorrouter import Call, NoCapacity, RouterError, RouterStopped
from actorrouter.router.journey import Journey
from actorrouter.simulation.workloads import Arrival, ClosedClient, arrivals, closed_clients
from actorrouter.simulation.world.scenario import TroubleConfig
from actorrouter.simulation.world.stage import Process, Run
from actorrouter.values import INF

_TEXT: Final = "All happy families are alike; each unhappy family is unhappy in its own way. " * 6_900
_ATTEMPTS: Final = 6
_BREATH_S: Final = 0.01
"""Least time between two calls of one client: one that is refused at once must not call for ever at one instant."""
_ENDINGS: Final = ((RouterStopped, "stopped"), (NoCapacity, "refused"))


class Callers:
    """Sends a scenario's workloads through whatever router is alive."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._chance = run.chance("callers")
        kinds = ("cancel", "abandon", "slow_consumer")
        self._troubles = {kind: [t for t in run.scenario.troubles if t.kind == kind] for kind in kinds}

    def start(self) -> None:
        """One task for all open workloads, one for each client of a closed one."""
        scenario, run = self._run.scenario, self._run
        run.stage.spawn(self._open(), of_process=False)
        run.arriving = 1
        for client in closed_clients(scenario.workloads, run.seed, scenario.duration_s):
            run.arriving += 1
            run.stage.spawn(self._closed(client), of_process=False)

    async def _open(self) -> None:
        run = self._run
        scenario = run.scenario
        for arrival in arrivals(scenario.workloads, run.seed, scenario.duration_s, scenario.directory):
            await run.stage.sleep_until(run.started + arrival.at_s)
            self._spawn(arrival)
        run.arriving -= 1

    async def _closed(self, client: ClosedClient) -> None:
        run = self._run
        arrival = client.first()
        while arrival is not None:
            await run.stage.sleep_until(run.started + arrival.at_s)
            began, ended = run.elapsed, run.stage.loop.event()
            self._spawn(arrival, ended.set)
            await ended.wait()
            arrival = client.after(max(run.elapsed, began + _BREATH_S))
        run.arriving -= 1

    def _spawn(self, arrival: Arrival, ended: Callable[[], object] = lambda: None) -> None:
        run = self._run
        run.recorder.offered(run.elapsed, arrival)
        if run.process is None:
            run.recorder.ended(run.elapsed, arrival, "down")
            ended()
            return
        run.under_way += 1
        run.stage.spawn(self._call(run.process, arrival, ended))

    # ------------------------------------------------------------------------------------------------------- one call

    async def _call(self, process: Process, arrival: Arrival, ended: Callable[[], object]) -> None:
        run, kind = self._run, "lost"
        try:
            for left in range(arrival.retries, -1, -1):
                kind = await self._once(process, arrival)
                if kind != "refused" or not left:
                    break
                await run.stage.loop.sleep(arrival.retry_pause_s)
        finally:
            run.under_way -= 1
            run.recorder.ended(run.elapsed, arrival, kind if process.alive else "down")
            ended()

    async def _once(self, process: Process, arrival: Arrival) -> str:
        loop, call, kind = self._run.stage.loop, self.call_of(arrival), ""
        leaves = self._struck("cancel")
        with loop.within(self._run.stage.now + leaves.amount * self._chance.random() if leaves else INF):
            try:
                kind = await self._sent(process, arrival, call)
            except RouterError as error:
                kind = self._failed(process, error, call)
        if process.alive:
            process.laws.check()
        return kind or "cancelled"

    async def _sent(self, process: Process, arrival: Arrival, call: Call) -> str:
        run, router = self._run, process.router
        began, first = run.stage.now, -1.0
        pause = self._struck("slow_consumer")
        journey = router.stream(call)
        if call.stream and self._struck("abandon"):
            return await self._abandon(journey)
        async with journey as reply:
            async for _ in reply:
                first = run.stage.now - began if first < 0 else first
                if pause is not None:
                    await run.stage.loop.sleep(pause.amount)
        process.laws.answered(reply, call)
        decision = router.decision(reply.decision_id)
        waited_s = decision.waited_s if decision is not None else 0.0
        run.recorder.served(arrival, waited_s, first, run.stage.now - began, len(reply.attempts))
        return "served"

    async def _abandon(self, journey: Journey) -> str:
        """Read a piece of a stream and forget it: nobody closes it but the collector."""
        reply = await journey.__aenter__()
        async for _ in reply:
            break
        return "abandoned"

    def _failed(self, process: Process, error: RouterError, call: Call) -> str:
        if not process.alive:
            return "down"
        process.laws.failed(error, call, lambda: self._would_grant(process, call))
        self._run.recorder.refused(error)
        return next((kind for known, kind in _ENDINGS if isinstance(error, known)), "failed")

    def _would_grant(self, process: Process, call: Call) -> str | None:
        waiting = process.router.fleet.routes[call.model].cell.state.tickets
        return None if waiting else process.router.quote(call).key_id

    def _struck(self, kind: str) -> TroubleConfig | None:
        for trouble in self._troubles[kind]:
            if trouble.on(self._run.elapsed) and self._chance.random() < trouble.probability:
                return trouble
        return None

    def call_of(self, arrival: Arrival) -> Call:
        """A chat call whose text is as long as the arrival says, its true lengths as metadata."""
        length = self._run.scenario.bytes_per_token * arrival.input_tokens
        body = {
            "messages": [{"role": "user", "content": (_TEXT * (1 + length // len(_TEXT)))[:length]}],
            "max_tokens": arrival.max_tokens,
            "metadata": {"input_tokens": str(arrival.input_tokens), "output_tokens": str(arrival.output_tokens)},
        }
        return Call(
            arrival.model,
            body,
            stream=arrival.stream,
            tenant=arrival.tenant,
            priority=arrival.priority,
            wait_s=arrival.wait_s,
            deadline_s=arrival.deadline_s,
            max_attempts=_ATTEMPTS,
        )
