"""What the doctor looks at, one check a fact, each with a remedy where it is not well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from telegraf_plugin.audit import MAX_SKEW, agrees
from telegraf_plugin.commands.dates import duration, moment, number
from telegraf_plugin.commands.session import CentralAccess, Session, clock
from telegraf_plugin.config import Source
from telegraf_plugin.errors import CentralError, SourceError, TransientError
from telegraf_plugin.influxdb.answers import FieldTypes
from telegraf_plugin.influxdb.source import SourceReader
from telegraf_plugin.influxdb.unreadable import SHADOWING
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.drops import REMEDY, DropReason
from telegraf_plugin.stream.units import HOUR, SECOND
from telegraf_plugin.stream.windows import cut, group_start

NEEDED_VERSION = (2, 5)
"""Of InfluxDB; from then on Flux has `types.isNumeric` (`influxdb.flux`)."""
MAX_NAMED = 5
MAX_TYPE_SPAN = 32 * 24 * HOUR
"""How far back (ns) central's shard group is looked at for a field's type."""


class State(Enum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One fact: `where` it holds (a server, or a stream), what it is `about`, what was `found`, and what to do."""

    where: str
    about: str
    state: State
    found: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it for scripts."""
        return {
            "where": self.where,
            "what": self.about,
            "state": self.state.value,
            "found": self.found,
            "remedy": self.remedy,
        }


def central_checks(session: Session, sources: Iterable[Source]) -> list[Check]:
    """Look at central: reach, clock, and each bucket's rights and retention."""
    central = session.central
    checks = _reach("central", central.version, central.url)
    if checks[0].state is State.BAD:
        return checks
    buckets = [stream.central_bucket for source in sources for stream in source.streams]
    for bucket in dict.fromkeys([*buckets, central.metrics_bucket]):
        checks += _central_bucket(central, bucket)
    read = any(check.about.endswith(": read") and check.state is State.OK for check in checks)
    skew = _skew("central", central.clock_skew, read)
    return [*checks[:1], *skew, *checks[1:]]


def _central_bucket(central: CentralAccess, bucket: str) -> Iterator[Check]:
    about = f"bucket {bucket}"
    try:
        central.may_write(bucket)
    except CentralError as error:
        yield Check("central", f"{about}: write", State.BAD, error.summary, error.hint)
    else:
        yield Check("central", f"{about}: write", State.OK, "may be written")
    now = clock() // SECOND * SECOND
    try:
        central.probe(bucket, now)
        kept = central.bucket(bucket)
    except CentralError as error:
        hint = error.hint
        if error.status == 404:
            hint = "create the bucket, or give the token read permission: data-collector permissions central"
        yield Check("central", f"{about}: read", State.BAD, error.summary, hint)
        return
    yield Check("central", f"{about}: read", State.OK, f"may be read, {_kept(kept)}")


def source_checks(session: Session, source: Source) -> list[Check]:
    """Look at a source: reach, version and clock."""
    client = session.client(source)
    checks = _reach(source.name, client.version, client.url)
    if checks[0].state is State.BAD:
        return checks
    answered = False
    for stream in source.streams:
        try:  # any reply but an error's and the one to a ping carries the clock, and tells whether the token is known
            client.bucket(stream.bucket)
        except TransientError:
            break
        except SourceError as error:
            if error.status == 401:
                return [*checks, Check(source.name, "token", State.BAD, error.summary, error.hint)]
        else:
            answered = True
            break
    return [*checks, *_skew(source.name, client.clock_skew, answered)]


def _reach(where: str, version: Callable[[], str], url: str) -> list[Check]:
    try:
        told = version()
        reached = Check(where, "reach", State.OK, f"{url} answers, InfluxDB {told or 'of no told version'}")
        return [reached, *_version(where, told)]
    except (SourceError, CentralError) as error:
        return [Check(where, "reach", State.BAD, f"{url}: {error.summary}", error.hint)]


