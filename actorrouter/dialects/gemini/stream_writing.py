"""Steps as the chunks of a streamed answer. There is no end mark: the last chunk finishes what the others began.

Source: google-genai SDK 3.4.0, `types.py` and `_api_client.py`.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from actorrouter.dialects import GEMINI
from actorrouter.dialects.documents import encode_json
from actorrouter.dialects.gemini.answer import write_finish, write_head
from actorrouter.dialects.gemini.errors import error
from actorrouter.dialects.gemini.part_writing import thought_part, write_call, write_parts
from actorrouter.dialects.gemini.usage import write_usage
from actorrouter.dialects.kinds import kind_of
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import (
    Began,
    Denial,
    Ended,
    Failed,
    Finished,
    Loss,
    Medium,
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
    ToolResult,
)
from actorrouter.dialects.thoughts import lose_proof


class _Open:
    """A part that is being written. `pieces`: of a call's arguments, which go out whole; `grown`: any was said."""

    __slots__ = ("grown", "pieces", "what")

    def __init__(self, what: Part) -> None:
        self.what = what
        self.pieces: list[str] = []
        self.grown = False


class GeminiStreamWriter:
    """Steps of one answer as chunks. Nothing follows the end or an error."""

    def __init__(self) -> None:
        self._losses = Losses()
        self._head: dict[str, Any] = write_head("", "", 0)
        self._over = False
        self._tokens: Tokens | None = None
        self._finished: dict[int, Finished] = {}
        self._open: dict[tuple[int, int], _Open] = {}
        self._calls: dict[int, dict[int, bytes]] = {}  # choice -> call -> its chunk; b"" while it grows

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
                self._tokens = step.tokens
                self._head = write_head(step.answer_id, step.model, step.created)
            case PartBegan():
                return self._part_began(step)
            case PartGrew():
                return self._grew(step.choice, self._open[step.choice, step.part], step.text)
            case PartEnded():
                return self._part_ended(step)
            case Finished():
                self._finished[step.choice] = step
            case Told():
                self._tokens = step.tokens
            case Ended():
                return self._ended()
            case Failed():
                self._over = True
                return _event(error(step.status, step.code, step.message))
        return b""

    def _part_began(self, step: PartBegan) -> bytes:
        opened = self._open[step.choice, step.part] = _Open(step.what)
        match step.what:
            case Medium():
                written = write_parts([step.what], {}, "choices", self._losses, history=False)
                return self._said(step.choice, written) if written else b""
            case Denial():
                self._losses.add("refusal", "choices", "written as text")
            case ToolCall():
                self._calls.setdefault(step.choice, {})[step.part] = b""
            case ToolResult():
                self._losses.add(kind_of(step.what), "choices", "cannot stand in an answer")
            case _:
                pass
        first = getattr(step.what, "arguments", "") or getattr(step.what, "text", "")
        return self._grew(step.choice, opened, first)

    def _grew(self, choice: int, opened: _Open, text: str) -> bytes:
        """Text goes out as it comes, a call's arguments when they are whole."""
        if not text:
            return b""
        opened.grown = True
        match opened.what:
            case Text() | Denial():
                return self._said(choice, [{"text": text}])
            case Reasoning():
                return self._said(choice, [thought_part(text, "")])
            case _:
                opened.pieces.append(text)
                return b""

    def _part_ended(self, step: PartEnded) -> bytes:
        opened = self._open.pop((step.choice, step.part))
        match opened.what:
            case ToolCall(call_id=call_id, name=name, signature=signature, cached=cached):
                call = ToolCall(call_id, name, "".join(opened.pieces), step.signature or signature, cached)
                return self._called(step, write_call(call, "choices", self._losses))
            case Reasoning(dialect=dialect, signature=signature, hidden=hidden):
                proof = Reasoning("", step.signature or signature, step.hidden or hidden, dialect)
                return self._proved(step.choice, proof, grown=opened.grown)
            case Text(citations=citations) if citations or step.citations:
                self._losses.add("citations", "choices", "another dialect's")
            case _:
                pass
        return b""

    def _called(self, step: PartEnded, call: dict[str, Any]) -> bytes:
        """Calls go out in the order they began in, each when it and all before it are whole."""
        calls = self._calls[step.choice]
        calls[step.part] = self._said(step.choice, [call])
        whole = list(takewhile(lambda call: calls[call], calls))
        return b"".join([calls.pop(call) for call in whole])

    def _proved(self, choice: int, proof: Reasoning, *, grown: bool) -> bytes:
        """Our own signature ends a thought; without one, what was thought before has ended anyway."""
        own = proof.dialect == GEMINI
        lose_proof(Reasoning("", "" if own else proof.signature, proof.hidden, proof.dialect), "choices", self._losses)
        if not own or not proof.signature:
            return b""
        ending = thought_part("", proof.signature) if grown else {"text": "", "thoughtSignature": proof.signature}
        return self._said(choice, [ending])

    def _ended(self) -> bytes:
        self._over = True
        candidates = [
            _candidate(index, [], write_finish(last.finish, last.stop_sequence, "choices", self._losses))
            for index, last in sorted(self._finished.items())
        ]
        usage = {"usageMetadata": write_usage(self._tokens, self._losses)} if self._tokens is not None else {}
        return _event({"candidates": candidates, **usage, **self._head})

    def _said(self, choice: int, parts: list[dict[str, Any]]) -> bytes:
        return _event({"candidates": [_candidate(choice, parts)], **self._head})


def _candidate(index: int, parts: list[dict[str, Any]], finish: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": index}
    return {**said, "finishReason": finish} if finish else said


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + encode_json(document) + b"\n\n"
