"""The words of the SDKs: which kinds are carried, which are a loss, which ends are known. A new word shows here."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from anthropic.types import ContentBlock, ContentBlockParam, RawContentBlockDelta, RawMessageStreamEvent, StopReason
from google.genai import types as google
from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.chat_completion import Choice
from openai.types.responses import ResponseInputItemParam, ResponseOutputItem
from openai.types.responses.response import IncompleteDetails
from openai.types.shared import ReasoningEffort

from actorrouter.dialects.anthropic_messages.words import FINISHES as MESSAGE_FINISHES
from actorrouter.dialects.gemini.words import FINISHES as GOOGLE_FINISHES
from actorrouter.dialects.gemini.words import LEVELS
from actorrouter.dialects.openai_chat.words import FINISHES as CHAT_FINISHES
from actorrouter.dialects.openai_responses.words import INCOMPLETE
from tests.dialects.vendor_types import bare, kinds_of

SAID_BY_MODELS = {"text", "thinking", "redacted_thinking", "tool_use"}
RUN_BY_ANTHROPIC = {
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "container_upload",
    "server_tool_use",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
}
ITEMS = {"message", "function_call", "reasoning", "image_generation_call"}
RUN_BY_OPENAI = {
    "additional_tools",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call",
    "computer_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "file_search_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
}
KEPT_BY_OPENAI = {"compaction_trigger", "configuration_update", "item_reference"}


@pytest.mark.parametrize(
    ("union", "carried", "lost"),
    [
        pytest.param(
            ChatCompletionContentPartParam, {"text", "image_url", "input_audio", "file"}, set(), id="chat parts"
        ),
        pytest.param(ChatCompletionToolUnionParam, {"function"}, {"custom"}, id="chat tools"),
        pytest.param(ContentBlock, SAID_BY_MODELS, RUN_BY_ANTHROPIC, id="blocks of an answer"),
        pytest.param(
            ContentBlockParam,
            SAID_BY_MODELS | {"image", "document", "tool_result"},
            RUN_BY_ANTHROPIC | {"search_result"},
            id="blocks of a request",
        ),
        pytest.param(
            RawContentBlockDelta,
            {"text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta"},
            set(),
            id="pieces of a block",
        ),
        pytest.param(
            RawMessageStreamEvent,
            {f"message_{step}" for step in ("start", "delta", "stop")}
            | {f"content_block_{step}" for step in ("start", "delta", "stop")},
            set(),
            id="events of a message",
        ),
        pytest.param(
            ResponseInputItemParam,
            ITEMS | {"function_call_output"},
            RUN_BY_OPENAI | KEPT_BY_OPENAI,
            id="items of a request",
        ),
        pytest.param(ResponseOutputItem, ITEMS, RUN_BY_OPENAI | {"function_call_output"}, id="items of an answer"),
    ],
)
def test_every_kind_is_carried_or_known_to_be_a_loss(union: Any, carried: set[str], lost: set[str]):
    """The SDK has no other; what becomes of each is looked at in `test_vendor_types`."""
    assert kinds_of(union) == carried | lost


def test_every_role_is_known():
    """The last of them is superseded, and a loss."""
    known = {"assistant", "developer", "system", "tool", "user"} | {"function"}
    assert kinds_of(ChatCompletionMessageParam, "role") == known


@pytest.mark.parametrize(
    ("said", "known", "unknown"),
    [
        (Choice.model_fields["finish_reason"].annotation, CHAT_FINISHES, set()),
        (StopReason, MESSAGE_FINISHES, set()),
        (IncompleteDetails.model_fields["reason"].annotation, INCOMPLETE, {"max_messages", "steered"}),
        (
            google.FinishReason,
            GOOGLE_FINISHES,
            {
                "FINISH_REASON_UNSPECIFIED",
                "IMAGE_OTHER",
                "MALFORMED_FUNCTION_CALL",
                "MALFORMED_RESPONSE",
                "MISSING_THOUGHT_SIGNATURE",
                "NO_IMAGE",
                "OTHER",
                "TOO_MANY_TOOL_CALLS",
                "UNEXPECTED_TOOL_CALL",
            },
        ),
    ],
    ids=["chat", "anthropic", "responses", "gemini"],
)
def test_every_end_is_known_or_a_loss(said: Any, known: dict[str, Any], unknown: set[str]):
    """What is not known ends an answer as a stop would, and is named."""
    assert _words(said) == known.keys() | unknown


def test_every_level_of_thinking_is_known():
    """OpenAI's efforts go as they are, so that one more needs nothing; Gemini's have other names."""
    assert _words(google.ThinkingLevel) == LEVELS.keys() | {"THINKING_LEVEL_UNSPECIFIED"}
    assert set(LEVELS.values()) <= _words(ReasoningEffort)


def _words(kind: Any) -> set[str]:
    kind = bare(kind)
    return set(typing.get_args(kind)) if typing.get_args(kind) else {each.value for each in kind}
