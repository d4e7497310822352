"""`simulate`, `sweep`, `compare`: what they print, what they leave behind, how they end."""

from __future__ import annotations

import json
import os
import signal
import tomllib
from pathlib import Path

import pytest

from tests.cli.commands import ended, process
from tests.simulation.sweeps.players import SMALL, STRICTER

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with one scenario that holds and one that does not, and one that cannot be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "calm.toml").write_text(SMALL)
    (tmp_path / "strict.toml").write_text(SMALL + STRICTER)
    (tmp_path / "bad.toml").write_text(SMALL.replace('kind = "poisson"', 'kind = "posson"'))
    return tmp_path


def test_simulate_tells_what_came_of_it(cli, here):
    """0: it holds; 1: it does not. Expectations with what was measured; the same as JSON."""
    code, printed, complained = cli("simulate", "good/calm.toml", "--seed", 3)
    assert (code, complained) == (0, "")
    assert printed.startswith("Small\nseed 3, fast path, 8 s of calls: every law held; every expectation held\n")
    assert "provider_429_ours == 0, measured 0" in printed
    code, printed, _ = cli("simulate", "strict.toml")
    assert (code, "0 of 2 expectations held" in printed, "✗ provider_429_ours == 0" in printed) == (1, True, True)
    assert "replay: actorrouter simulate strict.toml --seed 1" in printed
    code, printed, _ = cli("simulate", "strict.toml", "--json")
    told = json.loads(printed)
    assert (code, told["violations"]) == (1, [])
    assert told["figures"]["provider_429_ours"] > 0
    assert told["expectations"][0] == {
        "text": "provider_429_ours == 0",
        "held": False,
        "measured": str(told["figures"]["provider_429_ours"]),
    }
    assert json.loads(cli("simulate", "strict.toml", "--json")[1]) == told


