"""A simulated provider, a configuration for it, and a command line in this process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from actorrouter.cli import main
from tests.cli.commands import CONFIG, ENVIRON, LIVE, PROVIDER, WRONG


@pytest.fixture(scope="session")
def port():
    """A simulated provider that answers at once: its port."""
    command = [sys.executable, "-m", "actorrouter.simulation.providers.server", "--config", "-", "--exit-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"providers": {"sim": PROVIDER}}) + "\n")
        process.stdin.flush()
        yield json.loads(process.stdout.readline())["ports"]["sim"]
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def config(tmp_path, port, monkeypatch):
    """A configuration with a control socket, and its secrets in the environment."""
    for name, secret in ENVIRON.items():
        monkeypatch.setenv(name, secret)
    (tmp_path / "router.toml").write_text(CONFIG.format(port=port))
    return str(tmp_path / "router.toml")


@pytest.fixture
def cli(capfd):
    """Run a command in this process: (exit code, stdout, stderr); no secret is in what it prints."""

    def run(*arguments):
        code = main([str(each) for each in arguments])
        printed, complained = capfd.readouterr()
        assert LIVE not in printed + complained
        assert WRONG not in printed + complained
        assert "Traceback" not in complained
        return code, printed, complained

    return run
