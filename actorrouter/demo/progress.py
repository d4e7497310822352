"""What a person sees while it runs: a live picture on a terminal, a line every two seconds elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import anyio
import attrs
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from actorrouter.demo import faults
from actorrouter.demo.record import Record
from actorrouter.demo.traffic import Traffic
from actorrouter.demo.world import PROVIDERS

LINE_EVERY_S: Final = 2.0
_PICTURE_EVERY_S: Final = 0.25
_NOTES_SHOWN: Final = 8


def minutes(trace_s: float) -> str:
    """Trace time as a person writes it."""
    return f"{int(trace_s) // 60:02d}:{int(trace_s) % 60:02d}"


@attrs.define
class Progress:
    """Shows one run until cancelled. `span_s`: seconds of the trace from first to last call."""

    console: Console
    traffic: Traffic
    record: Record
    span_s: float
    _started: float = 0.0
    _announced: Iterator[tuple[float, str]] = attrs.field(init=False)
    _next: tuple[float, str] | None = None
    _notes: list[str] = attrs.field(factory=list)
    _read: int = 0

    def __attrs_post_init__(self) -> None:
        self._announced = faults.announcements(self.span_s)
        self._next = next(self._announced, None)

    async def show(self) -> None:
        """Live on a terminal, else plain lines."""
        self._started = anyio.current_time()
        await (self._show_live() if self.console.is_terminal else self._show_lines())

    async def _show_lines(self) -> None:
        while True:
            await anyio.sleep(LINE_EVERY_S)
            fresh, self._notes = self._take_notes(), []
            for note in fresh:
                self.console.print(f"    {note}", soft_wrap=True)
            told = " ".join(f"{name} {share:.0%}" for name, share in self._shares())
            self.console.print(f"{self._counts()} | {told}", soft_wrap=True)

    async def _show_live(self) -> None:
        with Live(self._picture(), console=self.console, auto_refresh=False, transient=True) as live:
            while True:
                await anyio.sleep(_PICTURE_EVERY_S)
                live.update(self._picture(), refresh=True)

    # ----------------------------------------------------------------------------------------------------- what it says

    @property
    def _trace_s(self) -> float:
        return (anyio.current_time() - self._started) * self.traffic.world.speed

    def _counts(self) -> str:
        tally = self.traffic.tally
        waiting = sum(room["waiting"] for room in self._status()["routes"].values())
        return (
            f"{minutes(min(self._trace_s, self.span_s))} of {minutes(self.span_s)}  served {tally.counts['served']:,}  "
            f"in flight {tally.under_way - waiting}  waiting {waiting}  refused {tally.counts['refused']}"
        )

    def _status(self) -> dict[str, Any]:
        return self.traffic.router.status()

    def _shares(self) -> Iterator[tuple[str, float]]:
        """Pool -> how much of its fullest limit is held or charged, on our books."""
        pools = self._status()["pools"]
        for provider, each in PROVIDERS.items():
            for name in each.pools:
                limits = pools[f"pool:{provider}:{name}"]["limits"]
                yield name, max((limit["held"] + limit["level"]) / limit["capacity"] for limit in limits)

    def _take_notes(self) -> list[str]:
        """Add what has happened since the last time; everything still kept, oldest first."""
        fresh = []
        while self._next is not None and self._next[0] <= self._trace_s:
            fresh.append(self._next)
            self._next = next(self._announced, None)
        for at, text in self.record.notes[self._read :]:
            fresh.append(((at - self._started) * self.traffic.world.speed, text))
        self._read = len(self.record.notes)
        self._notes += [f"{minutes(at)}  {text}" for at, text in sorted(fresh)]
        return self._notes

    def _picture(self) -> RenderableType:
        bars = Table.grid(padding=(0, 2))
        for name, share in self._shares():
            bars.add_row(f"  {name}", ProgressBar(1.0, min(share, 1.0), width=40), f"{share:4.0%}")
        notes = Text("\n".join(self._take_notes()[-_NOTES_SHOWN:]), style="dim")
        return Group(Text(self._counts(), style="bold"), Text(), bars, Text(), notes)
