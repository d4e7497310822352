"""The two tasks of a runtime: one fires timers, one carries queued mail. Everything else runs in the senders' tasks."""

from __future__ import annotations

import anyio
from anyio import lowlevel

from actorrouter.runtime.engine import TURNS_PER_YIELD
from actorrouter.runtime.interrupts import protect
from actorrouter.runtime.runtime import Runtime


async def serve(runtime: Runtime) -> None:
    """Serve timers and queued mail until cancelled."""
    protect()
    async with anyio.create_task_group() as group:
        group.start_soon(_serve_timers, runtime)
        group.start_soon(_serve_mail, runtime)


async def _serve_timers(runtime: Runtime) -> None:
    while True:
        wake = anyio.Event()
        runtime.timers.on_earlier = wake.set
        fired = 0
        while fired < TURNS_PER_YIELD and (due := runtime.timers.take_due(runtime.clock())) is not None:
            due()
            fired += 1
        if fired:
            await lowlevel.checkpoint()
            continue
        with anyio.CancelScope(deadline=runtime.timers.next_at()):
            await wake.wait()


async def _serve_mail(runtime: Runtime) -> None:
    while True:
        wake = anyio.Event()
        runtime.on_mail = wake.set
        runtime.drain(TURNS_PER_YIELD)
        if runtime.has_mail:
            await lowlevel.checkpoint()
        else:
            await wake.wait()
