"""Ids of calls. Gemini's may have none: a result then belongs to the first call of its name that has none yet."""

from __future__ import annotations

import hashlib
from collections import deque

from actorrouter.dialects.neutral import Message, ToolCall


def invented_id(seed: str, number: int, name: str) -> str:
    """The same id for the same call, whoever reads it and how often. `seed`: tells one answer from another."""
    return "call_" + hashlib.sha256(f"{seed}\0{number}\0{name}".encode(errors="surrogatepass")).hexdigest()[:24]


class CallIds:
    """The calls of one conversation or answer, as they come, and the results that answer them."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0
        self._waiting: deque[tuple[str, str, bool]] = deque()  # id, name, whether the id is the call's own

    def called(self, said: str, name: str) -> str:
        """The id of the next call. `said`: its own, or ""."""
        call_id = said or invented_id(self._seed, self._count, name)
        self._count += 1
        self._waiting.append((call_id, name, bool(said)))
        return call_id

    def answered(self, said: str, name: str) -> str:
        """The id of the call that a result answers. `said`: the result's own, or ""."""
        found = next((call for call in self._waiting if call[0] == said), None)
        found = found or next((call for call in self._waiting if call[1] == name and not (said and call[2])), None)
        if found is None:
            return said or self._unasked(name)
        self._waiting.remove(found)
        return found[0]

    def _unasked(self, name: str) -> str:
        self._count += 1
        return invented_id(self._seed, self._count - 1, name)


def names_of_calls(messages: tuple[Message, ...]) -> dict[str, str]:
    """What each call of a conversation calls, by its id."""
    parts = (part for message in messages for part in message.parts)
    return {part.call_id: part.name for part in parts if isinstance(part, ToolCall)}
