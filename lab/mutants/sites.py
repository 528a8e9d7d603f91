"""Every change that the rules can make to a module: a list of mutants, the same for the same text. Pure.

A rule is one kind of slip: a comparison that is off by one, a `not` too few, a statement that is forgotten. Left alone
are annotations, docstrings, texts (f-strings), what is said to people (`log.…`), the message of a `raise`, and the
statements of an `__init__`, without which nothing runs at all.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum


class Rule(Enum):
    """The kinds of change."""

    EDGE = "comparison off by one"
    FLIP = "comparison turned round"
    CONDITION = "condition negated"
    NOT = "not left out"
    AND_OR = "and for or"
    OPERAND = "operand left out"
    SUM = "+ for -"
    EXTREME = "min for max"
    QUANTIFIER = "all or any settled"
    EMPTY = "comprehension emptied"
    STATEMENT = "statement left out"
    RETURN = "constant returned"
    TENFOLD = "constant times ten"
    ZERO = "constant zero"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in the file `path`, in the function or class `symbol`, bytes [start, stop) become `after`.

    `number` tells apart the same change at several places of one symbol.
    """

    path: str
    symbol: str
    rule: Rule
    before: str
    after: str
    start: int
    stop: int
    number: int = 0

    @property
    def change(self) -> str:
        """The change in one line, for people."""
        return f"{self.before} -> {self.after}" + (f" #{self.number + 1}" if self.number else "")

    @property
    def key(self) -> str:
        """What names it from version to version: no line numbers."""
        return f"{self.path}: {self.symbol}: {self.change}"

    def apply(self, source: bytes) -> bytes:
        """Return the module's text with the change."""
        return source[: self.start] + self.after.encode() + source[self.stop :]


def mutants(path: str, source: bytes) -> list[Mutant]:
    """Return all mutants of the module `path` with the text `source`, in the order of the text.

    Two rules that come to the same text give one mutant. Raises SyntaxError.
    """
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    seen: dict[str, int] = {}
    texts = set()
    result = []
    for mutant in sorted(finder.found, key=lambda one: (one.start, one.stop)):
        text = (mutant.start, mutant.stop, mutant.after)
        if text not in texts:
            texts.add(text)
            number = seen[mutant.key] = seen.get(mutant.key, -1) + 1
            result.append(replace(mutant, number=number))
    return result


_EDGE: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_FLIP: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_SUM: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}
_OTHER_NAME = {"min": "max", "max": "min", "all": "any", "any": "all"}
_RETURNS = {"bool": ("True", "False"), "int": ("0",), "float": ("0.0",), "str": ("''",), "Spans": ("NOTHING",)}


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._scope: list[str] = []
        self._returns: list[str] = []

    def _add(self, node: ast.expr | ast.stmt, rule: Rule, after: ast.AST | str) -> None:
        text = after if isinstance(after, str) else ast.unparse(after)
        before = ast.unparse(node)
        if text == before:
            return
        if isinstance(node, ast.expr):
            text = f"({text})"  # also where it stands between others
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._lines[node.lineno - 1] + node.col_offset
        stop = self._lines[node.end_lineno - 1] + node.end_col_offset
        symbol = ".".join(self._scope) or "(module)"
        self.found.append(Mutant(self._path, symbol, rule, before, text, start, stop))

    # Where one is

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        for part in node.body:
            self.visit(part)
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope.append(node.name)
        self._returns.append(ast.unparse(node.returns) if node.returns is not None else "")
        for default in [*node.args.defaults, *(value for value in node.args.kw_defaults if value is not None)]:
            self.visit(default)
        for part in node.body:
            self.visit(part)
        self._returns.pop()
        self._scope.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._forgotten(node, node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave texts alone."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave what tells the type checker alone."""

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, Rule.STATEMENT, "pass")

    # Expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        for place, old in enumerate(node.ops):
            for rule, table in ((Rule.EDGE, _EDGE), (Rule.FLIP, _FLIP)):
                new = table.get(type(old))
                if new is not None:
                    changed = copy.deepcopy(node)
                    changed.ops[place] = new()
                    self._add(node, rule, changed)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add(node, Rule.AND_OR, changed)
        for place in range(len(node.values)):
            rest = [value for other, value in enumerate(node.values) if other != place]
            self._add(node, Rule.OPERAND, rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, Rule.NOT, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        new = _SUM.get(type(node.op))
        if new is not None and not _is_text(node.left) and not _is_text(node.right):
            changed = copy.deepcopy(node)
            changed.op = new()
            self._add(node, Rule.SUM, changed)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            self._add(node, Rule.TENFOLD, repr(node.value * 10 if node.value else 1))
            if node.value:
                self._add(node, Rule.ZERO, "0")

    def visit_Call(self, node: ast.Call) -> None:
        if _is_said(node):
            return
        if isinstance(node.func, ast.Name) and node.func.id in _OTHER_NAME:
            changed = copy.deepcopy(node)
            changed.func = ast.Name(_OTHER_NAME[node.func.id])
            settles = node.func.id in ("all", "any")
            self._add(node, Rule.QUANTIFIER if settles else Rule.EXTREME, changed)
            for constant in ("True", "False") if settles else ():
                self._add(node, Rule.QUANTIFIER, constant)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._add(node, Rule.EMPTY, "[]")
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._add(node, Rule.EMPTY, "set()")
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._add(node, Rule.EMPTY, "{}")
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._add(node, Rule.EMPTY, "()")
        self._comprehension(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        for generator in node.generators:
            for test in generator.ifs:
                self._condition(test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    # Statements

    def visit_If(self, node: ast.If) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None or not self._returns:
            return
        kind = self._returns[-1]
        for constant in _RETURNS.get(kind, ("None",) if kind.endswith("| None") else ()):
            if ast.unparse(node.value) != constant:
                self._add(node, Rule.RETURN, f"return {constant}")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and not _is_said(node.value):
            self._forgotten(node)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._forgotten(node, *node.targets)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        new = _SUM.get(type(node.op))
        if new is not None and not _is_text(node.value):
            changed = copy.deepcopy(node)
            changed.op = new()
            self._add(node, Rule.SUM, changed)
        self._forgotten(node)
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        self._forgotten(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._forgotten(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._forgotten(node)

    def _forgotten(self, node: ast.stmt, *targets: ast.expr) -> None:
        """Leave out a statement that has an effect: a name that is given a value is needed by what follows."""
        inside = bool(self._returns) and self._scope[-1] != "__init__"
        if inside and all(_is_kept(target) for target in targets):
            self._add(node, Rule.STATEMENT, "pass")

    def _condition(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.BoolOp) and not _is_not(test):
            self._add(test, Rule.CONDITION, ast.UnaryOp(ast.Not(), test))


def _is_kept(target: ast.expr) -> bool:
    parts: Iterator[ast.expr] = iter(target.elts) if isinstance(target, ast.Tuple) else iter([target])
    return all(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)


def _is_not(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_said(node: ast.Call) -> bool:
    return (
        isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.value.id == "log"
    )
