"""What an InfluxDB 1.x is asked, and what becomes of replies that do not fit, without one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb import messagepack
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.v1_client import V1Client, place_of
from telegraf_plugin.influxdb.v1_source import LEAVE_OUT, V1SourceReader
from telegraf_plugin.influxdb.wide_blocks import MAX_STATEMENTS
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import HOUR
from tests.unit.influxql_bench import NOW, SPAN, WHOLE
from tests.unit.test_messagepack import document, series

STREAM = replace(WHOLE, bucket="db/rp", exclude_fields=())
READABLE = "".join(f" AND \"{tag}\"::tag = ''" for tag in ("_value", "_time", "_start", "_stop"))
Fields = dict[str, list[tuple[str, str]]]


class Server:
    """Answers InfluxQL about measurements with their `fields`; `answers` are the series by a statement's beginning."""

    clock_skew = 0.0

    def __init__(self, fields: Fields, answers: dict[str, list[dict[str, Any]]] | None = None) -> None:
        self.fields, self.answers = fields, answers or {}
        self.asked: list[str] = []
        self.requests = 0
        self.refused: SourceError | None = None

    def bucket(self, name: str) -> Bucket:
        if self.refused is not None:
            raise self.refused
        return Bucket(0, 24 * HOUR, name)

    def place(self, bucket: Bucket) -> Place:
        return place_of(bucket.id)

    def rows(self, place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        assert place == Place("db", "rp")
        self.requests += 1
        self.asked += statements
        for number, text in enumerate(statements):
            if text.startswith("SHOW FIELD KEYS"):
                names = list(self.fields) if "/.*/" in text else re.findall(r'"rp"\."([^"]*)"', text)
                found = [series(*map(list, self.fields[name]), name=name) for name in names if name in self.fields]
            else:
                found = next((each for start, each in self.answers.items() if text.startswith(start)), [])
            for each in found:
                content = document(number, each, partial=True)
                yield from (content[at : at + 700] for at in range(0, len(content), 700))
            yield document(number)

    @property
    def selects(self) -> list[str]:
        return [text for text in self.asked if text.startswith("SELECT")]


def reader(server: Server) -> V1SourceReader:
    return V1SourceReader(cast(V1Client, server))


def of(name: str, columns: list[str], *rows: list[Any]) -> dict[str, Any]:
    return {"name": name, "columns": ["time", *columns], "values": list(rows)}


def test_what_is_asked_names_policy_measurement_fields_and_types() -> None:
    fields = {"m": [("a", "float"), ("b", "float"), ("b", "string"), ("c", "integer")], "n": [("x", "float")]}
    server = Server(fields)
    stream = replace(STREAM, exclude_fields=("c",), tags=(("k", ("v", "w'")),))
    assert reader(server).first(stream, NOW) is None
    where = r"""WHERE ("k"::tag = 'v' OR "k"::tag = 'w\'')""" + READABLE
    end = f"AND time >= -9223372036000000000 AND time < {NOW} ORDER BY time ASC LIMIT 1"
    assert server.selects == [
        f'SELECT "a"::float, "b"::float, "b"::string FROM "db"."rp"."m" {where} {end}',
        f'SELECT "x"::float FROM "db"."rp"."n" {where} {end}',
    ]
    plain = Server({"n": [("x", "float")]})
    assert not reader(plain).exists(STREAM, SPAN)
    assert plain.selects == [
        f'SELECT *::field FROM "db"."rp"."n" WHERE {READABLE[5:]} '
        f"AND time >= {SPAN[0]} AND time < {SPAN[1]} ORDER BY time DESC LIMIT 1"
    ]
    assert reader(server).count(replace(STREAM, measurements=("n",)), SPAN) == 0
    assert server.selects[-1].startswith('SELECT count(*::field) FROM "db"."rp"."n" WHERE')


def test_a_measurement_all_of_whose_fields_are_left_out_is_not_asked_for() -> None:
    server = Server({"m": [("a", "float")]})
    assert reader(server).newest(replace(STREAM, exclude_fields=("a",)), *SPAN) is None
    assert server.selects == []


def test_many_measurements_and_fields_are_asked_for_some_at_a_time() -> None:
    fields = {f"m{number}": [("a", "float")] for number in range(MAX_STATEMENTS + 1)}
    fields["wide"] = [(f"f{number}", "float") for number in range(101)]
    server = Server(fields)
    assert not reader(server).exists(replace(STREAM, exclude_fields=("z",)), SPAN)
    assert len(server.selects) == MAX_STATEMENTS + 1 + 3
    assert server.requests == 2 + 2  # the names, their fields, and these


def test_counts_leave_out_fields_and_what_is_the_collectors_own() -> None:
    counted = [of("m", ["count_a", "count_b"], [0, 3, 5])]
    server = Server(
        {"m": [("a", "float"), ("b", "float")], "collector_ledger": [("id", "string")]}, {"SELECT count": counted}
    )
    assert reader(server).measurements(STREAM, SPAN) == {"m": 8}
    assert reader(server).count(replace(STREAM, exclude_fields=("b",)), SPAN) == 3
    assert all("collector_ledger" not in text for text in server.selects)


def test_the_newest_and_the_first_are_those_of_all_measurements() -> None:
    ends = [of("m", ["a"], [7, 1.0]), of("n", ["a"], [5, None])]
    server = Server({"m": [("a", "float")]}, {"SELECT": ends})
    assert reader(server).newest(STREAM, 0, 10) == 7
    assert reader(server).first(STREAM, 10) == 5


def test_types_are_those_of_the_values_and_unsigned_where_the_server_says() -> None:
    last = [of("m", ["last_a", "last_b", "last_u", "last_gone"], [0, 1.5, 2, 3, None])]
    fields = [("a", "string"), ("a", "float"), ("b", "integer"), ("u", "unsigned"), ("gone", "boolean")]
    found = reader(Server({"m": fields}, {"SELECT last": last})).types(STREAM, SPAN)
    assert found == {(b"m", b"a"): "float", (b"m", b"b"): "integer", (b"m", b"u"): "unsigned"}


@pytest.mark.parametrize(("held", "found"), [("this run", True), ("another", False)])
def test_a_mark_is_found_by_its_run(held: str, found: bool) -> None:
    server = Server({}, {"SELECT": [of("collector_ledger", ["incarnation"], [42, held])]})
    assert reader(server).has_mark(STREAM, MarkId(42, "this run")) is found
    assert server.selects == [
        f'SELECT "incarnation"::field FROM "db"."rp"."collector_ledger" WHERE ("source"::tag = \'{STREAM.source}\') '
        f"AND (\"stream\"::tag = '{STREAM.name}') AND time >= 42 AND time < 43"
    ]


def test_a_row_that_is_too_long_leaves_its_measurement_out_from_the_next_read_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(messagepack, "MAX_ROW_BYTES", 2000)
    rows = {
        'SELECT *::field FROM "db"."rp"."long"': [of("long", list("abcdefgh"), [NOW - 1, *(["x" * 650] * 8)])],
        'SELECT *::field FROM "db"."rp"."m"': [of("m", ["a"], [NOW - 1, 1.5])],
    }
    by = reader(Server({"long": [(each, "string") for each in "abcdefgh"], "m": [("a", "float")]}, rows))
    with pytest.raises(TransientError, match=r"long: a row of it is too long \(InfluxQL\)"):
        points(by, STREAM)
    assert points(by, STREAM) == points(by, STREAM) == [(b"m", b"1.5")]
    (said,) = [each.getMessage() for each in caplog.records if "is left out" in each.getMessage()]
    assert said == f"{STREAM.label}: measurement long is left out: a row of it is too long; {LEAVE_OUT}"


def points(by: V1SourceReader, stream: StreamDefinition) -> list[tuple[bytes, bytes]]:
    found = by.blocks(stream, SPAN, Tally())
    return [(block.measurement, value) for blocks, _ in found for block in blocks for value in block.values]


def test_the_source_says_what_is_wrong_with_its_bucket_itself() -> None:
    server = Server({})
    server.refused = PermanentError("database db has no retention policy rp; there are: none", "correct it", 404)
    for ask in (lambda: reader(server).count(STREAM, SPAN), lambda: points(reader(server), STREAM)):
        with pytest.raises(PermanentError, match="has no retention policy rp"):
            ask()
    server.refused = TransientError("connection refused", "")
    with pytest.raises(TransientError, match="connection refused"):
        reader(server).newest(STREAM, *SPAN)


def test_rows_without_a_time_are_refused() -> None:
    server = Server({"m": [("a", "float")]}, {"SELECT": [{"name": "m", "columns": ["a"], "values": [[1.0]]}]})
    with pytest.raises(BadReply, match="no time"):
        reader(server).count(STREAM, SPAN)