def _version(where: str, told: str) -> Iterator[Check]:
    """Warn of a version (`v2.4.0`) that lacks what the queries use."""
    match = re.match(r"v?(\d+)\.(\d+)", told)
    if match is not None and (int(match[1]), int(match[2])) < NEEDED_VERSION:
        needed = ".".join(map(str, NEEDED_VERSION))
        remedy = f"run InfluxDB {needed} or newer; before that Flux has no types.isNumeric, which aggregate needs"
        yield Check(where, "version", State.WARNING, f"{told} is older than {needed}", remedy)


def _skew(where: str, skew: float | None, answered: bool) -> list[Check]:
    """Look at a clock that is ahead by `skew` seconds; `answered`: there was a reply that would have told it."""
    if skew is None and not answered:
        return []  # what is wrong there is told for itself
    if skew is None:
        return [
            Check(where, "clock", State.WARNING, "it does not say the time", "is there a proxy that takes Date out?")
        ]
    if not agrees(skew):
        side = "ahead of" if skew > 0 else "behind"
        found = f"{duration(abs(skew))} {side} this machine's"
        return [Check(where, "clock", State.WARNING, found, "set up NTP on both machines")]
    return [Check(where, "clock", State.OK, f"agrees with this machine's, to {MAX_SKEW:g} s")]


def stream_checks(session: Session, source: Source, stream: StreamDefinition, central: bool) -> list[Check]:
    """Look at one stream: its bucket, both retentions, the last hour, and field types. `central`: it can be asked."""
    client, reader, now = session.client(source), session.reader(source), clock() // SECOND * SECOND
    label = stream.label
    try:
        reader.probe(stream, now)
    except SourceError as error:
        hint = error.hint
        if error.status == 404:
            hint = f"check its name, or give the token read permission: data-collector permissions {source.name}"
        return [Check(label, f"bucket {stream.bucket}: read", State.BAD, client.redact(error.summary), hint)]
    try:
        here = client.bucket(stream.bucket)
    except SourceError:
        here = None
    checks = [Check(label, f"bucket {stream.bucket}: read", State.OK, f"may be read, {_kept(here)}")]
    try:
        there = session.central.bucket(stream.central_bucket) if central else None
        if here is not None and there is not None:
            checks.append(_retentions(stream, here, there))
            checks += _itself(session, reader, stream, here, there)
        checks += _unreadable(reader, stream)
        checks.append(_last_hour(reader, stream, now))
        checks += _future(reader, stream, now)
        if central and not stream.computed:
            checks.append(_types(session.central, reader, stream, here, there, now))
    except SourceError as error:
        checks.append(Check(label, "points", State.BAD, client.redact(error.summary), error.hint))
    except CentralError as error:
        checks.append(Check(label, "central", State.BAD, error.summary, error.hint))
    return checks


def _retentions(stream: StreamDefinition, here: Bucket, there: Bucket) -> Check:
    about = "retention"
    found = f"source {_kept(here)}; central {_kept(there)}"
    if there.retention and there.retention <= stream.lookback:
        hint = f"have central keep bucket {stream.central_bucket} longer than the stream's lookback"
        return Check(stream.label, about, State.BAD, found, hint)
    if there.retention and (not here.retention or there.retention < here.retention):
        hint = "older history cannot be copied; to have it, have central keep the bucket longer"
        return Check(stream.label, about, State.WARNING, found, hint)
    return Check(stream.label, about, State.OK, found)


def _last_hour(reader: SourceReader, stream: StreamDefinition, now: int) -> Check:
    """Count the last hour by measurement, before any aggregate."""
    counts: Counter[str] = Counter()
    for piece in cut(now - HOUR, now, ()):
        counts.update(reader.measurements(stream, piece))
    if not counts:
        hint = "is the source written to? are the stream's measurements and tags spelt as there?"
        return Check(stream.label, "last hour", State.WARNING, "no points", hint)
    most = sorted(counts, key=lambda name: -counts[name])
    named = ", ".join(f"{name} {number(counts[name])}" for name in most[:MAX_NAMED])
    more = f" and {len(most) - MAX_NAMED} more" if len(most) > MAX_NAMED else ""
    absent = [name for name in stream.measurements if name not in counts]
    found = f"{number(sum(counts.values()))} points: {named}{more}"
    if absent:
        hint = "are they written? are they spelt as there?"
        return Check(stream.label, "last hour", State.WARNING, f"{found}; none of {', '.join(absent)}", hint)
    return Check(stream.label, "last hour", State.OK, found)


