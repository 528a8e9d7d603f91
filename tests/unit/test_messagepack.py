"""A MessagePack reply becomes the same rows however it is cut, and a damaged one is told apart from a whole one."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb import messagepack
from telegraf_plugin.influxdb.messagepack import MAX_FIELDS, LongRow, Reply, Rows

VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.binary()


def document(statement: int, *series: dict[str, Any], partial: bool = False) -> bytes:
    result: dict[str, Any] = {"statement_id": statement, "series": list(series)}
    if partial:
        result["partial"] = True
    return bytes(msgpack.packb({"results": [result]}, use_bin_type=False))


def series(*rows: list[Any], name: str = "cpu", tags: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    width = len(rows[0]) if rows else 1
    columns = ["time", *(f"f{number}" for number in range(width - 1))]
    return {"name": name, "tags": tags or {}, "columns": columns, "values": list(rows), **more}


def read(reply: Reply, content: bytes, size: int = 1) -> list[Rows]:
    found = [rows for at in range(0, len(content), size) for rows in reply.feed(content[at : at + size])]
    reply.finish()
    return found


def flat(found: list[Rows]) -> list[tuple[Any, ...]]:
    return [
        (each.statement, each.measurement, each.tags, each.keys, each.columns, repr(row))
        for each in found
        for row in each.rows
    ]


@given(
    st.lists(st.lists(st.lists(VALUES, min_size=2, max_size=2), max_size=4), max_size=4),
    st.integers(1, 40),
)
def test_any_chunking_gives_the_same_rows(tables: list[list[list[Any]]], size: int) -> None:
    content = b"".join(
        document(0, series(*rows, name=f"m{number}", tags={"host": "a", "cpu": ""}, partial=True), partial=True)
        for number, rows in enumerate(tables)
    ) + document(0)
    found = flat(read(Reply(1), content, size))
    assert found == flat(read(Reply(1), content, len(content)))
    assert found == [
        (0, b"m%d" % number, ((b"host", b"a"),), (b"cpu", b"host"), (b"time", b"f0"), repr(row))
        for number, rows in enumerate(tables)
        for row in rows
    ]


WHOLE = document(0, series([1, 2.5], [2, None]), partial=True) + document(0) + document(1, series([3, b"x"]))


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_a_reply_that_is_cut_short_is_never_taken_for_a_whole_one(cut: int) -> None:
    assert len(flat(read(Reply(2), WHOLE))) == 3
    with pytest.raises(BadReply, match="cut short"):
        read(Reply(2), WHOLE[:cut])


def test_names_may_come_in_several_documents_that_are_not_partial() -> None:
    content = document(0, series([1])) + document(0, series([2])) + document(1, series([3]))
    assert [(each.statement, each.rows) for each in read(Reply(2), content)] == [(0, [[1]]), (0, [[2]]), (1, [[3]])]


@pytest.mark.parametrize("size", [1, 10_000])
def test_rows_come_before_the_series_has_ended(size: int) -> None:
    content = document(0, series(*([number, 1.5] for number in range(5000))))
    reply, numbers = Reply(1), []
    for at in range(0, len(content) // 2, size):
        numbers += [row[0] for rows in reply.feed(content[at : at + size]) for row in rows.rows]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 1000


REFUSED = {
    "an error of a statement": msgpack.packb({"results": [{"statement_id": 0, "error": "too many series"}]}),
    "an error of the whole": msgpack.packb({"error": "database not found"}),
    "no MessagePack": b"\xc1",
    "JSON": b'{"results":[]}',
    "a web page": b"<html>login</html>",
    "a number": msgpack.packb(7),
    "results that are none": msgpack.packb({"results": 7}),
    "a row that is none": msgpack.packb({"results": [{"series": [{"values": [7]}]}]}),
    "a row that is too short": document(0, {"name": "m", "columns": ["time", "v"], "values": [[1]]}),
    "a name that is none": document(0, {"name": 7, "values": []}),
    "tags that are none": document(0, {"name": "m", "tags": 7}),
    "a tag that is none": document(0, {"name": "m", "tags": {"k": 7}}),
    "a statement that was not asked": document(3),
    "a statement of no number": msgpack.packb({"results": [{"statement_id": "x"}]}),
    "a name of endless length": b"\x81\xdb\xff\xff\xff\xff" + b"x" * 10,
    "an endless list": b"\x81\xa7results\x91\x81\xa6series\x91\x81\xa4tags\xdd\xff\xff\xff\xff",
    "a list within a row": document(0, {"name": "m", "columns": ["time", "v", "w"], "values": [[1, [2], [3]]]}),
    "a map within a row": document(0, {"name": "m", "columns": ["time", "v"], "values": [[1, {"k": 2}]]}),
    "too many columns": document(0, {"name": "m", "columns": ["f"] * (MAX_FIELDS + 2), "values": []}),
    "too many tags": document(0, {"name": "m", "tags": dict.fromkeys(map(str, range(MAX_FIELDS + 1)), "v")}),
    "an extension": b"\xc7\x05\x01aaaaa",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_reply_of_influxdb_is_refused(content: bytes) -> None:
    with pytest.raises(BadReply):
        read(Reply(1), content)


def test_what_the_source_says_is_told() -> None:
    with pytest.raises(BadReply, match=r"broke off with an error: too many\\nseries"):
        read(Reply(1), msgpack.packb({"results": [{"statement_id": 0, "error": "too many\nseries"}]}))


def test_a_row_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messagepack, "MAX_ROW_BYTES", 100_000)
    row = [1, *([b"x" * 1000] * 1000)]
    content = document(0, series(*([row] * 3)))
    with pytest.raises(LongRow) as found:
        read(Reply(1), content, 1000)
    assert found.value.measurement == b"cpu"
    assert len(read(Reply(1), document(0, series(*([[1, b"x" * 1000]] * 3000))), 1000)) > 1000
