"""The calls of the trace, sent when it says, and how each of them ended. Every call ends in exactly one way."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from itertools import islice
from typing import Final

import anyio
import attrs

from actorrouter import Call, Router, RouterError, RouterStopped
from actorrouter.demo.world import ROUTES, TENANTS, World
from actorrouter.errors import Attempt
from actorrouter.observe.laws import LawBook

TRACE: Final = "azure2023_conv_every_ninth.csv"
STREAMED: Final = 0.4
_ASSIST_SHARE: Final = 0.3
_BYTES_PER_TOKEN: Final = 4
_TEXT: Final = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 1024
_MAX_TOKENS_LEAST: Final = 64
_DRAIN_S: Final = 2.0
_INTERRUPTED: Final = "interrupted"


@attrs.frozen
class Row:
    """One request of the trace. `at_s`: seconds after the first."""

    at_s: float
    input_tokens: int
    output_tokens: int


def read_trace(most: int | None = None) -> list[Row]:
    """The shipped trace; `most`: only so many rows from its beginning."""
    lines = files("actorrouter.demo").joinpath(TRACE).read_text(encoding="utf-8").splitlines()
    read = islice(csv.DictReader(lines), most)
    return [Row(float(row["t_ms"]) / 1000, int(row["input_tokens"]), int(row["output_tokens"])) for row in read]


@attrs.frozen
class Ending:
    """How one call ended. `kind`: served, refused or lost; `why`: the reason, if not served."""

    kind: str
    tenant: str
    why: str = ""
    key_id: str = ""
    waited_s: float = 0.0
    decisions: tuple[int, ...] = ()


@attrs.define
class Tally:
    """All endings so far. `begun`: calls handed to the router."""

    endings: list[Ending] = attrs.field(factory=list)
    begun: int = 0
    counts: Counter[str] = attrs.field(factory=Counter)

    def add(self, ending: Ending) -> None:
        """One call has ended."""
        self.endings.append(ending)
        self.counts[ending.kind] += 1

    @property
    def under_way(self) -> int:
        """Calls that have not ended yet."""
        return self.begun - len(self.endings)


@attrs.define
class Traffic:
    """Sends the rows through a router. `stop` ends it early: nothing new, a moment to finish, the rest is cancelled."""

    router: Router
    world: World
    rows: Sequence[Row]
    chance: random.Random
    laws: LawBook
    tally: Tally = attrs.field(factory=Tally)
    interrupted: bool = False
    _sending: anyio.CancelScope = attrs.field(init=False, factory=anyio.CancelScope)
    _calls: anyio.CancelScope = attrs.field(init=False, factory=anyio.CancelScope)

    async def run(self) -> None:
        """Send every row at its instant; return when every call has ended."""
        started = anyio.current_time()
        with self._calls:
            async with anyio.create_task_group() as group:
                with self._sending:
                    for row in self.rows:
                        await anyio.sleep_until(started + self.world.real_s(row.at_s))
                        self.tally.begun += 1
                        group.start_soon(self._send, call_of(row, self.chance))

    async def stop(self) -> None:
        """Stop sending and let what is in flight finish, briefly. A second time: at once."""
        if self.interrupted:
            self._calls.cancel()
            return
        self.interrupted = True
        self._sending.cancel()
        await self.router.drain(_DRAIN_S)
        self._calls.cancel()

    async def _send(self, call: Call) -> None:
        try:
            self.tally.add(await self._served(call))
        except RouterError as error:
            self.laws.failed(error, call)
            why = _INTERRUPTED if isinstance(error, RouterStopped) and self.interrupted else _reason(error)
            self.tally.add(Ending("refused", call.tenant, why, decisions=_decisions(error.attempts, error.decision_id)))
        except anyio.get_cancelled_exc_class():
            self.tally.add(Ending("refused", call.tenant, _INTERRUPTED))
            raise
        except Exception as error:  # neither an answer nor an error of ours: exactly what must not happen
            self.tally.add(Ending("lost", call.tenant, f"{type(error).__name__}: {error}"))

    async def _served(self, call: Call) -> Ending:
        async with self.router.stream(call) as reply:
            async for _ in reply:
                pass
        self.laws.answered(reply, call)
        decision = self.router.decision(reply.decision_id)
        waited_s = decision.waited_s if decision is not None else 0.0
        return Ending("served", call.tenant, "", reply.key_id, waited_s, _decisions(reply.attempts, reply.decision_id))


def _reason(error: RouterError) -> str:
    first_line = str(error).splitlines()[0]
    return f"{type(error).__name__}: {re.split(r' [(]|; the first could', first_line)[0]}"


def _decisions(attempts: Sequence[Attempt], last: int | None) -> tuple[int, ...]:
    made = dict.fromkeys(attempt.decision_id for attempt in attempts)
    return tuple(made | ({} if last is None else {last: None}))


def call_of(row: Row, chance: random.Random) -> Call:
    """The row as a chat call: text as long as its input, a cap a person might set, its true lengths as metadata."""
    tenant = chance.choices(list(TENANTS), list(TENANTS.values()))[0]
    chat, assist = ROUTES
    body = {
        "messages": [{"role": "user", "content": _TEXT[: _BYTES_PER_TOKEN * row.input_tokens]}],
        "max_tokens": max(_MAX_TOKENS_LEAST, 1 << row.output_tokens.bit_length()),
        "metadata": {"input_tokens": str(row.input_tokens), "output_tokens": str(row.output_tokens)},
    }
    route = assist if chance.random() < _ASSIST_SHARE else chat
    return Call(route, body, stream=chance.random() < STREAMED, tenant=tenant, max_attempts=6)
