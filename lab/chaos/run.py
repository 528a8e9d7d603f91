"""A chaos run: faults by the schedule while the feeders write and the ledger is audited, then calm, then everything.

It ends at the first thing that the auditor finds.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from lab.chaos.auditor import Auditor
from lab.chaos.canary import Canaries
from lab.chaos.collector import INTERVAL_S, STREAMS, CopiedStream
from lab.chaos.compare import Comparison, compare, everything, proves
from lab.chaos.faults import kinds_over
from lab.chaos.feeder import HISTORY_HOURS, HOUR_NS
from lab.chaos.journal import Journal
from lab.chaos.mutated import IN_PLACE
from lab.chaos.report import Injected, Report
from lab.chaos.schedule import Planned, plan, with_refills
from lab.chaos.stage import Interrupted, NoEffect, Stage
from lab.chaos.standby import printing
from lab.influxd import InfluxServer
from lab.loopback import HttpRefused
from lab.points import BadReply, Point

MOST_AT_ONCE = 3
CALM_S = 300.0
_CANARIES_S = 30.0  # for the sources to take the last canaries
_PROOF_S = 300.0
_FIRST_S = 120.0  # for the first point in central; a collector that is wrongly configured has none

Say = Callable[[str], None]


def run(
    faults: int,
    seed: int,
    ended: threading.Event,
    say: Say,
    deadline_s: float = CALM_S,
    logs: Path | None = None,
    refills: bool | None = None,
    mutant: str = "",
    over: str = "",
    standby: bool = False,
) -> Report:
    """Run `faults` faults; wait for calm for at most `deadline_s` seconds after the last one.

    `ended` ends the run early (raises Interrupted), `say` gets a line at a time, `logs` is a folder for the logs.
    `refills`: whether central is put back and emptied, None: as the seed says. `mutant`: one of `lab.chaos.mutants`.
    `over`: what the lines go to central over, "kafka" or nothing. `standby`: two collectors, of which one stands by.
    """
    refills = with_refills(seed) if refills is None else refills
    report = Report(seed, refills, mutant, over, deadline_s=deadline_s, standby=standby)
    collectors = "two collectors" if standby else "the collector"
    way = ", Kafka" if over else ""
    say(f"starting POD-8, POD-30, central{way} and {collectors}; seed {seed}{'' if refills else ', without refills'}")
    with Stage(seed, ended, refills, mutant, over, standby) as stage:
        try:
            if mutant:
                stage.telegraf.wait_for_log(f"{IN_PLACE} {mutant}")
            with Auditor(stage.central, stage.journals, stage.upheavals, ended.set) as auditor:
                report.audit = auditor.audit
                try:
                    _under_faults(stage, auditor, report, faults, say)
                except Interrupted:
                    if not auditor.audit.findings:
                        raise
                    say(f"ended by what the auditor found: {auditor.audit.findings[0]}")
            report.telegraf_ended_itself, report.refused = stage.telegraf_ended_itself, stage.refused
            if standby:
                report.printing = printing(stage.central, [stream.bucket for stream in STREAMS])
        finally:
            if logs is not None:
                stage.keep_logs(logs)
            say("ending everything that was started ...")
    return report


def _under_faults(stage: Stage, auditor: Auditor, report: Report, faults: int, say: Say) -> None:
    with Canaries(stage) as canaries:
        report.recovered = canaries.recovered
        _wait_for_first(stage, canaries)
        _wait_for_proof(stage, auditor, say)
        began = time.monotonic()
        try:
            _Injector(stage, canaries, report, faults, say).inject(
                plan(faults, report.seed, report.refills, kinds_over(report.over))
            )
        finally:
            report.faults_s = time.monotonic() - began
        stage.mend()
        _wait_for_calm(stage, canaries, auditor, report, say)


class _Injector:
    """Injects planned faults, some of them at the same time, but never two that take hold of the same part."""

    def __init__(self, stage: Stage, canaries: Canaries, report: Report, faults: int, say: Say) -> None:
        self._stage = stage
        self._canaries = canaries
        self._report = report
        self._faults = faults
        self._say = say
        self._held: dict[int, frozenset[str]] = {}  # by the fault's number
        self._changed = threading.Condition()

    def inject(self, planned: list[Planned]) -> None:
        """Inject all of them; returns when the last one has ended. Raises Interrupted.

        Those that had no effect are tried once more at the end, so that every kind gets its number.
        """
        self._inject(planned)
        without = {fault.number for fault in self._report.injected if not fault.happened}
        again = [fault for fault in planned if fault.number in without]
        self._inject(
            [
                replace(fault, number=len(planned) + number, overlap=False, seed=f"{fault.seed} again")
                for number, fault in enumerate(again, 1)
            ]
        )

    def _inject(self, planned: list[Planned]) -> None:
        threads = []
        try:
            for fault in planned:
                self._wait(lambda fault=fault: self._may_begin(fault))  # type: ignore[misc]
                with self._changed:
                    self._held[fault.number] = fault.kind.parts
                thread = threading.Thread(target=self._one, args=(fault,), name=f"fault-{fault.number}")
                thread.start()
                threads.append(thread)
                if not fault.overlap:
                    self._wait(lambda fault=fault: fault.number not in self._held)  # type: ignore[misc]
                self._stage.hold(fault.gap_s)
        finally:
            for thread in threads:  # each undoes what it did
                thread.join()

    def _may_begin(self, fault: Planned) -> bool:
        if not any("telegraf" in parts for parts in self._held.values()):
            self._stage.mend_telegraf()
        free = all(parts.isdisjoint(fault.kind.parts) for parts in self._held.values())
        return free and len(self._held) < MOST_AT_ONCE

    def _wait(self, probe: Callable[[], bool]) -> None:
        with self._changed:
            while not probe():
                if self._stage.ended.is_set():
                    raise Interrupted
                self._changed.wait(0.2)

    def _one(self, fault: Planned) -> None:
        began = time.monotonic()
        happened, said = False, ""
        try:
            said = fault.kind.inject(self._stage, random.Random(fault.seed), fault.variant)
            happened = True
        except NoEffect as reason:
            said = f"no effect: {reason}"
        except Interrupted:
            said = "interrupted"
        except Exception as error:  # counted as not happened, and shown; the run goes on
            said = f"failed: {error!r}"
        seconds = time.monotonic() - began
        self._canaries.add(fault.number)
        with self._changed:
            self._report.injected.append(
                Injected(fault.number, fault.kind.name, fault.variant, seconds, happened, said)
            )
            del self._held[fault.number]
            self._changed.notify_all()
            variant = f" [{fault.variant}]" if fault.variant else ""
            what = f"{fault.kind.name}{variant}"
            clock = time.strftime("%H:%M:%S")
            self._say(f"{clock} {fault.number:>4}/{self._faults} {what:48} {seconds:4.1f} s  {said}")


def _wait_for_first(stage: Stage, canaries: Canaries) -> None:
    """Wait until the collector copies. Raises TimeoutError, with the end of its log, when it never does."""
    canaries.add(0)
    deadline = time.monotonic() + _FIRST_S
    while 0 not in canaries.recovered:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing in central after {_FIRST_S:.0f} s\n{stage.telegraf.log_tail()}")
        stage.hold(0.2)


def _wait_for_proof(stage: Stage, auditor: Auditor, say: Say) -> None:
    """Wait until every stream's ledger calls proved what was written since the start: what faults may not take away.

    While faults go on, little can be proved: what a run prints at its beginning settles a lookback later. Raises
    TimeoutError.
    """
    began, now = time.monotonic(), time.time_ns()
    while not all((mark := auditor.believed.get(each.bucket)) and mark.proved.stop > now for each in STREAMS):
        if time.monotonic() > began + _PROOF_S:
            raise TimeoutError(f"not all streams have a proof after {_PROOF_S:.0f} s\n{stage.telegraf.log_tail()}")
        stage.hold(0.5)
    say(f"every stream has a proof after {time.monotonic() - began:.0f} s; faults begin")


def _wait_for_calm(stage: Stage, canaries: Canaries, auditor: Auditor, report: Report, say: Say) -> None:
    """Compare again and again until all is equal and proved, and still is a moment later, or until the deadline."""
    began = time.monotonic()
    while canaries.unwritten and time.monotonic() - began < _CANARIES_S:
        stage.hold(0.2)
    for feeder in stage.feeders:
        feeder.stop()
    equal_at: float | None = None
    while True:
        looked = time.monotonic()
        report.by_bucket.clear()
        total = report.comparison = _compared(stage, report.by_bucket.__setitem__)
        report.unproved = sum(_unproved(stage.journals[stream.bucket], auditor, stream) for stream in STREAMS)
        took = time.monotonic() - looked
        say(
            f"{time.strftime('%H:%M:%S')} {looked - began:4.0f} s after the last fault: {total}, {report.unproved} not"
            f" proved, {canaries.outstanding} canaries and {stage.proxy.pending} requests on their way"
        )
        quiet = total.equal and not report.unproved and not canaries.outstanding
        if quiet and equal_at is not None:  # seen equal twice, with a cycle or two in between
            report.calm_s = equal_at - began
            report.sources = _sources(stage)
            return
        equal_at = looked if quiet else None
        if looked - began > report.deadline_s and not quiet:
            return
        stage.hold(max(2.0 * INTERVAL_S, took))


def _unproved(journal: Journal, auditor: Auditor, stream: CopiedStream) -> int:
    """How many promised points the believed mark does not call proved; canaries are waited for by themselves."""
    mark = auditor.believed.get(stream.bucket)
    promised = [key for key, writes in journal.items() if journal.promised(key, writes) is not None]
    return sum(mark is None or not proves(mark, journal, key) for key in promised)


def _compared(stage: Stage, done: Callable[[str, Comparison], None]) -> Comparison:
    """The comparison of all streams with central, with everything lost if it cannot be read; `done` gets each."""
    total = Comparison()
    try:
        for stream in STREAMS:
            part = compare(stage.journals[stream.bucket], _all_points(stage.central, stream))
            done(stream.bucket, part)
            total.add(part)
    except (OSError, HTTPException, HttpRefused, BadReply) as error:
        return Comparison(lost=1, examples={"lost": [f"central cannot be read: {error}"]})
    return total


def _sources(stage: Stage) -> Comparison:
    """The comparison of what the sources acknowledged with what they hold."""
    total = Comparison()
    for stream in STREAMS:
        journal = stage.journals[stream.bucket]
        points = journal.expected(_all_points(stage.source(stream.source), stream))
        total.add(compare(journal, points, whenever=True))
    return total


def _all_points(server: InfluxServer, stream: CopiedStream) -> Iterator[Point]:
    now = time.time_ns()
    return everything(server, stream.bucket, (now // HOUR_NS - HISTORY_HOURS - 2) * HOUR_NS, now + 2 * HOUR_NS)
