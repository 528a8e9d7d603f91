"""`Report`: the figures of a chaos run, as markdown."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from lab.chaos.compare import Comparison
from lab.chaos.faults import KINDS

_OFTEN = [kind for kind in KINDS if not kind.once]


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
    """A whole run; times in seconds. `calm_s` is None when both sides did not become equal in time."""

    seed: int
    injected: list[Injected] = field(default_factory=list)
    recovered: dict[int, float] = field(default_factory=dict)  # by the fault's number
    comparison: Comparison = field(default_factory=Comparison)
    by_bucket: dict[str, Comparison] = field(default_factory=dict)
    faults_s: float = 0.0
    calm_s: float | None = None
    deadline_s: float = 0.0
    telegraf_ended_itself: int = 0

    @property
    def passed(self) -> bool:
        """True when both sides became equal, and hold something."""
        return self.comparison.equal and self.calm_s is not None and self.comparison.at_source > 0

    def markdown(self) -> str:
        """The report, to be read and to be committed."""
        seen = sum(fault.happened for fault in self.injected)
        total = self.comparison
        fewest = min(sum(fault.happened and fault.kind == kind.name for fault in self.injected) for kind in _OFTEN)
        calm = "not reached" if self.calm_s is None else f"{self.calm_s:.0f} s after the last fault"
        lines = [
            f"## Seed {self.seed}: {seen} faults, {'passed' if self.passed else 'FAILED'}",
            "",
            f"Every kind at least {fewest} times, the source's clock ahead once in a long run.",
            "",
            "| points | at the sources | in central | lost | doubled | wrong |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for bucket, part in [*self.by_bucket.items(), ("**all**", total)]:
            lines.append(
                f"| {bucket} | {part.at_source:,} | {part.in_central:,} | {part.lost:,} | {part.doubled:,} |"
                f" {part.wrong:,} |"
            )
        lines += [
            "",
            f"Faults took {self.faults_s:.0f} s; both sides equal: {calm}"
            f"{'' if self.calm_s is not None else f' within {self.deadline_s:.0f} s'};"
            f" Telegraf ended by itself {self.telegraf_ended_itself} times.",
            "",
            "Time to recover: from the fault's end until a point written then is in central, in every stream; what"
            " other faults did meanwhile is in it.",
            "",
            "| fault | times | without effect | recovered: median | worst | never |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        lines += [self._row(kind.name) for kind in KINDS]
        for name, examples in total.examples.items():
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
