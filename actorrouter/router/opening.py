"""Three ways to hold a router: as a context, in your own task group, or from synchronous code."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import anyio
from anyio.abc import TaskStatus

from actorrouter.config import RouterConfig
from actorrouter.errors import RouterStopped
from actorrouter.router.grants import Grant
from actorrouter.router.reply import Reply
from actorrouter.router.router import Quote, Router
from actorrouter.runtime.collector import uncollected
from actorrouter.values import Amounts, Call, Secret, Usage

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from actorrouter.integrations.port import Options

_T = TypeVar("_T")


def _loaded(config: RouterConfig | str | Path) -> RouterConfig:
    from actorrouter.config.file import load, validate

    with uncollected():
        if isinstance(config, RouterConfig):
            validate(config)
            return config
        return load(Path(config))


class open_router(anyio.AsyncContextManagerMixin):  # noqa: N801 (reads as a verb where it is used)
    """`async with open_router(config) as router`: run a router for the length of the block.

    `config`: a RouterConfig or the path of a TOML file; raises InvalidConfig. The block's own exceptions leave as they
    are. If the router cannot go on, the block is cancelled and RouterStopped is raised. Leaving the block ends what is
    in flight: `await router.drain()` first to let it finish. Enter and leave it in the same task.
    """

    def __init__(self, config: RouterConfig | str | Path, **options: Any) -> None:
        self._router = Router(_loaded(config), **options)
        self._fatal: Exception | None = None
        self._started = False

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Router, None]:
        failure: BaseException | None = None
        self._started = False
        async with anyio.create_task_group() as group:
            try:
                await group.start(self._serve, group.cancel_scope)
                self._started = True
                yield self._router
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:  # leaves the task group unwrapped, below
                failure = _uncancelled(error) if group.cancel_scope.cancel_called else error
            finally:
                self._router.stop()
        if failure is not None:
            raise failure
        if self._fatal is not None:
            raise self._fatal

    async def _serve(self, scope: anyio.CancelScope, *, task_status: TaskStatus[Router]) -> None:
        try:
            await self._router.serve(task_status=task_status)
        except Exception as error:
            if not self._started:
                raise
            stopped = (
                error
                if isinstance(error, RouterStopped)
                else RouterStopped(f"a fault the router cannot survive: {type(error).__name__}")
            )
            if stopped is not error:
                stopped.__cause__ = error
            self._fatal = stopped
            scope.cancel()


def _uncancelled(error: BaseException) -> BaseException | None:
    """A group without the cancellations that the router's own end caused."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(anyio.get_cancelled_exc_class())[1]
    return error


def _awaited(portal: BlockingPortal, work: Callable[..., Awaitable[_T]], *given: Any) -> _T:
    """What the work on the router's event loop comes to. Where Ctrl-C ends the wait, the work ends too."""
    running = portal.start_task_soon(work, *given)
    try:
        return running.result()
    finally:
        running.cancel()  # of what has ended, nothing


class BlockingGrant:
    """A Grant in the hands of another thread."""

    def __init__(self, grant: Grant, portal: BlockingPortal) -> None:
        self._grant = grant
        self._portal = portal
        self.reservation_id = grant.reservation_id
        self.key_id = grant.key_id
        self.upstream_model = grant.upstream_model
        self.base_url = grant.base_url
        self.amounts = grant.amounts
        self.decision_id = grant.decision.decision_id

    def secret(self) -> Secret:
        """As Grant.secret; blocks."""
        return self._portal.call(self._grant.secret)

    def sent(self) -> None:
        """As Grant.sent."""
        self._portal.call(self._grant.sent)

    def settle(self, usage: Usage | Amounts | None = None) -> None:
        """As Grant.settle."""
        self._portal.call(self._grant.settle, usage)

    def release(self) -> None:
        """As Grant.release."""
        self._portal.call(self._grant.release)


