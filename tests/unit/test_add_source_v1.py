"""`add-source` of an InfluxDB 1.x: a database, not a bucket; a user, not a token; and all can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from telegraf_plugin.config import Login
from telegraf_plugin.config.load import load
from telegraf_plugin.config.settings import settings
from tests.unit.site_bench import Clone, clone
from tests.unit.test_lint import SECRET

__all__ = ["clone"]

POD_40 = ("POD-40", "--url", "http://192.168.199.40:8086")
PASSWORD = "pass: wörd of POD-40"
CASES: dict[str, tuple[tuple[str, ...], list[tuple[str, str]]]] = {
    "a database that is called as a bucket": (
        ("--database", "telegraf", "--template", "system_metrics"),
        [("telegraf/autogen", "telegraf")],
    ),
    "a policy": (("--database", "cooling", "--retention-policy", "week"), [("cooling/week", "cooling")]),
    "a policy for each": (
        ("--database", "a", "--retention-policy", "x", "--database", "b", "--retention-policy", "y"),
        [("a/x", "a"), ("b/y", "b")],
    ),
    "to one that is new": (
        ("--database", "a", "--database", "b", "--central-bucket", "climate"),
        [("a/autogen", "climate"), ("b/autogen", "climate")],
    ),
    "as InfluxDB 2 would call it": (
        ("--database", "a", "--central-bucket", "a/autogen"),
        [("a/autogen", "a/autogen")],
    ),
    "odd names": (
        ("--database", "we*ird [1] $x ${HOME} 'q'", "--retention-policy", "$one"),
        [("we*ird [1] $x ${HOME} 'q'/$one", "we*ird [1] $x ${HOME} 'q'")],
    ),
}


@pytest.mark.parametrize("user", [True, False], ids=["user", "nobody"])
@pytest.mark.parametrize("case", CASES)
def test_check_has_nothing_to_say_then_and_all_can_be_taken_back(case: str, user: bool, clone: Clone) -> None:
    words, streams = CASES[case]
    before = clone.texts()
    (clone.folder / "given").write_text(f"{PASSWORD}\n")
    done = clone.run(
        *("add-source", *POD_40, *words, "--write"),
        *(("--username", "reader", "--password", "given") if user else ()),
    )
    assert PASSWORD not in done
    assert ("+SERVER_C_PASSWORD=[token]" in done) is user
    assert ("Put the password" in done) is False
    assert clone.clean()
    config = load(Path("config/queries.yaml"), settings({}).environment, tokens=True)
    source = config.sources[-1]
    assert source.server.v1
    assert isinstance(source.server.credential, Login)
    assert source.server.credential.read() == (f"reader:{PASSWORD}" if user else "")
    assert [(stream.bucket, stream.central_bucket) for stream in source.streams] == streams
    gone = clone.run("remove-source", "POD-40", "--write")
    assert "Drop its user at http://192.168.199.40:8086 (DROP USER)" in gone
    assert clone.texts() == before


def test_what_is_left_to_do_is_said_with_its_users_commands(clone: Clone) -> None:
    new = clone.run("add-source", *POD_40, "--database", "cooling", "--username", "reader")
    assert "At POD-40, a user who reads its database:\n" in new
    assert 'q=CREATE USER "reader" WITH PASSWORD' in new
    assert 'GRANT READ ON "cooling" TO "reader"' in new
    assert "influx bucket create --name=cooling --retention=0\n" in new
    assert "Put the password and the token where they belong: POD-40's into .env (SERVER_C_PASSWORD=), central's" in new
    known = clone.run("add-source", *POD_40, "--database", "telegraf", "--username", "reader")
    assert "Put the password where it belongs: POD-40's into .env (SERVER_C_PASSWORD=)." in known
    nobody = clone.run("add-source", *POD_40, "--database", "telegraf")
    assert "the server has to run without auth-enabled" in nobody
    assert "where it belongs" not in nobody


def test_where_secrets_are_composes_files_its_password_is_one(clone: Clone) -> None:
    clone.edit(".env", f"_TOKEN={SECRET}", "_TOKEN=")
    clone.edit(".env", "#COMPOSE_FILE", "COMPOSE_FILE")
    before = clone.texts()
    (clone.folder / "given").write_text(PASSWORD)
    words = ("--database", "telegraf", "--username", "reader", "--password", "given", "--write")
    clone.run("add-source", *POD_40, *words)
    assert "server_c_password:\n" in clone.texts()["docker-compose.secrets.yaml"]
    file = clone.folder / "secrets" / "server_c_password"
    assert file.read_text() == PASSWORD
    assert "SERVER_C_PASSWORD" not in clone.texts()[".env"]
    assert f"(DROP USER), and {file.relative_to(clone.folder)}." in clone.run("remove-source", "POD-40", "--write")
    assert clone.texts() == before


def test_without_a_user_there_is_no_file_of_a_password(clone: Clone) -> None:
    clone.edit(".env", f"_TOKEN={SECRET}", "_TOKEN=")
    clone.edit(".env", "#COMPOSE_FILE", "COMPOSE_FILE")
    done = clone.run("add-source", *POD_40, "--database", "telegraf")
    assert "docker-compose.secrets.yaml" not in done
    assert "systemctl edit" not in done


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--database", "a", "--org", "o"), "--org: an InfluxDB 1.x, which --database tells, has no organisations"),
        (("--database", "a", "--bucket", "b"), "argument --bucket: not allowed with argument --database"),
        ((), "one of the arguments --bucket --database is required"),
        (("--databse", "a"), "--databse is not known, did you mean --database?"),
        (("--bucket", "b"), "--org is needed with --bucket: the organisation of an InfluxDB 2"),
        (("--bucket", "b", "--org", "o", "--username", "u"), "are for an InfluxDB 1.x: say --database, not --bucket"),
        (("--bucket", "b", "--org", "o", "--retention-policy", "p"), "are for an InfluxDB 1.x: say --database"),
        (("--database", "a/b"), "--database: 'a/b': expected a name without a slash"),
        (("--database", "a", "--username", "a:b"), "--username: 'a:b': expected a name without a colon"),
        (("--database", "a", "--password", "given"), "--password: whose? say --username"),
        (("--database", "a", "--database", "a"), "the bucket a/autogen is named twice"),
        (
            ("--database", "a", "--retention-policy", "x", "--retention-policy", "y"),
            "--retention-policy is said 2 times",
        ),
        (("--database", "a", "--username", "u", "--password", "nowhere"), "the password file nowhere"),
    ],
)
def test_what_cannot_be_added_is_refused_with_what_to_say(words: tuple[str, ...], told: str, clone: Clone) -> None:
    assert told in " ".join(clone.refused("add-source", *POD_40, *words).split())
