"""A chaos run: faults by the schedule while the feeders write, then calm, then the comparison of everything."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

from lab.chaos.canary import Canaries
from lab.chaos.collector import INTERVAL_S
from lab.chaos.compare import Comparison, compare_site
from lab.chaos.feeder import HISTORY_HOURS, HOUR_NS
from lab.chaos.report import Injected, Report
from lab.chaos.schedule import Planned, plan
from lab.chaos.stage import Interrupted, NoEffect, Stage
from lab.loopback import HttpRefused
from lab.points import BadReply

MOST_AT_ONCE = 3
CALM_S = 180.0
_FIRST_S = 60.0  # for the first point in central; a collector that is wrongly configured has none

Say = Callable[[str], None]


def run(
    faults: int,
    seed: int,
    ended: threading.Event,
    say: Say,
    deadline_s: float = CALM_S,
    logs: Path | None = None,
) -> Report:
    """Run `faults` faults; wait for calm for at most `deadline_s` seconds after the last one.

    `ended` ends the run early (raises Interrupted), `say` gets a line at a time, `logs` is a folder for the logs.
    """
    report = Report(seed, deadline_s=deadline_s)
    start_ns = (time.time_ns() // HOUR_NS - HISTORY_HOURS - 1) * HOUR_NS
    say(f"starting POD-8, POD-30, central and the collector; seed {seed}")
    with Stage(seed, ended) as stage:
        try:
            with Canaries(stage) as canaries:
                _wait_for_first(stage, canaries)
                began = time.monotonic()
                _Injector(stage, canaries, report, faults, say).inject(plan(faults, seed))
                report.faults_s = time.monotonic() - began
                stage.mend()
                _wait_for_calm(stage, canaries, report, start_ns, say)
                report.recovered = dict(canaries.recovered)
            report.telegraf_ended_itself = stage.telegraf_ended_itself
        finally:
            if logs is not None:
                stage.keep_logs(logs)
            say("ending everything that was started ...")
    return report


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


def _wait_for_calm(stage: Stage, canaries: Canaries, report: Report, start_ns: int, say: Say) -> None:
    """Compare again and again until both sides are equal, and still are a moment later, or until the deadline."""
    began = time.monotonic()
    while canaries.unwritten and time.monotonic() - began < 10:
        stage.hold(0.2)
    for feeder in stage.feeders:
        feeder.stop()
    equal_at: float | None = None
    while True:
        looked = time.monotonic()
        report.by_bucket.clear()
        report.comparison = _compared(stage, start_ns, report.by_bucket.__setitem__)
        took = time.monotonic() - looked
        total = report.comparison
        say(
            f"{time.strftime('%H:%M:%S')} {looked - began:4.0f} s after the last fault: {total.at_source} points at the"
            f" sources, {total.in_central} in central, {total.lost} lost, {total.doubled} doubled, {total.wrong} wrong,"
            f" {canaries.outstanding} canaries and {stage.proxy.pending} requests on their way"
        )
        quiet = total.equal and not canaries.outstanding
        if quiet and equal_at is not None:  # seen equal twice, with a cycle or two in between
            report.calm_s = equal_at - began
            return
        equal_at = looked if quiet else None
        if looked - began > report.deadline_s and not quiet:
            return
        stage.hold(max(2.0 * INTERVAL_S, took))


def _compared(stage: Stage, start_ns: int, done: Callable[[str, Comparison], None]) -> Comparison:
    """The comparison of everything, with everything lost if a side cannot be read."""
    stop_ns = time.time_ns() + 2 * HOUR_NS
    try:
        return compare_site(stage.site, start_ns, stop_ns, done)
    except (OSError, HTTPException, HttpRefused, BadReply) as error:
        return Comparison(lost=1, examples={"lost": [f"a side cannot be read: {error}"]})
