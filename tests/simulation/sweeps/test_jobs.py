"""One run of a sweep: what it is called when it fails, and how it is played again."""

from __future__ import annotations

import shlex

import attrs
import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.sweeps import Job, cut, jobs, play, stage
from tests.simulation.sweeps.players import CALM, STRICT, generous, staged


def test_a_run_that_holds_has_no_faults_and_its_figures():
    """A line carries figures, coverage and the trace's hash; the same job gives the same ones."""
    line, again = play(Job(staged(), 1)), play(Job(staged(), 1))
    assert line.faults == line.told == ()
    assert line.calls == line.figures["offered"] > 20
    assert line.reached["ending served"] == line.figures["served"]
    assert (line.trace_hash, line.figures, line.reached) == (again.trace_hash, again.figures, again.reached)


def test_a_broken_expectation_is_named():
    """With what was expected; one whose figure does not exist is another failure."""
    assert play(Job(staged(CALM + STRICT), 1)).faults == ("expect provider_429_ours == 0",)
    odd = CALM.replace("provider_429_ours", "provider_500_ours")
    assert play(Job(staged(odd), 1)).faults == ("expect provider_500_ours == 0 (not measured)",)


def test_a_broken_law_is_named_by_its_number_with_its_second(monkeypatch):
    """Pools that grant everything break law 1, at a second of the run."""
    monkeypatch.setattr("actorrouter.actors.quota.BEHAVIOUR", jobs_behaviour())
    line = generous(Job(staged(), 1))
    assert "law 1" in line.faults
    assert line.told[0].startswith("law 1 at ")
    assert line.first_at_s is not None
    assert 0 < line.first_at_s < 20


def jobs_behaviour():
    """The true one, for monkeypatch to put back."""
    from actorrouter.actors import quota

    return quota.BEHAVIOUR


def test_what_goes_wrong_in_the_simulation_is_a_failure_of_the_run(monkeypatch):
    """An exception has its class as the fault's name, and says where."""

    def breaks(*_):
        raise KeyError("north")

    monkeypatch.setattr(jobs, "rehearse", breaks)
    line = play(Job(staged(), 1))
    assert line.faults == ("raised KeyError",)
    assert "test_jobs.py" in line.told[0]


def test_the_replay_line_plays_the_same():
    """Scenario, seed, way and cut stand in it, for a shell."""
    job = Job(attrs.evolve(staged(), source="my fleet/a.toml"), 7, "full", 30.0)
    words = ["actorrouter", "simulate", "my fleet/a.toml", "--seed", "7", "--path", "full", "--cut", "30"]
    assert shlex.split(job.replay) == words
    assert Job(staged(), 1).replay == "actorrouter simulate calm.toml --seed 1"


def test_a_cut_scenario_is_judged_by_laws_alone():
    """Shorter, and nothing is expected; a cut beyond its end changes nothing."""
    whole = staged().scenario()
    assert (cut(whole, 5).duration_s, cut(whole, 5).expect) == (5, ())
    assert cut(whole, 20) is whole
    assert cut(whole, None) is whole


@pytest.mark.parametrize("text", [None, b"\xff", b"title = 3", b"title = "], ids=["absent", "bytes", "wrong", "broken"])
def test_a_file_that_cannot_be_played_is_told_with_its_place(tmp_path, text):
    """Before anything is played."""
    file = tmp_path / "a.toml"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(InvalidConfig, match=r"a\.toml"):
        stage(file)
