"""Counts of many streams by one Flux query: of one count by tags each stream finds its own row (decision 0089).

As with statements of InfluxQL (`bundle`) a question does not know of it: what was not foreseen, or not answered, is
asked alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from telegraf_plugin.errors import SourceError, TransientError
from telegraf_plugin.influxdb.awaited import Awaited, AwaitedAnswers
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.influxdb.flux import Query, together
from telegraf_plugin.influxdb.rows import ReplyRow, read_rows, whole_number

MANY = 8
"""From so many counts on one for all streams of a bucket is asked in place of theirs: it counts those as well that
nobody asks about."""
MAX_COUNTS = 20
"""Of one query: the server begins with all of them at once."""
MAX_BYTES = 256 * 1024
"""Of a reply; a row of one takes some 60."""


class ForeseenCount(NamedTuple):
    """A count that is about to be asked for by Flux.

    With `tags` it is the sum of those rows that have them of `whole`, which counts by these tags.
    """

    query: Query
    whole: Query | None = None
    tags: tuple[tuple[str, str], ...] = ()


_Count = Awaited[ForeseenCount, int]


class Counts:
    """What several questions are about to count by Flux, and the numbers; one thread's at a time."""

    def __init__(self) -> None:
        self._counts: AwaitedAnswers[ForeseenCount, int] = AwaitedAnswers()

    def add(self, foreseen: ForeseenCount) -> None:
        """Note what is about to be counted."""
        self._counts.add(foreseen.query.text, foreseen)

    def ask(self, client: QueryClient) -> None:
        """Ask for all of them. Raises TransientError, behind which nothing more is asked."""
        asked = list(self._asked())
        if len(self._counts) < 2:
            return
        for at in range(0, len(asked), MAX_COUNTS):
            some = asked[at : at + MAX_COUNTS]
            try:
                rows: list[list[ReplyRow]] = [[] for _ in some]
                for row in read_rows(client.query(together([query for query, _ in some], MAX_BYTES))):
                    rows[whole_number(row, "result")].append(row)
                told = [_told(own, found) for (_, own), found in zip(some, rows, strict=True)]
            except TransientError:
                raise
            except (SourceError, LookupError):  # one ends all: whose it is each finds out alone
                continue
            for (_, own), numbers in zip(some, told, strict=True):
                for count, number in zip(own, numbers, strict=True):
                    count.told = number

    def knows(self, query: Query) -> bool:
        """Say whether `query` was foreseen, and has no answer."""
        return self._counts.knows(query.text)

    def answer(self, query: Query) -> int | None:
        """Return the number; None where it is not known."""
        return self._counts.take(query.text)

    def _asked(self) -> Iterator[tuple[Query, list[_Count]]]:
        """Yield each query that is sent, with the counts that it tells."""
        wholes: dict[str, list[_Count]] = {}
        for count in self._counts.all():
            wholes.setdefault((count.asked.whole or count.asked.query).text, []).append(count)
        for own in wholes.values():
            whole = own[0].asked.whole
            if whole is not None and len(own) >= MANY:
                yield whole, own
                continue
            for count in own:
                count.asked = ForeseenCount(count.asked.query)
                yield count.asked.query, [count]


def _told(counts: list[_Count], rows: list[ReplyRow]) -> list[int]:
    """Return the number of each of `counts` by `rows`, those of one result. Raises BadReply."""
    if not counts[0].asked.tags:
        return [sum(map(whole_number, rows))]
    by_tag: dict[tuple[str, str], list[ReplyRow]] = {}
    keys = {key for count in counts for key, _ in count.asked.tags}  # a stream may lack one that others have
    for row in rows:
        for key in keys:
            by_tag.setdefault((key, row.get(key, "")), []).append(row)
    numbers = []
    for count in counts:
        first, *others = count.asked.tags
        mine = (row for row in by_tag.get(first, ()) if all(row.get(key, "") == value for key, value in others))
        numbers.append(sum(map(whole_number, mine)))
    return numbers
