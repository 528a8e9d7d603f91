"""Which keys of queries.yaml go together, as JSON Schema: what editors know. `cross` refuses the same with reasons."""

from __future__ import annotations

from pydantic import JsonValue

from telegraf_plugin.config.cross import FILTERS

Form = dict[str, JsonValue]
_OF_V1 = ("username", "password", "password_file")
_OF_V2 = ("org", "token", "token_file")
_TLS: Form = {"tls_cert": ["tls_key"], "tls_key": ["tls_cert"]}


def _each_stream(has: str) -> Form:
    return {"streams": {"items": {"required": [has]}}}


SERVER_FORM: Form = {"oneOf": [{"required": ["token"]}, {"required": ["token_file"]}], "dependentRequired": _TLS}
WITHOUT_FILTERS: Form = {"dependentSchemas": {"flux": {"properties": dict.fromkeys(FILTERS, False)}}}
STREAM_FORM: Form = {
    "oneOf": [{"required": ["bucket"]}, {"required": ["database"]}],
    "dependentRequired": {"retention_policy": ["database"]},
}
"""A stream of a bucket, or of a database of InfluxDB 1.x."""
SOURCE_FORM: Form = {
    "oneOf": [
        {"required": ["org", "token"], "properties": _each_stream("bucket") | dict.fromkeys(_OF_V1, False)},
        {"required": ["org", "token_file"], "properties": _each_stream("bucket") | dict.fromkeys(_OF_V1, False)},
        {"properties": _each_stream("database") | dict.fromkeys(_OF_V2, False)},
    ],
    "dependentRequired": {**_TLS, "password": ["username"], "password_file": ["username"]},
    "dependentSchemas": {"username": {"oneOf": [{"required": ["password"]}, {"required": ["password_file"]}]}},
}
"""An InfluxDB 2, or an InfluxDB 1.x, with a user or without."""
