"""The lease: which of several collectors for the same streams prints, and when another one takes over. Pure.

Each says by a claim what it is, again and again, by the way that its lines take; and each reads in central what the
others have said. Rules kept here:

- a claim is made when nobody holds the lease, its holder has given it up, or has not been heard of for as long as its
  claim lasts, and its term is one more than any before: what comes late is of an earlier term, and changes nothing;
- whoever made it prints when it has read it in central, where no claim of a higher rank stands beside it;
- the holder prints until its last claim that it has read there has run out, by the steady clock, counted from when it
  was printed. Others count from when they read it, which is later. So it has stopped before another one begins, also
  when central is away, or when it was stopped itself;
- no machine's clock is compared with another's: that a claim has changed is all that the time of it says;
- who could not look does not call another silent: where two looks that were answered are further apart than half of
  what a claim lasts, the wait begins anew;
- who reads a claim of a higher rank than its own stops at once, and begins anew, as another run that stands by;
- who ends gives the lease up: nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.units import SECOND

INTERVALS = 2
"""For how many intervals a claim lasts: with the looks, and the way of a claim, it is taken over within three."""
SHORTEST = 4 * SECOND
"""For how long (ns) in any case: Telegraf's outputs write once a second, and central may be slow for as long."""
SAID = 4
"""How often a claim is made in the time that it lasts: one or two may be late."""
LOOKS = 8
"""How often the others' claims are read in that time."""
TAKING_LOOK = SECOND // 4
"""How often (ns) they are while one takes the lease: until it can be read that one has it."""


@dataclass(frozen=True, slots=True)
class ReadClaims:
    """Read what all runs last said of `lease`; the result is a ClaimsRead."""

    lease: str


@dataclass(frozen=True, slots=True)
class ClaimsRead:
    """What was read: by run its newest claim, of those that have ever claimed something."""

    result: Mapping[str, Claim] | CentralError


@dataclass(frozen=True, slots=True)
class PrintClaim:
    """Print a claim, now; `time` (Unix ns) is its point's, later than that of the one before."""

    claim: Claim
    time: int


LeaseAction = ReadClaims | PrintClaim


