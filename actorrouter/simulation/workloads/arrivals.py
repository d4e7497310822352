"""The calls of a scenario, in order of time, made one at a time from descriptions and a seed.

Each workload draws from chances of its own, seeded by (seed, name, what is drawn): neither another workload nor another
field of the same one changes what it draws, and neither do the process and its hash seed.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, repeat, takewhile
from math import inf
from pathlib import Path
from random import Random

from attrs import define, field, frozen

from actorrouter.simulation.workloads import instants, servegen, traces
from actorrouter.simulation.workloads.config import WorkloadConfig
from actorrouter.simulation.workloads.sizes import allowance, drawer


@frozen
class Arrival:
    """One call. `output_tokens`: what its answer will really have. `retries`: how often a refusal is asked again."""

    at_s: float
    model: str
    tenant: str
    priority: int
    input_tokens: int
    output_tokens: int
    max_tokens: int
    stream: bool
    wait_s: float | None
    deadline_s: float | None
    cached_tokens: int = 0
    client: str = ""
    retries: int = 0
    retry_pause_s: float = 0.0


def arrivals(
    workloads: Mapping[str, WorkloadConfig], seed: int, duration_s: float, folder: Path | None = None
) -> Iterator[Arrival]:
    """Every call of the open workloads before `duration_s`, lazily. `folder`: where relative trace paths begin.

    Closed workloads have none here: see `closed_clients`. Raises TraceInvalid where a trace is at fault.
    """
    streams = [
        _arrivals_of(name, workloads[name], seed, duration_s, folder)
        for name in sorted(workloads)
        if workloads[name].kind != "closed"
    ]
    return heapq.merge(*streams, key=lambda arrival: arrival.at_s)


def closed_clients(workloads: Mapping[str, WorkloadConfig], seed: int, duration_s: float) -> list["ClosedClient"]:
    """The clients of the closed workloads, each to be driven by its answers."""
    return [
        ClosedClient.of(name, index, workloads[name], seed, duration_s)
        for name in sorted(workloads)
        for index in range(workloads[name].clients or 0)
    ]


@define
class ClosedClient:
    """A client that calls, waits for its answer, thinks, and calls again until `stop_s`. It has one call at a time.

    Its draws depend on how many calls it made, not on when they were answered.
    """

    client: str
    start_s: float
    stop_s: float
    think_s: float
    _caller: "Caller"
    _thinking: Random

    @classmethod
    def of(cls, name: str, index: int, config: WorkloadConfig, seed: int, duration_s: float) -> "ClosedClient":
        client = f"{name}/{index}"
        stop_s = min(duration_s, inf if config.stop_s is None else config.stop_s)
        thinking = Random(f"{seed}/{client}/think")
        return cls(client, config.start_s, stop_s, config.think_s or 0.0, Caller(client, config, seed), thinking)

    def first(self) -> Arrival | None:
        """The first call, a thought after the start; None: it comes too late."""
        return self.after(self.start_s)

    def after(self, ended_s: float) -> Arrival | None:
        """The call that follows an answer or a failure at `ended_s`; None: the client has stopped."""
        thought_s = self._thinking.expovariate(1 / self.think_s) if self.think_s else 0.0
        at_s = ended_s + thought_s
        return self._caller.call(at_s, self.client) if at_s < self.stop_s else None


def _arrivals_of(
    name: str, config: WorkloadConfig, seed: int, duration_s: float, folder: Path | None
) -> Iterator[Arrival]:
    until_s = min(duration_s, inf if config.stop_s is None else config.stop_s)
    return takewhile(lambda arrival: arrival.at_s < until_s, _endless(name, config, seed, folder))


def _endless(name: str, config: WorkloadConfig, seed: int, folder: Path | None) -> Iterator[Arrival]:
    caller = Caller(name, config, seed)
    match config.kind:
        case "trace":
            for row in _rows(name, config, seed, folder):
                yield caller.call(config.start_s + row.at_s, name, row)
        case "servegen":
            yield from _measured_day(name, config, seed, folder, caller)
        case _:
            for at_s in _instants(config, Random(f"{seed}/{name}/times")):
                yield caller.call(config.start_s + at_s, name)


def _instants(config: WorkloadConfig, chance: Random) -> Iterator[float]:
    rate = config.rate_per_s or 0.0
    match config.kind:
        case "poisson":
            return instants.poisson(rate, chance)
        case "bursts":
            return instants.bursts(rate, config.on_s or 0.0, config.off_s or 0.0, config.factor or 1.0, chance)
        case "diurnal":
            return instants.diurnal(rate, config.swing or 0.0, config.period_s or 1.0, chance)
        case _:
            return repeat(0.0, config.calls or 0)


def _rows(name: str, config: WorkloadConfig, seed: int, folder: Path | None) -> Iterator[traces.Row]:
    for_s, scale = _or(config.for_s, inf), _or(config.time_scale, 1.0)
    rows = traces.read_rows(traces.locate(config.trace or "", folder))
    rows = traces.stretch(traces.excerpt(rows, _or(config.from_s, 0.0), for_s), scale)
    if (volume := _or(config.volume, 1.0)) != 1:
        rows = traces.multiply(rows, volume, _or(config.jitter_s, 1.0), Random(f"{seed}/{name}/volume"))
    return takewhile(lambda row: row.at_s < for_s * scale, rows)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _measured_day(
    name: str, config: WorkloadConfig, seed: int, folder: Path | None, caller: "Caller"
) -> Iterator[Arrival]:
    clients = servegen.read_clients(config.trace or "", folder)
    chance = Random(f"{seed}/{name}/sizes")
    from_s, for_s = _or(config.from_s, 0.0), _or(config.for_s, inf)
    volume = _or(config.volume, 1.0)
    for at_s, client in servegen.instants(clients, from_s, for_s, volume, f"{seed}/{name}/times"):
        input_tokens, output_tokens = (client.size(what, from_s + at_s, chance) for what in servegen.SIZES)
        row = traces.Row(at_s, input_tokens, output_tokens)
        yield caller.call(config.start_s + at_s, f"{name}/{client.name}", row)


def _chooser(weights: dict[str, float]) -> Callable[[Random], str]:
    names = sorted(weights)
    if len(names) == 1:
        return lambda _: names[0]
    reach = list(accumulate(weights[name] for name in names))
    return lambda chance: chance.choices(names, cum_weights=reach)[0]


@define
class Caller:
    """Makes the calls of one source: who, what and how large."""

    name: str
    config: WorkloadConfig
    seed: int
    _chances: dict[str, Random] = field(init=False)
    _model: Callable[[Random], str] = field(init=False)
    _tenant: Callable[[Random], str] = field(init=False)
    _input: Callable[[Random], int] | None = field(init=False)
    _output: Callable[[Random], int] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        drawn = ("model", "tenant", "input", "output", "stream")
        self._chances = {what: Random(f"{self.seed}/{self.name}/{what}") for what in drawn}
        self._model, self._tenant = _chooser(self.config.models), _chooser(self.config.tenants)
        self._input, self._output = drawer(self.config.input), drawer(self.config.output)

    def call(self, at_s: float, client: str, row: traces.Row | None = None) -> Arrival:
        """The next call; what `row` says of it holds unless the workload has sizes of its own."""
        config, chances = self.config, self._chances
        row = row or _UNMEASURED
        input_tokens = self._input(chances["input"]) if self._input else min(row.input_tokens, config.input.most)
        output_tokens = self._output(chances["output"]) if self._output else min(row.output_tokens, config.output.most)
        max_tokens = max(1, allowance(output_tokens, config.max_tokens, config.max_tokens_margin))
        cached = row.cached_tokens if config.cached_share is None else int(input_tokens * config.cached_share)
        return Arrival(
            at_s=at_s,
            model=row.model or self._model(chances["model"]),
            tenant=row.tenant or self._tenant(chances["tenant"]),
            priority=config.priority,
            input_tokens=input_tokens,
            output_tokens=min(output_tokens, max_tokens),
            max_tokens=max_tokens,
            stream=chances["stream"].random() < config.stream_share,
            wait_s=config.wait_s,
            deadline_s=config.deadline_s,
            cached_tokens=min(cached, input_tokens),
            client=client,
            retries=config.retries,
            retry_pause_s=config.retry_pause_s,
        )


_UNMEASURED = traces.Row(0.0, 1, 1)
