"""Points that go round: two collectors, each of which copies what the other has brought. Pure."""

from __future__ import annotations

from telegraf_plugin.stream.block import Tags
from telegraf_plugin.stream.mapping import EXPORTED, MetadataTag

_KEY = MetadataTag.SOURCE_BUCKET.value.encode()
_DEEP = EXPORTED + EXPORTED + EXPORTED + _KEY


def gone_round(tags: Tags, bucket: bytes) -> bool:
    """Say whether a series with these own `tags`, read from `bucket`, was read from a bucket of that name twice before.

    `source_bucket` and its `exported_` forms tell the way that a point came. Once may be another server's bucket of the
    same name, as in a chain from site to region to centre; twice in turn with others is a circle.
    """
    if not any(key.endswith(_DEEP) for key, _ in tags):
        return False
    way = [value for key, value in tags if key.endswith(_KEY) and not key.removesuffix(_KEY).replace(EXPORTED, b"")]
    return way.count(bucket) > 1
