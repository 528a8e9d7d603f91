"""What is played by podman is the rendered pod, but for what `tests.image.kube` says."""

from __future__ import annotations

import base64
import copy
import os
from pathlib import Path

import pytest

from tests.image.kube import played
from tests.kubernetes.rendered import Document, build, copied, documents, environment, one, pod

PORT = 15000


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Document, Document]:
    """The second shard's pod as it is rendered, and as it is played."""
    monkeypatch.setattr(os, "chown", lambda *_: None)  # root's, as podman is
    shown = documents(build(copied(tmp_path / "clone"), "shards"))
    made = pod(one(shown, "StatefulSet"), 2)
    data = {"central_token": base64.b64encode(b"token of central").decode()}
    secret = {"kind": "Secret", "metadata": {"name": "data-collector-tokens"}, "data": data}
    maps = [each for each in shown if each["kind"] == "ConfigMap"]
    return made, played(made, maps, secret, tmp_path / "played", PORT)


def test_nothing_else_is_changed(pair: tuple[Document, Document]) -> None:
    before, after = copy.deepcopy(pair)
    for each in (before, after):
        del each["spec"]["volumes"]
        [container] = each["spec"]["containers"]
        del container["env"]
        for mount in container["volumeMounts"]:
            del mount["name"]
            mount.pop("subPath", None)
    [port] = after["spec"]["containers"][0]["ports"]
    assert port.pop("hostPort") == PORT
    assert before == after


def test_the_environment_is_the_kubelets(pair: tuple[Document, Document]) -> None:
    before, after = pair
    env = {each["name"]: each["value"] for each in after["spec"]["containers"][0]["env"]}
    assert env == environment(before)
    assert env["COLLECTOR_SHARD"] == "2/2"


def test_each_volume_has_what_the_kubelet_would_mount(pair: tuple[Document, Document]) -> None:
    before, after = pair
    volumes = {each["name"]: each for each in after["spec"]["volumes"]}
    mounts = {each["mountPath"]: volumes[each["name"]] for each in after["spec"]["containers"][0]["volumeMounts"]}
    assert "[agent]" in Path(mounts["/app/telegraf.conf"]["hostPath"]["path"]).read_text()
    assert "sources:" in Path(mounts["/app/config/queries.yaml"]["hostPath"]["path"]).read_text()
    assert "SERVER_A_URL=" in Path(mounts["/app/.env"]["hostPath"]["path"]).read_text()
    tokens = Path(mounts["/run/tokens"]["hostPath"]["path"])
    assert [file.name for file in tokens.iterdir()] == ["central_token"]
    assert (tokens / "central_token").read_text() == "token of central"
    assert (tokens / "central_token").stat().st_mode & 0o777 == 0o440
    kept = {each["name"]: each for each in before["spec"]["volumes"] if "emptyDir" in each}
    for path, name in (("/app/logs", "logs"), ("/tmp", "tmp")):
        assert mounts[path] == {**kept[name], "name": f"data-collector-2-{name}"}
    assert len(volumes) == 6
