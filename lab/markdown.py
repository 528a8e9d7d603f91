"""Tables in markdown, and parts of a document that are made anew between their markers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; all columns but the first are aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, each)) + " |" for each in rows])


def renewed(document: str, markers: tuple[str, str], inside: str) -> str:
    """Return the document with what is between two markers made anew. Raises ValueError where one is lacking."""
    before, begin, rest = document.partition(markers[0])
    _, end, after = rest.partition(markers[1])
    if not begin or not end:
        raise ValueError(f"no {markers[0]} … {markers[1]}")
    return f"{before}{begin}\n\n{inside}\n\n{end}{after}"
