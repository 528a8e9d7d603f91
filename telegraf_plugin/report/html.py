"""HTML in which whatever is text is escaped: names come from servers and files, and may be anything. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Html(str):
    """Text that is HTML already; all other text is escaped where it meets it."""

    __slots__ = ()


Child = str | Iterable[str] | None
_NO_END = frozenset(("br", "meta"))


def printable(text: str) -> str:
    """Return `text` with what is no print, and could turn a line around, as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def escaped(text: str) -> Html:
    """Return `text` as HTML that shows it."""
    return text if isinstance(text, Html) else Html(html.escape(printable(text), quote=True))


def element(name: str, *children: Child, **attributes: str | int | None) -> Html:
    """Return the element `name` around its `children`, escaped; an attribute that is None is left out.

    `class_` is the attribute class, `data_start` is data-start, and so on.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _NO_END:
        return Html(f"<{name}{told}>")
    return Html(f"<{name}{told}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Return the `children` one after the other, escaped."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, str):
            parts.append(escaped(child))
        elif child is not None:
            parts += map(escaped, child)
    return Html("".join(parts))
