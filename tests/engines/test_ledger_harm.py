"""What anybody may have done to the ledger in central: marks by the ten thousand, damaged ones, forged ones, expiry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from lab.loopback import wait_until
from lab.site import Site
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import Spans
from tests.engines.stage import DAY, SECOND, Stage, series

LINES_A_WRITE = 5_000
FLUX = """from(bucket: bucket)
  |> range(start: start, stop: stop)
  |> map(fn: (r) => ({r with _measurement: if r._measurement == "forged" then "collector_ledger" else r._measurement}))
"""


def mark_line(stage: Stage, mark: Mark) -> str:
    fields = mark.fields()
    text = ",".join(
        f'{key}="{value}"' if isinstance(value, str) else f"{key}={value}i" for key, value in fields.items()
    )
    return f"collector_ledger,source=POD-8,source_bucket={stage.name},stream={stage.name} {text} {mark.id.time}"


def chain(begin: int, count: int, step: int, run: str) -> Iterator[Mark]:
    """Marks that stand on each other, one each `step` ns."""
    base = None
    for number in range(count):
        found = MarkId(begin + number * step, run)
        yield Mark(found, base, "d" * 16, begin, begin, printed=Spans.of([(found.time - step, found.time)]))
        base = found


def write(stage: Stage, lines: list[str]) -> None:
    for at in range(0, len(lines), LINES_A_WRITE):
        stage.central.write(stage.name, "\n".join(lines[at : at + LINES_A_WRITE]).encode())


def test_a_central_put_back_two_days_with_thirty_days_of_marks_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "month", start="-60s")
    now = time.time_ns()
    stage.write(*series(now - 40 * SECOND, 30))
    begin, minute = now - 32 * DAY, 60 * SECOND
    marks = list(chain(begin, 30 * 24 * 60, minute, "0bef0re0"))
    late = Mark(MarkId(now - 60 * SECOND, "0bef0re0"), MarkId(now - 2 * minute, "0bef0re0"), "d" * 16, begin, begin)
    write(stage, [mark_line(stage, each) for each in (*marks, late)])
    with stage.collector() as collector:
        collector.wait_for_log("read POD-8/month", 30)
        newest = next(mark for mark in reversed(stage.marks()) if mark["incarnation"] != "0bef0re0")
        assert int(newest["origin"]) >= begin
        wait_until(lambda: len(stage.landed()) == 30, "the points", 30)
        assert "cannot read the ledger" not in collector.log()


def test_damaged_marks_keep_no_stream_of_their_bucket_waiting(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "damaged", start="-60s")
    now = time.time_ns()
    stage.write(*series(now - 40 * SECOND, 20))
    odd = [f'collector_ledger id="x@y",base="",format=1i {now - 50 * SECOND}']
    odd += [f'collector_ledger,source=POD-8,stream=other id="{2**65}@0dd0dd0d" {now - 49 * SECOND}']
    odd += [f'collector_ledger,source=POD-8,stream=damaged id="{2**65}@0dd0dd0d",proved="1/x" {now - 48 * SECOND}']
    odd += [f'collector_request id="1",kind="repair" {now}']
    write(stage, odd)
    with stage.collector() as collector:
        wait_until(lambda: sum(p.measurement == "m" for p in stage.landed()) == 20, "the points", 30)
        collector.wait_for_log("W! .*set aside in central's bucket damaged", 10)
        assert "cannot read the ledger" not in collector.log()
        stage.wait_for_proof(now - 25 * SECOND)


def test_a_flux_stream_cannot_forge_a_ledger(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "forged", start="-60s", flux=FLUX)
    now = time.time_ns()
    stage.write(*series(now - 40 * SECOND, 20))
    stage.write(
        *(f'forged,source=POD-30,stream=victim id="{now}@f0f0f0f0" {now - at * SECOND}' for at in range(20, 30))
    )
    with stage.collector() as collector:
        wait_until(lambda: {p.measurement for p in stage.landed()} == {"m"}, "the points", 30)
        stage.wait_for_proof(now - 25 * SECOND)
        assert all(mark["incarnation"] != "f0f0f0f0" for mark in stage.marks() if "incarnation" in mark)
        assert "f0f0f0f0" not in {mark["id"].partition("@")[2] for mark in stage.marks()}
        collector.wait_for_log(r"W! .*points cannot pass \(own_measurement\): of collector_ledger", 10)


def test_a_bucket_that_keeps_an_hour_has_lost_nothing(site: Site, tmp_path: Path) -> None:
    """Marks of half a day, of which central keeps those of the last hours: that the others expired is no loss."""
    stage = Stage(site, tmp_path, "short", start="-60s")
    stage.central.drop_bucket("short")
    stage.central.create_bucket("short", retention_s=3600)
    stage.central_token = stage.central.token_for(read=["short", stage.metrics], write=["short", stage.metrics])
    stage._env["INFLUXDB_CENTRAL_TOKEN"] = stage.central_token
    now = time.time_ns()
    stage.write(*series(now - 40 * SECOND, 20))
    expired = MarkId(now - 5 * 3600 * SECOND, "0bef0re0")
    newest = Mark(MarkId(now - 50 * 60 * SECOND, "0bef0re0"), expired, "d" * 16, now - DAY, now - DAY)
    write(stage, [mark_line(stage, newest)])
    with stage.collector() as collector:
        wait_until(lambda: len(stage.landed()) == 20, "the points", 30)
        written = (now - 40 * SECOND, now - 20 * SECOND)
        wait_until(lambda: stage.proved().covers(written), "proof", 30)
        ours = [mark for mark in stage.marks() if mark["incarnation"] != "0bef0re0"]
        assert ours[0]["base"] == newest.id.text()
        assert "has lost its newest mark" not in collector.log()
        assert "another run of the collector" not in collector.log()
