"""Intensities, actors and mail for the tests of trees."""

from __future__ import annotations

from collections import deque
from contextvars import copy_context

from actorrouter.runtime.cell import Envelope, Parked
from actorrouter.supervisor.specs import (
    Backoff,
    Intensity,
)

from .world import Counter, World

ONCE = Intensity(1, 10.0)


NEVER = Intensity(0, 10.0)


SLOW = Backoff(first_s=1.0, max_s=8.0, reset_s=60.0)


def queue(world: World, actor_id: str, message: object) -> Parked:
    """What `Ref.ask` does while the actor cannot take a turn."""
    parked, cell = Parked.__new__(Parked), world.cell(actor_id)
    parked.reply = parked.failure = None
    parked.answered = parked.withdrawn = False
    parked._event = type("Event", (), {"set": lambda self: None})()
    cell.mailbox = cell.mailbox or deque()
    cell.mailbox.append(Envelope(message, world.runtime.new_id(), parked, copy_context()))
    world.runtime.post(cell)
    return parked


class Fragile:
    """An `initial` that fails as often as told."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails

    def __call__(self) -> Counter:
        if self.fails:
            self.fails -= 1
            raise OSError("no state")
        return Counter()
