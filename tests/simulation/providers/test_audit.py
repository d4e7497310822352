"""The recomputation from the log against the meters it judges."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.audit import Judged, worst_use
from actorrouter.simulation.providers.config import FaultConfig, LimitConfig, PriceConfig, Shape
from actorrouter.simulation.providers.money import Weights, read_prices
from actorrouter.simulation.providers.provider import Admission, ProviderModel

from .asking import CHARGES, SHAPES, WINDOW_S, ask, costs, gaps, make, tokens, used_of

MOVING: list[Shape] = ["sliced", "calendar", "balance", "adaptive", "ramp", "in_flight"]
PRICES = {"*": PriceConfig(1e6, 5e6, cached_usd=250_000.0)}
asks = st.lists(st.tuples(gaps, costs, st.integers(0, 10), st.booleans()), max_size=40)


def run(model: ProviderModel, asked: list[tuple[float, int, int, bool]], seen: Callable[[float], None]) -> None:
    """Ask and finish as told, always 2 tokens of input, one of them cached; look after every acceptance."""
    now, open_now = 0.0, list[tuple[Admission, int]]()
    for gap, most, output, finishing in asked:
        now += gap
        if finishing and open_now:
            admission, most_of_it = open_now.pop(0)
            model.produce(admission, min(output, most_of_it) // 2, now)
            model.finish(admission, min(output, most_of_it), now)
        elif (admission := ask(model, now, most, given_tokens=2, cached_tokens=1)).accepted:
            open_now.append((admission, most))
            seen(now)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("charge", CHARGES)
@given(asks)
def test_audit_and_meters_agree(shape, charge, asked):
    """The recomputation from the raw log finds the peak the meters saw at admissions, and no violation."""
    limit = tokens(shape, charge)
    model, used = make(limit), [0.0]
    run(model, asked, lambda now: used.append(used_of(model, now)))
    assert model.audit() == []
    assert worst_use(limit, model._scopes["org"].log)[1] == pytest.approx(max(used), abs=1e-6)


@pytest.mark.parametrize("limit", [
    *(tokens(shape, "up_front_then_settle", burndown=2, cached="released") for shape in [*SHAPES, *MOVING]),
    *(tokens(shape, "live", burndown=2, cached="free") for shape in [*SHAPES, *MOVING]),
    *(LimitConfig("cost", 40, WINDOW_S, shape) for shape in [*SHAPES, *MOVING]),
    *(LimitConfig("cost", 40, WINDOW_S, shape, charge="actual") for shape in [*SHAPES, *MOVING]),
], ids=lambda limit: f"{limit.dimension}-{limit.shape}-{limit.charge}")  # fmt: skip
@given(asks, st.booleans())
def test_audit_and_meters_agree_on_what_moves(limit, asked, squeezed):
    """Whatever the window, the charge and the price, squeezed or not: the same fullest instant, and no violation."""
    limit = evolve(limit, slice_s=6.0)
    squeeze = FaultConfig("squeeze", 4, 8, factor=0.5)
    model = make(limit, prices=PRICES, wall_offset=86_390.0, faults=(squeeze,) if squeezed else ())
    shares = [0.0]
    run(model, asked, lambda now: shares.append(model.sample(now)["org"][limit.name]))
    assert model.audit() == []
    judged = Judged(0.0, 86_390.0, PRICES, tuple(model._squeezes.of("org")))
    _, used, capacity = worst_use(limit, model._scopes["org"].log, judged)
    assert used / capacity == pytest.approx(max(shares), abs=1e-6)


@pytest.mark.parametrize("limit", [
    *(tokens(shape, amount=4) for shape in SHAPES),
    LimitConfig("concurrency", 4),
    tokens("sliced", amount=32),
    tokens("calendar", amount=4),
    tokens("balance", amount=4),
    tokens("in_flight", amount=4),
])  # fmt: skip
def test_audit_catches_a_planted_overshoot(limit):
    """If the enforcing side is broken, the log still tells."""
    model = make(limit)
    model._scopes["org"].limits[0].capacity = 1_000
    for now in range(5):
        ask(model, now / 64)
    violations = model.audit()
    assert [(found.scope, found.limit, found.capacity) for found in violations] == [("org", limit.name, 4)]
    assert 4 < violations[0].used <= 5


def test_audit_catches_an_adaptive_limit_that_does_not_shrink():
    """After a burst the next window holds half; a meter that forgets it is found out."""
    model = make(tokens("adaptive", amount=8))
    meter: Any = model._scopes["org"].limits[0].meter
    for _ in range(9):
        ask(model, 0)
    meter._strained = False
    for _ in range(6):
        ask(model, WINDOW_S)
    assert [(found.used, found.capacity) for found in model.audit()] == [(6, 4)]


def test_audit_catches_a_ramp_that_is_too_steep():
    """Doubling where half as much again is allowed."""
    model = make(tokens("ramp", amount=4))
    meter: Any = model._scopes["org"].limits[0].meter
    meter.growth = 1.0
    for at in [0] * 4 + [WINDOW_S] * 8:
        ask(model, at)
    assert [(found.used, found.capacity) for found in model.audit()] == [(8, 6)]


@pytest.mark.parametrize("shape", SHAPES)
def test_audit_catches_a_squeeze_that_is_not_enforced(shape):
    """The limit should have been half of what is described."""
    model = make(tokens(shape, amount=8), faults=(FaultConfig("squeeze", factor=0.5),))
    model._squeezes.due = float("inf")
    for _ in range(8):
        ask(model, 1)
    assert [(found.used, found.capacity) for found in model.audit()] == [(8, 4)]


@pytest.mark.parametrize(("limit", "forgets"), [
    (tokens("sliding", "up_front_then_settle", burndown=5), "burndown"),
    (tokens("sliding", "live", burndown=5), "burndown"),
    (tokens("sliding", "up_front"), "input"),
    (tokens("sliding", "actual", cached="counted"), "cached"),
    (LimitConfig("cost", 16, WINDOW_S, "sliding"), "prices"),
    (LimitConfig("cost", 16, WINDOW_S, "balance", charge="actual"), "prices"),
])  # fmt: skip
def test_audit_catches_a_charge_that_is_too_small(limit, forgets):
    """Burndown forgotten, input or cached input not counted, prices too low: the log is weighed anew."""
    model = make(limit, prices=PRICES)
    enforced = model._scopes["org"].limits[0]
    if forgets == "prices":
        enforced.prices = read_prices({"*": PriceConfig(1, 1)})
    else:
        free = 1 if forgets == "cached" else 0
        given = 0 if forgets == "input" else 1
        enforced._weights = (Weights(given, 1, free), Weights(given, 1, free))
    for now in range(7):
        admission = ask(model, now / 64, 2, given_tokens=2, cached_tokens=2)
        model.finish(admission, 2, now / 64)
    assert [found.limit for found in model.audit()] == [limit.name]


@pytest.mark.parametrize(("limit", "wrong"), [
    (tokens("sliced", amount=32, slice_s=1.0), {"window_s": 0.25}),
    (tokens("fixed", amount=4), {"start": 0.5}),
    (tokens("calendar", amount=4), {"offset": 86_399.5}),
    (tokens("sliding", amount=4), {"window_s": 0.25}),
    (tokens("bucket", amount=4), {"rate": 8.0}),
])  # fmt: skip
def test_audit_catches_a_window_that_ends_too_early(limit, wrong):
    """Half a second in, half of the amount too much: a window too short, or by a clock that is ahead."""
    model = make(limit)
    for name, value in wrong.items():
        setattr(model._scopes["org"].limits[0].meter, name, value)
    for now in (0.0, 0.5):
        ask(model, now, 3)
    assert [found.limit for found in model.audit()] == [limit.name]


@pytest.mark.parametrize("shape", ["adaptive", "ramp"])
def test_an_audit_of_half_a_log_accuses_nobody(shape):
    """What a moving limit held is not known where the log begins."""
    model = make(tokens(shape, amount=16), log_max=10)
    for window in range(12):
        for _ in range(16):
            ask(model, window * WINDOW_S)
    assert model.books(0)["scopes"]["org"]["log_complete"] is False
    assert model.audit() == []


def test_the_log_may_be_switched_off():
    """Nothing is kept, and the books say that the audit saw nothing."""
    model = make(tokens(), log_max=0, attempts=False)
    model.finish(ask(model, 0), 1, 0)
    scope = model.books(1)["scopes"]["org"]
    assert (len(model._scopes["org"].log), scope["log_complete"], scope["accepted"]) == (0, False, 1)
    assert scope["limits"][0]["attempted_peak"] is None
