"""The ledger in central: where its marks land, and what the collector makes of what it finds there."""

from __future__ import annotations

import re
import time
from pathlib import Path

from lab.loopback import free_port, wait_until
from lab.site import Site
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import HOUR
from tests.engines.plugin_process import LEDGER
from tests.engines.stage import DAY, SECOND, Stage, series


def test_marks_land_with_the_data_only_and_the_origin_is_mirrored_in_the_metrics(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "marks", start="-60s")
    now = time.time_ns()
    stage.write(*series(now - 50 * SECOND, 20))
    with stage.collector():
        stage.wait_for_all()
        stage.wait_for_proof(now - 30 * SECOND)
        marks = stage.marks()
        assert marks[0]["base"] == ""
        ids = {mark["id"] for mark in marks}
        assert all(mark["base"] in ids for mark in marks[1:])
        assert len({mark["incarnation"] for mark in marks}) == len({mark["definition"] for mark in marks}) == 1
        assert now - 62 * SECOND < int(marks[-1]["origin"]) < now - 40 * SECOND
        wait_until(lambda: stage.measured("collector_origin"), "the mirrored origin", 10)
        assert stage.measured(LEDGER) == []
        for server in (site.pod_8, site.pod_30):
            for bucket in ("marks",) if server is site.pod_8 else ():
                assert not [p for p in server.points(bucket, now - DAY, now + DAY) if p.measurement == LEDGER]
        origins = {p.field: p.value for p in stage.measured("collector_origin")}
        assert origins["origin"] == marks[-1]["origin"]
        tags = dict(stage.measured("collector_origin")[0].tags)
        assert (tags["source"], tags["stream"], tags["central_bucket"]) == ("POD-8", "marks", "marks")


def test_a_restart_goes_on_at_the_ledger_and_copies_nothing_again(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "restart", start="-60s")
    now = time.time_ns()
    stage.write(*series(now - 50 * SECOND, 30))
    with stage.collector() as collector:
        stage.wait_for_all()
        stage.wait_for_proof(now - 10 * SECOND)
        collector.kill()
    before, origin = len(stage.log()), stage.marks()[-1]["origin"]
    stage.write(*series(time.time_ns() - 2 * SECOND, 5, SECOND // 10, "new"))
    with stage.collector():
        stage.wait_for_all()
        stage.wait_for_proof(time.time_ns())
    marks = stage.marks()
    assert len({mark["incarnation"] for mark in marks}) == 2
    assert {mark["origin"] for mark in marks} == {origin}
    assert sum(map(int, re.findall(r" (\d+) sent in [\d.]+ s$", stage.log()[before:], re.MULTILINE))) < 30


def test_what_is_proved_stays_proved_over_any_number_of_starts(site: Site, tmp_path: Path) -> None:
    """The first fill prints marks beside the chain, a few a window: the second start knew of the last run alone."""
    stage = Stage(site, tmp_path, "starts", start="-8h", max_in_flight=10_000)
    begin = time.time_ns() - 8 * HOUR + 60 * SECOND
    stage.write(*series(begin, 28_000, SECOND))
    with stage.collector():
        stage.wait_for_proof(begin + 7 * HOUR, 60)
    for _ in range(3):
        known = len(stage.marks())
        with stage.collector():
            wait_until(lambda known=known: len(stage.marks()) > known + 1, "a mark of this run", 30)  # type: ignore[misc]
        for mark in stage.marks()[known:]:
            assert Spans.parse(mark["proved"]).covers((begin, begin + 7 * HOUR)), mark


def test_a_bucket_that_is_put_back_in_time_is_filled_again(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "back", start="-60s")
    stage.write(*series(time.time_ns() - 50 * SECOND, 40))
    with stage.collector() as collector:
        stage.wait_for_all()
        stage.wait_for_proof(time.time_ns() - 11 * SECOND)
        then = time.time_ns()
        stage.write(*series(then, 20, SECOND // 10, "since"))
        wait_until(lambda: "since" in {p.measurement for p in stage.landed()}, "later points", 10)
        stage.wait_for_proof(then + 2 * SECOND)
        stage.forget_since(then)
        collector.wait_for_log("W! .*POD-8/back: central has lost its newest mark", 20)
        stage.wait_for_all(30)
        assert len(stage.expected()) == 60


def test_a_bucket_that_is_emptied_is_filled_from_its_origin(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "emptied", start="-60s")
    stage.write(*series(time.time_ns() - 50 * SECOND, 40))
    with stage.collector() as collector:
        stage.wait_for_all()
        stage.wait_for_proof(time.time_ns() - 11 * SECOND)
        wait_until(lambda: stage.measured("collector_origin"), "the mirrored origin", 10)
        origin = stage.marks()[-1]["origin"]
        site.central.empty_bucket("emptied")
        collector.wait_for_log("W! .*POD-8/emptied: central has lost its newest mark", 20)
        stage.wait_for_all(30)
        assert {mark["origin"] for mark in stage.marks()} == {origin}
    # While the collector is away as well: its own memory is not needed.
    site.central.empty_bucket("emptied")
    time.sleep(2)
    with stage.collector():
        stage.wait_for_all(30)
        assert {mark["origin"] for mark in stage.marks()} == {origin}
        assert len(stage.expected()) == 40


def test_a_changed_definition_copies_nothing_again_and_keeps_what_was_not_sent(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "changed", start="-60s", measurements=["m", "new"])
    begin = time.time_ns() - 50 * SECOND
    stage.write(*series(begin, 30), *series(begin, 30, measurement="other"))
    with stage.collector():
        wait_until(lambda: len(stage.landed()) == 30, "the points", 20)
        stage.wait_for_proof(begin + 30 * SECOND)
    proved = stage.proved().parts[0][1]
    away = time.time_ns()
    stage.write(*series(away, 10, SECOND // 10, "new"))
    stage.write_queries(start="-60s", measurements=["m", "new", "other"])
    with stage.collector():
        wait_until(lambda: len(stage.landed()) == 40, "what came meanwhile", 20)
        stage.wait_for_proof(away + SECOND)
        stage.write(f"other,k=v v=1i {(late := time.time_ns())}")
        wait_until(lambda: late in {point.time_ns for point in stage.landed()}, "what is selected now", 10)
        others = [point.time_ns for point in stage.landed() if point.measurement == "other"]
        assert others == [late]  # what the new definition selects of the old time stays where it was
        assert int(stage.marks()[-1]["origin"]) >= proved - 5 * SECOND
        assert len({mark["definition"] for mark in stage.marks()}) == 2


def test_a_second_collector_is_warned_of(site: Site, tmp_path: Path) -> None:
    stage = Stage(site, tmp_path, "two", start="-60s")
    stage.write(*series(time.time_ns() - 50 * SECOND, 20))
    with stage.collector() as one:
        stage.wait_for_all()
        one.wait_for_log("read POD-8/two", 10)
        with stage.collector(free_port()):
            one.wait_for_log("W! .*POD-8/two: another run of the collector writes as well", 20)
            (foreign,) = {mark["incarnation"] for mark in stage.marks()} - {stage.marks()[0]["incarnation"]}
            assert f"writes as well ({foreign})" in one.log()
            wait_until(lambda: told_of_foreign_marks(stage), "the metric", 15)
            stage.write(*series(time.time_ns(), 10, SECOND // 10, "both"))
            stage.wait_for_all()
        stage.wait_for_all()
        assert len(re.findall("another run of the collector", one.log())) == 1


def told_of_foreign_marks(stage: Stage) -> bool:
    return any(p.field == "foreign_marks" and int(p.value) > 0 for p in stage.measured("collector_stream"))
