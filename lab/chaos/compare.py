"""What a journal promises against the points of one side: what is lost, doubled or wrong.

In: a `Journal` and points, of central or of the source as central has to hold them. Out: a `Comparison`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lab.chaos.journal import Journal, Key, Value, Write, value_of
from lab.chaos.marks import Mark
from lab.influxd import InfluxServer
from lab.points import Point

OWN = "collector_"  # the collector's book-keeping, in the buckets of the data
EXAMPLES = 3
# What a Flux range can reach, in ns since 1970 UTC.
_BEGINNING = -9_223_372_036_854_775_806
_END = 9_223_372_036_854_775_805


@dataclass
class Comparison:
    """What was acknowledged and is promised, and what is there: numbers, and some examples by the same name."""

    promised: int = 0
    there: int = 0
    lost: int = 0  # promised, and not there
    doubled: int = 0  # there, and never written
    wrong: int = 0  # there, with a value or type older than the promised one, or one that was never written
    taken_back: int = 0  # there, and no write of it was acknowledged: no fault
    later: int = 0  # there or not, and the last write of it came too late to be promised, and is not there: no fault
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """True when all that is promised is there, and nothing that cannot be."""
        return not (self.lost or self.doubled or self.wrong)

    def add(self, other: Comparison) -> None:
        """Take in another part's numbers, and its examples."""
        for name in ("promised", "there", "lost", "doubled", "wrong", "taken_back", "later"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, lines in other.examples.items():
            self.examples.setdefault(name, []).extend(lines)

    def note(self, name: str, line: str) -> None:
        """Keep an example, while there are few."""
        lines = self.examples.setdefault(name, [])
        if len(lines) < EXAMPLES:
            lines.append(line)

    def __str__(self) -> str:
        return (
            f"{self.promised} points promised, {self.there} there, {self.lost} lost, {self.doubled} doubled,"
            f" {self.wrong} wrong"
        )


def compare(journal: Journal, found: Iterable[Point], mark: Mark | None = None, whenever: bool = False) -> Comparison:
    """Compare what `journal` promises with the points `found`, which have to be read by now; the ledger is left out.

    With `mark` only what it calls proved counts. With `whenever` all that was acknowledged is promised, however late it
    was: so it is at the source itself.
    """
    result = Comparison()
    values: dict[tuple[int, int], Value] = {}
    for point in found:
        if point.measurement.startswith(OWN):
            continue
        if mark is not None and not mark.proves(point.measurement, point.field, point.time_ns):
            continue
        result.there += 1
        key = journal.key(point)
        if key[0] < 0 or key in values:
            result.doubled += 1
            result.note("doubled", str(point))
        else:
            values[key] = value_of(point)
    # After the points: what was written while they were read is known here as well.
    for key, writes in journal.items():
        if mark is not None and not proves(mark, journal, key):
            continue
        promised = journal.promised(key, writes, whenever)
        value = values.pop(key, None)
        result.promised += promised is not None
        if value is None:
            if promised is not None:
                result.lost += 1
                result.note("lost", f"{journal.name(key, writes[promised][1])}, {_history(key[1], writes)}")
            else:
                result.later += any(batch.acknowledged for batch, _ in writes)
            continue
        last = max((number for number, (_, written) in enumerate(writes) if written == value), default=-1)
        if last < (promised or 0):
            result.wrong += 1
            result.note("wrong", f"{journal.name(key, value)}, {_history(key[1], writes)}")
        elif not any(batch.acknowledged for batch, _ in writes):
            result.taken_back += 1
        elif any(batch.acknowledged for batch, _ in writes[last + 1 :]):
            result.later += 1
    for (number, time_ns), value in values.items():
        result.doubled += 1
        result.note("doubled", f"{journal.name((number, time_ns), value)}, which was never written")
    return result


def proves(mark: Mark, journal: Journal, key: Key) -> bool:
    """True when `mark` calls the points of this key proved."""
    measurement, _, name = journal.series(key)
    return mark.proves(measurement, name, key[1])


def _history(time_ns: int, writes: Sequence[Write]) -> str:
    """What was written to one key, and how long after its time that ended (s)."""
    told = []
    for batch, (kind, value) in writes:
        after = f"after {(batch.ended_ns - time_ns) / 1e9:.3f} s" if batch.ended_ns else "not answered yet"
        told.append(f"{value!r} ({kind.name.lower()}) {'acknowledged' if batch.acknowledged else 'failed'} {after}")
    return "written: " + "; ".join(told)


def everything(server: InfluxServer, bucket: str, start_ns: int, stop_ns: int) -> Iterator[Point]:
    """All points of a bucket, of all times; there should be none before `start_ns` or from `stop_ns` on.

    Only between the two (ns since 1970 UTC) are points found whose field changes its type: there one query reads one
    shard group, and the whole of time has too many.
    """
    yield from server.points_at_once(bucket, _BEGINNING, start_ns)
    yield from server.iter_points(bucket, start_ns, stop_ns)
    yield from server.points_at_once(bucket, stop_ns, _END)
