"""How far a request is, by the stream's marks; and its line."""

from __future__ import annotations

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin.commands.comparison import coarser
from telegraf_plugin.commands.requests import Stage, open_request, standing, told
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.request import Kind, Request
from telegraf_plugin.stream.spans import NOTHING, Spans
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
    found = standing(request_, newest)
    assert (found.stage, found.share) == (stage, share)
    assert request_.id in told(found)


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
