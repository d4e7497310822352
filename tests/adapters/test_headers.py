"""Numbers and times in headers."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.adapters.headers import DELAY_MAX_S, count, delay_s, duration_s, is_json, media_type, retry_after_s

WALL = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4m12.172s", 252.172),
        ("23h18m29.144s", 83909.144),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("7.66s", 7.66),
        ("1m30.5s", 90.5),
        ("250us", 0.00025),
        ("37s", 37.0),
        ("0s", 0.0),
        ("10", 10.0),
        ("1.5", 1.5),
        (" 12 ", 12.0),
    ],
)
def test_a_duration_is_go_protobuf_or_bare_seconds(text: str, seconds: float) -> None:
    """Every form in the facts is read to the same seconds."""
    assert duration_s(text) == pytest.approx(seconds)
    assert delay_s(text, WALL) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "amount"), [("500", 500), ("0", 0), ("30,000", 30000), ("1,234,567", 1234567), ("29999.5", 29999.5)]
)
def test_a_count_may_have_thousands_separators(text: str, amount: float) -> None:
    """`30,000` is thirty thousand."""
    assert count(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "1790000060",
        "1790000060000",
        "2026-09-21T14:14:20Z",
        "2026-09-21T15:14:20+01:00",
        "2026-09-21t14:14:20.000z",
        "Mon, 21 Sep 2026 14:14:20 GMT",
        "Monday, 21-Sep-26 14:14:20 GMT",
        "Mon Sep 21 14:14:20 2026",
    ],
)
def test_an_instant_becomes_the_seconds_until_it(text: str) -> None:
    """Epoch seconds and milliseconds, RFC 3339 and the three HTTP dates agree on the same minute."""
    assert delay_s(text, WALL) == pytest.approx(60.0)


def test_an_instant_just_past_means_now_and_one_long_past_nothing() -> None:
    """A reset two minutes ago is a delay of 0; one two days ago is junk."""
    assert delay_s(str(WALL - 120), WALL) == 0.0
    assert delay_s(str(WALL - 2 * 86400), WALL) is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "-1",
        "-1s",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e5",
        "0x10",
        "s",
        "1x",
        "1d",
        "1 s",
        "1:30",
        "+5",
        ".5",
        "5.",
        "99999999999",
        "9" * 60,
        "9" * 60 + "h",
        "9" * 5000,
        "\uff11\uff12",
        "\u0661",
        "\xb5s",
        "5\xb5s",
        "12\n13",
        "2026-13-45T99:99:99Z",
        "2026-09-21",
        "Mon, 99 Foo 2026 25:61:61 GMT",
        "Mon, ",
        "tomorrow",
        "100, 100",
        "[1]",
        "\x00",
        "True",
    ],
)
def test_an_absurd_delay_says_nothing(text: str | None) -> None:
    """Negative, not a number, infinite, huge, not ASCII or junk: None."""
    assert duration_s(text) is None
    assert delay_s(text, WALL) is None


@pytest.mark.parametrize(
    "text", [None, "", "-1", "nan", "inf", "1e3", "3,0", "100, 100", "\uff11\uff12", "9" * 30, "5 requests"]
)
def test_an_absurd_count_says_nothing(text: str | None) -> None:
    """The same for counts."""
    assert count(text) is None


def test_milliseconds_go_before_seconds() -> None:
    """`retry-after-ms` wins over `retry-after`, and only when it can be believed."""
    assert retry_after_s({"retry-after": "9", "retry-after-ms": "1500"}, WALL) == 1.5
    assert retry_after_s({"retry-after": "9", "retry-after-ms": "-1"}, WALL) == 9.0
    assert retry_after_s({"retry-after": "9", "retry-after-ms": "9" * 30}, WALL) == 9.0
    assert retry_after_s({"retry-after": "Mon, 21 Sep 2026 14:13:30 GMT"}, WALL) == pytest.approx(10.0)
    assert retry_after_s({"retry-after": "soon"}, WALL) is None
    assert retry_after_s({}, WALL) is None


def test_a_media_type_has_no_parameters() -> None:
    """Case and charset are dropped; a missing header is empty."""
    assert media_type({"content-type": "Application/JSON; charset=utf-8"}) == "application/json"
    assert media_type({}) == ""


JUNK = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="0123456789.,hmsun+-: TZe", max_size=30),
    st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")),
)


@given(JUNK, st.floats(0, 4e9))
def test_no_header_raises_and_none_gives_an_absurd_number(text: str, wall: float) -> None:
    """Whatever a provider writes, readers give None or a finite number within bounds."""
    headers = {"retry-after": text, "retry-after-ms": text}
    for delay in (duration_s(text), delay_s(text, wall), retry_after_s(headers, wall)):
        assert delay is None or 0 <= delay <= DELAY_MAX_S
    amount = count(text)
    assert amount is None or (math.isfinite(amount) and amount >= 0)


@given(st.integers(0, 200), st.integers(0, 59), st.integers(0, 59_999))
def test_a_written_go_duration_is_read_back(hours: int, minutes: int, milliseconds: int) -> None:
    """Writing a duration as Go does and reading it gives the same seconds."""
    text = f"{hours}h{minutes}m{milliseconds / 1000:.3f}s"
    assert duration_s(text) == pytest.approx(hours * 3600 + minutes * 60 + milliseconds / 1000)


@given(st.integers(1_000_000_000, 4_000_000_000), st.integers(0, 86_400))
def test_every_form_of_an_instant_agrees(wall: int, ahead: int) -> None:
    """The same instant in four forms gives the same delay."""
    date = datetime.fromtimestamp(wall + ahead, UTC)
    forms = [str(wall + ahead), f"{wall + ahead}000", date.isoformat(), format_datetime(date, usegmt=True)]
    assert [delay_s(form, float(wall)) for form in forms] == pytest.approx([ahead] * 4)


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        ("", True),
        ("application/json", True),
        ("text/json", True),
        ("application/problem+json", True),
        ("application/jsonl", False),
        ("application/x-ndjson", False),
        ("application/octet-stream", False),
        ("multipart/form-data", False),
    ],
)
def test_what_is_json(kind: str, readable: bool) -> None:
    """Lines of JSON are not a JSON document; what names no type may be one."""
    assert is_json(kind) is readable
