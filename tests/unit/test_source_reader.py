"""Where the next point is: found in few questions, however long nothing was; where a stream's first window begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import SourceError, TransientError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.definition import Aggregate, AggregateFunction, StreamDefinition
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from tests.behaviours import END, table
from tests.replies import row, time_text
from tests.unit.test_definition import STREAM

YEAR = 365 * 24 * HOUR
NOW = 57 * YEAR + 17 * HOUR // 3
WHOLE = replace(STREAM, flux=None, aggregate=None)
PANIC = TransientError("the server failed (500): panic: interface conversion", "")


class Points(SourceReader):
    """A source that has points at these times."""

    def __init__(self, *times: int) -> None:
        super().__init__(cast(QueryClient, None))
        self.times, self.asked = times, 0

    def exists(self, stream: StreamDefinition, span: Span) -> bool:
        self.asked += 1
        return any(span[0] <= time < span[1] for time in self.times)


@given(st.lists(st.integers(0, NOW + YEAR), max_size=5), st.integers(0, NOW), st.integers(0, NOW))
def test_the_newest_point_is_found_to_the_hour_and_none_where_there_is_none(times: list[int], a: int, b: int) -> None:
    start, stop = min(a, b), max(a, b)
    found = Points(*times).newest(WHOLE, start, stop)
    newest = max((time for time in times if start <= time < stop), default=None)
    if newest is None:
        assert found is None
    else:
        assert found is not None
        assert newest <= found < min(newest + HOUR, stop)


@pytest.mark.parametrize("ago", [HOUR, 24 * HOUR, YEAR, 56 * YEAR, None])
def test_half_a_century_takes_few_questions(ago: int | None) -> None:
    source = Points(*([NOW - ago] if ago is not None else []))
    source.newest(WHOLE, 0, NOW)
    assert source.asked <= 40


class Answers:
    """A client whose source answers each question so, one after the other."""

    speaks_flux = True

    def __init__(self, *answers: bytes | SourceError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def query(self, query: Query) -> Iterator[bytes]:
        self.asked.append(query.text)
        answer = self.answers.pop(0)
        if isinstance(answer, SourceError):
            raise answer
        yield answer

    def influxql(self, _bucket: str, statement: str) -> bytes:
        if statement.startswith("SHOW SERIES"):
            return b'name,tags,key\n,,"pdu,_value=x,outlet=bad"\n'
        return b"name,tags,tagKey\npdu,,outlet\n"


def at(time: int) -> bytes:
    head = row("#datatype", "string", "long", "dateTime:RFC3339") + row("#group", "false", "false", "false")
    head += row("#default", "_result", "", "") + row("", "result", "table", "_time")
    return (head + row("", "", "0", time_text(time)) + "\r\n").encode()


FIRST = 1_795_471_234_567_891_234


@pytest.mark.parametrize(
    ("stream", "begins"),
    [
        (WHOLE, FIRST),
        (replace(WHOLE, aggregate=Aggregate(24 * HOUR, AggregateFunction.MEAN)), FIRST - FIRST % (24 * HOUR)),
        (replace(WHOLE, flux="..."), FIRST - 234),
    ],
    ids=["points", "windows of a day", "flux"],
)
def test_the_first_window_is_the_one_that_holds_the_first_point(stream: StreamDefinition, begins: int) -> None:
    assert SourceReader(cast(QueryClient, Answers(at(FIRST)))).first(stream, NOW * 2) == begins


def test_a_question_that_panics_is_asked_again_without_the_series() -> None:
    client = Answers(PANIC, at(FIRST))
    assert SourceReader(cast(QueryClient, client)).first(replace(WHOLE, measurements=()), NOW * 2) == FIRST
    assert 'r["_measurement"] != "pdu" or r["outlet"] != "bad"' not in client.asked[0]
    assert 'r["_measurement"] != "pdu" or r["outlet"] != "bad"' in client.asked[1]


def test_a_question_that_fails_otherwise_is_not_asked_again() -> None:
    client = Answers(TransientError("no answer in time", ""))
    with pytest.raises(TransientError):
        SourceReader(cast(QueryClient, client)).first(WHOLE, NOW * 2)
    assert len(client.asked) == 1


def test_what_a_flux_of_ones_own_finds_is_not_known() -> None:
    source = SourceReader(cast(QueryClient, Answers()))
    assert source.newest(replace(WHOLE, flux="..."), 0, NOW) == NOW - 1


def test_points_are_read_again_without_the_series_that_broke_the_first_reading() -> None:
    client, tally = Answers(PANIC, table(values=["1.5", "2.5"]) + END), Tally()
    read = SourceReader(cast(QueryClient, client)).blocks(replace(WHOLE, measurements=()), (0, HOUR), tally)
    assert sum(len(block) for blocks, _ in read for block in blocks) == tally.points == 2
    assert 'r["_measurement"] != "pdu" or r["outlet"] != "bad"' not in client.asked[0]
    assert 'r["_measurement"] != "pdu" or r["outlet"] != "bad"' in client.asked[1]


def test_points_that_cannot_be_read_otherwise_are_not_read_again() -> None:
    client = Answers(TransientError("no answer in time", ""))
    with pytest.raises(TransientError):
        list(SourceReader(cast(QueryClient, client)).blocks(WHOLE, (0, HOUR), Tally()))
    assert len(client.asked) == 1


def test_a_source_that_panics_at_a_probe_has_answered_it() -> None:
    SourceReader(cast(QueryClient, Answers(PANIC))).probe(WHOLE, NOW)
    with pytest.raises(TransientError):
        SourceReader(cast(QueryClient, Answers(TransientError("no answer in time", "")))).probe(WHOLE, NOW)
