"""Two streams of one bucket whose tags become one in central: each would take the other's points for its own."""

from __future__ import annotations

from dataclasses import replace

from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.renames import TagRule
from telegraf_plugin.stream.selection import meeting
from tests.unit.test_definition import STREAM

RENAMES = (TagRule("host", r"^(?i:POD)[-_](\d+)$", "pod_$1"),)
ONE = replace(STREAM, renames=RENAMES, tags=(("host", ("POD-8", "POD-9")),))


def test_two_hosts_that_get_one_name_are_told() -> None:
    other = replace(ONE, name="other", tags=(("host", ("pod_7", "pod_8")),))
    assert meeting(ONE, other) == "host POD-8 and host pod_8 are both pod_8"
    assert meeting(other, ONE) == "host pod_8 and host POD-8 are both pod_8"


def test_hosts_that_get_different_names_or_none_do_not_meet() -> None:
    assert meeting(ONE, replace(ONE, tags=(("host", ("pod_7", "POD-10")),))) == ""
    assert meeting(replace(ONE, renames=()), replace(ONE, renames=(), tags=(("host", ("pod_8",)),))) == ""


def test_streams_that_select_the_same_or_are_told_apart_by_another_tag_are_not_meant() -> None:
    assert meeting(ONE, replace(ONE, tags=(("host", ("POD-8", "pod_9")),))) == ""
    first = replace(ONE, tags=(*ONE.tags, ("rack", ("a",))))
    assert meeting(first, replace(ONE, tags=(("host", ("pod_8",)), ("rack", ("b",))))) == ""


def test_streams_of_other_buckets_measurements_or_added_tags_do_not_meet() -> None:
    other = replace(ONE, tags=(("host", ("pod_8",)),))
    assert meeting(ONE, other)
    assert meeting(ONE, replace(other, bucket="another")) == ""
    assert meeting(ONE, replace(other, central_bucket="another")) == ""
    assert meeting(replace(ONE, measurements=("cpu",)), replace(other, measurements=("mem",))) == ""
    assert meeting(replace(ONE, metadata_tags=(MetadataTag.HOST,)), replace(other, metadata_tags=())) == ""
