"""How buckets are kept is looked up again, and a failure of that is harmless."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.errors import TransientError
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.keeping import BucketKeeping
from telegraf_plugin.stream.definition import StreamDefinition
from tests.unit.test_definition import STREAM

A, B = replace(STREAM, name="a", bucket="one"), replace(STREAM, name="b", bucket="one")
C = replace(STREAM, name="c", bucket="two")
KEPT = Bucket(3600, 60)


def test_each_bucket_is_asked_once_and_a_failure_leaves_what_was_known() -> None:
    asked: list[str] = []
    told: list[tuple[str, Bucket]] = []

    def look_up(stream: StreamDefinition) -> Bucket | None:
        asked.append(stream.bucket)
        if stream.bucket == "two":
            raise TransientError("away", "wait")
        return KEPT

    keeping = BucketKeeping((A, B, C), look_up, lambda label, bucket: told.append((label, bucket)))
    keeping.look()
    assert sorted(asked) == ["one", "two"]
    assert told == [(A.label, KEPT), (B.label, KEPT)]


def test_a_source_that_does_not_say_changes_nothing() -> None:
    told: list[str] = []
    BucketKeeping((A,), lambda _stream: None, lambda label, _bucket: told.append(label)).look()
    assert told == []
