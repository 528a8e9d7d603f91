"""The chaos run's comparison calls a point lost, doubled or wrong when it is, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from lab.chaos.compare import EXAMPLES, compare
from lab.chaos.journal import Journal
from lab.chaos.lines import Field, Line, integer, real, text
from lab.chaos.marks import Mark
from lab.chaos.spans import SpanList
from lab.points import FieldType, Point

LOOKBACK = 20
USAGE = real("usage", 1.5)


def line(time_ns: int = 1, field: Field = USAGE, measurement: str = "cpu", **tags: str) -> Line:
    return Line(measurement, tuple(tags.items()), (field,), time_ns)


def journal(*lines: Line, ended_ns: int = 1, acknowledged: bool = True) -> Journal:
    kept = Journal("POD-8", "telegraf", ("cpu", "mem"), ("chair",), LOOKBACK)
    write(kept, *lines, ended_ns=ended_ns, acknowledged=acknowledged)
    return kept


def write(kept: Journal, *lines: Line, ended_ns: int = 1, acknowledged: bool = True) -> None:
    batch = kept.send(lines)
    batch.end(acknowledged)
    batch.ended_ns = ended_ns


def in_central(*lines: Line) -> list[Point]:
    kept = journal()
    return list(kept.expected(point for each in lines for point in each.points()))


def differences(kept: Journal, found: Iterable[Point], whenever: bool = False) -> tuple[int, int, int]:
    result = compare(kept, found, whenever=whenever)
    return result.lost, result.doubled, result.wrong


def test_the_same_points_in_another_order_are_equal() -> None:
    lines = [*(line(n) for n in range(20)), *(line(n, host="POD-9") for n in range(20))]
    result = compare(journal(*lines), reversed(in_central(*lines)))
    assert result.equal
    assert (result.promised, result.there) == (40, 40)
    assert not result.examples


def test_a_missing_point_is_lost() -> None:
    result = compare(journal(line(1), line(2)), in_central(line(2)))
    assert (result.lost, result.doubled, result.wrong) == (1, 0, 0)
    assert " 1, written: '1.5' (float) acknowledged" in result.examples["lost"][0]
    assert not result.equal


@pytest.mark.parametrize("other", [line(3), line(1, host="b"), line(1, measurement="mem")])
def test_a_point_that_was_never_written_is_doubled(other: Line) -> None:
    assert differences(journal(line(1)), in_central(line(1), other)) == (0, 1, 0)


def test_a_point_that_is_there_twice_is_doubled() -> None:
    assert differences(journal(line(1)), in_central(line(1), line(1))) == (0, 1, 0)


@pytest.mark.parametrize("other", [real("usage", 2.5), integer("usage", 1), text("usage", "1.5")])
def test_another_value_or_type_is_wrong_and_not_lost(other: Field) -> None:
    assert differences(journal(line(1)), in_central(line(1, other))) == (0, 0, 1)


def test_a_float_is_the_same_in_either_spelling() -> None:
    written = journal(line(1, real("usage", 5e-07)))
    found = [point._replace(value="0.0000005") for point in in_central(line(1))]
    assert differences(written, found) == (0, 0, 0)


def test_an_unmapped_point_is_lost_and_doubled() -> None:
    assert differences(journal(line(1)), line(1).points()) == (1, 1, 0)


def test_the_ledger_is_left_out_of_central() -> None:
    mark = Point("collector_ledger", frozenset({("source", "POD-8")}), "id", FieldType.STRING, "1@a", 7)
    result = compare(journal(line(1)), [*in_central(line(1)), mark])
    assert (result.there, result.equal) == (1, True)


def test_source_points_are_named_as_telegraf_conf_names_them() -> None:
    found = in_central(line(1), line(2, host="POD-77"), line(3, host="worker"), line(4, field_="own"))
    tags = [dict(one.tags) for one in found]
    assert [one["host"] for one in tags] == ["pod_8", "pod_77", "worker", "pod_8"]
    assert all((one["source_bucket"], one["field"]) == ("telegraf", "usage") for one in tags)


def test_what_a_stream_does_not_select_is_not_promised() -> None:
    kept = journal(line(1), line(2, measurement="swap"), line(3, text("chair", "C1")))
    assert compare(kept, in_central(line(1))).promised == 1


def test_what_was_rewritten_within_the_lookback_is_wrong_as_it_was() -> None:
    kept = journal(line(1))
    write(kept, line(1, real("usage", 2.5)), ended_ns=1 + LOOKBACK)
    assert differences(kept, in_central(line(1))) == (0, 0, 1)
    assert differences(kept, in_central(line(1, real("usage", 2.5)))) == (0, 0, 0)


def test_what_was_rewritten_after_the_lookback_may_be_there_in_either_value() -> None:
    kept = journal(line(1))
    write(kept, line(1, real("usage", 2.5)), ended_ns=2 + LOOKBACK)
    assert differences(kept, in_central(line(1))) == (0, 0, 0)
    assert compare(kept, in_central(line(1))).later == 1
    assert differences(kept, in_central(line(1, real("usage", 2.5)))) == (0, 0, 0)
    assert differences(kept, []) == (1, 0, 0)
    assert differences(kept, in_central(line(1)), whenever=True) == (0, 0, 1)


def test_what_came_after_the_lookback_may_be_missing() -> None:
    kept = journal(line(1), ended_ns=2 + LOOKBACK)
    assert differences(kept, []) == (0, 0, 0)
    assert differences(kept, [], whenever=True) == (1, 0, 0)


def test_history_that_the_collector_found_is_promised() -> None:
    kept = journal(line(1), ended_ns=500)
    kept.seen_ns = 500
    assert differences(kept, []) == (1, 0, 0)


def test_what_was_not_acknowledged_may_be_there_or_not() -> None:
    kept = journal(line(1), acknowledged=False)
    assert differences(kept, []) == (0, 0, 0)
    taken_back = compare(kept, in_central(line(1)))
    assert (taken_back.equal, taken_back.taken_back) == (True, 1)


def test_what_was_not_acknowledged_does_not_excuse_what_was_acknowledged_after_it() -> None:
    kept = journal(line(1), acknowledged=False)
    write(kept, line(1, real("usage", 2.5)))
    assert differences(kept, in_central(line(1))) == (0, 0, 1)
    write(kept, line(1, real("usage", 3.5)), acknowledged=False)
    assert differences(kept, in_central(line(1, real("usage", 2.5)))) == (0, 0, 0)
    assert differences(kept, in_central(line(1, real("usage", 3.5)))) == (0, 0, 0)
    assert differences(kept, []) == (1, 0, 0)


def test_a_batch_that_is_not_answered_yet_promises_nothing() -> None:
    kept = journal()
    kept.send([line(1)])
    assert differences(kept, []) == (0, 0, 0)
    assert differences(kept, in_central(line(1))) == (0, 0, 0)


def test_of_a_mark_only_what_it_calls_proved_counts() -> None:
    kept, mark = journal(line(1), line(5), line(9)), Mark("20@a", "", SpanList.parse("5/9"))
    assert compare(kept, in_central(line(5)), mark).equal
    assert compare(kept, in_central(line(1), line(9)), mark).lost == 1


def test_what_a_mark_says_is_held_it_does_not_call_proved() -> None:
    kept, held = journal(line(5), line(5, measurement="mem"), line(7)), {("cpu", "usage"): SpanList.parse("4/6")}
    mark = Mark("20@a", "", SpanList.parse("5/9"), held)
    assert compare(kept, in_central(line(5, measurement="mem"), line(7)), mark).equal
    assert compare(kept, in_central(line(7)), mark).lost == 1
    assert compare(kept, in_central(line(5, measurement="mem")), mark).lost == 1


def test_examples_are_few_and_numbers_are_not() -> None:
    result = compare(journal(*(line(n) for n in range(100))), in_central(*(line(n) for n in range(100, 200))))
    assert (result.lost, result.doubled) == (100, 100)
    assert [len(lines) for lines in result.examples.values()] == [EXAMPLES, EXAMPLES]


def test_parts_add_up() -> None:
    total = compare(journal(line(1), line(2)), in_central(line(2)))
    total.add(compare(journal(line(3)), in_central(line(3), line(4))))
    assert (total.promised, total.there, total.lost, total.doubled) == (3, 3, 1, 1)
    assert set(total.examples) == {"lost", "doubled"}
