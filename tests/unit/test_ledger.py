"""Marks: what is written is read back, what does not fit is left out safely, and what is damaged is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.ledger import FORMAT, MAX_HELD, MAX_HELD_BYTES, MAX_SPANS, Mark, MarkId, newest_believable
from telegraf_plugin.stream.spans import NOTHING, Spans

TIMES = st.integers(-(2**62), 2**62)
IDS = st.builds(MarkId, TIMES, st.text("0123456789abcdef", min_size=1, max_size=8))
SPANS = st.lists(st.tuples(TIMES, TIMES), max_size=5).map(Spans.of)
NAMES = st.text(min_size=1, max_size=5).map(str.encode)
GROUPS = st.tuples(NAMES, NAMES, st.sampled_from(FieldType))
MARKS = st.builds(
    Mark,
    id=IDS,
    base=IDS | st.none(),
    definition=st.text("0123456789abcdef", min_size=16, max_size=16),
    origin=TIMES,
    began=TIMES,
    proved=SPANS,
    printed=SPANS,
    held=st.dictionaries(GROUPS, SPANS, max_size=3),
    request=st.text(max_size=5),
)


def texts(mark: Mark) -> dict[str, str]:
    """The fields as a query's reply gives them."""
    return {name: str(value) for name, value in mark.fields().items()}


def mark(
    time: int,
    base: int | None = None,
    proved: Spans = NOTHING,
    printed: Spans = NOTHING,
    held: dict[FieldKey, Spans] | None = None,
) -> Mark:
    base_id = MarkId(base, "run") if base is not None else None
    return Mark(MarkId(time, "run"), base_id, "d" * 16, 0, 0, proved, printed, held or {})


@given(MARKS)
def test_what_is_written_is_read_back(written: Mark) -> None:
    assert Mark.read(texts(written)) == written


def test_of_many_spans_the_largest_are_called_proved() -> None:
    spans = Spans.of((1000 * n, 1000 * n + n + 1) for n in range(MAX_SPANS + 5))
    read = Mark.read(texts(mark(1, proved=spans)))
    assert read.proved.parts == spans.parts[5:]


def test_of_many_spans_all_that_was_printed_is_told() -> None:
    few = Spans.of((10 * n, 10 * n + 5) for n in range(MAX_SPANS))
    assert Mark.read(texts(mark(1, printed=few))).printed == few
    many = few + Spans.of([(-20, -10)])
    assert Mark.read(texts(mark(1, printed=many))).printed.parts == (many.hull,)


def test_a_mark_tells_fifty_spans_of_each_kind_and_is_some_kilobytes_however_many_there_are() -> None:
    def made(count: int) -> Mark:
        spans = Spans.of((1_795_473_000_000_000_000 + 60 * n, 1_795_473_000_000_000_001 + 60 * n) for n in range(count))
        return replace(mark(1, proved=spans, printed=spans), sent=spans, islands=spans)

    assert Mark.read(texts(made(50))) == made(50)
    assert sum(map(len, texts(made(5000)).values())) < 16 * 1024


def test_where_more_is_held_than_is_told_nothing_is_called_proved() -> None:
    """Else nobody would ever look there for what was held, once another run has begun."""
    held = {FieldKey(b"m", b"f%d" % n, FieldType.FLOAT): Spans.of([(n, n + 1)]) for n in range(MAX_HELD + 2)}
    read = Mark.read(texts(mark(1, proved=Spans.of([(0, 1000)]), held=held)))
    assert len(read.held) == MAX_HELD
    told = Spans.of(part for spans in read.held.values() for part in spans)
    untold = Spans.of(part for spans in held.values() for part in spans) - told
    assert untold
    assert not read.proved & untold
    assert read.proved + untold == Spans.of([(0, 1000)])


def test_a_later_format_is_refused() -> None:
    with pytest.raises(ValueError, match=f"of format {FORMAT + 1}, and this collector knows {FORMAT}"):
        Mark.read(texts(mark(1)) | {"format": str(FORMAT + 1)})


