"""What follows when a child ends: whom to stop, whom to start and when, or to give up. Pure.

Histories slide: only failures within the window count, on the runtime's clock. A child that ended and need not be
restarted counts nothing. The rules are OTP's; `specs` says where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from actorrouter.supervisor.specs import AutoShutdown, Backoff, ChildSpec, Intensity, Restart, Strategy, SupervisorSpec
from actorrouter.values import INF, value

_DOUBLINGS_MAX = 60


class Exit(StrEnum):
    """How a child ended: it was done, it was asked to (or ended itself in an orderly way), it failed."""

    NORMAL = "normal"
    SHUTDOWN = "shutdown"
    CRASH = "crash"


class Verdict(StrEnum):
    """`shut_down`: a significant child has ended and the supervisor ends with it."""

    LEAVE = "leave"
    RESTART = "restart"
    SHUT_DOWN = "shut_down"
    GIVE_UP = "give_up"


@value
class History:
    """The restarts of one child, or of all a supervisor's children.

    `times`: those inside the window. `total`: ever. `in_a_row`: since it last ran for `reset_s`. `runs_since`: when the
    present incarnation was to start.
    """

    times: tuple[float, ...] = ()
    total: int = 0
    in_a_row: int = 0
    runs_since: float = -INF


NO_HISTORY = History()


@value
class Plan:
    """What to do. `stop`: in this order, the last started first, without the child that ended. `start`: in this order,
    `delay_s` after now. `child`, `supervisor`: their histories from now on. `exceeded`: the limit that was passed."""

    verdict: Verdict
    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    delay_s: float = 0.0
    child: History = NO_HISTORY
    supervisor: History = NO_HISTORY
    exceeded: Intensity | None = None


def decide(
    spec: SupervisorSpec,
    child: ChildSpec,
    exit_: Exit,
    running: Iterable[ChildSpec],
    histories: tuple[History, History],
    *,
    now: float,
    draw: float,
) -> Plan:
    """Say what follows from the end of `child`.

    `running`: the children that run or are between two incarnations, `child` among them, in start order; read only
    where the strategy needs it. `histories`: the child's and the supervisor's. `draw`: a random number in [0, 1).
    """
    if not is_restarted(child.restart, exit_):
        return Plan(_without(spec, child, running), child=histories[0], supervisor=histories[1])
    mine = failed(histories[0], spec.child_intensity, child.backoff, now, draw)
    ours = counted(histories[1], spec.intensity, now)
    exceeded = _exceeded(mine, spec.child_intensity) or _exceeded(ours, spec.intensity)
    if exceeded is not None:
        return Plan(Verdict.GIVE_UP, child=mine, supervisor=ours, exceeded=exceeded)
    group = _group(spec.strategy, child, running)
    return Plan(
        Verdict.RESTART,
        stop=tuple(each.id for each in reversed(group) if each.id != child.id),
        start=tuple(each.id for each in group if each.restart is not Restart.TEMPORARY),
        delay_s=mine.runs_since - now,
        child=mine,
        supervisor=ours,
    )


def is_restarted(restart: Restart, exit_: Exit) -> bool:
    """Whether a child of this kind is started again after such an end."""
    if restart is Restart.TRANSIENT:
        return exit_ is Exit.CRASH
    return restart is Restart.PERMANENT


def counted(history: History, intensity: Intensity, now: float) -> History:
    """The history with one more restart, and only what the window still holds."""
    recent: tuple[float, ...] = ()
    if intensity.max_restarts is not None:
        recent = (*(at for at in history.times if now - at <= intensity.within_s), now)
    return History(recent, history.total + 1, history.in_a_row, history.runs_since)


def failed(history: History, intensity: Intensity, backoff: Backoff, now: float, draw: float) -> History:
    """A child's history with one more failure; `runs_since` says when it is to run again."""
    in_a_row = 1 if now - history.runs_since >= backoff.reset_s else history.in_a_row + 1
    record = counted(history, intensity, now)
    return History(record.times, record.total, in_a_row, now + delay(backoff, in_a_row, draw))


def delay(backoff: Backoff, in_a_row: int, draw: float) -> float:
    """Seconds to wait before the restart after this many failures in a row."""
    if in_a_row <= 1:
        return 0.0
    full = min(backoff.max_s, backoff.first_s * 2.0 ** min(in_a_row - 2, _DOUBLINGS_MAX))
    return full * (1 - draw / 2)


def _exceeded(history: History, intensity: Intensity) -> Intensity | None:
    over = intensity.max_restarts is not None and len(history.times) > intensity.max_restarts
    return intensity if over else None


def _group(strategy: Strategy, child: ChildSpec, running: Iterable[ChildSpec]) -> tuple[ChildSpec, ...]:
    if strategy is Strategy.ONE_FOR_ONE:
        return (child,)
    everybody = tuple(running)
    if strategy is Strategy.ONE_FOR_ALL:
        return everybody
    place = next(index for index, each in enumerate(everybody) if each.id == child.id)
    return everybody[place:]


def _without(spec: SupervisorSpec, child: ChildSpec, running: Iterable[ChildSpec]) -> Verdict:
    if not child.significant or spec.auto_shutdown is AutoShutdown.NONE:
        return Verdict.LEAVE
    if spec.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT:
        return Verdict.SHUT_DOWN
    left = any(each.significant and each.id != child.id for each in running)
    return Verdict.LEAVE if left else Verdict.SHUT_DOWN
