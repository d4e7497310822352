"""Calls that not every provider of their route can be told of."""

from __future__ import annotations

import anyio
import attrs
import pytest

from actorrouter import CandidateConfig, GenericConfig, InvalidCall, ProviderConfig, RouteConfig
from tests.router.world import CALL, at_once, but, fleet, ok, running

pytestmark = pytest.mark.anyio

GETS = ProviderConfig("http://b.invalid", "generic", generic=GenericConfig(method="GET"))
"""A provider whose requests carry plain values only: it cannot be told of a chat."""


def mixed(**options):
    """Route m: provider b first, which cannot; then a. Route b: only b."""
    candidates = (CandidateConfig("b", "up"), CandidateConfig("a", "up"))
    routes = {"m": RouteConfig(candidates, "ordered"), "b": RouteConfig(candidates[:1])}
    config = fleet({"a1": (at_once(1),), "b1": ()}, routes=routes, providers=("a", "b"), **options)
    return attrs.evolve(config, providers={**config.providers, "b": GETS})


async def test_a_provider_that_cannot_be_told_is_passed_over_and_the_decision_says_why():
    """The call goes where it can, even if another is ranked first."""
    async with running(mixed()) as (router, upstream):
        upstream.scripts.append(ok())
        reply = await router.send(CALL)
        assert reply.key_id == "a1"
        assert "without provider 'b': a GET carries only plain values" in router.explain(reply.decision_id)


async def test_a_call_that_nobody_can_be_told_of_is_invalid():
    """And says why."""
    async with running(mixed()) as (router, upstream):
        with pytest.raises(InvalidCall, match="a GET carries only plain values"):
            await router.send(but(CALL, model="b"))
        assert upstream.asked == []


async def test_who_waits_for_one_provider_holds_up_nobody_who_may_go_elsewhere():
    """A chat waits for a's only place; a plain call behind it takes b's key at once."""
    async with running(mixed()) as (router, upstream):
        held = await router.reserve("m", {}, keys=["a1"])
        async with anyio.create_task_group() as group:
            group.start_soon(router.send, CALL)
            await anyio.wait_all_tasks_blocked()
            upstream.scripts.append(ok())
            reply = await router.send(but(CALL, body={"q": "plain"}))
            assert (reply.key_id, len(upstream.asked)) == ("b1", 1)
            held.release()
        assert len(upstream.asked) == 2
