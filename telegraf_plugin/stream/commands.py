"""Commands out, exactly one outcome back for each, failures included: what the core asks for and is told. Pure.

A command carries values only; whoever does it needs nothing else of the core.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from telegraf_plugin.errors import CentralError, NoRoom, SourceError
from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
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
    Job,
    Land,
    Prove,
    Proved,
    Recheck,
    Seek,
    Swept,
    is_prompt,
)
from telegraf_plugin.stream.ledger import Believed, Mark, MarkId, Origin, Template
from telegraf_plugin.stream.pause import Pause
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.spans import Span
from telegraf_plugin.stream.tally import Tally
from telegraf_plugin.stream.windows import cut


@dataclass(frozen=True, slots=True)
class Adopt:
    """Ask the source how it keeps the bucket: then the stream begins with what its ledger says."""


@dataclass(frozen=True, slots=True)
class PrintMark:
    """Print a mark by itself."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Have the source answer at `now` (Unix ns): there was nothing to be read, and it must answer all the same."""

    now: int


Sign = Adopt | PrintMark | Probe
"""What a stream does beside its course's jobs."""
StreamJob = Job | Sign


@dataclass(frozen=True, slots=True)
class Command:
    """Something to be done for one stream.

    `groups`: the durations (ns) of the shard groups on both sides, at whose ends what is read is cut; `base`: the
    newest mark that central is known to have; `template`: of the marks behind what is printed, None where nothing is.
    `batch`: the commands of
    a source with one number are one in hand, done one after the other; 0: it is alone. `light`: it reads little.
    """

    stream: StreamDefinition
    job: StreamJob
    groups: frozenset[int]
    base: MarkId | None
    template: Template | None
    batch: int = 0
    light: bool = False

    def pieces(self, whole: Span) -> Iterable[Span]:
        """Cut `whole` so that no part crosses the end of a shard group on either side."""
        return cut(*whole, self.groups, self.stream.every)

    @property
    def of_the_tick(self) -> bool:
        """Whether a tick may have asked for it: history and proofs keep no tick from its end."""
        others = Land | Prove | Compare | Recheck | Explain | Seek | Foresee
        return not isinstance(self.job, others) and (not isinstance(self.job, Copy) or self.job.live)

    @property
    def prompt(self) -> bool:
        """Whether a tick may have asked for it, or it takes no time worth mentioning: what is not waits for a place."""
        return self.of_the_tick or (self.light and is_prompt(self.job, self.stream))

    @property
    def live(self) -> bool:
        """Whether what it prints may take all of the room in flight."""
        return not isinstance(self.job, Copy) or self.job.live


Result = (
    Copied
    | int
    | list[Counted]
    | Proved
    | Compared
    | Swept
    | Explained
    | Bucket
    | None
    | SourceError
    | CentralError
    | NoRoom
)
"""What a command brought, or the failure that it ended with."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: it `took` so long (ns). `skew`: by how many seconds the source's clock was ahead."""

    command: Command
    result: Result
    stats: Tally
    took: int
    skew: float | None

    @property
    def counted(self) -> bool:
        """Whether both sides, or central, were counted: what was missing may have arrived."""
        return isinstance(self.command.job, Land | Check) and not isinstance(self.result, Exception)


@dataclass(frozen=True, slots=True)
class MarkPrinted:
    """A mark is about to be written; `mirrored`: what was written beside it. Told before the line is written."""

    stream: StreamId
    mark: Mark
    mirrored: Origin | None


# The ledger in central, a bucket at a time


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask how central keeps `bucket`; the result is a Bucket, None when it does not say."""

    bucket: str


@dataclass(frozen=True, slots=True)
class ReadLedger:
    """Read the newest believable marks of streams, a bounded part of the way; the result is a LedgerPart.

    Marks made before `kept` (Unix ns) may have expired.
    """

    bucket: str
    names: tuple[StreamId, ...]
    kept: int
    steps: int


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """What was found so far: by stream the mark that is believed, None where there is none; what is missing goes on at
    the next reading. `unreadable`: streams whose ledger cannot be read though central answers.
    """

    found: Mapping[StreamId, Believed | None]
    unreadable: Mapping[StreamId, CentralError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadMarkIds:
    """Read which marks were made in [start, until) (Unix ns), newest first, one bounded step; the result: MarkIds.

    `asked`: and what operators have asked for.
    """

    bucket: str
    start: int
    until: int
    asked: bool = False


@dataclass(frozen=True, slots=True)
class MarkIds:
    """All marks that were made in [since, until) (Unix ns), by stream; `asked` where that was wanted."""

    present: Mapping[StreamId, Collection[MarkId]]
    since: int
    until: int
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class ReadMarks:
    """Read marks of other runs; the result is a list of Mark, without those that cannot be read."""

    bucket: str
    stream: StreamId
    ids: tuple[MarkId, ...]


@dataclass(frozen=True, slots=True)
class ReadOrigins:
    """Read what the bucket of metrics mirrors; the result is a dictionary of Origin by stream."""

    bucket: str  # for which it is read


@dataclass(frozen=True, slots=True)
class ReadRequests:
    """Read what operators have asked for; the result is Asked."""

    bucket: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The newest request, and the newest pause, of each stream that has one."""

    requests: Mapping[StreamId, Request] = field(default_factory=dict)
    pauses: Mapping[StreamId, Pause] = field(default_factory=dict)


LedgerCommand = LookUp | ReadLedger | ReadMarkIds | ReadMarks | ReadOrigins | ReadRequests
LedgerResult = Bucket | None | LedgerPart | MarkIds | list[Mark] | dict[StreamId, Origin] | Asked | CentralError


@dataclass(frozen=True, slots=True)
class LedgerOutcome:
    """What became of a ledger command. `skew`: by how many seconds central's clock was ahead."""

    command: LedgerCommand
    result: LedgerResult
    skew: float | None


@dataclass(frozen=True, slots=True)
class LookUpSource:
    """Ask again how `source` keeps the bucket that `stream` reads; the result is a SourceLookedUp."""

    stream: StreamDefinition


@dataclass(frozen=True, slots=True)
class SourceLookedUp:
    """How a source keeps a bucket now, None when it did not say."""

    stream: StreamDefinition
    bucket: Bucket | None


@dataclass(frozen=True, slots=True)
class HeldNews:
    """Central goes on lacking points of `field_key` of `stream` in `span`; `reason` says why, as far as is known."""

    stream: StreamDefinition
    field_key: FieldKey
    span: Span
    points: int
    reason: str
