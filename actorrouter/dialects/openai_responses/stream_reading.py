"""A streamed response, event by event, as steps.

Source: openai SDK 3.54.0, `types/responses/response_stream_event.py` and the events it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actorrouter.dialects import OPENAI_RESPONSES
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.framing import Event
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
    Finished,
    Loss,
    Part,
    Reasoning,
    Step,
    Text,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_chat.words import ERROR_STATUSES
from actorrouter.dialects.openai_responses.answer import read_created, read_finish
from actorrouter.dialects.openai_responses.items import read_item, tellable
from actorrouter.dialects.openai_responses.streamed_parts import Key, StreamedParts
from actorrouter.dialects.openai_responses.usage import read_usage
from actorrouter.dialects.openai_responses.words import BETWEEN_SUMMARIES, ECHOES
from actorrouter.dialects.port import Malformed


class ResponsesStreamReader:
    """The events of one response, in order, as steps. After its end or an error nothing more is read."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._began = False
        self._over = False
        self._calls = False
        self._parts = StreamedParts(self._losses)

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
            steps = _READ[kind](self, fields)
            fields.skip(*_ADDRESS)
            fields.rest(self._losses)
            return steps
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
        response = event.needed_child("response")
        if self._began:
            return []
        self._began = True
        return [Began(response.text("id"), response.text("model"), read_created(response))]

    def _end(self, event: Fields) -> list[Step]:
        response = event.needed_child("response")
        finish = read_finish(response, self._losses, calls=self._calls)
        usage = response.child("usage")
        told = [Told(read_usage(usage, self._losses))] if usage is not None else []
        response.skip("id", "model", "created_at", "output", *ECHOES)
        response.rest(self._losses)
        self._over = True
        return [*self._parts.end_all(), *told, Finished(0, finish), Ended()]

    def _fail(self, event: Fields) -> list[Step]:
        return self._error(event.needed_child("response").child("error") or Fields({}))

    def _error(self, error: Fields) -> list[Step]:
        """What is said of an error is also said inside another object by some."""
        inner = error.child("error") or error
        error.skip("param")  # it says where in a request, which was another one
        code = inner.take("code") or inner.take("type")
        word = code if isinstance(code, str) else ""
        self._over = True
        return [Failed(ERROR_STATUSES.get(word, 500), word, str(inner.take("message") or ""))]

    # ---------------------------------------------------------------------------------------------------------- items

    def _item_added(self, event: Fields) -> list[Step]:
        """What is told of it now is told again when it is done."""
        item, index = event.needed_child("item"), _index(event)
        kind, before = item.needed_text("type"), self._parts.clear(index)
        if kind == "function_call":
            self._calls = True
            call = ToolCall(item.needed_text("call_id"), item.needed_text("name"), "")
            return [*before, *self._parts.begin((index, 0), call)]
        if kind == "reasoning":
            return [*before, *self._parts.begin((index, 0), _thought(item.text("id")))]
        tellable(kind, item.where, self._losses)
        return before

    def _item_done(self, event: Fields) -> list[Step]:
        """What was not told in pieces; some leave a message's content out, as all of it was."""
        item, index = event.needed_child("item"), _index(event)
        kind = item.needed_text("type")
        parts = read_item(kind, item, self._losses) if kind != "message" or item.has("content") else ()
        steps = [step for number, part in enumerate(parts) for step in self._whole((index, number), part)]
        return [*steps, *self._parts.end_item(index)]

    def _whole(self, key: Key, part: Part) -> list[Step]:
        match part:
            case ToolCall(call_id=call_id, name=name, arguments=arguments):
                self._calls = True
                return self._parts.complete(key, ToolCall(call_id, name, ""), arguments)
            case Reasoning(text=text, hidden=hidden, item_id=item_id):
                return [*self._parts.complete(key, _thought(item_id), text), *self._parts.end(key, hidden)]
            case Text(text=text):
                return self._parts.complete(key, Text(""), text)
            case Denial(text=text):
                return self._parts.complete(key, Denial(""), text)
            case other:
                return self._parts.begin(key, other)

    # ---------------------------------------------------------------------------------------------------------- parts

    def _content_added(self, event: Fields) -> list[Step]:
        kind, key = event.needed_child("part").needed_text("type"), _key(event)
        if kind == "reasoning_text":
            return self._thought_begun(key[0], key[1])
        return self._parts.begin(key, _EMPTY[kind]) if kind in _EMPTY else []

    def _content_done(self, event: Fields) -> list[Step]:
        kind, key = event.needed_child("part").needed_text("type"), _key(event)
        return self._parts.end(key) if kind in _EMPTY else []

    def _written(self, event: Fields) -> list[Step]:
        key = _key(event)
        return [*self._parts.begin(key, Text("")), *self._parts.grow(key, event.text("delta"))]

    def _wrote(self, event: Fields) -> list[Step]:
        return self._parts.complete(_key(event), Text(""), event.text("text"))

    def _refused(self, event: Fields) -> list[Step]:
        key = _key(event)
        return [*self._parts.begin(key, Denial("")), *self._parts.grow(key, event.text("delta"))]

    def _refused_all(self, event: Fields) -> list[Step]:
        return self._parts.complete(_key(event), Denial(""), event.text("refusal"))

    def _called(self, event: Fields) -> list[Step]:
        return self._parts.grow((_index(event), 0), event.text("delta"))

    def _summarised(self, event: Fields) -> list[Step]:
        key = (_index(event), 0)
        return [*self._parts.begin(key, _thought("")), *self._parts.grow(key, event.text("delta"))]

    def _summary_added(self, event: Fields) -> list[Step]:
        event.needed_child("part")
        return self._thought_begun(_index(event), event.integer("summary_index") or 0)

    def _thought_begun(self, index: int, number: int) -> list[Step]:
        """Thoughts are one text elsewhere; here they come in parts."""
        begun = self._parts.begin((index, 0), _thought(""))
        return [*begun, *self._parts.grow((index, 0), BETWEEN_SUMMARIES if number else "")]

    def _annotated(self, event: Fields) -> list[Step]:
        event.skip("annotation", "annotation_index")
        self._losses.add("annotations", "annotation", "not translated")
        return []

    def _told_again(self, event: Fields) -> list[Step]:
        """The item tells it, too, when it is done."""
        event.skip("arguments", "name", "part", "text", "status")
        return []


