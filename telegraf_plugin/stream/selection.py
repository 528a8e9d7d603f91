"""Which points of a central bucket are a stream's, by the tags that they have there. Pure.

What is selected at the source by `tags` is selected in central by the same tags under the names, and with the values,
that mapping and Telegraf's processors give them. A stream for which that cannot be said is not run (`refusal`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.mapping import EXPORTED, MetadataTag
from telegraf_plugin.stream.naming import AS_THEY_ARE
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


def named_in_central(stream: StreamDefinition) -> StreamDefinition:
    """Return `stream` with the measurements, and the fields left out, by the names that they have in central.

    These are not renamed once more, when it is asked of what is returned.
    """
    if not stream.naming:
        return stream
    measurements = (stream.naming.measurement(name) for name in stream.measurements)
    # What is called like a field that is left out may be another one, which was renamed.
    given = {new for _, new in stream.naming.fields}
    return replace(
        stream,
        measurements=tuple(name for name in measurements if name is not None),
        exclude_fields=tuple(name for name in stream.exclude_fields if name not in given),
        naming=AS_THEY_ARE,
    )


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
    selected = [set(named_in_central(each).measurements) for each in (one, other)]
    if all(selected) and not selected[0] & selected[1]:
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


def crossing(one: StreamDefinition, other: StreamDefinition) -> str:
    """Say which different names two streams of one bucket give one name in central; empty where they do not.

    Each would take the other's points for its own.
    """
    if (one.source, one.bucket, one.central_bucket) != (other.source, other.bucket, other.central_bucket):
        return ""
    if not (one.naming or other.naming) or set(one.metadata_tags) != set(other.metadata_tags) or _apart(one, other):
        return ""
    both = one, other
    named = [set(each.measurements).union(*each.naming.measurements) for each in both]
    met = _met(named[0] | named[1], *(_measurements(each) for each in both))
    if met:
        return f"measurements {met[0]} and {met[1]} are both {met[2]}"
    images = [{_measurements(each)(name) for name in named[0] | named[1]} - {None} for each in both]
    if all(each.measurements for each in both) and not images[0] & images[1]:
        return ""  # none of their measurements is one
    fields = {name for each in both for pair in each.naming.fields for name in pair}
    met = _met(fields, *(_fields(each) for each in both))
    return f"fields {met[0]} and {met[1]} are both {met[2]}" if met else ""


Called = Callable[[str], str | None]


def _measurements(stream: StreamDefinition) -> Called:
    """Return what tells how a measurement is called in central; None for one that is none of the stream's."""
    selected = set(stream.measurements)
    return lambda name: stream.naming.measurement(name) if not selected or name in selected else None


def _fields(stream: StreamDefinition) -> Called:
    left_out = set(stream.exclude_fields)
    return lambda name: stream.naming.field(name) if name not in left_out else None


def _met(names: set[str], one: Called, other: Called) -> tuple[str, str, str] | None:
    """Return two names of which `one` and `other` make the same, and that; None where there are none."""
    theirs = {there: name for name in sorted(names) if (there := other(name)) is not None}
    for name in sorted(names):
        there = one(name)
        if there is not None and theirs.get(there, name) != name:
            return name, theirs[there], there
    return None


def _apart(one: StreamDefinition, other: StreamDefinition) -> bool:
    """Say whether a tag that both are selected by tells their points apart in central."""
    theirs = dict(other.tags)
    return any(
        key in theirs
        and not {_renamed(one, key, value) for value in values} & {_renamed(other, key, value) for value in theirs[key]}
        for key, values in one.tags
    )


def _fixed(stream: StreamDefinition) -> set[str]:
    """Return the keys of the tags that are added in any case."""
    return {tag.value for tag in stream.metadata_tags if tag is not MetadataTag.HOST}


def _renamed(stream: StreamDefinition, key: str, value: str) -> str:
    return value_in_central(stream.renames, key, value) if stream.renames else value
