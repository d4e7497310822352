"""Random traffic over a fleet, and all that can go wrong around it; a seed replays it."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio

from actorrouter import Call, Grant, KeyConfig, Router, RouterError, Secret
from actorrouter.messages import Observe, Peek
from actorrouter.observe.laws import LawBook
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope
from tests.observe.laws.world import SECRET, Wall, limits

_STEPS_S = (0.4, -0.5, 0.9, -0.9, 30.0, -30.0, 3600.0, -7200.0)


class Traffic:
    """Callers that reserve, send, settle, forget, cancel and fail; and a hand that crashes actors, sets the clock, adds
    and removes a key and says what a provider would say. `unit`: seconds for each second."""

    def __init__(self, router: Router, laws: LawBook, wall: Wall, seed: int, unit: float = 1.0) -> None:
        self.router, self.laws, self.wall, self.unit = router, laws, wall, unit
        self.rng = random.Random(seed)
        self.granted = self.refused = self.late = 0
        self._kept: list[Grant] = []

    async def run(self, callers: int, calls: int, *, new_keys: bool = True) -> None:
        """`callers` tasks with `calls` calls each. Books are compared after every step."""
        async with anyio.create_task_group() as group:
            for _ in range(callers):
                group.start_soon(self._caller, calls)
            if new_keys:
                group.start_soon(self._operator)
        await anyio.sleep(50 * self.unit)
        self._settle_kept()
        await anyio.sleep(300 * self.unit)
        self._settle_kept()

    # --------------------------------------------------------------------------------------------------------- callers

    async def _caller(self, calls: int) -> None:
        for _ in range(calls):
            await anyio.sleep(self.rng.expovariate(0.5) * self.unit)
            with anyio.move_on_after(self.rng.choice((1.0, 60.0)) * self.unit):
                await self._call()
            self.laws.check()
            self._trouble(self.rng.random())

    async def _call(self) -> None:
        rng, amounts = self.rng, self._amounts()
        route, tenant = rng.choice(("small", "cheap", "wide")), rng.choice(("", "team"))
        wait_s = rng.choice((0.0, 0.0, 2.0, 20.0)) * self.unit
        try:
            grant = await self.router.reserve(route, amounts, wait_s=wait_s, tenant=tenant)
        except RouterError as error:
            self.refused += 1
            self.laws.failed(error, None, self._evidence(route, tenant, amounts))
            return
        self.granted += 1
        with grant:
            await self._use(grant, amounts)

    def _amounts(self) -> dict[str, int]:
        """Mostly small; now and then more than the burst of an unknown shape."""
        tokens_in, tokens_out = self.rng.randint(1, 300), self.rng.randint(1, 300)
        if self.rng.random() < 0.03:
            tokens_out += 800
        return {"input_tokens": tokens_in, "output_tokens": tokens_out, "tokens": tokens_in + tokens_out}

    def _evidence(self, route: str, tenant: str, amounts: dict[str, int]) -> Callable[[], str | None]:
        def would_grant() -> str | None:
            call = Call(route, tenant=tenant, units={"requests": 1, "concurrency": 1, **amounts})
            waiting = self.router.fleet.routes[route].cell.state.tickets
            return None if waiting else self.router.quote(call).key_id

        return would_grant

    async def _use(self, grant: Grant, amounts: dict[str, int]) -> None:
        rng = self.rng
        if rng.random() < 0.1:
            return
        await anyio.sleep(rng.expovariate(20) * self.unit)
        if rng.random() < 0.8:
            grant.sent()
        await anyio.sleep(rng.expovariate(0.3) * self.unit)
        self._end(grant, amounts, rng.random())

    def _end(self, grant: Grant, amounts: dict[str, int], chance: float) -> None:
        if chance < 0.1:
            self._forget(grant)
        elif chance < 0.2:
            grant.close(Outcome(OutcomeClass.TRANSIENT, Scope.NONE, 500))
        elif chance < 0.25:
            grant.close(Outcome(OutcomeClass.NOT_SENT, Scope.NONE))
        elif chance < 0.28:
            grant.close(Outcome(OutcomeClass.RATE_LIMITED, Scope.POOL, 429, retry_after_s=0.5 * self.unit))
        elif chance < 0.32:
            grant.settle()
        else:
            shares = {d: self.rng.choice((0.1, 0.5, 0.9, 1.0, 1.3)) for d in ("input_tokens", "output_tokens")}
            grant.settle({d: round(amounts[d] * share) for d, share in shares.items()})

    def _forget(self, grant: Grant) -> None:
        """Its owner is gone, as far as the router can see; some are settled long after their lease has ended."""
        grant._lease.abandoned = grant.settled = True
        if self.rng.random() < 0.7:
            self._kept.append(grant)

    def _settle_kept(self) -> None:
        for grant in self._kept[: len(self._kept) // 2 + 1]:
            self._kept.remove(grant)
            self.late += 1
            grant.settled = False
            nothing: Any = dict.fromkeys(grant.amounts, 0) | {"cost": Decimal(0)}
            grant.settle(nothing if self.rng.random() < 0.5 else None)

    # --------------------------------------------------------------------------------------------------------- trouble

    def _trouble(self, chance: float) -> None:
        if chance < 0.04:
            cells = [cell for cell in self.router.runtime.cells.values() if cell.status == "running"]
            self.router.runtime.crash(self.rng.choice(cells), RuntimeError("on purpose"), Peek())
        elif chance < 0.08:
            pool, dimension = self.rng.choice((("bucket", "requests"), ("sliding", "tokens"), ("fixed", "requests")))
            told = QuotaObservation(dimension, self.router.clock(), remaining=float(self.rng.randint(0, 30)))
            self.router.runtime.tell(f"pool:one:{pool}", Observe((told,)))
        elif chance < 0.10:
            self.wall.step_s += self.rng.choice(_STEPS_S)
        elif chance < 0.12:
            self._settle_kept()

    async def _operator(self) -> None:
        """A key comes, serves, goes, and comes again under its name."""
        for _ in range(2):
            await anyio.sleep(15 * self.unit)
            config = KeyConfig("one", Secret(SECRET + "f"), ("bucket",), limits(self.unit)["added"])
            try:
                self.router.add_key("f", config)
            except ValueError:  # its provider is quarantined just now
                continue
            await anyio.sleep(25 * self.unit)
            await self.router.remove_key("f", 100 * self.unit)
            self.laws.check()
