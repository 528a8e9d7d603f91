"""Hashes in little memory: the same as a Counter, whatever they are."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.multiset import HashMultiset

NUMBERS = st.lists(st.one_of(st.integers(-5, 5), st.sampled_from([-(2**63), 2**63 - 1, 1024, 2048])), max_size=30)


@given(NUMBERS, NUMBERS)
def test_each_is_taken_as_often_as_it_was_put_in(put: list[int], taken: list[int]) -> None:
    found, expected = HashMultiset(), Counter(put)
    for number in put:
        found.put(number)
    for number in taken:
        assert found.take(number) is (expected[number] > 0)
        expected[number] -= 1
        assert (number in found) is (number in put)


def test_none_is_put_in_where_some_were_taken() -> None:
    found = HashMultiset()
    found.put(1)
    assert found.take(1)
    with pytest.raises(ValueError, match="before any is taken"):
        found.put(1)


def test_a_hash_takes_nine_bytes_and_a_little() -> None:
    number = 250_000
    tracemalloc.start()
    found = HashMultiset()
    for each in range(number):
        found.put(each * 0x9E3779B97F4A7C15 % 2**64 - 2**63)
    assert not found.take(0)
    for bucket in range(1024):
        found.take(bucket)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * number
