"""Feeding answers to an adapter, and what any of its streams must keep to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from actorrouter.adapters import Adapter
from actorrouter.values import Call, Outcome, OutcomeClass
from tests.adapters.chunks import cut

WALL = 1_795_000_000.0  # 2026-11-18 11:06:40 UTC

SECRETS = (b"sk-ant-api03-9f3QzZq8w2Lm4Xb7", b"AIzaSyD9f3QzZq8w2Lm4Xb7Kc5Vn1Tr6Yp0Hs2")


def run(
    adapter: Adapter,
    call: Call,
    *chunks: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    complete: bool = True,
) -> tuple[bytes, Outcome, bytes]:
    """Bytes handed on while reading, the outcome, and the rest."""
    reading = adapter.read(call, status, headers or {}, 0.0, WALL)
    handed = b"".join([reading.feed(chunk) for chunk in chunks])
    return handed, reading.end(complete=complete), reading.rest()


def judged(adapter: Adapter, call: Call, body: bytes, **options: Any) -> Outcome:
    """The outcome of a whole answer."""
    return run(adapter, call, body, **options)[1]


def same_at_any_chunking(
    adapter: Adapter, call: Call, stream: bytes, data: st.DataObject, headers: Mapping[str, str], *, complete: bool
) -> tuple[bytes, Outcome]:
    """All bytes given on, and the outcome: asserted to be those of the stream in one piece."""
    handed, outcome, rest = run(adapter, call, *cut(stream, data), headers=headers, complete=complete)
    whole, whole_outcome, whole_rest = run(adapter, call, stream, headers=headers, complete=complete)
    assert outcome == whole_outcome
    assert handed + rest == whole + whole_rest
    return handed + rest, outcome


def truncated(
    adapter: Adapter, call: Call, stream: bytes, headers: Mapping[str, str], *, complete: bool, upto: int | None = None
) -> Iterable[Outcome]:
    """The outcome of each shorter beginning of the stream, of at most `upto` bytes."""
    for length in range(len(stream) if upto is None else upto):
        yield run(adapter, call, stream[:length], headers=headers, complete=complete)[1]


def keeps_secrets(adapter: Adapter, call: Call, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    """An error's secrets show in neither its outcome nor its rest."""
    _, outcome, rest = run(adapter, call, body, status=status, headers=headers)
    assert outcome.outcome is not OutcomeClass.SUCCEEDED
    for secret in SECRETS:
        assert secret not in rest
        assert secret.decode() not in outcome.message + outcome.code
