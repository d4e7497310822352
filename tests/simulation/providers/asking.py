"""A provider to ask and the ways to ask it, shared by this room's tests."""

from random import Random

from hypothesis import strategies as st

from actorrouter.simulation.providers.config import (
    Charge,
    FaultConfig,
    KeyConfig,
    LimitConfig,
    ProviderConfig,
    ScopeConfig,
    Shape,
)
from actorrouter.simulation.providers.provider import Admission, ProviderModel, Request

WINDOW_S = 8.0
STEP_S = 0.25  # times and rates are sums of powers of two, so that floats are exact
SHAPES: list[Shape] = ["bucket", "sliding", "fixed"]
CHARGES: list[Charge] = ["up_front", "up_front_then_settle", "live", "actual"]

gaps = st.integers(0, 12).map(lambda steps: steps * STEP_S)
costs = st.integers(1, 10)
arrivals = st.lists(st.tuples(gaps, costs), max_size=60)


def make(
    *limits: LimitConfig, faults: tuple[FaultConfig, ...] = (), wall_offset: float = 0.0, **options
) -> ProviderModel:
    keys = {"a": KeyConfig("secret-a", ("org",)), "b": KeyConfig("secret-b", ("org",)), "c": KeyConfig("secret-c", ())}
    described = ProviderConfig(keys, {"org": ScopeConfig(limits)}, faults=faults, retry_after="exact", **options)
    return ProviderModel("sim", described, Random(7), 0.0, wall_offset)


def ask(
    model: ProviderModel, now: float, most: int = 1, key: str = "a", *, given_tokens: int = 0, cached_tokens: int = 0
) -> Admission:
    return model.admit(f"secret-{key}", Request("sim-model", given_tokens, most, most, cached_tokens), now)


def tokens(shape: Shape = "bucket", charge: Charge = "up_front", amount: float = 16, **options) -> LimitConfig:
    return LimitConfig("tokens", amount, WINDOW_S, shape, charge=charge, **options)


def header(admission: Admission, name: str) -> str | None:
    return dict(admission.headers).get(name)


def used_of(model: ProviderModel, now: float) -> float:
    return float(model.books(now)["scopes"]["org"]["limits"][0]["used"])