def test_fields_that_an_older_format_had_not_are_empty() -> None:
    fields = texts(mark(1, proved=Spans.of([(1, 2)])))
    for name in ("proved", "printed", "held", "request"):
        del fields[name]
    assert Mark.read(fields) == mark(1)


@pytest.mark.parametrize("name", ["format", "id", "base", "definition", "origin", "began"])
def test_a_mark_that_lacks_what_every_mark_has_is_refused(name: str) -> None:
    fields = texts(mark(1))
    del fields[name]
    with pytest.raises(ValueError, match="damaged"):
        Mark.read(fields)


@pytest.mark.parametrize(
    "damage",
    [
        {"id": "x@run"},
        {"base": "@"},
        {"origin": ""},
        {"proved": "1"},
        {"printed": "x"},
        {"held": "{"},
        {"held": "5"},
        {"held": '{"a": 1}'},
        {"held": '[["m", "f", "complex", "1/2"]]'},
        {"held": '[["m", "f", "float"]]'},
        {"held": '[[1, "f", "float", "1/2"]]'},
        {"held": '[["m", "f", "float", 5]]'},
    ],
    ids=str,
)
def test_a_damaged_mark_is_refused(damage: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        Mark.read(texts(mark(1)) | damage)


def test_held_names_are_text_that_people_can_read() -> None:
    held = mark(1, held={FieldKey("m ü".encode(), b'f"', FieldType.FLOAT): Spans.of([(1, 2)])}).fields()["held"]
    assert json.loads(str(held)) == [["m ü", 'f"', "float", "1/2"]]
    assert "ü" in str(held)


def believed(*marks: Mark, present: tuple[int, ...] = ()) -> int | None:
    found = newest_believable(marks, lambda base: base.time in present)
    return found.mark.id.time if found is not None else None


def test_the_newest_mark_whose_base_is_there_is_believed() -> None:
    assert believed(mark(1), mark(2, 1), mark(3, 2)) == 3
    assert believed(mark(3, 2), mark(1), mark(2, 1)) == 3


def test_a_mark_on_one_that_central_has_forgotten_is_not_believed() -> None:
    assert believed(mark(1), mark(2, 1), mark(9, 8)) == 2
    assert believed(mark(1), mark(10, 9), mark(9, 8)) == 1  # all that it stands on must be there, not its base alone
    assert believed(mark(9, 8)) is None
    assert believed() is None


def test_the_base_may_be_among_those_that_are_only_known_to_be_there() -> None:
    assert believed(mark(9, 8), present=(8,)) == 9
    assert believed(mark(9, 8), present=(7,)) is None


def test_a_mark_of_another_run_of_the_same_time_is_no_base() -> None:
    stands_on = Mark(MarkId(9, "run"), MarkId(8, "other"), "d", 0, 0)
    assert newest_believable([stands_on, Mark(MarkId(8, "run"), MarkId(7, "run"), "d", 0, 0)]) is None


@given(
    st.dictionaries(
        st.tuples(st.binary(max_size=3000), st.binary(max_size=30), st.sampled_from(FieldType)),
        st.lists(st.tuples(TIMES, TIMES), max_size=200).map(Spans.of),
        max_size=30,
    ),
    SPANS,
    SPANS,
)
def test_every_field_is_bounded_and_what_does_not_fit_is_not_called_proved(
    held: dict[FieldKey, Spans], proved: Spans, printed: Spans
) -> None:
    written = replace(mark(1, proved=proved, printed=printed), held=held)
    fields = written.fields()
    assert all(len(str(value).encode()) <= MAX_HELD_BYTES for value in fields.values())
    read = Mark.read(texts(written))
    told = {
        (group[0].decode("utf-8", "replace"), group[1].decode("utf-8", "replace"), group[2]): spans
        for group, spans in read.held.items()
    }
    for group, spans in held.items():
        name = (group[0].decode("utf-8", "replace"), group[1].decode("utf-8", "replace"), group[2])
        if name in told and not spans - told[name]:
            continue
        assert not spans & read.proved


def test_twenty_sparse_holds_of_nine_days_fit() -> None:
    minute = 60 * 10**9
    sparse = Spans.of((at, at + 10**9) for at in range(0, 9 * 24 * 60 * minute, minute))
    held = {FieldKey(b"m", b"f%d" % number, FieldType.FLOAT): sparse for number in range(20)}
    read = Mark.read(texts(mark(1, proved=Spans.of([(0, 9 * 24 * 60 * minute)]), held=held)))
    assert len(read.held) == 20
    assert all(not sparse - spans for spans in read.held.values())
    assert read.proved == Spans.of([(0, 9 * 24 * 60 * minute)])


@given(SPANS, st.integers(1, 4))
def test_coarse_spans_cover_and_are_few(spans: Spans, count: int) -> None:
    coarse = spans.coarse(count)
    assert not spans - coarse
    assert len(coarse.parts) == min(count, len(spans.parts))
    assert coarse.hull == spans.hull


def test_what_marks_printed_that_the_believed_one_does_not_stand_on_is_in_doubt() -> None:
    """Their lines may have landed, over newer ones: the believed mark knows nothing of them."""
    marks = [
        mark(1, printed=Spans.of([(0, 10)])),
        mark(2, 1, printed=Spans.of([(10, 20)])),
        mark(5, 4, printed=Spans.of([(20, 30), (50, 60)])),
        mark(6, 5, printed=Spans.of([(55, 70)])),
    ]
    found = newest_believable(marks)
    assert found is not None
    assert found.mark.id.time == 2
    assert found.doubts == Spans.of([(20, 30), (50, 70)])
    none = newest_believable(marks[:2])
    assert none is not None
    assert not none.doubts


def test_what_a_run_printed_before_its_newest_mark_is_known_to_that() -> None:
    """A long read prints many marks, all on the one that was back when it began: nothing of it is in doubt."""
    marks = [mark(1)] + [mark(time, 1, printed=Spans.of([(10 * time, 10 * time + 10)])) for time in range(2, 6)]
    found = newest_believable(marks)
    assert found is not None
    assert found.mark.id.time == 5
    assert not found.doubts


def test_what_a_run_printed_is_known_to_the_runs_that_went_on_from_it() -> None:
    """Each start stands on the newest mark of the run before: what that one printed beside it is no stranger's."""
    marks = [mark(1)] + [mark(time, 1, printed=Spans.of([(10 * time, 10 * time + 10)])) for time in range(2, 6)]
    runs = [(7, 5, "next", "run"), (8, 7, "next", "next"), (9, 8, "third", "next")]
    for time, base, run, before in runs:
        marks.append(replace(mark(time), id=MarkId(time, run), base=MarkId(base, before)))
    late = replace(mark(6, 1, printed=Spans.of([(90, 95)])))  # none of its run that came after it is stood on
    found = newest_believable([*marks, late])
    assert found is not None
    assert found.mark.id == MarkId(9, "third")
    assert found.doubts == Spans.of([(90, 95)])


def test_what_stands_on_a_mark_beside_the_chain_is_known_as_that_is() -> None:
    told = Spans.of([(10, 20)])
    beside, upon = mark(2, 1, printed=Spans.of([(0, 10)])), mark(3, 2, printed=told)
    for marks, doubts in (([mark(1), beside, upon, mark(4, 1)], NOTHING), ([mark(1), upon, mark(4, 1)], told)):
        found = newest_believable(marks)
        assert found is not None
        assert found.mark.id.time == 4
        assert found.doubts == doubts


@pytest.mark.parametrize("run", ["run", "another"])
@pytest.mark.parametrize("base", [None, 1, 2])
def test_what_another_run_printed_or_stands_on_what_is_gone_is_in_doubt(run: str, base: int | None) -> None:
    """Of its own only what stands on the believed marks: what stood on one that is gone may have landed ever since."""
    told = Spans.of([(10, 20)])
    other = replace(mark(3, base, printed=told), id=MarkId(3, run))
    found = newest_believable([mark(1), other, mark(4, 1)])
    assert found is not None
    assert found.mark.id.time == 4
    assert found.doubts == (NOTHING if (run, base) == ("run", 1) else told)


def test_a_mark_that_stands_on_itself_is_not_believed() -> None:
    assert believed(mark(9, 9), present=(9,)) is None
