"""What central refuses: held, tried again now and then, and let go only when all of it is there."""

from __future__ import annotations

from collections.abc import Callable

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.holds import LOOKS, MAX_COUNTS, MAX_IN_VAIN, MAX_PARTS, PAUSE, PIECE, Holds, Reason
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Spans, span

GROUP = FieldKey(b"m", b"f", FieldType.FLOAT)
OTHER = FieldKey(b"m", b"g", FieldType.FLOAT)
MARK = MarkId(5, "me")
SPAN = (0, 100)
FIRST_LOOK, LONGEST_LOOK = int(LOOKS.first), int(LOOKS.longest)


def back(_mark: MarkId | None) -> bool:
    return True


def away(mark: MarkId | None) -> bool:
    return mark is None


def due(holds: Holds, steady: int, is_back: Callable[[MarkId | None], bool]) -> tuple[FieldKey, tuple[int, int]] | None:
    """What is due, whatever of it is sent."""
    found = holds.due(steady, is_back)
    return found[:2] if found is not None else None


def refuse(holds: Holds, span: tuple[int, int], steady: int, missing: int = 3) -> None:
    """Have it be tried until it is put off: nothing of it ever lands."""
    held = holds.by_field[GROUP]
    before = held.looks, held.turn
    while (held.looks, held.turn) == before:
        holds.tried(GROUP, span, missing, MARK, steady)


def held(*spans: tuple[int, int], steady: int = 0) -> Holds:
    holds = Holds()
    for each in spans:
        holds.hold(GROUP, each, 3, steady)
    return holds


def test_what_is_held_is_looked_at_after_a_while() -> None:
    holds = held(SPAN, steady=1000)
    assert holds.spans() == {GROUP: span(*SPAN)}
    assert holds.points == 3
    assert due(holds, 1000 + FIRST_LOOK - 1, back) is None
    assert due(holds, 1000 + FIRST_LOOK, back) == (GROUP, SPAN)


def test_points_of_a_span_are_counted_once() -> None:
    holds = held(SPAN, (0, 50), (200, 300))
    assert holds.points == 6
    assert holds.spans() == {GROUP: Spans.of([SPAN, (200, 300)])}


def test_a_hold_says_nothing_of_other_times() -> None:
    holds = held((100, 200), (300, 400))
    assert [holds.within(each) for each in ((0, 100), (200, 300), (400, 500))] == [frozenset()] * 3
    assert holds.within((199, 201)) == {GROUP}


def test_from_when_on_the_same_is_held_is_known() -> None:
    holds = held((100, 200))
    holds.hold(OTHER, (150, 300), 1, 0)
    assert [holds.since(0, end) for end in (50, 100, 120, 150, 160, 200, 250, 300, 400)] == [
        0, 0, 100, 100, 150, 150, 200, 200, 300,
    ]  # fmt: skip


def test_what_is_held_of_a_group_is_bounded() -> None:
    holds = Holds()
    for number in range(3 * MAX_PARTS):
        holds.hold(GROUP, (1000 * number, 1000 * number + 10 + number), 1, 0)
    assert len(holds.by_field[GROUP].spans.parts) == MAX_PARTS
    assert all(holds.within((1000 * number, 1000 * number + 1)) for number in range(3 * MAX_PARTS))


def test_what_is_missing_is_sent_and_looked_at_once_more_when_its_mark_is_back() -> None:
    holds = held(SPAN)
    assert not holds.tried(GROUP, SPAN, 3, MARK, FIRST_LOOK)
    assert due(holds, 10**15, away) is None
    assert due(holds, FIRST_LOOK, back) == (GROUP, SPAN)
    assert not holds.tried(GROUP, SPAN, 3, MARK, FIRST_LOOK)  # refused still
    assert holds.spans() == {GROUP: span(*SPAN)}


def test_one_bad_line_is_found_by_halves_and_all_others_land() -> None:
    """Telegraf drops the whole batch that it is in, so nothing landed as long as all was sent at once."""
    holds = held(SPAN)
    missing, bad = set(range(100)), 37
    steady, looks = FIRST_LOOK, 0
    while (found := holds.due(steady, back)) is not None:
        ration = found[2]
        there = sorted(missing)
        batch = set(there[ration.skip : ration.skip + ration.most])
        holds.tried(GROUP, SPAN, len(missing), MARK, steady)
        missing -= batch if bad not in batch else set()
        looks += 1
        assert looks < 100
    assert missing == {bad}
    assert holds.points == 1
    assert holds.by_field[GROUP].look_at > steady


def test_of_what_was_tried_only_what_is_missing_still_is_held() -> None:
    holds = held((0, 100))
    holds.tried(GROUP, (0, 100), 1, MARK, FIRST_LOOK, (37, 38))
    assert holds.spans() == {GROUP: span(37, 38)}


