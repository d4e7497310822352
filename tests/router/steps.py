"""What an upstream may do to one call, in steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from actorrouter.transport.port import Reached
from tests.router.world import (
    WRITTEN,
    Head,
    Step,
    fault,
)

GARBAGE: list[Step] = [WRITTEN, Head(), b"not json"]


CUT: list[Step] = [WRITTEN, Head(), b'{"choices": [', fault("read", Reached.YES)]


NOT_REACHED: list[Step] = [fault("connect", Reached.NO)]


SILENT: list[Step] = [WRITTEN, fault("timeout", Reached.MAYBE)]


def states(router):
    status = router.status()
    return {key: each["state"] for key, each in status["keys"].items()}


def calls_made(work: Callable[[], Any]) -> int:
    """How many functions it calls, generators' steps included: what it costs, on any machine."""
    made = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made
