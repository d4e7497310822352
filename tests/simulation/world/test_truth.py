"""What the router is told becomes what the provider does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.providers.config import ConfigInvalid, ProviderConfig
from actorrouter.simulation.world.scenario import router_of
from actorrouter.simulation.world.truth import providers_of
from actorrouter.values import Secret

EPOCH = datetime(2026, 11, 23, 9, 30, 15, tzinfo=UTC).timestamp()  # a Monday


def of(limit: dict[str, Any], really: Any = None, **provider: Any) -> ProviderConfig:
    """A provider with this one limit in its pool."""
    return made({"limits": [limit]}, really, **provider)


def made(pool: dict[str, Any], really: Any = None, **provider: Any) -> ProviderConfig:
    price = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 2}
    tree = {
        "providers": {"p": provider},
        "pools": {"org": pool},
        "keys": {"k": {"provider": "p", "pools": ["org"]}, "own": {"provider": "p", "limits": pool["limits"]}},
        "routes": {"chat": {"candidates": [{"provider": "p", "model": "big", "price": price}]}},
    }
    return providers_of(router_of(tree, Path()), {"p": really} if really else {}, EPOCH)["p"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"shape": "bucket", "window_s": 30, "burst": 7}, {"shape": "bucket", "window_s": 30, "burst": 7}),
        ({"shape": "sliding", "window_s": 30}, {"shape": "sliding", "window_s": 30}),
        ({"window_s": 30}, {"shape": "sliding", "window_s": 30}),
        ({"shape": "fixed", "window_s": 60}, {"shape": "fixed", "window_s": 60, "phase_s": 45}),
        ({"shape": "fixed", "window_s": 60, "phase_s": 20}, {"shape": "fixed", "window_s": 60, "phase_s": 5}),
        ({"shape": "calendar", "every": "minute"}, {"shape": "fixed", "window_s": 60, "phase_s": -15}),
        ({"shape": "calendar", "every": "hour"}, {"shape": "fixed", "window_s": 3600, "phase_s": -1815}),
        ({"shape": "calendar", "every": "week"}, {"shape": "fixed", "window_s": 604_800, "phase_s": -34_215}),
        (
            {"shape": "calendar", "every": "week", "timezone": "Europe/Berlin"},
            {"shape": "fixed", "window_s": 604_800, "phase_s": -37_815},
        ),
        (
            {"shape": "calendar", "every": "day", "timezone": "Asia/Tokyo"},
            {"shape": "calendar", "period": "day", "zone": "Asia/Tokyo"},
        ),
        ({"shape": "calendar", "every": "month"}, {"shape": "calendar", "period": "month", "zone": "UTC"}),
        ({"shape": "concurrency"}, {"shape": "concurrency"}),
    ],
)
def test_a_shape_becomes_the_provider_s(limit: dict[str, Any], expected: dict[str, Any]) -> None:
    """Of shared pools and of a key's own limits; an unknown one is a sliding window in truth."""
    dimension = "concurrency" if limit.get("shape") == "concurrency" else "requests"
    provider = of({"dimension": dimension, "amount": 10, **limit})
    for scope in ("org", "own-own"):
        (told,) = provider.scopes[scope].limits
        assert {name: getattr(told, name) for name in expected} == pytest.approx(expected) or {
            name: getattr(told, name) for name in expected
        } == expected
        assert told.amount == 10


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("up_front", "up_front"),
        ("up_front_then_settle", "up_front_then_settle"),
        ("actual", "actual"),
        ("live", "live"),
        ("held", "up_front_then_settle"),
    ],
)
def test_a_charge_becomes_the_provider_s(said: str, expected: str) -> None:
    """The limit's own, or the provider's for the dimension, or its for the rest."""
    limit = {"dimension": "tokens", "amount": 1000, "shape": "sliding"}
    for provider in (of({**limit, "charge": said}), of(limit, charge={"tokens": said}), of(limit, charge={"*": said})):
        assert provider.scopes["org"].limits[0].charge == expected


def test_money_is_counted_at_the_route_s_prices() -> None:
    """A limit in US dollars, and what a model costs."""
    provider = of({"dimension": "cost", "amount": 5, "shape": "sliding"})
    assert provider.scopes["org"].limits[0].dimension == "cost"
    assert (provider.prices["big"].input_usd, provider.prices["big"].output_usd) == (1, 2)


def test_a_unit_the_provider_does_not_count_is_left_out() -> None:
    """Pages are nothing to a chat provider."""
    assert of({"dimension": "pages", "amount": 5}).scopes["org"].limits == ()


def test_two_limits_of_one_dimension_have_two_names() -> None:
    """The provider's books tell them apart."""
    limits = [{"dimension": "requests", "amount": amount, "window_s": s} for amount, s in ((5, 60), (50, 3600))]
    assert [each.name for each in made({"limits": limits}).scopes["org"].limits] == ["requests", "requests/3600s"]


def test_a_pool_for_some_models_is_for_those() -> None:
    """Patterns become the models that match."""
    limits = [{"dimension": "requests", "amount": 5}]
    assert made({"limits": limits, "models": ["b*"]}).scopes["org"].models == ("big",)


def test_a_pool_for_models_that_nobody_offers_limits_nothing() -> None:
    """An empty list would mean every model."""
    limits = [{"dimension": "requests", "amount": 5}]
    assert "big" not in made({"limits": limits, "models": ["small*"]}).scopes["org"].models
    assert made({"limits": limits, "models": ["small*"]}).scopes["org"].models


def test_what_is_really_different_is_put_over_it() -> None:
    """Table by table; a list replaces a list; the rest stays."""
    really = {"retry_after": "none", "scopes": {"org": {"limits": [{"dimension": "requests", "amount": 3}]}}}
    provider = of({"dimension": "requests", "amount": 10}, really)
    assert (provider.retry_after, provider.scopes["org"].limits[0].amount) == ("none", 3)
    assert provider.scopes["own-own"].limits[0].amount == 10
    assert provider.models == ("big",)


def test_a_fault_in_it_has_its_place_and_no_secret() -> None:
    """Under `upstream`, where it was said."""
    with pytest.raises(ConfigInvalid) as raised:
        of({"dimension": "requests", "amount": 10}, {"keys": {"k": {"secret": 5}}})
    assert raised.value.faults[0][0] == "$.upstream.p.keys['k'].secret"
    assert "sk-simulated" not in str(raised.value)


def test_a_secret_that_is_fetched_cannot_be_rehearsed() -> None:
    """Nobody here could fetch it."""
    tree = {
        "providers": {"p": {}},
        "keys": {"k": {"provider": "p"}},
        "routes": {"chat": {"candidates": [{"provider": "p", "model": "big"}]}},
    }
    router = router_of(tree, Path())

    async def fetch() -> Secret:
        return Secret("x")

    fetched = attrs.evolve(router, keys={"k": attrs.evolve(router.keys["k"], secret=fetch)})
    with pytest.raises(InvalidConfig, match=r"keys\.k\.secret"):
        providers_of(fetched, {}, EPOCH)
