"""Waits that a signal ends, as Ctrl-C does, for tests of synchronous callers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WAIT_MAX_S = 5.0


class Interrupted(BaseException):
    """Raised from a signal's handler, as KeyboardInterrupt is."""


def came(condition: Callable[[], object]) -> bool:
    """Whether it comes to be true soon."""
    until = time.monotonic() + WAIT_MAX_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


@contextmanager
def interrupts() -> Iterator[Callable[[Callable[[], object]], None]]:
    """A function for another thread: once the condition is true, `Interrupted` is raised in the main thread."""

    def handle(*_: object) -> None:
        raise Interrupted

    def interrupt(condition: Callable[[], object]) -> None:
        came(condition)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGUSR1, before)
