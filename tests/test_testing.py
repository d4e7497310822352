"""actorrouter.testing, used as users use it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from actorrouter import Call, InvalidConfig, NoCapacity, Secret
from actorrouter.config.file import loads
from actorrouter.events import Settled
from actorrouter.router import admission
from actorrouter.router.admission import Admission
from actorrouter.simulation.providers.config import ConfigInvalid
from actorrouter.testing import LawsBroken, World, rehearsal, virtual_time
from actorrouter.testing import rehearse as rehearse  # noqa: PLC0414 - a fixture

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.anyio
virtual = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
"""Where time passes it is trio's virtual one."""

TREE: dict[str, Any] = {
    "cold_start": "empty",
    "providers": {"north": {}},
    "keys": {"n1": {"provider": "north", "limits": [{"dimension": "requests", "amount": 2, "window_s": 60}]}},
    "routes": {"chat": {"candidates": [{"provider": "north", "model": "big"}]}},
}
FILE = """
cold_start = "empty"
control = "ctl.sock"
[providers.north]
base_url = "https://api.real.test/v1"
[keys.n1]
provider = "north"
secret = "SECRET"
proxy = "http://user:sk-in-a-proxy@10.0.0.1:3128"
limits = [{ dimension = "requests", amount = 2, window_s = 60 }]
[routes.chat]
candidates = [{ provider = "north", model = "big" }]
"""


async def test_a_call_is_served_and_booked_on_both_sides(rehearse: Any) -> None:
    """The fixture gives a running router; the provider's own books tell what came."""
    async with rehearse(TREE) as world:
        reply = await world.router.send(world.call("chat", input_tokens=7, output_tokens=3))
        assert reply.usage is not None
        assert reply.usage.amounts["output_tokens"] == 3
        books = world.books("north")
    assert (books["accepted"], books["output_tokens"], books["rejected"]["limit"]) == (1, 3, 0)


@virtual
async def test_an_hour_passes_in_no_time_and_is_seen_by_both_clocks(rehearse: Any) -> None:
    """Two calls a minute: the third waits, nothing is refused, and the wall clock goes with it."""
    async with rehearse(TREE) as world:
        wall = world.wall()
        for _ in range(60):
            await world.router.send(world.call("chat", wait_s=3600))
        assert anyio.current_time() > 28 * 60
        assert world.wall() - wall == pytest.approx(anyio.current_time(), abs=1)
        assert world.books("north")["rejected"]["limit"] == 0


def of_path(tmp_path: Path) -> Any:
    (tmp_path / "router.toml").write_text(FILE.replace("SECRET", "env:NOT_SET_ANYWHERE"))
    return tmp_path / "router.toml"


@pytest.mark.parametrize("kind", ["path", "text", "tables", "config"])
async def test_a_real_configuration_is_taken_as_it_is_but_for_addresses_and_secrets(
    rehearse: Any, tmp_path: Path, kind: str
) -> None:
    """A path, its text, tables, or an object: what could reach somebody is replaced."""
    path = of_path(tmp_path)
    config = {
        "path": path,
        "text": str(path),
        "tables": TREE,
        "config": loads(FILE.replace("SECRET", "env:REAL"), environ={"REAL": "sk-real"}),
    }[kind]
    async with rehearse(config) as world:
        await world.router.send(world.call("chat"))
        key = world.router.fleet.keys["n1"].config
        assert isinstance(key.secret, Secret)
        assert key.secret.reveal() == "sk-simulated-n1"
        assert key.proxy is None
        assert world.router.fleet.providers["north"].config.base_url == "http://north.example/v1"
    assert not (tmp_path / "ctl.sock").exists()


