"""What `stream.renames` computes of processors.regex is what Telegraf does, tag by tag."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from lab.telegraf import run_telegraf
from telegraf_plugin.stream.renames import NotComparable, TagRule, changed
from tests.engines.plugin_process import read_line

RULES = [
    [TagRule("host", r"^POD-(\d+)$", "pod_${1}")],
    [TagRule("host", r"^POD-(\d+)$", "pod_${1}"), TagRule("host", "_", "-"), TagRule("host", "pod", "p")],
    [TagRule("host", r"(?i)^pod[-_]([[:digit:]]+)$", "$1x")],
    [TagRule("host", r"(?i)k", "<$0>")],
    [TagRule("host", r"[^\s\d]*$", "[$0]")],
    [TagRule("host", r"", "|")],
    [TagRule("host", r"o*?", "-")],
    [TagRule("host", r"(|a)*", "<$0>")],
    [TagRule("host", r"(|a)+", "<$0>")],
    [TagRule("host", r"(a*)+", "<$1>")],
    [TagRule("host", r"(?:(a)|b)*", "<$1>")],
    [TagRule("host", r"\B", "+")],
    [TagRule("host", r"\bweb", "$01|${00}|$0x|$$|$")],
    [TagRule("host", r"(?U)a+", "-")],
    [TagRule("host", r"\Q.\E", "_")],
    [TagRule("host", r"^(?P<site>[a-z]+)\.(?P<number>\d*)")],
    [TagRule("host", r"^(?P<aa>[a-z]+)")],
    [TagRule("host", r"^(?<host>[a-z]+)")],
    [TagRule("host", r"^([a-z]+)", "", "site")],
    [TagRule("host", r"^.*$", "$0", "aa")],
    [TagRule("host", r"^.*$", "$0-$0", "rack")],
    [TagRule("host", r"\d", "#", append=True)],
    [TagRule("rack", "x", "y"), TagRule("host", r".*", "", "rack")],
    [TagRule("host", r".*", "")],
    [TagRule("host", r".+", ""), TagRule("host", "^$", "was empty")],
    [TagRule("none", ".*", "x", "host")],
]
HOSTS = ["POD-8", "pod_8", "Pod-12", "web.1", "web", "aboo", "baac", "KELVIN K", "ärger", "a b", "a", "\u212a", "8"]
UNTOLD = [
    TagRule("ho*", ".*", "x"),
    TagRule("", ".*", "x"),
    TagRule("host", r"\pL", "x"),
    TagRule("host", r"a\C", "x"),
    TagRule("host", r"(?=a)", "x"),
    TagRule("host", r"a++", "x"),
    TagRule("host", r"(a)\1", "x"),
    TagRule("host", r"a{1001}", "x"),
    TagRule("host", ".*", "x", "rack", append=True),
    TagRule("host", "(?P<host>a)(?P<aa>b)"),
]


def test_tags_are_as_telegraf_leaves_them(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    escaped = [host.replace(" ", r"\ ") for host in HOSTS]
    lines.write_text("".join(f"m,host={host},rack=x{n % 2},zz=1 i={n}i 1\n" for n, host in enumerate(escaped)))
    conf = ["[agent]\n  omit_hostname = true\n  skip_processors_after_aggregators = true"]
    for number, rules in enumerate(RULES):
        conf.append(
            f"[[inputs.file]]\n  files = ['{lines}']\n  data_format = 'influx'\n"
            f"  [inputs.file.tags]\n    case = '{number}'"
        )
        conf.append(f"[[processors.regex]]\n  [processors.regex.tagpass]\n    case = ['{number}']")
        conf += [table(rule) for rule in rules]
    file = tmp_path / "telegraf.conf"
    file.write_text("\n".join(conf) + "\n")
    run = run_telegraf(["--config", str(file), "--test"], {}, tmp_path)
    assert run.returncode == 0, run.stderr
    told = {}
    for line in (read_line(text[2:]) for text in run.stdout.splitlines() if text.startswith("> ")):
        tags = dict(line.tags)
        told[int(tags.pop("case")), line.fields["i"]] = tags
    differing = []
    for (number, rules), (place, host) in product(enumerate(RULES), enumerate(HOSTS)):
        for rule in rules:
            rule.check()
        own = ((b"host", host.encode()), (b"rack", b"x%d" % (place % 2)), (b"zz", b"1"))
        found = {key.decode(): value.decode() for key, value in changed(rules, own)}
        if found != told[number, place]:
            differing.append((rules, host, found, told[number, place]))
    assert differing == []


@pytest.mark.parametrize("rule", UNTOLD, ids=lambda rule: f"{rule.key} {rule.pattern}")
def test_what_cannot_be_told_is_said(rule: TagRule) -> None:
    with pytest.raises(NotComparable):
        rule.check()


def table(rule: TagRule) -> str:
    keys = [f"key = '{rule.key}'", f"pattern = '{rule.pattern}'"]
    keys += [f"replacement = '{rule.replacement}'"] if rule.replacement else []
    keys += [f"result_key = '{rule.result_key}'"] if rule.result_key else []
    keys += ["append = true"] if rule.append else []
    return "\n    ".join(["  [[processors.regex.tags]]", *keys])
