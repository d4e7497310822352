"""Frames of `application/vnd.amazon.eventstream` as Bedrock sends them, written apart from the code that reads them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any


def frame(headers: Mapping[str, str], payload: bytes, more_headers: bytes = b"") -> bytes:
    head = b"".join([_text(name, text) for name, text in headers.items()]) + more_headers
    lengths = (16 + len(head) + len(payload)).to_bytes(4) + len(head).to_bytes(4)
    whole = lengths + binascii.crc32(lengths).to_bytes(4) + head + payload
    return whole + binascii.crc32(whole).to_bytes(4)


def _text(name: str, text: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + len(text.encode()).to_bytes(2) + text.encode()


def event(kind: str, document: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, document if isinstance(document, bytes) else json.dumps(document).encode())


def exception(kind: str, message: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())


def chunk(document: Any, padding: str = "abcdefg") -> bytes:
    """A message's event, as InvokeModelWithResponseStream wraps it."""
    inner = document if isinstance(document, bytes) else json.dumps(document).encode()
    return event("chunk", {"bytes": base64.b64encode(inner).decode(), "p": padding})
