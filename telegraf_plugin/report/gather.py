"""Asks for what the report shows: central for all that is told of the streams, each source how it keeps its buckets."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TypeVar

from telegraf_plugin.commands.last_word import Metrics
from telegraf_plugin.commands.leases import members
from telegraf_plugin.commands.session import CentralAccess, Session
from telegraf_plugin.commands.stream_rows import rows_of
from telegraf_plugin.commands.survey import survey
from telegraf_plugin.errors import SourceError
from telegraf_plugin.influxdb.client import QueryClient
from telegraf_plugin.report.calendar import calendar, first_hour
from telegraf_plugin.report.facts import Dropped, Facts, Held, Stream, Version, history, known
from telegraf_plugin.report.remedies import held_remedy
from telegraf_plugin.report.settings import of_central, of_source
from telegraf_plugin.stream import names
from telegraf_plugin.stream.bounds import Bucket
from telegraf_plugin.stream.definition import StreamDefinition, StreamId
from telegraf_plugin.stream.drops import REMEDY, DropReason
from telegraf_plugin.stream.spans import NOTHING
from telegraf_plugin.stream.units import DAY, MINUTE

WINDOW = 15 * MINUTE
"""How long each point of a chart is."""
_TELEGRAFS_OWN = "internal_agent"
_ASKED_AT_ONCE = 8

Answer = TypeVar("Answer")


class Gathering:
    """What the report shows, asked for again and again with one session."""

    def __init__(self, session: Session, streams: Sequence[StreamDefinition], days: int) -> None:
        """`days`: how many whole days the calendar goes back."""
        self._session = session
        self._streams = streams
        self._days = days

    def facts(self, now: int, renewed: float | None = None) -> Facts:
        """Return all that is found at `now` (Unix ns). Raises CentralError when nothing can be read there.

        `renewed`: after how many seconds the file is written again.
        """
        central = self._session.central
        found = survey(central, self._streams, now)
        rows = rows_of(central, found, self._streams, now)
        first = now - now % WINDOW - DAY
        said = _by_stream(central.stream_history((first, now + 1), ("lag_seconds", "left_seconds"), WINDOW))
        sent = _by_stream(central.stream_history((first, now + 1), ("points_sent",), WINDOW, highest=False))
        kept, versions, notes = self._servers()
        begin = first_hour(now, self._days)
        streams = []
        for stream, row in zip(self._streams, rows, strict=True):
            standing = known(
                stream,
                found.marks.get(stream.id),
                found.metrics.get(stream.id),
                kept.get((stream.source, stream.bucket)),
                kept.get(("", stream.central_bucket)),
                now,
                row.request.request.spans if row.request is not None else NOTHING,
            )
            points = history([*said.get(stream.id, ()), *sent.get(stream.id, ())], first, now, WINDOW)
            streams.append(Stream(stream, row, calendar(standing, begin, now), points))
        told = {stream.id: word for stream in self._streams if (word := found.metrics.get(stream.id)) is not None}
        return Facts(
            now=now,
            days=self._days,
            window=WINDOW,
            streams=streams,
            held=held_points(central, told, now),
            dropped=dropped_points(central, told, now),
            versions=[*running_versions(central, now), *versions],
            central=of_central(self._session.config),
            sources={each.name: of_source(each) for each in self._session.config.sources if self._concerns(each.name)},
            notes=notes,
            renewed=renewed,
            members=members(central, now),
        )

    def _concerns(self, source: str) -> bool:
        return any(stream.source == source for stream in self._streams)

    def _servers(self) -> tuple[dict[tuple[str, str], Bucket], list[Version], list[str]]:
        """Return how each bucket is kept, by its server (a source's name, central's is empty) and its own name.

        With it each server's version, and what could not be found. All are asked at once: one may be away.
        """
        clients: dict[str, QueryClient] = {"": self._session.central.client}
        for each in self._session.config.sources:
            if self._concerns(each.name):
                clients[each.name] = self._session.client(each)
        buckets = dict.fromkeys(("", stream.central_bucket) for stream in self._streams)
        buckets |= dict.fromkeys((stream.source, stream.bucket) for stream in self._streams)
        kept: dict[tuple[str, str], Bucket] = {}
        versions, notes = [], []
        with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
            asked = {name: pool.submit(_asked, client.version) for name, client in clients.items()}
            looked = {each: pool.submit(_asked, _bucket_of(clients[each[0]], each[1])) for each in buckets}
            for name, answer in asked.items():
                told, trouble = answer.result()
                what = f"InfluxDB: {name or 'central'}"
                versions.append(Version(what, told or "", self._session.redact(trouble)))
            for (name, bucket), answered in looked.items():
                how, trouble = answered.result()
                if how is not None:
                    kept[name, bucket] = how
                else:
                    why = self._session.redact(trouble) or "its token may not ask"
                    notes.append(f"how long {name or 'central'} keeps its bucket {bucket} is not known: {why}")
        return kept, versions, notes


def _bucket_of(client: QueryClient, name: str) -> Callable[[], Bucket | None]:
    return lambda: client.bucket(name)


def _asked(question: Callable[[], Answer]) -> tuple[Answer | None, str]:
    """Return what a server answers, and why it does not."""
    try:
        return question(), ""
    except SourceError as error:
        return None, f"{error.summary}; {error.hint}"


def _by_stream(rows: Iterable[tuple[StreamId, int, str, float]]) -> dict[StreamId, list[tuple[int, str, float]]]:
    found: dict[StreamId, list[tuple[int, str, float]]] = {}
    for name, time, field, value in rows:
        found.setdefault(name, []).append((time, field, value))
    return found


def held_points(central: CentralAccess, words: Mapping[StreamId, Metrics], now: int) -> list[Held]:
    """Return what central goes on lacking, the most points first, by the collector's last words."""
    held = [
        Held(
            stream=f"{tags.get('source', '')}/{tags.get('stream', '')}",
            measurement=tags.get("measurement", ""),
            field=tags.get("held_field", ""),
            type=fields.get("type", ""),
            points=int(fields.get("points", "0")),
            reason=fields.get("reason", ""),
            remedy=held_remedy(fields.get("reason", "")),
        )
        for tags, fields in _told_last(central, names.HELD, words, now)
    ]
    return sorted(held, key=lambda each: (-each.points, each.stream, each.measurement, each.field))


