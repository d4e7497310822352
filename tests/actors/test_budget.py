"""A cap on money: held at its worst, charged by the truth, never a cent lost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors import budget
from actorrouter.actors.budget import BudgetState
from actorrouter.actors.calendar import Edges
from actorrouter.actors.terms import Terms
from actorrouter.actors.windows import Fixed
from actorrouter.messages import ClockRead
from actorrouter.values import COST, INF, Basis, Refusal
from tests.actors.model import Driver, usd

ZERO = Decimal(0)
MONTH_ENDS = 1_701_388_800.0
"""2023-12-01 00:00 UTC."""


def capped(amount: str = "10", every: str | None = None, *, left_s: float = 1000.0) -> Driver:
    """A budget of that many dollars, for life or until an edge `left_s` after instant 0; its clock is read at 0."""
    driver = unread(amount, every)
    driver.tell(ClockRead(MONTH_ENDS - left_s, 0.0), 0.0)
    return driver


def unread(amount: str, every: str | None) -> Driver:
    """The same before its clock is read."""
    terms = Terms(COST, usd(amount), 86400.0, guard_s=0.0, up_front=False, settles=True)
    return Driver(budget.BEHAVIOUR, BudgetState("budget", Fixed(terms, Edges(every=every))))


def hold(driver: Driver, cost: str, now: float = 0.0, lease_s: float = 60.0) -> int:
    """Reserve dollars, and be sure of it."""
    return driver.taken(now, lease_s=lease_s, cost=usd(cost))


def spend(driver: Driver, held: str, cost: str, now: float = 0.0) -> None:
    """Reserve the one, use the other."""
    assert driver.settle(hold(driver, held, now), now, cost=usd(cost))


def ask(driver: Driver, cost: str, now: float = 0.0) -> Refusal:
    """The no to that many dollars."""
    return driver.refusal(now, cost=usd(cost))


def fits(driver: Driver, cost: str, now: float = 0.0) -> bool:
    """Whether there is room for that many dollars."""
    return not driver.refusals(now, cost=usd(cost))


# ------------------------------------------------------------------------------------------------------ hold and settle


def test_money_is_exact() -> None:
    """Ten times 0.1 is 1, to the last of 28 digits, and the eleventh does not fit."""
    driver = capped("1")
    for _ in range(10):
        spend(driver, "0.1", "0.1")
    assert driver.state.spent == usd("1")
    assert not fits(driver, "0.0000000000000000000000000001")


def test_the_worst_case_is_held() -> None:
    """Two calls that may cost 5 fill a budget of 10 before either has cost anything (L01)."""
    driver = capped()
    hold(driver, "5")
    hold(driver, "5")
    refusal = ask(driver, "0.01")
    assert (refusal.available, refusal.requested, refusal.dimension) == (ZERO, usd("0.01"), COST)


def test_a_settlement_gives_back_what_was_not_used() -> None:
    """Held 5, used 1: 9 of 10 are left, and not a cent more."""
    driver = capped()
    spend(driver, "5", "1")
    assert fits(driver, "9")
    assert not fits(driver, "9.01")


def test_without_a_known_cost_what_was_held_is_charged() -> None:
    """An answer that told no usage costs what was reserved."""
    driver = capped()
    driver.settle(hold(driver, "4"), 0.0)
    assert (driver.state.spent, fits(driver, "6"), fits(driver, "6.01")) == (usd("4"), True, False)


def test_what_never_left_costs_nothing() -> None:
    """A release gives everything back (L03)."""
    driver = capped()
    driver.release(hold(driver, "10"), 0.0)
    assert driver.state.spent == ZERO
    assert fits(driver, "10")


def test_a_surprise_is_charged_and_told() -> None:
    """Used beyond the worst case counts in full: a budget overdrawn refuses the next, and shows no room below 0."""
    driver = capped()
    spend(driver, "8", "12")
    assert (driver.state.spent, driver.state.surprise) == (usd("12"), usd("4"))
    assert ask(driver, "0.01").available == ZERO


def test_a_settlement_counts_once() -> None:
    """The second settlement of a reservation is refused, and so are one, an expiry or a renewal never granted (L59)."""
    driver = capped()
    one = hold(driver, "5")
    assert driver.settle(one, 1.0, cost=usd("1"))
    assert not driver.settle(one, 2.0, cost=usd("1"))
    assert not driver.expire(one, 2.0)
    assert not driver.settle(77, 2.0, cost=usd("1"))
    assert not driver.renew(one, 2.0, 9.0)


def test_a_call_without_cost_passes_a_spent_budget() -> None:
    """A model known to be free costs nothing, so nothing can be missing (L40)."""
    driver = capped()
    spend(driver, "10", "10")
    assert driver.refusals(0.0) == driver.refusals(0.0, cost=ZERO) == ()


def test_more_than_the_whole_budget_is_refused_for_good() -> None:
    """11 of 10 dollars can never fit, though nothing is used (L04)."""
    assert ask(capped(every="month"), "11").final


@pytest.mark.parametrize("every", [None, "month"])
def test_a_budget_of_nothing_blocks_whatever_costs(every: str | None) -> None:
    """Zero is a limit, not its absence (L11)."""
    assert ask(capped("0", every), "0.01").final


# --------------------------------------------------------------------------------------------------------------- expiry


def test_an_expired_reservation_is_charged_in_full() -> None:
    """Nobody knows what it cost, so it cost the worst case; it expires once and is not renewed any more."""
    driver = capped()
    lost = hold(driver, "6")
    assert driver.expire(lost, 60.0)
    assert (driver.state.spent, driver.state.window.held) == (usd("6"), ZERO)
    assert not fits(driver, "4.01", 60.0)
    assert not driver.expire(lost, 61.0)
    assert not driver.renew(lost, 61.0, 90.0)


@pytest.mark.parametrize(("cost", "surprise"), [("0", "0"), ("2", "0"), ("6", "0"), ("7", "1")])
def test_a_late_settlement_corrects_to_the_truth(cost: str, surprise: str) -> None:
    """After expiry the truth still counts, once: less is given back, more is charged."""
    driver = capped()
    lost = hold(driver, "6")
    driver.expire(lost, 60.0)
    assert driver.settle(lost, 70.0, cost=usd(cost))
    assert not driver.settle(lost, 71.0, cost=usd(cost))
    left = usd("10") - usd(cost)
    assert (driver.state.spent, driver.state.surprise) == (usd(cost), usd(surprise))
    assert fits(driver, str(left), 70.0)
    assert not fits(driver, str(left + usd("0.01")), 70.0)


def test_an_expired_reservation_is_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest beyond it stands as charged; what is remembered can still be settled."""
    monkeypatch.setattr(budget, "LATE_MAX", 2)
    driver = capped()
    one, two, three = (hold(driver, "1") for _ in range(3))
    for each in (one, two, three):
        driver.expire(each, 60.0)
    assert not driver.settle(one, 70.0, cost=ZERO)
    assert driver.settle(two, 70.0, cost=ZERO)
    assert driver.settle(three, 70.0, cost=ZERO)
    assert driver.state.spent == usd("1")