def _itself(
    session: Session, reader: SourceReader, stream: StreamDefinition, here: Bucket, there: Bucket
) -> Iterator[Check]:
    """See whether the source's bucket is central's: it has the same ids, and the mark that central has."""
    if not here.id or (here.id, here.org) != (there.id, there.org):
        return
    mark, _ = session.central.newest(stream)
    if mark is None or reader.has_mark(stream, mark.id):  # else central was put up from the source's backup
        found = f"it is central's bucket {stream.central_bucket}: its points would be copied into itself"
        hint = "correct url, org or bucket, or give the stream another central_bucket"
        yield Check(stream.label, f"bucket {stream.bucket}: where", State.BAD, found, hint)


def _future(reader: SourceReader, stream: StreamDefinition, now: int) -> Iterator[Check]:
    """Count what lies ahead: forecasts wait at the source until their time has come."""
    if stream.flux is None and (points := reader.ahead(stream, now)):
        found = f"{number(points)} points lie in the future"
        yield Check(stream.label, "future", State.OK, f"{found}: each is copied when its time has come")


def _unreadable(reader: SourceReader, stream: StreamDefinition) -> Iterator[Check]:
    """Name the series that the source's queries break at: they are left out, and the rest is copied."""
    found = reader.unreadable(stream)
    if found:
        named = "; ".join(",".join([s.measurement, *(f"{k}={v}" for k, v in s.tags or ())]) for s in found[:MAX_NAMED])
        more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
        about = f"{named}{more}: a tag is called one of {', '.join(SHADOWING)}, at which InfluxDB's queries break"
        yield Check(stream.label, "series", State.WARNING, about, f"left out; {REMEDY[DropReason.SHADOWED_TAG]}")


def _types(
    central: CentralAccess,
    reader: SourceReader,
    stream: StreamDefinition,
    here: Bucket | None,
    there: Bucket | None,
    now: int,
) -> Check:
    """Find fields whose type central refuses: within one shard group, the first type of a field is its type."""
    groups = {bucket.shard_group for bucket in (here, there) if bucket is not None}
    types: FieldTypes = {}
    for piece in cut(now - HOUR, now, groups):
        types |= reader.types(stream, piece)
    group = there.shard_group if there is not None else HOUR
    start = max(group_start(now, group), now - MAX_TYPE_SPAN)
    conflicts = []
    for key, kind in central.newest_types(stream, (start, max(now, start + SECOND))).items():
        if types.get(key, kind) != kind:
            name = f"{key[0].decode('utf-8', 'replace')} {key[1].decode('utf-8', 'replace')}"
            conflicts.append(f"{name}: {types[key]} at the source, {kind} in central")
    if conflicts:
        more = f" and {len(conflicts) - MAX_NAMED} more" if len(conflicts) > MAX_NAMED else ""
        hint = (
            f"central refuses these until {moment(group_start(now, group) + group)} at least: write each with one type"
        )
        hint += ", leave it out (exclude_fields), or give this source a central bucket of its own"
        return Check(stream.label, "field types", State.BAD, "; ".join(conflicts[:MAX_NAMED]) + more, hint)
    return Check(stream.label, "field types", State.OK, f"fields: {number(len(types))}, none that central refuses")


def _kept(bucket: Bucket | None) -> str:
    if bucket is None:
        return "how long is not told"
    return f"kept {duration(bucket.retention / SECOND) if bucket.retention else 'for ever'}"
