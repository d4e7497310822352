"""The demo: an hour of a real trace in under a minute, over simulated providers that fail, watched and judged.

`python -m actorrouter.demo`. The providers are a process of their own behind loopback HTTP; they enforce their limits
and keep their own books, which decide whether the router kept its word.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import anyio
from rich.console import Console

from actorrouter.demo.providers import ProvidersGone
from actorrouter.demo.report import introduce, tell
from actorrouter.demo.run import Options, Run, run
from actorrouter.demo.verdict import judge
from actorrouter.demo.world import World

_INTERRUPTED = 130
_SPEED_LEAST, _SPEED_MOST = 1, 200  # a trace minute is then 0.3 s; the guard of 0.1 s has to fit in well


def main(arguments: Sequence[str] | None = None, *, declared: float = 1.0) -> int:
    """Run the demo; `arguments` as on the command line. 0: every law held, 1: one was broken, 130: interrupted.

    `declared`: what the router is told of each limit as a multiple of the truth; above 1 the laws cannot hold.
    """
    return play(_read(arguments), declared=declared)


def play(options: Options, *, declared: float = 1.0) -> int:
    """Run, report, and print the figures as one JSON object on the last line."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    if not (options.json_only or options.quiet):
        introduce(console, options)
    gone = ""
    try:
        ended = anyio.run(run, options, World(options.speed, declared), console, backend=options.backend)
    except* ProvidersGone as group:
        gone = str(_first(group))
    if gone:
        sys.stderr.write(f"{gone}\n")
        return 1
    return _conclude(options, console, ended)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _conclude(options: Options, console: Console, ended: Run) -> int:
    judged = judge(ended.traffic.tally, ended.record, ended.books, tuple(map(str, ended.laws.violations)), ended.wall_s)
    if not options.json_only:
        tell(console, ended, judged)
    sys.stdout.write(judged.line() + "\n")
    if ended.traffic.interrupted:
        return _INTERRUPTED
    return 0 if judged.holds else 1


def _read(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m actorrouter.demo", description=__doc__)
    parser.add_argument("--speed", type=_speed, default=75.0, help="how much faster than the trace (default: 75)")
    parser.add_argument("--rows", type=_rows, help="only so many calls from the trace's beginning")
    parser.add_argument("--seed", type=int, default=1, help="of tenants, routes, streams and jitter (default: 1)")
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio")
    parser.add_argument("--json-only", action="store_true", help="print nothing but the last line")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the report")
    return Options(**vars(parser.parse_args(arguments)))


def _speed(text: str) -> float:
    if not _SPEED_LEAST <= (speed := float(text)) <= _SPEED_MOST:
        raise argparse.ArgumentTypeError(f"must be within {_SPEED_LEAST} and {_SPEED_MOST}")
    return speed


def _rows(text: str) -> int:
    if (rows := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return rows
