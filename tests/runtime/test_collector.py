"""The garbage collector's part: off while a fleet is built, and blind to what was frozen."""

from __future__ import annotations

import gc
from contextlib import suppress

import pytest

from actorrouter.runtime.collector import freeze, frozen, uncollected

pytestmark = pytest.mark.usefixtures("collector")


def test_nothing_is_collected_within() -> None:
    """Off within the block and on again after it, also when the block raises."""
    gc.enable()
    with suppress(ValueError), uncollected():
        assert not gc.isenabled()
        raise ValueError("inside")
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off() -> None:
    """A program that collects at its own times is not disturbed."""
    gc.disable()
    with uncollected():
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_what_is_frozen_is_not_walked_over() -> None:
    """Whatever is there when it is frozen belongs to no generation any more."""
    kept = [[number] for number in range(1000)]
    freeze()
    assert gc.get_freeze_count() > len(kept)
    assert not any(each is kept for each in gc.get_objects())


@pytest.mark.parametrize(("frozen", "least"), [(0, 1000 * 1400), (400_000, 7 * 400_000)])
def test_what_is_new_is_collected_little_by_little(frozen: int, least: int) -> None:
    """The middle generation after two young ones; everything once as much is new as seven times what was frozen."""
    gc.set_threshold(700, 10, 10)
    generations = gc.get_threshold()[2] > 0  # nought where the collector is incremental
    kept = [[number] for number in range(frozen)]
    freeze()
    young, middle, full = gc.get_threshold()
    assert young == 700
    assert len(kept) == frozen
    assert not generations or (middle == 1 and full * 1400 >= least - 1400)


@pytest.mark.parametrize("before", [False, True])
def test_what_a_block_froze_is_taken_back_unless_more_was_frozen(before: bool) -> None:
    """What the process itself had frozen before cannot be told from it, and all stays frozen."""
    gc.unfreeze()
    if before:
        gc.freeze()
    kept = [[number] for number in range(1000)]
    with frozen():
        assert not any(each is kept for each in gc.get_objects())
    assert any(each is kept for each in gc.get_objects()) != before
