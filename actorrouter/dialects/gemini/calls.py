"""Ids of calls. Gemini's may have none: a result then belongs to the first call of its name that has none yet."""

from __future__ import annotations

import hashlib

from actorrouter.dialects.neutral import Message, ToolCall


def invented_id(seed: str, number: int, name: str) -> str:
    """The same id for the same call, whoever reads it and how often. `seed`: tells one answer from another."""
    return "call_" + hashlib.sha256(f"{seed}\0{number}\0{name}".encode(errors="surrogatepass")).hexdigest()[:24]


class CallIds:
    """The calls of one conversation or answer, as they come, and the results that answer them."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._count = 0
        self._waiting: dict[str, tuple[str, bool]] = {}  # by id: the name, and whether the id is the call's own
        self._of_name: dict[tuple[str, bool], dict[str, None]] = {}  # the same, the other way round

    def called(self, said: str, name: str) -> str:
        """The id of the next call. `said`: its own, or ""."""
        call_id = said or invented_id(self._seed, self._count, name)
        self._count += 1
        self._waiting[call_id] = name, bool(said)
        self._of_name.setdefault((name, bool(said)), {})[call_id] = None
        return call_id

    def answered(self, said: str, name: str) -> str:
        """The id of the call that a result answers. `said`: the result's own, or ""."""
        found = said if said in self._waiting else self._first_of(name, said)
        if not found:
            return said or self._unasked(name)
        del self._of_name[self._waiting.pop(found)][found]
        return found

    def _first_of(self, name: str, said: str) -> str:
        """A call without an id of its own, or for a result that has none either, any."""
        without, named = self._of_name.get((name, False), {}), self._of_name.get((name, True), {})
        return next(iter(without), "") or ("" if said else next(iter(named), ""))

    def _unasked(self, name: str) -> str:
        self._count += 1
        return invented_id(self._seed, self._count - 1, name)


def names_of_calls(messages: tuple[Message, ...]) -> dict[str, str]:
    """What each call of a conversation calls, by its id."""
    parts = (part for message in messages for part in message.parts)
    return {part.call_id: part.name for part in parts if isinstance(part, ToolCall)}
