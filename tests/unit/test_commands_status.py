"""How a stream stands, by the collector's last word and its newest mark: each figure is of the time that is named."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.commands.session import CentralAccess
from telegraf_plugin.commands.stream_rows import AS_READ, Row, look, row
from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.pause import Paused
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import Spans
from tests.unit.test_commands_requests import SECOND, mark
from tests.unit.test_definition import STREAM

ASKED = Request("0123456789ab", Kind.BACKFILL, Spans.of([(0, 100)]), False, 0)
BUSY = {
    "healthy": "1",
    "failures_in_a_row": "0",
    "left_seconds": "64800",
    "to_go_seconds": "0.3",
    "backlog_points_per_second": "50000",
}


def test_an_old_word_of_the_collector_is_not_believed() -> None:
    metrics = Metrics({"healthy": "1", "lag_seconds": "0"}, time=0)
    assert row("a/b", metrics, None, None, now=SECOND).healthy
    silent = row("a/b", metrics, None, None, now=600 * SECOND)
    assert (silent.state, silent.healthy) == ("silent", False)
    assert "last word is 10 m old" in silent.last_error


def test_without_any_word_the_ledger_is_told() -> None:
    found = row("a/b", None, mark(5 * SECOND, Spans.of([(100, 200)])), None, now=5000 * SECOND)
    assert (found.state, found.proved_up_to) == ("silent", 200)
    assert "its newest mark is of 1970-01-01 00:00:05Z" in found.last_error


@pytest.mark.parametrize("last_word", [None, 0])
def test_a_collector_that_has_just_started_is_not_called_silent(last_word: int | None) -> None:
    """Its first mark is there at once; its first word comes at the end of its first cycle, five minutes later."""
    metrics = Metrics({"healthy": "1", "interval_seconds": "10"}, last_word * SECOND) if last_word is not None else None
    started = mark(1000 * SECOND, Spans.of([(100, 200)]))
    found = row("a/b", metrics, started, None, now=1290 * SECOND)
    assert (found.state, found.healthy) == ("starting", False)
    assert "its first cycle is not over" in found.last_error
    assert row("a/b", metrics, started, None, now=5000 * SECOND).state == "silent"


def test_a_mark_that_is_hardly_later_than_the_last_word_is_no_start() -> None:
    metrics = Metrics({"healthy": "1", "interval_seconds": "10"}, 1000 * SECOND)
    assert row("a/b", metrics, mark(1010 * SECOND, Spans()), None, now=1100 * SECOND).state == "silent"


def test_what_was_left_when_all_of_a_backfill_is_copied_by_now_is_not_told() -> None:
    asked = replace(ASKED, time=900 * SECOND)
    fields = {"healthy": "1", "interval_seconds": "10", "left_seconds": "57900", "to_go_seconds": "1.5"}
    metrics = Metrics(fields, 1000 * SECOND)
    half, whole = (replace(mark(1005 * SECOND), sent=Spans.of([(0, end)])) for end in (50, 100))
    found = row("a/b", metrics, half, asked, now=1010 * SECOND)
    assert (found.left, found.to_go) == (57900, 1.5)
    found = row("a/b", metrics, whole, asked, now=1010 * SECOND)
    assert (found.left, found.to_go, found.rate) == (None, None, None)
    before = replace(whole, id=MarkId(995 * SECOND, "run"))  # the word is the newer one
    assert row("a/b", metrics, before, asked, now=1010 * SECOND).left == 57900


def test_a_bucket_of_central_that_is_missing_is_told_of_its_streams_alone() -> None:
    here, gone = replace(STREAM, name="a", central_bucket="here"), replace(STREAM, name="b", central_bucket="gone")

    class Central:
        def stream_metrics(self, _span: object) -> list[tuple[tuple[str, str], int, str, str]]:
            return [((each.source, each.name), 990 * SECOND, "healthy", "1") for each in (here, gone)]

        def ledger(self, bucket: str, _names: object) -> dict[object, object]:
            if bucket == "gone":
                raise CentralError('could not find bucket "gone"', "create it", permanent=True)
            return {}

        def asked(self, _bucket: str) -> Asked:
            return Asked()

    rows = look(cast(CentralAccess, Central()), [here, gone], 1000 * SECOND)
    assert [(each.state, each.healthy) for each in rows] == [("ok", True), ("bad", False)]
    assert rows[1].last_error == 'central\'s bucket gone: could not find bucket "gone"; create it'


def test_what_proved_means_is_said_where_a_query_of_ones_own_computes() -> None:
    found = row("a/b", Metrics({"healthy": "1", "proved_up_to": "0"}, time=0), None, None, now=SECOND)
    assert "1970-01-01 00:00:00Z" in found.cells()
    assert found.as_json()["proof"] == "equal"
    assert "1970-01-01 00:00:00Z (as read)" in replace(found, proof=AS_READ).cells()


@pytest.mark.parametrize(
    ("interval", "longest"),
    [(None, 180), ("60.0", 180), ("300.004", 900), ("3600", 10_800), ("1.0", 30), ("10", 30), ("15", 45)],
)
def test_silence_is_three_of_the_collectors_own_intervals(interval: str | None, longest: int) -> None:
    metrics = Metrics({"healthy": "1"} | ({"interval_seconds": interval} if interval else {}), time=0)
    assert row("a/b", metrics, None, None, now=longest * SECOND).state == "ok"
    assert row("a/b", metrics, None, None, now=(longest + 1) * SECOND).state == "silent"


def test_the_time_of_the_figures_is_named() -> None:
    found = row("a/b", Metrics(BUSY, time=5 * SECOND), None, None, now=30 * SECOND)
    assert "1970-01-01 00:00:05Z" in found.cells()
    assert found.as_json()["told_at"] == 5 * SECOND
    assert (found.left, found.to_go, found.rate) == (64_800, 0.3, 50_000)


def figures(found: Row) -> tuple[float | None, float | None, float | None]:
    return found.left, found.to_go, found.rate


def test_what_a_newer_mark_shows_to_be_done_is_not_left() -> None:
    """After `backfill` has said done, the collector's last word may be an interval old: it told of 18 h left."""
    metrics = Metrics(BUSY, time=5 * SECOND)
    done = row("a/b", metrics, mark(6 * SECOND, request=ASKED.id), ASKED, now=30 * SECOND)
    assert figures(done) == (None, None, None)
    assert done.request is None
    older = row("a/b", metrics, mark(4 * SECOND, request=ASKED.id), ASKED, now=30 * SECOND)
    assert figures(older) == (64_800, 0.3, 50_000)
    under_way = row("a/b", metrics, mark(6 * SECOND), ASKED, now=30 * SECOND)
    assert figures(under_way) == (64_800, 0.3, 50_000)


