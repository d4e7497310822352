"""The simulated providers as a process of their own: started, asked for their books, ended with us."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import attrs
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from actorrouter.simulation.providers.config import SimulationConfig

_START_S: Final = 30.0
_END_S: Final = 5.0
_LINE_MAX: Final = 65_536
_SERVER: Final = (sys.executable, "-m", "actorrouter.simulation.providers.server", "--config", "-", "--exit-with-stdin")


class ProvidersGone(Exception):
    """The providers' process has not started, or has ended early."""


@attrs.frozen
class Providers:
    """The running process. `ports`: provider -> its port on loopback."""

    ports: Mapping[str, int]
    process_id: int

    async def reset(self) -> None:
        """Start every provider's books and its schedule of faults anew, now."""
        for port in self.ports.values():
            await _ask(port, "POST", "/__reset")

    async def books(self) -> dict[str, Any]:
        """Provider -> its own books, audited."""
        return {name: await _ask(port, "GET", "/__books") for name, port in self.ports.items()}


@asynccontextmanager
async def start(config: SimulationConfig) -> AsyncGenerator[Providers, None]:
    """Run the providers for the length of the block. Their process ends when its stdin does, so also if we are killed.

    It is a session of its own: Ctrl-C is ours to handle, and their books must outlive it.
    """
    process = await anyio.open_process(_SERVER, stderr=None, start_new_session=True)
    try:
        yield Providers(await _ports(process, config), process.pid)
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _ports(process: Process, config: SimulationConfig) -> dict[str, int]:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with anyio.fail_after(_START_S):
            await process.stdin.send(json.dumps(attrs.asdict(config)).encode() + b"\n")
            line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", _LINE_MAX)
    except (anyio.BrokenResourceError, anyio.IncompleteRead, TimeoutError) as error:
        raise ProvidersGone("the simulated providers did not start") from error
    return dict(json.loads(line)["ports"])


async def _end(process: Process) -> None:
    assert process.stdin is not None
    await process.stdin.aclose()
    with anyio.move_on_after(_END_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()


async def _ask(port: int, method: str, path: str) -> Any:
    return await anyio.to_thread.run_sync(_ask_blocking, port, method, path)


def _ask_blocking(port: int, method: str, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_S)
    try:
        connection.request(method, path)
        return json.loads(connection.getresponse().read())
    except OSError as error:
        raise ProvidersGone("the simulated providers have ended early") from error
    finally:
        connection.close()
