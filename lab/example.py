"""`Example`: a site whose central has what a collector left there in two weeks, with an outage, a gap and held points.

Nothing is copied: marks and metrics are written as the plugin writes them, so that what reads them has a day of figures
and a fortnight of ledger at once. For pictures in the documents, and for tests of what reads them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.engines import REPOSITORY
from lab.site import Site
from telegraf_plugin.config.load import load
from telegraf_plugin.stream import names
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from telegraf_plugin.stream.units import DAY, HOUR, MINUTE, SECOND
from telegraf_plugin.telegraf.marks import mark_line
from telegraf_plugin.telegraf.metrics import Fields, point

EVERY = 5 * MINUTE
AWAY = 11 * HOUR, 9 * HOUR
"""How long ago POD-30's pods went away and came back."""
HELD = FieldKey(b"electric_current", b"current", FieldType.FLOAT)
REFUSED = "refused: it is float here and integer in central (422, field type conflict)"
HELD_POINTS = 1834


@dataclass
class Example:
    """Writes the example into central of `site`, as of `now` (Unix ns)."""

    site: Site
    environment: dict[str, str]
    now: int

    def write(self) -> None:
        """Write all of it. Raises HttpRefused."""
        streams = {
            stream.bucket: stream for stream in load(REPOSITORY / "config/queries.yaml", self.environment).streams
        }
        buckets = self.site.buckets
        for bucket, origin, lacking, held in (
            (buckets.telegraf, self.now - 30 * DAY, NOTHING, NOTHING),
            (buckets.pods, self.now - 9 * DAY - 5 * HOUR, NOTHING, NOTHING),
            (buckets.power, self.now - 12 * DAY, self.gaps(), span(self.now - 52 * HOUR, self.now - 43 * HOUR)),
        ):
            mark = self._mark(streams[bucket], origin, lacking, held)
            self.site.central.write(bucket, mark_line(streams[bucket], mark))
        lines = [b"".join(self._day(streams[bucket])) for bucket in (buckets.telegraf, buckets.pods, buckets.power)]
        lines.append(self._held(streams[buckets.power]))
        lines.append(self._dropped(streams[buckets.telegraf]))
        self.site.central.write(buckets.metrics, b"".join(lines))

    def gaps(self) -> Spans:
        """Return what of POD-30's power was never copied: the source, which keeps it for a week, lost the older one."""
        hour = self.now - self.now % HOUR
        return Spans.of([(hour - 9 * DAY, hour - 9 * DAY + 6 * HOUR), (hour - 31 * HOUR, hour - 27 * HOUR)])

    def _mark(self, stream: StreamDefinition, origin: int, lacking: Spans, held: Spans) -> Mark:
        return Mark(
            id=MarkId(self.now - 20 * SECOND, "example"),
            base=None,
            definition=stream.hash,
            origin=origin,
            began=origin,
            proved=span(origin, self.now - 6 * MINUTE) - lacking,
            held={HELD: held} if held else {},
            sent=span(self.now - 7 * MINUTE, self.now - 20 * SECOND),
        )

    def _day(self, stream: StreamDefinition) -> Iterator[bytes]:
        """Yield what the collector said of a stream in a day."""
        tags = {
            "source": stream.source,
            "stream": stream.name,
            "bucket": stream.bucket,
            "central_bucket": stream.central_bucket,
        }
        newest = self.now - 15 * SECOND
        for age in range(0, DAY, EVERY):
            fields = self._fields(stream, age)
            if age == 0:
                power = stream.bucket == self.site.buckets.power
                fields["proved_up_to"] = self.gaps().parts[0][0] if power else newest - 6 * MINUTE
            yield point(names.STREAM, tags, fields, newest - age)

    def _fields(self, stream: StreamDefinition, age: int) -> Fields:
        """Return what was said of a stream so long (ns) ago."""
        pods, power = stream.bucket == self.site.buckets.pods, stream.bucket == self.site.buckets.power
        wave = math.sin(age / DAY * 2 * math.pi) * 0.2 + math.sin(age / HOUR) * 0.06
        rate = {True: 380, False: 610}[pods] if not power else 190
        lag, left, sent = 5.0 + age // EVERY % 7, 0.0, rate * (1 + wave) * EVERY / SECOND
        if pods and AWAY[1] <= age < AWAY[0]:
            lag = left = (AWAY[0] - age) / SECOND
            sent = 0.0
        elif pods and AWAY[1] - 20 * MINUTE <= age < AWAY[1]:
            left = (age - AWAY[1] + 20 * MINUTE) / SECOND * 5
            sent *= 6
        elif power:
            left = 4 * 3600.0
        fields: Fields = {
            "healthy": int(not power),
            "failures_in_a_row": 0,
            "interval_seconds": 60.0,
            "max_lag_seconds": 180.0,
            "lag_seconds": lag,
            "left_seconds": left,
            "points_sent": int(sent),
            "held": HELD_POINTS if power else 0,
            "extras": 0,
        }
        if power:
            fields |= {"last_error": f"central lacks {HELD_POINTS} points of it for good: {REFUSED}"}
            fields |= {"to_go_seconds": 40.0, "backlog_points_per_second": 61_000.0, "time_to_loss_seconds": 492_000.0}
        return fields

    def _held(self, stream: StreamDefinition) -> bytes:
        tags = {"source": stream.source, "stream": stream.name, "measurement": HELD.measurement.decode()}
        fields: Fields = {"type": HELD.type.value, "points": HELD_POINTS, "reason": REFUSED}
        return point(names.HELD, tags | {"held_field": HELD.field.decode()}, fields, self.now - 15 * SECOND)

    def _dropped(self, stream: StreamDefinition) -> bytes:
        tags = {"source": stream.source, "stream": stream.name, "reason": "reserved_name"}
        fields: Fields = {"points_total": 12, "example": "cpu,host=POD-8 time"}
        return point(names.DROPPED, tags, fields, self.now - 15 * SECOND)
