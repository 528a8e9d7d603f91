"""`.env` edited as text: lines put in behind the other sources', or taken out by their variables' names. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from telegraf_plugin.config.dotenv import quoted

_SET = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)=")
_SOURCE = re.compile(r"#?(SERVER_[A-Z0-9_]+)=")


def comment(source: str) -> str:
    """Return how the comment begins that stands above the lines of the source called so."""
    return f"Source {source}."


def lines_of(variables: Mapping[str, str], above: str) -> list[str]:
    """Return the lines that set the `variables`, under the comment `above`. Raises ValueError as `quoted` does."""
    return [f"# {above}", *(f"{name}={quoted(value)}" for name, value in variables.items())]


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


def without(text: str, names: Collection[str], comment: str) -> str:
    """Return the file's `text` without the lines that set `names`.

    A comment above them goes when no line is left below it, and the one that begins with `comment` in any case.
    """
    kept: list[str] = []
    taken = False  # the line above went away
    for line in text.split("\n"):
        found = _SET.match(line)
        if found is not None and found[1] in names:
            taken = True
            continue
        if taken and _forgotten(kept, comment, alone=not line.strip()) and not kept and not line.strip():
            continue
        taken = False
        kept.append(line)
    return "\n".join(kept)


def _forgotten(kept: list[str], comment: str, alone: bool) -> bool:
    """Take the comments at the end of `kept` away, and the empty line above; say whether there were any.

    Where they are not `alone`, since other lines follow, only those from the one that begins with `comment` on.
    """
    at = len(kept)
    while at and kept[at - 1].lstrip().startswith("#") and not _SOURCE.match(kept[at - 1]):
        at -= 1
    if not alone:
        own = [number for number in range(at, len(kept)) if kept[number].startswith(f"# {comment}")]
        at = own[0] if own else len(kept)
        if not own:
            return False
    del kept[at:]
    if kept and not kept[-1].strip():
        kept.pop()
    return True


def shown(text: str) -> str:
    """Return the file's `text` as people may see it: what a variable called TOKEN, or the like, holds is left out."""
    secret = re.compile(r"(?m)^([ \t]*[A-Za-z_][A-Za-z0-9_]*(?:TOKEN|PASSWORD|SECRET)[A-Za-z0-9_]*=)(?=\S)[^\r\n]*")
    return secret.sub(r"\1[token]", text)
