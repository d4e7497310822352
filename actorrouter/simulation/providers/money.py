"""What a request weighs on a limit: tokens by the words of its description, US dollars by the model's price.

Dollars are floats here, exact to far below a millionth of a cent. Both are linear:
(input, output, cached) -> given x input + written x output - cached x what the cache saves.
"""

from collections.abc import Mapping

from attrs import frozen

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import LimitConfig, PriceConfig

_MILLION = 1_000_000.0


@frozen
class Weights:
    """What one input token, one output token and one cached input token (taken off again) come to."""

    given: float
    written: float
    cached: float

    def weigh(self, input_tokens: int, output_tokens: int, cached_tokens: int) -> float:
        return self.given * input_tokens + self.written * output_tokens - self.cached * cached_tokens


_NOTHING = Weights(0, 0, 0)


def token_weights(limit: LimitConfig) -> tuple[Weights, Weights]:
    """What tokens weigh at admission, and once they are known."""
    given = 1 if limit.dimension in ("tokens", "input_tokens") else 0
    written = 1 if limit.dimension in ("tokens", "output_tokens") else 0
    free = given if limit.cached == "free" else 0
    released = given if limit.cached != "counted" else 0
    burnt = written if limit.burndown == 1 else written * limit.burndown
    return Weights(given, written, free), Weights(given, burnt, released)


@frozen
class Prices:
    """What each model costs. Held at the worst: nothing comes from the cache."""

    by_model: Mapping[str, tuple[Weights, Weights]]
    other: tuple[Weights, Weights]

    def of(self, model: str) -> tuple[Weights, Weights]:
        return self.by_model.get(model, self.other)

    def cost_usd(self, request: Request, output_tokens: int) -> float:
        """What a request costs in the end."""
        return self.of(request.model)[1].weigh(request.input_tokens, output_tokens, request.cached_tokens)


def read_prices(described: Mapping[str, PriceConfig]) -> Prices:
    by_model = {model: _price(price) for model, price in described.items()}
    return Prices(by_model, by_model.get("*", (_NOTHING, _NOTHING)))


def _price(price: PriceConfig) -> tuple[Weights, Weights]:
    given, written = price.input_usd / _MILLION, price.output_usd / _MILLION
    saved = 0.0 if price.cached_usd is None else given - price.cached_usd / _MILLION
    return Weights(given, written, 0.0), Weights(given, written, saved)
