"""Which tests can find a mutant out, nearest first: those that import its module, over however many others. Pure but
for reading the files.

A test that does not reach the module cannot tell; to leave it out makes the gate stricter, never laxer.
"""

from __future__ import annotations

import ast
from collections import deque
from pathlib import Path

TESTS = ("tests/unit", "tests/model")
_PACKAGES = ("telegraf_plugin", "lab", "tests")


class Imports:
    """The imports of the tree at `root`."""

    def __init__(self, root: Path) -> None:
        files = [path.relative_to(root) for package in _PACKAGES for path in sorted((root / package).rglob("*.py"))]
        self._files = {_name(path): str(path) for path in files}
        self._imported_by: dict[str, set[str]] = {}
        for name, path in self._files.items():
            for imported in self._imports(root / path):
                self._imported_by.setdefault(imported, set()).add(name)

    def _imports(self, path: Path) -> set[str]:
        found = set()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return found & self._files.keys()

    def tests(self, path: str) -> tuple[list[str], list[str]]:
        """Return the test files that reach the module `path`: the nearest, then the rest, each nearest first.

        The nearest are the unit tests that bear its name or import it themselves.
        """
        distance = {_name(Path(path)): 0}
        waiting = deque(distance)
        while waiting:
            name = waiting.popleft()
            for importer in sorted(self._imported_by.get(name, ())):
                if importer not in distance:
                    distance[importer] = distance[name] + 1
                    waiting.append(importer)
        named = f"test_{Path(path).stem}"
        reaching = sorted(
            (not Path(self._files[name]).name.startswith(named), far, self._files[name])
            for name, far in distance.items()
            if self._files[name].startswith(TESTS) and Path(self._files[name]).name.startswith("test_")
        )
        nearest = [file for other, far, file in reaching if file.startswith(TESTS[0]) and (not other or far == 1)]
        return nearest, [file for _, _, file in reaching if file not in nearest]


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
