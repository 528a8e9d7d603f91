"""`make schema`: config/queries.schema.json, by which an editor knows the keys of queries.yaml.

The form is that of the classes that validate the file; what a key means is taken from the tables of
docs/configuration.md. What editors cannot know, variables, they let pass.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lab.engines import REPOSITORY
from telegraf_plugin.config import schema
from telegraf_plugin.config.schema import QueriesFile

FILE = REPOSITORY / "config" / "queries.schema.json"
DOCUMENT = REPOSITORY / "docs" / "configuration.md"
SECTIONS = {
    "The file": schema.QueriesFile,
    "A server": schema.ServerSection,
    "Central": schema.CentralSection,
    "A source": schema.SourceSection,
    "Timeouts": schema.TimeoutsSection,
    "Quiet hours": schema.QuietHoursSection,
    "A stream": schema.StreamSection,
    "A selection": schema.SelectionSection,
    "An aggregate": schema.AggregateSection,
    "A rename": schema.RenameSection,
}
"""Each section of the document that has a table of keys, with the class that has them."""
_ROW = re.compile(r"^\| `(\w+)` \| ((?:[^|]|\\\|)*) \| ((?:[^|]|\\\|)*) \| (.*) \|$", re.MULTILINE)
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}"


def made() -> str:
    """Return the content of the file."""
    found = QueriesFile.model_json_schema()
    sections = {**found["$defs"], QueriesFile.__name__: found}
    meanings = _meanings(DOCUMENT.read_text(encoding="utf-8"))
    for name, section in sections.items():
        section.pop("title", None)
        section.pop("description", None)
        for key, value in section.get("properties", {}).items():
            section["properties"][key] = _explained(value, *_meaning(name, key, meanings))
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "queries.yaml of the Data Collector",
        **_with_variables(found),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _meanings(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Return default and meaning of each key, by the class that has it, as the document says."""
    found = {}
    for heading, section in SECTIONS.items():
        table = re.split(r"(?m)^##", text.split(f"\n### {heading}\n")[1])[0]
        for key, _, default, meaning in _ROW.findall(table):
            found[section.__name__, key] = default, meaning
    return found


def _meaning(section: str, key: str, meanings: dict[tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
    """Return the same of a key that a class has by itself or by the one that it extends."""
    bases = [each.__name__ for each in getattr(schema, section, QueriesFile).__mro__]
    return next((meanings[base, key] for base in bases if (base, key) in meanings), ("", ""))


def _explained(value: dict[str, Any], default: str, meaning: str) -> dict[str, Any]:
    """Return a key's schema with what it means and its default in words; without null, which a key is left out for."""
    options = [each for each in value.get("anyOf", []) if each.get("type") != "null"]
    kept = {name: held for name, held in value.items() if name not in ("title", "default", "anyOf")}
    if len(options) == 1:
        kept |= options[0]
    elif options:
        kept["anyOf"] = options
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", meaning).replace("`", "").replace("\\|", "|")
    said = f" Default: {default.strip('`')}." if default not in ("", "needed", "none", "each its own") else ""
    return {"description": f"{plain}{'' if plain.endswith('.') else '.'}{said}", **kept}


def _with_variables(value: Any) -> Any:
    """Return a schema in which text may hold a variable wherever text of a certain form is expected."""
    if isinstance(value, list):
        return [_with_variables(each) for each in value]
    if not isinstance(value, dict):
        return value
    value = {key: _with_variables(each) for key, each in value.items() if key != "title" or not isinstance(each, str)}
    pattern = value.get("pattern")
    if isinstance(pattern, str) and not pattern.startswith(r"^(?:\$\{"):  # a token is nothing but one
        value["pattern"] = f"{pattern}|{_VARIABLE}"
    if isinstance(value.get("enum"), list):
        return {"anyOf": [value, {"type": "string", "pattern": _VARIABLE}]}
    return value


def main() -> None:
    """Write the file."""
    Path(FILE).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
