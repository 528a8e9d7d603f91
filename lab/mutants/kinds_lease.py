"""Kinds of mutation of the lease: who prints, from when, until when, and by whose clock; one slip a rule, as `kinds`.

What no rule of `sites` can slip into, as the wrong one of two clocks, stands in BY_HAND.
"""

from __future__ import annotations

_LEASE, _COLLECTOR = (f"telegraf_plugin/stream/{name}.py" for name in ("lease", "collector"))
_WINDOW = "telegraf_plugin/telegraf/inflight.py"
_GONE = "asked_at - self._heard_at >= first.lasts"
_NEWS = "(before.run, before.beat) != (first.run, first.beat)"
_HELD = "self.role is Role.ACTIVE and (not self.lost)"
_FIRST = "max(claims, key=lambda claim: claim.rank, default=None)"
_FREE = "first is None or first.role is Role.OVER"

LEASE: dict[str, str] = {
    f"{_LEASE}: Lease._watch: self._heard_at = now.steady -> pass": "whoever is heard of is not taken over",
    f"{_LEASE}: Lease._watch: blind or before is None or {_NEWS} -> (before is None or {_NEWS})": (
        "who could not look does not call another silent"
    ),
    f"{_LEASE}: Lease._watch: {_FREE} -> (first is None)": "what was given up is taken at the next look",
    f"{_LEASE}: Lease._watch: self._take(first, now) -> pass #2": "who has fallen silent is taken over",
    f"{_LEASE}: Lease._take: self._term = max(self._term, first.term if first is not None else 0) + 1 -> pass": (
        "who takes the lease claims the next term"
    ),
    f"{_LEASE}: Lease.until: {_HELD} -> (self.role is Role.ACTIVE)": "who has lost the lease prints no more",
    f"{_LEASE}: Lease.standby: return self.role is not Role.ACTIVE -> return False": "who watches asks no source",
    f"{_LEASE}: Lease._hold: self.role is Role.TAKING and now.steady < self._until -> (self.role is Role.TAKING)": (
        "a claim that was read too late holds nothing"
    ),
    f"{_LEASE}: Lease._hold: self._give_way(first) -> pass": "who reads a higher claim stops",
    f"{_LEASE}: Lease.done: {_FIRST} -> ({_FIRST.replace('max', 'min')})": "of several claims the highest one counts",
    f"{_LEASE}: Lease.end: self._become(Role.OVER, now) -> pass": "who ends gives the lease up",
    f"{_COLLECTOR}: Collector._look_after_lease: window.permit(lease.until) -> pass": (
        "lines look at the time themselves"
    ),
    f"{_COLLECTOR}: Collector.end: window.permit(self.lease.until) -> pass": "no line passes after the end",
    f"{_COLLECTOR}: Collector._may_read: return self.lease is None or self.lease.may_print(self._now.steady) -> return "
    "True": "nothing is read while the lease is not seen",
    f"{_WINDOW}: InFlightWindow._counted: raise NoRoom('another collector may have taken over') -> pass": (
        "a read that goes on too long ends"
    ),
}
"""What each slip takes away, by the mutant's key."""

BY_HAND: dict[str, str] = {
    f"{_LEASE}: Lease.may_print: steady < self.until -> (steady < self.until or self.role is Role.TAKING)": (
        "nothing is printed before the claim is read in central"
    ),
    f"{_LEASE}: Lease._watch: {_GONE} -> (now.clock - first.since >= first.lasts)": (
        "no time that another machine has written is compared"
    ),
    f"{_LEASE}: Lease._watch: {_GONE} -> (now.steady - self._heard_at >= first.lasts)": (
        "silent is who had said nothing when the question was asked, however long the answer takes"
    ),
    f"{_LEASE}: Lease._watch: {_GONE} -> (asked_at - self._heard_at >= first.lasts // 2)": (
        "nobody takes over before a claim has run out"
    ),
    f"{_LEASE}: Lease._watch: {_GONE} -> (asked_at - self._heard_at >= self.lasts)": (
        "how long a claim lasts its holder says, not who watches"
    ),
    f"{_LEASE}: Lease._watch: {_NEWS} -> (before.run != first.run)": "another word of the holder is a sign of life",
    f"{_LEASE}: Lease._word: self._printed[self._beat] = now.steady -> self._printed[self._beat] = now.clock": (
        "a holder counts by the clock that never jumps"
    ),
    f"{_LEASE}: Lease._word: self._time = max(now.clock, self._time + 1) -> self._time = now.clock": (
        "claims are in order whatever the clock does"
    ),
    f"{_LEASE}: Lease._hold: printed_at + self.lasts -> (now.steady + self.lasts)": (
        "a holder counts from when it printed its claim, not from when it read it"
    ),
    f"{_LEASE}: Lease._word: Claim(self._run, self.role, self._term, self._beat, self.lasts, self._since or now.clock, "
    "*words) -> (Claim(self._run, Role.ACTIVE, self._term + 1, self._beat, self.lasts, self._since or now.clock, "
    "*words))": "who watches claims nothing",
}
"""The same, of slips that are made by hand."""