class Lease:
    """One run's part in the lease `name`. All times are ns of the steady clock unless they are called Unix.

    `lost`: another run has it now, and this one has to begin anew.
    """

    def __init__(self, name: str, run: str, interval: int, machine: str, version: str, notes: Notes) -> None:
        """`interval` (ns): how often ticks come."""
        self.name, self.role, self.lost = name, Role.STANDBY, False
        self.lasts = max(INTERVALS * interval, SHORTEST)
        self.holder: Claim | None = None  # who has it, as far as this run has read
        self._run, self._machine, self._version, self._notes = run, machine, version, notes
        self._term = self._beat = self._time = self._since = 0
        self._until = 0  # until when it may print
        self._printed: dict[int, int] = {}  # when each beat was, of those that were not read yet
        self._say_at = self._look_at = 0
        self._asked_at: int | None = None  # when it was, while there is no answer
        self._answered_at: int | None = None
        self._began: int | None = None
        self._trouble = ""  # why the last look failed
        self._heard_at = 0  # when another word of the holder was read, or looking began
        self._taken_at = 0
        self._doubted = False

    # How it stands

    def may_print(self, steady: int) -> bool:
        """Say whether lines of data may be printed at `steady`."""
        return steady < self.until

    @property
    def until(self) -> int:
        """Until when lines of data may be printed: in the past, or 0, where they may not."""
        return self._until if self.role is Role.ACTIVE and not self.lost else 0

    @property
    def standby(self) -> bool:
        """Whether nothing is to be read: another run has the lease, or it is not sure yet that this one has it."""
        return self.role is not Role.ACTIVE

    def trouble(self, steady: int) -> str:
        """Say why it is no good standby; empty where it is one."""
        since = self._answered_at if self._answered_at is not None else self._began
        if self._trouble and since is not None and steady - since > self.lasts:
            return f"the lease cannot be read in central: {self._trouble}"
        if self.role is Role.TAKING and steady - self._taken_at > self.lasts:
            return "nobody else holds the lease, and the claim to it has not arrived in central"
        return ""

    def wakes_at(self) -> int | None:
        """Return when there is something to do though nothing happens; None: never."""
        if self.lost:
            return None
        times = [self._say_at]
        if self._asked_at is None:
            times.append(self._look_at)
        if self.role is Role.ACTIVE and not self._doubted:
            times.append(self._until)
        return min(times)

    # What it does

    def next(self, now: Clocks) -> list[LeaseAction]:
        """Return what is to be done now."""
        if self.lost:
            return []
        self._began = now.steady if self._began is None else self._began
        actions: list[LeaseAction] = []
        self._look_for_doubt(now.steady)
        if now.steady >= self._say_at:
            actions.append(self._word(now))
        if self._asked_at is None and now.steady >= self._look_at:
            self._asked_at = now.steady
            actions.append(ReadClaims(self.name))
        return actions

    def end(self, now: Clocks) -> PrintClaim | None:
        """Give it up, as the run ends; returns what is to be printed, if there is something to be said."""
        self._until = 0
        if self.role is not Role.ACTIVE:
            self._term = 0
        self._become(Role.OVER, now)
        return self._word(now)

    def _word(self, now: Clocks) -> PrintClaim:
        self._beat += 1
        self._time = max(now.clock, self._time + 1)
        self._say_at = now.steady + self.lasts // SAID
        self._printed[self._beat] = now.steady
        self._printed = dict(list(self._printed.items())[-SAID * LOOKS :])
        words = self._machine, self._version
        claim = Claim(self._run, self.role, self._term, self._beat, self.lasts, self._since or now.clock, *words)
        self._since = claim.since
        return PrintClaim(claim, self._time)

    def _become(self, role: Role, now: Clocks) -> None:
        self.role, self._since, self._say_at = role, now.clock, now.steady

    # What it reads

    def done(self, read: ClaimsRead, now: Clocks) -> None:
        """Record what all runs have said, or that it could not be read."""
        asked_at, self._asked_at = self._asked_at if self._asked_at is not None else now.steady, None
        if isinstance(read.result, CentralError):
            self._look_at = now.steady + self.lasts // LOOKS
            if not self._trouble:
                text = "the lease cannot be read in central: %s; %s; nothing is taken over meanwhile"
                self._notes.warning(text, read.result.summary, read.result.hint)
            self._trouble = read.result.summary
            return
        if self._trouble:
            self._notes.info("the lease can be read in central again")
        self._trouble = ""
        own = read.result.get(self._run)
        claims = [claim for run, claim in read.result.items() if run != self._run and claim.term]
        first = max(claims, key=lambda claim: claim.rank, default=None)
        if self.role is Role.STANDBY:
            self._watch(first, asked_at, now)
        else:
            self._hold(own, first, now)
        self._answered_at = now.steady
        seen = own is not None and own.role is Role.ACTIVE
        fast = self.role is not Role.STANDBY and not seen and now.steady - self._taken_at < self.lasts
        self._look_at = now.steady + (TAKING_LOOK if fast else self.lasts // LOOKS)

    def _watch(self, first: Claim | None, asked_at: int, now: Clocks) -> None:
        """Take the lease when nobody has it, or its holder has not been heard of for long enough."""
        if first is None or first.role is Role.OVER:
            why = "nobody holds it" if first is None else f"{first.who} has given it up"
            self._notes.info("taking the lease: %s", why)
            self._take(first, now)
            return
        blind = self._answered_at is None or now.steady - self._answered_at > first.lasts // 2
        before, self.holder = self.holder, first
        if before is None or before.run != first.run:
            self._notes.info("standing by: %s holds the lease; nothing is read here", first.who)
        if blind or before is None or (before.run, before.beat) != (first.run, first.beat):
            self._heard_at = now.steady
        elif asked_at - self._heard_at >= first.lasts:
            text = "taking the lease over: %s has not been heard of for %d s"
            self._notes.warning(text, first.who, (now.steady - self._heard_at) // SECOND)
            self._take(first, now)

    def _take(self, first: Claim | None, now: Clocks) -> None:
        self._term = max(self._term, first.term if first is not None else 0) + 1
        self._taken_at = now.steady
        self._printed.clear()
        self._become(Role.TAKING, now)

    def _hold(self, own: Claim | None, first: Claim | None, now: Clocks) -> None:
        """Stop for a claim of a higher rank; else go on for as long as the newest claim that is in central lasts."""
        mine = Claim(self._run, self.role, self._term, self._beat, self.lasts)
        if first is not None and first.rank > mine.rank:
            self._give_way(first)
            return
        printed_at = self._printed.get(own.beat) if own is not None and own.term == self._term else None
        if own is None or printed_at is None:
            return
        self._printed = {beat: at for beat, at in self._printed.items() if beat >= own.beat}
        self._until = max(self._until, printed_at + self.lasts)
        if self.role is Role.TAKING and now.steady < self._until:
            self._become(Role.ACTIVE, now)
            self.holder = mine
            self._notes.warning("holding the lease: this collector reads and sends from now on")
        elif self._doubted and self.may_print(now.steady):
            self._doubted = False
            self._notes.warning("the lease is seen in central again: reading goes on")

    def _give_way(self, first: Claim) -> None:
        self.lost = True
        if self.role is Role.TAKING:
            self._notes.info("%s was first to take the lease", first.who)
        else:
            self._notes.warning("%s has taken the lease over: this collector stands by from now on", first.who)

    def _look_for_doubt(self, steady: int) -> None:
        if self.role is Role.ACTIVE and not self._doubted and not self.may_print(steady):
            self._doubted = True
            text = "the lease was not seen in central for %d s: nothing is read until it is, as another may have it"
            self._notes.warning(text, self.lasts // SECOND)
