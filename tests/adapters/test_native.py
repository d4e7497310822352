"""What the vendors' own adapters have in common."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actorrouter.adapters import Adapter, build
from actorrouter.config import ProviderConfig
from actorrouter.values import COST, INPUT_TOKENS, OUTPUT_TOKENS, Call, OutcomeClass
from tests.adapters.answers import WALL, run
from tests.adapters.frames import chunk, event

ADAPTERS = {
    "anthropic": build("p", ProviderConfig("", "anthropic")),
    "gemini": build("p", ProviderConfig("", "gemini")),
    "bedrock": build("p", ProviderConfig("", "bedrock", options={"region": "us-east-1"})),
}
CALLS = {
    "anthropic": (Call("m", {"messages": []}), Call("m", {"messages": []}, path="/v1/messages/count_tokens")),
    "gemini": (
        Call("m", {"contents": []}),
        Call("m", {"content": {}}, path="/models/{model}:embedContent"),
        Call("m", {}, path="/models/{model}:countTokens"),
    ),
    "bedrock": (Call("m", {"messages": []}), Call("m", {"messages": []}, dialect="anthropic-messages")),
}
SPOKEN = [(ADAPTERS[kind], call) for kind, calls in CALLS.items() for call in calls]
# Names that the vendors use, so that random documents look like theirs.
WORDS = (
    "type error message details error_code status code content text usage model input_tokens output_tokens __type"
    " candidates parts finishReason promptFeedback blockReason usageMetadata promptTokenCount violations quotaId"
    " retryDelay output inputTokens outputTokens delta start"
)
NAMES = st.sampled_from(WORDS.split())
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.sampled_from(SPOKEN), DOCUMENTS, st.sampled_from([200, 302, 400, 403, 404, 429, 500, 503, 529]), st.booleans()
)
def test_no_document_raises(spoken: tuple[Adapter, Call], document: Any, status: int, complete: bool) -> None:
    """Whatever is said where something else belongs, an outcome is judged, and a refusal is never a success."""
    body = json.dumps(document).encode()
    _, outcome, _ = run(*spoken, body, status=status, complete=complete)
    assert (outcome.outcome is OutcomeClass.SUCCEEDED) <= (status == 200 and complete)
    used = outcome.usage.amounts if outcome.usage is not None else {}
    assert all(amount >= 0 for amount in used.values())


@example(spoken=(ADAPTERS["anthropic"], CALLS["anthropic"][0]), document={"type": []}, complete=True)
@given(st.sampled_from([(adapter, call) for adapter, call in SPOKEN if not call.path]), DOCUMENTS, st.booleans())
def test_no_event_raises(spoken: tuple[Adapter, Call], document: Any, complete: bool) -> None:
    """Nor in a stream, with a type of its own or in a frame of its own."""
    adapter, call = spoken
    streamed = Call(call.model, call.body, stream=True, dialect=call.dialect)
    said = json.dumps(document).encode()
    for stream in (
        b"event: error\ndata: " + said + b"\n\n",
        b"data: " + said + b"\n\n",
        chunk(said),
        event("metadata", said),
    ):
        run(adapter, streamed, stream, complete=complete)


@pytest.mark.parametrize("kind", list(ADAPTERS))
def test_what_no_caller_asked_for_is_not_charged_up_front(kind: str) -> None:
    """Money is held while a call is under way, like its place."""
    charge = ADAPTERS[kind].default_charge
    assert (charge[COST], charge["concurrency"]) == ("held", "held")
    assert set(charge) >= {"*"}


@pytest.mark.parametrize(("adapter", "call"), SPOKEN)
def test_a_call_that_was_checked_is_estimated_alike(adapter: Adapter, call: Call) -> None:
    """What checking counted is not counted again, and is of no other call."""
    other = Call("m", {**call.body, "more": "x" * 400}, path=call.path, dialect=call.dialect)
    alone = adapter.estimate(call)
    assert adapter.check(call) is None
    assert adapter.estimate(call) == alone
    adapter.check(call)
    more = adapter.estimate(other)
    assert more.get(INPUT_TOKENS, 0) - alone.get(INPUT_TOKENS, 0) >= (100 if INPUT_TOKENS in alone else 0)
    assert more.get(OUTPUT_TOKENS) == alone.get(OUTPUT_TOKENS)


@pytest.mark.parametrize("kind", list(ADAPTERS))
def test_a_large_body_is_counted_by_its_bytes(kind: str) -> None:
    """Five megabytes of text."""
    call = CALLS[kind][0]
    large = Call("m", {**call.body, "more": "x" * 5_000_000})
    assert 1_250_000 <= ADAPTERS[kind].estimate(large)[INPUT_TOKENS] < 1_250_100


@pytest.mark.parametrize("kind", list(ADAPTERS))
def test_an_adapter_shows_its_name(kind: str) -> None:
    """And no more."""
    assert repr(ADAPTERS[kind]) == f"{kind.capitalize()}('p')"


@pytest.mark.parametrize("kind", list(ADAPTERS))
def test_another_path_may_stream(kind: str) -> None:
    """Its bytes are handed on as they come; only the transport knows its end."""
    call = Call("m", path="/some/thing", method="GET", stream=True)
    reading = ADAPTERS[kind].read(call, 200, {}, 0.0, WALL)
    assert reading.feed(b"\x00x") == b"\x00x"
    assert reading.end(complete=False).outcome is OutcomeClass.BROKEN
