"""docs/configuration.md has every key of queries.yaml with the type and default of the schema, and every variable."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from telegraf_plugin.config import quiet, schema, settings, values
from telegraf_plugin.config.load import load
from telegraf_plugin.stream import health
from telegraf_plugin.stream.definition import AggregateFunction, ReadWay, Start
from telegraf_plugin.stream.mapping import MetadataTag
from telegraf_plugin.stream.units import MINUTE, SECOND
from telegraf_plugin.transport import Compression
from tests.unit.test_lint import ROOT, SETTINGS

DOCUMENT = (ROOT / "docs" / "configuration.md").read_text()
SECTIONS: dict[str, type[BaseModel]] = {
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
BY_VALIDATOR = {
    values._url: "URL",
    values._duration: "duration",
    values._share: "percent",
    values._size: f"size, `{values.MIN_IN_FLIGHT_BYTES >> 20}MiB` to `{values.MAX_IN_FLIGHT_BYTES >> 30}GiB`",
    values._start: "time",
    quiet._zone: "name in the IANA database",
    quiet._hours: "list of spans",
}
BY_ANNOTATION = {
    str: "text",
    bool: "`true` or `false`",
    AggregateFunction: "one of {}",
    SecretStr: "variable",
    Path: "path",
    list: "list",
}
IN_WORDS = {"the system's", "the URL's host", "the bucket", "the bucket, `_` for a slash", "the file's", "none", "all"}
IN_WORDS |= {"needed, or `database`", "two and a half intervals", "five minutes", "five minutes ago"}
"""What holds where the schema has no value; `test_what_is_said_in_words_is_so` looks at those that are figures."""


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Return type and default of each key in the table under a heading."""
    text = DOCUMENT.split(f"\n### {heading}\n")[1].split("\n## ")[0].split("\n### ")[0]
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\| `", text, re.MULTILINE))
    return {key: (kind, default) for key, kind, default in found}


def own(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section but for those that it shares with others, which have a table of their own."""
    shared = {name for base in model.__mro__[1:] if issubclass(base, BaseModel) for name in base.model_fields}
    return {name: field for name, field in model.model_fields.items() if name not in shared}


FIELDS = [(heading, name, field) for heading, model in SECTIONS.items() for name, field in own(model).items()]


def kinds(annotation: object) -> set[object]:
    """Return the classes and validators of which an annotation is made."""
    validators = {each.func for each in getattr(annotation, "__metadata__", ()) if hasattr(each, "func")}
    inner = getattr(annotation, "__args__", ())
    found = {annotation} if isinstance(annotation, type) and not inner else set()
    return found.union(validators, {getattr(annotation, "__origin__", None)}, *map(kinds, inner))


def expected_kind(field: FieldInfo) -> str:
    """Return what the document has to call the type of a key; a pattern."""
    made_of = kinds(field.annotation) | {
        each.func for each in field.metadata if isinstance(each, BeforeValidator | AfterValidator)
    }
    bounds = [str(bound) for each in field.metadata for key in ("ge", "le") if (bound := getattr(each, key, None))]
    section = any(isinstance(each, type) and issubclass(each, BaseModel) for each in made_of)
    if MetadataTag in made_of:
        return "list of " + ", ".join(f"`{tag.value}`" for tag in MetadataTag)
    if AggregateFunction in made_of:
        return (
            "one of ((, )?`(" + "|".join(each.value for each in AggregateFunction) + f")`){{{len(AggregateFunction)}}}"
        )
    for choices in (ReadWay, Compression):
        if choices in made_of:
            return "one of " + ", ".join(f"`{choice.value}`" for choice in choices)
    if dict in made_of:
        return r"names with .*"
    if section:
        return (r"list of " if list in made_of else "") + r"\[keys\]\(#[a-z-]+\)"
    for validator, kind in BY_VALIDATOR.items():
        if validator in made_of:
            return kind + (", 31d at most" if values._lookback in made_of else "")
    if bounds:
        return "number, " + " to ".join(bounds)
    return next(
        kind for type_, kind in BY_ANNOTATION.items() if type_ in made_of and (type_ is not str or list not in made_of)
    )


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_keys_of_a_section_are_those_of_the_schema(heading: str) -> None:
    assert set(rows(heading)) == set(own(SECTIONS[heading]))


def test_every_section_of_the_schema_has_its_table() -> None:
    models = {value for value in vars(schema).values() if isinstance(value, type) and issubclass(value, BaseModel)}
    assert models - set(SECTIONS.values()) == {BaseModel, schema._Section}


@pytest.mark.parametrize(("heading", "name", "field"), FIELDS, ids=[f"{each[0]}-{each[1]}" for each in FIELDS])
def test_the_default_of_a_key_is_the_schemas(heading: str, name: str, field: FieldInfo) -> None:
    said = rows(heading)[name][1]
    if field.default is PydanticUndefined:
        assert said == "needed"
    elif field.default is None:
        assert said in IN_WORDS
    elif isinstance(field.default, BaseModel):
        assert said == "each its own"
    else:
        of_key: Any = field.annotation
        for each in field.metadata:
            of_key = Annotated[of_key, each]
        assert TypeAdapter(of_key).validate_python(yaml.safe_load(said.strip("`"))) == field.default


