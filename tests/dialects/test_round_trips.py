"""Responses and Gemini: what they and others can express keeps its meaning, written, read, and there and back."""

from __future__ import annotations

from itertools import permutations
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import GEMINI, OPENAI_CHAT, OPENAI_RESPONSES, TRANSLATED, find
from actorrouter.dialects.neutral import (
    Answer,
    Choice,
    Ended,
    Failed,
    Medium,
    Message,
    Part,
    Reasoning,
    Request,
    Step,
    Thinking,
    Tokens,
    Tool,
    ToolResult,
)
from actorrouter.dialects.port import Dialect
from actorrouter.dialects.translation import StreamTranslation, translate_answer, translate_request
from tests.adapters.chunks import chunked
from tests.dialects.conversations import answers, choices, merged_turns, refusals, requests, streams
from tests.dialects.folding import fold
from tests.dialects.streamed import ASKED, events_of, steps_of, written

CHAT, RESPONSES, GOOGLE = find(OPENAI_CHAT), find(OPENAI_RESPONSES), find(GEMINI)
BOTH = pytest.mark.parametrize("dialect", [RESPONSES, GOOGLE], ids=lambda dialect: dialect.name)
PAIRS = pytest.mark.parametrize(
    ("source", "target"),
    [(one, other) for one, other in permutations(map(find, TRANSLATED), 2) if {one, other} & {RESPONSES, GOOGLE}],
    ids=lambda dialect: dialect.name,
)
UNSTOPPED = requests().map(lambda request: attrs.evolve(cast("Any", request), stop=(), tools=plain(request.tools)))
COUNTED = st.builds(
    lambda said, answered, cached, thought: Tokens(said + cached, answered + thought, cached, None, thought),
    *[st.integers(0, 10**6)] * 4,
)
ANSWERS = answers(choices(), COUNTED)
STREAMED = ANSWERS.flatmap(lambda answer: st.tuples(st.just(answer), streams(answer)))


