"""Times go from RFC 3339 to nanoseconds and back without losing one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.influxdb.timestamps import TimeColumn, format_time, parse_time
from tests.replies import time_text

int64 = st.integers(-(2**63), 2**63 - 1)
near = st.builds(lambda second, ns: second * 10**9 + ns, st.integers(-3, 3), st.integers(0, 10**9 - 1))


@given(int64 | near)
def test_every_nanosecond_survives_the_round_trip(time_ns: int) -> None:
    assert parse_time(format_time(time_ns).encode()) == time_ns


@given(int64 | near)
def test_what_influxdb_writes_is_read_exactly(time_ns: int) -> None:
    assert parse_time(time_text(time_ns).encode()) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        (b"1970-01-01T00:00:00Z", 0),
        (b"1970-01-01T00:00:00.000000001Z", 1),
        (b"1969-12-31T23:59:59.999999999Z", -1),
        (b"1969-12-31T23:59:59Z", -(10**9)),
        (b"1677-09-21T00:12:43.145224194Z", -(2**63) + 2),
        (b"2262-04-11T23:47:16.854775806Z", 2**63 - 2),
        (b"2024-02-29T12:00:00.5Z", 1_709_208_000_500_000_000),
    ],
)
def test_known_times(text: bytes, time_ns: int) -> None:
    assert parse_time(text) == time_ns
    assert TimeColumn()[text] == b"%d" % time_ns


DAMAGED = [
    b"",
    b"now",
    b"2026-11-24",
    b"2026-11-24T00:00:00",
    b"2026-11-24T00:00:00+01:00",
    b"2026-11-24 00:00:00Z",
    b"2026-11-24T00:00:00.Z",
    b"2026-11-24T00:00:00.0000000001Z",
    b"2026-11-24T00:00:00.12345678xZ",
    b"2026-11-24T00:00:00,5Z",
    b"2026-11-24T00:00:00.+5Z",
    b"2026-02-29T00:00:00Z",
    b"2026-13-01T00:00:00Z",
    b"2026-11-24T24:00:00Z",
    b"0000-01-01T00:00:00Z",
    b"2026-11-24T00:00:00Z\n",
    b"12026-11-24T00:00:00Z",
    "２026-11-24T00:00:00Z".encode(),
]


@pytest.mark.parametrize("text", DAMAGED)
def test_what_is_no_time_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"time|month|day|hour|year"):
        parse_time(text)


@pytest.mark.parametrize("text", DAMAGED)
def test_what_is_no_time_is_refused_by_a_column_that_knows_the_second_too(text: bytes) -> None:
    column = TimeColumn()
    assert column[b"2026-11-24T00:00:00.5Z"] == b"1795478400500000000"
    with pytest.raises(ValueError, match=r"time|month|day|hour|year"):
        column[text]


@given(st.lists(int64 | near, max_size=40), st.integers(1, 8))
def test_a_column_agrees_with_parse_time_and_stays_within_its_limit(times: list[int], limit: int) -> None:
    column = TimeColumn(limit)
    for time_ns in times:
        for text in (time_text(time_ns).encode(), format_time(time_ns).encode()):
            assert column[text] == b"%d" % parse_time(text) == b"%d" % time_ns
            assert len(column) <= limit
