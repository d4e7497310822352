"""Steps as the events of a streamed message.

Source: anthropic SDK 2.12.0, `types/raw_*_event.py` and `_streaming.py`.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, TypeAlias

from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.dialects.anthropic_messages.answer import new_message, write_stop
from actorrouter.dialects.anthropic_messages.content import own_citations
from actorrouter.dialects.anthropic_messages.errors import error
from actorrouter.dialects.anthropic_messages.usage import counted, write_usage
from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.kinds import kind_of
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
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
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.thoughts import lose_proof

_PartStep: TypeAlias = PartBegan | PartGrew | PartEnded
_GROWS: Final = {
    Text: ("text_delta", "text"),
    Reasoning: ("thinking_delta", "thinking"),
    ToolCall: ("input_json_delta", "partial_json"),
}


class MessageStreamWriter:
    """Steps of one answer as the events of one message. Blocks do not overlap here: steps of a part that begins while
    another is open wait for that one's end. Nothing follows `message_stop` or an error."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._over = False
        self._waiting: dict[int, deque[_PartStep]] = {}  # of each part that has begun and is not written in full
        self._blocks = _Blocks(self._losses)
        self._tokens: Tokens | None = None
        self._finish: Finish | None = None
        self._stop_sequence = ""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be said so far."""
        return self._losses.all()

    def write(self, step: Step) -> bytes:
        """Whole events, or b""."""
        if self._over:
            return b""
        match step:
            case Began():
                return self._message_start(step)
            case PartBegan() | PartGrew() | PartEnded():
                return self._part(step)
            case Finished():
                self._note_finish(step)
            case Told():
                self._tokens = step.tokens
            case Ended():
                return self._ended()
            case Failed():
                self._over = True
                return _event("error", error(step.status, step.code, step.message))
        return b""

    def _message_start(self, began: Began) -> bytes:
        self._tokens = began.tokens
        usage = counted(began.tokens or Tokens())
        return _event("message_start", {"message": new_message(began.answer_id, began.model) | {"usage": usage}})

    def _note_finish(self, step: Finished) -> None:
        """Told at the end: usage comes with it, and may be told later."""
        if self._only_choice(step.choice):
            self._finish, self._stop_sequence = step.finish, step.stop_sequence

    def _only_choice(self, choice: int) -> bool:
        if choice:
            self._losses.add("n", "choices.1", "one answer is all there is")
        return not choice

    def _part(self, step: _PartStep) -> bytes:
        if not self._only_choice(step.choice):
            return b""
        if isinstance(step, PartBegan):
            self._waiting[step.part] = deque()
        if step.part in self._waiting:
            self._waiting[step.part].append(step)
        return self._written()

    def _written(self) -> bytes:
        """As much as can be said: all of the first open part, and of those after it once it has ended."""
        events: list[bytes] = []
        ended = True
        while ended and self._waiting:
            part = next(iter(self._waiting))  # they begin in order
            steps = self._waiting[part]
            ended = bool(steps) and isinstance(steps[-1], PartEnded)
            while steps:
                events.append(self._blocks.write(steps.popleft()))
            if ended:
                del self._waiting[part]
        return b"".join(events)

    def _ended(self) -> bytes:
        """The promised end; a part that was left open ends with it."""
        self._over = True
        for part, steps in self._waiting.items():
            steps.append(PartEnded(0, part))
        rest = self._written()
        delta = write_stop(self._finish, self._stop_sequence, self._blocks.denial)
        usage = write_usage(self._tokens, self._losses)
        return rest + _event("message_delta", {"delta": delta, "usage": usage}) + _event("message_stop", {})


class _Blocks:
    """Content blocks, one after the other. A block of text or thoughts starts with its first piece: an empty one would
    be refused when it comes back."""

    def __init__(self, losses: Losses) -> None:
        self._denied: list[str] = []
        self._losses = losses
        self._what: Part = Text("")
        self._index = 0
        self._started = False

    @property
    def denial(self) -> str:
        """A refusal's words, which are told with the end."""
        return "".join(self._denied)

    def write(self, step: _PartStep) -> bytes:
        """The events of one step."""
        if isinstance(step, PartBegan):
            return self._begin(step.what)
        if isinstance(step, PartGrew):
            return self._grow(step.text)
        return self._end(step)

    def _begin(self, what: Part) -> bytes:
        self._what = what
        match what:
            case ToolCall():
                block = {"type": "tool_use", "id": what.call_id, "name": what.name, "input": {}}
                return self._start(block) + self._grow(what.arguments)
            case Text() | Reasoning() | Denial():
                return self._grow(what.text)
        self._losses.add(kind_of(what), "content", "not in an answer")
        return b""

    def _grow(self, text: str) -> bytes:
        if not text:
            return b""
        if isinstance(self._what, Denial):
            self._denied.append(text)
        if type(self._what) not in _GROWS:
            return b""
        kind, name = _GROWS[type(self._what)]
        start = b"" if self._started else self._start(self._empty())
        return start + self._delta({"type": kind, name: text})

    def _empty(self) -> dict[str, Any]:
        if isinstance(self._what, Reasoning):
            return {"type": "thinking", "thinking": "", "signature": ""}
        return {"type": "text", "text": ""}

    def _end(self, end: PartEnded) -> bytes:
        events = self._end_of_thought(end) if isinstance(self._what, Reasoning) else self._end_of_others(end)
        if not self._started:
            return events
        self._started = False
        stop = _event("content_block_stop", {"index": self._index})
        self._index += 1
        return events + stop

    def _end_of_thought(self, end: PartEnded) -> bytes:
        """Its own signature or hidden content; of others the proof is lost."""
        thought = Reasoning("", end.signature, end.hidden, getattr(self._what, "dialect", ""))
        if thought.dialect != ANTHROPIC_MESSAGES:
            lose_proof(thought, "content", self._losses)
            return b""
        if end.hidden:
            return self._start({"type": "redacted_thinking", "data": end.hidden})
        if not end.signature:
            return b""
        start = b"" if self._started else self._start(self._empty())
        return start + self._delta({"type": "signature_delta", "signature": end.signature})

    def _end_of_others(self, end: PartEnded) -> bytes:
        if end.signature or getattr(self._what, "signature", ""):
            self._losses.add("thoughtSignature", "content", "only who made it can use it")
        own = own_citations(end.citations, "content", self._losses) if self._started else []
        return b"".join(self._delta({"type": "citations_delta", "citation": each}) for each in own)

    def _start(self, block: dict[str, Any]) -> bytes:
        self._started = True
        return _event("content_block_start", {"index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})


def _event(name: str, document: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + encode_json({"type": name} | document) + b"\n\n"
