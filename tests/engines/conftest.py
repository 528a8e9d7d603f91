"""Servers that the tests of a module share; each test uses buckets, or a plugin, of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.influxd import InfluxServer
from lab.site import Site
from tests.engines import reading
from tests.engines.landing import close_shared_central


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that may move points its language."""
    if "language" in metafunc.fixturenames and reading.MAKERS & vars(metafunc.module).keys():
        metafunc.parametrize("language", [reading.way_of(metafunc.definition.nodeid)], indirect=True)


@pytest.fixture(autouse=True)
def language(request: pytest.FixtureRequest) -> Iterator[None]:
    """The language in which the test's servers are read."""
    reading.begin(getattr(request, "param", "auto"))
    yield
    reading.begin("auto")


@pytest.fixture(scope="session", autouse=True)
def shared_central_ends() -> Iterator[None]:
    """The central that tests of the plugin alone share is started by the first, and ended with the last."""
    yield
    close_shared_central()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """POD-8, POD-30 and central, with the README's buckets."""
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def influx() -> Iterator[InfluxServer]:
    """One InfluxDB with the organisation `o` and the bucket `data`."""
    with InfluxServer("o", "data") as running:
        yield running


@pytest.fixture(scope="module")
def pod() -> Iterator[InfluxServer]:
    """A source beside `central`: the organisation `o`, the bucket `data`."""
    with InfluxServer("o", "data") as running:
        yield running


@pytest.fixture(scope="module")
def central() -> Iterator[InfluxServer]:
    """The central of a module of its own: the organisation `central`, the bucket `metrics`."""
    with InfluxServer("central", "metrics") as running:
        yield running
