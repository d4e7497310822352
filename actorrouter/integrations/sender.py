"""A client's request through the router: its answer's head, then its body as it comes. On the router's event loop."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import anyio

from actorrouter.errors import InvalidCall, NoCapacity, NotSent, RouterError, StreamInterrupted
from actorrouter.integrations.answers import Answer, of_error, passed
from actorrouter.integrations.calls import call_of
from actorrouter.integrations.paths import place_of
from actorrouter.integrations.port import Asked, Fault, Hub, Options, Reply
from actorrouter.values import INF, Call


class Body:
    """A stream's bytes as the provider sends them. Raises Fault when it breaks or stalls; `aclose` settles."""

    def __init__(
        self, journey: AbstractAsyncContextManager[Reply], reply: Reply, read_s: float | None, deadline: float
    ) -> None:
        self._journey: AbstractAsyncContextManager[Reply] | None = journey
        self._reply = reply.__aiter__()
        self._read_s, self._deadline = read_s, deadline

    async def next(self) -> bytes | None:
        """The next bytes; None at the good end."""
        if self._journey is None:
            return None
        try:
            with anyio.fail_after(self._read_s):
                return await anext(self._reply, None)
        except TimeoutError:
            await self.aclose()
            raise Fault("ReadTimeout", f"nothing more of the answer came within {self._read_s} s") from None
        except RouterError as error:
            await self.aclose()
            late = anyio.current_time() >= self._deadline
            raise Fault("ReadTimeout" if late else "RemoteProtocolError", str(error)) from error

    async def aclose(self) -> None:
        """End what still runs and settle it. Repeats change nothing."""
        journey, self._journey = self._journey, None
        if journey is not None:
            await journey.__aexit__(None, None, None)


class Sender:
    """Sends clients' requests through `hub`. `route`: where those go that name no model. Raises InvalidCall."""

    def __init__(self, hub: Hub, route: str, options: Options) -> None:
        if route and route not in hub.config.routes:
            raise InvalidCall(f"unknown route {route[:80]!r}; routes are: {', '.join(sorted(hub.config.routes)[:10])}")
        self._hub, self._route, self._options = hub, route, options

    async def send(self, asked: Asked) -> tuple[Answer, Body | None]:
        """The answer, with its body where that is a stream. Raises Fault where there is none."""
        call = call_of(asked, self._hub.config, self._route, self._options)
        if isinstance(call, Answer):
            return call, None
        began = anyio.current_time()
        deadline = INF if call.deadline_s is None else began + call.deadline_s
        try:
            with anyio.fail_after(asked.read_s):
                return await self._start(call, asked.read_s, deadline)
        except TimeoutError:
            raise Fault("ReadTimeout", f"no answer within {asked.read_s} s") from None
        except RouterError as error:
            late = _late(error, anyio.current_time(), deadline, began + (INF if asked.pool_s is None else asked.pool_s))
            if late:
                raise Fault(late, str(error)) from error
            return _answer(error, place_of(asked.path, asked.method, asked.headers).language), None

    async def _start(self, call: Call, read_s: float | None, deadline: float) -> tuple[Answer, Body | None]:
        journey = self._hub.stream(call)
        reply = await journey.__aenter__()
        answer = passed(reply.status, reply.headers, reply.key_id, reply.decision_id)
        if call.stream:
            return answer, Body(journey, reply, read_s, deadline)
        try:
            return Answer(answer.status, answer.headers, await reply.read()), None
        finally:
            await journey.__aexit__(None, None, None)


def _late(error: RouterError, now: float, deadline: float, wait_until: float) -> str:
    """The timeout that this error is, by the caller's own clock; "" where it is none."""
    if now >= deadline:
        return "ReadTimeout"
    return "PoolTimeout" if isinstance(error, NoCapacity) and now >= wait_until else ""


def _answer(error: RouterError, language: str) -> Answer:
    """The answer that an error stands for. Raises Fault where there is none."""
    answer = of_error(error, language)
    if answer is not None:
        return answer
    if isinstance(error, NotSent):
        raise Fault("ConnectError", str(error)) from error
    raise Fault("RemoteProtocolError" if isinstance(error, StreamInterrupted) else "ReadError", str(error)) from error