@pytest.mark.parametrize(("heading", "name", "field"), FIELDS, ids=[f"{each[0]}-{each[1]}" for each in FIELDS])
def test_the_type_of_a_key_is_the_schemas(heading: str, name: str, field: FieldInfo) -> None:
    assert re.fullmatch(expected_kind(field), rows(heading)[name][0])


def test_what_is_said_in_words_is_so(tmp_path: Path) -> None:
    assert rows("A selection")["lookback"][1] == "five minutes"
    assert rows("A selection")["start"][1] == "five minutes ago"
    assert rows("A selection")["max_lag"][1] == f"{('two', 'three')[health.LAG_INTERVALS - 3]} and a half intervals"
    assert rows("A stream")["name"][1] == "the bucket, `_` for a slash"
    central = {"url": "http://a:1", "org": "o", "token": "${SERVER_A_TOKEN}"}
    source = {**central, "url": "http://b:1", "name": "s", "streams": [{"bucket": "a/b"}]}
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"central": central, "sources": [source]}))
    (stream,) = load(file, SETTINGS).sources[0].streams
    assert (stream.lookback, stream.start, stream.name) == (5 * MINUTE, Start(ago=5 * MINUTE), "a_b")
    assert (stream.central_bucket, stream.measurements, stream.max_lag) == ("a/b", (), None)


def test_the_variables_are_those_of_the_example_with_its_values() -> None:
    table = DOCUMENT.split("\n## Variables\n")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|", table, re.MULTILINE)
    example = dict(re.findall(r"^(#?[A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    unset = {name[1:] for name in example if name.startswith("#")} - {"COMPOSE_FILE"}
    set_there = {name: f"`{value}`" if value else "empty" for name, value in example.items() if name[0] != "#"}
    assert {name: said for name, said, _ in named if said not in ("not there", "not set")} == set_there
    assert {name for name, said, _ in named if said == "not set"} == unset
    defaults = {name: default.strip("`") for name, _, default in named}
    derived = settings.derived({})
    silence = derived.pop("HEALTH_MAX_SILENCE")
    assert {name: defaults[name] for name in derived} == derived
    least = settings.silence(SECOND) // SECOND
    assert defaults["HEALTH_MAX_SILENCE"] == f"two and a half intervals, at least `{least}s"
    assert silence == f"{settings.DEFAULT_INTERVAL * 5 // 2}s"
    shipped = "".join((ROOT / file).read_text() for file in ("config/queries.yaml", "telegraf.conf"))
    without = set(re.findall(r"^[^#\n]*?\$\{([A-Z][A-Z_0-9]*)\}", shipped, re.MULTILINE)) - set(derived) - unset
    assert {name for name, default in defaults.items() if default == "needed"} == without
    assert f"a whole number from 1 to {settings.MAX_INTERVAL}" in table
