"""The steps of one streamed answer as the answer they stand for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actorrouter.dialects.neutral import (
    Answer,
    Began,
    Choice,
    Denial,
    Ended,
    Failed,
    Finish,
    Finished,
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


class _Growing:
    """A part, the pieces that came for it, and what came at its end."""

    __slots__ = ("end", "pieces", "what")

    def __init__(self, what: Part) -> None:
        self.what = what
        self.pieces: list[str] = []
        self.end: PartEnded | None = None


class Folding:
    """An answer as it grows. `failed`: the provider's error, after which it stays what it is; `ended`: it is whole."""

    def __init__(self) -> None:
        self.failed: Failed | None = None
        self.ended = False
        self._began = Began("", "")
        self._tokens: Tokens | None = None
        self._parts: dict[int, dict[int, _Growing]] = {}
        self._finished: dict[int, Finished] = {}

    def add(self, step: Step) -> None:
        """Take in the next step."""
        match step:
            case Began():
                self._began, self._tokens = step, step.tokens
            case PartBegan():
                self._parts.setdefault(step.choice, {})[step.part] = _Growing(step.what)
            case PartGrew():
                self._parts[step.choice][step.part].pieces.append(step.text)
            case PartEnded():
                self._parts[step.choice][step.part].end = step
            case Finished():
                self._finished[step.choice] = step
            case Told():
                self._tokens = step.tokens
            case Failed():
                self.failed = step
            case Ended():
                self.ended = True

    def answer(self) -> Answer:
        """What has been said so far."""
        numbers = sorted(self._parts.keys() | self._finished.keys())
        choices = tuple(self._choice(number) for number in numbers)
        return Answer(self._began.answer_id, self._began.model, choices, self._tokens, self._began.created)

    def _choice(self, number: int) -> Choice:
        parts = self._parts.get(number, {})
        said = tuple(_grown(parts[part]) for part in sorted(parts))
        finished = self._finished.get(number)
        finish: Finish | None = finished.finish if finished else None
        return Choice(said, finish, finished.stop_sequence if finished else "")


def fold(steps: Iterable[Step]) -> Answer:
    """The answer that the steps of one stream stand for."""
    folding = Folding()
    for step in steps:
        folding.add(step)
    return folding.answer()


def _grown(growing: _Growing) -> Part:
    text = "".join(growing.pieces)
    end = growing.end or PartEnded(0, 0)
    match growing.what:
        case Text() as what:
            return Text(what.text + text, what.cached, what.citations + end.citations)
        case Denial() as what:
            return Denial(what.text + text)
        case Reasoning() as what:
            return _thought(what, text, end)
        case ToolCall() as what:
            signature = end.signature or what.signature
            return ToolCall(what.call_id, what.name, what.arguments + text, signature, what.cached)
        case Medium() | ToolResult() as what:
            return what


def _thought(what: Reasoning, text: str, end: PartEnded) -> Reasoning:
    """What proves nothing is nobody's: without signature or hidden content there is no dialect to it."""
    signature, hidden = end.signature or what.signature, end.hidden or what.hidden
    dialect = what.dialect if signature or hidden else ""
    return Reasoning(what.text + text, signature, hidden, dialect, what.item_id)
