"""What a supervisor is told: its children, when to restart them and when to give up. Data; checked where it is made.

The vocabulary is OTP's (`supervisor`, "Supervision Principles"). Three differences: the intensity is counted per child
and per supervisor, a restart may wait (back-off), and a supervisor that gives up may be quarantined instead of
escalating.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final, TypeAlias

from actorrouter.runtime.task_actor import Inbox
from actorrouter.turns import Behaviour
from actorrouter.values import INF, value


class InvalidSpec(ValueError):
    """A spec has a fault; the message names it."""


class SupervisorError(Exception):
    """A supervisor cannot do what it was asked to."""


class ChildExists(SupervisorError):
    """The id is in use. `running`: whether that child runs."""

    def __init__(self, child_id: str, *, running: bool) -> None:
        super().__init__(f"child {child_id!r} exists and is {'running' if running else 'not running'}")
        self.running = running


class NoSuchChild(SupervisorError):
    """The supervisor has no child of this id."""


class TooManyChildren(SupervisorError):
    """`max_children` is reached; children between two incarnations count."""


class StartFailed(SupervisorError):
    """A child could not be started; the cause is attached where there is one."""


class Restart(StrEnum):
    """Permanent: started again whatever ended it. Transient: only after a crash. Temporary: never, and forgotten."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"


