"""Which meter counts which shape of window."""

from zoneinfo import ZoneInfo

from actorrouter.simulation.providers.calendars import CalendarMeter
from actorrouter.simulation.providers.limit_config import LimitConfig
from actorrouter.simulation.providers.meters import BucketMeter, FixedMeter, HoldingMeter, Meter, SlidingMeter
from actorrouter.simulation.providers.ramps import AdaptiveMeter, RampMeter


def make_meter(limit: LimitConfig, started_at: float, wall_offset: float = 0.0) -> Meter:
    """A fresh meter of the limit's shape. `wall_offset`: what makes an instant the provider's wall clock."""
    start = started_at + limit.phase_s
    match limit.shape:
        case "bucket":
            return BucketMeter(limit.amount / limit.window_s, at=started_at)
        case "sliding":
            return SlidingMeter(limit.window_s)
        case "fixed":
            return FixedMeter(limit.window_s, start)
        case "sliced":
            return FixedMeter(limit.slice_s, start)
        case "calendar":
            return CalendarMeter(limit.period, ZoneInfo(limit.zone), wall_offset)
        case "adaptive":
            return _adaptive(limit, start)
        case "ramp":
            return RampMeter(window_s=limit.window_s, start=start, least=limit.amount, growth=limit.growth)
        case "balance" | "in_flight" | "concurrency":
            return HoldingMeter()


def _adaptive(limit: LimitConfig, start: float) -> AdaptiveMeter:
    least = min(limit.amount, 1.0) if limit.least is None else limit.least
    initial = limit.amount if limit.initial is None else limit.initial
    return AdaptiveMeter(
        window_s=limit.window_s,
        start=start,
        most=limit.amount,
        least=least,
        shrink=limit.shrink,
        growth=limit.growth,
        capacity=initial,
    )
