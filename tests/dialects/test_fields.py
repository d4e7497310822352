"""An object of a document, taken field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses, clamped, merged
from actorrouter.dialects.neutral import Loss
from actorrouter.dialects.port import Malformed

DOCUMENT = {"text": "x", "count": 3, "share": 0.5, "on": True, "list": [1, "a"], "object": {"x": {}}, "null": None}


@pytest.mark.parametrize(
    ("take", "said"),
    [
        (lambda fields: fields.text("text"), "x"),
        (lambda fields: fields.text("null"), ""),
        (lambda fields: fields.integer("count"), 3),
        (lambda fields: fields.integer("absent"), None),
        (lambda fields: fields.number("share"), 0.5),
        (lambda fields: fields.flag("on"), True),
        (lambda fields: fields.items("list"), [1, "a"]),
        (lambda fields: fields.items("null"), []),
        (lambda fields: fields.mapping("object"), {"x": {}}),
        (lambda fields: fields.child("null"), None),
        (lambda fields: fields.needed_child("object").needed_child("x").where, "a.object.x"),
    ],
)
def test_a_field_is_what_it_says(take: Callable[[Fields], Any], said: Any):
    """Null is the same as nothing."""
    assert take(Fields(DOCUMENT, "a")) == said


@pytest.mark.parametrize(
    ("take", "where"),
    [
        (lambda fields: fields.text("count"), "a.count"),
        (lambda fields: fields.needed_text("null"), "a.null"),
        (lambda fields: fields.integer("share"), "a.share"),
        (lambda fields: fields.integer("on"), "a.on"),
        (lambda fields: fields.flag("count"), "a.count"),
        (lambda fields: fields.items("object"), "a.object"),
        (lambda fields: fields.texts("list"), "a.list.0"),
        (lambda fields: fields.mapping("list"), "a.list"),
        (lambda fields: fields.child("text"), "a.text"),
        (lambda fields: fields.children("list"), "a.list.0"),
        (lambda fields: fields.needed_children("absent"), "a.absent"),
    ],
)
def test_what_is_of_another_kind_is_refused_by_its_path(take: Callable[[Fields], Any], where: str):
    """The path leads from the document's top."""
    with pytest.raises(Malformed) as refused:
        take(Fields(DOCUMENT, "a"))
    assert refused.value.where == where


def test_what_nobody_took_is_a_loss_unless_it_says_nothing():
    """Null, empty and what happens anyway say nothing."""
    losses = Losses()
    fields = Fields({"taken": 1, "skipped": 1, "empty": [], "plain": "auto", "other": 0, "null": None}, "a")
    fields.take("taken")
    fields.skip("skipped")
    fields.rest(losses, {"plain": ("auto",)})
    assert losses.all() == (Loss("other", "a.other", "not translated"),)
    fields.rest(losses)
    assert len(losses.all()) == 1


def test_losses_are_told_once_each_at_their_first_place():
    """Callers allow them by name."""
    first, second = Loss("a", "x", "why"), Loss("b", "y", "why")
    assert merged((first, second), (Loss("a", "z", "why"),)) == (first, second)


@pytest.mark.parametrize(("said", "nearest", "lost"), [(None, None, 0), (-1, 0, 1), (0, 0, 0), (2, 2, 0), (2.5, 2, 1)])
def test_a_value_out_of_range_is_a_loss(said: float | None, nearest: float | None, lost: int):
    """The nearest one is taken."""
    losses = Losses()
    assert clamped(said, 0, 2, "temperature", losses) == nearest
    assert len(losses.all()) == lost
