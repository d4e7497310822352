"""What a run sets in its process is put back, and a process that is killed leaves nothing behind."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
import trio.testing

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.workloads.traces import TraceInvalid
from actorrouter.simulation.world.callers import Callers
from actorrouter.simulation.world.full import FullStage
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import loads_scenario
from tests.simulation.world.fleets import FLEET, fleet

both_paths = pytest.mark.parametrize("path", ["fast", "full"])

_CLOCKS = """
import sys, time
from actorrouter.simulation.world.full import _CLOCKED, _virtual_clocks
assert not any(name in sys.modules for name in _CLOCKED)
with _virtual_clocks(lambda: 42.0):
    print(*(sys.modules[name].time.monotonic() for name in _CLOCKED if name in sys.modules))
print(all(sys.modules[name].time is time for name in _CLOCKED if name in sys.modules))
"""


def test_the_http_clients_clocks_are_virtual_from_the_first_run_on() -> None:
    """Of httpx2 and httpx, though neither has loaded them yet; afterwards they are the machine's again."""
    told = subprocess.check_output([sys.executable, "-c", _CLOCKS], text=True, timeout=60).split()
    assert told == ["42.0", "42.0", "True"]


def tampered() -> tuple[Any, ...]:
    """What belongs to the process and a run sets."""
    core, client = trio._core._run, importlib.import_module("httpcore2._async.http11")
    return core._ALLOW_DETERMINISTIC_SCHEDULING, client.time is time, gc.isenabled(), gc.get_freeze_count() > 0


@both_paths
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_whatever_ends_a_run_comes_out_as_it_is_and_all_is_put_back(
    monkeypatch: pytest.MonkeyPatch, path: Any, error: type[BaseException]
) -> None:
    """Ctrl-C too; and the next run is as if nothing had been."""
    whole = rehearse(fleet(duration_s="5"), 1, path).trace_hash
    before = tampered()

    async def failing(callers: Callers) -> None:
        await callers._run.stage.sleep_until(callers._run.started + 1)
        assert tampered() != before
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Callers, "_open", failing)
        with pytest.raises(error):
            rehearse(fleet(duration_s="5"), 1, path)
    assert tampered() == before
    assert rehearse(fleet(duration_s="5"), 1, path).trace_hash == whole


@both_paths
def test_a_trace_with_a_faulty_row_is_told(tmp_path: Path, path: Any) -> None:
    """When it is come to, by line, and without a group around it."""
    (tmp_path / "t.csv").write_text("at_s,input_tokens,output_tokens\n0,5,5\n1,x,5\n")
    text = f'{FLEET}\n[workload.measured]\nkind = "trace"\ntrace = "t.csv"\nmodels = {{chat = 1}}\n'
    with pytest.raises(TraceInvalid, match=r"t\.csv line 3"):
        rehearse(loads_scenario(text, "x.toml", tmp_path), 1, path)


@both_paths
def test_two_threads_rehearse_one_after_the_other(path: Any) -> None:
    """Each as if it were alone."""
    alone = [rehearse(fleet(duration_s="5"), seed, path).trace_hash for seed in (1, 2, 3)]
    endings: dict[int, Ending] = {}

    def play(seed: int) -> None:
        endings[seed] = rehearse(fleet(duration_s="5"), seed, path)

    before = tampered()
    threads = [threading.Thread(target=play, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert [endings[seed].trace_hash for seed in (1, 2, 3)] == alone
    assert tampered() == before


def test_a_killed_process_leaves_no_task_behind() -> None:
    """Neither what waits nor what was just started; what is not of the process goes on."""
    told: list[str] = []

    async def work(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        told.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            stage = FullStage(group, None)
            stage._process = process = anyio.CancelScope()
            stage.spawn(work("waiting", 5))
            stage.spawn(work("ended", 1))
            stage.spawn(work("of the world", 5), of_process=False)
            await anyio.sleep(2)
            stage.spawn(work("just started", 5))
            stage._end(process)
            assert stage._members == {}
            await anyio.wait_all_tasks_blocked()
            assert len(trio.lowlevel.current_task().child_nurseries[0].child_tasks) == 1
        assert anyio.current_time() == 5

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert told == ["ended", "of the world"]


def test_without_trio_the_full_path_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a fault of the scenario."""

    def missing(name: str) -> Any:
        raise ImportError(name)

    scenario = fleet()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InvalidConfig, match=r"actorrouter\[simulation\]"):
        rehearse(scenario, 1, "full")
