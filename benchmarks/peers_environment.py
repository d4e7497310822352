"""The environment of the peers: made when first needed, in `.venv-peers`, from `requirements-peers.txt`; nothing of it
is imported here. Those who work in it (`peers_worker`) are asked in JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
PLACE: Final = ROOT / ".venv-peers"
PINNED: Final = ROOT / "benchmarks" / "requirements-peers.txt"
_PYTHON: Final = PLACE / "bin" / "python"
_READY: Final = PLACE / "ready"
_SERVE: Final = "from benchmarks.peers_worker import serve; serve()"


class PeersMissing(Exception):
    """The peers' environment could not be made. The text says what to do."""


def ready() -> bool:
    """Whether the environment is there and has what is pinned now."""
    return _PYTHON.exists() and _READY.exists() and _READY.read_text() == PINNED.read_text()


def make() -> None:
    """Make the environment, every file checked against its hash. Raises PeersMissing, without network for one."""
    if ready():
        return
    print(f"making {PLACE.name} from {PINNED.relative_to(ROOT)} (250 MB on disk, fetched once)", file=sys.stderr)
    try:
        venv.create(PLACE, clear=True, with_pip=True)
        _install()
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeersMissing(
            f"the peers are not installed and could not be fetched ({error}); with a package index in reach run\n"
            f"  python3 -m venv {PLACE.name} && {PLACE.name}/bin/python -m pip install --require-hashes"
            f" -r {PINNED.relative_to(ROOT)}\n"
            f"  cp {PINNED.relative_to(ROOT)} {PLACE.name}/ready"
        ) from error
    _READY.write_text(PINNED.read_text())


def missing(*, smoke: bool) -> str:
    """Make the environment, unless `smoke`; why the peers cannot be measured, or nothing."""
    if smoke:
        return "" if ready() else "left out: a smoke run fetches nothing"
    try:
        make()
    except PeersMissing as error:
        print(error)
        return str(error)
    return ""


def _install() -> None:
    uv = [sys.executable, "-m", "uv"]
    if subprocess.run([*uv, "--version"], capture_output=True, check=False).returncode == 0:
        install = [*uv, "pip", "install", "--quiet", "--python", str(_PYTHON)]
    else:
        install = [str(_PYTHON), "-m", "pip", "install", "--quiet"]
    system = {"UV_SYSTEM_CERTS": "true", "UV_NATIVE_TLS": "true", **os.environ}
    subprocess.run([*install, "--require-hashes", "-r", str(PINNED)], check=True, env=system, stdout=sys.stderr)


class Worker:
    """A process of the peers' environment. One question at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, what: str, **how: Any) -> dict[str, Any]:
        """The worker's answer. Raises PeersMissing if it has none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"what": what, **how}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "it has ended"}
        if "error" in answer:
            raise PeersMissing(f"the peers' process could not do {what!r}: {answer['error']}")
        return answer


@contextmanager
def worker() -> Iterator[Worker]:
    """Run a worker for the length of the block."""
    process = subprocess.Popen(
        [str(_PYTHON), "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        try:
            yield Worker(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
