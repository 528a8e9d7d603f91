"""`Auditor`: reads the ledger in central all the time, and compares what it calls proved with what is there.

What it asserts, of each stream, at each instant at which it looks:

    equal       in every span that the believed mark calls proved, central holds what the source had acknowledged and
                a proof promises (`lab.chaos.journal`), and nothing that was never written
    settled     nothing is called proved that is younger than the lookback was when the mark was made
    believed    a run that begins goes on from the newest mark that is believed, or from a later one
    noticed     a run whose ledger is gone from central does not go on as if it were there
    readable    the ledger can be read
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException

from lab.background import Background
from lab.chaos.collector import LOOKBACK_S, STREAMS, CopiedStream
from lab.chaos.compare import Comparison, compare
from lab.chaos.journal import Journal
from lab.chaos.marks import Ledger, Mark, read_ledgers
from lab.chaos.upheaval import Upheavals
from lab.influxd import InfluxServer
from lab.loopback import HttpRefused
from lab.points import BadReply

EVERY_S = 1.0
WHOLE_S = 10.0  # how often what a mark calls proved is compared though the mark's spans are the ones of before
LOADED_NS = 30_000_000_000
"""How old the ledger may be that a run begins with: it is read at the start, and the first mark may have to wait."""
UNNOTICED_MARKS, UNNOTICED_NS = 4, 10_000_000_000
"""How many marks, over how long, a run prints on a ledger that is gone before that counts as not noticed: it looks for
its marks at each tick, and a look may fail."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it has to be: `rule` is one of those above."""

    rule: str
    stream: str
    said: str


@dataclass
class _Audited:
    mark: Mark | None = None
    at: float = 0.0  # time.monotonic()
    upheaval: int = -1


@dataclass
class Audit:
    """What was looked at: marks in central, comparisons and points in them, runs of the plugin, and what was found."""

    marks: int = 0
    comparisons: int = 0
    points: int = 0
    runs: int = 0
    findings: list[Finding] = field(default_factory=list)


