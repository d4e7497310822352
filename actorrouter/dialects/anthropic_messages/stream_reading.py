"""A streamed message, event by event, as steps.

Source: anthropic SDK 2.12.0, `types/raw_*_event.py` and `_streaming.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.answer import read_stop
from actorrouter.dialects.anthropic_messages.errors import failure_of
from actorrouter.dialects.anthropic_messages.reading import written_arguments
from actorrouter.dialects.anthropic_messages.usage import read_counts, tokens_of
from actorrouter.dialects.anthropic_messages.words import CALL_PLAIN
from actorrouter.dialects.documents import decode_json, dig
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.framing import Event
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Finished,
    Loss,
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
from actorrouter.dialects.port import Malformed

# Of each kind of delta, the field whose text is the part's own.
_GROWS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class _Block:
    """A block that is open, and what comes at its end."""

    __slots__ = ("citations", "hidden", "part", "signatures")

    def __init__(self, part: int) -> None:
        self.part = part
        self.signatures: list[str] = []
        self.hidden = ""
        self.citations: list[Any] = []


class MessageStreamReader:
    """The events of one message, in order, as steps. After its end or an error nothing more is read."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._over = False
        self._next = 0
        self._open: dict[int, _Block] = {}  # by their index; those nobody else could be told of are not among them
        self._unsaid: set[int] = set()
        self._counts: dict[str, int] = {}
        self._read: Mapping[str, Callable[[Fields], list[Step]]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": self._message_stop,
            "ping": lambda _: [],
        }

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be told in steps so far."""
        return self._losses.all()

    def read(self, event: Event) -> list[Step]:
        """Raises Malformed."""
        if self._over or not event.data:
            return []
        document = decode_json(event.data)
        if event.name == b"error" or dig(document, "type") == "error":
            self._over = True
            return [failure_of(document)]
        fields = Fields(document)
        kind = fields.needed_text("type")
        if kind not in self._read:
            self._losses.add(kind, "type", "not a known event")
            return []
        steps = self._read[kind](fields)
        fields.rest(self._losses)
        return steps

    def close(self) -> list[Step]:
        """Only `message_stop` is an end."""
        return []

    def _message_start(self, event: Fields) -> list[Step]:
        message = event.needed_child("message")
        message.skip("type", "role")
        said = self._count(message)
        began = Began(message.text("id"), message.text("model"), tokens=_of_the_input(said) if said else None)
        message.rest(self._losses)
        return [began]

    def _count(self, holder: Fields) -> Tokens | None:
        """Counts are cumulative: each replaces the one before it."""
        usage = holder.child("usage")
        if usage is None:
            return None
        self._counts |= read_counts(usage, self._losses)
        return tokens_of(self._counts)

    def _block_start(self, event: Fields) -> list[Step]:
        index, block = event.integer("index") or 0, event.needed_child("content_block")
        kind = block.needed_text("type")
        if kind not in _BEGINS:
            self._losses.add(kind, block.where, "no such content elsewhere")
            self._unsaid.add(index)
            return []
        opened = self._open[index] = _Block(self._next)
        self._next += 1
        what, text = _BEGINS[kind](block)
        opened.signatures, opened.hidden = [block.text("signature")], block.text("data")
        opened.citations = block.items("citations")
        block.rest(self._losses, CALL_PLAIN)
        return [PartBegan(0, opened.part, what), *_grown(opened, text)]

    def _block_delta(self, event: Fields) -> list[Step]:
        index, delta = event.integer("index") or 0, event.needed_child("delta")
        if index in self._unsaid:
            return []
        if index not in self._open:
            raise Malformed("index", "no such block is open")
        steps = self._piece(self._open[index], delta)
        delta.rest(self._losses)
        return steps

    def _piece(self, opened: _Block, delta: Fields) -> list[Step]:
        kind = delta.needed_text("type")
        if kind in _GROWS:
            return _grown(opened, delta.needed_text(_GROWS[kind]))
        if kind == "signature_delta":
            opened.signatures.append(delta.needed_text("signature"))
        elif kind == "citations_delta":
            opened.citations.append(delta.take("citation"))
        else:
            self._losses.add(kind, delta.where, "not a known piece")
        return []

    def _block_stop(self, event: Fields) -> list[Step]:
        index = event.integer("index") or 0
        self._unsaid.discard(index)
        block = self._open.pop(index, None)
        return [_ended(block)] if block else []

    def _message_delta(self, event: Fields) -> list[Step]:
        delta = event.needed_child("delta")
        finish, sequence, denial = read_stop(delta, self._losses)
        delta.rest(self._losses)
        steps = self._close_open() + (self._deny(denial) if denial else [])
        if finish is not None:
            steps.append(Finished(0, finish, sequence))
        tokens = self._count(event)
        return [*steps, Told(tokens)] if tokens else steps

    def _deny(self, words: str) -> list[Step]:
        part = self._next
        self._next += 1
        return [PartBegan(0, part, Denial("")), PartGrew(0, part, words), PartEnded(0, part)]

    def _message_stop(self, _: Fields) -> list[Step]:
        self._over = True
        return [*self._close_open(), Ended()]

    def _close_open(self) -> list[Step]:
        steps: list[Step] = [_ended(block) for block in self._open.values()]
        self._open = {}
        return steps


def _of_the_input(tokens: Tokens) -> Tokens:
    """The output has only begun to be counted."""
    return Tokens(tokens.input, None, tokens.cached_input, tokens.cache_write)


def _grown(block: _Block, text: str) -> list[Step]:
    return [PartGrew(0, block.part, text)] if text else []


def _ended(block: _Block) -> PartEnded:
    return PartEnded(0, block.part, "".join(block.signatures), block.hidden, tuple(block.citations))


def _begin_text(block: Fields) -> tuple[Text, str]:
    return Text(""), block.text("text")


def _begin_thought(block: Fields) -> tuple[Reasoning, str]:
    return Reasoning("", dialect=ANTHROPIC_MESSAGES), block.text("thinking")


def _begin_call(block: Fields) -> tuple[ToolCall, str]:
    """Its input comes in pieces; all of it at once is rare, but whole."""
    said = block.mapping("input")
    call = ToolCall(block.needed_text("id"), block.needed_text("name"), "")
    return call, written_arguments(said, block.path("input")) if said else ""


_BEGINS: Final[Mapping[str, Callable[[Fields], tuple[Text | Reasoning | ToolCall, str]]]] = {
    "text": _begin_text,
    "thinking": _begin_thought,
    "redacted_thinking": _begin_thought,
    "tool_use": _begin_call,
}
