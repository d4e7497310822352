"""A running router under an operator's hand: a Unix socket that only its owner can open.

One JSON object a line each way: {"do": "status"} -> {"ok": ...} or {"error": "..."}. Nothing it says holds a secret.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import attrs
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from actorrouter.errors import RouterError

if TYPE_CHECKING:
    from actorrouter.router.router import Router

LINE_MAX: Final = 65_536
_IDLE_S: Final = 30.0


async def serve_control(router: Router, path: str, *, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
    """Take commands on the socket at `path` until cancelled. A stale socket file is replaced, a live one is refused."""
    await _claim(path)
    listener = await anyio.create_unix_listener(path, mode=0o600)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(listener.aclose)
        stack.callback(lambda: Path(path).unlink(missing_ok=True))
        task_status.started()
        await listener.serve(lambda stream: _converse(router, stream))


async def _claim(path: str) -> None:
    if not Path(path).is_socket():
        return
    try:
        async with await anyio.connect_unix(path):
            raise RouterError(f"another router already serves the control socket {path}")
    except OSError:
        Path(path).unlink(missing_ok=True)


async def _converse(router: Router, stream: SocketStream) -> None:
    reader = BufferedByteReceiveStream(stream)
    async with stream:
        while True:
            try:
                with anyio.fail_after(_IDLE_S):
                    line = await reader.receive_until(b"\n", LINE_MAX)
            except (
                TimeoutError,
                anyio.EndOfStream,
                anyio.IncompleteRead,
                anyio.DelimiterNotFound,
                anyio.BrokenResourceError,
            ):
                return
            answer = await _answer(router, line)
            await stream.send(json.dumps(answer, default=str).encode() + b"\n")


async def _answer(router: Router, line: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(line)
        command = COMMANDS.get(asked.get("do")) if isinstance(asked, dict) else None
        if command is None:
            return {"error": f"unknown command; known are: {', '.join(COMMANDS)}"}
        return {"ok": await command(router, asked)}
    except (ValueError, KeyError, TypeError) as error:
        return {"error": f"malformed command: {type(error).__name__}"}
    except RouterError as error:
        return {"error": str(error)}


async def _status(router: Router, _: Mapping[str, Any]) -> Any:
    return router.status()


async def _tree(router: Router, _: Mapping[str, Any]) -> Any:
    return router.tree.draw()


async def _clear(router: Router, asked: Mapping[str, Any]) -> Any:
    router.clear_key(asked["key"])
    return f"key {asked['key']} is available again"


async def _disable(router: Router, asked: Mapping[str, Any]) -> Any:
    router.disable_key(asked["key"])
    return f"key {asked['key']} is disabled"


async def _test(router: Router, asked: Mapping[str, Any]) -> Any:
    return attrs.asdict(await router.test_key(asked["key"]))


async def _remove(router: Router, asked: Mapping[str, Any]) -> Any:
    return "removed" if await router.remove_key(asked["key"]) else "still in flight; the key stays as draining"


async def _reset(router: Router, asked: Mapping[str, Any]) -> Any:
    router.reset_circuit(asked["provider"])
    return f"circuit of {asked['provider']} is closed"


async def _isolate(router: Router, asked: Mapping[str, Any]) -> Any:
    router.isolate_circuit(asked["provider"])
    return f"circuit of {asked['provider']} is held open"


async def _revive(router: Router, asked: Mapping[str, Any]) -> Any:
    router.revive(asked["provider"])
    return f"provider {asked['provider']} is back"


async def _explain(router: Router, asked: Mapping[str, Any]) -> Any:
    return router.explain(int(asked["decision"]))


async def _drain(router: Router, asked: Mapping[str, Any]) -> Any:
    return "drained" if await router.drain(asked.get("timeout_s")) else "something is still in flight"


COMMANDS: Final[Mapping[str, Callable[[Router, Mapping[str, Any]], Awaitable[Any]]]] = {
    "status": _status,
    "tree": _tree,
    "clear": _clear,
    "disable": _disable,
    "test": _test,
    "remove": _remove,
    "reset": _reset,
    "isolate": _isolate,
    "revive": _revive,
    "explain": _explain,
    "drain": _drain,
}


async def ask_control(path: str, do: str, **asked: Any) -> Any:
    """Ask the router behind the socket. Raises RouterError with its answer when it says no, OSError when nobody is there."""
    async with await anyio.connect_unix(path) as stream:
        await stream.send(json.dumps({"do": do, **asked}).encode() + b"\n")
        line = await BufferedByteReceiveStream(stream).receive_until(b"\n", 16 * 1024 * 1024)
    answer = json.loads(line)
    if "error" in answer:
        raise RouterError(answer["error"])
    return answer["ok"]
