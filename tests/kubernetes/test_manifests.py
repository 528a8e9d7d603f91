"""The manifests: what a cluster takes, what a linter of policies wants, and that they say what the other files say."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from lab.engines import ENGINES, REPOSITORY
from telegraf_plugin import __version__
from telegraf_plugin.config import standby
from telegraf_plugin.config.shards import Shard
from tests.kubernetes.rendered import OVERLAYS, PLACE, Document, build, copied, documents, environment, one, pod
from tests.kubernetes.steps import DOCUMENT
from tests.unit.test_lint import SETTINGS

WORKLOADS = ("Deployment", "StatefulSet")
# The oldest in which all that is used is there for good, and the newest that there are schemas of.
VERSIONS = ("1.31", "1.37")
# What kube-score wants and is not done, with the reason.
NOT_DONE = {
    "container-image-pull-policy": "a version's tag is one image: a node that has it can start it without a registry",
    "statefulset-has-host-podantiaffinity": "topologySpreadConstraints spread the shards evenly, over zones as well",
    "pod-probes": "it wants a livenessProbe: what a restart would mend, Telegraf and the container's end mend already",
    "deployment-replicas": "one collector is one pod; a second one reads the same",
}


@pytest.fixture(scope="session", params=[*OVERLAYS, "one with prometheus", "shards with prometheus"])
def variant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An overlay's name and what it renders to, plain and with the component."""
    overlay, _, component = request.param.partition(" with ")
    clone = copied(tmp_path_factory.mktemp("clone"))
    if component:
        file = clone / PLACE / overlay / "kustomization.yaml"
        file.write_text(f"{file.read_text()}components:\n  - ../{component}\n")
    return overlay, build(clone, overlay)


@pytest.fixture
def shown(variant: tuple[str, str]) -> list[Document]:
    return documents(variant[1])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_takes_them(shown: list[Document], version: str) -> None:
    # The Prometheus operator brings its own kind, which Kubernetes has no schema of.
    for document in (each for each in shown if each["kind"] != "ServiceMonitor"):
        kubernetes_validate.validate(document, version, strict=True)


