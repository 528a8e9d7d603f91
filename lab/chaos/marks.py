"""The marks of the collector's ledger as they stand in central, read by a second hand, and which of them is believed.

A mark is believed when it stands on marks all of which are in central: it names the one it stands on (`base`), that
one names its own, and the first of them names none.

What a mark calls proved it does not say of what it lists as `held`: there both sides differ, and it says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.chaos.spans import SpanList
from lab.influxd import InfluxServer

LEDGER = "collector_ledger"
_FIELDS = ("id", "base", "proved", "held")


@dataclass(frozen=True)
class Mark:
    """One mark: `id` and `base` as they are written, `<ns since 1970 UTC>@<run>`; `proved` spans of time.

    `held`: spans in which a measurement's field is not proved.
    """

    id: str
    base: str
    proved: SpanList
    held: Mapping[tuple[str, str], SpanList] = field(default_factory=dict)

    def proves(self, measurement: str, name: str, time_ns: int) -> bool:
        """True when the mark calls a point of this field proved."""
        held = self.held.get((measurement, name))
        return time_ns in self.proved and (held is None or time_ns not in held)

    @property
    def time_ns(self) -> int:
        """When it was made, by the collector's clock."""
        return int(self.id.partition("@")[0])

    @property
    def run(self) -> str:
        """Which run of the plugin made it."""
        return self.id.partition("@")[2]


class Ledger:
    """The marks of one stream that were in central at one instant."""

    def __init__(self, marks: Mapping[str, Mark]) -> None:
        """`marks` by their ids."""
        self.marks = dict(marks)
        self._stands: dict[str, bool] = {}

    def stands(self, mark: Mark) -> bool:
        """True when the mark stands on marks that are all there."""
        chain = []
        at: Mark | None = mark
        while at is not None and at.id not in self._stands and at.id not in chain:
            chain.append(at.id)
            if not at.base:
                break
            at = self.marks.get(at.base)
        known = at is not None and (not at.base or self._stands.get(at.id, False))
        self._stands.update(dict.fromkeys(chain, known))
        return known

    @property
    def believed(self) -> Mark | None:
        """The newest mark that stands: what a collector that starts now goes on from."""
        by_time = sorted(self.marks.values(), key=lambda mark: (mark.time_ns, mark.run), reverse=True)
        return next((mark for mark in by_time if self.stands(mark)), None)

    def unfounded(self, run: str) -> list[Mark]:
        """The run's newest marks, newest first, each on the next, that stand on one that is not there."""
        newest = max((mark for mark in self.marks.values() if mark.run == run), key=lambda mark: mark.time_ns)
        if self.stands(newest):
            return []
        found = [newest]
        while (base := self.marks.get(found[-1].base)) is not None and base.run == run and base not in found:
            found.append(base)
        return found


def read_ledgers(server: InfluxServer, bucket: str) -> dict[str, Ledger]:
    """The ledgers in a bucket, by the stream's source. Raises what the server's errors raise, ValueError for a mark."""
    wanted = " or ".join(f'r._field == "{name}"' for name in _FIELDS)
    flux = f'r._measurement == "{LEDGER}" and ({wanted})'
    fields: dict[tuple[str, int], dict[str, str]] = {}
    for point in server.filtered_points(bucket, flux):
        fields.setdefault((point.tag("source") or "", point.time_ns), {})[point.field] = point.value
    marks: dict[str, dict[str, Mark]] = {}
    for (source, _), row in fields.items():
        if len(row) == len(_FIELDS):  # one that is being written or deleted may be there in part
            proved, held = SpanList.parse(row["proved"]), read_held(row["held"])
            marks.setdefault(source, {})[row["id"]] = Mark(row["id"], row["base"], proved, held)
    return {source: Ledger(found) for source, found in marks.items()}


def read_held(text: str) -> dict[tuple[str, str], SpanList]:
    """What stands in a mark's `held`: measurement, field, type and spans of each. Raises ValueError."""
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for measurement, name, _kind, listed in json.loads(text or "[]"):
        spans.setdefault((measurement, name), []).extend(SpanList.parse(listed).parts)
    return {of: SpanList(parts) for of, parts in spans.items()}
