"""The same seed gives the same run; both ways of running agree; whatever goes wrong, the laws hold; a bug is found."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import attrs
import pytest

from actorrouter import events as ev
from actorrouter.actors.windows import Bucket, Fixed, Sliding
from actorrouter.observe.decisions import DecisionLog
from actorrouter.router import admission
from actorrouter.router.abandoned import Abandoned
from actorrouter.router.admission import Admission
from actorrouter.router.retry import RetryBudget
from actorrouter.router.waiting import Waiting
from actorrouter.simulation.world.recorder import Recorder
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.values import Outcome, OutcomeClass, Scope
from tests.simulation.world.fleets import TROUBLE, fleet

_HASH = """
from tests.simulation.world.fleets import TROUBLE, fleet
from actorrouter.simulation.world.rehearse import rehearse
print(*(rehearse(fleet(TROUBLE, duration_s="40"), 3, path).trace_hash for path in ("fast", "full")))
"""


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    """Bit for bit, whatever the hash seed; on the heap and on trio."""
    told = set()
    for hash_seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told.add(subprocess.check_output([sys.executable, "-c", _HASH], env=environment, text=True))
    assert len(told) == 1
    fast, full = told.pop().split()
    assert fast != full
    assert rehearse(fleet(TROUBLE, duration_s="40"), 3, "fast").trace_hash == fast
    assert rehearse(fleet(TROUBLE, duration_s="40"), 4, "fast").trace_hash != fast


_HERD = """
[workload.herd]
kind = "once"
calls = 60
start_s = 5
wait_s = 4
models = {chat = 1}
input = {kind = "lognormal", median = 300, sigma = 0.8, most = 4000}
output = {kind = "lognormal", median = 100, sigma = 0.8, most = 1000}
"""


def test_deadlines_of_one_instant_pass_in_the_same_order_in_any_run() -> None:
    """Many give up waiting at once: who goes first does not depend on where in memory they are."""
    scenario = fleet(_HERD, duration_s="20")
    told = set()
    litter: list[Any] = []
    for number in range(4):
        told.add(rehearse(scenario, 1, "full").trace_hash)
        litter += [bytearray(97 * number + each) for each in range(2_000)]
    assert len(told) == 1


def ledger(path: Any, monkeypatch: pytest.MonkeyPatch, **changes: str) -> list[tuple[Any, ...]]:
    """What was granted and settled, when and for whom."""
    rows: list[tuple[Any, ...]] = []
    read = Recorder.read

    def reading(recorder: Recorder, event: Any) -> None:
        read(recorder, event)
        at = round(event.at - recorder.started, 6)
        if isinstance(event, ev.Granted):
            rows.append((at, "granted", event.key_id, sorted(event.amounts.items())))
        elif isinstance(event, ev.Settled):
            rows.append((at, event.outcome, event.key_id, sorted(event.usage.items())))

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "read", reading)
        ending = rehearse(fleet(_DULL, **changes), 5, path)
    assert ending.holds, ending.violations
    return sorted(rows)


_DULL = """
[[upstream.north.faults]]
kind = "throttle"
at_s = 20
for_s = 3
[[upstream.south.faults]]
kind = "outage"
at_s = 80
for_s = 5
"""


def test_both_paths_grant_and_settle_the_same_at_the_same_instants(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wire that takes no time nothing is drawn in another order: real adapters and HTTP change nothing."""
    fast = ledger("fast", monkeypatch, settle_s="600\ntransit_s = [0.0, 0.0]")
    full = ledger("full", monkeypatch, settle_s="600\ntransit_s = [0.0, 0.0]")
    assert len(fast) > 300
    assert {row[1] for row in fast} >= {"granted", "succeeded", "rate_limited", "capacity"}
    assert fast == full


@pytest.mark.parametrize("seed", range(6))
def test_no_law_is_broken_on_the_heap_whatever_goes_wrong(seed: int) -> None:
    """Crashes, poison, torn state, cancellation, lost owners, clocks, stalls, keys, journals, wires, providers."""
    ending = rehearse(fleet(TROUBLE), seed, "fast")
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["lost"] == 0
    assert ending.figures["crashes"] > 20
    assert ending.figures["served"] > 40


@pytest.mark.parametrize("seed", range(2))
def test_no_law_is_broken_on_trio_whatever_goes_wrong(seed: int) -> None:
    """The same with real adapters, a real HTTP client and tasks in any order."""
    ending = rehearse(fleet(TROUBLE, duration_s="60"), seed, "full")
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["lost"] == 0
    assert ending.figures["cancelled"] > 0
    assert ending.figures["served"] > 20


@pytest.mark.parametrize("path", ["fast", "full"])
def test_a_process_that_is_killed_comes_back_and_breaks_no_promise(path: Any) -> None:
    """It starts as if every window were full, so what the dead one spent is not spent twice."""
    scenario = fleet('[[trouble]]\nkind = "kill"\nat_s = 40\namount = 5\n', cold_start='"full"')
    ending = rehearse(attrs.evolve(scenario, transit_s=(0.01, 0.02)), 1, path)
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["down"] > 0
    assert ending.figures["provider_429_ours"] == 0
    assert ending.figures["overshoots"] == 0
    assert ending.figures["served"] > 20


