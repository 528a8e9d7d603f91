"""`KafkaWay`: what stands between the site's Telegraf and central where lines go over Kafka (deploy/kafka).

One broker, and the Telegraf that reads its topics and writes into central.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from lab.assembly import Assembly
from lab.engines import REPOSITORY
from lab.kafka import Kafka
from lab.loopback import free_port
from lab.site import Buckets, Site
from lab.telegraf import TelegrafProcess

SITE_CONF = REPOSITORY / "deploy" / "kafka" / "site.conf"
CENTRAL_CONF = REPOSITORY / "deploy" / "kafka" / "central.conf"
_ONE_BROKER = 'brokers = ["${KAFKA_BROKER}"]'
TOPICS = tuple(f"collector.{bucket}" for bucket in (Buckets.telegraf, Buckets.pods, Buckets.power, Buckets.metrics))


def several_brokers(conf: Path, kafka: Kafka, folder: Path) -> Path:
    """`conf`, or a copy of it in `folder` that names all brokers, where there are several."""
    if len(kafka.addresses) == 1:
        return conf
    copy = folder / conf.name
    text = conf.read_text()
    assert text.count(_ONE_BROKER) == 4
    copy.write_text(text.replace(_ONE_BROKER, f"brokers = {json.dumps(kafka.addresses)}"))
    return copy


class Place(NamedTuple):
    """One line of `kafka-consumer-groups.sh --describe`: its first columns."""

    group: str
    topic: str
    partition: str
    confirmed: str
    end: str


class KafkaWay(Assembly):
    """A context that starts the broker and the reader, and ends them."""

    def __init__(
        self, folder: Path, site: Site, urls: Mapping[str, str] = MappingProxyType({}), nodes: int = 1
    ) -> None:
        """`folder` gets the readers' logs; `urls` are addresses in place of the site's own, by variable.

        `nodes`: how many brokers there are.
        """
        self._folder, self._site, self._urls = folder, site, urls
        self._readers = 0
        self.kafka = Kafka(nodes)

    def assemble(self, stack: ExitStack) -> None:
        """Start it all."""
        stack.enter_context(self.kafka)
        self.reader = self.new_reader()
        stack.enter_context(self.reader)

    @property
    def environment(self) -> dict[str, str]:
        """What both configurations want besides the variables of .env."""
        return {"KAFKA_BROKER": self.kafka.addresses[0]}

    def new_reader(self, urls: Mapping[str, str] = MappingProxyType({})) -> TelegrafProcess:
        """Another Telegraf that reads the topics, in the same groups; not yet started. `urls` are its own addresses."""
        self._readers += 1
        folder = self._folder / f"reader-{self._readers}"
        folder.mkdir(parents=True)
        env = {**self._site.environment(10, free_port()), **self._urls, **urls, **self.environment}
        env["KAFKA_CLIENT"] = f"reader-{self._readers}"
        return TelegrafProcess(several_brokers(CENTRAL_CONF, self.kafka, folder), env, cwd=folder)

    def delete_unread(self) -> int:
        """Delete what the topics hold; how many messages of that the readers' groups had not confirmed.

        The readers are not running. Raises as `Kafka.run` does.
        """
        groups = [word for topic in TOPICS for word in ("--group", topic)]
        said = self.kafka.run("consumer-groups", *groups, "--describe", "--offsets").splitlines()
        places = [Place(*line.split()[:5]) for line in said if line.startswith("collector.")]
        records = [{"topic": each.topic, "partition": int(each.partition), "offset": -1} for each in places]
        file = self._folder / "delete-records.json"
        file.write_text(json.dumps({"partitions": records, "version": 1}))
        self.kafka.run("delete-records", "--offset-json-file", str(file))
        # "-" where the group never confirmed anything.
        return sum(int(each.end) - (int(each.confirmed) if each.confirmed != "-" else 0) for each in places)

    def mend(self) -> None:
        """Start what is not running."""
        for node in self.kafka.nodes:
            if not node.running:
                node.start()
        if not self.reader.running:
            self.reader.start()

    def logs(self) -> dict[str, Path]:
        """The logs of broker and reader, by the name to keep them under."""
        return {"kafka.log": self.kafka.nodes[0].log_file, "reader.log": self.reader.log_file}
