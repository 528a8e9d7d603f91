"""Time spans that one query may read whole: none crosses the end of a shard group. Pure.

A query over two shard groups in which a field has different types leaves one type out without a word (docs/engines.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from telegraf_plugin.stream.units import HOUR, SECOND

"""In ns. Shard groups last a whole number of hours unless somebody chose otherwise, and one that was begun keeps its
end when the bucket's duration is changed: so every full hour may be the end of one."""

# Go's time.Truncate, by which InfluxDB lays out shard groups, counts from 0001-01-01 UTC: groups of 7 days begin on
# Mondays.
_ZERO = -62_135_596_800 * SECOND


def group_start(time: int, shard_group: int) -> int:
    """Return where the shard group that holds `time` begins; all in ns."""
    return time - (time - _ZERO) % shard_group


def cut(start: int, stop: int, groups: Collection[int], every: int = 1) -> Iterator[tuple[int, int]]:
    """Yield [start, stop) in order and without gaps, cut at every full hour and at the ends of shard groups.

    All in Unix ns. `groups` are the durations of the shard groups on both sides; `every` is an aggregate's window:
    there is no cut inside of one.
    """
    while start < stop:
        end = stop
        for step in {HOUR, *groups}:
            boundary = group_start(start, step) + step
            while boundary < end and boundary % every:
                boundary += step
            end = min(end, boundary)
        yield start, end
        start = end


def newest(start: int, stop: int, groups: Collection[int], every: int = 1, longest: int = HOUR) -> tuple[int, int]:
    """Return the last span that `cut` would yield, or the end of it, `longest` ns of it at the most."""
    begin = max(start, (stop - longest) // every * every if longest < stop - start else start)
    if begin >= stop:
        begin = max(start, stop - every)
    for step in {HOUR, *groups}:
        boundary = group_start(stop - 1, step)
        while boundary > begin and boundary % every:
            boundary -= step
        begin = max(begin, boundary)
    return begin, stop