async def test_nothing_reaches_the_network(rehearse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is connected and no name is looked up."""

    async def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was used")

    for name in ("connect_tcp", "connect_unix", "getaddrinfo"):
        monkeypatch.setattr(anyio, name, never)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was used"))
    async with rehearse(TREE) as world:
        assert (await world.router.send(world.call("chat"))).status == 200


@virtual
async def test_trouble_begins_now(rehearse: Any) -> None:
    """And ends when it is said to; the router waits it out."""
    async with rehearse(TREE, upstream={"north": {"retry_after": "none"}}) as world:
        await anyio.sleep(100)
        world.trouble("north", "outage", for_s=3)
        reply = await world.router.send(world.call("chat", wait_s=300, max_attempts=8))
        assert reply.status == 200
        assert 103 <= anyio.current_time() < 200
        assert world.books("north")["rejected"]["outage"] >= 1


async def test_trouble_that_there_is_not_is_refused(rehearse: Any) -> None:
    """By name of its field or kind."""
    async with rehearse(TREE) as world:
        with pytest.raises(ValueError, match="colour"):
            world.trouble("north", "outage", colour="red")
        with pytest.raises(ValueError, match="probability"):
            world.trouble("north", "outage", probability=2)
        with pytest.raises(ValueError, match="rain"):
            world.trouble("north", "rain")
        with pytest.raises(ValueError, match="west"):
            world.trouble("west", "outage")
        with pytest.raises(ValueError, match="west"):
            world.books("west")


@pytest.mark.parametrize(("name", "law"), [("leaking", 2), ("talkative", 7)])
async def test_a_law_broken_on_purpose_is_told_at_the_end(
    rehearse: Any, monkeypatch: pytest.MonkeyPatch, name: str, law: int
) -> None:
    """With the law's number; without the bug the same block is silent."""

    async def block() -> None:
        async with rehearse(TREE) as world:
            await world.router.send(world.call("chat"))

    await block()
    _PLANTED[name](monkeypatch)
    with pytest.raises(LawsBroken, match=f"law {law} ") as told:
        await block()
    assert "sk-simulated" not in str(told.value)


def _talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    def telling(*about: Any) -> Settled:
        told = list(about)
        told[2] = f"sk-simulated-{told[2]}"
        return Settled(*told)

    monkeypatch.setattr(admission, "Settled", telling)


def _leaking(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: Admission, lease: Any, outcome: Any) -> None:
        self.leases.open.pop(lease.reservation_id)

    monkeypatch.setattr(Admission, "settle", forget)


_PLANTED = {"leaking": _leaking, "talkative": _talkative}


@pytest.mark.parametrize("raised", [AssertionError, KeyError, pytest.skip.Exception, KeyboardInterrupt])
async def test_what_the_block_raises_leaves_it_as_it_is(rehearse: Any, raised: type[BaseException]) -> None:
    """No group around it: a failed assertion, a skipped test and Ctrl-C are what they are."""
    with pytest.raises(raised, match="mine") as caught:
        async with rehearse(TREE):
            raise raised("mine")
    assert type(caught.value) is raised


async def test_what_the_router_refuses_reaches_the_test(rehearse: Any) -> None:
    """As the router raises it."""

    async def block() -> None:
        async with rehearse(TREE) as world:
            for _ in range(3):
                await world.router.send(world.call("chat", wait_s=0))

    with pytest.raises(NoCapacity):
        await block()


@virtual
async def test_a_block_can_be_cancelled(rehearse: Any) -> None:
    """From outside, and nothing is left behind."""
    with anyio.move_on_after(5) as scope:
        async with rehearse(TREE):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert anyio.current_time() == 5


async def test_a_bad_description_is_told(rehearse: Any) -> None:
    """Of the router or of the provider."""
    with pytest.raises(InvalidConfig, match="routes"):
        async with rehearse({**TREE, "routes": {}}):
            pass
    with pytest.raises(ConfigInvalid, match=r"upstream\.west"):
        async with rehearse(TREE, upstream={"west": {}}):
            pass


@virtual
async def test_the_same_seed_is_the_same_world() -> None:
    """Another seed is another one."""

    async def instants(seed: int) -> list[float]:
        began = anyio.current_time()
        async with rehearsal(TREE, seed=seed) as world:
            await world.router.send(world.call("chat"))
        return [round(anyio.current_time() - began, 9)]

    first = await instants(1)
    assert await instants(1) == first
    assert await instants(2) != first


def test_a_call_has_its_lengths_and_the_options_of_calls() -> None:
    """What the simulated provider reads is in its metadata."""
    call = World.call(None, "chat", input_tokens=3, output_tokens=0, tenant="a", stream=True)  # type: ignore[arg-type]
    assert isinstance(call, Call)
    assert (call.body["max_tokens"], call.tenant, call.stream) == (1, "a", True)
    assert call.body["metadata"] == {"input_tokens": "3", "output_tokens": "0"}


def test_virtual_time_is_a_backend_with_a_clock_of_its_own() -> None:
    """A fresh one each time: an hour takes none."""
    (name, options), (_, others) = virtual_time(), virtual_time()
    assert options["clock"] is not others["clock"]

    async def wait() -> float:
        await anyio.sleep(3600)
        return anyio.current_time()

    assert anyio.run(wait, backend=name, backend_options=options) == 3600


def test_the_page_s_test_passes(tmp_path: Path) -> None:
    """The test on the page on rehearsals, in a folder of its own, with docs/fleet.toml."""
    page = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    block = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[-1]
    (tmp_path / "test_mine.py").write_text(block)
    (tmp_path / "fleet.toml").write_text((ROOT / "docs" / "fleet.toml").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout
