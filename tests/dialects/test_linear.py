"""Four times as much takes about four times as long, in whatever order it comes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from actorrouter.dialects import TRANSLATED, find
from actorrouter.dialects.neutral import (
    Began,
    Denial,
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
    ToolCall,
    ToolResult,
)
from actorrouter.dialects.sse import SseReader

FEW, MANY = 1000, 4000
LESS_THAN_QUADRATIC = 10


def called(number: int) -> Request:
    """So many calls at once, whose results come in the opposite order."""
    calls = tuple(ToolCall(f"call_{each}", "f", "{}") for each in range(number))
    results = tuple(ToolResult(f"call_{each}", (Text("x"),), "f") for each in reversed(range(number)))
    return Request((Message(Role.ASSISTANT, calls), Message(Role.USER, results)))


def streamed(number: int) -> list[Step]:
    """So many calls that are open at once and end in the opposite order, and as many pieces of a refusal."""
    steps: list[Step] = [Began("a", "m")]
    steps += [PartBegan(0, each, ToolCall(f"call_{each}", "f", "")) for each in range(number)]
    for each in reversed(range(number)):
        steps += [PartGrew(0, each, "{}"), PartEnded(0, each)]
    steps.append(PartBegan(0, number, Denial("")))
    steps += [PartGrew(0, number, "no " * 20)] * number
    return [*steps, PartEnded(0, number), Finished(0, Finish.CONTENT), Ended()]


def cost_s(work: Callable[[], object]) -> float:
    """Processor time, the best of three: chance only adds."""
    costs = []
    for _ in range(3):
        began = time.process_time()
        work()
        costs.append(time.process_time() - began)
    return min(costs)


def read_and_written(name: str, number: int) -> Callable[[], object]:
    """Writing and reading a request of this size."""
    dialect, request = find(name), called(number)
    return lambda: dialect.read_request(dialect.write_request(request)[0])


def streamed_through(name: str, number: int) -> Callable[[], object]:
    """Writing and reading a stream of this size."""
    dialect, steps = find(name), streamed(number)

    def work() -> None:
        writer, reader = dialect.stream_writer(Request(())), dialect.stream_reader()
        for event in SseReader().feed(b"".join(map(writer.write, steps))):
            reader.read(event)

    return work


@pytest.mark.parametrize("work", [read_and_written, streamed_through])
@pytest.mark.parametrize("name", TRANSLATED)
def test_the_cost_grows_with_the_size_alone(name: str, work: Callable[[str, int], Callable[[], object]]):
    """A quadratic step would make it sixteen times as much."""
    assert cost_s(work(name, MANY)) < LESS_THAN_QUADRATIC * cost_s(work(name, FEW))
