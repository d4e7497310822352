"""The garbage collector beside a large fleet. A full collection walks every object there is and stops the event loop
meanwhile: 100,000 actors are two million objects that live as long as the router."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MIDDLE_PER_FULL: Final = 1000
"""Collections of the middle generation before one of everything, once frozen. Python's own is 10."""


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
    """Collect once, then never look again at what is there now, and seldom at all of what comes after: a fleet that
    has served holds millions of young objects. What nobody refers to is freed as ever; cycles wait. The whole
    process's: `gc.unfreeze()` and `gc.set_threshold` take it back."""
    gc.collect()
    gc.freeze()
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, max(old, _MIDDLE_PER_FULL))
