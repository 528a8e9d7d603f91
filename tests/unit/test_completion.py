"""Shell completion as a shell has it: bash sources what the command prints, and is asked how a line may go on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.site_bench import Clone, clone
from tests.unit.test_command_line import PROGRAM

__all__ = ["clone"]

ASK = """
set -eu
source <(data-collector completion bash)
function=$(complete -p data-collector | sed 's/.*-F \\([^ ]*\\).*/\\1/')
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_WORDS=($COMP_LINE) COMPREPLY=()
    if [[ $COMP_LINE == *" " ]]; then COMP_WORDS+=(""); fi
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    "$function" data-collector "${COMP_WORDS[COMP_CWORD]}" ""
    echo "${COMPREPLY[*]}"
done
"""
STREAMS = "POD-8/telegraf POD-30/pod_monitoring POD-30/power_monitoring"
LINES = {
    "data-collector st": "start status",
    "data-collector re": "report resume remove-source",
    "data-collector status ": f"{STREAMS} POD-8 POD-30",
    "data-collector status POD-3": "POD-30/pod_monitoring POD-30/power_monitoring POD-30",
    "data-collector backfill POD-8/": "POD-8/telegraf",
    "data-collector remove-source ": "POD-8 POD-30",
    "data-collector permissions ": "central POD-8 POD-30",
    "data-collector verify --re": "--repair",
    "data-collector add-source X --cen": "--central-bucket",
    "data-collector add-source X --template p": "power pods",
    "data-collector --config mine.yaml add-source X --template ": "system_metrics power pods",
    "data-collector completion ": "bash zsh fish",
    "data-collector --config co": "config/",
    "data-collector --config mine.yaml status ": "S/b S",
    "data-collector --config nowhere.yaml status ": "",
}


def test_a_line_goes_on_as_bash_is_told(clone: Clone) -> None:
    text = (clone.folder / "config" / "queries.yaml").read_text()
    source = "sources:\n  - {name: S, url: 'http://s', org: o, token: '${SERVER_A_TOKEN}', streams: [{bucket: b}]}\n"
    (clone.folder / "mine.yaml").write_text(re.sub(r"(?s)\nsources:.*", f"\n{source}", text))
    ended = subprocess.run(
        ["bash", "-c", ASK],
        input="".join(f"{line}\n" for line in LINES),
        env={"PATH": os.pathsep.join([str(PROGRAM.parent), os.defpath])},
        cwd=clone.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    found = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert dict(zip(LINES, found, strict=True)) == LINES


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_lines_of_its_own(shell: str, clone: Clone) -> None:
    assert "data-collector" in clone.run("completion", shell)


def test_another_shell_is_told_which_there_are(clone: Clone) -> None:
    assert "no shell is called 'bsh'; did you mean bash?" in clone.refused("completion", "bsh")
    assert "'tcsh'" in clone.refused("completion", "tcsh")


def test_the_shell_is_not_told_what_is_wrong(clone: Clone, tmp_path: Path) -> None:
    """A `.env` that cannot be used gives no streams, and no message into the line that is typed."""
    (clone.folder / ".env").write_text("not a setting")
    with (tmp_path / "told").open("wb") as told:
        line = "data-collector status "
        ended = subprocess.run(
            ["sh", "-c", f'exec 8>&1; exec "{PROGRAM}" 2>&1'],
            env={"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "PATH": os.defpath},
            cwd=clone.folder,
            stdout=told,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 0
    assert (tmp_path / "told").read_text() == ""
