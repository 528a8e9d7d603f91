"""Each message that an operator can meet stands in docs/troubleshooting.md, which also says what to do about it.

The messages are collected from the code as it is written (its syntax tree): what is logged as a warning or worse, what
an error says has happened, why a stream is not well, and what a command ends with. `test_documents` looks the other
way: what the document quotes is said by the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import telegraf_plugin
from tests.unit.test_lint import ROOT

PACKAGE = Path(telegraf_plugin.__file__).parent
DOCUMENT = (ROOT / "docs" / "troubleshooting.md").read_text()

LOGGED = {"warning", "error", "critical", "log"}
ERRORS = {
    *("SourceError", "TransientError", "PermanentError", "BadReply", "CentralError", "UnreadableLedger"),
    *("OutputClosed", "Unusable", "UnfitFile", "NotComparable", "LaterFormat", "CannotCheck", "CannotProcess"),
    *("ArgumentTypeError", "ArgumentError", "ValueError", "Problem", "Reason"),
    *("Impossible", "NotEditable"),
    *("say", "_say", "_unreadable", "_Refused"),
}
"""What is called with a text that people see: its first argument, or the one of `MESSAGE_AT`."""
MESSAGE_AT = {"Problem": 1, "_unreadable": 1, "ArgumentError": 1, "Reason": 1, "_Refused": 2}
VALUES = ("config/", "transport/", "commands/dates.py")
"""Where a ValueError's text is a problem of the configuration or the command line; elsewhere it is damage inside."""
TOLD = {
    "stream/status.py": {"trouble", "impaired"},
    "stream/plan.py": {"unprovable"},
    "commands/health_port.py": {"trouble"},
    "stream/difference.py": {"told"},
    "stream/selection.py": {"refusal", "meeting"},
    "config/dangers.py": {"dangers"},
    "transport/tls.py": {"problems", "_unreadable"},
}
"""Functions whose returned or yielded texts people see: why a stream is not well, what differs, what is dangerous."""
NOT_NAMED = {
    "config/dotenv.py": "each says by itself how the line is written; the document has `.env: line N: …` for all",
    "stream/renames.py": "why a tag cannot be computed, behind `cannot be told: …`; docs/configuration.md says when",
    "influxdb/flux_replies.py": "nobody is told: what was asked for several is asked for each alone",
    "audit.py: points read": "the line of a cycle, which docs/operations.md explains, and the document by its end",
}
"""Messages that the document does not quote, by file or by file and clause, with the reason."""
PLACE = "\0"
FORM = re.compile(r"%[-+ #0-9.]*[sdrfgi]")
MANY = 10
"""Letters that tell a clause of one message from those of others."""


def templates(node: ast.expr | None, names: dict[str, list[str]]) -> list[str]:
    """Return the texts that an expression can be, with PLACE for what is put in; `names` are the function's own."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            found = [""]
            for part in parts:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                ends = templates(inner, names) if isinstance(inner, ast.Constant | ast.IfExp | ast.Name) else []
                found = [text + end for text in found for end in ends or [PLACE]]
            return found
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in templates(left, names) or [PLACE] for b in templates(right, names) or [PLACE]]
        case ast.IfExp(body=body, orelse=other):
            return templates(body, names) + templates(other, names)
        case ast.Name(id=name):
            return names.get(name, [])
    return []


def named(scope: ast.AST) -> dict[str, list[str]]:
    """Return the texts that the names of a function, or a module, are given in it."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).extend(templates(node.value, found))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            more = templates(node.value, found)
            if more and node.target.id in found:
                found[node.target.id] = [a + b for a in found[node.target.id] for b in more]
    return found


def called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def of_call(node: ast.Call, file: str) -> ast.expr | None:
    """Return the argument that holds the message of a call, None if it has none."""
    name, args = called(node), node.args
    if isinstance(node.func, ast.Attribute) and name in LOGGED and "log" in ast.unparse(node.func.value).lower():
        args = args[1:] if name == "log" else args
        return args[0] if args else None
    if name == "write" and ast.unparse(node.func) == "sys.stderr.write":
        return args[0]
    if name == "error" and ast.unparse(node.func) == "parser.error":
        return args[0]
    if name not in ERRORS or (name == "ValueError" and not file.startswith(VALUES)):
        return None
    place = MESSAGE_AT.get(name, 0)
    return args[place] if len(args) > place else None


def messages() -> Iterator[tuple[str, str]]:
    """Yield each message, and the file in which it stands."""
    for path in sorted(PACKAGE.rglob("*.py")):
        file, tree = str(path.relative_to(PACKAGE)), ast.parse(path.read_text())
        scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        inside = {id(node) for scope in scopes for node in ast.walk(scope)}
        of_module = named(ast.Module([node for node in tree.body if isinstance(node, ast.Assign)], []))
        for node in ast.walk(tree):
            if id(node) not in inside:
                yield from ((text, file) for text in texts(node, "", file, of_module))
        for scope in scopes:
            names = of_module | named(scope)
            for node in ast.walk(scope):
                yield from ((text, file) for text in texts(node, scope.name, file, names))


def texts(node: ast.AST, function: str, file: str, names: dict[str, list[str]]) -> list[str]:
    """Return the messages that one node of a function is, with PLACE for what is put in."""
    found: list[str] = []
    if isinstance(node, ast.Call):
        found = templates(of_call(node, file), names)
    elif isinstance(node, ast.Tuple) and len(node.elts) > 1 and getattr(node.elts[0], "id", "") in ERRORS:
        found = templates(node.elts[1], names)
    elif isinstance(node, ast.Return | ast.Yield) and function in TOLD.get(file, ()):
        told = node.value.elts[-1] if isinstance(node.value, ast.Tuple) else node.value
        found = templates(told, names)
    return [FORM.sub(PLACE, text) for text in found]


def clause(message: str) -> str:
    """Return the part of a message that one would look up; empty where all of it is put in."""
    parts = [part.strip(" :;,()[]!'\n") for part in re.split(rf"{PLACE}|: |; |^[EW]! ", message)]
    return next((part for part in parts if len(part) >= MANY), max(parts, key=len))


SAID = {(file, clause(message)) for message, file in messages() if len(clause(message)) > 3}
EXCEPTED = {each for each in SAID if {each[0], ": ".join(each)} & set(NOT_NAMED)}
QUOTED = "\n".join(
    " ".join(text.replace("\\|", "|").split())
    for both in re.findall(r"`([^`]+)`|^    (.+)$", DOCUMENT, re.MULTILINE)
    for text in both
    if text
)


@pytest.mark.parametrize("said", sorted(SAID - EXCEPTED), ids=": ".join)
def test_a_message_of_the_code_stands_in_the_document(said: tuple[str, str]) -> None:
    assert said[1] in QUOTED


def test_there_are_messages_of_every_kind() -> None:
    assert len(SAID - EXCEPTED) > 180
    clauses = {each for _, each in SAID}
    logged, reply, status = "is read again, after failures in a row", "the reply was cut short", "not found (404"
    reason, command, problem = "its source is slow", "--from is not before --to", "expected each tag once"
    assert {logged, reply, status, reason, command, problem} <= clauses


def test_what_is_excepted_is_said() -> None:
    assert {name for name in NOT_NAMED if not {each for each in SAID if name in (each[0], ": ".join(each))}} == set()
