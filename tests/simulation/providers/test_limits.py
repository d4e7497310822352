"""When use is charged, and what refusals cost."""

import pytest

from actorrouter.simulation.providers.config import LimitConfig

from .asking import SHAPES, WINDOW_S, ask, header, make, tokens, used_of


@pytest.mark.parametrize(("charge", "at_start", "half_way", "at_end"), [
    ("up_front", 14, 14, 14),
    ("up_front_then_settle", 14, 14, 8),
    ("live", 4, 6, 8),
    ("actual", 0, 0, 8),
])  # fmt: skip
@pytest.mark.parametrize("shape", ["sliding", "fixed"])
def test_charges_when_its_description_says(shape, charge, at_start, half_way, at_end):
    """Input 4, at most 10 output, really 4: charged at admission, as produced, or at the end."""
    model = make(tokens(shape, charge))
    admission = ask(model, 0, 10, given_tokens=4)
    used = [used_of(model, 0)]
    model.produce(admission, 2, 0.25)
    model.produce(admission, 2, 0.25)
    used.append(used_of(model, 0.25))
    model.finish(admission, 4, 0.5)
    model.finish(admission, 4, 0.5)
    assert [*used, used_of(model, 0.5)] == [at_start, half_way, at_end]


@pytest.mark.parametrize("charge", ["live", "actual"])
def test_what_is_charged_later_still_needs_room(charge):
    """A request that costs nothing at admission is refused while the limit is used up."""
    model = make(LimitConfig("output_tokens", 8, WINDOW_S, "sliding", charge=charge))
    model.finish(ask(model, 0, 10), 10, 0)
    assert [ask(model, now, 10).accepted for now in (1, WINDOW_S)] == [False, True]
    assert model.books(WINDOW_S)["scopes"]["org"]["limits"][0]["peak"] == 10 / 8


@pytest.mark.parametrize("shape", SHAPES)
def test_refusals_count_where_the_limit_says_so(shape):
    """Hammering a full limit keeps it shut longer than leaving it alone."""
    opened = {}
    for counting in (True, False):
        model = make(LimitConfig("requests", 4, WINDOW_S, shape, rejected_count=counting))
        for _ in range(6):
            ask(model, 0)
        refused = [ask(model, now) for now in (0.5, 1.0) for _ in range(4)]
        opened[counting] = float(header(refused[-1], "retry-after") or 0)
        assert not any(admission.accepted for admission in refused)
        assert model.audit() == []
    assert opened[True] >= opened[False] if shape == "fixed" else opened[True] > opened[False]
