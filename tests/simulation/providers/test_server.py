"""The process: how it starts, what it says, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actorrouter.simulation.providers.server import main


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("ending", ["stdin", "signal"])
def test_the_process_says_its_ports_and_ends_cleanly(backend, ending):
    """One line of ports when it listens; exit code 0 when stdin closes or on SIGTERM."""
    command = [sys.executable, "-m", "actorrouter.simulation.providers.server", "--config", "-", "--backend", backend]
    described = '{"providers": {"one": {"keys": {}, "scopes": {}}, "two": {"keys": {}, "scopes": {}}}}'
    pipe = subprocess.PIPE
    command.append("--exit-with-stdin")
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(described + "\n")
        process.stdin.flush()
        ready = json.loads(process.stdout.readline())
        if ending == "signal":
            os.kill(process.pid, signal.SIGTERM)
            process.wait(10)
        _, errors = process.communicate(timeout=10)
    assert (ready["ready"], sorted(ready["ports"])) == (True, ["one", "two"])
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_description_in_a_file_is_answered_to_people_too(backend, tmp_path):
    """One line with the base URL per provider on stderr; stdout stays one line of JSON."""
    described = write(tmp_path, one=0, two=0)
    command = [sys.executable, "-m", "actorrouter.simulation.providers.server", str(described), "--backend", backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())["ports"]
        os.kill(process.pid, signal.SIGTERM)
        rest, told = process.communicate(timeout=10)
    assert told.splitlines() == [f"{name} listens on http://127.0.0.1:{ports[name]}/v1" for name in ("one", "two")]
    assert (process.returncode, rest) == (0, "")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_taken_port_is_one_line_and_code_2(backend, tmp_path, taken_port, capsys):
    """The provider and its port are named, no provider is announced, nothing is raised."""
    described = write(tmp_path, free=0, busy=taken_port)
    assert main([str(described), "--backend", backend]) == 2
    said, complained = capsys.readouterr()
    place = f"{described}: provider busy: port {taken_port}: address already in use;"
    assert complained.startswith(place)
    assert (said, complained.count("\n")) == ("", 1)


def test_a_faulty_description_is_one_line_and_code_2(tmp_path, capsys):
    """The place of the fault is named."""
    assert main([str(write(tmp_path, one=-1))]) == 2
    assert "$.providers['one']" in capsys.readouterr().err


def write(folder: Path, **ports: int) -> Path:
    providers = {name: {"port": port, "keys": {}, "scopes": {}} for name, port in ports.items()}
    described = folder / "providers.json"
    described.write_text(json.dumps({"providers": providers}))
    return described
