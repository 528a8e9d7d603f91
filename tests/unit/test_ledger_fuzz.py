"""The ledger as anybody may have written it: any rows in any columns keep nothing that is whole from being read."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_plugin.config import Credential, Server
from telegraf_plugin.errors import CentralError
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.ledger_reader import LedgerReader
from telegraf_plugin.influxdb.timestamps import format_time
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.ledger import FORMAT, Mark, MarkId, Origin
from telegraf_plugin.stream.request import MAX_ID, Kind, Request
from telegraf_plugin.stream.spans import END, Spans
from tests.replies import row

T = time.time_ns() - 60_000_000_000
"""What is read of the ledger begins at now."""
NAME, OTHER = StreamId("POD-8", "whole"), StreamId("POD-8", "odd")
WHOLE = Mark(MarkId(T, "run"), None, "d" * 16, 1, 2, Spans.of([(1, 9)]))
REQUEST = Request("7", Kind.REPAIR, Spans.of([(1, 2)]), False, T)
ORIGIN = Origin("d" * 16, 1, 2, 1)

COLUMNS = ["_time", "_value", "_field", "source", "stream", "source_bucket", "_measurement", "x", "", "result", "host"]
NUMBERS = ["0", "-1", str(2**63), str(-(2**70)), "9" * 40, "1e5", "1_0", "\u0661", "NaN", ""]
VALUES = st.one_of(
    st.sampled_from([*NUMBERS, *(f"{number}@run" for number in NUMBERS), f"{T}@", "@", f"{T + 1}@odd", f"{T}@a b"]),
    st.sampled_from(["1/2", f"1/{2**64}", "[[" * 20_000, "[]", "{}", '[["m","f","float","1/2"]]', "[[[],{},0,1]]"]),
    st.sampled_from(["id", "base", "format", "proved", "printed", "held", "origin", "definition", str(FORMAT)]),
    st.sampled_from(["2026-11-24T10:00:00Z", "2300-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "2026-11-24T10:00:00.1Z"]),
    st.sampled_from([NAME[0], OTHER[1], "kind", "spans", "cancelled", "x" * 10_000]),
    st.text(max_size=8),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=8), max_size=12)


def table(rows: list[dict[str, str]]) -> str:
    """One table a row: each with columns of its own."""
    text = ""
    for each in rows:
        names = list(each)
        text += row("#datatype", "string", "long", *("string" for _ in names))
        text += row("#group", "false", "false", *("false" for _ in names))
        text += row("#default", "_result", "", *("" for _ in names))
        text += row("", "result", "table", *names) + row("", "", "0", *(each[name] for name in names)) + "\r\n"
    return text


def whole(name: tuple[str, str], fields: dict[str, object], time: int = T) -> list[dict[str, str]]:
    tags = {"source": name[0], "stream": name[1], "_time": format_time(time)}
    return [tags | {"_field": field, "_value": str(value)} for field, value in fields.items()]


class Client:
    """Answers each question by what is whole, with the odd rows around it."""

    requests = 0
    clock_skew = None

    def __init__(self, odd: list[dict[str, str]]) -> None:
        self.odd = odd

    def redact(self, text: str) -> str:
        return text

    def query(self, query: Query) -> Iterator[bytes]:
        self.requests += 1
        text, fields = query.text, WHOLE.fields()
        if "collector_origin" in text:
            good = whole(NAME, {"definition": "d" * 16, "origin": 1, "began": 2, "oldest": 1})
        elif "collector_request" in text:
            good = whole(NAME, {key: str(value).lower() for key, value in REQUEST.fields().items()})
        elif '_field == "id"' in text:
            good = whole(NAME, {"id": fields["id"]})
        else:
            good = whole(NAME, dict(fields))
        odd = [each | ({"stream": "odd"} if each.get("stream") == NAME[1] else {}) for each in self.odd]
        if '"whole"' in text:  # the question names the stream
            odd = []
        middle = len(odd) // 2
        yield (table([*odd[:middle], *good, *odd[middle:]]) + "\r\n").encode()


def reader(odd: list[dict[str, str]]) -> LedgerReader:
    made = LedgerReader(Server("http://central:8086", "org", Credential("a-token-of-central")), "metrics")
    made._client = Client(odd)  # type: ignore[assignment]
    return made


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_any_rows_in_any_columns_keep_no_other_stream_from_being_read(odd: list[dict[str, str]]) -> None:
    central = reader(odd)
    unreadable: list[object] = []
    found = central.ledger("b", [NAME, OTHER], steps=8, unreadable=lambda *told: unreadable.append(told))
    believed = found[NAME]
    assert believed is not None
    assert believed.mark == WHOLE
    assert next(iter(central.mark_ids("b", T)))[0][NAME] == {WHOLE.id}
    for ids, since, until in central.mark_ids("b", T - 1000):
        assert all(since <= mark.time < until <= END for marks in ids.values() for mark in marks)
    assert central.origins()[NAME] == ORIGIN
    assert central.asked("b").requests[NAME] == REQUEST
    for each in central.asked("b").requests.values():
        assert len(each.id) <= MAX_ID


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_of_any_rows_of_the_stream_itself_nothing_but_central_errors_come(odd: list[dict[str, str]]) -> None:
    central = reader([each | {"source": OTHER[0], "stream": OTHER[1]} for each in odd])
    try:
        believed = central.ledger("b", [OTHER], steps=8)
    except CentralError:
        return
    for each in believed.values():
        assert each is None or all(-(2**63) <= end < 2**63 for part in each.mark.proved for end in part)


def test_a_mark_without_tags_and_an_id_beyond_64_bits_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    odd = [{"_time": format_time(T), "_field": "id", "_value": f"{2**64}@run"}]
    odd += [{**odd[0], "source": "POD-8", "stream": "odd"}]
    central = reader(odd)
    for _ in range(3):
        assert next(iter(central.mark_ids("b", T)))[0][NAME] == {WHOLE.id}
    assert caplog.text.count("not a time of 64 bits") == 2
    assert caplog.text.count("set aside") == 2
