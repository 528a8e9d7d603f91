"""Who has what, where collectors stand by for each other: by what each of them last said in central."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from telegraf_plugin.commands.dates import duration, moment
from telegraf_plugin.commands.last_word import SHORTEST_SILENCE
from telegraf_plugin.commands.session import CentralAccess
from telegraf_plugin.stream import names
from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.units import DAY, SECOND

HEADINGS = ("Shard", "Role", "Run", "Machine", "Since", "Last word")
_SAID = {Role.STANDBY: "standby", Role.TAKING: "taking over", Role.ACTIVE: "active", Role.OVER: "ended"}


@dataclass(frozen=True, slots=True)
class Member:
    """One of the collectors that have a lease in common: what it is since `since`, told at `told_at` (both Unix ns).

    `silent`: it has said nothing for longer than its word lasts; another one takes over then, if there is one.
    """

    lease: str
    shard: str
    claim: Claim
    since: int
    told_at: int
    silent: bool

    def as_json(self) -> dict[str, object]:
        """Return it for scripts."""
        return {
            "lease": self.lease,
            "shard": self.shard or None,
            "role": self.claim.role.value,
            "silent": self.silent,
            "run": self.claim.run,
            "machine": self.claim.machine,
            "term": self.claim.term,
            "since": self.since,
            "told_at": self.told_at,
        }

    def cells(self, now: int) -> tuple[str, ...]:
        """Return it for people at `now` (Unix ns), as headed by HEADINGS."""
        ago = f"{duration(max(now - self.told_at, 0) / SECOND)} ago"
        what, machine = role(self.claim.role, self.silent), self.claim.machine or "-"
        return (self.shard or "-", what, self.claim.run, machine, moment(self.since), ago)


def role(of: Role, silent: bool) -> str:
    """Say what a collector is, for people."""
    return f"{_SAID[of]}{', silent' if silent else ''}"


def members(central: CentralAccess, now: int) -> list[Member]:
    """Return who has each lease at `now` (Unix ns), and who stands by; nobody where no collector stands by.

    Raises CentralError.
    """
    return members_of(central.newest_points(names.LEASE, (now - DAY, now + DAY)), now)


def members_of(points: Iterable[tuple[dict[str, str], int, str, str]], now: int) -> list[Member]:
    """Return them by the newest point of each series: its tags, when (Unix ns), and each field with its text."""
    words: dict[tuple[str, str, str, str, int], dict[str, str]] = {}
    for tags, time, name, value in points:
        key = tags.get("lease", ""), tags.get("shard", ""), tags.get("run", ""), tags.get("role", ""), time
        words.setdefault(key, {})[name] = value
    newest: dict[tuple[str, str], Member] = {}
    for (lease, shard, run, said, time), fields in words.items():
        try:
            claim = Claim.parse(run, said, fields.get("claim", ""))
            since = int(fields.get("since", time))
        except ValueError:
            continue  # damaged, or half written: the next one is whole
        silent = now - time > max(claim.lasts, SHORTEST_SILENCE)
        before = newest.get((lease, run))
        if before is None or before.claim.beat < claim.beat:
            newest[lease, run] = Member(lease, shard, claim, since, time, silent)
    found: list[Member] = []
    for lease in dict.fromkeys(each.lease for each in newest.values()):
        found += _of_lease([each for each in newest.values() if each.lease == lease])
    return sorted(found, key=lambda each: (_numbers(each.shard), each.claim.role is Role.STANDBY, each.claim.run))


def _of_lease(runs: Sequence[Member]) -> list[Member]:
    """Return who has one lease, or had it last, and who is there besides."""
    first = max((each for each in runs if each.claim.term), key=lambda each: each.claim.rank, default=None)
    there = [each for each in runs if not each.silent and each.claim.role is not Role.OVER]
    if first is not None and first.claim.role is Role.OVER and there:
        first = None  # somebody is about to take it
    return [each for each in runs if each is first or (each in there and _is_valid(each, first))]


def _is_valid(each: Member, first: Member | None) -> bool:
    """Say whether what a run last said still is so: a claim is over when there is one of a higher rank."""
    return each.claim.role is Role.STANDBY or first is None or each.claim.rank >= first.claim.rank


def _numbers(shard: str) -> tuple[int, ...]:
    return tuple(int(part) for part in shard.split("/") if part.isdigit())
