"""The fleet of a plan: read without secrets, made larger."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actorrouter.config import ColdStart
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.planning.fleet import (
    calls_per_s,
    load_fleet,
    read_caps,
    with_accounts,
    with_budgets,
    with_tier,
)
from actorrouter.simulation.world.truth import providers_of
from actorrouter.values import Secret
from tests.simulation.planning.fleets import ONE_LIMIT


@pytest.fixture
def fleet(tmp_path):
    """Read a configuration's text."""

    def read(text=ONE_LIMIT, environ=None):
        path = tmp_path / "router.toml"
        path.write_text(text)
        return load_fleet(path, environ or {})

    return read


def test_secrets_are_neither_needed_nor_read(fleet, tmp_path):
    """Neither variables nor files that a key or a proxy refers to; each key gets one that is simulated."""
    text = ONE_LIMIT.replace(
        '"env:PLANNED_KEY_THAT_NOBODY_SET"', '"file:absent.txt"\nproxy = "env:PROXY_THAT_NOBODY_SET"'
    )
    for each in (fleet(), fleet(text), fleet(environ={"PLANNED_KEY_THAT_NOBODY_SET": "sk-real"})):
        secret = each.keys["n1"].secret
        assert isinstance(secret, Secret)
        assert secret.reveal() == "sk-simulated-n1"
        assert each.keys["n1"].proxy is None
        assert each.cold_start is ColdStart.EMPTY


def test_overrides_from_the_environment_hold(fleet):
    """As they do for a router."""
    told = fleet(environ={"ACTORROUTER__POOLS__ORG__LIMITS__0__AMOUNT": "90"})
    assert told.pools["org"].limits[0].amount == 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ONE_LIMIT.replace('provider = "north"\nsecret', 'provider = "south"\nsecret'), "keys.n1.provider"),
        (ONE_LIMIT.replace("amount = 60", 'amount = "many"'), "pools.org.limits"),
        ("[providers", "not TOML"),
    ],
)
def test_other_faults_of_a_configuration_are_told(fleet, text, words):
    """All but those of secrets."""
    with pytest.raises(InvalidConfig) as caught:
        fleet(text)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    """With its path."""
    with pytest.raises(InvalidConfig, match=r"absent\.toml: 1 fault\n  cannot be read"):
        load_fleet(tmp_path / "absent.toml")


def test_another_account_is_a_key_with_pools_of_its_own(fleet):
    """In every route that the first one serves, at a provider that knows it."""
    more = with_accounts(fleet(ONE_LIMIT.replace('model = "big"', 'model = "big", keys = ["n1"]')), "n1", 2)
    assert list(more.keys) == ["n1", "n1-more-1", "n1-more-2"]
    assert [key.pools for key in more.keys.values()] == [("org",), ("org-more-1",), ("org-more-2",)]
    assert more.routes["chat"].candidates[0].keys == ("n1", "n1-more-1", "n1-more-2")
    assert set(providers_of(more, {}, 0.0)["north"].scopes) == {"org", "org-more-1", "org-more-2"}


def test_a_higher_tier_is_the_same_fleet_with_higher_limits(fleet):
    """Of that provider's pools and keys, bursts too."""
    burst = ONE_LIMIT.replace('shape = "sliding"', 'shape = "bucket", burst = 10')
    raised = with_tier(fleet(burst), "north", 2.5)
    assert (raised.pools["org"].limits[0].amount, raised.pools["org"].limits[0].burst) == (150, 25)
    assert with_tier(fleet(burst), "south", 2.5) == fleet(burst)


def test_budgets_are_replaced_by_name(fleet):
    """What is no budget or no amount is told."""
    priced = 'model = "big", price = { request_usd = 0.01 }'
    told = fleet(ONE_LIMIT.replace('model = "big"', priced) + "[budgets.all]\nusd = 5\n")
    assert with_budgets(told, read_caps(told, ["all=7.5"])).budgets["all"].usd == Decimal("7.5")
    for text, words in (("most=7", "known: all"), ("all=much", "no number"), ("all=0", "above 0"), ("all", "NAME=USD")):
        with pytest.raises(ValueError, match=words):
            read_caps(told, [text])


def test_the_formula_counts_shared_pools_once(fleet):
    """Two keys of one pool allow what the pool allows; a key without limits anything; long windows do not count."""
    second = '[keys.n2]\nprovider = "north"\nsecret = "env:X"\n'
    assert calls_per_s(fleet(ONE_LIMIT + second + 'pools = ["org"]\n'), {"requests": 1.0}, 300) == pytest.approx(1.0)
    assert calls_per_s(fleet(ONE_LIMIT + second), {"requests": 1.0}, 300) == float("inf")
    assert calls_per_s(fleet(), {"requests": 1.0}, 30) == float("inf")
