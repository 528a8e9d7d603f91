"""The chaos run's auditor finds a ledger that says more than is there, and only that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

from lab.chaos.auditor import LOADED_NS, UNNOTICED_NS, Auditor
from lab.chaos.collector import LOOKBACK_S, STREAMS
from lab.chaos.journal import Journal
from lab.chaos.lines import Line, real
from lab.chaos.marks import LEDGER
from lab.chaos.upheaval import Upheavals
from lab.influxd import InfluxServer
from lab.points import FieldType, Point

SECOND = 1_000_000_000
NOW = time.time_ns()
STREAM = STREAMS[0]
LINES = [Line("cpu", (("unit", "a"),), (real("value", float(number)),), NOW - number * SECOND) for number in range(100)]


class Central:
    """What an InfluxServer is asked for, from lists."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.marks: list[Point] = []
        self.on_points: list[object] = []

    def mark(self, time_ns: int, run: str = "a", base: str = "", proved: str = "") -> str:
        tags = frozenset({("source", STREAM.source)})
        row = {"id": f"{time_ns}@{run}", "base": base, "proved": proved, "held": ""}
        self.marks += [Point(LEDGER, tags, key, FieldType.STRING, value, time_ns) for key, value in row.items()]
        return row["id"]

    def filtered_points(self, bucket: str, predicate: str) -> Iterator[Point]:
        yield from self.marks

    def iter_points(self, bucket: str, start_ns: int, stop_ns: int) -> Iterator[Point]:
        for action in self.on_points:
            action()  # type: ignore[operator]
        yield from (point for point in self.points if start_ns <= point.time_ns < stop_ns)


class Bench:
    def __init__(self) -> None:
        self.central = Central()
        self.journal = Journal(STREAM.source, STREAM.bucket, lookback_ns=LOOKBACK_S * SECOND)
        batch = self.journal.send(LINES)
        batch.end(acknowledged=True)
        batch.ended_ns = NOW - 100 * SECOND
        self.central.points = [point for line in LINES for point in self.journal.expected(line.points())]
        self.upheavals = Upheavals()
        self.called = 0
        journals = {STREAM.bucket: self.journal}
        self.auditor = Auditor(cast(InfluxServer, self.central), journals, self.upheavals, self._call)

    def _call(self) -> None:
        self.called += 1

    def rules(self) -> list[str]:
        self.auditor.look(STREAM)
        return [finding.rule for finding in self.auditor.audit.findings]


PROVED = f"{NOW - 90 * SECOND}/{NOW - 50 * SECOND}"


def test_what_is_proved_and_there_is_no_finding() -> None:
    bench = Bench()
    bench.central.mark(NOW, proved=PROVED)
    assert bench.rules() == []
    assert (bench.auditor.audit.comparisons, bench.auditor.audit.points) == (1, 40)


def test_a_point_that_is_proved_and_missing_is_found_with_its_mark() -> None:
    bench = Bench()
    mark = bench.central.mark(NOW, proved=PROVED)
    del bench.central.points[60]
    assert bench.rules() == ["equal"]
    assert mark in bench.auditor.audit.findings[0].said
    assert bench.called == 1


def test_a_point_that_is_missing_and_not_proved_is_no_finding() -> None:
    bench = Bench()
    bench.central.mark(NOW, proved=PROVED)
    del bench.central.points[10]
    assert bench.rules() == []


def test_what_a_mark_says_that_is_not_believed_is_no_finding() -> None:
    bench = Bench()
    bench.central.mark(NOW, base=f"{NOW - 1}@a", proved=PROVED)
    del bench.central.points[60]
    assert bench.rules() == []


def test_what_is_lost_after_it_was_compared_is_found_though_the_mark_says_the_same() -> None:
    bench = Bench()
    bench.central.mark(NOW, proved=PROVED)
    assert bench.rules() == []
    with bench.upheavals.of([STREAM.bucket]):
        del bench.central.points[60]
        assert bench.rules() == []
    assert bench.rules() == ["equal"]


def test_what_is_lost_while_the_points_are_read_says_nothing_of_the_mark() -> None:
    bench = Bench()
    bench.central.mark(NOW, proved=PROVED)
    del bench.central.points[60]
    bench.central.on_points.append(bench.central.marks.clear)
    assert bench.rules() == []


def test_what_is_younger_than_the_lookback_must_not_be_proved() -> None:
    bench = Bench()
    bench.central.mark(NOW, proved=f"{NOW - 90 * SECOND}/{NOW - LOOKBACK_S * SECOND}")
    assert bench.rules() == []
    bench = Bench()
    bench.central.mark(NOW, proved=f"{NOW - 90 * SECOND}/{NOW - LOOKBACK_S * SECOND + 1}")
    assert bench.rules() == ["settled"]


def test_a_run_that_begins_upon_nothing_though_there_was_a_ledger_is_found() -> None:
    bench = Bench()
    bench.central.mark(NOW)
    assert bench.rules() == []
    later = time.time_ns() + 2 * LOADED_NS
    bench.central.mark(later, "b")
    assert bench.rules() == ["believed"]


def test_a_run_that_begins_upon_an_older_mark_is_found() -> None:
    bench = Bench()
    first = bench.central.mark(NOW)
    bench.central.mark(NOW + 1, base=first)
    bench.rules()
    bench.central.mark(time.time_ns() + 2 * LOADED_NS, "b", base=first)
    assert bench.rules() == ["believed"]


def test_a_run_that_begins_upon_what_stood_is_no_finding_nor_one_after_an_upheaval() -> None:
    bench = Bench()
    first = bench.central.mark(NOW)
    bench.rules()
    bench.central.mark(time.time_ns() + 2 * LOADED_NS, "b", base=first)
    assert bench.rules() == []
    with bench.upheavals.of([STREAM.bucket]):
        bench.central.marks.clear()
    bench.central.mark(time.time_ns() + 3 * LOADED_NS, "c")
    assert bench.rules() == []


def test_a_run_that_goes_on_upon_a_ledger_that_is_gone_is_found() -> None:
    bench = Bench()
    base = f"{NOW - 1}@a"
    for number in range(3):
        base = bench.central.mark(NOW + number * UNNOTICED_NS, base=base)
    assert bench.rules() == []  # so few may be on their way
    bench.central.mark(NOW + 3 * UNNOTICED_NS, base=base)
    assert bench.rules() == ["noticed"]
