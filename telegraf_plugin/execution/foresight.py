"""What commands are about to ask, so that one request asks it for several of them (`influxdb.bundle`).

A guess, made of the same parts as the questions: where it is wrong a command asks alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from telegraf_plugin.influxdb.bundle import Bundle, Foresee
from telegraf_plugin.influxdb.central import CentralReader
from telegraf_plugin.influxdb.flux_counts import ForeseenCount
from telegraf_plugin.influxdb.flux_points import ForeseenPoints
from telegraf_plugin.influxdb.flux_replies import ForeseenReply
from telegraf_plugin.influxdb.source import SourceReader, ahead_of
from telegraf_plugin.influxdb.statements import Foreseen
from telegraf_plugin.stream import jobs
from telegraf_plugin.stream.commands import Command
from telegraf_plugin.stream.spans import Span


def source_bundle(source: SourceReader, commands: Sequence[Command]) -> Bundle:
    """Return one request for what `commands` are about to ask of their source."""
    asked = [command for command in commands if foreseeable(command) and asks_source(command)]
    return Bundle(source.client, [partial(_asked, source, command) for command in asked])


def central_bundles(central: CentralReader, commands: Iterable[Command]) -> dict[str, Bundle]:
    """Return, by bucket, one request for what `commands` are about to ask of central."""
    foreseen: dict[str, list[Foresee]] = {}
    for command in commands:
        of_source = isinstance(command.job, jobs.Copy | jobs.Foresee)
        if foreseeable(command) and not of_source:
            foreseen.setdefault(command.stream.central_bucket, []).append(partial(_asked, central, command))
    return {bucket: central.bundle(bucket, each) for bucket, each in foreseen.items()}


def foreseeable(command: Command) -> bool:
    """Say whether it is known what `command` asks, and its answers are small enough to be kept until it does."""
    match command.job:
        case jobs.Check() | jobs.Land():
            return command.light or not command.stream.computed
        case jobs.Copy() | jobs.Prove() | jobs.Recheck() | jobs.Foresee():
            return command.light
    return False


def asks_source(command: Command) -> bool:
    """Say whether `command` has a question for its source that can be foreseen: it fails where that is silent."""
    match command.job:
        case jobs.Prove(source=source):
            return source is None
        case jobs.Check() | jobs.Copy() | jobs.Recheck() | jobs.Foresee():
            return True
    return False


def _asked(
    reader: SourceReader | CentralReader, command: Command
) -> Iterator[Foreseen | ForeseenCount | ForeseenPoints | ForeseenReply]:
    """Yield what `command` is about to ask `reader`: both sides are asked alike."""
    stream = command.stream
    match command.job:
        case jobs.Check() as job:
            yield from (reader.foreseen_points if stream.computed else reader.foreseen_counts)(stream, _wholes(job))
        case jobs.Land(whole):
            yield from reader.foreseen_counts(stream, command.pieces(whole))
        case jobs.Foresee((start, _)):
            yield from reader.foreseen_counts(stream, [ahead_of(start)])
        case jobs.Recheck(whole, by_hash=False) if not stream.computed:
            yield from reader.foreseen_counts(stream, [whole])
        case jobs.Copy(whole) | jobs.Prove(whole, empty=False) | jobs.Recheck(whole, by_hash=True):
            yield from reader.foreseen_points(stream, command.pieces(whole))


def _wholes(job: jobs.Check) -> list[Span]:
    return [(spans[0][0], spans[-1][1]) for spans in job.pieces]
