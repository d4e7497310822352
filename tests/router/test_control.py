"""The control socket: who may open it, what it answers, and that nothing said to it harms the router."""

from __future__ import annotations

import json
import os
import socket
import stat
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from actorrouter import CandidateConfig, InvalidCall, KeyConfig, ProviderConfig, RouteConfig, RouterConfig, RouterError
from actorrouter import Secret, open_router
from actorrouter.config import LimitConfig, PoolConfig
from actorrouter.router import control, control_socket
from actorrouter.router.control import COMMANDS, ask_control

pytestmark = pytest.mark.anyio

LIVE = "sk-live-9f2e71"
CONFIG = RouterConfig(
    providers={"openai": ProviderConfig("http://127.0.0.1:9/v1")},
    keys={"k1": KeyConfig("openai", Secret(LIVE), ("org",)), "k2": KeyConfig("openai", Secret(f"{LIVE}-2"))},
    routes={"chat": RouteConfig((CandidateConfig("openai", "m"),))},
    pools={"org": PoolConfig((LimitConfig("requests", 5.0),))},
)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """In real time: the sockets are real."""
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "r.sock"


@asynccontextmanager
async def running(path, **options):
    async with open_router(attrs.evolve(CONFIG, control=str(path)), **options) as router:
        yield router


async def said(stream):
    """The next line, as JSON."""
    got = b""
    with anyio.fail_after(10):
        while not got.endswith(b"\n"):
            got += await stream.receive()
    return json.loads(got)


# -------------------------------------------------------------------------------------------------------------- the file


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
    chmod = control_socket.Path.chmod

    def watched(made, mode):
        seen.append((made.parent.stat().st_mode & 0o777, path.exists()))
        chmod(made, mode)

    monkeypatch.setattr(control_socket.Path, "chmod", watched)
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
        if len(outcomes) == 4:
            done.set()

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(start)
        with anyio.fail_after(10):
            while len(outcomes) < 4:
                await anyio.sleep(0.01)
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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_is_not_ours_is_one_message(tmp_path):
    """No permission: a RouterError that says so."""
    tmp_path.chmod(0o500)
    with pytest.raises(RouterError, match="permission denied"):
        async with running(tmp_path / "run" / "r.sock"):
            pass


# ------------------------------------------------------------------------------------------------------------- commands


async def test_every_command_does_what_it_says(path):
    """Each command's effect can be seen in the router, and its answer is plain data."""
    async with running(path) as router:

        async def ask(do, **asked):
            return await ask_control(str(path), do, **asked)

        def key(name):
            return router.status()["keys"][name]["state"]

        def circuit():
            return router.status()["providers"]["openai"]["state"]

        assert (await ask("status"))["keys"].keys() == {"k1", "k2"}
        assert "key:k1" in await ask("tree")
        assert "k1" in await ask("disable", key="k1")
        assert key("k1") == "disabled"
        await ask("clear", key="k1")
        assert key("k1") == "available"
        await ask("isolate", provider="openai")
        assert circuit() == "isolated"
        await ask("reset", provider="openai")
        assert circuit() == "closed"
        assert "openai" in await ask("revive", provider="openai")
        body = {"messages": [{"role": "user", "content": "hi"}]}
        quoted = await ask("quote", model="chat", body=body)
        assert quoted["key"] in {"k1", "k2"}
        with await router.reserve("chat", {"tokens": 10}) as grant:
            explained = await ask("explain", decision=grant.decision.decision_id)
        assert "route 'chat'" in explained
        tested = await ask("test", key="k1")
        assert (tested["key"], tested["works"]) == ("k1", None)
        await ask("remove", key="k2")
        assert "k2" not in router.status()["keys"]
        assert "drained" in await ask("drain")
        assert router.status()["state"] == "draining"


async def test_no_answer_holds_a_secret(path):
    """Whatever is asked, no secret comes back."""
    fields = {"key": "k1", "provider": "openai", "decision": 1, "model": "chat", "timeout_s": 0.1}
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        for do in COMMANDS:
            await stream.send(json.dumps({"do": do, **fields}).encode() + b"\n")
            assert LIVE not in json.dumps(await said(stream))


async def test_a_no_is_an_error_with_its_kind(path):
    """What names something unknown is InvalidCall; any other no is RouterError; both at the caller, with the words."""
    async with running(path) as router:
        with pytest.raises(InvalidCall, match="unknown key 'nope'"):
            await ask_control(str(path), "clear", key="nope")
        with pytest.raises(InvalidCall, match="unknown provider 'nope'"):
            await ask_control(str(path), "reset", provider="nope")
        with pytest.raises(RouterError, match="not kept any more"):
            await ask_control(str(path), "explain", decision=12345)
        with await router.reserve("chat", {"tokens": 10}):
            with pytest.raises(RouterError, match="still in flight"):
                await ask_control(str(path), "drain", timeout_s=0.01)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\n", "not a JSON object"),
        (b"not json\n", "not a JSON object"),
        (b"[1]\n", "unknown command"),
        (b"{}\n", "unknown command"),
        (b'{"do": ["status"]}\n', "unknown command"),
        (b'{"do": "rm -rf"}\n', "unknown command; known are: status"),
        (b'{"do": "clear"}\n', "'key' must be text"),
        (b'{"do": "clear", "key": 5}\n', "'key' must be text"),
        (b'{"do": "explain", "decision": "1"}\n', "must be a whole number"),
        (b'{"do": "drain", "timeout_s": -1}\n', "must be a number from 0"),
        (b'{"do": "drain", "timeout_s": NaN}\n', "must be a number from 0"),
        (b'{"do": "quote", "model": "chat", "body": []}\n', "must be an object"),
        (b'{"do": "\xff"}\n', "not a JSON object"),
        (b"[" * 100_000 + b"\n", "not a JSON object"),
        (b"9" * 10_000 + b"\n", "not a JSON object"),
        (b'{"do": "clear", "key": "\\ud800"}\n', "unknown key"),
    ],
)
async def test_what_is_malformed_is_answered(path, line, words):
    """Any line gets an answer that says what is wrong, and the connection goes on."""
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        await stream.send(line)
        assert words in (await said(stream))["error"]
        await stream.send(b'{"do": "tree"}\n')
        assert "ok" in await said(stream)


