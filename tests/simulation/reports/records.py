"""Records of runs that never were, for the tests of the reports."""

from math import sin
from random import Random
from typing import Any

from actorrouter.simulation.reports import (
    Baseline,
    Expectation,
    LimitSeries,
    Quantiles,
    RunRecord,
    SpendSeries,
    StateTimeline,
    TenantFigures,
    Waits,
)

HOSTILE = "<script>alert('x')</script> & \"quoted\" \x00\x1b[31m ]]> --> \ud800"


def bare(**changes: Any) -> RunRecord:
    """A record of nothing at all."""
    return RunRecord(
        **{"title": "nothing", "story": "", "seed": 1, "path": "fast", "duration_s": 60, "bucket_s": 1, **changes}
    )


def full(buckets: int = 240, **changes: Any) -> RunRecord:
    """A record with everything in it: an outage, a restart, one expectation that did not hold."""
    chance = Random(3)
    duration_s = buckets * 10.0
    offered = [float(int(60 + 40 * sin(at / buckets * 9) + chance.random() * 12)) for at in range(buckets)]
    refused = [max(0.0, value - 80) for value in offered]
    use = tuple(min(1.0, value / 90) for value in offered)
    spent = tuple(at / buckets * 9.2 for at in range(buckets))
    span = duration_s / 6
    told: dict[str, Any] = {
        "title": "Outage at noon",
        "story": "Two providers, nine keys. One provider goes down for a while.\n\nNobody should notice much.",
        "seed": 42,
        "path": "full",
        "duration_s": duration_s,
        "bucket_s": 10.0,
        "trace_hash": "9f2c41aa",
        "scenario_hash": "77aa0b1c",
        "scenario_file": "outage.toml",
        "figures": {
            "offered": 14_523,
            "served_share": 0.9931,
            "wait_p99_s": 1.234,
            "spend_usd": 9.2,
            "served_per_s": 5.97,
            "busiest_key": "openai-3",
        },
        "series": {
            "offered": tuple(offered),
            "served": tuple(min(80.0, value) for value in offered),
            "refused": tuple(refused),
            "failed": tuple(float(at % 50 == 0) for at in range(buckets)),
            "waiting": tuple(value * 1.5 for value in refused),
            "in_flight": tuple(value / 4 for value in offered),
        },
        "limits": tuple(
            LimitSeries(f"provider-{at // 3}", "org", f"tokens/{at}0s", 90_000.0, use, 0.7 + 0.1 * at)
            for at in range(5)
        ),
        "states": (
            StateTimeline(
                "openai-1",
                "key",
                (
                    (0.0, span, "available"),
                    (span, 2 * span, "throttled"),
                    (2 * span, 2.4 * span, "exhausted"),
                    (2.4 * span, 3 * span, "recovering"),
                    (3 * span, duration_s, "available"),
                ),
            ),
            StateTimeline("a-key-with-quite-a-long-name-1", "key", ((0.0, duration_s, "disabled"),)),
            StateTimeline(
                "openai",
                "circuit",
                ((0.0, span, "closed"), (span, 1.5 * span, "open"), (1.5 * span, 1.6 * span, "half_open")),
            ),
        ),
        "waits": Waits(Quantiles(14_000, 0.0, 0.21, 1.234, 4.4), (0.0, 0.01, 0.1, 1.0, 10.0), (9000, 3000, 1900, 100)),
        "ttft": Quantiles(14_000, 0.31, 0.55, 1.9, 7.0),
        "spend": (SpendSeries("team-a", spent, 10.0), SpendSeries("everything", spent)),
        "restarts": ((span * 2, "pool:org", "evolve raised ValueError"),),
        "faults": ((span, span * 1.5, "outage of openai"),),
        "refusals": {"no candidate in time": 80, "waiting room full": 20},
        "tenants": (
            TenantFigures("a", 9000, 8950, 50, Quantiles(8950, 0.0, 0.1, 1.0, 2.0), 0.62),
            TenantFigures("b", 5523, 5473, 50, Quantiles(), 0.38),
        ),
        "expectations": (
            Expectation("at least 99 % served", True, "99.31 %"),
            Expectation("wait p99 below 1 s", False, "1.23 s"),
        ),
        "coverage": {"restart": 1, "breaker opened": 2},
        "baselines": (Baseline("round robin", {"served_share": 0.91, "wait_p99_s": 9.0}),),
    }
    return RunRecord(**{**told, **changes})


def hostile() -> RunRecord:
    """A record whose every text tries to break out of the page."""
    text = HOSTILE
    return full(
        title=text,
        story=text,
        trace_hash=text,
        scenario_file=text,
        figures={text: text, "n": 1.0},
        limits=(LimitSeries(text, text, text, 1.0, (0.5,), 0.5),),
        states=(StateTimeline(text, text, ((0.0, 900.0, text),)),),
        spend=(SpendSeries(text, (1.0,), 2.0),),
        restarts=((3.0, text, text),),
        faults=((1.0, 2.0, text),),
        refusals={text: 1},
        tenants=(TenantFigures(text, 1, 1, 1),),
        violations=(text,),
        expectations=(Expectation(text, False, text),),
        coverage={text: 1},
        baselines=(Baseline(text, {text: text}),),
    )
