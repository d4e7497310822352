"""When calls come: endless or finite generators of instants in seconds, in order. Pure; chance is an argument."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from math import gamma, inf, pi, sin
from random import Random

from attrs import frozen

Gap = Callable[[Random], float]


def memoryless(chance: Random) -> float:
    """A gap of mean 1 as independent callers leave it."""
    return chance.expovariate(1.0)


def gamma_gap(shape: float) -> Gap:
    """Gaps of mean 1 by a Gamma distribution; below shape 1 they come in clusters."""
    return lambda chance: chance.gammavariate(shape, 1 / shape)


def weibull_gap(shape: float) -> Gap:
    """Gaps of mean 1 by a Weibull distribution; below shape 1 they come in clusters."""
    scale = 1 / gamma(1 + 1 / shape)
    return lambda chance: chance.weibullvariate(scale, shape)


@frozen
class Piece:
    """A stretch of time with one rate and one law of gaps (of mean 1, stretched by the rate)."""

    from_s: float
    to_s: float
    rate_per_s: float
    gap: Gap = memoryless


def spread(pieces: Iterable[Piece], chance: Random) -> Iterator[float]:
    """Instants over pieces in order of time. A gap begun in one piece goes on in the next, at that one's rate."""
    left: float | None = None  # of the gap under way, in calls
    for piece in pieces:
        if piece.rate_per_s <= 0:
            continue
        at = piece.from_s
        left = piece.gap(chance) if left is None else left
        while (coming := at + left / piece.rate_per_s) < piece.to_s:
            yield coming
            at, left = coming, piece.gap(chance)
        left = max(0.0, left - (piece.to_s - at) * piece.rate_per_s)


def poisson(rate_per_s: float, chance: Random) -> Iterator[float]:
    return spread((Piece(0, inf, rate_per_s),), chance)


def bursts(rate_per_s: float, on_s: float, off_s: float, factor: float, chance: Random) -> Iterator[float]:
    """A burst of `factor` times the rate first, then the rate itself, and again."""

    def pieces() -> Iterator[Piece]:
        for turn in count():
            begun = turn * (on_s + off_s)
            yield Piece(begun, begun + on_s, rate_per_s * factor)
            yield Piece(begun + on_s, (turn + 1) * (on_s + off_s), rate_per_s)

    return spread(pieces(), chance)


def diurnal(rate_per_s: float, swing: float, period_s: float, chance: Random) -> Iterator[float]:
    """A sine about the mean rate that starts at the mean and rises: the busiest rate, thinned."""
    for at in poisson(rate_per_s * (1 + swing), chance):
        share = (1 + swing * sin(2 * pi * (at / period_s % 1))) / (1 + swing)
        if chance.random() < share:
            yield at
