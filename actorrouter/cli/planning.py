"""The command that plans a fleet by rehearsing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from actorrouter.cli.reaching import UsageError
from actorrouter.cli.words import complain, say, say_json

if TYPE_CHECKING:  # simulation is loaded only when it is asked for
    from actorrouter import RouterConfig
    from actorrouter.simulation.planning.plan import Plan

Longest = Annotated[float | None, Parameter(name="--for")]


def plan(
    config: Path,
    /,
    *,
    workload: str,
    target: list[str] | None = None,
    route: str | None = None,
    volume: float = 1.0,
    speed: float = 1.0,
    for_s: Longest = None,
    budget: list[str] | None = None,
    seed: int = 1,
    json: bool = False,
    report: Path | None = None,
) -> int:
    """Does this fleet carry that workload, how much would it carry, what binds first, what would it take?

    Rehearses the router against simulated providers with the limits that CONFIG declares. No secret is read, nothing is
    sent. Exit code 1: a target is missed.

    Example: actorrouter plan router.toml --workload azure2023_conv --target "p99 wait < 2 s"

    Parameters
    ----------
    config
        A router's TOML file.
    workload
        A CSV trace by path, a shipped trace by name, or a TOML file with [workload.NAME] tables.
    target
        What must come of it, as in "p99 wait < 2 s" or "refused = 0"; may be repeated.
    route
        Whom a trace's calls ask, where it names no models and there are several routes.
    volume
        Times as many calls as the workload has.
    speed
        Times as fast as the trace was.
    for_s
        Most seconds of the workload to look at, its busiest part; an hour if not given.
    budget
        NAME=USD: another cap for a budget; may be repeated.
    seed
        Another seed is another run.
    json
        Print everything as JSON.
    report
        Write the plan to this file as a page with plots.
    """
    for name, value in (("--volume", volume), ("--speed", speed), ("--for", 1.0 if for_s is None else for_s)):
        if not 0 < value < float("inf"):
            raise UsageError(f"{name} must be above 0")
    from actorrouter.simulation.planning.fleet import load_fleet, read_caps, with_budgets
    from actorrouter.simulation.planning.load import read_load
    from actorrouter.simulation.planning.plan import make_plan
    from actorrouter.simulation.planning.targets import USUAL, parse_targets
    from actorrouter.simulation.planning.telling import plain, tell
    from actorrouter.simulation.workloads import TraceInvalid

    fleet = load_fleet(config)
    try:
        targets = parse_targets(target or USUAL)
        fleet = with_budgets(fleet, read_caps(fleet, budget or ()))
        if route is not None and route not in fleet.routes:
            raise UsageError(f"no route {route!r}; known: {', '.join(fleet.routes)}")
        load = read_load(workload, fleet, route=route, for_s=for_s, speed=speed, volume=volume, seed=seed)
        made = make_plan(fleet, load, targets, seed=seed, progress=complain)
    except (ValueError, TraceInvalid) as error:
        raise UsageError(str(error)) from error
    if json:
        say_json(plain(made))
    else:
        say(tell(made, fleet))
    if report is not None:
        _write(report, made, fleet)
    return 0 if made.met else 1


def _write(report: Path, made: Plan, fleet: RouterConfig) -> None:
    from actorrouter.simulation.planning.plot import page

    try:
        report.write_text(page(made, fleet), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{report}: cannot be written: {(error.strerror or 'unknown').lower()}") from error
