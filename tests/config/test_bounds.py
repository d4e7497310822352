"""Bounds and types of single fields, and configurations built in Python."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from actorrouter.config import (
    BudgetConfig,
    CandidateConfig,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    PriceConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
)
from actorrouter.config.bounds import BOUNDS, NOT_ABOVE, WORDS
from actorrouter.config.file import validate
from actorrouter.errors import InvalidConfig
from actorrouter.values import Secret
from tests.config.cases import LIVE


def test_rules_name_fields_that_exist():
    """A field that is renamed does not silently lose its bounds."""
    fields = {cls: {field.name for field in attrs.fields(cls)} for cls in {*BOUNDS, *WORDS, *NOT_ABOVE}}
    assert all(field in fields[cls] for table in (BOUNDS, WORDS) for cls, rules in table.items() for field in rules)
    assert all(field in fields[cls] for cls, pairs in NOT_ABOVE.items() for pair in pairs for field in pair)


def built(**changes):
    config = RouterConfig(
        providers={"p": ProviderConfig("http://localhost:8000")},
        keys={"k": KeyConfig("p", Secret(LIVE))},
        routes={"r": RouteConfig((CandidateConfig("p", "m"),))},
    )
    return attrs.evolve(config, **changes)


NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"guard_s": "1m"}, "guard_s: expected a number, got text"),
        ({"guard_s": NAN}, "guard_s: must be at least 0 and at most 315360000"),
        ({"decisions_max": True}, "decisions_max: expected a whole number, got true or false"),
        ({"cold_start": "full"}, "cold_start: expected a ColdStart, got text"),
        ({"keys": {"k": KeyConfig("p", cast("Secret", LIVE))}},
         "keys.k.secret: expected a Secret, or an async callable that gives one"),
        ({"keys": {"k": {}}}, "keys.k: expected a KeyConfig, got a table"),
        ({"keys": []}, "keys: expected a mapping, got a list"),
        ({"keys": {1: built().keys["k"]}}, "keys[1]: expected a name that is text, got a number"),
        ({"keys": {"k k": built().keys["k"]}}, 'keys."k k": a name is 1 to 100 printable characters without spaces'),
        ({"routes": {"r": RouteConfig(cast("Any", [CandidateConfig("p", "m")]))}},
         "routes.r.candidates: expected a tuple, got a list"),
        ({"pools": {"o": PoolConfig((LimitConfig("requests", NAN),))}},
         "pools.o.limits[0].amount: must be at least 0 and at most 1000000000000000"),
        ({"pools": {"o": PoolConfig((LimitConfig("requests", 1, guard_s=cast("Any", "x")),))}},
         "pools.o.limits[0].guard_s: expected a number or None, got text"),
        ({"budgets": {"b": BudgetConfig(Decimal("NaN"), "tenant:x")},
          "routes": {"r": RouteConfig((CandidateConfig("p", "m", price=PriceConfig(free=True)),))}},
         "budgets.b.usd: must be at least 0 and at most 1000000000000"),
        ({"keys": {"k": KeyConfig("q", Secret(LIVE)), "l": built().keys["k"]}}, "keys.k.provider: no such provider"),
        ({"keys": {}}, "keys: expected at least one, as [keys.NAME]"),
    ],
)  # fmt: skip
def test_validate_finds_the_same_faults(changes, fault):
    """A configuration built in Python is checked as a file is, its types first."""
    with pytest.raises(InvalidConfig) as caught:
        validate(built(**changes))
    assert fault in caught.value.faults
    assert LIVE not in str(caught.value)


def test_validate_accepts_what_is_right():
    """Nothing is raised, whole numbers are numbers, and what is no configuration is said to be none."""
    validate(built(guard_s=1, lease_s=60))
    with pytest.raises(InvalidConfig, match="expected a RouterConfig"):
        validate({})  # type: ignore[arg-type]
