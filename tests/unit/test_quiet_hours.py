"""Quiet hours by a wall clock: over midnight, on days of the week, where an hour exists twice and where it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.quiet_hours import Hours, QuietHours, always
from telegraf_plugin.stream.units import MINUTE, SECOND

JAKARTA, BERLIN, HOWE, APIA = map(ZoneInfo, ("Asia/Jakarta", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"))


def ns(text: str) -> int:
    """Return a time of the form 2026-11-26T07:00:00+07:00 in Unix ns."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def until(zone: ZoneInfo, now: str, *hours: str) -> str | None:
    """Return until when it is quiet at `now`, in UTC; None when it is not."""
    found = QuietHours(zone, tuple(map(Hours.parse, hours))).until(ns(now))
    return datetime.fromtimestamp(found // SECOND, UTC).isoformat() if found is not None else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-26T06:59:59+07:00", None),
        ("2026-11-26T07:00:00+07:00", "2026-11-26T12:00:00+00:00"),
        ("2026-11-26T18:59:59+07:00", "2026-11-26T12:00:00+00:00"),
        ("2026-11-26T19:00:00+07:00", None),
    ],
)
def test_they_begin_at_their_beginning_and_are_over_at_their_end(now: str, expected: str | None) -> None:
    assert until(JAKARTA, now, "07:00-19:00") == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-26T21:59:59+07:00", None),
        ("2026-11-26T22:00:00+07:00", "2026-11-26T23:00:00+00:00"),
        ("2026-11-27T05:59:59+07:00", "2026-11-26T23:00:00+00:00"),
        ("2026-11-27T06:00:00+07:00", None),
    ],
)
def test_they_go_over_midnight(now: str, expected: str | None) -> None:
    assert until(JAKARTA, now, "22:00-06:00") == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-27T23:00:00+07:00", "2026-11-27T23:00:00+00:00"),  # Friday
        ("2026-11-28T05:00:00+07:00", "2026-11-27T23:00:00+00:00"),  # Saturday, of Friday's
        ("2026-11-28T23:00:00+07:00", None),
        ("2026-11-27T05:00:00+07:00", None),  # Friday morning is Thursday's
    ],
)
def test_those_of_a_day_end_on_the_next_one(now: str, expected: str | None) -> None:
    assert until(JAKARTA, now, "Fri 22:00-06:00") == expected


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ("Mon-Fri 07:00-19:00", "01234"),
        ("Sat-Sun 07:00-19:00", "56"),
        ("Sat-Mon 07:00-19:00", "056"),
        ("07:00-19:00", "0123456"),
    ],
)
def test_days_of_the_week_may_go_over_its_end(hours: str, days: str) -> None:
    assert Hours.parse(hours).days == frozenset(map(int, days))


def test_those_that_adjoin_or_overlap_are_one() -> None:
    of_three = "22:00-24:00", "00:00-03:00", "02:00-06:00"
    assert until(JAKARTA, "2026-11-26T23:00:00+07:00", *of_three) == "2026-11-26T23:00:00+00:00"
    assert until(JAKARTA, "2026-11-26T02:30:00+07:00", *of_three) == "2026-11-25T23:00:00+00:00"


def test_whole_days_go_on_to_the_first_that_is_none() -> None:
    assert until(JAKARTA, "2026-11-28T12:00:00+07:00", "Sat-Sun 00:00-24:00") == "2026-11-29T17:00:00+00:00"
    assert until(JAKARTA, "2026-11-30T12:00:00+07:00", "Sat-Sun 00:00-24:00") is None


# Berlin, 29 March 2026: 02:00 is followed by 03:00 at 01:00 UTC. 25 October: 02:00 to 03:00 twice, from 00:00 UTC on.


@pytest.mark.parametrize(
    ("hours", "quiet", "loud"),
    [
        ("02:00-03:00", [], ["00:59:59", "01:00:00", "01:30:00"]),  # there is no such time
        ("02:30-05:00", ["01:00:00", "02:59:59"], ["00:59:59", "03:00:00"]),  # from the first later one on
        ("01:00-02:30", ["00:00:00", "00:59:59"], ["01:00:00", "01:30:00"]),  # until there is a later one
        ("02:15-02:45", [], ["00:59:59", "01:00:00", "01:20:00"]),
        ("22:00-02:00", ["00:59:59"], ["01:00:00"]),
        ("03:00-04:00", ["01:00:00", "01:59:59"], ["00:59:59", "02:00:00"]),
    ],
)
def test_an_hour_that_does_not_exist_takes_nothing_from_its_neighbours(
    hours: str, quiet: list[str], loud: list[str]
) -> None:
    assert all(until(BERLIN, f"2026-03-29T{time}+00:00", hours) for time in quiet)
    assert not any(until(BERLIN, f"2026-03-29T{time}+00:00", hours) for time in loud)


