"""An answer's head and its body as it comes, until the connection is given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import anyio
from anyio.lowlevel import checkpoint

from actorrouter.transport.lean_answer import Answer
from actorrouter.transport.lean_dial import Link
from actorrouter.transport.lean_pool import Origin, Pool
from actorrouter.transport.lean_tls import TornError
from actorrouter.transport.phases import LOST, UNPACKABLE, Pieces, Stage, timed_out, words
from actorrouter.transport.port import Reached, TransportError
from actorrouter.transport.unpacking import Unpackable, Unpacker, unpacker


class Body(Pieces):
    """Status, headers, and the body as it comes. A class, not an async generator: its end is not left to chance."""

    __slots__ = ("_answer", "_ended", "_idle_s", "_link", "_open", "_origin", "_pool", "_unpacked", "_unpacker",
                 "headers", "status")  # fmt: skip

    def __init__(self, pool: Pool, link: Link, answer: Answer, origin: Origin | None, idle_s: float) -> None:
        assert answer.headers is not None
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._pool = pool
        self._link: Link | None = link
        self._answer = answer
        self._origin = origin
        self._idle_s = idle_s
        self._unpacker: Unpacker | None = None
        self._unpacked: Iterator[bytes] | None = None
        self._open = True
        self._ended = False

    async def _read(self) -> bytes | TransportError | None:
        if not self._open:
            return None if self._ended else TransportError("read", Reached.YES, "the body was not read to its end")
        try:
            while True:
                piece = self._taken()
                if piece:
                    if self._unpacker is not None:
                        await checkpoint()  # a packet may unpack to a thousand pieces
                    return piece
                if self._answer.complete or self._answer.fault:
                    break
                await self._receive()
            fault = self._answer.fault
            if fault is None:
                await self._unpacked_whole()
        except Unpackable:
            fault = TransportError("protocol", Reached.YES, UNPACKABLE)
        self._ended = fault is None
        await self.close()
        return fault

    def _taken(self) -> bytes:
        """The next piece of what has come."""
        if "content-encoding" not in self.headers:
            return self._answer.take()
        if self._unpacked is None:
            self._unpacker, self._unpacked = unpacker(self.headers["content-encoding"]), iter(())
        while not (piece := next(self._unpacked, b"")):
            packed = self._answer.take()
            if not packed or self._unpacker is None:
                return packed
            self._unpacked = self._unpacker.feed(packed)
        return piece

    async def _receive(self) -> None:
        """Wait for more, which is then with the answer; so is what went wrong."""
        answer = self._answer
        assert self._link is not None
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._idle_s) as scope:
                received = await self._link.receive()
                if received:
                    answer.feed(received)
                else:
                    answer.eof()
        except TornError:
            answer.eof(clean=False)
        except LOST as error:
            answer.fault = TransportError("read", Reached.YES, words(error))
        if scope.cancelled_caught:
            answer.fault = timed_out(Stage.ANSWERED)
        if answer.complete:
            await self.arrived()

    async def arrived(self) -> None:
        """The body is here in full: the connection is free, though pieces of it may still be to be handed out."""
        if "content-encoding" not in self.headers:
            await self._free()

    async def _unpacked_whole(self) -> None:
        if self._unpacker is not None:
            self._unpacker.end()
        await self._free()

    async def _free(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            origin = self._origin if self._answer.reusable else None
            if origin is None or not self._pool.keep(link, origin):
                await self._pool.release(link, origin)

    async def close(self) -> None:
        """Close the connection, unless the body's end has freed it already. Repeats change nothing."""
        self._open = False
        if self._link is not None:
            link, self._link = self._link, None
            await self._pool.release(link, None)
