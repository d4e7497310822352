"""Data in URLs (RFC 2397), as far as base64 goes."""

from __future__ import annotations

_MARK = ";base64,"


def data_url(media_type: str, base64: str) -> str:
    """A URL that holds the data itself."""
    return f"data:{media_type}{_MARK}{base64}"


def data_of(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a URL that holds its data so, or None."""
    if not url.startswith("data:") or _MARK not in url:
        return None
    media_type, _, base64 = url.removeprefix("data:").partition(_MARK)
    return media_type, base64