class Strategy(StrEnum):
    """Who is restarted with a child: nobody, everybody, or those started after it."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"


class OnGiveUp(StrEnum):
    """Escalate: the parent is told of a crash. Quarantine: stay stopped until an operator revives it."""

    ESCALATE = "escalate"
    QUARANTINE = "quarantine"


class AutoShutdown(StrEnum):
    """Whether the end of one significant child, or of the last of them, ends the supervisor."""

    NONE = "none"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise InvalidSpec(fault)


def _is_span(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and given >= 0  # NaN is not >= 0


def _is_count(given: object, least: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given >= least


@value
class Intensity:
    """More than `max_restarts` within `within_s` gives up: 0 at the first failure, None never."""

    max_restarts: int | None = 5
    within_s: float = 10.0

    def __attrs_post_init__(self) -> None:
        _require(
            self.max_restarts is None or _is_count(self.max_restarts, 0),
            f"max_restarts must be a whole number >= 0, or None for no limit, not {self.max_restarts!r}",
        )
        _require(_is_span(self.within_s) and 0 < self.within_s < INF, f"within_s must be > 0, not {self.within_s!r}")


UNLIMITED: Final = Intensity(None)
"""Restart for ever. Said explicitly or not at all."""


@value
class Backoff:
    """The first restart is immediate, the next wait `first_s`, doubling up to `max_s`, each less up to half by chance.

    It starts over once the child has run for `reset_s`.
    """

    first_s: float = 0.05
    max_s: float = 5.0
    reset_s: float = 10.0

    def __attrs_post_init__(self) -> None:
        for name in ("first_s", "max_s", "reset_s"):
            given = getattr(self, name)
            _require(_is_span(given), f"{name} must be a number of seconds >= 0, not {given!r}")
        _require(self.first_s <= self.max_s < INF, f"max_s must be finite and >= first_s, not {self.max_s!r}")


DEFAULT_BACKOFF: Final = Backoff()
CHILD_INTENSITY: Final = Intensity(5, 10.0)
SUPERVISOR_INTENSITY: Final = Intensity(50, 10.0)


@value
class ActorSpec:
    """An inline actor. `initial` makes the state its log starts from; `on_undelivered` gets a reply nobody took."""

    id: str
    behaviour: Behaviour
    initial: Callable[[], Any]
    restart: Restart = Restart.PERMANENT
    backoff: Backoff = DEFAULT_BACKOFF
    on_undelivered: Callable[[Any], None] | None = None
    significant: bool = False

    def __attrs_post_init__(self) -> None:
        _require_child(self)
        if not isinstance(self.behaviour, Behaviour):
            raise InvalidSpec(f"child {self.id!r}: behaviour must be a Behaviour")
        if not callable(self.initial):
            raise InvalidSpec(f"child {self.id!r}: initial must be callable")


@value
class TaskSpec:
    """An actor with a task of its own, for I/O. `run` takes its mail from the Inbox.

    `shutdown_s`: how long it may take to end when asked; None: as long as it wants, 0: it is not asked but cancelled.
    """

    id: str
    run: Callable[[Inbox], Awaitable[None]]
    restart: Restart = Restart.PERMANENT
    shutdown_s: float | None = 5.0
    backoff: Backoff = DEFAULT_BACKOFF
    mailbox_max: int = 10_000
    on_undelivered: Callable[[Any], None] | None = None
    significant: bool = False

    def __attrs_post_init__(self) -> None:
        _require_child(self)
        _require(callable(self.run), f"child {self.id!r}: run must be an async function of an Inbox")
        _require(
            self.shutdown_s is None or _is_span(self.shutdown_s),
            f"child {self.id!r}: shutdown_s must be None or seconds >= 0, not {self.shutdown_s!r}",
        )
        _require(_is_count(self.mailbox_max, 1), f"child {self.id!r}: mailbox_max must be a whole number >= 1")


@value
class SupervisorSpec:
    """A supervisor: its first children, in start order, and its rules. `max_children`: None = as many as there are.

    Children added later come back with it, unless they are temporary.
    """

    id: str
    children: tuple[ActorSpec | TaskSpec | SupervisorSpec, ...] = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = SUPERVISOR_INTENSITY
    child_intensity: Intensity = CHILD_INTENSITY
    restart: Restart = Restart.PERMANENT
    backoff: Backoff = DEFAULT_BACKOFF
    on_give_up: OnGiveUp = OnGiveUp.ESCALATE
    auto_shutdown: AutoShutdown = AutoShutdown.NONE
    max_children: int | None = None
    significant: bool = False

    def __attrs_post_init__(self) -> None:
        _require_child(self)
        _require_member(self.id, "strategy", self.strategy, Strategy)
        _require_member(self.id, "on_give_up", self.on_give_up, OnGiveUp)
        _require_member(self.id, "auto_shutdown", self.auto_shutdown, AutoShutdown)
        for name in ("intensity", "child_intensity"):
            _require(isinstance(getattr(self, name), Intensity), f"supervisor {self.id!r}: {name} must be an Intensity")
        _require(isinstance(self.children, tuple), f"supervisor {self.id!r}: children must be a tuple")
        ids: set[str] = set()
        for child in self.children:
            check_child(self, child)
            _require(child.id not in ids, f"supervisor {self.id!r}: duplicate child id {child.id!r}")
            ids.add(child.id)
        _require(
            self.max_children is None or _is_count(self.max_children, len(ids)),
            f"supervisor {self.id!r}: max_children must be None or at least the {len(ids)} children it starts with",
        )


ChildSpec: TypeAlias = ActorSpec | TaskSpec | SupervisorSpec


def check_child(supervisor: SupervisorSpec, child: object) -> None:
    """Refuse what this supervisor cannot have as a child."""
    if not isinstance(child, (ActorSpec, TaskSpec, SupervisorSpec)):
        raise InvalidSpec(
            f"supervisor {supervisor.id!r}: a child must be an ActorSpec, TaskSpec or SupervisorSpec,"
            f" not {type(child).__name__}"
        )
    if child.id == supervisor.id:
        raise InvalidSpec(f"supervisor {supervisor.id!r}: a child has its own id")
    if child.significant and supervisor.auto_shutdown is AutoShutdown.NONE:
        raise InvalidSpec(f"child {child.id!r} is significant, but supervisor {supervisor.id!r} has no auto_shutdown")
    endless = supervisor.intensity.max_restarts is None and supervisor.child_intensity.max_restarts is None
    if endless and not child.backoff.first_s > 0:
        raise InvalidSpec(f"child {child.id!r}: restarts without limit need a back-off")


def _require_child(spec: ChildSpec) -> None:
    """The common case costs no text."""
    common = type(spec.id) is str and spec.id and type(spec.backoff) is Backoff
    if common and spec.restart is Restart.PERMANENT and not spec.significant:
        return
    _require(isinstance(spec.id, str) and bool(spec.id), f"a child's id must be a non-empty text, not {spec.id!r}")
    _require_member(spec.id, "restart", spec.restart, Restart)
    _require(isinstance(spec.backoff, Backoff), f"child {spec.id!r}: backoff must be a Backoff")
    _require(
        not spec.significant or spec.restart is not Restart.PERMANENT,
        f"child {spec.id!r}: a significant child is transient or temporary; a permanent one never ends",
    )


def _require_member(spec_id: str, name: str, given: object, kind: type[StrEnum]) -> None:
    known = ", ".join(kind)
    _require(isinstance(given, kind), f"{spec_id!r}: {name} must be one of {known} ({kind.__name__}), not {given!r}")
