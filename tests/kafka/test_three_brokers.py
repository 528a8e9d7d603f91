"""Three brokers, a replica on each: one lost is hardly noticed, two stop the way, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

from lab.loopback import wait_until
from lab.site import Site
from tests.kafka.trial import TOPIC, Trial, seen


def test_one_of_three_brokers_is_lost_then_two(tmp_path: Path) -> None:
    with Site() as site, Trial(tmp_path, site, {}, nodes=3) as trial:
        trial.write(500)
        trial.wait_equal()
        nodes = trial.way.kafka.nodes
        first = leader(trial)
        nodes[first].kill()
        trial.write(500)
        one = trial.wait_equal()
        second = next(number for number in range(3) if number != first)
        nodes[second].kill()
        before = len(trial.central())
        trial.write(500)
        trial.collector.wait_for_log(r"E! .*outputs\.kafka", 120.0, after=len(trial.collector.log()))
        assert len(trial.central()) == before
        for number in (first, second):
            nodes[number].start()
        trial.way.kafka.wait()
        two = trial.wait_equal(180.0)
        wait_until(lambda: leader(trial) >= 0, "a leader", 60.0, 1.0)
        seen(
            f"of three brokers the partition's leader is killed: points were in central after {one:.1f} s; a second one"
            f" too: nothing is taken, Telegraf's buffer holds what was printed; equal {two:.0f} s after both are back"
        )


def leader(trial: Trial) -> int:
    """The number of the node that leads the partition of the stream."""
    ends = trial.ends()
    partition = ends.index(max(ends))
    said = trial.way.kafka.run("topics", "--describe", "--topic", TOPIC)
    (line,) = (line for line in said.splitlines() if f"Partition: {partition}\t" in line)
    return int(line.partition("Leader: ")[2].split()[0])
