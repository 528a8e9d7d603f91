"""The queries.yaml that is shipped: it loads, and shows every default as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from telegraf_plugin.config.load import load
from tests.unit.config_bench import (
    ROOT,
    loaded,
    refused,
)

# What is shipped

SHIPPED = ROOT / "config" / "queries.yaml"
COMMENTED = re.compile(r"^( *)# (?!#)(([a-z_]+): .*)$", re.MULTILINE)
EXAMPLES = {"token_file", "tags", "aggregate", "flux", "max_lag", "max_points_per_second", "quiet_hours", "rename"}
"""Keys that are shown commented out although what stands there is an example: they have no default."""


@pytest.fixture
def shipped_environment() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    environment = {name: value for name, _, value in pairs}
    tokens = [name for name, value in environment.items() if not value]
    assert sorted(tokens) == ["INFLUXDB_CENTRAL_TOKEN", "SERVER_A_TOKEN", "SERVER_B_TOKEN"]
    return environment | {name: f"token-of-{name}" for name in tokens}


def test_the_shipped_file_loads_with_the_shipped_variables(shipped_environment: dict[str, str]) -> None:
    config = load(SHIPPED, shipped_environment)
    assert [stream.label for stream in config.streams] == [
        "POD-8/telegraf",
        "POD-30/pod_monitoring",
        "POD-30/power_monitoring",
    ]
    assert config.streams[0].measurements == ("cpu", "mem", "disk", "net")
    assert config.streams[2].exclude_fields == ("chair_section",)


def test_the_shipped_file_without_the_shipped_tokens_names_each_of_them(shipped_environment: dict[str, str]) -> None:
    problems = refused(SHIPPED, {k: v for k, v in shipped_environment.items() if "TOKEN" not in k}).problems
    assert {problem.path for problem in problems} == {"central.token", "sources[0].token", "sources[1].token"}


def commented_keys() -> list[re.Match[str]]:
    return [match for match in COMMENTED.finditer(SHIPPED.read_text()) if match.group(3) not in EXAMPLES]


def test_the_shipped_file_shows_every_default() -> None:
    shown = {match.group(3) for match in commented_keys()}
    assert shown == {
        *("concurrent_queries", "timeouts", "name", "central_bucket", "lookback", "read", "compression"),
        *("max_in_flight", "max_in_flight_size", "rewritten_tags", "start", "sweep"),
    }


@pytest.mark.parametrize("match", commented_keys(), ids=lambda match: match.group(3))
def test_a_default_that_the_shipped_file_shows_is_the_codes_default(
    tmp_path: Path, shipped_environment: dict[str, str], match: re.Match[str]
) -> None:
    text = SHIPPED.read_text()
    shown = text[: match.start()] + match.expand(r"\1\2") + text[match.end() :]
    assert shown != text
    assert yaml.safe_load(shown) != yaml.safe_load(text)
    assert loaded(tmp_path, shown, shipped_environment) == load(SHIPPED, shipped_environment)


def test_the_metadata_tags_of_the_shipped_file_are_the_codes_default(
    tmp_path: Path, shipped_environment: dict[str, str]
) -> None:
    document = yaml.safe_load(SHIPPED.read_text())
    assert document.pop("metadata_tags")
    assert loaded(tmp_path, yaml.safe_dump(document), shipped_environment) == load(SHIPPED, shipped_environment)


@pytest.mark.parametrize("key", sorted(EXAMPLES))
def test_an_example_in_the_shipped_file_can_be_taken_over(
    tmp_path: Path, shipped_environment: dict[str, str], key: str
) -> None:
    text = SHIPPED.read_text()
    (match,) = [match for match in COMMENTED.finditer(text) if match.group(3) == key]
    token = tmp_path / "token"
    token.write_text("a-token-of-eight-or-more")
    tail = text[match.end() :]
    if key == "flux":  # it goes on in the next line, and instead of the template's measurements
        tail = re.sub(r"^ *#  ", " " * 10, tail.lstrip("\n"), count=1, flags=re.MULTILINE)
        tail = "\n" + tail
    shown = text[: match.start()] + match.expand(r"\1\2") + tail
    shown = shown.replace("/run/secrets/central_token", str(token))
    if key == "token_file":
        shown = shown.replace('  token: "${INFLUXDB_CENTRAL_TOKEN}"\n', "")
    if key == "flux":
        shown = shown.replace("        template: system_metrics\n", "")
    assert loaded(tmp_path, shown, shipped_environment) != load(SHIPPED, shipped_environment)
