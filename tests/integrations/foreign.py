"""A provider that nobody here wrote (aimock), started by the project's own script, and routers that lead to it."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio

from actorrouter import ProviderConfig, Router, RouterConfig, open_router
from actorrouter.config import CandidateConfig, ColdStart, KeyConfig, RouteConfig
from actorrouter.values import Secret
from tests.router.world import assert_idle

ROOT = Path(__file__).parents[2]
SECRETS = ("sk-foreign-first-77", "sk-foreign-second-88")
START_MAX_S = 20.0


@contextmanager
def serving() -> Iterator[str]:
    """Its base URL, without a version. Fails, and says what to do, where it is not installed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ROOT / "scripts" / "aimock"), str(port), ",".join(SECRETS)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        try:
            _await(running, f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def _await(running: subprocess.Popen[str], url: str) -> None:
    until = time.monotonic() + START_MAX_S
    while time.monotonic() < until:
        if running.poll() is not None:
            assert running.stderr is not None
            raise AssertionError(running.stderr.read())
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):  # noqa: S310 - loopback
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(f"aimock does not answer within {START_MAX_S} s")


def fleet(url: str, adapter: str = "openai") -> RouterConfig:
    """Two of its keys, spoken to in the dialect of `adapter`; `m` is the route."""
    base_url = f"{url}/v1" if adapter == "openai" else url
    return RouterConfig(
        providers={"foreign": ProviderConfig(base_url, adapter=adapter)},
        keys={f"k{number}": KeyConfig("foreign", Secret(secret)) for number, secret in enumerate(SECRETS, 1)},
        routes={"m": RouteConfig((CandidateConfig("foreign", "model"),), wait_s=1)},
        cold_start=ColdStart.EMPTY,
    )


@asynccontextmanager
async def routed(url: str, adapter: str = "openai", **options: Any) -> AsyncIterator[Router]:
    """A router before it; at the end nothing may be open. Bounded at 20 s."""
    with anyio.fail_after(20):
        async with open_router(fleet(url, adapter), **options) as router:
            yield router
            assert_idle(router)
