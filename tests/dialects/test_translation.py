"""From one dialect into another and back: what both can express keeps its meaning."""

from __future__ import annotations

from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import ANTHROPIC_MESSAGES, OPENAI_CHAT, find
from actorrouter.dialects.neutral import Answer, Request, Step, Thinking
from actorrouter.dialects.port import Dialect
from actorrouter.dialects.translation import StreamTranslation, translate_answer, translate_request
from tests.adapters.chunks import chunked
from tests.dialects.conversations import answers, choices, merged_turns, refusals, requests, streams
from tests.dialects.folding import fold
from tests.dialects.streamed import ASKED, events_of, steps_of, written

CHAT, ANTHROPIC = find(OPENAI_CHAT), find(ANTHROPIC_MESSAGES)
BOTH = pytest.mark.parametrize("dialect", [CHAT, ANTHROPIC], ids=lambda dialect: dialect.name)
PAIRS = pytest.mark.parametrize(
    ("source", "target"), [(CHAT, ANTHROPIC), (ANTHROPIC, CHAT)], ids=["chat and back", "anthropic and back"]
)
ANY_ANSWER = answers(choices() | refusals())
STREAMED = ANY_ANSWER.flatmap(lambda answer: st.tuples(st.just(answer), streams(answer)))
SEVERAL = st.builds(
    lambda answer, several: Answer(answer.answer_id, answer.model, tuple(several), answer.tokens),
    answers(),
    st.lists(choices(), min_size=2, max_size=3),
).flatmap(lambda answer: st.tuples(st.just(answer), streams(answer)))


def meant(request: Request) -> dict[str, Any]:
    """What a request means, where two ways to say it come to the same."""
    meaning = attrs.asdict(cast("Any", request), recurse=False)
    thinking = request.thinking
    if thinking and thinking.effort and thinking.budget_tokens == -1:  # an effort asks for thoughts
        meaning["thinking"] = Thinking(thinking.effort)
    if request.format:  # a name is the schema's title
        meaning["format"] = request.format.schema
    return meaning | {"messages": merged_turns(request.messages), "stream_usage": None}


@BOTH
@given(request=requests())
def test_a_request_that_is_written_and_read_keeps_its_meaning(dialect: Dialect, request: Request):
    """Nothing is lost, and reading gives back what was written."""
    body, unsaid = dialect.write_request(request)
    read, unread = dialect.read_request(body)
    assert (unsaid, unread) == ((), ())
    assert meant(read) == meant(request)


@PAIRS
@given(request=requests())
def test_a_request_keeps_its_meaning_through_another_dialect(source: Dialect, target: Dialect, request: Request):
    """There and back, it asks for the same."""
    body, _ = source.write_request(request)
    there, read, lost = translate_request(body, source, target)
    back, _, lost_again = translate_request(there, target, source)
    assert (lost, lost_again) == ((), ())
    assert meant(source.read_request(back)[0]) == meant(request) == meant(read)


@BOTH
@given(answer=ANY_ANSWER)
def test_an_answer_that_is_written_and_read_is_the_same(dialect: Dialect, answer: Answer):
    """Nothing is lost, and reading gives back what was written."""
    document, unsaid = dialect.write_answer(answer)
    assert (unsaid, dialect.read_answer(document)) == ((), (answer, ()))


@PAIRS
@given(answer=ANY_ANSWER)
def test_an_answer_is_the_same_after_another_dialect(source: Dialect, target: Dialect, answer: Answer):
    """There and back, it says the same."""
    there, lost = translate_answer(source.write_answer(answer)[0], source, target)
    back, lost_again = translate_answer(there, target, source)
    assert (lost, lost_again) == ((), ())
    assert source.read_answer(back)[0] == answer


def test_a_chat_about_the_weather_in_anthropics_words():
    """What an agent sends after two parallel calls."""
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "Oslo and Rome?"},
            {"role": "assistant", "content": None, "tool_calls": [call, call | {"id": "b"}]},
            {"role": "tool", "tool_call_id": "a", "content": "snow"},
            {"role": "tool", "tool_call_id": "b", "content": "sun"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}],
        "max_tokens": 100,
        "stop": "###",
        "user": "u",
    }
    use = {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Oslo"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "snow"}
    assert translate_request(body, CHAT, ANTHROPIC)[::2] == (
        {
            "system": "be brief",
            "messages": [
                {"role": "user", "content": "Oslo and Rome?"},
                {"role": "assistant", "content": [use, use | {"id": "b"}]},
                {"role": "user", "content": [result, result | {"tool_use_id": "b", "content": "sun"}]},
            ],
            "tools": [{"name": "weather", "input_schema": schema}],
            "max_tokens": 100,
            "stop_sequences": ["###"],
            "metadata": {"user_id": "u"},
        },
        (),
    )


def test_losses_of_both_ways_are_told():
    """What the source's reader and what the target's writer left out."""
    body = {"messages": [], "logit_bias": {"1": 1}, "seed": 7}
    assert [loss.name for loss in translate_request(body, CHAT, ANTHROPIC)[2]] == ["logit_bias", "seed"]


@BOTH
@given(streamed=STREAMED, size=st.integers(1, 400))
def test_a_stream_that_is_written_and_read_folds_into_the_plain_answer(
    dialect: Dialect, streamed: tuple[Answer, list[Step]], size: int
):
    """At any order of parts and any chunking no text is lost, reordered or mixed."""
    answer, steps = streamed
    stream = written(dialect, steps)
    read = steps_of(dialect, events_of(chunked(stream, size)))
    assert fold(read) == answer == fold(steps)
    assert dialect.read_answer(dialect.write_answer(answer)[0])[0] == fold(read)


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
    assert fold(steps_of(source, events_of([stream]))) == answer


@given(several=SEVERAL)
def test_choices_of_one_stream_do_not_mix(several: tuple[Answer, list[Step]]):
    """Chat streams several choices at any order among each other."""
    answer, steps = several
    read = fold(steps_of(CHAT, events_of([written(CHAT, steps)])))
    assert read == answer
