"""What the report asks central for, and what of the answers it believes."""

from __future__ import annotations

from typing import cast

from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.commands.session import CentralAccess
from telegraf_plugin.report.gather import dropped_points, held_points, running_versions
from telegraf_plugin.stream.definition import StreamId
from telegraf_plugin.stream.drops import REMEDY, DropReason
from telegraf_plugin.stream.units import MINUTE

NOW = 100 * MINUTE
A, B = StreamId("S", "a"), StreamId("S", "b")
Told = tuple[dict[str, str], int, str, str]


def central(*told: Told) -> CentralAccess:
    class Central:
        def newest_points(self, _measurement: str, _span: object) -> list[Told]:
            return list(told)

    return cast(CentralAccess, Central())


def point(stream: StreamId, time: int, tags: dict[str, str], **fields: str) -> list[Told]:
    whole = {"source": stream.source, "stream": stream.name} | tags
    return [(whole, time, name, value) for name, value in fields.items()]


def test_what_the_last_word_of_a_stream_is_without_is_over() -> None:
    words = {A: Metrics({}, NOW), B: Metrics({}, NOW - MINUTE)}
    told = [
        *point(
            A, NOW - MINUTE, {"measurement": "m", "held_field": "over"}, type="float", points="9", reason="refused: x"
        ),
        *point(A, NOW, {"measurement": "m", "held_field": "few"}, type="float", points="1", reason="refused: x"),
        *point(A, NOW, {"measurement": "m", "held_field": "many"}, type="string", points="20", reason="differs: y"),
        *point(B, NOW - MINUTE, {"measurement": "m", "held_field": "old"}, type="float", points="5", reason="z"),
    ]
    held = held_points(central(*told), words, NOW)
    assert [(each.stream, each.field, each.points) for each in held] == [
        ("S/a", "many", 20),
        ("S/b", "old", 5),
        ("S/a", "few", 1),
    ]
    assert held[2].remedy.startswith("write the field with one type")


def test_of_streams_that_are_not_chosen_nothing_is_told() -> None:
    told = point(B, NOW, {"measurement": "m", "held_field": "f"}, type="float", points="1", reason="refused: x")
    assert held_points(central(*told), {A: Metrics({}, NOW)}, NOW) == []


def test_each_shard_that_runs_tells_its_version() -> None:
    class Central:
        def newest_points(self, measurement: str, _span: object) -> list[Told]:
            if measurement == "internal_agent":
                return [({"version": "1.39.3"}, NOW, "metrics_written", "1")]
            return [
                ({"shard": "2/2"}, NOW, "version", "0.2.0"),
                ({"shard": "1/2"}, NOW, "version", "0.1.9"),
                ({"shard": "1/2", "host": "old"}, NOW - 1, "version", "0.1.8"),
                ({"shard": "1/2"}, NOW, "healthy", "1"),
            ]

    told = [(each.what, each.version) for each in running_versions(cast(CentralAccess, Central()), NOW)]
    shards = [
        (f"data-collector, which runs as shard {name}", value) for name, value in (("1/2", "0.1.9"), ("2/2", "0.2.0"))
    ]
    assert told[1:] == [*shards, ("Telegraf", "1.39.3")]
    assert told[0][0] == "data-collector, which made this page"


def test_each_reason_to_drop_has_its_remedy_and_one_of_a_later_version_has_none() -> None:
    told = [
        line
        for number, reason in enumerate([*(each.value for each in DropReason), "later"])
        for line in point(A, NOW, {"reason": reason}, points_total=str(number), example="m,host=a f")
    ]
    dropped = dropped_points(central(*told), {A: Metrics({}, NOW)}, NOW)
    assert {each.reason: each.remedy for each in dropped} == {each.value: REMEDY[each] for each in DropReason} | {
        "later": ""
    }
    assert dropped[0] == max(dropped, key=lambda each: each.points)
    assert dropped[0].example == "m,host=a f"
