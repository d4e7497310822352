"""Connections in memory behave as TCP does: in order, in time, with an end, a break, silence and back-pressure."""

from __future__ import annotations

import gc
import socket
import ssl
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from actorrouter.simulation.world.network import End, Lane, Network

pytestmark = pytest.mark.anyio
virtual = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
"""Where time is measured it is trio's virtual one."""


class Wire:
    """An upstream whose wire takes no time and has no trouble but what is said."""

    def __init__(self, transit_s: float = 0.0, fault: Any = None, cut: Any = None) -> None:
        self._transit_s, self._fault, self._cut = transit_s, fault, cut
        self.asked: list[str] = []

    def transit_s(self) -> float:
        return self._transit_s

    def dial_fault(self, name: str, _now: float) -> Any:
        self.asked.append(name)
        return self._fault

    def cut(self, _name: str, _now: float) -> Any:
        return self._cut


def pair(transit_s: float = 0.0) -> tuple[End, End]:
    there, back = Lane(), Lane()
    network: Any = SimpleNamespace(upstream=Wire(transit_s))
    return End(network, back, there), End(network, there, back)


async def test_bytes_arrive_in_order_and_in_pieces_as_asked() -> None:
    """Nothing is lost, doubled or swapped, however little is taken at once."""
    ours, theirs = pair()
    for piece in (b"abc", b"", b"defgh", b"i"):
        await ours.send(piece)
    await ours.send_eof()
    got = b""
    while len(got) < 9:
        piece = await theirs.receive(2)
        assert len(piece) <= 2
        got += piece
    assert got == b"abcdefghi"
    with pytest.raises(anyio.EndOfStream):
        await theirs.receive()
    await ours.aclose()
    await theirs.aclose()


@virtual
async def test_bytes_and_the_end_take_their_time() -> None:
    """What was sent at 0 is there a transit time later; the end comes no earlier than what was sent before it."""
    ours, theirs = pair(0.25)
    await ours.send(b"x")
    assert not theirs.ended()
    assert await theirs.receive() == b"x"
    assert anyio.current_time() == 0.25
    await ours.send(b"y")
    await ours.aclose()
    assert await theirs.receive() == b"y"
    with pytest.raises(anyio.EndOfStream):
        await theirs.receive()
    assert anyio.current_time() == 0.5
    await theirs.aclose()


@virtual
async def test_a_later_piece_never_overtakes() -> None:
    """Though its own transit is shorter."""
    lane = Lane()
    lane.put(2.0, b"slow")
    lane.put(1.0, b"fast")
    assert await lane.take(10) == b"slow"
    assert await lane.take(10) == b"fast"
    assert anyio.current_time() == 2.0


async def test_a_cut_breaks_both_directions_and_loses_what_was_under_way() -> None:
    """For whoever reads, sends, or waits to."""
    ours, theirs = pair()
    await ours.send(b"lost")
    theirs.cut()
    assert ours.ended()
    for broken in (ours, theirs):
        with pytest.raises(anyio.BrokenResourceError):
            await broken.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await broken.send(b"x")
        await broken.aclose()


async def test_a_closed_end_is_closed() -> None:
    """And closing it again changes nothing."""
    ours, theirs = pair()
    await ours.aclose()
    await ours.aclose()
    with pytest.raises(anyio.ClosedResourceError):
        await ours.send(b"x")
    with pytest.raises(anyio.ClosedResourceError):
        await ours.receive()
    await theirs.aclose()


_MUCH = bytes((1 << 20) + 1)


@pytest.mark.parametrize("how", ["read", "cut", "close", "drop"])
async def test_who_sends_much_waits_until_the_reader_reads_or_is_gone(how: str) -> None:
    """A slow reader holds up the sender; one that breaks, closes or is forgotten lets it go."""
    ours, theirs = pair()
    held: list[End] = [ours]
    del ours
    outcome: list[str] = []

    async def send() -> None:
        await theirs.send(_MUCH)
        outcome.append("first")
        try:
            await theirs.send(b"more")
            outcome.append("sent")
        except anyio.BrokenResourceError:
            outcome.append("broken")

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        assert outcome == ["first"]
        if how == "read":
            await held[0].receive(1 << 20)
        elif how == "cut":
            held[0].cut()
        elif how == "close":
            await held[0].aclose()
        else:
            held.clear()
            gc.collect()
    assert outcome == ["first", {"read": "sent", "cut": "broken", "close": "sent", "drop": "broken"}[how]]
    for end in (*held, theirs):
        await end.aclose()


