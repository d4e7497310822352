"""A streamed response, event by event, as steps.

Source: openai SDK 3.54.0, `types/responses/response_stream_event.py` and the events it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
    Finished,
    Loss,
    Part,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Step,
    Text,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_chat.words import ERROR_STATUSES
from actorrouter.dialects.openai_responses.answer import read_created, read_finish
from actorrouter.dialects.openai_responses.items import read_image, read_reasoning
from actorrouter.dialects.openai_responses.usage import read_usage
from actorrouter.dialects.openai_responses.words import BETWEEN_SUMMARIES, ECHOES
from actorrouter.dialects.port import Malformed
from actorrouter.dialects.sse import Event

_Key = tuple[int, int]  # an item's place in the output, and a content's in the item


class _Open:
    """A part that is being told. `told`: its text so far."""

    __slots__ = ("number", "told", "what")

    def __init__(self, number: int, what: Part) -> None:
        self.number = number
        self.what = what
        self.told = ""


class ResponsesStreamReader:
    """The events of one response, in order, as steps. After its end or an error nothing more is read."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._began = False
        self._over = False
        self._next = 0
        self._calls = False
        self._open: dict[_Key, _Open] = {}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be told in steps so far."""
        return self._losses.all()

    def read(self, event: Event) -> list[Step]:
        """Raises Malformed."""
        if self._over or event.data is None or event.data.startswith(b"[DONE]"):
            return []
        fields = Fields(decode_json(event.data))
        kind = fields.text("type") or event.name.decode(errors="replace")
        if kind in _READ:
            return _READ[kind](self, fields)
        if fields.has("error"):
            return self._error(fields.needed_child("error"))
        if not kind:
            raise Malformed("type", "is missing")
        if not kind.startswith(_HOSTED):
            self._losses.add(kind, "type", "no such event elsewhere")
        return []

    def close(self) -> list[Step]:
        """A response says itself that it has ended."""
        return []

    # ---------------------------------------------------------------------------------------------- beginning and end

    def _begin(self, event: Fields) -> list[Step]:
        if self._began:
            return []
        self._began = True
        response = event.needed_child("response")
        return [Began(response.text("id"), response.text("model"), read_created(response))]

    def _end(self, event: Fields) -> list[Step]:
        response = event.needed_child("response")
        finish = read_finish(response, self._losses, calls=self._calls)
        usage = response.child("usage")
        told = [Told(read_usage(usage, self._losses))] if usage is not None else []
        response.skip("id", "model", "created_at", "output", *ECHOES)
        response.rest(self._losses)
        self._over = True
        ends = [step for key in list(self._open) for step in self._close(key)]
        return [*ends, *told, Finished(0, finish), Ended()]

    def _fail(self, event: Fields) -> list[Step]:
        return self._error(event.needed_child("response").child("error") or Fields({}))

    def _error(self, error: Fields) -> list[Step]:
        """What is said of an error is also said inside another object by some."""
        inner = error.child("error") or error
        code = inner.take("code") or inner.take("type")
        word = code if isinstance(code, str) else ""
        self._over = True
        return [Failed(ERROR_STATUSES.get(word, 500), word, str(inner.take("message") or ""))]

    # ---------------------------------------------------------------------------------------------------------- items

    def _item_added(self, event: Fields) -> list[Step]:
        item = event.needed_child("item")
        kind, key = item.needed_text("type"), (event.integer("output_index") or 0, 0)
        if kind == "function_call":
            self._calls = True
            return self._part(key, ToolCall(item.needed_text("call_id"), item.needed_text("name"), ""))
        if kind == "reasoning":
            return self._part(key, _thought(item.text("id")))
        if kind not in {"message", "image_generation_call"}:
            self._losses.add(kind, event.path("item"), "only the provider that made it understands it")
        return []

    def _item_done(self, event: Fields) -> list[Step]:
        item = event.needed_child("item")
        kind, index = item.needed_text("type"), event.integer("output_index") or 0
        if kind == "image_generation_call":
            made = read_image(item, self._losses)
            return [*self._part((index, 0), made), *self._close((index, 0))] if made else []
        if kind == "function_call":
            return [*self._rest((index, 0), item.text("arguments")), *self._close((index, 0))]
        if kind == "reasoning":
            return self._reasoned((index, 0), read_reasoning(item, self._losses))
        return [step for key in list(self._open) if key[0] == index for step in self._close(key)]

    def _reasoned(self, key: _Key, thought: Reasoning) -> list[Step]:
        steps = [*self._part(key, _thought(thought.item_id)), *self._rest(key, thought.text)]
        return [*steps, PartEnded(0, self._open.pop(key).number, hidden=thought.hidden)]

    # ---------------------------------------------------------------------------------------------------------- parts

    def _part(self, key: _Key, what: Part) -> list[Step]:
        """Open a part, unless it is."""
        if key in self._open:
            return []
        self._open[key] = _Open(self._next, what)
        self._next += 1
        return [PartBegan(0, self._open[key].number, what)]

    def _grow(self, key: _Key, text: str) -> list[Step]:
        if key not in self._open:
            raise Malformed("output_index", "an item that was added is expected")
        self._open[key].told += text
        return [PartGrew(0, self._open[key].number, text)] if text else []

    def _rest(self, key: _Key, whole: str) -> list[Step]:
        """What was not told piece by piece."""
        told = self._open[key].told if key in self._open else ""
        return self._grow(key, whole.removeprefix(told)) if whole.startswith(told) else []

    def _close(self, key: _Key) -> list[Step]:
        opened = self._open.pop(key, None)
        return [PartEnded(0, opened.number)] if opened else []

    def _content_added(self, event: Fields) -> list[Step]:
        kind = event.needed_child("part").needed_text("type")
        return self._part(_key(event), _EMPTY[kind]) if kind in _EMPTY else []

    def _content_done(self, event: Fields) -> list[Step]:
        if event.needed_child("part").needed_text("type") not in _EMPTY:
            return []
        return self._close(_key(event))

    def _written(self, event: Fields) -> list[Step]:
        if event.items("logprobs"):
            self._losses.add("logprobs", "logprobs", "not translated")
        key = _key(event)
        return [*self._part(key, Text("")), *self._grow(key, event.text("delta"))]

    def _wrote(self, event: Fields) -> list[Step]:
        key = _key(event)
        return [*self._part(key, Text("")), *self._rest(key, event.text("text"))]

    def _refused(self, event: Fields) -> list[Step]:
        key = _key(event)
        said = event.text("delta")
        return [*self._part(key, Denial("")), *self._grow(key, said), *self._rest(key, event.text("refusal"))]

    def _called(self, event: Fields) -> list[Step]:
        key = (event.integer("output_index") or 0, 0)
        return [*self._grow(key, event.text("delta")), *self._rest(key, event.text("arguments"))]

    def _summarised(self, event: Fields) -> list[Step]:
        key = (event.integer("output_index") or 0, 0)
        return [*self._part(key, _thought("")), *self._grow(key, event.text("delta"))]

    def _summary_added(self, event: Fields) -> list[Step]:
        key = (event.integer("output_index") or 0, 0)
        begun = self._part(key, _thought(""))
        return [*begun, *self._grow(key, BETWEEN_SUMMARIES if event.integer("summary_index") else "")]

    def _annotated(self, event: Fields) -> list[Step]:
        self._losses.add("annotations", "annotation", "not translated")
        return []

    def _nothing(self, event: Fields) -> list[Step]:
        return []


def _thought(item_id: str) -> Reasoning:
    """Empty still; what proves it comes at its end."""
    return Reasoning("", dialect=OPENAI_RESPONSES, item_id=item_id)


def _key(event: Fields) -> _Key:
    return event.integer("output_index") or 0, event.integer("content_index") or 0


_EMPTY: Final[Mapping[str, Part]] = {"output_text": Text(""), "refusal": Denial("")}
_HOSTED: Final = (
    "response.audio",
    "response.code_interpreter_call",
    "response.custom_tool_call",
    "response.file_search_call",
    "response.image_generation_call",
    "response.mcp_",
    "response.shell_call",
    "response.web_search_call",
)
"""What happens to items that were a loss when they were added."""

_READ: Final[Mapping[str, Callable[[ResponsesStreamReader, Fields], list[Step]]]] = {
    "response.created": ResponsesStreamReader._begin,
    "response.queued": ResponsesStreamReader._begin,
    "response.in_progress": ResponsesStreamReader._begin,
    "response.completed": ResponsesStreamReader._end,
    "response.incomplete": ResponsesStreamReader._end,
    "response.failed": ResponsesStreamReader._fail,
    "error": ResponsesStreamReader._error,
    "response.output_item.added": ResponsesStreamReader._item_added,
    "response.output_item.done": ResponsesStreamReader._item_done,
    "response.content_part.added": ResponsesStreamReader._content_added,
    "response.content_part.done": ResponsesStreamReader._content_done,
    "response.output_text.delta": ResponsesStreamReader._written,
    "response.output_text.done": ResponsesStreamReader._wrote,
    "response.output_text.annotation.added": ResponsesStreamReader._annotated,
    "response.refusal.delta": ResponsesStreamReader._refused,
    "response.refusal.done": ResponsesStreamReader._refused,
    "response.function_call_arguments.delta": ResponsesStreamReader._called,
    "response.function_call_arguments.done": ResponsesStreamReader._called,
    "response.reasoning_summary_part.added": ResponsesStreamReader._summary_added,
    "response.reasoning_summary_part.done": ResponsesStreamReader._nothing,
    "response.reasoning_summary_text.delta": ResponsesStreamReader._summarised,
    "response.reasoning_summary_text.done": ResponsesStreamReader._nothing,
    "response.reasoning_text.delta": ResponsesStreamReader._summarised,
    "response.reasoning_text.done": ResponsesStreamReader._nothing,
}
