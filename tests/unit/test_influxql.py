"""InfluxQL statements: no name is code, and what the grammar cannot carry is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.influxdb.influxql import (
    Place,
    UnspeakableName,
    identifier,
    layout_statement,
    measurements_statement,
    rows_statement,
    string,
)
from telegraf_plugin.stream.selection import Condition

PLACE = Place("a", 'b"c')


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_quoted_name_means_exactly_the_name(name: str) -> None:
    for quote, quoted in (('"', identifier(name)), ("'", string(name))):
        assert re.fullmatch(rf"{quote}(?:[^\\{quote}]|\\.)*{quote}", quoted, re.DOTALL)
        assert re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL) == name


@pytest.mark.parametrize("name", ["", "a\nb", "a\rb", "tab\t", "\x00", "\x7f"])
def test_what_the_grammar_cannot_carry_is_refused(name: str) -> None:
    for quote in (identifier, string):
        with pytest.raises(UnspeakableName):
            quote(name)


def _is(key: str, *values: str) -> tuple[Condition, ...]:
    return ((key, values),)


def test_points_are_asked_for_by_policy_measurement_tags_and_time() -> None:
    assert rows_statement(PLACE, "c'd", ((_is("k", "v", "w'x"),), (_is("l", "y"),)), (-5, 7)) == (
        """SELECT *::field FROM "a"."b\\"c"."c'd" WHERE ("k"::tag = 'v' OR "k"::tag = 'w\\'x') AND ("l"::tag = 'y') """
        "AND time >= -5 AND time < 7 GROUP BY *"
    )
    assert layout_statement(PLACE, ["m", "n"]) == 'SHOW FIELD KEYS FROM "a"."b\\"c"."m", "a"."b\\"c"."n"'
    assert measurements_statement(PLACE) == 'SHOW MEASUREMENTS ON "a"."b\\"c"'


def test_a_tag_of_no_value_is_not_asked_for() -> None:
    with pytest.raises(UnspeakableName):
        rows_statement(PLACE, "m", ((_is("k", "v", ""),),), (0, 1))
