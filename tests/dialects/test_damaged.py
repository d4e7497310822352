"""Real documents with something of them replaced or missing: they are read, and told on, or refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.dialects import GEMINI, OPENAI_RESPONSES, TRANSLATED, find
from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Request
from actorrouter.dialects.port import Dialect, Malformed
from tests.dialects import (
    test_gemini_answer,
    test_gemini_request,
    test_gemini_stream,
    test_openai_responses_answer,
    test_openai_responses_request,
    test_openai_responses_stream,
)

JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, float("inf"), 10**400, "", "x", "\ud800", "STOP", [], {}, [1], ["x"], {"x": 1}, [{}], [[]]]
)


def everything(kind: str) -> dict[str, list[Any]]:
    """The documents of the tables, by dialect: requests, answers or streams."""
    gemini, responses = test_gemini_request, test_openai_responses_request
    if kind == "requests":
        asked = [*gemini.FIELDS.values()]
        return {
            GEMINI: [{"contents": said} for said, _ in gemini.CONTENTS.values()]
            + [{"contents": [], **fields} for fields in (*gemini.LOST.values(), *(each for each, _ in asked))],
            OPENAI_RESPONSES: [{"input": said} for said, _ in responses.INPUTS.values()]
            + [{"input": "", **fields} for fields, _ in responses.FIELDS.values()],
        }
    if kind == "answers":
        return {
            GEMINI: [test_gemini_answer.answer(said) for said, _, _ in test_gemini_answer.READ.values()],
            OPENAI_RESPONSES: [said for said, _, _ in test_openai_responses_answer.READ.values()],
        }
    streamed = test_openai_responses_stream
    events = ([streamed.CREATED, *said, streamed.COMPLETED] for said, _, _ in streamed.CASES.values())
    return {
        GEMINI: [said for said, _, _ in test_gemini_stream.CASES.values()],
        OPENAI_RESPONSES: [[json.loads(event.data or b"") for event in several] for several in events],
    }


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything inside a document stands."""
    inside = document.items() if isinstance(document, dict) else enumerate(document)
    for name, said in inside:
        yield (*path, name)
        if isinstance(said, dict | list):
            yield from paths(said, (*path, name))


@st.composite
def damaged(draw: st.DrawFn, documents: list[Any]) -> Any:
    """One of these documents with one thing of it replaced or gone."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    *way, last = draw(st.sampled_from(list(paths(document))))
    inside = document
    for name in way:
        inside = inside[name]
    if draw(st.booleans()):
        inside[last] = draw(JUNK)
    else:
        del inside[last]
    return document


BOTH = pytest.mark.parametrize("name", [GEMINI, OPENAI_RESPONSES])
OTHERS: list[Dialect] = [find(name) for name in TRANSLATED]


@BOTH
@given(data=st.data())
def test_a_damaged_request_is_told_on_or_refused(name: str, data: st.DataObject):
    """Nothing but Malformed is raised, and what is told on is JSON."""
    document = data.draw(damaged(everything("requests")[name]))
    try:
        request, _ = find(name).read_request(document)
    except Malformed:
        return
    assert all(json.dumps(other.write_request(request)[0]) for other in OTHERS)


@BOTH
@given(data=st.data())
def test_a_damaged_answer_is_told_on_or_refused(name: str, data: st.DataObject):
    """Nothing but Malformed is raised, and what is told on is JSON."""
    document = data.draw(damaged(everything("answers")[name]))
    try:
        answer, _ = find(name).read_answer(document)
    except Malformed:
        return
    assert all(json.dumps(other.write_answer(answer)[0]) for other in OTHERS)


@BOTH
@given(data=st.data())
def test_a_damaged_stream_is_told_on_or_refused(name: str, data: st.DataObject):
    """Nothing but Malformed is raised, and what is told on are bytes."""
    chunks = data.draw(damaged(everything("streams")[name]))
    reader, writers = find(name).stream_reader(), [other.stream_writer(Request(())) for other in OTHERS]
    for chunk in chunks:
        try:
            steps = reader.read(Event(b"", json.dumps(chunk).encode()))
        except Malformed:
            return
        assert all(isinstance(writer.write(step), bytes) for step in steps for writer in writers)
