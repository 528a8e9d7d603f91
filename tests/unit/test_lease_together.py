"""The lease, whatever happens to three machines: two never print for long, and in the end one does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from telegraf_plugin.stream.lease import LOOKS
from telegraf_plugin.stream.units import HOUR, SECOND
from tests.unit.lease_bench import LASTS, SLOWEST, STEP, Site

# Whatever happens


def _happens(*kinds: str) -> st.SearchStrategy[list[tuple[str, int, int, int]]]:
    """What happens, to which machine, for how many seconds, and how many seconds until the next."""
    each = st.tuples(st.sampled_from(kinds), st.integers(0, 2), st.integers(1, 40), st.integers(1, 25))
    return st.lists(each, max_size=12)


_AT_MACHINES = ("sleep", "kill", "end", "late", "hasty")


@settings(max_examples=200, deadline=None)
@given(_happens(*_AT_MACHINES))
def test_two_never_print_for_longer_than_a_look_and_in_the_end_one_does(
    happens: list[tuple[str, int, int, int]],
) -> None:
    assert _together(happens) <= LASTS // LOOKS + SLOWEST * STEP


@settings(max_examples=200, deadline=None)
@given(_happens(*_AT_MACHINES, "away"))
def test_nor_for_as_long_as_a_takeover_takes_when_central_is_away_besides(
    happens: list[tuple[str, int, int, int]],
) -> None:
    assert _together(happens) <= LASTS


def _together(happens: list[tuple[str, int, int, int]]) -> int:
    """Have it happen, and find that one prints in the end; return for how long two did at the longest (ns)."""
    site = Site("a", "b", "c")
    for number, (what, which, seconds, then) in enumerate(happens):
        machine = site.machines[which]
        machine.ahead = (-1) ** number * number * HOUR
        if what == "sleep":
            machine.asleep = site.now + seconds * SECOND
        elif what == "away":
            site.away = site.now + seconds * SECOND
        elif what == "late":
            site.late = min(seconds, SLOWEST)
        elif machine.lease is not None:
            if what == "end":
                site.end(machine)
            machine.boot()
            machine.asleep = site.now + seconds * SECOND
            if what == "hasty":  # what it had printed is lost
                machine.outbox.clear()
        site.run(then)
    site.run(120)
    [before] = site.printing()
    site.run(60)
    assert site.printing() == [before]
    return site.longest_together
