"""Accounts with the ledger, as tests begin with them."""

from __future__ import annotations

from telegraf_plugin.stream.account import Account, State
from telegraf_plugin.stream.block import FieldKey, FieldType
from telegraf_plugin.stream.ledger import Mark, MarkId, Origin
from telegraf_plugin.stream.spans import NOTHING, Spans, span
from tests.unit.course_bench import at, s, sp
from tests.unit.marks import make_mark
from tests.unit.test_definition import STREAM

BASE = MarkId(s(-50), "before")
GROUP = FieldKey(b"m", b"f", FieldType.FLOAT)


def mark(proved: Spans = NOTHING, origin: int = -1000, began: int = -900, definition: str = STREAM.hash) -> Mark:
    held = {GROUP: span(*sp(-1000, -990))}
    return Mark(BASE, None, definition, s(origin), s(began), proved, held=held)


def adopted(mark: Mark | None = None, mirror: Origin | None = None, start: int = -100) -> Account:
    account = Account(STREAM, "me")
    account.adopt(mark, mirror, s(start), at(0))
    return account


def state(account: Account) -> State:
    """Where it stands now: mypy would go on with what it was."""
    return account.state


def running(mark: Mark | None = None, start: int = -100) -> Account:
    account = adopted(mark, start=start)
    first = make_mark(account, at(0))
    assert account.seen({first.id, BASE}) == first.id
    return account