def test_a_key_that_is_not_known_would_be_found(shown: list[Document]) -> None:
    workload = one(shown, *WORKLOADS)
    workload["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(workload, VERSIONS[-1], strict=True)


def score(text: str, *options: str) -> set[str]:
    """The names of the tests of kube-score that find something."""
    command = [
        str(ENGINES / "kube-score"),
        "score",
        "--kubernetes-version",
        f"v{VERSIONS[0]}",
        "--output-format",
        "json",
    ]
    # A limit of processor time would slow a collector down just when it has a backlog to make up for.
    command += ["--ignore-container-cpu-limit", "--enable-optional-test", "container-seccomp-profile"]
    command += ["--enable-optional-test", "container-ports-check", *options, "-"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    found: list[dict[str, Any]] = json.loads(run.stdout)
    assert {each["type_meta"]["kind"] for each in found} & {*WORKLOADS}, run.stdout
    checks = [check for each in found for check in each["checks"] if not check["skipped"]]
    assert len(checks) > 20
    return {check["check"]["id"] for check in checks if check["grade"] < 10}


def test_its_policies_are_kept_but_for_those_with_a_reason(variant: tuple[str, str]) -> None:
    assert score(variant[1]) <= {*NOT_DONE}


def test_a_policy_that_is_not_kept_would_be_found(variant: tuple[str, str]) -> None:
    assert "container-security-context-readonlyrootfilesystem" in score(
        variant[1].replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    )


def test_the_files_are_the_repositorys_own(shown: list[Document]) -> None:
    data = next(each["data"] for each in shown if "telegraf.conf" in each.get("data", {}))
    assert data == {
        "telegraf.conf": (REPOSITORY / "telegraf.conf").read_text(),
        "queries.yaml": (REPOSITORY / "config" / "queries.yaml").read_text(),
        "settings.env": (REPOSITORY / PLACE / "base" / "settings.env").read_text(),
    }


def test_a_changed_file_brings_new_pods(tmp_path: Path) -> None:
    def name(clone: Path) -> str:
        return str(one(documents(build(clone, "one")), "Deployment")["spec"]["template"]["spec"]["volumes"][0])

    clone = copied(tmp_path)
    before = name(clone)
    with (clone / "config" / "queries.yaml").open("a") as file:
        file.write("\n# changed\n")
    assert name(clone) != before


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_the_pods_index_is_the_shard_and_how_many_is_said_once(tmp_path: Path, count: int) -> None:
    clone = copied(tmp_path)
    file = clone / PLACE / "shards" / "kustomization.yaml"
    text = file.read_text()
    assert text.count("count: 2}") == 1
    file.write_text(text.replace("count: 2}", f"count: {count}}}"))
    workload = one(documents(build(clone, "shards")), "StatefulSet")
    shards = [environment(pod(workload, number))["COLLECTOR_SHARD"] for number in range(1, count + 1)]
    assert [Shard.parse(text) for text in shards] == [Shard(number, count) for number in range(1, count + 1)]


def test_one_collector_has_no_shard_and_both_overlays_run_the_same(tmp_path: Path) -> None:
    clone = copied(tmp_path)
    single, several = (one(documents(build(clone, name)), *WORKLOADS) for name in OVERLAYS)
    container = several["spec"]["template"]["spec"]["containers"][0]
    assert "COLLECTOR_SHARD" not in environment(pod(single))
    container["env"] = [each for each in container["env"] if each["name"] not in ("POD_INDEX", "COLLECTOR_SHARD")]
    assert single["spec"]["template"] == several["spec"]["template"]
    assert single["spec"]["selector"] == several["spec"]["selector"]


def test_a_second_one_stands_by_with_what_the_document_says(tmp_path: Path) -> None:
    clone = copied(tmp_path)
    section = DOCUMENT.read_text().split("\n## A second one that stands by\n")[1].split("\n## ")[0]
    (setting,) = re.findall(r"`(COLLECTOR_STANDBY=\w+)`", section)
    (said,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    for place, text in (("base/settings.env", setting), ("one/kustomization.yaml", said)):
        file = clone / PLACE / place
        file.write_text(f"{file.read_text()}{text}\n")
    shown = documents(build(clone, "one"))
    spec = one(shown, "Deployment")["spec"]
    # One after the other, each on a node of its own where there are two; a node that is emptied takes one of them.
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    spread = spec["template"]["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"]: each["maxSkew"] for each in spread}["kubernetes.io/hostname"] == 1
    assert one(shown, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    settings = next(each["data"]["settings.env"] for each in shown if "settings.env" in each.get("data", {}))
    assert standby.of(dict(line.split("=", 1) for line in settings.splitlines() if line[:1].isalpha()))
    for document in shown:
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


def test_every_selector_takes_the_pods(shown: list[Document]) -> None:
    workload = one(shown, *WORKLOADS)
    labels = workload["spec"]["template"]["metadata"]["labels"]
    spread = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
    selectors = [
        workload["spec"]["selector"]["matchLabels"],
        one(shown, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(shown, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        one(shown, "Service")["spec"]["selector"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
        *(each["spec"]["selector"]["matchLabels"] for each in shown if each["kind"] == "ServiceMonitor"),
    ]
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()


def test_health_makes_ready_and_never_restarts(shown: list[Document]) -> None:
    (container,) = one(shown, *WORKLOADS)["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": "health"}
    assert {each["name"]: each["containerPort"] for each in container["ports"]}["health"] == 5000
    assert {each["name"]: each.get("value") for each in container["env"]}["HEALTH_CHECK_PORT"] == "5000"
    assert not {"livenessProbe", "startupProbe"} & {*container}


def test_no_shard_waits_for_another_nor_does_a_node_for_one_that_is_not_ready(tmp_path: Path) -> None:
    shown = documents(build(copied(tmp_path), "shards"))
    spec = one(shown, "StatefulSet")["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "100%"}
    budget = one(shown, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_it_may_do_no_more_than_a_restricted_namespace_lets_it(shown: list[Document]) -> None:
    """Kubernetes' own profile `restricted`, and besides it no token of the cluster's."""
    spec = one(shown, *WORKLOADS)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    rights = container["securityContext"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert (rights["runAsNonRoot"], rights["allowPrivilegeEscalation"], rights["privileged"]) == (True, False, False)
    assert rights["readOnlyRootFilesystem"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {*spec}
    assert {next(iter(volume.keys() - {"name"})) for volume in spec["volumes"]} == {"configMap", "secret", "emptyDir"}
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable == {"/app/logs", "/tmp"}


def test_it_is_the_image_that_the_dockerfile_makes_with_what_compose_gives_it(shown: list[Document]) -> None:
    spec = one(shown, *WORKLOADS)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert container["image"] == f"registry.example.org/data-collector:{__version__}"
    user = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    assert user is not None
    rights = {**spec["securityContext"], **container["securityContext"]}
    assert (str(rights["runAsUser"]), str(rights["runAsGroup"])) == user.groups()
    service = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]["data-collector"]
    assert {each["name"]: each.get("value") for each in container["env"]}["GOMEMLIMIT"] == (
        service["environment"]["GOMEMLIMIT"]
    )
    assert (container["resources"]["limits"]["memory"], service["mem_limit"]) == ("1Gi", "1g")
    assert f"{spec['terminationGracePeriodSeconds']}s" == service["stop_grace_period"]


def test_the_settings_are_those_of_the_example_without_tokens() -> None:
    lines = (REPOSITORY / PLACE / "base" / "settings.env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    elsewhere = {"HEALTH_CHECK_PORT"}
    assert found == {
        name: value for name, value in SETTINGS.items() if not name.endswith("TOKEN") and name not in elsewhere
    }


def test_what_the_pod_mounts_can_be_started_with(shown: list[Document], tmp_path: Path) -> None:
    """`data-collector check` of the files where the pod has them, with the pod's environment: nothing is found."""
    (container,) = one(shown, *WORKLOADS)["spec"]["template"]["spec"]["containers"]
    volumes = {each["name"]: each for each in one(shown, *WORKLOADS)["spec"]["template"]["spec"]["volumes"]}
    maps = {each["metadata"]["name"]: each["data"] for each in shown if each["kind"] == "ConfigMap"}
    mounted = 0
    for mount in container["volumeMounts"]:
        if "configMap" in volumes[mount["name"]]:
            data = maps[volumes[mount["name"]]["configMap"]["name"]]
            for key in [mount["subPath"]] if "subPath" in mount else data:
                file = tmp_path / Path(mount["mountPath"]).relative_to("/") / ("" if "subPath" in mount else key)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(data[key])
                mounted += 1
    assert mounted == sum(len(data) for data in maps.values())
    secrets = tmp_path / "tokens"
    secrets.mkdir()
    for name in ("central", "server_a", "server_b"):
        (secrets / f"{name}_token").write_text("a-token-long-enough")
    (tmp_path / "app" / "config" / "secrets.conf").write_text((REPOSITORY / "config" / "secrets.conf").read_text())
    env = {"PATH": f"{ENGINES}:/usr/bin:/bin", "COLLECTOR_SECRETS": str(secrets), "HEALTH_CHECK_PORT": "5000"}
    command = [str(REPOSITORY / ".venv" / "bin" / "data-collector"), "check"]
    run = subprocess.run(
        command, env=env, cwd=tmp_path / "app", capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, "nothing to change" in run.stdout) == (0, True), run.stdout + run.stderr


def test_the_component_has_what_telegraf_conf_shows_as_a_comment() -> None:
    lines = (REPOSITORY / "telegraf.conf").read_text().splitlines()
    begin = lines.index("# [[outputs.prometheus_client]]")
    shown = tomllib.loads("\n".join(line[2:] for line in lines[begin:]))
    found = tomllib.loads((REPOSITORY / PLACE / "prometheus" / "prometheus.conf").read_text())
    shown["outputs"]["prometheus_client"][0]["listen"] = ":9273"
    assert found == shown
