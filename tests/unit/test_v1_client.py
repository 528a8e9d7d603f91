"""InfluxDB 1.x by HTTP: its login, what it says of retention, and how its refusals are told."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from telegraf_plugin.errors import BadReply, PermanentError, SourceError
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.influxdb.v1_client import V1Client, place_of
from telegraf_plugin.stream.units import SECOND
from tests.behaviours import plain
from tests.fakes import FakeSource

LOGIN = "reader:swördfish: and more"
JSON = {"Content-Type": "application/json"}
COLUMNS = ["name", "duration", "shardGroupDuration", "replicaN", "default"]


def client(url: str, login: str = LOGIN) -> V1Client:
    return V1Client(url, "", lambda: login, 2.0, 2.0, 5.0)


def policies(*rows: list[object], **more: object) -> bytes:
    return json.dumps(
        {"results": [{"statement_id": 0, "series": [{"columns": COLUMNS, "values": rows}], **more}]}
    ).encode()


@pytest.mark.parametrize(
    ("login", "sent"),
    [(LOGIN, f"Basic {b64encode(LOGIN.encode()).decode()}"), ("", None)],
    ids=["user", "nobody"],
)
def test_user_and_password_go_as_basic_and_nothing_where_there_is_none(login: str, sent: str | None) -> None:
    with FakeSource(plain(200, policies(["a", "0s", "24h0m0s", 1, True]), JSON), same=True) as server:
        client(server.url, login).bucket("db/a")
    assert server.lookups[0].headers.get("authorization") == sent


@pytest.mark.parametrize(
    ("duration", "shard_group", "retention_s", "group_s"),
    [
        ("0s", "168h0m0s", 0, 604_800),
        ("1344h0m0s", "24h0m0s", 4_838_400, 86_400),
        ("1h30m0s", "1h0m0s", 5_400, 3_600),
        ("90m0s", "0s", 5_400, 3_600),
    ],
)
def test_durations_are_read_as_go_writes_them(duration: str, shard_group: str, retention_s: int, group_s: int) -> None:
    reply = policies(["autogen", "0s", "168h0m0s", 1, True], ["rp", duration, shard_group, 1, False])
    with FakeSource(plain(200, reply, JSON), same=True) as server:
        found = client(server.url).bucket('my "db"/rp')
    assert (found.retention, found.shard_group) == (retention_s * SECOND, group_s * SECOND)
    assert (found.id, client("http://pod-1").place(found)) == ('my "db"/rp', Place('my "db"', "rp"))
    assert "SHOW+RETENTION+POLICIES+ON+%22my+%5C%22db%5C%22%22" in server.lookups[0].target


@pytest.mark.parametrize(
    "reply",
    [
        b"{}",
        b"[]",
        b"no json",
        b'{"results": []}',
        policies(["a", "a week", "1h0m0s", 1, True]),
        policies(["a", "", "1h0m0s", 1, True]),
        policies(["a", "1h0m0s"]),
        policies([1]).replace(b"duration", b"x"),
    ],
)
def test_a_reply_about_retention_that_is_none_is_refused(reply: bytes) -> None:
    with FakeSource(plain(200, reply, JSON), same=True) as server, pytest.raises(BadReply, match="not InfluxDB's"):
        client(server.url).bucket("db/a")


def test_a_database_that_is_not_there_is_told_by_the_servers_words() -> None:
    reply = b'{"results": [{"statement_id": 0, "error": "database not found: db"}]}'
    told = pytest.raises(PermanentError, match="database not found: db")
    with FakeSource(plain(200, reply, JSON), same=True) as server, told as caught:
        client(server.url).bucket("db/a")
    assert (caught.value.status, caught.value.hint) == (404, "correct database of the stream: SHOW DATABASES")


@pytest.mark.parametrize(
    ("status", "body", "summary", "hint"),
    [
        (401, b'{"error":"authorization failed"}', "user or password is refused (401)", "username and password"),
        (403, b'{"error":"requires READ on db"}', "the user may not do this: requires READ on db", "permissions"),
        (404, b"404 page not found", "this InfluxDB answers no Flux (404)", "flux-enabled = true"),
        (403, b'{"error":"Flux query service disabled"}', "this InfluxDB answers no Flux (403)", "flux-enabled = true"),
    ],
)
def test_refusals_are_told_in_the_words_of_1_x(status: int, body: bytes, summary: str, hint: str) -> None:
    with FakeSource(plain(status, body, JSON), same=True) as server:
        there = client(server.url)
        with pytest.raises(SourceError) as caught:
            list(there.query(Query("from()", {}))) if "Flux" in summary else there.bucket("db/a")
    assert caught.value.summary == summary
    assert hint in caught.value.hint
    assert caught.value.status == status


def test_the_password_is_blotted_out_of_whatever_a_server_says_and_the_user_is_not() -> None:
    there = client("http://pod-1")
    packed = b64encode(LOGIN.encode()).decode()
    said = there.redact(f"reader sent {LOGIN} as {packed}, or swördfish: an, of reader")
    assert said == "reader sent reader:[password] as [password], or [password], of reader"
    assert client("http://pod-1", "u:abc").redact("abc u:abc") == "abc u:abc"  # would hit ordinary words
    assert client("http://pod-1", "u:abcd").redact("abcd!") == "[password]!"
    assert client("http://pod-1", "").redact("abcd!") == "abcd!"


def test_a_bucket_is_a_database_and_a_policy() -> None:
    assert place_of("telegraf/autogen") == Place("telegraf", "autogen")
