"""How a difference is told: by the first point that differs, and by nothing that is not seen there."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.block import Block, FieldKey, FieldType, Tags
from telegraf_plugin.stream.difference import Difference, told

GROUP = FieldKey(b"cpu", b"idle", FieldType.FLOAT)


def block(value: bytes, tags: Tags = ((b"host", b"a"),), field: bytes = b"idle") -> Block:
    return Block(b"cpu", tags, field, FieldType.FLOAT, [b"5"], [value])


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([], "cpu,host=a idle is not in central: it is dropped on the way, or refused"),
        ([block(b"2")], "cpu,host=a idle is 1 at the source and 2 in central"),
        ([block(b"1", ((b"dc", b"eu"), (b"host", b"a")))], "cpu,host=a idle is cpu,dc=eu,host=a idle in central"),
        ([block(b"1")], "it is there now"),
        ([block(b"1", field=b"user")], "is not in central"),
    ],
)
def test_it_is_told_by_what_is_seen(there: list[Block], said: str) -> None:
    difference = Difference(())
    difference.source(block(b"1"))
    for each in there:
        difference.central(each)
    assert said in told(difference.found(), GROUP)
