"""YAML edited as text: what is put in or taken out, in whatever form the file has; all else stays byte for byte."""

from __future__ import annotations

import pytest
import yaml

from telegraf_plugin.sites.yaml_text import NotEditable, YamlText, same
from tests.unit.test_lint import ROOT

SHIPPED = (ROOT / "config" / "queries.yaml").read_text()
ENTRY = ["name: C", "streams:", "  - bucket: c"]
MEANS = {"name": "C", "streams": [{"bucket": "c"}]}
FORMS = {
    "shipped": SHIPPED,
    "plain": "sources:\n  - name: A\n    streams:\n      - bucket: a\n",
    "not indented": "sources:\n- name: A\n  streams:\n  - bucket: a\n",
    "far in": "sources:\n      -   name: A\n          streams: [{bucket: a}]\n",
    "a key behind": "sources:\n  - name: A\n    url: u\n\n  - name: B\n    url: u\n\n## what else\nother: [1, 2]\n",
    "a comment at its end": "sources:\n  - name: A\n    url: u  # here\n    ## and more of it\n# the end\n",
    "text of several lines": "sources:\n  - name: A\n    flux: |\n      a\n\n      b\n\nother: 1\n",
    "folded text at the end": "sources:\n  - name: A\n    flux: >-\n      a\n      b\n",
    "no end of its last line": "sources:\n  - name: A\n    url: 'u'",
    "empty values": "sources:\n  - name: A\n    url:\n    org:\nother:\n",
    "a long text": 'sources:\n  - name: A\n    url: "a very \\\n      long one"\n    org: o\n',
    "umlauts before it": "x: Büro 😀\nsources:\n  - name: Büro\n    url: ü\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_is_put_in_is_all_that_changes(form: str, ending: str) -> None:
    text = FORMS[form].replace("\n", ending)
    edited = YamlText(text)
    before = edited.meaning()
    edited.append(("sources",), ENTRY)
    same(edited, before | {"sources": [*before["sources"], MEANS]})
    added = edited.text.splitlines(keepends=True)
    kept = text.splitlines(keepends=True)
    assert set(ending.join(kept).split()) <= set(ending.join(added).split())
    new = [line for line in added if line.strip() in {"- name: C", "name: C", "- bucket: c"}]
    assert new
    assert all(line.endswith(ending) for line in added[:-1])
    edited.remove(("sources",), len(before["sources"]))
    assert edited.text == text + (ending if not text.endswith("\n") else "")


@pytest.mark.parametrize("form", FORMS)
def test_each_entry_can_be_taken_out(form: str) -> None:
    for number in range(len(yaml.safe_load(FORMS[form])["sources"])):
        edited = YamlText(FORMS[form])
        expected = edited.meaning()
        if len(expected["sources"]) == 1:
            continue
        del expected["sources"][number]
        edited.remove(("sources",), number)
        same(edited, expected)


def test_an_entry_goes_with_the_comments_that_are_its_own() -> None:
    text = "sources:\n  ## all of them\n  - name: A\n    ## of A\n  ## of B\n  - name: B\n    # more of B\n\n"
    text += "  - name: C\n# end\n"
    edited = YamlText(text)
    edited.remove(("sources",), 1)
    assert edited.text == "sources:\n  ## all of them\n  - name: A\n    ## of A\n  - name: C\n# end\n"
    edited.remove(("sources",), 0)
    assert edited.text == "sources:\n  ## all of them\n  - name: C\n# end\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  - x: 1\n", "a:\n  - x: 1\n    tags: [h]\n"),
        ("a:\n  - x: 1\n    tags: [a, b]  # why\n    y: 2\n", "a:\n  - x: 1\n    tags: [h]  # why\n    y: 2\n"),
        ("a:\n  - x: 1\n    tags:\n      - a\n      - b\n    y: 2\n", "a:\n  - x: 1\n    tags: [h]\n    y: 2\n"),
        ("a:\n  - x: |\n      t\n    y: 2\n", "a:\n  - x: |\n      t\n    tags: [h]\n    y: 2\n"),
    ],
)
def test_a_key_is_set(text: str, expected: str) -> None:
    edited = YamlText(text)
    edited.set(("a", 0), "tags", "[h]")
    assert edited.text == expected


def test_lists_in_brackets_take_and_lose_entries() -> None:
    text = "a: [x, 'y', z]  # three\nb: 1\n"
    edited = YamlText(text)
    edited.append(("a",), ["w"])
    assert edited.text == "a: [x, 'y', z, w]  # three\nb: 1\n"
    edited.remove(("a",), 3)
    assert edited.text == text
    edited.remove(("a",), 0)
    assert edited.text == "a: ['y', z]  # three\nb: 1\n"
    edited.remove(("a",), 1)
    edited.remove(("a",), 0)
    assert edited.text == "a: []  # three\nb: 1\n"


def test_a_key_is_put_behind_the_others_and_dropped() -> None:
    text = "a: 1\ns:\n  x:\n    file: f\n    # of x\n# of nothing\n"
    edited = YamlText(text)
    edited.put(("s",), ["y:", "  file: g"])
    assert edited.text == "a: 1\ns:\n  x:\n    file: f\n    # of x\n  y:\n    file: g\n# of nothing\n"
    edited.drop(("s",), "y")
    assert edited.text == text


@pytest.mark.parametrize(
    "text",
    [
        "sources: {}\n",
        "sources: []\n",
        "sources:\n",
        "other: 1\n",
        "sources: [{name: A}]\n",
        "sources: [\n  {name: A},\n]\n",
        "- a\n",
    ],
)
def test_a_form_that_was_not_thought_of_is_refused(text: str) -> None:
    with pytest.raises(NotEditable):
        YamlText(text).append(("sources",), ENTRY)


def test_what_is_no_yaml_is_refused() -> None:
    with pytest.raises(NotEditable, match="is not YAML"):
        YamlText("a: [")
    with pytest.raises(NotEditable, match="not written with a line for each key"):
        YamlText("a: [{x: 1}]").set(("a", 0), "y", "2")
    with pytest.raises(NotEditable, match="not edited here"):
        same(YamlText("a: 1"), {"a": 2})


def test_an_entry_that_stands_elsewhere_by_an_alias_is_found_out() -> None:
    """The parser says where the anchor is: the text would be cut there."""
    text = "x: &one\n  name: A\n  url: u\nsources:\n  - *one\n"
    edited = YamlText(text)
    expected = edited.meaning()
    with pytest.raises(NotEditable):  # noqa: PT012 (either says so)
        edited.append(("sources",), ENTRY)
        same(edited, expected | {"sources": [*expected["sources"], MEANS]})
