"""The SDKs of one kind: each asks, streams and calls a tool in its own words, through a router."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import attrs
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types
from mistralai.client import Mistral
from openai import AsyncOpenAI

from actorrouter import Router

SCHEMA: Final[dict[str, Any]] = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER: Final = types.Tool(
    function_declarations=[types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)]
)


@attrs.frozen
class Speaker:
    """`answer`: what was said. `stream`: the SDK's own iterator of its own pieces. `text`: what a piece says.

    `tool`: asks "tool", gives the tool's result back; the arguments it was called with, and what was said then."""

    name: str
    answer: Callable[[Router, str], Awaitable[str]]
    stream: Callable[[Router, str], Awaitable[Any]]
    text: Callable[[Any], str]
    tool: Callable[[Router], Awaitable[tuple[Any, str]]] | None = None
    backends: tuple[str, ...] = ("asyncio", "trio")

    async def texts(self, router: Router, told: str) -> list[str]:
        """A stream's texts, in order, the empty ones left out."""
        return [text async for piece in await self.stream(router, told) if (text := self.text(piece))]


def told_by_user(told: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": told}]


# --------------------------------------------------------------------------------------------------------- openai, chat


def _chat(router: Router) -> Callable[..., Any]:
    return AsyncOpenAI(http_client=router.http_client(), api_key="unused").chat.completions.create


async def _chat_answer(router: Router, told: str) -> str:
    answer = await _chat(router)(model="m", messages=told_by_user(told))
    return answer.choices[0].message.content or ""


async def _chat_stream(router: Router, told: str) -> Any:
    return await _chat(router)(model="m", messages=told_by_user(told), stream=True)


async def _chat_tool(router: Router) -> tuple[Any, str]:
    asked: dict[str, Any] = {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
    }
    first = (await _chat(router)(messages=told_by_user("tool"), **asked)).choices[0].message
    (called,) = first.tool_calls
    result = {"role": "tool", "tool_call_id": called.id, "content": "sunny"}
    then = [*told_by_user("tool"), first.model_dump(exclude_none=True), result]
    return called.function.arguments, (await _chat(router)(messages=then, **asked)).choices[0].message.content


# ---------------------------------------------------------------------------------------------------- openai, responses


def _responses(router: Router) -> Callable[..., Any]:
    return AsyncOpenAI(http_client=router.http_client(), api_key="unused").responses.create


async def _responses_answer(router: Router, told: str) -> str:
    answer = await _responses(router)(model="m", input=told)
    return str(answer.output_text)


async def _responses_stream(router: Router, told: str) -> Any:
    return await _responses(router)(model="m", input=told, stream=True)


async def _responses_tool(router: Router) -> tuple[Any, str]:
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
    first = await _responses(router)(model="m", input=told_by_user("tool"), tools=[tool])
    (called,) = first.output
    result = {"type": "function_call_output", "call_id": called.call_id, "output": "sunny"}
    call = {"type": "function_call", "call_id": called.call_id, "name": called.name, "arguments": called.arguments}
    then = await _responses(router)(model="m", input=[*told_by_user("tool"), call, result], tools=[tool])
    return called.arguments, then.output_text


# ------------------------------------------------------------------------------------------------------------ anthropic


def _messages(router: Router) -> Callable[..., Any]:
    return AsyncAnthropic(http_client=router.http_client(), api_key="unused").messages.create


async def _messages_answer(router: Router, told: str) -> str:
    answer = await _messages(router)(model="m", max_tokens=50, messages=told_by_user(told))
    return str(answer.content[0].text)


async def _messages_stream(router: Router, told: str) -> Any:
    return await _messages(router)(model="m", max_tokens=50, messages=told_by_user(told), stream=True)


async def _messages_tool(router: Router) -> tuple[Any, str]:
    asked: dict[str, Any] = {"model": "m", "max_tokens": 50, "tools": [{"name": "weather", "input_schema": SCHEMA}]}
    first = await _messages(router)(messages=told_by_user("tool"), **asked)
    (called,) = first.content
    calling = {"type": "tool_use", "id": called.id, "name": called.name, "input": called.input}
    result = {"type": "tool_result", "tool_use_id": called.id, "content": "sunny"}
    then = [*told_by_user("tool"), {"role": "assistant", "content": [calling]}, {"role": "user", "content": [result]}]
    return called.input, (await _messages(router)(messages=then, **asked)).content[0].text


# --------------------------------------------------------------------------------------------------------- google-genai


def _models(router: Router) -> Any:
    options = types.HttpOptions(httpx_async_client=router.http_client())
    return genai.Client(api_key="unused", http_options=options).aio.models


async def _gemini_answer(router: Router, told: str) -> str:
    answer = await _models(router).generate_content(model="m", contents=told)
    return str(answer.text)


async def _gemini_stream(router: Router, told: str) -> Any:
    return await _models(router).generate_content_stream(model="m", contents=told)


async def _gemini_tool(router: Router) -> tuple[Any, str]:
    off = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=[WEATHER], automatic_function_calling=off)
    generate = _models(router).generate_content
    first = await generate(model="m", contents="tool", config=config)
    (called,) = first.function_calls
    given = types.Part(function_response=types.FunctionResponse(id=called.id, name="weather", response={"is": "sunny"}))
    asked = types.Content(role="user", parts=[types.Part(text="tool")])
    then = [asked, first.candidates[0].content, types.Content(role="user", parts=[given])]
    return called.args, (await generate(model="m", contents=then, config=config)).text


# ------------------------------------------------------------------------------------------------------------ mistralai


def _mistral(router: Router) -> Any:
    return Mistral(api_key="unused", async_client=router.http_client()).chat


async def _mistral_answer(router: Router, told: str) -> str:
    answer = await _mistral(router).complete_async(model="m", messages=told_by_user(told))
    return str(answer.choices[0].message.content)


async def _mistral_stream(router: Router, told: str) -> Any:
    return await _mistral(router).stream_async(model="m", messages=told_by_user(told))


def _delta_text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def _event_text(event: Any) -> str:
    return event.delta.text if event.type == "content_block_delta" and event.delta.type == "text_delta" else ""


CHAT: Final = Speaker("openai-chat", _chat_answer, _chat_stream, _delta_text, _chat_tool)
RESPONSES: Final = Speaker(
    "openai-responses",
    _responses_answer,
    _responses_stream,
    lambda event: event.delta if event.type == "response.output_text.delta" else "",
    _responses_tool,
)
MESSAGES: Final = Speaker("anthropic", _messages_answer, _messages_stream, _event_text, _messages_tool)
GEMINI: Final = Speaker("google-genai", _gemini_answer, _gemini_stream, lambda chunk: chunk.text or "", _gemini_tool)
MISTRAL: Final = Speaker(
    "mistralai", _mistral_answer, _mistral_stream, lambda event: _delta_text(event.data), backends=("asyncio",)
)
SPEAKERS: Final = (CHAT, RESPONSES, MESSAGES, GEMINI, MISTRAL)
ON_BOTH: Final = [(speaker, backend) for speaker in SPEAKERS for backend in speaker.backends]
"""For tests that are run on each event loop that the SDK can run on."""
NAMES: Final = [f"{speaker.name}-{backend}" for speaker, backend in ON_BOTH]


async def first(stream: AsyncIterator[Any], speaker: Speaker) -> str:
    """Read up to the first text."""
    async for piece in stream:
        if text := speaker.text(piece):
            return text
    return ""
