"""The recomputation from the log against the meters it judges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.audit import worst_use
from actorrouter.simulation.providers.config import LimitConfig
from actorrouter.simulation.providers.provider import Admission

from .asking import CHARGES, SHAPES, ask, costs, gaps, make, tokens, used_of


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("charge", CHARGES)
@given(st.lists(st.tuples(gaps, costs, st.integers(0, 10), st.booleans()), max_size=40))
def test_audit_and_meters_agree(shape, charge, asked):
    """The recomputation from the raw log finds the peak the meters saw at admissions, and no violation."""
    limit = tokens(shape, charge)
    model, now, highest = make(limit), 0.0, 0.0
    open_now: list[tuple[Admission, int]] = []
    for gap, most, output, finishing in asked:
        now += gap
        if finishing and open_now:
            admission, most_of_it = open_now.pop(0)
            model.produce(admission, min(output, most_of_it) // 2, now)
            model.finish(admission, min(output, most_of_it), now)
        elif (admission := ask(model, now, most, given_tokens=2)).accepted:
            open_now.append((admission, most))
            highest = max(highest, used_of(model, now))
    assert model.audit() == []
    log = model._scopes["org"].log
    assert worst_use(limit, log)[1] == pytest.approx(highest, abs=1e-6)


@pytest.mark.parametrize("limit", [*(tokens(shape, amount=4) for shape in SHAPES), LimitConfig("concurrency", 4)])
def test_audit_catches_a_planted_overshoot(limit):
    """If the enforcing side is broken, the log still tells."""
    model = make(limit)
    model._scopes["org"].limits[0].capacity = 1_000
    for now in range(5):
        ask(model, now / 64)
    violations = model.audit()
    assert [(found.scope, found.limit, found.capacity) for found in violations] == [("org", limit.name, 4)]
    assert 4 < violations[0].used <= 5
