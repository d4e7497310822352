"""What a target may say, and what is told of one that says something else."""

from __future__ import annotations

import pytest

from actorrouter.simulation.planning.play import play
from actorrouter.simulation.planning.targets import FIGURES, TargetInvalid, parse_target, parse_targets
from actorrouter.simulation.world.scenario import loads_scenario
from tests.simulation.planning.fleets import SATURATED


@pytest.mark.parametrize(
    ("text", "figure", "compare", "bound"),
    [
        ("p99 wait < 2 s", "wait_p99_s", "<", 2.0),
        ("wait p99 <= 250ms", "wait_p99_s", "<=", 0.25),
        ("P95 TTFT < 1 s", "ttft_p95_s", "<", 1.0),
        ("max took < 2 min", "took_max_s", "<", 120.0),
        ("wait_p50_s < 0.5", "wait_p50_s", "<", 0.5),
        ("served share >= 99.9 %", "served_share", ">=", 0.999),
        ("served_share>=0.5", "served_share", ">=", 0.5),
        ("refused = 0", "refused", "==", 0.0),
        ("spend usd < 3 usd", "spend_usd", "<", 3.0),
        ("provider 429 ours == 0", "provider_429_ours", "==", 0.0),
    ],
)
def test_a_target_is_a_figure_in_words_and_a_bound(text, figure, compare, bound):
    """Times in s, ms or min; shares in percent or as they are."""
    expectation = parse_target(text).expectation
    assert (expectation.figure, expectation.compare) == (figure, compare)
    assert expectation.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p98 wait < 2 s", "unknown figure 'p98 wait'; known: p50|p95|p99|max of wait|ttft|took"),
        ("happiness > 3", "unknown figure 'happiness'"),
        ("p99 wait", "expected FIGURE < NUMBER UNIT"),
        ("p99 wait < soon", "expected FIGURE"),
        ("p99 wait < 2 h", "a time is given in s, ms or min, not 'h'"),
        ("p99 wait < 2 %", "a time is given in s"),
        ("refused < 1 %", "'%' is no unit of refused"),
        ("", "expected FIGURE"),
    ],
)
def test_what_cannot_be_understood_is_told_with_what_can(text, words):
    """The message names the target and the known figures."""
    with pytest.raises(TargetInvalid) as caught:
        parse_targets(["refused = 0", text])
    assert words in str(caught.value)
    assert repr(text) in str(caught.value)


def test_every_figure_that_may_be_named_is_measured():
    """No target is about something that no run has."""
    measured = play(loads_scenario(SATURATED.replace("duration_s = 180", "duration_s = 5")), 1).figures
    assert [figure for figure in FIGURES if figure not in measured] == []


def test_what_was_not_measured_does_not_hold():
    """A target of a missing figure is missed, and told as such."""
    target = parse_target("p99 wait < 2 s")
    assert not target.held({})
    assert target.measured({}) == "-"
    assert target.held({"wait_p99_s": 1.9})
    assert target.measured({"wait_p99_s": 1.9}) == "1.9 s"
