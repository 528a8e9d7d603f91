"""A chaos run's faults and what is written meanwhile are decided by the seed, and every kind gets its turns."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.chaos.collector import STREAMS
from lab.chaos.faults import KINDS
from lab.chaos.feeder import batch
from lab.chaos.schedule import plan, with_refills


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_hundred_faults_have_every_kind_ten_times(seed: int) -> None:
    planned = plan(200, seed)
    times = Counter(fault.kind.name for fault in planned)
    assert len(planned) == 200
    for kind in KINDS:
        assert times[kind.name] == 1 if kind.once else times[kind.name] >= 10
        if not kind.once:
            assert {fault.variant for fault in planned if fault.kind is kind} == set(kind.variants)


@pytest.mark.parametrize("faults", [0, 1, 12, 19, 20, 21, 57])
def test_any_number_of_faults_can_be_asked_for(faults: int) -> None:
    planned = plan(faults, 7)
    assert [fault.number for fault in planned] == list(range(1, faults + 1))
    times = Counter(fault.kind.name for fault in planned if not fault.kind.once)
    assert not times or max(times.values()) - min(times.values()) <= 1


def test_the_seed_decides_the_plan() -> None:
    assert plan(50, 3) == plan(50, 3)
    assert [fault.kind for fault in plan(50, 3)] != [fault.kind for fault in plan(50, 4)]


@pytest.mark.parametrize("bucket", [stream.bucket for stream in STREAMS])
def test_the_seed_and_the_number_decide_what_is_written(bucket: str) -> None:
    now = 1_795_482_060_123_456_789
    assert batch(bucket, 5, now, 1) == batch(bucket, 5, now, 1)
    assert batch(bucket, 5, now, 1) != batch(bucket, 5, now, 2)
    assert batch(bucket, 5, now, 1) != batch(bucket, 6, now, 1)


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_run_with_refills_ends_with_one_after_which_nothing_starts_the_plugin_again(seed: int) -> None:
    last = plan(40, seed)[-1]
    assert last.kind.refills
    assert {"plugin", "telegraf"} <= last.kind.parts


def test_every_other_run_has_no_refills() -> None:
    assert [with_refills(seed) for seed in range(1, 7)] == [True, False] * 3
    planned = plan(40, 2, refills=False)
    assert len(planned) == 40
    assert not any(fault.kind.refills for fault in planned)
    assert {fault.kind.name for fault in planned} == {kind.name for kind in KINDS if not kind.refills}
