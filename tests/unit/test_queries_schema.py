"""config/queries.schema.json: up to date, and of one opinion with what reads queries.yaml, as far as it can be."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lab import queries_schema
from telegraf_plugin.config.yaml_file import read_yaml
from telegraf_plugin.errors import ConfigurationError
from tests.unit.config_bench import BASE, CASES, KEYS_OF_SOURCE, KEYS_OF_STREAM, ROOT, SELECTION

BEYOND = {
    "what a variable holds": r"the environment variable|expected \$\{VARIABLE\}",
    "what a file holds": r"the ((token|password) )?file \$\{TOKENS\}|the key in \$\{TOKENS\}|the token (is|does) ",
    "what stands elsewhere": r"is called .* already|no template is called|expected source among them|https:// url",
    "Flux": r"expected \|> range",
    "how much a text says": r"expected a date from 1700|is not there, or is no file",
}
"""What is wrong in a file and cannot be seen by its form, as the problem is told."""
SUBTLE = {
    "concurrent_queries_whole_float": "JSON Schema calls 2.0 a whole number",
    "flux_with_measurements_of_template": "the template's keys stand elsewhere",
    "max_in_flight_size_large": "how much a text says",
    "max_in_flight_size_small": "how much a text says",
    "rename_fields_two_to_one": "no expression compares values",
    "rename_of_what_is_left_out": "what stands elsewhere",
    "rename_of_what_is_not_read": "what stands elsewhere",
    "rename_to_our_own": "no expression compares values",
    "rename_to_time": "no expression compares values",
    "rename_to_what_is_read": "what stands elsewhere",
    "rename_two_to_one": "no expression compares values",
    "quiet_hours_always": "how much a text says",
    "quiet_hours_of_nothing": "how much a text says",
    "quiet_hours_zone_unknown": "no expression knows all time zones",
    "source_name_with_surrogate": "no expression says what can be printed",
    "start_no_such_date": "a date that has the form of one",
    "tag_key_is_number": "JSON has keys of text alone",
    "url_with_newline": "an end of line at its end is let pass by Python's $, though not by an editor's",
    "url_with_port_99999": "a number of five digits",
    "variable_default_of_wrong_form": "the default in a reference",
}


@cache
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(queries_schema.FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_json(value: Any) -> Any:
    """`value` as an editor has it: its keys are text."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list) else value


def faults(text: str) -> list[str]:
    """Where the schema finds fault with a file."""
    return [error.json_path for error in validator().iter_errors(as_json(yaml.safe_load(text)))]


def test_the_file_is_what_make_schema_makes() -> None:
    assert queries_schema.FILE.read_text() == queries_schema.made()


def test_every_key_is_explained() -> None:
    schema = json.loads(queries_schema.FILE.read_text())
    for section in (schema, *schema["$defs"].values()):
        for key, value in section.get("properties", {}).items():
            assert len(value["description"]) > 10, key


def readable(case: Path) -> Any:
    try:
        return as_json(read_yaml(case))
    except ConfigurationError:  # not even YAML
        return None


@pytest.mark.parametrize("case", [case for case in CASES if readable(case) is not None], ids=lambda case: case.stem)
def test_what_is_wrong_in_its_form_is_refused_and_nothing_else(case: Path) -> None:
    told = re.findall(r"^# expect: (.*)$", case.read_text(), re.MULTILINE)
    assert told
    seen = [problem for problem in told if not any(re.search(beyond, problem) for beyond in BEYOND.values())]
    refused = not validator().is_valid(readable(case))
    assert refused == (bool(seen) and case.name.split(".")[0] not in SUBTLE)


@pytest.mark.parametrize("name", ["queries.yaml"])
def test_what_is_shipped_passes(name: str) -> None:
    text = (ROOT / "config" / name).read_text()
    assert faults(text) == []
    assert text.startswith("# yaml-language-server: $schema=queries.schema.json\n")
    shown = re.sub(r"(?m)^( *)# (?!#)((?!token_file|flux|  from)[a-z_]+: .*)$", r"\1\2", text)  # the examples, too
    assert shown != text
    assert faults(shown) == []


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        KEYS_OF_SOURCE + "concurrent_queries: 2\n    timeouts: {connect: 1s, query: 1h30m}\n",
        KEYS_OF_STREAM + SELECTION,
        KEYS_OF_STREAM + "start: earliest",
        KEYS_OF_STREAM + 'start: "2026-11-01T06:00:00Z"',
        KEYS_OF_STREAM + "aggregate: {every: '${EVERY:-1m}', fn: '${FN}'}",
        KEYS_OF_STREAM + "flux: '${FLUX}'",
        BASE.replace("http://pod-1:8086", "https://[fe80::1]:8086/path/"),
        BASE.replace("http://pod-1:8086", "'${URL}'"),
        BASE.replace("http://pod-1:8086", "HTTP://pod-1") + "max_in_flight_size: 64 MiB\nsweep: 0.5 %\n",
        BASE.replace("POD-1", "'a name with 1 ümlaut'"),
    ],
)
def test_what_is_right_passes(text: str) -> None:
    assert faults(text) == []


def test_the_place_of_a_fault_is_told() -> None:
    text = KEYS_OF_STREAM + "lookback: 5\n        metadata_tags: [host]\n        aggregat: {}\n"
    stream = "$.sources[0].streams[0]"
    assert sorted(faults(text)) == [stream, f"{stream}.lookback", f"{stream}.metadata_tags"]
