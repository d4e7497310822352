"""Commands that are a caller: one call, or what would become of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import anyio
from cyclopts import Parameter

from actorrouter import Call, NoCapacity, Router, RouterError, open_router
from actorrouter.cli.reaching import UsageError, alone, ask_or_start, target
from actorrouter.cli.words import complain, harmless, say
from actorrouter.config import ColdStart
from actorrouter.dialects.sse import SseReader

_COLD = "\nwait with --wait SECONDS, or, if nobody else used these keys lately, set ACTORROUTER__COLD_START=empty"

Prompt = Annotated[str, Parameter(allow_leading_hyphen=True)]


def call(
    config: Path,
    model: str,
    prompt: Prompt = "",
    /,
    *,
    stream: bool = False,
    raw: bool = False,
    max_tokens: int | None = None,
    body: Path | None = None,
    path: str = "",
    wait: float | None = None,
    explain: bool = False,
) -> int:
    """Send one chat call and print the answer's text.

    Example: actorrouter call router.toml chat "Say hello" --stream

    Parameters
    ----------
    config
        A router's TOML file. The call goes through a router of its own.
    model
        The route to call.
    prompt
        What to say; - reads it from stdin.
    stream
        Print the text as it comes.
    raw
        Print the provider's bytes as they are.
    max_tokens
        Most tokens of the answer.
    body
        A JSON file with the request's body, in the place of PROMPT; - reads it from stdin.
    path
        The provider's path, where it is not the adapter's usual one.
    wait
        Most seconds to wait for room; the route's wait_s if not given.
    explain
        Print on stderr why the key was chosen.
    """
    if not prompt and body is None:
        raise UsageError("say what: give PROMPT, - to read it from stdin, or --body FILE")
    if wait is not None and not 0 <= wait < float("inf"):
        raise UsageError("--wait must be a number of seconds of at least 0")
    asked = Call(model, _body(prompt, body, max_tokens), stream=stream, path=path, wait_s=wait)
    anyio.run(_call, config, asked, raw, explain)
    return 0


async def _call(config: Path, asked: Call, raw: bool, explain: bool) -> None:
    loaded = alone(config)
    async with open_router(loaded) as router:
        try:
            decision_id = await (_print_stream if asked.stream else _print_whole)(router, asked, raw)
        except NoCapacity as error:
            _explain(router, error.decision_id if explain else None)
            hint = _COLD if loaded.cold_start is ColdStart.FULL and error.available_in_s is not None else ""
            raise NoCapacity(f"{error}{hint}") from None
        except RouterError as error:
            _explain(router, error.decision_id if explain else None)
            raise
        _explain(router, decision_id if explain else None)


def _explain(router: Router, decision_id: int | None) -> None:
    if decision_id is not None:
        complain(router.explain(decision_id))


async def _print_whole(router: Router, asked: Call, raw: bool) -> int:
    reply = await router.send(asked)
    if raw:
        _write(reply.body)
    else:
        _write_line(_text_of(reply.body))
    return reply.decision_id


async def _print_stream(router: Router, asked: Call, raw: bool) -> int:
    events, last = SseReader(), "\n"
    async with router.stream(asked) as reply:
        async for chunk in reply:
            if raw:
                _write(chunk)
                continue
            for text in _deltas(events, chunk):
                last = text
                _write(harmless(text).encode(errors="replace"))
    if not raw and not last.endswith("\n"):
        _write(b"\n")
    return reply.decision_id


def _deltas(events: SseReader, chunk: bytes) -> Iterator[str]:
    for event in events.feed(chunk):
        text = _content(_parsed(event.data or b""), "delta")
        if text:
            yield text


def _text_of(content: bytes) -> str:
    """A chat answer's text; any other answer's JSON, readable; else what it is."""
    parsed = _parsed(content)
    text = _content(parsed, "message")
    if text is not None:
        return text
    return content.decode(errors="replace") if parsed is None else json.dumps(parsed, indent=2, ensure_ascii=False)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _content(parsed: Any, part: str) -> str | None:
    try:
        text = parsed["choices"][0][part]["content"]
    except (TypeError, KeyError, IndexError):
        return None
    return text if isinstance(text, str) else None


def _write(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _write_line(text: str) -> None:
    _write(harmless(text).encode(errors="replace") + (b"" if text.endswith("\n") else b"\n"))


def quote(
    config: Path,
    model: str,
    prompt: Prompt = "",
    /,
    *,
    max_tokens: int | None = None,
    body: Path | None = None,
    path: str = "",
) -> int:
    """When and where could a call go? Reserves and sends nothing. Asks the running router if there is one.

    Example: actorrouter quote router.toml chat --max-tokens 500

    Parameters
    ----------
    config
        A router's TOML file.
    model
        The route.
    prompt
        What would be said; - reads it from stdin.
    max_tokens
        Most tokens of the answer.
    body
        A JSON file with the request's body, in the place of PROMPT; - reads it from stdin.
    path
        The provider's path, where it is not the adapter's usual one.
    """
    asked = {"model": model, "body": _body(prompt, body, max_tokens), "path": path}
    told, live = ask_or_start(target(config, None), "quote", **asked)
    if not live:
        complain("no router is running; this is what one would say that starts now")
    say(_quoted(told))
    return 0 if told["key"] else 1


def _quoted(told: dict[str, Any]) -> str:
    if told["key"]:
        return f"now: key {told['key']}"
    when = "never: waiting cannot help" if told["final"] else "when a call in flight ends: nobody knows when"
    if told["wait_s"] is not None:
        when = f"in {told['wait_s']:.2f} s"
    return "\n".join([when, *(f"  {refusal}" for refusal in told["refusals"])])


def _body(prompt: str, body: Path | None, max_tokens: int | None) -> dict[str, Any]:
    """The request's body from the command line."""
    if prompt.startswith("-") and prompt != "-":
        raise UsageError(f"unknown option {prompt[:40]!r}; a prompt that begins with - can come from stdin")
    if body is None:
        text = _read(Path("-")) if prompt == "-" else prompt
        made: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
    elif prompt:
        raise UsageError("give PROMPT or --body, not both")
    else:
        made = _parsed(_read(body).encode())
        if not isinstance(made, dict):
            raise UsageError(f"{body} holds no JSON object")
    if max_tokens is not None:
        made["max_tokens"] = max_tokens
    return made


def _read(path: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if path == Path("-") else path.read_bytes()
        return content.decode()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {(error.strerror or 'it is no file').lower()}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{'stdin' if path == Path('-') else path} is not UTF-8 text") from None
