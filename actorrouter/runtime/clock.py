"""The clock of the running event loop, virtual under trio's MockClock, and the way to call it from any thread."""

from __future__ import annotations

import sys
from collections.abc import Callable


def in_trio() -> bool:
    """Whether the caller runs inside trio. Does not import trio."""
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


def loop_clock() -> Callable[[], float]:
    """Monotonic seconds on the running loop, the same clock that anyio's deadlines use."""
    if in_trio():
        return sys.modules["trio"].current_time  # type: ignore[no-any-return]
    import asyncio  # a tenth of what the router costs to import; trio has no use for it

    return asyncio.get_running_loop().time


def loop_caller() -> Callable[[Callable[[], object]], object]:
    """Calls a function on the running loop, soon: from any thread, from finalizers. RuntimeError when it has ended."""
    if in_trio():
        return sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon  # type: ignore[no-any-return]
    import asyncio

    return asyncio.get_running_loop().call_soon_threadsafe
