"""What kustomize makes of `deploy/kubernetes`, and what Kubernetes then does to a pod of it."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.engines import ENGINES, REPOSITORY

Document = dict[str, Any]
PLACE = Path("deploy") / "kubernetes"
OVERLAYS = ("one", "shards")
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def copied(folder: Path) -> Path:
    """The files that the overlays read, in `folder`, to be edited."""
    for name in ("telegraf.conf", "config/queries.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    shutil.copytree(REPOSITORY / PLACE, folder / PLACE)
    return folder


def build(clone: Path, overlay: str) -> str:
    """What `kubectl kustomize` prints, as docs/kubernetes.md has it."""
    command = [
        str(ENGINES / "kustomize"),
        "build",
        "--load-restrictor",
        "LoadRestrictionsNone",
        str(clone / PLACE / overlay),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def documents(text: str) -> list[Document]:
    """The documents of rendered text."""
    return list(yaml.safe_load_all(text))


def one(found: Iterable[Document], *kinds: str) -> Document:
    """The one document of these kinds."""
    (document,) = [each for each in found if each["kind"] in kinds]
    return document


def pod(workload: Document, number: int | None = None) -> Document:
    """A pod as the controller of a Deployment or StatefulSet makes it from the template.

    The `number`th (counted as `ordinals` says) of a StatefulSet gets its name, and its index as a label.
    """
    template = copy.deepcopy(workload["spec"]["template"])
    name = workload["metadata"]["name"]
    if number is not None:
        start = workload["spec"]["ordinals"]["start"]
        assert start <= number < start + workload["spec"]["replicas"], "there is no such pod"
        name = f"{name}-{number}"
        template["metadata"]["labels"][INDEX_LABEL] = str(number)
    template["metadata"]["name"] = name
    return {"apiVersion": "v1", "kind": "Pod", **template}


def environment(made: Document) -> dict[str, str]:
    """The environment of the pod's one container as the kubelet makes it: `$(NAME)` is what stands before it."""
    (container,) = made["spec"]["containers"]
    found: dict[str, str] = {}
    for entry in container["env"]:
        if "valueFrom" in entry:
            field = re.fullmatch(r"metadata\.labels\['(.+)'\]", entry["valueFrom"]["fieldRef"]["fieldPath"])
            assert field is not None
            found[entry["name"]] = made["metadata"]["labels"][field[1]]
        else:
            found[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found.get(name[1], name[0]), entry["value"])
    return found
