"""Commands for a running router, with one and without; `serve`, which is one."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import anyio
import attrs
import pytest

from actorrouter import open_router
from actorrouter.cli import serving as command
from actorrouter.cli.words import harmless
from tests.cli.commands import ended, process, serving
from tests.router.operated import CONFIG


def test_what_works_without_a_running_router(cli, config):
    """tree and quote say that nobody runs and answer as a new router would; keys test asks the provider."""
    code, printed, complained = cli("tree", config)
    assert (code, "no router is running" in complained, "key:k1" in printed) == (0, True, True)
    code, printed, complained = cli("quote", config, "chat", "hi")
    assert (code, "no router is running" in complained, printed) == (0, True, "now: key k1\n")
    assert cli("keys", "test", config, "k1") == (0, "key k1 works: 200 accepted\n", "")
    code, printed, _ = cli("keys", "test", config, "wrong")
    assert (code, "key wrong does not work: 401" in printed) == (1, True)
    code, _, complained = cli("keys", "test", config, "nope")
    assert (code, complained) == (2, "actorrouter: unknown key 'nope'\n")


def test_a_quote_of_no_room_is_a_no(cli, config, monkeypatch):
    """Nobody has room now: when and why, and exit code 1."""
    monkeypatch.setenv("ACTORROUTER__COLD_START", "full")
    code, printed, _ = cli("quote", config, "chat", "hi")
    assert code == 1
    assert printed.startswith("in 0.")
    assert "pool:sim:org: requests of 500" in printed


@pytest.mark.parametrize(
    "command", [("status",), ("drain",), ("keys", "clear", "k1"), ("circuit", "reset", "sim"), ("explain", "1")]
)
def test_what_needs_a_running_router_says_so(cli, config, command):
    """Nobody behind the socket: exit code 1. A configuration without a socket: 2."""
    words = list(command)
    words.insert(2 if len(words) == 3 else 1, config)
    code, _, complained = cli(*words)
    assert (code, "no router is running behind" in complained) == (1, True)
    Path(config).write_text(Path(config).read_text().replace('control = "run/r.sock"', ""))
    code, _, complained = cli(*words)
    assert (code, "names no control socket" in complained) == (2, True)


def test_a_running_router_under_its_operator_s_hand(cli, config, tmp_path):
    """Every command that goes through the socket, by CONFIG and by --socket, on one router."""
    socket = ("--socket", str(tmp_path / "run" / "r.sock"))
    with serving(config) as running:
        code, printed, _ = cli("status", config, "--json")
        told = json.loads(printed)
        assert (code, told["state"], set(told["keys"])) == (0, "running", {"k1", "wrong"})
        code, printed, _ = cli("status", *socket)
        assert (code, "router running" in printed, "k1" in printed) == (0, True, True)
        code, printed, complained = cli("tree", config)
        assert (code, complained, "key:k1" in printed) == (0, "", True)
        assert cli("quote", config, "chat", "hi") == (0, "now: key k1\n", "")
        assert cli("keys", "disable", config, "k1")[0] == 0
        assert json.loads(cli("status", *socket, "--json")[1])["keys"]["k1"]["state"] == "disabled"
        code, printed, _ = cli("quote", config, "chat", "hi")
        assert (code, "never" in printed) == (1, True)
        assert cli("keys", "clear", *socket, "k1") == (0, "key k1 is available again\n", "")
        assert cli("keys", "test", config, "k1") == (0, "key k1 works: 200 accepted\n", "")
        assert cli("circuit", "isolate", config, "sim")[0] == 0
        assert cli("circuit", "reset", "sim", *socket) == (0, "the circuit of sim is closed\n", "")
        assert cli("provider", "revive", config, "sim")[0] == 0
        code, _, complained = cli("explain", *socket, 99999)
        assert (code, "not kept any more" in complained) == (1, True)
        code, _, complained = cli("keys", "clear", config, "nope")
        assert (code, "unknown key 'nope'" in complained) == (2, True)
        assert cli("keys", "remove", config, "wrong", "--timeout", 5) == (0, "key wrong is removed\n", "")
        with process("serve", config) as second:
            code, _, complained = ended(second)
        assert (code, "another router already serves" in complained) == (1, True)
        code, printed, _ = cli("drain", config)
        assert (code, "drained" in printed) == (0, True)
        running.send_signal(signal.SIGTERM)
        code, printed, complained = ended(running)
        assert (code, "drained" in printed) == (0, True)
    assert not (tmp_path / "run" / "r.sock").exists()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_serve(config, tmp_path, backend, sent):
    """One signal: it drains, says so, ends with 0, and its socket is gone."""
    with serving(config, "--backend", backend) as running:
        running.send_signal(sent)
        code, printed, complained = ended(running)
    assert (code, complained) == (0, "")
    assert printed.splitlines() == ["draining for at most 30 s; a second signal ends it at once", "drained"]
    assert not (tmp_path / "run" / "r.sock").exists()


def test_serve_needs_somewhere_to_listen(cli, config, tmp_path):
    """Without `control` it serves on --socket, or says what to add."""
    text = (tmp_path / "router.toml").read_text().replace('control = "run/r.sock"', "")
    (tmp_path / "router.toml").write_text(text)
    code, _, complained = cli("serve", config)
    assert (code, "names no control socket" in complained) == (2, True)
    with serving(config, "--socket", str(tmp_path / "s")) as running:
        assert cli("status", "--socket", tmp_path / "s", "--json")[0] == 0
        running.send_signal(signal.SIGTERM)
        assert ended(running)[0] == 0


def test_a_killed_serve_is_followed_by_the_next(cli, config):
    """SIGKILL leaves the socket's file: no router is running, and the next one takes it over."""
    with serving(config) as running:
        running.kill()
        running.wait(10)
    code, _, complained = cli("status", config)
    assert (code, "no router is running" in complained) == (1, True)
    with serving(config):
        assert cli("status", config)[0] == 0


@pytest.mark.anyio
@pytest.mark.parametrize(("count", "drain_s", "ends"), [(1, 30, 130), (0, 0.01, 1)], ids=["second signal", "too late"])
async def test_a_drain_that_does_not_end(capfd, count, drain_s, ends):
    """With a call in flight: a second signal ends it at once with 130; its time being over, with 1 and a message."""
    sending, signals = anyio.create_memory_object_stream[signal.Signals](1)
    with sending, signals:
        if count:
            sending.send_nowait(signal.SIGINT)
        async with open_router(attrs.evolve(CONFIG, drain_s=drain_s)) as router:
            await router.reserve("chat", {"tokens": 10})
            assert await command._drain(router, signals) == ends
    _, complained = capfd.readouterr()
    assert complained == ("" if ends == 130 else "actorrouter: calls were still in flight when the time was over\n")


def test_control_characters_of_an_answer_are_left_out():
    """What others say cannot command the terminal: no escape sequence gets through, lines and tabs do."""
    assert harmless("a\x1b[2Jb\x9bc\r\n\td\x00é") == "a[2Jbc\n\tdé"
