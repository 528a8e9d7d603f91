"""Faults of the way over Kafka: its broker, the Telegraf that reads it, and what it delivers twice or not at all.

`lab.chaos.faults` lists them.
"""

from __future__ import annotations

import random
from subprocess import CalledProcessError, TimeoutExpired

from lab.chaos.process_faults import killed, stopped
from lab.chaos.stage import NoEffect, Stage, duration
from lab.kafka_way import TOPICS, KafkaWay

_REPEATED = 500  # messages of each partition that are delivered again


def _way(stage: Stage) -> KafkaWay:
    assert stage.way is not None
    return stage.way


def broker_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL of the one broker, and started again."""
    way = _way(stage)
    said = killed(stage, chance, way.kafka.nodes[0])
    way.kafka.wait()
    return said


def broker_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT: requests that were given up on are done afterwards."""
    return stopped(stage, chance, _way(stage).kafka.nodes[0])


def reader_killed(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGKILL: what was written and not yet confirmed to Kafka is delivered again."""
    return killed(stage, chance, _way(stage).reader)


def reader_stopped(stage: Stage, chance: random.Random, _: str) -> str:
    """SIGSTOP and SIGCONT, at times so long that Kafka gives its partitions to nobody."""
    return stopped(stage, chance, _way(stage).reader)


def second_reader(stage: Stage, chance: random.Random, _: str) -> str:
    """Another one in the same groups for a while: partitions move to it, and back when it ends or is killed."""
    other = _way(stage).new_reader()
    with other:
        stage.hold(chance.uniform(6.0, 10.0))
        if not other.running:
            raise NoEffect("the second reader ended by itself")
        if chance.random() < 0.5:
            other.kill()
    return f"{other.pid} read beside the first"


def delivered_again(stage: Stage, chance: random.Random, _: str) -> str:
    """Every topic is read again from earlier on: old lines and old marks land behind newer ones."""
    way = _way(stage)
    topics = [word for topic in TOPICS for word in ("--group", topic)]
    way.reader.stop()
    try:
        back = ("--reset-offsets", "--all-topics", "--shift-by", str(-_REPEATED), "--execute")
        said = way.kafka.run("consumer-groups", *topics, *back)
    except (CalledProcessError, TimeoutExpired) as error:
        raise NoEffect(str(getattr(error, "output", error))[-300:]) from None
    finally:
        way.reader.start()
    groups = {line.split()[0] for line in said.splitlines() if "collector." in line}
    if not groups:
        raise NoEffect(f"nothing was reset: {said[-300:]}")
    return f"up to {_REPEATED} messages of each partition again, {len(groups)} groups"


def messages_gone(stage: Stage, chance: random.Random, _: str) -> str:
    """What the reader has not read is deleted from the topics, as by a retention shorter than an outage."""
    way = _way(stage)
    way.reader.stop()
    try:
        stage.hold(duration(chance))
        gone = way.delete_unread()
    except (CalledProcessError, TimeoutExpired) as error:
        raise NoEffect(str(getattr(error, "output", error))[-300:]) from None
    finally:
        way.reader.start()
    if not gone:
        raise NoEffect("nothing was waiting")
    return f"{gone} messages deleted that nobody had read"
