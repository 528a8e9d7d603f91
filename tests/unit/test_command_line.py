"""One command line for the plugin and all commands: what it takes, suggests, refuses, and how a command ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from telegraf_plugin.cli import _COMMANDS, main
from telegraf_plugin.commands.arguments import joined
from tests.unit.test_lint import ROOT, SETTINGS

PROGRAM = Path(sys.executable).parent / "data-collector"
COMMANDS = (
    "check",
    "doctor",
    "status",
    "report",
    "verify",
    "backfill",
    "pause",
    "resume",
    "preview",
    "permissions",
)
"""Those that read the configuration and need no further word but a stream, or a time."""


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped files, with variables whose servers are on this machine, where none listens."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, "http://127.0.0.1:1" if name.endswith("_URL") else value)
    monkeypatch.delenv("COLLECTOR_QUERIES", raising=False)
    monkeypatch.chdir(ROOT)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said on standard error when the command line is refused."""
    try:
        status: object = main(words)
    except SystemExit as ended:
        status = ended.code
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    return err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("check", "--jsno"), "--json"),
        (("status", "--wacth"), "--watch"),
        (("verify", "--from=-1d", "--repiar"), "--repair"),
        (("check", "--telegraf-cofnig", "x"), "--telegraf-config"),
        (("--log-flie=x",), "--log-file"),
        (("--cehck",), "--check"),
    ],
)
def test_an_option_that_nobody_knows_is_told_with_what_was_meant(
    words: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, *words)
    assert "unrecognized arguments: --" in told
    assert told.endswith(f"; did you mean {meant}?\n")


@pytest.mark.parametrize(
    ("words", "needed", "word", "meant"),
    [
        (("verify", "--form", "-1d"), "the following arguments are required: --from", "--form", "--from"),
        (
            ("verify", "POD-8/telegraf", "--form=-1d"),
            "the following arguments are required: --from",
            "--form",
            "--from",
        ),
        (
            ("add-source", "X", "--url", "http://a:1", "--org", "o", "--buket", "b"),
            "one of the arguments --bucket --database is required",
            "--buket",
            "--bucket",
        ),
    ],
)
def test_one_that_is_needed_and_misspelt_is_told_as_well(
    words: tuple[str, ...], needed: str, word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, *words)
    assert told.endswith(f" error: {needed}; {word} is not known, did you mean {meant}?\n")


def test_what_is_missing_without_being_misspelt_is_told_without_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "verify", "--rep", "--limi=3").endswith("arguments are required: --from\n")
    assert refusal(capsys, "verify", "--xyz").endswith("arguments are required: --from\n")


def test_an_option_without_its_dashes_is_told_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no command is called 'version'; did you mean --version?" in refusal(capsys, "version")


def test_an_option_that_is_like_none_is_refused_without_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "check", "--xyz").endswith("unrecognized arguments: --xyz\n")
    assert refusal(capsys, "check", "xyz").endswith("unrecognized arguments: xyz\n")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("chek", "scripts/collector --check"),
        ("check", "scripts/collector --check"),
        ("status", "data-collector status"),
        ("doctr", "data-collector doctor"),
    ],
)
def test_the_start_does_not_hand_a_command_to_telegraf(
    word: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, "start", word).endswith(f"no command is called {word!r} here; did you mean {meant}?\n")


def test_the_start_tells_its_own_options_that_are_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    for word, meant in (("--chek", "--check"), ("--env-flie=x", "--env-file"), ("--verison", "--version")):
        assert refusal(capsys, "start", word).endswith(f"unrecognized arguments: {word}; did you mean {meant}?\n")
    assert refusal(capsys, "start", "xyz").endswith("no command is called 'xyz' here\n")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stauts", "status"),
        ("Verify", "verify"),
        ("chek", "check"),
        ("backfil", "backfill"),
        ("permission", "permissions"),
        ("add-sorce", "add-source"),
        ("remove_source", "remove-source"),
        ("strat", "start"),
    ],
)
def test_a_misspelt_command_is_told_what_was_meant(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"no command is called '{word}'; did you mean {meant}?" in refusal(capsys, word)
    assert f"no command is called '{word}'; did you mean {meant}?" in refusal(capsys, "--config", "x.yaml", word)


def test_a_word_like_no_command_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, "xyzzy")
    assert "did you mean" not in told
    assert f"there are: start, {', '.join(COMMANDS)}, completion, add-source, remove-source" in told


