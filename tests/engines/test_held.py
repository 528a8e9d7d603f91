"""What central refuses is held and named; the rest is proved and goes on; and it is let go when central takes it."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from lab.loopback import HttpRefused, wait_until
from lab.site import Site
from tests.engines.stage import SECOND, Stage


@pytest.mark.timeout(300)
def test_a_field_of_another_type_in_central_is_held_and_let_go_when_central_takes_it(
    site: Site, tmp_path: Path
) -> None:
    stage = Stage(site, tmp_path, "typed", lookback="3s", start="-60s")
    at = time.time_ns() - 20 * SECOND
    # As another source, or an earlier collector, has left it there.
    site.central.write(stage.name, f"rack,host=b,field=current,source_bucket=typed current=1i {at}\n".encode())
    stage.write(f"rack,host=a current=1.5,steady=2 {at}", f"mem,host=a free=3i {at}")
    with stage.collector() as collector:
        said = collector.wait_for_log("E! .*central lacks 1 points of field 'current' of measurement 'rack'.*", 60)
        for part in ("POD-8/typed", "float here", "integer in central", "422"):
            assert part in said[0], said[0]
        wait_until(lambda: stage.measured("collector_held"), "the metric", 10)
        held = stage.measured("collector_held")
        tags = {"source": "POD-8", "stream": "typed", "measurement": "rack", "held_field": "current"}
        assert {key: held[0].tag(key) for key in tags} == tags
        # The rest has arrived, is proved, and goes on.
        stage.wait_for_proof(at)
        fields = {(point.measurement, point.field) for point in stage.landed() if point.tag("host") == "a"}
        assert fields == {("rack", "steady"), ("mem", "free")}
        later = time.time_ns()
        stage.write(f"rack,host=a steady=4 {later}")
        wait_until(lambda: later in {point.time_ns for point in stage.landed()}, "what is new", 10)
        assert "rack" in stage.marks()[-1]["held"]
        assert len(re.findall("central lacks 1 points of field", collector.log())) == 1

        stage.delete_measurement("rack")  # with its type; what was proved of it is not sent again by that
        wait_until(lambda: "current" in {point.field for point in stage.landed()}, "the field to be let go", 150, 0.5)
        assert "1.5" in {point.value for point in stage.landed() if point.field == "current"}
        wait_until(lambda: stage.marks()[-1]["held"] == "", "the end of it in the ledger", 60, 0.5)


def test_central_refuses_the_field_as_telegraf_writes_it(site: Site) -> None:
    site.central.create_bucket("refusing")
    at = time.time_ns()
    site.central.write("refusing", f"rack current=1i {at}".encode())
    with pytest.raises(HttpRefused) as refused:
        site.central.write("refusing", f"rack current=1.5 {at}".encode())
    assert refused.value.status == 422
