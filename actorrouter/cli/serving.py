"""Commands that run for a while: a router under its operator's hand, and the demo."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

import anyio
import attrs
import structlog
from cyclopts import Parameter

from actorrouter import Router, RouterConfig, open_router
from actorrouter.cli.reaching import Socket, UsageError
from actorrouter.cli.words import complain, say
from actorrouter.config.file import load
from actorrouter.observe.log import log_reader


def serve(config: Path, /, *, socket: Socket = None, backend: Literal["asyncio", "trio"] = "asyncio") -> int:
    """Run a router and its control socket until SIGINT or SIGTERM, then drain; a second signal ends it at once.

    Nobody calls this router: it is for rehearsing what an operator does.

    Example: actorrouter serve router.toml

    Parameters
    ----------
    config
        The router's TOML file.
    backend
        The event loop it runs on.
    """
    loaded = load(config)
    if socket is not None:
        loaded = attrs.evolve(loaded, control=str(socket))
    if loaded.control is None:
        raise UsageError(f'{config} names no control socket: add control = "run/actorrouter.sock", or give --socket')
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return anyio.run(_serve, loaded, str(config), backend=backend)


async def _serve(config: RouterConfig, name: str) -> int:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with open_router(config, observers=[log_reader(config.log_level)]) as router:
            router.freeze()
            _greet(config, name)
            await anext(signals)
            say(f"draining for at most {config.drain_s:g} s; a second signal ends it at once")
            sys.stdout.flush()
            return await _drain(router, signals)


def _greet(config: RouterConfig, name: str) -> None:
    parts = {"provider": config.providers, "key": config.keys, "route": config.routes}
    counts = ", ".join(f"{len(part)} {word}{'' if len(part) == 1 else 's'}" for word, part in parts.items())
    say(f"serving {name}: {counts}")
    say(f"control socket: {config.control}")
    say(f"look at it from elsewhere: actorrouter status --socket {shlex.quote(str(config.control))}")
    sys.stdout.flush()


async def _drain(router: Router, signals: AsyncIterator[signal.Signals]) -> int:
    code = 130
    async with anyio.create_task_group() as group:

        async def finish() -> None:
            nonlocal code
            code = 0 if await router.drain() else complain("calls were still in flight when the time was over", 1)
            group.cancel_scope.cancel()

        group.start_soon(finish)
        await anext(signals)
        group.cancel_scope.cancel()
    if code == 0:
        say("drained")
    return code


def demo(*options: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Replay an hour of a real trace in under a minute over simulated providers that fail. See demo --help.

    Example: actorrouter demo --rows 300
    """
    from actorrouter.demo import main

    return main(options)
