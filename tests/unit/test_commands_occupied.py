"""Empty time is found by halving, and nothing that is not empty is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.commands.comparison import EMPTY, occupied
from telegraf_plugin.stream.spans import Span, Spans

HOUR = 3600 * 1_000_000_000
YEARS = 10 * 365 * 24 * HOUR


@given(st.lists(st.integers(0, YEARS - 1), max_size=6), st.sampled_from([1, HOUR, 7 * HOUR, 50 * HOUR]))
def test_every_point_is_within_a_part_and_the_rest_is_a_few_questions(points: list[int], every: int) -> None:
    asked: list[Span] = []

    def exists(whole: Span) -> bool:
        asked.append(whole)
        return any(whole[0] <= point < whole[1] for point in points)

    parts = list(occupied((0, YEARS), every, exists))
    found = Spans.of(parts)
    assert all(found.covers((point, point + 1)) for point in points)
    assert parts == sorted(parts)
    assert all(start % every == 0 for start, _ in parts)
    assert found.length <= len(points) * max(EMPTY, 4 * every)
    assert len(asked) <= 1 + 26 * len(points)
