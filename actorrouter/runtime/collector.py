"""The garbage collector beside a large fleet. A full collection walks every object there is and stops the event loop
meanwhile: 100,000 actors are two million objects that live as long as the router."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing within the block: for making many objects that all stay, without waiting in between."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def freeze() -> None:
    """Collect once, then never look again at what is there now. What goes of it is still freed when nothing refers to
    it, but cycles in it stay. The whole process's: `gc.unfreeze()` takes it back."""
    gc.collect()
    gc.freeze()
