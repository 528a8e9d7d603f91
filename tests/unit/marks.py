"""Marks as a doer makes them: from the template of a command, told to the owner before they are written."""

from __future__ import annotations

from telegraf_plugin.stream.account import Account
from telegraf_plugin.stream.clocks import Instant
from telegraf_plugin.stream.ledger import Mark, MarkId
from telegraf_plugin.stream.markbook import MarkBook
from telegraf_plugin.stream.spans import NOTHING, Spans


def make_mark(account: Account, at: Instant, printing: Spans = NOTHING) -> Mark:
    """Make the account's next mark, behind lines of `printing`, and record it as printed."""
    account.settle_request()
    template = account.template(at, printing)
    mark, _ = template.make(at.clock)
    account.printed(mark, template.origin, at)
    return mark


def book_mark(book: MarkBook, clock: int, steady: int, proved: Spans) -> MarkId:
    """Have a mark printed that is made when the clock says `clock`; return its id."""
    mark = MarkId(max(clock, book.newest_time + 1), book.incarnation)
    book.printed(mark, steady, proved)
    return mark
