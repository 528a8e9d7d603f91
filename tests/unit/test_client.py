"""What a client of one InfluxDB sends, and what it notes of the answers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from influxdb_client import Dialect, InfluxDBClient

from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.transport import Compression, Transport
from tests.behaviours import END, bucket_found, endless, good, plain, refusal, table
from tests.exchange import Exchange
from tests.fakes import FakeSource
from tests.unit.test_failures import CSV, PAST, QUERY, TOKEN, client

# What a client does


def test_a_query_is_sent_with_token_org_and_the_annotations_that_the_decoder_needs() -> None:
    with FakeSource(good(table(begin=PAST))) as source:
        reply = b"".join(client(source.url).query(QUERY))
    assert reply == table(begin=PAST) + END
    (request,) = source.requests
    assert request.target == "/api/v2/query?org=org"
    assert request.headers["authorization"] == f"Token {TOKEN}"
    body = json.loads(request.body)
    assert body["query"] == QUERY.text
    assert body["dialect"]["annotations"] == ["datatype", "group", "default"]


def test_a_query_is_sent_as_influxdbs_own_client_sends_it() -> None:
    """Its generated classes are the second opinion on the body, with the parameters as a syntax tree."""
    begin = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    query = Query("from(bucket: bucket) |> range(start: start)", {"bucket": 'a "b" ${c}', "start": begin})
    with FakeSource(good(table(begin=PAST))) as source:
        list(client(source.url).query(query))
        with InfluxDBClient(source.url, TOKEN, org="org") as other:
            dialect = Dialect(
                header=True,
                delimiter=",",
                comment_prefix="#",
                annotations=["datatype", "group", "default"],
                date_time_format="RFC3339Nano",
            )
            other.query_api().query_raw(query.text, dialect=dialect, params=dict(query.parameters))
    ours, theirs = (json.loads(each.body) for each in source.requests)
    assert ours == theirs


@pytest.mark.parametrize(
    ("compression", "host", "asked"),
    [
        (Compression.AUTO, "127.0.0.1", "identity"),
        (Compression.AUTO, "localhost", "identity"),
        (Compression.AUTO, "pod8.localhost", "identity"),
        (Compression.AUTO, "[::1]", "identity"),
        (Compression.AUTO, "10.0.0.8", "gzip"),
        (Compression.AUTO, "pod8.example.org", "gzip"),
        (Compression.GZIP, "127.0.0.1", "gzip"),
        (Compression.NONE, "10.0.0.8", "identity"),
    ],
)
def test_packed_replies_are_asked_for_where_they_pay(
    compression: Compression, host: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Transport(compression=compression)
    with FakeSource(good(table(begin=PAST))) as source:
        there = QueryClient(f"http://{host}:8086", "org", lambda: TOKEN, 5, 5, 5, transport)
        monkeypatch.setattr(there, "url", source.url)
        assert b"".join(there.query(QUERY)) == table(begin=PAST) + END
    assert source.requests[0].headers.get("accept-encoding") == asked


def test_a_client_without_a_token_is_not_made() -> None:
    def read() -> str:
        raise ValueError("the token file x is empty")

    with pytest.raises(ValueError, match="the token file x is empty"):
        QueryClient("http://pod-1", "org", read, 1.0, 1.0, 1.0)


def test_a_client_goes_on_after_a_reply_that_was_given_up() -> None:
    with FakeSource(endless) as source:
        reader = client(source.url)
        for chunk in reader.query(QUERY):
            assert chunk
            break
        source.become(good(table(begin=PAST)))
        assert b"".join(reader.query(QUERY)) == table(begin=PAST) + END


@pytest.mark.parametrize(
    ("date", "skew"),
    [("Fri, 01 Jan 2100 00:00:00 GMT", 4102444800.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)
def test_the_servers_clock_is_compared_with_this_machines(date: str, skew: float) -> None:
    with FakeSource(plain(200, END, CSV | {"Date": date})) as source:
        reader = client(source.url)
        list(reader.query(QUERY))
    assert reader.clock_skew == pytest.approx(skew - time.time(), abs=5.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": "today"},
        {"Date": "Wed, 99 Oct 2026 07:28:00 GMT"},
        pytest.param(
            {"Date": f"Wed, 21 Oct {'9' * 20} 07:28:00 GMT"},
        ),
    ],
)
def test_a_server_that_does_not_tell_its_time_is_read_all_the_same(headers: dict[str, str]) -> None:
    with FakeSource(plain(200, END, CSV | headers)) as source:
        reader = client(source.url)
        assert b"".join(reader.query(QUERY)) == END
    assert reader.clock_skew is None


@pytest.mark.parametrize(
    ("org", "known", "asked"),
    [
        ("0123456789abcdef", "orgID", ["orgID"]),
        ("0123456789abcdef", "org", ["orgID", "org"]),  # a name that looks like an id
        ("central", "org", ["org"]),
    ],
)
def test_a_bucket_is_asked_for_by_the_orgs_id_where_that_is_given(org: str, known: str, asked: list[str]) -> None:
    def lookup(exchange: Exchange) -> None:
        found = f"{known}={org}" in exchange.request.target.replace("?", "&").split("&")
        (bucket_found if found else refusal(404, "organization not found"))(exchange)

    with FakeSource(good(), lookup=lookup) as source:
        bucket = QueryClient(source.url, org, lambda: TOKEN, 2.0, 2.0, 10.0).bucket("data")
        assert bucket is not None
        targets = [request.target for request in source.lookups]
    told = [target for target in targets if "?" in target]  # the others ask about the token
    assert [
        key for target in told for key in ("orgID", "org") if f"&{key}={org}&" in f"&{target.split('?')[1]}&"
    ] == asked
