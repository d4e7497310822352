"""Conversations, answers and streams that every translated dialect can express, generated in one normal form.

Normal form: system first, turns alternate, a turn's tool results come before the rest of it and answer every call of
the turn before, in order; of an assistant's turn thoughts come first, then text, then calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from hypothesis import strategies as st

from actorrouter.dialects.neutral import (
    Answer,
    Began,
    Choice,
    Denial,
    Ended,
    Finish,
    Finished,
    Format,
    Medium,
    Message,
    Part,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Request,
    Role,
    Step,
    Text,
    Thinking,
    Tokens,
    Told,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
COUNTS = st.integers(0, 10**6)
VALUES = st.text(max_size=5) | COUNTS | st.none() | st.lists(COUNTS, max_size=2)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=2).map(
    lambda arguments: json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
)
SCHEMAS = st.dictionaries(NAMES, st.just({"type": "string"}), max_size=2).map(
    lambda properties: {"type": "object", "properties": properties}
)
BASE64 = st.sampled_from(["aGVsbG8=", "AAAA", "iVBORw0KGgo="])


# ------------------------------------------------------------------------------------------------------------- requests

IMAGES = st.builds(
    Medium, st.just("image"), media_type=st.sampled_from(["image/png", "image/jpeg", "image/webp"]), base64=BASE64
) | st.builds(Medium, st.just("image"), url=NAMES.map(lambda name: f"https://example.com/{name}.png"))
FILES = st.builds(
    Medium,
    st.just("file"),
    media_type=st.just("application/pdf"),
    base64=BASE64,
    name=NAMES.map(lambda name: f"{name}.pdf"),
)
WRITTEN = st.builds(Text, TEXTS)
SAID_BY_USERS = st.lists(WRITTEN | IMAGES | FILES, min_size=1, max_size=3)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Message, ...]:
    """A conversation that a user begins and ends."""
    said: list[Message] = []
    calls: tuple[ToolCall, ...] = ()
    for number in range(draw(st.integers(0, 3))):
        said.append(draw(_users_turn(calls)))
        calls = draw(_calls(number))
        written = draw(st.lists(WRITTEN, min_size=0 if calls else 1, max_size=2))
        said.append(Message(Role.ASSISTANT, (*written, *calls)))
    return (*said, draw(_users_turn(calls)))


@st.composite
def _users_turn(draw: st.DrawFn, calls: tuple[ToolCall, ...]) -> Message:
    results = [ToolResult(call.call_id, (draw(WRITTEN),)) for call in calls]
    rest = draw(st.just([]) | SAID_BY_USERS) if results else draw(SAID_BY_USERS)
    return Message(Role.USER, (*results, *rest))


@st.composite
def _calls(draw: st.DrawFn, turn: int) -> tuple[ToolCall, ...]:
    """Calls whose ids are unique in the conversation."""
    count = draw(st.integers(0, 3))
    return tuple(ToolCall(f"call_{turn}_{number}", draw(NAMES), draw(ARGUMENTS)) for number in range(count))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """What every dialect can ask for; what a dialect cannot say is left to its own tests."""
    system = draw(st.lists(WRITTEN, max_size=2))
    messages = (Message(Role.SYSTEM, tuple(system)), *draw(turns())) if system else draw(turns())
    tools = tuple(draw(st.lists(TOOLS, max_size=3, unique_by=lambda tool: tool.name)))
    return Request(
        messages,
        tools=tools,
        tool_choice=draw(choices_of(tools)) if tools else None,
        output_tokens_max=draw(st.integers(1, 8192)),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_p=draw(st.none() | st.floats(0, 1)),
        stop=tuple(draw(st.lists(NAMES, max_size=4))),
        format=draw(st.none() | FORMATS),
        thinking=draw(st.none() | st.builds(Thinking, st.sampled_from(["low", "medium", "high"]))),
        stream=draw(st.booleans()),
    )


TOOLS = st.builds(Tool, NAMES, st.just("") | TEXTS, SCHEMAS)
FORMATS = st.builds(
    Format,
    st.just("schema"),
    schema=SCHEMAS.map(lambda schema: {"title": "answer", **schema}),
    name=st.just("answer"),
    strict=st.just(value=True),
)


def choices_of(tools: tuple[Tool, ...]) -> st.SearchStrategy[ToolChoice | None]:
    """Ways to say which of these tools may or must be called."""
    named = [ToolChoice("tool", tool.name) for tool in tools]
    return st.sampled_from([None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), *named])


def merged_turns(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Turns of one speaker after each other as one turn, which is how every dialect understands them."""
    turns: list[Message] = []
    for message in messages:
        if turns and turns[-1].role is message.role and turns[-1].name == message.name:
            turns[-1] = Message(message.role, (*turns[-1].parts, *message.parts), message.name)
        else:
            turns.append(message)
    return tuple(turns)


