"""What is read in central, and how what it answers is understood: over HTTP, from a fake."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import Asked
from telegraf_plugin.stream.definition import ReadWay, StreamId
from telegraf_plugin.stream.ledger import FORMAT, Mark, MarkId, Origin
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import Spans
from tests.behaviours import BROKEN_OFF, CUT, END, UNAUTHORIZED, good, plain, refusal, table
from tests.exchange import Behaviour, Exchange
from tests.fakes import FakeSource
from tests.replies import row, time_text
from tests.unit.test_definition import STREAM

CSV = {"Content-Type": "text/csv; charset=utf-8"}
TOKEN = "a-token-of-central"
PAST = "2025-11-24T10:00"
SECOND = 1_000_000_000
NAME = StreamId("POD-8", "telegraf")
T = 1_795_471_200 * SECOND

Row = tuple[int, str, str, str, str]
"""Time, source, stream, field, value."""


def reply(rows: list[Row]) -> bytes:
    """One table of strings; nothing found is an empty row."""
    text = row("#datatype", "string", "long", "dateTime:RFC3339", *["string"] * 4)
    text += row("#group", *["false"] * 3, *["true"] * 4) + row("#default", "_result", *[""] * 6)
    text += row("", "result", "table", "_time", "source", "stream", "_field", "_value")
    text += "".join(row("", "", "0", time_text(time), *rest) for time, *rest in rows)
    return (text.encode() if rows else b"") + END


def of_mark(mark: Mark, **other: str) -> list[Row]:
    fields = {key: str(value) for key, value in mark.fields().items()} | other
    return [(mark.id.time, *NAME, key, value) for key, value in fields.items()]


def mark(time: int, base: int | None = None) -> Mark:
    return Mark(MarkId(T + time, "run"), MarkId(T + base, "run") if base is not None else None, "d" * 16, 0, 0)


def ledger(*marks: Mark, damaged: dict[int, dict[str, str]] | None = None) -> Behaviour:
    """What InfluxDB answers whose bucket holds these marks: `last()` a series, a range of them, or ids."""
    every = [row for each in marks for row in of_mark(each, **(damaged or {}).get(each.id.time - T, {}))]

    def behave(exchange: Exchange) -> None:
        query, rows = exchange.query, every
        start, stop = (text.split("stop: ")[-1] for text in query.split("range(start: ")[1].split(")")[0].split(","))
        rows = [each for each in rows if start.strip() <= format_time(each[0]) < stop.strip()]
        if '_field == "id"' in query or '["_field"] == "id")' in query:
            rows = [each for each in rows if each[3] == "id"]
        if "last()" in query:
            newest = max((each[0] for each in rows), default=0)
            rows = [each for each in rows if each[0] == newest]
        plain(200, reply(rows), CSV)(exchange)

    return behave


@pytest.fixture
def central() -> Iterator[Callable[..., CentralReader]]:
    fakes: list[FakeSource] = []

    def make(behaviour: Behaviour, lookup: Behaviour | None = None) -> CentralReader:
        fake = FakeSource(behaviour, lookup).__enter__()
        fakes.append(fake)
        return CentralReader(Server(fake.url, "org", Credential(TOKEN)), "metrics")

    yield make
    for fake in fakes:
        fake.__exit__(None, None, None)


def test_the_newest_mark_that_stands_on_what_is_there_is_believed(central: Callable[..., CentralReader]) -> None:
    first, second, third = mark(1), mark(2, 1), mark(3, 2)
    assert believed(central(ledger(first, second, third))) == third
    assert believed(central(ledger(first, third))) == first  # its base was forgotten
    assert believed(central(ledger(third))) is None
    assert believed(central(ledger())) is None


def believed(reader: CentralReader) -> Mark | None:
    found = reader.ledger("b", [NAME])[NAME]
    return found.mark if found is not None else None


def test_marks_of_others_are_not_told(central: Callable[..., CentralReader]) -> None:
    assert central(ledger(mark(1))).ledger("b", [StreamId("POD-8", "other"), StreamId("POD-9", "x")]) == {
        ("POD-8", "other"): None,
        ("POD-9", "x"): None,
    }


def test_a_damaged_mark_is_left_aside_and_said(
    central: Callable[..., CentralReader], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        reader = central(ledger(mark(1), mark(2, 1), damaged={2: {"origin": "x"}}))
        assert [believed(reader) for _ in range(3)] == [mark(1)] * 3
    assert caplog.text.count("set aside in central's bucket b, POD-8/telegraf, as it cannot be read: a mark") == 1


def test_a_mark_whose_proof_is_damaged_is_not_believed(central: Callable[..., CentralReader]) -> None:
    reader = central(ledger(mark(1), mark(2, 1), damaged={2: {"proved": "1/x"}}))
    assert believed(reader) == mark(1)


def test_a_ledger_of_a_later_format_is_refused(central: Callable[..., CentralReader]) -> None:
    later = {2: {"format": str(FORMAT + 1)}}
    with pytest.raises(CentralError, match=f"is of format {FORMAT + 1}") as caught:
        central(ledger(mark(1), mark(2, 1), damaged=later)).ledger("b", [NAME])
    assert caught.value.permanent
    assert "run the version" in caught.value.hint


def test_ids_and_one_mark_are_told_by_stream(central: Callable[..., CentralReader]) -> None:
    now = time.time_ns()
    rows = [(now, *NAME, "id", f"{now}@run"), (now + 1, "POD-8", "other", "id", f"{now + 1}@x")]
    reader = central(plain(200, reply(rows), CSV))
    ((ids, since, until),) = reader.mark_ids("b", now)
    assert ids == {NAME: {MarkId(now, "run")}, ("POD-8", "other"): {MarkId(now + 1, "x")}}
    assert since == now
    assert until > 2**62
    reader = central(ledger(mark(1), mark(2, 1)))
    asked = [MarkId(T + 2, "run"), MarkId(T + 1, "another"), MarkId(T + 7, "run")]
    assert reader.marks("b", NAME, asked) == [mark(2, 1)]


def test_origins_are_put_together_from_their_fields(central: Callable[..., CentralReader]) -> None:
    fields = {"definition": "d" * 16, "origin": "-7", "began": "8", "oldest": "-9"}
    rows = [(T, *NAME, key, value) for key, value in fields.items()]
    assert central(plain(200, reply(rows), CSV)).origins() == {NAME: Origin("d" * 16, -7, 8, -9)}


def test_the_newest_request_is_told_and_a_damaged_one_is_none(central: Callable[..., CentralReader]) -> None:
    request = Request("7", Kind.REPAIR, Spans.of([(1, 2)]), False, T)
    rows = [(T, *NAME, key, str(value).lower()) for key, value in request.fields().items()]
    rows += [(T, "POD-8", "other", "id", "8")]
    assert central(plain(200, reply(rows), CSV)).asked("b").requests == {NAME: request}


def test_requests_come_with_the_ids_of_marks_by_one_question(central: Callable[..., CentralReader]) -> None:
    now = time.time_ns()
    request = Request("7", Kind.REPAIR, Spans.of([(1, 2)]), False, T)
    asked = reply([(T, *NAME, key, str(value).lower()) for key, value in request.fields().items()])
    marks = reply([(now, *NAME, "id", f"{now}@run")])
    reader = central(plain(200, asked.replace(b"_result", b"0") + marks.replace(b"_result", b"1"), CSV))
    ids, since, _, found = reader.marks_and_requests("b", now)
    assert (ids, since) == ({NAME: {MarkId(now, "run")}}, now)
    assert found.requests == {NAME: request}
    assert reader.times_asked == 1
    reader = central(plain(200, marks, CSV))
    assert reader.marks_and_requests("b", now)[3] == Asked()


def test_what_has_landed_is_counted_and_read(central: Callable[..., CentralReader]) -> None:
    reader = central(good(table(values=["1.5", "2.5"], begin=PAST)))
    assert reader.count(STREAM, (T, T + 1)) == 2
    assert central(good()).count(STREAM, (T, T + 1)) == 0
    (blocks, exact), *_ = reader.blocks(STREAM, (T, T + 1))
    assert (sum(map(len, blocks)), exact) == (2, False)
    assert (reader.values, reader.times_asked) == (2, 6)  # each time it is looked for in InfluxQL first
    assert reader.types("b", (T, T + 1), FieldKey(b"power", b"watts", FieldType.FLOAT)) == {"float"}


def test_how_a_bucket_is_kept_is_told(central: Callable[..., CentralReader]) -> None:
    assert central(good()).bucket("b") == Bucket(0, 7 * 86_400 * SECOND)


@pytest.mark.parametrize(
    ("behaviour", "permanent"),
    [(UNAUTHORIZED, True), (refusal(503, "later"), False), (CUT, False), (BROKEN_OFF, False)],
    ids=["401", "503", "cut", "broken off"],
)
def test_whatever_fails_is_a_central_error(
    central: Callable[..., CentralReader], behaviour: Behaviour, permanent: bool
) -> None:
    reader = central(behaviour, lookup=behaviour)
    for question in (
        lambda: reader.ledger("b", [NAME]),
        lambda: list(reader.mark_ids("b", T)),
        lambda: reader.marks("b", NAME, [MarkId(T, "run")]),
        reader.origins,
        lambda: reader.asked("b"),
        lambda: reader.count(STREAM, (T, T + 1)),
        lambda: list(reader.blocks(STREAM, (T, T + 1))),
        lambda: reader.bucket("b"),
    ):
        with pytest.raises(CentralError) as caught:
            question()
        assert caught.value.permanent is permanent


def test_a_token_that_central_repeats_is_blotted_out(central: Callable[..., CentralReader]) -> None:
    with pytest.raises(CentralError) as caught:
        central(refusal(400, f"what is {TOKEN}?")).origins()
    assert TOKEN not in caught.value.summary + caught.value.hint


def test_who_waits_for_its_answer_is_known(central: Callable[..., CentralReader]) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        reached.set()
        go_on.wait(10)
        plain(200, END, CSV)(exchange)

    reader = central(slow)
    asking = threading.Thread(target=reader.origins)
    asking.start()
    assert reached.wait(10)
    assert reader.is_asked_by(asking.ident)
    assert not reader.is_asked_by(threading.get_ident())
    go_on.set()
    asking.join(10)
    assert not reader.is_asked_by(asking.ident)


@pytest.mark.parametrize(
    ("tags", "read", "by_influxql"),
    [
        ((MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD), ReadWay.AUTO, False),
        ((MetadataTag.HOST, MetadataTag.SOURCE_BUCKET), ReadWay.AUTO, True),
        ((MetadataTag.HOST, MetadataTag.SOURCE_BUCKET, MetadataTag.FIELD), ReadWay.INFLUXQL, True),
        ((MetadataTag.HOST, MetadataTag.SOURCE_BUCKET), ReadWay.FLUX, False),
    ],
)
def test_influxql_is_not_asked_by_itself_where_each_field_is_a_series(
    tags: tuple[MetadataTag, ...], read: ReadWay, by_influxql: bool
) -> None:
    """It looks for each of a measurement's fields in each of its series (decision 0078)."""
    with FakeSource(good(table())) as fake:
        server = Server(fake.url, "central", Credential(TOKEN), read=read)
        reader, stream = CentralReader(server, "metrics"), replace(STREAM, metadata_tags=tags)
        for ask in (
            lambda: reader.count(stream, (T, T + SECOND)),
            lambda: reader.exists(stream, (T, T + SECOND)),
            lambda: reader.newest_types(stream, (T, T + SECOND)),
            lambda: list(reader.blocks(stream, (T, T + SECOND))),
        ):
            fake.requests.clear()
            fake.lookups.clear()
            with suppress(CentralError):
                ask()
            places = [request for request in fake.lookups if "/dbrps" in request.target]
            assert bool(places) is by_influxql
            assert by_influxql or fake.requests
