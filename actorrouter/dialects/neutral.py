"""A conversation in no dialect: what a request asks for, what an answer says, a streamed answer's steps. Pure values.

Every dialect is read into these and written from them. What these cannot hold, a reader names as a `Loss`; what a
dialect cannot say of these, its writer does. Nothing is left out without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

import attrs

from actorrouter.values import value


class Role(StrEnum):
    """Who speaks. `system` and `developer` differ only where a dialect tells them apart."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"  # the model was done, or a stop sequence came
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT = "content"  # withheld by a filter, or refused
    PAUSE = "pause"  # the provider asks to be called again (Anthropic pause_turn)


@value
class Loss:
    """Something a translation leaves out. `name`: what callers allow it by (a field's name in the source's words).
    `where`: dotted path in the source; `why`: in a few words."""

    name: str
    where: str
    why: str


# ---------------------------------------------------------------------------------------------------------------- parts


@value
class Text:
    """Written text. `cached`: a prompt-cache mark ends here, as the dialect wrote it. `citations`: as it wrote them."""

    text: str
    cached: Any = None
    citations: tuple[Any, ...] = ()


@value
class Medium:
    """An image, a file or a sound. One of `base64`, `url`, `file_id`. `kind`: "image", "file" or "audio"; `detail`: an
    image's, as OpenAI names it; `name`: of a file; `dialect`: whose `file_id` that is."""

    kind: str
    media_type: str = ""
    base64: str = attrs.field(default="", repr=False)
    url: str = ""
    file_id: str = ""
    name: str = ""
    detail: str = ""
    cached: Any = None
    dialect: str = ""


@value
class ToolCall:
    """The model asks for a tool. `arguments`: a JSON object as text; the empty text is `{}`. `signature`: opaque, of
    the reasoning behind it (Gemini's `thoughtSignature`)."""

    call_id: str
    name: str
    arguments: str
    signature: str = attrs.field(default="", repr=False)
    cached: Any = None


@value
class ToolResult:
    """What a tool gave. `name`: of the tool, where it is known."""

    call_id: str
    parts: tuple[Text | Medium, ...]
    name: str = ""
    failed: bool = False
    cached: Any = None


@value
class Reasoning:
    """What the model thought, as far as the provider shows it. `signature`: proves it to the same provider; `hidden`:
    encrypted or redacted content; `dialect`: whose signature that is. `item_id`: Responses' id of it."""

    text: str
    signature: str = attrs.field(default="", repr=False)
    hidden: str = attrs.field(default="", repr=False)
    dialect: str = ""
    item_id: str = ""


@value
class Denial:
    """The model's refusal in words (OpenAI's `refusal`)."""

    text: str


Part: TypeAlias = Text | Medium | ToolCall | ToolResult | Reasoning | Denial


@value
class Message:
    """One turn. Tool results belong to a user's turn, tool calls and reasoning to an assistant's."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""


# ------------------------------------------------------------------------------------------------------------- requests


@value
class Tool:
    """A function the model may call. `parameters`: its JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    cached: Any = None


@value
class ToolChoice:
    """`mode`: "auto", "none", "required" or "tool" (the one called `name`)."""

    mode: str
    name: str = ""


@value
class Format:
    """What the answer must look like. `kind`: "json" or "schema"."""

    kind: str
    schema: Mapping[str, Any] | None = None
    name: str = ""
    description: str = ""
    strict: bool | None = None


OMITTED: Final = "omitted"


@value
class Thinking:
    """How much to think. `effort`: OpenAI's words; `budget_tokens`: 0 is off, -1 as much as the model likes;
    `shown`: whether thoughts or summaries of them are asked for, and as what; OMITTED says that they are not."""

    effort: str = ""
    budget_tokens: int | None = None
    shown: str = ""


@value
class Request:
    """What a caller asks for. None: not said, so the provider's default."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output_tokens_max: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    choices: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    format: Format | None = None
    thinking: Thinking | None = None
    user: str = ""
    metadata: Mapping[str, str] | None = None
    stream: bool = False
    stream_usage: bool | None = None


# -------------------------------------------------------------------------------------------------------------- answers


@value
class Tokens:
    """What was used. `input` holds `cached_input` and `cache_write`; `output` holds `reasoning`. None: not said."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


@value
class Choice:
    """One answer. `stop_sequence`: the one that ended it, where it is told."""

    parts: tuple[Part, ...]
    finish: Finish | None = None
    stop_sequence: str = ""


@value
class Answer:
    """A whole answer. `created`: epoch seconds, 0 where it is not told."""

    answer_id: str
    model: str
    choices: tuple[Choice, ...]
    tokens: Tokens | None = None
    created: int = 0


# ---------------------------------------------------------------------------------------------------- a streamed answer


@value
class Began:
    """The first step. `tokens`: of the input, where they are told at once."""

    answer_id: str
    model: str
    created: int = 0
    tokens: Tokens | None = None


@value
class PartBegan:
    """A part opens: the empty `Text`, `Reasoning` or `Denial`, a `ToolCall` with its id and name, or a whole `Medium`.
    `choice`, `part`: its numbers, from 0; parts of one choice are numbered in order and only one is open at a time,
    except tool calls."""

    choice: int
    part: int
    what: Part


@value
class PartGrew:
    """More of an open part: of its text, or of a tool call's arguments."""

    choice: int
    part: int
    text: str


@value
class PartEnded:
    """A part is complete. `signature`, `hidden`: of reasoning (or a tool call), `citations`: of text; they come at its
    end."""

    choice: int
    part: int
    signature: str = attrs.field(default="", repr=False)
    hidden: str = attrs.field(default="", repr=False)
    citations: tuple[Any, ...] = ()


@value
class Finished:
    """A choice is complete."""

    choice: int
    finish: Finish
    stop_sequence: str = ""


@value
class Told:
    """What has been used so far; a later one replaces it."""

    tokens: Tokens


@value
class Ended:
    """The stream's promised end. Nothing comes after it."""


@value
class Failed:
    """The provider reports an error inside the stream. Nothing comes after it."""

    status: int
    code: str
    message: str


Step: TypeAlias = Began | PartBegan | PartGrew | PartEnded | Finished | Told | Ended | Failed
