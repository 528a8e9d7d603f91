"""What a stream's measurements and fields are called in central, where that is not what its source calls them. Pure.

It depends on the names alone, never on what else a window holds. No two names become one: what already has a name that
another one is given does not pass, and is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from telegraf_plugin.stream.block import Block

Pairs = tuple[tuple[str, str], ...]
"""Names at the source, each with its name in central."""


@dataclass(frozen=True, slots=True)
class Naming:
    """The measurements and fields of a stream that are renamed; those of all measurements alike."""

    measurements: Pairs = ()
    fields: Pairs = ()

    def __bool__(self) -> bool:
        return bool(self.measurements or self.fields)

    def measurement(self, name: str) -> str | None:
        """Return what that measurement is called in central; None when its name is given to another one."""
        return _named(dict(self.measurements), name)

    def field(self, name: str) -> str | None:
        """Return the same of a field."""
        return _named(dict(self.fields), name)


AS_THEY_ARE = Naming()


@dataclass(slots=True)
class Renamer:
    """Renames the blocks of one stream."""

    naming: Naming
    _measurements: dict[bytes, bytes] = field(init=False)
    _fields: dict[bytes, bytes] = field(init=False)
    _taken: tuple[frozenset[bytes], frozenset[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._measurements, self._fields = (
            {old.encode(): new.encode() for old, new in pairs}
            for pairs in (self.naming.measurements, self.naming.fields)
        )
        self._taken = frozenset(self._measurements.values()), frozenset(self._fields.values())

    def key(self, measurement: bytes, name: bytes) -> tuple[bytes, bytes] | None:
        """Return what a measurement and a field are called in central; None when a name there is another one's."""
        named, field_ = self._measurements.get(measurement), self._fields.get(name)
        if (named is None and measurement in self._taken[0]) or (field_ is None and name in self._taken[1]):
            return None
        return named or measurement, field_ or name

    def renamed(self, block: Block) -> Block | None:
        """Return `block` as it is called in central; None when its name there is another one's."""
        if not self.naming:
            return block
        key = self.key(block.measurement, block.field)
        return replace(block, measurement=key[0], field=key[1]) if key is not None else None


def _named(pairs: dict[str, str], name: str) -> str | None:
    return pairs.get(name, None if name in pairs.values() else name)
