"""What may be said of all requests of a client, or of one: by whom nobody has checked it yet. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from actorrouter.errors import InvalidCall
from actorrouter.integrations.port import Options


def options_of(said: object) -> Options:
    """What a client's options mean. Raises InvalidCall for one that nobody knows or that is of another kind."""
    if not isinstance(said, Mapping):
        raise InvalidCall("options must be a mapping of names")
    for name, given in said.items():
        if name not in _KINDS:
            raise InvalidCall(f"unknown option {str(name)[:80]!r}; options are: {', '.join(sorted(_KINDS))}")
        fits, expected = _KINDS[name]
        if not fits(given):
            raise InvalidCall(f"option {name}: expected {expected}")
    sets = {name: frozenset(given) for name, given in said.items() if _KINDS[name] is _NAMES}
    return cast("Options", {**said, **sets})


def _is_seconds(given: object) -> bool:
    return given is None or (isinstance(given, int | float) and not isinstance(given, bool) and given == given)  # noqa: PLR0124 -- not NaN


def _are_names(given: object) -> bool:
    return isinstance(given, Collection) and not isinstance(given, str) and all(isinstance(name, str) for name in given)


def _of(*kinds: type) -> Callable[[object], bool]:
    return lambda given: isinstance(given, kinds) and (bool in kinds or not isinstance(given, bool))


_Kind = tuple[Callable[[Any], bool], str]
_SECONDS: Final[_Kind] = (_is_seconds, "a number of seconds")
_NAMES: Final[_Kind] = (_are_names, "a set of names")
_WHOLE: Final[_Kind] = (_of(int), "a whole number")
_YES_OR_NO: Final[_Kind] = (_of(bool), "true or false")

_KINDS: Final[Mapping[str, _Kind]] = {
    "deadline_s": _SECONDS,
    "wait_s": _SECONDS,
    "hedge_s": _SECONDS,
    "keys": _NAMES,
    "exclude_keys": _NAMES,
    "losses": _NAMES,
    "max_attempts": _WHOLE,
    "priority": _WHOLE,
    "repeat_unknown": _YES_OR_NO,
    "continue_stream": _YES_OR_NO,
    "tenant": (_of(str), "a name"),
    "units": (_of(Mapping), "amounts by dimension"),
}
