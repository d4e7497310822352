"""A running router under an operator's hand, through the Unix socket of `control_socket`.

One JSON object a line each way: {"do": "status"} -> {"ok": ...} or {"error": "...", "kind": "InvalidCall"}. Nothing it
says holds a secret. Lines, clients, idle and sending times are bounded, and no connection's fault reaches the router.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.abc import SocketListener, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from actorrouter.errors import InvalidCall, RouterError
from actorrouter.observe.decisions import tell
from actorrouter.values import Call

if TYPE_CHECKING:
    from actorrouter.router.router import Router

LINE_BYTES_MAX: Final = 1024 * 1024
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
CLIENTS_MAX: Final = 16
IDLE_S: Final = 30.0
_SEND_S: Final = 30.0
_REFUSE_S: Final = 1.0
_ACCEPT_AGAIN_S: Final = 1.0
_WAIT_MAX_S: Final = 86_400.0

_GONE: Final = (TimeoutError, anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError)

# ----------------------------------------------------------------------------------------------------- the conversation


async def serve_control(router: Router, listener: SocketListener | None) -> None:
    """Take commands until cancelled."""
    if listener is None:
        return
    clients: set[SocketStream] = set()
    async with anyio.create_task_group() as group:
        while True:
            try:
                stream = await listener.accept()
            except anyio.BrokenResourceError:  # no file descriptor is left, for instance
                await anyio.sleep(_ACCEPT_AGAIN_S)
                continue
            group.start_soon(_receive, router, stream, clients)


async def _receive(router: Router, stream: SocketStream, clients: set[SocketStream]) -> None:
    with suppress(Exception):  # whatever a client does ends its own connection only
        async with stream:
            if len(clients) >= CLIENTS_MAX:
                await _say(stream, _error(f"busy: {CLIENTS_MAX} clients already"), _REFUSE_S)
                return
            clients.add(stream)
            try:
                await _converse(router, stream)
            finally:
                clients.discard(stream)


async def _converse(router: Router, stream: SocketStream) -> None:
    reader = BufferedByteReceiveStream(stream)
    while True:
        try:
            with anyio.fail_after(IDLE_S):
                line = await reader.receive_until(b"\n", LINE_BYTES_MAX)
        except anyio.DelimiterNotFound:
            await _say(stream, _error(f"malformed command: longer than {LINE_BYTES_MAX} bytes"), _REFUSE_S)
            return
        except _GONE:
            return
        await _say(stream, await answer(router, line), _SEND_S)


async def _say(stream: SocketStream, told: Mapping[str, Any], within_s: float) -> None:
    with anyio.fail_after(within_s):
        await stream.send(json.dumps(told, default=str).encode() + b"\n")


def _error(text: str, kind: str = "RouterError") -> dict[str, Any]:
    return {"error": text, "kind": kind}


async def answer(router: Router, line: bytes) -> dict[str, Any]:
    """What the router says to one command. Whatever is wrong with it is an answer, too."""
    try:
        asked = json.loads(line)
        do = asked.get("do") if isinstance(asked, dict) else None
        if not isinstance(do, str) or do not in COMMANDS:
            return _error(f"unknown command; known are: {', '.join(COMMANDS)}")
        return {"ok": await perform(router, do, asked)}
    except InvalidCall as error:
        return _error(str(error), "InvalidCall")
    except RouterError as error:
        return _error(str(error))
    except (ValueError, RecursionError) as error:
        told = str(error) if isinstance(error, _Malformed) else "not a JSON object"
        return _error(f"malformed command: {told}")
    except Exception as error:  # a bug of ours or of an actor: told to the operator, kept from the router
        return _error(f"internal fault: {type(error).__name__}")


async def perform(router: Router, do: str, asked: Mapping[str, Any]) -> Any:
    """Do one of COMMANDS and return plain data. Raises RouterError when the answer is no, ValueError: malformed."""
    return await COMMANDS[do](router, asked)


class _Malformed(ValueError):
    """A field of a command is missing or of the wrong type."""


def _text(asked: Mapping[str, Any], field: str, default: str | None = None) -> str:
    given = asked.get(field, default)
    if not isinstance(given, str):
        raise _Malformed(f"{field!r} must be text")
    return given


def _number(asked: Mapping[str, Any], field: str, most: float) -> float | None:
    given = asked.get(field)
    if given is None:
        return None
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given <= most:
        raise _Malformed(f"{field!r} must be a number from 0 to {most:g}")
    return given


# --------------------------------------------------------------------------------------------------------- the commands


async def _status(router: Router, _: Mapping[str, Any]) -> Any:
    return router.status()


async def _tree(router: Router, _: Mapping[str, Any]) -> Any:
    return router.tree.draw()


async def _quote(router: Router, asked: Mapping[str, Any]) -> Any:
    body = asked.get("body", {})
    if not isinstance(body, dict):
        raise _Malformed("'body' must be an object")
    quote = router.quote(Call(_text(asked, "model"), body, path=_text(asked, "path", "")))
    refusals = [tell(refusal, router.clock()) for refusal in quote.refusals]
    return {"key": quote.key_id, "wait_s": quote.wait_s, "final": quote.final, "refusals": refusals}


async def _clear(router: Router, asked: Mapping[str, Any]) -> Any:
    router.clear_key(_text(asked, "key"))
    return f"key {asked['key']} is available again"


async def _disable(router: Router, asked: Mapping[str, Any]) -> Any:
    router.disable_key(_text(asked, "key"))
    return f"key {asked['key']} is disabled until it is cleared"


async def _test(router: Router, asked: Mapping[str, Any]) -> Any:
    tested = await router.test_key(_text(asked, "key"))
    return {"key": tested.key_id, "works": tested.works, "status": tested.status, "detail": tested.detail}


async def _remove(router: Router, asked: Mapping[str, Any]) -> Any:
    key = _text(asked, "key")
    if not await router.remove_key(key, _number(asked, "timeout_s", _WAIT_MAX_S)):
        raise RouterError(f"key {key} still has calls in flight; it takes no new ones and stays as draining")
    return f"key {key} is removed"


async def _reset(router: Router, asked: Mapping[str, Any]) -> Any:
    router.reset_circuit(_text(asked, "provider"))
    return f"the circuit of {asked['provider']} is closed"


async def _isolate(router: Router, asked: Mapping[str, Any]) -> Any:
    router.isolate_circuit(_text(asked, "provider"))
    return f"the circuit of {asked['provider']} is held open until it is reset"


async def _revive(router: Router, asked: Mapping[str, Any]) -> Any:
    router.revive(_text(asked, "provider"))
    return f"provider {asked['provider']} serves"


async def _explain(router: Router, asked: Mapping[str, Any]) -> Any:
    number = asked.get("decision")
    if not isinstance(number, int):
        raise _Malformed("'decision' must be a whole number")
    if router.decision(number) is None:
        raise RouterError(router.explain(number))
    return router.explain(number)


async def _drain(router: Router, asked: Mapping[str, Any]) -> Any:
    if not await router.drain(_number(asked, "timeout_s", _WAIT_MAX_S)):
        raise RouterError("calls are still in flight; nothing new is admitted")
    return "drained: nothing is in flight, nothing new is admitted"


COMMANDS: Final[Mapping[str, Callable[[Router, Mapping[str, Any]], Awaitable[Any]]]] = {
    "status": _status,
    "tree": _tree,
    "quote": _quote,
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


# ------------------------------------------------------------------------------------------------------- the other side


async def ask_control(path: str, do: str, /, **asked: Any) -> Any:
    """Ask the router behind the socket. Raises RouterError when it says no, OSError when nobody is there."""
    async with await anyio.connect_unix(path) as stream:
        try:
            await stream.send(json.dumps({"do": do, **asked}).encode() + b"\n")
            line = await BufferedByteReceiveStream(stream).receive_until(b"\n", ANSWER_BYTES_MAX)
        except (*_GONE, anyio.DelimiterNotFound):
            raise RouterError(f"the router behind {path} went away without an answer") from None
    told = json.loads(line)
    if "error" in told:
        raise (InvalidCall if told.get("kind") == "InvalidCall" else RouterError)(told["error"])
    return told["ok"]
