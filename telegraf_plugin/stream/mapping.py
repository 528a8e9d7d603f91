"""Which tags a point carries in central: its own, and those that the stream's `metadata_tags` add.

The mapping depends on the definition alone, never on what else a window holds, so that a point that is read twice
lands on itself.
"""

from __future__ import annotations

from enum import Enum

from telegraf_plugin.stream.block import Tags


class MetadataTag(Enum):
    """The tags that a stream may add."""

    HOST = "host"
    """The source's name, where the point has no `host` of its own."""
    SOURCE_BUCKET = "source_bucket"
    """The bucket that the point was read from; Telegraf routes by it."""
    FIELD = "field"
    """The field's name."""
    SOURCE = "source"
    """The source's name, on every point."""


EXPORTED = b"exported_"
"""What a point's own tag is renamed with when a metadata tag takes its key (Prometheus' custom, `exported_job`)."""


Trace = tuple[int, ...]
"""For each added tag, in the order of `added_keys`: how often `exported_` was put before the point's own tag of that
key, 0 when it had none; for `host`, whether it had one."""


class TagMapper:
    """Adds one stream's metadata tags to the tags of its series."""

    def __init__(self, source: str, bucket: str, metadata_tags: tuple[MetadataTag, ...]) -> None:
        """`source` and `bucket` are names as the operator wrote them; `metadata_tags` says what is added."""
        values = {
            MetadataTag.SOURCE_BUCKET: bucket.encode(),
            MetadataTag.SOURCE: source.encode(),
            MetadataTag.FIELD: None,  # known only with the field
        }
        self._host = source.encode() if MetadataTag.HOST in metadata_tags else None
        self._fixed = {tag.value.encode(): value for tag, value in values.items() if tag in metadata_tags}

    @property
    def added_keys(self) -> tuple[bytes, ...]:
        """The keys of the tags that are added."""
        return (*self._fixed, *((b"host",) if self._host is not None else ()))

    @property
    def by_field(self) -> bool:
        """Whether the fields of one series have other tags each."""
        return MetadataTag.FIELD.value.encode() in self._fixed

    def may_collide(self, tags: Tags) -> bool:
        """Say whether a series with other own tags than these could carry the same ones in central."""
        own = dict(tags)
        if self._host is not None and own.get(b"host", self._host) == self._host:
            return True
        return any(key in self._fixed or key.startswith(EXPORTED) for key in own)

    def map(self, tags: Tags, field: bytes) -> Tags:
        """Return the tags that a point with these own `tags` and this `field` carries in central, sorted by key.

        An own `host` stays. An own tag whose key a metadata tag takes is kept as `exported_<key>`; where the point
        has that one as well, another `exported_` goes in front, so that no own value is ever lost.
        """
        return self.trace(tags, field)[0]

    def trace(self, tags: Tags, field: bytes) -> tuple[Tags, Trace]:
        """Return what `map` does, and what is needed to `undo` it."""
        own = dict(tags)
        mapped = dict(own)
        depths = []
        for key, value in self._fixed.items():
            depth = 0
            if key in own:
                depth, exported = 1, EXPORTED + key
                while exported in own:
                    depth, exported = depth + 1, EXPORTED + exported
                mapped[exported] = own[key]
            depths.append(depth)
            mapped[key] = field if value is None else value
        if self._host is not None:
            depths.append(int(b"host" in own))
            mapped.setdefault(b"host", self._host)
        return tuple(sorted(mapped.items())), tuple(depths)

    def undo(self, mapped: Tags, trace: Trace) -> Tags:
        """Return the one set of own tags that `trace` makes these of. Raises KeyError when none does."""
        own = dict(mapped)
        for key, depth in zip(self.added_keys, trace, strict=True):
            if key == b"host":
                if not depth:
                    del own[key]
                continue
            del own[key]
            if depth:
                own[key] = own.pop(EXPORTED * depth + key)
        return tuple(sorted(own.items()))