def test_what_is_refused_as_a_whole_is_not_tried_point_by_point() -> None:
    holds, looks = held(SPAN), 0
    while holds.due(FIRST_LOOK, back) is not None:
        holds.tried(GROUP, SPAN, 10_000, MARK, FIRST_LOOK)
        looks += 1
    assert looks <= 2 * (MAX_IN_VAIN + 1)


def test_a_group_that_waits_for_its_mark_holds_up_no_other() -> None:
    holds = held(SPAN)
    holds.hold(OTHER, SPAN, 1, 0)
    holds.tried(GROUP, SPAN, 3, MARK, FIRST_LOOK)
    assert due(holds, FIRST_LOOK, away) == (OTHER, SPAN)


def test_each_further_look_is_after_twice_as_long_up_to_an_hour() -> None:
    holds = held(SPAN)
    steady, waits = FIRST_LOOK, []
    for _ in range(9):
        refuse(holds, SPAN, steady)
        began = steady
        while due(holds, steady, back) is None:
            steady += FIRST_LOOK
        waits.append(steady - began)
    assert waits[:3] == [2 * FIRST_LOOK, 4 * FIRST_LOOK, 8 * FIRST_LOOK]
    assert waits[-2:] == [LONGEST_LOOK, LONGEST_LOOK]


def test_what_is_found_is_let_go_and_the_rest_is_looked_at_at_once() -> None:
    holds = held((0, 100), (200, 300))
    assert due(holds, FIRST_LOOK, back) == (GROUP, (200, 300))
    assert not holds.tried(GROUP, (200, 300), 0, None, FIRST_LOOK)
    assert due(holds, FIRST_LOOK, back) == (GROUP, (0, 100))
    assert holds.tried(GROUP, (0, 100), 0, None, FIRST_LOOK)
    assert holds.by_field == {}
    assert holds.points == 0


def test_what_came_after_it_was_sent_again_is_let_go() -> None:
    holds = held(SPAN)
    holds.tried(GROUP, SPAN, 3, MARK, FIRST_LOOK)
    assert holds.tried(GROUP, SPAN, 0, None, FIRST_LOOK)
    assert not holds.spans()


def test_after_a_success_the_waiting_begins_anew() -> None:
    holds = held((0, 100), (200, 300))
    for steady in (FIRST_LOOK, 3 * FIRST_LOOK):
        refuse(holds, (200, 300), steady)
        refuse(holds, (0, 100), steady)
    holds.tried(GROUP, (200, 300), 0, None, 8 * FIRST_LOOK)
    refuse(holds, (0, 100), 8 * FIRST_LOOK)
    assert due(holds, 10 * FIRST_LOOK - 1, back) is None
    assert due(holds, 10 * FIRST_LOOK, back) == (GROUP, (0, 100))


