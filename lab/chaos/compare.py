"""All points of both sides as sets: what is lost, doubled or wrong in central.

In: a source's points, mapped as the README promises, and central's. Out: a `Comparison`. One side is held in memory,
by series and time; the other streams by.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from lab.chaos.collector import STREAMS, CopiedStream
from lab.expect import tag_mapper
from lab.influxd import InfluxServer
from lab.points import FieldType, Point
from lab.site import POD_8, Site

LEDGER = "collector_ledger"  # the collector's book-keeping, in the buckets of the data
EXAMPLES = 3
# What a Flux range can reach, in ns since 1970 UTC.
_BEGINNING = -9_223_372_036_854_775_806
_END = 9_223_372_036_854_775_805


@dataclass
class Comparison:
    """Points of both sides, and what tells them apart: numbers, and some examples by the same name."""

    at_source: int = 0
    in_central: int = 0
    lost: int = 0  # in the source, not in central
    doubled: int = 0  # in central, of no source point
    wrong: int = 0  # in both, with another value or type
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """True when both sides hold the same."""
        return not (self.lost or self.doubled or self.wrong)

    def add(self, other: Comparison) -> None:
        """Take in another part's numbers, and its examples."""
        self.at_source += other.at_source
        self.in_central += other.in_central
        self.lost += other.lost
        self.doubled += other.doubled
        self.wrong += other.wrong
        for name, lines in other.examples.items():
            self.examples.setdefault(name, []).extend(lines)

    def note(self, name: str, line: str) -> None:
        """Keep an example, while there are few."""
        lines = self.examples.setdefault(name, [])
        if len(lines) < EXAMPLES:
            lines.append(line)


def expected(
    points: Iterable[Point],
    source: str,
    bucket: str,
    measurements: Collection[str] = (),
    exclude_fields: Collection[str] = (),
) -> Iterator[Point]:
    """A source's points as central has to hold them; `measurements` empty: all of them."""
    mapped = tag_mapper(source, bucket)
    for point in points:
        if point.field not in exclude_fields and (not measurements or point.measurement in measurements):
            yield point._replace(tags=mapped(point.tags, point.field))


def compare(wanted: Iterable[Point], found: Iterable[Point]) -> Comparison:
    """Compare the points that central has to hold with those it holds; the ledger is left out."""
    result = Comparison()
    series: dict[tuple[str, frozenset[tuple[str, str]], str], int] = {}
    open_points: dict[tuple[int, int], tuple[FieldType, str]] = {}
    for point in wanted:
        number = series.setdefault((point.measurement, point.tags, point.field), len(series))
        open_points[number, point.time_ns] = point.type, point.value
        result.at_source += 1
    if len(open_points) != result.at_source:
        raise ValueError("two source points are one in central: the comparison would mean nothing")
    for point in found:
        if point.measurement == LEDGER:
            continue
        result.in_central += 1
        number = series.get((point.measurement, point.tags, point.field), -1)
        value = open_points.pop((number, point.time_ns), None)
        if value is None:
            result.doubled += 1
            result.note("doubled", str(point))
        elif value != (point.type, point.value):
            result.wrong += 1
            result.note("wrong", f"{point}, at the source {value[1]!r} ({value[0].name.lower()})")
    result.lost = len(open_points)
    names = {number: name for name, number in series.items()} if open_points else {}
    for (number, time_ns), (kind, text) in list(open_points.items())[:EXAMPLES]:
        measurement, tags, field_name = names[number]
        result.note("lost", str(Point(measurement, tags, field_name, kind, text, time_ns)))
    return result


def everything(server: InfluxServer, bucket: str, start_ns: int, stop_ns: int) -> Iterator[Point]:
    """All points of a bucket, of all times; there should be none before `start_ns` or from `stop_ns` on.

    Only between the two (ns since 1970 UTC) are points found whose field changes its type: there one query reads one
    shard group, and the whole of time has too many.
    """
    yield from server.points_at_once(bucket, _BEGINNING, start_ns)
    yield from server.iter_points(bucket, start_ns, stop_ns)
    yield from server.points_at_once(bucket, stop_ns, _END)


def compare_site(
    site: Site, start_ns: int, stop_ns: int, done: Callable[[str, Comparison], None] | None = None
) -> Comparison:
    """All streams of the site; `done` is told each one's part. Raises OSError, HttpRefused and BadReply."""
    total = Comparison()
    for stream in STREAMS:
        part = compare_stream(site, stream, start_ns, stop_ns)
        if done is not None:
            done(stream.bucket, part)
        total.add(part)
    return total


def compare_stream(site: Site, stream: CopiedStream, start_ns: int, stop_ns: int) -> Comparison:
    """One stream: its source bucket against central's bucket of the same name."""
    server = site.pod_8 if stream.source == POD_8 else site.pod_30
    held = everything(server, stream.bucket, start_ns, stop_ns)
    wanted = expected(held, stream.source, stream.bucket, stream.measurements, stream.exclude_fields)
    return compare(wanted, everything(site.central, stream.bucket, start_ns, stop_ns))
