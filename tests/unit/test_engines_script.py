"""scripts/engines: what is on PATH is taken, and only what is asked for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from tests.unit.start_bench import stand_in


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    made = tmp_path / "clone"
    (made / "scripts").mkdir(parents=True)
    shutil.copy(REPOSITORY / "scripts" / "engines", made / "scripts")
    shutil.copytree(REPOSITORY / "engines", made / "engines")
    stand_in(tmp_path / "path" / "telegraf")
    return made


def engines(clone: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run it where telegraf is on PATH, and neither influxd nor what builds it."""
    tools = clone.parent / "tools"
    if not tools.exists():
        tools.mkdir()
        for tool in ("bash", "cat", "cut", "dirname", "env", "ln", "mkdir", "mktemp", "rm", "sha256sum"):
            found = shutil.which(tool)
            assert found is not None
            (tools / tool).symlink_to(found)
    env = {"PATH": os.pathsep.join([str(clone.parent / "path"), str(tools)]), "HOME": str(clone.parent)}
    command = [str(clone / "scripts" / "engines"), *names]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_telegraf_alone_needs_nothing_of_influxd(clone: Path) -> None:
    run = engines(clone, "telegraf")
    assert (run.returncode, run.stderr) == (0, "")
    assert [path.name for path in (clone / ".engines" / "bin").iterdir()] == ["telegraf"]


def test_without_a_name_both_are_wanted_and_what_cannot_be_had_is_told(clone: Path) -> None:
    run = engines(clone)
    assert run.returncode == 1
    assert "influxd is not on PATH and cannot be built here: 'go' is missing" in run.stderr
    assert (clone / ".engines" / "bin" / "telegraf").is_symlink()


def test_a_telegraf_that_is_built_knows_its_version(clone: Path) -> None:
    tools, path = clone.parent / "tools", clone.parent / "path"
    assert engines(clone, "telegraf").returncode == 0  # which makes the folder of tools
    (path / "telegraf").unlink()
    for tool in ("mv", "chmod"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    go = tools / "go"
    go.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@" >"$GOBIN/telegraf"; chmod +x "$GOBIN/telegraf"\n')
    go.chmod(0o755)
    run = engines(clone, "telegraf")
    assert run.returncode == 0, run.stderr
    told = (clone / ".engines" / "bin" / "telegraf").read_text().splitlines()
    version = re.search(r"^telegraf_version=v([0-9.]+)$", (clone / "scripts" / "engines").read_text(), re.MULTILINE)
    assert version is not None
    assert told[-1] == f"github.com/influxdata/telegraf/cmd/telegraf@v{version[1]}"
    flags = told[told.index("-ldflags") + 1]
    assert f"-X github.com/influxdata/telegraf/internal.Version={version[1]}" in flags


def test_another_name_is_refused(clone: Path) -> None:
    run = engines(clone, "telegraf", "grafana")
    assert (run.returncode, run.stderr) == (
        2,
        "engines: no engine is called 'grafana'; there are: telegraf influxd influxd-1.13 influxd-1.6 kafka "
        "kustomize kube-score\n",
    )
    assert not (clone / ".engines").exists()
