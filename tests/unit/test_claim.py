"""What a run says of itself for others to read: as it stands in a field, and whose lease it is."""

from __future__ import annotations

import pytest

from telegraf_plugin.stream.claim import LONGEST, Claim, Role, lease_of
from telegraf_plugin.stream.units import SECOND
from tests.unit.core_bench import stream

LASTS = 20 * SECOND


def test_a_claim_is_read_as_it_was_written() -> None:
    claim = Claim("0a1b2c3d", Role.ACTIVE, 7, 12, LASTS, machine="pod-0.collector")
    assert Claim.parse("0a1b2c3d", "active", claim.text()) == claim
    assert Claim.parse("0a", "taking", "1 2 3 ").machine == ""


@pytest.mark.parametrize(
    ("run", "role", "text"),
    [
        ("a", "active", ""),
        ("a", "active", "1 2"),
        ("a", "active", "1 -2 3 m"),
        ("a", "active", f"1 2 {LONGEST + 1} m"),
        ("a", "master", "1 2 3 m"),
        ("", "active", "1 2 3 m"),
        ("a b", "active", "1 2 3 m"),
        ("a", "active", "1 2 3 m\n"),
    ],
)
def test_what_is_damaged_is_no_claim(run: str, role: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"claim is damaged|not a valid Role"):
        Claim.parse(run, role, text)


def test_only_those_that_copy_the_same_share_a_lease() -> None:
    a, b = stream("a"), stream("b")
    assert lease_of([a, b]) == lease_of([b, a])
    assert len({lease_of([a, b]), lease_of([a]), lease_of([b])}) == 3
