"""Children come to rest one by one, the last first, and only the latest way down counts."""

from __future__ import annotations

from actorrouter.supervisor.descent import Descent


def test_waits_for_each() -> None:
    """A child that has yet to end holds up those before it; a call that brings no news changes nothing."""
    descent = Descent()
    asked: list[str] = []
    done: list[object] = []
    ended = {"a", "c"}

    def rest(child_id: str) -> bool:
        asked.append(child_id)
        return child_id in ended

    descent.begin(["a", "b", "c"], rest, lambda: done.append(True))
    descent.go_on()
    assert (asked, done) == (["c", "b", "b"], [])
    ended.add("b")
    descent.go_on()
    descent.go_on()
    assert (asked[3:], done) == (["b", "a"], [True])


def test_a_new_way_replaces_the_old() -> None:
    """What is begun while a child is being brought to rest is carried through; the old way ends there."""
    descent = Descent()
    asked: list[str] = []
    done: list[object] = []

    def rest(child_id: str) -> bool:
        asked.append(child_id)
        descent.begin(["x"], lambda _: True, lambda: done.append("new"))
        return True

    descent.begin(["a", "b"], rest, lambda: done.append("old"))
    assert (asked, done) == (["b"], ["new"])


def test_news_from_within() -> None:
    """An end reported while that very child is being brought to rest does not start the walk a second time."""
    descent = Descent()
    asked: list[str] = []
    done: list[object] = []

    def rest(child_id: str) -> bool:
        asked.append(child_id)
        descent.go_on()
        return True

    descent.begin(["a", "b"], rest, lambda: done.append(True))
    assert (asked, done) == (["b", "a"], [True])


def test_nothing_to_do() -> None:
    """An empty supervisor is at rest at once."""
    done: list[bool] = []
    Descent().begin([], lambda _: False, lambda: done.append(True))
    assert done == [True]
