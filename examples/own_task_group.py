"""A router among the tasks of your program, drained on Ctrl-C. `python examples/own_task_group.py docs/fleet.toml`."""

import signal
import sys

import anyio

from actorrouter import Call, Router, RouterStopped
from actorrouter.config.file import load


async def work(router: Router, calls: int) -> None:
    """Send so many calls, unless the router stops before."""
    call = Call("chat", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20})
    try:
        for _ in range(calls):
            print("answered", (await router.send(call)).status, flush=True)
    except RouterStopped as stopped:
        print(stopped)
    signal.raise_signal(signal.SIGINT)  # as if Ctrl-C were pressed, so that the example ends


async def main() -> None:
    """Serve until a signal, then let what is in flight finish."""
    router = Router(load(sys.argv[1]))
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            await tasks.start(router.serve)
            tasks.start_soon(work, router, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
            async for _ in signals:
                print("drained:", await router.drain(timeout_s=10))
                router.stop()
                break


anyio.run(main)