# ------------------------------------------------------------------------------------------------------ when, and edges


def test_a_budget_for_life_that_is_spent_is_final() -> None:
    """No waiting helps, for this cost; a smaller one that still fits is granted."""
    driver = capped()
    spend(driver, "9", "9")
    refusal = ask(driver, "1.01")
    assert (refusal.final, refusal.available_at, refusal.available) == (True, INF, usd("1"))
    assert fits(driver, "1")


def test_while_money_is_held_only_a_settlement_can_tell() -> None:
    """Held is not spent: the refusal is not final, and its `latest` follows a renewed lease."""
    driver = capped()
    held = hold(driver, "10", lease_s=30.0)
    refusal = ask(driver, "1")
    assert (refusal.final, refusal.basis, refusal.latest) == (False, Basis.UNKNOWN, 30.0)
    driver.renew(held, 20.0, 50.0)
    assert ask(driver, "1", 20.0).latest == 50.0


def test_a_spent_month_returns_at_its_edge() -> None:
    """The refusal names the first of the month exactly, and then everything fits; the life's sum goes on."""
    driver = capped(every="month", left_s=1000.0)
    spend(driver, "10", "10")
    refusal = ask(driver, "1", 5.0)
    assert (refusal.basis, refusal.firm, refusal.final) == (Basis.EXACT, True, False)
    assert refusal.available_at == pytest.approx(1000.0, abs=0.01)
    assert not fits(driver, "1", 999.0)
    assert fits(driver, "10", refusal.available_at)
    spend(driver, "3", "3", 1001.0)
    assert driver.state.spent == usd("13")


