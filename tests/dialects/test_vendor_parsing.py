"""What is written for the users of an SDK is what it has types for: nothing is missing, nothing unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from google.genai import types as google
from hypothesis import given, settings
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses import response_create_params as response_params
from pydantic import TypeAdapter

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, TRANSLATED, find
from actorrouter.dialects.neutral import Answer, Request, Step
from actorrouter.dialects.sse import SseReader
from tests.dialects.conversations import answers, requests, streams
from tests.dialects.test_vendor_types import GoogleRequest
from tests.dialects.vendor_faults import faults

FEW = settings(max_examples=40)
DIALECTS = pytest.mark.parametrize("name", TRANSLATED)
REQUESTS = {
    (OPENAI_CHAT, False): chat_params.CompletionCreateParamsNonStreaming,
    (OPENAI_CHAT, True): chat_params.CompletionCreateParamsStreaming,
    (OPENAI_RESPONSES, False): response_params.ResponseCreateParamsNonStreaming,
    (OPENAI_RESPONSES, True): response_params.ResponseCreateParamsStreaming,
    (ANTHROPIC_MESSAGES, False): MessageCreateParamsNonStreaming,
    (ANTHROPIC_MESSAGES, True): MessageCreateParamsStreaming,
    (GEMINI, False): GoogleRequest,
    (GEMINI, True): GoogleRequest,
}
ANSWERS: dict[str, Any] = {
    OPENAI_CHAT: ChatCompletion,
    OPENAI_RESPONSES: Response,
    ANTHROPIC_MESSAGES: Message,
    GEMINI: google.GenerateContentResponse,
}
EVENTS: dict[str, Any] = {
    OPENAI_CHAT: ChatCompletionChunk,
    OPENAI_RESPONSES: ResponseStreamEvent,
    ANTHROPIC_MESSAGES: RawMessageStreamEvent,
    GEMINI: google.GenerateContentResponse,
}
# What is said beyond the types: DeepSeek's and vLLM's thoughts; what Anthropic's older models take.
BEYOND = {"reasoning_content", "temperature", "top_p", "top_k"}


def against(kind: Any, document: Any) -> list[str]:
    """What a vendor's types have against a document."""
    return [fault for fault in faults(kind, document) if fault.split(":")[0].split(".")[-1] not in BEYOND]


@DIALECTS
@FEW
@given(request=requests())
def test_a_request_is_of_the_vendors_type(name: str, request: Request):
    """Every field is one that the SDK would send."""
    body = find(name).write_request(request)[0] | ({} if name == GEMINI else {"model": "m"})
    assert against(REQUESTS[name, request.stream], body) == []


@DIALECTS
@FEW
@given(answer=answers())
def test_an_answer_is_of_the_vendors_type(name: str, answer: Answer):
    """Strictly, and in the eyes of the SDK itself."""
    document = json.loads(json.dumps(find(name).write_answer(answer)[0]))
    assert against(ANSWERS[name], document) == []
    TypeAdapter[Any](ANSWERS[name]).validate_python(document)


def written(name: str, steps: list[Step]) -> list[Any]:
    """The documents of a stream's events."""
    writer = find(name).stream_writer(Request((), stream=True, stream_usage=True))
    events = SseReader().feed(b"".join(map(writer.write, steps)))
    return [json.loads(event.data) for event in events if event.data and event.data != b"[DONE]"]


@DIALECTS
@FEW
@given(steps=answers().flatmap(streams))
def test_every_event_is_of_the_vendors_type(name: str, steps: list[Step]):
    """Strictly, and in the eyes of the SDK itself."""
    adapter = TypeAdapter[Any](EVENTS[name])
    for document in written(name, steps):
        assert against(EVENTS[name], document) == []
        adapter.validate_python(document)
