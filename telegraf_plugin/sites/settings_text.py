"""`.env` edited as text: lines put in behind the other sources', or taken out by their variables' names. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from telegraf_plugin.config.dotenv import quoted

_SET = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)=")
_SOURCE = re.compile(r"#?(SERVER_[A-Z0-9_]+)=")


def lines_of(variables: Mapping[str, str], comment: str) -> list[str]:
    """Return the lines that set the `variables`, below the `comment`. Raises ValueError for a control character."""
    return [f"# {comment}", *(f"{name}={quoted(value)}" for name, value in variables.items())]


def with_lines(text: str, lines: list[str]) -> str:
    """Return the file's `text` with `lines`, and an empty one before them, behind those of the other sources."""
    ending = "\r" if "\r\n" in text else ""
    old = text.split("\n")
    sources = [number for number, line in enumerate(old) if _SOURCE.match(line)]
    if sources:
        at = sources[-1] + 1
        if at == len(old):  # the file does not end with a line's end
            old[-1] += ending
            old.append("")
    else:
        while old and not old[-1].strip():
            old.pop()
        at = len(old)
        old.append("")
    old[at:at] = [line + ending for line in ([""] if at else []) + lines]
    return "\n".join(old)


def without(text: str, names: Collection[str]) -> str:
    """Return the file's `text` without the lines that set `names`, and without a comment that has no line below it."""
    kept: list[str] = []
    taken = False  # the line above went away
    for line in text.split("\n"):
        found = _SET.match(line)
        if found is not None and found[1] in names:
            taken = True
            continue
        if taken and not line.strip():
            while kept and kept[-1].lstrip().startswith("#") and not _SOURCE.match(kept[-1]):
                kept.pop()
            if not kept:
                continue
            if not kept[-1].strip():
                kept.pop()
        taken = False
        kept.append(line)
    return "\n".join(kept)


def shown(text: str) -> str:
    """Return the file's `text` as people may see it: what a variable called TOKEN, or the like, holds is left out."""
    secret = re.compile(r"(?m)^([ \t]*[A-Za-z_][A-Za-z0-9_]*(?:TOKEN|PASSWORD|SECRET)[A-Za-z0-9_]*=)(?=\S)[^\r\n]*")
    return secret.sub(r"\1[token]", text)
