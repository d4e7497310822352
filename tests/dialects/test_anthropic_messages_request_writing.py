"""Requests for a message as providers are sent them: what Anthropic cannot be told is named."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter.dialects import GEMINI, OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.dialects.anthropic_messages import DIALECT
from actorrouter.dialects.anthropic_messages.words import OUTPUT_TOKENS_DEFAULT
from actorrouter.dialects.neutral import (
    Denial,
    Format,
    Medium,
    Message,
    Part,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

TOOLS = (Tool("f"),)


def written(request: Request) -> dict[str, Any]:
    """A body that is written without a loss, without its messages."""
    body, losses = DIALECT.write_request(request)
    assert losses == ()
    return {name: said for name, said in body.items() if name != "messages"}


def turns(*messages: Message) -> list[tuple[str, Any]]:
    """The turns of a conversation that is written without a loss."""
    body, losses = DIALECT.write_request(Request(messages))
    assert losses == ()
    return [(message["role"], message["content"]) for message in body["messages"]]


def test_output_has_a_maximum():
    """It has to be said, so there is a default, which leaves room for thoughts."""
    assert written(Request(()))["max_tokens"] == OUTPUT_TOKENS_DEFAULT
    assert written(Request((), output_tokens_max=7))["max_tokens"] == 7
    assert written(Request((), thinking=Thinking("", 2000)))["max_tokens"] == OUTPUT_TOKENS_DEFAULT + 2000


def test_what_system_and_developer_say_first_stands_above():
    """Several are one; in mid-conversation the system speaks among the others."""
    messages = (
        Message(Role.SYSTEM, (Text("be"),)),
        Message(Role.DEVELOPER, (Text("kind"),)),
        Message(Role.USER, (Text("hi"),)),
        Message(Role.DEVELOPER, (Text("now"),)),
    )
    body, losses = DIALECT.write_request(Request(messages))
    assert losses == ()
    assert body["system"] == [{"type": "text", "text": "be"}, {"type": "text", "text": "kind"}]
    assert body["messages"] == [{"role": "user", "content": "hi"}, {"role": "system", "content": "now"}]


def test_turns_alternate_and_results_come_first():
    """Results of one turn stand in one message, before what the user says with them."""
    call, more = ToolCall("a", "f", ""), ToolCall("b", "f", '{"x":1}')
    said = turns(
        Message(Role.USER, (Text("hi"),)),
        Message(Role.ASSISTANT, (call,)),
        Message(Role.ASSISTANT, (more,)),
        Message(Role.USER, (Text("and"), ToolResult("a", (Text("x"),)))),
        Message(Role.USER, (ToolResult("b", ()),)),
    )
    assert said == [
        ("user", "hi"),
        (
            "assistant",
            [
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {"x": 1}},
            ],
        ),
        (
            "user",
            [
                {"type": "tool_result", "tool_use_id": "a", "content": "x"},
                {"type": "tool_result", "tool_use_id": "b"},
                {"type": "text", "text": "and"},
            ],
        ),
    ]


def test_nothing_is_said_by_empty_texts():
    """Anthropic refuses them, and messages of nothing else."""
    said = turns(
        Message(Role.USER, (Text("a"),)), Message(Role.ASSISTANT, (Text(""),)), Message(Role.USER, (Text("b"),))
    )
    assert said == [("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]


def test_a_refusal_in_words_goes_back_as_text():
    """There is no other way to say it, and nothing of it is lost."""
    assert turns(Message(Role.ASSISTANT, (Denial("no"),))) == [("assistant", "no")]


CHOICES: dict[str, tuple[ToolChoice | None, bool | None, dict[str, Any] | None]] = {
    "nothing": (None, None, None),
    "none at all": (ToolChoice("none"), False, {"type": "none"}),
    "at least one": (ToolChoice("required"), None, {"type": "any"}),
    "this one": (ToolChoice("tool", "f"), True, {"type": "tool", "name": "f", "disable_parallel_tool_use": False}),
    "one at a time": (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
}


@pytest.mark.parametrize(("choice", "parallel", "said"), CHOICES.values(), ids=CHOICES)
def test_whether_calls_are_parallel_is_told_with_the_choice(
    choice: ToolChoice | None, parallel: bool | None, said: dict[str, Any] | None
):
    """A choice is made where there was none."""
    body = written(Request((), tools=TOOLS, tool_choice=choice, parallel_tools=parallel))
    assert body.get("tool_choice") == said


def test_without_tools_nothing_is_parallel():
    """A choice without tools would be refused."""
    assert "tool_choice" not in written(Request((), parallel_tools=False))


THINKING: dict[str, tuple[Thinking, dict[str, Any]]] = {
    "an effort asks for thoughts": (
        Thinking("high"),
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
    ),
    "none": (Thinking("none"), {"thinking": {"type": "disabled"}}),
    "shown": (Thinking("", None, "auto"), {"thinking": {"type": "adaptive", "display": "summarized"}}),
}


@pytest.mark.parametrize(("thinking", "said"), THINKING.values(), ids=THINKING)
def test_how_much_to_think_is_told(thinking: Thinking, said: dict[str, Any]):
    """OpenAI's efforts have their counterparts."""
    body = written(Request((), thinking=thinking))
    body.pop("max_tokens")
    assert body == said


