"""A send without a network comes to what it comes to over one: for every trouble a provider can make."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.simulation.world.scenario import Scenario, loads_scenario
from tests.simulation.world.played import played

ONE = """
title = "One call"
duration_s = 2
settle_s = 900
[router]
cold_start = "empty"
[router.providers.north]
retry_reserve = 0.0
retry_ratio = 0.0
[router.keys.n1]
provider = "north"
limits = [{dimension = "requests", amount = 60, shape = "bucket"}]
[router.routes.chat]
candidates = [{provider = "north", model = "big"}]
[workload.one]
kind = "once"
calls = 1
models = {chat = 1}
wait_s = 0
stream_share = STREAM
input = {kind = "constant", tokens = 40}
output = {kind = "constant", tokens = 200}
[upstream.north.service]
first_token_s = 0.2
per_token_s = 0.01
chunk_tokens = 8
"""

FAULTS = [
    None,
    {"kind": "outage"},
    {"kind": "outage", "how": "html"},
    {"kind": "outage", "how": "drop"},
    {"kind": "outage", "status": 529},
    {"kind": "storm", "every_s": 0.001, "lasts_s": 1000.0},
    {"kind": "revoke"},
    {"kind": "remove_model"},
    {"kind": "throttle"},
    {"kind": "throttle", "retry_after_s": 7.0},
    {"kind": "squeeze", "factor": 0.001},
    {"kind": "lying", "factor": 0.0},
    {"kind": "wrong_wait", "factor": 3.0},
    {"kind": "slow_start", "factor": 30.0},
    {"kind": "slow_start", "factor": 1000.0},
    {"kind": "slow_stream", "factor": 5.0},
    {"kind": "truncate", "how": "answer"},
    {"kind": "truncate", "how": "drop"},
    {"kind": "stream_error"},
    {"kind": "no_usage"},
    {"kind": "double_usage"},
    {"kind": "keep_alive", "every_s": 0.1},
    {"kind": "hang"},
    {"kind": "garbage"},
    {"kind": "dial", "how": "refused"},
    {"kind": "dial", "how": "dns"},
    {"kind": "dial", "how": "tls"},
    {"kind": "dial", "how": "silent"},
]


def one(fault: dict[str, Any] | None, *, stream: bool) -> Scenario:
    lines = [f"{name} = {value!r}" for name, value in (fault or {}).items()]
    table = "\n".join(["[[upstream.north.faults]]", *lines]) if fault else ""
    return loads_scenario(ONE.replace("STREAM", "1.0" if stream else "0.0") + table)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "_".join(map(str, fault.values())) if fault else "none")
def test_both_paths_come_to_the_same(monkeypatch: pytest.MonkeyPatch, fault: Any, stream: bool) -> None:
    """The outcome of each send, and how the call ended."""
    told = [played(monkeypatch, path=path, scenario=one(fault, stream=stream)) for path in ("fast", "full")]
    fast, full = ([outcome for outcome, _ in run.settled] for run in told)
    assert fast == full
    assert fast
    endings = [
        {name: run.ending.figures[name] for name in ("served", "refused", "failed", "lost", "violations")}
        for run in told
    ]
    assert endings[0] == endings[1]
    if fast == ["succeeded"] and fault != {"kind": "no_usage"}:  # there the real adapter has to guess
        assert [used for _, used in told[0].settled] == [used for _, used in told[1].settled]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_whole_answer_is_charged_as_it_was(monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    """The provider's books and ours agree."""
    run = played(monkeypatch, scenario=one(None, stream=stream))
    (settled,) = run.settled
    assert settled[0] == "succeeded"
    assert run.ending.books["north"]["output_tokens"] == 200
    assert run.ending.books["north"]["outcomes"]["ok"] == 1
