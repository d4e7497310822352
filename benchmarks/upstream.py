"""A simulated provider in a process of its own, for benchmarks that go over the wire."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Upstream:
    """`base_url` of the OpenAI dialect; `books` of the provider itself."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self._root}/v1"

    def books(self) -> dict[str, Any]:
        """What the provider counted, independently of us."""
        with urllib.request.urlopen(f"{self._root}/__books") as answer:  # noqa: S310 (loopback)
            books: dict[str, Any] = json.load(answer)
            return books

    def reset(self) -> None:
        """Start its books anew."""
        request = urllib.request.Request(f"{self._root}/__reset", method="POST")  # noqa: S310 (loopback)
        urllib.request.urlopen(request).close()  # noqa: S310 (loopback)


@contextmanager
def upstream(provider: Mapping[str, Any]) -> Iterator[Upstream]:
    """Run one simulated provider for the length of the block."""
    command = [sys.executable, "-m", "actorrouter.simulation.providers.server", "--config", "-", "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"providers": {"sim": provider}}).encode() + b"\n")
        process.stdin.flush()
        ready = json.loads(process.stdout.readline())
        try:
            yield Upstream(ready["ports"]["sim"])
        finally:
            process.stdin.close()
            process.wait(10)


def keys(count: int, limits: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A provider without service time, `count` keys `sk-0`…, each with a quota pool of its own."""
    scopes = {f"own-{i}": {"limits": limits} for i in range(count)} if limits else {}
    return {
        "port": 0,
        "models": [],
        "service": {"first_token_s": 0.0, "per_token_s": 0.0},
        "scopes": scopes,
        "keys": {f"k{i}": {"secret": f"sk-{i}", "scopes": [f"own-{i}"] if limits else []} for i in range(count)},
    }
