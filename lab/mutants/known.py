"""Mutants that survived before there was a gate: they are tried at every run, besides the sample."""

from __future__ import annotations

_STREAM = "telegraf_plugin/stream"

KNOWN: tuple[str, ...] = (
    f"{_STREAM}/ledger.py: newest_believable: "
    "[mark.printed for mark in known.values() if not _is_accounted(mark, newest, chain)] -> ([])",
    f"{_STREAM}/outcomes.py: Outcomes.compared: all((leg.settles <= self._job_at.safe for leg in legs)) -> (True)",
    f"{_STREAM}/markbook.py: MarkBook.gone: [mark for mark in self.had if since <= mark.time < until] -> ([])",
)
