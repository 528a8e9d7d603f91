"""The lease by its own: who may print when, whatever is slow, stopped, killed or away."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.claim import Claim, Role
from telegraf_plugin.stream.clocks import Clocks
from telegraf_plugin.stream.lease import SHORTEST, ClaimsRead, Lease, PrintClaim
from telegraf_plugin.stream.notes import Notes
from telegraf_plugin.stream.units import HOUR, SECOND
from tests.unit.lease_bench import INTERVAL, LASTS, STEP, Member, Site

"""Steps that a claim takes to central, at the most."""


@pytest.fixture
def site() -> Site:
    there = Site("a", "b")
    there.run(60)
    assert there.longest_together <= SECOND
    assert len(there.printing()) == 1
    return there


def active(site: Site) -> Member:
    [name] = site.printing()
    return next(each for each in site.machines if each.name == name)


def other(site: Site) -> Member:
    return next(each for each in site.machines if each.name not in site.printing())


def until_printing(site: Site, but: str = "") -> float:
    """How long it takes until one prints that is not called `but`, in seconds."""
    began = site.now
    while not set(site.printing()) - {but}:
        site.run(0.5)
        assert site.now - began < 600 * SECOND
    return (site.now - began) / SECOND


def test_one_alone_begins_at_its_first_look() -> None:
    assert until_printing(Site("a")) <= 2


def test_one_that_is_killed_is_replaced_within_three_intervals(site: Site) -> None:
    gone = active(site)
    gone.lease = None
    assert until_printing(site) * SECOND <= 3 * INTERVAL
    assert site.printing() != [gone.name]


def test_one_that_ends_is_replaced_at_the_next_look(site: Site) -> None:
    site.end(active(site))
    assert until_printing(site) * SECOND <= INTERVAL


def test_one_that_is_started_again_after_a_clean_end_does_not_wait() -> None:
    site = Site("a")
    site.run(30)
    site.end(site.machines[0])
    site.run(2)
    site.machines[0].boot()
    assert until_printing(site) <= 2


def test_one_that_is_started_again_after_a_kill_waits_for_as_long_as_its_claim_lasts() -> None:
    site = Site("a")
    site.run(30)
    site.machines[0].boot()
    assert LASTS <= until_printing(site) * SECOND <= 3 * INTERVAL


def test_a_standby_that_comes_and_goes_changes_nothing(site: Site) -> None:
    before = active(site).name
    site.end(other(site))
    site.run(60)
    assert site.printing() == [before]


@pytest.mark.parametrize("ahead", [20 * HOUR, -20 * HOUR])
def test_no_clock_of_another_machine_counts(site: Site, ahead: int) -> None:
    before, second = active(site), other(site)
    second.ahead = ahead
    site.run(120)
    assert site.printing() == [before.name]
    before.lease = None
    assert until_printing(site) * SECOND <= 3 * INTERVAL


def test_a_holder_that_central_is_away_for_stops_and_goes_on_as_the_holder(site: Site) -> None:
    before = active(site)
    site.away = site.now + 200 * SECOND
    site.run(LASTS / SECOND + 1)
    assert not site.printing()
    site.run(200)
    assert site.printing() == [before.name]
    assert before.runs == 1


def test_a_holder_that_nobody_hears_stops_before_another_begins(site: Site) -> None:
    before = active(site)
    site.late = 1000  # from now on nothing that it says lands
    second = other(site)
    for _ in range(200):
        site.late = 1000
        site.run(0.5)
        for at, (_, claim) in enumerate(second.outbox):
            second.outbox[at] = (site.now, claim)  # of the other all does
        assert len(site.printing()) <= 1
        if site.printing() == [second.name]:
            break
    assert site.printing() == [second.name]
    assert before.lease is not None


def test_claims_are_in_order_whatever_the_clock_does() -> None:
    lease, times = Lease("lease", "a", INTERVAL, "", "", Notes()), []
    for steady in range(0, 120 * SECOND, SECOND):
        clock = 1000 * HOUR + steady - (HOUR if steady >= 60 * SECOND else 0)
        times += [each.time for each in lease.next(Clocks(clock, steady)) if isinstance(each, PrintClaim)]
    assert times[0] == 1000 * HOUR
    assert times == sorted(set(times))
    assert len(times) > 20
    assert times[-1] < 1000 * HOUR + 61 * SECOND


def watcher(interval: int, first: Claim) -> Lease:
    """Return one that stands by, at 0, for the holder of `first`."""
    lease = Lease("lease", "b", interval, "", "", Notes())
    look(lease, 0, 0, first)
    assert lease.role is Role.STANDBY
    return lease


def look(lease: Lease, asked: int, answered: int, *claims: Claim) -> Role:
    """Have it read these claims; return what it is then."""
    lease.next(Clocks(asked, asked))
    lease.done(ClaimsRead({claim.run: claim for claim in claims}), Clocks(answered, answered))
    return lease.role


def test_for_how_long_a_claim_counts_its_holder_says() -> None:
    """It waits for one whose interval is longer, and no longer for one whose interval is shorter."""
    first = Claim("a", Role.ACTIVE, 1, 7, 6 * LASTS)
    lease = watcher(INTERVAL, first)
    for now in range(2 * INTERVAL, 6 * LASTS, 2 * INTERVAL):
        assert look(lease, now, now, first) is Role.STANDBY
    assert look(lease, 6 * LASTS, 6 * LASTS, first) is Role.TAKING
    first = Claim("a", Role.ACTIVE, 1, 7, LASTS)
    lease = watcher(10 * INTERVAL, first)
    assert look(lease, LASTS // 2, LASTS // 2, first) is Role.STANDBY
    assert look(lease, LASTS, LASTS, first) is Role.TAKING


def test_an_answer_that_takes_long_tells_of_when_it_was_asked_for() -> None:
    first = Claim("a", Role.ACTIVE, 1, 7, LASTS)
    lease = watcher(INTERVAL, first)
    for asked, answered in ((LASTS // 8, LASTS // 2), (LASTS * 5 // 8, LASTS)):
        assert look(lease, asked, answered, first) is Role.STANDBY
    assert look(lease, LASTS * 9 // 8, LASTS * 9 // 8, first) is Role.TAKING


def test_a_claim_that_is_read_when_it_has_run_out_holds_nothing() -> None:
    lease = Lease("lease", "a", INTERVAL, "", "", Notes())
    assert look(lease, 0, 0) is Role.TAKING
    [said] = [each.claim for each in lease.next(Clocks(0, 0)) if isinstance(each, PrintClaim)]
    assert look(lease, SECOND, LASTS, said) is Role.TAKING
    assert not lease.may_print(LASTS)
    assert lease.standby
    assert lease.trouble(LASTS + SECOND).startswith("nobody else holds the lease, and the claim to it has not arrived")


def test_what_comes_late_of_an_earlier_holder_changes_nothing(site: Site) -> None:
    gone = active(site)
    last = site.claims[f"{gone.name}{gone.runs}"]
    gone.lease = None
    site.run(60)
    after = active(site).name
    site.claims[last.run] = Claim(last.run, Role.ACTIVE, last.term, last.beat + 5, LASTS)
    site.run(60)
    assert site.printing() == [after]


def test_a_look_that_fails_now_and_then_does_not_put_a_takeover_off(site: Site) -> None:
    active(site).lease = None
    began = site.now
    while not site.printing():
        site.away = site.now + SECOND if (site.now // STEP) % 12 == 0 else site.away
        site.run(0.5)
        assert site.now - began <= 4 * INTERVAL


def test_a_standby_that_cannot_read_or_be_heard_is_no_good_one_and_says_why(site: Site) -> None:
    second = other(site)
    assert second.lease is not None
    assert not second.lease.trouble(site.now)
    site.away = site.now + HOUR
    site.run(40)
    assert "cannot be read in central: silent" in second.lease.trouble(site.now)
    site.away = 0
    site.run(10)
    active(site).lease = None
    site.late = 10_000
    site.run(60)
    assert "has not arrived in central" in second.lease.trouble(site.now)


def test_one_that_could_never_read_the_lease_says_so_when_a_claim_would_have_lasted() -> None:
    site = Site("a")
    site.away = site.now + HOUR
    lease = site.machines[0].lease
    assert lease is not None
    site.run(10)
    assert not lease.trouble(site.now)
    site.run(15)
    assert "cannot be read" in lease.trouble(site.now)


def test_a_claim_lasts_for_two_intervals_and_never_for_less_than_outputs_take() -> None:
    assert Lease("", "a", 60 * SECOND, "", "", Notes()).lasts == 120 * SECOND
    assert Lease("", "a", SECOND, "", "", Notes()).lasts == SHORTEST