class Auditor(Background):
    """A thread that audits while the context is open. `on_finding` is called once, at the first finding.

    It asks central itself, not the proxy. `upheavals` says when central itself was put back or emptied: what was read
    while that went on says nothing.
    """

    def __init__(
        self,
        central: InfluxServer,
        journals: dict[str, Journal],
        upheavals: Upheavals,
        on_finding: Callable[[], None] = lambda: None,
    ) -> None:
        """`journals` by the stream's bucket."""
        super().__init__("auditor", 65.0)
        self.audit = Audit()
        self.believed: dict[str, Mark | None] = {}
        self._central = central
        self._journals = journals
        self._upheavals = upheavals
        self._on_finding = on_finding
        self._audited: dict[str, _Audited] = {}
        self._marks: dict[str, set[str]] = {}
        self._runs: dict[str, set[str]] = {}
        self._stood: dict[str, list[tuple[int, int, Mark]]] = {}  # seen at (ns), upheaval, believed

    def work(self) -> None:
        """Look at each stream's ledger again and again."""
        while not self.ended(EVERY_S):
            for stream in STREAMS:
                try:
                    self.look(stream)
                except (OSError, HTTPException, HttpRefused, BadReply):  # central is away: part of the run
                    continue
                except Exception as error:  # to audit no more, and to say nothing, would pass
                    self._find("readable", stream, f"the audit broke: {error!r}")

    def look(self, stream: CopiedStream) -> None:
        """Read one stream's ledger and audit it. Raises what a central that is away raises."""
        upheaval, seen_ns = self._upheavals.number(stream.bucket), time.time_ns()
        ledger = read_ledgers(self._central, stream.bucket).get(stream.source, Ledger({}))
        believed = ledger.believed
        if self._upheavals.since(stream.bucket, upheaval):
            return
        self.believed[stream.bucket] = believed
        self._marks.setdefault(stream.bucket, set()).update(ledger.marks)
        self.audit.marks = sum(map(len, self._marks.values()))
        self._look_at_runs(stream, ledger, upheaval)
        if believed is not None:
            self._stood.setdefault(stream.bucket, []).append((seen_ns, upheaval, believed))
            self._look_at_proved(stream, believed, upheaval)

    def _look_at_proved(self, stream: CopiedStream, mark: Mark, upheaval: int) -> None:
        before = self._audited.get(stream.bucket, _Audited())
        same = before.mark is not None and (before.mark.proved, before.mark.held) == (mark.proved, mark.held)
        same = same and before.upheaval == upheaval
        if not mark.proved or (same and time.monotonic() < before.at + WHOLE_S):
            return
        young = mark.proved.stop - (mark.time_ns - LOOKBACK_S * 1_000_000_000)
        if young > 0:
            self._find("settled", stream, f"mark {mark.id} calls proved what is {young / 1e9:.3f} s too young")
        points = (
            point
            for start, stop in mark.proved.parts
            for point in self._central.iter_points(stream.bucket, start, stop)
        )
        result = compare(self._journals[stream.bucket], points, mark)
        if not result.equal:
            # Only what was there all the time counts: the mark and the points are read one after the other.
            still = read_ledgers(self._central, stream.bucket).get(stream.source, Ledger({}))
            if mark.id not in still.marks or self._upheavals.since(stream.bucket, upheaval):
                return
            self._find("equal", stream, _unequal(mark, result))
        self.audit.comparisons += 1
        self.audit.points += result.there
        self._audited[stream.bucket] = _Audited(mark, time.monotonic(), upheaval)

    def _look_at_runs(self, stream: CopiedStream, ledger: Ledger, upheaval: int) -> None:
        known = self._runs.setdefault(stream.bucket, set())
        for run in {mark.run for mark in ledger.marks.values()} - known:
            known.add(run)
            first = min((mark for mark in ledger.marks.values() if mark.run == run), key=lambda mark: mark.time_ns)
            self._look_at_first(stream, first, upheaval)
        self.audit.runs = len(set().union(*self._runs.values()))
        for run in known & {mark.run for mark in ledger.marks.values()}:
            unfounded = ledger.unfounded(run)
            since = self._upheavals.ended_ns(stream.bucket)
            unfounded = [mark for mark in unfounded if mark.time_ns > since]
            lasts = unfounded[0].time_ns - unfounded[-1].time_ns if unfounded else 0
            if len(unfounded) >= UNNOTICED_MARKS and lasts >= UNNOTICED_NS:
                text = f"run {run} goes on, with {len(unfounded)} marks in {lasts / 1e9:.1f} s, the last"
                text += f" {unfounded[0].id}, upon mark {unfounded[-1].base}, which is gone from central"
                self._find("noticed", stream, text)

    def _look_at_first(self, stream: CopiedStream, first: Mark, upheaval: int) -> None:
        """See that a run's first mark stands on what was believed when it was started, if no upheaval came between."""
        until = first.time_ns - LOADED_NS
        before = [
            mark
            for seen_ns, when, mark in self._stood.get(stream.bucket, ())
            if seen_ns <= until and when == upheaval and mark.time_ns <= until
        ]
        if not before:
            return
        base_ns = int(first.base.partition("@")[0]) if first.base else 0
        if base_ns < before[-1].time_ns:
            text = f"run {first.run} begins with mark {first.id} upon {first.base or 'nothing'}, though mark"
            text += f" {before[-1].id} stood in central {(first.time_ns - before[-1].time_ns) / 1e9:.1f} s before"
            self._find("believed", stream, text)

    def _find(self, rule: str, stream: CopiedStream, said: str) -> None:
        first = not self.audit.findings
        self.audit.findings.append(Finding(rule, f"{stream.source}/{stream.bucket}", said))
        if first:
            self._on_finding()


def _unequal(mark: Mark, result: Comparison) -> str:
    lines = [f"mark {mark.id} calls proved {len(mark.proved.parts)} spans to {mark.proved.stop}: {result}"]
    lines += [f"{name}: {line}" for name, examples in result.examples.items() for line in examples]
    return "\n".join(lines)