def test_while_nothing_is_read_there_is_no_telling_how_long_it_takes() -> None:
    """As after a token was refused."""
    failing = Metrics(BUSY | {"healthy": "0", "failures_in_a_row": "3", "last_error": "401"}, time=0)
    assert figures(row("a/b", failing, None, None, now=SECOND)) == (64_800, None, None)
    assert figures(row("a/b", Metrics(BUSY, time=0), None, None, now=600 * SECOND)) == (64_800, None, None)


def test_without_a_backlog_there_is_no_speed_of_it() -> None:
    fields = {key: value for key, value in BUSY.items() if key != "to_go_seconds"} | {"left_seconds": "0"}
    assert figures(row("a/b", Metrics(fields, time=0), None, None, now=SECOND)) == (0, None, None)


def test_what_is_paused_is_said_and_is_well() -> None:
    fields = {"healthy": "1", "paused": "2", "waits": "paused since 2026-11-26 00:00:00Z"}
    found = row("a/b", Metrics(fields, time=0), None, None, now=SECOND)
    assert (found.state, found.healthy, found.paused) == ("paused", True, Paused.STREAM)
    assert found.cells()[-2] == "paused since 2026-11-26 00:00:00Z"
    assert (found.as_json()["paused"], found.as_json()["waits"]) == ("stream", fields["waits"])
    backlog = row("a/b", Metrics(fields | {"paused": "1"}, time=0), None, None, now=SECOND)
    assert (backlog.state, backlog.paused) == ("ok", Paused.BACKLOG)
    assert row("a/b", Metrics(fields, time=0), None, None, now=600 * SECOND).state == "silent"
