"""The figures of a run: each says what its name says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.world.figures import fairness, quantiles
from actorrouter.simulation.world.recorder import BUCKETS, Recorder
from actorrouter.simulation.world.report import _histogram, _quantiles
from actorrouter.simulation.world.samples import Samples
from tests.simulation.world.fleets import TROUBLE
from tests.simulation.world.played import played, trouble

PAGE = Path(__file__).parents[3] / "docs" / "rehearsal.md"


def test_quantiles_are_by_the_nearest_rank() -> None:
    """Of one to a hundred they are their own names; of nothing nought."""
    numbers = [float(number) for number in range(1, 101)]
    assert quantiles(numbers) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert quantiles([3.0]) == {"p50": 3, "p95": 3, "p99": 3, "max": 3}
    assert quantiles([]) == {"p50": 0, "p95": 0, "p99": 0, "max": 0}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_fairness_is_jain_s_index(shares: list[float]) -> None:
    """Between 1/n and 1; 1 if all got the same; scale does not matter."""
    index = fairness(shares)
    assert 1 / len(shares) - 1e-9 <= index <= 1 + 1e-9
    assert fairness([0.7] * len(shares)) == pytest.approx(1)
    assert fairness([1.0] + [0.0] * (len(shares) - 1)) == pytest.approx(1 / len(shares))
    assert fairness([]) == 1


@given(st.lists(st.floats(0, 5000), max_size=300), st.integers(10, 400))
def test_a_histogram_counts_everything_once(numbers: list[float], most: int) -> None:
    """Edges rise, every sample is between the first and the last, and a draw stands for all of them."""
    samples = Samples(most)
    for number in numbers:
        samples.add(number)
    edges, counts = _histogram(samples)
    assert list(edges) == sorted(set(edges))
    assert not numbers or (len(counts) == len(edges) - 1 and edges[0] == 0 and edges[-1] >= max(numbers))
    if len(numbers) <= most:
        assert sum(counts) == len(numbers)
    else:
        assert sum(counts) == pytest.approx(len(numbers), rel=0.1, abs=len(edges))
    assert _quantiles(samples).count == len(numbers)


def test_a_recorder_counts_into_the_bucket_of_the_second() -> None:
    """The first, the last, and what comes after the end in the last."""
    recorder = Recorder(240.0, 0.0)
    for elapsed in (-1.0, 0.0, 0.99, 1.0, 239.5, 500.0):
        recorder.add("x", elapsed)
    series = recorder.series["x"]
    assert (len(series), series[0], series[1], series[-1]) == (BUCKETS, 3, 1, 2)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often trouble strikes and actors come back."""
    run = played(monkeypatch, trouble("crash", every_s=0.005), duration_s="20").ending.run
    assert len(run.recorder.marks) == 2_000
    assert run.recorder.seen["trouble crash"] > 2_000
    assert len(run.recorder.restarts) <= 2_000


def test_endings_add_up_and_every_figure_is_told_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was offered ended in one way each; the page on rehearsals lists the figures, and no other."""
    figures = played(monkeypatch, TROUBLE).ending.figures
    endings = ("served", "refused", "failed", "cancelled", "abandoned", "stopped", "down", "lost")
    assert sum(figures[kind] for kind in endings) == figures["offered"]
    assert figures["served_share"] == figures["served"] / figures["offered"]
    text = PAGE.read_text(encoding="utf-8").partition("\n### Figures\n")[2].partition("\n## ")[0]
    told = {name.strip("`") for line in text.splitlines() if line.startswith("| `")
            for name in line.split("|")[1].split(", ") for name in [name.strip()]}  # fmt: skip
    measured = {
        f"{name.partition('.')[0]}.{'CAUSE' if name.startswith('rejected') else 'TENANT'}" if "." in name else name
        for name in figures
    }
    assert told == measured
