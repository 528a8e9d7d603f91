"""What an operator has paused: its point, what marks keep of it, and how it shows in health, metrics and the log."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin import __version__
from telegraf_plugin.audit import Audit
from telegraf_plugin.influxdb.ledger_rows import asked_of
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Reading
from telegraf_plugin.stream.pause import NO_PAUSE, Pause, Paused, newest
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.marks import request_line
from telegraf_plugin.telegraf.metrics import cycle_lines, health_line
from tests.unit.test_definition import STREAM
from tests.unit.test_status import CPU, ERROR, IN_TIME, attempt, board

PAUSE = Pause("0123456789ab", Paused.STREAM, 7)


def rows(fields: dict[str, str], time: str, measurement: str = "collector_pause") -> list[dict[str, str]]:
    tags = {"source": STREAM.source, "stream": STREAM.name, "_time": time, "_measurement": measurement}
    return [tags | {"_field": name, "_value": value} for name, value in fields.items()]


@pytest.mark.parametrize(
    "pause", [NO_PAUSE, PAUSE, Pause("x", Paused.BACKLOG, -1), Pause("y", Paused.NOTHING, 2**63 - 1)]
)
def test_a_mark_keeps_it(pause: Pause) -> None:
    mark = Mark(MarkId(9, "me"), None, "d", 0, 0, pause=pause)
    assert Mark.read({name: str(value) for name, value in mark.fields().items()}) == mark


def test_a_mark_of_an_earlier_version_has_none() -> None:
    fields = {name: str(value) for name, value in Mark(MarkId(9, "me"), None, "d", 0, 0, pause=PAUSE).fields().items()}
    del fields["pause"]
    assert Mark.read(fields).pause == NO_PAUSE


@pytest.mark.parametrize(
    "text", ["stream", "stream 7", "stream x 1", "all 7 1", "stream 7 ", f"stream 7 {'x' * 101}", "stream 7 a b"]
)
def test_damage_is_no_pause(text: str) -> None:
    with pytest.raises(ValueError, match=r"pause|time|Paused"):
        Pause.parse(text)


def test_the_newest_counts_wherever_it_stands() -> None:
    later = Pause("later", Paused.NOTHING, 8)
    assert newest() == newest(None) == NO_PAUSE
    assert newest(PAUSE, later, None) == newest(later, PAUSE) == later
    mark = Mark(MarkId(9, "me"), None, "d", 0, 0, pause=PAUSE)
    reading = Reading(Believed(mark, NOTHING), None, ())
    assert reading.paused == PAUSE
    assert replace(reading, pause=later).paused == later
    assert replace(reading, believed=None).paused == NO_PAUSE


def test_its_point_stands_beside_a_request_and_neither_takes_the_others_place() -> None:
    asked = Request("7", Kind.BACKFILL, Spans.of([(0, 100)]), False, 1)
    line = parse_line(request_line(STREAM, PAUSE).decode().strip())
    assert (line["measurement"], line["fields"], line["time"]) == (
        "collector_pause",
        {"id": PAUSE.id, "what": "stream"},
        7,
    )
    assert line["tags"] == {"source": STREAM.source, "stream": STREAM.name}
    fields = {name: str(value).lower() for name, value in asked.fields().items()}
    together = rows(fields, "1970-01-01T00:00:00.000000001Z", "collector_request")
    together += rows({"id": PAUSE.id, "what": "stream"}, "1970-01-01T00:00:00.000000007Z")
    found = asked_of(together, lambda what: pytest.fail(what))
    assert (found.requests, found.pauses) == ({STREAM.id: asked}, {STREAM.id: PAUSE})


@pytest.mark.parametrize(
    "fields", [{"id": "x"}, {"what": "stream"}, {"id": "x", "what": "all"}, {"id": "", "what": "stream"}]
)
def test_a_point_that_is_damaged_is_set_aside(fields: dict[str, str]) -> None:
    said: list[str] = []
    assert asked_of(rows(fields, "1970-01-01T00:00:00Z"), said.append).pauses == {}
    assert len(said) == 1
    assert said[0].startswith("a pause for ")


PAUSED = replace(IN_TIME, lag=None, paused=Paused.STREAM, paused_at=1_795_471_200 * SECOND, left=100 * SECOND)
BACKLOG = replace(IN_TIME, paused=Paused.BACKLOG, paused_at=1_795_471_200 * SECOND)


def test_a_paused_stream_is_well_whatever_its_source_does_and_says_so() -> None:
    found = board(attempt(CPU, error=ERROR), streams=[CPU])
    status = found.streams[CPU.label]
    assert found.failing == [CPU.label]
    status.progress, status.late = PAUSED, True
    assert (found.failing, status.trouble, status.behind, status.begun) == ([], "", False, True)
    assert found.waiting == {CPU.label: "paused since 2026-11-23T22:00:00Z"}
    assert parse_line(health_line(found, 1).decode().strip())["fields"] == {
        "healthy": 1,
        "streams": 1,
        "failing": 0,
        "version": __version__,
        "paused": 1,
    }
    line = parse_line(cycle_lines(found, set(), 1.0, 1).decode().splitlines()[0])
    assert (line["fields"]["paused"], line["fields"]["healthy"]) == (2, 1)
    assert line["fields"]["waits"] == "paused since 2026-11-23T22:00:00Z"
    assert "last_error" not in line["fields"]


def test_one_whose_backlog_is_paused_is_judged_by_its_live_data() -> None:
    found = board(attempt(CPU), streams=[CPU])
    status = found.streams[CPU.label]
    status.progress, status.max_lag = BACKLOG, 3 * SECOND
    assert found.failing == []
    assert found.waiting == {CPU.label: "its backlog is paused since 2026-11-23T22:00:00Z"}
    status.progress = replace(BACKLOG, lag=3 * SECOND)
    assert found.failing == [CPU.label]
    status.progress = replace(BACKLOG, held=1, held_reason="why")
    assert found.failing == [CPU.label]


def test_quiet_hours_are_said_when_something_waits_for_their_end() -> None:
    found = board(attempt(CPU), streams=[CPU])
    status = found.streams[CPU.label]
    status.progress = replace(IN_TIME, left=0, quiet_until=1_795_471_200 * SECOND)
    assert found.waiting == {}
    status.progress = replace(IN_TIME, left=1, quiet_until=1_795_471_200 * SECOND)
    assert found.waiting == {CPU.label: "its backlog waits for the end of quiet hours at 2026-11-23T22:00:00Z"}
    assert b"paused=0i" in cycle_lines(found, set(), 1.0, 1)


def test_the_log_of_each_cycle_names_what_is_paused(caplog: pytest.LogCaptureFixture) -> None:
    found = board(attempt(CPU), streams=[CPU])
    found.streams[CPU.label].progress = PAUSED
    audit = Audit.__new__(Audit)
    audit._held = {}
    with caplog.at_level(logging.INFO):
        audit.cycle(found, set(), 1.0)
    assert caplog.messages[-1].endswith(f"; on purpose: {CPU.label} (paused since 2026-11-23T22:00:00Z)")
    assert caplog.records[-1].levelno == logging.INFO
