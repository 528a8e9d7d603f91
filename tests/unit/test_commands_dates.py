"""Times as an operator writes them, to the nanosecond and in UTC."""

from __future__ import annotations

import pytest

from telegraf_plugin.commands.dates import duration, moment, number, parse_instant
from telegraf_plugin.influxdb.timestamps import parse_time

NOW = parse_time(b"2026-11-24T06:00:00.000000001Z")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-01", b"2026-11-01T00:00:00Z"),
        ("2026-11-01T06:30:00Z", b"2026-11-01T06:30:00Z"),
        ("2026-11-01T06:30:00.123456789z", b"2026-11-01T06:30:00.123456789Z"),
        ("2026-11-01 06:30:00+02:00", b"2026-11-01T04:30:00Z"),
        ("1969-12-31T23:59:59.5Z", b"1969-12-31T23:59:59.5Z"),
        ("now", b"2026-11-24T06:00:00.000000001Z"),
        ("-2h", b"2026-11-24T04:00:00.000000001Z"),
        ("-30d", b"2026-10-25T06:00:00.000000001Z"),
        ("-1h30m", b"2026-11-24T04:30:00.000000001Z"),
    ],
)
def test_what_is_taken(text: str, meant: bytes) -> None:
    assert parse_instant(text, NOW) == parse_time(meant)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "2026-11-01T06:30:00", "2h", "-2", "-0s", "-2h ", "01.11.2026", "2026-11-1"]
)
def test_what_is_refused_says_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a date \(2026-11-01\), a time with its zone"):
        parse_instant(text, NOW)


@pytest.mark.parametrize("text", ["0001-01-01", "1699-12-31", "2201-01-01", "9000-01-01T00:00:00Z"])
def test_a_time_that_influxdb_does_not_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}': expected a date from 1700 to 2200"):
        parse_instant(text, NOW)


def test_what_is_too_long_ago_for_its_form_asks_for_a_date() -> None:
    with pytest.raises(ValueError, match="'-100000w': expected ten years ago at most; name a date"):
        parse_instant("-100000w", NOW)


def test_a_moment_is_in_utc() -> None:
    assert moment(NOW) == "2026-11-24 06:00:00Z"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.2 s"),
        (9, "9 s"),
        (59.6, "1 m"),
        (3600, "1 h"),
        (3725, "1 h 2 m"),
        (90_061, "1 d 1 h"),
        (-5, "-5 s"),
        (86_400 * 30, "30 d"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1.25, "1.2"), (12_345.6, "12,346"), (7, "7")])
def test_numbers_for_people(value: float, text: str) -> None:
    assert number(value) == text
