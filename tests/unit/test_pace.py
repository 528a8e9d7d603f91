"""How much one query reads: little first in a crowd, smaller where it takes long, larger where it does not."""

from __future__ import annotations

from telegraf_plugin.stream.pace import BETWEEN, FIRST, LONG, SHORT, SMALLEST, Pace
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND


def test_an_hour_is_read_first_where_nobody_waits() -> None:
    assert Pace().length == HOUR


def test_little_is_read_first_in_a_crowd_and_twice_as_much_as_long_as_that_is_quick() -> None:
    pace = Pace()
    pace.crowded()
    assert pace.length == FIRST
    lengths = []
    while pace.length < HOUR:
        pace.done(pace.length, SHORT - 1)
        pace.crowded()  # it is known now
        lengths.append(pace.length // MINUTE)
    assert lengths == [2, 4, 8, 16, 32, 60]


def test_a_crowd_makes_little_of_the_next_backlog_once_this_one_is_read() -> None:
    pace = Pace()
    pace.done(HOUR, 1.0)
    pace.crowded()
    assert pace.length == HOUR
    pace.restart()
    assert pace.length == HOUR
    pace.crowded()
    assert pace.length == FIRST


def test_what_took_long_is_tried_in_pieces_that_take_as_long_as_they_should() -> None:
    pace = Pace()
    pace.done(HOUR, LONG + 1)
    assert pace.length == HOUR // 2
    pace = Pace()
    pace.done(HOUR, 10 * BETWEEN)
    assert pace.length == HOUR // 10
    pace.done(HOUR, 1e9)
    assert pace.length == SMALLEST
    assert SMALLEST == SECOND
