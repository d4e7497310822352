"""Law 7, secrets never leave: look for them in whatever is shown, in the forms in which they travel."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final
from urllib.parse import quote, quote_plus

import attrs

from actorrouter.observe.laws.found import Tell
from actorrouter.values import QuotaObservation, Secret

_SHORTEST: Final = 6
_GRAM_MAX: Final = 12
_CLEAN_MAX: Final = 10_000
_REPR_EVERY: Final = 256
_FEW: Final = 128
"""So many forms are looked for one after the other, which costs less than looking at each character once."""


class SecretScan:
    """`SecretScan(secrets)`, then `look(thing, where)`: text, bytes, errors with their causes, mappings, sequences,
    anything with a repr. Costs about the same for one secret as for thousands: at most 25 ns a character.

    `found`: where a secret was seen; the text itself is never repeated. A secret of fewer than 6 characters is refused.
    """

    def __init__(self, secrets: Iterable[str | Secret], tell: Tell | None = None, found_max: int = 100) -> None:
        texts = {each.reveal() if isinstance(each, Secret) else each for each in secrets}
        if any(len(text) < _SHORTEST for text in texts):
            raise ValueError(f"a secret of fewer than {_SHORTEST} characters would be found everywhere")
        forms = {form for text in texts for form in _forms(text)}
        self._gram = min((len(form) for form in forms), default=_GRAM_MAX)
        self._gram = min(self._gram, _GRAM_MAX)
        self._forms: dict[str, list[str]] = {}
        self._few = tuple(sorted(forms)) if len(forms) <= _FEW else ()
        for form in forms:
            self._forms.setdefault(form[: self._gram], []).append(form)
        self._tell = tell
        self._found_max = found_max
        self.found: list[str] = []
        self._clean: set[str] = set()
        self._events = 0

    def look(self, thing: Any, where: str = "", now: float = 0.0) -> bool:
        """Whether a secret shows in this thing. `where`: what it is, for the report."""
        for text in _texts(thing, 0):
            if self.shows(text):
                told = f"a secret shows in {where or type(thing).__name__}"
                if len(self.found) < self._found_max:
                    self.found.append(told)
                if self._tell is not None:
                    self._tell(7, now, told)
                return True
        return False

    def look_at_event(self, event: Any, now: float) -> None:
        """As `look`, cheaper: what `repr` shows of an event is its fields, and most were clean before."""
        self._events += 1
        if self._events % _REPR_EVERY == 0:
            self.look(event, f"the repr of {type(event).__name__}", now)
        kind: Any = type(event)
        for name, shown in _fields(kind):
            if shown and not self._is_clean(getattr(event, name)):
                self.look(getattr(event, name), f"{name} of an event ({type(event).__name__})", now)

    def _is_clean(self, part: Any) -> bool:
        """Numbers are, texts that were before are, and what is made of such."""
        if isinstance(part, int | float | Decimal | None):
            return True
        if isinstance(part, str):
            if part not in self._clean:
                if self.shows(part):
                    return False
                if len(self._clean) >= _CLEAN_MAX:
                    self._clean.clear()
                self._clean.add(part)
            return True
        if type(part) is QuotaObservation:
            return self._is_clean(part.dimension)
        if isinstance(part, Mapping):
            return all(map(self._is_clean, part)) and all(map(self._is_clean, part.values()))
        return isinstance(part, tuple) and all(map(self._is_clean, part))

    def shows(self, text: str) -> bool:
        """Whether this text holds any form of a secret."""
        if self._few:
            return any(form in text for form in self._few)
        gram, forms = self._gram, self._forms
        if not forms:
            return False
        for start in range(len(text) - gram + 1):
            known = forms.get(text[start : start + gram])
            if known is not None and any(text.startswith(form, start) for form in known):
                return True
        return False


@cache
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:
    return tuple((field.name, bool(field.repr)) for field in attrs.fields(kind))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield secret.encode().hex()
    for encoded in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):  # inside something longer it may begin at any of three offsets
            whole = encoded(b"\0" * before + secret.encode()).decode().rstrip("=")
            first = (0, 2, 3)[before]
            exact = (before + len(secret)) * 8 // 6
            yield whole[first:exact]


def _texts(thing: Any, depth: int) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, bytes | bytearray | memoryview):
        yield bytes(thing).decode("latin-1")
    elif isinstance(thing, BaseException):
        yield from _error_texts(thing)
    elif isinstance(thing, Mapping) and depth < 6:
        for name, each in thing.items():
            yield from _texts(name, depth + 1)
            yield from _texts(each, depth + 1)
    elif isinstance(thing, list | tuple | set | frozenset) and depth < 6:
        for each in thing:
            yield from _texts(each, depth + 1)
    else:
        yield repr(thing)
        if getattr(type(thing), "__str__", None) is not object.__str__:
            yield str(thing)


def _error_texts(error: BaseException) -> Iterator[str]:
    """The error, its causes and its notes as they would be printed, and what it carries."""
    yield "".join(traceback.format_exception(error))
    yield repr(error)
    for name, each in vars(error).items():
        yield name
        yield from _texts(each, 1) if not isinstance(each, BaseException) else (repr(each),)
