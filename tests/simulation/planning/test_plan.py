"""Plans of fleets whose edge is known by arithmetic."""

from __future__ import annotations

from decimal import Decimal
from xml.dom import minidom

import pytest

from actorrouter.simulation.planning import needs
from actorrouter.simulation.planning.fleet import load_fleet
from actorrouter.simulation.planning.load import read_load
from actorrouter.simulation.planning.plan import VOLUME_MAX, make_plan
from actorrouter.simulation.planning.plot import page
from actorrouter.simulation.planning.targets import USUAL, parse_targets
from actorrouter.simulation.planning.telling import plain, tell
from tests.simulation.planning.fleets import ONE_LIMIT, calls_csv

TARGETS = parse_targets(USUAL)


def planned(folder, text, calls, every_s, **options):
    """The fleet and its plan for evenly spaced calls."""
    (folder / "router.toml").write_text(text)
    (folder / "calls.csv").write_text(calls_csv(calls, every_s))
    fleet = load_fleet(folder / "router.toml", {})
    load = read_load(str(folder / "calls.csv"), fleet, **options)
    return fleet, make_plan(fleet, load, TARGETS)


@pytest.fixture(scope="module")
def too_much(tmp_path_factory):
    """60 requests a minute, two calls per second."""
    return planned(tmp_path_factory.mktemp("plan"), ONE_LIMIT, 480, 0.5)


def test_one_limit_carries_what_it_allows(too_much):
    """60 requests a minute are about one call per second at the busiest minute."""
    _, plan = too_much
    assert not plan.met
    assert not plan.unbound
    assert plan.asked.peak.calls_per_s == pytest.approx(2.0)
    assert 0.85 <= plan.carried.peak.calls_per_s <= 1.15
    assert plan.carried.met
    assert all(point.met is all(t.held(point.figures) for t in TARGETS) for point in plan.points)


def test_the_only_limit_binds(too_much):
    """It is named with its provider, pool and dimension; all refusals are its own."""
    _, plan = too_much
    (first,) = plan.binding
    assert (first.where, first.dimension, first.share) == ("north · org", "requests", 1.0)
    assert first.use.peak == pytest.approx(1.0)
    assert plan.next_limit is None


def test_twice_the_workload_needs_two_accounts(too_much):
    """One more like the first, or limits about twice as high; no budget stands in the way."""
    _, plan = too_much
    assert (plan.needs.key_id, plan.needs.accounts, plan.needs.budgets_usd) == ("n1", 1, {})
    assert plan.needs.provider == "north"
    assert 1.8 <= plan.needs.tier <= 2.2


def test_the_router_sends_nothing_in_vain_where_others_do(too_much):
    """Side by side on the same calls."""
    _, plan = too_much
    assert plan.baselines["actorrouter"]["provider_429_ours"] == 0
    assert plan.baselines["round robin"]["provider_429_ours"] > 100


def test_the_same_arguments_give_the_same_plan(tmp_path):
    """To the last figure, in every form."""
    (fleet, plan), (_, again) = (planned(tmp_path, ONE_LIMIT, 60, 0.5) for _ in range(2))
    assert plain(plan) == plain(again)
    assert tell(plan, fleet) == tell(again, fleet)


def test_a_plan_is_told_in_a_minute(too_much):
    """What was looked at, the targets, what is carried, what binds, what it takes."""
    fleet, plan = too_much
    text = tell(plan, fleet)
    assert len(text.split("\n")) < 40
    for words in ("misses a target", "missed  p99 wait < 2 s", "It carries 0.", "Binds first: north · org · requests",
                  "1 more account like that of key n1", "round robin"):  # fmt: skip
        assert words in text


def test_a_page_shows_the_edge(too_much):
    """It is well-formed, marks what is carried and holds no secret."""
    fleet, plan = too_much
    text = page(plan, fleet)
    minidom.parseString(text)  # noqa: S318 - our own page
    assert f"carries {plan.carried.peak.calls_per_s:.3g} calls/s" in text
    assert "sk-simulated" not in text
    assert text == page(plan, fleet)


def test_what_the_fleet_carries_easily_needs_nothing(tmp_path):
    """A call every four seconds: a quarter of what is allowed; no needs are searched; the next limit is told."""
    tokens = ', { dimension = "tokens", amount = 10_000, window_s = 60, shape = "sliding" }]'
    limits = ONE_LIMIT.replace('shape = "sliding" }]', 'shape = "sliding" }' + tokens)
    fleet, plan = planned(tmp_path, limits, 75, 4.0)
    assert plan.met
    assert plan.needs is None
    assert 3.0 <= plan.carried.volume <= 4.6
    assert plan.binding[0].dimension == "requests"
    assert plan.next_limit.dimension == "tokens"
    assert plan.next_volume > plan.carried.volume
    assert "After that:" in tell(plan, fleet)


def test_without_limits_nothing_binds(tmp_path):
    """The search ends at the most that is tried, and says so."""
    fleet, plan = planned(tmp_path, ONE_LIMIT.replace('pools = ["org"]', ""), 20, 2.0)
    assert plan.unbound
    assert plan.carried.volume == VOLUME_MAX
    assert "at least 64 times" in tell(plan, fleet)


def test_a_budget_that_is_too_low_is_told_with_what_it_takes(tmp_path):
    """100 calls of a cent need a dollar, where half of it is allowed."""
    priced = ONE_LIMIT.replace('model = "big"', 'model = "big", price = { request_usd = 0.01 }')
    fleet, plan = planned(tmp_path, priced + '[budgets.all]\nusd = 0.5\nevery = "month"\n', 100, 2.0)
    assert not plan.met
    assert plan.needs.accounts == 0
    assert plan.needs.budgets_usd["all"] == Decimal("1.00")
    text = tell(plan, fleet)
    assert "budget all of $1.00" in text
    assert "Binds first: budget all" in text


def test_what_no_account_mends_is_told_as_such(monkeypatch, tmp_path):
    """A target that the service time alone misses."""
    monkeypatch.setattr(needs, "ACCOUNTS_MAX", 2)
    monkeypatch.setattr(needs, "TIER_MAX", 2.0)
    (tmp_path / "router.toml").write_text(ONE_LIMIT)
    (tmp_path / "calls.csv").write_text(calls_csv(20, 2.0))
    fleet = load_fleet(tmp_path / "router.toml", {})
    load = read_load(str(tmp_path / "calls.csv"), fleet)
    plan = make_plan(fleet, load, parse_targets(["p50 took < 1 ms"]))
    assert plan.carried is None
    assert plan.needs is not None
    assert (plan.needs.accounts, plan.needs.tier) == (None, None)
    assert "carries nothing within the targets" in tell(plan, fleet)


def test_limits_that_a_run_is_too_short_for_are_told(tmp_path):
    """A day's limit: when it would be full at this rate; units nobody counts here are named."""
    day = ', { dimension = "requests", amount = 1000, window_s = 86400, shape = "fixed" }'
    pages = ', { dimension = "pages", amount = 5 }]'
    limits = ONE_LIMIT.replace('shape = "sliding" }]', 'shape = "sliding" }' + day + pages)
    fleet, plan = planned(tmp_path, limits, 50, 2.0)
    ((use, full_s),) = plan.long_limits
    assert (use.window_s, use.amount) == (86400, 1000)
    assert full_s == pytest.approx(1000 * 2.0, rel=0.03)
    assert "Not rehearsed: limits of pages" in tell(plan, fleet)
