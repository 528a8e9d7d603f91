"""README.md is short, complete for a newcomer, and what it has typed does what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from telegraf_plugin.commands.permissions import grants
from telegraf_plugin.config.load import load
from tests.unit.test_lint import ROOT, SETTINGS

README = (ROOT / "README.md").read_text()
LINES = 250

IDS = {"telegraf": "1", "pod_monitoring": "2", "power_monitoring": "3", "metrics": "4"}
INFLUX = """\
#!/bin/sh
if [ "$1 $2" = "bucket list" ]; then
    case "$4" in
        telegraf) printf '1\\tx\\n' ;; pod_monitoring) printf '2\\tx\\n' ;;
        power_monitoring) printf '3\\tx\\n' ;; metrics) printf '4\\tx\\n' ;;
    esac
else
    echo "$INFLUX_HOST $INFLUX_ORG $*" >> calls
fi
"""
"""An `influx` that knows the IDs of the buckets and writes down what else it is asked for."""


def indented(heading: str) -> str:
    """Return what is to be typed under a heading."""
    section = re.split(r"\n#+ ", README.split(f"{heading}\n")[1])[0]
    return "\n".join(line[4:] for line in section.splitlines() if line.startswith("    ") or not line)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= LINES


def test_why_nothing_else_does_it_is_a_table_of_six_rows() -> None:
    rows = re.findall(r"^\| \d \| .*$", README, re.MULTILINE)
    assert len(rows) == 6
    assert {row.count(" | ") for row in rows} == {4}


@pytest.mark.parametrize(
    "said",
    [
        *("git clone", "cp .env.example .env && chmod 600 .env", "docker compose up --detach"),
        *("curl -i http://localhost:5000/health", "make demo", "scripts/collector", "flowchart TD"),
        *(name for name, value in SETTINGS.items() if name.endswith("_TOKEN")),
    ],
)
def test_a_newcomers_way_is_complete(said: str) -> None:
    assert said in README


def test_the_way_by_hand_is_whole_and_in_its_order() -> None:
    typed = indented("### By hand")
    steps = ["git clone", "make venv", "cp .env.example .env && chmod 600 .env", "data-collector check"]
    steps += ["data-collector doctor", "\nscripts/collector ", "curl -i http://localhost:5000/health"]
    places = [typed.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_commands_for_the_tokens_give_the_rights_that_are_needed(shell: str, tmp_path: Path) -> None:
    (tmp_path / "influx").write_text(INFLUX)
    (tmp_path / "influx").chmod(0o755)
    typed = re.sub(r"<admin token of [^>]+>", "secret", indented("#### 1. Buckets and three tokens"))
    path = f"{tmp_path}:/usr/bin:/bin"
    subprocess.run([shell, "-euc", typed], cwd=tmp_path, env={"PATH": path}, check=True, timeout=30)
    calls = (tmp_path / "calls").read_text().splitlines()
    central = f"{SETTINGS['INFLUXDB_CENTRAL_URL']} {SETTINGS['INFLUXDB_CENTRAL_ORG']}"
    made = [call for call in calls if " bucket create " in call]
    assert sorted(made) == sorted(f"{central} bucket create --name {name} --retention 0" for name in IDS)
    found = []
    for call in calls:
        if " auth create " in call:
            rights = re.findall(r"--(read|write)-bucket (\d)", call)
            found.append(
                (*call.split()[:2], *({id for right, id in rights if right == each} for each in ("read", "write")))
            )
    needed = [
        (grant.url, grant.org, {IDS[name] for name in grant.read}, {IDS[name] for name in grant.write})
        for grant in grants(load(ROOT / "config" / "queries.yaml", SETTINGS))
    ]
    assert found == needed
