"""What the report makes of the ledger and of the collector's words."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.report.calendar import Hour, Known, calendar
from telegraf_plugin.report.facts import Point, history, known
from telegraf_plugin.report.remedies import REMEDIES, held_remedy
from telegraf_plugin.stream import difference, holds
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.spans import BEGINNING, Spans, span
from telegraf_plugin.stream.units import HOUR, MINUTE, SECOND
from tests.unit.test_commands_requests import mark
from tests.unit.test_definition import STREAM
from tests.unit.test_lint import ROOT

NOW = 1000 * HOUR + 30 * MINUTE
MARK = replace(mark(NOW - 10 * MINUTE, span(NOW - 9 * HOUR, NOW - 20 * MINUTE)), origin=NOW - 9 * HOUR)
SAID = {"healthy": "1", "lag_seconds": "3", "max_lag_seconds": "180", "interval_seconds": "60"}


def told(said: dict[str, str] | None = None, age: int = 20 * SECOND) -> Known:
    metrics = Metrics(SAID | (said or {}), NOW - age)
    return known(STREAM, MARK, metrics, None, None, NOW)


def newest(found: Known) -> Hour:
    return calendar(found, NOW - NOW % HOUR - HOUR, NOW).hours[-1]


def test_a_stream_without_a_mark_is_not_known() -> None:
    assert known(STREAM, None, Metrics(SAID, NOW), None, None, NOW) == Known()


def test_what_has_come_since_the_newest_mark_is_not_called_missing_of_a_collector_that_is_in_time() -> None:
    """A mark is renewed every 15 minutes where nothing is to be said."""
    assert (
        newest(
            known(
                STREAM, replace(MARK, proved=span(MARK.origin, NOW - 12 * MINUTE)), Metrics(SAID, NOW), None, None, NOW
            )
        )
        is Hour.ON_ITS_WAY
    )
    assert newest(told()) is Hour.MISSING  # not proved when the mark was made, and older than max_lag then


def test_of_a_collector_that_is_behind_or_silent_it_is() -> None:
    recent = replace(MARK, proved=span(MARK.origin, NOW - 12 * MINUTE))
    for said, age in ((SAID | {"lag_seconds": "181"}, 0), (SAID, 10 * MINUTE)):
        assert newest(known(STREAM, recent, Metrics(said, NOW - age), None, None, NOW)) is Hour.MISSING
    assert newest(known(STREAM, recent, None, None, None, NOW)) is Hour.MISSING


def test_what_the_collector_calls_proved_since_the_mark_is_proved() -> None:
    found = told({"proved_up_to": str(NOW - 6 * MINUTE)})
    assert found.proved == span(MARK.origin, NOW - 6 * MINUTE)


def test_a_word_that_is_much_older_than_the_newest_mark_proves_nothing() -> None:
    """The mark may have taken the proof back: central was put back to a backup meanwhile."""
    found = told({"proved_up_to": str(NOW - MINUTE)}, age=10 * MINUTE + 181 * SECOND)
    assert found.proved == MARK.proved


def test_held_sent_and_printed_are_the_marks() -> None:
    key = FieldKey(b"m", b"f", FieldType.FLOAT)
    other = FieldKey(b"m", b"g", FieldType.FLOAT)
    full = replace(
        MARK, held={key: span(1, 2), other: span(5, 6)}, sent=span(10, 20), printed=span(20, 30), islands=span(7, 8)
    )
    found = known(STREAM, full, None, None, None, NOW)
    assert (found.held, found.sent, found.islands) == (Spans.of([(1, 2), (5, 6)]), span(10, 30), span(7, 8))


def test_what_was_asked_for_is_wanted_while_it_is_under_way() -> None:
    """A backfill's spans are islands of the ledger only when it is done."""
    found = known(STREAM, replace(MARK, islands=span(1, 5)), None, None, None, NOW, span(5, 9))
    assert found.islands == span(1, 9)


def test_both_retentions_count_and_none_is_for_ever() -> None:
    found = known(STREAM, MARK, None, Bucket(2 * HOUR, HOUR), Bucket(3 * HOUR, HOUR), NOW)
    assert (found.lost, found.kept) == (NOW - 2 * HOUR, NOW - 3 * HOUR)
    found = known(STREAM, MARK, None, Bucket(0, HOUR), None, NOW)
    assert (found.lost, found.kept) == (BEGINNING, BEGINNING)


def test_a_history_has_every_window_and_a_gap_where_nothing_was_said() -> None:
    rows = [(0, "lag_seconds", 4.0), (0, "points_sent", 120.0), (120 * SECOND, "left_seconds", 7.0)]
    assert history(rows, 0, 150 * SECOND, MINUTE) == [
        Point(0, 4.0, 2.0, None),
        Point(60 * SECOND),
        Point(120 * SECOND, None, None, 7.0),
    ]


def test_two_series_of_one_stream_are_one_and_a_window_that_is_not_over_is_as_long_as_it_is() -> None:
    rows = [(0, "points_sent", 10.0), (0, "points_sent", 20.0), (0, "lag_seconds", 1.0), (0, "lag_seconds", 9.0)]
    assert history(rows, 0, 15 * SECOND, MINUTE) == [Point(0, 9.0, 2.0, None)]


def test_every_reason_for_which_points_are_held_has_its_remedy() -> None:
    said = "\n".join(
        (ROOT / "telegraf_plugin" / name).read_text() for name in ("execution/runner.py", "stream/difference.py")
    )
    said += holds.NOT_LOOKED_AT + holds.BEFORE_START
    assert [part for part, _ in REMEDIES if part not in said] == []
    assert difference.told([], FieldKey(b"m", b"f", FieldType.FLOAT)).startswith("it is there now")
    assert held_remedy("differs: it is there now; it came late") == "nothing, unless it comes again"
    assert "exclude_fields" in held_remedy("refused: it is float here and integer in central (422)")
    assert "troubleshooting" in held_remedy("of a later version")
