"""The control socket's file: who may open it, who gets it, and what becomes of it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import anyio
import attrs
import pytest

from actorrouter import InvalidConfig, RouterError, open_router
from actorrouter.config.file import control_of, load
from actorrouter.router import control_socket
from actorrouter.router.control import ask_control
from tests.config.cases import ENVIRON, SMALL
from tests.router.operated import CONFIG, running, until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """In real time: the sockets are real."""
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "r.sock"


async def test_only_its_owner_can_open_it(path):
    """The socket has mode 0600, its new folder 0700; both also where files are usually made for everybody."""
    before = os.umask(0)
    try:
        async with running(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            assert [entry.name for entry in path.parent.iterdir()] == ["r.sock"]
    finally:
        os.umask(before)


async def test_nobody_can_connect_before_the_mode_is_right(path, monkeypatch):
    """At the moment the mode is set the socket lies in a folder that only its owner can enter."""
    seen = []
    chmod = Path.chmod

    def watched(made, mode):
        seen.append((made.parent.stat().st_mode & 0o777, path.exists()))
        chmod(made, mode)

    monkeypatch.setattr(Path, "chmod", watched)
    async with running(path):
        assert seen == [(0o700, False)]


async def test_it_is_gone_when_the_router_is(path):
    """Leaving the router removes the file and nothing else."""
    async with running(path):
        assert await ask_control(str(path), "status")
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        await ask_control(str(path), "status")


async def test_the_file_of_a_killed_router_is_replaced(path):
    """A socket file behind which nobody listens is no obstacle."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert path.is_socket()
    async with running(path):
        assert await ask_control(str(path), "tree")


async def test_a_live_socket_is_refused_and_keeps_serving(path):
    """A second router on the same path does not start; the first one's socket still answers, also afterwards."""
    async with running(path):
        with pytest.raises(RouterError, match="another router already serves"):
            async with running(path):
                pass
        assert (await ask_control(str(path), "status"))["state"] == "running"


async def test_what_is_no_socket_is_left_alone(path):
    """A file that stands where the socket should be is an error, and stays."""
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(RouterError, match="no socket stands there"):
        async with running(path):
            pass
    assert path.read_text() == "precious"


async def test_of_routers_that_start_at_once_one_gets_it(path):
    """Four start at the same moment over a stale file: one serves, three are refused, and its file remains."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    outcomes = []
    done = anyio.Event()

    async def start():
        try:
            async with running(path):
                outcomes.append("serves")
                await done.wait()
        except RouterError:
            outcomes.append("refused")

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(start)
        await until(lambda: len(outcomes) == 4)
        assert await ask_control(str(path), "status")
        done.set()
    assert sorted(outcomes) == ["refused", "refused", "refused", "serves"]


async def test_a_folder_held_by_somebody_else_is_an_error_not_a_hang(path, monkeypatch):
    """A lock on the folder that is never given back ends the start with a message."""
    import fcntl

    monkeypatch.setattr(control_socket, "_AGAIN_S", 0.001)
    path.parent.mkdir()
    held = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(RouterError, match="another router is opening"):
            async with running(path):
                pass
    finally:
        os.close(held)


async def test_another_s_file_is_not_removed(path):
    """If the path has meanwhile become somebody else's, it stays."""
    async with running(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


async def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    """What the system says is in the RouterError, and nothing of ours is left."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RouterError, match="cannot be opened: not a directory"):
        async with running(tmp_path / "file" / "run" / "r.sock"):
            pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("control", ["", "a\0b", "x" * 100, "run/"])
async def test_what_is_no_path_of_a_socket_is_a_fault(control):
    """A path that cannot be one is found with the configuration's other faults."""
    with pytest.raises(InvalidConfig, match="control: expected a socket's path of at most 92 bytes"):
        async with open_router(attrs.evolve(CONFIG, control=control)):
            pass


async def test_a_file_s_path_starts_from_its_folder(tmp_path):
    """`control` starts from the file's folder, also when the environment says it; no secret is needed to read it."""
    file = tmp_path / "router.toml"
    file.write_text('control = "run/r.sock"\n' + SMALL)
    assert load(file, ENVIRON).control == str(tmp_path / "run" / "r.sock") == control_of(file, {})
    assert control_of(file, {"ACTORROUTER__CONTROL": "other.sock"}) == str(tmp_path / "other.sock")
    file.write_text(SMALL)
    assert control_of(file, {}) is None is load(file, ENVIRON).control
    file.write_text("control = 5")
    with pytest.raises(InvalidConfig, match="control: expected text, got a number"):
        control_of(file, {})


async def test_without_a_control_socket_there_is_none(tmp_path, monkeypatch):
    """A configuration that names no socket opens none."""
    monkeypatch.chdir(tmp_path)
    async with open_router(CONFIG):
        assert list(tmp_path.iterdir()) == []
