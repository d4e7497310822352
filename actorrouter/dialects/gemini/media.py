"""Images, files and sounds, read and written.

Source: google-genai SDK 3.4.0, `types.py`, `Blob` and `FileData`.
"""

from __future__ import annotations

from typing import Any, Final

from actorrouter.dialects.fields import Fields
from actorrouter.dialects.losses import Losses
from actorrouter.dialects.neutral import Medium

_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}


def read_data(part: Fields, losses: Losses) -> Medium:
    """Of `inlineData`. Raises Malformed."""
    media_type, base64 = part.text("mimeType"), part.needed_text("data")
    made = Medium(_kind(media_type), media_type, base64, name=part.text("displayName"))
    part.rest(losses)
    return made


def read_file(part: Fields, losses: Losses) -> Medium:
    """Of `fileData`. Raises Malformed."""
    media_type, url = part.text("mimeType"), part.needed_text("fileUri")
    media_type = media_type or _guessed(url)
    made = Medium(_kind(media_type), media_type, url=url, name=part.text("displayName"))
    part.rest(losses)
    return made


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0]
    return kind if kind in {"image", "audio"} else "file"


def _guessed(url: str) -> str:
    """By how a URL ends, where nobody says."""
    path = url.partition("?")[0].partition("#")[0].lower()
    return next((media_type for suffix, media_type in _TYPES.items() if path.endswith(suffix)), "")


def write_medium(medium: Medium, where: str, losses: Losses) -> dict[str, Any] | None:
    """A part, or None when it cannot be said."""
    if medium.cached is not None:
        losses.add("cache_control", where, "parts carry no marks")
    if medium.detail not in {"", "auto"}:
        losses.add("detail", where, "gemini's resolutions are its own")
    if medium.file_id:
        losses.add("file_id", where, "another provider's file")
        return None
    name = {"displayName": medium.name} if medium.name else {}
    media_type = medium.media_type or _guessed(medium.url)
    if media_type:
        name["mimeType"] = media_type
    if medium.url:
        return {"fileData": {**name, "fileUri": medium.url}}
    return {"inlineData": {**name, "data": medium.base64}}
