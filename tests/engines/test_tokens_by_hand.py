"""Tokens as files without containers: what docs/operations.md has typed, in a clone, with the real Telegraf."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lab import engines
from lab.engines import REPOSITORY
from lab.loopback import free_port, wait_until
from lab.process import Process
from lab.site import Site
from telegraf_plugin.config.dotenv import quoted
from tests.unit.start_bench import own_python

DOCUMENT = (REPOSITORY / "docs" / "operations.md").read_text()


def typed() -> list[str]:
    """Return the lines that the section on tokens as files has typed."""
    section = DOCUMENT.split("**Tokens as files**")[1]
    block = re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)[0]
    return [line[4:] for line in block.splitlines()]


def test_what_is_documented_collects_with_no_token_in_the_environment(site: Site, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    for name in ("scripts/collector", "telegraf.conf", ".env.example"):
        shutil.copy(REPOSITORY / name, clone / name)
    shutil.copytree(REPOSITORY / "config", clone / "config")
    own_python(clone)
    built = clone / ".engines" / "bin" / "telegraf"
    built.parent.mkdir(parents=True)
    built.symlink_to(engines.telegraf())
    env = site.environment(1, free_port())
    tokens = [env.pop(f"{name}_TOKEN") for name in ("INFLUXDB_CENTRAL", "SERVER_A", "SERVER_B")]
    named = {**env, "INFLUXDB_CENTRAL_TOKEN": "", "SERVER_A_TOKEN": "", "SERVER_B_TOKEN": ""}
    (clone / ".env").write_text("".join(f"{name}={quoted(value)}\n" for name, value in named.items()))

    *before, check, start = typed()
    assert (check.split(), start.split()) == (["scripts/collector", "--check"], ["scripts/collector"])
    path = {"PATH": os.defpath}
    script = "\n".join(["set -eu", *before, check])
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=clone,
        env=path,
        input="".join(f"{token}\n" for token in tokens),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr.strip()) == (0, "")
    assert "nothing to change in config/queries.yaml with telegraf.conf" in run.stdout
    assert (clone / "secrets").stat().st_mode & 0o777 == 0o700
    assert (clone / "secrets" / "central_token").read_text() == tokens[0]

    log = tmp_path / "telegraf.log"
    collector = Process([str(clone / start)], path, clone, log)
    collector.start()
    try:
        look = [str(clone / ".venv" / "bin" / "data-collector"), "status"]

        def well() -> bool:
            return subprocess.run(look, env=path, cwd=clone, capture_output=True, check=False).returncode == 0

        wait_until(well, "a good status", 60, every_s=0.5)
        seen = Path(f"/proc/{collector.pid}/environ").read_text()
    finally:
        collector.stop()
    assert "directory traversal" not in log.read_text()
    assert not any(token in seen + log.read_text() for token in tokens)
