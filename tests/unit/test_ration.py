"""One bad line in a batch is found by halves, and all others land."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.ration import Portion, Ration


def send_until_held(points: int, bad: set[int], batch: int, blocks: int) -> tuple[set[int], int]:
    """Send again, as Telegraf and central take it, until only bad ones are left; returns those and how many tries."""
    missing = list(range(points))
    ration, tries = Ration(), 0
    while missing and not ration.nothing_left(len(missing)):
        portion = Portion(ration)
        sent: list[int] = []
        for start in range(0, points, blocks):  # as the source gives them, block by block
            block = [point for point in missing if start <= point < start + blocks]
            sent += [block[place] for place in portion.of(range(len(block)))]
        batches = [sent[start : start + batch] for start in range(0, len(sent), batch)]
        landed = {point for each in batches if not bad & set(each) for point in each}
        still = [point for point in missing if point not in landed]
        ration, missing = ration.after(len(missing), len(still)), still
        tries += 1
        assert tries < 1000
    return set(missing), tries


@given(st.integers(1, 300), st.sets(st.integers(0, 299), max_size=5), st.integers(1, 300), st.integers(1, 50))
def test_all_but_the_bad_ones_land(points: int, bad: set[int], batch: int, blocks: int) -> None:
    bad = {point for point in bad if point < points}
    left, tries = send_until_held(points, bad, batch, blocks)
    assert left == bad
    assert tries <= 1 + (len(bad) + 1) * (2 * math.log2(points + 1) + 3)


def test_where_nothing_is_bad_one_try_is_enough() -> None:
    assert send_until_held(50_000, set(), 5000, 100) == (set(), 1)


def test_one_bad_line_of_a_whole_span_costs_some_thirty_tries() -> None:
    left, tries = send_until_held(5_000, {3_137}, 5_000, 1000)
    assert left == {3_137}
    assert 20 <= tries <= 40
