"""`actorrouter plan`: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import doctest
import json
import re
import shlex
import shutil
import signal
from pathlib import Path

import pytest

from tests.cli.commands import ended, process
from tests.simulation.planning.fleets import ONE_LIMIT, calls_csv

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def files(tmp_path):
    """A fleet whose secret nobody set, and a trace of a call every four seconds."""
    (tmp_path / "router.toml").write_text(ONE_LIMIT)
    (tmp_path / "calls.csv").write_text(calls_csv(30, 4.0))
    return tmp_path / "router.toml", tmp_path / "calls.csv"


def test_a_plan_needs_no_secret_and_says_yes(cli, files, tmp_path):
    """Exit code 0; progress is on stderr, the plan on stdout and in the report."""
    config, trace = files
    report = tmp_path / "plan.html"
    code, printed, complained = cli("plan", config, "--workload", trace, "--report", report)
    assert code == 0
    assert "reaches every target" in printed
    assert "Binds first: north · org · requests" in printed
    assert "calls/s at peak: reaches the targets" in complained
    assert "carries" in report.read_text()


def test_a_missed_target_is_a_no_and_json_has_it_all(cli, files):
    """Exit code 1; stdout is JSON and nothing else."""
    config, trace = files
    code, printed, _ = cli("plan", config, "--workload", trace, "--volume", 8, "--target", "refused = 0", "--json")
    told = json.loads(printed)
    assert code == 1
    assert told["met"] is False
    assert told["targets"][0]["text"] == "refused = 0"
    assert told["needs"]["accounts"] >= 1
    assert set(told["baselines"]) > {"actorrouter", "round robin"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--target", "p98 wait < 2 s"), "unknown figure 'p98 wait'; known: "),
        (("--target", "p99 wait"), "expected FIGURE < NUMBER UNIT"),
        (("--route", "mail"), "no route 'mail'; known: chat"),
        (("--budget", "all=5"), "known: none"),
        (("--volume", "0"), "--volume must be above 0"),
        (("--for", "-1"), "--for must be above 0"),
        (("--speed", "nan"), "--speed must be above 0"),
    ],
)
def test_what_cannot_be_planned_is_told(cli, files, options, words):
    """Exit code 2 and why, before anything is rehearsed."""
    config, trace = files
    code, printed, complained = cli("plan", config, "--workload", trace, *options)
    assert (code, printed) == (2, "")
    assert words in complained


@pytest.mark.parametrize(("workload", "words"), [("absent.csv", "cannot be read"), ("absent", "no trace named absent")])
def test_a_workload_that_is_not_there_is_told(cli, files, workload, words):
    """A file by its name, a shipped trace with those that are."""
    code, printed, complained = cli("plan", files[0], "--workload", workload)
    assert (code, printed) == (2, "")
    assert words in complained


def test_the_how_to_shows_what_is_printed(cli, tmp_path, monkeypatch):
    """Its command, on the tutorial's fleet, prints what stands under it."""
    section = (DOCS / "how-to.md").read_text(encoding="utf-8").split("## Plan a fleet\n")[1].split("\n## ")[0]
    command, shown = re.findall(r"```(?:sh|text)\n(.*?)```", section, re.DOTALL)
    shutil.copy(DOCS / "fleet.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    code, printed, _ = cli(*shlex.split(command)[1:])
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert code == 1
    assert doctest.OutputChecker().check_output(shown, printed, flags), printed


def test_it_can_be_interrupted(files):
    """SIGINT: exit code 130, one line, no trace of what was under way."""
    config, _ = files
    with process("plan", str(config), "--workload", "azure2023_conv") as running:
        assert "azure2023_conv" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        code, printed, complained = ended(running)
    assert (code, printed) == (130, "")
    assert complained.strip().endswith("actorrouter: interrupted")
    assert complained.count("\n") <= 2
