"""The way of one request: reserve, send, settle; again with another reservation if the outcome allows."""

from __future__ import annotations

from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from actorrouter.errors import Attempt, NotSent, RouterError, StreamInterrupted
from actorrouter.router.demand import Demand
from actorrouter.router.entries import Seat
from actorrouter.router.exchange import Exchange
from actorrouter.router.failing import failure, first_line
from actorrouter.router.grants import Grant
from actorrouter.router.hedging import Race
from actorrouter.router.hub import Hub
from actorrouter.router.reply import Reply
from actorrouter.router.retry import Next, after, paced
from actorrouter.values import INF, Outcome, OutcomeClass, Scope

if TYPE_CHECKING:
    from actorrouter.adapters.continuation import Splice

_BACKOFF_S, _BACKOFF_MAX_S = 0.1, 2.0


class Journey:
    """One call under way: `async with Journey(...) as reply`. Leaving it ends what still runs and settles it."""

    def __init__(self, hub: Hub, demand: Demand) -> None:
        self._hub = hub
        self._demand = demand
        self._call = demand.call
        self._deadline = INF if self._call.deadline_s is None else hub.clock() + self._call.deadline_s
        self._wait_left_s = demand.route.config.wait_s if self._call.wait_s is None else self._call.wait_s
        self._works = 0
        self._fetched: set[str] = set()
        self._exchange: Exchange | None = None
        self._beside: Exchange | None = None
        self._hedge: Exchange | None = None
        self._hedge_of = ""
        self._splice: Splice | None = None
        self._not_continued = ""
        self.answer: Exchange
        """The send whose content the caller gets."""
        self.continued = 0
        self._sent: Exchange | None = None
        self.attempts: list[Attempt] = []
        self.delivered_bytes = 0

    # ----------------------------------------------------------------------------------------------------- to an answer

    async def __aenter__(self) -> Reply:
        content = await self._answer()
        return Reply(self, self._hand(content, last=self.answer.outcome is not None))

    async def _answer(self) -> bytes:
        """The first content of `answer`, or all of it; as many sends as it takes."""
        while True:
            grant = await self._acquire()
            exchange = self._exchange = self._hub.exchange(grant, self._demand.call)
            try:
                content = await self._within_deadline(exchange)
            except GeneratorExit:  # the coroutine is dropped, and may not wait
                self._drop(left=False)
                raise
            except BaseException:
                await self.end()
                raise
            exchange = self._exchange
            if exchange.outcome is None:
                self.answer = exchange
                return content
            outcome = await self.end()
            if outcome.outcome is OutcomeClass.SUCCEEDED:
                self.answer = exchange
                return exchange.rest
            await self._prepare_next(outcome, exchange.grant.seat)

    def _hand(self, content: bytes, *, last: bool = False) -> bytes:
        """What of it the caller gets."""
        if not self._call.continue_stream or not self._call.stream:
            return content
        if self._splice is None:
            from actorrouter.adapters.continuation import Splice

            self._splice = Splice()
        return self._splice.hand(content, last=last)

    async def _acquire(self) -> Grant:
        began = self._hub.clock()
        try:
            return await self._hub.acquire(self._demand, min(self._deadline, began + self._wait_left_s))
        except NotSent as error:
            if not self.attempts:
                raise
            raise self._failure(first_line(error), error) from error
        finally:
            self._wait_left_s = max(0.0, self._wait_left_s - (self._hub.clock() - began))

    async def _within_deadline(self, exchange: Exchange) -> bytes:
        if not self.attempts:
            exchange.grant.seat.key.provider.retries.deposit()
        if self._deadline == INF:
            return await self._start(exchange)
        with self._hub.loop.within(self._deadline):
            if self._hub.clock() < self._deadline:
                return await self._start(exchange)
        for each in (exchange, self._beside):
            if each is not None:
                each.cut("deadline passed")
        return b""

    async def _start(self, exchange: Exchange) -> bytes:
        """To content, or to the end of the answer; with a second send beside it if the caller wants one."""
        if self._call.hedge_s is None or self._hedge is not None:
            return await exchange.start()
        race = Race(self._hub.loop, exchange, self._call.hedge_s, self._reserve_beside)
        content = await race.run()
        if race.second is not None:
            self._exchange = race.winner
            loser = self._beside = race.first if race.winner is race.second else race.second
            self._settle(loser, "another key was first")
            self._beside = None
            await loser.close()
        return content

    async def _reserve_beside(self) -> Exchange | None:
        """A second send on other pools: if there is room at this instant, and the retry budget gives one."""
        assert self._exchange is not None
        key = self._exchange.grant.seat.key
        if self._works + 1 >= self._call.max_attempts or key.provider.retries.balance < 1.0:
            return None
        try:
            grant = await self._hub.acquire(self._demand.beside(key), self._hub.clock())
        except NotSent:
            return None
        key.provider.retries.withdraw()
        self._works += 1
        self._hedge_of = key.key_id
        self._hedge = self._beside = self._hub.exchange(grant, self._demand.call)
        return self._hedge

    async def _prepare_next(self, outcome: Outcome, seat: Seat) -> None:
        """Make the next reservation worth asking for, or raise what the caller should know."""
        step, key = after(outcome, repeat_unknown=self._call.repeat_unknown), seat.key
        if step is Next.UNKNOWN:
            raise self._failure(f"written, but no response: {outcome.message}")
        if step is Next.FAIL or self._hub.clock() >= self._deadline:
            raise self._failure(outcome.message)
        if step is Next.ANEW and key.key_id not in self._fetched:
            self._fetched.add(key.key_id)
        elif step is Next.AGAIN:
            await self._again(outcome, seat)
        else:
            self._demand.pass_over(key, outcome)

    async def _again(self, outcome: Outcome, seat: Seat) -> None:
        """The same work once more, if that is allowed."""
        self._works += 1
        if self._works >= self._call.max_attempts:
            raise self._failure(f"{self._works} sends, the most allowed")
        provider = seat.key.provider
        if not (paced(outcome) and seat.group.pools) and not provider.retries.withdraw():
            raise self._failure(f"retry budget of provider {provider.name!r} is spent")
        if outcome.scope is Scope.PROVIDER:
            await self._avoid(provider.name)

    async def _avoid(self, provider: str) -> None:
        """Ask other providers first; if there is none, give this one a moment."""
        self._demand.avoid.add(provider)
        if all(c.provider.name in self._demand.avoid for c in self._demand.candidates):
            pause_s = min(_BACKOFF_MAX_S, _BACKOFF_S * 2.0 ** (self._works - 1)) * (0.5 + self._hub.draw())
            with self._hub.loop.within(self._deadline):
                await self._hub.loop.sleep(pause_s)
        if self._hub.clock() >= self._deadline:
            raise self._failure("deadline passed")

    def _failure(self, why: str, cause: NotSent | None = None) -> RouterError:
        return failure(self._demand.route.name, why, self.attempts, self._sent, cause)

    # ------------------------------------------------------------------------------------------------------- to its end

    async def more(self) -> bytes:
        """Bytes of a stream; b"" at its good end. Raises StreamInterrupted at any other, once it is settled."""
        exchange = self.answer
        content = b""
        piece = exchange.more if self._deadline == INF else partial(self._piece, exchange)
        while exchange.outcome is None and not content:
            content = self._hand(await piece())
        if content:
            return content
        outcome = await self.end()
        if outcome.outcome is OutcomeClass.SUCCEEDED:
            return self._hand(exchange.rest, last=True)
        return await self._go_on(outcome)

    async def _piece(self, exchange: Exchange) -> bytes:
        """As `exchange.more`, ended by the deadline."""
        content = b""
        with self._hub.loop.within(self._deadline) as scope:
            content = await exchange.more()
        if scope.cancelled_caught:
            exchange.cut("deadline passed")
        return content

    async def _go_on(self, outcome: Outcome) -> bytes:
        """The stream broke: have the rest from another send, if the caller wants that and it can be. Otherwise what was
        kept back, or StreamInterrupted."""
        broken, splice = self.answer, self._splice
        if splice is None:
            raise self.interrupted()
        try:
            if splice.why_not:
                raise self._failure(splice.why_not)
            self._demand = self._demand.anew(splice.follow_up(self._call))
            await self._prepare_next(outcome, broken.grant.seat)
            content = await self._answer()
        except RouterError as error:
            self._not_continued = str(error).partition(": ")[2] or str(error)
            if not splice.withheld:
                raise self.interrupted() from error
            content, splice.withheld = splice.withheld, b""
            return content
        self.continued += 1
        splice.resume()
        return splice.hand(content, last=self.answer.outcome is not None) or await self.more()

    def interrupted(self) -> StreamInterrupted:
        """Why there is no more of an answer that began."""
        outcome = self.attempts[-1].outcome
        further = f"; not continued: {self._not_continued}" if self._not_continued else ""
        return StreamInterrupted(
            f"key {self.attempts[-1].key_id}: stream broke after {self.delivered_bytes} bytes: "
            f"{outcome.message or outcome.outcome}{further}",
            delivered_bytes=self.delivered_bytes,
            delivered_text=self._splice.text if self._splice is not None else None,
            attempts=tuple(self.attempts),
            decision_id=self.attempts[-1].decision_id,
        )

    async def end(self) -> Outcome:
        """Settle what is in hand, then give its connection back. Settling is synchronous and comes first."""
        assert self._exchange is not None
        exchange, self._exchange = self._exchange, None
        second, self._beside = self._beside, None
        if second is not None:
            self._settle(second, "caller went away")
        outcome = self._settle(exchange, "caller went away")
        try:
            if second is not None:
                await second.close()
        finally:
            await exchange.close()
        return outcome

    def _settle(self, exchange: Exchange, why: str) -> Outcome:
        grant = exchange.grant
        outcome = self._hub.settle(grant, exchange.cut(why))
        if outcome.outcome is not OutcomeClass.NOT_SENT:
            self._sent = exchange
        hedge_of = self._hedge_of if exchange is self._hedge else ""
        self.attempts.append(Attempt(grant.key_id, grant.upstream_model, outcome, grant.decision.decision_id, hedge_of))
        return outcome

    def __del__(self) -> None:
        """Dropped without being left, on whatever thread."""
        self._drop(left=False)

    def _drop(self, *, left: bool) -> None:
        """Have what is in hand settled and closed by the router's own tasks."""
        for exchange in (self._beside, self._exchange):
            if exchange is not None:
                self._hub.abandon(exchange, left=left)
        self._beside = self._exchange = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is GeneratorExit:  # of a generator that is closed, or of a dropped coroutine, which may not wait
            self._drop(left=True)
        elif self._exchange is not None:
            await self.end()