@pytest.mark.parametrize(
    ("hours", "begins", "ends"),
    [
        ("02:00-03:00", "00:00:00", "02:00:00"),  # two hours of time
        ("02:30-05:00", "00:30:00", "04:00:00"),  # from the first 02:30 on, without a break
        ("01:00-02:30", "23:00:00", "01:30:00"),  # to the second
        ("02:15-02:45", "00:15:00", "01:45:00"),
        ("03:00-04:00", "02:00:00", "03:00:00"),
    ],
)
def test_an_hour_that_exists_twice_is_quiet_both_times(hours: str, begins: str, ends: str) -> None:
    day = "2026-10-24" if begins > "12" else "2026-10-25"
    begin, end = ns(f"{day}T{begins}+00:00"), ns(f"2026-10-25T{ends}+00:00")
    quiet = QuietHours(BERLIN, (Hours.parse(hours),))
    assert {quiet.until(time) for time in range(begin, end, MINUTE)} == {end}
    assert quiet.until(begin - SECOND) is None
    assert quiet.until(end) is None


def test_a_clock_that_is_put_by_half_an_hour_and_a_day_that_does_not_exist() -> None:
    assert until(HOWE, "2026-10-03T15:30:00+00:00", "02:10-04:00") == "2026-10-03T17:00:00+00:00"
    assert until(HOWE, "2026-10-03T15:29:59+00:00", "02:10-04:00") is None
    # Samoa went from 29 December 2011 to the 31st, a Saturday: Friday's hours are none.
    assert until(APIA, "2011-12-30T10:00:00+00:00", "Fri 00:00-24:00") is None
    assert until(APIA, "2011-12-30T09:59:59+00:00", "Thu 22:00-24:00") == "2011-12-30T10:00:00+00:00"


@pytest.mark.parametrize("now", [-(2**63), 2**63 - 1, 253_402_300_800 * SECOND, -62_135_596_800 * SECOND])
def test_a_clock_that_is_far_off_is_never_quiet_and_breaks_nothing(now: int) -> None:
    if now in (-(2**63), 2**63 - 1):
        QuietHours(BERLIN, (Hours.parse("00:00-23:59"),)).until(now)
    else:
        assert QuietHours(BERLIN, (Hours.parse("00:00-23:59"),)).until(now) is None


CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
DAYS = st.sampled_from(["", "Mon ", "Sun ", "Fri-Mon ", "Sat-Sun ", "Mon-Fri "])
TIMES = st.integers(ns("2026-03-27T00:00:00+00:00") // MINUTE, ns("2026-11-03T00:00:00+00:00") // MINUTE)


@given(st.sampled_from([JAKARTA, BERLIN, HOWE]), DAYS, CLOCK, CLOCK, TIMES)
def test_it_is_quiet_whenever_the_clock_shows_it_and_no_longer_at_the_end(
    zone: ZoneInfo, days: str, begin: str, end: str, minute: int
) -> None:
    if begin == end:
        return
    quiet, now = QuietHours(zone, (Hours.parse(f"{days}{begin}-{end}"),)), minute * MINUTE
    hours, wall = quiet.hours[0], datetime.fromtimestamp(minute * 60, zone)
    shown = wall.hour * 60 + wall.minute
    today = wall.weekday() in hours.days and hours.begin <= shown < hours.end
    yesterday = (wall.weekday() - 1) % 7 in hours.days and shown + 24 * 60 < hours.end
    found = quiet.until(now)
    if today or yesterday:
        assert found is not None
    if found is not None:
        assert found > now
        assert quiet.until(found - SECOND) == found
        # Over midnight the next one may begin where this one ends, on no other clock than one that is put back.
        assert quiet.until(found) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7:00-19:00",
        "07:00",
        "07:00-19:00 ",
        "Mon,Fri 07:00-19:00",
        "mon 07:00-19:00",
        "07:60-19:00",
        "24:00-06:00",
        "07:00-24:01",
        "07:00-07:00",
        "٠٧:00-19:00",
    ],
)
def test_what_is_no_span_of_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Hours.parse(text)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (("00:00-24:00",), True),
        (("07:00-06:59",), False),
        (("Mon-Fri 00:00-24:00", "Sat 00:00-24:00", "Sun 00:00-23:59"), False),
        (("Mon-Fri 00:00-24:00", "Sat 00:00-12:00", "Sat 12:00-24:00", "Sun 00:00-24:00"), True),
        (("Mon 08:00-07:00", "Tue-Sun 06:00-08:00"), False),
    ],
)
def test_hours_that_leave_no_minute_of_a_week_are_known(hours: tuple[str, ...], expected: bool) -> None:
    assert always(map(Hours.parse, hours)) == expected
