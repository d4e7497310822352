"""The run told to a person: tables by key, pool and tenant, what broke and came back, the verdict, three decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from actorrouter.demo import stories
from actorrouter.demo.progress import minutes
from actorrouter.demo.run import Options, Run
from actorrouter.demo.verdict import Verdict
from actorrouter.demo.world import PROVIDERS, TENANTS, own_scope, pools_of_keys
from actorrouter.values import OutcomeClass

_RIGHT: Final = "right"
_BREACHES_SHOWN: Final = 10
_NEXT: Final = (
    ("actorrouter demo --seed 2 --backend trio", "the same with other chances, on trio"),
    ("docs/tutorial.md", "your first router, step by step"),
    ("actorrouter check router.toml", "is a configuration of your own right?"),
)


def introduce(console: Console, options: Options) -> None:
    """Say what is about to happen."""
    keys, pools = len(pools_of_keys()), sum(len(each.pools) for each in PROVIDERS.values())
    console.print(f"[bold]{keys} keys in {pools} quota pools of {len(PROVIDERS)} simulated providers[/bold]")
    for name, each in PROVIDERS.items():
        console.print(f"  {name:<10} {each.character}", soft_wrap=True)
    console.print(
        f"An hour of real traffic runs over them, {options.speed:g} times as fast; keys, providers and actors fail "
        "on the way.\nThe providers enforce their limits and keep their own books. Ctrl-C ends it early.\n",
        soft_wrap=True,
    )


def tell(console: Console, run: Run, verdict: Verdict) -> None:
    """Print the whole report."""
    _headline(console, run, verdict)
    for table in (_keys(run), _pools(run), _tenants(run)):
        console.print()
        console.print(table)
    console.print()
    for line in (*_refusals(run), *_faults(run), *_judgement(run, verdict)):
        console.print(line, soft_wrap=True)
    for title, text in stories.three(run):
        console.print(f"\n[bold]{title}[/bold]", soft_wrap=True)
        console.print(text, markup=False, soft_wrap=True)
    _next_steps(console)


def _headline(console: Console, run: Run, verdict: Verdict) -> None:
    tally, traffic = run.traffic.tally, run.traffic
    if traffic.interrupted:
        unsent = len(traffic.rows) - tally.begun
        console.print(f"\n[bold]interrupted[/bold]: {unsent:,} calls were never sent; what was done so far:")
    reached = minutes(traffic.rows[tally.begun - 1].at_s) if tally.begun else minutes(0)
    console.print(
        f"\n[bold]{tally.begun:,} calls, {reached} minutes of the trace, in {run.wall_s:.0f} s: "
        f"{verdict.served:,} served, {verdict.refused:,} refused, {verdict.lost:,} lost[/bold]"
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else _RIGHT, no_wrap=True)
    return table


def _keys(run: Run) -> Table:
    table = _table("Keys", "key", "pool", "served", "failed", "waited", "at once", "429 ours", "429 spurious")
    waited = Counter(ending.key_id for ending in run.traffic.tally.endings if ending.waited_s > 0)
    for key_id, (provider, pool) in pools_of_keys().items():
        booked = run.books[provider]["keys"][key_id]
        table.add_row(
            key_id,
            pool,
            f"{run.record.of(key_id, OutcomeClass.SUCCEEDED):,}",
            f"{run.record.failed(key_id)}",
            f"{waited[key_id]}",
            f"{booked['in_flight_max']}",
            f"{booked['rejected']['limit']}",
            f"{booked['rejected']['injected_429']}",
        )
    return table


def _pools(run: Run) -> Table:
    table = _table(
        "Quota pools, as the providers' books saw them", "pool", "served", "429 ours", "fullest each limit was"
    )
    table.columns[-1].justify = "left"
    for provider, each in PROVIDERS.items():
        booked = run.books[provider]["scopes"]
        for name, pool in each.pools.items():
            table.add_row(
                name, f"{booked[name]['served']:,}", f"{booked[name]['rejected']['limit']}", _peaks(booked[name])
            )
            for scope in (own_scope(key) for key in pool.keys if pool.key_limits):
                own = booked[scope]
                table.add_row(f"  {scope}", f"{own['served']:,}", f"{own['rejected']['limit']}", _peaks(own))
    return table


def _peaks(booked: dict[str, list[dict[str, object]]]) -> str:
    return "  ".join(f"{limit['dimension']} {limit['peak']:.0%}" for limit in booked["limits"])


def _tenants(run: Run) -> Table:
    table = _table(
        "Tenants; waiting in seconds of the trace", "tenant", "served", "refused", "waited", "median", "95 %", "longest"
    )
    for tenant in TENANTS:
        mine = [ending for ending in run.traffic.tally.endings if ending.tenant == tenant]
        waits = sorted(ending.waited_s * run.traffic.world.speed for ending in mine if ending.waited_s > 0)
        served = sum(ending.kind == "served" for ending in mine)
        table.add_row(tenant, f"{served:,}", f"{len(mine) - served}", f"{len(waits)}", *_spread(waits))
    return table


def _spread(waits: Sequence[float]) -> Iterator[str]:
    for share in (0.5, 0.95, 1.0):
        yield f"{waits[min(int(share * len(waits)), len(waits) - 1)]:.0f}" if waits else "-"


def _refusals(run: Run) -> Iterator[str]:
    unserved: Counter[tuple[str, str]] = Counter(
        (ending.kind, ending.why) for ending in run.traffic.tally.endings if ending.kind != "served"
    )
    for (kind, why), count in unserved.most_common():
        yield f"{kind.capitalize()}: {count}, {escape(why)}"


def _faults(run: Run) -> Iterator[str]:
    rejected: Counter[str] = Counter()
    for booked in run.books.values():
        rejected.update(booked["rejected"])
    again = sum(ending.kind == "served" and len(ending.decisions) > 1 for ending in run.traffic.tally.endings)
    yield (
        f"Faults met: {rejected['outage']} answers of an outage, {rejected['revoked']} of a revoked key, "
        f"{rejected['injected_429']} spurious 429s; {again} calls were served by a second try or a later one."
    )
    crashed, restarted = ", ".join(run.record.crashes) or "none", len(run.record.restarts)
    yield f"Actors crashed: {crashed}; restarted by their supervisors: {restarted}."
    money = run.status["budgets"]["everybody"]
    spent, held = float(money["charged"]), float(money["held"])
    yield f"Budget: {spent:.2f} of {money['usd']} US dollars spent, {held:.2f} still held."
    yield _lateness(run)


def _lateness(run: Run) -> str:
    late_ms, guard_ms = run.lateness_s * 1000, run.traffic.router.config.guard_s * 1000
    told = f"Event loop: at most {late_ms:.0f} ms late; the guard covers {guard_ms:.0f} ms between two requests."
    busy = " This machine was busier than that: a 429 would have been no surprise." if late_ms > guard_ms else ""
    return told + busy


def _judgement(run: Run, verdict: Verdict) -> Iterator[str]:
    mark = "[green]held[/green]" if verdict.holds else "[red]broken[/red]"
    yield f"\n[bold]The laws {mark}[/bold]"
    yield f"  our books      {run.laws.violated} breaches of 7 laws in {run.laws.events:,} events, watched as they came"
    over = f"{verdict.provider_429_ours} answers of 429 for their limits"
    yield f"  their books    {over}, the fullest limit reached {verdict.peak_use_max:.1%}"
    left = "nothing left reserved" if run.idle else "something is still reserved"
    yield f"  both compared  {verdict.lost} lost, {left}"
    for key_id, count in verdict.unaccounted.items():
        yield f"    {key_id}: the two accounts differ by {count} calls"
    for each in verdict.violations[:_BREACHES_SHOWN]:
        yield f"    {escape(each)}"
    if len(verdict.violations) > _BREACHES_SHOWN:
        yield f"    and {len(verdict.violations) - _BREACHES_SHOWN} more"


def _next_steps(console: Console) -> None:
    console.print("\n[bold]How to go on[/bold]")
    for command, purpose in _NEXT:
        console.print(f"  {command:<44} {purpose}", markup=False, soft_wrap=True)
    console.print()
