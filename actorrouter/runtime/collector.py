"""The garbage collector beside a large fleet. A full collection walks every object there is and stops the event loop
meanwhile: 100,000 actors are two million objects that live as long as the router."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_YOUNG_PER_MIDDLE: Final = 1
"""Collections of the young beyond one before one of the middle generation, once frozen. Python's own 10 let 8,000
objects come together, each with cold memory behind it: three milliseconds."""
_FULL_MIN: Final = 1000
"""Collections of the middle generation before one of everything, once frozen. Python's own is 10."""
_GROWTH: Final = 7
"""New objects for each that was frozen before one of everything: a fleet that has just begun to serve grows so far."""


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


@contextmanager
def frozen() -> Iterator[None]:
    """Collect once, and within the block do not look again at what is there now. Where the process has frozen anything
    before, all stays frozen after it as well: a part cannot be taken back."""
    before = gc.get_freeze_count()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not before:
            gc.unfreeze()


def freeze() -> None:
    """Collect once, then never look again at what is there now; at what comes after in small portions, and seldom at
    all of it: a fleet that has served holds millions of young objects. What nobody refers to is freed as ever; cycles
    wait. The whole process's: `gc.unfreeze()` and `gc.set_threshold` take it back."""
    gc.collect()
    gc.freeze()
    young, _, old = gc.get_threshold()
    if old:  # nought where the collector is incremental, which needs no help (Python 3.14)
        full = _GROWTH * gc.get_freeze_count() // (max(young, 1) * (_YOUNG_PER_MIDDLE + 1))
        gc.set_threshold(young, _YOUNG_PER_MIDDLE, max(old, full, _FULL_MIN))
