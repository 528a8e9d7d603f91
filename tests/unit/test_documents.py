"""What the documents say of messages, numbers and names is what the program says."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from telegraf_plugin import audit, cli, compare
from telegraf_plugin.commands import arguments, last_word, versions
from telegraf_plugin.config import values, yaml_file
from telegraf_plugin.influxdb import (
    annotated_csv,
    failures,
    flux,
    http_client,
    messagepack,
    overwrite_guard,
    passage,
)
from telegraf_plugin.stream import (
    account,
    bounds,
    collector,
    course,
    health,
    holds,
    ledger,
    ledger_watch,
    overwrites,
    quarantine,
    retries,
)
from telegraf_plugin.stream.course import Course
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.telegraf import line_protocol, logs
from tests.unit.test_definition import STREAM
from tests.unit.test_lint import ROOT
from tests.unit.test_messages import messages

README = (ROOT / "README.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
SECOND_NS, HOUR, MIB = 1_000_000_000, 3600, 2**20

# Said by somebody else: Telegraf, the operating system, the libraries that read YAML, and InfluxDB behind a colon.
FOREIGN = re.compile(
    r"no route to host|network is unreachable|Keys should be strings|found character|Strict environment variable"
    r"|unsupported (input type|aggregate column)|queue length exceeded|memory allocation limit|could not find bucket"
    r"|panic: unsupported|organization name|cannot start any token|Permission denied|Is a directory|No such file"
    r"|database not found|Broken pipe|field type conflict|Failed to connect to|address already in use"
)
PLACES = re.compile(
    r"…|\.\.\.|\b[A-Z][A-Z_/:]*\b(?!=)|[0-9][0-9,.]*|'[^']*'|\"[^\"]*\"|<[^>]*>|\$\{|\||: |; |collector: "
    r"|\b(?:ahead of|float|integer|here|telegraf\.conf|metrics|stream of this source|(?<=another )source|problems?)\b"
    r"|\bpod_\d*|(?<!to )\bhost\b|\bare both\b|\bwould overwrite[^`]*"
    r"|(?<=no )(?:stream or source|command|server)(?= is called)|KEY=value"
    r"|(?:the token|\b(?:telegraf|data-collector))(?= (?:is|does) )|(?<=without )measurements, [a-z_, ]+"
)
"""What stands for something else in a message that is quoted (a place, a number, a name), or joins two messages."""


def texts_of(file: Path) -> str:
    """All texts of a Python file, what is put into them left out as NUL; of another file the whole."""
    if file.suffix != ".py":
        return file.read_text()
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return "\n".join(found)


SAID = "\n".join(
    texts_of(file)
    for file in (
        *(ROOT / "telegraf_plugin").rglob("*.py"),
        *(ROOT / "lab").rglob("*.py"),
        *(ROOT / "scripts").iterdir(),
    )
    if file.is_file()
) + "\n".join(text for text, _ in messages())


def quoted() -> list[str]:
    """Each message that docs/troubleshooting.md quotes in the first column of a table, or as a line of the log."""
    ours = re.sub(r"\n### Writing to central\n.*?(?=\n## )", "", TROUBLE, flags=re.DOTALL)  # Telegraf's own messages
    ours = ours.split("\n## Health")[0]
    found = []
    for line in ours.splitlines():
        if line.startswith("| ") and not line.startswith(("| [", "| Kind", "|---")):
            found += re.findall(r"`([^`]+)`", re.sub(r"\\\|", "\0", line).split(" | ")[0].replace("\0", "|"))
        elif re.match(r"    (ERROR|WARNING|INFO) ", line):
            found.append(line.strip())
    return found


@pytest.mark.parametrize("message", quoted())
def test_a_message_that_is_quoted_is_one_that_is_said(message: str) -> None:
    pieces = [piece.strip(" :;,()[]") for piece in PLACES.split(message)]
    unsaid = [piece for piece in pieces if len(piece) > 7 and not FOREIGN.search(piece) and piece not in SAID]
    assert unsaid == []


def test_there_are_messages_to_look_for() -> None:
    assert len(quoted()) > 120


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (TROUBLE, f"Said when they differ by more than {audit.MAX_SKEW:g} s"),
        (README, f"| InfluxDB, sources and central | {'.'.join(map(str, versions.NEEDED))} or newer"),
        (TROUBLE, f"A mark is on its way for more than {ledger_watch.OVERDUE // SECOND_NS} s"),
        (TROUBLE, f"expected a number from {values.MIN_IN_FLIGHT} to 10000000"),
        (TROUBLE, f"it gets it, up to {'an hour' if failures.LONGEST_WAIT == 3600 else failures.LONGEST_WAIT}"),
        (CONFIGURATION, f"`{values.MAX_SWEEP_PERCENT}%` at most"),
        (OPERATIONS, f"for {('three', 'four')[last_word.SILENT_INTERVALS - 3]} of its intervals"),
        (GUARANTEES, f"after {holds.LOOKS.first / SECOND_NS:g} s, then less often, up to an hour"),
        (GUARANTEES, "Either at most twice the lookback"),
        (GUARANTEES, "but for a minute, is not read"),
        (GUARANTEES, "A retention that is changed is known within an hour"),
        (GUARANTEES, "it is tried ever less, up to once an hour"),
        (TROUBLE, "Longer than two intervals: see `cannot be compared with`"),
        (TROUBLE, f"a row of more than {annotated_csv.MAX_ROW_BYTES:,} bytes"),
        (TROUBLE, f"`is larger than {yaml_file.MAX_BYTES:,} bytes`, `holds more than {yaml_file.MAX_VALUES:,} values"),
        (TROUBLE, f"Each is one line, at most {logs.MAX_LINE_BYTES // 1024} KiB"),
        (TROUBLE, f"take more than {line_protocol.MAX_KEY_BYTES:,} bytes"),
        (TROUBLE, f"A string of more than {line_protocol.MAX_STRING_BYTES // MIB} MiB"),
        (
            SECURITY,
            f"at most {annotated_csv.MAX_ROW_BYTES / MIB:.1f} MiB of a row "
            f"({messagepack.MAX_ROW_BYTES / MIB:.1f} MiB by InfluxQL), "
            f"{http_client.MAX_ERROR_BYTES // 1024} KiB",
        ),
        (
            SECURITY,
            f"after {flux.ONE_ROW_BYTES // 1024} KiB, after {http_client.MAX_DOCUMENT_BYTES // MIB} MiB of what is",
        ),
        (ARCHITECTURE, f"beyond {overwrite_guard.MAX_OVERWRITTEN_SERIES} such series in a span"),
        (ARCHITECTURE, f"beyond {overwrite_guard.MAX_PUT_OFF_BYTES // 1024} KiB of their points"),
        (ARCHITECTURE, f"with more than {overwrites.MAX_EARLIER} others"),
        (ARCHITECTURE, f"Beyond {overwrites.MAX_SERIES:,} series and fields"),
        (ARCHITECTURE, f"or {overwrites.MAX_WAYS:,} ways"),
        (ARCHITECTURE, f"Of more than {passage.MAX_LOSSY_COLUMNS} such columns"),
        (ARCHITECTURE, f"take more than {passage.MAX_LOSSY_BYTES // MIB} MiB, nobody"),
        (ARCHITECTURE, f"the {ledger.MAX_SPANS} longest"),
        (ARCHITECTURE, f"Both sides as sets of at most {compare.SET_POINTS:,} points"),
        (ARCHITECTURE, f"At a tick the last {course.OVERLAP // SECOND_NS} s of the newest pending span"),
        (ARCHITECTURE, f"and every {account.RENEW // SECOND_NS // 60} minutes in any case"),
        (OPERATIONS, f"the newest is renewed every {account.RENEW // SECOND_NS // 60} minutes"),
        (OPERATIONS, f"Each read goes over the last {course.OVERLAP // SECOND_NS} s of the one before again"),
    ],
)
def test_a_number_that_is_named_is_the_programs(document: str, said: str) -> None:
    assert said in " ".join(document.split()) or said in document


def test_the_numbers_that_are_named_in_words_are_the_programs() -> None:
    an_hour = HOUR * SECOND_NS
    assert (holds.LOOKS.longest, quarantine.ASIDE.longest) == (an_hour, an_hour)
    assert (ledger_watch.LOOK_UP, collector.LOOK_UP) == (HOUR * SECOND_NS, HOUR * SECOND_NS)
    assert (bounds.RETENTION_MARGIN, health.UNCOMPARED_INTERVALS) == (60 * SECOND_NS, 2)
    assert [retries.SOURCE_RETRIES.after(failures) for failures in (1, 2, 3, 99)] == [1, 2, 4, 60]
    of_stream = Course(STREAM, MarkBook("1"))
    for kept, provable in ((2 * STREAM.lookback, False), (2 * STREAM.lookback + 1, True)):
        of_stream.kept = kept
        assert (of_stream.unprovable == "") is provable


@pytest.mark.parametrize("document", [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")], ids=lambda file: file.name)
def test_a_line_of_the_log_that_is_shown_is_one_that_is_said(document: Path) -> None:
    for line in re.findall(r"^ {4,}(?:\d{4}-\S+Z )?((?:ERROR|WARNING|INFO) .*)$", document.read_text(), re.MULTILINE):
        told = re.sub(r"POD-\d+/\w+|http://[\w.:]+|(?<=bucket )\w+|unauthorized access|\(", "…", line)
        pieces = [piece.strip(" :;,()[]") for piece in PLACES.split(told)]
        assert [piece for piece in pieces if len(piece) > 7 and not FOREIGN.search(piece) and piece not in SAID] == []


def named_first(table: str) -> set[str]:
    """What the first cells of a table's rows name."""
    cells = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}


