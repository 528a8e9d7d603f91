"""A source that means harm by InfluxQL: the plugin's memory stays what it is, and the good source is read."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgpack
import pytest

from tests.behaviours import bucket_found, good, plain, table
from tests.engines.landing import Landing
from tests.engines.memory import LIMIT_MIB, peak_mib
from tests.engines.plugin_process import PluginProcess, queries, source
from tests.exchange import Exchange
from tests.fakes import FakeSource

QUIET_S = 5.0
Pieces = Iterator[bytes]


def document(statement: int, *series: dict[str, Any], partial: bool = False) -> bytes:
    more = {"partial": True} if partial else {}
    return bytes(msgpack.packb({"results": [{"statement_id": statement, "series": list(series), **more}]}))


def beginning(columns: list[str], tags: dict[str, str] | None = None) -> bytes:
    """A document as far as the values of its only series, of which there are four thousand million."""
    series = {"name": "m", "tags": tags or {}, "columns": columns}
    head = b"\x81" + msgpack.packb("results") + b"\x91\x82" + msgpack.packb("statement_id") + b"\x00"
    inner = b"".join(msgpack.packb(key) + msgpack.packb(value) for key, value in series.items())
    return bytes(head + msgpack.packb("series") + b"\x91\x84" + inner + msgpack.packb("values") + b"\xdd" + b"\xff" * 4)


def row(*values: Any) -> bytes:
    return bytes(msgpack.packb([time.time_ns() - 6 * 10**9, *values]))


def row_without_end() -> Pieces:
    yield beginning(["time", "f"])
    yield b"\xdd\x00\x01\x86\xa0"
    yield from itertools.repeat(msgpack.packb("x" * 60_000))


def lists_in_lists() -> Pieces:
    yield beginning(["time", "f"])
    yield b"\xdd\x00\x01\x86\xa0"
    yield from itertools.repeat(b"\xdd\x00\x01\x86\xa0" + b"\x01" * 100_000)


def very_wide() -> Pieces:
    yield beginning(["time", *(f"f{number}" for number in range(90_000))])
    yield from itertools.repeat(row(*[1.5] * 90_000))


def rows_without_end() -> Pieces:
    yield beginning(["time", "f"], {"host": "h"})
    while True:
        yield b"".join(row(1.5) for _ in range(1000))


def series_without_end() -> Pieces:
    for number in itertools.count():
        values = [[time.time_ns() - 6 * 10**9, 1.5]]
        series = {"name": "m", "tags": {"t": f"{number}"}, "columns": ["time", "f"], "values": values}
        yield document(0, series, partial=True)


def tags_without_end() -> Pieces:
    tags = {f"{'t' * 60}{number}": "v" for number in range(90_000)}
    series = {"name": "m", "tags": tags, "columns": ["time", "f"], "values": [[time.time_ns() - 6 * 10**9, 1.5]]}
    yield from itertools.repeat(document(0, series, partial=True))


def names_without_end() -> Pieces:
    yield beginning(["fieldKey", "fieldType"])
    for number in itertools.count():
        yield bytes(msgpack.packb([f"f{number}", "float"]))


def empty_documents() -> Pieces:
    yield from itertools.repeat(document(0, partial=True))


POINTS: dict[str, Callable[[], Pieces]] = {
    "row_without_end": row_without_end,
    "lists_in_lists": lists_in_lists,
    "very_wide": very_wide,
    "rows_without_end": rows_without_end,
    "series_without_end": series_without_end,
    "tags_without_end": tags_without_end,
    "empty_documents": empty_documents,
}
NAMES = {"names_without_end": names_without_end, "rows_of_names": row_without_end}


def send(exchange: Exchange, pieces: Pieces) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-msgpack\r\n\r\n"
    exchange.send(head)
    held = b""
    for piece in pieces:
        held += piece
        if len(held) > 65_536:
            if exchange.wait(0):
                return
            exchange.chunk(held)
            held = b""
    exchange.chunk(held)
    exchange.chunk(b"")


def server(attack: str, asked: list[str]) -> Callable[[Exchange], None]:
    """What is no Flux is answered so: all is well, but for what the attack is about."""

    def lookup(exchange: Exchange) -> None:
        target = exchange.request.target
        if target.startswith("/api/v2/dbrps"):
            mapped = [{"database": "data", "retention_policy": "rp", "bucketID": "0" * 16}]
            return plain(200, json.dumps({"content": mapped}).encode(), {"Content-Type": "application/json"})(exchange)
        if not target.startswith("/query"):
            return bucket_found(exchange)
        statement = parse_qs(exchange.request.body.decode())["q"][0]
        asked.append(statement.split()[0] + " " + statement.split()[1])
        if statement.startswith("SHOW MEASUREMENTS"):
            names = {"name": "measurements", "columns": ["name"], "values": [["m"]]}
            return send(exchange, iter([document(0, names)]))
        if statement.startswith("SHOW FIELD KEYS"):
            fields = {"name": "m", "columns": ["fieldKey", "fieldType"], "values": [["f", "float"]]}
            return send(exchange, NAMES[attack]() if attack in NAMES else iter([document(0, fields)]))
        return send(exchange, POINTS[attack]() if attack in POINTS else iter([document(0)]))

    return lookup


@pytest.mark.parametrize("attack", [*POINTS, *NAMES])
def test_memory_stays_within_its_limit_and_the_good_source_is_read(attack: str, tmp_path: Path) -> None:
    asked: list[str] = []
    with (
        FakeSource(good(table()), server(attack, asked)) as bad,
        FakeSource(good(table())) as fine,
        Landing() as landing,
    ):
        document_ = queries(source("bad", bad.url, read="auto", timeouts={"query": "20s"}), source("fine", fine.url))
        with PluginProcess(tmp_path, document_, landing=landing) as plugin:
            plugin.ready().tick()
            until = time.monotonic() + QUIET_S
            plugin.tick_until(lambda: time.monotonic() >= until, "some ticks")
            plugin.tick_until(
                lambda: [x for x in plugin.data if x.tags.get("source") == "fine"], "the good one's point"
            )
            assert ("SHOW FIELD" if attack in NAMES else "SELECT *::field") in asked
            assert peak_mib(plugin.popen.pid) < LIMIT_MIB
