"""Durations as the file writes them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.durations import Duration

ROME = ZoneInfo("Europe/Rome")
UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("text", "months", "days", "seconds"),
    [
        ("30s", 0, 0, 30),
        ("90min", 0, 0, 5400),
        ("36h", 0, 0, 129600),
        ("1d", 0, 1, 0),
        ("2w", 0, 14, 0),
        ("1mo", 1, 0, 0),
        ("1y", 12, 0, 0),
        ("1d12h", 0, 1, 43200),
        ("1y1d1mo", 13, 1, 0),
        ("9999y", 119988, 0, 0),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, months: int, days: int, seconds: int) -> None:
    assert Duration.parse(text) == Duration(months=months, days=days, seconds=seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7m", "minutes or months? write min or mo: 7min or 7mo"),
        ("1d7m", "minutes or months?"),
        ("", "not a duration"),
        ("d", "not a duration"),
        ("1 d", "not a duration"),
        ("-1d", "not a duration"),
        ("1.5h", "not a duration"),
        ("1D", "not a duration"),
        ("1day", 'there is no unit "day"'),
        ("0d", "longer than zero"),
        ("1d\n", "not a duration"),
        ("٣d", "not a duration"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("start", "text", "zone", "end"),
    [
        ("2026-01-31T12:00Z", "1mo", UTC_ZONE, "2026-02-28T12:00Z"),
        ("2024-02-29T12:00Z", "1y", UTC_ZONE, "2025-02-28T12:00Z"),
        # The clocks go forward in Rome on 29 March 2026; a day is 24 hours all the same, a month keeps the hour.
        ("2026-03-28T12:00Z", "1d", ROME, "2026-03-29T12:00Z"),
        ("2026-03-15T12:00Z", "1mo", ROME, "2026-04-15T11:00Z"),
        ("2026-01-01T00:00Z", "9999y", UTC_ZONE, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_after_follows_the_calendar(start: str, text: str, zone: ZoneInfo, end: str) -> None:
    assert Duration.parse(text).after(datetime.fromisoformat(start), zone) == datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("start", "text", "zone", "end"),
    [
        # As Go's AddDate, and so restic: what the month lacks runs over into the next.
        ("2026-03-31T12:00Z", "1mo", UTC_ZONE, "2026-03-03T12:00Z"),
        ("2026-03-31T12:00Z", "1mo1d", UTC_ZONE, "2026-03-02T12:00Z"),
        ("2024-02-29T12:00Z", "1y", UTC_ZONE, "2023-03-01T12:00Z"),
        # Days are calendar days of the zone: noon in Rome stays noon.
        ("2026-03-29T10:00Z", "1d", ROME, "2026-03-28T11:00Z"),
        ("2026-01-01T00:00Z", "9999y", UTC_ZONE, "0001-01-01T00:00Z"),
    ],
)
def test_before_is_restics(start: str, text: str, zone: ZoneInfo, end: str) -> None:
    assert Duration.parse(text).before(datetime.fromisoformat(start), zone) == datetime.fromisoformat(end)


@given(st.integers(0, 999), st.integers(0, 999), st.integers(1, 10**6))
def test_a_duration_survives_print_and_parse(months: int, days: int, seconds: int) -> None:
    duration = Duration(months=months, days=days, seconds=seconds)

    assert Duration.parse(str(duration)) == duration


def test_seconds_are_counted_over_the_calendar() -> None:
    assert Duration.parse("1mo").in_seconds(datetime(2026, 2, 1, tzinfo=UTC)) == 28 * 86400