def _thought(item_id: str) -> Reasoning:
    """Empty still; what proves it comes at its end."""
    return Reasoning("", dialect=OPENAI_RESPONSES, item_id=item_id)


def _index(event: Fields) -> int:
    return event.integer("output_index") or 0


def _key(event: Fields) -> Key:
    return _index(event), event.integer("content_index") or 0


_EMPTY: Final[Mapping[str, Part]] = {"output_text": Text(""), "refusal": Denial("")}
_HOSTED: Final = (
    "response.code_interpreter_call",
    "response.custom_tool_call",
    "response.file_search_call",
    "response.image_generation_call",
    "response.mcp_",
    "response.shell_call",
    "response.web_search_call",
)
"""What happens to items that are a loss when they are done."""
_ADDRESS: Final = ("sequence_number", "item_id", "output_index", "content_index", "summary_index", "obfuscation")
"""Where an event belongs; `obfuscation` hides how long its text is."""

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
    "response.refusal.done": ResponsesStreamReader._refused_all,
    "response.function_call_arguments.delta": ResponsesStreamReader._called,
    "response.function_call_arguments.done": ResponsesStreamReader._told_again,
    "response.reasoning_summary_part.added": ResponsesStreamReader._summary_added,
    "response.reasoning_summary_part.done": ResponsesStreamReader._told_again,
    "response.reasoning_summary_text.delta": ResponsesStreamReader._summarised,
    "response.reasoning_summary_text.done": ResponsesStreamReader._told_again,
    "response.reasoning_text.delta": ResponsesStreamReader._summarised,
    "response.reasoning_text.done": ResponsesStreamReader._told_again,
}
