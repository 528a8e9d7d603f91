"""verify on real servers whose points differ on purpose, and the request that --repair leaves."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from lab.influxd import InfluxServer
from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.spans import Spans
from tests.engines.operator_site import HOUR, SECOND, Operator, mapped


@pytest.fixture
def operator(tmp_path: Path, pod: InfluxServer, central: InfluxServer, request: pytest.FixtureRequest) -> Operator:
    """A stream with a hundred points in each of the last three hours, all in central as well, and a mark."""
    bucket = request.node.name
    pod.create_bucket(bucket)
    central.create_bucket(bucket)
    made = Operator(tmp_path, pod, central, bucket)
    lines = [f"m,host=h{n % 2} v={n} {at(n)}" for n in range(300)]
    pod.write(bucket, "\n".join(lines).encode())
    central.write(bucket, "\n".join(mapped(line, bucket, "v") for line in lines).encode())
    made.mark(BEGAN - 4 * HOUR, Spans.of([(BEGAN - 4 * HOUR, BEGAN)]))
    return made


CONF = REPOSITORY / "telegraf.conf"
BEGAN = time.time_ns() // SECOND * SECOND - 300 * SECOND


def at(n: int) -> int:
    return BEGAN - n * 36 * SECOND


def test_equal_sides_are_told_so(operator: Operator) -> None:
    ended = operator.run("verify", operator.label, "--from", "-4h")
    assert ended.returncode == 0, ended.stderr
    assert "equal; 300 points, 0 missing, 0 extra, 0 different" in ended.stdout
    assert "younger points may still come late (lookback)" in ended.stdout


def test_a_missing_an_extra_and_a_different_point_are_named(operator: Operator) -> None:
    pod, central, bucket = operator.pod, operator.central, operator.bucket
    pod.write(bucket, f"m,host=h0 v=1000 {at(7) + 1}".encode())
    central.write(bucket, mapped(f"m,host=h1 v=2000 {at(8) + 1}", bucket, "v").encode())
    central.write(bucket, mapped(f"m,host=h1 v=3000 {at(9)}", bucket, "v").encode())
    report = operator.json("verify", operator.label, "--from=-4h", status=1)
    assert not report["equal"]
    (found,) = report["streams"]
    assert (found["missing"], found["extra"], found["different"], found["points"]) == (1, 1, 1, 301)
    told = {each["how"]: each for each in found["examples"]}
    assert told["missing"]["time"] == at(7) + 1
    assert told["missing"]["source"] == {"type": "float", "value": "1000"}
    assert told["missing"]["central"] is None
    assert (told["extra"]["time"], told["extra"]["source"]) == (at(8) + 1, None)
    assert (told["different"]["source"]["value"], told["different"]["central"]["value"]) == ("9", "3000")
    assert told["different"]["tags"] == {"field": "v", "host": "h1", "source_bucket": bucket}
    lacking = Spans.of((start, stop) for start, stop in found["lacking"])
    assert lacking.covers((at(7), at(7) + 2))
    assert lacking.covers((at(9), at(9) + 1))
    assert lacking.length <= 3 * 60 * SECOND
    plain = operator.run("verify", operator.label, "--from", "-4h")
    assert plain.returncode == 1
    rows = [line.split("\t") for line in plain.stdout.splitlines() if "\t" in line]
    assert [row[0] for row in rows] == ["How", "different", "extra", "missing"]
    assert rows[1][3:] == ["9 (float)", "3000 (float)"]
    assert "\x1b" not in plain.stdout


def test_repair_asks_for_what_is_lacking_and_for_nothing_else(operator: Operator) -> None:
    operator.pod.write(operator.bucket, f"m,host=h0 v=1000 {at(7) + 1}".encode())
    report = operator.json("verify", operator.label, "--from=-4h", "--repair", status=1)
    (asked,) = operator.requests()
    assert asked["kind"] == "repair"
    assert asked["cancelled"] == "false"
    assert asked["id"] == report["streams"][0]["request"]
    ((start, stop),) = Spans.parse(asked["spans"])
    assert start <= at(7) + 1 < stop
    assert stop - start == 60 * SECOND


def test_repair_asks_for_nothing_where_only_central_has_more(operator: Operator) -> None:
    line = mapped(f"m,host=h1 v=2000 {at(8) + 1}", operator.bucket, "v")
    operator.central.write(operator.bucket, line.encode())
    assert operator.run("verify", "--from=-4h", "--repair").returncode == 1
    assert operator.requests() == []


def test_what_central_refuses_is_told_apart(operator: Operator) -> None:
    operator.pod.write(operator.bucket, f"m,host=h0 refused=1i {at(3)}".encode())
    group = (b"m", b"refused", FieldType.INTEGER)
    operator.mark(BEGAN - 4 * HOUR, Spans(), held={group: Spans.of([(BEGAN - HOUR, BEGAN)])})
    report = operator.json("verify", operator.label, "--from=-4h", status=1)
    assert (report["streams"][0]["held"], report["streams"][0]["missing"]) == (1, 0)


def test_where_neither_side_has_a_point_nothing_is_compared(operator: Operator) -> None:
    for words in ((), ("--counts",)):
        ended = operator.run("verify", operator.label, "--from=-200d", "--to=-199d", *words)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert "nothing to compare, neither side has a point; 0 points" in ended.stdout
        assert "equal" not in ended.stdout
    report = operator.json("verify", operator.label, "--from=-200d", "--to=-199d", status=2)
    assert (report["equal"], report["streams"][0]["equal"]) == (None, None)


def test_years_of_empty_time_are_a_few_questions(operator: Operator) -> None:
    """Of ten years with points in the last hours, and one of long ago that central lacks."""
    old = BEGAN - 3000 * 24 * HOUR
    operator.pod.write(operator.bucket, f"m,host=h0 v=1 {old}".encode())
    ended = operator.run("verify", operator.label, "--from", "2016-01-01", "--json", timeout_s=30)
    assert ended.returncode == 1, ended.stderr
    (report,) = json.loads(ended.stdout)["streams"]
    assert (report["points"], report["missing"], report["extra"]) == (301, 1, 0)
    assert report["lacking"][0][0] <= old < report["lacking"][0][1]


def test_counts_are_quick_and_may_be_fooled(operator: Operator) -> None:
    operator.central.write(operator.bucket, mapped(f"m,host=h1 v=3000 {at(9)}", operator.bucket, "v").encode())
    assert operator.run("verify", "--from=-4h", "--counts").returncode == 0
    assert operator.run("verify", "--from=-4h").returncode == 1


def test_two_points_that_swapped_their_values_are_found(operator: Operator) -> None:
    for n, value in ((10, 12), (12, 10)):
        line = mapped(f"m,host=h0 v={value} {at(n)}", operator.bucket, "v")
        operator.central.write(operator.bucket, line.encode())
    report = operator.json("verify", "--from=-4h", status=1)
    assert report["streams"][0]["different"] == 2


FLUX = """\
from(bucket: bucket) |> range(start: start, stop: stop) |> filter(fn: (r) => r.host == "h0")
"""


@pytest.mark.parametrize(
    ("keys", "missing"),
    [({"flux": FLUX}, 0), ({"aggregate": {"every": "10m", "fn": "count"}}, 30), ({"tags": {"rack": "r1"}}, 0)],
    ids=["flux", "aggregate", "tags"],
)
def test_what_a_stream_computes_or_picks_is_what_is_compared(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer, keys: dict[str, object], missing: int
) -> None:
    bucket = f"picked-{next(iter(keys))}"
    pod.create_bucket(bucket)
    central.create_bucket(bucket)
    lines = [f"m,host=h{n % 2},rack=r{n % 2} v={n} {at(n)}" for n in range(300)]
    pod.write(bucket, "\n".join(lines).encode())
    # Central has the points themselves: an aggregate's are others.
    central.write(bucket, "\n".join(mapped(line, bucket, "v") for line in lines).encode())
    operator = Operator(tmp_path, pod, central, bucket, stream_keys=keys)
    operator.mark(BEGAN - 4 * HOUR, Spans())
    ended = operator.run("verify", "--from=-4h", "--json")
    (report,) = json.loads(ended.stdout)["streams"]
    assert report["missing"] >= missing
    assert (report["missing"] > 0) == (missing > 0)
    shown = operator.run("preview", operator.label, "--telegraf-config", str(CONF))
    assert shown.returncode in (0, 1), shown.stderr


def test_central_that_does_not_answer_is_status_2(operator: Operator) -> None:
    text = (operator.folder / "queries.yaml").read_text()
    (operator.folder / "queries.yaml").write_text(text.replace(operator.central.url, "http://127.0.0.1:9"))
    ended = operator.run("verify", "--from=-1h")
    assert ended.returncode == 2
    assert ended.stderr.startswith("E! central: connection refused; is InfluxDB running")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nobody", "--from=-1h"), "no stream or source is called 'nobody'; there are: POD-1"),
        (("--from", "yesterday"), "'yesterday': expected a date (2026-11-01)"),
        (("--from", "-1h", "--to", "-2h"), "--from is not before --to"),
    ],
    ids=["stream", "date", "order"],
)
def test_a_wrong_command_line_is_status_2(
    tmp_path: Path, pod: InfluxServer, central: InfluxServer, words: tuple[str, ...], told: str
) -> None:
    ended = Operator(tmp_path, pod, central, "data", tokens=False).run("verify", *words)
    assert ended.returncode == 2
    assert told in ended.stderr
