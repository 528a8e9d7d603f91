"""Machines that have a lease in common, and a central, in steps of half a second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from telegraf_plugin.errors import CentralError
from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.lease import ClaimsRead, Lease, PrintClaim
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.units import SECOND

INTERVAL = 10 * SECOND
LASTS = 2 * INTERVAL
STEP = SECOND // 2
SLOWEST = 6
AWAY = CentralError("silent", "wait")


@dataclass
class Member:
    """One machine: its lease, what is on its way to central, and until when it is asleep. `ahead`: its clock (ns)."""

    name: str
    ahead: int = 0
    lease: Lease | None = None
    runs: int = 0
    asleep: int = 0
    outbox: deque[tuple[int, Claim]] = field(default_factory=deque)

    def boot(self) -> None:
        self.runs += 1
        self.lease = Lease("lease", f"{self.name}{self.runs}", INTERVAL, self.name, "1", Notes())


class Site:
    """Machines and a central, in steps of half a second. `late`: how many steps a claim takes to it."""

    def __init__(self, *names: str) -> None:
        self.now = 1000 * SECOND
        self.away = 0
        self.late = 1
        self.claims: dict[str, Claim] = {}
        self.machines = [Member(name) for name in names]
        self.together = self.longest_together = 0
        for machine in self.machines:
            machine.boot()

    def printing(self) -> list[str]:
        """Who may print now; one that is asleep prints nothing, whatever it may."""
        awake = [each for each in self.machines if each.lease is not None and self.now >= each.asleep]
        return [each.name for each in awake if each.lease is not None and each.lease.may_print(self.now)]

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * SECOND) // STEP):
            self.now += STEP
            for machine in self.machines:
                self.land(machine)
                if self.now >= machine.asleep:
                    self.act(machine)
            self.together = self.together + STEP if len(self.printing()) > 1 else 0
            self.longest_together = max(self.longest_together, self.together)

    def land(self, machine: Member) -> None:
        while machine.outbox and machine.outbox[0][0] <= self.now and self.now >= self.away:
            claim = machine.outbox.popleft()[1]
            if claim.role is not Role.STANDBY:  # which nobody reads
                self.claims[claim.run] = claim

    def act(self, machine: Member) -> None:
        lease = machine.lease
        if lease is None:
            return
        clocks = Clocks(self.now + machine.ahead, self.now)
        for action in lease.next(clocks):
            if isinstance(action, PrintClaim):
                machine.outbox.append((self.now + self.late * STEP, action.claim))
            else:
                lease.done(ClaimsRead(AWAY if self.now < self.away else dict(self.claims)), clocks)
        if lease.lost:
            self.end(machine)
            machine.boot()

    def end(self, machine: Member) -> None:
        assert machine.lease is not None
        said = machine.lease.end(Clocks(self.now + machine.ahead, self.now))
        assert said is not None
        machine.outbox.append((self.now + self.late * STEP, said.claim))
        machine.lease = None
