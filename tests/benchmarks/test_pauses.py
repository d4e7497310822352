"""Facts about how pauses are measured."""

from __future__ import annotations

import gc

from benchmarks.pauses import collections


def test_collections_are_counted_by_generation_and_only_within_the_block():
    """A full one is a full one; afterwards nobody watches."""
    before = list(gc.callbacks)
    with collections() as taken:
        full = len(taken[2])
        gc.collect()
        gc.collect(0)
    assert len(taken[2]) == full + 1
    assert len(taken[0]) >= 1
    assert gc.callbacks == before
    gc.collect()
    assert len(taken[2]) == full + 1
