"""Kinds of mutation of the core, one a rule: what copies, compares, proves, and keeps the ledger, and one slip in each.

`make mutants-model` says which of them the model finds out by itself. The list was
written from the rules (docs/architecture.md, the tops of the modules of `stream/`), before it was tried.
"""

from __future__ import annotations

KINDS: dict[str, str] = {
    (
        "telegraf_plugin/stream/ledger.py: newest_believable: [mark.printed for mark in known.values() if mark.id "
        "not in accounted] -> ([])"
    ): "what marks beside the believed chain have printed is compared again",
    (
        "telegraf_plugin/stream/markbook.py: MarkBook.gone: [MarkId(time, self.incarnation) for time in times] -> ([])"
    ): "a mark that was there before the newest, and is gone, tells of a restore",
    "telegraf_plugin/stream/markbook.py: MarkBook.claimed: claims += proved -> pass": (
        "what a mark on its way calls proved is not printed"
    ),
    (
        "telegraf_plugin/stream/ledger.py: Template.make: max(clock, self.after + 1) -> (min(clock, self.after + 1))"
    ): "marks are in order whatever the clock does",
    (
        "telegraf_plugin/stream/markbook.py: MarkBook.is_back: self.base is not None and self.started and (mark "
        "<= self.base) -> (self.base is not None and self.started)"
    ): "lines have left when the mark behind them is back",
    (
        "telegraf_plugin/stream/account.py: Account.adopt: course.invalidate(proved.clip(start=at.safe - RECENT), at) "
        "-> pass"
    ): "what a mark of a clock that ran ahead proves is compared again",
    "telegraf_plugin/stream/account.py: Account.adopt: course.holds.restore(mark.held) -> pass": (
        "what is held stays held after a start"
    ),
    "telegraf_plugin/stream/account.py: Account.adopt: course.islands += mark.islands -> pass": (
        "what was asked for before the origin stays the stream's"
    ),
    (
        "telegraf_plugin/stream/course.py: Course.adopt: self.pending.put(PendingSpan(start, stop, None, "
        "max(stop, at.safe) + self.stream.lookback, state)) -> pass"
    ): "what was printed is counted first after a start",
    "telegraf_plugin/stream/account.py: Account.settle_request: course.origin = start -> pass": (
        "a backfill that adjoins the origin moves it"
    ),
    (
        "telegraf_plugin/stream/account.py: Account.ask: self._asked, self.course.requested = (None, Spans()) -> pass"
    ): "a request that is cancelled ends",
    "telegraf_plugin/stream/account.py: Account.stranger: self.course.invalidate(mark.printed, at) -> pass": (
        "what a stranger printed is compared again"
    ),
    "telegraf_plugin/stream/account.py: Account.mark_due: return True -> return False": (
        "a mark that calls too much proved is replaced"
    ),
    "telegraf_plugin/stream/account.py: Account.begin: self.course.invalidate(believed.doubts, at) -> pass": (
        "what the ledger doubts is compared again"
    ),
    (
        "telegraf_plugin/stream/course.py: Course._take_back: self.proved = "
        "self.proved.clip(stop=self._settled(at)) -> pass"
    ): "nothing is proved within the lookback",
    "telegraf_plugin/stream/course.py: Course._take_back: self.invalidate(early & self.proved, at) -> pass": (
        "what was proved while clocks ran ahead is compared again"
    ),
    (
        "telegraf_plugin/stream/course.py: Course._take_back: self.origin = origin - origin % self.every -> pass"
    ): "an origin of a clock that ran ahead is taken back",
    (
        "telegraf_plugin/stream/course.py: Course._broken_off: part.mark = max(self.book.on_their_way, "
        "default=part.mark) -> pass"
    ): "what a broken comparison printed leaves before the next",
    (
        "telegraf_plugin/stream/course.py: Course._have_left: part.settles, part.repeated = (max(part.settles, "
        "at.safe + self.stream.lookback), False) -> pass"
    ): "what was printed twice settles after it has left",
    (
        "telegraf_plugin/stream/course.py: Course.tick: self.pending.cut_away(span(max(frontier - overlap, "
        "live), END)) -> pass"
    ): "a live read goes over the last one's end",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.copied: self._job_at.safe >= settles -> (self._job_at.safe "
        "< settles)"
    ): "a digest counts if it was read settled",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.copied: early or job.live or job.again -> (job.live or job.again)"
    ): "what was printed soon after a start settles later",
    (
        "telegraf_plugin/stream/plan.py: Plan._is_here: (each.landed or each.state is PendingState.INHERITED) "
        "and self.book.is_back(each.mark) -> (self.book.is_back(each.mark))"
    ): "arrived is an equal count",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.checked: self._unequal(parts[0], outcome.source) -> pass"
    ): "late points are sent",
    "telegraf_plugin/stream/outcomes.py: Outcomes._unequal: self.pending.happen(part, event) -> pass": (
        "what sending again does not help is compared"
    ),
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes._overtaken: return self._doubts.touches(whole) -> return False"
    ): "an outcome that was overtaken says nothing",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.proved_by: (field_key for part in "
        "self.pending.within(job.span) for field_key in part.missed) -> (())"
    ): "what is missing twice is held",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.compared: all((part.settles <= self._job_at.safe for part "
        "in parts)) -> (True)"
    ): "what is compared is proved when it has settled",
    "telegraf_plugin/stream/outcomes.py: Outcomes.compared: live -> (not live)": "what is live is not held",
    "telegraf_plugin/stream/outcomes.py: Outcomes.swept: self.invalidate(span(*job.span), at) -> pass": (
        "what the sweep finds is mended"
    ),
    # Not the model's matter: it costs some questions more of a central that cannot count, and says nothing wrong.
    "telegraf_plugin/stream/failures.py: Failures.failed: self._forget_points(job.span) -> pass": (
        "a count that fails is not asked for at once again"
    ),
    (
        "telegraf_plugin/stream/failures.py: Failures._put_off: return (lasting or begun) and "
        "quarantine.failed(whole, reason, at.steady, lasting, smaller) -> return False"
    ): "a span that fails is put off",
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.sought: self.origin = min(self.origin, found - found % "
        "self.every) -> pass"
    ): "earliest begins at the first point",
    "telegraf_plugin/stream/outcomes.py: Outcomes.sought: found + 1 -> (found - 1)": (
        "empty time ends behind the point that was found"
    ),
    (
        "telegraf_plugin/stream/plan.py: Plan._backlog: parts[0][0] < self.bounds.expires -> (parts[0][0] >= "
        "self.bounds.expires)"
    ): "what the source is about to lose goes first, else the newest",
    (
        "telegraf_plugin/stream/plan.py: Plan._land: waits and self.book.is_back(each.mark) and (not "
        "self._soon_proved(each, at)) -> (waits and (not self._soon_proved(each, at)))"
    ): "what is counted has left",
    "telegraf_plugin/stream/quarantine.py: Quarantine.failed: tries += small and lasting -> pass": (
        "what fails at its smallest is set aside"
    ),
    "telegraf_plugin/stream/holds.py: Holds.tried: held.spans -= Spans.of([whole]) -> pass": "a hold ends",
    (
        "telegraf_plugin/stream/holds.py: Holds.within: held.spans.touches(whole) -> (not held.spans.touches(whole))"
    ): "a hold is of a time",
    (
        "telegraf_plugin/stream/clocks.py: Instant.safe: min(self.source, self.clock) -> (max(self.source, self.clock))"
    ): "the earlier clock proves",
    "telegraf_plugin/stream/clocks.py: present: min(source, clock) -> (max(source, clock))": (
        "a source far ahead is not believed"
    ),
    (
        "telegraf_plugin/stream/flow.py: Flow.needs_mark: behind.lines >= self.limit // MARKS_A_LIMIT or "
        "behind.bytes >= self.max_bytes // MARKS_A_LIMIT -> (behind.bytes >= self.max_bytes // MARKS_A_LIMIT)"
    ): "marks inside of a window",
    (
        "telegraf_plugin/stream/flow.py: _Flight.arrive: self.marked[0][0] <= mark -> (self.marked[0][0] > mark)"
    ): "room comes back with marks",
    "telegraf_plugin/stream/sweep.py: Sweep.next: self.passes += 1 -> pass": "every tenth pass is by hash",
    "telegraf_plugin/stream/sweep.py: Sweep.done: self._before = piece[0] -> pass": "the sweep goes on",
    (
        "telegraf_plugin/stream/pending.py: _joined: max(first.settles, later.settles) -> (min(first.settles, "
        "later.settles))"
    ): "a joined leg settles with its later part",
    (
        "telegraf_plugin/stream/pending.py: PendingSpan.joins: plain and (not (self.repeated or later.repeated)) "
        "and (self.stop == later.start) and (self.digest is None) and (later.digest is None) and (self.state is "
        "later.state or {self.state, later.state} == _PRINTED) -> (plain and (not (self.repeated or "
        "later.repeated)) and (self.stop == later.start) and (self.digest is None) and (later.digest is None))"
    ): "what has landed is not one with what has not",
    "telegraf_plugin/stream/ledger_watch.py: LedgerWatch._load: continue -> pass": (
        "a ledger that is not read yet is waited for"
    ),
    "telegraf_plugin/stream/bounds.py: beginning: max(begin, kept) -> (min(begin, kept))": (
        "a start date beyond retention begins at its edge"
    ),
    "telegraf_plugin/execution/runner.py: JobRunner.sweep: counted.equal -> (not counted.equal)": (
        "a piece of the sweep that counts alike is well"
    ),
}
"""What of the core each slip takes away, by the mutant's key."""
