"""Calls of several workloads: order, bounds, independence, the same in every process, one at a time."""

import json
import os
import subprocess
import sys
from itertools import islice
from math import inf

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.simulation.workloads import (
    SizesConfig,
    TraceInvalid,
    WorkloadConfig,
    arrivals,
    closed_clients,
    read_workloads,
)

MIXED = """
[workloads.steady]
kind = "poisson"
rate_per_s = 20
models = {chat = 3, assist = 1}
tenants = {a = 1, b = 2, c = 0}
stream_share = 0.4
cached_share = 0.5
input = {kind = "lognormal", median = 400, sigma = 1, most = 3000}
output = {kind = "pareto", least = 20, alpha = 1.2, most = 4000}
retries = 3
retry_pause_s = 0.5
wait_s = 2.0
deadline_s = 30.0
priority = 2

[workloads.herd]
kind = "once"
calls = 50
start_s = 10.0
models = {chat = 1}
input = {kind = "constant", tokens = 5}
output = {kind = "constant", tokens = 100}
max_tokens = 64

[workloads.surge]
kind = "bursts"
rate_per_s = 5
on_s = 2
off_s = 8
factor = 10
stop_s = 30.0
models = {chat = 1}
input = {kind = "constant", tokens = 5}
output = {kind = "constant", tokens = 5}

[workloads.day]
kind = "diurnal"
rate_per_s = 5
swing = 0.5
period_s = 60
models = {chat = 1}
input = {kind = "constant", tokens = 5}
output = {kind = "constant", tokens = 5}

[workloads.code]
kind = "trace"
trace = "azure2023_code"
volume = 1.5
from_s = 100.0
for_s = 600.0
time_scale = 0.1
models = {code = 1}

[workloads.measured]
kind = "servegen"
trace = "deepseek-r1"
from_s = 3600.0
models = {chat = 1}

[workloads.people]
kind = "closed"
clients = 3
think_s = 2
models = {chat = 1}
input = {kind = "constant", tokens = 5}
output = {kind = "lognormal", median = 50, sigma = 1}
"""
WORKLOADS = read_workloads(MIXED).workloads


def made(workloads=WORKLOADS, seed=7, duration_s=60.0):
    return list(arrivals(workloads, seed, duration_s))


def source(arrival):
    return arrival.client.split("/")[0]


def test_calls_come_in_order_and_inside_the_run():
    """Whatever workloads they are from; each open workload is there."""
    calls = made()
    assert [call.at_s for call in calls] == sorted(call.at_s for call in calls)
    assert all(0 <= call.at_s < 60 for call in calls)
    assert {source(call) for call in calls} == set(WORKLOADS) - {"people"}


def test_a_workload_starts_and_stops_when_it_says():
    """`stop_s` ends it; `once` is one instant; a cut trace ends with its excerpt, stretched."""
    calls = made(duration_s=200)
    assert max(call.at_s for call in calls if call.client == "surge") < 30
    assert {call.at_s for call in calls if call.client == "herd"} == {10.0}
    assert sum(call.client == "herd" for call in calls) == 50
    assert max(call.at_s for call in calls if call.client == "code") < 60


