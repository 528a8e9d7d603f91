"""Every reply has an end, whatever asks for it: nothing that a server sends fills memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.flux import Query, count_query, first_query
from telegraf_plugin.influxdb.write import WriteClient
from telegraf_plugin.stream.definition import StreamDefinition
from tests.behaviours import chunked, good, table
from tests.exchange import Exchange
from tests.fakes import FakeSource
from tests.unit.test_failures import MIB, TOKEN, client, failure, peak_memory
from tests.unit.test_status import CPU


@pytest.mark.parametrize("status", [b"200 OK", b"500 oops", b"401 no", b"302 there"])
@pytest.mark.parametrize("length", [b"-1", b"-ffffffff", b" -1 ", b"-1;extension"])
def test_a_chunk_of_less_than_nothing_ends_in_an_error_and_not_in_memory(status: bytes, length: bytes) -> None:
    """Python reads all that comes for a length below zero, whatever was asked for."""

    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 " + status + b"\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.send(length + b"\r\n")
        for _ in range(640):  # not quite endless, for a test's sake
            exchange.send(b"x" * 65536)

    with FakeSource(behave) as source, peak_memory() as peak:
        failure(source.url)
        assert peak() < 8 * MIB


@pytest.mark.parametrize(
    "ask", [count_query, lambda stream, _, stop: first_query(stream, stop)], ids=["count", "first"]
)
def test_the_answer_to_a_question_of_one_row_has_an_end(ask: Callable[[StreamDefinition, int, int], Query]) -> None:
    rows = b"".join([table(), *[b",,0" + table().rpartition(b"\r\n,,0")[2]] * 1000])
    with FakeSource(chunked(*[rows] * 640)) as source, peak_memory() as peak:
        with pytest.raises(BadReply, match="the reply has no end: more than 65,536 bytes"):
            list(client(source.url).query(ask(CPU, 0, 10**9)))
        assert peak() < 8 * MIB


def test_what_is_no_query_is_bounded_as_well() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 204 fine\r\nX-Influxdb-Version: v2.9.1\r\n\r\n")

    def endless_answer(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 fine\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(640):
            exchange.send(b" " * 65536)

    with FakeSource(good(), lookup=behave) as source:
        assert WriteClient(source.url, "org", lambda: TOKEN, 2.0, 2.0, 10.0).version() == "v2.9.1"
    with FakeSource(good(), lookup=endless_answer) as source, peak_memory() as peak:
        WriteClient(source.url, "org", lambda: TOKEN, 2.0, 2.0, 10.0).version()
        assert peak() < 8 * MIB
