"""Findings for people (a table on a terminal, plain lines elsewhere) and for scripts (JSON)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from telegraf_plugin.lint.finding import File, Finding

Files = Mapping[File, Path]
Place = Callable[[Finding], Path]
"""Says in which file a finding's key stands, or is to be written."""


def write_report(found: Mapping[Finding, str], files: Files, place: Place, out: TextIO) -> None:
    """Write `found` (each finding with its rule's name) to `out`: a table if that is a terminal, else plain lines."""
    if found and out.isatty():
        _write_table(list(found), place, out)
    else:
        out.write("".join(_lines(finding, place) for finding in found))
    out.write(f"{_summary(list(found), files)}\n")


def as_json(found: Mapping[Finding, str], place: Place) -> str:
    """Return the findings as one JSON object on lines of its own."""
    entries = [
        {
            "rule": rule,
            "file": str(place(finding)),
            "key": finding.key,
            "why": finding.why,
            "write": finding.write,
            "hint": finding.hint,
        }
        for finding, rule in found.items()
    ]
    clean = all(finding.hint for finding in found)
    return json.dumps({"clean": clean, "findings": entries}, indent=2, ensure_ascii=False) + "\n"


def _lines(finding: Finding, place: Place) -> str:
    kind = "hint: " if finding.hint else ""
    first, *rest = finding.write.split("\n")
    write = "\n".join([f"    write: {first}", *(f"           {line}" for line in rest)])
    return f"{place(finding)}: {finding.key}: {kind}{finding.why}\n{write}\n"


def _summary(found: Sequence[Finding], files: Files) -> str:
    hints = sum(finding.hint for finding in found)
    count = len(found) - hints
    where = f"in {files[File.QUERIES]} with {files[File.TELEGRAF]}"
    told = f"{count} finding{'s' * (count > 1)}" if count else "nothing to change"
    return f"{told} {where}" + (f"; {hints} hint{'s' * (hints > 1)}" if hints else "")


def _write_table(found: Sequence[Finding], place: Place, out: TextIO) -> None:
    # Imported here: the plugin, which lints at its start too, has no use for it and counts its memory.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for heading in ("File", "Key", "Why", "Write"):
        table.add_column(heading, overflow="fold")
    for finding in found:
        why = f"hint: {finding.why}" if finding.hint else finding.why
        # As Text: a key such as outputs.influxdb_v2[power] would be read as markup.
        table.add_row(*map(Text, (place(finding).name, finding.key, why, finding.write)))
    Console(file=out).print(table)
