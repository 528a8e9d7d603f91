"""Marks, mirrored origins, requests and claims as line protocol. Pure."""

from __future__ import annotations

from telegraf_plugin.stream import ledger, names
from telegraf_plugin.stream.claim import Claim
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.ledger import Mark, Origin
from telegraf_plugin.stream.pause import Pause
from telegraf_plugin.stream.request import Request
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf.metrics import point


def mark_line(stream: StreamDefinition, mark: Mark) -> bytes:
    """Return the line of a mark: by its tag `source_bucket` Telegraf routes it as it does the stream's points."""
    tags = {"source": stream.source, "stream": stream.name, "source_bucket": stream.bucket}
    return point(names.LEDGER, tags, mark.fields(), mark.id.time)


def origin_line(stream: StreamDefinition, origin: Origin, now: int) -> bytes:
    """Return the line that mirrors a stream's origin in the bucket of metrics."""
    tags = {"source": stream.source, "stream": stream.name, "central_bucket": stream.central_bucket}
    fields: ledger.Fields = {
        "definition": origin.definition,
        "origin": origin.origin,
        "began": origin.began,
        "oldest": origin.oldest,
        "islands": origin.islands.largest(ledger.MAX_SPANS).text(),
    }
    return point(names.ORIGIN, tags, fields, now)


def request_line(stream: StreamDefinition, asked: Request | Pause) -> bytes:
    """Return the line of a request, or of a pause. It has no `source_bucket`: a command writes it straight to the
    stream's bucket.
    """
    tags = {"source": stream.source, "stream": stream.name}
    return point(names.PAUSE if isinstance(asked, Pause) else names.REQUEST, tags, asked.fields(), asked.time)


def claim_line(lease: str, shard: str, claim: Claim, time: int) -> bytes:
    """Return the line of a claim to `lease`, made at `time` (Unix ns); `shard`: for people, empty where all is one's.

    What decides is one field, which is seen whole or not at all; the role is a tag: who only watches need not be read.
    """
    tags = {"lease": lease, "role": claim.role.value, "run": claim.run} | ({"shard": shard} if shard else {})
    fields: ledger.Fields = {
        "claim": claim.text(),
        "term": claim.term,
        "since": claim.since,
        "lasts_seconds": claim.lasts / SECOND,
        "machine": claim.machine,
        "version": claim.version,
    }
    return point(names.LEASE, tags, fields, time)
