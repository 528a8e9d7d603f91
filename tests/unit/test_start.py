"""scripts/collector as a process: what Telegraf gets from .env, what is refused, how it explains itself, and waits."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import yaml

from lab.engines import REPOSITORY
from lab.loopback import wait_until
from telegraf_plugin.config.dotenv import quoted
from tests.unit.start_bench import checkout, collector, environment, own_python, stand_in, started
from tests.unit.test_lint import SETTINGS

ODD = {
    "SERVER_A_ORG": "Data Center Jakarta",
    "SERVER_B_ORG": "R&D (EU); `touch run` $(touch run)",
    "INFLUXDB_CENTRAL_ORG": "jane@example.com's Org",
    "INFLUXDB_CENTRAL_TOKEN": "swordfish$prod==",
    "SERVER_A_TOKEN": "back\\slash'swordfish'",
    "SERVER_B_BUCKET": "Büro #1",
    "SERVER_B_BUCKET_2": 'a "b" \\\\c\\',
    "SERVER_A_BUCKET": "${PATH} $PATH",  # a variable that the start has, unlike HOME
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone in which `.env` is filled in."""
    made = checkout(tmp_path / "clone")
    write(made, SETTINGS)
    return made


def write(folder: Path, values: dict[str, str], newline: str = "\n") -> None:
    text = "".join(f"{name}={quoted(value)}\n" for name, value in values.items())
    (folder / ".env").write_text(text, newline=newline)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_telegraf_gets_each_value_as_it_was_meant_and_nothing_is_executed(folder: Path, newline: str) -> None:
    write(folder, SETTINGS | ODD, newline)
    arguments, found = started(collector(folder, "--once"))
    assert arguments == ["--config", "telegraf.conf", "--once"]
    assert {name: found[name] for name in ODD} == ODD
    assert sorted(path.name for path in folder.iterdir()) == [
        ".env",
        "bin",
        "config",
        "logs",
        "scripts",
        "telegraf.conf",
    ]


def test_what_is_derived_reaches_telegraf(folder: Path) -> None:
    write(folder, SETTINGS | {"COLLECTOR_INTERVAL": "90", "LOG_LEVEL": "warning"})
    arguments, found = started(collector(folder))
    assert (found["HEALTH_MAX_SILENCE"], found["LOG_LEVEL"], found["HEALTH_CHECK_PORT"]) == ("225s", "WARN", "5000")
    assert found["COLLECTOR_ENV_FILE"] == ""  # the plugin need not read it again
    arguments, found = started(collector(folder, env={"LOG_LEVEL": "error", "HEALTH_MAX_SILENCE": "7m"}))
    assert arguments == ["--config", "telegraf.conf", "--quiet"]
    assert (found["LOG_LEVEL"], found["HEALTH_MAX_SILENCE"]) == ("ERROR", "7m")


@pytest.mark.parametrize("value", ["99999", "0", "80800", "x"])
def test_a_port_that_is_none_is_refused(folder: Path, value: str) -> None:
    run = collector(folder, env={"HEALTH_CHECK_PORT": value})
    assert (run.returncode, run.stdout) == (2, "")
    assert f"E! environment: HEALTH_CHECK_PORT: expected a port from 1 to 65535, found '{value}'\n" in run.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("COLLECTOR_INTERVAL", "60s"), ("HEALTH_CHECK_PORT", "x"), ("LOG_LEVEL", "loud")]
)
def test_a_setting_that_cannot_be_used_is_told_once(folder: Path, name: str, value: str) -> None:
    """And not by Telegraf too, as what telegraf.conf makes of it ("60ss")."""
    stand_in = folder / "bin" / "telegraf"
    stand_in.write_text(
        f'#!/bin/sh\nif env | grep -q "^{name}={value}$"; then echo "x E! bad ${name}s" >&2; exit 1; fi\n'
    )
    run = collector(folder, "--check", env={name: value})
    assert run.returncode == 2
    assert run.stderr.count("E! ") == 2
    assert f"E! environment: {name}: expected " in run.stderr
    assert run.stderr.endswith("E! 1 problem in the configuration; nothing was checked\n")


@pytest.mark.parametrize("steps", [1, 2])
def test_a_link_to_the_script_starts_what_it_leads_to(folder: Path, tmp_path: Path, steps: int) -> None:
    target = folder / "scripts" / "collector"
    for step in range(steps):
        link = tmp_path / f"link-{step}"
        link.symlink_to(os.path.relpath(target, tmp_path))
        target = link
    arguments, found = started(collector(folder, program=target))
    assert arguments == ["--config", "telegraf.conf"]
    assert Path(found["PWD"]) == folder


def test_a_folder_of_further_files_is_loaded_and_checked_with_it(folder: Path) -> None:
    (folder / "telegraf.d").mkdir()
    further = folder / "telegraf.d" / "more.conf"
    further.write_text('[[outputs.discard]]\n[[processors.override]]\n  [processors.override.tags]\n    dc = "x"\n')
    arguments, _ = started(collector(folder))
    assert arguments == ["--config", "telegraf.conf", "--config-directory", "telegraf.d"]
    run = collector(folder, "--check")
    assert run.returncode == 1
    assert run.stdout.startswith("telegraf.d/more.conf: processors.override.tagdrop: ")


