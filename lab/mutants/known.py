"""Mutants that are tried besides the sample: some survived once, others take away a rule that mended a fault."""

from __future__ import annotations

KNOWN: tuple[str, ...] = (
    (
        "telegraf_plugin/stream/ledger.py: newest_believable: [mark.printed for mark in known.values() if mark.id "
        "not in accounted] -> ([])"
    ),
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.compared: all((part.settles <= self._job_at.safe for part "
        "in parts)) -> (True)"
    ),
    ("telegraf_plugin/stream/markbook.py: MarkBook.gone: [MarkId(time, self.incarnation) for time in times] -> ([])"),
)
"""Those that survived before there was a gate; tried at every run."""

_OUTCOMES, _PENDING, _PLAN = (f"telegraf_plugin/stream/{name}.py" for name in ("outcomes", "pending", "plan"))
_ACCOUNT, _FLOW, _CIRCLE = (f"telegraf_plugin/stream/{name}.py" for name in ("account", "flow", "circle"))
_FITS = "load.lines <= int(self.limit * share) and load.bytes <= int(self.max_bytes * share)"
_MARKS = "behind.lines >= self.limit // MARKS_A_LIMIT or behind.bytes >= self.max_bytes // MARKS_A_LIMIT"

MENDED: tuple[str, ...] = (
    # Points go round over two collectors without an end.
    f"{_CIRCLE}: gone_round: return way.count(bucket) > 1 -> return False",
    # Empty time is walked hour by hour.
    f"{_PLAN}: Plan._backlog: self._empty_copies >= EMPTY_COPIES -> (self._empty_copies < EMPTY_COPIES)",
    # What lacks room is read again and again.
    "telegraf_plugin/stream/failures.py: Failures.gave_up: self._full = True -> pass",
    # After a start what nobody has looked at is lacking; proofs of history wait for the renewal.
    f"{_PLAN}: Plan._is_here: each.landed or each.state is PendingState.INHERITED -> (each.landed)",
    "telegraf_plugin/stream/newest_mark.py: NewestMark.old_at: min(renew, longest) -> (max(renew, longest))",
    # In flight is bounded in lines alone.
    f"{_FLOW}: Flow._fits: {_FITS} -> (load.lines <= int(self.limit * share))",
    f"{_FLOW}: Flow.needs_mark: {_MARKS} -> (behind.lines >= self.limit // MARKS_A_LIMIT)",
    # A neighbour whose marks never come back takes all room.
    f"{_FLOW}: Flow._counting: flight.marked[0][0] < self._newest_back -> (flight.marked[0][0] >= self._newest_back)",
    # Proved up to stays where central keeps nothing any more; points of the future are not told.
    f"{_ACCOUNT}: Account.progress: max(course.origin, course.floor) -> (min(course.origin, course.floor))",
    f"{_OUTCOMES}: Outcomes.foreseen: self.future = points -> pass",
    # A tick is not done before the backlog is.
    "telegraf_plugin/stream/course.py: Course.waiting: self.due and (not self.blocked) -> (not self.blocked)",
    # A point now and then that cannot pass makes its span lacking for ever, or hides a late one.
    f"{_OUTCOMES}: Outcomes._unequal: self._uneven or part.uneven -> (self._uneven)",
    f"{_OUTCOMES}: Outcomes.counted: part.seen, part.uneven = (part.read, part.held_back) -> pass",
    f"{_OUTCOMES}: Outcomes._unequal: part.held_back and part.read == source -> (part.held_back)",
    f"{_PLAN}: Plan._land: each.held_back or not self._uneven -> (not self._uneven)",
    f"{_PENDING}: PendingSpan.held_back: self.read > self.points -> (self.read >= self.points)",
    # One bad line costs all that is sent with it.
    "telegraf_plugin/stream/ration.py: Ration.after: sent // 2 -> (sent * 2)",
    # What is remembered of a source's names has no bound.
    "telegraf_plugin/stream/overwrites.py: OverwriteWatch._remember: self.overfull = True -> pass",
)
"""Each takes a rule away that mended a fault; tried by `make mutants`, not by its short form."""
