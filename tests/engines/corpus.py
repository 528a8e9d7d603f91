"""What is written to a source to see that it arrives as it was: every type, its limits, and names of all kinds."""

from __future__ import annotations

import re

from lab.points import Point
from lab.site import POD_30

SECOND = 10**9

FLOATS = [
    "5e-324",
    "-5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e+308",
    "-1.7976931348623157e+308",
    "-0.0",
    "0",
    "0.1",
    "0.30000000000000004",
    "97.30000000000001",
    "9007199254740993",
    "123456789.12345679",
    "1e21",
    "1e-7",
]
INTEGERS = [-(2**63), -(2**63) + 1, -1, 0, 1, 2**53 + 1, 2**63 - 1]
UNSIGNED = [0, 1, 2**63 - 1, 2**63, 2**64 - 1]
STRINGS = [
    "",
    " ",
    '"',
    '""',
    'say "hi"',
    "back\\slash",
    "two\\\\slashes",
    "ends in \\",
    "\\n is no newline",
    "\\r\\",
    "comma, space = equals",
    "line\nfeed",
    "\n",
    "\n\n",
    "tab\there\t",
    "emoji 🙂 漢字 größe e\u0301 é",
    "null",
    "# no comment",
    "${x} {{y}} %s",
    ",,,",
    "\u2028 \u0085 \ufeff",
    "control \x01\x1f\x7f",
    "x" * 65_536,
    "🙂" * 16_384,
    "y" * 2**20,
    '"\\' * 2**19,
]
WITH_RETURNS = ["\r", "lone\rreturn", "cr\r\nlf", "\r\n", "\n\r", "mixed\r\n\r\n\n\r\\r\\\r", "\r" * 1000]
NAMES = [
    "a b",
    "a,b",
    "a=b",
    "a\\b",
    "C:\\x\\y",
    'a"b',
    '"',
    "größe ✓ 漢字 🙂",
    "{x}",
    "${x}",
    "x#",
    "a, b= c",
    "'",
    "_x",
]


def escaped(name: str) -> str:
    return re.sub(r"([,= ])", r"\\\1", name)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def corpus(at: int) -> bytes:
    """All that passes, with lines' times around `at`."""
    lines = [f"float v={value} {at + n}" for n, value in enumerate(FLOATS)]
    lines += [f"integer v={value}i {at + n}" for n, value in enumerate(INTEGERS)]
    lines += [f"unsigned v={value}u {at + n}" for n, value in enumerate(UNSIGNED)]
    lines += [f"boolean v={value} {at + n}" for n, value in enumerate(["true", "false"])]
    lines += [f"text,k=v v={quoted(value)} {at + n}" for n, value in enumerate(STRINGS)]
    lines += [f"returns,k=v v={quoted(value)} {at + n}" for n, value in enumerate(WITH_RETURNS)]
    for n, name in enumerate(NAMES):
        lines.append(f"{escaped(name).replace(chr(92) + '=', '=')} in_measurement={n}i {at + n}")
        lines.append(f"names,{escaped(name)}=x in_key={n}i {at + n}")
        lines.append(f"names,k={escaped(name)} in_value={n}i {at + n}")
        lines.append(f"names {escaped(name)}={n}i {at + n}")
    lines += [
        f"tags,result=r,table=t v=1 {at}",
        f"tags,result=r v=2 {at}",
        f"tags,table=0 v=3 {at + 1}",
        f"tags v=4 {at + 2}",
        f"tags,error=e,reference=r v=5 {at + 3}",
        f"own,field=a,source_bucket=b,source=c v=1 {at}",
        f"own,field=a,exported_field=b,host=h v=2 {at}",
        f"own,exported_exported_field=z,exported_field=y,field=x v=3 {at}",
        f"own,host=POD-7 v=4 {at}",
    ]
    lines += [f"nanoseconds v={n}i {at - 30 * SECOND + n * 999_999_937}" for n in range(30)]
    lines.append("wide,k=v " + ",".join(f"f{n:03}={n}i" for n in range(400)) + f" {at}")
    lines += [f"sparse,k=v f{n % 7}={n}i,g{n % 11}={n / 3!r} {at + n}" for n in range(77)]
    lines += [f"many,series=s{n} v={n}i,w={n}.5 {at + n % 50 * SECOND // 10}" for n in range(2_500)]
    # Series that begin or end in mid-window.
    lines += [f"begins,k=v v={n}i {at + 20 * SECOND + n}" for n in range(5)]
    lines += [f"ends,k=v v={n}i {at - 20 * SECOND + n}" for n in range(5)]
    return "\n".join(lines).encode()


def lost(at: int) -> bytes:
    """What cannot pass, each beside a neighbour that does."""
    lines = [
        f"hidden,_start=x v=1i {at}",
        f"hidden,_start=x v=2i {at + 1}",
        f"hidden,k=v v=3i {at + 2}",
        f"tabbed,k=a\tb v=1i {at}",
        f"tabbed,k=a v=2i {at}",
    ]
    return "\n".join(lines).encode() + b'\nbytes v="\xff\xfe" %d\nbytes v="fine" %d' % (at, at + 1)


def twins(at: int) -> bytes:
    """A series without host beside one whose host is the source's name: they meet at `at` only.

    InfluxDB gives the one with the host first.
    """
    lines = [
        f"twin,k=v v=2i {at}",
        f"twin,host={POD_30},k=v v=1i {at}",
        f"twin,k=v v=3i {at + 1}",
        f"twin,host={POD_30},k=v v=4i {at + 2}",
        f'twin_text,k=v v="lost\rback" {at}',
        f'twin_text,host={POD_30},k=v v="kept\rback" {at}',
    ]
    return "\n".join(lines).encode()


def passes(point: Point, at: int) -> bool:
    if point.measurement == "hidden":
        return point.value == "3"
    if point.measurement == "tabbed":
        return point.tag("k") == "a"
    if point.measurement == "bytes":
        return point.value == "fine"
    if point.measurement in ("twin", "twin_text"):
        return point.time_ns != at or point.tag("host") is not None
    return True
