"""A command's questions, answered by counts: what it brings, how long that takes, and what is to be printed.

What each job asks of which side is what `telegraf_plugin.execution.runner` asks there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.simulation.bundles import Bundles, Shared
from lab.simulation.central import BUCKET, Central, Landing
from lab.simulation.meter import Meters
from lab.simulation.site import KEPT, SHARD_GROUP, Site, count
from telegraf_plugin.errors import CentralError, TransientError
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.commands import Adopt, Command, PrintMark, Probe, Result
from telegraf_plugin.stream.digest import Digest
from telegraf_plugin.stream.holds import Reason
from telegraf_plugin.stream.jobs import (
    Check,
    Compare,
    Compared,
    Copied,
    Copy,
    Counted,
    Explain,
    Explained,
    Foresee,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
    Swept,
)
from telegraf_plugin.stream.ledger import MarkId
from telegraf_plugin.stream.spans import END, NOTHING, Span, Spans
from telegraf_plugin.stream.units import MINUTE, SECOND

CONNECT = 5 * SECOND
"""How long (ns) one waits for a server that is silent (timeouts.connect)."""
ALL = FieldKey(b"all", b"value", FieldType.FLOAT)
"""Stands for all fields of a stream."""


@dataclass(slots=True)
class Prints:
    """What a command prints: points at the times `spans`. `outcome` is its result, given the mark behind the lines."""

    spans: Spans
    outcome: Callable[[MarkId | None], Result]


class Questions:
    """The questions of one command, begun at `now`; `took` is how long they take (ns), `points` what they read."""

    def __init__(
        self,
        site: Site,
        central: Central,
        landing: Landing,
        command: Command,
        now: int,
        meters: Meters,
        shared: Shared | None,
        central_shared: Shared | None,
        bundles: Bundles,
    ) -> None:
        """`shared`: the request in which its source was asked already; `central_shared`: in which central is to be."""
        self.took = self.points = 0
        self._site, self._central, self._landing, self._command = site, central, landing, command
        self._now, self._meters = now, meters
        self._shared, self._central_shared, self._bundles = shared, central_shared, bundles
        self._each = site.points[command.stream.id]

    def answer(self) -> Result | Prints:
        """Ask, and return what it brings. Raises TransientError, CentralError."""
        match self._command.job:
            case Adopt():
                self._ask_source()
                return Bucket(KEPT, SHARD_GROUP)
            case PrintMark():
                return Prints(NOTHING, lambda _: None)
            case Probe():
                self._ask_source()
                return None
            case Copy(span, held=held):
                return self._copy(span, held)
            case Foresee(span):
                self._ask_source()
                return self._count(self._site.there(self._now).clip(span[0] + MINUTE, END))
            case Seek() as job:
                return self._seek(job)
            case Land(span):
                return self._landed(span)
            case Check(pieces):
                return [counted for piece in pieces for counted in self._check(piece)]
            case Prove() as job:
                return self._prove(job)
            case Compare(span):
                return self._compare(span)
            case Recheck() as job:
                return self._recheck(job)
            case Explain():
                self._ask_central()
                return Explained(Reason(False, "differs: nobody knows why"), BUCKET)

    def _copy(self, span: Span, held: frozenset[FieldKey]) -> Prints:
        points = self._source(span, read=True)
        self.points = points
        digest = Digest(without=held, points=points, sum=points)
        there = self._site.there(self._now).clip(*span)
        return Prints(there, lambda mark: Copied(digest, points, mark, points))

    def _seek(self, job: Seek) -> int | None:
        self._ask_source()
        there = self._site.there(self._now).clip(*job.span).parts
        if not there:
            return None
        return there[0][0] if job.origin else there[-1][1] - 1

    def _check(self, spans: tuple[Span, ...]) -> list[Counted]:
        whole = (spans[0][0], spans[-1][1])
        counted = self._counted(whole)
        if counted.equal or len(spans) == 1:
            return [counted]
        together = self._shared, self._central_shared
        self._shared = self._central_shared = None  # what follows from an answer nobody has foreseen
        apart = [self._counted(each) for each in spans]
        self._shared, self._central_shared = together
        return apart

    def _counted(self, span: Span) -> Counted:
        here = self._source(span)
        return Counted(span, here, here == self._landed(span))

    def _prove(self, job: Prove) -> Proved:
        if job.empty:
            return Proved(not self._source(job.span) and not self._landed(job.span))
        points = job.source.points if job.source is not None else self._source(job.span, read=True)
        return Proved(points == self._landed(job.span, read=True), {}, points)

    def _compare(self, span: Span) -> Prints:
        here, there = self._source(span, read=True), self._landed(span, read=True)
        missing = (self._site.there(self._now) - self._landing.there).clip(*span) if here != there else NOTHING
        lacking = self._count(missing)
        if not lacking:
            return Prints(NOTHING, lambda _: Compared(points_read=here))
        where = missing.hull or span
        return Prints(missing, lambda mark: Compared({ALL: lacking}, 0, {}, here, mark, {ALL: where}))

    def _recheck(self, job: Recheck) -> Swept:
        if job.empty:
            return Swept(not self._source(job.span) and not self._landed(job.span), 0)
        points = None
        if not job.by_hash:
            counted = self._counted(job.span)
            points = counted.source
            if counted.equal:
                return Swept(True, points)
        proved = self._prove(Prove(job.span, None))
        return Swept(proved.equal, points, proved.points if proved.equal else 2 * proved.points)

    # The two sides

    def _count(self, spans: Spans) -> int:
        return count(spans, self._each)

    def _source(self, span: Span, read: bool = False) -> int:
        """Return how many points the site has of `span`, which are read, or counted."""
        there, points = self._site.there(self._now), 0
        for piece in self._command.pieces(span):
            each = self._count(there.clip(*piece))
            self._ask_source(each if read else 0)
            points += each
        return points

    def _landed(self, span: Span, read: bool = False) -> int:
        """Return the same of central."""
        there, points = self._landing.there, 0
        for piece in self._command.pieces(span):
            each = self._count(there.clip(*piece))
            self._ask_central(each if read else 0)
            points += each
        return points

    def _ask_source(self, points: int = 0) -> None:
        if self._shared is not None and self._shared.keeps(points):
            self.took += self._site.line.takes(points) - self._site.line.takes(0)
            self._meters.read_sources.add(self._now, points)
            self._site.load.read(self._now, points)
            return
        if not self._site.answers(self._now):
            self.took += CONNECT
            raise TransientError("the site does not answer", "wait")
        self.took += self._site.line.takes(points)
        self._site.load.ask(self._now, points)
        self._meters.asked_sources.add(self._now, 1)
        self._meters.read_sources.add(self._now, points)

    def _ask_central(self, points: int = 0) -> None:
        if self._central_shared is not None and self._central_shared.keeps(points):
            self._ask_together(self._central_shared, points)
            return
        if not self._central.answers(self._now):
            self.took += CONNECT
            raise CentralError("central does not answer", "wait")
        self.took += self._central.takes(points)
        self._central.load.ask(self._now, points)
        self._meters.asked_central.add(self._now, 1)
        self._meters.read_central.add(self._now, points)

    def _ask_together(self, shared: Shared, points: int) -> None:
        """Wait for the answer to a request for many, which is asked now unless it was."""
        bucket, now = self._command.stream.central_bucket, self._now + self.took
        if shared.ends is None:
            begins = self._bundles.begin(bucket, now)
            answers = self._central.answers(begins)
            shared.ask(begins, self._central.takes(0) if answers else CONNECT, answers)
            self._bundles.asked(bucket, shared)
            if answers:
                self._central.load.ask(self._now, 0)
                self._meters.asked_central.add(self._now, 1)
        self.took += max((shared.ends or now) - now, 0)
        if shared.failed:
            raise CentralError("central does not answer", "wait")
        self.took += self._central.takes(points) - self._central.takes(0)
        self._central.load.read(self._now, points)
        self._meters.read_central.add(self._now, points)
