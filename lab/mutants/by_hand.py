"""A mutant that no rule makes, found by its key: what stands there, and what is to stand there instead. Pure."""

from __future__ import annotations

import ast

from lab.mutants.sites import Mutant, Rule


def by_hand(key: str, source: bytes) -> Mutant | None:
    """Return the mutant that `key` names (`path: symbol: before -> after`) of a module with the text `source`.

    None where `before` does not stand there, or more than once. Raises SyntaxError.
    """
    path, symbol, change = key.split(": ", 2)
    before, after = change.split(" -> ")
    node: ast.AST = ast.parse(source)
    for name in symbol.split("."):
        scopes = ast.iter_child_nodes(node)
        kinds = ast.ClassDef | ast.FunctionDef
        found = next((each for each in scopes if isinstance(each, kinds) and each.name == name), None)
        if found is None:
            return None
        node = found
    there = [each for each in ast.walk(node) if isinstance(each, ast.expr | ast.stmt) and ast.unparse(each) == before]
    if len(there) != 1:
        return None
    [place] = there
    start, stop = (
        sum(map(len, source.splitlines(keepends=True)[: (line or 1) - 1])) + (column or 0)
        for line, column in ((place.lineno, place.col_offset), (place.end_lineno, place.end_col_offset))
    )
    return Mutant(path, symbol, Rule.BY_HAND, before, after, start, stop)
