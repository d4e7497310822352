"""Callers: each arrival becomes one call that ends once, and time passes between the calls of one client."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.simulation.workloads import Arrival
from actorrouter.simulation.world.beginning import make_run
from actorrouter.simulation.world.callers import Callers
from actorrouter.simulation.world.fast import FastStage
from tests.simulation.world.fleets import fleet
from tests.simulation.world.played import played, trouble

CLOSED = """
[workload.eager]
kind = "closed"
clients = 3
think_s = 0
wait_s = 0
models = {chat = 1}
input = {kind = "constant", tokens = 50}
output = {kind = "constant", tokens = 10}
"""


@pytest.mark.parametrize("path", ["fast", "full"])
def test_clients_that_think_for_no_time_and_are_refused_at_once_do_not_stop_time(monkeypatch: Any, path: Any) -> None:
    """Neither by a full router nor by one that is down: a run ends, and each call in one way."""
    run = played(monkeypatch, CLOSED + trouble("kill", at_s=2, amount=1), path, duration_s="5", rate_per_s="0.1")
    figures = run.ending.figures
    assert figures["refused"] > 100
    assert 100 <= figures["down"] <= 310
    endings = ("served", "refused", "failed", "cancelled", "abandoned", "stopped", "down", "lost")
    assert sum(figures[kind] for kind in endings) == figures["offered"]


@pytest.mark.parametrize("tokens", [1, 50, 131_072])
@pytest.mark.parametrize("bytes_per_token", [1, 4, 16])
def test_a_call_s_text_is_as_long_as_its_tokens_say(tokens: int, bytes_per_token: int) -> None:
    """However many."""
    stage = FastStage()
    scenario = fleet(settle_s=f"600\nbytes_per_token = {bytes_per_token}")
    stage.run = make_run(scenario, 1, stage)
    arrival = Arrival(0, "chat", "a", 0, tokens, 7, 9, stream=False, wait_s=None, deadline_s=None)
    call = Callers(stage.run).call_of(arrival)
    assert len(call.body["messages"][0]["content"]) == tokens * bytes_per_token
    assert call.body["metadata"] == {"input_tokens": str(tokens), "output_tokens": "7"}
