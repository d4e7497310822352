"""The pure decisions, against OTP's documented rules and against windows counted the naive way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.supervisor.specs import (
    UNLIMITED,
    ActorSpec,
    AutoShutdown,
    Backoff,
    Intensity,
    Restart,
    Strategy,
    SupervisorSpec,
)
from actorrouter.supervisor.strategy import (
    NO_HISTORY,
    Exit,
    Plan,
    Verdict,
    counted,
    decide,
    delay,
    failed,
    is_restarted,
)
from actorrouter.values import INF

from .world import actor, group

ABC = tuple(actor(each) for each in "abcd")


def after(
    spec: SupervisorSpec, child: ActorSpec, exit_: Exit = Exit.CRASH, running: tuple[ActorSpec, ...] = ABC
) -> Plan:
    return decide(spec, child, exit_, running, (NO_HISTORY, NO_HISTORY), now=0.0, draw=0.5)


@pytest.mark.parametrize(
    ("restart", "exit_", "again"),
    [
        (Restart.PERMANENT, Exit.NORMAL, True),
        (Restart.PERMANENT, Exit.SHUTDOWN, True),
        (Restart.PERMANENT, Exit.CRASH, True),
        (Restart.TRANSIENT, Exit.NORMAL, False),
        (Restart.TRANSIENT, Exit.SHUTDOWN, False),
        (Restart.TRANSIENT, Exit.CRASH, True),
        (Restart.TEMPORARY, Exit.NORMAL, False),
        (Restart.TEMPORARY, Exit.SHUTDOWN, False),
        (Restart.TEMPORARY, Exit.CRASH, False),
    ],
)
def test_restart_kind_and_exit(restart: Restart, exit_: Exit, again: bool) -> None:
    """S01: permanent is always restarted, transient only after a crash, temporary never."""
    assert is_restarted(restart, exit_) is again


def test_planned_end_counts_nothing() -> None:
    """S02: a transient child that ends as planned leaves both histories as they were."""
    plan = after(group("s"), actor("a", Restart.TRANSIENT), Exit.SHUTDOWN)
    assert (plan.verdict, plan.child, plan.supervisor) == (Verdict.LEAVE, NO_HISTORY, NO_HISTORY)


@pytest.mark.parametrize(
    ("strategy", "stop", "start"),
    [
        (Strategy.ONE_FOR_ONE, "", "b"),
        (Strategy.REST_FOR_ONE, "dc", "bcd"),
        (Strategy.ONE_FOR_ALL, "dca", "abcd"),
    ],
)
def test_who_goes_with_whom(strategy: Strategy, stop: str, start: str) -> None:
    """S03, S05: alone, with those started later, or with all; stopped from the last on, started from the first on."""
    plan = after(group("s", strategy=strategy), ABC[1])
    assert ("".join(plan.stop), "".join(plan.start)) == (stop, start)


def test_temporary_sibling_is_stopped_not_started() -> None:
    """S01: a temporary sibling stopped with its group does not come back."""
    running = (ABC[0], actor("b", Restart.TEMPORARY), ABC[2])
    plan = after(group("s", strategy=Strategy.ONE_FOR_ALL), ABC[2], running=running)
    assert (plan.stop, plan.start) == (("b", "a"), ("a", "c"))


def test_one_for_one_never_looks_at_siblings() -> None:
    """With one_for_one a failure costs the same among 2 and among 100,000 children."""

    looked: list[ActorSpec] = []
    siblings = (looked.append(each) or each for each in ABC)  # type: ignore[func-returns-value]
    plan = decide(group("s"), ABC[0], Exit.CRASH, siblings, (NO_HISTORY, NO_HISTORY), now=0.0, draw=0.0)
    assert (plan.start, looked) == (("a",), [])


spans = st.floats(0, 30, allow_nan=False)


@given(limit=st.integers(0, 5), within_s=st.floats(0.1, 10), gaps=st.lists(spans, max_size=40))
def test_sliding_window_is_the_naive_one(limit: int, within_s: float, gaps: list[float]) -> None:
    """S06, S07: the (N+1)th failure within T gives up, and no other; the history holds at most N + 1 instants."""
    spec = group("s", child_intensity=Intensity(limit, within_s))
    histories, now, all_times = (NO_HISTORY, NO_HISTORY), 0.0, []
    for gap in gaps:
        now += gap
        all_times.append(now)
        plan = decide(spec, ABC[0], Exit.CRASH, ABC, histories, now=now, draw=0.5)
        inside = sum(now - at <= within_s for at in all_times)
        assert (plan.verdict is Verdict.GIVE_UP) == (inside > limit)
        assert len(plan.child.times) == inside <= limit + 1
        if plan.verdict is Verdict.GIVE_UP:
            return
        histories = (plan.child, plan.supervisor)


def test_limit_counts_children_together_too() -> None:
    """The intensity of the supervisor sums over its children: three different ones are three."""
    spec = group("s", intensity=Intensity(2, 10.0))
    history, verdicts = NO_HISTORY, []
    for child in ABC[:3]:
        plan = decide(spec, child, Exit.CRASH, ABC, (NO_HISTORY, history), now=1.0, draw=0.5)
        history = plan.supervisor
        verdicts.append(plan.verdict)
    assert verdicts == [Verdict.RESTART, Verdict.RESTART, Verdict.GIVE_UP]
    assert plan.exceeded == spec.intensity


def test_limit_zero_and_no_limit() -> None:
    """S30: 0 gives up at the first failure; None never does, and remembers nothing for it."""
    assert after(group("s", child_intensity=Intensity(0, 1.0)), ABC[0]).verdict is Verdict.GIVE_UP
    history = NO_HISTORY
    for _ in range(10_000):
        history = counted(history, UNLIMITED, 1.0)
    assert (history.times, history.total) == ((), 10_000)


def test_backoff_doubles_from_the_second_failure() -> None:
    """The first restart is immediate, then first_s, doubling, never above max_s; without luck the full time."""
    backoff = Backoff(first_s=1.0, max_s=6.0, reset_s=100.0)
    assert [delay(backoff, n, 0.0) for n in range(1, 7)] == [0.0, 1.0, 2.0, 4.0, 6.0, 6.0]
    assert delay(backoff, 10_000, 0.0) == 6.0


@given(n=st.integers(2, 200), draw=st.floats(0, 1, exclude_max=True))
def test_jitter_takes_at_most_half(n: int, draw: float) -> None:
    """Jitter only ever shortens the wait, by half at most."""
    backoff = Backoff(first_s=0.5, max_s=60.0)
    full = delay(backoff, n, 0.0)
    assert full / 2 <= delay(backoff, n, draw) <= full <= 60.0


def test_backoff_starts_over_after_a_good_run() -> None:
    """A child that ran for reset_s is restarted at once again; one that ran less waits longer than before."""
    backoff = Backoff(first_s=1.0, max_s=60.0, reset_s=5.0)
    history = failed(NO_HISTORY, UNLIMITED, backoff, 0.0, 0.0)
    history = failed(history, UNLIMITED, backoff, 4.9, 0.0)
    assert (history.in_a_row, history.runs_since) == (2, 5.9)
    assert failed(history, UNLIMITED, backoff, 10.8, 0.0).in_a_row == 3
    assert failed(history, UNLIMITED, backoff, 10.9, 0.0).in_a_row == 1


@given(gaps=st.lists(st.floats(0, 4.9), min_size=2, max_size=30))
def test_waits_never_shrink_while_failing(gaps: list[float]) -> None:
    """Without jitter, each wait is at least the one before as long as no run reaches reset_s."""
    backoff, history, now, waits = Backoff(0.1, 10.0, 5.0), NO_HISTORY, 0.0, []
    for gap in gaps:
        now = max(now, history.runs_since) + gap
        history = failed(history, UNLIMITED, backoff, now, 0.0)
        waits.append(history.runs_since - now)
        now = history.runs_since
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(waits))


def test_never_resetting_backoff() -> None:
    """reset_s = infinity: even a child that failed once a year ago waits."""
    backoff = Backoff(1.0, 10.0, INF)
    history = failed(NO_HISTORY, UNLIMITED, backoff, 0.0, 0.0)
    assert failed(history, UNLIMITED, backoff, 1e9, 0.0).in_a_row == 2


def test_auto_shutdown() -> None:
    """S24: with "any" the first significant end shuts down, with "all" the last; an insignificant end never does."""
    chief = [actor(each, Restart.TRANSIENT, significant=True) for each in "xy"]
    other = actor("z", Restart.TRANSIENT)
    running = (*chief, other)
    any_ = group("s", *running, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    all_ = group("s", *running, auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    assert after(any_, chief[0], Exit.NORMAL, running).verdict is Verdict.SHUT_DOWN
    assert after(any_, other, Exit.NORMAL, running).verdict is Verdict.LEAVE
    assert after(any_, chief[0], Exit.CRASH, running).verdict is Verdict.RESTART
    assert after(all_, chief[0], Exit.NORMAL, running).verdict is Verdict.LEAVE
    assert after(all_, chief[1], Exit.NORMAL, (chief[1], other)).verdict is Verdict.SHUT_DOWN
