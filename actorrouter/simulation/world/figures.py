"""A run in figures: one flat table of numbers, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from actorrouter.simulation.world.samples import nearest_rank
from actorrouter.simulation.world.stage import Run


def figures_of(run: Run, books: Mapping[str, Any], *, violated: int) -> dict[str, float]:
    """Counts of calls by ending, shares, waits in seconds, and what the providers' own books say."""
    recorder = run.recorder
    counts, offered = recorder.counts, max(1, recorder.counts["offered"])
    told: dict[str, float] = {"offered": counts["offered"]}
    for kind in ("served", "refused", "failed", "cancelled", "abandoned", "stopped", "down", "lost"):
        told[kind] = counts[kind]
    told["served_share"] = counts["served"] / offered
    told["violations"] = violated
    told["under_way_at_end"] = run.under_way
    for name, samples in (("wait", recorder.waits), ("ttft", recorder.firsts), ("took", recorder.took)):
        told |= {f"{name}_{which}_s": value for which, value in quantiles(samples).items()}
    told |= _theirs(books)
    told["repeats"] = counts["repeats"]
    told["amplification"] = told["arrived"] / offered
    told["goodput_tokens"] = counts["goodput_tokens"]
    told["spend_usd"] = max((max(series) for series in recorder.spend.values()), default=0.0)
    peaks = [max(series) / recorder.caps[name] for name, series in recorder.spend.items() if recorder.caps[name]]
    told["budget_peak"] = max(peaks, default=0.0)
    events = recorder.events
    told["crashes"] = events["ActorCrashed"]
    told["restarts"] = events["ActorRestarted"]
    told["quarantines"] = events["Quarantined"]
    told["expired"] = events["Expired"]
    told["dead_letters"] = recorder.dead_letters
    told["circuit_opens"] = _reached(recorder.seen, "circuit", "open")
    told["keys_disabled"] = _reached(recorder.seen, "key", "disabled")
    told["surprise_tokens"] = float(recorder.surprise["tokens"])
    told["events"] = sum(events.values())
    told["ended_s"] = round(run.ended_at - run.started, 6)
    for tenant, kept in sorted(recorder.tenants.items()):
        name = tenant or "nobody"
        told[f"served_share.{name}"] = kept.served / max(1, kept.offered)
        told[f"wait_p99_s.{name}"] = quantiles(kept.waits)["p99"]
    told["fairness"] = fairness([kept.served / max(1, kept.offered) for kept in recorder.tenants.values()])
    return told


def _reached(seen: Mapping[str, int], who: str, state: str) -> int:
    """How often one of these was seen to come into this state."""
    return sum(n for what, n in seen.items() if what.startswith(f"{who} ") and what.endswith(f"> {state}"))


def _theirs(books: Mapping[str, Any]) -> dict[str, float]:
    """What the providers counted: arrivals, refusals by cause, and how far any limit was ever overrun."""
    told: dict[str, float] = {"arrived": 0, "accepted": 0, "overshoots": 0, "overshoot_worst": 0.0, "use_peak": 0.0}
    causes: dict[str, float] = {}
    for booked in books.values():
        told["arrived"] += booked["arrived"]
        told["accepted"] += booked["accepted"]
        for cause, count in booked["rejected"].items():
            causes[cause] = causes.get(cause, 0) + count
        for found in booked["violations"] or ():
            told["overshoots"] += 1
            told["overshoot_worst"] = max(told["overshoot_worst"], found["used"] / found["capacity"] - 1)
        peaks = [limit["peak"] for scope in booked["scopes"].values() for limit in scope["limits"]]
        told["use_peak"] = max([told["use_peak"], *peaks])
    told["provider_429_ours"] = causes.pop("limit", 0)
    return told | {f"rejected.{cause}": count for cause, count in sorted(causes.items())}


def quantiles(samples: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the most, by the nearest rank; nought of nothing."""
    ordered = sorted(samples)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}
    ranks = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(nearest_rank(ordered, share), 6) for name, share in ranks.items()}


def fairness(shares: Sequence[float]) -> float:
    """Jain's index of what each got: 1 when all got the same, 1/n when one got everything."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
