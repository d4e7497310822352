"""A client's request through the router: its answer's head, then its body as it comes. On the router's event loop."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

from actorrouter.errors import NoCapacity, NotSent, RouterError, StreamInterrupted
from actorrouter.integrations.answers import Answer, of_error, passed
from actorrouter.integrations.calls import call_of
from actorrouter.integrations.paths import place_of
from actorrouter.integrations.port import Asked, Fault, Hub, Options, Reply
from actorrouter.values import Call


class Body:
    """A stream's bytes as the provider sends them. Raises Fault when it breaks or stalls; `aclose` settles."""

    def __init__(self, journey: AbstractAsyncContextManager[Reply], reply: Reply, read_s: float | None) -> None:
        self._journey: AbstractAsyncContextManager[Reply] | None = journey
        self._reply = reply.__aiter__()
        self._read_s = read_s

    async def next(self) -> bytes | None:
        """The next bytes; None at the good end."""
        if self._journey is None:
            return None
        try:
            with _patience(self._read_s):
                return await anext(self._reply, None)
        except TimeoutError:
            await self.aclose()
            raise Fault("ReadTimeout", f"nothing more of the answer came within {self._read_s} s") from None
        except RouterError as error:
            await self.aclose()
            raise Fault("RemoteProtocolError", str(error)) from error

    async def aclose(self) -> None:
        """End what still runs and settle it. Repeats change nothing."""
        journey, self._journey = self._journey, None
        if journey is not None:
            await journey.__aexit__(None, None, None)


def _patience(seconds: float | None) -> Any:
    return anyio.fail_after(seconds)


class Sender:
    """Sends clients' requests through `hub`. `route`: where those go that name no model."""

    def __init__(self, hub: Hub, route: str, options: Options) -> None:
        self._hub, self._route, self._options = hub, route, options

    async def send(self, asked: Asked) -> tuple[Answer, Body | None]:
        """The answer, with its body where that is a stream. Raises Fault where there is none."""
        call = call_of(asked, self._hub.config, self._route, self._options)
        if isinstance(call, Answer):
            return call, None
        began = anyio.current_time()
        try:
            with _patience(asked.read_s):
                return await self._start(call, asked.read_s)
        except TimeoutError:
            raise Fault("ReadTimeout", f"no answer within {asked.read_s} s") from None
        except RouterError as error:
            return self._failed(error, call, asked, anyio.current_time() - began), None

    async def _start(self, call: Call, read_s: float | None) -> tuple[Answer, Body | None]:
        journey = self._hub.stream(call)
        reply = await journey.__aenter__()
        answer = passed(reply.status, reply.headers, reply.key_id, reply.decision_id)
        if call.stream:
            return answer, Body(journey, reply, read_s)
        try:
            return Answer(answer.status, answer.headers, await reply.read()), None
        finally:
            await journey.__aexit__(None, None, None)

    def _failed(self, error: RouterError, call: Call, asked: Asked, took_s: float) -> Answer:
        if call.deadline_s is not None and took_s >= call.deadline_s:
            raise Fault("ReadTimeout", str(error)) from error
        if isinstance(error, NoCapacity) and asked.pool_s is not None and asked.pool_s <= took_s:
            raise Fault("PoolTimeout", str(error)) from error
        answer = of_error(error, place_of(asked.path, asked.method).language)
        if answer is not None:
            return answer
        if isinstance(error, NotSent):
            raise Fault("ConnectError", str(error)) from error
        kind = "RemoteProtocolError" if isinstance(error, StreamInterrupted) else "ReadError"
        raise Fault(kind, str(error)) from error
