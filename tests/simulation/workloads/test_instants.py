"""When calls come: rates, bursts, order."""

from itertools import islice, pairwise, takewhile
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.workloads.instants import (
    Piece,
    bursts,
    diurnal,
    gamma_gap,
    memoryless,
    poisson,
    spread,
    weibull_gap,
)


def until(instants, end):
    return list(takewhile(lambda at: at < end, instants))


def close(count, expected, spread_factor=1.0):
    """Within five standard deviations of a count of independent calls, times how much burstier these are."""
    return abs(count - expected) < 5 * sqrt(expected) * spread_factor + 1


@given(st.floats(0.5, 200), st.integers())
def test_independent_calls_come_at_their_rate(rate, seed):
    """The count over a long time is within five standard deviations of rate times time."""
    time_s = 500 / rate
    assert close(len(until(poisson(rate, Random(seed)), time_s)), 500)


def test_gaps_of_independent_calls_vary_as_much_as_their_mean():
    """The coefficient of variation of exponential gaps is 1: no even spacing."""
    gaps = [b - a for a, b in pairwise(islice(poisson(10, Random(1)), 20_000))]
    mean = sum(gaps) / len(gaps)
    deviation = sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert 0.95 < deviation / mean < 1.05


@given(st.integers())
def test_a_burst_is_as_much_busier_as_it_says(seed):
    """On and off each come at their own rate."""
    instants = until(bursts(5, 10, 30, 8, Random(seed)), 400)
    on = sum(at % 40 < 10 for at in instants)
    assert close(on, 5 * 8 * 100)
    assert close(len(instants) - on, 5 * 300)


@given(st.integers())
def test_a_day_is_busiest_a_quarter_in_and_quiet_three_quarters_in(seed):
    """The mean over a period is the rate; the halves differ by the swing."""
    instants = until(diurnal(10, 0.8, 100, Random(seed)), 200)
    first = sum(at % 100 < 50 for at in instants)
    assert close(len(instants), 2000)
    assert close(first, 1000 * (1 + 0.8 * 2 / 3.14159265))


@pytest.mark.parametrize("gap", [memoryless, gamma_gap(0.5), gamma_gap(2), weibull_gap(0.6), weibull_gap(2)])
def test_every_law_of_gaps_has_a_mean_of_one(gap):
    """So a rate is a rate, however bursty."""
    chance = Random(3)
    assert 0.94 < sum(gap(chance) for _ in range(40_000)) / 40_000 < 1.06


pieces = st.lists(st.tuples(st.floats(0.1, 50), st.floats(0, 30)), min_size=1, max_size=8)


@given(pieces, st.sampled_from([memoryless, gamma_gap(0.3), weibull_gap(0.4)]), st.integers())
def test_instants_are_in_order_inside_the_pieces_and_silent_where_the_rate_is_none(lengths, gap, seed):
    """Whatever the pieces."""
    laid, at = [], 0.0
    for length, rate in lengths:
        laid.append(Piece(at, at + length, rate, gap))
        at += length
    instants = list(spread(laid, Random(seed)))
    assert instants == sorted(instants)
    assert all(0 <= instant < at for instant in instants)
    silent = [piece for piece in laid if piece.rate_per_s == 0]
    assert not any(piece.from_s < instant < piece.to_s for piece in silent for instant in instants)


def test_a_gap_goes_on_over_the_end_of_its_piece():
    """Many short pieces of one rate are the same as one long piece."""
    short = [Piece(i / 10, (i + 1) / 10, 2.0) for i in range(1000)]
    one, many = until(poisson(2.0, Random(5)), 99.0), until(spread(short, Random(5)), 99.0)
    assert many == pytest.approx(one)
