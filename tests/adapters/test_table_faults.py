"""What is wrong with a provider's table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.table_faults import table_faults


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"base_url": 5}, "base_url: expected text, got a number"),
        ({"base_url": "ftp://x"}, "base_url: expected http or https"),
        ({"base_url": "https://u:sk-1234@x"}, "base_url: expected http or https"),
        ({"base_url": "https://x?key=sk-1234"}, "base_url: expected http or https"),
        ({"base_url": "https://x:port"}, "base_url: expected http or https"),
        ({"chat_path": "chat"}, "chat_path: path must begin with /"),
        ({"chat_path": 5}, "chat_path: expected text, got a number"),
        ({"include_usage": "yes"}, "include_usage: expected true or false, got text"),
        ({"output_maxima": "max"}, "output_maxima: expected a list, got text"),
        ({"output_maxima": [5]}, "output_maxima[0]: expected text, got a number"),
        ({"secret_header": "a b"}, "secret_header: expected a header's name"),
        ({"secret_format": "Bearer"}, "secret_format: expected text that holds {secret} once"),
        ({"headers": []}, "headers: expected a table, got a list"),
        ({"headers": {"Api-Key": "sk-1234"}}, "headers.Api-Key: must hold no credentials"),
        ({"headers": {"x": "\n"}}, "headers.x: expected printable ASCII"),
        ({"charge": 5}, "charge: expected a table, got a number"),
        ({"charge": {"tokens": "actul"}}, "charge.tokens: expected one of up_front, "),
        ({"limits": {}}, "limits: expected a list of tables, got a table"),
        ({"limits": [5]}, "limits[0]: expected a table, got a number"),
        ({"limits": [{"limit": "x"}]}, "limits[0].dimension: required and missing"),
        (
            {"limits": [{"dimension": "tokens", "windows": 1}]},
            "limits[0].windows: unknown field; did you mean window_s?",
        ),
        ({"limits": [{"dimension": "tokens", "window_s": 0}]}, "limits[0].window_s: expected seconds"),
        ({"limits": [{"dimension": "tokens", "window_s": True}]}, "limits[0].window_s: expected seconds"),
        ({"usage": {"cached": "x"}}, "usage.cached: expected a list, got text"),
        (
            {"errors": [{"status": 5, "outcome": "capacity"}]},
            "errors[0].status: expected a whole number from 100 to 599",
        ),
        ({"errors": [{"status": 500, "outcome": "succeeded"}]}, "errors[0].outcome: expected one of key_fatal"),
        ({"errors": [{"status": 500, "outcome": "broken", "scope": "pol"}]}, "errors[0].scope: expected one of none"),
        ({"errors": [{"outcome": "broken"}]}, "errors[0]: matches everything"),
        ({"nonsense": 1}, "nonsense: unknown field"),
    ],
)
def test_each_fault_names_its_field(table: dict[str, Any], fault: str) -> None:
    """Where and what is expected, and never what stands there."""
    (found,) = table_faults(table)
    assert found.startswith(fault)
    assert "sk-1234" not in found


def test_every_fault_is_told_at_once() -> None:
    """In the order they stand."""
    assert [fault.split(":")[0] for fault in table_faults({"x": 1, "base_url": 2, "errors": 3})] == [
        "x",
        "base_url",
        "errors",
    ]


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ["base_url", "chat_path", "headers", "usage", "charge", "limits", "errors", "secret_format", "wait_fields"]


@given(st.dictionaries(st.sampled_from(_FIELDS), _TREES))
def test_no_table_raises(table: dict[str, Any]) -> None:
    """Whatever TOML can hold."""
    table_faults(table)
