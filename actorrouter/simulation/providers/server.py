"""Simulated providers on loopback HTTP/1.1: `python -m actorrouter.simulation.providers.server CONFIG.toml`.

Under /v1 as a provider answers, outside it the bench's own doors: GET /__books, POST /__reset, POST /__fault.
Input tokens are the bytes of message text // 4, output tokens are `max_tokens`; the strings `input_tokens` and
`output_tokens` of the body's `metadata` say otherwise. A job's units count as output tokens, on the first model.
An answer is booked just before its last bytes leave, so a caller that has read it finds its capacity free.
Stdout has one line of JSON, the ports; stderr has each provider's base URL, unless the description came by stdin.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from importlib.util import find_spec
from pathlib import Path

import anyio
from anyio.abc import SocketAttribute, SocketStream, TaskStatus
from anyio.streams.stapled import MultiListener

from actorrouter.simulation.providers.bodies import read_chat
from actorrouter.simulation.providers.config import ConfigInvalid, SimulationConfig, read_config
from actorrouter.simulation.providers.endpoints import Site
from actorrouter.simulation.providers.headers import Headers
from actorrouter.simulation.providers.wire import BODY_MAX, EARLY_MAX, HEAD_MAX

__all__ = ["BODY_MAX", "EARLY_MAX", "HEAD_MAX", "Headers", "PortUnavailable", "main", "read_chat", "serve"]

_HOST = "127.0.0.1"


class PortUnavailable(OSError):
    """A provider's port cannot be opened; none of the others serves either."""

    def __init__(self, provider: str, port: int, why: str) -> None:
        self.provider, self.port = provider, port
        super().__init__(f"provider {provider}: port {port}: {why}; name another port, or 0 for any free one")


async def serve(
    config: SimulationConfig, *, task_status: TaskStatus[dict[str, int]] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serve every provider on 127.0.0.1 until cancelled; started with the port of each. Raises PortUnavailable."""
    async with AsyncExitStack() as opened:
        serving = []
        for name, described in config.providers.items():
            site = Site(name, described)
            serving.append((site, await opened.enter_async_context(await _listen(name, described.port))))
        async with anyio.create_task_group() as tasks:
            for site, listener in serving:
                tasks.start_soon(listener.serve, site.converse)
            task_status.started({site.name: _port(listener) for site, listener in serving})


async def _listen(provider: str, port: int) -> MultiListener[SocketStream]:
    try:
        return await anyio.create_tcp_listener(local_host=_HOST, local_port=port)
    except OSError as error:
        raise PortUnavailable(provider, port, (error.strerror or str(error)).lower()) from error


def _port(listener: MultiListener[SocketStream]) -> int:
    return listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or, if asked, the end of stdin.

    The exit code: 0, or 2 for a bad description or a port that cannot be opened.
    """
    chosen = _parse(arguments)
    try:
        config = read_config(_read(chosen.source, one_line=chosen.exit_with_stdin))
    except (ConfigInvalid, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{chosen.source}: {error}\n")
        return 2
    options = {"use_uvloop": find_spec("uvloop") is not None} if chosen.backend == "asyncio" else {}
    return anyio.run(_run, config, chosen, backend=chosen.backend, backend_options=options)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m actorrouter.simulation.providers.server", description=__doc__)
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="TOML or JSON file")
    parser.add_argument("--config", dest="named", metavar="CONFIG", help='the same; "-" reads stdin')
    parser.add_argument(
        "--exit-with-stdin", action="store_true", help="stop when stdin ends; then --config - is one line"
    )
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio")
    chosen = parser.parse_args(arguments)
    chosen.source = chosen.named or chosen.config
    if chosen.source is None:
        parser.error("name a CONFIG")
    return chosen


def _read(source: str, *, one_line: bool) -> str:
    if source != "-":
        return Path(source).read_text(encoding="utf-8")
    with open(0, "rb", buffering=0, closefd=False) as stdin:  # unbuffered: what follows the line is left for the watch
        return (stdin.readline() if one_line else stdin.read()).decode()


async def _run(config: SimulationConfig, chosen: argparse.Namespace) -> int:
    async with anyio.create_task_group() as tasks:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            try:
                ports = await tasks.start(serve, config)
            except PortUnavailable as unavailable:
                sys.stderr.write(f"{chosen.source}: {unavailable}\n")
                return 2
            _tell(ports, to_people=chosen.source != "-")
            if chosen.exit_with_stdin:
                tasks.start_soon(_watch_stdin, tasks.cancel_scope)
            async for _ in signals:
                break
        tasks.cancel_scope.cancel()
    return 0


def _tell(ports: Mapping[str, int], *, to_people: bool) -> None:
    """Say that every port is open: to whoever started us from a file in words, to a program in JSON."""
    for name, port in ports.items() if to_people else ():
        sys.stderr.write(f"{name} listens on http://{_HOST}:{port}/v1\n")
    sys.stdout.write(json.dumps({"ready": True, "ports": ports}) + "\n")
    sys.stdout.flush()


async def _watch_stdin(scope: anyio.CancelScope) -> None:
    """Cancel when stdin ends. A file or /dev/null cannot be waited for, and has ended."""
    with suppress(OSError):
        while True:
            await anyio.wait_readable(0)
            if not os.read(0, 65_536):
                break
    scope.cancel()


if __name__ == "__main__":
    sys.exit(main())
