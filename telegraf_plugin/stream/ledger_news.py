"""What the log is told of the ledger in central: each thing once, and once that it is over. Pure."""

from __future__ import annotations

from collections.abc import Collection

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.notes import Notes

MAX_FOREIGN = 1000
"""Runs of other collectors of which the log tells."""


class LedgerNews:
    """Remembers what was said, of the central at `url`."""

    def __init__(self, notes: Notes, url: str) -> None:
        self._notes, self._url = notes, url
        self._silent: dict[str, str] = {}  # by bucket, or stream, what was said
        self._foreign: set[tuple[StreamId, str]] = set()
        self._overdue: set[StreamId] = set()

    @property
    def away(self) -> list[str]:
        """What could not be read when it was last asked for."""
        return sorted(self._silent)

    def answers(self, bucket: str, error: CentralError | None) -> None:
        """Say once that a bucket cannot be read, for each reason, and once that it can again."""
        said = self._silent.get(bucket)
        if error is not None and said != error.summary:
            self._silent[bucket] = error.summary
            text = "cannot read the ledger in central's bucket %s at %s: %s; %s"
            rights = "; central's token needs read permission for it, and Telegraf's write (data-collector permissions)"
            self._notes.error(text, bucket, self._url, error.summary, error.hint + rights * error.permanent)
        elif error is None and said is not None:
            del self._silent[bucket]
            self._notes.warning("central's bucket %s can be read again", bucket)

    def unreadable(self, name: StreamId, error: CentralError) -> None:
        """Say once that one stream's ledger cannot be read."""
        if self._silent.get(name.label) != error.summary:
            self._silent[name.label] = error.summary
            self._notes.error("%s: %s; %s; it is not copied until then", name.label, error.summary, error.hint)

    def readable(self, name: StreamId) -> None:
        """Say that a stream's ledger can be read again that could not."""
        if self._silent.pop(name.label, None) is not None:
            self._notes.warning("%s: its ledger can be read again", name.label)

    def lost(self, name: StreamId) -> None:
        """Say that central went back in time."""
        text = "%s: central has lost its newest mark (put back to an earlier state, or emptied?); its gap is filled"
        self._notes.warning(text, name.label)

    def foreign(self, name: StreamId, runs: Collection[str]) -> None:
        """Say once of each of the other `runs` that it writes."""
        for run in sorted(runs):
            if (name, run) not in self._foreign and len(self._foreign) < MAX_FOREIGN:
                self._foreign.add((name, run))
                text = "%s: another run of the collector writes as well (%s), or left lines: what it wrote is compared"
                self._notes.warning(text, name.label, run)

    def overdue(self, stream: StreamDefinition, late: bool) -> None:
        """Say once when a mark does not come though its bucket answers, and once when one comes again."""
        name, bucket = stream.id, stream.central_bucket
        if late and name not in self._overdue:
            self._overdue.add(name)
            text = "%s: what was printed does not arrive in central's bucket %s, which can be read: does telegraf.conf "
            text += (
                "route source_bucket %s to it, and may Telegraf's token write there? see Telegraf's log of its outputs"
            )
            self._notes.error(text, name.label, bucket, stream.bucket)
        elif not late and name in self._overdue:
            self._overdue.discard(name)
            self._notes.warning("%s: what is printed arrives in central's bucket %s again", name.label, bucket)
