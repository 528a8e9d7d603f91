"""What the documents have one type is a command line: of the shell, and of the program that it begins with.

That they also do what is said is tested where a server is at hand: `test_operations_document`, `test_readme`,
`test_telegraf_document`, `test_monitoring`, `tests/release` and `tests/image` run theirs.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

from telegraf_plugin import cli
from telegraf_plugin.commands import arguments
from telegraf_plugin.commands.start import misspelt
from tests.unit.test_lint import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4,}.*\n(?:\n(?= {4}))?)+)")
SHOWN = re.compile(
    r"(?:\d{4}-\S+ )?(?:ERROR|WARNING|INFO) |,result|\[\[|central:|\|> |import |(?:/\S*/)?telegraf\.conf: |work = |.*─►"
)
"""How a block begins that is no command: a log, a reply, a configuration, Flux, a finding, a drawing."""
PLACE = re.compile(r"<[a-z][^<>\n]*>")
"""What stands for something of one's own."""
OF_COMPOSE = "docker compose exec data-collector data-collector statsu"
NO_COMMAND = {"is", "COMMAND"}
"""Words behind the program's name in prose."""


def blocks(text: str) -> list[tuple[str, str]]:
    """Each block of code of a document with its language, which of an indented one is `sh` or nothing."""
    found = [(language, textwrap.dedent(block)) for _, language, block in FENCE.findall(text)]
    for block in INDENTED.findall(FENCE.sub("\n", text)):
        plain = textwrap.dedent(block)
        found.append(("" if SHOWN.match(plain) else "sh", plain))
    return found


def simple_commands(shell: str) -> list[list[str]]:
    """The words of each simple command in shell text, its here-documents left out."""
    text = re.sub(r"<<'EOF'\n.*?\nEOF\n", "\n", shell, flags=re.DOTALL)
    text = PLACE.sub("PLACE", text).replace("\\\n", " ")
    found: list[list[str]] = []
    for line in text.splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
            lexer.whitespace_split, lexer.commenters = True, "#"
            words = list(lexer)
        except ValueError:  # a text in quotes that goes over lines: none of ours
            continue
        found.append([])
        for word in words:
            if set(word) <= set("();<>|&"):
                found.append([])
            else:
                found[-1].append(word)
    return [words for words in found if words]


def wrong(words: list[str]) -> str:
    """Why these words of a simple command are none of the collector's programs; empty for other programs too."""
    if any(word.endswith("scripts/collector") for word in words[:1]):
        return wrong_start(words[1:])
    places = [number for number, word in enumerate(words) if word.rpartition("/")[2] == "data-collector"]
    if not places or not (rest := words[places[-1] + 1 :]):
        return ""
    twice = len(places) > 1 and places[-2] == places[-1] - 1  # docker compose exec data-collector data-collector …
    if places[-1] and not twice and (words[0] != "docker" or rest[0] not in cli._COMMANDS):
        return ""  # useradd … data-collector, influx auth create --description data-collector …
    if rest[:1] == ["start"]:
        return wrong_start(rest[1:])
    try:
        cli._parser().parse_args(arguments.joined(rest))
    except SystemExit as ended:
        return "" if ended.code == 0 else f"data-collector {shlex.join(rest)}"
    return ""


def wrong_start(words: list[str]) -> str:
    if {"-h", "--help"} & {*words}:
        return ""
    options, rest = cli._parser().parse_known_args(["start", *words])
    return misspelt(rest, options.parser.options, list(cli._COMMANDS))


def shell_of(document: Path) -> list[str]:
    return [block for language, block in blocks(document.read_text()) if language == "sh"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_example_is_one_that_the_shell_and_the_program_take(document: Path) -> None:
    for block in shell_of(document):
        said = subprocess.run(
            ["bash", "-n"], input=PLACE.sub("PLACE", block), capture_output=True, text=True, check=False, timeout=30
        )
        assert (said.returncode, said.stderr) == (0, ""), block
        assert [told for words in simple_commands(block) if (told := wrong(words))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_so_is_every_one_within_a_sentence(document: Path) -> None:
    prose = INDENTED.sub("\n", FENCE.sub("\n", document.read_text()))
    for quoted in re.findall(
        r"`((?:docker compose [^`]*)?[\w./-]*data-collector [^`]+|scripts/collector [^`]+)`", prose
    ):
        words = shlex.split(PLACE.sub("PLACE", " ".join(quoted.split())).split(" | ")[0].split(" > ")[0])
        at = max((number for number, word in enumerate(words) if word.endswith("data-collector")), default=-1)
        if at >= 0 and at + 1 < len(words) and not words[at + 1].startswith("-") and at + 2 == len(words):
            assert words[-1] in {*cli._COMMANDS, *NO_COMMAND}, quoted  # a command by its name alone
        elif words[at + 1] not in NO_COMMAND:
            assert wrong(words) == "", quoted


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_what_is_said_to_docker_compose_names_files_and_services_that_there_are(document: Path) -> None:
    for words in (words for block in shell_of(document) for words in simple_commands(block)):
        if words[:2] != ["docker", "compose"]:
            continue
        files = [words[at + 1] for at, word in enumerate(words) if word in ("-f", "--file")] or ["docker-compose.yaml"]
        services = {name for file in files for name in yaml.safe_load((ROOT / file).read_text())["services"]}
        verb = next((at for at, word in enumerate(words) if word in ("exec", "logs", "run", "restart", "stop")), None)
        if verb is not None and (named := [word for word in words[verb + 1 :] if not word.startswith("-")]):
            assert named[0] in services, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_a_block_of_a_configuration_can_be_read(document: Path) -> None:
    for language, block in blocks(document.read_text()):
        if language == "toml":
            tomllib.loads(block)
        elif language == "yaml":
            assert yaml.safe_load(block)


def test_there_are_examples_and_a_wrong_one_would_be_found(capsys: pytest.CaptureFixture[str]) -> None:
    every = [words for document in DOCUMENTS for block in shell_of(document) for words in simple_commands(block)]
    ours = [words for words in every if any("data-collector" in word or "scripts/collector" in word for word in words)]
    assert len(ours) > 40
    for line in (
        "data-collector verfy",
        "x && /opt/bin/data-collector check --confg y",
        "scripts/collector --chek",
        OF_COMPOSE,
    ):
        assert [told for words in simple_commands(line) if (told := wrong(words))], line
    capsys.readouterr()
