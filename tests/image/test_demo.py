"""compose.demo.yaml: it shows the whole system, and needs nothing, not even a .env that happens to be there."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from lab.containers.servers import Server
from lab.engines import REPOSITORY
from lab.loopback import http_status, wait_until
from tests.image.containers import Compose, inspect, podman
from tests.image.landing import assert_all_landed


def test_data_lands_and_health_answers(demo: Compose, servers: Mapping[str, Server]) -> None:
    url = f"http://127.0.0.1:{demo.env['DEMO_HEALTH_PORT']}/health"
    wait_until(lambda: http_status(url) == 200, "health 200", 90, every_s=0.5)
    stop = time.time_ns()
    print(f"\ndemo: {assert_all_landed(servers, stop - 3600 * 10**9, stop)} points, all equal")


def test_it_says_where_to_look(demo: Compose) -> None:
    said = demo.logs("look")
    assert f"curl -i http://localhost:{demo.env['DEMO_HEALTH_PORT']}/health" in said
    assert f"http://localhost:{demo.env['DEMO_CENTRAL_PORT']} " in said
    wait_until(lambda: re.search(r"telegraf: cpu [1-9]", demo.logs("look")), "figures in its log", 60, every_s=1)


def test_it_uses_no_variable_of_env() -> None:
    used = set(re.findall(r"\$\{(\w+)", (REPOSITORY / "compose.demo.yaml").read_text()))
    offered = set(re.findall(r"^#?(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    assert used == {"DEMO_CENTRAL_PORT", "DEMO_HEALTH_PORT", "DEMO_GRAFANA_PORT"}
    assert not used & offered


def test_its_tokens_are_in_no_environment_and_no_log(demo: Compose) -> None:
    tokens = demo.shell("data-collector", "for file in /run/tokens/*; do cat $file; echo; done").split()
    assert len(tokens) == 6
    for container in demo.containers():
        for seen in (podman("inspect", container), podman("logs", container)):
            assert not [token for token in tokens if token in seen], container


def test_a_stop_while_central_hangs_is_cut_short_and_loses_nothing(
    demo: Compose, servers: Mapping[str, Server]
) -> None:
    central, collector = demo.container("central"), demo.container("data-collector")
    begun_ns = time.time_ns()
    podman("pause", central)
    try:
        time.sleep(8)  # a cycle's points are in Telegraf's hands
        begun = time.monotonic()
        podman("stop", "--time", "10", collector)
        took = time.monotonic() - begun
    finally:
        podman("unpause", central)
    # Killed: Telegraf would have waited for central's answer.
    assert inspect(collector)["State"]["ExitCode"] == 137
    assert took < 15
    podman("start", collector)
    points = assert_all_landed(servers, begun_ns, time.time_ns())
    print(f"\ndemo: stopped in {took:.1f} s while central hung; {points} points, all equal")