def test_its_help_and_version_are_its_own(folder: Path) -> None:
    (folder / ".env").unlink()
    run = collector(folder, "--help")
    assert (run.returncode, run.stderr) == (0, "")
    for text in ("usage: scripts/collector", "examples:", "scripts/collector --once", "exit status:", "--wait"):
        assert text in run.stdout
    run = collector(folder, "--version")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[0].startswith("data-collector ")
    assert run.stdout.splitlines()[1] == f"Telegraf 0.0.0 ({folder}/bin/telegraf)"


def test_the_three_checks_are_one(folder: Path) -> None:
    conf = folder / "telegraf.conf"
    whole = conf.read_text()
    for text, status in (
        (whole, 0),
        (whole.replace('alias = "power"', 'alias = "power"\n  concurrent_writes = 4'), 1),
        (whole.replace("[agent]", "[agent"), 2),
    ):
        conf.write_text(text)
        said = collector(folder, "--check")
        assert said.returncode == status
        for words in (["check"], ["--check"]):
            run = subprocess.run(
                ["data-collector", *words],
                env=environment(folder),
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (run.returncode, run.stdout, run.stderr) == (said.returncode, said.stdout, said.stderr)


def test_without_telegraf_it_says_so(folder: Path) -> None:
    own_python(folder)
    (folder / "bin" / "telegraf").unlink()
    run = collector(folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(
        "E! telegraf: is neither on PATH nor in .engines/bin: run 'make venv engines', or install it"
    )
    run = collector(folder, "--check")
    assert run.returncode == 0
    assert run.stdout.endswith(
        "telegraf is neither on PATH nor in .engines/bin: it was not asked what it thinks of telegraf.conf\n"
    )


def test_all_find_the_telegraf_that_make_engines_has_built_and_path_goes_first(folder: Path, tmp_path: Path) -> None:
    program = own_python(folder)
    on_path = folder / "bin" / "telegraf"
    built = stand_in(folder / ".engines" / "bin" / "telegraf", "1.1.1")
    here = environment(folder)
    for path, version, which in (
        (here["PATH"], "0.0.0", on_path),
        (os.defpath, "1.1.1", built),
    ):
        env = {**here, "PATH": path}
        script = folder / "scripts" / "collector"
        run = subprocess.run([script, "--version"], env=env, capture_output=True, text=True, timeout=60, check=True)
        assert run.stdout.splitlines()[1] == f"Telegraf {version} ({which})"
        # As docs/operations.md has it, and from elsewhere: the clone is the program's, not where one happens to be.
        for cwd, names in ((folder, []), (tmp_path, ["--config", f"{folder}/config/queries.yaml"])):
            words = [str(program), "check", *names, "--telegraf-config", f"{folder}/telegraf.conf"]
            run = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
            assert (run.returncode, run.stderr) == (0, "")
            assert "was not asked" not in run.stdout


class Waiting:
    """`scripts/collector --wait`, its standard error as it comes."""

    def __init__(self, folder: Path) -> None:
        self.popen = subprocess.Popen(
            [str(folder / "scripts" / "collector"), "--wait"],
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr is not None
        self.lines.extend(iter(self.popen.stderr.readline, ""))

    def told(self, text: str, times: int = 1) -> None:
        wait_until(lambda: sum(text in line for line in self.lines) >= times, text, 30)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self.popen.kill()
        self.popen.wait(30)
        self._reader.join(30)


def test_a_waiting_start_says_once_what_is_wrong_and_goes_on_when_it_is_mended(folder: Path) -> None:
    queries = folder / "config" / "queries.yaml"
    whole = queries.read_text()
    queries.write_text(whole.replace("metadata_tags:", "metadatatags:"))
    with Waiting(folder) as start:
        start.told("waiting until config/queries.yaml or telegraf.conf changes")
        queries.write_text(whole.replace("metadata_tags:", "metadata_tag:"))
        start.told("waiting until", 2)
        assert [line for line in start.lines if "metadatatags" in line] == [
            "E! config/queries.yaml: metadatatags: is not a key that is known here; did you mean metadata_tags?\n"
        ]
        queries.write_text(whole)
        assert start.popen.wait(30) == 0
        assert start.popen.stdout is not None
        assert start.popen.stdout.read().startswith("--config\ntelegraf.conf\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_waiting_start_ends_when_it_is_told_to(folder: Path, number: int) -> None:
    (folder / "telegraf.conf").unlink()
    with Waiting(folder) as start:
        start.told("waiting until")
        start.popen.send_signal(number)
        assert start.popen.wait(30) == 2


def test_a_clone_under_autocrlf_starts(folder: Path, tmp_path: Path) -> None:
    """As git for Windows checks out, into a folder that a container mounts."""
    root = Path(__file__).parents[2]
    (folder / ".gitattributes").write_bytes((root / ".gitattributes").read_bytes())
    (folder / "reply.csv").write_bytes(b"a\r\nb\r\n")
    git = ["git", "-c", "core.autocrlf=true", "-c", "user.name=n", "-c", "user.email=e@example.com"]
    clone = tmp_path / "under-autocrlf"
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["clone", "-q", ".", str(clone)]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True, timeout=60)
    for name in ("scripts/collector", "telegraf.conf", ".env", "config/queries.yaml"):
        assert b"\r" not in (clone / name).read_bytes(), name
    assert (clone / "reply.csv").read_bytes() == b"a\r\nb\r\n"
    assert started(collector(clone))[0] == ["--config", "telegraf.conf"]


def test_the_container_waits_where_it_would_be_restarted_for_ever() -> None:
    service = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]["data-collector"]
    assert service["restart"] != "no"
    assert service["command"] == ["--wait"]