class BlockingRouter:
    """A router in a thread of its own, for synchronous callers. Every method may be called from any thread."""

    def __init__(self, router: Router, portal: BlockingPortal) -> None:
        self._router = router
        self._opened, self._process = portal, os.getpid()

    @property
    def _portal(self) -> BlockingPortal:
        """To the router's thread, which a fork does not take along. Raises RouterStopped there."""
        if os.getpid() != self._process:
            raise RouterStopped("the router belongs to the process that was forked: open one in each")
        return self._opened

    def send(self, call: Call) -> Reply:
        """As Router.send; blocks."""
        return _awaited(self._portal, self._router.send, call)

    @contextmanager
    def stream(self, call: Call) -> Iterator[Iterator[bytes]]:
        """As Router.stream: `with router.stream(call) as chunks: for chunk in chunks`."""
        leave, opened = self._portal.call(anyio.Event), Future[Reply]()
        held = self._portal.start_task_soon(_hold, self._router, call, opened, leave)
        try:
            reply = opened.result()
        except BaseException:  # refused, or Ctrl-C while nothing had come
            held.cancel()
            raise
        try:
            yield iter(lambda: _awaited(self._portal, _next_or_none, reply), None)
        finally:
            self._portal.call(leave.set)
            held.result()

    def transport(self, *, flavor: str = "httpx2", route: str = "", **options: Unpack[Options]) -> Any:
        """As Router.transport, for a synchronous Client."""
        from actorrouter.integrations import clients

        return clients.blocking_transport(self._router, self._portal, flavor, route, options)

    def http_client(self, *, flavor: str = "httpx2", route: str = "", **options: Unpack[Options]) -> Any:
        """As Router.http_client: a synchronous Client, which any number of threads may share."""
        from actorrouter.integrations import clients

        return clients.blocking_client(self._router, self._portal, flavor, route, options)

    @contextmanager
    def reserve(self, model: str, amounts: Amounts, **options: Any) -> Iterator[BlockingGrant]:
        """As Router.reserve, as a context."""
        grant = _awaited(self._portal, lambda: self._router.reserve(model, amounts, **options))
        kind: type[BaseException] | None = None
        try:
            yield BlockingGrant(grant, self._portal)
        except BaseException as error:
            kind = type(error)
            raise
        finally:
            self._portal.call(grant.__exit__, kind, None, None)

    def settle(self, grant: BlockingGrant, usage: Amounts | None = None) -> None:
        """As Grant.settle."""
        grant.settle(usage)

    def quote(self, call: Call) -> Quote:
        """As Router.quote."""
        return self._portal.call(self._router.quote, call)

    def status(self) -> dict[str, Any]:
        """As Router.status."""
        return self._portal.call(self._router.status)

    def explain(self, decision_id: int) -> str:
        """As Router.explain."""
        return self._portal.call(self._router.explain, decision_id)

    def drain(self, timeout_s: float | None = None) -> bool:
        """As Router.drain."""
        return _awaited(self._portal, self._router.drain, timeout_s)


async def _hold(router: Router, call: Call, opened: Future[Reply], leave: anyio.Event) -> None:
    """Keep a stream open, in the one task that may enter and leave it."""
    try:
        async with router.stream(call) as reply:
            opened.set_result(reply)
            await leave.wait()
    except BaseException as error:
        if opened.done():
            raise
        opened.set_exception(error)
        if not isinstance(error, Exception):
            raise


async def _next_or_none(reply: Reply) -> bytes | None:
    return await anext(reply, None)


@contextmanager
def open_router_blocking(
    config: RouterConfig | str | Path, *, backend: str = "asyncio", observers: Iterable[Callable[[Any], None]] = ()
) -> Iterator[BlockingRouter]:
    """`with open_router_blocking(config) as router`: a router on an event loop in a thread of its own."""
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal(backend) as portal:
        opened: AbstractContextManager[Router] = portal.wrap_async_context_manager(
            portal.call(lambda: open_router(config, observers=observers))
        )
        with opened as router:
            yield BlockingRouter(router, portal)
