"""What must hold in the world, whenever nobody is in the midst of an act, and when all has been calm for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.block import FieldKey
from telegraf_plugin.stream.flow import MARKS_A_LIMIT
from telegraf_plugin.stream.ledger import Mark
from telegraf_plugin.stream.spans import BEGINNING, Spans, span
from tests.model.clients import CHUNK, believed
from tests.model.collector import FLOW_LIMIT
from tests.model.outside import INTERVAL, SECOND, TYPES, MarkOf, Point, name_of

if TYPE_CHECKING:
    from tests.model.world import World

LOOKBACK = 60 * SECOND


def newest_mark(world: World, stream: str) -> Mark | None:
    """Return the stream's newest mark that is believed."""
    found = believed(world, stream)
    return found.mark if found is not None else None


def _knows(world: World, account: Account) -> bool:
    """Say whether a stream goes by what is in central: it has not lost a mark since the watch looked."""
    ids = {mark.id for mark in world.central.marks[_name(account)].values()}
    since = world.now - world.central.retention if world.central.retention else BEGINNING
    return account.state is State.RUNNING and not account.book.gone(ids, since)


def _name(account: Account) -> str:
    return name_of(account.stream.source, account.stream.name)


def may_print(world: World, line: Point) -> None:
    """Find a line that must not be printed: what the ledger calls proved, and its mark is believed."""
    assert world.collector is not None
    account = world.collector.account(line.stream)
    if not _knows(world, account):
        return
    mark = newest_mark(world, line.stream)
    claims = mark.proved if mark is not None else Spans()
    for buffered in world.telegraf.buffers["data"]:  # one of which may be the newest after a crash
        if isinstance(buffered, MarkOf) and (buffered.stream, buffered.mark.id.incarnation) == (line.stream, line.run):
            # One that has landed, and whose reply was lost, comes a second time: it is no newer by that.
            claims += buffered.mark.proved if mark is None or buffered.mark.id > mark.id else Spans()
    if world.unmarked[line.stream] > FLOW_LIMIT // MARKS_A_LIMIT + CHUNK:
        world.wrong(f"{world.unmarked[line.stream]} lines have no mark behind them")
    if claims.covers((line.key[1], line.key[1] + 1)) and _group(line.key[0]) not in account.course.holds.by_field:
        world.wrong(f"printed again while the ledger calls it proved: {line}")


def check(world: World) -> None:
    """Find what must not be at any time."""
    for name in world.names:
        mark = newest_mark(world, name)
        if mark is not None:
            _check_proved(world, f"the ledger ({mark.id.text()})", name, mark.proved, mark.held)
        if world.collector is not None:
            account = world.collector.account(name)
            if _knows(world, account):
                course = account.course
                _check_proved(world, world.collector.run, name, course.proved, course.holds.spans())
                _check_arrived(world, account)
    # One chunk may be printed when there is nothing, however big; these are smaller than the limit.
    if world.telegraf.lines() > FLOW_LIMIT:
        world.wrong(f"{world.telegraf.lines()} lines are in flight, {FLOW_LIMIT} may be")
    if world.collector is not None:
        ours = world.telegraf.lines(world.collector.run)
        if world.collector.gate.lines() < ours:
            world.wrong(f"{ours} lines are in flight, {world.collector.gate.lines()} are known to be")


def _check_proved(world: World, who: str, stream: str, proved: Spans, held: Mapping[FieldKey, Spans]) -> None:
    settled = world.now - LOOKBACK
    proved = proved.clip(stop=settled - settled % world.stream(stream).unit)
    kept = world.central.retention
    proved = proved.clip(start=world.now - kept + 1) if kept else proved
    central = world.central.points[stream]
    for key, value in world.wanted(stream).items():
        instant = (key[1], key[1] + 1)
        if central.get(key) == value:
            world.excused.discard((stream, key))
        elif not proved.covers(instant) or (stream, key) in world.excused:
            continue
        elif not held.get(_group(key[0]), Spans()).covers(instant):
            world.wrong(f"{who} calls {stream} {key} proved: {value} at the source, {central.get(key)} in central")


def _check_arrived(world: World, account: Account) -> None:
    """Find what this run has printed, central never had, and is said to have arrived all the same.

    It may be said for two ticks more, until it is counted: what is read again may have got more points meanwhile.
    """
    course, name = account.course, _name(account)
    assert world.collector is not None
    ticked, number = world.collector.core.tasks[account.stream.id].ticked, world.collector.ticks
    lacking, held, base = course.lacking(ticked), course.holds.spans(), account.book.base
    since = max(course.origin, course.bounds.oldest)
    wanted = world.wanted(name)
    for each in [each for each in world.fresh if each[0] == name and each not in world.central.ever]:
        key, instant = each[1], (each[1][1], each[1][1] + 1)
        known = base is None or base.time <= world.fresh[each] or not since <= key[1] < ticked.source
        known = known or lacking.covers(instant) or held.get(_group(key[0]), Spans()).covers(instant)
        if known or key not in wanted:
            world.said.pop(each, None)
        elif number > world.said.setdefault(each, number) + 2:
            world.wrong(f"{key} of {name} is said to have arrived, and never did")


def check_quiet(world: World) -> None:
    """Find out that something old is printed again and again though all is well."""
    before = world.prints.copy()
    for _ in range(3):
        world.round()
    old = world.now - 3 * LOOKBACK
    again = [key for name, key in (world.prints - before) if key[1] < old]
    if again:
        world.wrong(f"printed again though all is well: {again}")


def unfinished(world: World) -> str:
    """Say what is not done yet, nothing when all is."""
    assert world.collector is not None
    for name, stream in zip(world.names, world.streams, strict=True):
        account = world.collector.account(name)
        course = account.course
        if account.state is not State.RUNNING:
            return f"{name} is {account.state}"
        if course.holds.by_field:
            return f"{name} holds {course.holds.by_field}"
        stop = world.now // SECOND * SECOND - INTERVAL
        whole = span(course.origin, stop - stop % stream.unit).clip(start=course.bounds.oldest)
        wanted = whole + (course.islands + course.requested).clip(start=course.bounds.oldest)
        for key, value in world.wanted(name).items():
            differs = world.central.points[name].get(key) != value and wanted.covers((key[1], key[1] + 1))
            known = world.sweep or (name, key) not in world.excused - world.foreign_among
            if differs and known:
                return f"{name} {key} is not {value}, proved {course.proved}"
        if stream.start.date is not None and course.origin > max(stream.start.date, course.bounds.lost):
            return f"{name} begins at {course.origin}"
        if course.origin_open and any(time < course.origin for _, time in world.wanted(name)):
            return f"{name} has not found its first point"
        unproved = wanted.clip(stop=world.now - 4 * LOOKBACK) - course.proved
        mark = newest_mark(world, name)
        if unproved or mark is None or wanted.clip(stop=world.now - 5 * LOOKBACK) - mark.proved:
            return f"{name} is not proved: {unproved}, {mark}"
        asked = world.central.requests.get(name)
        if asked is not None and mark.request != asked.id:
            return f"{name} has not done {asked}"
        if course.aside:
            return f"{name} leaves {course.aside} aside"
    return ""


def _group(measurement: str) -> FieldKey:
    return FieldKey(measurement.encode(), b"v", TYPES[measurement])
