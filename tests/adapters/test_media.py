"""Media in request bodies, in every dialect."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.media import FILE_TOKENS, IMAGE_TOKENS, LOW_DETAIL_TOKENS, media
from actorrouter.adapters.tokens import input_tokens
from actorrouter.dialects.documents import encode_json

PAYLOAD = "A" * 8192
SOUND = 96
"""Tokens of 8,192 bytes of base64 by the rule for what is no image."""
PNG, PDF = f"data:image/png;base64,{PAYLOAD}", f"data:application/pdf;base64,{PAYLOAD}"
AT = "https://example.com/" + "p" * 400

PARTS: dict[str, tuple[dict[str, Any], int]] = {
    "chat image": ({"type": "image_url", "image_url": {"url": PNG}}, IMAGE_TOKENS),
    "chat image, low": ({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}, LOW_DETAIL_TOKENS),
    "chat image, low said first": ({"type": "image_url", "image_url": {"detail": "low", "url": PNG}}, 85),
    "chat image, remote": ({"type": "image_url", "image_url": {"url": AT}}, IMAGE_TOKENS),
    "chat image, remote, low": ({"type": "image_url", "image_url": {"url": AT, "detail": "low"}}, LOW_DETAIL_TOKENS),
    "chat file": ({"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}}, SOUND),
    "chat file by id": ({"type": "file", "file": {"file_id": "file-" + "x" * 80}}, FILE_TOKENS),
    "chat sound": ({"type": "input_audio", "input_audio": {"data": PAYLOAD, "format": "wav"}}, SOUND),
    "responses image": ({"type": "input_image", "image_url": PNG}, IMAGE_TOKENS),
    "responses image, low": ({"type": "input_image", "detail": "low", "image_url": PNG}, LOW_DETAIL_TOKENS),
    "responses image, remote": ({"type": "input_image", "image_url": AT}, IMAGE_TOKENS),
    "responses image by id": ({"type": "input_image", "file_id": "file-" + "x" * 80}, IMAGE_TOKENS),
    "responses file": ({"type": "input_file", "filename": "a.pdf", "file_data": PDF}, SOUND),
    "responses file, bare": ({"type": "input_file", "filename": "a.pdf", "file_data": PAYLOAD}, SOUND),
    "responses file, remote": ({"type": "input_file", "file_url": AT}, FILE_TOKENS),
    "responses file by id": ({"type": "input_file", "file_id": "file-" + "x" * 80}, FILE_TOKENS),
    "anthropic image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PAYLOAD}},
        IMAGE_TOKENS,
    ),
    "anthropic image, type last": (
        {"type": "image", "source": {"data": PAYLOAD, "media_type": "image/png", "type": "base64"}},
        IMAGE_TOKENS,
    ),
    "anthropic image, remote": ({"type": "image", "source": {"type": "url", "url": AT}}, IMAGE_TOKENS),
    "anthropic document": (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PAYLOAD}},
        SOUND,
    ),
    "anthropic document, remote": ({"type": "document", "source": {"type": "url", "url": AT}}, FILE_TOKENS),
    "anthropic document by id": (
        {"type": "document", "source": {"type": "file", "file_id": "file_" + "x" * 80}},
        FILE_TOKENS,
    ),
    "gemini image": ({"inlineData": {"mimeType": "image/jpeg", "data": PAYLOAD}}, IMAGE_TOKENS),
    "gemini image, snake": ({"inline_data": {"mime_type": "image/jpeg", "data": PAYLOAD}}, IMAGE_TOKENS),
    "gemini sound": ({"inlineData": {"mimeType": "audio/mp3", "data": PAYLOAD}}, SOUND),
    "gemini file": ({"fileData": {"mimeType": "application/pdf", "fileUri": AT}}, FILE_TOKENS),
    "gemini remote image": ({"fileData": {"fileUri": AT, "mimeType": "image/png"}}, IMAGE_TOKENS),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_medium_counts_by_rule(name: str) -> None:
    """Its bytes are no text, and it counts the same wherever it stands and however the JSON is spaced."""
    part, tokens = PARTS[name]
    body = {"messages": [{"content": [{"type": "text", "text": "see"}, part, {"type": "text", "text": "well?"}]}]}
    assert media(encode_json(body))[1] == tokens
    assert media(json.dumps(body, indent=1).encode())[1] == tokens
    assert tokens <= input_tokens(encode_json(body)) < tokens + 70


def test_every_medium_of_a_conversation_counts() -> None:
    """Media side by side do not lend each other their fields."""
    body = encode_json([part for part, _ in PARTS.values()])
    assert media(body)[1] == sum(tokens for _, tokens in PARTS.values())


@pytest.mark.parametrize(
    "part",
    [
        {"text": f'"url":"{PNG}"'},
        {"text": PNG},
        {"type": "web_search_result", "url": AT},
        {"type": "file_citation", "file_id": "file-1"},
        {"type": "text", "data": "forty-two words of plain text " * 20},
        {"source": {"type": "text", "media_type": "text/plain", "data": "one word after the other " * 20}},
        {"data": "short"},
        {"url": 7, "data": None, "image_url": {}},
    ],
)
def test_what_only_looks_like_a_medium_is_text(part: dict[str, Any]) -> None:
    """Quoted fields, links, citations and plain texts count by their bytes."""
    body = encode_json({"content": [part]})
    assert media(body) == (0, 0)
    assert input_tokens(body) == -(-len(body) // 4)


FRAGMENTS = st.sampled_from(
    [
        '"url":"',
        '"data":"',
        '"image_url":{',
        '"source":{',
        "{",
        "}",
        '"',
        "data:image/png;base64,",
        "A" * 64,
        "\\",
        ",",
        " ",
    ]
)


@given(st.lists(FRAGMENTS, max_size=60).map("".join))
def test_whatever_bytes_come_they_are_counted(text: str) -> None:
    """Never an error, never more media than bytes, never a negative count."""
    body = text.encode()
    media_bytes, tokens = media(body)
    assert 0 <= media_bytes <= len(body)
    assert tokens >= 0
    assert input_tokens(body) >= 0


@pytest.mark.parametrize(
    "piece",
    [b'"url":"', b'"data":"', b'{"source":{"url":"https:', b'"', b"{", b'"url":"data:', b'"data":"' + b"A" * 63],
)
def test_hostile_bodies_take_linear_time(piece: bytes) -> None:
    """Eight times the bytes take far less than sixty-four times as long."""

    def seconds(size: int) -> float:
        body = piece * (size // len(piece))
        took = []
        for _ in range(3):
            began = time.process_time()
            input_tokens(body)
            took.append(time.process_time() - began)
        return min(took)

    assert seconds(800_000) < 30 * seconds(100_000) + 0.01


def test_beyond_its_bound_a_medium_counts_as_text() -> None:
    """Thousands of empty fields do not buy more work; what follows them counts by its bytes, which is more."""
    image = {"image_url": {"url": PNG}}
    assert media(encode_json([{"data": ""}] * 4095 + [image]))[1] == IMAGE_TOKENS
    late = encode_json([{"data": ""}] * 4096 + [image])
    assert input_tokens(late) == -(-len(late) // 4)
