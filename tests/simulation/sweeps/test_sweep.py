"""A sweep: the same result on any number of processes; what failed, how it spreads, what was reached."""

from __future__ import annotations

import json

import pytest

from actorrouter.simulation.sweeps import Pool, sweep
from actorrouter.simulation.sweeps.coverage import KNOWN
from actorrouter.simulation.sweeps.sweep import Progress
from tests.simulation.sweeps.players import CALM, STRICT, mortal, staged

BOTH = [staged(), staged(CALM + STRICT, "strict")]


def test_one_process_or_two_come_to_the_same():
    """Figures, failures, coverage and every run's trace are equal."""
    one, two = (sweep(BOTH, range(1, 4), jobs) for jobs in (1, 2))
    assert (one.jobs, two.jobs) == (1, 2)
    assert one.result() == two.result()
    assert [line.trace_hash for line in one.lines] == [line.trace_hash for line in two.lines]
    assert len({line.trace_hash for line in one.lines}) == 6


def test_a_sweep_tells_failures_with_seeds_and_replay():
    """By scenario, with the spread of what its expectations name, as JSON."""
    told = json.loads(json.dumps(sweep(BOTH, range(1, 4), 2).result()))
    assert (told["runs"], told["failing"]) == (6, 3)
    calm, strict = told["scenarios"]["calm.toml"], told["scenarios"]["strict.toml"]
    assert (calm["runs"], calm["failures"]) == (3, [])
    assert [each["seed"] for each in strict["failures"]] == [1, 2, 3]
    assert strict["failures"][1]["replay"] == "actorrouter simulate strict.toml --seed 2"
    assert strict["failures"][0]["faults"] == ["expect provider_429_ours == 0"]
    assert calm["figures"]["provider_429_ours"] == {"min": 0, "median": 0, "max": 0}
    spread = strict["figures"]["served_share"]
    assert spread["min"] <= spread["median"] <= spread["max"] <= 1
    assert "trouble crash" in told["coverage"]["reached"]
    assert set(told["coverage"]["never"]) | (set(told["coverage"]["reached"]) & KNOWN) == KNOWN


def test_a_dead_worker_is_a_failure_of_the_sweep():
    """With its seed; the sweep goes on."""
    swept = sweep([staged()], range(1, 5), pool=Pool(2, mortal))
    assert [line.job.seed for line in swept.failures] == [2, 3]
    assert len(swept.lines) == 4


def test_fail_fast_stops_at_the_first_failure():
    """What was not played is counted."""
    swept = sweep([staged(CALM + STRICT)], range(1, 50), 1, fail_fast=True)
    assert [line.job.seed for line in swept.failures] == [1]
    assert swept.cost()["not_run"] == 48


def test_when_its_time_is_over_no_run_begins():
    """Nothing was played; that is told."""
    swept = sweep([staged()], range(1, 4), 2, within_s=0)
    assert (swept.lines, swept.cost()["not_run"], swept.result()["scenarios"]) == ((), 3, {})


def test_a_watcher_sees_every_run_and_how_far_it_is():
    """One call a run, with counts that grow."""
    seen = []
    sweep(BOTH, [1, 2], 1, watch=lambda progress, line: seen.append((progress.done, progress.failing, line.job.seed)))
    assert seen == [(1, 0, 1), (2, 1, 1), (3, 1, 2), (4, 2, 2)]


def test_ctrl_c_leaves_what_was_played():
    """The result says that it was interrupted."""

    def watch(progress, _line):
        if progress.done == 2:
            raise KeyboardInterrupt

    swept = sweep([staged()], range(1, 50), 1, watch=watch)
    assert (swept.interrupted, len(swept.lines), swept.total) == (True, 2, 49)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(10), "0/10 runs, 0 failing, 0.0 runs/s"),
        (Progress(10, 4, 1, 100, 2.0), "4/10 runs, 1 failing, 2.0 runs/s, 3 s to go"),
        (Progress(10, 10, 0, 100, 5.0), "10/10 runs, 0 failing, 2.0 runs/s"),
    ],
)
def test_progress_in_words(progress, words):
    """Done, failing, rate, and what is left at this rate."""
    assert str(progress) == words
