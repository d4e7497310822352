"""The fastest provider this machine can make: `upstream.c` on Linux with a C compiler, else the simulated one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.upstream import keys, upstream

SOURCE = Path(__file__).with_name("upstream.c")


@contextmanager
def fast_upstream(key_count: int, events: int = 64, pause_ms: int = 0) -> Iterator[tuple[str, str]]:
    """Base URL and what serves there. Only the C one knows `events`, a stream's deltas, and `pause_ms` between them."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":  # it waits with epoll
        with upstream(keys(key_count)) as provider:
            yield provider.base_url, "python"
        return
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "upstream")
        subprocess.run([compiler, "-O2", "-o", program, SOURCE], check=True)
        with subprocess.Popen(
            [program, str(events), str(pause_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            port = int(process.stdout.readline())
            try:
                yield f"http://127.0.0.1:{port}/v1", "c"
            finally:
                process.stdin.close()
                process.wait(10)
