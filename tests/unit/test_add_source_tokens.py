"""Where the token of a source that is added goes, in each way to hold tokens, and that none is shown."""

from __future__ import annotations

import io

import pytest

from telegraf_plugin.config.settings import settings
from tests.unit.site_bench import POD_31, Clone, clone
from tests.unit.test_lint import SECRET

__all__ = ["clone"]

TOKEN = "a-token-of-the-new-site"


def test_the_token_is_asked_for_where_it_is_not_given(clone: Clone) -> None:
    done = clone.run("add-source", *POD_31, "--bucket", "cooling", "--write")
    assert "POD-31's into .env (SERVER_C_TOKEN=), central's into .env (INFLUXDB_CENTRAL_TOKEN=)" in done
    status, _, err = clone.ended(["check"])
    assert status == 2
    assert "sources[2].token: the environment variable SERVER_C_TOKEN is empty; set it in .env" in err


def test_a_token_from_standard_input_is_shown_nowhere(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))
    done = clone.run("add-source", *POD_31, "--bucket", "cooling", "--write", "--token", "-")
    assert TOKEN not in done
    assert "+SERVER_C_TOKEN=[token]\n" in done
    assert settings({}).environment["SERVER_C_TOKEN"] == TOKEN
    assert "a token that reads its bucket" not in done
    assert "Put the token where it belongs: central's" in done


def test_a_token_that_is_written_out_in_telegraf_conf_is_taken_over_and_not_shown(clone: Clone) -> None:
    clone.edit("telegraf.conf", '  token = "${INFLUXDB_CENTRAL_TOKEN}"', f'  token = "{SECRET}"')
    clone.edit(".env", "SERVER_B_BUCKET_2=power_monitoring\n", "SERVER_B_BUCKET_2=power_monitoring\nPIN=4711-of-mine\n")
    done = clone.run(
        "add-source", *POD_31, "--bucket", "cooling", "--write"
    )  # which looks for SECRET in all that is said
    assert '+  token = "[token]"\n' in done
    assert "4711-of-mine" not in done
    assert clone.conf().outputs_named("influxdb_v2")[3].text("token") == SECRET


def test_where_tokens_are_files_it_gets_one(clone: Clone) -> None:
    secrets = clone.folder / "secrets"
    secrets.mkdir()
    for name in ("central_token", "server_a_token", "server_b_token"):
        (secrets / name).write_text(SECRET)
    clone.edit(".env", f"_TOKEN={SECRET}", "_TOKEN=")
    (clone.folder / ".env").open("a").write("COLLECTOR_SECRETS=secrets\n")
    given = clone.folder / "given"
    given.write_text(TOKEN)
    done = clone.run("add-source", *POD_31, "--bucket", "cooling")
    assert f"POD-31's into the file {secrets}/server_c_token" in done
    assert f'printf %s "$token" >{secrets}/server_c_token' in done
    assert f"LoadCredential=server_c_token:{secrets}/server_c_token\n" in done
    (secrets / "server_c_token").write_text("another")
    told = clone.refused("add-source", *POD_31, "--bucket", "cooling", "--write", "--token", str(given))
    assert f"{secrets}/server_c_token is there already, perhaps another site's: give another beginning" in told
    clone.run("add-source", *POD_31, "--bucket", "cooling")  # it may have been put there before
    (secrets / "server_c_token").unlink()
    clone.run("add-source", *POD_31, "--bucket", "cooling", "--write", "--token", str(given))
    assert (secrets / "server_c_token").read_text() == TOKEN
    assert (secrets / "server_c_token").stat().st_mode & 0o777 == 0o400
    assert "SERVER_C_TOKEN" not in (clone.folder / ".env").read_text()
    assert clone.clean()
    gone = clone.run("remove-source", "POD-31", "--write")
    assert f"influx auth delete), and {secrets}/server_c_token" in gone
    assert clone.clean()


def test_where_they_are_composes_its_file_is_entered_there_too(clone: Clone) -> None:
    clone.edit(".env", f"_TOKEN={SECRET}", "_TOKEN=")
    clone.edit(".env", "#COMPOSE_FILE", "COMPOSE_FILE")
    before = clone.texts()
    done = clone.run("add-source", *POD_31, "--bucket", "cooling", "--write")
    text = clone.texts()["docker-compose.secrets.yaml"]
    assert "secrets: [central_token, server_a_token, server_b_token, server_c_token]\n" in text
    assert text.endswith("  server_c_token:\n    file: ./secrets/server_c_token\n")
    assert "Start the collector anew, as it reads its settings then:\n   docker compose up --detach.\n" in done
    assert "POD-31's into the file secrets/server_c_token" in done
    clone.run("remove-source", "POD-31", "--write")
    assert clone.texts() == before


def test_without_a_dotenv_its_lines_are_said(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings({}).environment.items():
        monkeypatch.setenv(name, value)
    (clone.folder / ".env").unlink()
    done = clone.run("add-source", *POD_31, "--bucket", "cooling")
    assert "Where the collector's settings are (no .env was read here):\n       # Source POD-31." in done
    assert "       SERVER_C_URL=http://192.168.199.31:8086\n" in done
    assert "POD-31's into the settings (SERVER_C_TOKEN=)" in done
    given = clone.folder / "given"
    given.write_text(TOKEN)
    told = clone.refused("add-source", *POD_31, "--bucket", "cooling", "--write", "--token", str(given))
    assert "there is no .env into which its token could be put: leave --token out" in told


def test_in_the_container_the_files_of_the_host_are_meant(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `docker compose exec` has it: no `.env`, no compose file, and the tokens at /run/secrets."""
    clone.edit(".env", f"_TOKEN={SECRET}", "_TOKEN=")
    for name, value in settings({}).environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMPOSE_FILE", "docker-compose.yaml:docker-compose.secrets.yaml")
    monkeypatch.setenv("COLLECTOR_SECRETS", "/run/secrets")
    for name in (".env", "docker-compose.secrets.yaml"):
        (clone.folder / name).unlink()
    done = clone.run("add-source", *POD_31, "--bucket", "cooling")
    assert "POD-31's into the file secrets/server_c_token" in done
    assert "Enter server_c_token in both lists of docker-compose.secrets.yaml, which is not here." in done
    assert "LoadCredential" not in done
    assert "SERVER_C_TOKEN=" not in done
