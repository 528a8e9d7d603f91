"""What is said when a stream is copied in another form: which points stand in central in both."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.spans import NOTHING, Spans
from telegraf_plugin.stream.task_state import both_forms

ORIGIN = 1_000_000_000
RECENT = "; points of [1970-01-01T00:00:02Z, 1970-01-01T00:00:09Z) were sent already, and may stand there in both forms"
OLDER = (
    "; points of [1970-01-01T00:00:00Z, 1970-01-01T00:00:01Z) were sent by a backfill, and may stand there in both"
    " forms if it goes on"
)


def spans(*parts: tuple[int, int]) -> Spans:
    return Spans.of((start * ORIGIN, stop * ORIGIN) for start, stop in parts)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (NOTHING, ""),
        (spans((2, 4), (8, 9)), RECENT),
        (spans((0, 1)), OLDER),
        (spans((0, 1), (2, 9)), RECENT + OLDER),
    ],
)
def test_recent_points_and_those_of_a_backfill_are_told_apart(sent: Spans, said: str) -> None:
    assert both_forms(sent, ORIGIN) == said
