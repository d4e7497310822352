"""Connections of the httpx family that somebody else opens, in place of TCP."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from actorrouter.transport.port import Dial


def use(dial: Dial, pool: Any, client: ModuleType) -> None:
    """Let `pool` open its connections with `dial`. The clients take a network backend, but do not hand one on."""
    core = importlib.import_module(client.__name__.replace("httpx", "httpcore"))
    stream = importlib.import_module(f"{core.__name__}._backends.anyio").AnyIOStream
    pool._network_backend = type("Dialling", (_Dialling, core.AsyncNetworkBackend), {})(dial, core, stream)


class _Dialling:
    """A network backend of the clients' kind. What it opens asks the connection itself whether it has ended."""

    def __init__(self, dial: Dial, core: ModuleType, stream: type[Any]) -> None:
        self._dial = dial
        self._failed = core.ConnectError
        self._stream = type("Dialled", (_Dialled, stream), {})

    async def connect_tcp(self, host: str, port: int, *_args: Any, **_kwargs: Any) -> Any:
        try:
            return self._stream(await self._dial(host, port))
        except OSError as error:
            raise self._failed(str(error)) from error


class _Dialled:
    """A stream of the clients' kind."""

    _stream: Any

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and hasattr(self._stream, "ended"):
            return self._stream.ended()
        return super().get_extra_info(info)  # type: ignore[misc] # of the class it is mixed into
