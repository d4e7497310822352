"""Streams that are written are read by the SDKs' own clients, which put together what the plain answer says."""

from __future__ import annotations

from typing import Any, Final, cast

import anthropic
import httpx2
import openai
from hypothesis import assume, given, settings
from openai.types import responses

from actorrouter.dialects import ANTHROPIC_MESSAGES, OPENAI_CHAT, OPENAI_RESPONSES, find
from actorrouter.dialects.neutral import Answer, Finish, Request, Step
from tests.dialects.test_round_trips import STREAMED, said

FEW: Final = settings(max_examples=25)
"""A client takes milliseconds; what a stream may hold is looked at in `test_round_trips`."""


class Wire(httpx2.BaseTransport):
    """Answers every request with the same stream."""

    def __init__(self) -> None:
        self.stream = b""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """See httpx."""
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=self.stream)


WIRE: Final = Wire()
HTTP: Final = httpx2.Client(transport=WIRE)
OPENAI: Final = openai.OpenAI(api_key="k", http_client=HTTP)
CLAUDE: Final = anthropic.Anthropic(api_key="k", http_client=HTTP)


def put(name: str, steps: list[Step]) -> None:
    """Let the next request be answered with this."""
    writer = find(name).stream_writer(Request((), stream=True, stream_usage=True))
    WIRE.stream = b"".join(map(writer.write, steps))


def same(name: str, put_together: Any, answer: Answer) -> None:
    """What an SDK put together reads as the plain answer does."""
    document = put_together.model_dump(mode="json", exclude_unset=True)
    plain = find(name).write_answer(answer)[0]
    assert said(find(name).read_answer(document)[0]) == said(find(name).read_answer(plain)[0])


@FEW
@given(streamed=STREAMED)
def test_a_chat_stream_is_put_together_as_the_plain_answer(streamed: tuple[Answer, list[Step]]):
    """By `openai`, which raises for answers that were cut off."""
    answer, steps = streamed
    assume(all(choice.finish in {Finish.STOP, Finish.TOOL_CALLS} for choice in answer.choices))
    put(OPENAI_CHAT, steps)
    with OPENAI.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}]) as stream:
        same(OPENAI_CHAT, stream.get_final_completion(), answer)


@FEW
@given(streamed=STREAMED)
def test_a_stream_of_responses_is_put_together_as_the_plain_answer(streamed: tuple[Answer, list[Step]]):
    """By `openai`; its events are counted without a gap, and each names an item that was added and is not done."""
    answer, steps = streamed
    put(OPENAI_RESPONSES, steps)
    counted, open_items, last = [], set(), None
    with OPENAI.responses.stream(model="m", input="hi") as stream:
        for event in stream:
            last = event
            counted.append(event.sequence_number)
            if isinstance(event, responses.ResponseOutputItemAddedEvent):
                open_items.add(event.item.id)
            assert getattr(event, "item_id", None) in {None, *open_items}
            if isinstance(event, responses.ResponseOutputItemDoneEvent):
                open_items.remove(event.item.id)
    same(OPENAI_RESPONSES, cast("Any", last).response, answer)  # of an incomplete one the client has no final response
    assert counted == sorted(set(counted))
    assert open_items == set()


@FEW
@given(streamed=STREAMED)
def test_a_stream_of_a_message_is_put_together_as_the_plain_answer(streamed: tuple[Answer, list[Step]]):
    """By `anthropic`."""
    answer, steps = streamed
    put(ANTHROPIC_MESSAGES, steps)
    with CLAUDE.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream:
        same(ANTHROPIC_MESSAGES, stream.get_final_message(), answer)
