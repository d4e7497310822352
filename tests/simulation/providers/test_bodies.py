"""Bodies from strangers."""

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.providers.bodies import read_chat
from actorrouter.simulation.providers.wire import Faulty

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
chat_fields = ["messages", "max_tokens", "max_completion_tokens", "metadata", "stream", "stream_options"]
messages = st.lists(st.fixed_dictionaries({"content": st.text() | json_values}), max_size=3)


@given(st.dictionaries(st.sampled_from(chat_fields), json_values | messages), st.text() | json_values)
def test_any_body_is_read_or_refused(fields, model):
    """Whatever JSON comes, reading it ends in a request or in Faulty."""
    try:
        request = read_chat({"model": model, **fields}, 16).request
    except Faulty:
        return
    assert 0 <= request.output_tokens <= request.max_tokens
