"""What each hour of a stream is called: every state, and which is told of two that share an hour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.report.calendar import Hour, Known, calendar, first_hour
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE

NOW = 10 * HOUR + 20 * MINUTE
ALL = span(0, NOW)
WELL = Known(origin=0, proved=span(0, NOW - 6 * MINUTE), sent=span(NOW - 10 * MINUTE, NOW), prompt=NOW - 3 * MINUTE)


def hours(known: Known, now: int = NOW) -> list[Hour]:
    return list(calendar(known, 0, now).hours)


def test_all_is_proved_but_the_hour_that_is_not_over() -> None:
    assert hours(WELL) == [Hour.PROVED] * 10 + [Hour.ON_ITS_WAY]


def test_the_last_hour_is_the_one_that_now_is_in() -> None:
    assert len(hours(WELL, 10 * HOUR)) == 10
    assert len(hours(WELL, 10 * HOUR + 1)) == 11


def test_without_a_mark_nothing_is_known() -> None:
    assert set(hours(Known())) == {Hour.UNKNOWN}
    assert calendar(Known(), 0, NOW).share is None


def test_what_is_neither_proved_nor_sent_is_missing() -> None:
    lacking = replace(WELL, proved=WELL.proved - span(3 * HOUR + MINUTE, 3 * HOUR + 2 * MINUTE))
    assert [place for place, hour in enumerate(hours(lacking)) if hour is Hour.MISSING] == [3]


def test_what_was_sent_is_on_its_way_however_old_it_is() -> None:
    sent = replace(WELL, proved=WELL.proved - span(3 * HOUR, 5 * HOUR), sent=WELL.sent + span(3 * HOUR, 4 * HOUR))
    assert hours(sent)[2:6] == [Hour.PROVED, Hour.ON_ITS_WAY, Hour.MISSING, Hour.PROVED]


def test_what_is_so_young_that_nothing_is_late_is_on_its_way_though_no_mark_tells_of_it() -> None:
    untold = replace(WELL, sent=NOTHING, prompt=NOW - 6 * MINUTE)
    assert hours(untold)[-1] is Hour.ON_ITS_WAY
    assert hours(replace(untold, prompt=NOW - 5 * MINUTE))[-1] is Hour.MISSING


def test_before_the_origin_nothing_is_wanted() -> None:
    later = replace(WELL, origin=4 * HOUR + MINUTE)
    assert hours(later)[:6] == [Hour.BEFORE] * 4 + [Hour.PROVED] * 2


def test_of_what_is_before_the_origin_an_island_that_was_asked_for_is_wanted() -> None:
    island = replace(WELL, origin=8 * HOUR, islands=span(2 * HOUR, 4 * HOUR), proved=span(2 * HOUR, 3 * HOUR))
    assert hours(island)[:6] == [Hour.BEFORE] * 2 + [Hour.PROVED, Hour.MISSING] + [Hour.BEFORE] * 2


def test_what_the_source_does_not_keep_any_more_is_gone_unless_it_was_proved() -> None:
    gone = replace(WELL, proved=WELL.proved - span(2 * HOUR, 6 * HOUR), lost=4 * HOUR)
    assert hours(gone)[1:7] == [Hour.PROVED, *[Hour.GONE] * 2, *[Hour.MISSING] * 2, Hour.PROVED]


def test_what_central_does_not_keep_any_more_is_expired_though_it_was_proved() -> None:
    assert hours(replace(WELL, kept=2 * HOUR))[:3] == [Hour.EXPIRED, Hour.EXPIRED, Hour.PROVED]


def test_of_an_hour_that_central_keeps_in_part_only_what_it_keeps_counts() -> None:
    part = replace(WELL, kept=2 * HOUR + MINUTE)
    assert hours(part)[1:3] == [Hour.EXPIRED, Hour.PROVED]
    assert hours(replace(part, origin=4 * HOUR))[1:4] == [Hour.EXPIRED, Hour.BEFORE, Hour.BEFORE]


def test_what_is_held_is_told_though_the_rest_of_the_hour_is_proved() -> None:
    assert hours(replace(WELL, held=span(5 * HOUR, 5 * HOUR + 1)))[4:7] == [Hour.PROVED, Hour.HELD, Hour.PROVED]


def test_what_is_held_before_the_origin_is_not_wanted() -> None:
    assert hours(replace(WELL, origin=6 * HOUR, held=span(2 * HOUR, 3 * HOUR)))[2] is Hour.BEFORE


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"held": ALL, "lost": 5 * HOUR + 30 * MINUTE}, Hour.MISSING),
        ({"held": ALL, "lost": 6 * HOUR}, Hour.HELD),
        ({"sent": span(5 * HOUR, 5 * HOUR + 30 * MINUTE), "lost": 6 * HOUR}, Hour.GONE),
        ({"sent": ALL}, Hour.ON_ITS_WAY),
    ],
)
def test_an_hour_is_called_by_the_worst_that_is_in_it(more: dict[str, object], told: Hour) -> None:
    lacking = replace(WELL, proved=WELL.proved - span(5 * HOUR, 6 * HOUR), **more)  # type: ignore[arg-type]
    assert hours(lacking)[5] is told


def test_an_aggregates_window_that_is_not_over_is_not_missed() -> None:
    hourly = Known(origin=0, proved=span(0, 10 * HOUR), prompt=NOW, unit=HOUR)
    assert hours(hourly) == [Hour.PROVED] * 10 + [Hour.BEFORE]
    assert hours(replace(hourly, unit=1))[-1] is Hour.MISSING


def test_the_share_is_that_of_what_is_wanted() -> None:
    half = Known(origin=2 * HOUR, proved=span(0, 5 * HOUR), prompt=NOW)
    found = calendar(half, 0, 8 * HOUR)
    assert (found.wanted, found.proved, found.share) == (6 * HOUR, 3 * HOUR, 0.5)


def test_a_calendar_begins_at_a_midnight_so_many_days_ago() -> None:
    assert first_hour(3 * DAY + 5 * HOUR, 2) == DAY


@given(
    proved=st.lists(st.tuples(st.integers(0, NOW), st.integers(0, NOW))),
    sent=st.lists(st.tuples(st.integers(0, NOW), st.integers(0, NOW))),
    origin=st.integers(0, NOW),
    lost=st.integers(0, NOW),
    prompt=st.integers(0, NOW),
)
def test_proved_is_said_of_an_hour_of_which_all_that_is_wanted_is_proved_and_of_no_other(
    proved: list[tuple[int, int]], sent: list[tuple[int, int]], origin: int, lost: int, prompt: int
) -> None:
    known = Known(origin, proved=Spans.of(proved), sent=Spans.of(sent), lost=lost, prompt=prompt)
    for place, hour in enumerate(hours(known)):
        wanted = span(max(place * HOUR, origin), min((place + 1) * HOUR, NOW))
        assert (hour is Hour.PROVED) == (bool(wanted) and not wanted - known.proved)
        assert (hour is Hour.BEFORE) == (not wanted)
