"""How far a request is, by the stream's marks; and its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin.commands.comparison import coarser
from telegraf_plugin.commands.requests import Stage, look, open_request, progress_of, proof_from, short, told
from telegraf_plugin.commands.session import CentralAccess as RealDesk
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import END, NOTHING, Spans
from telegraf_plugin.telegraf.marks import request_line

SECOND = 1_000_000_000
STREAM = StreamDefinition("POD 8", "s,1", "data", "data", (), (), (), None, None, 300 * SECOND, ())
ASKED = Request("0123456789ab", Kind.BACKFILL, Spans.of([(0, 100)]), False, 1000)
REPAIR = Request("0123456789ab", Kind.REPAIR, Spans.of([(0, 100)]), False, 1000)


def mark(time: int, proved: Spans = NOTHING, request: str = "") -> Mark:
    return Mark(MarkId(time, "x"), None, STREAM.hash, 100, 100, proved, request=request)


@pytest.mark.parametrize(
    ("request_", "newest", "stage", "share"),
    [
        (ASKED, None, Stage.WAITING, 0.0),
        (ASKED, mark(999), Stage.WAITING, 0.0),
        (ASKED, mark(1001), Stage.RUNNING, 0.0),
        (ASKED, mark(1001, Spans.of([(50, 200)])), Stage.RUNNING, 0.5),
        (ASKED, mark(1001, request="0123456789ab"), Stage.DONE, 1.0),
        (REPAIR, mark(999, Spans.of([(0, 100)])), Stage.WAITING, 0.0),
        (REPAIR, mark(1001, Spans.of([(0, 100)])), Stage.WAITING, 0.0),
        (REPAIR, mark(1001, Spans.of([(0, 75)])), Stage.RUNNING, 0.75),
        (REPAIR, mark(1001, request="0123456789ab"), Stage.DONE, 1.0),
    ],
)
def test_how_far_it_is(request_: Request, newest: Mark | None, stage: Stage, share: float) -> None:
    found = progress_of(request_, newest)
    assert (found.stage, found.share) == (stage, share)
    assert request_.id in told(found)


def test_what_is_left_is_told_as_every_span_is() -> None:
    asked = Request(ASKED.id, Kind.BACKFILL, Spans.of([(0, 26 * 3600 * SECOND)]), False, 1000)
    assert told(progress_of(asked, mark(1001))).endswith(", 1 d 2 h yet to be proved")


def test_what_is_cancelled_or_done_is_not_open() -> None:
    cancelled = Request(ASKED.id, ASKED.kind, ASKED.spans, True, 1001)
    assert open_request(cancelled, mark(1002)) is None
    assert open_request(ASKED, mark(1002, request=ASKED.id)) is None
    assert open_request(None, mark(1002)) is None
    assert open_request(ASKED, mark(1002)) is not None


def test_its_line_has_the_streams_name_and_no_source_bucket() -> None:
    line = parse_line(request_line(STREAM, ASKED).decode().strip())
    assert line["measurement"] == "collector_request"
    assert line["tags"] == {"source": "POD 8", "stream": "s,1"}
    assert line["fields"] == {"id": ASKED.id, "kind": "backfill", "spans": "0/100", "cancelled": False}
    assert line["time"] == 1000


def test_a_repair_of_many_spans_is_rounded_until_it_is_short() -> None:
    hour = 3600 * SECOND
    many = Spans.of((n * hour, n * hour + 60 * SECOND) for n in range(1000))
    assert coarser(many, 2000) == many
    assert coarser(many, 200) == Spans.of([(0, 1000 * hour)])
    assert not many - coarser(many, 5)
    assert coarser(NOTHING, 5) == NOTHING


def test_what_a_mark_lists_has_left_for_central() -> None:
    newest = replace(
        mark(1001, Spans.of([(0, 10)])), sent=Spans.of([(10, 40)]), printed=Spans.of([(40, 60), (90, 200)])
    )
    found = progress_of(ASKED, newest)
    assert (round(found.share, 6), found.copied_share, found.as_of) == (0.1, 0.7, 1001)
    assert "70.0% copied, 10.0% proved as of 1970-01-01 00:00:00Z" in told(found)
    assert found.as_json()["copied_share"] == 0.7


def test_what_is_printed_soon_after_a_start_waits_for_a_lookback() -> None:
    found = progress_of(ASKED, replace(mark(1001), sent=Spans.of([(0, 100)])))
    lookback = 300 * SECOND
    assert proof_from(10 * SECOND, 0, lookback) == 310 * SECOND
    assert proof_from(300 * SECOND, 0, lookback) is None
    waiting = replace(found, proof_from=310 * SECOND)
    assert "all copied, waiting for its proof until 1970-01-01 00:05:10Z, 0.0% proved as of" in told(waiting)
    assert short(waiting) == "backfill all copied, waiting for its proof until 1970-01-01 00:05:10Z, 0.0% proved"


def test_what_is_not_all_is_never_called_so() -> None:
    request = Request("0123456789ab", Kind.BACKFILL, Spans.of([(0, 10**6)]), False, 1000)
    found = progress_of(request, mark(1001, Spans.of([(1, 10**6)])))
    assert "99.9% copied, 99.9% proved" in told(found)


class CentralAccess(RealDesk):
    """Central with these marks of the stream."""

    def __init__(self, *marks: Mark) -> None:
        self._all = marks

    def mark_ids(
        self, _bucket: str, start: int, _until: int = END
    ) -> Iterator[tuple[dict[StreamId, set[MarkId]], int, int]]:
        yield {STREAM.id: {each.id for each in self._all if each.id.time >= start}}, start, END

    def marks(self, _bucket: str, _name: StreamId, ids: Collection[MarkId]) -> list[Mark]:
        return [each for each in self._all if each.id in ids]


HALVES = Spans.of([(50, 100)]), Spans.of([(0, 50)])


def test_when_the_proof_may_begin_is_a_time_that_stands() -> None:
    """With every tick comes a mark, and none of them puts it off: what counts is what was printed of the request."""
    marks = [
        mark(0),
        replace(mark(5 * SECOND), printed=HALVES[0], sent=HALVES[0]),
        replace(mark(9 * SECOND), printed=HALVES[1], sent=Spans.of([(0, 100)])),
    ]
    for at in (20, 80, 140, 300):
        later = replace(mark(at * SECOND), printed=Spans.of([(900 + at, 960 + at)]), sent=Spans.of([(0, 100)]))
        marks.append(later)
    for number, expected in ((1, 305), (2, 309), (3, 309), (4, 309), (5, 309), (6, 309)):
        newest = marks[number]
        found = look(CentralAccess(*marks[: number + 1]), STREAM, progress_of(ASKED, newest), newest)
        assert found.proof_from == expected * SECOND
    proved = replace(marks[-1], proved=HALVES[1])
    found = look(CentralAccess(*marks), STREAM, progress_of(ASKED, proved), proved)
    assert found.proof_from == 305 * SECOND  # what is left was printed before


def test_another_runs_marks_say_nothing_of_this_one() -> None:
    another = replace(mark(100 * SECOND), id=MarkId(100 * SECOND, "another"), printed=Spans.of([(0, 100)]))
    newest = replace(mark(120 * SECOND), sent=Spans.of([(0, 100)]))
    found = look(CentralAccess(mark(90 * SECOND), another, newest), STREAM, progress_of(ASKED, newest), newest)
    assert found.proof_from is None


def test_what_is_empty_at_the_source_waits_for_nothing() -> None:
    newest = replace(mark(20 * SECOND), printed=Spans.of([(900, 960)]), sent=Spans.of([(0, 100)]))
    assert look(CentralAccess(mark(0), newest), STREAM, progress_of(ASKED, newest), newest).proof_from is None


def test_long_after_a_start_nothing_is_looked_up() -> None:
    class Old(CentralAccess):
        def marks(self, *_: object) -> list[Mark]:
            raise AssertionError

    newest = replace(mark(600 * SECOND), printed=Spans.of([(0, 100)]), sent=Spans.of([(0, 100)]))
    assert look(Old(mark(0), newest), STREAM, progress_of(ASKED, newest), newest).proof_from is None
    for stage in (mark(1001, request=ASKED.id), None):
        assert look(Old(mark(0)), STREAM, progress_of(ASKED, stage), stage).proof_from is None
