"""Whatever comes, settles, leaves and is cleared: nobody is forgotten."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.router.line import Line
from tests.router.world import at_once, fleet, requests, running, units
from tests.runtime.backends import run_on

pytestmark = pytest.mark.anyio


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(1, 6), st.sampled_from([(), ("a1",), ("a2",)])),
        st.tuples(st.just("settle"), st.integers(0, 6), st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 10), st.none()),
        st.tuples(st.just("sleep"), st.integers(1, 8), st.none()),
        st.tuples(st.just("clear"), st.sampled_from(["a1", "a2"]), st.none()),
    ),
    max_size=25,
)


async def _nobody_is_forgotten(actions: Any) -> None:
    config = fleet(
        {"a1": ("p",), "a2": ("q",)}, pools={"p": (units(6, 10), at_once(2)), "q": (requests(2, 4), at_once(1))}
    )
    async with running(config) as (router, _), anyio.create_task_group() as group:
        line = Line(router, group)
        for serial, (what, number, more) in enumerate(actions):
            if what == "join":
                await line.join(serial, {"units": number}, keys=more, wait_s=1000)
            elif what == "settle" and line.grants:
                await line.done(list(line.grants)[number % len(line.grants)], {"units": 1} if more else None)
            elif what == "cancel" and line.scopes:
                line.cancel(list(line.scopes)[number % len(line.scopes)])
                await anyio.wait_all_tasks_blocked()
            elif what == "sleep":
                await anyio.sleep(number)
            elif what == "clear":
                router.clear_key(number)
            await anyio.wait_all_tasks_blocked()
            _check(router)
        while router.status()["routes"]["m"]["waiting"] or line.grants:
            for name in list(line.grants):
                await line.done(name)
            await anyio.sleep(1)
            await anyio.wait_all_tasks_blocked()
        assert not line.errors


def _check(router: Any) -> None:
    """The one whose turn it is could not be served now."""
    tickets = router.fleet.routes["m"].cell.state.tickets
    if tickets:
        head = next(iter(tickets.values()))
        found = router.admission.quote(head.demand)
        assert not found.decision.chosen, f"{found.decision.chosen} would serve the one who waits first"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nobody_is_forgotten(backend):
    """Whatever comes, settles, leaves and is cleared: who is first in line waits only if nobody has room."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ACTIONS)
    def run(actions):
        run_on(backend, partial(_nobody_is_forgotten, actions))

    run()