def test_all_commands_are_in_the_tables_and_in_the_help() -> None:
    commands = set(cli._COMMANDS)
    table = README.split("\n## Commands\n")[1].split("\n## ")[0]
    assert named_first(table) == commands
    statuses = OPERATIONS.split("\n## For scripts\n")[1]
    assert named_first(statuses) == commands - {"permissions", "start", "completion"}


def test_every_option_of_a_command_that_a_document_shows_is_one_that_it_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    helps = {}
    for command in cli._COMMANDS:
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        helps[command] = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    shown = set()
    for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for command, rest in re.findall(r"data-collector ([\w-]+)([^`\n]*)", file.read_text()):
            if command in helps:
                shown |= {(command, option) for option in re.findall(r"(?<!\S)--[a-z-]+", rest)}
    assert len(shown) > 10
    assert [each for each in sorted(shown) if each[1] not in helps[each[0]]] == []


@pytest.mark.parametrize("command", [name for name in cli._COMMANDS if name != "start"])  # it shows scripts/collector
def test_the_examples_of_a_commands_help_are_command_lines_of_it(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    told = capsys.readouterr().out.replace("\\\n", " ")
    examples = re.findall(r"^  data-collector (.*?)(?: [|>].*)?$", told, re.MULTILINE)
    assert len(examples) > 1
    for example in examples:
        assert cli._parser().parse_args(arguments.joined(shlex.split(example))).command == command


def test_a_time_as_people_are_shown_it_is_taken_as_the_help_says() -> None:
    assert "2026-11-01 06:00:00Z" in (ROOT / "telegraf_plugin/commands/arguments.py").read_text()
    assert arguments.joined(["--from", "2026-11-01", "06:00:00Z"]) == ["--from", "2026-11-01 06:00:00Z"]


def anchors(text: str) -> set[str]:
    """Return what links can lead to in a document: its headings, as GitHub and GitLab make anchors of them."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_of_the_documents_leads_somewhere() -> None:
    broken, links = [], 0
    for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text()):
            if link.startswith("https://"):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            goal = (file.parent / path).resolve() if path else file
            if not goal.exists() or (anchor and anchor not in anchors(goal.read_text())):
                broken.append((file.name, link))
    assert links > 150
    assert broken == []


def test_what_ci_runs_is_what_is_said_of_it() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    commands = re.findall(r"^(?:beside \S+ )?(make .*)$", ci, re.MULTILINE)
    run = [command.split()[1] for command in commands]
    assert {"check", "mutants-quick"} <= {*run}
    for command in commands:  # "the README's own commands"
        assert re.search(rf"^    {re.escape(command)}(?: |$)", README, re.MULTILINE)
    of_readme = next(line for line in README.splitlines() if line.startswith("    make check"))
    (of_make,) = re.findall(r"^check: .*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (of_contributing,) = re.findall(r"^    make check .*$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    for line in (of_readme, of_make, of_contributing):
        assert {*run} <= {"check", *re.findall(r"[a-z-]+", line)}


def test_what_documents_say_to_run_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    unknown = set()
    for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        text = file.read_text()
        unknown |= set(re.findall(r"(?:`|^ {4}|&& )make ([a-z-]+)", text, re.MULTILINE)) - targets
        for module in set(re.findall(r"python -m (lab[\w.]*)", text)):
            place = ROOT / module.replace(".", "/")
            unknown |= set() if place.with_suffix(".py").is_file() or (place / "__main__.py").is_file() else {module}
    assert unknown == set()
