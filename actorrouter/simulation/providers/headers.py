"""What a provider's answers tell of its limits, in its dialect, and Retry-After in the styles providers have."""

from collections.abc import Iterable
from math import ceil, floor

from attrs import Factory, define, field

from actorrouter.simulation.providers.arrivals import Request
from actorrouter.simulation.providers.config import HeadersConfig, RetryAfter
from actorrouter.simulation.providers.dialects import DIALECTS, Line, Style, Telling, go_duration, round_up_ms
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.providers.meters import ROUNDING

__all__ = ["Headers", "Teller", "go_duration", "retry_after"]

Headers = list[tuple[str, str]]


@define
class Teller:
    """Writes the headers of one provider. `wall_offset`: what makes an instant its wall clock, which may be wrong."""

    described: HeadersConfig
    wall_offset: float
    _style: Style = field(init=False)
    _rounded: int = field(init=False)
    _plans: dict[int, "_Plan"] = Factory(dict)  # by the id of a list of limits that is kept

    def __attrs_post_init__(self) -> None:
        self._style = DIALECTS[self.described.dialect]
        named = self.described.rounded
        self._rounded = self._style.rounded if named is None else named

    def tell(self, limits: list[Limit], request: Request, now: float, factor: float = 1) -> Headers:
        """The headers of one answer. `factor`: what they claim is so many times the truth."""
        plan = self._plans.get(id(limits))
        if plan is None:
            plan = self._plans[id(limits)] = _Plan(limits, _group(self._style.lines, limits))
        headers: Headers = []
        for meant, lines in plan.groups:
            limit = meant[0] if len(meant) == 1 else _tightest(meant, now)
            for name, telling in lines:
                headers.append((name, self._write(telling, limit, request, now, factor)))
        return headers

    def _write(self, telling: Telling, limit: Limit, request: Request, now: float, factor: float) -> str:
        if telling == "remaining":
            return str(self._left(limit, now, factor))
        if telling == "reset":
            return self._style.write_reset(max(0.0, limit.meter.empty_at(now) - now), now + self.wall_offset)
        if telling == "limit":
            return f"{_limit(limit, now) * factor:.0f}"
        return f"{limit.cost(request):.0f}"

    def _left(self, limit: Limit, now: float, factor: float) -> int:
        left = max(0, floor((limit.capacity_at(now) - limit.meter.used(now)) * factor + ROUNDING))
        if self._rounded > 1 and limit.described.dimension != "requests":
            return round(left / self._rounded) * self._rounded
        return left


@define
class _Plan:
    """Which limits the lines are about, for one list of limits. As many as there are keys and models."""

    limits: list[Limit]
    groups: list[tuple[list[Limit], list[tuple[str, Telling]]]]


def _group(lines: Iterable[Line], limits: list[Limit]) -> list[tuple[list[Limit], list[tuple[str, Telling]]]]:
    groups: list[tuple[list[Limit], list[tuple[str, Telling]]]] = []
    for line in lines:
        meant = [limit for limit in limits if line.means(limit.described)]
        if meant and (not groups or groups[-1][0] != meant):
            groups.append((meant, []))
        if meant:
            groups[-1][1].append((line.name, line.telling))
    return groups


def _limit(limit: Limit, now: float) -> float:
    """What is told as the limit: the amount of the whole window, as it is in truth."""
    if limit.described.shape in ("adaptive", "ramp"):
        return limit.capacity_at(now)
    return limit.described.amount * limit.share


def _tightest(limits: Iterable[Limit], now: float) -> Limit:
    return min(limits, key=lambda limit: limit.capacity_at(now) - limit.meter.used(now))


def retry_after(style: RetryAfter, wait_s: float) -> Headers:
    """Name the wait in the provider's style, never shorter than it is."""
    match style:
        case "none":
            return []
        case "seconds":
            return [("retry-after", str(ceil(wait_s)))]
        case "exact":
            return [("retry-after", f"{round_up_ms(wait_s) / 1000:.3f}")]
        case "milliseconds":
            return [("retry-after-ms", str(ceil(wait_s * 1000)))]
