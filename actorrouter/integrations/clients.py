"""Transports and clients of httpx2, and of httpx, whose requests go through a router: one source, two class trees.

An SDK that closes its client closes nothing of the router's.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Final, Self, TypeVar

from anyio.from_thread import BlockingPortal

from actorrouter.errors import InvalidConfig
from actorrouter.integrations.answers import Answer
from actorrouter.integrations.options import options_of
from actorrouter.integrations.port import Asked, Fault, Hub
from actorrouter.integrations.sender import Body, Sender

FLAVORS: Final = ("httpx2", "httpx")
_BASE_URL: Final = "http://actorrouter"
"""For requests whose URL is a bare path; no connection is ever made to it."""

_T = TypeVar("_T")

_faulted: ContextVar[tuple[str, str] | None] = ContextVar("_faulted", default=None)
"""What the latest request of this context came to, if not an answer.

openai's and anthropic's SDKs repeat, from where they sent it first, a request that raised: there is no header to tell
them not to. The router has done all that may be done, so their repeats are told the same and reach nobody.
"""


def transport(hub: Hub, flavor: str, route: str, options: Mapping[str, Any]) -> Any:
    """An AsyncBaseTransport of `flavor`. Raises InvalidConfig, InvalidCall."""
    made = _class(flavor, "AsyncBaseTransport", "AsyncByteStream", _AsyncTransport, _AsyncStream)
    return made(Sender(hub, route, options_of(options)))


def blocking_transport(hub: Hub, portal: BlockingPortal, flavor: str, route: str, options: Mapping[str, Any]) -> Any:
    """A BaseTransport of `flavor`, for any thread. Raises InvalidConfig, InvalidCall."""
    made = _class(flavor, "BaseTransport", "SyncByteStream", _BlockingTransport, _BlockingStream)
    return made(Sender(hub, route, options_of(options)), portal)


def client(hub: Hub, flavor: str, route: str, options: Mapping[str, Any]) -> Any:
    """An AsyncClient of `flavor` without timeouts of its own: the router's rule."""
    through = transport(hub, flavor, route, options)
    return _module(flavor).AsyncClient(transport=through, base_url=_BASE_URL, timeout=None)


def blocking_client(hub: Hub, portal: BlockingPortal, flavor: str, route: str, options: Mapping[str, Any]) -> Any:
    """A Client of `flavor`, for any thread, without timeouts of its own: the router's rule."""
    through = blocking_transport(hub, portal, flavor, route, options)
    return _module(flavor).Client(transport=through, base_url=_BASE_URL, timeout=None)


def _module(flavor: str) -> ModuleType:
    if flavor not in FLAVORS:
        raise InvalidConfig([f"flavor: unknown; choose {' or '.join(FLAVORS)}"], "http_client")
    try:
        return importlib.import_module(flavor)
    except ImportError:
        raise InvalidConfig([f"flavor: {flavor} is not installed; pip install {flavor}"], "http_client") from None


@functools.cache
def _class(flavor: str, transport_base: str, stream_base: str, transport: type, stream: type) -> type[Any]:
    """Ours, and the client library's base class: what it checks for."""
    module = _module(flavor)
    streaming = type(stream.__name__.strip("_"), (stream, getattr(module, stream_base)), {})
    bases = (transport, getattr(module, transport_base))
    return type("RouterTransport", bases, {"_client": module, "_stream": streaming})


class _Transport:
    """What both ways of waiting share."""

    _client: ModuleType
    _stream: type[Any]

    def _asked(self, request: Any) -> Asked:
        timeout = request.extensions.get("timeout") or {}
        return Asked(
            request.method,
            request.url.raw_path.decode("ascii"),
            tuple((name.lower(), text) for name, text in request.headers.items()),
            request.content,
            timeout.get("read"),
            timeout.get("pool"),
            request.extensions.get("actorrouter") or {},
        )

    def _check_repeat(self, request: Any) -> None:
        """Raise again what this request came to already."""
        known = _faulted.get()
        if known is None or request.headers.get("x-stainless-retry-count", "0") == "0":
            _faulted.set(None)
            return
        raise self._error(Fault(*known), request)

    def _error(self, fault: Fault, request: Any) -> Exception:
        _faulted.set((fault.kind, str(fault)))
        error: Exception = getattr(self._client, fault.kind)(str(fault), request=request)
        error.__cause__ = fault.__cause__
        return error

    def _response(self, answer: Answer, body: Any, request: Any) -> Any:
        content = {"content": answer.content} if body is None else {"stream": body}
        return self._client.Response(answer.status, headers=list(answer.headers), request=request, **content)


class _AsyncTransport(_Transport):
    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def handle_async_request(self, request: Any) -> Any:
        """Send through the router. Raises the client's own exceptions."""
        await request.aread()
        self._check_repeat(request)
        try:
            answer, body = await self._sender.send(self._asked(request))
        except Fault as fault:
            raised = self._error(fault, request)
        else:
            return self._response(answer, body and self._stream(body, self, request), request)
        raise raised

    async def aclose(self) -> None:
        """Nothing: the router is not the client's to close."""


class _AsyncStream:
    """A class, not an async generator: its end is not left to chance."""

    def __init__(self, body: Body, transport: _Transport, request: Any) -> None:
        self._body, self._transport, self._request = body, transport, request

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            content = await self._body.next()
        except Fault as fault:
            raised = self._transport._error(fault, self._request)
        else:
            if content is None:
                raise StopAsyncIteration
            return content
        raise raised

    async def aclose(self) -> None:
        await self._body.aclose()


class _BlockingTransport(_Transport):
    def __init__(self, sender: Sender, portal: BlockingPortal) -> None:
        self._sender, self._portal, self._process = sender, portal, os.getpid()

    def call(self, function: Callable[..., Awaitable[_T]], *arguments: Any) -> _T:
        """Run it on the router's event loop. Raises Fault if that has ended, before or meanwhile."""
        if os.getpid() != self._process:  # a fork takes no threads along: nobody would ever answer
            raise Fault("ConnectError", "the router belongs to the process that was forked: open one in each")
        try:
            running = self._portal.start_task_soon(function, *arguments)
        except RuntimeError as error:
            raise Fault("ConnectError", f"the router cannot be asked: {error}") from None
        try:
            return running.result()
        except CancelledError:
            raise Fault("ReadError", "the router has stopped") from None
        finally:
            running.cancel()  # where Ctrl-C ended the wait nobody wants the answer; of what has ended, nothing

    def handle_request(self, request: Any) -> Any:
        """Send through the router; blocks. Raises the client's own exceptions."""
        request.read()
        self._check_repeat(request)
        try:
            answer, body = self.call(self._sender.send, self._asked(request))
        except Fault as fault:
            raised = self._error(fault, request)
        else:
            return self._response(answer, body and self._stream(body, self, request), request)
        raise raised

    def close(self) -> None:
        """Nothing: the router is not the client's to close."""


class _BlockingStream:
    def __init__(self, body: Body, transport: _BlockingTransport, request: Any) -> None:
        self._body, self._transport, self._request = body, transport, request

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            content = self._transport.call(self._body.next)
        except Fault as fault:
            raised = self._transport._error(fault, self._request)
        else:
            if content is None:
                raise StopIteration
            return content
        raise raised

    def close(self) -> None:
        with suppress(Fault):  # the router has ended, and with it all that was open
            self._transport.call(self._body.aclose)