def plain(tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
    """Tools of which everybody says that they are not strict."""
    return tuple(Tool(tool.name, tool.description, tool.parameters, strict=False) for tool in tools)


def meant(request: Request) -> dict[str, Any]:
    """What a request means, where two ways to say it come to the same. Gemini's URL says whether it streams."""
    meaning = attrs.asdict(cast("Any", request), recurse=False)
    meaning["messages"] = merged_turns(
        Message(message.role, tuple(map(told, message.parts)), message.name) for message in request.messages
    )
    if request.thinking and request.thinking.effort and request.thinking.budget_tokens == -1:
        meaning["thinking"] = Thinking(request.thinking.effort)  # an effort asks for thoughts
    if request.format:  # a name is the schema's title, and every schema is kept to
        meaning["format"] = request.format.schema
    return meaning | {"tools": plain(request.tools), "stream": None, "stream_usage": None}


def told(part: Part) -> Part:
    """A part without what is told by something else: a result's name by its call, a type by a URL, an item's id."""
    match part:
        case ToolResult(call_id=call_id, parts=parts, failed=failed):
            return ToolResult(call_id, parts, failed=failed)
        case Medium(kind=kind, url=url) if url:
            return Medium(kind, url=url)
        case Reasoning(text=text, signature=signature, hidden=hidden, dialect=dialect):
            return Reasoning(text, signature, hidden, dialect)
        case other:
            return other


def said(answer: Answer) -> Answer:
    """What an answer says. Responses say 0 where others say nothing."""
    several = tuple(Choice(tuple(map(told, choice.parts)), choice.finish) for choice in answer.choices)
    tokens = answer.tokens and Tokens(*(count or 0 for count in attrs.astuple(cast("Any", answer.tokens))))
    return Answer(answer.answer_id, answer.model, several, tokens, answer.created)


# ------------------------------------------------------------------------------------------------------------- requests


@BOTH
@given(request=UNSTOPPED)
def test_a_request_that_is_written_and_read_keeps_its_meaning(dialect: Dialect, request: Request):
    """Nothing is lost, and reading gives back what was written."""
    body, unsaid = dialect.write_request(request)
    read, unread = dialect.read_request(body)
    assert (unsaid, unread) == ((), ())
    assert meant(read) == meant(request)


@PAIRS
@given(request=UNSTOPPED)
def test_a_request_keeps_its_meaning_through_another_dialect(source: Dialect, target: Dialect, request: Request):
    """There and back, it asks for the same; at most that a URL has a media type is lost."""
    body, _ = source.write_request(request)
    there, read, lost = translate_request(body, source, target)
    back, _, lost_again = translate_request(there, target, source)
    assert {loss.name for loss in (*lost, *lost_again)} <= {"media_type"}
    assert meant(source.read_request(back)[0]) == meant(request) == meant(read)


# -------------------------------------------------------------------------------------------------------------- answers


@BOTH
@given(answer=ANSWERS)
def test_an_answer_that_is_written_and_read_is_the_same(dialect: Dialect, answer: Answer):
    """Nothing is lost, and reading gives back what was written."""
    document, unsaid = dialect.write_answer(answer)
    read, unread = dialect.read_answer(document)
    assert (unsaid, unread) == ((), ())
    assert said(read) == said(answer)


@given(answer=answers(refusals()))
def test_a_refusal_stays_one_in_responses_alone(answer: Answer):
    """Gemini has no word for it: its text is kept, and the loss is told."""
    assert said(RESPONSES.read_answer(RESPONSES.write_answer(answer)[0])[0]) == said(answer)
    written, lost = GOOGLE.write_answer(answer)
    assert "refusal" in {loss.name for loss in lost}
    assert written["candidates"][0]["content"]["parts"][0]["text"] == cast("Any", answer.choices[0].parts[0]).text


@PAIRS
@given(answer=ANSWERS)
def test_an_answer_is_the_same_after_another_dialect(source: Dialect, target: Dialect, answer: Answer):
    """There and back, it says the same."""
    there, lost = translate_answer(source.write_answer(answer)[0], source, target)
    back, lost_again = translate_answer(there, target, source)
    assert (lost, lost_again) == ((), ())
    assert said(source.read_answer(back)[0]) == said(answer)


# -------------------------------------------------------------------------------------------------------------- streams


@BOTH
@given(streamed=STREAMED, size=st.integers(1, 400))
def test_a_stream_that_is_written_and_read_folds_into_the_plain_answer(
    dialect: Dialect, streamed: tuple[Answer, list[Step]], size: int
):
    """At any order of parts and any chunking no text is lost, reordered or mixed."""
    answer, steps = streamed
    read = steps_of(dialect, events_of(chunked(written(dialect, steps), size)))
    assert said(fold(read)) == said(answer)
    assert isinstance(read[-1], Ended)


@PAIRS
@given(streamed=STREAMED)
def test_a_stream_is_the_same_after_another_dialect(
    source: Dialect, target: Dialect, streamed: tuple[Answer, list[Step]]
):
    """There and back, it folds into the same answer."""
    answer, steps = streamed
    stream = written(source, steps)
    for origin, goal in ((source, target), (target, source)):
        translation = StreamTranslation(origin.stream_reader(), goal.stream_writer(ASKED))
        stream = b"".join(map(translation.feed, events_of([stream]))) + translation.close()
        assert translation.losses == ()
    assert said(fold(steps_of(source, events_of([stream])))) == said(answer)


@BOTH
@given(streamed=STREAMED, data=st.data())
def test_a_stream_that_is_cut_has_no_end(dialect: Dialect, streamed: tuple[Answer, list[Step]], data: st.DataObject):
    """Without its last event a stream is read as far as it goes, and nobody says that it has ended."""
    events = events_of([written(dialect, streamed[1])])
    kept = data.draw(st.integers(0, len(events) - 1))
    assert not any(isinstance(step, Ended) for step in steps_of(dialect, events[:kept]))


@BOTH
@given(streamed=STREAMED, data=st.data())
def test_nothing_follows_an_error(dialect: Dialect, streamed: tuple[Answer, list[Step]], data: st.DataObject):
    """Wherever it breaks, an error is the last thing that is written, and it is read as one."""
    steps = streamed[1]
    at = data.draw(st.integers(0, len(steps) - 1))
    failed = Failed(429, "rate_limit_exceeded", "slow down")
    stream = written(dialect, [*steps[:at], failed, *steps[at:]])
    assert stream == written(dialect, [*steps[:at], failed])
    assert steps_of(dialect, events_of([stream]))[-1] == failed
