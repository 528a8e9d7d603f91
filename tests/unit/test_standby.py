"""Standing by, beside the rules of the lease: what is printed, read in central, let pass, and shown to people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telegraf_plugin.commands.leases import HEADINGS, members_of
from telegraf_plugin.config import standby
from telegraf_plugin.errors import CentralError, NoRoom
from telegraf_plugin.execution.executor import read_claims
from telegraf_plugin.influxdb.central_flux import claims_query
from telegraf_plugin.influxdb.ledger_rows import claims_of
from telegraf_plugin.report import sections
from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.collector import Collector
from telegraf_plugin.stream.commands import LookUp
from telegraf_plugin.stream.events import Begun, Lost, Tick, Wake
from telegraf_plugin.stream.flow import Load
from telegraf_plugin.stream.health import Health
from telegraf_plugin.stream.lease import ClaimsRead, Lease, LeaseAction, PrintClaim, ReadClaims
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.status import Effort
from telegraf_plugin.telegraf.inflight import InFlightWindow
from telegraf_plugin.telegraf.marks import claim_line
from telegraf_plugin.telegraf.metrics import standby_line
from tests.unit.core_bench import BEGIN, SECOND, stream
from tests.unit.report_bench import facts
from tests.unit.test_metrics import parsed

LASTS = 20 * SECOND
CLAIM = Claim("0a1b2c3d", Role.ACTIVE, 3, 7, LASTS, BEGIN - 60 * SECOND, "host-a", "0.2.0")
OTHER = Claim("ffff0000", Role.STANDBY, 0, 9, LASTS, BEGIN - 90 * SECOND, "host-b", "0.2.0")


# What is said and read


def test_what_a_run_says_of_itself_is_read_as_it_was_said() -> None:
    [line] = parsed(claim_line("lease", "2/8", CLAIM, BEGIN))
    assert line["tags"] == {"lease": "lease", "shard": "2/8", "run": CLAIM.run, "role": "active"}
    assert line["fields"]["since"] == CLAIM.since
    row = {"run": line["tags"]["run"], "role": line["tags"]["role"], "_value": line["fields"]["claim"]}
    read = claims_of([row], pytest.fail)[CLAIM.run]
    assert read == replace(CLAIM, since=0, version="")


def test_of_each_run_the_newest_word_counts_whatever_its_role_and_damage_is_set_aside() -> None:
    rows = [
        {"run": "a", "role": "active", "_value": "2 9 5 m"},
        {"run": "a", "role": "taking", "_value": "2 8 5 m"},
        {"run": "b", "role": "active", "_value": "1 2 5 m"},
        {"run": "b", "role": "over", "_value": "1 3 5 m"},
        {"run": "c", "role": "active", "_value": "many"},
        {},
    ]
    aside: list[str] = []
    found = claims_of(rows, aside.append)
    assert {run: (claim.role, claim.beat) for run, claim in found.items()} == {
        "a": (Role.ACTIVE, 9),
        "b": (Role.OVER, 3),
    }
    assert len(aside) == 2


def test_those_that_only_watch_are_not_asked_for() -> None:
    query = claims_query("metrics", "lease", 0, 1).text
    assert '"standby"' not in query
    assert all(f'"{role.value}"' in query for role in Role if role is not Role.STANDBY)


def test_a_question_that_fails_is_an_outcome() -> None:
    class Central:
        def claims(self, lease: str) -> dict[str, Claim]:
            raise CentralError(f"no {lease}", "wait")

    assert isinstance(read_claims(Central(), ReadClaims("lease")).result, CentralError)  # type: ignore[arg-type]


def test_a_standby_is_healthy_and_says_that_it_is_one() -> None:
    [line] = parsed(standby_line(3, "", BEGIN, "2/8"))
    assert line["tags"] == {"shard": "2/8", "role": "standby"}
    assert (line["fields"]["healthy"], line["fields"]["streams"], line["fields"]["failing"]) == (1, 3, 0)
    [line] = parsed(standby_line(3, "it cannot be read", BEGIN))
    assert (line["fields"]["healthy"], line["fields"]["failing"]) == (0, 3)


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("YES", True), ("no", False), ("", False)])
def test_it_is_asked_for_by_one_word(text: str, meant: bool) -> None:
    assert standby.of({standby.VARIABLE: text}) is meant
    assert standby.of({}) is False


# What passes


def test_no_line_passes_when_the_time_is_over_also_one_that_waited_for_room() -> None:
    now = 0

    def wait(_moved: int, _seconds: float) -> bool:
        nonlocal now
        now = 10
        window.back("a", 2**62)
        return True

    window = InFlightWindow(10, wait=wait, steady=lambda: now)
    window.enter("a", Load(10, 0), True, lambda: None)
    window.marked("a", 1)
    window.permit(10)
    with pytest.raises(NoRoom, match="another collector"):
        window.enter("a", Load(5, 0), True, lambda: None)
    assert now == 10
    window.permit(11)
    window.enter("a", Load(5, 0), True, lambda: None)


# What the core does


class Core:
    """A collector with a lease, by its door; what others have claimed is the test's."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.claims: dict[str, Claim] = {}
        self.blind = False  # what it says does not land
        self.window = InFlightWindow(100, steady=lambda: self.now)
        self.core = Collector(
            [("POD-8", [stream("a")], 1)],
            {stream("a").central_bucket: self.window},
            "me",
            "metrics",
            "http://central:8086",
            lease=self._lease,
        )
        self.said: list[Claim] = []

    def _lease(self, notes: Notes) -> Lease:
        return Lease("lease", "me", 10 * SECOND, "host", "1", notes)

    def hand_in(self, event: Tick | Wake | ClaimsRead) -> list[object]:
        actions: list[object] = [*self.core.handle(event, Clocks(self.now, self.now))]
        due: list[LeaseAction] = self.core.lease_actions()
        for each in due:
            if isinstance(each, PrintClaim):
                self.said.append(each.claim)
                if each.claim.role is not Role.STANDBY and not self.blind:
                    self.claims["me"] = each.claim
            else:
                actions += self.hand_in(ClaimsRead(dict(self.claims)))
        return actions

    def run(self, seconds: int) -> list[object]:
        actions: list[object] = []
        for _ in range(seconds):
            self.now += SECOND
            actions += self.hand_in(Tick(1))
        return actions


