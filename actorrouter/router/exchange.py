"""One send: prepare, open, read, judge. The caller's task does the I/O; actors never do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import attrs

from actorrouter.adapters.port import BODY_BYTES_MAX, ERROR_BYTES_MAX, Reading
from actorrouter.errors import InvalidConfig
from actorrouter.messages import Observe
from actorrouter.router.entries import KeyEntry
from actorrouter.router.grants import Grant
from actorrouter.router.secrets import bytes_without, without
from actorrouter.runtime.runtime import Runtime
from actorrouter.transport.port import Reached, Response, Sending, Timeouts, Transport, TransportError
from actorrouter.values import INF, Call, Outcome, OutcomeClass, Scope, Secret

LINGER_S: Final = 1.0
"""An answer that is over is given so long to be seen to end by the transport, too, which then keeps the connection."""


class Connect(Protocol):
    """How a key's transport is made; `actorrouter.transport.connect` is one."""

    def __call__(self, client: str, *, proxy: str | None) -> Transport:
        """A pool of connections of its own. Raises InvalidConfig."""


class Exchange:
    """One call over one grant. `outcome` is set once the answer has ended, well or not.

    `start` reads until there is content to hand on or the answer has ended; `more` goes on from there.
    """

    def __init__(self, runtime: Runtime, wall: Callable[[], float], connect: Connect, grant: Grant, call: Call) -> None:
        self._runtime, self._wall, self._connect = runtime, wall, connect
        self.grant, self._call = grant, call
        self._opened: AbstractAsyncContextManager[Response] | None = None
        self._sending: Sending | None = None
        self._response: Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._reading: Reading | None = None
        self._secret: Secret | None = None
        self._kept_bytes = 0
        self._silent_s = 0.0
        self.outcome: Outcome | None = None
        self.rest = b""
        """What is still to be handed on when the answer has ended; the body of a plain answer or an error."""
        self.cut_off = False
        """An answer began and did not end."""

    @property
    def status(self) -> int:
        """The answer's HTTP status; 0 before there is one."""
        return self._response.status if self._response is not None else 0

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, lower case, as they fit what is handed on; a failure's without the secret."""
        told = self._reading.content_type if self._reading is not None else ""
        given = dict(self._response.headers) if self._response is not None else {}
        if self._secret is not None and self.outcome is not None and self.outcome.outcome is not OutcomeClass.SUCCEEDED:
            given = {name: without(self._secret, text) for name, text in given.items()}
        return {**given, "content-type": told} if told else given

    @property
    def losses(self) -> tuple[str, ...]:
        """What a translation has left out so far."""
        return self._reading.losses if self._reading is not None else ()

    async def start(self) -> bytes:
        """Send and read until content flows (returns it) or the answer has ended (`outcome` is set)."""
        key = self.grant.seat.key
        try:
            self._secret = await key.secret.get()
        except Exception as error:  # the user's callable: any fault of it is this key's
            return self._fail(OutcomeClass.NOT_SENT, Scope.KEY, f"secret source: {type(error).__name__}")
        try:
            transport = transport_of(key, self._connect)
        except InvalidConfig as error:  # a proxy or client that cannot be had
            return self._fail(OutcomeClass.NOT_SENT, Scope.KEY, str(error))
        try:
            request = key.provider.adapter.prepare(self._call, self.grant.upstream_model, self._secret)
            opened = self._sending = transport.open(request, Timeouts(*_seconds(key)), self.grant.sent)
            self._response = await opened.__aenter__()
        except TransportError as error:
            scope = Scope.EGRESS if error.kind == "proxy" else Scope.PROVIDER
            known = OutcomeClass.NOT_SENT if error.reached is Reached.NO else OutcomeClass.UNKNOWN
            return self._fail(known, scope, str(error))
        self._opened = opened
        return await self._head(self._response)

    def _fail(self, outcome: OutcomeClass, scope: Scope, why: str) -> bytes:
        self.outcome = self._shown(Outcome(outcome, scope, message=why))
        return b""

    async def _head(self, response: Response) -> bytes:
        now = self._runtime.clock()
        entry = self.grant.seat.key.provider
        self._reading = entry.adapter.read(self._call, response.status, response.headers, now, self._wall())
        if self._reading.observations:
            for pool in self.grant.seat.group.pools:
                self._runtime.tell(pool.pool_id, Observe(self._reading.observations, self.grant.reservation_id))
        self._chunks = response.__aiter__()
        return await self.more()

    async def more(self) -> bytes:
        """The next bytes to hand on; b"" when the answer has ended, or holds more than anybody would keep.

        Pings and comments keep a stream's connection alive, but for `stall_s` without content at most."""
        assert self._reading is not None
        began = self._runtime.clock()
        self._kept_bytes = 0
        if self._reading.over:
            return await self._linger()
        content = await self._next()
        if content is None:
            content = await self._past_silence(began)
        if self.outcome is None and self._reading.quiet:
            self._silent_s += self._runtime.clock() - began
            if self._silent_s >= self._stall_s:
                return self._stalled()
        else:
            self._silent_s = 0.0
        return content

    async def _past_silence(self, since: float) -> bytes:
        """Read on until there is something to hand on. A plain answer has content at its end only."""
        content = None
        if not self._call.stream:
            while content is None:
                content = await self._next()
            return content
        with self._runtime.loop.within(since + self._stall_s - self._silent_s) as scope:
            while content is None and not self._is_over:
                content = await self._next()
        if scope.cancelled_caught and self.outcome is None:
            return self._stalled()
        return await self._linger() if content is None else content

    @property
    def _is_over(self) -> bool:
        return self._reading is not None and self._reading.over

    async def _linger(self) -> bytes:
        """Nothing that still comes is wanted; who keeps the connection open after its answer keeps nobody waiting."""
        with self._runtime.loop.within(self._runtime.clock() + LINGER_S) as scope:
            while self.outcome is None:
                await self._next()
        if scope.cancelled_caught:
            self._end(complete=False)
        return b""

    @property
    def _stall_s(self) -> float:
        return self.grant.seat.key.provider.config.timeouts.stall_s if self._call.stream else INF

    def _stalled(self) -> bytes:
        self._end(complete=False, why=f"timeout: stalled, no content for {self._stall_s:g} s")
        return b""

    async def _next(self) -> bytes | None:
        """One piece further: what it gives to hand on, b"" at the end, None if it holds no content."""
        assert self._chunks is not None
        assert self._reading is not None
        try:
            received = await anext(self._chunks)
        except StopAsyncIteration:
            self._end(complete=True)
            return b""
        except TransportError as error:
            self._end(complete=False, why=str(error))
            return b""
        content = self._reading.feed(received)
        if content and self._call.stream and not self._reading.failed:
            return content
        self._kept_bytes += len(received)
        if self._kept_bytes > (ERROR_BYTES_MAX if self._reading.failed else BODY_BYTES_MAX):
            self._end(complete=False)
            return b""
        return None

    def _end(self, *, complete: bool, why: str = "") -> Outcome:
        assert self._reading is not None
        assert self._secret is not None
        outcome = self._reading.end(complete=complete)
        self.cut_off = not complete and outcome.outcome is OutcomeClass.BROKEN
        if why and self.cut_off:
            outcome = _but(outcome, message=f"{outcome.message}: {why}")
        if 300 <= self.status < 400:
            outcome = _but(outcome, message=_moved(self.headers.get("location", "")))
        self.rest = self._reading.rest()
        if outcome.outcome is not OutcomeClass.SUCCEEDED:
            self.rest = bytes_without(self._secret, self.rest)
        self.outcome = self._shown(self._blamed(outcome, self._secret))
        return self.outcome

    def _blamed(self, outcome: Outcome, secret: Secret) -> Outcome:
        """A rejected secret that can be fetched anew is not yet the key's fault."""
        keeper = self.grant.seat.key.secret
        if outcome.outcome is OutcomeClass.SUCCEEDED:
            keeper.accepted(secret)
        elif outcome.outcome is OutcomeClass.KEY_FATAL and keeper.rejected(secret):
            return _but(outcome, scope=Scope.NONE)
        return outcome

    def _shown(self, outcome: Outcome) -> Outcome:
        """What others may see of it: not the secret that was sent."""
        if self._secret is None or self._secret.reveal() not in outcome.message + outcome.code:
            return outcome
        return _but(outcome, message=without(self._secret, outcome.message), code=without(self._secret, outcome.code))

    def cut(self, why: str) -> Outcome:
        """The call was broken off: what is known of its outcome. Settles nothing itself.

        A status that said no, or a stream whose end had been seen, counts as what it was."""
        if self.outcome is not None:
            return self.outcome
        if self._reading is None:
            unsent = self._sending is None or self._sending.reached is Reached.NO
            self.outcome = Outcome(OutcomeClass.NOT_SENT if unsent else OutcomeClass.UNKNOWN, Scope.NONE, message=why)
            return self.outcome
        failed, judged = self._reading.failed, self._end(complete=False)
        if not failed and judged.outcome is not OutcomeClass.SUCCEEDED:
            judged = self.outcome = Outcome(OutcomeClass.CANCELLED, Scope.NONE, usage=judged.usage, message=why)
            self.cut_off = True
        return judged

    async def close(self) -> None:
        """Give the connection back, or close it if the answer was not read to its end. Bounded by the transport."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.__aexit__(None, None, None)


def _seconds(key: KeyEntry) -> tuple[float, float, float, float]:
    timeouts = key.provider.config.timeouts
    return timeouts.connect_s, timeouts.write_s, timeouts.first_byte_s, timeouts.idle_s


def transport_of(key: KeyEntry, connect: Connect) -> Transport:
    """The key's own connections, opened when first used."""
    if key.transport is None:
        key.transport = connect(key.provider.config.http_client, proxy=key.config.proxy)
    return key.transport


def _moved(location: str) -> str:
    """What a redirect means. Its query is not repeated: it may be the one that was asked for, with a secret in it."""
    from actorrouter.adapters.rules import shown  # hardly ever needed

    there = shown(location.partition("?")[0])
    return f"redirected{f' to {there}' if there else ''}, which is not followed: correct base_url"


def _but(outcome: Outcome, **changes: Any) -> Outcome:
    return attrs.evolve(outcome, **changes)  # type: ignore[misc] # a value is an attrs class
