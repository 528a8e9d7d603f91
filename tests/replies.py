"""Replies as InfluxDB writes them, made up: hypothesis strategies, and what each reply means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from tests.slow_csv import SlowPoint

DATATYPES = {
    "float": "double",
    "integer": "long",
    "unsigned": "unsignedLong",
    "boolean": "boolean",
    "string": "string",
}


def cell(text: str) -> str:
    """A cell as Go's encoding/csv writes it with UseCRLF: quoted where it must be, a lone CR lost, LF as CR LF."""
    quoted = text == r"\." or any(sign in text for sign in ',"\r\n') or text[:1].isspace()
    if not quoted:
        return text
    return '"' + text.replace("\r", "").replace('"', '""').replace("\n", "\r\n") + '"'


def row(*cells: str) -> str:
    return ",".join(map(cell, cells)) + "\r\n"


def time_text(time_ns: int) -> str:
    """Go's RFC3339Nano: no zeros at the end of the fraction."""
    seconds, fraction = divmod(time_ns, 10**9)
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    text = f"{whole.year:04}-{whole.month:02}-{whole.day:02}T{whole.hour:02}:{whole.minute:02}:{whole.second:02}"
    return text + (f".{fraction:09}".rstrip("0") if fraction else "") + "Z"


@dataclass
class Meaning:
    """A reply and what it says. `special`: influxdb-client cannot read it."""

    text: str = ""
    points: list[SlowPoint] = field(default_factory=list)
    not_a_value: int = 0
    shadowed: int = 0
    special: bool = False

    @property
    def reply(self) -> bytes:
        return self.text.encode()


def meant(text: str) -> bytes:
    """What is left of a text that needed quotes."""
    return (text.replace("\r", "") if cell(text) != text else text).encode()


ALPHABET = 'ab ,"=\\\n\r#{<é漢🙂0:-T.Z'
texts = st.text(alphabet=ALPHABET, max_size=6)
names = st.text(alphabet=ALPHABET.replace("\r", ""), min_size=1, max_size=5)
any_text = st.text(max_size=8) | texts
times = st.integers(-(2**63) + 2, 2**63 - 3) | st.builds(
    lambda second, ns: second * 10**9 + ns,
    st.integers(1_795_000_000, 1_795_000_003) | st.integers(-2, 2),
    st.sampled_from([0, 1, 10, 123_456_789, 999_999_999, 500_000_000]),
)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "float": st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.sampled_from(["0", "-0", "5e-324", "1.7976931348623157e+308", "97.30000000000001", "NaN", "+Inf", "-Inf", ""]),
    "integer": st.integers(-(2**63), 2**63 - 1).map(str) | st.just(""),
    "unsigned": st.integers(0, 2**64 - 1).map(str) | st.just(""),
    "boolean": st.sampled_from(["true", "false", ""]),
    "string": any_text,
}
_NO_VALUE = {"", "NaN", "+Inf", "-Inf"}


@st.composite
def _tables(draw: st.DrawFn, meaning: Meaning, result: str, numbers: Sequence[int]) -> None:
    """Add one annotated header with its tables, and the empty row that ends them."""
    kind = draw(st.sampled_from(list(DATATYPES)))
    tag_keys = draw(st.lists(names | st.sampled_from(["result", "table", "host"]), max_size=3, unique=True))
    tag_keys = [key for key in tag_keys if key not in ("_time", "_value")]
    columns: list[tuple[str, str, str]] = [("_time", "dateTime:RFC3339", ""), ("_value", DATATYPES[kind], "")]
    if draw(st.booleans()):
        columns.reverse()
    rest = [("_field", "string", ""), ("_measurement", "string", "")]
    for key in tag_keys:
        default = draw(st.sampled_from(["", "", "", "d", 'd"e,f']))
        rest.append((key, "string", default))
    if draw(st.booleans()):
        rest = [("_start", "dateTime:RFC3339", ""), ("_stop", "dateTime:RFC3339", ""), *rest]
    shadowing = draw(st.sampled_from([None] * 7 + ["_start", "_time", "_field"]))
    if shadowing == "_start":
        rest += [("_start", "string", ""), ("_start", "string", "")]
    elif shadowing is not None:
        rest.append((shadowing, "string", ""))
    layout = draw(st.sampled_from(["range", "aggregate", "apart", "any"]))
    if layout == "range":
        columns = (
            [c for c in rest if c[0] in ("_start", "_stop")]
            + columns
            + [c for c in rest if c[0] not in ("_start", "_stop")]
        )
    elif layout == "aggregate":
        columns = rest + columns
    elif layout == "apart":
        columns = [columns[0], *rest, columns[1]]
    else:
        columns = draw(st.permutations(rest + columns))
    if shadowing == "_time":  # the true one stands first
        columns.sort(key=lambda column: column[:2] != ("_time", "dateTime:RFC3339"))
    names_ = [name for name, _, _ in columns]
    meaning.special |= len({*names_, "result", "table", ""}) != len(names_) + 3
    meaning.text += row("#datatype", "string", "long", *(datatype for _, datatype, _ in columns))
    meaning.text += row("#group", "false", "false", *("true" if n in tag_keys else "false" for n in names_))
    meaning.text += row("#default", result, "", *(default for _, _, default in columns))
    meaning.text += row("", "result", "table", *names_)
    measurement, a_field = draw(names), draw(names)
    bound = time_text(1_795_000_000 * 10**9)
    grouped = draw(st.sampled_from([True, True, False]))  # group() gives one table of many series
    for number in numbers:
        tags = {key: draw(st.just("") | names) for key in tag_keys}
        if draw(st.booleans()):
            a_field = draw(names)
        for _ in range(draw(st.integers(1, 4))):
            if not grouped:
                tags = {key: draw(st.just("") | names) for key in tag_keys}
                a_field = draw(names)
            own_tags = tuple(
                sorted(
                    (meant(key), said)
                    for key, _, default in rest
                    if key in tags and (said := meant(tags[key]) or meant(default))
                )
            )
            time_ns, value = draw(times), draw(VALUES[kind])
            cells = []
            for key, datatype, _ in columns:
                known = {"_time": time_text(time_ns), "_value": value, "_field": a_field, "_measurement": measurement}
                if key in ("_start", "_stop"):
                    cells.append("" if datatype == "string" else bound)
                else:
                    cells.append(known.get(key, tags.get(key, "")))
            meaning.text += row("", "", str(number), *cells)
            if shadowing is not None:
                meaning.shadowed += 1
            elif kind != "string" and value in _NO_VALUE:
                meaning.not_a_value += 1
            else:
                point = SlowPoint(meant(measurement), own_tags, meant(a_field), kind, time_ns, meant(value))
                meaning.points.append(point)
    meaning.text += "\r\n"


@st.composite
def replies(draw: st.DrawFn, most: int = 3) -> Meaning:
    """A whole reply of one or more results, each of several headers with tables of their own."""
    meaning = Meaning()
    number = 0
    for _ in range(draw(st.integers(0, most))):
        tables = draw(st.integers(1, 3))
        draw(_tables(meaning, draw(st.sampled_from(["_result", "other", ""])), range(number, number + tables)))
        number += tables
    if not meaning.text:
        meaning.text = "\r\n"
    return meaning
