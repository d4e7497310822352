"""`call`: what comes out, where it goes, and how it ends."""

from __future__ import annotations

import io
import json
import signal
import socket

import pytest

from tests.cli.commands import CONFIG, ended, process


def test_call_prints_the_text(cli, config):
    """The answer's text, and nothing on stderr."""
    code, printed, complained = cli("call", config, "chat", "hello there", "--max-tokens", 5)
    assert (code, complained) == (0, "")
    assert printed.strip()
    assert "{" not in printed


def test_call_streams_the_same_text(cli, config):
    """--stream prints the same text, piece by piece."""
    whole = cli("call", config, "chat", "hello there", "--max-tokens", 20)
    assert cli("call", config, "chat", "hello there", "--max-tokens", 20, "--stream") == whole


def test_call_prints_the_provider_s_bytes(cli, config):
    """--raw prints the answer as it came: JSON, or server-sent events."""
    _, printed, _ = cli("call", config, "chat", "hello", "--max-tokens", 3, "--raw")
    assert json.loads(printed)["usage"]["completion_tokens"] == 3
    _, printed, _ = cli("call", config, "chat", "hello", "--max-tokens", 3, "--raw", "--stream")
    assert printed.startswith("data: {")
    assert printed.endswith("data: [DONE]\n\n")


def test_call_reads_prompt_and_body_from_elsewhere(cli, config, tmp_path, monkeypatch):
    """`-` is stdin; --body is a JSON file, whose fields go to the provider."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"hello from a pipe")))
    assert cli("call", config, "chat", "-")[0] == 0
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    (tmp_path / "body.json").write_text(json.dumps(body))
    _, printed, _ = cli("call", config, "chat", "--body", tmp_path / "body.json", "--raw")
    assert json.loads(printed)["usage"]["completion_tokens"] == 4
    (tmp_path / "body.json").write_text("[]")
    code, _, complained = cli("call", config, "chat", "--body", tmp_path / "body.json")
    assert (code, "holds no JSON object" in complained) == (2, True)


def test_call_explains_its_decision(cli, config):
    """--explain adds the decision on stderr, also when the answer is no; the text stays alone on stdout."""
    code, printed, complained = cli("call", config, "chat", "hi", "--max-tokens", 2, "--explain")
    assert code == 0
    assert "chosen: k1" in complained
    assert "decision" not in printed
    code, _, complained = cli("call", config, "wrong", "hi", "--explain")
    assert code == 1
    assert "route 'wrong' by policy" in complained


def test_call_says_no_in_words(cli, config, monkeypatch):
    """No key of the route works, or none has room in time: exit code 1. An unknown route: 2."""
    code, printed, complained = cli("call", config, "wrong", "hi", "--wait", 0)
    assert (code, printed) == (1, "")
    assert "wrong" in complained
    code, _, complained = cli("call", config, "nope", "hi")
    assert (code, "unknown model 'nope'" in complained) == (2, True)
    monkeypatch.setenv("ACTORROUTER__COLD_START", "full")
    code, _, complained = cli("call", config, "nowhere", "hi")
    assert code == 1
    assert "ACTORROUTER__COLD_START=empty" in complained


@pytest.mark.parametrize("options", [(), ("--stream",)])
def test_ctrl_c_ends_a_call(config, tmp_path, options):
    """SIGINT while an answer is awaited: exit code 130, one word on stderr, nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        (tmp_path / "router.toml").write_text(CONFIG.format(port=silent.getsockname()[1]))
        with process("call", config, "chat", "hi", *options) as running:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(10)
                running.send_signal(signal.SIGINT)
                assert ended(running) == (130, "", "actorrouter: interrupted\n")
