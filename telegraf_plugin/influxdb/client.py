"""Queries to one InfluxDB 2, answered as a stream of bytes: influxdb-client's `query_raw`, its errors explained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from influxdb_client import Dialect, InfluxDBClient

from telegraf_plugin.errors import TransientError
from telegraf_plugin.influxdb.failures import explain, not_csv
from telegraf_plugin.influxdb.flux import Query

CHUNK_BYTES = 256 * 1024
"""How much of a reply is held at a time."""

# Without `default` the result column is spelt out in every row; without `header` there are no columns' names.
_DIALECT = Dialect(
    header=True,
    delimiter=",",
    comment_prefix="#",
    annotations=["datatype", "group", "default"],
    date_time_format="RFC3339Nano",
)


class QueryClient:
    """One InfluxDB and one token. Safe to use from several threads."""

    def __init__(self, url: str, org: str, token: Callable[[], str], connect: float, read: float, query: float) -> None:
        """Prepare for `url` and `org`; nothing is sent yet.

        `token` is called when a connection is made ready. `connect`, `read` and `query` are bounds in seconds: to
        connect, between two pieces of a reply, and for a reply as a whole. Raises ValueError when there is no token.
        """
        self.url = url
        self._bound = query
        # No retries of its own: the plugin decides, and says, when something is tried again.
        self._client = InfluxDBClient(
            url, token(), org=org, timeout=(connect * 1000, read * 1000), retries=False, connection_pool_maxsize=16
        )
        self._queries = self._client.query_api()

    def query(self, query: Query) -> Iterator[bytes]:
        """Yield the annotated CSV reply to `query` in chunks of at most CHUNK_BYTES. Raises SourceError."""
        deadline = time.monotonic() + self._bound
        response = None
        try:
            response = self._queries.query_raw(query.text, dialect=_DIALECT, params=dict(query.parameters))
            kind = response.headers.get("Content-Type", "nothing")
            if not kind.startswith("text/csv"):
                raise not_csv(kind, response.read(300))
            while chunk := response.read(CHUNK_BYTES):
                yield chunk
                if time.monotonic() > deadline:
                    hint = "read less at a time (lookback, measurements), or raise timeouts.query"
                    raise TransientError(f"the reply took more than {self._bound:g} s", hint)
        except Exception as error:
            raise explain(error, self.url) from error
        finally:
            if response is not None:
                response.close()  # what was not read makes the connection useless to the next query
                response.release_conn()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
