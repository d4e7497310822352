"""That a call's cost does not grow with the number of keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from actorrouter import Call, InvalidCall, NoCapacity
from actorrouter.router.entries import KeyEntry
from actorrouter.transport.port import Reached
from tests.router.world import CALL, STREAM, Step, but, fault, fleet, no, ok, requests, running, words

pytestmark = pytest.mark.anyio


class Unwalked(dict[str, KeyEntry]):
    """Keys that may be looked up, and not walked over."""

    def _walk(self) -> Any:
        raise AssertionError("a call walked over all keys")

    __iter__ = keys = values = items = _walk


@pytest.mark.parametrize(
    ("call", "scripts"),
    [
        (CALL, [ok()]),
        (STREAM, [words(3)]),
        (but(CALL, exclude_keys=frozenset({"a2"})), [ok()]),
        (but(CALL, keys=frozenset({"a2"})), [ok()]),
        (but(CALL, hedge_s=1.0), [ok(after_s=5.0), ok()]),
        (CALL, [no(401, "invalid_api_key"), no(429, "insufficient_quota"), no(500), ok()]),
        (CALL, [[fault("proxy", Reached.NO)], ok()]),
    ],
)
async def test_no_call_walks_over_the_keys(call: Call, scripts: list[Iterable[Step]]) -> None:
    """Plain, streamed, pinned, hedged or refused: each looks up the keys it asks."""
    async with running(fleet({f"a{n}": (requests(50),) for n in range(1, 10)})) as (router, upstream):
        upstream.scripts.extend(scripts)
        everybody = router.fleet.keys
        provider = router.fleet.providers["a"]
        router.fleet.keys = provider.keys = Unwalked(everybody)
        await router.send(call)
        assert len(upstream.asked) == len(scripts)
        router.fleet.keys = provider.keys = everybody


async def test_nor_does_one_that_is_turned_away() -> None:
    """An unknown key, or no room anywhere."""
    async with running(fleet({"a1": (requests(1),), "a2": (requests(1),)})) as (router, _):
        everybody = router.fleet.keys
        router.fleet.keys = router.fleet.providers["a"].keys = Unwalked(everybody)
        with pytest.raises(InvalidCall, match="unknown key 'b1'"):
            await router.send(but(CALL, keys=frozenset({"a1", "b2", "b1"})))
        for _ in range(2):
            await router.send(CALL)
        with pytest.raises(NoCapacity):
            await router.send(but(CALL, wait_s=0.0))
        router.fleet.keys = router.fleet.providers["a"].keys = everybody
