"""Each fault on a real Kafka: what it does, and that central holds all of it in the end, proved.

What is seen is said in words (`seen`), for docs/kafka.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lab.chaos.proxy import Proxy
from lab.chaos.trouble import Rule, Scope, Trouble
from lab.kafka_way import TOPICS
from lab.loopback import wait_until
from lab.site import Site
from tests.kafka.trial import IN_FLIGHT, SECOND, TOPIC, Trial, seen

GROUP = ("--group", TOPIC)
HOLDS_500 = r"D! \[outputs\.influxdb_v2::system\] Buffer fullness: (\d{4,}|[5-9]\d\d) / "

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def reads(site: Site) -> Iterator[Proxy]:
    """Between the plugin and central: what the plugin reads of it, and nothing that is written."""
    with Proxy(site.central.url) as running:
        yield running


@pytest.fixture(scope="module")
def trial(site: Site, reads: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with Trial(tmp_path_factory.mktemp("trial"), site, {"INFLUXDB_CENTRAL_URL": reads.url}) as running:
        running.write(200)
        running.wait_equal()
        yield running


def test_a_stream_has_one_partition(trial: Trial) -> None:
    before = sum(trial.ends())
    at = trial.write(2000)
    took = trial.wait_equal()
    proved = trial.wait_proved(at)
    ends = trial.ends()
    assert sorted(ends)[:-1] == [0] * (len(ends) - 1)
    found = trial.way.kafka.messages(TOPIC, sum(ends))
    assert {key for _, key, _ in found} == {"telegraf"}
    marks = sum(value.startswith("collector_ledger,") for _, _, value in found)
    assert marks > 1
    lines = sum(ends) - before
    seen(
        f"undisturbed: 2,000 points were in central after {took:.1f} s and proved after {took + proved:.0f} s (lookback"
        f" 10 s); {lines:,} messages for them, of one key and in one of {len(ends)} partitions"
    )


def test_a_rebalance(trial: Trial) -> None:
    first, other = trial.way.reader, trial.way.new_reader()
    with other:
        trial.write(300)
        joined = trial.wait_equal()
        holders = wait_until(lambda: found if len(found := members(trial)) > 1 else None, "two members", 60.0, 1.0)
        trial.write(300)
        shared = trial.wait_equal()
        busy = first if holders["reader-1"] else other
        busy.kill()
        trial.write(300)
        killed = trial.wait_equal()
    trial.way.mend()
    trial.write(300)
    back = trial.wait_equal()
    seen(
        f"a second reader joins: points were in central after {joined:.1f} s, with both there after {shared:.1f} s; the"
        f" one that has the partition is killed: after {killed:.1f} s, as Kafka misses it after ten; it is back:"
        f" {back:.1f} s"
    )


def members(trial: Trial) -> dict[str, bool]:
    """The readers in the topic's group, and whether each has the partition in which the messages are."""
    said = trial.way.kafka.run("consumer-groups", *GROUP, "--describe", "--offsets")
    # GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
    lines = [line.split() for line in said.splitlines() if line.startswith(TOPIC)]
    full = max(lines, key=lambda words: int(words[4]))
    return {words[8]: words[8] == full[8] for words in lines if len(words) == 9 and words[8] != "-"}


def test_everything_is_delivered_again(trial: Trial) -> None:
    at = trial.write(500)
    trial.wait_equal()
    trial.wait_proved(at)
    before = trial.ends()
    log = len(trial.collector.log())
    trial.way.reader.stop()
    groups = [word for topic in TOPICS for word in ("--group", topic)]
    trial.way.kafka.run("consumer-groups", *groups, "--reset-offsets", "--all-topics", "--to-earliest", "--execute")
    trial.way.reader.start()
    wait_until(lambda: confirmed(trial) >= sum(before), "everything to be read again", 90.0, 1.0)
    trial.write(100)
    trial.wait_equal()
    said = trial.collector.log()[log:]
    assert "another collector" not in said, said
    seen(
        f"all {sum(before):,} messages are delivered again, marks of the same run among them: central holds the same"
        f" points; {sum(trial.ends()) - sum(before)} messages for the next 100 points, and no warning"
    )


def confirmed(trial: Trial) -> int:
    """The messages of the topic that its readers have confirmed."""
    said = trial.way.kafka.run("consumer-groups", *GROUP, "--describe", "--offsets").splitlines()
    return sum(int(line.split()[3].replace("-", "0")) for line in said if line.startswith(TOPIC))


