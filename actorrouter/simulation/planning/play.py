"""One rehearsal for a plan: the figures, how full each limit was, and whose refusals callers saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from actorrouter import RouterError
from actorrouter.observe.laws import LawBook
from actorrouter.observe.laws.bookings import Bookings
from actorrouter.simulation.providers.books import Scope
from actorrouter.simulation.providers.limit_config import UNTIL_FINISHED
from actorrouter.simulation.providers.limits import Limit
from actorrouter.simulation.world.fast import play_fast
from actorrouter.simulation.world.figures import figures_of
from actorrouter.simulation.world.recorder import Recorder
from actorrouter.simulation.world.scenario import Scenario
from actorrouter.simulation.world.stage import Run


@attrs.frozen
class LimitUse:
    """One limit of a provider over a whole run. `mean`: charged of what it allows in that time; `peak`: the fullest it
    was; `attempted`: the fullest it would have been with what it refused. Shares of the limit."""

    provider: str
    scope: str
    limit: str
    dimension: str
    amount: float
    window_s: float | None
    mean: float
    peak: float
    attempted: float

    def __str__(self) -> str:
        return f"{self.provider} · {self.scope} · {self.limit}"


@attrs.frozen
class Played:
    """What came of it. `refusals`: (holder, dimension) -> callers it turned away in the end. `spend_usd`: the most that
    was held and charged, by budget."""

    figures: Mapping[str, float]
    uses: tuple[LimitUse, ...] = ()
    refusals: Mapping[tuple[str, str], int] = attrs.field(factory=dict)
    spend_usd: Mapping[str, float] = attrs.field(factory=dict)
    violations: tuple[str, ...] = ()


class RefusalRecorder(Recorder):
    """Keeps whose refusals the callers saw, too."""

    def __init__(self, span_s: float, started: float) -> None:
        super().__init__(span_s, started)
        self.refused_by: Counter[tuple[str, str]] = Counter()

    def refused(self, error: RouterError) -> None:
        super().refused(error)
        self.refused_by.update({(refusal.holder, refusal.dimension) for refusal in error.refusals})


class Unwatched(LawBook):
    """No laws: for the many runs of a search. They differ from a watched one in nothing else."""

    def __init__(self, router: Any) -> None:  # noqa: ARG002 - what reads nothing needs none
        self.violations = []
        self.violated = 0
        self.bookings = Bookings(lambda *_: None)

    def check(self, now: float | None = None) -> None:
        """Nothing was read."""

    def answered(self, *_: Any) -> None:
        """Nobody looks."""

    def failed(self, *_: Any) -> None:
        """Nobody looks."""

    def close(self, now: float | None = None) -> None:
        """Nothing is open."""


def play(scenario: Scenario, seed: int, *, watched: bool = False) -> Played:
    """The router's run. `watched`: by the laws' checkers, which takes half as long again."""

    def prepare(run: Run) -> None:
        run.recorder = RefusalRecorder(scenario.duration_s, run.started)
        run.law_book = LawBook if watched else Unwatched

    run, finished = play_fast(scenario, seed, prepare)
    recorder = run.recorder
    assert isinstance(recorder, RefusalRecorder)
    figures = figures_told(run, violated=run.violated + (not finished))
    spend = {name: max(series, default=0.0) for name, series in recorder.spend.items()}
    return Played(figures, uses_of(run), dict(recorder.refused_by), spend, tuple(run.violations))


def figures_told(run: Run, *, violated: int = 0) -> dict[str, float]:
    """The scenario's figures, and three that tell what a client costs its provider: sends in vain (`wasted_sends`: all
    that arrived less what was served), `sends_per_served`, and `attempted_peak`, the worst limit's fill with what it
    refused."""
    told = figures_of(run, run.upstream.books(run.ended_at), violated=violated)
    told["wasted_sends"] = told["arrived"] - told["served"]
    told["sends_per_served"] = told["arrived"] / max(1.0, told["served"])
    told["attempted_peak"] = max((limit.attempted_peak for _, _, limit in _limits(run)), default=0.0)
    return told


def uses_of(run: Run) -> tuple[LimitUse, ...]:
    """Every limit that was rehearsed, the fullest first."""
    span_s = run.scenario.duration_s
    uses = [
        LimitUse(
            provider,
            scope.name,
            limit.described.name,
            limit.described.dimension,
            limit.described.amount,
            None if limit.described.shape in UNTIL_FINISHED else limit.described.window_s,
            _mean(run, provider, scope, limit, span_s),
            limit.peak,
            limit.attempted_peak,
        )
        for provider, scope, limit in _limits(run)
    ]
    return tuple(sorted(uses, key=lambda use: (-round(use.mean, 9), str(use))))


def _limits(run: Run) -> list[tuple[str, Scope, Limit]]:
    return [
        (provider, scope, limit)
        for provider, model in run.upstream.models.items()
        for scope in model._scopes.values()
        for limit in scope.limits
    ]


def _mean(run: Run, provider: str, scope: Scope, limit: Limit, span_s: float) -> float:
    described = limit.described
    if described.shape in UNTIL_FINISHED:
        series = run.recorder.use.get((provider, scope.name, described.name), [0.0])
        return sum(series) / len(series)
    return _charged(scope, limit) / (described.amount * max(1.0, span_s / described.window_s))


def _charged(scope: Scope, limit: Limit) -> float:
    """What was charged in all, from the provider's log."""
    if limit.described.dimension == "requests":
        return limit.accepted
    if limit.described.charge == "up_front":
        return sum(limit.cost(request) for kind, _, _, request, _ in scope.log if kind == "accepted")
    return sum(limit.settled(request, tokens) for kind, _, _, request, tokens in scope.log if kind == "finished")
