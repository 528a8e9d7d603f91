"""What was written to a source and when the source acknowledged it, and what that promises of central.

A point of time t, as it was last acknowledged by t + lookback, is promised by proof: where a mark calls its time
proved, central has it, or what was written over it later. What was acknowledged later than that, only the sweep finds;
and what was never acknowledged may be at the source, or not, or be there and then be gone (a source that is killed
takes back what it showed): central may have it and may lack it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.chaos.collector import TAGS
from lab.chaos.lines import Line
from lab.expect import tag_mapper
from lab.points import FieldType, Point

Series = tuple[str, frozenset[tuple[str, str]], str]
"""Measurement, tags as central has them, field."""
Key = tuple[int, int]
"""A series' number in its journal, and a time in ns since 1970 UTC."""
Value = tuple[FieldType, str]
FOREVER = 2**63


@dataclass(eq=False)
class Batch:
    """One request to a source: when it was sent and when it ended (ns since 1970 UTC, 0: not yet)."""

    sent_ns: int
    ended_ns: int = 0
    acknowledged: bool = False

    def end(self, acknowledged: bool) -> None:
        """Take note of the answer; anything but a success leaves open whether it was done."""
        self.acknowledged = acknowledged
        self.ended_ns = time.time_ns()


Write = tuple[Batch, Value]


class Journal:
    """Everything that was sent to one stream's bucket, as central has to hold it. Safe to use from several threads.

    `lookback_ns`: how late a point may be acknowledged to be promised by proof. `seen_ns`: when the collector first
    looked (ns since 1970 UTC); what was acknowledged by then is promised however old it is.
    """

    def __init__(
        self,
        source: str,
        bucket: str,
        measurements: Sequence[str] = (),
        exclude_fields: Sequence[str] = (),
        lookback_ns: int = 0,
    ) -> None:
        """`measurements` empty: all of them."""
        self.lookback_ns = lookback_ns
        self.seen_ns = 0
        self._measurements = measurements
        self._exclude_fields = exclude_fields
        self._mapped = tag_mapper(source, bucket, TAGS)
        self._series: dict[Series, int] = {}
        self._names: list[Series] = []  # by their numbers
        self._writes: dict[Key, list[Write]] = {}
        self._lock = threading.Lock()

    def expected(self, points: Iterable[Point]) -> Iterator[Point]:
        """A source's points as central has to hold them, without those that the stream does not select."""
        for point in points:
            selected = not self._measurements or point.measurement in self._measurements
            if selected and point.field not in self._exclude_fields:
                yield point._replace(tags=self._mapped(point.tags, point.field))

    def send(self, lines: Iterable[Line]) -> Batch:
        """Take note of what is about to be sent; the caller ends the batch."""
        batch = Batch(time.time_ns())
        with self._lock:
            for line in lines:
                for point in self.expected(line.points()):
                    name = (point.measurement, point.tags, point.field)
                    if name not in self._series:
                        self._names.append(name)
                        self._series[name] = len(self._series)
                    number = self._series[name]
                    writes = self._writes.setdefault((number, point.time_ns), [])
                    writes.append((batch, value_of(point)))
        return batch

    def key(self, point: Point) -> Key:
        """The key of a point of central's; one of no series that was ever written has a number of -1."""
        return self._series.get((point.measurement, point.tags, point.field), -1), point.time_ns

    def series(self, key: Key) -> Series:
        """The series of a key."""
        return self._names[key[0]]

    def name(self, key: Key, value: Value) -> Point:
        """The point of this key, with `value`."""
        measurement, tags, field = self._names[key[0]]
        return Point(measurement, tags, field, *value, key[1])

    def items(self) -> list[tuple[Key, list[Write]]]:
        """All keys with their writes, the first first, as they are now."""
        with self._lock:
            return list(self._writes.items())

    def promised(self, key: Key, writes: Sequence[Write], whenever: bool = False) -> int | None:
        """Which of a key's writes is promised: none of those before it may be there. None: the point may be missing.

        With `whenever` that is the last one acknowledged, however late it was.
        """
        until = FOREVER if whenever else max(key[1] + self.lookback_ns, self.seen_ns)
        for number in range(len(writes) - 1, -1, -1):
            batch = writes[number][0]
            if batch.acknowledged and batch.ended_ns <= until:
                return number
        return None


def value_of(point: Point) -> Value:
    """A point's type and value, the same for the same: what wrote a float and what reads it differ in their zeros."""
    return point.type, repr(float(point.value)) if point.type is FieldType.FLOAT else point.value
