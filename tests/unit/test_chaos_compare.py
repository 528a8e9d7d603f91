"""The chaos run's comparison calls a point lost, doubled or wrong when it is, and nothing else."""

from __future__ import annotations

import pytest

from lab.chaos.compare import EXAMPLES, compare, expected
from lab.points import FieldType, Point


def point(
    time_ns: int = 1, value: str = "1.5", kind: FieldType = FieldType.FLOAT, measurement: str = "cpu", **tags: str
) -> Point:
    return Point(measurement, frozenset(tags.items()), "usage", kind, value, time_ns)


def in_central(*points: Point) -> list[Point]:
    return list(expected(points, "POD-8", "telegraf"))


def test_the_same_points_in_another_order_are_equal() -> None:
    points = in_central(*(point(n) for n in range(20)), *(point(n, host="POD-9") for n in range(20)))
    result = compare(points, reversed(points))
    assert result.equal
    assert (result.at_source, result.in_central) == (40, 40)
    assert not result.examples


def test_a_missing_point_is_lost() -> None:
    result = compare(in_central(point(1), point(2)), in_central(point(2)))
    assert (result.lost, result.doubled, result.wrong) == (1, 0, 0)
    assert result.examples["lost"][0].endswith(" 1")
    assert not result.equal


@pytest.mark.parametrize("other", [point(3), point(1, host="b"), point(1, measurement="mem")])
def test_a_point_that_no_source_point_maps_to_is_doubled(other: Point) -> None:
    result = compare(in_central(point(1)), in_central(point(1), other))
    assert (result.lost, result.doubled, result.wrong) == (0, 1, 0)


@pytest.mark.parametrize("other", [point(1, "2.5"), point(1, "1", FieldType.INTEGER), point(1, "1.50")])
def test_another_value_or_type_is_wrong_and_not_lost(other: Point) -> None:
    result = compare(in_central(point(1)), in_central(other))
    assert (result.lost, result.doubled, result.wrong) == (0, 0, 1)


def test_a_type_that_central_made_its_own_is_wrong() -> None:
    was, became = point(1, "1", FieldType.INTEGER), point(1, "1", FieldType.FLOAT)
    result = compare(in_central(was), in_central(became))
    assert result.wrong == 1
    assert "at the source '1' (integer)" in result.examples["wrong"][0]


def test_an_unmapped_point_is_lost_and_doubled() -> None:
    result = compare(in_central(point(1)), [point(1)])
    assert (result.lost, result.doubled, result.wrong) == (1, 1, 0)


def test_the_ledger_is_left_out_of_central_only() -> None:
    mark = point(7, measurement="collector_ledger", source="POD-8", stream="telegraf")
    assert compare(in_central(point(1)), [*in_central(point(1)), mark]).in_central == 1
    assert compare(in_central(mark), in_central(mark)).lost == 1


def test_source_points_are_named_as_telegraf_conf_names_them() -> None:
    found = in_central(point(1), point(2, host="POD-77"), point(3, host="worker"), point(4, field="own"))
    tags = [dict(one.tags) for one in found]
    assert [one["host"] for one in tags] == ["pod_8", "pod_77", "worker", "pod_8"]
    assert all((one["source_bucket"], one["field"]) == ("telegraf", "usage") for one in tags)
    assert tags[3]["exported_field"] == "own"


def test_what_a_stream_does_not_select_is_not_expected() -> None:
    points = [point(1), point(2, measurement="swap"), point(3)._replace(field="chair_section")]
    assert len(list(expected(points, "POD-8", "telegraf", ("cpu",), ("chair_section",)))) == 1


def test_two_source_points_that_become_one_stop_the_comparison() -> None:
    with pytest.raises(ValueError, match="two source points"):
        compare(in_central(point(1), point(1, host="POD-8")), [])


def test_examples_are_few_and_numbers_are_not() -> None:
    result = compare(in_central(*(point(n) for n in range(100))), in_central(*(point(n) for n in range(100, 200))))
    assert (result.lost, result.doubled) == (100, 100)
    assert [len(lines) for lines in result.examples.values()] == [EXAMPLES, EXAMPLES]


def test_parts_add_up() -> None:
    total = compare(in_central(point(1), point(2)), in_central(point(2)))
    total.add(compare(in_central(point(3)), in_central(point(3), point(4))))
    assert (total.at_source, total.in_central, total.lost, total.doubled) == (3, 3, 1, 1)
    assert set(total.examples) == {"lost", "doubled"}
