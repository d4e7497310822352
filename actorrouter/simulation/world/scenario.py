"""One storm: a fleet as the router is told of it, the providers as they really are, who calls, what goes wrong, and
what must come of it. Read from TOML; every fault at once.

    title = "Throttle storm"
    duration_s = 600

    [router]            # a router's configuration; base_url and secret may be left out
    [upstream.NAME]     # where that provider differs from what the router is told of it
    [workload.NAME]     # who calls
    [[trouble]]         # what goes wrong on our side, or in between
    [expect]            # figure = "<= 5"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import attrs

from actorrouter.config import RouterConfig
from actorrouter.config.file import load, structure
from actorrouter.errors import InvalidConfig
from actorrouter.simulation.providers.config import ConfigInvalid, ProviderConfig
from actorrouter.simulation.providers.config import structure as described
from actorrouter.simulation.workloads import WorkloadConfig
from actorrouter.simulation.workloads.traces import TraceInvalid, locate
from actorrouter.simulation.world.aims import require_aimed
from actorrouter.simulation.world.expectations import Expectation, expectations
from actorrouter.simulation.world.truth import providers_of, simulated

EPOCH: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_T = TypeVar("_T")
PathKind = Literal["fast", "full"]

TroubleKind = Literal[
    "crash", "poison", "tear", "stall", "clock_jump", "kill", "journal_outage", "journal_corruption",
    "cancel", "abandon", "slow_consumer", "cut",
    "add_key", "remove_key", "disable_key", "clear_key", "rotate_keys", "revive",
]  # fmt: skip


@attrs.frozen
class TroubleConfig:
    """What goes wrong on our side of the wire, or on it, from `at_s` on.

    At an instant, and again every `every_s` for `for_s`: crash (an actor dies), stall (the process does nothing for
    `amount` seconds), clock_jump (the wall clock steps by `amount`), kill (the process dies and is back after `amount`
    seconds), the operator's add_key, remove_key, disable_key, clear_key, rotate_keys (each key of `target` in turn is
    replaced by a new one) and revive.
    For `for_s` (none: to the end), each time with `probability`: poison (a turn raises in decide), tear (in evolve),
    journal_outage (nothing can be appended), journal_corruption (what is read back is broken), cancel (a caller leaves
    within `amount` seconds), abandon (a stream is dropped unread and unclosed), slow_consumer (a caller pauses
    `amount` seconds at each piece), cut (a connection to the provider `target` ends within its answer). Connections
    that do not come about are the provider's fault `dial`.
    `target`: a pattern of actors ("key:*"), keys or providers. `message`: whose turn poison spoils ("Reserve").
    `keeps`: the journal outlives a kill, but for the last events, so many as it `loses`.
    """

    kind: TroubleKind
    at_s: float = 0.0
    for_s: float | None = None
    every_s: float | None = None
    target: str = "*"
    probability: float = 1.0
    amount: float = 1.0
    message: str = "*"
    keeps: bool = False
    loses: int = 0

    def __attrs_post_init__(self) -> None:
        for name in ("at_s", "for_s", "every_s"):
            said = getattr(self, name)
            if said is not None and said < 0:
                raise ValueError(f"{name} must not be negative")
        if self.every_s == 0:
            raise ValueError("every_s must be above 0")
        if not 0 <= self.probability <= 1:
            raise ValueError("probability must be within 0 and 1")
        if self.amount < 0 and self.kind != "clock_jump":
            raise ValueError("amount must not be negative")

    def on(self, elapsed: float) -> bool:
        """Whether it is on at this second of the run."""
        return self.at_s <= elapsed and (self.for_s is None or elapsed < self.at_s + self.for_s)

    def ends_s(self, duration_s: float) -> float:
        """When it is over."""
        return self.at_s + self.for_s if self.for_s is not None else duration_s


@attrs.frozen
class Scenario:
    """`duration_s`: seconds in which calls come. `settle_s`: most seconds after that until all work has ended.
    `transit_s`: least and most time a request or an answer is under way. `bytes_per_token`: of texts that are sent."""

    title: str
    router: RouterConfig
    upstream: Mapping[str, ProviderConfig]
    workloads: Mapping[str, WorkloadConfig]
    troubles: tuple[TroubleConfig, ...] = ()
    expect: tuple[Expectation, ...] = ()
    story: str = ""
    source: str = ""
    directory: Path = Path()
    seed: int = 1
    duration_s: float = 600.0
    settle_s: float = 3600.0
    transit_s: tuple[float, float] = (0.01, 0.06)
    epoch: datetime = EPOCH
    path: PathKind = "fast"
    bytes_per_token: int = 4


_OWN: Final = frozenset(
    {"title", "story", "seed", "duration_s", "settle_s", "transit_s", "epoch", "path", "bytes_per_token"}
)
_TABLES: Final = frozenset({"router", "upstream", "workload", "trouble", "expect"})


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read one from a file. Raises InvalidConfig with what is wrong and where."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise InvalidConfig([f"cannot be read: {why.lower()}"], os.fspath(path)) from error
    return loads_scenario(text, os.fspath(path), Path(path).parent)


def loads_scenario(text: str, source: str = "scenario", directory: Path | None = None) -> Scenario:
    """Read one from TOML text; `router = "FILE"` and traces are looked for in `directory`."""
    try:
        tree = tomllib.loads(text)
    except ValueError as error:
        raise InvalidConfig([f"not TOML: {error}"], source) from error
    unknown = sorted(tree.keys() - _OWN - _TABLES)
    if unknown:
        raise InvalidConfig([f"unknown fields {unknown}; known: {sorted(_OWN | _TABLES)}"], source)
    return build(tree, source, directory or Path())


def build(tree: Mapping[str, Any], source: str, directory: Path) -> Scenario:
    """The scenario in plain tables. Raises InvalidConfig."""
    try:
        own = described({name: tree[name] for name in _OWN & tree.keys()}, _Own)
        router = router_of(tree.get("router"), directory, f"{source} [router]")
        workloads = {
            name: _placed(f"workload.{name}", told, WorkloadConfig) for name, told in _table(tree, "workload").items()
        }
        _require_known(workloads, router, directory)
        listed = enumerate(_list(tree, "trouble"))
        troubles = tuple(_placed(f"trouble[{at}]", told, TroubleConfig) for at, told in listed)
        require_aimed(troubles, router)
        epoch = own.epoch_utc
        return Scenario(
            own.title,
            router,
            providers_of(router, tree.get("upstream", {}), epoch.timestamp()),
            workloads,
            troubles,
            expectations(_table(tree, "expect")),
            own.story,
            source,
            directory,
            own.seed,
            own.duration_s,
            own.settle_s,
            (own.transit_s[0], own.transit_s[1]),
            epoch,
            own.path,
            own.bytes_per_token,
        )
    except ConfigInvalid as error:
        raise InvalidConfig([f"{place}: {why}" for place, why in error.faults], source) from error


def _table(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    told = tree.get(name, {})
    if not isinstance(told, Mapping):
        raise ConfigInvalid([(f"$.{name}", "expected a table")])
    return told


def _list(tree: Mapping[str, Any], name: str) -> list[Any]:
    told = tree.get(name, [])
    if not isinstance(told, list):
        raise ConfigInvalid([(f"$.{name}", f"expected a list of tables: [[{name}]]")])
    return told


def _require_known(workloads: Mapping[str, WorkloadConfig], router: RouterConfig, directory: Path) -> None:
    """What workloads name is there: routes and traces."""
    faults = []
    for name, workload in workloads.items():
        unknown = sorted(workload.models.keys() - router.routes.keys())
        if unknown:
            faults.append((f"$.workload.{name}.models", f"no such route: {', '.join(unknown)}"))
        try:
            if workload.kind == "trace" and not locate(workload.trace or "", directory).is_file():
                faults.append((f"$.workload.{name}.trace", f"there is no file {workload.trace}"))
        except TraceInvalid as error:
            faults.append((f"$.workload.{name}.trace", str(error)))
    if faults:
        raise ConfigInvalid(faults)


def _placed(place: str, tree: object, kind: type[_T]) -> _T:
    """A part of it; what is wrong there is told with its place."""
    try:
        return described(tree, kind)
    except ConfigInvalid as error:
        raise ConfigInvalid([(f"$.{place}{path.removeprefix('$')}", why) for path, why in error.faults]) from error


@attrs.frozen
class _Own:
    """What a scenario says of itself."""

    title: str
    story: str = ""
    seed: int = 1
    duration_s: float = 600.0
    settle_s: float = 3600.0
    transit_s: tuple[float, ...] = (0.01, 0.06)
    epoch: str = ""
    path: PathKind = "fast"
    bytes_per_token: int = 4

    def __attrs_post_init__(self) -> None:
        if self.duration_s <= 0 or self.settle_s < 0:
            raise ValueError("duration_s must be above 0, settle_s not negative")
        if len(self.transit_s) != 2 or not 0 <= self.transit_s[0] <= self.transit_s[1]:
            raise ValueError("transit_s must be [least, most]")
        if not 1 <= self.bytes_per_token <= 16:
            raise ValueError("bytes_per_token must be within 1 and 16")
        try:
            self.epoch_utc  # noqa: B018 - it must be readable
        except ValueError:
            raise ValueError(f"epoch: {self.epoch!r} is no time like 2026-11-23T09:00:00+00:00") from None

    @property
    def epoch_utc(self) -> datetime:
        """The wall clock at the start."""
        told = datetime.fromisoformat(self.epoch) if self.epoch else EPOCH
        return told.replace(tzinfo=told.tzinfo or UTC)


def router_of(said: object, directory: Path, source: str = "router") -> RouterConfig:
    """The router's part: a table, or the name of a file. Addresses and secrets are replaced by ones that are nobody's.

    Neither the environment nor a file with a secret is read. Raises ConfigInvalid, InvalidConfig.
    """
    if isinstance(said, str):
        return structure(_exact(simulated(_tree_in(directory / said))), said, {})
    if not isinstance(said, Mapping):
        raise ConfigInvalid([("$.router", "expected a table with providers, keys and routes, or a file's name")])
    return structure(_exact(simulated(said)), source, {})


def _tree_in(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        load(path, {})  # says why
        raise


def _exact(value: Any) -> Any:
    """As `config.file` reads TOML: numbers with a point stay exact."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {name: _exact(each) for name, each in value.items()}
    return [_exact(each) for each in value] if isinstance(value, list) else value
