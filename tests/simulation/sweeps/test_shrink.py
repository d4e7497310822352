"""From a failing seed to a small scenario that fails in the same way and can be played from its file."""

from __future__ import annotations

import tomllib

import attrs
import pytest

from actorrouter.simulation.sweeps import Job, Line, Pool, play, shrink, shrinkable, stage, write
from actorrouter.simulation.sweeps.shrink import whole
from tests.simulation.sweeps.players import SMALL, STRICTER, generous, needing, staged

OUTAGE = """
[upstream.north]
faults = [{kind = "outage", at_s = 1, for_s = 7}]
[upstream.south]
faults = [{kind = "outage", at_s = 1, for_s = 7}]
"""


def failing(text, player=play, seed=1):
    """The first run, on a pool."""
    with Pool(1, player) as pool:
        return pool.in_order([Job(staged(text), seed)])[0]


def test_a_planted_bug_is_found_shrunk_and_replayed(tmp_path):
    """Quota pools that grant everything: the written file breaks the same law, and it has the one key that matters."""
    line = failing(SMALL, generous)
    assert "law 1" in line.faults
    with Pool(2, generous) as pool:
        shrunk = shrink(line, pool, seconds_max=1e9)
        file = write(shrunk, tmp_path)
        (again,) = pool.in_order([Job(stage(file), 1)])
    assert shrunk.complete
    assert "law 1" in again.faults
    assert again.trace_hash == shrunk.line.trace_hash
    assert shrunk.after["seconds"] < shrunk.before["seconds"] == 8
    assert 7 <= shrunk.after["calls"] < shrunk.before["calls"]
    tree = tomllib.loads(file.read_text())
    assert len(tree["router"]["keys"]) == len(tree["router"]["providers"]) == len(tree["workload"]) == 1
    assert "trouble" not in tree or tree["trouble"] == []
    assert f"# actorrouter simulate {file} --seed 1" in file.read_text()


def test_what_matters_stays_on_one_process_as_on_two():
    """A failure that needs the south key and half of the robots: the rest of the fleet and of the calls goes."""
    found = []
    for jobs in (1, 2):
        with Pool(jobs, needing) as pool:
            found.append(shrink(needing(Job(staged(SMALL + STRICTER), 1)), pool, seconds_max=1e9, runs_max=1000))
    one, two = found
    assert one.complete
    assert one.tree == two.tree
    assert (list(one.tree["router"]["keys"]), list(one.tree["router"]["providers"])) == (["s1"], ["south"])
    assert list(one.tree["workload"]) == ["robots"]
    assert one.tree["workload"]["robots"]["calls"] == 8
    assert one.tree["expect"] == {}


def test_the_fleet_stays_when_a_smaller_one_would_explain_nothing():
    """Fewer keys always serve less: for a share that is too low, only what befalls the fleet is left out."""
    line = failing(SMALL + OUTAGE)
    assert line.faults == ("expect served_share >= 0.8",)
    with Pool(1) as pool:
        shrunk = shrink(line, pool, seconds_max=1e9, runs_max=40)
    assert shrunk.tree["router"] == whole(line.job.staged)["router"]
    assert any(each["faults"] for each in shrunk.tree["upstream"].values())
    assert shrunk.after["calls"] > 0
    assert not shrunk.tree.get("trouble")


def test_a_bound_on_runs_is_kept_and_told():
    """What was found until then still fails."""
    with Pool(1, needing) as pool:
        shrunk = shrink(needing(Job(staged(SMALL), 1)), pool, seconds_max=1e9, runs_max=3)
    assert (shrunk.runs, shrunk.complete) == (3, False)
    assert shrunk.fault in shrunk.line.faults


def test_a_cut_run_is_shrunk_from_its_cut():
    """The written scenario is not longer than what was played."""
    with Pool(1, generous) as pool:
        (line,) = pool.in_order([Job(staged(SMALL), 1, None, 6.0)])
        shrunk = shrink(line, pool, runs_max=1)
    assert shrunk.before["seconds"] == 6
    assert shrunk.after["seconds"] <= 6


@pytest.mark.parametrize(
    ("faults", "kept"),
    [
        (("law 1",), "law 1"),
        (("expect lost == 0", "law 2"), "expect lost == 0"),
        (("expect quarantines >= 1", "law 2"), "law 2"),
        (("expect served_share.a >= 0.9",), "expect served_share.a >= 0.9"),
        (("expect nonsense == 0 (not measured)",), None),
        (("endless",), None),
        ((), None),
    ],
)
def test_what_a_smaller_scenario_could_still_explain(faults, kept):
    """Not that too little happened, nor what was never measured, nor what takes for ever."""
    line = Line(Job(staged(), 1), faults)
    assert shrinkable(line) == kept
    if kept is None:
        with Pool(1) as pool, pytest.raises(ValueError, match="nothing to keep"):
            shrink(line, pool)


def test_references_lead_to_the_same_from_another_folder(tmp_path):
    """The router's file is put in; a trace's path is rewritten, a shipped trace's name stays."""
    home = tmp_path / "den"
    home.mkdir()
    (home / "fleet.toml").write_text('cold_start = "empty"\n[providers.north]\n')
    assert whole(attrs.evolve(staged('router = "fleet.toml"'), directory=home))["router"]["providers"] == {"north": {}}
    workloads = '[workload.a]\ntrace = "rows.csv"\n[workload.b]\ntrace = "shipped"\n'
    origin = Line(Job(attrs.evolve(staged(SMALL), directory=home), 1), ("law 1",), ("law 1 at 2: \x1b[2J\nover",))
    shrunk = _shrunk(origin, tomllib.loads(f'title = "t"\n{workloads}'))
    text = write(shrunk, tmp_path / "out").read_text()
    assert [each["trace"] for each in tomllib.loads(text)["workload"].values()] == ["../den/rows.csv", "shipped"]
    assert text.splitlines()[0] == "# law 1 at 2:  [2J over"


def _shrunk(line, tree):
    from actorrouter.simulation.sweeps import Shrunk

    return Shrunk("law 1", line, line, tree, {}, {}, 1, 0.0, complete=True)
