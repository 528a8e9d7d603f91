"""The decoder under every split, which changes nothing, and under damage, which is refused or read as it stands."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from telegraf_plugin.errors import BadReply
from telegraf_plugin.influxdb.annotated_csv import MAX_ROW_BYTES, Decoder
from telegraf_plugin.stream.drops import DropReason
from tests import slow_csv
from tests.replies import Meaning, replies
from tests.unit.annotated_csv_bench import SMALL, SMALL_POINTS, Outcome, data, decode, pieces, table

# Any chunking gives the same


def test_the_small_reply_is_what_the_splits_are_to_give() -> None:
    reading = slow_csv.read(SMALL)
    assert (len(reading.points), reading.dropped, reading.refused) == (SMALL_POINTS, {"not_a_value": 1}, None)
    assert decode([SMALL]).points == reading.points


def test_byte_by_byte_gives_the_same() -> None:
    assert decode(pieces(SMALL, 1)) == decode([SMALL])


def test_every_size_of_chunk_gives_the_same() -> None:
    whole = decode([SMALL])
    assert all(decode(pieces(SMALL, size)) == whole for size in range(1, len(SMALL) + 1))


def test_every_split_in_two_gives_the_same() -> None:
    whole = decode([SMALL])
    assert all(decode([SMALL[:at], SMALL[at:]]) == whole for at in range(len(SMALL) + 1))


def test_empty_chunks_change_nothing() -> None:
    assert decode([part for byte in pieces(SMALL, 7) for part in (b"", byte, b"")]) == decode([SMALL])


@given(replies(), st.randoms(use_true_random=False))
def test_random_chunks_of_any_reply_give_the_same(meaning: Meaning, random: Any) -> None:
    cuts = sorted(random.randrange(len(meaning.reply) + 1) for _ in range(random.randrange(12)))
    bounds = [0, *cuts, len(meaning.reply)]
    parts = [meaning.reply[start:stop] for start, stop in pairwise(bounds)]
    assert decode(parts) == decode([meaning.reply])
    assert decode(pieces(meaning.reply, 1)) == decode([meaning.reply])


# Damage


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "delete", "insert", "double", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(list(b',"\r\n0a#-{<.\x00\xff')) | st.integers(0, 255),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=3,
)


def damaged(reply: bytes, edits: list[tuple[str, float, int, int]]) -> bytes:
    content = bytearray(reply)
    for how, where, byte, length in edits:
        at = int(where * len(content))
        if how == "flip" and content:
            content[at] = byte
        elif how == "delete":
            del content[at : at + length]
        elif how == "insert":
            content.insert(at, byte)
        elif how == "double":
            content[at:at] = content[at : at + length]
        elif how == "cut":
            del content[at:]
    return bytes(content)


@settings(max_examples=400)
@given(replies(most=2), EDITS, st.integers(1, 40))
@example(Meaning(SMALL.decode()), [("delete", 0.99, 0, 30)], 1)
def test_a_damaged_reply_is_refused_or_read_as_it_stands(
    meaning: Meaning, edits: list[tuple[str, float, int, int]], size: int
) -> None:
    reply = damaged(meaning.reply, edits)
    reading = slow_csv.read(reply)
    for outcome in (decode([reply]), decode(pieces(reply, size))):
        # A name that damage has put in needless quotes is taken for one that has lost a carriage return.
        assume(DropReason.UNWRITABLE_NAME.value not in outcome.drops)
        # What was yielded before a refusal is right as far as it goes.
        assert outcome.points == reading.points[: len(outcome.points)]
        if outcome.error is None:
            assert reading.refused is None
            assert outcome.points == reading.points
            assert outcome.drops == reading.dropped
    assert (decode([reply]).error is None) == (decode(pieces(reply, size)).error is None)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read_as_they_stand(reply: bytes) -> None:
    outcome = decode([reply])
    assert (outcome.error is None) <= (slow_csv.read(reply).refused is None)
    assert outcome.points == []


def test_a_reply_cut_anywhere_is_refused() -> None:
    empty_rows = [at + 4 for at in range(len(SMALL)) if SMALL[at : at + 4] == b"\r\n\r\n"]
    assert len(empty_rows) == 2  # behind an empty row a reply may end; HTTP tells whether it did
    for end in set(range(len(SMALL))) - set(empty_rows):
        assert decode([SMALL[:end]]).error == "the reply was cut short", SMALL[:end]


def test_what_was_whole_before_the_cut_was_yielded() -> None:
    cut = SMALL[: SMALL.index(b"1e-300")]
    assert len(decode([cut]).points) == 2


def test_nothing_at_all_is_a_cut_and_an_empty_row_is_an_empty_result() -> None:
    assert decode([]).error == "the reply was cut short"
    assert decode([b"\r\n"]) == Outcome()


@pytest.mark.parametrize(
    ("head", "filler"),
    [
        (b"", b"x"),
        (b"#datatype,", b"string,"),
        (table(end=""), b"9"),
        (table(data("1"), end="") + b',,0,2026-11-18T00:26:40Z,"', b"x"),
        (table(data("x"), kind="string", end="") + b',,0,2026-11-18T00:26:40Z,"', b'""'),
        (table(data("x"), kind="string", end="") + b',,0,2026-11-18T00:26:40Z,"', b"\r\n"),
        (b"{", b" "),
        (b"<", b"a"),
    ],
    ids=["text", "annotation", "number", "quoted", "quotes", "lines", "json", "html"],
)
def test_a_row_without_end_is_refused_at_the_limit(head: bytes, filler: bytes) -> None:
    decoder = Decoder()
    list(decoder.feed(head))
    chunk = filler * (2**18 // len(filler))
    fed = 0

    def feed_on() -> None:
        nonlocal fed
        while fed <= MAX_ROW_BYTES + 2 * len(chunk):
            list(decoder.feed(chunk))
            fed += len(chunk)

    with pytest.raises(BadReply):
        feed_on()
    assert MAX_ROW_BYTES - len(chunk) <= fed <= MAX_ROW_BYTES + len(chunk)


def test_a_string_of_a_mebibyte_of_quotes_still_fits() -> None:
    text = '"' * 2**20
    outcome = decode(pieces(table(data(text), kind="string"), 65_536))
    assert [point.value for point in outcome.points] == [text.encode()]
