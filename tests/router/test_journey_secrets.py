"""One call whose secret is fetched anew, and what becomes of keys that were told no."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import (
    CircuitConfig,
    KeyConfig,
    NoCapacity,
    NotSent,
    Refused,
    Secret,
)
from actorrouter.values import OutcomeClass
from tests.router.steps import states
from tests.router.world import (
    CALL,
    WRITTEN,
    Upstream,
    but,
    fleet,
    no,
    ok,
    running,
)

pytestmark = pytest.mark.anyio


class Source:
    """Fetches numbered secrets."""

    def __init__(self, *faults: Exception | None, takes_s: float = 0.0) -> None:
        self.faults = list(faults)
        self.takes_s = takes_s
        self.fetched = 0

    async def __call__(self) -> Secret:
        self.fetched += 1
        mine = self.fetched
        await anyio.sleep(self.takes_s)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return Secret(f"sk-fetched-{mine}")


class TestRefreshingSecrets:
    def fleet(self, source: Source, *others: str, **options: Any) -> Any:
        return fleet({"a1": KeyConfig("a", source), **dict.fromkeys(others, ())}, **options)

    async def test_fetched_once_for_all(self):
        """Calls that start together share one fetch."""
        source = Source(takes_s=1.0)
        async with running(self.fleet(source)) as (router, _upstream), anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(router.send, CALL)
        assert source.fetched == 1

    async def test_rejected_once_is_fetched_anew(self):
        """A rejected secret is replaced and the call sent again, without the retry budget and without blame."""
        source = Source()
        config = self.fleet(source, provider={"retry_ratio": 0.0, "retry_reserve": 0.0})
        async with running(config) as (router, upstream):
            upstream.scripts.append(no(401, "invalid_api_key"))
            reply = await router.send(but(CALL, max_attempts=1))
            assert [secret for secret, _ in upstream.asked] == ["sk-fetched-1", "sk-fetched-2"]
            assert [a.outcome.outcome for a in reply.attempts] == [OutcomeClass.KEY_FATAL, OutcomeClass.SUCCEEDED]
            assert states(router) == {"a1": "available"}

    async def test_rejected_twice_blames_the_key(self):
        """A fresh secret that is rejected too disables the key."""
        async with running(self.fleet(Source(), "a2")) as (router, _upstream):
            rejecting = router.fleet.keys["a1"].transport = Upstream(otherwise=no(401, "invalid_api_key"))
            while router.status()["keys"]["a1"]["state"] == "available":
                assert (await router.send(CALL)).key_id == "a2"
            assert len(rejecting.asked) == 2
            assert states(router) == {"a1": "disabled", "a2": "available"}

    async def test_many_in_flight_with_the_old_one(self):
        """Calls in flight when a secret runs out are all repeated with the new one; the key is not blamed."""
        source = Source()
        async with running(self.fleet(source, provider={"retry_reserve": 0.0})) as (router, upstream):
            upstream.scripts.extend([[WRITTEN, 1.0 + n / 10, *no(401, "invalid_api_key")[1:]] for n in range(10)])
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(router.send, CALL)
            assert source.fetched == 2
            assert states(router) == {"a1": "available"}
            assert router.status()["keys"]["a1"]["served"] == 10

    async def test_a_failing_source_blames_the_key_only(self):
        """If the callable raises, another key answers, the provider is not blamed, and the text of it is not shown."""
        source = Source(*[ValueError("sk-very-secret")] * 5)
        async with running(self.fleet(source, "a2")) as (router, _upstream):
            seen = set()
            for _ in range(4):
                reply = await router.send(CALL)
                assert reply.key_id == "a2"
                seen |= {attempt.outcome.message for attempt in reply.attempts}
            assert any("ValueError" in message for message in seen)
            assert not any("very-secret" in message for message in seen)
            assert states(router)["a1"] == "throttled"
            assert router.status()["providers"]["a"]["state"] == "closed"

    async def test_a_source_that_returns_no_secret(self):
        """A callable that returns a plain string is a fault of that key."""

        async def plain():
            return "sk-plain"

        async with running(fleet({"a1": KeyConfig("a", plain)})) as (router, _):
            with pytest.raises(NotSent, match="TypeError") as caught:
                await router.send(but(CALL, wait_s=0))
            assert "sk-plain" not in repr(caught.value)


class TestRecovery:
    async def test_circuit_opens_and_one_probe_closes_it(self):
        """After failures in a row nothing is sent until the open time is over; then one probe, then everybody."""
        circuit = CircuitConfig(consecutive_failures=3, open_s=10.0)
        config = fleet(provider={"circuit": circuit, "retry_reserve": 0.0, "retry_ratio": 0.0})
        async with running(config) as (router, upstream):
            upstream.scripts.extend([no(500)] * 3)
            for _ in range(3):
                with pytest.raises(Refused):
                    await router.send(CALL)
            assert router.status()["providers"]["a"]["state"] == "open"
            with pytest.raises(NoCapacity, match="circuit open"):
                await router.send(but(CALL, wait_s=1))
            assert len(upstream.asked) == 3
            opened_at = anyio.current_time()
            upstream.scripts.append(ok(after_s=2.0))
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(router.send, but(CALL, wait_s=60))
            probe, *rest = [at for _, at in upstream.asked[3:]]
            assert probe - opened_at >= 7.4
            assert all(at >= probe + 2.0 for at in rest)
            assert router.status()["providers"]["a"]["state"] == "closed"

    async def test_a_key_revoked_in_flight(self):
        """A key disabled while it serves finishes what it has and gets nothing more."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(ok(after_s=5.0))
            first: list[Any] = []

            async def one():
                first.append(await router.send(but(CALL, keys=frozenset({"a1"}))))

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                await anyio.sleep(1)
                router.disable_key("a1")
                for _ in range(4):
                    assert (await router.send(CALL)).key_id == "a2"
            assert first[0].key_id == "a1"
            assert states(router)["a1"] == "disabled"
