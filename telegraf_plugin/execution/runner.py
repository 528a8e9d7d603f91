"""Does the jobs of the streams of one source: copies, counts, proves, compares; central's side beside it."""

from __future__ import annotations

from collections.abc import Iterator

from telegraf_plugin.compare import Comparer
from telegraf_plugin.errors import PermanentError
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.stream.block import Block, FieldKey, pick
from telegraf_plugin.stream.commands import Adopt, Command, PrintMark, Probe, Result
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.difference import Difference, told
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
from telegraf_plugin.stream.ration import Portion, Ration
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.stream.windows import group_start
from telegraf_plugin.telegraf.printer import Printer

_ITSELF = "url, org or bucket leads to central itself: correct it, or give the stream another central_bucket"


class JobRunner:
    """Does jobs for the streams of one source. Safe to use from several threads, for different streams.

    Raises SourceError for what the source did not give, CentralError for what central did not, NoRoom when central
    takes nothing, OutputClosed.
    """

    def __init__(self, source: SourceReader, central: CentralReader) -> None:
        self._source, self._central = source, central
        self._others: set[str] = set()  # streams whose bucket at the source is known to be another than in central

    def _source_blocks(self, stream: StreamDefinition, span: Span, tally: Tally) -> Iterator[tuple[list[Block], bool]]:
        return self._source.blocks(stream, span, tally)

    def _comparer(self, command: Command) -> Comparer:
        stream = command.stream
        return Comparer(
            stream,
            lambda span, tally: self._source_blocks(stream, span, tally),
            lambda span: self._central.blocks(stream, span),
            command.pieces,
        )

    def run(self, command: Command, printer: Printer | None, tally: Tally) -> Result:
        """Do what is asked for; `tally` counts what is read of it, also half way. `printer`: of what is printed."""
        if printer is not None:
            return self._print(command, printer, tally)
        match command.job:
            case Adopt():
                return self._source.bucket(command.stream)
            case Probe(now):
                self._source.probe(command.stream, now // SECOND * SECOND)
                return None
            case Foresee() as job:
                return self.foresee(command, job)
            case Seek() as job:
                return self.seek(command, job)
            case Land() as job:
                return self.land(command, job)
            case Check() as job:
                return self.check(command, job)
            case Prove() as job:
                return self.prove(command, job)
            case Recheck() as job:
                return self.sweep(command, job)
            case Explain(span, field_key):
                return Explained(
                    self.reason(command, field_key, span), self._central.bucket(command.stream.central_bucket)
                )
            case Copy() | Compare() | PrintMark():
                raise ValueError("a command that prints has a template of marks")

    def _print(self, command: Command, printer: Printer, tally: Tally) -> Result:
        match command.job:
            case Copy() as job:
                return self.copy(command, job, printer, tally)
            case Compare() as job:
                return self.compare(command, job, printer, Tally())  # what is read here was counted before
            case _:
                printer.mark()
                return None

    def copy(self, command: Command, job: Copy, printer: Printer, tally: Tally) -> Copied:
        """Read the job's span and print all of it; `tally` counts on the way."""
        self._refuse_itself(command)
        comparer = self._comparer(command)
        digest = comparer.empty(job.held)
        for span in comparer.pieces(job.span):
            for blocks, exact in self._source_blocks(command.stream, span, tally):
                for block in blocks:
                    digest.add(comparer.seen(block), exact)
                printer.print(blocks, exact)
        return Copied(digest, tally.countable, printer.finish(), printer.points)

    def land(self, command: Command, job: Land) -> int:
        """Return how many points central has of the job's span."""
        return sum(self._central.count(command.stream, piece) for piece in command.pieces(job.span))

    def foresee(self, command: Command, job: Foresee) -> int:
        """Return how many points the source has whose time has not come."""
        return self._source.ahead(command.stream, job.span[0])

    def seek(self, command: Command, job: Seek) -> int | None:
        """Return the time before which the job's span has no newer point, or its first point's; None: there is none."""
        stream, (start, stop) = command.stream, job.span
        return self._source.first(stream, stop) if job.origin else self._source.newest(stream, start, stop)

    def _refuse_itself(self, command: Command) -> None:
        """Raise PermanentError where the source's bucket is the central one: it has the mark that central has.

        Whatever urls, orgs and tokens say: by addresses alone a server does not know itself.
        """
        stream, mark = command.stream, command.base
        if mark is None or stream.label in self._others:
            return
        if self._source.has_mark(stream, mark):
            summary = f"the source's bucket {stream.bucket} is central's bucket {stream.central_bucket}"
            raise PermanentError(f"{summary}: its points would be copied into itself for ever", _ITSELF)
        self._others.add(stream.label)

    def check(self, command: Command, job: Check) -> list[Counted]:
        """Count both sides: each piece as a whole, and where that differs each of its spans."""
        outcomes = []
        for spans in job.pieces:
            whole = (spans[0][0], spans[-1][1])
            outcome = self._count(command, whole)
            if outcome.equal or len(spans) == 1:
                outcomes.append(outcome)
            else:
                outcomes += [self._count(command, span) for span in spans]
        return outcomes

    def _count(self, command: Command, span: Span) -> Counted:
        stream = command.stream
        if not stream.computed:
            here = self._source.count(stream, span)
            return Counted(span, here, here == self._central.count(stream, span))
        # What is computed may change while its number stays: it is read.
        comparer = self._comparer(command)
        source = comparer.source_digest(span)
        return Counted(span, source.sum, source.equals(comparer.central_digest(span)))

    def prove(self, command: Command, job: Prove) -> Proved:
        """Compare both sides' digests; of a span that was found empty, whether it is."""
        if job.empty:
            return Proved(
                not self._source.exists(command.stream, job.span) and not self._central.exists(command.stream, job.span)
            )
        comparer = self._comparer(command)
        source = job.source if job.source is not None else comparer.source_digest(job.span, job.held)
        equal = source.equals(comparer.central_digest(job.span, frozenset(source.without)))
        return Proved(equal, source.left_out, source.points)

    def compare(self, command: Command, job: Compare, printer: Printer | None, tally: Tally) -> Compared:
        """Compare both sides as sets, print what central lacks or has otherwise, and count what it has besides.

        Without `printer` nothing is printed.
        """
        found = self._comparer(command).compare(job.span, _Prints(printer, job.ration), job.held, job.field_key, tally)
        return Compared(
            missing=found.missing,
            where=found.where,
            extras=0 if command.stream.flux is not None else found.extras,  # others may write what it computes as well
            left_out=found.left_out,
            points_read=tally.countable,
            mark=printer.finish() if printer is not None else None,
        )

    def sweep(self, command: Command, job: Recheck) -> Swept:
        """Say whether central lacks nothing of the job's span, and has nothing otherwise."""
        if job.empty:
            outcome = self.prove(command, Prove(job.span, None, empty=True))
            return Swept(outcome.equal, 0)
        points = None
        if not job.by_hash:
            counted = self._count(command, job.span)
            points = counted.source
            if counted.equal:
                return Swept(True, points)
        proved = self.prove(command, Prove(job.span, None, job.held))
        if proved.equal:
            return Swept(True, points, proved.points)
        missing = self.compare(command, Compare(job.span, held=job.held), None, Tally()).missing
        return Swept(not missing, points, 2 * proved.points)

    def reason(self, command: Command, field_key: FieldKey, span: Span) -> Reason:
        """Say why central lacks the field key's points in `span`, by what can be seen there."""
        # By the shard group a field has one type: what refuses a point may lie anywhere in it.
        longest = max(command.groups)
        begin = group_start(span[0], longest)
        types = self._central.types(command.stream.central_bucket, (begin, begin + longest), field_key) - {
            field_key[2].value
        }
        if types:
            there = " and ".join(sorted(types))
            return Reason(
                True, f"refused: it is {field_key.type.value} here and {there} in central (422, field type conflict)"
            )
        if command.stream.flux is not None:
            return Reason(False, "differs: what the stream's flux yields is not what central has")
        instant = (span[0], span[0] + command.stream.every)
        comparer = self._comparer(command)
        difference = Difference(comparer.rewritten)
        for blocks, exact in self._source_blocks(command.stream, instant, Tally()):
            for block in blocks:
                difference.source(comparer.seen(block), exact)
        for blocks, exact in self._central.blocks(command.stream, instant):
            for block in blocks:
                difference.central(block, exact)
        return Reason(False, f"differs: {told(difference.found(), field_key)}")


class _Prints:
    """Prints what central lacks, as much of it as the ration says."""

    wants_extras = False

    def __init__(self, printer: Printer | None, ration: Ration) -> None:
        self._printer = printer
        self._portion = Portion(ration)

    def lacking(self, block: Block, there: Block, exact: bool) -> None:
        places = self._portion.of(range(len(block))) if self._printer is not None else []
        if self._printer is not None and places:
            self._printer.print([block if len(places) == len(block) else pick(block, places)], exact)

    def besides(self, block: Block, exact: bool) -> None:
        """Never removed: it is counted."""

    def done(self) -> None:
        """Nothing was put off."""
