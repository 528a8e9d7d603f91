"""Small replies as rows: what a server answers, and what is refused."""

from __future__ import annotations

import tracemalloc

import pytest

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb import rows
from telegraf_plugin.influxdb.rows import read_rows

COUNT = (
    b"#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n"
    b",,0,41\r\n,,1,1\r\n\r\n"
)
MARK = (
    b"#datatype,string,long,dateTime:RFC3339,string,string\r\n#group,false,false,false,true,true\r\n"
    b"#default,_result,,,,none\r\n,result,table,_time,_value,_field\r\n"
    b',,0,2026-11-24T00:00:00Z,"[[""m, \xc3\xbc"", ""f""]]",held\r\n,,0,2026-11-24T00:00:01Z,x,\r\n\r\n'
)


def test_rows_are_by_their_columns_names_with_defaults() -> None:
    assert [{name: row[name] for name in row if name} for row in read_rows([COUNT])] == [
        {"result": "_result", "table": "0", "_value": "41"},
        {"result": "_result", "table": "1", "_value": "1"},
    ]


def test_each_table_has_its_own_columns() -> None:
    found = [(row["_value"], row.get("_field")) for row in read_rows([COUNT, MARK])]
    assert found == [("41", None), ("1", None), ('[["m, ü", "f"]]', "held"), ("x", "none")]


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_how_the_reply_was_cut_means_nothing(size: int) -> None:
    pieces = [MARK[at : at + size] for at in range(0, len(MARK), size)]
    assert list(read_rows(pieces)) == list(read_rows([MARK]))


def test_nothing_found_is_no_row() -> None:
    assert list(read_rows([b"\r\n"])) == []


@pytest.mark.parametrize(
    ("reply", "summary"),
    [
        (b"", "the reply was cut short"),
        (COUNT[:-5], "the reply was cut short"),
        (COUNT[:-2], "the reply was cut short"),  # at a row's end
        (COUNT.replace(b",,1,1", b",,1"), "the reply is not annotated CSV: zip() argument"),
        (COUNT.replace(b"41", b"\xff"), "the reply is not annotated CSV: 'utf-8' codec"),
        (b'{"code": "x"}\r\n', 'the server broke off with an error: {"code": "x"}'),
        (
            COUNT + b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
            b",runtime error: it is full,897\r\n",
            "the server broke off with an error: runtime error: it is full",
        ),
        (b",error,reference\r\n,no such thing,\r\n\r\n", "the server broke off with an error: no such thing"),
    ],
)
def test_what_is_not_a_whole_reply_is_refused(reply: bytes, summary: str) -> None:
    with pytest.raises(BadReply) as refused:
        list(read_rows([reply]))
    assert refused.value.summary.startswith(summary)
    assert refused.value.hint


def test_a_reply_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_BYTES", 1000)
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield b"x" * 100

    with pytest.raises(BadReply, match="has no end"):
        list(read_rows(endless()))  # type: ignore[arg-type]
    assert len(taken) == 11


def test_a_row_is_in_memory_at_a_time() -> None:
    head, _, row = MARK.rpartition(b"\r\n,,0")
    row = b",,0" + row.removesuffix(b"\r\n")
    chunks = (head + b"\r\n", *(row * 400 for _ in range(1000)), b"\r\n")  # some 12 MB
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(chunks)) == 400_001
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


def test_a_row_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROW_BYTES", 1000)
    with pytest.raises(BadReply, match="a row without an end"):
        list(read_rows([b"x" * 100] * 100))
