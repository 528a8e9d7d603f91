"""The report of a real central: a fortnight of ledger and a day of figures, of three streams."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from lab.engines import REPOSITORY
from lab.example import HELD_POINTS, REFUSED, Example
from lab.loopback import free_port
from lab.site import Site
from lab.telegraf import program_path
from tests.engines.operator_site import PROGRAM

pytestmark = pytest.mark.engines
WEEK_S = 7 * 24 * 3600


def report(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), "report", *words]
    return subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def env(site: Site) -> dict[str, str]:
    site.pod_30.set_retention(site.buckets.power, WEEK_S)
    found = site.environment(60, free_port()) | {"PATH": program_path(), "COLLECTOR_ENV_FILE": ""}
    Example(site, found, time.time_ns()).write()
    return found


def grid(text: str, stream: str) -> Counter[str]:
    """How many hours of the stream are called what, by the letter of the page."""
    (article,) = re.findall(rf"<h3>(?:<span[^>]*>[^<]*</span>)?{stream}</h3>.*?</article>", text, re.DOTALL)
    return Counter(re.findall(r'<i class="(\w)"></i>', article))


def test_what_a_real_central_and_its_sources_tell_is_in_the_page(env: dict[str, str], tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    ended = report(env, "--output", str(place))
    assert ended.returncode == 1, ended.stderr  # what is held is not well
    text = place.read_text()
    pods, power, telegraf = (
        grid(text, s) for s in ("POD-30/pod_monitoring", "POD-30/power_monitoring", "POD-8/telegraf")
    )
    assert set(telegraf) <= {"p", "w", "f"}
    assert telegraf["p"] > 14 * 24 - 2
    assert set(pods) <= {"p", "w", "f", "b"}
    # It began nine days and five hours ago; of today as many hours are to come as have not gone, whatever hour it is.
    assert abs(pods["b"] + pods["f"] - ((14 - 9) * 24 - 5 + 23)) <= 1
    assert (power["m"], power["g"]) == (4, 6)
    assert power["h"] in (9, 10)
    assert REFUSED in text
    assert f"{HELD_POINTS:,}" in text
    assert "rename it at the source" in text
    assert text.count('class="line reactive') >= 9
    assert "is not known" not in text
    assert [token for name, token in env.items() if name.endswith("_TOKEN") and token in text] == []


def test_one_stream_goes_to_standard_output_and_all_is_well_with_it(env: dict[str, str]) -> None:
    ended = report(env, "POD-8", "--days", "2", "--output", "-")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("<!doctype html>")
    assert "POD-30" not in ended.stdout


def test_a_source_that_is_away_takes_nothing_but_what_only_it_knows(env: dict[str, str], tmp_path: Path) -> None:
    away = env | {"SERVER_B_URL": f"http://127.0.0.1:{free_port()}"}
    assert report(away, "--output", str(tmp_path / "x.html")).returncode == 1
    text = (tmp_path / "x.html").read_text()
    assert "how long POD-30 keeps its bucket power_monitoring is not known: connection refused" in text
    assert (grid(text, "POD-30/power_monitoring")["m"], grid(text, "POD-30/power_monitoring")["g"]) == (10, 0)


def test_central_away_is_said_and_nothing_is_written(env: dict[str, str], tmp_path: Path) -> None:
    away = env | {"INFLUXDB_CENTRAL_URL": f"http://127.0.0.1:{free_port()}"}
    ended = report(away, "--output", str(tmp_path / "x.html"))
    assert ended.returncode == 2
    assert ended.stderr.startswith("E! central: connection refused")
    assert list(tmp_path.iterdir()) == []
