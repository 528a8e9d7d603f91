"""What a server that a test plays may answer: as a good InfluxDB, and as real ones and their proxies do on bad days."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from tests.exchange import BEGIN, Behaviour, Exchange

_CSV = "text/csv; charset=utf-8"


# What a reply holds


def table(
    measurement: str = "power",
    values: Iterable[str] = ("1.5",),
    field: str = "watts",
    kind: str = "double",
    begin: str = BEGIN,
) -> bytes:
    """One table of annotated CSV as InfluxDB sends it, a row a value, a second apart, with its annotations.

    Not the empty row at the reply's end: that is `END`.
    """
    rows = [
        f"#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,{kind},string,string",
        "#group,false,false,true,true,false,false,true,true",
        "#default,_result,,,,,,,",
        ",result,table,_start,_stop,_time,_value,_field,_measurement",
    ]
    for second, value in enumerate(values):
        time_ = f"{begin}:{second:02d}.123456789Z"
        rows.append(f",,0,{begin}:00Z,2026-11-24T11:00:00Z,{time_},{value},{field},{measurement}")
    return "".join(row + "\r\n" for row in rows).encode()


END = b"\r\n"
ERROR_TABLE = (
    b"\r\n#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n"
    b',"engine: shard 7 is gone, quite",\r\n'
)


# Behaviours


def good(*tables: bytes) -> Behaviour:
    """What InfluxDB answers whose bucket holds these tables: those rows that are asked for, or their number."""
    lines = b"".join(tables).splitlines(keepends=True)

    def behave(exchange: Exchange) -> None:
        rows = [line for line in lines if line.startswith(b",,") and exchange.in_range(line)]
        if "count()" in exchange.query:
            body = _counted(len(rows))
        elif "containsStr" in exchange.query or not rows:  # no name and no string has a carriage return
            body = b""
        else:
            body = b"".join(line for line in lines if not line.startswith(b",,") or line in rows)
        plain(200, body + END, {"Content-Type": _CSV})(exchange)

    return behave


def _counted(points: int) -> bytes:
    head = "#datatype,string,long,long\r\n#group,false,false,false\r\n#default,_result,,\r\n,result,table,_value\r\n"
    return f"{head},,0,{points}\r\n".encode() if points else b""


def plain(status: int, body: bytes, headers: Mapping[str, str]) -> Behaviour:
    """A reply of known length."""

    def behave(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {status} as scripted", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        exchange.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return behave


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Behaviour:
    """An error as InfluxDB words it: a status and JSON with a message."""
    code = "not found" if status == 404 else "as scripted"
    body = json.dumps({"code": code, "message": message}).encode()
    return plain(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


def no_series(exchange: Exchange) -> None:
    """What InfluxDB says by InfluxQL where nothing is found."""
    document = b"\x81\xa7results\x91\x81\xacstatement_id\x00"
    plain(200, document, {"Content-Type": "application/x-msgpack"})(exchange)


def nothing_found(exchange: Exchange) -> None:
    """An empty reply to a query."""
    plain(200, END, {"Content-Type": "text/csv; charset=utf-8"})(exchange)


def bucket_found(exchange: Exchange) -> None:
    """What InfluxDB says of a bucket that keeps its points for ever."""
    rule = {"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": 7 * 86_400}
    bucket = {"id": "0" * 16, "orgID": "1" * 16, "type": "user", "name": "data", "retentionRules": [rule]}
    plain(
        200,
        json.dumps({"links": {"self": "/api/v2/buckets"}, "buckets": [bucket]}).encode(),
        {"Content-Type": "application/json"},
    )(exchange)


def hang(exchange: Exchange) -> None:
    """Accept, and never answer."""
    exchange.wait()


def reset(exchange: Exchange) -> None:
    """Accept, and close without a word."""


def chunked(*pieces: bytes, every_s: float = 0.0, whole: bool = True) -> Behaviour:
    """A chunked reply, a piece every `every_s` seconds; not `whole`: cut off behind the last piece."""

    def behave(exchange: Exchange) -> None:
        begin_chunked(exchange)
        for piece in pieces:
            if every_s and exchange.wait(every_s):
                return
            exchange.chunk(piece)
        if whole:
            exchange.chunk(b"")

    return behave


def begin_chunked(exchange: Exchange) -> None:
    """Send the head of a chunked reply."""
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: " + _CSV.encode() + b"\r\n\r\n")


def endless(exchange: Exchange) -> None:
    """Rows without an end, as fast as they are taken."""
    head, _, row = table().rpartition(b"\r\n,,0")
    begin_chunked(exchange)
    exchange.chunk(head + b"\r\n")
    while not exchange.wait(0):
        exchange.chunk((b",,0" + row) * 1000)


REDIRECT = plain(302, b"", {"Location": "https://login.example.org/sign-in?back=8086"})
HTML = plain(
    200, b"<!DOCTYPE html>\n<html><title>Corporate proxy</title></html>", {"Content-Type": "text/html; charset=utf-8"}
)
CUT = chunked(table(values=["1.5", "2.5"]), whole=False)
BROKEN_OFF = chunked(table(values=["1.5", "2.5"]), ERROR_TABLE)
UNAUTHORIZED = refusal(401, "unauthorized access")
