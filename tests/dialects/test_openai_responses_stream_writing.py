"""Streamed responses as OpenAI's SDK expects them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.dialects import GEMINI, OPENAI_RESPONSES
from actorrouter.dialects.neutral import (
    Ended,
    Failed,
    Finish,
    Finished,
    Medium,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Request,
    Step,
    Text,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_responses import DIALECT
from actorrouter.dialects.sse import SseReader
from tests.dialects.test_openai_responses_stream import BEGAN, TOKENS, USAGE


def written(*steps: Step) -> tuple[list[dict[str, Any]], set[str]]:
    """The documents of the events that steps are written as, and what is lost."""
    writer = DIALECT.stream_writer(Request(()))
    events = SseReader().feed(b"".join(map(writer.write, steps)))
    documents = [json.loads(each.data or b"") for each in events]
    assert [each.name.decode() for each in events] == [document["type"] for document in documents]
    return documents, {loss.name for loss in writer.losses}


SPOKEN: list[Step] = [
    BEGAN,
    PartBegan(0, 0, Reasoning("", dialect=OPENAI_RESPONSES, item_id="rs_9")),
    PartGrew(0, 0, "Hmm"),
    PartEnded(0, 0, hidden="gAAA"),
    PartBegan(0, 1, Text("")),
    PartGrew(0, 1, "Hel"),
    PartGrew(0, 1, "lo"),
    PartEnded(0, 1),
    PartBegan(0, 2, ToolCall("call_a", "f", "")),
    PartBegan(0, 3, ToolCall("call_b", "g", "")),
    PartGrew(0, 3, '{"b":1}'),
    PartEnded(0, 3),
    PartEnded(0, 2),
    Finished(0, Finish.TOOL_CALLS),
    Told(TOKENS),
    Ended(),
]
ORDER = """created in_progress
    output_item.added reasoning_summary_part.added reasoning_summary_text.delta reasoning_summary_text.done
    reasoning_summary_part.done output_item.done
    output_item.added content_part.added output_text.delta output_text.delta output_text.done content_part.done
    output_item.done
    output_item.added output_item.added function_call_arguments.delta function_call_arguments.done output_item.done
    function_call_arguments.done output_item.done
    completed"""


def test_events_come_in_openais_order_and_are_counted():
    """Each kind in its place; `sequence_number` counts from 0 in the order of the bytes."""
    documents, lost = written(*SPOKEN)
    assert [document["type"] for document in documents] == [f"response.{kind}" for kind in ORDER.split()]
    assert [document["sequence_number"] for document in documents] == list(range(len(documents)))
    assert lost == set()


def test_ids_and_places_agree():
    """Every event about an item has the id and the place with which the item was added."""
    documents, _ = written(*SPOKEN)
    added = {each["output_index"]: each["item"]["id"] for each in documents if "output_item.added" in each["type"]}
    assert list(added) == [0, 1, 2, 3]
    assert added[0] == "rs_9"
    for document in documents:
        if "item_id" in document:
            assert document["item_id"] == added[document["output_index"]]


def test_the_last_event_has_the_whole_response():
    """Its output is that of the items that were done, and reads as the answer the steps stand for."""
    documents, _ = written(*SPOKEN)
    done = [each for each in documents if each["type"] == "response.output_item.done"]
    response = documents[-1]["response"]
    assert response["output"] == [each["item"] for each in sorted(done, key=lambda each: each["output_index"])]
    assert response["usage"] == USAGE
    read_back, lost = DIALECT.read_answer(response)
    assert (read_back.tokens, lost) == (TOKENS, ())
    assert read_back.choices[0].parts[1:] == (
        Text("Hello"),
        ToolCall("call_a", "f", "{}"),
        ToolCall("call_b", "g", '{"b":1}'),
    )


@pytest.mark.parametrize(
    ("finish", "reason"), [(Finish.LENGTH, "max_output_tokens"), (Finish.CONTENT, "content_filter")]
)
def test_an_answer_cut_short_is_incomplete(finish: Finish, reason: str):
    """At the limit or a filter the last event says so."""
    last = written(BEGAN, Finished(0, finish), Ended())[0][-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}


def test_an_error_before_and_after_the_beginning():
    """A response that has begun fails with what it has; before that there is only an error."""
    failed = Failed(503, "", "down")
    before, _ = written(failed, Ended())
    assert before == [{"type": "error", "sequence_number": 0, "code": "server_error", "message": "down", "param": None}]
    after, _ = written(*SPOKEN[:6], failed, Ended())
    assert after[-1]["type"] == "response.failed"
    assert after[-1]["response"]["error"] == {"code": "server_error", "message": "down"}


UNSAID: dict[str, tuple[list[Step], set[str]]] = {
    "a second choice": ([PartBegan(1, 0, Text("")), PartGrew(1, 0, "x"), PartEnded(1, 0)], {"choices"}),
    "a sound": ([PartBegan(0, 0, Medium("audio", "audio/wav", "AAAA")), PartEnded(0, 0)], {"audio"}),
    "another's proof": (
        [PartBegan(0, 0, Reasoning("", dialect=GEMINI)), PartEnded(0, 0, signature="s")],
        {"thoughtSignature"},
    ),
    "which sequence stopped it": ([Finished(0, Finish.STOP, "END")], {"stop_sequence"}),
    "a pause": ([Finished(0, Finish.PAUSE)], {"pause_turn"}),
    "citations": ([PartBegan(0, 0, Text("")), PartEnded(0, 0, citations=({"type": "x"},))], {"citations"}),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_a_response_cannot_say_is_a_loss(name: str):
    """The rest is written all the same, to the end."""
    steps, lost = UNSAID[name]
    documents, told = written(BEGAN, *steps, Ended())
    assert told == lost
    assert documents[-1]["type"] == "response.completed"
