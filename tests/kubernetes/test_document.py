"""docs/kubernetes.md does what it says, as far as that needs no cluster; tests/image runs the pods."""

from __future__ import annotations

import base64
from pathlib import Path

import kubernetes_validate

from tests.kubernetes.rendered import environment, one, pod
from tests.kubernetes.steps import Site

TOKENS = {name: f"token-of-{name}" for name in ("central_token", "server_a_token", "server_b_token")}


def test_from_an_empty_folder_to_three_shards(tmp_path: Path) -> None:
    site = Site(tmp_path, {"SERVER_A_URL": "http://192.0.2.8:8086"}, TOKENS)
    assert held(site) == TOKENS
    site.apply()
    workload = one(site.applied(), "StatefulSet")
    assert [environment(pod(workload, number))["COLLECTOR_SHARD"] for number in (1, 2)] == ["1/2", "2/2"]
    assert "SERVER_A_URL=http://192.0.2.8:8086" in data(site)["settings.env"]

    site.add_source("POD-31", "http://192.0.2.31:8086", "default", "token-of-pod-31", "token-of-central-anew")
    assert held(site) == {**TOKENS, "central_token": "token-of-central-anew", "server_c_token": "token-of-pod-31"}
    assert "name: POD-31" in data(site)["queries.yaml"]
    assert "SERVER_C_URL=http://192.0.2.31:8086" in data(site)["settings.env"]
    assert 'alias = "cooling"' in data(site)["telegraf.conf"]

    site.grow()
    workload = one(site.applied(), "StatefulSet")
    assert [environment(pod(workload, number))["COLLECTOR_SHARD"] for number in (1, 2, 3)] == ["1/3", "2/3", "3/3"]
    for document in (*site.applied(), site.secret()):
        kubernetes_validate.validate(document, "1.37", strict=True)
    rendered = "\n".join(map(str, site.applied()))
    assert not [token for token in held(site).values() if token in rendered]
    assert "create namespace data-collector" in site.asked()


def held(site: Site) -> dict[str, str]:
    return {key: base64.b64decode(text).decode() for key, text in site.secret()["data"].items()}


def data(site: Site) -> dict[str, str]:
    found: dict[str, str] = one(site.applied(), "ConfigMap")["data"]
    return found
