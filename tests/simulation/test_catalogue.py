"""Every storm of `simulations/` can be read, says what it is about, and ends as it promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from actorrouter import ColdStart
from actorrouter.actors import circuit, recovery
from actorrouter.messages import Ticket
from actorrouter.router import waiting
from actorrouter.router.retry import RetryBudget
from actorrouter.simulation.world.rehearse import Ending, rehearse
from actorrouter.simulation.world.scenario import Scenario, load_scenario

FOLDER = Path(__file__).parents[2] / "simulations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
CALLS_MAX = 500
FILLERS = frozenset({"a", "an", "and", "in", "is", "now", "of", "that", "the", "then", "with", "s"})
ON_BOTH_PATHS = ("brownout", "key-revoked", "kitchen-sink", "stalls", "truncated-streams")


def scenario(name: str) -> Scenario:
    return load_scenario(FOLDER / f"{name}.toml")


def told(ending: Ending) -> str:
    return "\n".join((*ending.violations, *ending.broken))


def words(text: str) -> set[str]:
    """The words that matter, without their endings."""
    return {word[:4] for word in re.findall(r"[a-z]+", text.lower()) if word not in FILLERS}


def test_the_catalogue_is_there() -> None:
    """Many storms, each with a title of its own."""
    assert len(NAMES) >= 28
    assert len({scenario(name).title for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is_about(name: str) -> None:
    """A title like the file's name, a story of a few sentences, and what a good router does."""
    read, story = scenario(name), " ".join(scenario(name).story.split())
    assert words(name) & words(read.title), f"{name} is called {read.title!r}"
    assert 1 <= len(re.findall(r"[.!?](?:\s|$)", story)) <= 4
    assert "good router" in story or "What there is today" in story


@pytest.mark.parametrize("name", NAMES)
def test_it_expects_the_laws_and_more(name: str) -> None:
    """No refusal of our making, no limit overrun, no call lost; and whatever the storm is about."""
    expected = {each.figure: str(each) for each in scenario(name).expect}
    for figure in ("provider_429_ours", "overshoots", "lost"):
        assert expected.pop(figure) == f"{figure} == 0"
    assert len(expected) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_it_holds(name: str) -> None:
    """With the first seed, on the heap: every law and every expectation, with calls enough and not too many."""
    ending = rehearse(scenario(name), 1, "fast")
    assert ending.holds, told(ending)
    assert 100 <= ending.figures["offered"] <= CALLS_MAX


@pytest.mark.parametrize("name", ON_BOTH_PATHS)
def test_it_holds_over_http(name: str) -> None:
    """The same with real adapters, a real HTTP client and tasks."""
    ending = rehearse(scenario(name), 1, "full")
    assert ending.holds, told(ending)


# ------------------------------------------------------------------------------------------------------ what is lost


@pytest.mark.parametrize(("name", "seed"), [("journal-outage", 66), ("kitchen-sink", 88)])
def test_seeds_that_once_broke_a_law_hold(name: str, seed: int) -> None:
    """A yes that broke left what was asked before it; two holders broke on one expiry."""
    ending = rehearse(scenario(name), seed, "fast")
    assert not ending.violations, told(ending)


def _no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants do not take turns."""
    monkeypatch.setattr(waiting, "Ticket", lambda number, _, *rest: Ticket(number, "", *rest))


def _no_priorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "Ticket", lambda number, tenant, _, *rest: Ticket(number, tenant, 0, *rest))


def _no_retry_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryBudget, "withdraw", lambda _: True)


def _no_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "_open", lambda *_: None)


def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider's no is not taken to heart."""
    monkeypatch.setattr(recovery, "paused", lambda *_: None)


@pytest.mark.parametrize(
    ("name", "lose", "figure"),
    [
        ("tenant-flood", _no_turns, "wait_p99_s.alice"),
        ("priorities", _no_priorities, "wait_p99_s.people"),
        ("correlated-overload", _no_retry_budget, "law 5"),
        ("outage-and-recovery", _no_circuit, "rejected.outage"),
        ("squeezed-limits", _no_pause, "law 5"),
        ("spend-cap", _no_pause, "amplification"),
    ],
)
def test_a_behaviour_that_is_lost_is_found(
    name: str, lose: Callable[[pytest.MonkeyPatch], None], figure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bounds mean something: without what the storm is about its own expectation is not kept."""
    lose(monkeypatch)
    ending = rehearse(scenario(name), 1, "fast")
    assert any(said.startswith(f"{figure} ") for said in (*ending.violations, *ending.broken)), told(ending)


def test_a_cold_start_that_forgets_is_found() -> None:
    """Without the full windows assumed after a kill the provider's books show an overrun."""
    read = scenario("kill-and-restart")
    forgetful = attrs.evolve(read, router=attrs.evolve(read.router, cold_start=ColdStart.EMPTY))
    assert any(said.startswith("provider_429_ours ") for said in rehearse(forgetful, 1, "fast").broken)