def dropped_points(central: CentralAccess, words: Mapping[StreamId, Metrics], now: int) -> list[Dropped]:
    """Return what could not pass since the plugin's start, the most points first, each with what to do about it."""
    remedies = {reason.value: REMEDY[reason] for reason in DropReason}
    dropped = [
        Dropped(
            stream=f"{tags.get('source', '')}/{tags.get('stream', '')}",
            reason=tags.get("reason", ""),
            points=int(fields.get("points_total", "0")),
            example=fields.get("example", ""),
            remedy=remedies.get(tags.get("reason", ""), ""),
        )
        for tags, fields in _told_last(central, names.DROPPED, words, now)
    ]
    return sorted(dropped, key=lambda each: (-each.points, each.stream, each.reason))


def _told_last(
    central: CentralAccess, measurement: str, words: Mapping[StreamId, Metrics], now: int
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Return the points of `measurement`, by tags and fields, that are of the last of `words` of their stream.

    What is told in each cycle while it is so is over when the last word is without it.
    """
    points: dict[tuple[tuple[str, str], ...], tuple[int, dict[str, str]]] = {}
    for tags, time, name, value in central.newest_points(measurement, (now - DAY, now + DAY)):
        metrics = words.get(StreamId(tags.get("source", ""), tags.get("stream", "")))
        if metrics is None or time < metrics.time:
            continue
        points.setdefault(tuple(sorted(tags.items())), (time, {}))[1][name] = value
    return [(dict(tags), fields) for tags, (_, fields) in points.items()]


def running_versions(central: CentralAccess, now: int) -> list[Version]:
    """Return the versions of what is ours: this program, the collector that runs, and the Telegraf around it."""
    versions = [Version("data-collector, which made this page", f"{version('data-collector')} on Python {_python()}")]
    health = central.newest_points(names.HEALTH, (now - DAY, now + DAY))
    agents = central.newest_points(_TELEGRAFS_OWN, (now - DAY, now + DAY))
    newest: dict[tuple[str, str], tuple[int, str]] = {}  # by shard and role: each is a collector of its own
    for tags, time, name, value in health:
        if name == "version":
            which = tags.get("shard", ""), tags.get("role", "")
            newest[which] = max(newest.get(which, (0, "")), (time, value))
    for (shard, role), (_, value) in sorted(newest.items()):
        does = "stands by" if role else "runs"
        versions.append(Version(f"data-collector, which {does}{shard and f' as shard {shard}'}", value))
    telegrafs = sorted({(time, tags["version"]) for tags, time, _, _ in agents if tags.get("version")})
    if telegrafs:
        versions.append(Version("Telegraf", telegrafs[-1][1]))
    return versions


def _python() -> str:
    return platform.python_version()
