"""Which points of a central bucket are a stream's, by the tags that they have there. Pure.

What is selected at the source by `tags` is selected in central by the same tags under the names, and with the values,
that mapping and Telegraf's processors give them. A stream for which that cannot be said is not run (`refusal`).
"""

from __future__ import annotations

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import EXPORTED, MetadataTag
from telegraf_plugin.stream.renames import NotComparable, value_in_central

Condition = tuple[str, tuple[str, ...] | None]
"""A tag in central, and the values of which it has one; with no values it is not there, with None it has any."""
Selected = tuple[tuple[Condition, ...], ...]
"""Alternatives, each of conditions that hold together."""

MAX_EXPORTED = 4
"""How often `exported_` can stand before a key by which a stream is selected."""


def tags_in_central(stream: StreamDefinition) -> list[Selected]:
    """Return what the stream's points in central are selected by, all of it. Raises NotComparable.

    A stream with the operator's own Flux computes its series: of it only the added tags are known.
    """
    added = [(MetadataTag.SOURCE_BUCKET, stream.bucket), (MetadataTag.SOURCE, stream.source)]
    selected: list[Selected] = [
        (((tag.value, (_renamed(stream, tag.value, value),)),),) for tag, value in added if tag in stream.metadata_tags
    ]
    fixed = _fixed(stream)
    for key, values in stream.tags:
        if key in stream.rewritten_tags:
            continue
        selected.append(_exported(stream, key, values) if key in fixed else ((_one_of(stream, key, values),),))
    return selected


def _exported(stream: StreamDefinition, key: str, values: tuple[str, ...]) -> Selected:
    """Return what holds of points whose own tag `key` has one of `values`, and was renamed (`TagMapper.map`).

    It is behind all that the point had of that name already.
    """
    prefix = EXPORTED.decode()
    names = [prefix * depth + key for depth in range(1, MAX_EXPORTED + 2)]
    return tuple(
        (*((name, None) for name in names[:depth]), _one_of(stream, names[depth], values), (names[depth + 1], ()))
        for depth in range(MAX_EXPORTED)
    )


def _one_of(stream: StreamDefinition, key: str, values: tuple[str, ...]) -> Condition:
    return key, tuple(dict.fromkeys(_renamed(stream, key, value) for value in values))


def refusal(stream: StreamDefinition) -> str:
    """Say why the stream's points could not be told from others' in central; empty where they can."""
    for key, _ in stream.tags:
        if key in stream.rewritten_tags:
            why = stream.uncomputed or "it is among rewritten_tags"
            return f"the stream is selected by {key}, and what that is in central cannot be told: {why}"
    try:
        tags_in_central(stream)
    except NotComparable as error:
        return f"what the stream is selected by cannot be told in central: {error}"
    return ""


def meeting(one: StreamDefinition, other: StreamDefinition) -> str:
    """Say which tags of two streams become one in central, so that each would take the other's points for its own.

    Empty where none do. Streams that select the same at the source are not meant: their points are the same.
    """
    if (one.source, one.bucket, one.central_bucket) != (other.source, other.bucket, other.central_bucket):
        return ""
    if set(one.metadata_tags) != set(other.metadata_tags):
        return ""
    if one.measurements and other.measurements and not set(one.measurements) & set(other.measurements):
        return ""
    theirs = dict(other.tags)
    found = ""
    for key, values in one.tags:
        if key not in theirs or set(values) & set(theirs[key]):
            continue
        pairs = ((a, b) for a in values for b in theirs[key])
        same = next(((a, b) for a, b in pairs if _renamed(one, key, a) == _renamed(other, key, b)), None)
        if same is None:
            return ""  # told apart by this one
        found = found or f"{key} {same[0]} and {key} {same[1]} are both {_renamed(one, key, same[0])}"
    return found


def _fixed(stream: StreamDefinition) -> set[str]:
    """Return the keys of the tags that are added in any case."""
    return {tag.value for tag in stream.metadata_tags if tag is not MetadataTag.HOST}


def _renamed(stream: StreamDefinition, key: str, value: str) -> str:
    return value_in_central(stream.renames, key, value) if stream.renames else value
