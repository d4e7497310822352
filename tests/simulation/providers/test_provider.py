"""Which limits an arrival meets."""

from random import Random

from actorrouter.simulation.providers.config import KeyConfig, LimitConfig, ProviderConfig, ScopeConfig
from actorrouter.simulation.providers.provider import ProviderModel, Request

from .asking import WINDOW_S, ask, make


def test_keys_of_one_scope_share_its_limits():
    """What key a used, key b no longer has; a key without scopes has no limit."""
    model = make(LimitConfig("requests", 2, WINDOW_S))
    verdicts = [ask(model, 0, key=key).accepted for key in "abacc"]
    assert verdicts == [True, True, False, True, True]


def test_a_scope_may_be_for_some_models_only():
    """A request for another model leaves it alone."""
    limit = LimitConfig("requests", 1, WINDOW_S)
    described = ProviderConfig({"a": KeyConfig("s", ("m",))}, {"m": ScopeConfig((limit,), ("big",))}, models=())
    model = ProviderModel("sim", described, Random(1), 0.0)
    verdicts = [model.admit("s", Request(name, 1, 1, 1), 0).accepted for name in ("big", "small", "big")]
    assert verdicts == [True, True, False]
