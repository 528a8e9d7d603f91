"""Mutants that survived before there was a gate: they are tried at every run, besides the sample."""

from __future__ import annotations

KNOWN: tuple[str, ...] = (
    (
        "telegraf_plugin/stream/ledger.py: newest_believable: [mark.printed for mark in known.values() if not "
        "_is_accounted(mark, newest, chain)] -> ([])"
    ),
    (
        "telegraf_plugin/stream/outcomes.py: Outcomes.compared: all((part.settles <= self._job_at.safe for part "
        "in parts)) -> (True)"
    ),
    (
        "telegraf_plugin/stream/markbook.py: MarkBook.gone: [mark for mark in self.had if since <= mark.time < "
        "until] -> ([])"
    ),
)
