"""`.ci/run`: what runs beside something else fails the whole run all the same, is shown, and is not left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.engines import REPOSITORY

STEPS = ["demo DEMO_SECONDS=60", "demo DEMO_SECONDS=40 SHARDS=2", "check", "mutants-quick", "image-test"]


def ran(folder: Path, fails: str = "", hangs: str = "") -> tuple[int, list[str], str]:
    """Run it where `make` and what it calls of scripts/ note what they are asked for, and fail, or hang, at one step.

    Returns exit status, steps, and what was printed.
    """
    (folder / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", folder / ".ci")
    (folder / "scripts").mkdir()
    (folder / "bin").mkdir()
    for tool, where in (("engines", "scripts"), ("containers", "scripts"), ("make", "bin")):
        place = folder / where / tool
        place.write_text(
            f'#!/usr/bin/env bash\necho "{tool} $*" >>"$SEEN"; echo "said by {tool} $*"\n'
            f'case "{tool} $*" in\n"$HANGS"*) echo $$ >"$SEEN.pid"; exec sleep 100 ;;\n"$FAILS"*)\n'
            '[ "$HANGS" = nothing ] || until [ -s "$SEEN.pid" ]; do sleep 0.01; done\nexit 3 ;;\nesac\n'
        )
        place.chmod(0o755)
    seen = folder / "seen"
    env = {
        "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
        "SEEN": str(seen),
        "FAILS": fails or "nothing",
        "HANGS": hangs or "nothing",
    }
    command = [str(folder / ".ci" / "run")]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, seen.read_text().splitlines(), ended.stdout


def test_each_step_runs_and_what_ran_beside_others_is_shown(tmp_path: Path) -> None:
    status, steps, said = ran(tmp_path)
    assert status == 0
    assert [step.removeprefix("make ") for step in steps if step.removeprefix("make ") in STEPS] == STEPS
    (others,) = [step for step in steps if step.startswith("engines ")]
    assert {"influxd-1.13", "influxd-1.6", "kafka", "kustomize", "kube-score"} <= set(others.split())
    assert said.index(f"said by {others}") < said.index("said by make check")
    (ready,) = [step for step in steps if step.startswith("containers --debian ")]
    assert said.index(f"said by {ready}") < said.index("said by make image-test")


def test_image_test_tries_again_what_could_not_be_made_ready(tmp_path: Path) -> None:
    status, steps, said = ran(tmp_path, fails="containers --debian")
    assert (status, steps[-1]) == (0, "make image-test")
    assert "said by containers --debian" in said


@pytest.mark.parametrize("step", [*(f"make {step}" for step in STEPS), "engines influxd-1.13"])
def test_whatever_fails_fails_the_run_and_is_shown(step: str, tmp_path: Path) -> None:
    status, steps, said = ran(tmp_path, fails=step)
    assert status != 0
    assert f"said by {step}" in said
    if "mutants" not in step and "image" not in step and step != "make check":
        assert "make check" not in steps


@pytest.mark.parametrize(
    ("step", "beside", "after"),
    [
        ("make demo DEMO_SECONDS=40", "engines influxd-1.13", "make check"),
        ("make check", "containers --debian", "make mutants-quick"),
    ],
)
def test_what_runs_beside_a_step_that_fails_is_ended(step: str, beside: str, after: str, tmp_path: Path) -> None:
    status, steps, _ = ran(tmp_path, fails=step, hangs=beside)
    assert status != 0
    assert after not in steps
    process = int((tmp_path / "seen.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
