"""The Unix socket of a running router: only its owner can open it, and one router at a time serves it."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from anyio.abc import SocketListener

from actorrouter.errors import RouterError

_BACKLOG: Final = 64
_TRIES, _AGAIN_S = 50, 0.02


@asynccontextmanager
async def listening(path: str | None) -> AsyncIterator[SocketListener | None]:
    """Listen on `path` for the length of the block; nothing without one. A stale socket file is replaced.

    Raises RouterError when a router lives there already, when something else stands there, or it cannot be opened.
    """
    if path is None:
        yield None
        return
    opened = await _opened(Path(path))
    inode = os.lstat(path).st_ino
    try:
        async with await SocketListener.from_socket(opened) as listener:
            yield listener
    finally:
        opened.close()
        _remove(Path(path), inode)


def _remove(path: Path, inode: int) -> None:
    with suppress(OSError):
        if path.lstat().st_ino == inode:  # not another's that came after
            path.unlink()


async def _opened(path: Path) -> socket.socket:
    """A listening socket; waits a moment for a router that opens one in the same folder."""
    for _ in range(_TRIES):
        try:
            return _open(path)
        except BlockingIOError:
            await anyio.sleep(_AGAIN_S)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise RouterError(f"the control socket {path} cannot be opened: {why}") from None
    raise RouterError(f"another router is opening a control socket in {path.parent}; try again")


def _open(path: Path) -> socket.socket:
    """Made in a folder that is ours alone, so that nobody can connect before its mode is right, then moved to its
    place. Raises OSError, BlockingIOError when another is doing the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        with _alone(path.parent), TemporaryDirectory(prefix=".", dir=path.parent) as private:
            _refuse_taken(path)
            made = Path(private, "s")
            opened.bind(os.fspath(made))
            made.chmod(0o600)
            opened.listen(_BACKLOG)
            made.rename(path)
    except BaseException:
        opened.close()
        raise
    return opened


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The only router that opens a socket in this folder; it takes well under a millisecond."""
    import fcntl  # where there is none, there are no Unix sockets

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _refuse_taken(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise RouterError(f"the control socket {path} cannot be opened: something that is no socket stands there")
    if alive(path):
        raise RouterError(f"another router already serves the control socket {path}")


def alive(path: Path) -> bool:
    """Whether somebody listens on this socket. One that we may not ask counts as alive."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)  # connecting to a Unix socket succeeds or fails at once
        try:
            asking.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True
