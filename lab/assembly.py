"""`Assembly`: several contexts as one, such as a site of three servers."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self


class Assembly:
    """A context of several others, which a subclass enters in `assemble`.

    They are left in reverse, on leaving and when one of them could not be entered.
    """

    _entered: ExitStack

    def assemble(self, stack: ExitStack) -> None:
        """Enter them all by `stack`. Raises what one of them raises."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.assemble(stack)
            self._entered = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.close()
