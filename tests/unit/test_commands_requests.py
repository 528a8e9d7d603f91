"""How far a request is, by the stream's marks; and its line."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from line_protocol_parser import parse_line

from telegraf_plugin.commands.comparison import coarser
from telegraf_plugin.commands.desk import Desk as RealDesk
from telegraf_plugin.commands.requests import Stage, look, open_request, proof_from, short, standing, told
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


def test_what_a_mark_lists_has_left_for_central() -> None:
    newest = replace(
        mark(1001, Spans.of([(0, 10)])), sent=Spans.of([(10, 40)]), printed=Spans.of([(40, 60), (90, 200)])
    )
    found = standing(ASKED, newest)
    assert (round(found.share, 6), found.copied_share, found.as_of) == (0.1, 0.7, 1001)
    assert "70.0% copied, 10.0% proved as of 1970-01-01 00:00:00Z" in told(found)
    assert found.as_json()["copied_share"] == 0.7


def test_what_is_printed_soon_after_a_start_waits_for_a_lookback() -> None:
    found = standing(ASKED, replace(mark(1001), sent=Spans.of([(0, 100)])))
    lookback = 300 * SECOND
    assert proof_from(found, 10 * SECOND, 0, lookback) == 310 * SECOND
    assert proof_from(found, 300 * SECOND, 0, lookback) is None
    all_proved = standing(ASKED, mark(1001, Spans.of([(0, 100)])))
    assert proof_from(all_proved, 10 * SECOND, 0, lookback) is None
    waiting = replace(found, proof_from=310 * SECOND)
    assert "all copied, waiting for its proof until 1970-01-01 00:05:10Z, 0.0% proved as of" in told(waiting)
    assert short(waiting) == "backfill all copied, waiting for its proof until 1970-01-01 00:05:10Z, 0.0% proved"


def test_what_is_not_all_is_never_called_so() -> None:
    request = Request("0123456789ab", Kind.BACKFILL, Spans.of([(0, 10**6)]), False, 1000)
    found = standing(request, mark(1001, Spans.of([(1, 10**6)])))
    assert "99.9% copied, 99.9% proved" in told(found)


class Desk:
    """Where the collector's run began, for `look`."""

    def run_began(self, _stream: StreamDefinition, _mark: Mark) -> int:
        return 0


def test_between_two_looks_it_is_known_since_when_all_is_copied() -> None:
    desk = cast(RealDesk, Desk())
    at_5 = replace(mark(5 * SECOND), sent=Spans.of([(0, 50)]))
    first = look(desk, STREAM, standing(ASKED, at_5), at_5, None)
    assert (first.copied_at, first.proof_from) == (5 * SECOND, 305 * SECOND)
    at_9 = replace(mark(9 * SECOND), sent=Spans.of([(0, 100)]))
    second = look(desk, STREAM, standing(ASKED, at_9), at_9, first)
    assert (second.copied_at, second.proof_from) == (9 * SECOND, 309 * SECOND)
    at_20 = replace(at_9, id=MarkId(20 * SECOND, "x"))
    third = look(desk, STREAM, standing(ASKED, at_20), at_20, second)
    assert (third.copied_at, third.proof_from) == (9 * SECOND, 309 * SECOND)
    late = replace(mark(302 * SECOND, Spans.of([(0, 40)])), sent=Spans.of([(40, 100)]))
    grown = look(desk, STREAM, standing(ASKED, late), late, replace(third, copied=Spans.of([(0, 90)])))
    assert grown.proof_from == 309 * SECOND  # what was copied before still waits
