"""Nothing that a vendor's SDK knows is passed over in silence: it is carried, a named loss, or malformed.

The SDKs' own types are walked, so that a new version shows here what is new in it. Each field is said alone, with every
value it may have, and has to make a difference to what is read; what never does stands in `SILENT` with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as google
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, find
from actorrouter.dialects.openai_responses.words import ECHOES
from tests.dialects.vendor_readers import (
    MESSAGE_ENDS,
    Read,
    before_message_event,
    before_response_event,
    nothing,
    silent,
    streamed,
)
from tests.dialects.vendor_types import UNHEARD_OF, Types, bare, members

CHAT, RESPONSES = find(OPENAI_CHAT), find(OPENAI_RESPONSES)
ANTHROPIC, GOOGLE = find(ANTHROPIC_MESSAGES), find(GEMINI)
URL: Final = "https://example.com/a.png"
DATA: Final = "data:application/pdf;base64,AAAA"


class GoogleRequest(BaseModel):
    """The body that the SDK puts together in `models.py`, for which it has no type."""

    contents: list[google.Content]
    systemInstruction: google.Content | None = None  # noqa: N815 # as on the wire
    tools: list[google.Tool] | None = None
    toolConfig: google.ToolConfig | None = None  # noqa: N815
    safetySettings: list[google.SafetySetting] | None = None  # noqa: N815
    generationConfig: google.GenerationConfig | None = None  # noqa: N815
    cachedContent: str | None = None  # noqa: N815
    labels: dict[str, str] | None = None
    serviceTier: google.ServiceTier | None = None  # noqa: N815
    store: bool | None = None


# What to say where any text will not do; a type's own field is then always said.
SAMPLES: Final = {
    "ImageURL.url": URL,
    "FileFile.file_data": DATA,
    "ChatCompletionNamedToolChoiceParam.function": {"name": "f"},
    "ChoiceDeltaToolCall.id": "call_1",
    "ChoiceDeltaToolCall.function": {"name": "f"},
    "ChoiceDeltaToolCallFunction.name": "f",
    "ResponseCreateParamsNonStreaming.input": "hello",
    "ResponseInputFileParam.file_data": DATA,
    "ResponseInputFile.file_data": DATA,
    "ResponseInputFileContentParam.file_data": DATA,
    "ResponseInputImageParam.image_url": URL,
    "ResponseInputImage.image_url": URL,
    "ResponseInputImageContentParam.image_url": URL,
    "FunctionCallOutput.call_id": "call_1",
    "GoogleRequest.contents": [{"role": "user", "parts": [{"text": "hello"}]}],
    "GenerationConfig.responseMimeType": "application/json",
    "Candidate.finishReason": "STOP",
    "GenerateContentResponse.candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}],
    "FunctionDeclaration.name": "f",
    "FunctionCall.name": "f",
    "Blob.data": "AAAA",
    "FunctionResponseBlob.data": "AAAA",
    "FileData.fileUri": URL,
    "FunctionResponseFileData.fileUri": URL,
    "Message.content": [],
    "ResponseOutputText.annotations": [],
    "ResponseOutputText.logprobs": [],
    "Response.status": "completed",
    "Delta.stop_reason": "stop_sequence",
    "output_index": 0,
    "content_index": 0,
    "index": 0,
}
# What a response repeats of its request, or tells again where it is looked at.
ECHOED: Final = frozenset(f"Response.{name}" for name in ECHOES)
TOLD_TWICE: Final = frozenset(
    {
        *(f"Response{name}Event.response" for name in ("Created", "Queued", "InProgress", "Failed")),
        "Response.output",
        "ResponseOutputItemAddedEvent.item",
        "ResponseContentPartAddedEvent.part",
        "ResponseContentPartDoneEvent.part",
    }
)
TYPES: Final = Types(SAMPLES, ECHOED)
STREAMED_TYPES: Final = Types(SAMPLES, ECHOED | TOLD_TWICE)


# --------------------------------------------------------------------------------------- what may say nothing, and why

MODEL = {"model": "the route decides", "stream": "only one of its values is in this type"}
PLAIN = "the one value says what happens without it"
SUMS = "a sum of counts that are carried"
PLACE = "says where in the answer, which order says as well"
PLACES = dict.fromkeys(
    ("sequence_number", "item_id", "output_index", "content_index", "summary_index", "obfuscation"), PLACE
)
AGAIN = "told again where it is read"
OWN_ID = "an item's own name means nothing elsewhere; a call is known by its call_id"
STATUS = "the whole answer's status says it"
COMPLETION_USAGE = {
    "CompletionUsage.total_tokens": SUMS,
    "PromptTokensDetails.text_tokens": SUMS,
    "CompletionTokensDetails.text_tokens": SUMS,
}
ITEMS = {
    "ResponseOutputMessage.id": OWN_ID,
    "ResponseOutputMessage.status": STATUS,
    "ResponseFunctionToolCall.id": OWN_ID,
    "ResponseFunctionToolCall.status": STATUS,
    "ResponseReasoningItem.status": STATUS,
    "ResponseUsage.total_tokens": SUMS,
    "IncompleteDetails.reason": "of a response that is complete",
    **dict.fromkeys(ECHOED, "repeats what was asked for"),
}
MESSAGE_USAGE = {
    "Usage.cache_creation": SUMS,
    "CacheCreation.ephemeral_1h_input_tokens": SUMS,
    "CacheCreation.ephemeral_5m_input_tokens": SUMS,
    f"CacheCreation.{UNHEARD_OF}": SUMS,
}
PART = {
    "Part.thought": "of a part that says nothing",
    "Part.thoughtSignature": "an empty one",
}
CANDIDATE = {
    **PART,
    "Content.role": "an answer is the model's",
    "Candidate.index": PLACE,
    "Candidate.tokenCount": SUMS,
    "Candidate.finishMessage": "explains finishReason to people",
    "GenerateContentResponsePromptFeedback.blockReason": "there is an answer, so nothing was blocked",
    "GenerateContentResponseUsageMetadata.totalTokenCount": SUMS,
}


def of(kind: Any, reasons: Mapping[str, str]) -> dict[str, str]:
    """Reasons for fields of one type."""
    return {f"{kind.__name__}.{name}": why for name, why in reasons.items()}


def of_events(union: Any, reasons: Mapping[str, str]) -> dict[str, str]:
    """Reasons for fields that many events have."""
    return {where: why for event in members(bare(union)) for where, why in of(event, reasons).items()}


def case(*args: Any) -> Any:
    """One surface of a dialect, named after its type."""
    return pytest.param(*args, id=getattr(args[0], "__name__", "events"))


REQUESTS = [
    case(
        CompletionCreateParamsNonStreaming,
        CHAT.read_request,
        of(CompletionCreateParamsNonStreaming, {**MODEL, "modalities": PLAIN}),
    ),
    case(
        ResponseCreateParamsNonStreaming,
        RESPONSES.read_request,
        of(ResponseCreateParamsNonStreaming, MODEL)
        | {
            "EasyInputMessageParam.type": PLAIN,
            "Message.type": PLAIN,
            "Message.status": STATUS,
            "FunctionToolParam.allowed_callers": PLAIN,
            "FunctionCallOutput.id": OWN_ID,
            "FunctionCallOutput.status": STATUS,
            "ImageGenerationCall.id": OWN_ID,
            "ImageGenerationCall.status": STATUS,
            "ResponseFunctionToolCallParam.id": OWN_ID,
            "ResponseFunctionToolCallParam.status": STATUS,
            "ResponseReasoningItemParam.status": STATUS,
        },
    ),
    case(
        MessageCreateParamsNonStreaming,
        ANTHROPIC.read_request,
        of(MessageCreateParamsNonStreaming, MODEL) | {"ToolParam.type": PLAIN, "ToolParam.allowed_callers": PLAIN},
    ),
    case(GoogleRequest, GOOGLE.read_request, PART),
]
ANSWERS = [
    case(ChatCompletion, CHAT.read_answer, COMPLETION_USAGE | {"Choice.index": PLACE}),
    case(Response, RESPONSES.read_answer, ITEMS | {"Response.created_at": "parts of a second"}),
    case(Message, ANTHROPIC.read_answer, MESSAGE_USAGE | {"Message.stop_details": "an empty one"}),
    case(google.GenerateContentResponse, GOOGLE.read_answer, CANDIDATE),
]
STREAMS = [
    case(
        ChatCompletionChunk,
        streamed(CHAT, nothing),
        COMPLETION_USAGE
        | dict.fromkeys(("Choice.index", "ChoiceDeltaToolCall.index", "ChoiceDeltaToolCall.type"), PLACE)
        | {"ChatCompletionChunk.obfuscation": PLACE, "ChoiceDelta.role": "an answer is the assistant's"},
    ),
    case(
        RawMessageStreamEvent,
        streamed(ANTHROPIC, before_message_event, *MESSAGE_ENDS),
        MESSAGE_USAGE
        | of_events(RawMessageStreamEvent, {"index": PLACE})
        | {"Usage.output_tokens": AGAIN, "Usage.output_tokens_details": AGAIN, "Delta.stop_details": "an empty one"},
    ),
    case(
        ResponseStreamEvent,
        streamed(RESPONSES, before_response_event),
        ITEMS
        | of_events(ResponseStreamEvent, PLACES)
        | of_events(ResponseStreamEvent, dict.fromkeys(("arguments", "name", "part", "status"), AGAIN))
        | {
            **dict.fromkeys(("Response.id", "Response.model", "Response.created_at", "Response.output"), AGAIN),
            **dict.fromkeys(("Part.text", f"Part.{UNHEARD_OF}"), AGAIN),
            "ResponseReasoningSummaryTextDoneEvent.text": AGAIN,
            "ResponseReasoningTextDoneEvent.text": AGAIN,
            "ResponseErrorEvent.param": "says where in a request that was another one",
        },
    ),
    case(google.GenerateContentResponse, streamed(GOOGLE, nothing), CANDIDATE),
]


@pytest.mark.parametrize(("kind", "read", "known"), [*REQUESTS, *ANSWERS])
def test_no_field_is_passed_over_in_silence(kind: Any, read: Read, known: Mapping[str, str]):
    """Not one that the SDK knows, and not one that nobody knows yet."""
    assert silent(kind, read, TYPES) - known.keys() == set()


@pytest.mark.parametrize(("kind", "read", "known"), STREAMS)
def test_no_field_of_an_event_is_passed_over_in_silence(kind: Any, read: Read, known: Mapping[str, str]):
    """Not one that the SDK knows, and not one that nobody knows yet."""
    assert silent(kind, read, STREAMED_TYPES) - known.keys() == set()