@pytest.mark.parametrize("path", ["fast", "full"])
@pytest.mark.parametrize("seed", range(3))
def test_a_journal_that_outlives_the_process_is_taken_up(path: Any, seed: int) -> None:
    """Pools go on from what was charged, and what the dead process held ends with its leases: nothing is spent twice,
    though nothing is assumed."""
    killed = '[[trouble]]\nkind = "kill"\nat_s = 55\namount = 0.1\nkeeps = true\n'
    killed += "[upstream.north.service]\nfirst_token_s = 4.0\n[upstream.south.service]\nfirst_token_s = 4.0\n"
    ending = rehearse(fleet(killed, rate_per_s="3", duration_s="90"), seed, path)
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["provider_429_ours"] == 0
    assert ending.figures["expired"] > 0
    assert ending.figures["served"] > 60


def test_a_journal_that_lost_its_tail_overspends_no_more_than_it_lost() -> None:
    """What was never written cannot be known: the provider says so, and the books here stay whole."""
    lost = '[[trouble]]\nkind = "kill"\nat_s = 55\namount = 0.1\nkeeps = true\nloses = 40\n'
    ending = rehearse(fleet(lost, rate_per_s="3", duration_s="90"), 1, "fast")
    assert not ending.violations, "\n".join(ending.violations)
    assert ending.figures["lost"] == 0


def test_after_a_kill_an_empty_start_overspends_and_the_provider_says_so() -> None:
    """The judge is the provider: had nothing been assumed, its own books would show it."""
    scenario = fleet('[[trouble]]\nkind = "kill"\nat_s = 55\namount = 0.1\n', rate_per_s="4")
    assert rehearse(scenario, 1, "fast").figures["provider_429_ours"] > 0


_ROTATION = """
[[trouble]]
kind = "rotate_keys"
target = "s*"
at_s = 40
[upstream.south.service]
first_token_s = 4
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_key_that_is_added_has_private_limits_of_its_own(seed: int) -> None:
    """While the old one drains, the new one has all four of its own requests at once, at the provider too."""
    ending = rehearse(fleet(_ROTATION, rate_per_s="2.5"), seed, "fast")
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["provider_429_ours"] == 0
    assert ending.books["south"]["scopes"]["s1+1-own"]["limits"][1]["peak"] == 1


_STALLS = """
[[trouble]]
kind = "stall"
at_s = 30
amount = 8
[[trouble]]
kind = "stall"
at_s = 35
amount = 3
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_process_that_stalls_does_not_hold_up_what_is_on_its_way(seed: int) -> None:
    """What was sent before arrives in its time, not with what is sent after: nothing is counted a window too late."""
    ending = rehearse(fleet(_STALLS, rate_per_s="4"), seed, "fast")
    assert ending.holds, "\n".join(ending.violations)
    assert ending.figures["provider_429_ours"] == 0


def test_expectations_are_judged() -> None:
    """What was expected and not kept is named with what was measured."""
    ending = rehearse(fleet('[expect]\nserved_share = ">= 101 %"\nlost = 0\nnonsense = 1\n'), 1)
    assert not ending.holds
    assert [told.partition(":")[0] for told in ending.broken] == ["served_share >= 1.01", "nonsense == 1"]
    assert "not measured" in ending.broken[1]


# ------------------------------------------------------------------------------------------------------- planted bugs


def _limitless(monkeypatch: pytest.MonkeyPatch) -> None:
    for window in (Bucket, Sliding, Fixed):
        monkeypatch.setattr(window, "ready_at", lambda _window, _amount, now: now)


def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Admission, "_end_leases", lambda _: None)
    monkeypatch.setattr(Abandoned, "drop", lambda *_, **__: None)


def _lossy(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Admission.settle

    def planted(self: Admission, lease: Any, outcome: Outcome) -> None:
        if outcome.outcome is OutcomeClass.SUCCEEDED:
            outcome = Outcome(OutcomeClass.NOT_SENT, Scope.NONE)
        settle(self, lease, outcome)

    monkeypatch.setattr(Admission, "settle", planted)


def _timid(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(waiting: Any, demand: Any, wait_until: float) -> Any:
        del wait_until
        raise waiting._no_capacity(demand, waiting._admission.quote(demand), "not today")

    monkeypatch.setattr(Waiting, "acquire", refuse)


def _stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryBudget, "withdraw", lambda _: True)


def _silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DecisionLog, "add", lambda *_: None)


def _talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "Settled", _telling)


def _telling(*arguments: Any) -> ev.Settled:
    told = list(arguments)
    told[2] = f"sk-simulated-{told[2]}"
    return ev.Settled(*told)


_OUTAGE = """
[router.recovery]
throttle_max_s = 1
[[upstream.north.faults]]
kind = "throttle"
[[upstream.south.faults]]
kind = "throttle"
"""


@pytest.mark.parametrize(
    ("plant", "law", "more"),
    [
        (_limitless, 1, ""),
        (_forgetful, 2, '[[trouble]]\nkind = "abandon"\nprobability = 0.5\n'),
        (_lossy, 3, ""),
        (_timid, 4, ""),
        (_stubborn, 5, _OUTAGE),
        (_silent, 6, ""),
        (_talkative, 7, ""),
    ],
)
def test_a_law_broken_on_purpose_is_found(plant: Any, law: int, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One bug in the production code for each law; without it the same run holds."""

    def run() -> Ending:
        return rehearse(fleet(more, duration_s="60", rate_per_s="2.5"), 2, "fast")

    assert run().holds
    plant(monkeypatch)
    found = run().violations
    assert any(told.startswith(f"law {law} ") for told in found), "\n".join(found[:5])


def test_work_that_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Liveness: once nothing new comes, everything ends."""
    monkeypatch.setattr(Waiting, "room_made", lambda _: None)
    ending = rehearse(fleet(rate_per_s="4", settle_s="5"), 1, "fast")
    assert any(told.startswith("liveness") for told in ending.violations)
