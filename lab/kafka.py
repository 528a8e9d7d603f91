"""`Kafka`: a real Kafka on loopback, in KRaft mode, of one node or several that are broker and controller each."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lab.assembly import Assembly
from lab.engines import kafka
from lab.loopback import HOST, free_port, wait_until
from lab.process import Process

_CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"  # any 16 bytes in base64
_START_S = 90.0  # Java on a busy machine
PROPERTIES = {
    # A topic that nobody made is made by who first asks for it: the same as the command of docs/kafka.md makes.
    "num.partitions": "3",
    "message.max.bytes": str(4 * 1024 * 1024 + 64 * 1024),
    "offsets.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "share.coordinator.state.topic.num.partitions": "1",
    # Every node on one machine: no more threads than that is worth.
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    # A test of retention does not wait for minutes.
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    # Who is killed is missed soon.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class Kafka(Assembly):
    """`nodes` nodes with one folder; a context that starts and ends them. Partitions have a replica on each node.

    `nodes[0].kill()` and `.start()`, `.pause()`, `.resume()` are a broker lost and back.
    """

    def __init__(self, nodes: int = 1, **properties: str) -> None:
        """`properties` are further ones of the brokers, with _ for each dot."""
        self._count = nodes
        self._properties = {name.replace("_", "."): value for name, value in properties.items()}
        self.nodes: list[Process] = []
        self.addresses: list[str] = []

    def assemble(self, stack: ExitStack) -> None:
        """Start it all."""
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-kafka-")))
        self.addresses = [f"{HOST}:{free_port()}" for _ in range(self._count)]
        controllers = [f"{HOST}:{free_port()}" for _ in range(self._count)]
        self.nodes = [self._node(number, controllers) for number in range(self._count)]
        for node in self.nodes:
            stack.enter_context(node)
            stack.callback(node.kill)  # what it holds is thrown away: nobody waits for it to put its house in order
        self.wait()

    @property
    def brokers(self) -> str:
        """The brokers as `bootstrap.servers` takes them."""
        return ",".join(self.addresses)

    def wait(self, timeout_s: float = _START_S) -> None:
        """Wait until every node that runs takes connections. Raises TimeoutError, with the end of its log."""
        for node, address in zip(self.nodes, self.addresses, strict=True):
            try:
                wait_until(lambda node=node, at=address: not node.running or _listens(at), address, timeout_s)  # type: ignore[misc]
            except TimeoutError as error:
                raise TimeoutError(f"{error}\n{node.log_tail()}") from None

    def run(self, tool: str, *arguments: str, timeout_s: float = 60.0) -> str:
        """What one of Kafka's programs says (`topics`, `consumer-groups`; engines/kafka/kafka lists them).

        Raises subprocess.CalledProcessError, with what it said, or TimeoutExpired.
        """
        done = subprocess.run(
            [str(kafka()), tool, "--bootstrap-server", self.brokers, *arguments],
            env=_environment("128m", "error"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}"
            raise subprocess.CalledProcessError(done.returncode, [tool, *arguments], said, done.stderr)
        return done.stdout

    def make_topic(self, topic: str, partitions: int = 3, **config: str) -> None:
        """Make a topic; `config` is its configuration, with _ for each dot. Raises as `run` does."""
        said = [word for name, value in config.items() for word in ("--config", f"{name.replace('_', '.')}={value}")]
        self.run("topics", "--create", "--topic", topic, "--partitions", str(partitions), *said)

    def ends(self, topic: str, time: str = "latest") -> list[int]:
        """Each partition's next offset, or its first one that is still there (`earliest`). Raises as `run` does."""
        lines = self.run("get-offsets", "--topic", topic, "--time", time).split()
        return [offset for _, offset in sorted((int(p), int(at)) for _, p, at in (line.split(":") for line in lines))]

    def messages(self, topic: str, count: int) -> list[tuple[int, str, str]]:
        """The first `count` messages of a topic: partition, key and the value's first line. Raises as `run` does."""
        said = self.run(
            *("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", str(count)),
            *("--property", "print.key=true", "--property", "print.partition=true", "--timeout-ms", "30000"),
        )
        found = []
        for line in said.splitlines():
            if not line.startswith("Partition:"):
                continue  # a message's own newline, and what is behind it
            partition, key, value = line.split("\t", 2)
            found.append((int(partition.removeprefix("Partition:")), key, value))
        return found

    def _node(self, number: int, controllers: list[str]) -> Process:
        folder = self.folder / f"node-{number}"
        folder.mkdir()
        replicas = str(self._count)
        said = {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "listeners": f"PLAINTEXT://{self.addresses[number]},CONTROLLER://{controllers[number]}",
            "advertised.listeners": f"PLAINTEXT://{self.addresses[number]}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(f"{n}@{address}" for n, address in enumerate(controllers)),
            "log.dirs": str(folder / "data"),
            "default.replication.factor": replicas,
            "min.insync.replicas": str(max(1, self._count - 1)),
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            **PROPERTIES,
            **self._properties,
        }
        file = folder / "server.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in said.items()))
        env = _environment("256m", "warn")
        subprocess.run(
            [str(kafka()), "storage", "format", "--cluster-id", _CLUSTER_ID, "--config", str(file)],
            env=env,
            capture_output=True,
            timeout=_START_S,
            check=True,
        )
        return Process([str(kafka()), "server-start", str(file)], env, folder, folder / "server.log")


def _environment(heap: str, level: str) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "JAVA_HEAP": heap, "LOG_LEVEL": level}


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1.0):
        return True
    return False
