"""Steps as the events of a streamed response.

Source: openai SDK 3.54.0, `types/responses/response_stream_event.py`, `lib/streaming/responses/`.
"""

from __future__ import annotations

from typing import Any

from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Answer,
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
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_responses.answer import response_head, write_response
from actorrouter.dialects.openai_responses.output import item_id, sayable, write_content, write_item, write_summary


class _Open:
    """A part that is being written. `name`: its item's; `index`: the item's place; `pieces`: its text so far."""

    __slots__ = ("index", "name", "pieces", "what")

    def __init__(self, what: Part, name: str, index: int) -> None:
        self.what = what
        self.name = name
        self.index = index
        self.pieces: list[str] = []

    def whole(self, end: PartEnded) -> Part:
        """The part as it is in the end."""
        text = "".join(self.pieces)
        match self.what:
            case Text():
                return Text(text, citations=end.citations)
            case Denial():
                return Denial(text)
            case ToolCall(call_id=call_id, name=name, signature=signature):
                return ToolCall(call_id, name, text or "{}", end.signature or signature)
            case Reasoning(dialect=dialect, signature=signature, hidden=hidden):
                return Reasoning(text, end.signature or signature, end.hidden or hidden, dialect)
            case other:
                return other


class ResponsesStreamWriter:
    """Steps of one answer as events, counted from 0. Nothing follows the end or an error."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._answer = Answer("", "", ())
        self._begun = False
        self._over = False
        self._sequence = 0
        self._tokens: Tokens | None = None
        self._finished: Finished | None = None
        self._open: dict[int, _Open] = {}
        self._output: list[dict[str, Any]] = []

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
                return self._begin(step)
            case PartBegan() | PartGrew() | PartEnded() | Finished() if step.choice:
                self._losses.add("choices", f"choices.{step.choice}", "a response is one")
                return b""
            case PartBegan():
                return self._part_began(step)
            case PartGrew():
                return self._grew(step)
            case PartEnded():
                return self._part_ended(step)
            case Finished():
                self._finished = step
            case Told():
                self._tokens = step.tokens
            case Ended():
                return self._ended()
            case Failed():
                return self._failed(step)
        return b""

    # ---------------------------------------------------------------------------------------------- beginning and end

    def _begin(self, step: Began) -> bytes:
        self._begun, self._tokens = True, step.tokens
        self._answer = Answer(step.answer_id, step.model, (), created=step.created)
        head = response_head(self._answer, "in_progress")
        return self._event("response.created", response=head) + self._event("response.in_progress", response=head)

    def _ended(self) -> bytes:
        self._over = True
        finished = self._finished
        finish, sequence = (finished.finish, finished.stop_sequence) if finished else (None, "")
        told = Answer(self._answer.answer_id, self._answer.model, (), self._tokens, self._answer.created)
        response = write_response(told, finish, sequence, self._output, self._losses)
        return self._event(f"response.{response['status']}", response=response)

    def _failed(self, step: Failed) -> bytes:
        """A response that has begun fails; before that there is only an error to tell of."""
        self._over = True
        code = step.code or ("rate_limit_exceeded" if step.status == 429 else "server_error")
        if not self._begun:
            return self._event("error", code=code, message=step.message, param=None)
        response = response_head(self._answer, "failed")
        response |= {"output": self._output, "error": {"code": code, "message": step.message}}
        return self._event("response.failed", response=response)

    # ---------------------------------------------------------------------------------------------------------- parts

    def _part_began(self, step: PartBegan) -> bytes:
        if not sayable(step.what, self._losses):
            return b""
        index = len(self._output)
        opened = _Open(step.what, item_id(step.what, self._answer.answer_id, index), index)
        self._open[step.part] = opened
        begun = write_item(step.what, opened.name, self._losses, "in_progress")
        self._output.append(begun)
        added = self._event("response.output_item.added", output_index=index, item=begun)
        first = getattr(step.what, "arguments", "") or getattr(step.what, "text", "")
        return added + self._content_began(opened) + self._grew(PartGrew(step.choice, step.part, first))

    def _content_began(self, opened: _Open) -> bytes:
        """What an item holds begins with it; a reasoning's summary once there is some."""
        if not isinstance(opened.what, Text | Denial):
            return b""
        empty = write_content(type(opened.what)(""), self._losses)
        return self._in_content(opened, "content_part.added", part=empty)

    def _grew(self, step: PartGrew) -> bytes:
        opened = self._open.get(step.part)
        if opened is None or not step.text:
            return b""
        first = not opened.pieces
        opened.pieces.append(step.text)
        match opened.what:
            case Text():
                return self._in_content(opened, "output_text.delta", delta=step.text, logprobs=[])
            case Denial():
                return self._in_content(opened, "refusal.delta", delta=step.text)
            case ToolCall():
                return self._in_item(opened, "function_call_arguments.delta", delta=step.text)
            case _:
                begun = self._in_summary(opened, "part.added", part=write_summary("")) if first else b""
                return begun + self._in_summary(opened, "text.delta", delta=step.text)

    def _part_ended(self, step: PartEnded) -> bytes:
        opened = self._open.pop(step.part, None)
        if opened is None:
            return b""
        whole = opened.whole(step)
        item = self._output[opened.index] = write_item(whole, opened.name, self._losses)
        inside = self._inside_done(opened, whole)
        return inside + self._event("response.output_item.done", output_index=opened.index, item=item)

    def _inside_done(self, opened: _Open, whole: Part) -> bytes:
        match whole:
            case Text():
                done = self._in_content(opened, "output_text.done", text=whole.text, logprobs=[])
            case Denial():
                done = self._in_content(opened, "refusal.done", refusal=whole.text)
            case ToolCall():
                return self._in_item(opened, "function_call_arguments.done", arguments=whole.arguments)
            case Reasoning(text=text) if text:
                done = self._in_summary(opened, "text.done", text=text)
                return done + self._in_summary(opened, "part.done", part=write_summary(text))
            case _:
                return b""
        return done + self._in_content(opened, "content_part.done", part=write_content(whole, self._losses))

    # --------------------------------------------------------------------------------------------------------- events

    def _in_content(self, opened: _Open, kind: str, **said: Any) -> bytes:
        return self._in_item(opened, kind, content_index=0, **said)

    def _in_summary(self, opened: _Open, kind: str, **said: Any) -> bytes:
        return self._in_item(opened, f"reasoning_summary_{kind}", summary_index=0, **said)

    def _in_item(self, opened: _Open, kind: str, **said: Any) -> bytes:
        return self._event(f"response.{kind}", item_id=opened.name, output_index=opened.index, **said)

    def _event(self, kind: str, **said: Any) -> bytes:
        document = {"type": kind, "sequence_number": self._sequence, **said}
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + encode_json(document) + b"\n\n"