async def test_a_bug_behind_a_command_is_told_and_contained(path, monkeypatch):
    """A command that raises is answered with the kind of fault; router and connection live on."""

    async def broken(router, asked):
        raise ZeroDivisionError(LIVE)

    monkeypatch.setitem(COMMANDS, "tree", broken)
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        await stream.send(b'{"do": "tree"}\n{"do": "status"}\n')
        assert (await said(stream))["error"] == "internal fault: ZeroDivisionError"
        assert (await said(stream))["ok"]["state"] == "running"


# --------------------------------------------------------------------------------------------------------------- bounds


async def test_a_line_without_end_is_cut(path, monkeypatch):
    """More than LINE_BYTES_MAX without a line's end: an answer, then the connection is closed."""
    monkeypatch.setattr(control, "LINE_BYTES_MAX", 1000)
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        await stream.send(b"x" * 2000)
        assert "longer than 1000 bytes" in (await said(stream))["error"]
        with anyio.fail_after(10), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()


async def test_an_idle_connection_is_closed(path, monkeypatch):
    """A client that says nothing for IDLE_S is let go."""
    monkeypatch.setattr(control, "IDLE_S", 0.05)
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        with anyio.fail_after(10), pytest.raises(anyio.EndOfStream):
            await stream.receive()


async def test_a_client_that_does_not_read_is_let_go(path, monkeypatch):
    """An answer that nobody takes ends its connection after a bound; the next client is served."""
    monkeypatch.setattr(control, "_SEND_S", 0.05)
    monkeypatch.setattr(control, "CLIENTS_MAX", 1)

    async def endless(router, asked):
        return "x" * 50_000_000

    monkeypatch.setitem(COMMANDS, "tree", endless)
    async with running(path):
        async with await anyio.connect_unix(str(path)) as stream:
            await stream.send(b'{"do": "tree"}\n')
            with anyio.fail_after(10):
                while True:
                    try:
                        assert await ask_control(str(path), "status")
                        break
                    except RouterError:  # busy, as long as the first one is
                        await anyio.sleep(0.01)


async def test_clients_are_bounded(path, monkeypatch):
    """One client more than CLIENTS_MAX is told so; when one has gone there is room again."""
    monkeypatch.setattr(control, "CLIENTS_MAX", 2)
    async with running(path):
        first, second = await anyio.connect_unix(str(path)), await anyio.connect_unix(str(path))
        async with first:
            async with second:
                for stream in (first, second):
                    await stream.send(b'{"do": "tree"}\n')
                    await said(stream)
                with pytest.raises(RouterError, match="busy: 2 clients"):
                    await ask_control(str(path), "status")
            with anyio.fail_after(10):
                while True:
                    try:
                        assert await ask_control(str(path), "status")
                        break
                    except RouterError:
                        await anyio.sleep(0.01)


async def test_clients_that_vanish_harm_nobody(path):
    """Connections that break off at every point, many at once: the router answers the next one."""
    async with running(path) as router:

        async def vanish(said_first):
            with socket.socket(socket.AF_UNIX) as rude:
                rude.connect(str(path))
                rude.send(said_first)
                await anyio.sleep(0)

        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(vanish, (b"x", b'{"do": "status"}\n', b'{"do": "tree"}\n' * 50)[number % 3])
        with anyio.fail_after(10):
            while True:
                try:
                    assert (await ask_control(str(path), "status"))["state"] == "running"
                    break
                except RouterError:
                    await anyio.sleep(0.01)
        assert router.status()["state"] == "running"


async def test_concurrent_clients_each_get_their_own_answer(path):
    """Eight at once, ten commands each: every answer belongs to its question."""
    async with running(path):

        async def talk(number):
            async with await anyio.connect_unix(str(path)) as stream:
                for round_number in range(10):
                    key = f"none-{number}-{round_number}"
                    await stream.send(json.dumps({"do": "clear", "key": key}).encode() + b"\n")
                    assert key in (await said(stream))["error"]

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(talk, number)


async def test_without_a_control_socket_there_is_none(tmp_path, monkeypatch):
    """A configuration that names no socket opens none."""
    monkeypatch.chdir(tmp_path)
    async with open_router(CONFIG):
        assert list(tmp_path.iterdir()) == []


async def test_an_ended_conversation_says_so(path):
    """A router that goes away while asked is a RouterError for the asker, not a strange one."""
    async with anyio.create_task_group() as group:
        async with running(path) as router:
            grant = await router.reserve("chat", {"tokens": 10})
            refused = []

            async def ask():
                with pytest.raises(RouterError, match="went away without an answer"):
                    await ask_control(str(path), "drain", timeout_s=60)
                refused.append(True)

            group.start_soon(ask)
            with anyio.fail_after(10):
                while router.status()["state"] != "draining":
                    await anyio.sleep(0.01)
            grant.release()
            router.stop()
    assert refused == [True] or refused == []
