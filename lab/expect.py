"""What central has to hold for a given set of source points: the README's promise, by a second hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import cache

from lab.points import Point

METADATA_TAGS = ("host", "source_bucket", "field")
_POD = re.compile(r"POD-([0-9]+)")


def expected_points(
    points: Iterable[Point],
    source_name: str,
    source_bucket: str,
    metadata_tags: Collection[str] = METADATA_TAGS,
    exclude_fields: Collection[str] = (),
) -> set[Point]:
    """The points as central has to hold them; value, type and time as they were.

    `source_name` is the name of the source in queries.yaml (POD-8), `source_bucket` the bucket the points are
    from, `metadata_tags` the tags that are added. The point's own `host` stays; an own `source_bucket`, `field`
    or `source` in the way of an added one is kept as `exported_field` and so on.
    """
    mapped = tag_mapper(source_name, source_bucket, metadata_tags)
    return {
        point._replace(tags=mapped(point.tags, point.field)) for point in points if point.field not in exclude_fields
    }


def tag_mapper(
    source_name: str, source_bucket: str, metadata_tags: Collection[str] = METADATA_TAGS
) -> Callable[[frozenset[tuple[str, str]], str], frozenset[tuple[str, str]]]:
    """The rule of `expected_points` for one stream: from a point's own tags and its field to its tags in central."""
    added = {"source_bucket": source_bucket, "source": source_name}

    @cache  # a series has many points
    def mapped(own: frozenset[tuple[str, str]], field: str) -> frozenset[tuple[str, str]]:
        tags = dict(own)
        for name in metadata_tags:
            if name == "host":
                tags.setdefault(name, source_name)
                continue
            kept = f"exported_{name}"
            while name in tags and kept in tags:
                kept = f"exported_{kept}"
            if name in tags:
                tags[kept] = tags[name]
            tags[name] = field if name == "field" else added[name]
        if "host" in tags:
            tags["host"] = renamed_host(tags["host"])
        return frozenset(tags.items())

    return mapped


def renamed_host(host: str) -> str:
    """POD-8 becomes pod_8, any POD-<n> likewise; every other name stays."""
    whole = _POD.fullmatch(host)
    return f"pod_{whole[1]}" if whole else host


def difference(expected: set[Point], found: set[Point], show: int = 3) -> str:
    """What tells the two sets apart, in some lines to read; empty when they are equal."""
    lines = []
    for label, points in (("missing in central", expected - found), ("only in central", found - expected)):
        if points:
            lines.append(f"{len(points)} {label}, such as")
            lines += [f"  {point}" for point in sorted(points, key=str)[:show]]
    return "\n".join(lines)
