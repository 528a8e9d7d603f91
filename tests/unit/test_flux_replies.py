"""Many small queries of Flux as one: each finds the reply that it would have had alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply, PermanentError, SourceError, TransientError
from telegraf_plugin.influxdb import flux_replies
from telegraf_plugin.influxdb.bundle import Bundle, reply_of, sharing
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.flux_replies import EMPTY, MAX_QUERIES, ForeseenReply, Parts

HEAD = b"#datatype,string,long,dateTime:RFC3339,string\r\n#group,false,false,false,true\r\n"
COLUMNS = b",result,table,_time,_value\r\n"
ROWS = b",,0,2026-11-26T19:31:29.756640376Z,%b\r\n"
ODD = b'"a\r\n\r\n#datatype,b\r\n#default,1,,,\r\n""\r\n"'
"""A string that looks like the beginning of another result."""


def table(name: bytes, *values: bytes) -> bytes:
    """A table of the result `name`, as InfluxDB 2.9.1 writes it."""
    return HEAD + b"#default,%b,,,\r\n" % name + COLUMNS + b"".join(ROWS % value for value in values) + b"\r\n"


def parted(results: int, reply: bytes, step: int = 1 << 20) -> list[bytes]:
    parts = Parts(results)
    for at in range(0, len(reply), step):
        parts.feed(reply[at : at + step])
    return parts.finish()


@given(step=st.integers(1, 400))
def test_a_reply_is_parted_by_its_results_however_it_is_cut(step: int) -> None:
    of_2, of_0 = table(b"2", b"x", ODD) + table(b"2", b"y"), table(b"0", ODD)
    # Results come in any order; one that found nothing is an empty row.
    assert parted(4, EMPTY + of_2 + EMPTY + of_0, step) == [of_0, EMPTY, of_2, EMPTY]
    assert parted(2, EMPTY * 2, step) == [EMPTY] * 2


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        table(b"0", b"x")[:-2],
        table(b"0", b"x") + b"#datatype",
        table(b"2", b"x"),
        table(b"_result", b"x"),
        table(b"0", b"x") + b"error,reference\r\nbroken off,\r\n",
        table(b"0", b"x")[:-2] + b"error,reference\r\nbroken off,\r\n\r\n",
        b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,broken off,\r\n\r\n",
        b'{"code":"internal error","message":"panic: no way"}\n',
        b'{"code":"internal error"}',
        b"<html>\r\n\r\n",
        COLUMNS + b"\r\n",
        HEAD + b"\r\n",
    ],
)
def test_a_reply_that_is_cut_or_tells_of_an_error_has_no_parts(reply: bytes) -> None:
    with pytest.raises(BadReply):
        parted(2, reply)


class Server:
    """Answers a query of the letter x with a point of that value, of an upper case letter with none."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refused: dict[str, SourceError] = {}

    def query(self, query: Query) -> Iterator[bytes]:
        names = re.findall(r"from (\w+)", query.text)
        self.asked.append("".join(names))
        for letter, error in self.refused.items():
            if letter in names:
                raise error
        size = 0
        for number, name in reversed(list(enumerate(names))):
            found = table(b"%d" % number, name.encode()) if name.islower() else EMPTY
            size += len(found)
            if query.most is not None and size > query.most:
                raise BadReply("no end", "")
            yield found


def query(letter: str) -> Query:
    return Query(f"from {letter}", {})


class Bench:
    """A bundle of queries by their letters; `vain`: those that had no answer."""

    def __init__(self, letters: str) -> None:
        self.server = Server()
        self.vain: list[str] = []
        client = cast(QueryClient, self.server)
        foreseen = [lambda each=each: [ForeseenReply(query(each), lambda: self.vain.append(each))] for each in letters]
        self.bundle = Bundle(client, foreseen)

    def reply(self, letter: str) -> bytes | None:
        with sharing(self.bundle):
            return reply_of(cast(QueryClient, self.server), query(letter))


def test_what_was_foreseen_is_one_query_and_each_has_its_own_reply_once() -> None:
    bench = Bench("abC")
    assert [bench.reply(each) for each in "Cab"] == [EMPTY, table(b"0", b"a"), table(b"1", b"b")]
    assert bench.server.asked == ["abC"]
    assert bench.reply("a") is None  # once more it is another question, of another time
    assert bench.reply("d") is None  # which nobody has foreseen
    assert bench.vain == []


def test_two_that_ask_the_same_have_the_same_reply() -> None:
    bench = Bench("aba")
    assert [bench.reply("a") for _ in range(3)] == [table(b"0", b"a")] * 2 + [None]
    assert bench.server.asked == ["ab"]


def test_one_by_itself_is_left_to_itself() -> None:
    bench = Bench("aa")
    assert bench.reply("a") is None
    assert (bench.server.asked, bench.vain) == ([], [])


def test_many_are_several_queries() -> None:
    letters = "".join(chr(ord("A") + at) for at in range(MAX_QUERIES)) + "xy"
    bench = Bench(letters)
    assert all(bench.reply(each) is not None for each in letters)
    assert bench.server.asked == [letters[:-2], "xy"]


@pytest.mark.parametrize("error", [PermanentError("could not find bucket", "-"), BadReply("broken off", "-")])
def test_one_that_cannot_be_answered_leaves_those_of_its_query_to_themselves(error: SourceError) -> None:
    letters = "".join(chr(ord("A") + at) for at in range(MAX_QUERIES)) + "xy"
    bench = Bench(letters)
    bench.server.refused["B"] = error
    assert [bench.reply(each) is None for each in "AByx"] == [True, True, False, False]
    assert bench.vain == list(letters[:-2])


def test_a_server_that_does_not_answer_fails_each_of_them_at_once() -> None:
    bench = Bench("ab")
    bench.server.refused["b"] = TransientError("timed out", "wait", retry_after=7.0)
    for each in "ab":
        with pytest.raises(TransientError, match="timed out") as raised:
            bench.reply(each)
        assert raised.value.retry_after == 7.0
    assert bench.reply("c") is None
    assert (bench.server.asked, bench.vain) == (["ab"], [])


def test_what_takes_too_much_memory_is_not_kept_and_no_more_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flux_replies, "MAX_QUERIES", 2)
    monkeypatch.setattr(flux_replies, "MAX_QUERY_BYTES", 2 * len(table(b"0", b"a")) - 1)
    monkeypatch.setattr(flux_replies, "MAX_BYTES", len(EMPTY) + 1)
    bench = Bench("abcDef")
    assert [bench.reply(each) is None for each in "abcDef"] == [True, True, False, False, True, True]
    assert bench.server.asked == ["ab", "cD"]
    assert bench.vain == list("abef")