def test_a_schemas_name_and_description_go_into_it():
    """The schema's own come first."""
    wanted = Format("schema", {"type": "object"}, "answer", "what is said")
    schema = written(Request((), format=wanted))["output_config"]["format"]["schema"]
    assert schema == {"title": "answer", "description": "what is said", "type": "object"}


UNSAID: dict[str, tuple[Request, set[str], dict[str, Any]]] = {
    "what there is not": (
        Request((), choices=2, seed=1, presence_penalty=1, frequency_penalty=1, metadata={"a": "b"}),
        {"n", "seed", "presence_penalty", "frequency_penalty", "metadata"},
        {},
    ),
    "a hot temperature is the hottest": (Request((), temperature=1.5), {"temperature"}, {"temperature": 1}),
    "any object": (Request((), format=Format("json")), {"response_format"}, {}),
    "a description beside the schema's own": (
        Request((), format=Format("schema", {"description": "a"}, "", "b")),
        {"description"},
        {"output_config": {"format": {"type": "json_schema", "schema": {"description": "a"}}}},
    ),
    "the least effort": (
        Request((), thinking=Thinking("minimal")),
        {"reasoning_effort"},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
    ),
    "a small budget": (
        Request((), thinking=Thinking("", 10)),
        {"budget_tokens"},
        {"max_tokens": OUTPUT_TOKENS_DEFAULT + 10, "thinking": {"type": "enabled", "budget_tokens": 1024}},
    ),
    "a budget beyond the maximum": (
        Request((), output_tokens_max=2000, thinking=Thinking("", 3000)),
        {"budget_tokens"},
        {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1999}},
    ),
    "a budget without room": (
        Request((), output_tokens_max=100, thinking=Thinking("", 3000)),
        {"budget_tokens"},
        {"max_tokens": 100},
    ),
    "a tool with another's mark": (
        Request((), tools=(Tool("f", cached={"mode": "explicit"}),)),
        {"prompt_cache_breakpoint"},
        {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]},
    ),
}


@pytest.mark.parametrize(("request_", "names", "said"), UNSAID.values(), ids=UNSAID)
def test_what_anthropic_cannot_be_told_is_named(request_: Request, names: set[str], said: dict[str, Any]):
    """What comes nearest is written, and the loss has a name."""
    body, losses = DIALECT.write_request(request_)
    assert {loss.name for loss in losses} == names
    assert body == {"messages": [], "max_tokens": OUTPUT_TOKENS_DEFAULT} | said


PARTS: dict[str, tuple[Role, Part, set[str]]] = {
    "another provider's file": (Role.USER, Medium("file", file_id="f", dialect=OPENAI_CHAT), {"file_id"}),
    "a sound": (Role.USER, Medium("audio", "audio/wav", "AAAA"), {"audio"}),
    "an image of another format": (Role.USER, Medium("image", "image/tiff", "AAAA"), {"image"}),
    "an image's detail": (Role.USER, Medium("image", "image/png", "AAAA", detail="high"), {"detail"}),
    "a sheet": (Role.USER, Medium("file", "application/vnd.ms-excel", "AAAA"), {"file"}),
    "a text that is none": (Role.USER, Medium("file", "text/plain", "/w=="), {"file"}),
    "a text with marks": (Role.USER, Medium("file", "text/markdown", "IyBh"), {"media_type"}),
    "an image of the system's": (Role.SYSTEM, Medium("image", "image/png", "AAAA"), {"image"}),
    "another's mark": (Role.USER, Text("x", {"mode": "explicit"}), {"prompt_cache_breakpoint"}),
    "unsigned thoughts": (Role.ASSISTANT, Reasoning("x"), {"reasoning_content"}),
    "another's thoughts": (
        Role.ASSISTANT,
        Reasoning("x", "", "y", OPENAI_RESPONSES),
        {"reasoning", "encrypted_content"},
    ),
    "a call another signed": (Role.ASSISTANT, ToolCall("1", "f", "", "sig"), {"thoughtSignature"}),
    "thoughts another signed": (Role.ASSISTANT, Reasoning("", "s", "", GEMINI), {"thoughtSignature"}),
    "arguments that are none": (Role.ASSISTANT, ToolCall("1", "f", '{"x":'), {"arguments"}),
    "citations of another": (Role.ASSISTANT, Text("x", citations=({"type": "url_citation"},)), {"annotations"}),
}


@pytest.mark.parametrize(("role", "part", "names"), PARTS.values(), ids=PARTS)
def test_content_that_anthropic_cannot_hold_is_named(role: Role, part: Part, names: set[str]):
    """Each kind of content has its own name, and what is written can be read again."""
    body, losses = DIALECT.write_request(Request((Message(role, (part,)),)))
    assert {loss.name for loss in losses} == names
    assert DIALECT.read_request(body)[1] == ()


def test_speakers_have_no_names():
    """A name is a loss, of users and of the system."""
    for role in (Role.USER, Role.SYSTEM):
        _, losses = DIALECT.write_request(Request((Message(role, (Text("x"),), "ann"),)))
        assert [loss.name for loss in losses] == ["name"]


def test_a_file_whose_name_tells_its_kind_is_sent():
    """Chat's files come without a media type where they are no data URL."""
    [(_, [block])] = turns(Message(Role.USER, (Medium("file", base64="AAAA", name="A.PDF"),)))
    assert block["source"]["media_type"] == "application/pdf"
