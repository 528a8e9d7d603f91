"""What may be read of a source's history: at a pace, and outside of quiet hours; and when it is gone on with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.quiet_hours import Hours, QuietHours
from telegraf_plugin.stream.restraint import FIRST_PIECE, PIECE_SECONDS, Allowance, Leave, Restraint
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND
from tests.unit.test_status import IN_TIME

A, B = StreamId("POD-8", "a"), StreamId("POD-8", "b")
NOON = 20_783 * DAY + 12 * HOUR


def at(after: int = 0) -> Instant:
    """Return so many ns after noon; the steady clock began at noon."""
    return Instant(NOON + after, NOON + after, after)


def paced(rate: int = 1000) -> Allowance:
    return Allowance(Restraint(points_per_second=rate))


def quiet(*hours: str) -> Allowance:
    return Allowance(Restraint(quiet=QuietHours(UTC, tuple(map(Hours.parse, hours)))))


def test_nothing_is_held_back_unless_it_is_asked_for() -> None:
    allowance = Allowance()
    allowance.read(A, (0, HOUR), 10**9, SECOND, 0)
    assert allowance.leave(Paused.NOTHING, at()) is Leave.ALL
    assert allowance.longest(A) == HOUR
    assert allowance.wakes_at(at()) is None


@pytest.mark.parametrize(
    ("paused", "expected"), [(Paused.NOTHING, Leave.ALL), (Paused.BACKLOG, Leave.LIVE), (Paused.STREAM, Leave.NOTHING)]
)
def test_a_pause_goes_before_all_else(paused: Paused, expected: Leave) -> None:
    assert Allowance().leave(paused, at()) is expected
    beside = Leave.EXPIRING if expected is Leave.ALL else expected
    assert quiet("11:00-13:00").leave(paused, at()) is beside


def test_what_was_read_is_paid_for_by_rest_from_when_it_was_begun() -> None:
    allowance = paced()
    allowance.read(A, (0, MINUTE), 30_000, 2 * SECOND, 2 * SECOND)
    assert allowance.leave(Paused.NOTHING, at(30 * SECOND - 1)) is Leave.EXPIRING
    assert allowance.leave(Paused.NOTHING, at(30 * SECOND)) is Leave.ALL
    assert allowance.wakes_at(at(2 * SECOND)) == 30 * SECOND
    assert allowance.wakes_at(at(30 * SECOND)) is None


def test_the_streams_of_a_source_share_its_pace() -> None:
    allowance = paced()
    allowance.read(A, (0, MINUTE), 30_000, SECOND, SECOND)
    allowance.read(B, (0, MINUTE), 30_000, SECOND, SECOND)
    assert allowance.wakes_at(at(SECOND)) == 60 * SECOND


def test_a_long_rest_is_no_credit() -> None:
    allowance = paced()
    allowance.read(A, (0, MINUTE), 1000, SECOND, HOUR)
    assert allowance.leave(Paused.NOTHING, at(HOUR)) is Leave.ALL
    allowance.read(A, (0, MINUTE), 5000, SECOND, HOUR + SECOND)
    assert allowance.wakes_at(at(HOUR + SECOND)) == HOUR + 5 * SECOND


def test_a_query_takes_what_the_pace_allows_in_ten_seconds() -> None:
    allowance = paced()
    assert allowance.longest(A) == FIRST_PIECE
    allowance.read(A, (0, MINUTE), 60_000, SECOND, 0)  # a thousand points a second
    assert allowance.longest(A) == PIECE_SECONDS * SECOND
    assert allowance.longest(B) == FIRST_PIECE
    for _ in range(20):  # as sparse as one may wish: no faster than twice as much each time
        before = allowance.longest(A)
        allowance.read(A, (0, MINUTE), 0, SECOND, 0)
        assert allowance.longest(A) == min(2 * before, HOUR)
    allowance.read(A, (0, SECOND), 10**9, SECOND, 0)
    assert allowance.longest(A) == SECOND


def test_quiet_hours_leave_what_the_source_is_about_to_delete_and_end_by_the_collectors_clock() -> None:
    allowance = quiet("11:00-13:00")
    assert allowance.leave(Paused.NOTHING, at()) is Leave.EXPIRING
    assert allowance.wakes_at(at()) == HOUR
    assert allowance.quiet_until(at()) == NOON + HOUR
    ahead = at()._replace(source=NOON + 2 * HOUR)
    assert allowance.leave(Paused.NOTHING, ahead) is Leave.EXPIRING
    assert allowance.leave(Paused.NOTHING, at(HOUR)) is Leave.ALL
    assert allowance.wakes_at(at(HOUR)) is None


def test_a_backlog_is_told_to_take_as_long_as_it_does_at_the_pace() -> None:
    fast = replace(IN_TIME, points_per_second=5000.0, to_go=10 * SECOND)
    assert paced(1000).paced(fast) == replace(fast, points_per_second=1000.0, to_go=50 * SECOND)
    assert paced(9000).paced(fast) == fast
    assert Allowance().paced(fast) == fast
