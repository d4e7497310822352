"""The workload of a plan: its busiest part, its peak, its volume."""

from __future__ import annotations

import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.planning.fleet import load_fleet
from actorrouter.simulation.planning.load import busiest_start, peak_of, read_load
from actorrouter.simulation.workloads import TraceInvalid
from tests.simulation.planning.fleets import ONE_LIMIT, SATURATED, calls_csv


@pytest.fixture
def fleet(tmp_path):
    """One route, called chat."""
    (tmp_path / "router.toml").write_text(ONE_LIMIT)
    return load_fleet(tmp_path / "router.toml", {})


@pytest.fixture
def trace(tmp_path):
    """Write a trace, return its path."""

    def write(text):
        (tmp_path / "calls.csv").write_text(text)
        return str(tmp_path / "calls.csv")

    return write


def test_the_busiest_stretch_begins_at_a_call():
    """The first of several with as many calls."""
    assert busiest_start([0, 10, 11, 12, 40, 41, 42, 90], 5) == 10
    assert busiest_start([], 5) == 0


def test_a_trace_is_looked_at_in_whole_unless_it_is_too_long(fleet, trace):
    """Then its busiest part counts, from nought on."""
    rows = [*range(0, 100, 10), *[100 + at / 10 for at in range(100)], *range(200, 300, 10)]
    path = trace("at_s,input_tokens,output_tokens\n" + "".join(f"{at},100,20\n" for at in rows))
    whole = read_load(path, fleet)
    assert (len(whole.calls(1)), whole.duration_s) == (120, 291.0)
    part = read_load(path, fleet, for_s=20)
    calls = part.calls(1)
    assert (part.duration_s, part.whole_s) == (20, 291.0)
    assert len(calls) >= 100
    assert calls[0].at_s == 0
    assert calls[-1].at_s < 20


def test_speed_and_volume_change_when_and_how_many(fleet, trace):
    """Twice as fast: half as long; twice the volume: twice the calls; a tenth: about a tenth."""
    path = trace(calls_csv(400, 0.5))
    fast = read_load(path, fleet, speed=2)
    assert fast.duration_s == 100.0
    assert peak_of(fast.calls(1), fast.duration_s).calls_per_s == pytest.approx(4.0, rel=0.02)
    assert len(read_load(path, fleet, volume=2).calls(1)) == 800
    assert 20 < len(read_load(path, fleet).at(0.1).calls(1)) < 60


def test_the_peak_is_the_busiest_minute(fleet, trace):
    """Calls per second and tokens per minute in it."""
    rows = [*range(0, 60, 6), *range(60, 120, 2), *range(120, 300, 6)]
    path = trace("at_s,input_tokens,output_tokens\n" + "".join(f"{at},100,20\n" for at in rows))
    load = read_load(path, fleet)
    peak = peak_of(load.calls(1), load.duration_s)
    assert peak.calls_per_s == pytest.approx(0.5)
    assert peak.tokens_per_min == pytest.approx(3600)


def test_described_workloads_come_from_a_scenario(fleet, tmp_path):
    """Its rates scale, its providers' differences are kept."""
    (tmp_path / "storm.toml").write_text(SATURATED + "[upstream.north.service]\nfirst_token_s = 1.5\n")
    load = read_load(str(tmp_path / "storm.toml"), fleet, for_s=60)
    assert load.duration_s == 60
    assert load.at(0.5).workloads["people"].rate_per_s == 2.0
    assert load.scenario(fleet).upstream["north"].service.first_token_s == 1.5


def test_routes_that_the_fleet_does_not_have_are_told(fleet, trace):
    """Before anything is rehearsed."""
    path = trace(calls_csv(2, 1, ",model").replace(",20\n", ",20,mail\n"))
    with pytest.raises(InvalidConfig, match="it asks for mail; routes of the fleet: chat"):
        read_load(path, fleet)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.toml", "[workload.x]\nkind = 'poisson'\n", "workload: "),
        ("b.toml", "title = 'no calls'\n", "at least one table"),
        ("c.toml", "[[", "no TOML"),
        ("d.csv", "at_s,input_tokens\n", "no column output_tokens"),
        ("e.csv", "at_s,input_tokens,output_tokens\n", "it has no calls"),
    ],
)
def test_what_is_no_workload_is_told(fleet, tmp_path, name, text, words):
    """With its file."""
    (tmp_path / name).write_text(text)
    with pytest.raises((InvalidConfig, TraceInvalid)) as caught:
        read_load(str(tmp_path / name), fleet)
    assert words in str(caught.value)
    assert name in str(caught.value)
