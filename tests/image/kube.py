"""`podman kube play` of what kustomize rendered: what podman 4.3 lacks is done to the pods before, and no more.

podman plays Pods and ConfigMaps. `played` does to a pod what the cluster's own parts would:

- the StatefulSet's controller makes the pods, each with its name and index (`tests.kubernetes.rendered.pod`);
- the kubelet makes the environment: labels by fieldRef, `$(NAME)` in values (`rendered.environment`);
- the kubelet mounts one file of a ConfigMap by subPath: here the file is laid in a folder and mounted from there;
- it decodes a Secret's files, which podman mounts in base64, and hands them to the pod's group: laid in a folder, too;
- an emptyDir belongs to its pod: podman keeps it by its name, which therefore gets the pod's;
- each pod has an address of its own: podman publishes ports on the host, so each pod's health gets another one there.
"""

from __future__ import annotations

import base64
import copy
import os
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.image.containers import inspect, podman
from tests.kubernetes.rendered import Document, environment


def played(pod: Document, maps: Iterable[Document], secret: Document, folder: Path, health_port: int) -> Document:
    """The pod as podman 4.3 can play it: see above. `folder` gets the files that are mounted from there."""
    made = copy.deepcopy(pod)
    name = made["metadata"]["name"]
    (container,) = made["spec"]["containers"]
    container["env"] = [{"name": key, "value": value} for key, value in environment(pod).items()]
    data = {each["metadata"]["name"]: each["data"] for each in maps}
    volumes = {each["name"]: each for each in made["spec"]["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        if "subPath" in mount:
            file = folder / name / mount["subPath"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(data[volume["configMap"]["name"]][mount["subPath"]])
            file.chmod(volume["configMap"]["defaultMode"])
            mount["name"] = mount.pop("subPath").replace(".", "-")
            volumes[mount["name"]] = {"name": mount["name"], "hostPath": {"path": str(file), "type": "File"}}
        elif "secret" in volume:
            assert volume["secret"]["secretName"] == secret["metadata"]["name"]
            tokens = folder / name / "tokens"
            tokens.mkdir(parents=True, exist_ok=True)
            for key, text in secret["data"].items():
                file = tokens / key
                file.write_bytes(base64.b64decode(text))
                os.chown(file, 0, made["spec"]["securityContext"]["fsGroup"])
                file.chmod(volume["secret"]["defaultMode"])
            volumes[mount["name"]] = {"name": mount["name"], "hostPath": {"path": str(tokens), "type": "Directory"}}
        elif "emptyDir" in volume:
            mount["name"] = f"{name}-{mount['name']}"
            volumes[mount["name"]] = {**volume, "name": mount["name"]}
    used = {mount["name"] for mount in container["volumeMounts"]}
    made["spec"]["volumes"] = [volume for volume in volumes.values() if volume["name"] in used]
    for port in container["ports"]:
        if port["name"] == "health":
            port["hostPort"] = health_port
    return made


class Cluster:
    """Pods that podman plays on a network; `folder` holds what they are played from."""

    def __init__(self, folder: Path, network: str) -> None:
        self._folder = folder
        self._network = network
        self.pods: list[str] = []

    def play(self, pod: Document, maps: list[Document], secret: Document, health_port: int) -> None:
        """Run the pod, in the place of one of the same name."""
        name = pod["metadata"]["name"]
        self.remove(name)
        file = self._folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump_all([*maps, played(pod, maps, secret, self._folder, health_port)]))
        self.pods.append(name)
        podman("kube", "play", "--network", self._network, str(file))

    def remove(self, name: str) -> None:
        """End a pod, if there is one of that name, and what it kept."""
        if name in self.pods:
            podman("pod", "rm", "--force", "--time", "10", name)
            podman("volume", "rm", "--force", f"{name}-logs", f"{name}-tmp")
            self.pods.remove(name)

    def close(self) -> None:
        """End all pods."""
        for name in list(self.pods):
            self.remove(name)


def container(pod: str) -> str:
    """The name of the pod's one container."""
    return f"{pod}-data-collector"


def process(pod: str) -> int:
    """The process id, on this machine, of the first process of the pod's container; 0 while it does not run."""
    return int(inspect(container(pod))["State"]["Pid"])
