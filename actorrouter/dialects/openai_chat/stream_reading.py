"""A streamed chat answer, event by event, as steps.

Source: openai SDK 3.54.0, `types/chat/chat_completion_chunk.py` and `_streaming.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.framing import Event
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
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
from actorrouter.dialects.openai_chat.answer import read_finish
from actorrouter.dialects.openai_chat.errors import failure_inside
from actorrouter.dialects.openai_chat.usage import read_usage
from actorrouter.dialects.port import Malformed

_DONE: Final = b"[DONE]"


class ChatStreamReader:
    """The chunks of one answer, in order, as steps. After its end or an error nothing more is read."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._began = False
        self._over = False
        self._choices: dict[int, _ChoiceReader] = {}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be told in steps so far."""
        return self._losses.all()

    def read(self, event: Event) -> list[Step]:
        """Raises Malformed."""
        if self._over or event.data is None:
            return []
        if event.data.startswith(_DONE):  # as the SDK looks for it
            return self._ended()
        document = decode_json(event.data)
        failed = failure_inside(document) or (failure_inside({"error": document}) if event.name == b"error" else None)
        if failed:
            self._over = True
            return [failed]
        return self._chunk(Fields(document))

    def close(self) -> list[Step]:
        """Every choice finished and a clean end is an end, too: not all who speak chat send the mark."""
        whole = bool(self._choices) and all(choice.finished for choice in self._choices.values())
        return self._ended() if whole and not self._over else []

    def _ended(self) -> list[Step]:
        self._over = True
        steps = [step for choice in self._choices.values() for step in choice.close()]
        return [*steps, Ended()]

    def _chunk(self, chunk: Fields) -> list[Step]:
        began = Began(chunk.text("id"), chunk.text("model"), chunk.integer("created") or 0)
        choices, usage = chunk.children("choices"), chunk.child("usage")
        steps: list[Step] = []
        # Azure's first chunk says only what its filters found in the prompt.
        if not self._began and (began.answer_id or choices or usage):
            self._began = True
            steps.append(began)
        for choice in choices:
            steps += self._choice(choice)
        if usage is not None:
            steps.append(Told(read_usage(usage, self._losses)))
        chunk.skip("object", "obfuscation")  # the latter hides how long chunks are
        chunk.rest(self._losses)
        return steps

    def _choice(self, choice: Fields) -> list[Step]:
        index = choice.integer("index") or 0
        if index not in self._choices:
            self._choices[index] = _ChoiceReader(index, self._losses)
        return self._choices[index].read(choice)


class _ChoiceReader:
    """One choice of an answer: which of its parts are open."""

    def __init__(self, index: int, losses: Losses) -> None:
        self.finished = False
        self._index = index
        self._losses = losses
        self._next = 0
        self._open: tuple[type[Part], int] | None = None  # what is being written, which is one at a time
        self._calls: dict[int, int] = {}  # a call's index -> its part
        self._ids: dict[int, str] = {}
        self._citations: list[Any] = []

    def read(self, choice: Fields) -> list[Step]:
        delta = choice.child("delta") or Fields({})
        delta.skip("role")
        steps = self._written(delta)
        for call in delta.children("tool_calls"):
            steps += self._call(call)
        delta.rest(self._losses)
        return steps + self._finish(choice)

    def _finish(self, choice: Fields) -> list[Step]:
        finish = read_finish(choice, self._losses, calls=bool(self._calls))
        stopped_by = choice.take("stop_reason")  # vLLM's: the sequence, or a token's number
        choice.rest(self._losses)
        if finish is None or self.finished:
            return []
        self.finished = True
        return [*self.close(), Finished(self._index, finish, stopped_by if isinstance(stopped_by, str) else "")]

    def close(self) -> list[Step]:
        """Nothing more will come for the parts that are open."""
        steps = self._close_written()
        steps += [PartEnded(self._index, part) for part in self._calls.values()]
        self._calls = {}
        return steps

    # ---------------------------------------------------------------------------------------------- what is written

    def _written(self, delta: Fields) -> list[Step]:
        said = delta.text("reasoning_content")
        steps = self._grow(Reasoning(""), delta.text("reasoning") or said)
        steps += self._grow(Text(""), delta.text("content"))
        self._citations += delta.items("annotations")
        steps += self._grow(Denial(""), delta.text("refusal"))
        return steps + self._heard(delta)

    def _heard(self, delta: Fields) -> list[Step]:
        """Of a sound its transcript."""
        sound = delta.child("audio")
        if sound is None:
            return []
        self._losses.add("audio", sound.where, "only its transcript is told")
        return self._grow(Text(""), sound.text("transcript"))

    def _grow(self, empty: Reasoning | Text | Denial, text: str) -> list[Step]:
        if not text:
            return []
        steps: list[Step] = []
        if self._open is None or self._open[0] is not type(empty):
            steps = [*self._close_written(), PartBegan(self._index, self._next, empty)]
            self._open = type(empty), self._next
            self._next += 1
        return [*steps, PartGrew(self._index, self._open[1], text)]

    def _close_written(self) -> list[Step]:
        if self._open is None:
            return self._uncited()
        kind, part = self._open
        self._open = None
        if kind is not Text:
            return [PartEnded(self._index, part), *self._uncited()]
        citations, self._citations = tuple(self._citations), []
        return [PartEnded(self._index, part, citations=citations)]

    def _uncited(self) -> list[Step]:
        if self._citations:
            self._losses.add("annotations", "choices", "there is no text to annotate")
            self._citations = []
        return []

    # --------------------------------------------------------------------------------------------------- what is called

    def _call(self, call: Fields) -> list[Step]:
        """Some leave the index out (openai-python issue 2806, ollama issue 7881): then an id tells calls apart."""
        function = call.child("function") or Fields({}, call.where)
        index, call_id, arguments = call.integer("index") or 0, call.text("id"), function.text("arguments")
        steps: list[Step] = []
        if index not in self._calls or call_id not in {"", self._ids[index]}:
            steps = self._begin_call(index, ToolCall(call_id, function.text("name"), ""), function.path("name"))
        function.skip("name")
        call.skip("type")
        function.rest(self._losses)
        call.rest(self._losses)
        return [*steps, PartGrew(self._index, self._calls[index], arguments)] if arguments else steps

    def _begin_call(self, index: int, empty: ToolCall, where: str) -> list[Step]:
        """A call; the one at the same index is complete."""
        if not empty.name:
            raise Malformed(where, "is missing")
        before = self._calls.get(index)
        ended: list[Step] = [] if before is None else [PartEnded(self._index, before)]
        steps = [*self._close_written(), *ended, PartBegan(self._index, self._next, empty)]
        self._calls[index], self._ids[index] = self._next, empty.call_id
        self._next += 1
        return steps