def test_one_that_stands_by_asks_no_source_and_no_ledger_and_one_that_takes_over_begins_with_the_ledger() -> None:
    site = Core()
    site.claims["other"] = replace(CLAIM, run="other")
    assert site.run(15) == []
    assert site.core.standing_by
    assert not [each for each in site.core.news() if isinstance(each, Begun)]
    actions = site.run(15)
    assert not site.core.standing_by
    assert isinstance(actions[0], LookUp)
    assert [each for each in site.core.news() if isinstance(each, Begun)]


def test_one_whose_lease_is_taken_stops_at_once_and_says_so_once() -> None:
    site = Core()
    site.run(5)
    assert not site.core.standing_by
    site.claims["other"] = replace(CLAIM, run="other")
    assert site.run(5)[1:] == []
    assert [type(each) for each in site.core.news()].count(Lost) == 1
    with pytest.raises(NoRoom):
        site.window.enter("a", Load(1, 0), True, lambda: None)
    assert site.core.wakes_at() is None


def test_one_whose_lease_is_not_seen_is_not_healthy_and_says_why_until_it_is_seen_again() -> None:
    site = Core()
    site.run(5)
    assert not site.core.in_doubt
    seen = site.claims.pop("me")
    site.blind = True
    site.run(30)
    assert site.core.in_doubt
    assert not site.core.standing_by
    health = Health(site.core, [stream("a")], 10 * SECOND, lambda _: (Effort(), False), Clocks(0, 0))
    health.ticked(Clocks(site.now, site.now))
    [status] = health.board.streams.values()
    assert "the lease is not seen in central" in status.trouble
    site.blind = False
    site.run(10)
    assert site.claims["me"].beat > seen.beat
    assert not site.core.in_doubt


def test_the_end_lets_nothing_pass_and_gives_the_lease_up() -> None:
    site = Core()
    site.run(5)
    said = site.core.end(Clocks(site.now, site.now))
    assert said is not None
    assert (said.claim.role, said.claim.term) == (Role.OVER, 1)
    with pytest.raises(NoRoom):
        site.window.enter("a", Load(1, 0), True, lambda: None)


# What people see


def points(*claims: tuple[Claim, int], shard: str = "") -> list[tuple[dict[str, str], int, str, str]]:
    found = []
    for claim, time in claims:
        tags = {"lease": "l", "run": claim.run, "role": claim.role.value} | ({"shard": shard} if shard else {})
        found += [(tags, time, "claim", claim.text()), (tags, time, "since", str(claim.since))]
    return found


def test_people_see_who_reads_and_who_stands_by() -> None:
    was = replace(CLAIM, role=Role.TAKING, beat=2)
    told = points((was, BEGIN - 30 * SECOND), (CLAIM, BEGIN), (OTHER, BEGIN - SECOND), shard="2/8")
    first, second = members_of(told, BEGIN + SECOND)
    assert first.cells(BEGIN + SECOND)[:4] == ("2/8", "active", CLAIM.run, "host-a")
    assert second.cells(BEGIN + SECOND)[:4] == ("2/8", "standby", OTHER.run, "host-b")
    assert len(HEADINGS) == len(first.cells(BEGIN))
    assert first.as_json()["role"] == "active"


def test_one_that_is_gone_is_not_shown_unless_it_had_the_lease_last() -> None:
    old = replace(CLAIM, run="0000", term=2)
    told = points((old, BEGIN), (CLAIM, BEGIN - 100 * SECOND), (OTHER, BEGIN - 100 * SECOND))
    [member] = members_of(told, BEGIN)
    assert (member.claim.run, member.silent) == (CLAIM.run, True)
    assert member.cells(BEGIN)[1] == "active, silent"
    over = points((replace(CLAIM, role=Role.OVER, beat=8), BEGIN))
    assert [each.cells(BEGIN)[1] for each in members_of(over, BEGIN)] == ["ended"]
    assert [each.claim.run for each in members_of([*over, *points((OTHER, BEGIN))], BEGIN)] == [OTHER.run]
    assert members_of([], BEGIN) == []


def test_the_report_shows_them_and_nothing_where_none_stands_by() -> None:
    there = facts()
    assert sections.collectors(there) == ""
    members = members_of(points((CLAIM, BEGIN), (OTHER, BEGIN)), BEGIN)
    shown = sections.collectors(replace(there, members=members))
    assert all(word in shown for word in ("Collectors", "active", "standby", "host-a", "host-b", CLAIM.run))
