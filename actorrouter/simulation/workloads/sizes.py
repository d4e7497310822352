"""How large calls are. Pure; chance is an argument."""

from bisect import bisect_left
from collections.abc import Callable
from math import ceil, exp, log
from random import Random

from actorrouter.simulation.workloads.config import SizesConfig

Draw = Callable[[Random], int]


def drawer(config: SizesConfig) -> Draw | None:
    """A function that draws token counts; None: they are the trace's own."""
    match config:
        case SizesConfig(kind="constant", tokens=int(tokens)):
            return lambda _: min(tokens, config.most)
        case SizesConfig(kind="lognormal", median=(int() | float()) as median, sigma=(int() | float()) as sigma):
            return lambda chance: _bounded(chance.lognormvariate(log(median), sigma), config.most)
        case SizesConfig(kind="pareto", least=int(least), alpha=(int() | float()) as alpha):
            return lambda chance: _bounded(least * (1 - chance.random()) ** (-1 / alpha), config.most)
        case _:
            return None


def _bounded(drawn: float, most: int) -> int:
    return max(1, round(min(drawn, most)))


def between(quantiles: list[tuple[float, float]], share: float) -> int:
    """The size at a share of all sizes, read from (share, size) points on a logarithmic scale of sizes."""
    at = bisect_left(quantiles, (share,))
    if at in (0, len(quantiles)):
        return max(1, round(quantiles[min(at, len(quantiles) - 1)][1]))
    (low, small), (high, large) = quantiles[at - 1 : at + 1]
    small, large = max(small, 1), max(large, 1)
    return max(1, round(exp(log(small) + (log(large) - log(small)) * (share - low) / (high - low))))


def allowance(output_tokens: int, fixed: int | None, margin: float) -> int:
    """The `max_tokens` a caller asks for."""
    return fixed if fixed is not None else ceil(output_tokens * margin)
