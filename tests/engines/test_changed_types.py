"""A field whose type changed where a shard group ends is read whole, by one run of the plugin."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from lab.influxd import InfluxServer
from tests.engines.plugin_process import queries, run_once, source
from tests.engines.shard_groups import changing, last_midnight, last_monday, set_shard_duration


@pytest.mark.parametrize(
    ("first", "then", "boundary"),
    [(86_400, None, last_midnight), (7 * 86_400, None, last_monday), (86_400, 7 * 86_400, last_midnight)],
    ids=["day", "week", "day-then-week"],
)
def test_a_field_whose_type_changed_at_a_shard_groups_end_is_read_whole(
    first: int, then: int | None, boundary: Any, influx: InfluxServer, tmp_path: Path
) -> None:
    bucket = f"changing{first}{then}"
    influx.create_bucket(bucket, shard_group_s=first)
    before, after, _ = changing(boundary(time.time_ns()))
    influx.write(bucket, "\n".join(before).encode())
    if then is not None:
        set_shard_duration(influx, bucket, then)
    influx.write(bucket, "\n".join(after).encode())
    document = queries(source("s", influx.url, {"bucket": bucket, "lookback": "9d", "start": "-9d"}, token="${REAL}"))
    run = run_once(tmp_path, document, {"REAL": influx.token}, timeout_s=60)
    assert run.errors == [], run.stderr
    found = {(repr(line.fields["v"]), line.time_ns) for line in run.data}
    lines = [line.rpartition(" ") for line in before + after]
    wanted = {(text.partition("v=")[2].removesuffix("i"), int(at)) for text, _, at in lines}
    assert found == wanted
