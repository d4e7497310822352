"""The demo as a person runs it: a process of its own, judged by its last line and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from actorrouter import demo
from actorrouter.demo import faults, traffic, verdict
from actorrouter.demo.record import Record
from actorrouter.demo.traffic import Ending, Tally
from actorrouter.demo.world import PROVIDERS, World, pools_of_keys

SHORT = ("--rows", "150", "--speed", "150")
KEYS = {"served", "refused", "lost", "violations", "provider_429_ours", "peak_use_max", "restarts", "wall_s"}


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "actorrouter.demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def figures(printed):
    return json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_short_run_keeps_every_law(backend):
    """On either backend every call of the trace's beginning ends once, with nothing lost and no 429 of our making."""
    with started(*SHORT, "--backend", backend) as running:
        printed, complaints = running.communicate(timeout=60)
    told = figures(printed)
    assert (running.returncode, complaints) == (0, ""), printed
    assert told.keys() == KEYS
    assert told["served"] + told["refused"] == 150
    assert told["served"] >= 145
    assert (told["lost"], told["violations"], told["provider_429_ours"], told["restarts"]) == (0, 0, 0, 2)
    assert 0 < told["peak_use_max"] <= 1
    for title in ("Keys", "Quota pools", "Tenants", "The laws held", "A plain call", "How to go on"):
        assert title in printed


def test_json_only_prints_one_line():
    """With --json-only the whole output is the JSON object."""
    with started("--rows", "20", "--speed", "150", "--json-only") as running:
        printed, _ = running.communicate(timeout=60)
    assert len(printed.splitlines()) == 1
    assert figures(printed)["served"] == 20


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(backend, sent):
    """A signal in the middle: the report so far, exit code 130, no traceback, and the providers' process is gone."""
    with started("--backend", backend) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "served" in line:
                break
        (child,) = children(running.pid)
        running.send_signal(sent)
        printed, complaints = running.communicate(timeout=20)
    assert (running.returncode, complaints) == (130, "")
    assert "interrupted" in printed
    assert "The laws held" in printed
    assert 0 < figures(printed)["served"] < 2152
    assert figures(printed)["lost"] == 0
    assert_ended(child)


def test_a_signal_before_the_first_call_is_obeyed():
    """Ctrl-C while the providers are still starting ends it too: nothing was sent, nothing is broken."""
    with started() as running:
        while not children(running.pid):
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        printed, complaints = running.communicate(timeout=20)
    assert (running.returncode, complaints) == (130, "")
    assert figures(printed)["served"] == 0


def test_killed_it_takes_the_providers_along():
    """Even if the demo is killed, the providers' process does not outlive it."""
    with started() as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "served" in line:
                break
        (child,) = children(running.pid)
        running.kill()
    assert_ended(child)


def children(process_id):
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process_id)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in listed.stdout.split()]


def assert_ended(process_id):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
        )
        if state.stdout.strip() in ("", "Z"):
            return
        time.sleep(0.05)
    raise AssertionError("the providers' process is still there")


def test_limits_declared_too_large_are_found_out(capsys):
    """A router that is told of ten times the room there is draws 429s, and the demo says so and exits 1."""
    code = demo.main([*SHORT, "--quiet"], declared=10.0)
    printed = capsys.readouterr().out
    assert code == 1
    assert figures(printed)["provider_429_ours"] > 0
    assert "The laws broken" in printed


# ------------------------------------------------------------------------------------------------- its parts


def test_the_trace_is_every_ninth_row():
    """2,152 calls over 58 minutes, in order."""
    rows = traffic.read_trace()
    assert len(rows) == 2152
    assert [row.at_s for row in rows] == sorted(row.at_s for row in rows)
    assert 57 * 60 < rows[-1].at_s < 59 * 60


def test_both_sides_are_told_the_same_limits():
    """The router's pools and the providers' scopes have the same amounts, windows and bursts."""
    world = World(75.0)
    theirs = world.provider_side({})
    ours = world.router_side(dict.fromkeys(PROVIDERS, 1))
    for name, provider in theirs.providers.items():
        for pool in PROVIDERS[name].pools:
            told = [
                (limit.dimension, limit.amount, limit.burst or limit.amount) for limit in provider.scopes[pool].limits
            ]
            kept = [(limit.dimension, limit.amount, limit.burst or limit.amount) for limit in ours.pools[pool].limits]
            assert told == kept
    assert ours.keys.keys() == pools_of_keys().keys()


def test_a_short_run_has_every_fault():
    """Faults are placed by shares of the run: a short one has them all, within its length."""
    placed = [fault for each in faults.schedule(World(75.0), 240.0).values() for fault in each]
    assert len(placed) == len(faults.TROUBLES)
    assert all(fault.at_s + (fault.for_s or 0) <= 240.0 / 75 for fault in placed)


def books(served=0, limit_429=0, peak=0.5, violations=()):
    key = {"served": served}
    return {
        name: {
            "keys": dict.fromkeys((k for pool in each.pools.values() for k in pool.keys), key),
            "rejected": {"limit": limit_429},
            "violations": list(violations),
            "scopes": {pool: {"limits": [{"peak": peak}], "log_complete": True} for pool in each.pools},
        }
        for name, each in PROVIDERS.items()
    }


def test_what_only_the_provider_knows_of_is_lost():
    """A call that the provider served and our events do not know of counts as lost."""
    judged = verdict.judge(Tally(), Record(), books(served=1), (), 1.0)
    assert judged.lost == len(pools_of_keys())
    assert not judged.holds


@pytest.mark.parametrize(
    ("tally", "their_books", "broken"),
    [
        (Tally(begun=1), books(), ()),
        (Tally(begun=0), books(limit_429=1), ()),
        (Tally(begun=0), books(), ("a law",)),
    ],
    ids=["no ending", "429 of ours", "a checker"],
)
def test_each_broken_law_is_enough(tally, their_books, broken):
    """A call without an ending, a 429 of our making, a checker's finding: each alone breaks the verdict."""
    assert not verdict.judge(tally, Record(), their_books, broken, 1.0).holds


def test_a_quiet_run_holds():
    """Nothing sent, nothing booked: every law held."""
    tally = Tally(begun=1)
    tally.add(Ending("refused", "modest", "no capacity"))
    judged = verdict.judge(tally, Record(), books(), (), 1.0)
    assert judged.holds
    assert json.loads(judged.line()).keys() == KEYS
