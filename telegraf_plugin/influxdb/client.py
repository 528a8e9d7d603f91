"""Questions to one InfluxDB 2, by Flux and by InfluxQL: what is sent, and what the small answers say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import urlencode

from telegraf_plugin.errors import BadReply, PermanentError
from telegraf_plugin.influxdb.failures import explain
from telegraf_plugin.influxdb.flux import Query, extern
from telegraf_plugin.influxdb.http_client import INFLUXQL, HttpClient, Request
from telegraf_plugin.influxdb.influxql import Place
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.units import HOUR, SECOND

CHUNK_ROWS = 1000
"""Rows of a series that the server makes into one document of an InfluxQL reply, and holds meanwhile."""
_ORG_ID = re.compile(r"[0-9a-f]{16}")
_FORM = "application/x-www-form-urlencoded"

# Without `default` the result column is spelt out in every row; without `header` there are no columns' names.
_DIALECT = {
    "header": True,
    "delimiter": ",",
    "commentPrefix": "#",
    "annotations": ["datatype", "group", "default"],
    "dateTimeFormat": "RFC3339Nano",
}


class QueryClient(HttpClient):
    """A server that answers questions. `speaks_flux`: else it answers InfluxQL alone."""

    speaks_flux = True

    def query(self, query: Query) -> Iterator[bytes]:
        """Yield the annotated CSV reply to `query` in chunks of at most CHUNK_BYTES.

        Raises SourceError; BadReply when more comes than such a query's answer can take.
        """
        received = 0
        asked = {"query": query.text, "dialect": _DIALECT, "extern": extern(query.parameters)}
        request = Request("/api/v2/query", "text/csv", [("org", self.org)], json.dumps(asked).encode())
        for chunk in self.receive(request):
            received += len(chunk)
            if query.most is not None and received > query.most:
                raise BadReply(
                    f"the reply has no end: more than {query.most:,} bytes", "check the url: is this InfluxDB?"
                )
            yield chunk

    def version(self) -> str:
        """Return the server's version as it tells it itself; empty when it does not. Raises SourceError."""
        try:
            with closing(self.by_token(lambda: self.send(Request("/ping", "*/*")))) as response:
                return response.headers.get("X-Influxdb-Version", "")
        except Exception as failure:
            raise explain(failure, self.url) from failure

    def bucket(self, name: str) -> Bucket | None:
        """Return what the server says of the bucket `name`; None when it does not say. Raises SourceError.

        An org that is given by its id is asked for by it, as queries take it: where that is nobody's id it may be a
        name that looks like one.
        """
        if _ORG_ID.fullmatch(self.org):
            try:
                found = self._bucket(name, orgID=self.org)
            except PermanentError as error:
                if error.status != 404:
                    raise
                found = None
            if found is not None:
                return found
        return self._bucket(name, org=self.org)

    def _bucket(self, name: str, **org: str) -> Bucket | None:
        asked = [("name", name), *org.items(), ("limit", "1")]
        reply = self.document(Request("/api/v2/buckets", "application/json", asked), "about the bucket")
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
        asked = [("db", bucket), ("q", statement), ("org", self.org)]
        return self.document(Request(INFLUXQL, "application/csv", asked), "to an InfluxQL question")

    def rows(self, place: Place, statements: Sequence[str]) -> Iterator[bytes]:
        """Yield the MessagePack reply to InfluxQL `statements`, in chunks of at most CHUNK_BYTES. Raises SourceError.

        Times are Unix ns.
        """
        asked = [("db", place.database), ("rp", place.policy), ("epoch", "ns"), ("org", self.org)]
        asked += [("chunked", "true"), ("chunk_size", str(CHUNK_ROWS))]
        text = urlencode({"q": ";".join(statements)}).encode()
        return self.receive(Request(INFLUXQL, "application/x-msgpack", asked, text, _FORM))

    def place(self, bucket: Bucket) -> Place | None:
        """Return where InfluxQL finds the bucket; None where it finds none, or another one. Raises SourceError."""
        for found in self._mappings(bucket, ("bucketID", bucket.id)):
            # A mapping that somebody made wins over the one that each bucket has, though both are listed.
            for ruling in self._mappings(bucket, ("db", found.database)):
                if ruling == found:
                    return found
        return None

    def mapped_places(self, org: str) -> dict[Place, set[str]]:
        """Return all databases that the token may see, by their ids' buckets: more than one where some are not used.

        Raises SourceError; BadReply where they are too many to tell.
        """
        request = Request("/api/v2/dbrps", "application/json", [("orgID", org)])
        found: dict[Place, set[str]] = {}
        for place, bucket in _mapped(self.document(request, "about InfluxQL's databases")):
            found.setdefault(place, set()).add(bucket)
        return found

    def _mappings(self, bucket: Bucket, asked: tuple[str, str]) -> list[Place]:
        request = Request("/api/v2/dbrps", "application/json", [("orgID", bucket.org), asked])
        reply = self.document(request, "about InfluxQL's databases")
        return [place for place, found in _mapped(reply) if found == bucket.id]


def _mapped(reply: bytes) -> list[tuple[Place, str]]:
    """Return the databases of a reply, each with the id of its bucket. Raises BadReply."""
    try:
        content = json.loads(reply)["content"]
        return [
            (Place(str(each["database"]), str(each["retention_policy"])), str(each["bucketID"])) for each in content
        ]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise BadReply("the reply about InfluxQL's databases is not InfluxDB's", "check the url") from None
