"""Ways to cut a stream into chunks."""

from __future__ import annotations

from hypothesis import strategies as st


def chunked(stream: bytes, size: int) -> list[bytes]:
    """Chunks of `size` bytes."""
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def cut(stream: bytes, data: st.DataObject) -> list[bytes]:
    """Chunks cut where hypothesis likes."""
    marks = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12), label="cuts"))
    return [stream[a:b] for a, b in zip([0, *marks], [*marks, len(stream)], strict=True)]
