"""What it costs to tell a request, and each event of a streamed answer, in another dialect; for every pair.

`request_us`: of a body with a system prompt, a tool, twelve turns, a call and its result, 5 KB, as `dict` to
`dict`. `event_us`: of one event of a stream of 200 words and a tool call, parsed off the wire and written for the
caller; `stream_mb_per_s`: of such streams read. Pairs take turns, the best of the rounds counts: chance only adds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from actorrouter.dialects import TRANSLATED, find
from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import (
    Began,
    Ended,
    Finish,
    Finished,
    Message,
    PartBegan,
    PartEnded,
    PartGrew,
    Request,
    Role,
    Step,
    Text,
    Tokens,
    Told,
    Tool,
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.port import Dialect
from actorrouter.dialects.sse import SseReader
from actorrouter.dialects.translation import StreamTranslation, translate_request
from benchmarks.harness import finish, options, table

WORDS = 200
SAID = "The quick brown fox jumps over the lazy dog, and the dog says nothing of it. " * 4
TOOL = Tool("look_up", "Looks a word up.", {"type": "object", "properties": {"word": {"type": "string"}}})


def request() -> Request:
    """A conversation with everything that all dialects know."""
    turns = [Message((Role.USER, Role.ASSISTANT)[turn % 2], (Text(SAID),)) for turn in range(12)]
    called = Message(Role.ASSISTANT, (Text("Let me see."), ToolCall("call_1", "look_up", '{"word":"fox"}')))
    given = Message(Role.USER, (ToolResult("call_1", (Text("An animal."),), "look_up"), Text("And?")))
    system = Message(Role.SYSTEM, (Text(SAID),))
    said = (system, *turns, Message(Role.USER, (Text("Look it up."),)), called, given)
    return Request(said, (TOOL,), output_tokens_max=500, temperature=0.5, stream=True, stream_usage=True)


def steps() -> Iterator[Step]:
    """A streamed answer: words, then a call."""
    yield Began("answer-1", "m", 1_700_000_000, Tokens(900))
    yield PartBegan(0, 0, Text(""))
    for _ in range(WORDS):
        yield PartGrew(0, 0, " word")
    yield PartEnded(0, 0)
    yield PartBegan(0, 1, ToolCall("call_2", "look_up", ""))
    for piece in ('{"word"', ':"fox', '"}'):
        yield PartGrew(0, 1, piece)
    yield PartEnded(0, 1)
    yield Finished(0, Finish.TOOL_CALLS)
    yield Told(Tokens(900, 210))
    yield Ended()


def streamed(dialect: Dialect) -> bytes:
    """The answer's bytes in this dialect."""
    writer = dialect.stream_writer(request())
    return b"".join(map(writer.write, steps()))


def of_request(source: Dialect, target: Dialect, body: Mapping[str, Any], rounds: int) -> float:
    """Microseconds to translate the request once."""
    began = time.perf_counter()
    for _ in range(rounds):
        translate_request(body, source, target)
    return (time.perf_counter() - began) / rounds * 1e6


def of_stream(source: Dialect, target: Dialect, stream: bytes, rounds: int) -> tuple[float, int]:
    """Seconds to translate the stream once, and its events."""
    asked, events = request(), 0
    began = time.perf_counter()
    for _ in range(rounds):
        events = _translate(source, target, asked, stream)
    return (time.perf_counter() - began) / rounds, events


def _translate(source: Dialect, target: Dialect, asked: Request, stream: bytes) -> int:
    translation = StreamTranslation(source.stream_reader(), target.stream_writer(asked))
    events: list[Event] = SseReader().feed(stream)
    written = sum(len(translation.feed(event)) for event in events if event.data is not None)
    assert written + len(translation.close()) > WORDS
    return len(events)


def measure(rounds: int, turns: int) -> dict[str, dict[str, float]]:
    """The figures of each pair, in turns."""
    dialects = [find(name) for name in TRANSLATED]
    bodies = {each.name: {"model": "m", **each.write_request(request())[0]} for each in dialects}
    streams = {each.name: streamed(each) for each in dialects}
    best: dict[str, dict[str, float]] = {}
    for _ in range(turns):
        for source, target in permutations(dialects, 2):
            took_s, events = of_stream(source, target, streams[source.name], max(1, rounds // 20))
            now = {
                "request_us": of_request(source, target, bodies[source.name], rounds),
                "event_us": took_s / events * 1e6,
                "stream_s_per_mb": took_s / len(streams[source.name]) * 1e6,
                "body_bytes": len(encode_json(bodies[source.name])),
            }
            known = best.setdefault(f"{source.name} -> {target.name}", now)
            known.update({name: min(known[name], figure) for name, figure in now.items()})
    return best


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "")
    best = measure(*(20, 2) if chosen.smoke else (200, 7))
    rows = [
        [pair, f["request_us"], f["body_bytes"], f["event_us"], 1 / f["stream_s_per_mb"]] for pair, f in best.items()
    ]
    table("from -> to", ["pair", "request µs", "of bytes", "event µs", "MB/s"], rows)
    finish(
        request_us={pair: round(f["request_us"], 1) for pair, f in best.items()},
        event_us={pair: round(f["event_us"], 2) for pair, f in best.items()},
        stream_mb_per_s={pair: round(1 / f["stream_s_per_mb"], 1) for pair, f in best.items()},
        words=WORDS,
    )


if __name__ == "__main__":
    main()
