"""What reading the ledger takes in memory does not go by how many marks there are, of how many streams."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.influxdb import ledger_reader, ledger_rows
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.ledger_rows import MAX_STREAMS
from telegraf_plugin.influxdb.timestamps import format_time, parse_time
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.known import Known
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import HOUR, MINUTE
from telegraf_plugin.telegraf.marks import mark_line
from tests.replies import cell
from tests.unit.test_definition import STREAM

MIB = 2**20
STEP = 5 * MINUTE
"""Between two marks of a stream: a tenth of what there is at two a minute, so that a test takes seconds."""
NOW = time.time_ns() // HOUR * HOUR
COLUMNS = ("_time", "_value", "_field", "source", "stream", "source_bucket")
HEAD = "".join(
    f"{first},{','.join(cells)}\r\n"
    for first, cells in (
        ("#datatype,string,long", ["dateTime:RFC3339", *["string"] * 5]),
        ("#group,false,false", ["false"] * 6),
        ("#default,_result,", [""] * 6),
        (",result,table", COLUMNS),
    )
).encode()


class Ledger:
    """Stands for central's client: marks of so many streams, each STEP ns of so many hours; a row at a time."""

    clock_skew = None
    requests = 0

    def __init__(self, streams: int, hours: int) -> None:
        self.streams = [f"s{number:03}" for number in range(streams)]
        self.oldest, self.rows = NOW - hours * HOUR, 0

    def redact(self, text: str) -> str:
        return text

    def query(self, query: Query) -> Iterator[bytes]:
        text = query.text
        start, stop = (parse_time(found.encode()) for found in re.findall(r"st(?:art|op): ([0-9TZ:.-]+)", text)[:2])
        yield HEAD
        if "collector_ledger" in text:
            chosen = [name for name in self.streams if f'r["stream"] == "{name}"' in text] or self.streams
            times = range(max(start + -start % STEP, self.oldest), min(stop, NOW), STEP)
            fields = set(re.findall(r'r\["_field"\] == "(\w+)"|r._field == "(\w+)"', text))
            wanted = {one or other for one, other in fields}
            for name in chosen:
                for at in times[-1:] if "last()" in text else times:
                    yield self._mark(name, at, wanted)
        yield b"\r\n"

    def _mark(self, name: str, at: int, wanted: set[str]) -> bytes:
        mark, base = MarkId(at, "before"), MarkId(at - STEP, "before") if at > self.oldest else None
        told = {"id": f"{at}@before"}
        if wanted != {"id"}:
            whole = Mark(mark, base, "d", 0, 0, Spans.of([(0, at)]))
            told = parse_line(mark_line(replace(STREAM, name=name), whole).decode())["fields"]
        rows = [
            f"{format_time(at)},{cell(str(value))},{field}"
            for field, value in told.items()
            if field in wanted or not wanted
        ]
        self.rows += len(rows)
        return "".join(f",,0,{row},POD-8,{name},telegraf\r\n" for row in rows).encode()


def peak(streams: int, hours: int) -> tuple[float, int]:
    """What a start takes at most (MiB) that reads the ledger and what other runs' marks there are; and the rows."""
    reader = CentralReader(Server("http://central:8086", "org", Credential("a-token-of-central")), "metrics")
    ledger = Ledger(streams, hours)
    reader._client = cast(QueryClient, ledger)
    tracemalloc.start()
    try:
        names = [StreamId("POD-8", name) for name in ledger.streams]
        believed = reader.ledger("landing", names)
        known = {name: Known(since=ledger.oldest) for name in names}
        for present, _, _ in reader.mark_ids("landing", ledger.oldest):
            for name, ids in present.items():
                known[name].add(sorted(ids))
        most = tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()
    assert all(found is not None and found.mark.id.time == NOW - STEP for found in believed.values())
    return most, ledger.rows


def test_a_day_of_marks_takes_no_more_of_many_streams_than_a_step_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cost 83 MiB at 30 streams and 280 at 100, as all rows were in memory. Here is a tenth of all, bound too."""
    monkeypatch.setattr(ledger_reader, "MAX_ROWS", 2000)
    peak(1, 1)  # what is loaded at first
    most, rows = peak(60, 25)
    assert rows > 18_000
    assert most < 1.2  # all ids together take 2.5


class Strangers(Ledger):
    """A bucket in which so many other streams have left something."""

    def query(self, query: Query) -> Iterator[bytes]:
        yield HEAD
        for number in range(40_000):
            yield f",,0,{format_time(NOW - STEP)},1@a,id,s{number},s{number},telegraf\r\n".encode()
        yield b"\r\n"


def test_what_others_have_left_is_not_remembered() -> None:
    reader = CentralReader(Server("http://central:8086", "org", Credential("a-token-of-central")), "metrics")
    reader._client = cast(QueryClient, Strangers(0, 0))
    reader.ledger("landing", [])
    tracemalloc.start()
    try:
        assert reader.ledger("landing", [StreamId("POD-8", "telegraf")]) == {StreamId("POD-8", "telegraf"): None}
        assert tracemalloc.get_traced_memory()[1] / MIB < 1.0
    finally:
        tracemalloc.stop()


def test_of_too_many_streams_the_first_are_told_and_that_is_said_once() -> None:
    said: list[str] = []
    fields = {"origin": "0", "began": "0", "oldest": "0", "definition": "d"}
    rows = (
        {"source": f"s{number}", "stream": "s", "_time": format_time(NOW), "_field": field, "_value": value}
        for number in range(MAX_STREAMS + 5)
        for field, value in fields.items()
    )
    assert len(ledger_rows.origins_of(rows, said.append)) == MAX_STREAMS
    assert set(said) == {"points of more than 5,000 streams"}


class Counting(Ledger):
    """Counts the rows that were taken of the answer to each question for ids, until it was given up or over."""

    def __init__(self, streams: int, hours: int) -> None:
        super().__init__(streams, hours)
        self.taken: list[int] = []

    def query(self, query: Query) -> Iterator[bytes]:
        before = self.rows
        try:
            yield from super().query(query)
        finally:
            self.taken.append(self.rows - before)


def test_an_hour_with_more_marks_than_are_read_at_a_time_is_read_in_shorter_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger_reader, "MAX_ROWS", 200)
    reader = CentralReader(Server("http://central:8086", "org", Credential("a-token-of-central")), "metrics")
    ledger = Counting(60, 2)
    reader._client = cast(QueryClient, ledger)
    steps = [present for present, _, _ in reader.mark_ids("landing", ledger.oldest)]
    found = [mark for present in steps for ids in present.values() for mark in ids]
    assert len(found) == 60 * 2 * HOUR // STEP
    assert max(ledger.taken) == 201  # one more says that there are too many
    assert len(ledger.taken) < 40


def looks(reader: CentralReader, since: int) -> int:
    """How many questions a look back to `since` takes, asked for a step at a time as the watch does."""
    until, asked = 2**62, 0
    while until > since:
        _, until, _ = next(reader.mark_ids("landing", since, until))
        asked += 1
    return asked


def test_a_day_without_marks_takes_few_questions_and_what_is_looked_at_often_makes_them_no_more() -> None:
    """A start asked 25 times, one after the other, before it printed its first mark."""
    reader = CentralReader(Server("http://central:8086", "org", Credential("a-token-of-central")), "metrics")
    reader._client = cast(QueryClient, Counting(0, 0))
    now = time.time_ns()
    for _ in range(40):
        looks(reader, now - 1_000_000_000)
    assert looks(reader, now - 25 * HOUR) == 5  # 1, 2, 4, 8 hours, and the rest
    assert looks(reader, now - 25 * HOUR) == 2
