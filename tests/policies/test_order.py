"""In which order candidates are asked."""

from __future__ import annotations

from decimal import Decimal

import attrs
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.policies.order import POLICIES


@attrs.frozen(eq=False)
class Place:
    load: int
    price: Decimal


PLACES = st.lists(st.builds(Place, st.integers(0, 3), st.integers(0, 3).map(Decimal)), max_size=6)


@given(PLACES)
def test_every_policy_orders_all_and_adds_none(places):
    """A policy only orders: each candidate stays, once."""
    for policy in POLICIES.values():
        assert sorted(map(id, policy(places))) == sorted(map(id, places))


@given(PLACES)
def test_headroom_is_by_load_then_as_listed(places):
    """The least loaded is asked first; of equals the one listed first."""
    order = POLICIES["headroom"](places)
    assert [(each.load, places.index(each)) for each in order] == sorted((p.load, i) for i, p in enumerate(places))


@given(PLACES)
def test_cheapest_is_by_price_then_load(places):
    """The lowest price is asked first, of equal prices the least loaded, of equals the one listed first."""
    order = POLICIES["cheapest"](places)
    told = [(each.price, each.load, places.index(each)) for each in order]
    assert told == sorted((p.price, p.load, i) for i, p in enumerate(places))


@given(PLACES)
def test_ordered_is_as_listed(places):
    """Later candidates are fallbacks, however loaded the first one is."""
    assert list(POLICIES["ordered"](places)) == places
