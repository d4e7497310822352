"""The tree as text."""

from __future__ import annotations

from actorrouter.supervisor.picture import draw

from .world import World, actor, group


def test_every_kind_of_line() -> None:
    """A line names the child, its kind or strategy, its state and what went wrong."""
    world = World()
    tree = world.tree(group("router", group("openai", actor("pool"), actor("key")), actor("default")))
    world.crash("key")
    tree.terminate_child("default")
    assert draw(tree.describe()) == "\n".join(  # noqa: FLY002  # it shows the picture
        [
            "router  one_for_one  running",
            "├─ openai  one_for_one  running",
            "│  ├─ pool  actor  running",
            "│  └─ key  actor  running  restarts 1  last crash: RuntimeError in Boom",
            "└─ default  actor  stopped",
        ]
    )


def test_crowds_are_summarised() -> None:
    """More than twenty siblings alike are shown as three and a number; one that crashed is shown still."""
    world = World()
    tree = world.tree(group("keys", *(actor(f"k{n}") for n in range(5_000))))
    world.crash("k4321")
    assert draw(tree.describe()).splitlines() == [
        "keys  one_for_one  running",
        "├─ k0  actor  running",
        "├─ k1  actor  running",
        "├─ k2  actor  running",
        "├─ ... 4,996 more  actor  running",
        "└─ k4321  actor  running  restarts 1  last crash: RuntimeError in Boom",
    ]


def test_twenty_are_no_crowd() -> None:
    """Up to twenty siblings each have their line."""
    world = World()
    tree = world.tree(group("keys", *(actor(f"k{n}") for n in range(20))))
    assert len(draw(tree.describe()).splitlines()) == 21
