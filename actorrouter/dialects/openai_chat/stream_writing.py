"""Steps as the events of a streamed chat answer.

Source: openai SDK 3.54.0, `types/chat/chat_completion_chunk.py` and `_streaming.py`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.kinds import kind_of
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
    Finished,
    Loss,
    PartBegan,
    PartEnded,
    PartGrew,
    Reasoning,
    Request,
    Step,
    Text,
    Tokens,
    Told,
    ToolCall,
)
from actorrouter.dialects.openai_chat.answer import write_citations, write_finish
from actorrouter.dialects.openai_chat.errors import error
from actorrouter.dialects.openai_chat.usage import write_usage
from actorrouter.dialects.thoughts import lose_proof

_GROWS: Final = {Text: "content", Reasoning: "reasoning_content", Denial: "refusal"}


class _Open:
    """A part that is being written. `index`: of a tool call among its choice's. `grown`: anything was said of it."""

    __slots__ = ("grown", "index", "what")

    def __init__(self, what: Any, index: int) -> None:
        self.what = what
        self.index = index
        self.grown = False


class ChatStreamWriter:
    """Steps of one answer as chunks. Nothing follows `[DONE]` or an error."""

    def __init__(self, request: Request) -> None:
        self._usage_asked = bool(request.stream_usage)
        self._losses = Losses()
        self._began = Began("", "")
        self._tokens: Tokens | None = None
        self._over = False
        self._calls: dict[int, int] = {}  # choice -> how many calls it has; also: who has said its role
        self._open: dict[tuple[int, int], _Open] = {}

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
                self._began, self._tokens = step, step.tokens
                return self._role(0)
            case PartBegan():
                return self._role(step.choice) + self._part_began(step)
            case PartGrew():
                return self._grew(step)
            case PartEnded():
                return self._part_ended(step)
            case Finished():
                return self._role(step.choice) + self._finished(step)
            case Told():
                self._tokens = step.tokens
                return b""
            case Ended():
                return self._ended()
            case Failed():
                self._over = True
                return _event(error(step.status, step.code, step.message))

    def _role(self, choice: int) -> bytes:
        """Who speaks is said once, before anything else of a choice."""
        if choice in self._calls:
            return b""
        self._calls[choice] = 0
        return self._delta(choice, {"role": "assistant", "content": ""})

    def _part_began(self, step: PartBegan) -> bytes:
        index = self._calls[step.choice]
        opened = self._open[step.choice, step.part] = _Open(step.what, index)
        if type(step.what) in _GROWS:
            return self._more(step.choice, opened, getattr(step.what, "text", ""))
        if not isinstance(step.what, ToolCall):
            self._losses.add(kind_of(step.what), "choices", "chat streams only text and calls")
            return b""
        self._calls[step.choice] += 1
        opened.grown = bool(step.what.arguments)
        function = {"name": step.what.name, "arguments": step.what.arguments}
        call = {"index": index, "id": step.what.call_id, "type": "function", "function": function}
        return self._delta(step.choice, {"tool_calls": [call]})

    def _grew(self, step: PartGrew) -> bytes:
        opened = self._open.get((step.choice, step.part))
        return self._more(step.choice, opened, step.text) if opened else b""

    def _more(self, choice: int, opened: _Open, text: str) -> bytes:
        if not text:
            return b""
        opened.grown = True
        if isinstance(opened.what, ToolCall):
            return self._delta(choice, {"tool_calls": [{"index": opened.index, "function": {"arguments": text}}]})
        return self._delta(choice, {_GROWS[type(opened.what)]: text})

    def _part_ended(self, step: PartEnded) -> bytes:
        opened = self._open.pop((step.choice, step.part), None)
        if opened is None:
            return b""
        self._lose(opened, step)
        if isinstance(opened.what, ToolCall) and not opened.grown:
            return self._more(step.choice, opened, "{}")
        own = write_citations(step.citations, "choices", self._losses)
        return self._delta(step.choice, {"annotations": own}) if own else b""

    def _lose(self, opened: _Open, step: PartEnded) -> None:
        if isinstance(opened.what, Reasoning):
            lose_proof(Reasoning("", step.signature, step.hidden, opened.what.dialect), "choices", self._losses)
        elif step.signature or getattr(opened.what, "signature", ""):
            self._losses.add("thoughtSignature", "choices", "only who made it can use it")

    def _finished(self, step: Finished) -> bytes:
        word = write_finish(step.finish, step.stop_sequence, "choices", self._losses)
        return self._delta(step.choice, {}, word)

    def _ended(self) -> bytes:
        self._over = True
        usage = b""
        if self._usage_asked and self._tokens is not None:
            usage = self._chunk([], write_usage(self._tokens, self._losses))
        return usage + b"data: [DONE]\n\n"

    def _delta(self, choice: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return self._chunk([{"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}], None)

    def _chunk(self, choices: list[Any], usage: dict[str, Any] | None) -> bytes:
        chunk: dict[str, Any] = {
            "id": self._began.answer_id,
            "object": "chat.completion.chunk",
            "created": self._began.created,
            "model": self._began.model,
            "choices": choices,
        }
        if self._usage_asked:
            chunk["usage"] = usage
        return _event(chunk)


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + encode_json(document) + b"\n\n"
