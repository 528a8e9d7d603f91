"""Renamed measurements and fields: what passes under which name, what central is asked for, and which streams meet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.influxdb import central_flux
from telegraf_plugin.lint.subject import metrics_of
from telegraf_plugin.stream.block import Block, FieldType
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import DropReason
from telegraf_plugin.stream.mapping import MetadataTag, TagMapper
from telegraf_plugin.stream.naming import AS_THEY_ARE, Naming, Renamer
from telegraf_plugin.stream.renames import TagRule
from telegraf_plugin.stream.selection import crossing, meeting, named_in_central
from telegraf_plugin.telegraf.line_protocol import LineMapper, encode
from tests.unit.test_definition import STREAM

NAMING = Naming((("cpu", "site_cpu"),), (("usage", "idle"),))
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def pairs(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    """Distinct names with distinct new ones, as the configuration takes them."""
    found = draw(st.dictionaries(NAMES, NAMES, max_size=4))
    return tuple((old, new) for new, old in {new: old for old, new in found.items()}.items())


def block(measurement: str, field: str) -> Block:
    return Block(measurement.encode(), ((b"host", b"h"),), field.encode(), FieldType.INTEGER, [b"1"], [b"2"])


def mapper(naming: Naming, *tags: MetadataTag) -> LineMapper:
    return LineMapper(TagMapper("POD-8", "telegraf", tags), naming)


@given(pairs(), pairs())
def test_no_two_names_become_one_and_none_is_lost_without_a_word(
    measurements: tuple[tuple[str, str], ...], fields: tuple[tuple[str, str], ...]
) -> None:
    naming = Naming(measurements, fields)
    renamer, lines = Renamer(naming), mapper(naming)
    there: dict[tuple[bytes, bytes], tuple[str, str]] = {}
    dropped = 0
    for measurement in "abcde":
        for field in "abcde":
            named = renamer.renamed(block(measurement, field))
            mapped = lines.mapped(block(measurement, field))
            expected = naming.measurement(measurement), naming.field(field)
            if named is None:
                dropped += 1
                assert None in expected
                assert mapped is None
                continue
            assert mapped is not None
            key = named.measurement, named.field
            assert (key[0].decode(), key[1].decode()) == expected
            assert (mapped.measurement, mapped.field) == key
            assert key not in there
            there[key] = measurement, field
    assert lines.drops.points == dropped
    assert set(lines.drops) <= {DropReason.NAME_TAKEN}


def test_a_line_and_its_tag_field_have_the_new_names() -> None:
    mapped = mapper(NAMING, MetadataTag.FIELD).mapped(block("cpu", "usage"))
    assert mapped is not None
    assert encode(mapped) == b"site_cpu,field=idle,host=h idle=2i 1\n"


def test_what_cannot_pass_is_named_as_its_source_names_it() -> None:
    lines = mapper(Naming((("cpu", "#x"), ("a", "b"))))
    assert lines.mapped(block("cpu", "usage")) is None
    assert lines.mapped(block("b", "usage")) is None
    assert lines.drops[DropReason.UNWRITABLE_NAME].example == "cpu,host=h usage"
    assert lines.drops[DropReason.NAME_TAKEN].example == "b,host=h usage"


def test_two_names_are_swapped_by_renaming_both() -> None:
    swap = Naming((("a", "b"), ("b", "a")))
    assert [swap.measurement(name) for name in "abc"] == ["b", "a", "c"]


def test_central_is_asked_by_the_new_names() -> None:
    stream = replace(STREAM, measurements=("cpu", "mem"), exclude_fields=("idle", "other"), naming=NAMING)
    text = central_flux.points_query(stream, 0, 10).text
    assert '"site_cpu"' in text
    assert '"mem"' in text
    assert '"cpu"' not in text
    assert '"idle"' not in text  # at the source that is another one, which is left out
    assert '"other"' in text
    assert [metric.measurement for metric in metrics_of(stream)[:-1]] == ["site_cpu", "mem"]
    assert named_in_central(replace(stream, naming=AS_THEY_ARE)) == replace(stream, naming=AS_THEY_ARE)


def test_another_naming_is_another_definition_and_none_is_what_it_was() -> None:
    renamed = replace(STREAM, naming=NAMING)
    assert len({STREAM.hash, renamed.hash, replace(STREAM, naming=Naming((), NAMING.fields)).hash}) == 3
    assert renamed.hash_without_renames != STREAM.hash_without_renames
    assert replace(STREAM, naming=Naming()).hash == STREAM.hash


A = replace(STREAM, name="a", measurements=("cpu",))
B = replace(STREAM, name="b", measurements=("mem",))
TO_X = Naming((("cpu", "x"),))


@pytest.mark.parametrize(
    ("one", "other", "met"),
    [
        (A, B, ""),
        (replace(A, naming=TO_X), B, ""),
        (replace(A, naming=TO_X), replace(B, naming=Naming((("mem", "x"),))), "measurements cpu and mem are both x"),
        (replace(A, naming=Naming((("cpu", "mem"),))), B, "measurements cpu and mem are both mem"),
        (replace(A, measurements=(), naming=Naming((("cpu", "mem"),))), B, "measurements cpu and mem are both mem"),
        (replace(A, naming=TO_X), replace(B, measurements=()), "measurements cpu and x are both x"),
        (replace(A, naming=TO_X), replace(A, name="b", naming=TO_X), ""),
        (replace(A, naming=Naming((), (("p", "q"),))), replace(A, name="b"), "fields p and q are both q"),
        (replace(A, naming=Naming((), (("p", "q"),))), replace(A, name="b", exclude_fields=("q",)), ""),
        (replace(A, naming=Naming((), (("p", "q"),))), B, ""),
        (replace(A, naming=TO_X), replace(B, measurements=("x",), central_bucket="elsewhere"), ""),
        (replace(A, naming=TO_X, tags=(("t", ("1",)),)), replace(B, measurements=("x",), tags=(("t", ("2",)),)), ""),
        (
            replace(A, naming=TO_X, tags=(("t", ("1",)),)),
            replace(B, measurements=("x",), tags=(("t", ("1", "2")),)),
            "measurements cpu and x are both x",
        ),
    ],
)
def test_streams_that_give_different_names_one_name_are_known(
    one: StreamDefinition, other: StreamDefinition, met: str
) -> None:
    assert crossing(one, other) == met
    assert bool(crossing(other, one)) == bool(met)


def test_streams_of_other_measurements_in_central_do_not_meet() -> None:
    one = replace(A, tags=(("host", ("POD-8",)),), rewritten_tags=(), naming=TO_X)
    other = replace(A, name="b", tags=(("host", ("pod_8",)),), rewritten_tags=(), naming=Naming((("cpu", "y"),)))
    rule = TagRule("host", "^POD-8$", "pod_8", "", False)
    one, other = (replace(each, renames=(rule,)) for each in (one, other))
    assert meeting(one, other) == ""
    assert meeting(replace(one, naming=AS_THEY_ARE), replace(other, naming=AS_THEY_ARE)) != ""