@pytest.mark.parametrize("command", ["status", "doctor", "verify", "backfill", "preview"])
def test_a_misspelt_stream_is_told_what_was_meant(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    since = ["--from=-1h"] if command in ("verify", "backfill") else []
    told = refusal(capsys, command, "pod-8/telegarf", *since)
    assert "no stream or source is called 'pod-8/telegarf'; did you mean POD-8/telegraf?" in told
    assert "POD-30/power_monitoring" in told


@pytest.mark.parametrize("command", ["status", "doctor", "verify"])
@pytest.mark.parametrize("names", [[], ["POD-8"], ["POD-8/telegraf"], ["POD-30/power_monitoring", "POD-8"]])
def test_commands_on_many_streams_take_the_same_names(
    command: str, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([command, *names, *(["--from=-1h"] if command == "verify" else [])])
    out, err = capsys.readouterr()
    assert "connection refused" in out + err  # so far it came: no server is there
    assert status == (1 if command == "doctor" else 2)
    assert "no stream" not in err


@pytest.mark.parametrize("command", ["backfill", "preview"])
def test_where_one_stream_is_meant_a_source_with_several_is_not_enough(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, command, "POD-30", "--from=-1h")
    assert "POD-30 has several streams, and this is done for one: POD-30/pod_monitoring, POD-30/power_" in told
    assert "connection refused" in refusal(capsys, command, "POD-8", "--from=-1h")


@pytest.mark.parametrize("value", ["0", "-1", "0.1", "nan", "inf", "often", ""])
def test_status_is_not_watched_without_a_pause(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, "status", "--watch", f"--every={value}")
    assert f"{value!r}: expected a number of seconds, 0.2 or more" in told


@pytest.mark.parametrize("value", ["-3", "1.5", "many", "", "0x10", "²", "9" * 30])
@pytest.mark.parametrize("command", [["preview", "POD-8"], ["verify", "--from=-1h"]])
def test_so_many_lines_are_a_whole_number(command: list[str], value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{value!r}: expected a whole number" in refusal(capsys, *command, f"--limit={value}")


def test_no_line_at_all_is_no_preview(capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected a whole number, 1 or more" in refusal(capsys, "preview", "POD-8", "--limit=0")


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["a/b", "--from", "-2h", "--to", "-1h"], ["a/b", "--from=-2h", "--to=-1h"]),
        (["--from", "--json"], ["--from", "--json"]),
        (["add-source", "P", "--start", "-30d", "--write"], ["add-source", "P", "--start=-30d", "--write"]),
        (["--from", "2026-11-25", "13:00:00Z", "a/b"], ["--from", "2026-11-25 13:00:00Z", "a/b"]),
        (
            ["--from=2026-11-25", "13:00:00Z", "--to", "2026-11-26", "01:00:00Z"],
            ["--from=2026-11-25 13:00:00Z", "--to", "2026-11-26 01:00:00Z"],
        ),
        (["--from", "2026-11-25", "a/b"], ["--from", "2026-11-25", "a/b"]),
        (["2026-11-25", "13:00:00Z"], ["2026-11-25", "13:00:00Z"]),
    ],
)
def test_a_time_may_stand_as_people_are_shown_it(words: list[str], read: list[str]) -> None:
    assert joined(words) == read


@pytest.mark.parametrize("command", [["verify"], ["backfill", "POD-8"], ["preview", "POD-8"]])
def test_every_command_takes_a_time_as_status_prints_it(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["2026-11-25", "13:00:00Z"], ["2026-11-25 13:00:00Z"], ["2026-11-25T13:00:00Z"]):
        told = refusal(capsys, *command, "--from", *words, "--to", "2026-11-25", "14:00:00Z")
        assert "connection refused" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_the_configuration_may_be_named_before_or_behind_the_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    of_one = {name: ["POD-8"] for name in ("preview", "pause", "resume")}
    words = ({"backfill": ["POD-8", "--from=-1h"], "verify": ["--from=-1h"]} | of_one).get(command, [])
    said = "E! nowhere.yaml: cannot be read: No such file or directory\nE! 1 problem in the configuration; nothing was "
    assert refusal(capsys, "--config", "nowhere.yaml", command, *words).startswith(said)
    assert refusal(capsys, command, "--config", "nowhere.yaml", *words).startswith(said)


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_takes_the_settings_from_a_named_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(capsys, command, "--env-file", "nowhere.env")
    assert told.startswith("E! nowhere.env: cannot be read: No such file or directory\n")
    assert refusal(capsys, command, "--env-file=nowhere.env") == told


@pytest.mark.parametrize("command", [["check"], ["permissions"], ["doctor"], ["doctor", "--json"]])
def test_nobody_who_reads_is_no_traceback(command: list[str]) -> None:
    """As in `data-collector check | head -1`: the pipe is closed before all is written."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"INFLUXDB_CENTRAL_BUCKET": "telegraf"}  # so that check finds something
    with os.fdopen(writing, "wb") as out:
        ended = subprocess.run(
            [str(PROGRAM), *command], env=environment, stdout=out, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_the_plugin_takes_no_commands_module_with_it() -> None:
    program = (
        "import sys; from telegraf_plugin.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "import telegraf_plugin.plugin\n"
        "heavy = ('rich', 'pygal', 'telegraf_plugin.report', 'telegraf_plugin.commands.session', "
        "'pydantic', 'yaml', 'tomllib', 'telegraf_plugin.lint', 'influxdb_client')\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=60, stderr=subprocess.PIPE)
    assert ended.stderr.strip() == b""


@pytest.mark.parametrize("command", ["verify", "backfill", "preview"])
@pytest.mark.parametrize("times", [("--from=",), ("--from=-1h", "--to=")])
def test_an_empty_variable_is_no_time(command: str, times: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "'': expected a date (2026-11-01)" in refusal(capsys, command, "POD-8", *times)
