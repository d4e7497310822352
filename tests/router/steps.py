"""What an upstream may do to one call, in steps."""

from __future__ import annotations

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
