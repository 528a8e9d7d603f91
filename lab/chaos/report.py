"""`Report`: the figures of a chaos run, as markdown."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from lab.chaos.auditor import Audit
from lab.chaos.compare import Comparison
from lab.chaos.faults import kinds_over
from lab.chaos.standby import TAKEOVER_S, Printing, longest_together

MAX_FINDINGS = 5


@dataclass(frozen=True)
class Injected:
    """One fault as it went. `happened`: it is known to have; `said` is how, or why not. Times in seconds."""

    number: int
    kind: str
    variant: str
    seconds: float
    happened: bool
    said: str


@dataclass
class Report:
    """A whole run; times in seconds. `calm_s` is None when not all became equal and proved in time.

    `comparison` is of what is promised with central; `sources` of what was acknowledged with the sources themselves:
    what differs there is the bench's own fault, or a source's. `unproved`: promised points that the last believed
    marks do not call proved.
    """

    seed: int
    refills: bool = True
    mutant: str = ""
    over: str = ""  # what the lines went to central over: "kafka" or nothing
    injected: list[Injected] = field(default_factory=list)
    recovered: dict[int, float] = field(default_factory=dict)  # by the fault's number
    comparison: Comparison = field(default_factory=Comparison)
    sources: Comparison = field(default_factory=Comparison)
    audit: Audit = field(default_factory=Audit)
    unproved: int = 0
    by_bucket: dict[str, Comparison] = field(default_factory=dict)
    faults_s: float = 0.0
    calm_s: float | None = None
    deadline_s: float = 0.0
    telegraf_ended_itself: int = 0
    refused: str = ""  # what a source would not take of what the bench wrote
    standby: bool = False
    printing: Printing = field(default_factory=dict)  # of two collectors, one of which stands by

    @property
    def passed(self) -> bool:
        """True when central holds what is promised, all of it was proved, and no mark ever said what was not so."""
        held = self.comparison.equal and self.comparison.promised > 0 and not self.unproved
        audited = self.audit.comparisons > 0 and not self.audit.findings
        alone = longest_together(self.printing) <= TAKEOVER_S
        return held and audited and alone and self.sources.equal and not self.refused and self.calm_s is not None

    def markdown(self) -> str:
        """The report, to be read and to be committed."""
        seen = sum(fault.happened for fault in self.injected)
        total = self.comparison
        kinds = [kind for kind in kinds_over(self.over) if self.refills or not kind.refills]
        often = [kind for kind in kinds if not kind.once]
        fewest = min(sum(fault.happened and fault.kind == kind.name for fault in self.injected) for kind in often)
        if self.calm_s is not None:
            calm = f"{self.calm_s:.0f} s after the last fault"
        elif self.audit.findings:
            calm = "not waited for, as the run ended at the first finding"
        else:
            calm = f"not within {self.deadline_s:.0f} s"
        how = [
            f"over {self.over}" * bool(self.over),
            "without refills" * (not self.refills),
            self.mutant,
            "with a standby" * self.standby,
        ]
        what = ", ".join([f"Seed {self.seed}", *filter(None, how)])
        lines = [
            f"## {what}: {seen} faults, {'passed' if self.passed else 'FAILED'}",
            "",
            f"Every kind at least {fewest} times, the source's clock ahead once in a long run; sweep 0%.",
            "",
            "| points | promised | in central | lost | doubled | wrong | taken back | written later |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for bucket, part in [*self.by_bucket.items(), ("**all**", total)]:
            lines.append(
                f"| {bucket} | {part.promised:,} | {part.there:,} | {part.lost:,} | {part.doubled:,} |"
                f" {part.wrong:,} | {part.taken_back:,} | {part.later:,} |"
            )
        audit = self.audit
        lines += [
            "",
            f"The ledger: {audit.marks:,} marks of {audit.runs} runs seen; what the believed one calls proved was"
            f" compared {audit.comparisons} times, {audit.points:,} points in all; {len(audit.findings)} findings;"
            f" {self.unproved:,} points not proved at the end.",
        ]
        if self.standby:
            lines += [
                "",
                f"{len(self.printing)} runs of two collectors printed data; two of them at once for"
                f" {longest_together(self.printing):.1f} s at the longest, {TAKEOVER_S:.0f} s being a takeover.",
            ]
        if self.refused:
            lines += ["", f"A source would not take what was written: {self.refused}"]
        if not self.sources.equal:
            lines += ["", f"The sources themselves do not hold what they acknowledged: {self.sources}."]
        lines += [
            "",
            f"Faults took {self.faults_s:.0f} s; all equal and proved: {calm};"
            f" Telegraf ended by itself {self.telegraf_ended_itself} times.",
            "",
            "Time to recover: from the fault's end until a point written then is in central, in every stream; what"
            " other faults did meanwhile is in it.",
            "",
            "| fault | times | without effect | recovered: median | worst | never |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [self._row(kind.name) for kind in kinds]
        for finding in audit.findings[:MAX_FINDINGS]:
            lines += ["", f"Not {finding.rule}: {finding.stream}", ""]
            lines += [f"    {line}" for line in finding.said.splitlines()]
        for name, examples in [*total.examples.items(), *self.sources.examples.items()]:
            lines += ["", f"{name.capitalize()}, such as", ""]
            lines += [f"    {line}" for line in examples]
        return "\n".join([*lines, ""])

    def _row(self, kind: str) -> str:
        faults = [fault for fault in self.injected if fault.kind == kind]
        seen = [fault for fault in faults if fault.happened]
        times = [self.recovered[fault.number] for fault in seen if fault.number in self.recovered]
        variants: dict[str, int] = {}
        for fault in seen:
            if fault.variant:
                variants[fault.variant] = variants.get(fault.variant, 0) + 1
        name = kind + (f" ({', '.join(f'{key} {n}' for key, n in sorted(variants.items()))})" if variants else "")
        figures = f"{statistics.median(times):.1f} s | {max(times):.1f} s" if times else "– | –"
        return f"| {name} | {len(seen)} | {len(faults) - len(seen)} | {figures} | {len(seen) - len(times)} |"
