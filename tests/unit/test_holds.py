"""What central refuses: held, tried again now and then, and let go only when all of it is there."""

from __future__ import annotations

from collections.abc import Callable

from telegraf_plugin.stream.block import FieldType
from telegraf_plugin.stream.digest import Group
from telegraf_plugin.stream.holds import LOOKS, MAX_IN_VAIN, MAX_PARTS, PIECE, Holds
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import Spans, span

GROUP: Group = (b"m", b"f", FieldType.FLOAT)
OTHER: Group = (b"m", b"g", FieldType.FLOAT)
MARK = MarkId(5, "me")
SPAN = (0, 100)
FIRST_LOOK, LONGEST_LOOK = int(LOOKS.first), int(LOOKS.longest)


def back(_mark: MarkId | None) -> bool:
    return True


def away(mark: MarkId | None) -> bool:
    return mark is None


def due(holds: Holds, steady: int, is_back: Callable[[MarkId | None], bool]) -> tuple[Group, tuple[int, int]] | None:
    """What is due, whatever of it is sent."""
    found = holds.due(steady, is_back)
    return found[:2] if found is not None else None


def refuse(holds: Holds, span: tuple[int, int], steady: int, missing: int = 3) -> None:
    """Have it be tried until it is put off: nothing of it ever lands."""
    held = holds.groups[GROUP]
    wait = held.looks
    while held.looks == wait and held.look_at <= steady:
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
    assert len(holds.groups[GROUP].spans.parts) == MAX_PARTS
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
    assert holds.groups[GROUP].look_at > steady


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
    assert holds.groups == {}
    assert holds.points == 0


def test_what_came_after_it_was_sent_again_is_let_go() -> None:
    holds = held(SPAN)
    holds.tried(GROUP, SPAN, 3, MARK, FIRST_LOOK)
    assert holds.tried(GROUP, SPAN, 0, None, FIRST_LOOK)
    assert not holds.spans()


def test_after_a_success_the_waiting_begins_anew() -> None:
    holds = held((0, 100), (200, 300))
    refuse(holds, (200, 300), FIRST_LOOK)
    refuse(holds, (200, 300), 3 * FIRST_LOOK)
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
    holds.left_out(GROUP, 7)
    holds.left_out(OTHER, 2)  # is not held
    assert holds.points == 7


def test_what_could_not_be_looked_at_is_put_off_and_others_are_tried() -> None:
    holds = held(SPAN)
    holds.hold(OTHER, SPAN, 1, 0)
    holds.put_off(GROUP, FIRST_LOOK)
    assert due(holds, FIRST_LOOK, back) == (OTHER, SPAN)


def test_what_the_ledger_says_is_due_at_once() -> None:
    holds = Holds()
    holds.restore({GROUP: span(*SPAN)})
    assert due(holds, 0, back) == (GROUP, SPAN)


def test_what_central_would_not_take_any_more_is_forgotten() -> None:
    holds = held((0, 100), (200, 300))
    holds.hold(OTHER, (0, 100), 1, 0)
    holds.forget(150)
    assert holds.spans() == {GROUP: span(200, 300)}
    assert OTHER not in holds.groups


def test_a_try_of_what_is_not_held_any_more_says_nothing() -> None:
    assert not Holds().tried(GROUP, SPAN, 0, None, 0)


def test_more_that_is_missing_at_a_try_is_counted_and_less_is_not() -> None:
    holds = Holds()
    holds.hold(GROUP, (0, 100), 5, 0)
    holds.tried(GROUP, (0, 100), 3, None, 10**12)
    assert holds.points == 5
    holds.put_off(GROUP, 0)
    holds.tried(GROUP, (0, 100), 8, None, 10**13)
    assert holds.points == 8
