"""The bench, with next to nothing to copy: each way lands what it says, and what it measured is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.bench import document, ways
from lab.bench.contenders import CAT_FIELD, INFLUXQL_WIDE, SCRIPT, FluxTo, Replication, contenders
from lab.bench.landed import BUCKET, compare
from lab.bench.machine import machine
from lab.bench.results import Results, Run

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def found() -> dict[str, list[Run]]:
    chosen = {CAT_FIELD, INFLUXQL_WIDE, SCRIPT, FluxTo.name, Replication.name}
    data = ways.made(8, 1290, hosts=1)
    return ways.measure([each for each in contenders() if each.name in chosen], data, 1)


@pytest.mark.parametrize("name", [CAT_FIELD, INFLUXQL_WIDE, FluxTo.name, Replication.name])
def test_every_value_lands_as_it_was(found: dict[str, list[Run]], name: str) -> None:
    (run,) = found[name]
    assert run.landed.all_right
    assert run.landed.right == run.values > 0
    assert 0 < run.first <= run.seconds
    assert all(each.memory > 0 for each in run.use.values())


def test_a_client_that_cuts_times_is_found_out(found: dict[str, list[Run]]) -> None:
    """net's nanoseconds: 16 of a host's 129 values."""
    (run,) = found[SCRIPT]
    assert (run.landed.right, run.landed.lacking, run.landed.extra) == (113, 16, 16)


def test_what_was_measured_is_told(found: dict[str, list[Run]], tmp_path: Path) -> None:
    results = Results(machine=machine() | {"command": "pytest"}, ways=found)
    (tmp_path / "a.md").write_text(f"{document.BEGIN}{document.END}")
    document.write(tmp_path / "a.md", results)
    text = (tmp_path / "a.md").read_text()
    assert "113 of 129; 16 lacking, 16 that nobody wrote" in text
    assert "not known" not in text
    assert (tmp_path / "bench.svg").stat().st_size > 1000


def test_what_is_wrong_lacking_or_too_much_is_counted() -> None:
    data = ways.made(8, 1290, hosts=1)
    landing = Replication.landing
    with ways.filled(data.part(0.5)) as server:
        assert compare(server, data.part(0.5), landing).all_right
        half = compare(server, data, landing)
        assert (half.right, half.lacking) == (data.values // 2, data.values // 2)
        at = data.ended
        server.write(BUCKET, f"mem,host=POD-8 used=1i,strange=2 {data.series[9].times[-1]}\nnew f=1 {at}".encode())
        changed = compare(server, data.part(0.5), landing)
        assert (changed.wrong, changed.lacking, changed.extra) == (1, 0, 2)
