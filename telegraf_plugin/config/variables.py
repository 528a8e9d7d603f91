"""`${VAR}` and `${VAR:-default}` in the configuration's strings, by the environment that is handed in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from telegraf_plugin.config.yaml_file import shown
from telegraf_plugin.errors import Problem

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_OPENING = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRETS_FILE = "docker-compose.secrets.yaml"
_WRITTEN_OUT = {
    "token": "expected a variable, such as ${SERVER_A_TOKEN}, or use token_file: tokens are not written here",
    "password": "expected a variable, such as ${SERVER_A_PASSWORD}, or use password_file: "
    "passwords are not written here",
}
_SECRET = re.compile(r"(central|sources\[\d+\])\.(token|password)")


def substitute(value: Any, environment: Mapping[str, str], problems: list[Problem], path: str = "") -> Any:
    """Return `value` with every reference in its strings replaced; what is wrong goes to `problems` by key path.

    A reference to a variable that is unset, empty, or itself still a reference (Telegraf and Compose leave the
    literal text where a variable is unset) is a problem unless it gives a default. A token that is written out is
    one too; its text is repeated nowhere. What is wrong is None in what is returned. `$${` means `${`.
    """
    if isinstance(value, dict):
        return {
            key: substitute(item, environment, problems, f"{path}.{shown(key)}" if path else shown(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [substitute(item, environment, problems, f"{path}[{n}]") for n, item in enumerate(value)]
    if _SECRET.fullmatch(path) and not _by_reference(value):
        problems.append(Problem(path, _WRITTEN_OUT[path.rpartition(".")[2]]))
        return None
    if not isinstance(value, str):
        return value

    wrong: list[Problem] = []

    def replaced(match: re.Match[str]) -> str:
        if match.group() == "$${":
            return "${"
        if not match.group(2) or "${" in match.group(1):
            wrong.append(Problem(path, "expected ${VARIABLE} or ${VARIABLE:-default}; a ${ that is meant so is $${"))
            return ""
        return _look_up(match.group(1), environment, wrong, path)

    text = _OPENING.sub(replaced, value)
    problems += wrong
    return None if wrong else text


def _by_reference(value: Any) -> bool:
    """Whether a secret is one reference without a default of its own."""
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return match is not None and ":-" not in match.group(1)


def _look_up(reference: str, environment: Mapping[str, str], problems: list[Problem], path: str) -> str:
    match = _NAME.fullmatch(reference)
    if match is None:
        problems.append(Problem(path, "expected ${VARIABLE} or ${VARIABLE:-default}"))
        return ""
    name, default = match.groups()
    found = environment.get(name, "")
    # Telegraf's reference to a file's token is for its outputs alone.
    if _REFERENCE.fullmatch(found) or (_SECRET.fullmatch(path) and found.startswith("@{")):
        found = ""
    if found or default is not None:
        return found or str(default)
    state = "is empty" if environment.get(name) == "" else "is not set"  # or says nothing but a reference
    text = f"the environment variable {name} {state}; set it in .env"
    if _SECRET.fullmatch(path):
        text = _where_tokens_are(name, state, environment) or text
    problems.append(Problem(path, text, unset=True))
    return ""


def _where_tokens_are(name: str, state: str, environment: Mapping[str, str]) -> str:
    """Say which file is asked for where tokens are files, since one in .env would be refused at the next start.

    Empty where they are not.
    """
    if _SECRETS_FILE in environment.get("COMPOSE_FILE", ""):
        text = f"the token is a file, {token_file(name)}, by COMPOSE_FILE, and {name} {state}, as it should be:"
        text += " have the container do this, or name the folder of the files: COLLECTOR_SECRETS=secrets, as a user who"
        return f"{text} may read them"
    return ""


def token_file(name: str) -> str:
    """Return what the file with the token is called that the variable `name` would hold: SERVER_A_TOKEN's, and so on.

    It is a plain name, without any folder, since a variable's name is.
    """
    return name.removeprefix("INFLUXDB_").lower()


def tokens_as_files(raw: Any, environment: Mapping[str, str]) -> Any:
    """Return `raw`, a file before `substitute`, with `token_file` for each `token` whose variable holds none.

    So are passwords.

    Only where COLLECTOR_SECRETS names the folder of the files: so one queries.yaml serves both ways to hold tokens.
    """
    folder = environment.get("COLLECTOR_SECRETS")
    if not folder or not isinstance(raw, dict):
        return raw
    sources = raw.get("sources")
    found = {**raw, "central": _from_file(raw.get("central"), folder, environment)}
    if isinstance(sources, list):
        found["sources"] = [_from_file(source, folder, environment) for source in sources]
    return found if "central" in raw else raw | {key: found[key] for key in found if key != "central"}


def _from_file(server: Any, folder: str, environment: Mapping[str, str]) -> Any:
    for key in ("token", "password"):
        server = _key_from_file(server, key, folder, environment)
    return server


def _key_from_file(server: Any, key: str, folder: str, environment: Mapping[str, str]) -> Any:
    if not isinstance(server, dict) or not _by_reference(server.get(key)) or f"{key}_file" in server:
        return server
    name = server[key][2:-1]
    held = environment.get(name, "")
    if _NAME.fullmatch(name) is None or (held and not held.startswith("@{") and _REFERENCE.fullmatch(held) is None):
        return server
    # A ${ in the folder's name is part of it: `substitute` comes after.
    path = f"{folder}/{token_file(name)}".replace("${", "$${")
    return {each: value for each, value in server.items() if each != key} | {f"{key}_file": path}
