"""What the doctor says of a server's version."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_plugin.commands.versions import of_central, of_source
from tests.unit.config_bench import BASE, CENTRAL_TOKEN, POD_TOKEN, loaded

ENVIRONMENT = {"CENTRAL_TOKEN": CENTRAL_TOKEN, "POD_TOKEN": POD_TOKEN}
V1 = BASE.replace('    org: pod\n    token: "${POD_TOKEN}"\n', "").replace("bucket: telegraf", "database: telegraf")
AGGREGATE = "        aggregate: {every: 1m, fn: mean}\n"
FLUX = "    read: flux\n"


@pytest.mark.parametrize(
    ("text", "told", "said"),
    [
        (BASE, "v2.9.1", None),
        (BASE, "2.2.0", None),
        (BASE, "dev", None),
        (BASE, "", None),
        (BASE, "v2.1.1", (False, "v2.1.1 is older than 2.2")),
        (BASE, "1.11.8", (True, "1.11.8 is no InfluxDB 2, as POD-1's keys say")),
        (BASE, "3.0.1", (True, "3.0.1 is not supported")),
        (V1, "1.6.7~rc0", None),
        (V1, "1.13.2", None),
        (V1, "unknown", None),
        (V1, "1.5.4", (False, "1.5.4 is older than 1.6")),
        (V1, "v2.9.1", (True, "v2.9.1 is no InfluxDB 1.x, as POD-1's keys say")),
        (V1, "3.1.0", (True, "3.1.0 is not supported")),
        (V1 + AGGREGATE, "1.11.0", None),
        (V1 + AGGREGATE, "1.10.0", (True, "1.10.0 has no Flux that aggregate could use")),
        (V1 + FLUX, "1.13.2", None),
        (V1 + FLUX, "1.8.10", (True, "1.8.10 has no Flux that read: flux could use")),
    ],
)
def test_a_source_is_judged_by_what_its_keys_say(
    tmp_path: Path, text: str, told: str, said: tuple[bool, str] | None
) -> None:
    (source,) = loaded(tmp_path, text, ENVIRONMENT).sources
    assert [(each.bad, each.found) for each in of_source(source, told)] == ([said] if said else [])


@pytest.mark.parametrize(
    ("told", "bad"), [("v2.9.1", []), ("dev", []), ("v2.0.9", [False]), ("1.13.2", [True]), ("3.0", [True])]
)
def test_central_has_to_be_an_influxdb_2(told: str, bad: list[bool]) -> None:
    assert [each.bad for each in of_central(told)] == bad