def test_what_is_held_over_the_edge_counts_in_the_new_month() -> None:
    """A call that ends after midnight is charged when it ends."""
    driver = capped(every="month", left_s=100.0)
    held = hold(driver, "4", 90.0)
    assert not fits(driver, "6.01", 101.0)
    driver.settle(held, 102.0, cost=usd("3"))
    assert fits(driver, "7", 102.0)
    assert not fits(driver, "7.01", 102.0)


def test_a_late_settlement_gives_nothing_back_of_another_month() -> None:
    """Charged at expiry last month, settled this month: the new month has no room beyond its own."""
    driver = capped(every="month", left_s=100.0)
    lost = hold(driver, "6", 0.0)
    driver.expire(lost, 90.0)
    spend(driver, "5", "5", 110.0)
    driver.settle(lost, 111.0, cost=usd("1"))
    assert driver.state.spent == usd("6")
    assert not fits(driver, "5.01", 111.0)


def test_before_the_clock_is_read_nothing_is_granted_and_nothing_is_final() -> None:
    """Where the month stands is not known yet; the first reading settles it."""
    driver = unread("10", "month")
    assert not ask(driver, "1").final
    driver.tell(ClockRead(MONTH_ENDS - 1000.0, 0.0), 0.0)
    assert fits(driver, "1")


def test_a_clock_that_jumps_into_the_next_month_forgives_nothing() -> None:
    """What was used goes on counting until the running clock reaches an edge."""
    driver = capped(every="month", left_s=1000.0)
    spend(driver, "10", "10")
    driver.tell(ClockRead(MONTH_ENDS + 5.0, 10.0), 10.0)
    assert not fits(driver, "1", 11.0)


# ------------------------------------------------------------------------------------------------------------- property

cents = st.integers(0, 600).map(lambda n: Decimal(n) / 100)
steps = st.lists(st.tuples(st.sampled_from("rrssxlf"), cents, st.integers(0, 20)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_the_room_left_is_the_cap_less_what_is_held_and_spent(steps: list[tuple[str, Decimal, int]]) -> None:
    """Whatever is granted, settled, released, expired and settled late: a cost fits exactly if cap - held - spent
    covers it (L55)."""
    driver, cap = capped(), usd("10")
    held: dict[int, Decimal] = {}
    late: dict[int, Decimal] = {}
    spent = ZERO
    for now, (step, cost, pick) in enumerate(steps):
        open_ = late if step == "l" else held
        if step == "r":
            reservation_id = driver.reserve(float(now), cost=cost)
            assert (reservation_id is not None) == (not cost or cost <= cap - sum(held.values()) - spent)
            if reservation_id is not None:
                held[reservation_id] = cost
        elif open_:
            chosen = list(open_)[pick % len(open_)]
            was = open_.pop(chosen)
            if step == "x":
                driver.expire(chosen, float(now))
                late[chosen], spent = was, spent + was
            elif step == "f":
                driver.release(chosen, float(now))
            else:
                driver.settle(chosen, float(now), cost=cost)
                spent += cost - (was if step == "l" else ZERO)
        assert (driver.state.window.held, driver.state.spent) == (sum(held.values()), spent)
        assert driver.state.window.level(float(now)) == spent


def test_a_copy_knows_nothing_of_what_happens_later() -> None:
    """A snapshot keeps its own holds, charges and late list."""
    driver = capped()
    held, lost = hold(driver, "4"), hold(driver, "3")
    snapshot = budget.copy(driver.state)
    driver.settle(held, 1.0, cost=usd("2"))
    driver.expire(lost, 60.0)
    assert (set(snapshot.opened), snapshot.window.held) == ({held, lost}, usd("7"))
    assert (snapshot.spent, len(snapshot.late)) == (ZERO, 0)
