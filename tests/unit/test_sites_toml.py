"""telegraf.conf edited as text: outputs found, put in and taken out; all else stays byte for byte."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.sites import toml_text
from telegraf_plugin.sites.outputs import OUTPUT
from telegraf_plugin.sites.toml_text import blocks, insert_behind, list_at, remove, same, with_entry, without_entry
from telegraf_plugin.sites.yaml_text import NotEditable
from tests.unit.test_lint import ROOT

SHIPPED = (ROOT / "telegraf.conf").read_text()
NEW = ["## C.", f"[[{OUTPUT}]]", '  alias = "c"', f"  [{OUTPUT}.tagpass]", '    source_bucket = ["c"]']
MEANS = {"alias": "c", "tagpass": {"source_bucket": ["c"]}}
ODD = '''\
[agent]
  text = """
[[outputs.influxdb_v2]]
  "quoted \\""" and on
"""
  other = \'\'\'
[[outputs.influxdb_v2]]\'\'\'
  lists = [
[1, 2],  # [[outputs.influxdb_v2]]
["]"],
  ]
[[outputs.influxdb_v2]] # the first
  alias = "a"
  # [[outputs.influxdb_v2]]
  [outputs.influxdb_v2.tagpass]
    source_bucket = [ "a",  # one ]
      'b',
    ] # both
    ## of a, too
  [[outputs.influxdb_v2.deep]]
    x = 1

## The second.
[[ outputs.influxdb_v2 ]]
  alias = "b"
[[outputs.health]]
  x = "[[outputs.influxdb_v2]]"'''


def meaning(text: str) -> Any:
    return tomllib.loads(text.replace("\r\n", "\n"))


@pytest.mark.parametrize("text", [SHIPPED, ODD])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_block_for_each_output_in_the_file(text: str, ending: str) -> None:
    text = text.replace("\n", ending)
    found = blocks(text, OUTPUT)
    outputs = meaning(text)["outputs"]["influxdb_v2"]
    lines = text.split("\n")
    assert len(found) == len(outputs)
    for block, output in zip(found, outputs, strict=True):
        inside = "\n".join(lines[block.first : block.last + 1])
        assert meaning(f"{inside}\n")["outputs"]["influxdb_v2"] == [output]
        assert lines[block.last].strip()


@pytest.mark.parametrize("text", [SHIPPED, ODD])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_what_is_put_in_can_be_taken_out_again(text: str, ending: str, last: str) -> None:
    text = (text.rstrip("\n") + last).replace("\n", ending)
    for number, block in enumerate(blocks(text, OUTPUT)):
        expected = meaning(text)
        expected["outputs"]["influxdb_v2"].insert(number + 1, MEANS)
        edited = insert_behind(text, block, NEW)
        same(edited, expected)
        assert edited.count("\r\n") == (edited.count("\n") if ending == "\r\n" else 0)
        assert remove(edited, blocks(edited, OUTPUT)[number + 1]) == text
    edited = insert_behind(text, None, NEW)
    expected = meaning(text)
    expected["outputs"]["influxdb_v2"].append(MEANS)
    same(edited, expected)
    assert remove(edited, blocks(edited, OUTPUT)[-1]) == text.rstrip("\r\n") + ending


@pytest.mark.parametrize("text", [SHIPPED, ODD])
def test_each_output_can_be_taken_out(text: str) -> None:
    for number, block in enumerate(blocks(text, OUTPUT)):
        expected = meaning(text)
        del expected["outputs"]["influxdb_v2"][number]
        same(remove(text, block), expected)


def test_an_output_goes_with_the_comment_above_it_alone() -> None:
    text = "## All.\n\n## A.\n[[o]]\n  x = 1\n\n## B.\n[[o]]\n  x = 2\n"
    assert remove(text, blocks(text, "o")[0]) == "## All.\n\n## B.\n[[o]]\n  x = 2\n"
    assert remove(text, blocks(text, "o")[1]) == "## All.\n\n## A.\n[[o]]\n  x = 1\n"


def test_entries_of_a_list_in_whatever_form() -> None:
    place = list_at(ODD, blocks(ODD, OUTPUT)[0], f"{OUTPUT}.tagpass", "source_bucket")
    edited = with_entry(ODD, place, '"c"')
    expected = meaning(ODD)
    expected["outputs"]["influxdb_v2"][0]["tagpass"]["source_bucket"] = ["a", "b", "c"]
    same(edited, expected)
    place = list_at(edited, blocks(edited, OUTPUT)[0], f"{OUTPUT}.tagpass", "source_bucket")
    assert without_entry(edited, place, 2) == ODD
    for number in range(3):
        expected["outputs"]["influxdb_v2"][0]["tagpass"]["source_bucket"] = [
            each for at, each in enumerate("abc") if at != number
        ]
        same(without_entry(edited, place, number), expected)
    empty = "[[o]]\n[o.t]\nk = []\n"
    assert with_entry(empty, list_at(empty, blocks(empty, "o")[0], "o.t", "k"), '"c"') == '[[o]]\n[o.t]\nk = ["c"]\n'


@pytest.mark.parametrize(
    "text",
    [
        '[[o]]\ntagpass = {k = ["a"]}\n',
        '[[o]]\ntagpass.k = ["a"]\n',
        '[[o]]\n[o.tagdrop]\nk = ["a"]\n',
        '[[o]]\n[[o]]\n[o.tagpass]\nk = ["a"]\n',
    ],
)
def test_a_list_elsewhere_is_not_taken_for_it(text: str) -> None:
    with pytest.raises(NotEditable, match=r"has no list k in a table \[o.tagpass\]"):
        list_at(text, blocks(text, "o")[0], "o.tagpass", "k")


def test_what_means_another_thing_is_refused() -> None:
    with pytest.raises(NotEditable):
        same("a = 1", {"a": 2})
    with pytest.raises(NotEditable):
        same("a = ", {"a": 2})


VALUES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=6,
)


@given(VALUES)
def test_a_value_is_written_as_it_is_read(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_text.written(value)}")["x"] == value
