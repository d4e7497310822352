"""Fields as they are declared, and the walk over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actorrouter.config import KeyConfig, LimitConfig, PoolConfig
from actorrouter.config.fields import by_worth, type_faults, walk
from actorrouter.config.file import validate
from actorrouter.errors import InvalidConfig
from actorrouter.values import Secret
from tests.config.test_bounds import built


def looking() -> tuple[list[object], Callable[[object], tuple[()]]]:
    """A check that finds nothing, and what it was shown."""
    seen: list[object] = []

    def look(value: object) -> tuple[()]:
        seen.append(value)
        return ()

    return seen, look


def test_what_is_shared_and_sound_is_looked_at_once():
    """However many share it, and however often it is reached."""
    limits = (LimitConfig("requests", 1), LimitConfig("tokens", 1))
    config = built(pools={f"p{i}": PoolConfig(limits) for i in range(5)})
    seen, look = looking()
    assert walk(config, (), look, {}) == []
    assert sum(isinstance(value, LimitConfig) for value in seen) == 2
    assert sum(isinstance(value, PoolConfig) for value in seen) == 5


def test_limits_that_say_the_same_are_looked_at_once():
    """Also when they are not one object; an amount of another kind is told apart where kinds matter."""
    pools = {"a": PoolConfig((LimitConfig("requests", 1),)), "b": PoolConfig((LimitConfig("requests", True),))}
    seen, look = looking()
    assert walk(built(pools=pools), (), look, {}, by_worth) == []
    assert sum(isinstance(value, LimitConfig) for value in seen) == 1
    assert [path for path, _ in type_faults(built(pools=pools))] == [("pools", "b", "limits", 0, "amount")]


@pytest.mark.parametrize("wrong", [LimitConfig("requests", -1), LimitConfig("request", 1), LimitConfig("x", True)])
def test_a_fault_that_is_shared_is_told_everywhere(wrong):
    """Each place that holds it is named."""
    limits = (wrong,)
    pools = {"a": PoolConfig(limits), "b": PoolConfig(limits)}
    keys = {"k": KeyConfig("p", Secret("s"), limits=limits)}
    with pytest.raises(InvalidConfig) as caught:
        validate(built(pools=pools, keys=keys))
    text = "\n".join(caught.value.faults)
    assert all(f"{place}.limits[0]." in text for place in ("pools.a", "pools.b", "keys.k"))


def key(provider: Any = "p", secret: Any = Secret("s"), pools: Any = (), proxy: Any = None) -> KeyConfig:  # noqa: B008
    return KeyConfig(provider, secret, pools, proxy=proxy)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (key(secret="sk-1"), "expected a Secret, or an async callable that gives one"),
        (key(pools=("a", 1)), "expected text, got a number"),
        (key(proxy=1), "expected text or None, got a number"),
        (key(1), "expected text, got a number"),
    ],
)
def test_the_quick_test_lets_nothing_through(given, fault):
    """What is not certainly of the declared type is looked at closely."""
    assert [text for _, text in type_faults(built(keys={"k": given}))] == [fault]


def test_what_is_of_a_kind_is_enough():
    """A callable is a source of secrets, any Mapping a table, a subclass of text is text."""

    class Word(str):
        __slots__ = ()

    async def source():
        return Secret("s")

    assert type_faults(built(keys={Word("k"): KeyConfig(Word("p"), source, (Word("o"),))}, guard_s=1)) == []
