"""Aggregates and queries of the operator's own, against a real InfluxDB."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from lab.influxd import InfluxServer
from lab.points import nanoseconds
from tests.engines.plugin_process import Finished, Line, queries, run_once, source

MINUTE = 60 * 10**9
_numbers = count()


class Prepared:
    """A bucket with every type in each of the last minutes, in this one and the next, odd nanoseconds included."""

    def __init__(self, influx: InfluxServer, folder: Path) -> None:
        self.influx, self.folder = influx, folder
        self.bucket = f"bucket {next(_numbers)}"
        influx.create_bucket(self.bucket)
        now = time.time_ns() // MINUTE * MINUTE
        self.times = [
            now + minute * MINUTE + offset
            for minute in range(-8, 3)
            for offset in (0, 1, 20_000_000_001, 59_999_999_999)
        ]
        lines = []
        for number, at in enumerate(self.times):
            fields = f'real={number}.25,whole={number}i,positive={number}u,on={"ft"[number % 2]},text="t{number}"'
            lines.append(f"mixed,host=POD-8,tag=a {fields} {at}")
            lines.append(f'words,host=w said="s{number}" {at}')
        influx.write(self.bucket, "\n".join(lines).encode())

    def run(self, **keys: Any) -> Finished:
        token = self.influx.token_for(read=[self.bucket])
        stream = {"bucket": self.bucket, "name": "one", **keys}
        run = run_once(self.folder, queries(source("s", self.influx.url, stream, token="${REAL}")), {"REAL": token})
        assert run.status == 0
        return run

    def numbers_in(self, start: int, stop: int) -> list[int]:
        return [number for number, at in enumerate(self.times) if start <= at < stop]


def window(run: Finished) -> tuple[int, int]:
    """What was read, by the log."""
    found = re.findall(r", \[(\S+Z), (\S+Z)\)", run.stderr)
    assert found, run.stderr
    spans = sorted((nanoseconds(start), nanoseconds(stop)) for start, stop in found)
    assert all(one[1] == next_[0] for one, next_ in pairwise(spans))  # a full hour makes two of them
    return spans[0][0], spans[-1][1]


def by_field(lines: list[Line]) -> dict[tuple[str, str], dict[int, Any]]:
    rows: dict[tuple[str, str], dict[int, Any]] = defaultdict(dict)
    for line in lines:
        ((field, value),) = line.fields.items()
        assert line.time_ns not in rows[line.measurement, field], "a row twice"
        rows[line.measurement, field][line.time_ns] = value
    return rows


@pytest.fixture
def prepared(influx: InfluxServer, tmp_path: Path) -> Prepared:
    return Prepared(influx, tmp_path)


def minutes(run: Finished) -> list[int]:
    start, stop = window(run)
    assert start % MINUTE == stop % MINUTE == 0
    assert time.time_ns() - 2 * MINUTE - 20 * 10**9 < stop <= time.time_ns()
    assert stop - start in (4 * MINUTE, 5 * MINUTE)  # the whole minutes since five minutes ago
    return list(range(start, stop, MINUTE))


@pytest.mark.parametrize(
    ("fn", "of"),
    [
        ("mean", lambda values: sum(values) / len(values)),
        ("median", lambda values: (sorted(values)[1] + sorted(values)[2]) / 2),
        ("sum", sum),
        ("min", min),
        ("max", max),
        ("spread", lambda values: max(values) - min(values)),
        ("stddev", lambda values: (sum((v - sum(values) / 4) ** 2 for v in values) / 3) ** 0.5),
    ],
)
def test_a_numeric_function_takes_the_numbers_and_leaves_text_and_truth_out(
    fn: str, of: Callable[[list[float]], float], prepared: Prepared
) -> None:
    run = prepared.run(aggregate={"every": "1m", "fn": fn})
    assert run.errors == [], run.stderr
    rows = by_field(run.data)
    assert set(rows) == {("mixed", "real"), ("mixed", "whole"), ("mixed", "positive")}
    for (_, field), found in rows.items():
        shift = 0.25 if field == "real" else 0
        expected = {
            at: pytest.approx(of([n + shift for n in prepared.numbers_in(at, at + MINUTE)])) for at in minutes(run)
        }
        assert found == expected
    assert {tuple(sorted(line.tags.items())) for line in run.data if "real" in line.fields} == {
        (("field", "real"), ("host", "POD-8"), ("source_bucket", prepared.bucket), ("tag", "a"))
    }


@pytest.mark.parametrize(("fn", "index"), [("count", None), ("first", 0), ("last", -1)])
def test_count_first_and_last_take_every_type_and_are_timed_by_window_start(
    fn: str, index: int | None, prepared: Prepared
) -> None:
    run = prepared.run(aggregate={"every": "1m", "fn": fn})
    assert run.errors == [], run.stderr
    rows = by_field(run.data)
    value: dict[tuple[str, str], Callable[[int], Any]] = {
        ("mixed", "real"): lambda n: n + 0.25,
        ("mixed", "whole"): lambda n: n,
        ("mixed", "positive"): lambda n: n,
        ("mixed", "on"): lambda n: bool(n % 2),
        ("mixed", "text"): lambda n: f"t{n}",
        ("words", "said"): lambda n: f"s{n}",
    }
    assert set(rows) == set(value)
    for key, found in rows.items():
        numbers = {at: prepared.numbers_in(at, at + MINUTE) for at in minutes(run)}
        assert found == {at: 4 if index is None else value[key](ns[index]) for at, ns in numbers.items()}


def test_windows_that_are_not_complete_are_not_there(prepared: Prepared) -> None:
    run = prepared.run(aggregate={"every": "1m", "fn": "count"}, measurements=["words"])
    found = sorted(line.time_ns for line in run.data)
    # The source holds points of this minute and later ones: only the window keeps them out.
    assert prepared.times[-1] > window(run)[1]
    assert found == minutes(run)


def test_an_aggregate_longer_than_the_lookback_reads_nothing_and_is_healthy_or_a_whole_window(
    prepared: Prepared,
) -> None:
    run = prepared.run(aggregate={"every": "1h", "fn": "count"}, lookback="5m")
    assert run.errors == [], run.stderr
    hour = 60 * MINUTE
    assert all(line.time_ns % hour == 0 and line.time_ns + hour <= time.time_ns() for line in run.data)
    assert run.stream("s/one")["healthy"] == 1


RAW = """
from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> filter(fn: (r) => r._measurement == "mixed" and (r._field == "whole" or r._field == "text"))
"""


def test_raw_flux_gets_start_stop_and_bucket_and_keeps_types_and_nanoseconds(prepared: Prepared) -> None:
    run = prepared.run(flux=RAW)
    assert run.errors == [], run.stderr
    start, stop = window(run)
    assert stop - start == 5 * MINUTE
    inside = [(n, at) for n, at in enumerate(prepared.times) if start <= at < stop]
    assert 0 < len(inside) < len(prepared.times)
    rows = by_field(run.data)
    assert rows == {
        ("mixed", "whole"): {at: n for n, at in inside},
        ("mixed", "text"): {at: f"t{n}" for n, at in inside},
    }


def test_raw_flux_may_compute(prepared: Prepared) -> None:
    flux = (
        RAW + '|> filter(fn: (r) => r._field == "whole") |> map(fn: (r) => ({r with _value: float(v: r._value) / 2.0}))'
    )
    run = prepared.run(flux=flux)
    assert run.errors == [], run.stderr
    start, stop = window(run)
    values = {at: number / 2 for number, at in enumerate(prepared.times) if start <= at < stop}
    assert by_field(run.data) == {("mixed", "whole"): values}


def test_raw_flux_that_is_wrong_says_where(prepared: Prepared) -> None:
    run = prepared.run(flux="from(bucket: bucket) |> range(start: start, stop: stop) |> nonsense()")
    assert len(run.errors) == 1
    assert re.search(r"failed s/one .*400.*nonsense.*; .*flux", run.errors[0])
    assert run.stream("s/one")["healthy"] == 0


def test_raw_flux_that_gives_no_points_says_so(prepared: Prepared) -> None:
    run = prepared.run(flux=RAW + '|> drop(columns: ["_time"])')
    assert len(run.errors) == 1
    assert re.search(r"failed s/one .*_time", run.errors[0])
    assert run.data == []


def test_an_error_in_mid_stream_of_a_real_server_fails_the_stream(prepared: Prepared) -> None:
    flux = (
        RAW
        + '|> yield(name: "good")\n'
        + RAW
        + (
            '|> filter(fn: (r) => r._field == "whole")'
            '|> map(fn: (r) => ({r with _value: if r._value >= 0 then die(msg: "gone mad") else 1}))'
            '|> yield(name: "zbad")'
        )
    )
    run = prepared.run(flux=flux)
    assert len(run.errors) == 1
    assert "gone mad" in run.errors[0]
    stream = run.stream("s/one")
    assert (stream["healthy"], stream["failures"], stream["points_sent"]) == (0, 1, len(run.data))
    start, stop = window(run)
    assert all(start <= line.time_ns < stop for line in run.data)


def test_a_mean_over_a_field_whose_type_changed_takes_its_numbers(influx: InfluxServer, tmp_path: Path) -> None:
    influx.create_bucket("changed")
    minute = time.time_ns() // MINUTE * MINUTE - 3 * MINUTE
    influx.write("changed", f'm,k=a v=1i {minute}\nm,k=b v=3i {minute + 1}\nn,k=a v="x" {minute}'.encode())
    stream = {"bucket": "changed", "aggregate": {"every": "1m", "fn": "mean"}}
    document = queries(source("s", influx.url, stream, token="${REAL}"))
    run = run_once(tmp_path, document, {"REAL": influx.token})
    assert run.errors == [], run.stderr
    assert {(line.measurement, line.tags["k"], line.fields["v"]) for line in run.data} == {
        ("m", "a", 1.0),
        ("m", "b", 3.0),
    }
