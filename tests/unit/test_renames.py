"""What Telegraf's processors.regex makes of tags, by Go's rules (tests/engines/test_tag_rules.py asks Telegraf)."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.renames import NotComparable, TagRule, changed, renamed, value_in_central


@pytest.mark.parametrize(
    ("replacement", "made"),
    [
        ("pod_${1}", "pod_8"),
        ("$1", "8"),
        ("$0!", "POD-8!"),
        ("${n}", "8"),
        ("$1x", ""),  # the group called 1x
        ("$1-x", "8-x"),
        ("$01", ""),  # no number, but a name
        ("${2}", ""),
        ("a${9}b", "ab"),
        ("a$99999999b", "a"),
        ("a${99999999}b", "ab"),
        ("a${100000000}b", "ab"),
        ("$$1", "$1"),
        ("a$", "a$"),
        ("a$-", "a$-"),
    ],
)
def test_a_replacement_is_expanded_as_go_does_and_a_group_that_is_not_there_is_empty(
    replacement: str, made: str
) -> None:
    assert renamed("POD-8", r"^POD-(?P<n>\d+)$", replacement) == made


@pytest.mark.parametrize(
    ("value", "pattern", "made"),
    [
        ("baaac", "a*", "xbxcx"),  # an empty match behind another one is none
        ("abc", "", "xaxbxcx"),
        ("abab", "b", "axax"),
        ("abab", "^a", "xbab"),
        ("", "^$", "x"),
        ("abc", "d", None),
    ],
)
def test_all_that_matches_is_replaced_as_go_does(value: str, pattern: str, made: str | None) -> None:
    assert renamed(value, pattern, "x") == made


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (TagRule("", "a"), "without key"),
        (TagRule("ho*", "a"), "several tags"),
        (TagRule("host", "(?P<a"), "not one of Go's"),
        (TagRule("host", r"\pL"), r"has \\p"),
        (TagRule("host", r"\\\C"), r"has \\p"),  # a backslash, and one byte
        (TagRule("host", "a", "b", "other", append=True), "appends to another tag"),
        (TagRule("host", "(?P<host>a)(?P<other>b)"), "taken apart"),
    ],
)
def test_a_rule_of_which_it_is_not_certain_what_it_does_is_refused(rule: TagRule, why: str) -> None:
    with pytest.raises(NotComparable, match=why):
        rule.check()


@pytest.mark.parametrize(
    "rule",
    [
        TagRule("host", "a", "b"),
        TagRule("host", "a", "b", "host", append=True),
        TagRule("host", "a", "b", "other"),
        TagRule("host", r"\\pL", "b"),  # a backslash, and the letters pL
        TagRule("host", "(?P<host>a)"),
        TagRule("host", "(?P<one>a)(?P<other>b)"),
    ],
)
def test_other_rules_are_taken(rule: TagRule) -> None:
    rule.check()


@pytest.mark.parametrize(
    ("rule", "tags"),
    [
        (TagRule("host", "POD", "pod"), ((b"host", b"pod-8"), (b"k", b"v"))),
        (TagRule("host", ".*", ""), ((b"k", b"v"),)),  # what becomes empty is none in central
        (TagRule("host", "no", "pod"), ((b"host", b"POD-8"), (b"k", b"v"))),
        (TagRule("lacking", "", "x"), ((b"host", b"POD-8"), (b"k", b"v"))),
        (TagRule("host", r".*-(\d)", "$1", "a"), ((b"a", b"8"), (b"host", b"POD-8"), (b"k", b"v"))),
        (TagRule("host", ".*", "!", append=True), ((b"host", b"POD-8!"), (b"k", b"v"))),
        (TagRule("k", ".*", "w", "host"), ((b"host", b"w"), (b"k", b"v"))),
        (TagRule("host", r"(?P<z>[A-Z]*)-(?P<k>\d*)"), ((b"host", b"POD-8"), (b"k", b"8"), (b"z", b"POD"))),
        (TagRule("host", r"(?P<z>x*)POD-(?P<k>\d*)"), ((b"host", b"POD-8"), (b"k", b"8"))),  # an empty group is no tag
    ],
)
def test_a_rule_makes_of_tags_what_telegraf_does(rule: TagRule, tags: tuple[tuple[bytes, bytes], ...]) -> None:
    assert changed((rule,), ((b"host", b"POD-8"), (b"k", b"v"))) == tags


def test_each_rule_sees_what_the_one_before_has_made() -> None:
    rules = (TagRule("host", "POD", "pod"), TagRule("host", "pod-", "rack "))
    assert changed(rules, ((b"host", b"POD-8"),)) == ((b"host", b"rack 8"),)
    assert value_in_central(rules, "host", "POD-8") == "rack 8"


def test_a_value_that_other_tags_have_a_part_in_or_of_which_nothing_is_left_cannot_be_told() -> None:
    with pytest.raises(NotComparable, match="made of rack"):
        value_in_central((TagRule("rack", ".*", "x", "host"),), "host", "POD-8")
    with pytest.raises(NotComparable, match="nothing is left"):
        value_in_central((TagRule("host", ".*", ""),), "host", "POD-8")
