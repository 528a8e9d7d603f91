"""Tests under `tests/engines` need Telegraf and InfluxDB: without them they say so, and in CI they fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.engines import EnginesMissing, influxd, influxd_v1, kafka, telegraf

_ENGINES = Path(__file__).parent / "engines"
# A clone in which `.env` is filled in is tested like any other: what a test does not set is not set.
os.environ["COLLECTOR_ENV_FILE"] = ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_ENGINES):
            item.add_marker(pytest.mark.engines)


@pytest.hookimpl(tryfirst=True)  # before any fixture is set up
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("engines") is None:
        return
    try:
        telegraf()
        influxd()
        if item.get_closest_marker("influxdb_v1") is not None:
            for version in ("1.13", "1.6"):
                influxd_v1(version)
        if item.get_closest_marker("kafka") is not None:
            kafka()
    except EnginesMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI the engines must be there)", pytrace=False)
        pytest.skip(str(missing))
