"""Queries to one InfluxDB 2, answered as a stream of bytes: influxdb-client's `query_raw`, its errors explained."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Event, Timer
from typing import Any

from influxdb_client import BucketsService, Dialect, InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import ProtocolError

from telegraf_plugin.errors import BadReply, PermanentError, TransientError
from telegraf_plugin.influxdb.bounded_replies import BoundedReplies, expire
from telegraf_plugin.influxdb.connection import open_pool
from telegraf_plugin.influxdb.failures import explain, inactive, is_inactive, not_csv
from telegraf_plugin.influxdb.flux import Query
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.units import HOUR, SECOND
from telegraf_plugin.transport import STRAIGHT, Transport

MAX_CONNECTIONS = 16
"""As many as `concurrent_queries` can be."""
CHUNK_BYTES = 64 * 1024
"""How much of a reply is held at a time."""

CHUNK_ROWS = 1000
"""Rows of a series that the server makes into one document of an InfluxQL reply, and holds meanwhile."""

MAX_DOCUMENT_BYTES = 1024 * 1024
"""What the server may say of a bucket, or to an InfluxQL question."""
REFUSALS = (401, 403, 404)
"""How a token is refused that was deleted, and one that is inactive or has other rights (as if nothing were there)."""
MAX_FORMER = 3
_ORG_ID = re.compile(r"[0-9a-f]{16}")
MIN_SECRET = 8
"""A shorter piece of a token tells nothing, and blotting it out would hit ordinary words."""

# Without `default` the result column is spelt out in every row; without `header` there are no columns' names.
_DIALECT = Dialect(
    header=True,
    delimiter=",",
    comment_prefix="#",
    annotations=["datatype", "group", "default"],
    date_time_format="RFC3339Nano",
)


class QueryClient:
    """One InfluxDB and one token. Safe to use from several threads.

    `clock_skew`: by how many seconds the server's clock was ahead of this machine's at the last reply, to a second;
    None when it did not say. `requests`: how many there were.
    """

    def __init__(
        self,
        url: str,
        org: str,
        token: Callable[[], str],
        connect: float,
        read: float,
        query: float,
        transport: Transport = STRAIGHT,
    ) -> None:
        """Prepare for `url` and `org`; nothing is sent yet.

        `token` is called now, and again when the server refuses the token: it may have been rotated. `connect`, `read`
        and `query` are bounds in seconds: to connect, between two pieces of a reply, and for a reply as a whole;
        `transport` is the TLS and the proxy. Raises ValueError when there is no token, or a file of `transport` cannot
        be used.
        """
        self.url = url
        self.clock_skew: float | None = None
        self.requests = 0
        self._bound = query
        self._read_token = token
        self._token = token()
        self._former: list[str] = []  # tokens that were rotated out; a server may still repeat one
        self._client = InfluxDBClient(url, self._token, org=org, timeout=(connect * 1000, read * 1000), retries=False)
        self._queries = self._client.query_api()
        rest = self._client.api_client.rest_client
        rest.pool_manager = BoundedReplies(open_pool(url, transport, MAX_CONNECTIONS), query)
        self._buckets = BucketsService(self._client.api_client)

    def query(self, query: Query) -> Iterator[bytes]:
        """Yield the annotated CSV reply to `query` in chunks of at most CHUNK_BYTES.

        Raises SourceError; BadReply when more comes than such a query's answer can take.
        """
        received = 0
        for chunk in self._receive(
            "text/csv", lambda: self._queries.query_raw(query.text, dialect=_DIALECT, params=dict(query.parameters))
        ):
            received += len(chunk)
            if query.most is not None and received > query.most:
                raise BadReply(
                    f"the reply has no end: more than {query.most:,} bytes", "check the url: is this InfluxDB?"
                )
            yield chunk

    def bucket(self, name: str) -> Bucket | None:
        """Return what the server says of the bucket `name`; None when it does not say. Raises SourceError.

        An org that is given by its id is asked for by it, as queries take it: where that is nobody's id it may be a
        name that looks like one.
        """
        if _ORG_ID.fullmatch(self._client.org):
            try:
                found = self._bucket(name, org_id=self._client.org)
            except PermanentError as error:
                if error.status != 404:
                    raise
                found = None
            if found is not None:
                return found
        return self._bucket(name, org=self._client.org)

    def _bucket(self, name: str, **org: str) -> Bucket | None:
        request = partial(self._buckets.get_buckets, name=name, **org, limit=1, _preload_content=False)
        reply = self._document("application/json", request, "about the bucket")
        try:
            buckets = json.loads(reply)["buckets"]
            rules = [rule for bucket in buckets for rule in bucket["retentionRules"] or [{}]]
            if not rules:
                return None
            ids = [str(buckets[0].get(key) or "") for key in ("id", "orgID")]
            retention = max(int(rule.get("everySeconds", 0)) for rule in rules)
            shard_group = max(int(rule.get("shardGroupDurationSeconds", 0)) for rule in rules)
            if retention < 0 or shard_group < 0:
                raise ValueError("a duration below zero")
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
            raise BadReply("the reply about the bucket is not InfluxDB's", "check the url: is this InfluxDB?") from None
        return Bucket(retention * SECOND, shard_group * SECOND or HOUR, *ids)

    def influxql(self, bucket: str, statement: str) -> bytes:
        """Return the CSV reply to an InfluxQL `statement` about `bucket`, 1 MiB at the most. Raises SourceError.

        Read permission on the bucket is enough. It is for what Flux cannot be asked (`unreadable`).
        """
        asked = [("db", bucket), ("q", statement)]
        return self._document(
            "application/csv", self._call("/query", asked, "application/csv"), "to an InfluxQL question"
        )

    def rows(self, place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        """Yield the MessagePack reply to InfluxQL `statements`, in chunks of at most CHUNK_BYTES. Raises SourceError.

        Times are Unix ns.
        """
        asked = [("db", place.database), ("rp", place.policy), ("epoch", "ns"), ("chunked", "true")]
        asked.append(("chunk_size", str(CHUNK_ROWS)))
        text = [("q", ";".join(statements))]
        return self._receive("application/x-msgpack", self._call("/query", asked, "application/x-msgpack", text))

    def place(self, bucket: Bucket) -> Place | None:
        """Return where InfluxQL finds the bucket; None where it finds none, or another one. Raises SourceError."""
        for found in self._mappings(bucket, ("bucketID", bucket.id)):
            # A mapping that somebody made wins over the one that each bucket has, though both are listed.
            for ruling in self._mappings(bucket, ("db", found.database)):
                if ruling == found:
                    return found
        return None

    def _mappings(self, bucket: Bucket, asked: tuple[str, str]) -> list[Place]:
        request = self._call("/api/v2/dbrps", [("orgID", bucket.org), asked], "application/json")
        reply = self._document("application/json", request, "about InfluxQL's databases")
        try:
            content = json.loads(reply)["content"]
            return [
                Place(str(each["database"]), str(each["retention_policy"]))
                for each in content
                if each["bucketID"] == bucket.id
            ]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise BadReply("the reply about InfluxQL's databases is not InfluxDB's", "check the url") from None

    def _call(
        self, path: str, asked: list[tuple[str, str]], kind: str, form: list[tuple[str, str]] | None = None
    ) -> Callable[[], Any]:
        """Return what asks `path` for content of type `kind`: by a form where there is one."""
        headers = {"Accept": kind} | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        asked = asked if path.startswith("/api") else [*asked, ("org", self._client.org)]
        return partial(
            self._client.api_client.call_api,
            path,
            "POST" if form else "GET",
            {},
            asked,
            headers,
            post_params=form or [],
            _return_http_data_only=True,
            _preload_content=False,
        )

    def _document(self, kind: str, request: Callable[[], Any], what: str) -> bytes:
        reply = bytearray()
        for chunk in self._receive(kind, request):
            reply += chunk
            if len(reply) > MAX_DOCUMENT_BYTES:
                raise BadReply(f"the reply {what} has no end", "check the url: is this InfluxDB?")
        return bytes(reply)

    def redact(self, text: str) -> str:
        """Return `text` without the token, also where it was cut: a server may say anything, our own request too."""
        for token in (self._token, *self._former):
            for length in range(len(token), MIN_SECRET - 1, -1):
                text = text.replace(token[:length], "[token]")
        return text

    def _ask(self, request: Callable[[], Any]) -> Any:
        """Return the reply to `request`; where the token is refused and another one is there by now, by that."""
        self.requests += 1
        used = self._token
        try:
            return request()
        except ApiException as refused:
            if refused.status not in REFUSALS or not self._renewed(used):
                raise
        self.requests += 1
        return request()

    def _renewed(self, used: str) -> bool:
        """Read the token again; returns whether it is another one than the one that was `used`."""
        try:
            token = self._read_token()
        except ValueError:
            return False  # the file is just being written, or gone: the refusal says enough
        if token != self._token:
            self._former = [self._token, *self._former][:MAX_FORMER]
            self._token = token
            self._client.api_client.default_headers["Authorization"] = f"Token {token}"
        return token != used

    def _receive(self, kind: str, request: Callable[[], Any]) -> Iterator[bytes]:
        """Yield the body of the reply to `request`, which must be of content type `kind` and end in time."""
        response = None
        timer = None
        expired = Event()
        try:
            began = time.monotonic()
            response = self._ask(request)
            self._note_skew(response.headers.get("Date"))
            # A reply that dribbles never runs into the bound between two pieces: this one ends it from outside.
            timer = Timer(max(self._bound - (time.monotonic() - began), 0.0), expire, (expired, response))
            timer.daemon = True
            timer.start()
            found = response.headers.get("Content-Type", "")
            if not found.startswith(kind):
                beginning = response.read(300)
                raise (
                    not_csv(found or "nothing", beginning)
                    if found or beginning
                    else ProtocolError("no header, no body")
                )
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
            if expired.is_set():
                raise self._too_slow()
        except Exception as error:
            if expired.is_set():
                raise self._too_slow() from error
            found = explain(error, self.url)
            raise (inactive(found.summary) if found.status == 404 and self._is_inactive() else found) from error
        finally:
            if timer is not None:
                timer.cancel()
            if response is not None:
                response.close()  # what was not read makes the connection useless to the next query
                response.release_conn()

    def _is_inactive(self) -> bool:
        """Ask whether the token was deactivated: it is to queries as if nothing were there, and said here alone."""
        self.requests += 1
        try:
            self._client.api_client.call_api("/api/v2/me", "GET", {}, [], {}, _return_http_data_only=True)
        except Exception as error:  # most tokens may not ask this: what else goes wrong says nothing
            return is_inactive(error)
        return False

    def _too_slow(self) -> TransientError:
        hint = "read less at a time (fewer measurements in a stream), or raise timeouts.query"
        return TransientError(f"the reply took more than {self._bound:g} s", hint)

    def _note_skew(self, date: str | None) -> None:
        try:
            self.clock_skew = parsedate_to_datetime(date or "").timestamp() - time.time()
        except (ValueError, OverflowError):
            self.clock_skew = None
