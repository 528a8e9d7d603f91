"""What the lint computes of Telegraf's rules is what Telegraf does: filters, variables and renames."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from lab.telegraf import run_telegraf
from telegraf_plugin.lint.glob import matches, quoted
from telegraf_plugin.lint.renames import NotComparable, renamed
from telegraf_plugin.lint.telegraf_conf import Table
from telegraf_plugin.lint.variables import substitute
from tests.engines.plugin_process import Line, read_line

FILTERS = [
    ["telegraf"],
    ["telegraf", "power"],
    ["tele*"],
    ["*"],
    ["**"],
    ["a?c"],
    ["{telegraf,power}"],  # without * ? [ literal
    ["{telegraf,power}*"],
    ["{tele{graf,x},p*}"],
    ["[abc]*"],
    ["[!abc]*"],
    ["[a-c]bc"],
    ["[!a-c]bc"],
    ["[ab-]bc"],
    ["[^ab]bc"],
    [r"[\-a]bc"],
    ["a[1]"],
    [r"a\[1\]"],
    [r"a\[1\]", "telegraf"],
    [r"a\bc"],
    [r"a\bc", "x*"],
    [r"a\*c"],
    ["a,c"],
    ["a,c", "x*"],
    ["a}c", "x*"],
    ["TELEGRAF"],
    [quoted("a[1]")],
    [quoted("a*c")],
    [quoted("{x},y?")],
    [quoted("{x}")],
]
NAMES = [
    "telegraf",
    "telegra",
    "power",
    "abc",
    "dbc",
    "-bc",
    "^bc",
    "`bc",
    "a1",
    "a[1]",
    r"a\[1\]",
    "a*c",
    r"a\bc",
    "a,c",
    "a}c",
]
NAMES += ["telex", "{telegraf,power}", "{x},y?", "{x}", "TELEGRAF", "x", "Ärger"]

ENVIRONMENT = {"SET": "set", "EMPTY": "", "NESTED": "${SET}", "_LOW": "low"}
TEXTS = [
    "${SET}",
    "$SET",
    "x${SET}y${SET}z",
    "${UNSET}",
    "$UNSET",
    "${UNSET:-default}",
    "${EMPTY:-default}",
    "${EMPTY-default}x",
    "${SET:-default}",
    "${UNSET-default}",
    "${SET:+given}",
    "${UNSET:+given}x",
    "${UNSET:-${SET}}",
    "${UNSET:-a}${SET:-b}",
    "${UNSET:-a}/${SET}",
    "$$SET",
    "$${SET}",
    "${1}",
    "pod_${1}x",
    "$1",
    "^a$",
    "${NESTED}",
    "${_LOW}",
    "${SET",
    "${}",
    "${SET }",
    "a$",
]

RENAMES = [
    (r"^POD-(\d+)$", "pod_${1}"),
    (r"^POD-(?P<n>\d+)$", "${n}_$n"),
    (r"^POD-(?<n>\d+)$", "x$n"),
    (r"POD-(\d+)", "$1x"),
    (r"(?i)pod", "p"),
    (r"o*", "-"),
    (r"(a)|(b)", "<$1$2>"),
    (r"\w", "w"),
    (r"[^a-z]+$", "${9}end"),
    (r"(?:POD)-", ""),
]
HOSTS = ["POD-8", "POD-30", "pod_8", "xPOD-8y", "aboo", "ärger", "Pod-8"]


def test_filters_variables_and_renames_are_telegrafs(tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    data = [f"names,v={escaped(name)} i={number}i 1" for number, name in enumerate(NAMES)]
    data += [f"hosts,host={escaped(name)} i={number}i 1" for number, name in enumerate(HOSTS)]
    lines.write_text("\n".join(data) + "\n")
    conf = ["[agent]\n  omit_hostname = true\n  skip_processors_after_aggregators = true"]
    for number, patterns in enumerate(FILTERS):
        conf.append(reads(lines, f"filter{number}", "names", f"[inputs.file.tagpass]\n    v = {toml(patterns)}"))
    for number, (pattern, replacement) in enumerate(RENAMES):
        conf.append(reads(lines, f"rename{number}", "hosts", ""))
        conf.append(
            f"[[processors.regex]]\n  [processors.regex.tagpass]\n    case = ['rename{number}']\n"
            f"  [[processors.regex.tags]]\n    key = 'host'\n"
            f"    pattern = '{pattern}'\n    replacement = '{replacement}'"
        )
    # In brackets: a tag that is empty is none.
    texts = "\n".join(f"    t{number} = '<{text}>'" for number, text in enumerate(TEXTS))
    conf.append(reads(lines, "texts", "hosts", "") + "\n" + texts)
    conf.append("[[outputs.discard]]")
    (tmp_path / "telegraf.conf").write_text("\n".join(conf))
    run = run_telegraf(["--config", "telegraf.conf", "--test"], ENVIRONMENT, tmp_path)
    assert run.returncode == 0, run.stderr
    told = [read_line(line[2:]) for line in run.stdout.splitlines() if line.startswith("> ")]

    assert all(matches([quoted(name)], name) for name in NAMES)
    expected = {(n, i) for (n, f), (i, name) in product(enumerate(FILTERS), enumerate(NAMES)) if matches(f, name)}
    found = {
        (n, i)
        for (n, _), (i, _) in product(enumerate(FILTERS), enumerate(NAMES))
        if of(told, f"filter{n}", i) is not None
    }
    differing = [(FILTERS[n], NAMES[i], (n, i) in found) for n, i in expected ^ found]
    assert differing == []

    for number, (pattern, replacement) in enumerate(RENAMES):
        rule = Table("rule", {"key": "host", "pattern": pattern, "replacement": replacement})
        for place, host in enumerate(HOSTS):
            line = of(told, f"rename{number}", place)
            assert line is not None
            try:
                assert renamed(host, [rule]) == line.tags.get("host", ""), (pattern, replacement, host)
            except NotComparable:
                raise AssertionError(pattern) from None

    line = of(told, "texts", 0)
    assert line is not None
    given = {"PATH": "", **ENVIRONMENT}
    for number, text in enumerate(TEXTS):
        assert substitute(f"<{text}>", given, set()) == line.tags[f"t{number}"], text


def reads(lines: Path, case: str, measurement: str, more: str) -> str:
    """An input that brings the lines of one measurement, under its case's name; what follows may add to its tags."""
    head = f"[[inputs.file]]\n  files = ['{lines}']\n  data_format = 'influx'\n  namepass = ['{measurement}']"
    return f"{head}\n  {more}\n  [inputs.file.tags]\n    case = '{case}'"


def of(told: list[Line], case: str, number: int) -> Line | None:
    return next((line for line in told if line.tags.get("case") == case and line.fields["i"] == number), None)


def toml(texts: list[str]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in texts) + "]"


def escaped(text: str) -> str:
    return text.replace(",", r"\,").replace(" ", r"\ ").replace("=", r"\=")
