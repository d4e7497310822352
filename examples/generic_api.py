"""Any JSON API, described by configuration alone. `python examples/generic_api.py examples/generic_api.toml`."""

import sys

import anyio

from actorrouter import Call, open_router


async def main() -> None:
    """Two jobs at once: what each may use is read from its request, what it used from its answer."""
    async with open_router(sys.argv[1]) as router, anyio.create_task_group() as tasks:

        async def run(units: int) -> None:
            reply = await router.send(Call("jobs", {"units": units}))
            print(f"{units} units asked, {reply.usage.amounts['units']} used, status {reply.status}")

        tasks.start_soon(run, 3)
        tasks.start_soon(run, 4)


anyio.run(main)
