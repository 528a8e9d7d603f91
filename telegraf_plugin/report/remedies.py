"""What to do about points that central goes on lacking, by the reason that the collector gives. Pure."""

from __future__ import annotations

REMEDIES = (
    ("refused: ", "write the field with one type on all sides, or leave it out of the stream (exclude_fields)"),
    (
        "Telegraf adds or changes tags on the way",
        "leave that out of telegraf.conf, or name the tag in rewritten_tags: data-collector check",
    ),
    ("it changes, or somebody else writes it", "have one writer of it in central, and none that rewrites it for long"),
    ("it is dropped on the way, or refused", "look for dropped in Telegraf's log; data-collector check"),
    ("it is there now", "nothing, unless it comes again"),
    ("what the stream's flux yields", "have the query give the same whenever it is asked, wherever a span begins"),
    ("it was not looked at yet", "nothing yet: it is looked at by itself"),
    ("it was held before the last start", "nothing yet: it is looked at by itself"),
)
"""A part of a reason, and what to do; docs/troubleshooting.md says it at length."""


def held_remedy(reason: str) -> str:
    """Return what to do about what is held for `reason`; where it is a later version's, which page says it."""
    found = (remedy for part, remedy in REMEDIES if part in reason)
    return next(found, "docs/troubleshooting.md, “What central goes on lacking”")
