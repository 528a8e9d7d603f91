"""The collector's own metrics: line protocol whatever the streams are called, and never routed like data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin import __version__
from telegraf_plugin.errors import PermanentError, TransientError
from telegraf_plugin.stream.account import Progress
from telegraf_plugin.stream.attempts import Attempt
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.telegraf.metrics import cycle_lines, health_line
from tests.unit.test_status import CPU, ERROR, IN_TIME, MEM, POWER, SECOND, attempt, board

NOW = 1_795_471_200_123_456_789


def parsed(lines: bytes) -> list[dict[str, Any]]:
    assert lines.endswith(b"\n")
    return [parse_line(line) for line in lines.decode().removesuffix("\n").split("\n")]


def of(lines: bytes, measurement: str) -> list[dict[str, Any]]:
    return [line for line in parsed(lines) if line["measurement"] == measurement]


@pytest.fixture
def one_cycle() -> bytes:
    recorded = board(attempt(CPU), attempt(MEM, 7, 7, 0), attempt(POWER, 3, 1, 0, error=ERROR))
    return cycle_lines(recorded, {"POD-30"}, 1.25, NOW)


def test_a_cycle_has_a_line_for_each_stream_source_and_reason_and_health_last(one_cycle: bytes) -> None:
    assert [(line["measurement"], line["tags"].get("stream")) for line in parsed(one_cycle)] == [
        ("collector_stream", "cpu"),
        ("collector_dropped", "cpu"),
        ("collector_stream", "mem"),
        ("collector_source", None),
        ("collector_stream", "power"),
        ("collector_source", None),
        ("collector_cycle", None),
        ("collector_health", None),
    ]


def test_no_metric_is_routed_like_data(one_cycle: bytes) -> None:
    assert not [line for line in parsed(one_cycle) if "source_bucket" in line["tags"]]
    assert b"source_bucket" not in one_cycle


def test_every_metric_has_the_cycles_time(one_cycle: bytes) -> None:
    assert {line["time"] for line in parsed(one_cycle)} == {NOW}


def test_a_streams_line_says_what_its_cycle_and_its_life_came_to() -> None:
    recorded = board(attempt(CPU, 10, 8, 2, 0.5), attempt(CPU, 4, 4, 0, 0.25, error=ERROR))
    recorded.begin_cycle([])
    recorded.record(attempt(CPU, 5, 4, 1, 0.75))
    line = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]
    assert line["tags"] == {
        "source": "POD-8",
        "stream": "cpu",
        "bucket": "telegraf",
        "central_bucket": "telegraf",
    }
    assert line["fields"] == {
        "points_read": 5,
        "points_sent": 4,
        "points_dropped": 1,
        "successes": 1,
        "failures": 0,
        "duration_seconds": 0.75,
        "points_read_total": 19,
        "points_sent_total": 16,
        "points_dropped_total": 3,
        "successes_total": 2,
        "failures_total": 1,
        "success_rate_percent": pytest.approx(200 / 3),
        "healthy": 1,
        "failures_in_a_row": 0,
        "lag_seconds": 0.0,
        "left_seconds": 0.0,
        "proved_up_to": 7,
        "backlog_points_per_second": 0.0,
        "in_flight": 0,
        "held": 0,
        "extras": 0,
        "paused": 0,
        "sweep_found": 0,
        "foreign_marks": 0,
        "future_points": 0,
        "aside_seconds": 0.0,
        "uncompared_seconds": 0.0,
        "central_failures_total": 0,
        "last_success": 1,
    }


def progress_fields(progress: Progress | None) -> dict[str, Any]:
    recorded = board(attempt(CPU), streams=[CPU])
    recorded.streams[CPU.label].progress = progress
    recorded.streams[CPU.label].in_flight = 11
    plain = of(cycle_lines(board(attempt(CPU), streams=[CPU]), set(), 1.0, NOW), "collector_stream")[0]["fields"]
    fields = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]["fields"]
    return {key: value for key, value in fields.items() if plain.get(key) != value}


def test_a_streams_line_says_how_it_stands_with_the_ledger() -> None:
    progress = replace(
        IN_TIME,
        lag=1_500_000_000,
        proved_up_to=NOW,
        left=90 * SECOND,
        points_per_second=123.5,
        to_go=30 * SECOND,
        held=1,
        extras=2,
        foreign=3,
        time_to_loss=-SECOND,
        held_reason="it is float here and integer in central",
    )
    assert progress_fields(progress) == {
        "healthy": 0,
        "last_error": "central lacks 1 points of it for good: it is float here and integer in central",
        "lag_seconds": 1.5,
        "left_seconds": 90.0,
        "to_go_seconds": 30.0,
        "time_to_loss_seconds": -1.0,
        "proved_up_to": NOW,
        "backlog_points_per_second": 123.5,
        "in_flight": 11,
        "held": 1,
        "extras": 2,
        "foreign_marks": 3,
    }


def test_how_long_a_backlog_takes_is_not_told_while_nothing_is_read() -> None:
    """As after a token was refused: the speed of before says nothing of it."""
    recorded = board(attempt(CPU), attempt(CPU, error=PermanentError("the token is refused (401)", "")), streams=[CPU])
    recorded.streams[CPU.label].progress = replace(IN_TIME, left=90 * SECOND, to_go=SECOND)
    fields = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]["fields"]
    assert fields["left_seconds"] == 90.0
    assert "to_go_seconds" not in fields
    recorded.record(attempt(CPU))
    assert of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]["fields"]["to_go_seconds"] == 1.0


def test_the_interval_is_told_by_which_silence_is_judged() -> None:
    recorded = board(attempt(CPU), streams=[CPU])
    recorded.interval = 300 * SECOND
    assert of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]["fields"]["interval_seconds"] == 300.0


def test_a_stream_whose_ledger_is_not_read_says_so() -> None:
    assert progress_fields(None) == {"healthy": 0, "last_error": "the ledger in central cannot be read"}


def test_a_failed_stream_says_why_until_it_is_read_again() -> None:
    recorded = board(attempt(CPU, error=TransientError('it said "no", twice', "hint")))
    line = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]
    assert line["fields"]["last_error"] == 'it said "no", twice'
    assert (line["fields"]["healthy"], line["fields"]["failures_in_a_row"]) == (0, 1)
    recorded.record(attempt(CPU))
    line = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_stream")[0]
    assert "last_error" not in line["fields"]
    assert line["fields"]["healthy"] == 1


def test_a_sources_line_sums_up_its_streams(one_cycle: bytes) -> None:
    first, second = of(one_cycle, "collector_source")
    assert (first["tags"], second["tags"]) == ({"source": "POD-8"}, {"source": "POD-30"})
    assert (first["fields"]["points_read"], first["fields"]["points_sent"], first["fields"]["points_dropped"]) == (
        17,
        15,
        2,
    )
    assert (first["fields"]["successes"], first["fields"]["success_rate_percent"], first["fields"]["late"]) == (
        2,
        100.0,
        0,
    )
    assert (second["fields"]["failures"], second["fields"]["success_rate_percent"], second["fields"]["late"]) == (
        1,
        0.0,
        1,
    )


def test_a_sources_line_tells_its_clock_where_it_is_known() -> None:
    recorded = board(replace(attempt(CPU), clock_skew=-3.5), attempt(POWER))
    first, second = of(cycle_lines(recorded, set(), 1.0, NOW), "collector_source")
    assert first["fields"]["clock_skew_seconds"] == -3.5
    assert "clock_skew_seconds" not in second["fields"]


def test_a_dropped_line_tells_reason_count_and_example() -> None:
    dropping = attempt(CPU, dropped=2)
    dropping.drops.add(DropReason.SHADOWED_TAG, 5, 'cpu,_start=a "x"')
    lines = of(cycle_lines(board(dropping), set(), 1.0, NOW), "collector_dropped")
    assert {line["tags"]["reason"]: line["fields"] for line in lines} == {
        "not_a_value": {"points_total": 2, "example": "cpu example"},
        "shadowed_tag": {"points_total": 5, "example": 'cpu,_start=a "x"'},
    }
    assert {line["tags"]["bucket"] for line in lines} == {"telegraf"}


def test_the_cycles_line_tells_time_and_who_is_late(one_cycle: bytes) -> None:
    (line,) = of(one_cycle, "collector_cycle")
    assert line["fields"] == {
        "duration_seconds": 1.25,
        "late_sources": 1,
        "requests_total": 0,
        "values_read_total": 0,
    }


def test_counts_are_integers_and_measures_are_floats(one_cycle: bytes) -> None:
    for line in parsed(one_cycle):
        for name, value in line["fields"].items():
            expected = (
                float if name.endswith(("_seconds", "_percent", "_per_second")) else str if name in TEXTS else int
            )
            assert type(value) is expected, name


TEXTS = {"last_error", "example", "version"}


@pytest.mark.parametrize(
    ("attempts", "late", "fields"),
    [
        ([], [], {"healthy": 0, "streams": 3, "failing": 3}),
        ([attempt(CPU), attempt(MEM)], [], {"healthy": 0, "streams": 3, "failing": 1}),
        ([attempt(CPU), attempt(MEM), attempt(POWER)], [], {"healthy": 1, "streams": 3, "failing": 0}),
        (
            [attempt(CPU), attempt(MEM), attempt(POWER)],
            [CPU.label, MEM.label],
            {"healthy": 0, "streams": 3, "failing": 2},
        ),
        ([attempt(CPU, error=ERROR), attempt(MEM), attempt(POWER)], [], {"healthy": 0, "streams": 3, "failing": 1}),
        (
            [attempt(CPU, error=ERROR), attempt(CPU), attempt(MEM), attempt(POWER)],
            [],
            {"healthy": 1, "streams": 3, "failing": 0},
        ),
    ],
)
def test_health_is_one_only_while_every_stream_is_read(
    attempts: list[Attempt], late: list[str], fields: dict[str, int]
) -> None:
    recorded = board()
    recorded.begin_cycle(late)
    for each in attempts:
        recorded.record(each)
    (line,) = parsed(health_line(recorded, NOW))
    told = fields | {"paused": 0, "version": __version__}
    assert line == {"measurement": "collector_health", "tags": {}, "fields": told, "time": NOW}


def test_a_shard_is_a_tag_of_its_own_health_and_a_field_of_what_may_move_to_another() -> None:
    lines = parsed(cycle_lines(board(attempt(CPU)), set(), 1.0, NOW, "2/8"))
    tags = {line["measurement"]: line["tags"].get("shard") for line in lines}
    fields = {line["measurement"]: line["fields"].get("shard") for line in lines}
    assert (tags["collector_health"], tags["collector_cycle"]) == ("2/8", "2/8")
    assert (fields["collector_stream"], fields["collector_source"]) == ("2/8", "2/8")
    assert tags["collector_stream"] is tags["collector_source"] is None


def test_a_collector_that_takes_all_says_no_shard(one_cycle: bytes) -> None:
    assert b"shard" not in one_cycle