def test_an_old_reader_writes_late(trial: Trial, site: Site) -> None:
    """The one way by which old values land on new ones: a reader that hangs with lines that another read again."""
    # Until then the plugin sends again what is younger than the lookback: the reader would hold that.
    trial.wait_proved(trial.write(1))
    with Proxy(site.central.url) as writes:
        hanging = trial.way.new_reader({"INFLUXDB_CENTRAL_URL": writes.url, "LOG_LEVEL": "DEBUG"})
        trial.way.reader.stop()
        with hanging:
            with writes.trouble(Rule(Trouble.STATUS, Scope.WRITE, 503)):
                at = trial.write(500)
                # A refused write alone may have been one of marks only.
                hanging.wait_for_log(HOLDS_500, 60.0)
                hanging.pause()
                # Until Kafka has missed it, an answer may be on its way to it, with the new values behind the old ones.
                wait_until(lambda: not members(trial), "Kafka to miss the reader", 60.0, 0.5)
                # Not once the first values have landed: they might be proved by then, and nobody would look again.
                trial.write(500, value=2, at=at)
                trial.way.reader.start()
                taken = trial.wait_equal()
                proved = trial.wait_proved(at)
            # Refused once more when it wakes, it would wait, and drop all at its end without another try.
            hanging.resume()
            late = wait_until(trial.lacking, "the old values in central", 60.0, 0.2)
        # Its end came after all else that it held was written.
    time_of_day = datetime.fromtimestamp(at // SECOND - 60, UTC).isoformat()
    found = trial.command("verify", "--from", time_of_day, "--repair")
    assert (found.returncode, "different" in found.stdout) == (1, True), found.stdout + found.stderr
    mended = trial.wait_equal()
    seen(
        f"a reader hangs with 500 lines that it could not write; the points are changed at the source; another one"
        f" takes over: they are in central after {taken:.0f} s and proved {proved:.0f} s later; the first one wakes and"
        f" writes the old values over them ({late.splitlines()[0]}); verify --repair names them: equal after"
        f" {mended:.0f} s"
    )


def test_retention_shorter_than_the_outage(trial: Trial) -> None:
    before = sum(trial.ends())
    trial.way.reader.stop()
    trial.write(500)
    wait_until(lambda: sum(trial.ends()) >= before + 500, "lines in the topic", 60.0, 1.0)
    change = ("--alter", "--entity-type", "topics", "--entity-name", TOPIC)
    trial.way.kafka.run("configs", *change, "--add-config", "retention.ms=500")
    wait_until(lambda: trial.ends("earliest") == trial.ends(), "Kafka to delete what nobody has read", 60.0, 1.0)
    gone = sum(trial.ends()) - before
    trial.way.kafka.run("configs", *change, "--delete-config", "retention.ms")
    trial.way.reader.start()
    took = trial.wait_equal()
    seen(
        f"Kafka deletes {gone} messages that nobody had read, marks among them: the plugin finds what central lacks and"
        f" reads it at the source again: equal {took:.0f} s after the reader is back"
    )


def test_the_plugin_cannot_read_central(trial: Trial, reads: Proxy) -> None:
    trial.write(100)
    trial.wait_equal()
    before, held = sum(trial.ends()), len(trial.central())
    with reads.trouble(Rule(Trouble.STATUS, Scope.ALL, 503)):
        for _ in range(6):
            trial.write(3000)
            trial.tick()
        landed = len(trial.central()) - held
        lines = sum(trial.ends()) - before
        wait_until(lambda: trial.health() == 503, "bad health", 60.0, 0.5)
        # What starts meanwhile, and it is started five seconds later, does not know where to begin.
        trial.kill_plugin()
        ends = trial.ends()
        trial.write(100)
        for _ in range(3):
            trial.tick()
        assert trial.ends() == ends
    assert 0 < landed <= IN_FLIGHT
    took = trial.wait_equal()
    wait_until(lambda: trial.health() == 200, "good health", 60.0, 0.5)
    seen(
        f"the plugin cannot read central, the reader can write: of 18,000 points {landed:,} were in central after six"
        f" ticks ({lines:,} messages; max_in_flight {IN_FLIGHT:,}), unproved, and health is bad; a plugin that is"
        f" started then sends nothing; equal {took:.0f} s after it can again"
    )


def test_central_is_away(trial: Trial, site: Site) -> None:
    before = sum(trial.ends())
    site.central.kill()
    try:
        for _ in range(6):
            trial.write(3000)
            trial.tick()
        lines = sum(trial.ends()) - before
    finally:
        site.central.start()
    assert lines <= IN_FLIGHT + 100
    took = trial.wait_equal()
    seen(
        f"central is away: of 18,000 points {lines:,} messages went into the topic (max_in_flight {IN_FLIGHT:,}),"
        f" all else stayed at the source; equal {took:.0f} s after it is back"
    )


def test_a_broker_is_killed(trial: Trial) -> None:
    node = trial.way.kafka.nodes[0]
    node.kill()
    trial.write(500)
    node.start()
    trial.way.kafka.wait()
    took = trial.wait_equal()
    seen(f"the one broker is killed and started: equal {took:.0f} s after it takes connections again")
