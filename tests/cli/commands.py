"""What the tests of the command line share: a configuration, its secrets, and commands as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

LIVE = "sk-live-5c1d90"
WRONG = "sk-live-wrong-7"
ENVIRON = {"CLI_KEY": LIVE, "CLI_KEY_WRONG": WRONG}
PROVIDER = {
    "port": 0,
    "models": [],
    "service": {"first_token_s": 0.0, "per_token_s": 0.0},
    "scopes": {},
    "keys": {"k1": {"secret": LIVE, "scopes": []}},
}
CONFIG = """
control = "run/r.sock"
cold_start = "empty"
[providers.sim]
base_url = "http://127.0.0.1:{port}/v1"
[pools.org]
limits = [{{ dimension = "requests", amount = 500 }}]
[keys.k1]
provider = "sim"
secret = "env:CLI_KEY"
pools = ["org"]
[keys.wrong]
provider = "sim"
secret = "env:CLI_KEY_WRONG"
[routes.chat]
candidates = [{{ provider = "sim", model = "m", keys = ["k1"] }}]
[routes.wrong]
candidates = [{{ provider = "sim", model = "m", keys = ["wrong"] }}]
[routes.nowhere]
wait_s = 0
candidates = [{{ provider = "sim", model = "m", keys = ["k1"] }}]
"""


def process(*arguments, **options):
    """Run a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "actorrouter", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        **options,
    )


def ended(running):
    """(exit code, stdout, stderr) of a process, without secret or traceback."""
    printed, complained = running.communicate(timeout=30)
    assert LIVE not in printed + complained
    assert "Traceback" not in complained
    return running.returncode, printed, complained


@contextmanager
def serving(config, *options):
    """`actorrouter serve` in a process, once its control socket is there; killed if it outlives the block."""
    with process("serve", config, *options) as running:
        try:
            while "look at it" not in running.stdout.readline():
                assert running.poll() is None, running.stderr.read()
            yield running
        finally:
            running.kill()