def test_simulate_writes_a_page_and_others_beside(cli, here):
    """--report writes HTML that stands alone; --baselines tells what simpler pickers make of the same calls."""
    code, printed, complained = cli("simulate", "good/calm.toml", "--baselines", "--report", "out.html")
    assert (code, "out.html" in complained) == (0, True)
    assert "round robin" in printed
    page = (here / "out.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "round robin" in page
    code, _, complained = cli("simulate", "good/calm.toml", "--report", "no/such/folder.html")
    assert (code, "--report" in complained) == (2, True)
    code, _, _ = cli("compare", "good/calm.toml", "--policy", "ordered", "--report", "both.html")
    assert (code, "Runs side by side" in (here / "both.html").read_text()) == (0, True)


def test_simulate_plays_the_first_seconds_and_the_full_path(cli, here):
    """--cut judges laws alone; --path full goes through adapters and client."""
    code, printed, _ = cli("simulate", "strict.toml", "--cut", 2, "--path", "full", "--json")
    told = json.loads(printed)
    assert (code, told["path"], told["duration_s"], told["expectations"]) == (0, "full", 2, [])
    assert told["figures"]["served"] > 0


def test_the_replay_line_plays_the_same_run(cli, here):
    """With its path and its cut: pasted, it prints the same."""
    _, printed, _ = cli("simulate", "strict.toml", "--cut", 2, "--path", "full")
    replay = printed.rpartition("replay: actorrouter ")[2].split()
    assert cli(*replay)[1] == printed


@pytest.mark.parametrize("command", ["simulate", "sweep", "compare"])
def test_a_bad_file_is_told_with_its_place(cli, here, command):
    """Exit code 2, before anything is played."""
    options = ("--policy", "ordered") if command == "compare" else ()
    code, printed, complained = cli(command, "bad.toml", *options)
    assert (code, printed) == (2, "")
    assert "bad.toml" in complained
    assert "$.workload.people.kind" in complained
    code, _, complained = cli(command, "absent.toml", *options)
    assert (code, "absent.toml" in complained, "known: " in complained) == (2, True, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate", "good/calm.toml", "--cut", "-1"), "--cut must be above 0"),
        (("sweep", "good", "--seeds", "0"), "--seeds must be above 0"),
        (("sweep", "good", "--jobs", "0"), "--jobs must be above 0"),
        (("sweep", "good", "--within", "0"), "--within must be above 0"),
        (("sweep", "good", "--within", "nan"), "--within must be above 0"),
        (("sweep", "."), "posson"),
        (("compare", "good/calm.toml"), "compare with what"),
        (("compare", "good/calm.toml", "strict.toml", "--policy", "ordered"), "compare with what"),
        (("compare", "good/calm.toml", "--policy", "luckiest"), "policy"),
        (("simulate", "good/calm.toml", "--path", "slow"), "Invalid value"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli, here, arguments, words):
    """Exit code 2 and why."""
    code, printed, complained = cli(*arguments)
    assert (code, printed) == (2, "")
    assert words in complained


def test_a_sweep_that_played_nothing_has_found_nothing_out(cli, here):
    """Exit code 1: no news is no good news."""
    code, printed, complained = cli("sweep", "good", "--within", "1e-9")
    assert (code, "0 runs, 0 failed, 10 not run" in printed) == (1, True)
    assert "nothing was played" in complained


def test_sweep_finds_shrinks_and_writes(cli, here):
    """1: some run failed; how, its replay line, and the file of a smaller one, which fails in the same way."""
    code, printed, complained = cli("sweep", "good", "strict.toml", "--seeds", 2, "--jobs", 2)
    assert code == 1
    assert "good/calm.toml: 2 runs" in printed
    assert "strict.toml: 2 runs" in printed
    assert "2 FAILED: seeds 1, 2" in printed
    assert "4 runs, 2 failed;" in printed
    assert "never:" in printed
    assert "replay: actorrouter simulate strict.toml --seed 2" in complained
    assert "4/4 runs, 2 failing" in complained
    file = Path("sweep-failures/strict-seed-1.toml")
    assert f"replay: actorrouter simulate {file} --seed 1" in complained
    tree = tomllib.loads(file.read_text())
    assert tree["duration_s"] <= 8
    assert tree["upstream"]["south"]["scopes"]["s1-own"]["limits"][0]["amount"] == 5
    assert (list(tree["workload"]), list(tree["expect"])) == (["robots"], ["provider_429_ours"])
    code, printed, _ = cli("simulate", file)
    assert (code, "✗ provider_429_ours == 0" in printed) == (1, True)


def test_sweep_as_json(cli, here):
    """Only JSON on stdout; without --no-shrink nothing is written."""
    code, printed, _ = cli("sweep", "strict.toml", "--seeds", 1, "--no-shrink", "--json")
    told = json.loads(printed)
    assert (code, told["runs"], told["failing"], told["shrunk"], told["interrupted"]) == (1, 1, 1, [], False)
    assert told["scenarios"]["strict.toml"]["failures"][0]["seed"] == 1
    assert told["cost"]["cpu_s"] > 0
    assert not Path("sweep-failures").exists()
    code, printed, _ = cli("sweep", "good", "--first-seed", 5, "--seeds", 1, "--json")
    assert (code, json.loads(printed)["failing"]) == (0, 0)


def test_ctrl_c_ends_a_sweep_with_its_workers(here):
    """As from a terminal, to every process of the group: what was played is told, exit code 130, nobody is left."""
    command = ("sweep", str(here / "strict.toml"), "--seeds", "100000", "--jobs", "2", "--no-shrink")
    with process(*command, cwd=ROOT, start_new_session=True) as running:
        assert "FAILED strict seed" in running.stderr.readline()
        workers = _workers_of(running.pid)
        os.killpg(running.pid, signal.SIGINT)
        code, printed, complained = ended(running)
    assert (code, "strict.toml: " in printed, " not run;" in printed) == (130, True, True)
    assert complained.endswith("actorrouter: interrupted: this is what was played until then\n")
    assert len(workers) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def _workers_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_compare_two_scenarios_and_two_policies(cli, here):
    """Figures that differ side by side, with how far; as JSON all of them."""
    code, printed, _ = cli("compare", "good/calm.toml", "strict.toml", "--seed", 1)
    assert (code, "strict - calm" in printed.splitlines()[0]) == (0, True)
    assert any(line.split()[0] == "provider_429_ours" for line in printed.splitlines())
    code, printed, _ = cli("compare", "good/calm.toml", "--policy", "headroom", "--policy", "ordered", "--json")
    told = json.loads(printed)
    assert (code, list(told["runs"])) == (0, ["headroom", "ordered"])
    assert len(told["figures"]["served"]) == 2


def test_compare_puts_two_kept_runs_side_by_side(cli, here):
    """What `simulate --json` printed at one commit and at another; whatever else is refused with its name."""
    for seed, name in ((1, "before.json"), (2, "after.json")):
        (here / name).write_text(cli("simulate", "good/calm.toml", "--seed", seed, "--json")[1])
    code, printed, _ = cli("compare", "before.json", "after.json", "--report", "both.html")
    assert code == 0
    assert "seed 1" in printed.splitlines()[0]
    assert "served" in printed
    assert "Runs side by side" in (here / "both.html").read_text()
    (here / "bad.json").write_text("{}")
    code, _, complained = cli("compare", "before.json", "bad.json")
    assert (code, "bad.json: not the record of a run" in complained) == (2, True)
    code, _, complained = cli("compare", "before.json", "absent.json")
    assert (code, "absent.json: no such file" in complained) == (2, True)
