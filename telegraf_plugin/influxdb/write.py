"""Writes of the operator's commands to one InfluxDB 2. The plugin itself never writes: Telegraf does."""

from __future__ import annotations

from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.failures import explain, inactive, is_inactive
from telegraf_plugin.influxdb.http_client import Request

_MAY_NOT = "give central's token of queries.yaml write permission on the bucket: data-collector permissions central"


class WriteClient(QueryClient):
    """A `QueryClient` that can write as well, with the same token, TLS and proxy."""

    def write(self, bucket: str, lines: bytes) -> None:
        """Write line protocol, times in ns, in one request; durable on return. Raises SourceError.

        Without any `lines` it shows whether the token may write: 204, else 401, 403 or 404 (docs/engines.md).
        """
        asked = [("org", self.org), ("bucket", bucket), ("precision", "ns")]
        request = Request("/api/v2/write", "application/json", asked, lines, "text/plain; charset=utf-8")
        try:
            self.by_token(lambda: self.send(request).close())
        except Exception as failure:
            error = explain(failure, self.url)
            if is_inactive(failure):
                raise inactive(error.summary) from failure
            if error.status == 403:
                raise PermanentError(f"the token may not write to bucket {bucket} (403)", _MAY_NOT, 403) from failure
            if error.status == 404:
                raise PermanentError(
                    error.summary, "create the bucket, or correct its name or the org", 404
                ) from failure
            raise error from failure
