"""A chat message as neutral parts, in a request's history and in an answer alike.

Source: openai SDK 3.54.0, `types/chat/chat_completion_message.py` and `chat_completion_*_message_param.py`.
"""

from __future__ import annotations

from typing import Final

from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Denial, Medium, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from actorrouter.dialects.openai_chat.content import read_content
from actorrouter.dialects.port import Malformed

_ROLES: Final = {"system": Role.SYSTEM, "developer": Role.DEVELOPER, "user": Role.USER}


def read_messages(messages: list[Fields], losses: Losses) -> tuple[Message, ...]:
    """A request's conversation; results of tools that follow each other are one turn. Raises Malformed."""
    read: list[Message] = []
    results: list[Part] = []
    for message in messages:
        role = message.needed_text("role")
        if role == "tool":
            results.append(_read_result(message, losses))
        else:
            results = _turn_of_results(results, read)
            read.extend(_read_message(role, message, losses))
        message.rest(losses)
    _turn_of_results(results, read)
    return tuple(read)


def _turn_of_results(results: list[Part], read: list[Message]) -> list[Part]:
    """Close the turn these results make, if there are any; the next one's are none yet."""
    if results:
        read.append(Message(Role.USER, tuple(results)))
    return []


def _read_message(role: str, message: Fields, losses: Losses) -> list[Message]:
    name = message.text("name")
    if role == "assistant":
        return [Message(Role.ASSISTANT, read_spoken(message, losses), name)]
    if role in _ROLES:
        return [Message(_ROLES[role], tuple(read_content(message, losses)), name)]
    if role != "function":
        raise Malformed(message.path("role"), "no such role")
    losses.add("function", message.where, "superseded by tools")
    message.skip("content")
    return []


def _read_result(message: Fields, losses: Losses) -> ToolResult:
    read = read_content(message, losses)
    parts = tuple(Text(part.text) if isinstance(part, Denial) else part for part in read)
    return ToolResult(message.needed_text("tool_call_id"), parts, message.text("name"))


def read_spoken(message: Fields, losses: Losses) -> tuple[Part, ...]:
    """What an assistant said: thoughts, text, refusal, calls, as nothing tells their order. Raises Malformed."""
    parts: list[Part] = [*read_thought(message), *read_content(message, losses)]
    parts += _read_sound(message, losses)
    parts = _cited(parts, message, losses)
    refusal = message.text("refusal")
    if refusal:
        parts.append(Denial(refusal))
    return (*parts, *_read_calls(message, losses))


def read_thought(message: Fields) -> list[Part]:
    """DeepSeek and vLLM say `reasoning_content`, OpenRouter and Groq `reasoning`; some say both."""
    text = message.text("reasoning_content")
    text = message.text("reasoning") or text
    return [Reasoning(text)] if text else []


def _read_sound(message: Fields, losses: Losses) -> list[Part]:
    """Of a sound the transcript, or in a history its id."""
    sound = message.child("audio")
    if sound is None:
        return []
    transcript, sound_id = sound.text("transcript"), sound.text("id")
    if not transcript:
        sound.rest(losses)
        return [Medium("audio", file_id=sound_id, dialect=OPENAI_CHAT)]
    losses.add("audio", sound.where, "only its transcript is told")
    return [Text(transcript)]


def _cited(parts: list[Part], message: Fields, losses: Losses) -> list[Part]:
    """Annotations belong to all of the content, so the last text carries them."""
    annotations = message.items("annotations")
    last = next((number for number in reversed(range(len(parts))) if isinstance(parts[number], Text)), None)
    if annotations and last is None:
        losses.add("annotations", message.path("annotations"), "there is no text to annotate")
    text = parts[last] if last is not None else None
    if not annotations or last is None or not isinstance(text, Text):
        return parts
    return [*parts[:last], Text(text.text, text.cached, tuple(annotations)), *parts[last + 1 :]]


def _read_calls(message: Fields, losses: Losses) -> list[Part]:
    calls = (_read_call(call, losses) for call in message.children("tool_calls"))
    return [call for call in calls if call is not None]


def _read_call(call: Fields, losses: Losses) -> Part | None:
    kind = call.text("type") or "function"
    if kind != "function":
        losses.add(kind, call.where, "only functions are called elsewhere")
        return None
    function = call.needed_child("function")
    made = ToolCall(call.needed_text("id"), function.needed_text("name"), function.text("arguments"))
    call.skip("index")  # left over where a stream's deltas were put together
    function.rest(losses)
    call.rest(losses)
    return made
