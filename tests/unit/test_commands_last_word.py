"""The collector's last word of a stream is its newest one that is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from telegraf_plugin.commands.last_word import newest_metrics
from telegraf_plugin.stream.definition import StreamId

NAME = StreamId("POD-8", "telegraf")


class Central:
    """Says those fields of one stream's points."""

    def __init__(self, *said: tuple[int, str, str]) -> None:
        self._said = said

    def stream_metrics(self, _span: tuple[int, int]) -> Iterator[tuple[StreamId, int, str, str]]:
        yield from ((NAME, *each) for each in self._said)


def words(*said: tuple[int, str, str]) -> dict[StreamId, Any]:
    return newest_metrics(cast(Any, Central(*said)), 10)


def test_the_newest_word_counts_and_nothing_of_an_older_one() -> None:
    [metrics] = words((5, "healthy", "0"), (5, "last_error", "why"), (6, "healthy", "1"), (6, "lag", "2")).values()
    assert (metrics.time, dict(metrics.fields)) == (6, {"healthy": "1", "lag": "2"})


def test_one_that_is_still_being_written_does_not() -> None:
    [metrics] = words((5, "healthy", "1"), (5, "lag", "2"), (6, "lag", "3")).values()
    assert (metrics.time, metrics.fields["healthy"]) == (5, "1")


def test_nothing_whole_is_no_word() -> None:
    assert words((6, "lag", "3")) == {}
