"""A run that is over, as the record its report is made from."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

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
from actorrouter.simulation.world.reached import reached
from actorrouter.simulation.world.rehearse import Ending
from actorrouter.simulation.world.samples import Samples, nearest_rank
from actorrouter.simulation.world.truth import unjudged

_EDGES_S: Final = (0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0)
_ALWAYS: Final = (
    "offered", "served", "served_share", "refused", "failed", "lost", "violations",
    "wait_p50_s", "wait_p99_s", "provider_429_ours", "overshoots", "use_peak", "amplification",
)  # fmt: skip
_IF_ANY: Final = (
    "ttft_p99_s", "cancelled", "abandoned", "down", "stopped", "spend_usd", "budget_peak", "circuit_opens",
    "keys_disabled",
    "crashes", "restarts", "quarantines", "expired", "dead_letters", "surprise_tokens", "overshoot_worst", "unaudited",
)  # fmt: skip
_LIMITS_SHOWN: Final = 40


def report_of(ending: Ending, baselines: Mapping[str, Mapping[str, Any]] | None = None) -> RunRecord:
    """The record of a run. `baselines`: by name, the figures of others on the same seed."""
    run, recorder = ending.run, ending.run.recorder
    scenario, figures = run.scenario, dict(ending.figures)
    duration_s = scenario.duration_s
    return RunRecord(
        scenario.title,
        scenario.story,
        run.seed,
        ending.path,
        duration_s,
        recorder.bucket_s,
        ending.trace_hash,
        scenario_hash(scenario),
        os.path.basename(scenario.source),  # noqa: PTH119 - the folder is nobody's business
        figures,
        {name: tuple(series) for name, series in sorted(recorder.series.items())},
        tuple(_limits(ending)),
        tuple(_states(recorder.states, duration_s)),
        Waits(_quantiles(recorder.waits), *_histogram(recorder.waits)),
        _quantiles(recorder.firsts),
        tuple(SpendSeries(name, tuple(spent), recorder.caps[name]) for name, spent in recorder.spend.items()),
        tuple(recorder.restarts),
        tuple(_troubles(ending)),
        dict(sorted(recorder.refusals.items())),
        tuple(_tenants(ending)),
        ending.violations,
        tuple(
            Expectation(str(each), each.held(figures), f"{figures.get(each.figure, 'not measured')}")
            for each in scenario.expect
        ),
        dict(sorted(reached(ending).items())),
        None if baselines is None else tuple(Baseline(name, dict(told)) for name, told in baselines.items()),
        tuple(name for name in _ALWAYS if name in figures) + tuple(name for name in _IF_ANY if figures.get(name)),
        unjudged=unjudged(scenario.router),
    )


def scenario_hash(scenario: Any) -> str:
    """The same for the same description, whatever its file is called."""
    told = f"{scenario.router!r}{scenario.upstream!r}{scenario.workloads!r}{scenario.troubles!r}"
    told += f"{scenario.duration_s}{scenario.transit_s}{scenario.epoch}{scenario.bytes_per_token}"
    return hashlib.sha256(told.encode()).hexdigest()


def _quantiles(samples: Samples) -> Quantiles:
    ordered = sorted(samples)
    if not ordered:
        return Quantiles()
    return Quantiles(samples.seen, *(nearest_rank(ordered, share) for share in (0.5, 0.9, 0.99, 1.0)))


def _histogram(samples: Samples) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Edges and counts; where only a draw was kept, its counts stand for all."""
    if not samples:
        return (), ()
    most = max(*samples, _EDGES_S[1])
    edges = [*(edge for edge in _EDGES_S if edge < most), most]
    counts = [0] * (len(edges) - 1)
    for sample in samples:
        counts[next((at for at, edge in enumerate(edges[1:]) if sample <= edge), len(counts) - 1)] += 1
    return tuple(edges), tuple(round(count * samples.seen / len(samples)) for count in counts)


def _limits(ending: Ending) -> Iterator[LimitSeries]:
    """The fullest first."""
    booked = {
        (provider, scope, limit["name"]): limit
        for provider, books in ending.books.items()
        for scope, told in books["scopes"].items()
        for limit in told["limits"]
    }
    fullest = sorted(booked, key=lambda each: (-booked[each]["peak"], each))[:_LIMITS_SHOWN]
    for provider, scope, name in fullest:
        limit = booked[provider, scope, name]
        use = ending.run.recorder.use.get((provider, scope, name), [])
        yield LimitSeries(provider, scope, name, limit["capacity"], tuple(use), limit["peak"])


def _states(states: Mapping[str, list[tuple[float, str]]], end_s: float) -> Iterator[StateTimeline]:
    for who, changes in states.items():
        kind, _, actor = who.partition(" ")
        ends = [*(at for at, _ in changes[1:]), max(end_s, changes[-1][0])]
        spans = tuple((at, until, state) for (at, state), until in zip(changes, ends, strict=True))
        yield StateTimeline(actor, kind, spans)


def _troubles(ending: Ending) -> Iterator[tuple[float, float, str]]:
    """What went wrong on purpose: at the providers, on the wire, on our side."""
    scenario, marks = ending.run.scenario, ending.run.recorder.marks
    for provider, described in scenario.upstream.items():
        for fault in described.faults:
            until = scenario.duration_s if fault.for_s is None else fault.at_s + fault.for_s
            target = "" if fault.target == "*" else f" {fault.target}"
            yield fault.at_s, until, f"{provider}{target}: {fault.kind}"
    at_instants = {what for _, _, what in marks}
    for trouble in scenario.troubles:
        what = f"{trouble.kind} {trouble.target}"
        if what not in at_instants and trouble.every_s is None:
            yield trouble.at_s, trouble.ends_s(scenario.duration_s), what
    yield from itertools.islice(marks, 500)


def _tenants(ending: Ending) -> Iterator[TenantFigures]:
    recorder = ending.run.recorder
    served = max(1, recorder.counts["served"])
    for name, kept in sorted(recorder.tenants.items()):
        refused = kept.offered - kept.served
        yield TenantFigures(
            name or "nobody", kept.offered, kept.served, refused, _quantiles(kept.waits), kept.served / served
        )
