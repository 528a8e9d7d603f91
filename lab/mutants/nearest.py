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

    def tests(self, path: str) -> list[list[str]]:
        """Return the test files that reach the module `path`, nearest first, in three stages.

        First the unit tests that bear its name, then those that import it or what imports it, also by a bench of
        tests, then all others.
        """
        distance = {_name(Path(path)): 0}
        waiting = deque(distance)
        while waiting:
            name = waiting.popleft()
            for importer in sorted(self._imported_by.get(name, ())):
                far = distance[name] + (not importer.startswith("tests."))  # a bench is no step further
                if far < distance.get(importer, far + 1):
                    distance[importer] = far
                    waiting.append(importer)
        stages: list[list[str]] = [[], [], []]
        for name in sorted(distance, key=lambda one: (distance[one], one)):
            file = Path(self._files[name])
            if str(file).startswith(TESTS) and file.name.startswith("test_"):
                stages[_stage(file, f"test_{Path(path).stem}", distance[name])].append(str(file))
        return stages


def _stage(file: Path, named: str, far: int) -> int:
    if not str(file).startswith(TESTS[0]):
        return 2
    return 0 if file.stem == named or file.stem.startswith(f"{named}_") else 1 if far <= 1 else 2


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
