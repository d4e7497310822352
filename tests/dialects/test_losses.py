"""What is left out, gathered."""

from __future__ import annotations

from actorrouter.dialects import ANTHROPIC_MESSAGES, find
from actorrouter.dialects.framing import Event
from actorrouter.dialects.losses import LOSSES_MAX, MORE, TEXT_MAX, Losses, merged
from actorrouter.dialects.neutral import Loss


def test_each_name_once() -> None:
    """The first place stands for all; the order is that in which they were met."""
    losses = Losses()
    for name, where in (("b", "x"), ("a", "y"), ("b", "z")):
        losses.add(name, where, "not translated")
    assert losses.all() == (Loss("b", "x", "not translated"), Loss("a", "y", "not translated"))
    assert merged(losses.all(), losses.all()) == losses.all()


def test_names_are_bounded_and_none_is_passed_over() -> None:
    """However many there are and however long: those beyond the bound are one more, which has to be allowed, too."""
    losses = Losses()
    for number in range(LOSSES_MAX + 50):
        losses.add(f"{number} {'x' * 1000}", "x" * 1000, "not translated")
    found = losses.all()
    assert len(found) == LOSSES_MAX + 1
    assert found[-1] == MORE
    assert all(len(loss.name) <= TEXT_MAX and len(loss.where) <= TEXT_MAX for loss in found)
    assert merged(found, (Loss("new", "", ""),)) == found


def test_a_stream_of_nothing_but_news_costs_no_memory_without_end() -> None:
    """Events of ever new kinds, and fields of ever new names, are a bounded number of losses."""
    reader = find(ANTHROPIC_MESSAGES).stream_reader()
    for number in range(1000):
        reader.read(Event(b"", b'{"type": "kind-%d"}' % number))
        reader.read(Event(b"", b'{"type": "ping", "field-%d": 1}' % number))
    assert len(reader.losses) == LOSSES_MAX + 1
