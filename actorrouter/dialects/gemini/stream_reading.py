"""A streamed answer, chunk by chunk, as steps. There is no end mark: what has finished has ended.

Source: google-genai SDK 3.4.0, `types.py` and `_api_client.py`; facts: `[providers.gemini.stream]` in providers.toml.
"""

from __future__ import annotations

from actorrouter.dialects import GEMINI
from actorrouter.dialects.documents import decode_json
from actorrouter.dialects.fields import Fields
from actorrouter.dialects.framing import Event
from actorrouter.dialects.gemini.answer import calls_of, read_blocked, read_finish, read_head, rest_of
from actorrouter.dialects.gemini.errors import failure_inside
from actorrouter.dialects.gemini.parts import read_parts
from actorrouter.dialects.gemini.spelling import camel
from actorrouter.dialects.gemini.usage import read_usage
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Ended,
    Finish,
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


class GeminiStreamReader:
    """The chunks of one answer, in order, as steps. After an error nothing more is read."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._answer_id: str | None = None
        self._over = False
        self._candidates: dict[int, _CandidateReader] = {}

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be told in steps so far."""
        return self._losses.all()

    def read(self, event: Event) -> list[Step]:
        """Raises Malformed."""
        document = None if self._over else _document(event)
        if self._over or (document is None and event.data is None):
            return []
        failed = failure_inside(document)
        if failed:
            self._over = True
            return [failed]
        return self._chunk(Fields(camel(document)))

    def close(self) -> list[Step]:
        """A clean end is the end if every candidate has finished."""
        whole = bool(self._candidates) and all(candidate.finished for candidate in self._candidates.values())
        if self._over or not whole:
            return []
        self._over = True
        return [Ended()]

    def _chunk(self, chunk: Fields) -> list[Step]:
        steps = self._begin(chunk)
        for candidate in chunk.children("candidates"):
            steps += self._candidate(candidate.integer("index") or 0).read(candidate)
        if read_blocked(chunk, self._losses) and not self._candidates:
            steps += self._candidate(0).finish(Finish.CONTENT)
        usage = chunk.child("usageMetadata")
        if usage is not None:
            steps.append(Told(read_usage(usage, self._losses)))
        chunk.rest(self._losses)
        return steps

    def _begin(self, chunk: Fields) -> list[Step]:
        answer_id, model, created = read_head(chunk)
        if self._answer_id is not None:
            return []
        self._answer_id = answer_id
        return [Began(answer_id, model, created)]

    def _candidate(self, index: int) -> _CandidateReader:
        if index not in self._candidates:
            self._candidates[index] = _CandidateReader(index, self._answer_id or "", self._losses)
        return self._candidates[index]


def _document(event: Event) -> object:
    """The chunk's document; an error may come as bare lines, which are no event's data."""
    return decode_json(event.raw if event.data is None else event.data)


class _CandidateReader:
    """One candidate of an answer: what of it is being written."""

    def __init__(self, index: int, answer_id: str, losses: Losses) -> None:
        self.finished = False
        self._index = index
        self._losses = losses
        self._ids = calls_of(answer_id, index)
        self._calls = False
        self._next = 0
        self._open: type[Part] | None = None  # of the last part, while it may grow

    def read(self, candidate: Fields) -> list[Step]:
        content = candidate.child("content") or Fields({})
        steps = [step for part in read_parts(content, self._ids, self._losses) for step in self._part(part)]
        finish = read_finish(candidate, self._losses, calls=self._calls)
        rest_of(candidate, content, self._losses)
        return steps if finish is None else [*steps, *self.finish(finish)]

    def finish(self, finish: Finish) -> list[Step]:
        """Nothing more will come of it."""
        if self.finished:
            return []
        self.finished = True
        return [*self._close(), Finished(self._index, finish)]

    def _part(self, part: Part) -> list[Step]:
        match part:
            case Text(text=text):
                return self._grow(Text(""), text)
            case Reasoning(text=text, signature=signature):
                steps = self._grow(Reasoning("", dialect=GEMINI), text)
                return steps + (self._close(signature) if signature else [])
            case ToolCall():
                self._calls = True
                return self._whole(ToolCall(part.call_id, part.name, ""), part.arguments, part.signature)
            case other:
                return self._whole(other, "", "")

    def _grow(self, empty: Part, text: str) -> list[Step]:
        steps: list[Step] = []
        if self._open is not type(empty):
            steps = [*self._close(), PartBegan(self._index, self._next, empty)]
            self._open = type(empty)
        return [*steps, PartGrew(self._index, self._next, text)] if text else steps

    def _whole(self, empty: Part, text: str, signature: str) -> list[Step]:
        steps = self._close()
        number, self._next = self._next, self._next + 1
        grown = [PartGrew(self._index, number, text)] if text else []
        return [*steps, PartBegan(self._index, number, empty), *grown, PartEnded(self._index, number, signature)]

    def _close(self, signature: str = "") -> list[Step]:
        if self._open is None:
            return []
        self._open = None
        number, self._next = self._next, self._next + 1
        return [PartEnded(self._index, number, signature)]