async def test_an_end_says_whether_something_ended_or_came_uncalled() -> None:
    """What a pool asks before it uses an idle connection again."""
    ours, theirs = pair()
    assert not ours.ended()
    await theirs.aclose()
    assert ours.ended()
    await ours.aclose()


async def test_an_end_that_is_dropped_breaks_the_connection() -> None:
    """As the collector closes a socket."""
    ours, theirs = pair()
    del ours
    gc.collect()
    with pytest.raises(anyio.BrokenResourceError):
        await theirs.receive()
    await theirs.aclose()


class Echo:
    """A site that sends back what it gets, until the end."""

    def __init__(self) -> None:
        self.endings: list[str] = []

    async def converse(self, stream: Any) -> None:
        try:
            while True:
                await stream.send(await stream.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError) as ending:
            self.endings.append(type(ending).__name__)
        finally:
            stream.shut()


async def dialled(wire: Wire, group: Any) -> tuple[Network, Echo, Any]:
    echo = Echo()
    network = Network(wire, {"North_1": echo}, group)  # type: ignore[arg-type, dict-item] # what a network uses of them
    return network, echo, await network.dial("north_1.example", 80)


async def test_a_host_is_a_provider_whatever_its_case() -> None:
    """URLs know no case; the provider's name has one."""
    wire = Wire()
    async with anyio.create_task_group() as group:
        network, echo, stream = await dialled(wire, group)
        await stream.send(b"hello")
        assert await stream.receive() == b"hello"
        await stream.aclose()
    assert (wire.asked, network.dialled, echo.endings) == (["North_1"], 1, ["EndOfStream"])


async def test_a_connection_that_its_owner_forgets_is_noticed_by_the_site() -> None:
    """The network itself keeps nobody's connection alive."""
    async with anyio.create_task_group() as group:
        _, echo, stream = await dialled(Wire(), group)
        await anyio.wait_all_tasks_blocked()
        del stream
        gc.collect()
    assert echo.endings == ["BrokenResourceError"]


async def test_when_our_process_dies_every_connection_breaks() -> None:
    """At once."""
    async with anyio.create_task_group() as group:
        network, echo, stream = await dialled(Wire(), group)
        await anyio.wait_all_tasks_blocked()
        network.cut_all()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
    assert echo.endings == ["BrokenResourceError"]
    await stream.aclose()


@pytest.mark.parametrize(
    ("fault", "raised"), [("refused", ConnectionRefusedError), ("dns", socket.gaierror), ("tls", ssl.SSLError)]
)
async def test_trouble_on_the_wire_is_what_the_system_would_raise(fault: str, raised: type[OSError]) -> None:
    """There is no connection."""
    async with anyio.create_task_group() as group:
        with pytest.raises(raised):
            await dialled(Wire(fault=fault), group)


@virtual
async def test_a_silent_connection_takes_everything_and_says_nothing() -> None:
    """Until whoever waits gives up."""
    async with anyio.create_task_group() as group:
        _, echo, stream = await dialled(Wire(fault="silent"), group)
        await stream.send(b"hello")
        with anyio.move_on_after(60) as scope:
            await stream.receive()
        assert scope.cancelled_caught
        await stream.aclose()
    assert echo.endings == ["EndOfStream"]


@virtual
async def test_a_cut_comes_as_long_after_the_dial_as_said() -> None:
    """In the middle of whatever is said then."""
    async with anyio.create_task_group() as group:
        _, _, stream = await dialled(Wire(transit_s=0.5, cut=SimpleNamespace(amount=3.0)), group)
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        assert anyio.current_time() == 3.5
        await stream.aclose()