# -------------------------------------------------------------------------------------------------------------- answers


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """One answer: thoughts, then text, then calls or a refusal."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Reasoning(draw(TEXTS)))
    calls = draw(_calls(0))
    if draw(st.booleans()) or not (calls or parts):
        parts.append(Text(draw(TEXTS)))
    if calls:
        return Choice((*parts, *calls), Finish.TOOL_CALLS)
    return Choice(tuple(parts), draw(st.sampled_from([Finish.STOP, Finish.LENGTH, Finish.CONTENT])))


@st.composite
def refusals(draw: st.DrawFn) -> Choice:
    """An answer that is refused in words."""
    return Choice((Denial(draw(TEXTS)),), Finish.CONTENT)


@st.composite
def tokens(draw: st.DrawFn) -> Tokens:
    """What was used: what is a part of something is no more than it."""
    cached, written, reasoning = (draw(st.none() | COUNTS) for _ in range(3))
    said = draw(COUNTS) + (cached or 0) + (written or 0)
    return Tokens(said, draw(COUNTS) + (reasoning or 0), cached, written, reasoning)


def answers(
    choice: st.SearchStrategy[Choice] | None = None, used: st.SearchStrategy[Tokens] | None = None
) -> st.SearchStrategy[Answer]:
    """Whole answers of one choice."""
    several = st.tuples(choice if choice is not None else choices())
    return st.builds(Answer, NAMES, NAMES, several, used if used is not None else tokens())


# -------------------------------------------------------------------------------------------------------------- streams


@st.composite
def streams(draw: st.DrawFn, answer: Answer) -> list[Step]:
    """The steps of one answer: cut anywhere, its tool calls and its choices in any order among each other."""
    lanes = [lane for number, choice in enumerate(answer.choices) for lane in [draw(_lane(number, choice))]]
    steps: list[Step] = [Began(answer.answer_id, answer.model, answer.created)]
    steps += draw(_shuffled(lanes))
    if answer.tokens is not None:
        steps.append(Told(answer.tokens))
    return [*steps, Ended()]


@st.composite
def _lane(draw: st.DrawFn, number: int, choice: Choice) -> list[Step]:
    parts = [draw(_part(number, part, what)) for part, what in enumerate(choice.parts)]
    at = len([part for part in choice.parts if not isinstance(part, ToolCall)])
    steps = [step for part in parts[:at] for step in part] + draw(_calls_steps(parts[at:]))
    return [*steps, Finished(number, choice.finish or Finish.STOP, choice.stop_sequence)]


@st.composite
def _calls_steps(draw: st.DrawFn, calls: list[list[Step]]) -> list[Step]:
    """One call after the other, or all begun and then grown in any order."""
    if draw(st.booleans()):
        return [step for call in calls for step in call]
    return [call[0] for call in calls] + draw(_shuffled([call[1:] for call in calls]))


@st.composite
def _part(draw: st.DrawFn, choice: int, part: int, what: Part) -> list[Step]:
    empty, text, end = _ends_of(choice, part, what)
    pieces = [PartGrew(choice, part, piece) for piece in draw(pieces_of(text))]
    return [PartBegan(choice, part, empty), *pieces, end]


def _ends_of(choice: int, part: int, what: Part) -> tuple[Part, str, PartEnded]:
    """How a part begins, what it grows to, and how it ends."""
    match what:
        case ToolCall():
            return ToolCall(what.call_id, what.name, ""), what.arguments, PartEnded(choice, part, what.signature)
        case Text():
            return Text(""), what.text, PartEnded(choice, part, citations=what.citations)
        case Reasoning():
            end = PartEnded(choice, part, what.signature, what.hidden)
            return Reasoning("", dialect=what.dialect, item_id=what.item_id), what.text, end
        case Denial():
            return Denial(""), what.text, PartEnded(choice, part)
        case other:
            return other, "", PartEnded(choice, part)


@st.composite
def pieces_of(draw: st.DrawFn, text: str) -> list[str]:
    """A text cut anywhere, empty pieces among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def _shuffled(draw: st.DrawFn, lanes: list[list[Step]]) -> list[Step]:
    """Several sequences as one, each in its own order."""
    waiting = [list(lane) for lane in lanes if lane]
    merged: list[Step] = []
    while waiting:
        lane = draw(st.sampled_from(waiting))
        merged.append(lane.pop(0))
        waiting = [lane for lane in waiting if lane]
    return merged
