"""A plan in words for a terminal, and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from actorrouter.config import RouterConfig
from actorrouter.simulation.planning.needs import ACCOUNTS_MAX, TIER_MAX, Needs
from actorrouter.simulation.planning.plan import Binding, Plan, Point
from actorrouter.simulation.planning.play import LimitUse
from actorrouter.simulation.reports.text import columns
from actorrouter.simulation.reports.words import count_text, figure_text, money_text, share_text, time_text

SIDE_BY_SIDE: Final[Mapping[str, str]] = {
    "served_share": "served",
    "refused": "refused",
    "failed": "failed",
    "provider_429_ours": "429s",
    "wasted_sends": "in vain",
    "sends_per_served": "sends/served",
    "attempted_peak": "overshoot tried",
    "wait_p99_s": "p99 wait",
    "took_p99_s": "p99 in all",
}
"""Figures by which pickers are compared -> their columns."""

_USES_MAX: Final = 6


def tell(plan: Plan, router: RouterConfig) -> str:
    """A page for a terminal."""
    return "\n".join([*_head(plan), "", *_carried(plan), "", *_limits(plan), *_needed(plan, router), "", *_sides(plan)])


def _head(plan: Plan) -> Iterator[str]:
    part = f"the busiest {time_text(plan.looked_at_s)} of" if plan.looked_at_s < plan.whole_s else "all"
    yield f"{plan.source}: {part} {time_text(plan.whole_s)}, seed {plan.seed}, windows empty at the start"
    yield f"at its busiest minute it asks for {rate_text(plan.asked)}"
    yield ""
    if plan.asked.figures["violations"]:
        yield "The rehearsal failed: laws were broken, or work never ended. Please report it, with this fleet."
        yield from (f"  {told}" for told in plan.violations[:_USES_MAX])
    else:
        yield "The fleet as declared " + ("reaches every target." if plan.met else "misses a target.")
    for target in plan.targets:
        mark = "ok    " if target.held(plan.asked.figures) else "missed"
        yield f"  {mark}  {target.text:<28} {target.measured(plan.asked.figures)}"


def rate_text(point: Point) -> str:
    """Calls and tokens at the busiest minute."""
    return f"{point.peak.calls_per_s:.3g} calls/s and {count_text(round(point.peak.tokens_per_min))} tokens/min"


def _carried(plan: Plan) -> Iterator[str]:
    point = plan.carried
    if point is None:
        yield "It carries nothing within the targets: a 64th of the workload misses them, too."
    else:
        least = "at least " if plan.unbound else ""
        yield f"It carries {least}{times_text(point.volume)} the workload: {rate_text(point)} at its busiest minute."
    if plan.searched_s < plan.looked_at_s:
        yield f"That was searched, and pickers were compared, on its busiest {time_text(plan.searched_s)}."


def times_text(volume: float) -> str:
    """1.234 → 1.23 times."""
    return f"{volume:.3g} times"


def _limits(plan: Plan) -> Iterator[str]:
    if plan.unbound:
        yield "No limit was found to bind."
    elif not plan.binding:
        yield "No declared limit binds."
    for number, binding in enumerate(plan.binding[:_USES_MAX]):
        yield f"{'Binds first:' if number == 0 else '        and '} {binding_text(binding)}"
    if plan.next_limit is not None and plan.next_volume is not None:
        full = f"full at about {times_text(plan.next_volume)} the workload, by its use"
        yield f"After that:  {limit_text(plan.next_limit)}, {full}"
    for use, full_s in plan.long_limits:
        yield (
            f"Not for long: {limit_text(use)} is full after {time_text(full_s)} of the workload as it is, "
            "and what is carried above counts on what is left of it at the start"
        )
    if plan.not_rehearsed:
        yield f"Not rehearsed: limits of {', '.join(plan.not_rehearsed)}"


def binding_text(binding: Binding) -> str:
    """One limit that binds, with its part in it."""
    where = limit_text(binding.use) if binding.use is not None else f"{binding.where} · {binding.dimension}"
    return where + (f", {share_text(round(binding.share, 3))} of the refusals beyond that" if binding.share else "")


def limit_text(use: LimitUse) -> str:
    """A limit, its amount, how much of it was used."""
    per = "at a time" if use.window_s is None else f"per {time_text(use.window_s)}"
    used = f"{share_text(round(use.mean, 3))} used on average, {share_text(round(use.peak, 3))} at most"
    return f"{use.provider} · {use.scope} · {use.dimension} ({count_text(use.amount)} {per}; {used})"


def _needed(plan: Plan, router: RouterConfig) -> Iterator[str]:
    needs = plan.needs
    if needs is None:
        return
    yield ""
    yield "For this workload it would take"
    if needs.accounts == 0:
        yield "  no more accounts and no higher limits, if the budgets allowed it"
    else:
        yield f"  {accounts_text(needs)}"
        yield f"  or {tier_text(needs)}"
    for name, usd in needs.budgets_usd.items():
        told = router.budgets[name]
        period = f"a {told.every}" if told.every else "all time"
        yield (
            f"  and budget {name} of {money_text(float(usd))} for these {time_text(plan.searched_s)}; "
            f"it is {money_text(float(told.usd))} for {period}"
        )


def accounts_text(needs: Needs) -> str:
    """How many more."""
    if needs.accounts is None:
        return f"more than {ACCOUNTS_MAX} more accounts like that of key {needs.key_id}: other limits are in the way"
    many = "account" if needs.accounts == 1 else "accounts"
    return f"{needs.accounts} more {many} like that of key {needs.key_id}"


def tier_text(needs: Needs) -> str:
    """How much higher."""
    if needs.tier is None:
        return f"limits of {needs.provider} more than {TIER_MAX:g} times as high: they are not what is in the way"
    return f"the limits of {needs.provider} {needs.tier:.3g} times as high"


def side_by_side(plan: Plan) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of the comparison."""
    rows = [[name, *(_cell(figure, figures) for figure in SIDE_BY_SIDE)] for name, figures in plan.baselines.items()]
    return ["in whose hands", *SIDE_BY_SIDE.values()], rows


def _cell(figure: str, figures: Mapping[str, float]) -> str:
    if figure == "attempted_peak":
        return share_text(round(max(0.0, figures[figure] - 1), 3))
    return figure_text(figure, round(figures[figure], 4))


def _sides(plan: Plan) -> Iterator[str]:
    header, rows = side_by_side(plan)
    yield "The same calls in other hands:"
    yield columns([header, *rows])


# ---------------------------------------------------------------------------------------------------------- plain data


def plain(plan: Plan) -> dict[str, Any]:
    """Everything, as JSON has it."""
    told = attrs.asdict(plan, recurse=True)
    told["met"] = plan.met
    told["targets"] = [
        {
            "text": target.text,
            "figure": target.expectation.figure,
            "measured": plan.asked.figures.get(target.expectation.figure),
            "held": target.held(plan.asked.figures),
        }
        for target in plan.targets
    ]
    told["long_limits"] = [{**attrs.asdict(use), "full_after_s": full_s} for use, full_s in plan.long_limits]
    if plan.needs is not None:
        told["needs"]["budgets_usd"] = {name: str(usd) for name, usd in plan.needs.budgets_usd.items()}
    return told