def test_every_call_carries_what_its_workload_says():
    """Retries, waits and priority; shares and weights within statistics."""
    calls = [call for call in made(duration_s=500) if call.client == "steady"]
    assert {(c.retries, c.retry_pause_s, c.wait_s, c.deadline_s, c.priority) for c in calls} == {(3, 0.5, 2, 30, 2)}
    assert abs(sum(call.stream for call in calls) / len(calls) - 0.4) < 0.03
    assert abs(sum(call.model == "chat" for call in calls) / len(calls) - 0.75) < 0.03
    assert abs(sum(call.tenant == "b" for call in calls) / len(calls) - 2 / 3) < 0.03
    assert {call.tenant for call in calls} == {"a", "b"}
    assert all(call.cached_tokens == call.input_tokens // 2 for call in calls)


@given(st.integers(), st.sampled_from(sorted(set(WORKLOADS) - {"people"})))
@settings(max_examples=15)
def test_a_workload_makes_the_same_calls_whoever_else_is_there(seed, name):
    """Its chance is seeded by its own name."""
    alone = made({name: WORKLOADS[name]}, seed, 12)
    assert alone == [call for call in made(seed=seed, duration_s=12) if source(call) == name]


def test_another_seed_or_name_makes_other_calls():
    """Chance is seeded by both."""
    steady = WORKLOADS["steady"]
    times = [[call.at_s for call in made({n: steady}, s)] for n, s in (("x", 1), ("x", 2), ("y", 1))]
    assert times[0] != times[1]
    assert times[0] != times[2]
    sizes = [[call.input_tokens for call in made({n: steady}, s)[:99]] for n, s in (("x", 1), ("x", 2), ("y", 1))]
    assert sizes[0] != sizes[1]
    assert sizes[0] != sizes[2]


def test_sizes_do_not_change_when_calls_come():
    """What is drawn has a chance of its own."""
    steady = WORKLOADS["steady"]
    other = attrs.evolve(steady, input=SizesConfig(kind="constant", tokens=1), tenants={"z": 1.0})
    assert [(c.at_s, c.output_tokens) for c in made({"w": steady})] == [
        (c.at_s, c.output_tokens) for c in made({"w": other})
    ]


SCRIPT = """
import hashlib, sys
from actorrouter.simulation.workloads import arrivals, closed_clients, read_workloads
workloads = read_workloads(sys.stdin.read()).workloads
told = hashlib.sha256()
for call in arrivals(workloads, 7, 60.0):
    told.update(repr(call).encode())
for client in closed_clients(workloads, 7, 60.0):
    told.update(repr(client.first()).encode())
print(told.hexdigest())
"""


def test_the_same_seed_makes_the_same_calls_in_every_process():
    """Two processes with different hash seeds agree to the last bit."""
    told = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=MIXED,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1


@given(
    st.integers(),
    st.one_of(st.none(), st.integers(1, 500)),
    st.floats(1, 4),
    st.one_of(st.none(), st.floats(0, 1)),
)
def test_an_answer_never_exceeds_what_was_allowed(seed, max_tokens, margin, cached_share):
    """Nor are more tokens cached than there are."""
    config = attrs.evolve(
        WORKLOADS["steady"], max_tokens=max_tokens, max_tokens_margin=margin, cached_share=cached_share
    )
    for call in made({"w": config}, seed, 2):
        assert 1 <= call.output_tokens <= call.max_tokens
        assert 0 <= call.cached_tokens <= call.input_tokens <= 3000


def test_calls_are_made_one_at_a_time():
    """A run without an end gives its first calls at once."""
    endless = {name: WORKLOADS[name] for name in ("steady", "day")}
    assert len(list(islice(arrivals(endless, 1, inf), 1000))) == 1000


def test_a_faulty_line_is_told_when_it_is_reached(tmp_path):
    """The calls before it have been made: the file is not read ahead."""
    (tmp_path / "mine.csv").write_text("at_s,input_tokens,output_tokens\n0,1,1\n1,1,1\n2,1,oops\n")
    config = WorkloadConfig(kind="trace", trace="mine.csv", models={"m": 1})
    calls = arrivals({"w": config}, 1, inf, tmp_path)
    assert [next(calls).at_s, next(calls).at_s] == [0, 1]
    with pytest.raises(TraceInvalid, match=r"mine\.csv line 4"):
        next(calls)


def test_a_traces_own_model_and_tenant_hold(tmp_path):
    """What the trace does not say is drawn."""
    (tmp_path / "mine.csv").write_text("at_s,input_tokens,output_tokens,model,tenant\n0,1,1,big,t\n1,1,1,,\n")
    config = WorkloadConfig(kind="trace", trace="mine.csv", models={"m": 1}, tenants={"u": 1})
    assert [(c.model, c.tenant) for c in arrivals({"w": config}, 1, inf, tmp_path)] == [("big", "t"), ("m", "u")]


def test_a_closed_client_calls_a_thought_after_its_answer_until_it_stops():
    """It has one call at a time, and thinks `think_s` on average."""
    clients = closed_clients(WORKLOADS, 7, 4000.0)
    assert [client.client for client in clients] == ["people/0", "people/1", "people/2"]
    client, answered, thoughts = clients[0], 0.0, []
    call = client.first()
    while call is not None:
        thoughts.append(call.at_s - answered)
        answered = call.at_s + 0.5
        call = client.after(answered)
    assert abs(sum(thoughts) / len(thoughts) - 2) < 0.3
    assert answered > 3900


def test_when_a_closed_client_is_answered_does_not_change_what_it_asks():
    """Its draws follow the number of its calls."""
    quick, slow = (
        [client.after(at * pace) for at in range(20)]
        for client, pace in zip([closed_clients(WORKLOADS, 7, inf)[0] for _ in range(2)], (1, 9), strict=True)
    )
    assert [call and call.output_tokens for call in quick] == [call and call.output_tokens for call in slow]


def test_an_arrival_is_plain_data():
    """It can be written as JSON."""
    assert json.loads(json.dumps(attrs.asdict(made()[0])))["at_s"] == made()[0].at_s
