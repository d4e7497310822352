"""The control socket's conversation: what it answers, and that nothing said to it harms the router."""

from __future__ import annotations

import json
import socket

import anyio
import anyio.lowlevel
import pytest

from actorrouter import InvalidCall, RouterError
from actorrouter.router import control
from actorrouter.router.control import COMMANDS, ask_control
from tests.router.operated import LIVE, insist, running, said, until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    """In real time: the sockets are real."""
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "r.sock"


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
        with await router.reserve("chat", {"tokens": 10}), pytest.raises(RouterError, match="still in flight"):
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
        await stream.send(b'{"do": "tree"}\n')
        assert (await said(stream))["error"] == "internal fault: ZeroDivisionError"
        await stream.send(b'{"do": "status"}\n')
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
    async with running(path), await anyio.connect_unix(str(path)) as stream:
        await stream.send(b'{"do": "tree"}\n')
        with pytest.raises(RouterError, match="busy"):
            await ask_control(str(path), "status")
        assert await insist(lambda: ask_control(str(path), "status"))


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
            assert await insist(lambda: ask_control(str(path), "status"))


async def test_clients_that_vanish_harm_nobody(path):
    """Connections that break off before, within and after a command: the router answers the next one."""
    async with running(path) as router:
        for said_last in (b"", b"x", b'{"do": "status"}\n', b'{"do": "tree"}\n' * 50) * 5:
            with socket.socket(socket.AF_UNIX) as rude:
                rude.connect(str(path))
                rude.send(said_last)
                await anyio.lowlevel.checkpoint()
        assert await insist(lambda: ask_control(str(path), "status"))
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


async def test_an_ended_conversation_says_so(path):
    """A router that goes away while it is asked is a RouterError for the asker, not a strange one."""
    heard = []

    async def ask():
        with pytest.raises(RouterError, match="went away without an answer"):
            await ask_control(str(path), "drain", timeout_s=60)
        heard.append("gone")

    async with anyio.create_task_group() as group, running(path) as router:
        await router.reserve("chat", {"tokens": 10})
        group.start_soon(ask)
        await until(lambda: router.status()["state"] == "draining")
    assert heard == ["gone"]
