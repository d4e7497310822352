"""The raw log of a pool, and what each posting charges to a limit by the words of its description.

It imports the description and nothing that enforces it, and reads it for itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from attrs import frozen

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import LimitConfig, PriceConfig

PostingKind = Literal["accepted", "refused", "produced", "finished"]
Posting = tuple[PostingKind, float, int, Request, int]  # kind, at, sequence, request, output tokens (accepted: most)


@frozen
class Step:
    """A charge of `amount` made `at`, counted as of `dated`. Only arrivals can break a limit; those refused are
    there for limits that mind."""

    at: float
    dated: float
    amount: float
    kind: Literal["arrival", "refused", "later"]


def steps(limit: LimitConfig, prices: Mapping[str, PriceConfig], log: Iterable[Posting]) -> Iterator[Step]:
    """What each posting charges. A request of which the log has only the end charges nothing."""
    accepted: dict[int, tuple[float, float]] = {}
    for kind, at, sequence, request, output_tokens in log:
        if kind == "accepted":
            up_front = _up_front(limit, prices, request)
            if limit.shape in ("concurrency", "in_flight") or limit.dimension != "requests":
                accepted[sequence] = (at, up_front)
            yield Step(at, at, up_front, "arrival")
        elif kind == "refused":
            yield Step(at, at, _up_front(limit, prices, request), "refused")
        elif kind == "produced":
            if limit.charge == "live" and limit.shape not in ("concurrency", "in_flight"):
                yield Step(at, at, _output(limit, output_tokens), "later")
        elif sequence in accepted:
            dated, up_front = accepted.pop(sequence)
            if limit.shape in ("concurrency", "in_flight"):
                yield Step(at, dated, -up_front, "later")
            elif limit.charge == "up_front_then_settle":
                yield Step(at, dated, _in_the_end(limit, prices, request, output_tokens) - up_front, "later")
            elif limit.charge == "actual":
                yield Step(at, at, _in_the_end(limit, prices, request, output_tokens), "later")


def _up_front(limit: LimitConfig, prices: Mapping[str, PriceConfig], request: Request) -> float:
    if limit.dimension in ("requests", "concurrency"):
        return 1
    if limit.shape != "in_flight" and limit.charge == "actual":
        return 0
    if limit.dimension == "cost":
        price = _price(prices, request)
        return (request.input_tokens * price.input_usd + request.max_tokens * price.output_usd) / 1e6
    given = request.input_tokens - (request.cached_tokens if limit.cached == "free" else 0)
    output = 0 if limit.charge == "live" and limit.shape != "in_flight" else request.max_tokens
    return given * _counts(limit, "input_tokens") + output * _counts(limit, "output_tokens")


def _in_the_end(limit: LimitConfig, prices: Mapping[str, PriceConfig], request: Request, output_tokens: int) -> float:
    if limit.dimension == "cost":
        price = _price(prices, request)
        cached_usd = price.input_usd if price.cached_usd is None else price.cached_usd
        fresh = request.input_tokens - request.cached_tokens
        return (fresh * price.input_usd + request.cached_tokens * cached_usd + output_tokens * price.output_usd) / 1e6
    given = request.input_tokens - (0 if limit.cached == "counted" else request.cached_tokens)
    return given * _counts(limit, "input_tokens") + _output(limit, output_tokens)


def _output(limit: LimitConfig, output_tokens: int) -> float:
    return output_tokens * limit.burndown * _counts(limit, "output_tokens")


def _counts(limit: LimitConfig, dimension: str) -> bool:
    return limit.dimension in ("tokens", dimension)


def _price(prices: Mapping[str, PriceConfig], request: Request) -> PriceConfig:
    return prices.get(request.model) or prices.get("*") or PriceConfig(0, 0)
