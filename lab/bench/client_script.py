"""What one would write first, with influxdb-client: query, a Point a record, the batching write_api.

`python -m lab.bench.client_script BUCKET START STOP`, then URL, ORG and TOKEN of the source and of central; times in
ns. Prints as JSON what this process has used. (The client cuts times to microseconds.)
"""

from __future__ import annotations

import json
import os
import re
import sys

from influxdb_client import InfluxDBClient, Point, WriteOptions

from lab.measured import peak_memory, processor_seconds

NO_TAGS = {"result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"}


def main() -> None:
    """Copy."""
    bucket, start, stop, *servers = sys.argv[1:]
    flux = f'from(bucket: "{bucket}") |> range(start: time(v: {start}), stop: time(v: {stop}))'
    url, org, token, *central = servers
    with (
        InfluxDBClient(url=url, org=org, token=token, timeout=600_000) as source,
        InfluxDBClient(url=central[0], org=central[1], token=central[2], timeout=600_000, enable_gzip=True) as there,
        there.write_api(WriteOptions(batch_size=5000, flush_interval=1000)) as writer,
    ):
        for record in source.query_api().query_stream(flux):
            point = Point(record.get_measurement()).time(record.get_time())
            for key, value in record.values.items():
                if key not in NO_TAGS:
                    point.tag(key, re.sub(r"^POD-(\d+)$", r"pod_\1", value) if key == "host" else value)
            point.tag("source_bucket", bucket).tag("field", record.get_field())
            writer.write(bucket, central[1], point.field(record.get_field(), record.get_value()))
    used = {"processor": processor_seconds(os.getpid()), "memory": round(peak_memory(os.getpid()), 1)}
    print(json.dumps(used))


if __name__ == "__main__":
    main()
