"""Malformed specs are refused where they are made, by an error that names the fault."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.supervisor.specs import (
    UNLIMITED,
    AutoShutdown,
    Backoff,
    Intensity,
    InvalidSpec,
    Restart,
    SupervisorSpec,
    TaskSpec,
)

from .world import actor, group

NAN = float("nan")


async def run(inbox: Any) -> None:
    """Nothing."""


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: actor(""), "id must be a non-empty text"),
        (lambda: actor(None), "id must be a non-empty text"),  # type: ignore[arg-type]
        (lambda: actor("a", "always"), "restart must be one of permanent, transient, temporary"),  # type: ignore[arg-type]
        (lambda: actor("a", initial=None), "initial must be callable"),
        (lambda: actor("a", behaviour="counter"), "behaviour must be a Behaviour"),
        (lambda: actor("a", backoff=1.0), "backoff must be a Backoff"),
        (lambda: actor("a", significant=True), "a significant child is transient or temporary"),
        (lambda: TaskSpec("t", None), "run must be an async function"),  # type: ignore[arg-type]
        (lambda: TaskSpec("t", run, shutdown_s=-1), "shutdown_s must be None or seconds >= 0, not -1"),
        (lambda: TaskSpec("t", run, shutdown_s=NAN), "shutdown_s must be None or seconds >= 0, not nan"),
        (lambda: TaskSpec("t", run, mailbox_max=0), "mailbox_max must be a whole number >= 1"),
        (lambda: Intensity(-1), "max_restarts must be a whole number >= 0"),
        (lambda: Intensity(1.5), "max_restarts must be a whole number >= 0"),  # type: ignore[arg-type]
        (lambda: Intensity(True), "max_restarts must be a whole number >= 0"),
        (lambda: Intensity(1, 0), "within_s must be > 0"),
        (lambda: Intensity(1, NAN), "within_s must be > 0"),
        (lambda: Backoff(-0.1), "first_s must be a number of seconds >= 0"),
        (lambda: Backoff(1, 2, NAN), "reset_s must be a number of seconds >= 0"),
        (lambda: Backoff(2, 1), "max_s must be finite and >= first_s"),
        (lambda: group("s", actor("a"), actor("a")), "duplicate child id 'a'"),
        (lambda: group("s", actor("s")), "a child has its own id"),
        (lambda: group("s", "a"), "a child must be an ActorSpec, TaskSpec or SupervisorSpec, not str"),
        (lambda: SupervisorSpec("s", [actor("a")]), "children must be a tuple"),  # type: ignore[arg-type]
        (lambda: group("s", strategy="two_for_one"), "strategy must be one of one_for_one, one_for_all, rest_for_one"),
        (lambda: group("s", on_give_up="cry"), "on_give_up must be one of escalate, quarantine"),
        (lambda: group("s", auto_shutdown="now"), "auto_shutdown must be one of"),
        (lambda: group("s", intensity=(1, 5)), "intensity must be an Intensity"),
        (lambda: group("s", actor("a"), max_children=0), "max_children must be None or at least the 1 children"),
        (lambda: group("s", actor("a", Restart.TRANSIENT, significant=True)), "has no auto_shutdown"),
        (lambda: group("s", actor("a"), intensity=UNLIMITED, child_intensity=UNLIMITED), "need a back-off"),
    ],
)
def test_malformed_specs_name_their_fault(make: Any, fault: str) -> None:
    """S18: no id, unknown kind, negative or senseless number: InvalidSpec, which is a ValueError, saying which."""
    with pytest.raises(InvalidSpec) as refused:
        make()
    assert fault in str(refused.value)
    assert isinstance(refused.value, ValueError)


def test_unknown_flags_are_refused() -> None:
    """S18: a flag no spec has is refused by name, not ignored."""
    with pytest.raises(TypeError, match="hibernate"):
        actor("a", hibernate=True)


def test_significant_children_need_auto_shutdown() -> None:
    """S24: a significant child is accepted exactly where its end can mean something."""
    chief = actor("a", Restart.TRANSIENT, significant=True)
    assert group("s", chief, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT).children == (chief,)


def test_limits_may_be_lifted_by_saying_so() -> None:
    """S30: without limit and without a wait is refused; with a wait it is accepted."""
    patient = actor("a", backoff=Backoff())
    assert group("s", patient, intensity=UNLIMITED, child_intensity=UNLIMITED).children == (patient,)
