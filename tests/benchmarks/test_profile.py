"""Facts about the profiler of the benchmarks."""

from __future__ import annotations

import json
import signal
import time

import anyio
import pytest

from actorrouter.actors import quota
from actorrouter.events import Granted
from benchmarks import profile


@pytest.mark.parametrize(
    ("function", "module", "room"),
    [
        (quota.reserve, "actorrouter.actors.quota", "actorrouter.actors"),
        (Granted.__init__, "actorrouter.events", "actorrouter.events"),
        (json.dumps, "json.__init__", "json"),
        (anyio.run, "anyio._core._eventloop", "anyio"),
        (profile.module_of, "benchmarks.profile", "benchmarks"),
    ],
    ids=["ours", "made by attrs", "standard library", "another package", "a benchmark"],
)
def test_time_is_charged_to_the_package_whose_code_it_is(function, module, room):
    """Also code that has no file of its own."""
    assert profile.module_of(function.__code__) == module
    assert profile.room_of(function.__code__) == room


def test_what_runs_is_seen_and_nothing_afterwards():
    """Nearly all samples of a busy loop are its own; the timer and the handler are gone with the block."""
    before = signal.getsignal(signal.SIGPROF)
    with profile.sampled() as samples:
        _busy(0.2)
    assert samples.shares(samples.under, profile.function_of)["tests.benchmarks.test_profile._busy"] > 90
    assert samples.total == samples.own.total() > 10
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) == before


def _busy(cpu_s):
    began = time.process_time()
    while time.process_time() - began < cpu_s:
        pass