def test_a_long_span_is_tried_in_pieces_the_newest_first() -> None:
    holds = held((PIECE // 2, 3 * PIECE))
    pieces = []
    while (found := due(holds, FIRST_LOOK, back)) is not None:
        pieces.append(found[1])
        holds.tried(GROUP, found[1], 0, None, FIRST_LOOK)
    assert pieces == [(2 * PIECE, 3 * PIECE), (PIECE, 2 * PIECE), (PIECE // 2, PIECE)]


def test_of_what_was_held_before_a_start_as_many_points_are_known_as_a_proof_left_out() -> None:
    holds = Holds()
    holds.restore({GROUP: span(*SPAN)})
    assert holds.points == 1  # at least
    holds.left_out(GROUP, SPAN, 7)
    holds.left_out(OTHER, SPAN, 2)  # is not held
    assert holds.points == 7
    holds.left_out(GROUP, SPAN, 5)  # the same again
    assert holds.points == 7


def test_what_could_not_be_looked_at_is_put_off_and_others_are_tried() -> None:
    holds = held(SPAN)
    holds.hold(OTHER, SPAN, 1, 0)
    holds.put_off(GROUP, SPAN, FIRST_LOOK)
    assert due(holds, FIRST_LOOK + PAUSE, back) == (OTHER, SPAN)


def test_what_fails_is_tried_again_after_a_while_from_the_same_place() -> None:
    holds = held((0, 100), (200, 300))
    holds.failed(GROUP, FIRST_LOOK)
    assert due(holds, 2 * FIRST_LOOK - 1, back) is None
    assert due(holds, 2 * FIRST_LOOK, back) == (GROUP, (200, 300))


def test_what_is_older_has_its_turn_though_what_is_newest_lacks_for_good() -> None:
    """A week of an hour each, of which all but the newest have come meanwhile."""
    holds = held((0, 168 * PIECE))
    steady = FIRST_LOOK
    tried: list[tuple[int, int]] = []
    while holds.spans() != {GROUP: span(167 * PIECE, 168 * PIECE)}:
        found = due(holds, steady, back)
        if found is None:
            steady += PAUSE
        elif found[1][1] == 168 * PIECE:
            refuse(holds, found[1], steady)
        else:
            tried.append(found[1])
            holds.tried(GROUP, found[1], 0, None, steady)
    assert len(tried) == 167
    assert tried == sorted(tried, reverse=True)
    assert steady < FIRST_LOOK + 2 * PAUSE


def test_a_round_of_pieces_that_all_lack_has_a_pause_between_them_and_then_waits_longer() -> None:
    holds = held((0, 3 * PIECE))
    steady = FIRST_LOOK
    tried: list[tuple[int, int]] = []
    while len(tried) < 4:
        found = due(holds, steady, back)
        if found is not None:
            tried.append((found[1][0] // PIECE, steady))
            refuse(holds, found[1], steady)
        steady += PAUSE
    assert [piece for piece, _ in tried] == [2, 1, 0, 2]
    assert [at - FIRST_LOOK for _, at in tried[:3]] == [0, PAUSE, 2 * PAUSE]
    assert tried[3][1] == tried[2][1] + 2 * FIRST_LOOK


def test_why_it_lacks_is_looked_at_once_a_round_and_is_news_once() -> None:
    holds = held(SPAN)
    assert holds.unexplained() == (GROUP, SPAN)
    assert holds.explain(GROUP, Reason(False, "differs: a is 1 here and 2 there"))
    assert holds.unexplained() is None
    holds.hold(GROUP, (200, 300), 3, 0)  # more of it
    assert holds.unexplained() is None
    refuse(holds, (200, 300), FIRST_LOOK)
    refuse(holds, SPAN, FIRST_LOOK + PAUSE)
    assert holds.unexplained() == (GROUP, (200, 300))
    assert not holds.explain(GROUP, Reason(False, "differs: a is 3 here and 2 there"))
    assert holds.explain(GROUP, Reason(True, "refused"))
    assert not holds.explain(GROUP, Reason(False, "differs"))  # what is known by evidence stays
    assert holds.reason == "refused"
    assert not holds.explain(OTHER, Reason(True, "refused"))


def test_what_could_not_be_explained_is_explained_in_the_next_round() -> None:
    holds = held(SPAN)
    assert not holds.explain(GROUP, None)
    assert holds.unexplained() is None
    refuse(holds, SPAN, FIRST_LOOK)
    assert holds.unexplained() == (GROUP, SPAN)


def test_what_the_ledger_says_is_due_at_once() -> None:
    holds = Holds()
    holds.restore({GROUP: span(*SPAN)})
    assert due(holds, 0, back) == (GROUP, SPAN)


def test_what_central_would_not_take_any_more_is_forgotten() -> None:
    holds = held((0, 100), (200, 300))
    holds.hold(OTHER, (0, 100), 1, 0)
    holds.forget(150)
    assert holds.spans() == {GROUP: span(200, 300)}
    assert OTHER not in holds.by_field


def test_a_try_of_what_is_not_held_any_more_says_nothing() -> None:
    assert not Holds().tried(GROUP, SPAN, 0, None, 0)


def test_the_points_of_all_pieces_are_told_as_each_was_looked_at_last() -> None:
    holds = Holds()
    for number in range(3):
        holds.hold(GROUP, (number * PIECE, number * PIECE + 100), 5, 0)
    holds.tried(GROUP, (2 * PIECE, 2 * PIECE + 100), 3, None, 10**12)
    assert holds.points == 5 + 5 + 3
    holds.put_off(GROUP, (2 * PIECE, 2 * PIECE + 100), 10**12)
    holds.tried(GROUP, (PIECE, PIECE + 100), 8, None, 10**13)
    assert holds.points == 5 + 8 + 3
    holds.tried(GROUP, (PIECE, PIECE + 100), 0, None, 10**13)
    assert holds.points == 5 + 3


def test_what_is_counted_of_a_piece_is_taken_from_the_span_that_it_was_counted_in() -> None:
    holds = Holds()
    holds.hold(GROUP, (0, 3 * PIECE), 90, 0)
    holds.tried(GROUP, (2 * PIECE, 3 * PIECE), 30, None, FIRST_LOOK)
    assert holds.points == 90
    holds.tried(GROUP, (2 * PIECE, 3 * PIECE), 10, None, FIRST_LOOK)
    assert holds.points == 70


def test_where_points_are_missing_is_kept_of_a_bounded_number_of_places() -> None:
    holds = Holds()
    for number in range(3 * MAX_COUNTS):
        holds.hold(GROUP, (1000 * number, 1000 * number + 10), 1, 0)
    assert len(holds.by_field[GROUP].counts) == MAX_COUNTS
    assert holds.points == 3 * MAX_COUNTS
