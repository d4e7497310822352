"""Numbers and times as providers write them in headers. Pure; `wall` is epoch seconds.

Every reader answers None to what it cannot believe: negative, NaN, infinite, huge, not ASCII, junk. None raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

DELAY_MAX_S: Final = 366 * 86400.0
"""No wait or reset is believed beyond a year."""

PAST_MAX_S: Final = 86400.0
"""An instant up to a day ago means now; an older one is junk."""

COUNT_MAX: Final = 1e15
TEXT_MAX: Final = 64

_COUNT: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", re.ASCII)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_GO_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)", re.ASCII)
_GO: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|us|ns|m|s))+", re.ASCII)
_GO_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_HTTP_DATE: Final = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? [ -~]+", re.ASCII)


def count(text: str | None) -> float | None:
    """An amount: `500`, `30,000` (thousands separators), `29999.5`."""
    found = _COUNT.fullmatch(_trimmed(text))
    return _at_most(float(found[0].replace(",", "")), COUNT_MAX) if found else None


def duration_s(text: str | None) -> float | None:
    """Seconds of a Go or protobuf duration (`4m12.172s`, `120ms`, `37s`) or of a bare number of seconds."""
    trimmed = _trimmed(text)
    if _NUMBER.fullmatch(trimmed):
        return _at_most(float(trimmed), DELAY_MAX_S)
    if not _GO.fullmatch(trimmed):
        return None
    return _at_most(sum(float(number) * _GO_S[unit] for number, unit in _GO_PART.findall(trimmed)), DELAY_MAX_S)


def delay_s(text: str | None, wall: float) -> float | None:
    """Seconds from `wall` in any form: a duration, or an instant as RFC 3339, HTTP-date, epoch seconds or milliseconds.

    A bare number is seconds up to a year, then epoch seconds, then epoch milliseconds.
    """
    duration = duration_s(text)
    if duration is not None:
        return duration
    instant = _instant(_trimmed(text))
    if instant is None or instant - wall < -PAST_MAX_S:
        return None
    return _at_most(max(0.0, instant - wall), DELAY_MAX_S)


def _instant(trimmed: str) -> float | None:
    if _NUMBER.fullmatch(trimmed):
        return _epoch_s(float(trimmed))
    try:
        if _RFC3339.fullmatch(trimmed):
            return datetime.fromisoformat(trimmed.upper()).timestamp()
        if _HTTP_DATE.fullmatch(trimmed):
            date = parsedate_to_datetime(trimmed)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return None


def _epoch_s(number: float) -> float | None:
    if 1e9 <= number < 1e11:
        return number
    return number / 1000 if 1e12 <= number < 1e14 else None


def retry_after_s(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds the provider asks to wait. `retry-after-ms` goes first, as in the vendors' SDKs (openai 3.54.0)."""
    wait = milliseconds_s(headers.get("retry-after-ms"))
    return delay_s(headers.get("retry-after"), wall) if wait is None else wait


def milliseconds_s(text: str | None) -> float | None:
    """Seconds of a bare number of milliseconds."""
    trimmed = _trimmed(text)
    return _at_most(float(trimmed) / 1000, DELAY_MAX_S) if _NUMBER.fullmatch(trimmed) else None


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, lower case; empty when not said."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(kind: str) -> bool:
    """Whether a media type is JSON's, or none is said. One that only begins so (`application/jsonl`) is not."""
    return kind in ("", "application/json", "text/json") or kind.endswith("+json")


def _trimmed(text: str | None) -> str:
    return text.strip() if text and len(text) <= TEXT_MAX else ""


def _at_most(number: float, most: float) -> float | None:
    return number if number <= most else None
