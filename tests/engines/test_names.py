"""Names that look like code select exactly the points of that name: no measurement, tag, field or bucket is Flux."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.influxd import InfluxServer
from tests.engines.plugin_process import Finished, queries, run_once, source

ODD = [
    "plain",
    'with "quotes"',
    "it's",
    "back\\slash",
    "two\\\\slashes",
    "\\x22",
    "\\n",
    "${x}",
    "a${1 + 1}b",
    "$",
    "{x}",
    '") or true //',
    '" or r._measurement != "',
    '") |> yield() //',
    "r._measurement",
    "/.*/",
    ".*",
    "%s %d",
    "#1 not a comment",
    "comma, space = equals",
    "größe ✓ 漢字 🙂",
    "e\u0301 and é",
    "true",
    "null",
    "1",
    "-- ; drop",
    "`backtick`",
    "(paren) [bracket] <angle>",
]
BUCKETS = [f"bucket {name}" for name in ODD if '"' not in name]  # InfluxDB takes no quotation marks there
# ${…} in queries.yaml names a variable; as a name of its own it is written by way of one.
_KEY = str.maketrans({" ": "\\ ", ",": "\\,", "=": "\\="})


def escaped(name: str) -> str:
    return name.translate(_KEY)


def reference(name: str, env: dict[str, str]) -> str:
    """How the name stands in queries.yaml."""
    if "${" not in name:
        return name
    if name == "${x}":
        return "${x}"  # the variable x, whose value is that
    variable = f"NAME_{len(env)}"
    env[variable] = name
    return f"${{{variable}}}"


@pytest.fixture(scope="module")
def odd_influx() -> Iterator[InfluxServer]:
    """A bucket `data` with a point for every odd name as measurement, as tag's value, tag's key and field; buckets."""
    with InfluxServer("o", "data") as influx:
        at = time.time_ns() - 60 * 10**9
        lines = []
        for number, name in enumerate(ODD):
            # A measurement must not begin a comment in what Telegraf reads; InfluxDB would take it escaped.
            measurement = escaped(name).replace("\\=", "=")  # where "=" wants no escape
            if name.startswith("#"):
                measurement = "\\" + measurement
            lines.append(f"{measurement} by_measurement={number}i {at}")
            lines.append(f"values,key={escaped(name)} by_value={number}i {at}")
            lines.append(f"keys,{escaped(name)}=here by_key={number}i {at}")
            lines.append(f"fields {escaped(name)}={number}i {at}")
        influx.write("data", "\n".join(lines).encode())
        for number, name in enumerate(BUCKETS):
            influx.create_bucket(name)
            influx.write(name, f"inside number={number}i {at}".encode())
        yield influx


def run(influx: InfluxServer, folder: Path, streams: list[dict[str, Any]], env: dict[str, str]) -> Finished:
    named = [{"name": str(number), "bucket": "data", **stream} for number, stream in enumerate(streams)]
    document = queries(source("s", influx.url, *named, token="${REAL}"))
    finished = run_once(folder, document, {**env, "REAL": influx.token})
    assert finished.status == 0, finished.stderr
    assert finished.errors == [], finished.stderr
    return finished


def read_by(finished: Finished, number: int) -> int:
    return int(finished.stream(f"s/{number}")["points_read"])


NAMES = [name for name in ODD if name != "${x}"]


def test_a_measurement_selects_itself_alone(odd_influx: InfluxServer, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    names = [name for name in NAMES if not name.startswith("#")]  # a line cannot begin so: see the test of drops
    finished = run(odd_influx, tmp_path, [{"measurements": [reference(n, env)]} for n in names], env)
    assert [read_by(finished, number) for number in range(len(names))] == [1] * len(names)
    assert {(line.measurement, line.fields.get("by_measurement")) for line in finished.data} == {
        (name, ODD.index(name)) for name in names
    }


def test_a_tags_value_selects_itself_alone(odd_influx: InfluxServer, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    finished = run(odd_influx, tmp_path, [{"tags": {"key": reference(n, env)}} for n in NAMES], env)
    assert [read_by(finished, number) for number in range(len(NAMES))] == [1] * len(NAMES)
    assert {(line.tags["key"], line.fields.get("by_value")) for line in finished.data} == {
        (name, ODD.index(name)) for name in NAMES
    }


def test_a_tags_key_selects_itself_alone(odd_influx: InfluxServer, tmp_path: Path) -> None:
    # "${" is the next test's. A tag called "$" cannot be filtered by: InfluxDB's storage takes it for the value.
    names = [name for name in NAMES if "${" not in name and name != "$"]
    finished = run(odd_influx, tmp_path, [{"tags": {name: "here"}} for name in names], {})
    assert [read_by(finished, number) for number in range(len(names))] == [1] * len(names)
    assert {line.fields.get("by_key") for line in finished.data} == {ODD.index(name) for name in names}


def test_keys_with_a_dollar_select_themselves_too(odd_influx: InfluxServer, tmp_path: Path) -> None:
    names = ["${x}", "a${1 + 1}b"]
    finished = run(odd_influx, tmp_path, [{"tags": {name: "here"}} for name in names], {})
    assert [read_by(finished, number) for number in range(len(names))] == [1, 1]


def test_an_excluded_field_leaves_out_itself_alone(odd_influx: InfluxServer, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    streams = [{"measurements": ["fields"], "exclude_fields": [reference(n, env)]} for n in NAMES]
    finished = run(odd_influx, tmp_path, streams, env)
    assert [read_by(finished, number) for number in range(len(NAMES))] == [len(ODD) - 1] * len(NAMES)


def test_several_names_select_all_of_them(odd_influx: InfluxServer, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    every = [reference(name, env) for name in NAMES]
    streams: list[dict[str, Any]] = [
        {"tags": {"key": every}},
        {"measurements": ["fields"], "exclude_fields": every},
        {"measurements": ["values"], "tags": {"key": every[:3]}},
    ]
    finished = run(odd_influx, tmp_path, streams, env)
    assert [read_by(finished, number) for number in range(3)] == [len(NAMES), 1, 3]


@pytest.mark.parametrize("raw", [False, True], ids=["built", "raw-flux"])
def test_a_bucket_is_read_by_its_whole_name(raw: bool, odd_influx: InfluxServer, tmp_path: Path) -> None:
    env: dict[str, str] = {}
    flux = {"flux": "from(bucket: bucket) |> range(start: start, stop: stop)"} if raw else {}
    streams = [{"bucket": reference(name, env), **flux} for name in BUCKETS]
    finished = run(odd_influx, tmp_path, streams, env)
    assert {(line.tags["source_bucket"], line.fields["number"]) for line in finished.data} == {
        (name, number) for number, name in enumerate(BUCKETS)
    }
    assert len(finished.data) == len(BUCKETS)
