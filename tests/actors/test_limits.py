"""From a declared limit to its window."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.actors import limits
from actorrouter.actors.windows import Bucket, Concurrency, Corrected, Fixed, Paced, Sliding
from actorrouter.config import Charge, LimitConfig, Shape
from tests.actors.model import WALL, pool, usd

W = 10.0


def test_each_shape_is_built_as_declared() -> None:
    """The dimension `concurrency` is always a number of places; an unknown limit is a safe bucket, with a log beside it
    if it is corrected, and a log alone if it is too small to split or is money."""

    def built(*config: Any, charge: Charge = Charge.UP_FRONT) -> type:
        return type(limits.window(LimitConfig(*config), charge, 0.1))

    assert built("concurrency", 4, 60.0, Shape.SLIDING) is Concurrency
    assert built("requests", 60) is built("requests", 60, 60.0, Shape.BUCKET) is Bucket
    assert built("requests", 60, 60.0, Shape.BUCKET, charge=Charge.UP_FRONT_THEN_SETTLE) is Corrected
    assert built("requests", 60, 60.0, Shape.FIXED) is built("requests", 60, 60.0, Shape.CALENDAR) is Fixed
    assert built("requests", 60, charge=Charge.UP_FRONT_THEN_SETTLE) is Paced
    assert built("requests", 1) is Sliding
    assert built("cost", usd("60"), charge=Charge.HELD) is Sliding


def test_a_place_is_held_until_the_end() -> None:
    """However a provider charges, a place is not free when the request is sent, but when it has ended."""
    it = pool(LimitConfig("sessions", 1, shape=Shape.CONCURRENCY), charge=Charge.UP_FRONT)
    call = it.taken(0.0, sessions=1)
    it.dispatch(call, 0.0)
    assert it.reserve(5.0, sessions=1) is None
    it.settle(call, 9.0)
    assert it.reserve(9.0, sessions=1) is not None


@pytest.mark.parametrize("shape", list(Shape))
def test_a_limit_of_nought_blocks_everything(shape: Shape) -> None:
    """L11: nothing fits a zero limit, ever, also after a cold start; its books stay finite."""
    config = LimitConfig("units", 0, W, shape, every="day" if shape is Shape.CALENDAR else None)
    window = limits.window(config, Charge.UP_FRONT, 0.1)
    window.fill(0.0)
    window.align(WALL, 0.0, jumped=False)
    assert not window.fits(1)
    assert window.level(0.0) == window.share(0.0) == window.room(0.0) == 0


def test_what_the_limit_says_goes_before_what_holds_for_all() -> None:
    """A limit's own charge mode and guard win; without them the provider's mode and the router's guard hold."""
    own = limits.window(LimitConfig("a", 60, charge=Charge.ACTUAL, guard_s=0.0), Charge.UP_FRONT, 0.5).terms
    assert (own.up_front, own.settles, own.guard_s) == (False, True, 0.0)
    given = limits.window(LimitConfig("a", 60), Charge.UP_FRONT, 0.5).terms
    assert (given.up_front, given.settles, given.guard_s) == (True, False, 0.5)


def test_an_unknown_limit_is_split_safely() -> None:
    """burst + rate * window = limit (C1: GCRA 450/50)."""
    window = limits.window(LimitConfig("requests", 500), Charge.UP_FRONT, 0.1)
    assert isinstance(window, Bucket)
    assert (window.burst, window.rate * 60.0) == (50, 450)
    assert window.capacity == 500
