"""What central tells of the streams at one time: the collector's last word, its ledger, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from telegraf_plugin.commands.last_word import Metrics, newest_metrics
from telegraf_plugin.commands.session import CentralAccess
from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.request import Request


@dataclass(frozen=True, slots=True)
class Survey:
    """What central said; a stream of which it said nothing is in none of them.

    `metrics`: the collector's newest word of each stream. `marks`: the newest one that is believed, and `asked` the
    newest request. `unreadable`: by bucket of central, why the ledger there cannot be read.
    """

    metrics: Mapping[StreamId, Metrics]
    marks: Mapping[StreamId, Mark]
    asked: Mapping[StreamId, Request]
    unreadable: Mapping[str, str]


def survey(central: CentralAccess, streams: Sequence[StreamDefinition], now: int) -> Survey:
    """Ask central of `streams` at `now` (Unix ns); a bucket that cannot be read stands beside the others.

    Raises CentralError when nothing can be read.
    """
    metrics = newest_metrics(central, now)
    marks: dict[StreamId, Mark] = {}
    asked: dict[StreamId, Request] = {}
    unreadable: dict[str, str] = {}
    for bucket in dict.fromkeys(stream.central_bucket for stream in streams):
        names = [stream.id for stream in streams if stream.central_bucket == bucket]
        try:
            found_marks = central.ledger(bucket, names)
            found = central.asked(bucket).requests
        except CentralError as error:
            if not error.permanent:
                raise
            unreadable[bucket] = f"central's bucket {bucket}: {error.summary}; {error.hint}"
            continue
        marks |= {name: believed.mark for name, believed in found_marks.items() if believed is not None}
        asked |= {name: found[name] for name in names if name in found}
    return Survey(metrics, marks, asked, unreadable)
