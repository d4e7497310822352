"""The index against a sorted list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.policies.index import ABSENT, Buckets


class Item:
    def __init__(self, name: int) -> None:
        self.name = name
        self.score = ABSENT


MOVES = st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 6))), max_size=200)


@given(MOVES)
def test_like_a_sorted_list(moves):
    """After any moves the items come best first, and equal ones in the order in which they were last placed."""
    index: Buckets[Item] = Buckets()
    items = [Item(name) for name in range(10)]
    model: list[tuple[int, int, int]] = []
    for serial, (name, score) in enumerate(moves):
        model = [entry for entry in model if entry[2] != name]
        if score is None:
            index.discard(items[name])
            assert items[name].score == ABSENT
        else:
            index.put(items[name], score)
            model.append((score, serial, name))
        model.sort()
        first = index.first()
        assert (first.name if first is not None else None) == (model[0][2] if model else None)
        assert [item.name for item in index] == [entry[2] for entry in model]


def test_keeps_no_scores_of_the_past():
    """Items that go to and fro behind a best one that stays leave little behind."""
    index: Buckets[Item] = Buckets()
    index.put(Item(0), 0)
    busy = Item(1)
    for score in range(1, 10_000):
        index.put(busy, score)
    assert len(index._order) < 100
    assert len(index._buckets) < 100


def test_discards_what_is_not_in_it():
    """Taking out an item that is not in changes nothing."""
    index: Buckets[Item] = Buckets()
    index.discard(Item(0))
    assert index.first() is None
