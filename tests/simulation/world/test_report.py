"""What a run leaves behind: the same bytes for the same seed, and never a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import attrs
import pytest

from actorrouter.simulation.reports import page, summary, to_json
from actorrouter.simulation.world.reached import reached
from actorrouter.simulation.world.report import report_of, scenario_hash
from tests.simulation.world.fleets import TROUBLE, fleet
from tests.simulation.world.played import played, trouble
from tests.simulation.world.test_rehearse import _talkative

_WRITE = """
import sys
from tests.simulation.world.fleets import TROUBLE, fleet
from actorrouter.simulation.reports import page, summary, to_json
from actorrouter.simulation.world.rehearse import rehearse
from actorrouter.simulation.world.report import report_of
for path in ("fast", "full"):
    ending = rehearse(fleet(TROUBLE, duration_s="30"), 7, path)
    record = report_of(ending)
    print(page(record), to_json(record), summary(record))
"""


def test_a_report_is_the_same_byte_for_byte_in_any_process() -> None:
    """Page, JSON, text and line of figures, on both paths, whatever the hash seed."""
    written = [
        subprocess.check_output([sys.executable, "-c", _WRITE], env={**os.environ, "PYTHONHASHSEED": hash_seed})
        for hash_seed in ("0", "4711")
    ]
    assert written[0] == written[1]
    assert b"sk-simulated" not in written[0]


@pytest.mark.parametrize("path", ["fast", "full"])
def test_no_secret_is_in_anything_that_is_written(monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
    """Not even where a bug of the router tells one to its observers: the finding names the key."""
    _talkative(monkeypatch)
    ending = played(monkeypatch, trouble("rotate_keys", at_s=3, every_s=3), path).ending
    assert any(told.startswith("law 7 ") for told in ending.violations)
    record = report_of(ending)
    written = "".join((page(record), to_json(record), summary(record), *ending.violations))
    assert "sk-simulated" not in written
    assert "n1" in written


def test_a_scenario_s_hash_is_of_what_it_describes() -> None:
    """Not of its file's name; any change of fleet, provider, workload or trouble changes it."""
    plain = fleet()
    assert scenario_hash(plain) == scenario_hash(attrs.evolve(fleet(), source="elsewhere.toml"))
    others = [
        fleet(rate_per_s="1.6"),
        fleet(trouble("crash")),
        fleet('[upstream.north]\nretry_after = "none"\n'),
        fleet(lease_s="21.0"),
        fleet(duration_s="121"),
    ]
    assert len({scenario_hash(each) for each in [plain, *others]}) == 6


def test_a_record_tells_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts agree with each other; every state has its span; the folder of the file is nobody's business."""
    scenario = attrs.evolve(fleet(TROUBLE, duration_s="30"), source="/some/where/storm.toml")
    ending = played(monkeypatch, scenario=scenario).ending
    record = report_of(ending)
    assert "/some/where" not in to_json(record)
    assert "storm.toml" in to_json(record)
    assert sum(record.waits.counts) == record.waits.quantiles.count == ending.figures["served"]
    assert sum(each.offered for each in record.tenants) == ending.figures["offered"]
    for timeline in record.states:
        starts, ends = [at for at, _, _ in timeline.spans], [until for _, until, _ in timeline.spans]
        assert starts[1:] == ends[:-1]
    seen = reached(ending)
    assert seen == record.coverage
    assert seen["trouble crash"] > 0
    assert seen["event Settled"] == ending.figures["events"] - sum(
        count for name, count in seen.items() if name.startswith("event ") and name != "event Settled"
    )
