"""The way of one request: reserve, send, settle; again with another reservation if the outcome allows."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Protocol, Self

import anyio

from actorrouter.errors import (
    Attempt,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterError,
    StreamInterrupted,
)
from actorrouter.router.demand import Demand
from actorrouter.router.exchange import Exchange
from actorrouter.router.grants import Grant
from actorrouter.router.retry import Next, after
from actorrouter.values import INF, NO_USAGE, Call, Outcome, OutcomeClass, Scope, Usage

_BACKOFF_S, _BACKOFF_MAX_S = 0.1, 2.0


class Hub(Protocol):
    """What a journey needs of its router."""

    def clock(self) -> float:
        """Monotonic seconds."""

    def draw(self) -> float:
        """A random number in [0, 1)."""

    async def acquire(self, demand: Demand, wait_until: float) -> Grant:
        """A grant now or by then."""

    def exchange(self, grant: Grant, call: Call) -> Exchange:
        """One send over this grant."""


class Journey:
    """One call under way: `async with Journey(...) as reply`. Leaving it ends what still runs and settles it."""

    def __init__(self, hub: Hub, demand: Demand) -> None:
        self._hub = hub
        self._demand = demand
        self._call = demand.call
        self._started = hub.clock()
        self._deadline = INF if self._call.deadline_s is None else self._started + self._call.deadline_s
        wait_s = demand.route.config.wait_s if self._call.wait_s is None else self._call.wait_s
        self._wait_until = min(self._deadline, self._started + wait_s)
        self._sends = 0
        self._exchange: Exchange | None = None
        self.attempts: list[Attempt] = []
        self.delivered_bytes = 0

    # ------------------------------------------------------------------------------------------------------ to an answer

    async def __aenter__(self) -> Reply:
        while True:
            grant = await self._acquire()
            exchange = self._exchange = self._hub.exchange(grant, self._call)
            try:
                content = await self._within_deadline(exchange)
            except BaseException:
                await self.end()
                raise
            if exchange.outcome is None:
                return Reply(self, exchange, content)
            outcome = await self.end()
            if outcome.outcome is OutcomeClass.SUCCEEDED:
                return Reply(self, exchange, exchange.rest)
            await self._prepare_next(outcome, exchange)

    async def _acquire(self) -> Grant:
        try:
            return await self._hub.acquire(self._demand, self._wait_until)
        except NoCapacity as error:
            error.attempts = tuple(self.attempts)
            if any(attempt.outcome.outcome is not OutcomeClass.NOT_SENT for attempt in self.attempts):
                raise self._refused("no other candidate in time") from error
            raise

    async def _within_deadline(self, exchange: Exchange) -> bytes:
        self._sends += 1
        provider = exchange.grant.seat.key.provider
        if self._sends == 1:
            provider.retries.deposit()
        content = b""
        with anyio.CancelScope(deadline=self._deadline):
            content = await exchange.start()
            return content
        exchange.cut("deadline passed")
        return content

    async def _prepare_next(self, outcome: Outcome, exchange: Exchange) -> None:
        """Make the next reservation worth asking for, or raise what the caller should know."""
        key = exchange.grant.seat.key
        step = after(outcome, repeat_unknown=self._call.repeat_unknown)
        if step is Next.UNKNOWN:
            raise OutcomeUnknown(f"key {key.key_id}: written, but no response: {outcome.message}", **self._facts())
        if step is Next.FAIL or self._hub.clock() >= self._deadline:
            raise self._refused(outcome.message, exchange)
        if step is Next.OTHER_KEY:
            self._demand.skip.add(key.key_id)
            return
        if self._sends >= self._call.max_attempts:
            raise self._refused(f"{self._sends} sends, the most allowed", exchange)
        if not key.provider.retries.withdraw():
            raise self._refused(f"retry budget of provider {key.provider.name!r} is spent", exchange)
        if outcome.scope is Scope.PROVIDER:
            await self._avoid(key.provider.name)

    async def _avoid(self, provider: str) -> None:
        """Ask other providers first; if there is none, give this one a moment."""
        self._demand.avoid.add(provider)
        if all(c.provider.name in self._demand.avoid for c in self._demand.route.candidates):
            pause_s = min(_BACKOFF_MAX_S, _BACKOFF_S * 2.0 ** (self._sends - 1)) * (0.5 + self._hub.draw())
            with anyio.CancelScope(deadline=self._deadline):
                await anyio.sleep(pause_s)

    def _facts(self) -> dict[str, Any]:
        last = self.attempts[-1].decision_id if self.attempts else None
        return {"attempts": tuple(self.attempts), "decision_id": last}

    def _refused(self, why: str, exchange: Exchange | None = None) -> RouterError:
        tried = "; ".join(str(attempt) for attempt in self.attempts)
        text = f"route {self._demand.route.name!r}: {why or 'refused'} ({tried})"
        if all(attempt.outcome.outcome is OutcomeClass.NOT_SENT for attempt in self.attempts):
            return NotSent(text, **self._facts())
        status = self.attempts[-1].outcome.status
        return Refused(text, body=exchange.rest if exchange else b"", status=status, **self._facts())

    # -------------------------------------------------------------------------------------------------------- to its end

    async def more(self, exchange: Exchange) -> bytes:
        """Bytes of a stream; b"" at its good end. Raises StreamInterrupted at any other, once it is settled."""
        content = b""
        with anyio.CancelScope(deadline=self._deadline) as scope:
            content = await exchange.more()
        if scope.cancelled_caught:
            exchange.cut("deadline passed")
        if exchange.outcome is None:
            return content
        outcome = await self.end()
        if outcome.outcome is not OutcomeClass.SUCCEEDED:
            raise StreamInterrupted(
                f"key {exchange.grant.key_id}: stream broke after {self.delivered_bytes} bytes: "
                f"{outcome.message or outcome.outcome}",
                delivered_bytes=self.delivered_bytes,
                **self._facts(),
            )
        return exchange.rest

    async def end(self) -> Outcome:
        """Settle the send in hand, then give its connection back. Settling is synchronous and comes first."""
        assert self._exchange is not None
        exchange, self._exchange = self._exchange, None
        outcome = exchange.cut("caller went away")
        grant = exchange.grant
        self.attempts.append(Attempt(grant.key_id, grant.upstream_model, outcome, grant.decision.decision_id))
        grant.close(outcome)
        await exchange.close()
        return outcome

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._exchange is not None:
            await self.end()


class Reply:
    """A provider's answer. A plain one is whole; a stream is iterated for its bytes, as the provider sent them.

    Iterating a stream that breaks raises StreamInterrupted: a truncated answer never looks finished.
    """

    def __init__(self, journey: Journey, exchange: Exchange, content: bytes) -> None:
        self._journey = journey
        self._exchange = exchange
        self._content = content
        self.status = exchange.status
        self.headers = exchange.headers

    @property
    def key_id(self) -> str:
        """The key that answered."""
        return self._exchange.grant.key_id

    @property
    def upstream_model(self) -> str:
        """The provider's word for the model that answered."""
        return self._exchange.grant.upstream_model

    @property
    def decision_id(self) -> int:
        """For `router.explain`."""
        return self._exchange.grant.decision.decision_id

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every send of this call that has ended, the good one last."""
        return tuple(self._journey.attempts)

    @property
    def usage(self) -> Usage:
        """What was used; empty until the answer has ended."""
        outcome = self._exchange.outcome
        return outcome.usage or NO_USAGE if outcome is not None else NO_USAGE

    @property
    def body(self) -> bytes:
        """A plain answer's bytes. RuntimeError for a stream that is still to be read."""
        if self._exchange.outcome is None:
            raise RuntimeError("this answer is a stream: iterate it, or `await reply.read()`")
        return self._content

    def json(self) -> Any:
        """A plain answer's JSON."""
        return json.loads(self.body)

    async def read(self) -> bytes:
        """Everything that is still to come, at once."""
        self._content = b"".join([chunk async for chunk in self])
        return self._content

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        content, self._content = self._content, b""
        if not content and self._exchange.outcome is None:
            content = await self._journey.more(self._exchange)
        if not content:
            raise StopAsyncIteration
        self._journey.delivered_bytes += len(content)
        return content
