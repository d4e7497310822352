"""One send: prepare, open, read, judge. The caller's task does the I/O; actors never do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from actorrouter.adapters.port import Reading
from actorrouter.messages import Observe
from actorrouter.router.board import KeyEntry
from actorrouter.router.grants import Grant
from actorrouter.runtime.runtime import Runtime
from actorrouter.transport import connect
from actorrouter.transport.port import Reached, Response, Timeouts, Transport, TransportError
from actorrouter.values import Call, Outcome, OutcomeClass, Scope, Secret


class Exchange:
    """One call over one grant. `outcome` is set once the answer has ended, well or not.

    `start` reads until there is content to hand on or the answer has ended; `more` goes on from there.
    """

    def __init__(self, runtime: Runtime, wall: Callable[[], float], grant: Grant, call: Call) -> None:
        self._runtime, self._wall = runtime, wall
        self.grant, self._call = grant, call
        self._opened: AbstractAsyncContextManager[Response] | None = None
        self._response: Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._reading: Reading | None = None
        self._secret: Secret | None = None
        self.outcome: Outcome | None = None
        self.rest = b""
        """What is still to be handed on when the answer has ended; the body of a plain answer or an error."""

    @property
    def status(self) -> int:
        """The answer's HTTP status; 0 before there is one."""
        return self._response.status if self._response is not None else 0

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, lower case."""
        return dict(self._response.headers) if self._response is not None else {}

    async def start(self) -> bytes:
        """Send and read until content flows (returns it) or the answer has ended (`outcome` is set)."""
        key, entry = self.grant.seat.key, self.grant.seat.key.provider
        try:
            self._secret = await key.secret.get()
        except Exception as error:  # the user's callable: any fault of it is this key's
            self.outcome = Outcome(OutcomeClass.NOT_SENT, Scope.KEY, message=f"secret source: {type(error).__name__}")
            return b""
        try:
            request = entry.adapter.prepare(self._call, self.grant.upstream_model, self._secret)
            timeouts = Timeouts(*_seconds(key))
            self._opened = transport_of(key).open(request, timeouts, self.grant.sent)
            self._response = await self._opened.__aenter__()
        except TransportError as error:
            self._opened = None if self._response is None else self._opened
            self.outcome = _unanswered(error)
            return b""
        return await self._head(self._response)

    async def _head(self, response: Response) -> bytes:
        now = self._runtime.clock()
        entry = self.grant.seat.key.provider
        self._reading = entry.adapter.read(self._call, response.status, response.headers, now, self._wall())
        if self._reading.observations:
            for pool in self.grant.seat.group.pools:
                self._runtime.tell(pool.pool_id, Observe(self._reading.observations))
        self._chunks = response.__aiter__()
        return await self.more()

    async def more(self) -> bytes:
        """The next bytes to hand on; b"" when the answer has ended."""
        assert self._chunks is not None
        assert self._reading is not None
        try:
            async for received in self._chunks:
                content = self._reading.feed(received)
                if content and self._call.stream and not self._reading.failed:
                    return content
        except TransportError:
            return self._end(complete=False)
        return self._end(complete=True)

    def _end(self, *, complete: bool) -> bytes:
        assert self._reading is not None
        self.outcome = self._blamed(self._reading.end(complete=complete))
        self.rest = self._reading.rest()
        return b""

    def _blamed(self, outcome: Outcome) -> Outcome:
        """A rejected secret that can be fetched anew is not yet the key's fault."""
        if outcome.outcome is OutcomeClass.KEY_FATAL and self._secret is not None:
            key = self.grant.seat.key
            if key.secret.refreshes and not key.rejected_before:
                key.rejected_before = key.secret.reject(self._secret)
                return Outcome(OutcomeClass.TRANSIENT, Scope.NONE, outcome.status, outcome.code, "secret rejected")
        elif outcome.outcome is OutcomeClass.SUCCEEDED:
            self.grant.seat.key.rejected_before = False
        return outcome

    def cut(self, why: str) -> Outcome:
        """The call was broken off: what is known of its outcome. Settles nothing itself."""
        if self.outcome is not None:
            return self.outcome
        if self._reading is not None:
            judged = self._reading.end(complete=False)
            self.outcome = Outcome(OutcomeClass.CANCELLED, Scope.NONE, None, usage=judged.usage, message=why)
        else:
            known = OutcomeClass.UNKNOWN if self.grant.dispatched else OutcomeClass.NOT_SENT
            self.outcome = Outcome(known, Scope.NONE, message=why)
        return self.outcome

    async def close(self) -> None:
        """Give the connection back, or close it if the answer was not read to its end. Bounded by the transport."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.__aexit__(None, None, None)


def _seconds(key: KeyEntry) -> tuple[float, float, float, float]:
    timeouts = key.provider.config.timeouts
    return timeouts.connect_s, timeouts.write_s, timeouts.first_byte_s, timeouts.idle_s


def transport_of(key: KeyEntry) -> Transport:
    """The key's own connections, opened when first used."""
    if key.transport is None:
        key.transport = connect(key.provider.config.http_client, proxy=key.config.proxy)
    return key.transport


def _unanswered(error: TransportError) -> Outcome:
    scope = Scope.EGRESS if error.kind == "proxy" else Scope.PROVIDER
    known = OutcomeClass.NOT_SENT if error.reached is Reached.NO else OutcomeClass.UNKNOWN
    return Outcome(known, scope, message=str(error))
