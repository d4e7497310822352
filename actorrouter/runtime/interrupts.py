"""Ctrl-C must not tear a turn: on trio the functions that apply events are protected from KeyboardInterrupt.

trio raises it inside whatever main-thread code runs; protection is a mark on the code object and costs nothing until a
signal arrives. asyncio's runner turns SIGINT into a cancellation, which only ever lands between turns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from actorrouter.runtime.clock import in_trio

_F = TypeVar("_F", bound=Callable[..., Any])
_protected: list[Callable[..., Any]] = []


def uninterrupted(function: _F) -> _F:
    """Mark a synchronous function as one that must run to its end."""
    _protected.append(function)
    return function


def protect() -> None:
    """Make the marks effective on the running loop. Repeats change nothing."""
    if in_trio():
        for function in _protected:
            sys.modules["trio"].lowlevel.enable_ki_protection(function)
