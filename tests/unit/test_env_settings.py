"""The settings: which `.env` is read, what wins, what is derived, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from telegraf_plugin.cli import main
from telegraf_plugin.config.settings import LEVELS, MAX_BYTES, derived, problems, settings, silence
from telegraf_plugin.errors import ConfigurationError
from telegraf_plugin.stream.units import SECOND
from telegraf_plugin.telegraf import logs
from tests.unit.test_lint import FILES, ROOT, SETTINGS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the shipped files and a `.env`; no variable of it is in the environment."""
    (tmp_path / "config").mkdir()
    for name in FILES:
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))
    for name in (*SETTINGS, "COLLECTOR_ENV_FILE", "COLLECTOR_QUERIES", "COLLECTOR_SECRETS", "HEALTH_MAX_SILENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_beside_the_configuration_is_read(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    queries = tmp_path / "config" / "queries.yaml"
    assert settings({}, queries=queries).sought == (tmp_path / "config" / ".env", tmp_path / ".env")
    (tmp_path / ".env").write_text("A=outer\n")
    assert settings({}, queries=queries).environment == {"A": "outer"}
    assert settings({"COLLECTOR_QUERIES": str(queries)}).environment["A"] == "outer"
    (tmp_path / "config" / ".env").write_text("A=inner\n")
    assert settings({}, queries=queries).environment == {"A": "inner"}
    assert settings({}, queries=tmp_path / "elsewhere" / "queries.yaml").environment == {}


def test_a_named_file_comes_first_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=beside\n")
    (tmp_path / "named").write_text("A=named\n")
    queries = tmp_path / "queries.yaml"
    named = {"COLLECTOR_ENV_FILE": str(tmp_path / "named")}
    assert settings(named, queries=queries).environment["A"] == "named"
    assert settings(named, tmp_path / ".env", queries).environment["A"] == "beside"
    assert settings({"COLLECTOR_ENV_FILE": ""}, queries=queries).environment == {"COLLECTOR_ENV_FILE": ""}
    with pytest.raises(ConfigurationError, match="nowhere: cannot be read: No such file"):
        settings({}, tmp_path / "nowhere", queries)


def test_a_variable_that_is_set_wins_and_is_told_where_it_differs(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=file\nB=same\nC=only\n")
    found = settings({"A": "set", "B": "same", "D": "mine"}, file)
    assert found.environment == {"A": "set", "B": "same", "C": "only", "D": "mine"}
    assert found.overruled == ("A",)
    assert "only" not in repr(found)  # there may be tokens in it


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    for file in (tmp_path / "large", Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match="is larger than"):
            settings({}, file)


@pytest.mark.parametrize(("interval", "expected"), [(1, 10), (4, 10), (5, 12), (60, 150), (75, 187), (90, 225)])
def test_silence_is_two_and_a_half_intervals(interval: int, expected: int) -> None:
    assert silence(interval * SECOND) == expected * SECOND
    assert derived({"COLLECTOR_INTERVAL": str(interval)})["HEALTH_MAX_SILENCE"] == f"{expected}s"


@pytest.mark.parametrize("interval", [1, 5, 59, 60, 75, 90, 300, 3600, 86400])
def test_check_takes_what_the_start_script_derives(
    interval: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLECTOR_INTERVAL", str(interval))
    main(["check"])
    assert "max_time_between_metrics" not in capsys.readouterr().out


def test_check_asks_for_the_silence_that_would_be_derived(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLECTOR_INTERVAL", "75")
    monkeypatch.setenv("HEALTH_MAX_SILENCE", "20s")
    assert main(["check"]) == 1
    assert 'write: max_time_between_metrics = "187s"' in capsys.readouterr().out


def test_what_is_set_is_not_derived() -> None:
    made = {"COLLECTOR_SECRETS": "/s/", "COLLECTOR_QUERIES": "q", "HEALTH_MAX_SILENCE": "9s", "LOG_LEVEL": "warning"}
    found = derived(made)
    assert (found["COLLECTOR_QUERIES"], found["HEALTH_MAX_SILENCE"]) == ("q", "9s")
    assert (found["COLLECTOR_SECRETS"], found["LOG_LEVEL"]) == ("/s", "WARN")
    assert found["INFLUXDB_CENTRAL_TOKEN"] == "@{secrets:central_token}"
    assert "COLLECTOR_QUERIES" not in derived({"COLLECTOR_SECRETS": "/s"})


def test_the_log_levels_are_the_plugins() -> None:
    assert set(LEVELS) == set(logs.LEVELS)


@pytest.mark.parametrize(
    ("name", "value", "well"),
    [
        *(
            ("HEALTH_CHECK_PORT", value, False)
            for value in ("0", "65536", "99999", "80800", "5000x", "-1", "05000", " 1")
        ),
        *(("HEALTH_CHECK_PORT", value, True) for value in ("1", "5000", "65535", "")),
        *(("COLLECTOR_INTERVAL", value, False) for value in ("0", "5s", "1.5", "-5", "86401", "9" * 30, "٣")),
        *(("COLLECTOR_INTERVAL", value, True) for value in ("1", "60", "86400", "")),
        *(("LOG_LEVEL", value, False) for value in ("LOUD", "INFO ")),
        *(("LOG_LEVEL", value, True) for value in ("warning", "Warn", "DEBUG", "")),
        *(("COLLECTOR_SHARD", value, False) for value in ("0/8", "9/8", "2", "two", " 2/8")),
        *(("COLLECTOR_SHARD", value, True) for value in ("1/1", "2/8", "")),
        *(("COLLECTOR_STANDBY", value, False) for value in ("1", "true", " yes")),
        *(("COLLECTOR_STANDBY", value, True) for value in ("yes", "No", "")),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: str, well: bool) -> None:
    found = list(problems(derived({name: value})))
    assert [problem.path for problem in found] == ([] if well else [name])


def test_commands_read_dotenv_by_themselves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(os.environ)
    assert main(["check"]) == 0
    assert main(["permissions"]) == 0
    assert dict(os.environ) == before  # it ends with the command
    os.rename(".env", "other.env")  # noqa: PTH104
    for words in (["check", "--env-file", "other.env"], ["--env-file=other.env", "check"]):
        assert main(words) == 0
    assert capsys.readouterr().err == ""


def test_what_overrules_dotenv_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERVER_A_ORG", "another")
    monkeypatch.setenv("SERVER_A_URL", SETTINGS["SERVER_A_URL"])
    assert main(["permissions"]) == 0
    assert capsys.readouterr().err == "W! set in the environment, so that .env is not used for it: SERVER_A_ORG\n"


def test_no_dotenv_is_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".env").unlink()
    assert main(["status"]) == 2
    told = capsys.readouterr().err
    assert told.count("is not set; set it in .env\n") == 13
    assert told.count("no .env was read: there is none beside the configuration") == 1
    (folder / ".env").write_text("A=b\n")
    assert main(["status"]) == 2
    told = capsys.readouterr().err
    assert "no .env was read" not in told
    assert "when it is restarted" not in told  # a command reads the file anew each time


def test_what_telegraf_was_started_without_is_said_to_need_a_restart(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLECTOR_ENV_FILE", "")  # as scripts/collector leaves it for Telegraf and its plugin
    assert main([]) == 2
    told = capfd.readouterr().err
    assert told.count("is not set; set it in .env\n") == 13
    assert told.count("E! what was set in .env since the collector was started counts when it is restarted\n") == 1


@pytest.mark.parametrize(
    "words", [["check"], ["status"], ["permissions"], ["--check"], ["start"], ["start", "--once"], []]
)
def test_a_dotenv_that_cannot_be_used_ends_all_alike(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("A=b\nSERVER_A_TOKEN=swordfish$swordfish\n")
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("E! .env: line 2: SERVER_A_TOKEN: a $ would be taken for a variable; ")
    assert "swordfish" not in err


def test_help_needs_no_dotenv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".env").write_text("$\n")
    for words in (["--help"], ["status", "-h"], ["--version"], ["start", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
    assert "--env-file" in capsys.readouterr().out
