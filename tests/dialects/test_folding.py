"""The steps of a stream as the answer they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.neutral import (
    Answer,
    Began,
    Choice,
    Ended,
    Failed,
    Finish,
    Finished,
    Medium,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Step,
    Text,
    Tokens,
    Told,
    ToolCall,
)
from tests.dialects.conversations import answers, streams
from tests.dialects.folding import Folding, fold


@given(answers().flatmap(lambda answer: st.tuples(st.just(answer), streams(answer))))
def test_an_answer_in_steps_folds_into_itself(streamed: tuple[Answer, list[Step]]):
    """Cut anywhere and in any order of parts."""
    answer, steps = streamed
    assert fold(steps) == answer


def test_what_comes_at_the_end_of_a_part_belongs_to_it():
    """Signatures, hidden content and citations; what proves nothing is nobody's."""
    own = Reasoning("", dialect=ANTHROPIC_MESSAGES)
    steps: list[Step] = [
        PartBegan(0, 0, own),
        PartGrew(0, 0, "hm"),
        PartEnded(0, 0, "sig"),
        PartBegan(0, 1, own),
        PartGrew(0, 1, "so"),
        PartEnded(0, 1),
        PartBegan(0, 2, Text("x")),
        PartEnded(0, 2, citations=(1,)),
        PartBegan(0, 3, ToolCall("a", "f", "")),
        PartEnded(0, 3, "sig"),
        PartBegan(0, 4, Medium("image", url="u")),
        PartEnded(0, 4),
    ]
    assert fold(steps).choices[0].parts == (
        Reasoning("hm", "sig", "", ANTHROPIC_MESSAGES),
        Reasoning("so"),
        Text("x", None, (1,)),
        ToolCall("a", "f", "", "sig"),
        Medium("image", url="u"),
    )


def test_a_stream_that_breaks_off_is_what_it_said_so_far():
    """Without an end, and with the error that cut it."""
    folding = Folding()
    steps: list[Step] = [Began("i", "m", 7, Tokens(5)), PartBegan(0, 0, Text("")), PartGrew(0, 0, "h")]
    for step in [*steps, Failed(500, "", "x")]:
        folding.add(step)
    assert folding.answer() == Answer("i", "m", (Choice((Text("h"),)),), Tokens(5), 7)
    assert (folding.failed, folding.ended) == (Failed(500, "", "x"), False)


def test_the_last_word_on_tokens_counts():
    """Each replaces the one before it."""
    folding = Folding()
    steps: list[Step] = [Began("i", "m", 0, Tokens(5)), Told(Tokens(5, 1)), Finished(0, Finish.STOP)]
    for step in [*steps, Told(Tokens(5, 2)), Ended()]:
        folding.add(step)
    assert (folding.answer().tokens, folding.ended) == (Tokens(5, 2), True)
