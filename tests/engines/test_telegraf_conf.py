"""The shipped telegraf.conf, and scripts/collector, which starts Telegraf with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lab import engines
from lab.loopback import free_port
from lab.site import Site
from lab.telegraf import program_path, run_telegraf, work_folder
from telegraf_plugin import __version__
from telegraf_plugin.commands.start import misspelt
from telegraf_plugin.config.dotenv import quoted
from tests.engines.plugin_process import LEDGER, Line, read_line

OPTIONAL = ("COLLECTOR_INTERVAL", "HEALTH_CHECK_PORT", "HEALTH_MAX_SILENCE", "LOG_LEVEL")


@pytest.fixture
def env(site: Site) -> dict[str, str]:
    return site.environment(5, free_port())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout of its own, as far as scripts/collector can see: the shipped files, its own logs and .env."""
    made = work_folder(tmp_path / "work")
    (made / "scripts").mkdir()
    shutil.copy(engines.REPOSITORY / "scripts" / "collector", made / "scripts")
    return made


def collector(
    folder: Path, arguments: Sequence[str], env: Mapping[str, str], timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(engines.ENGINES), program_path()])
    return subprocess.run(
        [str(folder / "scripts" / "collector"), *arguments],
        env={"PATH": path, **env},
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def printed(run: subprocess.CompletedProcess[str]) -> list[Line]:
    """The lines of `telegraf --test`."""
    return [read_line(line[2:]) for line in run.stdout.splitlines() if line.startswith("> ")]


def feed(site: Site) -> None:
    at = (time.time_ns() // 10**9 - 60) * 10**9 + 123_456_789
    site.pod_8.write(
        site.buckets.telegraf, f"cpu,host=POD-8 usage_idle=97.5 {at}\nmem free=18446744073709551615u {at}".encode()
    )
    site.pod_30.write(site.buckets.power, f'voltage,rack=R01 volts=230.1,chair_section="C1" {at}'.encode())


def without(env: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in names}


@pytest.mark.parametrize(
    "unset", [(), *((name,) for name in OPTIONAL), OPTIONAL], ids=lambda names: "+".join(names) or "all set"
)
def test_config_check_passes_whichever_optional_variable_is_unset(
    unset: tuple[str, ...], env: dict[str, str], folder: Path
) -> None:
    run = run_telegraf(["config", "check", "--config", "telegraf.conf"], without(env, *unset), folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "${" not in run.stderr


def test_config_check_would_find_a_mistake(env: dict[str, str], folder: Path) -> None:
    (folder / "wrong.conf").write_text((folder / "telegraf.conf").read_text().replace("restart_delay", "restart_daley"))
    run = run_telegraf(["config", "check", "--config", "wrong.conf"], env, folder)
    assert run.returncode != 0
    assert "restart_daley" in run.stdout + run.stderr


@pytest.mark.parametrize("unset", [(), OPTIONAL], ids=["all set", "optional unset"])
def test_telegraf_test_prints_a_mark_of_each_stream_and_no_data(
    unset: tuple[str, ...], site: Site, env: dict[str, str], folder: Path
) -> None:
    feed(site)
    run = run_telegraf(["--config", "telegraf.conf", "--test"], without(env, *unset), folder)
    assert run.returncode == 0, run.stderr
    check_printed(run, site)


def check_printed(run: subprocess.CompletedProcess[str], site: Site) -> None:
    """That each stream's first mark is on its way, to the output of its data, and nothing else before it is back.

    `telegraf --test` writes to no output, so that none comes back.
    """
    lines = printed(run)
    names = site.buckets
    marks = {(line.tags["source"], line.tags["source_bucket"]) for line in lines if line.measurement == LEDGER}
    assert marks == {("POD-8", names.telegraf), ("POD-30", names.pods), ("POD-30", names.power)}, run.stdout
    assert {"cpu", "mem", "voltage"}.isdisjoint(line.measurement for line in lines), run.stdout
    origins = {line.tags["central_bucket"] for line in lines if line.measurement == "collector_origin"}
    assert origins == {names.telegraf, names.pods, names.power}
    own = {line.measurement for line in lines}
    assert {"collector_health", "collector_stream", "collector_source", "collector_cycle"} <= own
    (health,) = [line for line in lines if line.measurement == "collector_health"]
    told = {"healthy": 0, "streams": 3, "failing": 3, "paused": 0, "version": __version__}
    assert health.fields == told
    assert "host" not in health.tags  # omit_hostname
    streams = [line.fields["last_error"] for line in lines if line.measurement == "collector_stream"]
    assert streams == ["its first mark has not arrived in central"] * 3


def test_the_script_runs_a_cycle_with_settings_from_dotenv_and_log_level_warning(
    site: Site, env: dict[str, str], folder: Path
) -> None:
    feed(site)
    settings = "".join(f"{name}={value}\r\n" for name, value in (env | {"LOG_LEVEL": "WARNING"}).items())
    (folder / ".env").write_text(f"# settings\n\n{settings}", newline="")
    run = collector(folder, ["--test"], {})
    assert run.returncode == 0, run.stderr
    check_printed(run, site)
    # What Telegraf itself says at its start has no level that a variable could set.
    assert not re.search(r" [ID]! \[(inputs|outputs|processors)\.", run.stderr), run.stderr
    log = (folder / "logs" / "collector.log").read_text().splitlines()
    assert [line.split(" ")[1:3] for line in log] == [["WARNING", "cycle:"]], log


def test_the_script_prefers_a_variable_that_is_set_to_dotenv(site: Site, env: dict[str, str], folder: Path) -> None:
    feed(site)
    (folder / ".env").write_text("SERVER_A_URL=http://127.0.0.1:9\nLOG_LEVEL=DEBUG\n")
    run = collector(folder, ["--test"], without(env, *OPTIONAL))
    assert run.returncode == 0, run.stderr
    check_printed(run, site)
    assert re.search(r" D! \[", run.stderr), run.stderr  # and takes from it what is not set


@pytest.mark.parametrize(("name", "value"), [("COLLECTOR_INTERVAL", "5s"), ("COLLECTOR_INTERVAL", "0")])
def test_the_script_refuses_what_cannot_be_an_interval(
    name: str, value: str, env: dict[str, str], folder: Path
) -> None:
    run = collector(folder, ["--test"], env | {name: value})
    assert (run.returncode, run.stdout) == (2, "")
    assert name in run.stderr


def test_the_script_names_a_line_of_dotenv_that_is_none_without_its_value(env: dict[str, str], folder: Path) -> None:
    (folder / ".env").write_text("export SERVER_A_TOKEN=very-secret-value\n")
    run = collector(folder, ["--test"], env)
    assert (run.returncode, run.stdout) == (2, "")
    assert ".env" in run.stderr
    assert "very-secret-value" not in run.stderr


def test_values_with_quotes_reach_the_servers(site: Site, env: dict[str, str], folder: Path) -> None:
    odd = "R&D (EU) #1, it's $prod"
    values = env | {"SERVER_A_BUCKET": odd, "UNUSED": "`touch run`"}
    (folder / ".env").write_text("".join(f"{name}={quoted(value)}\n" for name, value in values.items()))
    run = collector(folder, ["--test", "--test-wait", "15"], {})
    assert run.returncode == 0, run.stderr
    # Central is asked for a bucket of the very name, and has none.
    assert f"ledger in central's bucket {odd} at " in run.stderr
    assert not list(folder.glob("**/run"))


@pytest.mark.parametrize(
    ("found", "made", "told"),
    [
        ("restart_delay", "restart_daley", 'plugin inputs.execd: line 36: configuration specified the fields ["rest'),
        ('flush_interval = "1s"', 'flush_interval = "1x"', "error parsing [agent]: line 20: "),
    ],
)
def test_check_and_start_refuse_what_telegraf_does(
    found: str, made: str, told: str, env: dict[str, str], folder: Path
) -> None:
    text = (folder / "telegraf.conf").read_text()
    (folder / "telegraf.conf").unlink()
    (folder / "telegraf.conf").write_text(text.replace(found, made))
    for arguments in (["--check"], ["--once"]):
        run = collector(folder, arguments, env)
        assert (run.returncode, run.stdout) == (2, "")
        assert f"E! telegraf.conf: Telegraf: {told}" in run.stderr
        assert env["SERVER_A_TOKEN"] not in run.stderr


def test_telegraf_takes_what_is_shipped_in_both_modes(env: dict[str, str], folder: Path, tmp_path: Path) -> None:
    run = collector(folder, ["--check"], env)
    assert (run.returncode, run.stdout) == (0, "nothing to change in config/queries.yaml with telegraf.conf\n")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for variable, file in {"INFLUXDB_CENTRAL": "central", "SERVER_A": "server_a", "SERVER_B": "server_b"}.items():
        (secrets / f"{file}_token").write_text(env.pop(f"{variable}_TOKEN"))
    run = collector(folder, ["--check"], env | {"COLLECTOR_SECRETS": str(secrets)})
    assert (run.returncode, run.stdout) == (0, "nothing to change in config/queries.yaml with telegraf.conf\n")


def test_none_of_telegrafs_own_words_is_taken_for_a_misspelt_one() -> None:
    said = subprocess.run([engines.telegraf(), "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    options = re.findall(r"^ +(--[a-z-]+)", said, re.MULTILINE)
    commands = re.findall(r"^ +([a-z]+)(?:, h)?  ", said.split("COMMANDS:")[1].split("GLOBAL")[0], re.MULTILINE)
    assert len(options) > 20
    assert len(commands) > 3
    own = ["--help", "--env-file", "--version", "--check", "--wait", "--json"]
    for word in (*options, *commands):
        assert (
            misspelt([word], own, ["check", "doctor", "status", "verify", "backfill", "preview", "permissions"]) == ""
        )


def test_no_token_is_printed(site: Site, env: dict[str, str], folder: Path) -> None:
    run = collector(folder, ["--test"], env | {"LOG_LEVEL": "DEBUG"})
    log = (folder / "logs" / "collector.log").read_text()
    assert "collector started" in log
    assert "cycle: " in log
    for token in (site.central_token, site.pod_8_token, site.pod_30_token):
        assert token not in run.stdout + run.stderr + log


def test_an_unset_needed_variable_is_named_and_the_plugin_ends_with_a_reason(env: dict[str, str], folder: Path) -> None:
    run = run_telegraf(["--config", "telegraf.conf", "--test"], without(env, "SERVER_B_BUCKET_2"), folder)
    assert re.search(r"E! .*sources\[1\]\.streams\[1\]\.bucket: .*SERVER_B_BUCKET_2 is not set", run.stderr), run.stderr
    assert "Traceback" not in run.stderr
