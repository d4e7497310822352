"""What media in a request count as, in any dialect, found in its JSON text without reading the document. Pure.

Quotes inside a JSON string are escaped, so an unescaped key is a key of the document: text that only mentions such a
field stays text. One pass: beside each field only `_NEAR` bytes are looked at again, of `_FIELDS_MAX` fields at most.
"""

from __future__ import annotations

import re
from typing import Final

IMAGE_TOKENS: Final = 1568
"""An image of any size: the most that Anthropic's standard tier counts (vision guide, a token for 28 x 28 pixels).
OpenAI's tile rule comes to 85 + 170 * 8 = 1,445 at most (vision guide), Gemini's to 258 a tile (tokens guide).

Some models count more: Anthropic's of high resolution three times as much, OpenAI's small ones 1,536 patches times 1.62
or 2.46 (community.openai.com 1281361). What a model is seen to use corrects that (`policies.estimates`)."""

LOW_DETAIL_TOKENS: Final = 85
"""An image with `detail: low` (OpenAI vision guide)."""

MEDIA_BYTES_PER_TOKEN: Final = 64
"""Any other embedded medium, by its decoded bytes. Guessed high: audio is about 1,500."""

FILE_TOKENS: Final = 4096
"""A file of which only an address or an id is sent. A guess."""

_FIELD: Final = re.compile(
    rb'"(?P<key>url|image_url|file_data|file_url|file_id|fileUri|file_uri|data)"\s{0,4}:\s{0,4}"'
)
_DATA_URL: Final = re.compile(rb'data:(?P<image>image/)?[^",]{0,200};base64,')
_ADDRESS: Final = re.compile(rb"(?:https?|gs|s3):")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=_-]{64,}")
_LOW: Final = re.compile(rb'"detail"\s{0,4}:\s{0,4}"low"')
_IMAGE: Final = re.compile(
    rb'"(?:media_type|mimeType|mime_type)"\s{0,4}:\s{0,4}"image/|"type"\s{0,4}:\s{0,4}"input_image"'
)
_INPUT: Final = re.compile(rb'"type"\s{0,4}:\s{0,4}"input_')
_OWNER: Final = re.compile(rb'"(image_url|source|file)"\s{0,4}:\s{0,4}\Z')
_NEAR: Final = 200
"""Bytes before and after a field in which the other fields of its object are looked for."""

_FIELDS_MAX: Final = 4096
"""Fields that may hold a medium. What comes after them counts as text, which is more."""


def media(body: bytes) -> tuple[int, int]:
    """How many bytes of a JSON body are media and no text, and the tokens they stand for."""
    media_bytes = tokens = at = 0
    for _ in range(_FIELDS_MAX):
        found = _FIELD.search(body, at)
        at = body.find(b'"', found.end()) if found else -1
        if found is None or at < 0:
            break
        start, worth = _medium(body, found, at)
        if worth:
            media_bytes += at - start
            tokens += worth
    return media_bytes, tokens


def _medium(body: bytes, found: re.Match[bytes], end: int) -> tuple[int, int]:
    """Where the medium in this field begins, and its tokens: 0 if it is text after all."""
    key, start = found["key"], found.end()
    url = _DATA_URL.match(body, start, end)
    if url:
        return url.end(), _embedded(end - url.end(), _siblings(body, found.start(), end), image=bool(url["image"]))
    if key in (b"data", b"file_data"):
        if not _BASE64.fullmatch(body, start, end):
            return start, 0
        siblings = _siblings(body, found.start(), end)
        return start, _embedded(end - start, siblings, image=bool(_IMAGE.search(siblings)))
    return start, _remote(body, found, end)


def _embedded(base64_bytes: int, siblings: bytes, *, image: bool) -> int:
    return _image(siblings) if image else -(-(base64_bytes * 3 // 4) // MEDIA_BYTES_PER_TOKEN)


def _remote(body: bytes, found: re.Match[bytes], end: int) -> int:
    """Tokens of what an address or an id stands for; 0 where it is only a link or a citation."""
    key = found["key"]
    owner, around = _owner(body, found.start())
    if key == b"url" and not owner:
        return 0
    siblings = _siblings(body, found.start(), end)
    if key == b"file_id":
        given = owner in (b"file", b"source") or _INPUT.search(siblings)
    else:
        given = _ADDRESS.match(body, found.end(), end)
    if not given:
        return 0
    if key == b"image_url" or owner == b"image_url" or _IMAGE.search(siblings) or b'"image"' in around:
        return _image(siblings)
    return FILE_TOKENS


def _image(siblings: bytes) -> int:
    return LOW_DETAIL_TOKENS if _LOW.search(siblings) else IMAGE_TOKENS


def _siblings(body: bytes, start: int, end: int) -> bytes:
    """The other fields of the object that a field (from `start` to its closing quote) is in, where they are near."""
    before = body[max(0, start - _NEAR) : start].rpartition(b"{")[2]
    return before + body[end + 1 : end + _NEAR].partition(b"}")[0]


def _owner(body: bytes, start: int) -> tuple[bytes, bytes]:
    """The name under which the object of a field stands, and what stands before that name."""
    before = body[max(0, start - _NEAR) : start].rpartition(b"{")[0]
    owner = _OWNER.search(before)
    return (owner[1], before[: owner.start()].rpartition(b"{")[2]) if owner else (b"", b"")
