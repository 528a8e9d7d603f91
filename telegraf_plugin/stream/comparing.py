"""What of one stream is compared with central next, and when: alone at any time, among many together. Pure.

What has landed is counted, what differs is compared point by point, what has settled is proved, what is held is tried
again; when there is nothing else, what is proved is gone over.
"""

from __future__ import annotations

from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.gathering import Proofs
from telegraf_plugin.stream.jobs import Check, Compare, Explain, Job, Land, Prove, Recheck, is_prompt
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.outcomes import Outcomes
from telegraf_plugin.stream.ration import NOTHING_SENT


class Comparing(Outcomes):
    """Decides what is compared, one job at a time."""

    def __init__(self, stream: StreamDefinition, book: MarkBook, sweep: float = 0.0) -> None:
        super().__init__(stream, book, sweep)
        self._tick = self._last_tick = Instant(0, 0, 0)
        self._check_due = False
        self._look_again = False  # something was passed over this once
        self._proofs = Proofs.ANY_TIME  # when what has just settled is proved, and what was proved is gone over
        self.waits_to_prove = False  # there is something of that to be done, and that is not yet
        self._has_proved = False  # since the tick

    def _ticks(self, at: Instant) -> None:
        """Note that there is a tick."""
        self._last_tick, self._tick = self._tick if self._tick.steady else at, at
        self._check_due = True
        self._has_proved = False
        if not self.proved:
            self.sweep.has_nothing(at.steady)

    def _proves(self, proofs: Proofs) -> None:
        """Note when what has just settled is proved."""
        self._look_again = False  # also where central is not asked: else one would be asked again and again until it is
        self._proofs = proofs
        self.sweep.since = self._last_tick.steady if proofs is not Proofs.ANY_TIME else None
        self.waits_to_prove = False

    def _late(self, central: bool) -> Check | None:
        """Return the tick's look for late points, once."""
        if not self._check_due or not central or self._count_failed:
            return None
        self._check_due = False
        return self._check(self._tick)

    def _prompt(self, at: Instant) -> Job | None:
        """Return what there is to be compared that `is_prompt`."""
        job = self._counting(at) or self._proving(at)
        return job if job is not None and is_prompt(job, self.stream) else None

    def _proving(self, at: Instant) -> Prove | None:
        """Return what is to be proved, of many streams that bring little what had settled by the tick, when it is time:
        then one request asks for all of them.
        """
        if self._proofs is Proofs.ANY_TIME:
            return self._prove(at, at.steady)
        job = self._prove(self._tick, at.steady)
        self.waits_to_prove = self._proofs is Proofs.NOT_YET and job is not None and is_prompt(job, self.stream)
        self._has_proved = self._has_proved or job is not None
        return job if not self.waits_to_prove else None

    @property
    def _due_by(self) -> int:
        """By when (ns of the steady clock) it was due what is to be done behind this tick, when nothing else is.

        Where something is proved behind it that is put off to the next one, once: each stream would be done with its
        proof in its own time.
        """
        return self._last_tick.steady - 1 if self._has_proved else self._tick.steady

    def _sweeping(self, at: Instant, longest: int) -> Recheck | None:
        """Return what is gone over again, of many streams that bring little likewise what was due by the tick."""
        if self._proofs is Proofs.ANY_TIME:
            return self._sweep(at, longest)
        may = self.sweep.may(self._due_by)
        if may and self._proofs is Proofs.NOW:
            return self._sweep(self._tick, longest)
        self.waits_to_prove = self.waits_to_prove or (may and bool(self.proved))
        return None

    def _counting(self, at: Instant) -> Land | None:
        """Return what is to be counted; where that has just failed it waits for what can be compared."""
        job = self._land(at) if not self._count_failed else None
        self._look_again, self._count_failed = self._count_failed, False
        return job

    def _in_central(self, at: Instant, live_room: bool, room: bool) -> Job | None:
        """Return what there is to be compared: whether it has landed, what differs, what has settled, what is held."""
        land = self._counting(at)
        if land is not None:
            return land
        compare = self._compare(at.steady) if live_room else None
        self._comparing = compare.span if compare is not None else None
        job = compare or self._proving(at)
        if job is not None:
            return job
        unexplained = self.holds.unexplained()
        if unexplained is not None:
            return Explain(unexplained[1], unexplained[0])
        return self._held(at) if room else None

    def _held(self, at: Instant) -> Compare | None:
        """Return what is to be tried again of what is held, no more at once than can be compared."""
        due = self.holds.due(at.steady, self.book.is_back)
        if due is None:
            return None
        field_key, whole, ration = due
        if ration is not NOTHING_SENT:  # what was sent is looked at where it was
            whole = self.unproved.fit(self._newest(whole, self.proof_pace.length))
        return Compare(whole, field_key, ration=ration)
